//! The `threadbook` binary: a Jupyter kernel for Rust concurrency notebooks, and the commands around it.

mod commands;
mod dependencies;
#[cfg(test)]
mod garbage;
mod prepared;
mod protocol;
mod reading;
mod runtime;
mod session;
mod sockets;
mod toolchain;
mod wire;

use std::process::ExitCode;

/// rust-analyzer, which works in this process, allocates a great deal.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The engine starts this same binary again, in the place of cargo and its kind, as the process that
    // cells run in, and as a wrapper around rustc. None of these returns.
    toolchain::front::hook();
    runtime::hook();
    commands::main()
}
