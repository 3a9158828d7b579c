//! Locks for the parts that have to survive anything: std's, or loom's stand-ins for the model check.
//!
//! Only `state` and `queue` use this module; their protocols are small and easy to get wrong, so loom
//! runs them through every interleaving (see `models`). They are built on std's locks because those
//! keep nothing but a number that the kernel compares: a process that was forked while workers slept
//! can wake the workers that it starts anew, without ghosts in the way. No code of a user runs under
//! these locks except `Clone` and `Debug` of a value, so a poisoned lock is simply taken.

use std::ops::{Deref, DerefMut};

#[cfg(all(test, feature = "models"))]
use loom::sync as primitive;
#[cfg(not(all(test, feature = "models")))]
use std::sync as primitive;

pub(crate) use primitive::atomic::{AtomicU8, AtomicUsize, Ordering};

pub(crate) struct Mutex<T>(primitive::Mutex<T>);

/// The inner guard is there whenever this one can be seen; only a wait takes it out for a moment.
pub(crate) struct MutexGuard<'a, T>(Option<primitive::MutexGuard<'a, T>>);

pub(crate) struct Condvar(primitive::Condvar);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Mutex<T> {
        Mutex(primitive::Mutex::new(value))
    }

    #[inline]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard(Some(self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())))
    }
}

impl Condvar {
    pub(crate) fn new() -> Condvar {
        Condvar(primitive::Condvar::new())
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(inner) = guard.0.take() {
            guard.0 = Some(self.0.wait(inner).unwrap_or_else(|poisoned| poisoned.into_inner()));
        }
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
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
