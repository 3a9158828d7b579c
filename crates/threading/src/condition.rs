//! Condition variables.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::time::{Duration, Instant};

use threadbook_base::Mutex;
use threadbook_future::wait::{Goal, Need, ThreadData, block};
use threadbook_future::{TaskError, WaitError};
use threadbook_trace::{NameId, TaskLabel};

use crate::lock::LockGuard;

/// Lets threads that hold a [`Lock`](crate::Lock) wait for a change of its value.
///
/// A wait releases the lock, and takes it again before it returns.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use threadbook_threading::{Condition, Lock, Thread};
///
/// let shared = Arc::new((Lock::new(Vec::new()), Condition::new()));
/// let producer = {
///     let shared = shared.clone();
///     Thread::spawn(move || {
///         shared.0.lock().unwrap().push("item");
///         shared.1.notify_one();
///     })
/// };
/// let items = shared.0.lock().unwrap();
/// let mut items = shared.1.wait_while(items, |items| items.is_empty()).unwrap();
/// assert_eq!(items.pop(), Some("item"));
/// # producer.join().unwrap();
/// ```
#[derive(Default)]
pub struct Condition {
    /// The waiters, in the order of their calls.
    tickets: Mutex<Vec<Arc<Ticket>>>,
}

struct Ticket {
    thread: Arc<ThreadData>,
    called: AtomicBool,
}

impl Condition {
    /// A condition without waiters.
    pub fn new() -> Condition {
        Condition::default()
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    ///
    /// It never returns without a notification. The caller should still check its condition again,
    /// because another thread may have been faster: [`Condition::wait_while`] does that.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`], and those of [`Lock::lock`](crate::Lock::lock). Then the lock is not
    /// held.
    pub fn wait<'a, T: ?Sized>(&self, guard: LockGuard<'a, T>) -> Result<LockGuard<'a, T>, TaskError> {
        self.wait_until(guard, None).map(|(guard, _)| guard)
    }

    /// As [`Condition::wait`], but waits no longer than `timeout` for a notification. The second value is whether there was
    /// one.
    ///
    /// # Errors
    ///
    /// Those of [`Condition::wait`].
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: LockGuard<'a, T>,
        timeout: Duration,
    ) -> Result<(LockGuard<'a, T>, bool), TaskError> {
        self.wait_until(guard, Instant::now().checked_add(timeout))
    }

    /// Waits as long as `condition` holds of the value.
    ///
    /// # Errors
    ///
    /// Those of [`Condition::wait`].
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        mut guard: LockGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> Result<LockGuard<'a, T>, TaskError> {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: LockGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> Result<(LockGuard<'a, T>, bool), TaskError> {
        let ticket = Arc::new(Ticket { thread: ThreadData::current(), called: AtomicBool::new(false) });
        // Before the lock is free: a thread that changes the value afterwards finds the ticket.
        self.tickets.lock().push(Arc::clone(&ticket));
        let lock = LockGuard::lock(&guard);
        drop(guard);
        let waited = block(&Called { ticket: &ticket }, deadline);
        self.tickets.lock().retain(|other| !Arc::ptr_eq(other, &ticket));
        let called = ticket.called.load(Acquire);
        match waited {
            Ok(()) | Err(WaitError::TimedOut) => Ok((lock.lock()?, called)),
            Err(error) => {
                if called {
                    // Another waiter can use the notification.
                    self.notify(1);
                }
                Err(error.into())
            }
        }
    }

    /// Ends the wait that has lasted longest.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Ends all waits.
    pub fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    /// Ends the `count` waits that have lasted longest.
    pub fn notify(&self, count: usize) {
        let mut tickets = self.tickets.lock();
        let count = count.min(tickets.len());
        for ticket in tickets.drain(..count) {
            ticket.called.store(true, Release);
            ticket.thread.wake();
        }
    }
}

struct Called<'a> {
    ticket: &'a Ticket,
}

impl Goal for Called<'_> {
    fn is_reached(&self) -> bool {
        self.ticket.called.load(Acquire)
    }

    fn subscribe(&self, _thread: &Arc<ThreadData>) {
        // The ticket has the thread.
    }

    fn unsubscribe(&self, _thread: &Arc<ThreadData>) {}

    fn need(&self) -> Need {
        // Any thread may notify.
        Need::Any(Vec::new())
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new("a condition") }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({} waiting)", self.tickets.lock().len())
    }
}
