//! Barriers between processes.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use threadbook_executor::TaskError;
use threadbook_threading::Rendezvous;

use crate::monitor::Monitor;

/// A point at which a number of threads, of one or several processes, wait until all of them have arrived.
///
/// It can be used again and again. If a thread gives up (a time-out, an interrupt, or
/// [`Barrier::abort`]), the barrier is broken and the others do not wait in vain. A clone is the same barrier;
/// so is the one that another process receives.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Barrier, Process};
///
/// let start = Barrier::new(2);
/// let process = Process::spawn(|start: Barrier| start.wait().map(drop), start.clone())?;
/// start.wait()?;
/// assert_eq!(process.join()?, 0);
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Barrier`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Barrier).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Barrier {
    state: Monitor<Rendezvous>,
}

impl Barrier {
    /// A barrier for `parties` threads.
    ///
    /// # Panics
    ///
    /// If `parties` is 0, or if the system gives no shared memory, most likely because the process has as many
    /// open files as it may have: each barrier is one.
    pub fn new(parties: usize) -> Barrier {
        Barrier { state: Monitor::new(Rendezvous::new(parties)) }
    }

    /// Waits until all are there. Each gets a different number: 0 for the first that came.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`]; [`TaskError::Failed`] if the barrier is broken.
    pub fn wait(&self) -> Result<usize, TaskError> {
        self.wait_within(None)
    }

    /// As [`Barrier::wait`], but waits no longer than `timeout`, after which the barrier is broken.
    ///
    /// # Errors
    ///
    /// Those of [`Barrier::wait`], and [`TaskError::TimedOut`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<usize, TaskError> {
        self.wait_within(Some(timeout))
    }

    fn wait_within(&self, timeout: Option<Duration>) -> Result<usize, TaskError> {
        let arrival = self.state.update(Rendezvous::arrive);
        match self.state.take(timeout, |state| state.outcome(&arrival)) {
            Ok(outcome) => outcome,
            Err(error) => self.state.update(|state| state.give_up(&arrival)).ok_or(error),
        }
    }

    /// Breaks the barrier: all present and later waits end with an error.
    pub fn abort(&self) {
        self.state.update(Rendezvous::abort);
    }

    /// Makes the barrier new. Present waits end with an error.
    pub fn reset(&self) {
        self.state.update(Rendezvous::reset);
    }

    /// How many threads it is for.
    pub fn parties(&self) -> usize {
        self.state.state().parties()
    }

    /// How many wait now.
    pub fn n_waiting(&self) -> usize {
        self.state.state().n_waiting()
    }

    /// Whether it is broken.
    pub fn broken(&self) -> bool {
        self.state.state().broken()
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.state();
        let broken = if state.broken() { ", broken" } else { "" };
        write!(f, "Barrier({} of {} there{broken})", state.n_waiting(), state.parties())
    }
}
