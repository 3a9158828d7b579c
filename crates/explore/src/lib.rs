//! Runs a closure under schedule after schedule: every order in which its threads can take their steps.
//!
//! [`explore`] runs the closure again and again on one thread of the operating system. Its threads are coroutines, and
//! at each operation of theirs on a lock, an atomic, a channel or another thread a scheduler decides which of them goes
//! on. A failure is a panic, a failed assertion, a deadlock, or a run that does not end. The schedule of a failure has
//! the fewest switches that were found to lead to it, and [`replay`] runs it again.
//!
//! Code is written as usual. `use threadbook_explore::std;` at the top of a module has `std::sync`, `std::thread` and
//! `std::hint` mean the [explored forms](mod@std) there.
//!
//! # Examples
//!
//! ```
//! use threadbook_explore::{explore, std};
//! use std::sync::Arc;
//! use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
//!
//! let exploration = explore(|| {
//!     let visits = Arc::new(AtomicU32::new(0));
//!     let other = visits.clone();
//!     let thread = std::thread::spawn(move || other.store(other.load(SeqCst) + 1, SeqCst));
//!     visits.store(visits.load(SeqCst) + 1, SeqCst);
//!     thread.join().unwrap();
//!     assert_eq!(visits.load(SeqCst), 2);
//! });
//! let failure = exploration.failure().expect("an update is lost");
//! assert!(failure.message().contains("left: 1"));
//! ```
//!
//! # Which schedules
//!
//! The search is depth-first with a growing bound on preemptive switches, those away from a thread that could go on.
//! If this does not end, it goes on without a bound, where of the orders that differ only in steps that do not concern
//! each other one is run (sleep sets). If that takes too long, the rest of the time goes to probabilistic concurrency
//! testing (Burckhardt and others, ASPLOS 2010).
//!
//! # Limits
//!
//! All atomic operations are sequentially consistent. The report names each weaker ordering. Condition variables have
//! no spurious wake-ups, and weak compare-and-exchange operations no spurious failures. Sleeping takes no time. The
//! counts of an `Arc`, and what threads share in another way than by the explored forms, are no operations: of schedules
//! that differ in their order only, some may be left out.

mod exploration;
mod explored;
mod explorer;
mod run;
mod schedule;
mod search;
mod source;
mod watchdog;

pub use exploration::{Exploration, Failure, FailureKind, ObjectState, Play, Step};
pub use explored::std;
#[doc(hidden)]
pub use explored::{Static, whole_std};
pub use explorer::{Explorer, explore, replay};
#[doc(hidden)]
pub use run::is_silent;
#[doc(hidden)]
pub use source::{Line, PlaceName};
