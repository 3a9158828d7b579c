//! A place where processes wait for each other.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use threadbook_executor::TaskError;

use crate::monitor::Monitor;

/// A place where a number of threads, of one or several processes, wait until all of them are there.
///
/// It can be used again and again. If one of them gives up (a time-out, an interrupt, or
/// [`Barrier::abort`]), the barrier is broken and the others do not wait in vain. A clone is the same barrier;
/// so is what another process gets.
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
    state: Monitor<State>,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct State {
    parties: u64,
    arrived: u64,
    /// Counts how often all were there.
    round: u64,
    /// Counts how often it was reset; who came before a reset does not belong to what comes after.
    life: u64,
    broken: bool,
}

impl Barrier {
    /// A barrier for `parties` threads.
    ///
    /// # Panics
    ///
    /// If `parties` is 0, or if the system gives no shared memory, most likely because the process has as many
    /// open files as it may have: each barrier is one.
    pub fn new(parties: usize) -> Barrier {
        assert!(parties > 0, "a barrier needs at least 1 party");
        let parties = parties as u64;
        Barrier { state: Monitor::new(State { parties, arrived: 0, round: 0, life: 0, broken: false }) }
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
        let before = self.state.update(|state| {
            let before = *state;
            if !state.broken {
                state.arrived += 1;
                if state.arrived == state.parties {
                    state.arrived = 0;
                    state.round += 1;
                }
            }
            before
        });
        let passed = self.state.take(timeout, |state| {
            if state.life != before.life {
                Some(false)
            } else if state.round != before.round {
                Some(true)
            } else {
                state.broken.then_some(false)
            }
        });
        match passed {
            Ok(true) => Ok(before.arrived as usize),
            Ok(false) => Err(TaskError::from_error(
                "the barrier is broken: one of its parties gave up, or it was aborted or reset",
            )),
            Err(error) => {
                // The others may have come just now.
                let passed = self.state.update(|state| {
                    let passed = state.life == before.life && state.round != before.round;
                    state.broken |= state.life == before.life && !passed;
                    passed
                });
                if passed { Ok(before.arrived as usize) } else { Err(error) }
            }
        }
    }

    /// Breaks the barrier: all who wait, and all who come later, get an error.
    pub fn abort(&self) {
        self.state.update(|state| state.broken = true);
    }

    /// Makes the barrier new. Those who wait get an error.
    pub fn reset(&self) {
        self.state.update(|state| {
            *state = State { arrived: 0, round: 0, life: state.life + 1, broken: false, ..*state };
        });
    }

    /// How many threads it is for.
    pub fn parties(&self) -> usize {
        self.state.state().parties as usize
    }

    /// How many wait now.
    pub fn n_waiting(&self) -> usize {
        self.state.state().arrived as usize
    }

    /// Whether it is broken.
    pub fn broken(&self) -> bool {
        self.state.state().broken
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let State { parties, arrived, broken, .. } = self.state.state();
        let broken = if broken { ", broken" } else { "" };
        write!(f, "Barrier({arrived} of {parties} there{broken})")
    }
}
