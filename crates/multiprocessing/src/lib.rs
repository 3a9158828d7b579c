//! Processes, and shared memory between them, in the manner of Python's `multiprocessing`.
//!
//! * [`Process`] calls a function in a process of its own; [`current_process`], [`parent_process`],
//!   [`active_children`] and [`cpu_count`] describe the processes.
//! * [`Pool`] keeps processes for many calls: a
//!   [`ProcessPoolExecutor`](threadbook_executor::ProcessPoolExecutor) with the methods of Python's.
//! * [`Queue`] and [`Pipe`] carry values from one process to another.
//! * [`Lock`], [`RLock`], [`Semaphore`], [`BoundedSemaphore`], [`Condition`], [`Event`] and [`Barrier`] are for
//!   threads of all processes; [`Value`] and [`Array`] are numbers that all see.
//!
//! All of these can be part of a process's argument, and of the values in a queue or a pipe.
//!
//! # Examples
//!
//! ```
//! use threadbook_multiprocessing::{Process, Queue, current_process};
//!
//! fn greet((name, greetings): (String, Queue<String>)) {
//!     let process = current_process().name;
//!     greetings.put(format!("hello {name}, from {process}")).unwrap();
//! }
//!
//! let greetings = Queue::new();
//! let process = Process::new(greet, ("bob".to_owned(), greetings.clone())).name("greeter");
//! process.start()?;
//! assert_eq!(greetings.get()?, "hello bob, from greeter");
//! assert_eq!(process.join()?, 0);
//! # Ok::<(), threadbook_executor::TaskError>(())
//! ```
//!
//! # Where this differs from Python
//!
//! * Processes are always new ones (Python's `spawn`), so there is no `if __name__ == "__main__"` to forget, and
//!   no lock is copied in the state that it happens to be in.
//! * A queue is in shared memory: no thread feeds it, its counts are exact, and a process may end as soon as
//!   `put` has returned.
//! * A lock whose holder was killed returns an error, instead of being locked for ever.
//! * A `Value` needs no lock for `update`, which is one step.
//! * No process outlives the one that started it.
//!
//! # Invariants
//!
//! * A process that is killed, at any point, leaves nothing that others hang on: see `monitor`.
//! * Nothing has a name in the file system. Shared memory is freed with the last process that has it.
//! * Each wait ends within a second of an [`interrupt`](threadbook_executor::interrupt), with
//!   [`TaskError::Interrupted`](threadbook_executor::TaskError::Interrupted). It is not part of the detection of
//!   deadlocks, which ends at the border of a process.

mod barrier;
mod condition;
mod current;
mod error;
mod event;
mod identity;
mod lock;
mod memory;
mod monitor;
mod number;
mod packet;
mod pipe;
mod pool;
mod process;
mod queue;
mod semaphore;
mod value;

pub use barrier::Barrier;
pub use condition::Condition;
pub use current::{ProcessInfo, cpu_count, current_process, parent_process};
pub use error::Error;
pub use event::Event;
pub use lock::{Lock, LockGuard, RLock};
pub use number::Number;
pub use pipe::{Connection, Pipe};
pub use pool::Pool;
pub use process::{ExitValue, Process, active_children};
pub use queue::Queue;
pub use semaphore::{BoundedSemaphore, Permit, Semaphore};
pub use value::{Array, Value};
