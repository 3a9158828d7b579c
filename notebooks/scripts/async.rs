//! Which of these numbers are prime? Tasks of tokio. They compute, so they must not run on the threads of its event loop:
//! `spawn_blocking` has threads for a handful of such calls. For much computing, use a pool like rayon's.

use std::hint::black_box;

use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;

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

async fn check_all(rounds: u32) {
    let tasks = NUMBERS.map(|n| spawn_blocking(move || is_prime(n, rounds)));
    for (n, task) in NUMBERS.into_iter().zip(tasks) {
        println!("{n} is prime: {}", task.await.expect("is_prime does not panic"));
    }
}

fn main() -> std::io::Result<()> {
    let rounds = std::env::args().nth(1).map_or(1, |text| text.parse().expect("the argument is a number"));
    Runtime::new()?.block_on(check_all(rounds));
    Ok(())
}
