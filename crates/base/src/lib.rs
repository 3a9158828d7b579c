//! Process-level plumbing of the companion crates.
//!
//! * [`mutex`] has locks without poison.
//! * [`loom`] has the lock types that models replace by those of the model checker.
//! * [`interrupt`] is the process-wide interrupt flag, and the registry of the code that reacts to it.
//! * [`fork`] prepares locks and threads for forks of the process.
//! * [`location`] finds the loaded object of an address, and the cell of a source location.
//!
//! *Invariant:* this crate depends on no other crate of the workspace, and starts no thread.
//!
//! *Invariant:* the companion registers `pthread_atfork` handlers in [`fork`] only.

pub mod fork;
pub mod interrupt;
pub mod location;
pub mod loom;
pub mod mutex;

pub use mutex::{Condvar, Mutex, MutexGuard};
