//! `std::sync::RwLock`.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};

use super::mutex::unlock;
use crate::run::{Handle, Kind, Operation, Run, Wait, change, in_run, step, with_run};

/// As [`std::sync::RwLock`]. Neither readers nor writers go first.
///
/// *Invariant:* a thread that has the lock in the run's books has a guard of `data`, so `data` is never waited for.
pub struct RwLock<T: ?Sized> {
    handle: Handle,
    data: ::std::sync::RwLock<T>,
}

/// As [`std::sync::RwLockReadGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    data: Option<::std::sync::RwLockReadGuard<'a, T>>,
    place: &'static Location<'static>,
}

/// As [`std::sync::RwLockWriteGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    data: Option<::std::sync::RwLockWriteGuard<'a, T>>,
    place: &'static Location<'static>,
    was_panicking: bool,
}

impl<T> RwLock<T> {
    /// As std's.
    #[track_caller]
    pub const fn new(value: T) -> RwLock<T> {
        RwLock { handle: Handle::new(Kind::RwLock), data: ::std::sync::RwLock::new(value) }
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it wrote.
    pub fn into_inner(self) -> LockResult<T> {
        let is_poisoned = self.is_poisoned();
        let value = self.data.into_inner().unwrap_or_else(PoisonError::into_inner);
        if is_poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }
}

impl<T: ?Sized> RwLock<T> {
    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it wrote.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let place = Location::caller();
        let is_poisoned = step(
            |run| Ok(Operation::on(self.handle.id(run)?, "read", place).after(Wait::Read)),
            |run, _| self.share(run, place),
        );
        self.read_guard(place, is_poisoned)
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it wrote.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        let place = Location::caller();
        let is_poisoned = step(
            |run| Ok(Operation::on(self.handle.id(run)?, "write", place).after(Wait::Lock)),
            |run, _| self.take(run, place),
        );
        self.write_guard(place, is_poisoned)
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread writes, or has panicked while it wrote.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let place = Location::caller();
        let taken = self.attempt("try_read", place, |object| object.holder.is_none(), RwLock::share);
        match taken {
            None => Err(TryLockError::WouldBlock),
            Some(is_poisoned) => self.read_guard(place, is_poisoned).map_err(TryLockError::Poisoned),
        }
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has the lock, or has panicked while it wrote.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let place = Location::caller();
        let taken = self.attempt("try_write", place, crate::run::Object::is_free, RwLock::take);
        match taken {
            None => Err(TryLockError::WouldBlock),
            Some(is_poisoned) => self.write_guard(place, is_poisoned).map_err(TryLockError::Poisoned),
        }
    }

    fn attempt(
        &self,
        verb: &'static str,
        place: &'static Location<'static>,
        can: impl FnOnce(&crate::run::Object) -> bool,
        take: impl FnOnce(&Self, &mut Run, &'static Location<'static>) -> bool,
    ) -> Option<bool> {
        step(
            |run| Ok(Operation::on(self.handle.id(run)?, verb, place)),
            |run, _| {
                let id = self.handle.id(run).ok()?;
                if !can(&run.objects[id]) {
                    run.say(id, || "not free".into());
                    return None;
                }
                run.touch(id, true);
                Some(take(self, run, place))
            },
        )
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
    /// If a thread has panicked while it wrote.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        let is_poisoned = self.is_poisoned();
        let value = self.data.get_mut().unwrap_or_else(PoisonError::into_inner);
        if is_poisoned { Err(PoisonError::new(value)) } else { Ok(value) }
    }

    fn take(&self, run: &mut Run, place: &'static Location<'static>) -> bool {
        let Ok(id) = self.handle.id(run) else { return false };
        let me = run.current;
        let object = &mut run.objects[id];
        object.holder = Some(me);
        object.taken = Some(place);
        object.is_poisoned
    }

    fn share(&self, run: &mut Run, place: &'static Location<'static>) -> bool {
        let Ok(id) = self.handle.id(run) else { return false };
        let me = run.current;
        let object = &mut run.objects[id];
        object.readers.push(me);
        object.taken = Some(place);
        object.is_poisoned
    }

    fn read_guard(
        &self,
        place: &'static Location<'static>,
        is_poisoned: bool,
    ) -> LockResult<RwLockReadGuard<'_, T>> {
        let data = match self.data.try_read() {
            Ok(data) => data,
            Err(TryLockError::Poisoned(data)) => data.into_inner(),
            Err(TryLockError::WouldBlock) => unreachable!("a thread that reads has the data"),
        };
        let guard = RwLockReadGuard { lock: self, data: Some(data), place };
        if is_poisoned { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }

    fn write_guard(
        &self,
        place: &'static Location<'static>,
        is_poisoned: bool,
    ) -> LockResult<RwLockWriteGuard<'_, T>> {
        let data = match self.data.try_write() {
            Ok(data) => data,
            Err(TryLockError::Poisoned(data)) => data.into_inner(),
            Err(TryLockError::WouldBlock) => unreachable!("the thread that writes has the data"),
        };
        let was_panicking = super::super::thread::panicking();
        let guard = RwLockWriteGuard { lock: self, data: Some(data), place, was_panicking };
        if is_poisoned { Err(PoisonError::new(guard)) } else { Ok(guard) }
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.data {
            Some(data) => data,
            None => unreachable!("a guard has its data until it is dropped"),
        }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.data {
            Some(data) => data,
            None => unreachable!("a guard has its data until it is dropped"),
        }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.data {
            Some(data) => data,
            None => unreachable!("a guard has its data until it is dropped"),
        }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        self.data = None;
        change(
            |run| Ok(Operation::on(self.lock.handle.id(run)?, "unlock", self.place).writing()),
            |run| {
                if let Ok(id) = self.lock.handle.id(run) {
                    let me = run.current;
                    let readers = &mut run.objects[id].readers;
                    // A scoped thread may drop the guard of another.
                    let own = readers.iter().position(|reader| *reader == me).unwrap_or(0);
                    if !readers.is_empty() {
                        readers.remove(own);
                    }
                }
            },
        );
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.data = None;
        unlock(&self.lock.handle, self.place, self.was_panicking);
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Display + ?Sized> fmt::Display for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
