//! The one place where a thread of ours stops to wait.
//!
//! Whatever is waited for (a future, several, a lock, the end of a pool) is a [`Goal`]. Blocking on it
//! goes the same way for all:
//!
//! 1. look whether it is reached; give up if the process is interrupted;
//! 2. spin for a moment: most tasks are short, and going to sleep costs more than they do;
//! 3. do something useful, if this thread is one that helps (see `help`);
//! 4. subscribe, so that the thread is woken when something changes;
//! 5. tell the detector, unless the wait ends by itself or nobody could need this thread (see `detect`);
//! 6. sleep, and at every wake-up look for the goal, a verdict, an interrupt, the deadline.

use std::sync::Arc;
use std::time::Instant;

use threadbook_trace::{TaskLabel, Ticks, WaitSpan};

use crate::agent::{self, Agent, PoolId};
use crate::backlog::Claimable;
use crate::detect::{self, Need};
use crate::error::TaskError;
use crate::help::{self, Helps};
use crate::interrupt::is_interrupted;

/// Something that a thread can wait for.
pub(crate) trait Goal {
    /// Whether the wait is over.
    fn is_reached(&self) -> bool;

    /// Whether the thread that worked on it stayed behind in another process.
    fn is_lost(&self) -> bool {
        false
    }

    /// Arranges for `agent` to be woken whenever [`Goal::is_reached`] may have become true.
    fn subscribe(&self, agent: &Arc<Agent>);

    /// Undoes [`Goal::subscribe`].
    fn unsubscribe(&self, agent: &Arc<Agent>);

    /// Whether the thread may run other tasks until then. Not for locks: a task that runs here may want
    /// what this thread holds.
    fn allows_help(&self) -> bool {
        true
    }

    /// A task that has not started, on the way to this goal, that a worker of `pool` may run itself.
    fn claim(&self, _pool: PoolId) -> Option<Arc<Claimable>> {
        None
    }

    /// What it takes, for the detector.
    fn need(&self) -> Need;

    /// How a timeline calls it.
    fn label(&self) -> TaskLabel;
}

/// How long a wait looks before it sleeps. Each round gives the processor to whoever wants it, so that
/// on a machine with few cores the one who is waited for gets to run.
const ROUNDS: u32 = 16;

/// Waits until `goal` is reached.
pub(crate) fn block(goal: &dyn Goal, deadline: Option<Instant>) -> Result<(), TaskError> {
    crate::fork::check();
    for round in 0..ROUNDS {
        if goal.is_reached() {
            return Ok(());
        }
        if round == 0 && is_interrupted() {
            return Err(TaskError::Interrupted);
        }
        spin(round);
    }
    let agent = Agent::current();
    let span = agent::running().filter(|_| crate::WATCHED).map(|running| (running.label, Ticks::now()));
    // A task that runs here may take longer than this wait may.
    let helps = if deadline.is_some() { Helps::WithDeferred } else { Helps::WithAny };
    let result = if goal.allows_help() && help::help(goal, &agent, helps) {
        Ok(())
    } else {
        sleep_until(goal, deadline, &agent)
    };
    if let (Some((task, started)), Some(log)) = (span, agent.log()) {
        log.waited(WaitSpan { task, what: goal.label(), started, finished: Ticks::now() });
    }
    result
}

fn spin(round: u32) {
    if round < 4 {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

/// Sleeps until `goal` is reached.
fn sleep_until(goal: &dyn Goal, deadline: Option<Instant>, agent: &Arc<Agent>) -> Result<(), TaskError> {
    goal.subscribe(agent);
    let tell = crate::WATCHED && deadline.is_none() && agent.is_needed();
    if tell {
        detect::enter(agent, goal.need());
    }
    let result = loop {
        // In this order: another wait of the same deadlock may already have failed, and its task have
        // completed what this one waits for. Then the verdict was there first, and counts.
        let reached = goal.is_reached();
        if tell && let Some(graph) = agent.take_verdict() {
            break Err(TaskError::Deadlock(graph));
        }
        if reached {
            break Ok(());
        }
        if is_interrupted() {
            break Err(TaskError::Interrupted);
        }
        if goal.is_lost() {
            break Err(lost());
        }
        match deadline.map(|deadline| deadline.checked_duration_since(Instant::now())) {
            None => std::thread::park(),
            Some(Some(left)) if !left.is_zero() => std::thread::park_timeout(left),
            Some(_) => break Err(TaskError::TimedOut),
        }
    };
    if tell {
        detect::leave(agent);
    }
    goal.unsubscribe(agent);
    result
}

/// The error of a task whose thread did not come along into this process.
pub(crate) fn lost() -> TaskError {
    TaskError::BrokenPool(
        "the task ran in a thread that was lost when the process was restored; submit it again".to_owned(),
    )
}
