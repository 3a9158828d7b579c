//! Executors in the manner of Python's `concurrent.futures`.
//!
//! * [`ThreadPoolExecutor`], [`ProcessPoolExecutor`], [`SerialExecutor`], [`RayonExecutor`] and
//!   [`TokioExecutor`] run tasks; [`Executor`] is their common trait.
//! * Their futures are those of `threadbook-future`, whose public names are here, too.
//! * A wait that can never end returns [`TaskError::Deadlock`] with a [`WaitGraph`] of the tasks in it, and the pool stays
//!   usable.
//! * Every executor keeps a [`Timeline`] of its tasks.
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
//! * No lock of this crate is held while code of a user runs.
//! * After a fork, each executor works in the child: its locks are free (`hold` of each `ForkHandler`), its threads are started
//!   anew, and a task that was running is lost with an error that says so.
//! * This crate knows no notebook, no kernel and no picture.
//!
//! # Checks that take a command of their own
//!
//! ```text
//! cargo test -p threadbook-executor --lib --features models loom_tests::
//! cargo run -p threadbook-executor --example soak
//! cargo run -p threadbook-executor --example executors
//! RUSTFLAGS="-Zsanitizer=thread" cargo +nightly test -Zbuild-std -p threadbook-executor --tests \
//!     --target x86_64-unknown-linux-gnu --target-dir target/tsan -- --skip many_workers --skip fork::
//! ```
//!
//! The last one needs nightly's `rust-src`. It skips a test of how fast a deadlock is found, because the
//! sanitizer slows everything down, and those that fork, because under the sanitizer the child of a process
//! with threads cannot start threads. It reports two races in the work-stealing deque that rayon uses, which
//! reads a slot speculatively and drops the value if it was overwritten.

mod executor;
mod foreign;
#[cfg(all(test, feature = "models"))]
mod loom_tests;
mod map;
mod process;
mod queue;
mod rayon_pool;
mod serial;
mod task;
mod thread_pool;
mod tokio_pool;
mod workers;

pub use executor::{BuildError, Executor, Portable};
pub use map::{BufferedResults, MapResults};
pub use process::{ChunkResults, ProcessPoolBuilder, ProcessPoolExecutor, StartMethod};
pub use rayon_pool::RayonExecutor;
pub use serial::SerialExecutor;
pub use thread_pool::{ThreadPoolBuilder, ThreadPoolExecutor};
pub use threadbook_base::interrupt::{clear_interrupt, interrupt, is_interrupted};
pub use threadbook_future::{
    AsCompleted, Future, Promise, ReturnWhen, TaskError, WaitGraph, Waited, as_completed,
    as_completed_timeout, is_worker, try_wait, wait,
};
pub use threadbook_trace::{Bar, Outcome, Row, Timeline};
pub use tokio_pool::TokioExecutor;
