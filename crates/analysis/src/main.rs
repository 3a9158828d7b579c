//! Completion and hover by rust-analyzer, in a process of its own.
//!
//! The process answers requests on standard input ([`protocol`]) until that ends. It also ends with the
//! thread that has spawned it (on Linux), so that thread has to live as long as the process is needed.
//!
//! 1. `server` reads the requests, loads the project in the background and keeps the deadlines.
//! 2. `workspace` is the project as cargo and rustc describe it, and `sources` are the files of its crates.
//! 3. `project` is rust-analyzer with the project in it.
//! 4. `completion` and `hover` query rust-analyzer; `word` finds the word at a position.
//!
//! Requests are served one after the other. A question that rust-analyzer cannot answer before its deadline
//! is cancelled and has an empty answer; so has a question at which it panics.

#![warn(missing_docs)]

mod completion;
mod hover;
mod project;
pub mod protocol;
mod reading;
mod server;
mod sources;
mod word;
mod workspace;

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{dup, dup2_stdout};
use std::fs::File;
use std::io::{self, BufReader};

/// The stack of every thread, rust-analyzer's own included: deep expressions are analysed by recursion, and
/// their trees freed by it. rustc's threads have the same size.
const STACK_SIZE: usize = 64 << 20;

fn main() -> anyhow::Result<()> {
    // SAFETY: this is the only thread.
    unsafe { std::env::set_var("RUST_MIN_STACK", STACK_SIZE.to_string()) };
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    // An interrupt from a terminal is for the running cell. SAFETY: no handler is installed, so no code runs
    // in one.
    unsafe { signal(Signal::SIGINT, SigHandler::SigIgn)? };
    let answers = take_stdout()?;
    server::serve(BufReader::new(io::stdin()), answers)?;
    // Returning from `main` would drop rust-analyzer's database, which takes long.
    std::process::exit(0);
}

/// Returns standard output for the answers, and sends the output of libraries to standard error from now on.
fn take_stdout() -> nix::Result<File> {
    let answers = dup(io::stdout())?;
    dup2_stdout(io::stderr())?;
    Ok(answers.into())
}
