//! Threads, locks and other synchronisation in the manner of Python's `threading`.
//!
//! Threads and locks can have names, every wait returns a `Result` and can be interrupted, and a
//! deadlock between [`Lock`]s, [`RLock`]s, threads that are joined and futures is found and reported as
//! [`TaskError::Deadlock`](threadbook_future::TaskError::Deadlock). Waits for a [`Semaphore`], [`Condition`], [`Event`],
//! [`Barrier`] or [`Queue`] are never called a deadlock, because any thread may end them.
//!
//! *Invariant:* this crate knows no executor.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use threadbook_threading::{Lock, Thread};
//!
//! let total = Arc::new(Lock::new(0));
//! let threads: Vec<_> = (1..=4)
//!     .map(|n| {
//!         let total = total.clone();
//!         Thread::spawn(move || *total.lock().unwrap() += n)
//!     })
//!     .collect();
//! for thread in &threads {
//!     thread.join().unwrap();
//! }
//! assert_eq!(*total.lock().unwrap(), 10);
//! ```

mod barrier;
mod condition;
mod event;
mod local;
mod lock;
mod monitor;
mod ownership;
mod queue;
mod rlock;
mod semaphore;
mod thread;
mod timer;

pub use barrier::Barrier;
#[doc(hidden)]
pub use barrier::Rendezvous;
pub use condition::Condition;
pub use event::Event;
pub use local::Local;
pub use lock::{Lock, LockGuard};
pub use queue::Queue;
pub use rlock::{RLock, RLockGuard};
pub use semaphore::{BoundedSemaphore, Permit, Semaphore};
pub use thread::{Thread, ThreadInfo, active_count, current_thread, enumerate, timeline};
pub use timer::Timer;
