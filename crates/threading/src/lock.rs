//! A lock around a value.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use threadbook_future::TaskError;

use crate::ownership::Ownership;

static LOCKS: AtomicUsize = AtomicUsize::new(0);

/// A value that one thread at a time may use.
///
/// If the lock can never become free, because of a deadlock, [`Lock::lock`] returns an error
/// instead of hanging. A thread that panics while it holds the lock releases it.
///
/// # Examples
///
/// ```
/// use threadbook_threading::Lock;
///
/// let accounts = Lock::named("accounts", vec![100, 0]);
/// {
///     let mut accounts = accounts.lock().unwrap();
///     accounts[0] -= 30;
///     accounts[1] += 30;
/// }
/// assert_eq!(*accounts.lock().unwrap(), [70, 30]);
///
/// // A thread that locks again a lock that it holds waits for itself:
/// let held = accounts.lock().unwrap();
/// assert!(accounts.lock().is_err());
/// ```
pub struct Lock<T: ?Sized> {
    ownership: Ownership,
    value: Mutex<T>,
}

/// Access to the value of a [`Lock`], until it is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    /// Present until the drop.
    guard: Option<MutexGuard<'a, T>>,
    /// A lock is released by the thread that took it.
    not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives no more than `&T`, which other threads may have if `T: Sync`.
unsafe impl<T: ?Sized + Sync> Sync for LockGuard<'_, T> {}

impl<T> Lock<T> {
    /// A lock that error messages call `lock 1`, `lock 2` and so on.
    pub fn new(value: T) -> Lock<T> {
        Lock::named(&format!("lock {}", LOCKS.fetch_add(1, Relaxed) + 1), value)
    }

    /// A lock that error messages call `name`.
    pub fn named(name: &str, value: T) -> Lock<T> {
        Lock { ownership: Ownership::new(name), value: Mutex::new(value) }
    }

    /// The value, without the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// Waits until the lock is free and takes it.
    ///
    /// # Errors
    ///
    /// [`TaskError::Deadlock`] if it can never become free, for instance because this thread holds it;
    /// [`TaskError::Interrupted`].
    pub fn lock(&self) -> Result<LockGuard<'_, T>, TaskError> {
        self.lock_until(None)
    }

    /// As [`Lock::lock`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// [`TaskError::TimedOut`] and [`TaskError::Interrupted`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard<'_, T>, TaskError> {
        self.lock_until(Instant::now().checked_add(timeout))
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        let guard = self.value.try_lock()?;
        Some(self.taken(guard))
    }

    /// Whether some thread holds the lock now.
    pub fn locked(&self) -> bool {
        self.value.is_locked()
    }

    /// The name in error messages.
    pub fn name(&self) -> &str {
        self.ownership.name()
    }

    /// The value, by exclusive access to the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn lock_until(&self, deadline: Option<Instant>) -> Result<LockGuard<'_, T>, TaskError> {
        self.ownership.wait_for(deadline, || self.value.try_lock()).map(|guard| self.taken(guard))
    }

    fn taken<'a>(&'a self, guard: MutexGuard<'a, T>) -> LockGuard<'a, T> {
        self.ownership.take();
        self.ownership.add_guard();
        LockGuard { lock: self, guard: Some(guard), not_send: PhantomData }
    }
}

impl<T: ?Sized> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.ownership.release(self.guard.take(), true);
    }
}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    pub(crate) fn lock(guard: &LockGuard<'a, T>) -> &'a Lock<T> {
        guard.lock
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("the inner guard is there until the drop")
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("the inner guard is there until the drop")
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Lock<T> {
        Lock::new(T::default())
    }
}

/// `Lock("accounts": [70, 30])`, or without the value while a thread holds it.
impl<T: ?Sized + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.try_lock() {
            Some(value) => write!(f, "Lock({:?}: {:?})", self.name(), &*value),
            None => write!(f, "Lock({:?}, locked)", self.name()),
        }
    }
}
