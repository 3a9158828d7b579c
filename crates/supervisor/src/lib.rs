//! The supervisor, and the cell process that it forks.
//!
//! The kernel starts its own program again as the `supervisor`, and sends it commands over the wire. The supervisor
//! forks the `cell` process, which loads and runs compiled cells. It sends the output of the cell process to the kernel
//! (`capture`, `content_blocks`), and reports the death of the cell process with its reason. After each cell, the cell
//! process forks a `checkpoint`, which goes on in its place if it dies. The checkpoint releases the descriptors whose
//! end others can see, and the cell process copies the pages that the two share (`prefault`), so that timings do not
//! show the copy.
//!
//! *Invariant:* the supervisor never runs user code, and never starts a thread, so that it may fork. It never waits for
//! the cell process without also listening to the kernel.
//!
//! *API boundary:* [`hook`], the wire, and [`end_children`]. This crate knows no Jupyter and no engine. The cell process
//! finds three functions of the companion and one of each cell by name.

mod capture;
mod cell;
mod checkpoint;
mod content_blocks;
#[cfg(target_os = "linux")]
mod descriptors;
mod inbox;
mod kill_tree;
mod mappings;
mod prefault;
mod spare;
#[cfg(target_os = "linux")]
mod statics;
mod supervisor;
#[cfg(target_os = "linux")]
mod unix_peer;

pub use content_blocks::{ContentBlocks, Piece};
pub use kill_tree::end_children;

/// Becomes the supervisor, and does not return, if the kernel has started this process as one.
pub fn hook() {
    if std::env::var_os(threadbook_wire::SUPERVISOR_VARIABLE).is_some() {
        supervisor::main();
    }
}
