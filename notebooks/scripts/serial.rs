//! Which of these numbers are prime? One after the other.

const NUMBERS: [u64; 6] =
    [112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419];

fn is_prime(n: u64) -> bool {
    !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|divisor| !n.is_multiple_of(divisor))
}

fn main() {
    for n in NUMBERS {
        println!("{n} is prime: {}", is_prime(n));
    }
}
