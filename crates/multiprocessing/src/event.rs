//! A flag that processes wait for.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use threadbook_executor::TaskError;

use crate::monitor::Monitor;

/// A flag that threads of all processes can wait for.
///
/// A clone is the same event; so is the one that another process receives.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Event, Process};
///
/// let ready = Event::new();
/// let process = Process::spawn(|ready: Event| ready.set(), ready.clone())?;
/// ready.wait()?;
/// # process.join()?;
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Event`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Event).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Event {
    set: Monitor<bool>,
}

impl Event {
    /// An event that is not set.
    ///
    /// # Panics
    ///
    /// If the system gives no shared memory, most likely because the process has as many open files as it may
    /// have: each event is one.
    #[allow(clippy::new_without_default, reason = "an event that nobody shares is of no use")]
    pub fn new() -> Event {
        Event { set: Monitor::new(false) }
    }

    /// Sets the event: present and later waits end.
    pub fn set(&self) {
        self.set.update(|set| *set = true);
    }

    /// Clears the event: later waits wait again.
    pub fn clear(&self) {
        self.set.update(|set| *set = false);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.set.state()
    }

    /// Waits until it is set.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn wait(&self) -> Result<(), TaskError> {
        self.set.take(None, |set| set.then_some(()))
    }

    /// As [`Event::wait`], but waits no longer than `timeout`. Returns whether it was set.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn wait_timeout(&self, timeout: Duration) -> Result<bool, TaskError> {
        match self.set.take(Some(timeout), |set| set.then_some(())) {
            Err(TaskError::TimedOut) => Ok(false),
            other => other.map(|()| true),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "Event(set)" } else { "Event(unset)" })
    }
}
