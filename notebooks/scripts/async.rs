//! Which of these numbers are prime? Tasks of tokio. They compute, so they belong on its blocking threads.

use tokio::runtime::Runtime;
use tokio::task::spawn_blocking;

const NUMBERS: [u64; 6] =
    [112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419];

fn is_prime(n: u64) -> bool {
    !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|divisor| !n.is_multiple_of(divisor))
}

async fn check_all() {
    let tasks = NUMBERS.map(|n| spawn_blocking(move || is_prime(n)));
    for (n, task) in NUMBERS.into_iter().zip(tasks) {
        println!("{n} is prime: {}", task.await.expect("is_prime does not panic"));
    }
}

fn main() -> std::io::Result<()> {
    Runtime::new()?.block_on(check_all());
    Ok(())
}
