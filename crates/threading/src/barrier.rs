//! Barriers: points at which threads wait for each other.

use std::fmt;
use std::time::Duration;

use threadbook_future::TaskError;

use crate::monitor::Monitor;

/// A point at which a number of threads wait until all of them have arrived.
///
/// It can be used again and again. If a thread gives up (a time-out, an interrupt, or
/// [`Barrier::abort`]), the barrier is broken and the others do not wait in vain.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use threadbook_threading::{Barrier, Thread};
///
/// let start = Arc::new(Barrier::new(2));
/// let other = start.clone();
/// let thread = Thread::spawn(move || other.wait().unwrap());
/// let mut places = [start.wait().unwrap(), thread.join().unwrap()];
/// places.sort();
/// assert_eq!(places, [0, 1]);
/// ```
pub struct Barrier {
    state: Monitor<Rendezvous>,
}

impl Barrier {
    /// A barrier for `parties` threads.
    ///
    /// # Panics
    ///
    /// If `parties` is 0.
    pub fn new(parties: usize) -> Barrier {
        Barrier { state: Monitor::new("a barrier", Rendezvous::new(parties)) }
    }

    /// Waits until all threads have arrived. Each gets a different number: 0 for the first one.
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
        match self.state.wait(timeout, |state| state.outcome(&arrival)) {
            Ok(outcome) => outcome,
            Err(error) => self.state.update(|state| state.give_up(&arrival)).ok_or(error.into()),
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

    /// The number of threads that it is for.
    pub fn parties(&self) -> usize {
        self.state.read(Rendezvous::parties)
    }

    /// The number of threads that wait now.
    pub fn n_waiting(&self) -> usize {
        self.state.read(Rendezvous::n_waiting)
    }

    /// Whether the barrier is broken.
    pub fn broken(&self) -> bool {
        self.state.read(Rendezvous::broken)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.broken() { ", broken" } else { "" };
        write!(f, "Barrier({} of {} waiting{state})", self.n_waiting(), self.parties())
    }
}

/// The state of a barrier, also of those between processes: plain numbers, for shared memory.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Rendezvous {
    parties: u64,
    arrived: u64,
    /// Counts how often all had arrived.
    round: u64,
    /// Counts the resets: a wait from before a reset ends with it.
    life: u64,
    broken: bool,
}

/// The arrival of one party.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    number: u64,
    round: u64,
    life: u64,
}

impl Rendezvous {
    /// A state for `parties` parties.
    ///
    /// # Panics
    ///
    /// If `parties` is 0.
    pub fn new(parties: usize) -> Rendezvous {
        assert!(parties > 0, "a barrier needs at least 1 party");
        Rendezvous { parties: parties as u64, arrived: 0, round: 0, life: 0, broken: false }
    }

    /// Counts the arrival of a party, which must wait for its [`Rendezvous::outcome`].
    pub fn arrive(&mut self) -> Arrival {
        let arrival = Arrival { number: self.arrived, round: self.round, life: self.life };
        if !self.broken {
            self.arrived += 1;
            if self.arrived == self.parties {
                self.arrived = 0;
                self.round += 1;
            }
        }
        arrival
    }

    /// The end of a party's wait: its number, or an error; none if it must wait on.
    pub fn outcome(&self, arrival: &Arrival) -> Option<Result<usize, TaskError>> {
        if self.has_passed(arrival) {
            return Some(Ok(arrival.number as usize));
        }
        (self.broken || self.life != arrival.life).then(|| {
            Err(TaskError::from_error(
                "the barrier is broken: one of its parties gave up, or it was aborted or reset",
            ))
        })
    }

    /// Breaks the barrier, because a party gave up. If all others arrived meanwhile, it returns the party's number instead.
    pub fn give_up(&mut self, arrival: &Arrival) -> Option<usize> {
        if self.has_passed(arrival) {
            return Some(arrival.number as usize);
        }
        if self.life == arrival.life {
            self.abort();
        }
        None
    }

    fn has_passed(&self, arrival: &Arrival) -> bool {
        self.life == arrival.life && self.round != arrival.round
    }

    /// Breaks the barrier.
    pub fn abort(&mut self) {
        self.broken = true;
        self.arrived = 0;
    }

    /// Makes the barrier new.
    pub fn reset(&mut self) {
        *self = Rendezvous { arrived: 0, round: 0, life: self.life + 1, broken: false, ..*self };
    }

    /// The number of parties.
    pub fn parties(&self) -> usize {
        self.parties as usize
    }

    /// The number of parties that have arrived.
    pub fn n_waiting(&self) -> usize {
        self.arrived as usize
    }

    /// Whether it is broken.
    pub fn broken(&self) -> bool {
        self.broken
    }
}
