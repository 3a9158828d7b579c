//! The process that cells run in.
//!
//! The kernel starts this binary again as the [`supervisor`], and gives it orders over the wire. The supervisor forks the
//! [`cell`] process, which loads and runs compiled cells, and stands between it and the kernel: it sends on the output
//! ([`printed`], [`content_blocks`]), and reports the death of the cell process with its reason. After each cell, the cell
//! process leaves a [`checkpoint`], from which the supervisor has it go on if it dies. The checkpoint lets go of the
//! descriptors whose end others can see, and the process takes back the [`pages`] that the two share, so that timings do
//! not show it.
//!
//! The supervisor never runs user code, never starts a thread (so that it may fork), and never waits for
//! the cell process without also listening to the kernel.

mod cell;
mod checkpoint;
mod content_blocks;
#[cfg(target_os = "linux")]
mod descriptors;
mod inbox;
mod mappings;
mod pages;
mod printed;
pub mod processes;
mod spare;
#[cfg(target_os = "linux")]
mod statics;
mod supervisor;
#[cfg(target_os = "linux")]
mod unix_peer;

#[cfg(test)]
pub use content_blocks::ContentBlocks;

/// The variable in which the dynamic loader of this system finds directories. It reads it when a process
/// starts, so the cell process can remove it again before user code starts others.
pub const LIBRARY_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

/// The variable that names the companion's library. It is there once a session is ready, also when no cell
/// has used the companion yet.
pub const COMPANION: &str = "THREADBOOK_COMPANION";

/// The variable that makes a process of this binary a supervisor.
pub const IS_SUPERVISOR: &str = "THREADBOOK_SUPERVISOR";

/// Becomes the supervisor, and does not return, if the kernel has started this process as one.
pub fn hook() {
    if std::env::var_os(IS_SUPERVISOR).is_some() {
        supervisor::main();
    }
}
