//! A flag to wait for.

use std::fmt;
use std::time::Duration;

use super::monitor::Monitor;
use crate::error::TaskError;

/// A flag that threads can wait for.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use threadbook_executor::threading::{Event, Thread};
///
/// let ready = Arc::new(Event::new());
/// let waits_for = ready.clone();
/// let thread = Thread::spawn(move || waits_for.wait().unwrap());
/// ready.set();
/// thread.join().unwrap();
/// ```
pub struct Event {
    flag: Monitor<bool>,
}

impl Event {
    /// A flag that is not set.
    pub fn new() -> Event {
        Event { flag: Monitor::new("an event", false) }
    }

    /// Sets the flag and ends all waits for it.
    pub fn set(&self) {
        self.flag.update(|flag| *flag = true);
    }

    /// Takes the flag back: later waits wait again.
    pub fn clear(&self) {
        self.flag.attempt(|flag| *flag = false);
    }

    /// Whether the flag is set.
    pub fn is_set(&self) -> bool {
        self.flag.read(|flag| *flag)
    }

    /// Waits until the flag is set.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn wait(&self) -> Result<(), TaskError> {
        self.flag.wait(None, |flag| flag.then_some(()))
    }

    /// Waits until the flag is set or `timeout` has passed; returns whether it is set.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool, TaskError> {
        match self.flag.wait(Some(timeout), |flag| flag.then_some(())) {
            Ok(()) => Ok(true),
            Err(TaskError::TimedOut) => Ok(false),
            Err(error) => Err(error),
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
