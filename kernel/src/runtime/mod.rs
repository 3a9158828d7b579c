//! The process that cells run in.
//!
//! The engine starts this binary again with `EVCXR_IS_RUNTIME` set and talks to it over its standard
//! streams: `LOAD_AND_RUN <shared object> <symbol>` comes in, `EVCXR_EXECUTION_COMPLETE` goes out. That
//! process is the [`supervisor`]: it forks the [`cell`] process, which loads and runs what the engine has
//! compiled, and stands between it and the kernel: what user code prints is parted from what the engine
//! must hear ([`notices`]) and sent on ([`printed`]), and the death of the cell process is told with its reason. After each cell, the
//! cell process leaves a [`checkpoint`], from which the supervisor has it go on if it dies, and takes back the
//! [`pages`] that the two share, so that timings do not show it.
//!
//! The supervisor never runs user code, never starts a thread (so that it may fork), and never waits for
//! the cell process without also listening to the kernel.

mod cell;
mod checkpoint;
mod inbox;
mod notices;
mod pages;
mod printed;
pub mod processes;
mod supervisor;

#[cfg(test)]
pub use notices::Notices;

/// The variable in which the dynamic loader of this system finds directories. It reads it when a process
/// starts, so the cell process can remove it again before user code starts others.
pub const LIBRARY_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

/// The variable that names the companion's library. It is there once a session is ready, also when no cell
/// has used the companion yet.
pub const COMPANION: &str = "THREADBOOK_COMPANION";

const IS_RUNTIME: &str = "EVCXR_IS_RUNTIME";
const IS_RUSTC_WRAPPER: &str = "EVCXR_RUSTC_WRAPPER";

/// Takes over, and does not return, if this process was started by the engine.
pub fn hook() {
    if std::env::var_os(IS_RUNTIME).is_some() {
        supervisor::main();
    }
    if std::env::var_os(IS_RUSTC_WRAPPER).is_some() {
        // With `:cache`, the engine also puts this binary before rustc.
        evcxr::runtime_hook();
    }
}
