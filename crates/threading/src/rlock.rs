//! A lock that its holder may take again.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{ReentrantMutex, ReentrantMutexGuard};
use threadbook_trace::{NameId, TaskLabel};

use crate::agent::{self, Agent};
use crate::block::{Goal, block};
use crate::detect::{Dependency, LockId, Need};
use crate::error::TaskError;
use crate::wait_list::WaitList;

static LOCKS: AtomicUsize = AtomicUsize::new(0);

/// A lock that the thread that holds it may take again, any number of times; it is free when every
/// guard is gone.
///
/// Because there can be several guards at a time, they give shared access only; put a
/// [`Cell`](std::cell::Cell) or [`RefCell`] inside to change the value.
///
/// # Examples
///
/// ```
/// use std::cell::Cell;
/// use threadbook_executor::threading::RLock;
///
/// let count = RLock::new(Cell::new(0));
/// let outer = count.lock().unwrap();
/// let inner = count.lock().unwrap();
/// inner.set(outer.get() + 1);
/// assert_eq!(outer.get(), 1);
/// ```
pub struct RLock<T> {
    id: Arc<LockId>,
    waiters: WaitList,
    /// How many guards there are; written only by the thread that holds the lock.
    depth: AtomicUsize,
    value: ReentrantMutex<T>,
}

/// Access to the value of an [`RLock`], until it is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct RLockGuard<'a, T> {
    lock: &'a RLock<T>,
    /// There until the drop.
    guard: Option<ReentrantMutexGuard<'a, T>>,
}

impl<T> RLock<T> {
    /// A lock that error messages call `rlock 1`, `rlock 2` and so on.
    pub fn new(value: T) -> RLock<T> {
        RLock::named(&format!("rlock {}", LOCKS.fetch_add(1, Relaxed) + 1), value)
    }

    /// A lock that error messages call `name`.
    pub fn named(name: &str, value: T) -> RLock<T> {
        let id = LockId { name: name.to_owned(), holder: AtomicU32::new(0) };
        RLock {
            id: Arc::new(id),
            waiters: WaitList::default(),
            depth: AtomicUsize::new(0),
            value: ReentrantMutex::new(value),
        }
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
        &self.id.name
    }

    fn taken<'a>(&'a self, guard: ReentrantMutexGuard<'a, T>) -> RLockGuard<'a, T> {
        if self.depth.fetch_add(1, Relaxed) == 0 {
            self.id.holder.store(Agent::current_id(), Relaxed);
        }
        agent::lock_taken();
        RLockGuard { lock: self, guard: Some(guard) }
    }

    fn lock_until(&self, deadline: Option<Instant>) -> Result<RLockGuard<'_, T>, TaskError> {
        if let Some(guard) = self.try_lock() {
            return Ok(guard);
        }
        let goal = Taken { lock: self, guard: RefCell::new(None) };
        let waited = block(&goal, deadline);
        // Only now, when the detector no longer takes this thread for one that waits: a holder that
        // still waits for its own lock would look like a deadlock.
        let guard = goal.guard.take().map(|guard| self.taken(guard));
        match (guard, waited) {
            // Another wait of the same deadlock failed first and its thread let go of the lock; the
            // verdict on this wait stands, and the guard is dropped.
            (_, Err(error @ TaskError::Deadlock(_))) => Err(error),
            (Some(guard), _) => Ok(guard),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => Err(TaskError::Interrupted),
        }
    }
}

struct Taken<'a, T> {
    lock: &'a RLock<T>,
    guard: RefCell<Option<ReentrantMutexGuard<'a, T>>>,
}

impl<T> Goal for Taken<'_, T> {
    fn is_reached(&self) -> bool {
        let mut guard = self.guard.borrow_mut();
        if guard.is_none() {
            *guard = self.lock.value.try_lock();
        }
        guard.is_some()
    }

    fn allows_help(&self) -> bool {
        false
    }

    fn subscribe(&self, agent: &Arc<Agent>) {
        self.lock.waiters.subscribe(agent);
    }

    fn unsubscribe(&self, agent: &Arc<Agent>) {
        self.lock.waiters.unsubscribe(agent);
    }

    fn need(&self) -> Need {
        Need::All(vec![Dependency::Lock(Arc::clone(&self.lock.id))])
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(&self.lock.id.name) }
    }
}

impl<T> Drop for RLockGuard<'_, T> {
    fn drop(&mut self) {
        let last = self.lock.depth.fetch_sub(1, Relaxed) == 1;
        if last {
            // Nobody may be taken for the holder of a free lock, so this comes before the release.
            self.lock.id.holder.store(0, Relaxed);
        }
        agent::lock_released();
        self.guard = None;
        if last {
            self.lock.waiters.wake_one();
        }
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
            Some(value) => write!(f, "RLock({:?}: {:?})", self.id.name, &*value),
            None => write!(f, "RLock({:?}, locked)", self.id.name),
        }
    }
}
