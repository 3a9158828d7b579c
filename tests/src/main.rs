//! `cargo verify`: runs every check of this repository.
//!
//! The checks are other programs. This program runs them in order and lets their output through. It goes on after
//! a failure, so that one run shows all failures, but it begins no step whose requirements have failed. It ends
//! with a summary, and with success only if every check passed.
//!
//! `cargo verify` is the gate. `cargo verify --all` adds the rare, the repeated and the slow tests. Two more commands write a
//! file and check nothing: `--refresh-advisories` and `--notices`.

mod checks;
mod command;
#[cfg(test)]
mod layers;
mod needs;
mod prose;
mod report;
mod schedule;
mod supply;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use command::Runner;

/// The result of a check, with the reason of a failure.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    // SAFETY: the process has just started and has one thread.
    unsafe { threadbook_cargo_env::forget() };
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    type Command = fn(&Checkout) -> Outcome;
    let (all, command): (bool, Option<Command>) =
        match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => (false, None),
            ["--all"] => (true, None),
            ["--refresh-advisories"] => (false, Some(supply::refresh)),
            ["--notices"] => (false, Some(supply::write_notices)),
            _ => {
                eprintln!(
                    "cargo verify takes one of --all, --refresh-advisories and --notices, and got: {}",
                    arguments.join(" ")
                );
                return ExitCode::from(2);
            }
        };
    let budget = match command::budget() {
        Ok(budget) => budget,
        Err(reason) => {
            eprintln!("{reason}");
            return ExitCode::from(2);
        }
    };
    let checkout = Checkout { root: root(), all, runner: Runner::new(root(), budget) };
    if let Some(command) = command {
        return match command(&checkout) {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => {
                eprintln!("{reason}");
                ExitCode::FAILURE
            }
        };
    }
    report::clear(&checkout);
    let done = schedule::run(&checks::steps(all), &checkout);
    let summary = report::summary(&checkout, &done);
    println!("\n{summary}");
    if let Err(error) = report::write(&checkout, &done) {
        eprintln!("the report could not be written: {error}");
    }
    if done.iter().all(|step| step.outcome.is_ok()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The repository under test.
struct Checkout {
    root: PathBuf,
    /// Whether the rare, the repeated and the slow tests run as well.
    all: bool,
    runner: Runner,
}

impl Checkout {
    /// The Python of the private environment.
    fn python(&self) -> PathBuf {
        self.root.join(".venv/bin/python")
    }

    /// The directory of the reports.
    fn reports(&self) -> PathBuf {
        self.root.join("target/verify")
    }
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}
