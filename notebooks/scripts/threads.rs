//! Which of these numbers are prime? A thread for each.

use std::thread;

const NUMBERS: [u64; 6] =
    [112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419];

fn is_prime(n: u64) -> bool {
    !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|divisor| !n.is_multiple_of(divisor))
}

fn main() {
    let threads = NUMBERS.map(|n| thread::spawn(move || is_prime(n)));
    for (n, thread) in NUMBERS.into_iter().zip(threads) {
        println!("{n} is prime: {}", thread.join().expect("is_prime does not panic"));
    }
}
