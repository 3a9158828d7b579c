//! `std::sync::Mutex`.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use crate::run::{Handle, Kind, Operation, Run, Wait, change, in_run, step, with_run};

/// As [`std::sync::Mutex`].
///
/// *Invariant:* the thread that has the lock in the run's books has the guard of `data`, so `data` is never waited for.
pub struct Mutex<T: ?Sized> {
    pub(super) handle: Handle,
    data: ::std::sync::Mutex<T>,
}

/// As [`std::sync::MutexGuard`].
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) lock: &'a Mutex<T>,
    data: Option<::std::sync::MutexGuard<'a, T>>,
    place: &'static Location<'static>,
    was_panicking: bool,
}

impl<T> Mutex<T> {
    /// As std's.
    #[track_caller]
    pub const fn new(value: T) -> Mutex<T> {
        Mutex { handle: Handle::new(Kind::Mutex), data: ::std::sync::Mutex::new(value) }
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it had the lock.
    pub fn into_inner(self) -> LockResult<T> {
        let is_poisoned = self.is_poisoned();
        let value = self.data.into_inner().unwrap_or_else(PoisonError::into_inner);
        if is_poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized> Mutex<T> {
    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it had the lock.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let place = Location::caller();
        let is_poisoned = step(
            |run| Ok(Operation::on(self.handle.id(run)?, "lock", place).after(Wait::Lock)),
            |run, _| self.take(run, place),
        );
        self.guard(place, is_poisoned)
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If another thread has the lock, or a thread has panicked while it had it.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let place = Location::caller();
        let taken = step(
            |run| Ok(Operation::on(self.handle.id(run)?, "try_lock", place)),
            |run, _| {
                let id = self.handle.id(run).ok()?;
                if !run.objects[id].is_free() {
                    run.say(id, || "not free".into());
                    return None;
                }
                run.touch(id, true);
                Some(self.take(run, place))
            },
        );
        match taken {
            None => Err(TryLockError::WouldBlock),
            Some(is_poisoned) => self.guard(place, is_poisoned).map_err(TryLockError::Poisoned),
        }
    }

    /// As std's.
    pub fn is_poisoned(&self) -> bool {
        let read = |run: &mut Run| {
            let id = self.handle.id(run).ok()?;
            run.touch(id, false);
            Some(run.objects[id].is_poisoned)
        };
        with_run(read).flatten().unwrap_or(false)
    }

    /// As std's.
    pub fn clear_poison(&self) {
        in_run(|run| {
            if let Ok(id) = self.handle.id(run) {
                run.touch(id, true);
                run.objects[id].is_poisoned = false;
            }
        });
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it had the lock.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let is_poisoned = self.is_poisoned();
        let value = self.data.get_mut().unwrap_or_else(PoisonError::into_inner);
        if is_poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }

    /// Notes that the current thread has the lock. Returns whether it is poisoned.
    pub(super) fn take(&self, run: &mut Run, place: &'static Location<'static>) -> bool {
        let Ok(id) = self.handle.id(run) else { return false };
        let me = run.current;
        let object = &mut run.objects[id];
        object.holder = Some(me);
        object.taken = Some(place);
        object.is_poisoned
    }

    /// The guard of a lock that the current thread has.
    pub(super) fn guard(
        &self,
        place: &'static Location<'static>,
        is_poisoned: bool,
    ) -> LockResult<MutexGuard<'_, T>> {
        let data = match self.data.try_lock() {
            Ok(data) => data,
            Err(TryLockError::Poisoned(data)) => data.into_inner(),
            Err(TryLockError::WouldBlock) => unreachable!("the thread that has the lock has the data"),
        };
        let was_panicking = super::super::thread::panicking();
        let guard = MutexGuard { lock: self, data: Some(data), place, was_panicking };
        if is_poisoned { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Gives the data back without unlocking, which the caller does.
    pub(super) fn into_lock(mut self) -> &'a Mutex<T> {
        self.data = None;
        let lock = self.lock;
        std::mem::forget(self);
        lock
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.data {
            Some(data) => data,
            None => unreachable!("a guard has its data until it is dropped"),
        }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.data {
            Some(data) => data,
            None => unreachable!("a guard has its data until it is dropped"),
        }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.data = None;
        unlock(&self.lock.handle, self.place, self.was_panicking);
    }
}

/// Releases a lock of its only holder, and poisons it if a panic has begun since it was taken.
pub(super) fn unlock(handle: &Handle, place: &'static Location<'static>, was_panicking: bool) {
    let poisons = !was_panicking && super::super::thread::panicking();
    change(
        |run| Ok(Operation::on(handle.id(run)?, "unlock", place).writing()),
        |run| {
            if let Ok(id) = handle.id(run) {
                run.objects[id].holder = None;
                run.objects[id].taken = None;
                run.objects[id].is_poisoned |= poisons;
            }
        },
    );
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
