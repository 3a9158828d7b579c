//! Condition variables between processes.

use std::fmt;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use threadbook_executor::TaskError;

use crate::identity::ProcessIdentity;
use crate::lock::LockGuard;
use crate::monitor::Monitor;

/// How many can wait at a time.
const SLOTS: usize = 64;

/// Lets threads that hold a [`Lock`](crate::Lock) or an [`RLock`](crate::RLock) wait for changes of the guarded data, also by another process.
///
/// A wait releases the lock and takes it again before it returns. The thread that has waited longest is notified first,
/// and no notification goes to a process that has ended. A clone is the same condition; so is the one that another
/// process receives. Send the lock along.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Condition, Lock, Process, Value};
///
/// let (lock, changed, count) = (Lock::new(), Condition::new(), Value::new(0));
/// let process = Process::spawn(
///     |(lock, changed, count): (Lock, Condition, Value<i32>)| {
///         let _guard = lock.lock().unwrap();
///         count.set(3);
///         changed.notify_one();
///     },
///     (lock.clone(), changed.clone(), count.clone()),
/// )?;
/// let guard = lock.lock()?;
/// let guard = changed.wait_while(guard, || count.get() < 3)?;
/// # drop(guard);
/// # process.join()?;
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Condition`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Condition).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition {
    waiters: Monitor<Waiters>,
}

#[derive(Clone, Copy)]
#[repr(C)]
struct Waiters {
    last_ticket: u64,
    slots: [WaitSlot; SLOTS],
}

#[derive(Clone, Copy)]
#[repr(C)]
struct WaitSlot {
    /// 0 if the slot is free.
    ticket: u64,
    called: bool,
    waiter: ProcessIdentity,
}

const EMPTY: WaitSlot = WaitSlot { ticket: 0, called: false, waiter: ProcessIdentity::NOBODY };

impl Waiters {
    fn enter(&mut self) -> Option<u64> {
        let free = self.slots.iter().position(|slot| slot.ticket == 0);
        let index = free.or_else(|| self.slots.iter().position(|slot| slot.waiter.is_gone()))?;
        self.last_ticket += 1;
        self.slots[index] =
            WaitSlot { ticket: self.last_ticket, called: false, waiter: ProcessIdentity::current() };
        Some(self.last_ticket)
    }

    fn slot(&mut self, ticket: u64) -> Option<&mut WaitSlot> {
        self.slots.iter_mut().find(|slot| slot.ticket == ticket)
    }

    /// Frees the slot, and returns whether there was a notification.
    fn leave(&mut self, ticket: u64) -> bool {
        self.slot(ticket).is_some_and(|slot| std::mem::replace(slot, EMPTY).called)
    }

    fn call(&mut self, count: usize) {
        let mut called = 0;
        while called < count {
            let waiting = self.slots.iter_mut().filter(|slot| slot.ticket > 0 && !slot.called);
            let Some(first) = waiting.min_by_key(|slot| slot.ticket) else { return };
            if first.waiter.is_gone() {
                *first = EMPTY;
            } else {
                first.called = true;
                called += 1;
            }
        }
    }
}

impl Condition {
    /// A condition without waiters.
    ///
    /// # Panics
    ///
    /// If the system gives no shared memory, most likely because the process has as many open files as it may
    /// have: each condition is one.
    #[allow(clippy::new_without_default, reason = "a condition that nobody shares is of no use")]
    pub fn new() -> Condition {
        Condition { waiters: Monitor::new(Waiters { last_ticket: 0, slots: [EMPTY; SLOTS] }) }
    }

    /// Releases the lock, waits for a notification, and takes the lock again.
    ///
    /// It never returns without a notification. The caller should still check its condition again,
    /// because another thread may have been faster: [`Condition::wait_while`] does that.
    ///
    /// # Errors
    ///
    /// [`TaskError::Interrupted`], [`TaskError::Failed`] if 64 others wait already, and those of
    /// [`Lock::lock`](crate::Lock::lock). Then the lock is not held.
    pub fn wait<'a>(&self, guard: LockGuard<'a>) -> Result<LockGuard<'a>, TaskError> {
        self.wait_within(guard, None).map(|(guard, _)| guard)
    }

    /// As [`Condition::wait`], but waits no longer than `timeout` for a notification. The second value is
    /// whether there was one.
    ///
    /// # Errors
    ///
    /// Those of [`Condition::wait`].
    pub fn wait_timeout<'a>(
        &self,
        guard: LockGuard<'a>,
        timeout: Duration,
    ) -> Result<(LockGuard<'a>, bool), TaskError> {
        self.wait_within(guard, Some(timeout))
    }

    /// Waits as long as `condition` holds.
    ///
    /// # Errors
    ///
    /// Those of [`Condition::wait`].
    pub fn wait_while<'a>(
        &self,
        mut guard: LockGuard<'a>,
        mut condition: impl FnMut() -> bool,
    ) -> Result<LockGuard<'a>, TaskError> {
        while condition() {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`Condition::wait_while`], but for no longer than `timeout`. The second value is whether the
    /// condition has ceased to hold.
    ///
    /// # Errors
    ///
    /// Those of [`Condition::wait`].
    pub fn wait_while_timeout<'a>(
        &self,
        mut guard: LockGuard<'a>,
        mut condition: impl FnMut() -> bool,
        timeout: Duration,
    ) -> Result<(LockGuard<'a>, bool), TaskError> {
        let deadline = Instant::now().checked_add(timeout);
        while condition() {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok((guard, false));
            }
            guard = self.wait_within(guard, left)?.0;
        }
        Ok((guard, true))
    }

    fn wait_within<'a>(
        &self,
        guard: LockGuard<'a>,
        timeout: Option<Duration>,
    ) -> Result<(LockGuard<'a>, bool), TaskError> {
        // Before the lock is free: a thread that makes a change afterwards finds the ticket.
        let ticket = self.waiters.update(Waiters::enter).ok_or_else(|| {
            TaskError::from_error(format!(
                "{SLOTS} threads wait for the condition, and it has no place for more"
            ))
        })?;
        let (guard, waited) = guard.without(|| {
            let waited = self.waiters.take(timeout, |waiters| {
                let called = waiters.slot(ticket).is_none_or(|slot| slot.called);
                called.then_some(())
            });
            let called = self.waiters.update(|waiters| waiters.leave(ticket));
            match waited {
                Err(error) if !called && error != TaskError::TimedOut => Err(error),
                _ => Ok(called),
            }
        })?;
        waited.map(|called| (guard, called))
    }

    /// Wakes the thread that has waited longest, if there is one.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.notify(SLOTS);
    }

    /// Wakes the `count` threads that have waited longest, or as many as there are.
    pub fn notify(&self, count: usize) {
        self.waiters.update(|waiters| waiters.call(count));
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiters.state().slots.iter().filter(|slot| slot.ticket > 0).count();
        write!(f, "Condition({waiting} waiting)")
    }
}
