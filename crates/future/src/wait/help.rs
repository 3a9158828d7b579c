//! Running other tasks while a thread waits (work stealing while blocked).
//!
//! * A thread in which a serial executor has deferred tasks runs them: no other thread will.
//! * A worker of a `RayonExecutor` or `TokioExecutor` that waits for a task of its executor which has not
//!   started runs that task itself, there and then.
//!
//! Why not any task, as rayon does in its own waits? A task that runs within the wait of another one lies
//! on top of it in the stack, and the one below cannot go on before it ends. That is no harm if the one
//! below waits for just that. But if it waits for something else, and the one on top, as it may, waits
//! for the one below, both are stuck, and would not have been without the help. Here the stack only ever
//! holds tasks each of which waits for the one above it, so help adds no dependency that was not there.
//!
//! Tasks on top of each other need room; help has a limit, beyond which a worker only sleeps. And a worker whose
//! wait has a time-out only sleeps, because a task may take longer than that.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;

/// How many tasks may lie on top of each other in one worker.
const MAX_DEPTH: usize = 1000;

/// A queued task that a waiting thread may run itself.
pub trait Inline: Send + Sync {
    /// Whether the task is still in its queue.
    fn is_queued(&self) -> bool;

    /// Runs the task in the calling thread. Returns false if another thread has taken it.
    fn try_run(&self) -> bool;
}

type Deferred = Box<dyn FnOnce()>;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    static DEFERRED: RefCell<VecDeque<Deferred>> = const { RefCell::new(VecDeque::new()) };
}

/// The tasks that a thread runs while it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Helps {
    /// The deferred tasks of this thread.
    WithDeferred,
    /// Also queued tasks of its own executor.
    WithAny,
}

/// Defers a task: the calling thread runs it in [`run_deferred`], or when it waits.
pub fn defer(task: Deferred) {
    DEFERRED.with_borrow_mut(|deferred| deferred.push_back(task));
}

/// Runs the oldest deferred task of the calling thread. Returns false if there is none.
pub fn run_deferred() -> bool {
    let task = DEFERRED.with_borrow_mut(VecDeque::pop_front);
    task.map(|task| task()).is_some()
}

/// Runs tasks in the calling thread until the goal of its wait is reached or there are no more. `next_inline` finds a task
/// whose end brings the goal nearer. Returns whether the goal is reached.
pub(super) fn help(
    is_reached: &dyn Fn() -> bool,
    next_inline: &dyn Fn() -> Option<Arc<dyn Inline>>,
    helps: Helps,
) -> bool {
    while !is_reached() {
        let depth = DEPTH.get();
        if depth >= MAX_DEPTH {
            return false;
        }
        DEPTH.set(depth + 1);
        let run_inline = || next_inline().is_some_and(|task| task.try_run());
        let helped = run_deferred() || helps == Helps::WithAny && run_inline();
        DEPTH.set(depth);
        if !helped {
            return is_reached();
        }
    }
    true
}
