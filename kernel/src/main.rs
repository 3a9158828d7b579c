//! The `threadbook` binary: a Jupyter kernel for Rust concurrency notebooks, and the commands around it.

mod commands;
mod prepared;
mod protocol;
mod runtime;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The engine starts this same binary again, as the process that cells run in and as a wrapper
    // around rustc; both are told by environment variables and neither returns.
    runtime::hook();
    commands::main()
}
