//! Lock types for model-checked code: std's, or loom's with the feature `models`.
//!
//! Two protocols use this module: a future's state (in `threadbook-future`) and the queue of a pool (in
//! `threadbook-executor`). loom runs each of them through every interleaving. All other code uses [`Mutex`](crate::Mutex).
//!
//! std's locks are only a number that the system compares, so a forked child can wake the workers that it starts.
//! A poisoned lock is taken, because no code of a user runs under these locks except `Clone` and `Debug` of a value.

use std::ops::{Deref, DerefMut};
use std::sync::TryLockError;
use std::time::{Duration, Instant};

#[cfg(feature = "models")]
use ::loom::sync as primitive;
#[cfg(not(feature = "models"))]
use std::sync as primitive;

pub use primitive::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A mutex.
pub struct Mutex<T>(primitive::Mutex<T>);

/// Access to the value of a [`Mutex`].
///
/// The inner guard is present except within [`Condvar::wait`].
pub struct MutexGuard<'a, T>(Option<primitive::MutexGuard<'a, T>>);

/// A condition variable.
#[derive(Default)]
pub struct Condvar(primitive::Condvar);

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub fn new(value: T) -> Mutex<T> {
        Mutex(primitive::Mutex::new(value))
    }

    /// Waits for the lock.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
    }

    /// Polls for the lock for at most `limit`. It is for locks whose holder may not exist in this process.
    #[cold]
    pub fn lock_within(&self, limit: Duration) -> Option<MutexGuard<'_, T>> {
        let deadline = Instant::now() + limit;
        loop {
            match self.0.try_lock() {
                Ok(guard) => return Some(MutexGuard(Some(guard))),
                Err(TryLockError::Poisoned(poisoned)) => {
                    return Some(MutexGuard(Some(poisoned.into_inner())));
                }
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => return None,
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
            }
        }
    }
}

impl Condvar {
    /// A condition variable without waiters.
    pub fn new() -> Condvar {
        Condvar(primitive::Condvar::new())
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(inner) = guard.0.take() {
            guard.0 = Some(self.0.wait(inner).unwrap_or_else(|poisoned| poisoned.into_inner()));
        }
    }

    /// Wakes one waiter.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("only a wait takes the guard out, and it puts it back")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("only a wait takes the guard out, and it puts it back")
    }
}
