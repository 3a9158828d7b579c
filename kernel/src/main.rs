//! The `threadbook` binary: a Jupyter kernel for Rust concurrency notebooks, and the commands around it.

mod commands;
mod prepared;
mod protocol;
mod runtime;
mod session;
mod wire;

use std::process::ExitCode;

/// rust-analyzer, which works in this process, allocates a great deal.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The engine starts this same binary again, as the process that cells run in and as a wrapper
    // around rustc; both are told by environment variables and neither returns.
    runtime::hook();
    commands::main()
}
