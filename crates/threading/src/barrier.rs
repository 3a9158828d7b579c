//! A place where threads wait for each other.

use std::fmt;
use std::time::Duration;

use super::monitor::Monitor;
use crate::error::TaskError;

/// A place where a number of threads wait until all of them are there.
///
/// It can be used again and again. If one of them gives up (a time-out, an interrupt, or
/// [`Barrier::abort`]), the barrier is broken and the others do not wait in vain.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use threadbook_executor::threading::{Barrier, Thread};
///
/// let start = Arc::new(Barrier::new(2));
/// let other = start.clone();
/// let thread = Thread::spawn(move || other.wait().unwrap());
/// let mut places = [start.wait().unwrap(), thread.join().unwrap()];
/// places.sort();
/// assert_eq!(places, [0, 1]);
/// ```
pub struct Barrier {
    state: Monitor<State>,
    parties: usize,
}

struct State {
    arrived: usize,
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
    /// If `parties` is 0.
    pub fn new(parties: usize) -> Barrier {
        assert!(parties > 0, "a barrier needs at least 1 party");
        let state = State { arrived: 0, round: 0, life: 0, broken: false };
        Barrier { state: Monitor::new("a barrier", state), parties }
    }

    /// Waits until all threads are there. Each gets a different number: 0 for the first that came.
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
        let (place, round, life) = self.state.update(|state| {
            let place = state.arrived;
            let (round, life) = (state.round, state.life);
            if !state.broken {
                state.arrived += 1;
                if state.arrived == self.parties {
                    state.arrived = 0;
                    state.round += 1;
                }
            }
            (place, round, life)
        });
        let passed = self.state.wait(timeout, |state| {
            if state.life != life {
                Some(false)
            } else if state.round != round {
                Some(true)
            } else {
                state.broken.then_some(false)
            }
        });
        match passed {
            Ok(true) => Ok(place),
            Ok(false) => Err(broken()),
            Err(error) => {
                self.abort();
                Err(error)
            }
        }
    }

    /// Breaks the barrier: all who wait, and all who come later, get an error.
    pub fn abort(&self) {
        self.state.update(|state| {
            state.broken = true;
            state.arrived = 0;
        });
    }

    /// Makes the barrier new. Those who wait get an error.
    pub fn reset(&self) {
        self.state.update(|state| {
            let life = state.life + 1;
            *state = State { arrived: 0, round: 0, life, broken: false };
        });
    }

    /// How many threads it is for.
    pub fn parties(&self) -> usize {
        self.parties
    }

    /// How many threads wait now.
    pub fn n_waiting(&self) -> usize {
        self.state.read(|state| state.arrived)
    }

    /// Whether the barrier is broken.
    pub fn broken(&self) -> bool {
        self.state.read(|state| state.broken)
    }
}

fn broken() -> TaskError {
    TaskError::from_error("the barrier is broken: one of its threads gave up, or it was aborted or reset")
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.broken() { ", broken" } else { "" };
        write!(f, "Barrier({} of {} waiting{state})", self.n_waiting(), self.parties)
    }
}
