//! Futures in the manner of Python's `concurrent.futures`, and the waits of all crates of the companion.
//!
//! * [`Future`] is a value that will be there later, [`Promise`] completes one by hand; [`fn@wait`] and
//!   [`as_completed`] wait for several.
//! * A wait that can never end returns [`TaskError::Deadlock`] with a [`WaitGraph`] of the threads, tasks and locks in it.
//!
//! # For crates that run tasks or have locks
//!
//! * [`mod@wait`] blocks threads, wakes them, and finds deadlocks.
//! * [`producer`] is the producer's side of a future.
//! * [`panics`] turns panics of tasks into errors.
//!
//! # Invariants
//!
//! * A thread sleeps in one place only, [`wait::block`](crate::wait::block()); so each wait can be interrupted, is traced, and
//!   is known to the deadlock detector.
//! * No lock of this crate is held while code of a user runs, except `Clone` and `Debug` of a value.
//! * This crate knows no executor and no lock, but the implementors of [`Awaited`](wait::Awaited) and
//!   [`Inline`](wait::Inline).

mod as_completed;
mod error;
mod future;
#[cfg(all(test, feature = "models"))]
mod loom_tests;
#[doc(hidden)]
pub mod panics;
mod promise;
mod shared;
mod state;
#[doc(hidden)]
pub mod wait;

pub use as_completed::{AsCompleted, ReturnWhen, Waited, as_completed, as_completed_timeout, try_wait, wait};
pub use error::{TaskError, WaitError};
pub use future::Future;
pub use promise::Promise;
pub use threadbook_trace::WaitGraph;
#[doc(hidden)]
pub use wait::is_worker;

/// The producer's side of futures, for crates that run tasks.
#[doc(hidden)]
pub mod producer {
    pub use crate::future::{join, pending, shared_of, take_if_last};
    pub use crate::shared::Shared;
    pub use crate::state::{FutureState, Header};
}
