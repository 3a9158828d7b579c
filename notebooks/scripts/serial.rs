//! Which of these numbers are prime? One after the other.

use std::hint::black_box;

const NUMBERS: [u64; 6] =
    [112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419];

/// Answers as often as the program's argument says, once without it: a longer run is easier to measure.
fn is_prime(n: u64, rounds: u32) -> bool {
    let mut answer = false;
    for _ in 0..rounds {
        let n = black_box(n);
        answer = !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|divisor| !n.is_multiple_of(divisor));
    }
    answer
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(1, |text| text.parse().expect("the argument is a number"));
    for n in NUMBERS {
        println!("{n} is prime: {}", is_prime(n, rounds));
    }
}
