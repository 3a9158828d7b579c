//! Which of these numbers are prime? An iterator that rayon shares among the processors.

use std::hint::black_box;

use rayon::prelude::*;

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
    let answers: Vec<bool> = NUMBERS.into_par_iter().map(|n| is_prime(n, rounds)).collect();
    for (n, answer) in NUMBERS.into_iter().zip(answers) {
        println!("{n} is prime: {answer}");
    }
}
