//! One run of the closure under one schedule.
//!
//! A thread is always at its next operation, which it has announced and not carried out. The scheduler chooses a
//! thread whose operation can be carried out now; that thread carries it out, and goes on to its next operation. Its
//! actions on the way, also unlocking and starting threads, happen in the same step: no other thread sees a difference.
//!
//! *Invariant:* at most one run is going on in a thread of the operating system, and everything that a run consists of
//! stays in that thread.

mod coroutine;
mod deadlock;
mod driver;
mod handle;
mod hook;
mod object;
mod operation;
mod panics;
mod scheduling;
mod state;
mod waits;

pub(crate) use coroutine::Stacks;
pub(crate) use driver::{change, run, start, step};
pub(crate) use handle::Handle;
pub(crate) use hook::watch_panics;
pub(crate) use object::{Kind, Object, ObjectId, TaskId};
pub(crate) use operation::{Operation, Wait};
pub use state::is_silent;
pub(crate) use state::{Ended, RawStep, Run, Settings, in_run, is_running, with_run};
pub(crate) use waits::{Goal, Waiting};
