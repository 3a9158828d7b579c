//! Executors and futures in the manner of Python's `concurrent.futures`, and threads in the manner of its
//! `threading`.
//!
//! * [`ThreadPoolExecutor`], [`ProcessPoolExecutor`], [`SerialExecutor`], [`RayonExecutor`] and
//!   [`TokioExecutor`] run tasks; [`Executor`] is what they have in common.
//! * [`Future`] is a value that will be there later, [`Promise`] completes one by hand; [`wait`] and
//!   [`as_completed`] wait for several.
//! * [`threading`] has threads, locks and what else waits.
//! * A wait that can never end returns [`TaskError::Deadlock`] with a [`WaitGraph`] that says who waits for
//!   whom, and the pool stays usable.
//! * Every executor keeps a [`Timeline`] of what ran where and when.
//!
//! # Examples
//!
//! Two tasks that wait for each other, which hangs in Python:
//!
//! ```
//! use std::sync::mpsc;
//! use threadbook_executor::{Future, TaskError, ThreadPoolExecutor};
//!
//! let pool = ThreadPoolExecutor::new(2);
//! let (to_alice, bobs_future) = mpsc::channel::<Future<u32>>();
//! let alice = pool.submit_named("alice", move || bobs_future.recv().unwrap().result());
//! let waits_for = alice.clone();
//! let bob = pool.submit_named("bob", move || match waits_for.result() {
//!     Ok(Err(error)) | Err(error) => panic!("{error}"),
//!     Ok(Ok(number)) => number,
//! });
//! to_alice.send(bob).unwrap();
//! let Ok(Err(TaskError::Deadlock(graph))) = alice.result() else { panic!() };
//! let text = graph.to_string();
//! assert!(text.contains("runs `alice`, which waits for `bob`"));
//! assert!(text.contains("runs `bob`, which waits for `alice`"));
//! ```
//!
//! # Invariants
//!
//! * A thread of ours sleeps in one place only, `block`; so each wait can be interrupted, is traced, and
//!   is known to the detector.
//! * No lock of this crate is held while code of a user runs, except `Clone` and `Debug` of a value.
//! * Nothing here knows the notebook, the kernel or a picture.
//!
//! # Checks that take a command of their own
//!
//! ```text
//! cargo test -p threadbook-executor --lib --features models models::
//! cargo run -p threadbook-executor --example soak
//! cargo run -p threadbook-executor --example executors
//! RUSTFLAGS="-Zsanitizer=thread" cargo +nightly test -Zbuild-std -p threadbook-executor --tests \
//!     --target x86_64-unknown-linux-gnu --target-dir target/tsan -- --skip many_workers --skip copy_of_the_process
//! ```
//!
//! The last one needs nightly's `rust-src`. It skips a test of how fast a deadlock is found, because the
//! sanitizer slows everything down, and the one that forks, because under the sanitizer a copy of a process
//! with threads cannot start threads. It reports two races in the work-stealing deque that rayon uses, which
//! reads a slot speculatively and throws the value away if it was overwritten.

mod agent;
mod backlog;
mod block;
mod builder;
mod chunk;
mod crew;
mod detect;
mod error;
mod executor;
mod fork;
mod future;
mod help;
mod interrupt;
mod keeper;
mod map;
#[cfg(all(test, feature = "models"))]
mod models;
mod panics;
mod process_builder;
mod process_pool;
mod promise;
mod queue;
mod rayon_pool;
mod serial;
mod shared;
mod state;
mod sync;
mod task;
mod thread_pool;
pub mod threading;
mod tokio_pool;
mod wait_list;
mod waiting;

/// Whether tasks are traced and deadlocks looked for. Always, except in a build that measures what that
/// costs (see `examples/executors`).
pub(crate) const WATCHED: bool = !cfg!(threadbook_bare);

/// Whether the thread that calls this is a worker of an executor.
///
/// # Examples
///
/// ```
/// use threadbook_executor::{ThreadPoolExecutor, is_worker};
///
/// assert!(!is_worker());
/// assert_eq!(ThreadPoolExecutor::new(1).submit(is_worker).result(), Ok(true));
/// ```
#[doc(hidden)]
pub fn is_worker() -> bool {
    agent::Agent::is_worker()
}

pub use builder::{BuildError, ThreadPoolBuilder};
pub use chunk::ChunkResults;
pub use error::TaskError;
pub use executor::{Executor, Portable};
pub use future::Future;
pub use interrupt::{clear_interrupt, interrupt, is_interrupted};
pub use map::{BufferedResults, MapResults};
pub use process_builder::{ProcessPoolBuilder, StartMethod};
pub use process_pool::ProcessPoolExecutor;
pub use promise::Promise;
pub use rayon_pool::RayonExecutor;
pub use serial::SerialExecutor;
pub use thread_pool::ThreadPoolExecutor;
pub use threadbook_trace::{Bar, Outcome, Row, Timeline, WaitGraph};
pub use tokio_pool::TokioExecutor;
pub use waiting::{AsCompleted, ReturnWhen, Waited, as_completed, as_completed_timeout, try_wait, wait};
