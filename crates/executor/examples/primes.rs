//! Counts primes in two processes.
//!
//! ```text
//! cargo run -p threadbook-executor --example primes
//! ```

use threadbook_executor::{ProcessPoolExecutor, TaskError};

fn is_prime(n: u64) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d))
}

fn main() -> Result<(), TaskError> {
    let pool = ProcessPoolExecutor::new(2);
    let answers: Vec<bool> = pool.map_chunked(is_prime, 0..10_000, 500).collect::<Result<_, _>>()?;
    println!("{} primes below 10000", answers.into_iter().filter(|is_prime| *is_prime).count());
    Ok(())
}
