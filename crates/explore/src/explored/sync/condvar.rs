//! `std::sync::Condvar`.

use std::fmt;
use std::panic::Location;
use std::sync::{LockResult, PoisonError};
use std::time::Duration;

use super::MutexGuard;
use crate::run::{Handle, Kind, Operation, Wait, step};

/// As [`std::sync::Condvar`], without spurious wake-ups. Any of the threads that wait can receive a notification.
pub struct Condvar {
    handle: Handle,
}

/// As [`std::sync::WaitTimeoutResult`].
#[derive(Debug, PartialEq, Eq, Copy, Clone)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// As std's.
    #[must_use]
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// As std's.
    #[track_caller]
    pub const fn new() -> Condvar {
        Condvar { handle: Handle::new(Kind::Condvar) }
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it had the lock.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        match self.wait_at(guard, Location::caller(), false) {
            Ok((guard, _)) => Ok(guard),
            Err(poisoned) => Err(PoisonError::new(poisoned.into_inner().0)),
        }
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it had the lock.
    #[track_caller]
    pub fn wait_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<MutexGuard<'a, T>> {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As std's. The time-out may end the wait at any time, or not at all.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it had the lock.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        self.wait_at(guard, Location::caller(), true)
    }

    /// As std's. The time-out may end the wait at any time, or not at all.
    ///
    /// # Errors
    ///
    /// If a thread has panicked while it had the lock.
    #[track_caller]
    pub fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        time: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        while condition(&mut *guard) {
            let (next, result) = self.wait_timeout(guard, time)?;
            guard = next;
            if result.timed_out() {
                let timed_out = condition(&mut *guard);
                return Ok((guard, WaitTimeoutResult(timed_out)));
            }
        }
        Ok((guard, WaitTimeoutResult(false)))
    }

    /// As std's.
    #[track_caller]
    pub fn notify_one(&self) {
        self.notify("notify_one", Location::caller(), 1);
    }

    /// As std's.
    #[track_caller]
    pub fn notify_all(&self) {
        self.notify("notify_all", Location::caller(), usize::MAX);
    }

    fn notify(&self, verb: &'static str, place: &'static Location<'static>, most: usize) {
        step(
            |run| Ok(Operation::on(self.handle.id(run)?, verb, place).writing()),
            |run, _| {
                let Ok(id) = self.handle.id(run) else { return };
                let waiters = run.objects[id].waiters.len();
                (0..most.min(waiters)).for_each(|_| run.objects[id].signal());
                if waiters == 0 {
                    run.say(id, || "(no thread waits)".into());
                }
            },
        );
    }

    /// Unlocks and begins to wait in one step; ends the wait and locks in another.
    fn wait_at<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        place: &'static Location<'static>,
        has_time_out: bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let verb = if has_time_out { "wait_timeout" } else { "wait" };
        let mut guard = Some(guard);
        let lock = step(
            |run| Ok(Operation::on(self.handle.id(run)?, verb, place).writing()),
            |run, _| {
                let lock = guard.take().map(MutexGuard::into_lock);
                let me = run.current;
                if let Ok(id) = self.handle.id(run) {
                    run.objects[id].waiters.push(me);
                }
                if let Some(Ok(id)) = lock.map(|lock| lock.handle.id(run)) {
                    run.touch(id, true);
                    run.objects[id].holder = None;
                    run.objects[id].taken = None;
                }
                lock
            },
        );
        let Some(lock) = lock else { unreachable!("the guard is taken once") };
        let (is_poisoned, timed_out) = step(
            |run| {
                let wait = Wait::Notified { lock: lock.handle.id(run)? };
                Ok(Operation::on(self.handle.id(run)?, "wake from", place)
                    .after(wait)
                    .with_time_out(has_time_out))
            },
            |run, _| {
                let me = run.current;
                let was_notified = self.handle.id(run).is_ok_and(|id| run.objects[id].wake(me));
                (lock.take(run, place), !was_notified)
            },
        );
        match lock.guard(place, is_poisoned) {
            Ok(guard) => Ok((guard, WaitTimeoutResult(timed_out))),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), WaitTimeoutResult(timed_out)))),
        }
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
