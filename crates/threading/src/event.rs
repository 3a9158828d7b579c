//! Events: flags that threads wait for.

use std::fmt;
use std::time::Duration;

use threadbook_future::{TaskError, WaitError};

use crate::monitor::Monitor;

/// A flag that threads can wait for.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use threadbook_threading::{Event, Thread};
///
/// let ready = Arc::new(Event::new());
/// let waits_for = ready.clone();
/// let thread = Thread::spawn(move || waits_for.wait().unwrap());
/// ready.set();
/// thread.join().unwrap();
/// ```
pub struct Event {
    flag: Monitor<Flag>,
}

#[derive(Clone, Copy, Default)]
struct Flag {
    is_set: bool,
    /// How often it was set: a wait ends also if the flag was cleared meanwhile.
    sets: u64,
}

impl Event {
    /// A flag that is not set.
    pub fn new() -> Event {
        Event { flag: Monitor::new("an event", Flag::default()) }
    }

    /// Sets the flag and ends all waits for it.
    pub fn set(&self) {
        self.flag.update(|flag| *flag = Flag { is_set: true, sets: flag.sets + 1 });
    }

    /// Clears the flag: later waits wait again.
    pub fn clear(&self) {
        self.flag.attempt(|flag| flag.is_set = false);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.flag.read(|flag| flag.is_set)
    }

    /// Waits until the flag is set.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn wait(&self) -> Result<(), TaskError> {
        Ok(self.wait_within(None)?)
    }

    fn wait_within(&self, timeout: Option<Duration>) -> Result<(), WaitError> {
        let sets = self.flag.read(|flag| flag.sets);
        self.flag.wait(timeout, |flag| (flag.is_set || flag.sets != sets).then_some(()))
    }

    /// Waits until the flag is set or `timeout` has passed; returns whether it was set.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool, TaskError> {
        match self.wait_within(Some(timeout)) {
            Ok(()) => Ok(true),
            Err(WaitError::TimedOut) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "Event(set)" } else { "Event(not set)" })
    }
}
