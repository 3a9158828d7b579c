//! Semaphores between processes: counters that threads wait for while they are zero.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use threadbook_executor::TaskError;

use crate::monitor::Monitor;

/// Admits a number of threads of all processes at a time.
///
/// A clone is the same semaphore; so is the one that another process receives. A process that is killed does not release its
/// place, as in Python.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::Semaphore;
///
/// let seats = Semaphore::new(2);
/// let first = seats.acquire()?;
/// let second = seats.acquire()?;
/// assert!(seats.try_acquire().is_none());
/// drop(first);
/// assert_eq!(seats.available(), 1);
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Semaphore`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Semaphore).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Semaphore {
    count: Monitor<u64>,
}

/// A place in a [`Semaphore`], which is released when this is dropped.
#[must_use = "the place is released when the permit is dropped"]
pub struct Permit<'a> {
    semaphore: &'a Semaphore,
}

impl Semaphore {
    /// A semaphore with `count` places.
    ///
    /// # Panics
    ///
    /// If the system gives no shared memory, most likely because the process has as many open files as it may
    /// have: each semaphore is one.
    pub fn new(count: usize) -> Semaphore {
        Semaphore { count: Monitor::new(count as u64) }
    }

    /// Waits for a place and takes it.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`].
    pub fn acquire(&self) -> Result<Permit<'_>, TaskError> {
        self.acquire_within(None)
    }

    /// As [`Semaphore::acquire`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// [`TaskError::TimedOut`] and [`TaskError::Interrupted`].
    pub fn acquire_timeout(&self, timeout: Duration) -> Result<Permit<'_>, TaskError> {
        self.acquire_within(Some(timeout))
    }

    /// Takes a place if there is one.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.count.try_take(take)?;
        Some(Permit { semaphore: self })
    }

    fn acquire_within(&self, timeout: Option<Duration>) -> Result<Permit<'_>, TaskError> {
        self.count.take(timeout, take)?;
        Ok(Permit { semaphore: self })
    }

    /// Adds a place. This is for permits that were [forgotten](Permit::forget); others are released when they are dropped.
    pub fn release(&self) {
        self.count.update(|count| *count += 1);
    }

    /// The number of free places now.
    pub fn available(&self) -> usize {
        self.count.state() as usize
    }
}

fn take(count: &mut u64) -> Option<()> {
    *count = count.checked_sub(1)?;
    Some(())
}

impl Permit<'_> {
    /// Keeps the place taken until a call of [`Semaphore::release`], perhaps in another process.
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.semaphore.release();
    }
}

/// A [`Semaphore`] that refuses to release more places than were taken.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::BoundedSemaphore;
///
/// let seats = BoundedSemaphore::new(1);
/// assert!(seats.release().is_err());
/// seats.acquire()?.forget();
/// assert!(seats.release().is_ok());
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct BoundedSemaphore {
    inner: Semaphore,
    bound: u64,
}

impl BoundedSemaphore {
    /// A semaphore with `count` places, and never more.
    ///
    /// # Panics
    ///
    /// As [`Semaphore::new`].
    pub fn new(count: usize) -> BoundedSemaphore {
        BoundedSemaphore { inner: Semaphore::new(count), bound: count as u64 }
    }

    /// Releases a place whose permit was [forgotten](Permit::forget).
    ///
    /// # Errors
    ///
    /// [`TaskError::Failed`] if that would make more places than there were at first.
    pub fn release(&self) -> Result<(), TaskError> {
        let bound = self.bound;
        let fits = self.inner.count.update(|count| {
            let fits = *count < bound;
            *count += u64::from(fits);
            fits
        });
        let excess =
            || format!("the semaphore has {bound} places and all of them are free; there is none to release");
        if fits { Ok(()) } else { Err(TaskError::from_error(excess())) }
    }
}

/// A `BoundedSemaphore` is a [`Semaphore`], except for [`BoundedSemaphore::release`].
impl Deref for BoundedSemaphore {
    type Target = Semaphore;

    fn deref(&self) -> &Semaphore {
        &self.inner
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Semaphore({} free)", self.available())
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BoundedSemaphore({} of {} free)", self.available(), self.bound)
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Permit")
    }
}
