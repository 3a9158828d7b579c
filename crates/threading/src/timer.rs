//! Timers: functions that run later.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadbook_future::TaskError;

use crate::event::Event;
use crate::thread::Thread;

/// A thread that waits for some time before it runs a function, and can be cancelled until then.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadbook_threading::Timer;
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
            if !is_set_within(&stop, delay) {
                work();
            }
        });
        Timer { thread, cancelled, delay }
    }

    /// Starts the timer. An interrupt does not stop it.
    ///
    /// # Panics
    ///
    /// If it was started before, or the system cannot start another thread.
    pub fn start(&self) {
        self.thread.start();
    }

    /// Cancels the timer. A function that runs already goes on.
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

/// How often a timer checks for its cancellation after an interrupt.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until `stop` is set, but no longer than `delay`, and returns whether it is.
fn is_set_within(stop: &Event, delay: Duration) -> bool {
    let start = Instant::now();
    loop {
        let left = delay.saturating_sub(start.elapsed());
        match stop.wait_timeout(left) {
            Ok(is_set) => return is_set,
            // Interrupted, but no user is waiting here: the timer goes on by polling.
            Err(_) if stop.is_set() || left.is_zero() => return stop.is_set(),
            Err(_) => std::thread::sleep(left.min(POLL_INTERVAL)),
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timer({:?}, {:?})", self.delay, self.thread)
    }
}
