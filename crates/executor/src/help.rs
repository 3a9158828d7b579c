//! Threads that do something useful while they wait.
//!
//! A thread in which a serial executor has put off tasks runs them: nobody else will.

use std::sync::Arc;
use std::time::Instant;

use crate::agent::Agent;
use crate::block::Goal;
use crate::error::TaskError;
use crate::serial;

/// Waits for `goal` while doing something else. `None` if there is nothing to do and the thread has to
/// sleep.
pub(crate) fn help_until(
    goal: &dyn Goal,
    _deadline: Option<Instant>,
    _agent: &Arc<Agent>,
) -> Option<Result<(), TaskError>> {
    while serial::run_deferred() {
        if goal.is_reached() {
            return Some(Ok(()));
        }
    }
    None
}
