//! Semaphores: counters that threads wait for while they are zero.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use threadbook_future::TaskError;

use crate::monitor::Monitor;

/// Admits a number of threads at a time.
///
/// # Examples
///
/// ```
/// use threadbook_threading::Semaphore;
///
/// let seats = Semaphore::new(2);
/// let first = seats.acquire().unwrap();
/// let second = seats.acquire().unwrap();
/// assert!(seats.try_acquire().is_none());
/// drop(first);
/// assert!(seats.try_acquire().is_some());
/// ```
pub struct Semaphore {
    count: Monitor<usize>,
}

/// A place in a [`Semaphore`], which is released when this is dropped.
#[must_use = "the place is released when the permit is dropped"]
pub struct Permit<'a> {
    count: &'a Monitor<usize>,
}

impl Semaphore {
    /// A semaphore with `count` places.
    pub fn new(count: usize) -> Semaphore {
        Semaphore { count: Monitor::new("a semaphore", count) }
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
        self.count.attempt(take)?;
        Some(Permit { count: &self.count })
    }

    fn acquire_within(&self, timeout: Option<Duration>) -> Result<Permit<'_>, TaskError> {
        self.count.wait(timeout, take)?;
        Ok(Permit { count: &self.count })
    }

    /// Adds a place. This is for permits that were [forgotten](Permit::forget); others are released when they are dropped.
    pub fn release(&self) {
        self.count.update_for_one(|count| *count += 1);
    }

    /// The number of free places now.
    pub fn available(&self) -> usize {
        self.count.read(|count| *count)
    }
}

fn take(count: &mut usize) -> Option<()> {
    *count = count.checked_sub(1)?;
    Some(())
}

impl Permit<'_> {
    /// Keeps the place taken until a call of [`Semaphore::release`].
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.count.update_for_one(|count| *count += 1);
    }
}

/// A [`Semaphore`] that refuses to release more places than were taken.
///
/// # Examples
///
/// ```
/// use threadbook_threading::BoundedSemaphore;
///
/// let seats = BoundedSemaphore::new(1);
/// assert!(seats.release().is_err());
/// seats.acquire().unwrap().forget();
/// assert!(seats.release().is_ok());
/// ```
pub struct BoundedSemaphore {
    inner: Semaphore,
    bound: usize,
}

impl BoundedSemaphore {
    /// A semaphore with `count` places, and never more.
    pub fn new(count: usize) -> BoundedSemaphore {
        BoundedSemaphore { inner: Semaphore::new(count), bound: count }
    }

    /// Releases a place whose permit was [forgotten](Permit::forget).
    ///
    /// # Errors
    ///
    /// [`TaskError::Failed`] if that would make more places than there were at first.
    pub fn release(&self) -> Result<(), TaskError> {
        let bound = self.bound;
        let released = self.inner.count.update_for_one(|count| {
            let fits = *count < bound;
            *count += usize::from(fits);
            fits
        });
        let excess =
            || format!("the semaphore has {bound} places and all of them are free; there is none to release");
        if released { Ok(()) } else { Err(TaskError::from_error(excess())) }
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
