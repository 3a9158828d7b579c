//! Something to do later.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::event::Event;
use super::thread::Thread;
use crate::error::TaskError;

/// A thread that waits for some time before it runs a function, and can be cancelled until then.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadbook_executor::threading::Timer;
///
/// let timer = Timer::new(Duration::from_millis(10), || println!("hello"));
/// timer.start();
/// timer.join().unwrap();
/// ```
pub struct Timer {
    thread: Thread<()>,
    cancelled: Arc<Event>,
    delay: Duration,
}

impl Timer {
    /// A timer that will run `work` when `delay` has passed after its start.
    pub fn new(delay: Duration, work: impl FnOnce() + Send + 'static) -> Timer {
        let cancelled = Arc::new(Event::new());
        let stop = Arc::clone(&cancelled);
        let thread = Thread::new(move || {
            if stop.wait_timeout(delay) == Ok(false) {
                work();
            }
        });
        Timer { thread, cancelled, delay }
    }

    /// Starts to count.
    ///
    /// # Panics
    ///
    /// If it was started before, or the system cannot start another thread.
    pub fn start(&self) {
        self.thread.start();
    }

    /// Stops the timer. If the function runs already, it goes on.
    pub fn cancel(&self) {
        self.cancelled.set();
    }

    /// Waits until the function has returned or the timer was cancelled.
    ///
    /// # Errors
    ///
    /// Those of [`Thread::join`].
    pub fn join(&self) -> Result<(), TaskError> {
        self.thread.join()
    }

    /// Whether the timer was started and has not ended.
    pub fn is_alive(&self) -> bool {
        self.thread.is_alive()
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer({:?}, {:?})", self.delay, self.thread)
    }
}
