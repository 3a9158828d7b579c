//! Threads that do something useful while they wait.
//!
//! * A thread in which a serial executor has put off tasks runs them: nobody else will.
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

use std::cell::Cell;

use crate::agent::Agent;
use crate::block::Goal;
use crate::serial;

/// How many tasks may lie on top of each other in one worker.
const DEEPEST: usize = 1000;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// What a thread does while it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Helps {
    /// It runs what a serial executor has put off in it, which nobody else will.
    WithDeferred,
    /// It runs tasks of its own executor, too.
    WithAny,
}

/// Does what can be done for `goal` in this thread. Returns whether it is reached.
pub(crate) fn help(goal: &dyn Goal, agent: &Agent, helps: Helps) -> bool {
    while !goal.is_reached() {
        let depth = DEPTH.get();
        if depth >= DEEPEST {
            return false;
        }
        DEPTH.set(depth + 1);
        let helped = serial::run_deferred() || helps == Helps::WithAny && run_claimed(goal, agent);
        DEPTH.set(depth);
        if !helped {
            return goal.is_reached();
        }
    }
    true
}

fn run_claimed(goal: &dyn Goal, agent: &Agent) -> bool {
    agent.pool() != 0 && goal.claim(agent.pool()).is_some_and(|claimed| claimed.run())
}
