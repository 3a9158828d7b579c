//! Blocking: the one place where a thread of these crates stops to wait.
//!
//! A future, several futures, a lock or the end of a pool is a [`Goal`]. Every wait for one has the same steps:
//!
//! 1. check the goal; return if it is reached, or if the process is interrupted;
//! 2. spin briefly: most tasks are short, and sleeping costs more than they do;
//! 3. run other tasks, if this thread is one that helps (see [`mod@help`]);
//! 4. subscribe, so that the thread is woken when something changes;
//! 5. register the wait with the deadlock detector, unless it has a time-out or no thread could need this one (see
//!    [`deadlock`]);
//! 6. sleep, and at every wake-up check the goal, a deadlock, an interrupt and the deadline.

pub mod deadlock;
mod graph;
pub mod help;
mod list;
mod table;
pub mod thread;

use std::sync::Arc;
use std::time::Instant;

use threadbook_base::fork;
use threadbook_base::interrupt::is_interrupted;
use threadbook_trace::{TaskLabel, Ticks, WaitSpan};

use self::help::Helps;
use crate::error::WaitError;

pub use self::help::Inline;
pub use self::list::WaitList;
pub use self::table::{Awaited, AwaitedNode, Need, PoolEnd, Supplier};
pub use self::thread::{PoolId, Running, ThreadData, ThreadNumber, is_worker};

/// A condition that a thread can wait for.
pub trait Goal {
    /// Whether the wait is over.
    fn is_reached(&self) -> bool;

    /// Whether the thread that worked on it is missing in this process, which was forked from another.
    fn is_lost(&self) -> bool {
        false
    }

    /// Arranges for `thread` to be woken whenever [`Goal::is_reached`] may have become true.
    fn subscribe(&self, thread: &Arc<ThreadData>);

    /// Undoes [`Goal::subscribe`].
    fn unsubscribe(&self, thread: &Arc<ThreadData>);

    /// Whether the thread may run other tasks until then. Not for locks: such a task may want a lock that this thread holds.
    fn allows_help(&self) -> bool {
        true
    }

    /// A queued task whose end brings the goal nearer, and which a worker of `pool` may run itself.
    fn next_inline(&self, _pool: PoolId) -> Option<Arc<dyn Inline>> {
        None
    }

    /// The condition, for the deadlock detector.
    fn need(&self) -> Need;

    /// The name in timelines.
    fn label(&self) -> TaskLabel;
}

/// How often a wait checks its goal before it sleeps. Each round yields the processor, so that on a machine with few cores
/// the awaited thread gets to run.
const ROUNDS: u32 = 16;

/// Waits until `goal` is reached.
///
/// # Errors
///
/// Those of [`WaitError`].
pub fn block(goal: &dyn Goal, deadline: Option<Instant>) -> Result<(), WaitError> {
    fork::catch_up();
    for round in 0..ROUNDS {
        if goal.is_reached() {
            return Ok(());
        }
        if round == 0 && is_interrupted() {
            return Err(WaitError::Interrupted);
        }
        spin(round);
    }
    let thread = ThreadData::current();
    let span = thread::running().map(|running| (running.label, Ticks::now()));
    let result = if goal.allows_help() && help(goal, &thread, deadline) {
        Ok(())
    } else {
        sleep_until(goal, deadline, &thread)
    };
    if let (Some((task, started)), Some(log)) = (span, thread.log()) {
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

/// Runs other tasks. Returns whether the goal is reached.
fn help(goal: &dyn Goal, thread: &ThreadData, deadline: Option<Instant>) -> bool {
    // A task may take longer than a wait with a deadline.
    let helps = if deadline.is_some() { Helps::WithDeferred } else { Helps::WithAny };
    let next_inline = || match thread.pool() {
        0 => None,
        pool => goal.next_inline(pool),
    };
    help::help(&|| goal.is_reached(), &next_inline, helps)
}

/// Sleeps until `goal` is reached.
fn sleep_until(
    goal: &dyn Goal,
    deadline: Option<Instant>,
    thread: &Arc<ThreadData>,
) -> Result<(), WaitError> {
    goal.subscribe(thread);
    let is_registered = deadline.is_none() && thread.is_needed();
    if is_registered {
        deadlock::enter(thread, goal.need());
    }
    let result = loop {
        // In this order: another wait of the same deadlock may have failed already, and its task have reached this goal.
        // Then the deadlock came first, and counts.
        let is_reached = goal.is_reached();
        if is_registered && let Some(graph) = thread.take_deadlock() {
            break Err(WaitError::Deadlock(graph));
        }
        if is_reached {
            break Ok(());
        }
        if is_interrupted() {
            break Err(WaitError::Interrupted);
        }
        if goal.is_lost() {
            break Err(WaitError::Lost);
        }
        match deadline.map(|deadline| deadline.checked_duration_since(Instant::now())) {
            None => std::thread::park(),
            Some(Some(left)) if !left.is_zero() => std::thread::park_timeout(left),
            Some(_) => break Err(WaitError::TimedOut),
        }
    };
    if is_registered {
        deadlock::leave(thread);
    }
    goal.unsubscribe(thread);
    result
}
