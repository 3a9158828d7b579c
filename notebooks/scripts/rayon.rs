//! Which of these numbers are prime? An iterator that rayon shares among the processors.

use rayon::prelude::*;

const NUMBERS: [u64; 6] =
    [112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419];

fn is_prime(n: u64) -> bool {
    !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|divisor| !n.is_multiple_of(divisor))
}

fn main() {
    let answers: Vec<bool> = NUMBERS.into_par_iter().map(is_prime).collect();
    for (n, answer) in NUMBERS.into_iter().zip(answers) {
        println!("{n} is prime: {answer}");
    }
}
