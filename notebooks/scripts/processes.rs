//! Which of these numbers are prime? A process for each: this program again, with the rounds and the number as its
//! arguments.

use std::hint::black_box;
use std::process::{Command, Stdio};

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

fn main() -> std::io::Result<()> {
    let rounds = std::env::args().nth(1).map_or(1, |text| text.parse().expect("the argument is a number"));
    if let Some(n) = std::env::args().nth(2) {
        println!("{}", is_prime(n.parse().expect("the argument is a number"), rounds));
        return Ok(());
    }
    let mut children = Vec::new();
    for n in NUMBERS {
        let mut again = Command::new(std::env::current_exe()?);
        children.push(again.args([rounds.to_string(), n.to_string()]).stdout(Stdio::piped()).spawn()?);
    }
    for (n, child) in NUMBERS.into_iter().zip(children) {
        let output = child.wait_with_output()?;
        println!("{n} is prime: {}", String::from_utf8_lossy(&output.stdout).trim());
    }
    Ok(())
}
