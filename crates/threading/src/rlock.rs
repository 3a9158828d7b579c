//! A lock that its holder may take again.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{ReentrantMutex, ReentrantMutexGuard};
use threadbook_future::TaskError;

use crate::ownership::Ownership;

static LOCKS: AtomicUsize = AtomicUsize::new(0);

/// A lock that the thread that holds it may take again, any number of times; it is free when every
/// guard is gone.
///
/// Because there can be several guards at a time, they give shared access only; put a
/// [`Cell`](std::cell::Cell) or [`RefCell`](std::cell::RefCell) inside to change the value.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use threadbook_threading::RLock;
///
/// let count = RLock::new(Cell::new(0));
/// let outer = count.lock().unwrap();
/// let inner = count.lock().unwrap();
/// inner.set(outer.get() + 1);
/// assert_eq!(outer.get(), 1);
/// ```
pub struct RLock<T> {
    ownership: Ownership,
    /// How many guards there are; written only by the thread that holds the lock.
    depth: AtomicUsize,
    value: ReentrantMutex<T>,
}

/// Access to the value of an [`RLock`], until it is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct RLockGuard<'a, T> {
    lock: &'a RLock<T>,
    /// Present until the drop.
    guard: Option<ReentrantMutexGuard<'a, T>>,
}

impl<T> RLock<T> {
    /// A lock that error messages call `rlock 1`, `rlock 2` and so on.
    pub fn new(value: T) -> RLock<T> {
        RLock::named(&format!("rlock {}", LOCKS.fetch_add(1, Relaxed) + 1), value)
    }

    /// A lock that error messages call `name`.
    pub fn named(name: &str, value: T) -> RLock<T> {
        let (ownership, depth) = (Ownership::new(name), AtomicUsize::new(0));
        RLock { ownership, depth, value: ReentrantMutex::new(value) }
    }

    /// Waits until the lock is free or held by this thread and takes it.
    ///
    /// # Errors
    ///
    /// [`TaskError::Deadlock`] if it can never become free; [`TaskError::Interrupted`].
    pub fn lock(&self) -> Result<RLockGuard<'_, T>, TaskError> {
        self.lock_until(None)
    }

    /// As [`RLock::lock`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// [`TaskError::TimedOut`] and [`TaskError::Interrupted`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<RLockGuard<'_, T>, TaskError> {
        self.lock_until(Instant::now().checked_add(timeout))
    }

    /// Takes the lock if it is free or held by this thread.
    pub fn try_lock(&self) -> Option<RLockGuard<'_, T>> {
        let guard = self.value.try_lock()?;
        Some(self.taken(guard))
    }

    /// Whether this thread holds the lock.
    pub fn is_owned(&self) -> bool {
        self.value.is_owned_by_current_thread()
    }

    /// The name in error messages.
    pub fn name(&self) -> &str {
        self.ownership.name()
    }

    fn taken<'a>(&'a self, guard: ReentrantMutexGuard<'a, T>) -> RLockGuard<'a, T> {
        if self.depth.fetch_add(1, Relaxed) == 0 {
            self.ownership.take();
        }
        self.ownership.add_guard();
        RLockGuard { lock: self, guard: Some(guard) }
    }

    fn lock_until(&self, deadline: Option<Instant>) -> Result<RLockGuard<'_, T>, TaskError> {
        self.ownership.wait_for(deadline, || self.value.try_lock()).map(|guard| self.taken(guard))
    }
}

impl<T> Drop for RLockGuard<'_, T> {
    fn drop(&mut self) {
        let last = self.lock.depth.fetch_sub(1, Relaxed) == 1;
        self.lock.ownership.release(self.guard.take(), last);
    }
}

impl<T> Deref for RLockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("the inner guard is there until the drop")
    }
}

impl<T: fmt::Debug> fmt::Debug for RLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for RLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.try_lock() {
            Some(value) => write!(f, "RLock({:?}: {:?})", self.name(), &*value),
            None => write!(f, "RLock({:?}, locked)", self.name()),
        }
    }
}
