//! Which of these numbers are prime? A process for each: this program again, with the number as its argument.

use std::process::{Command, Stdio};

const NUMBERS: [u64; 6] =
    [112272535095293, 112582705942171, 112272535095293, 115280095190773, 115797848077099, 1099726899285419];

fn is_prime(n: u64) -> bool {
    !n.is_multiple_of(2) && (3..=n.isqrt()).step_by(2).all(|divisor| !n.is_multiple_of(divisor))
}

fn main() -> std::io::Result<()> {
    if let Some(n) = std::env::args().nth(1) {
        println!("{}", is_prime(n.parse().expect("the argument is a number")));
        return Ok(());
    }
    let mut children = Vec::new();
    for n in NUMBERS {
        let mut again = Command::new(std::env::current_exe()?);
        children.push(again.arg(n.to_string()).stdout(Stdio::piped()).spawn()?);
    }
    for (n, child) in NUMBERS.into_iter().zip(children) {
        let output = child.wait_with_output()?;
        println!("{n} is prime: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(())
}
