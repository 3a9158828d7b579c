//! The `threadbook` binary: a Jupyter kernel for Rust concurrency notebooks, and the commands around it.

mod commands;
mod dependencies;
#[cfg(test)]
mod fuzz;
mod protocol;
mod session;
mod sessions;
mod sockets;
mod standard_library;
mod template;
mod toolchain;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The kernel starts this same binary again as the supervisor of the process that cells run in.
    threadbook_supervisor::hook();
    commands::main()
}
