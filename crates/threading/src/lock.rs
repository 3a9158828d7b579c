//! A lock around a value.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use threadbook_trace::{NameId, TaskLabel};

use crate::agent::{self, Agent};
use crate::block::{Goal, block};
use crate::detect::{Dependency, LockId, Need};
use crate::error::TaskError;
use crate::wait_list::WaitList;

static LOCKS: AtomicUsize = AtomicUsize::new(0);

/// A value that one thread at a time may use.
///
/// A lock that is needed to go on but can never become free is a deadlock, and [`Lock::lock`] says so
/// instead of hanging. A thread that panics while it holds the lock releases it.
///
/// # Examples
///
/// ```
/// use threadbook_executor::threading::Lock;
///
/// let accounts = Lock::named("accounts", vec![100, 0]);
/// {
///     let mut accounts = accounts.lock().unwrap();
///     accounts[0] -= 30;
///     accounts[1] += 30;
/// }
/// assert_eq!(*accounts.lock().unwrap(), [70, 30]);
///
/// // A thread that asks for a lock that it holds waits for itself:
/// let held = accounts.lock().unwrap();
/// assert!(accounts.lock().is_err());
/// ```
pub struct Lock<T: ?Sized> {
    id: Arc<LockId>,
    waiters: WaitList,
    value: Mutex<T>,
}

/// The right to use the value of a [`Lock`], until it is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    /// There until the drop.
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
        let id = LockId { name: name.to_owned(), holder: AtomicU32::new(0) };
        Lock { id: Arc::new(id), waiters: WaitList::default(), value: Mutex::new(value) }
    }

    /// The value, of which this is the only owner.
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
        &self.id.name
    }

    /// The value, which nobody else can have now.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    fn lock_until(&self, deadline: Option<Instant>) -> Result<LockGuard<'_, T>, TaskError> {
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

    fn taken<'a>(&'a self, guard: MutexGuard<'a, T>) -> LockGuard<'a, T> {
        self.id.holder.store(Agent::current_id(), Relaxed);
        agent::lock_taken();
        LockGuard { lock: self, guard: Some(guard), not_send: PhantomData }
    }
}

struct Taken<'a, T: ?Sized> {
    lock: &'a Lock<T>,
    guard: RefCell<Option<MutexGuard<'a, T>>>,
}

impl<T: ?Sized> Goal for Taken<'_, T> {
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

impl<T: ?Sized> Drop for LockGuard<'_, T> {
    fn drop(&mut self) {
        // Nobody may be taken for the holder of a free lock, so this comes before the release.
        self.lock.id.holder.store(0, Relaxed);
        agent::lock_released();
        self.guard = None;
        self.lock.waiters.wake_one();
    }
}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    pub(super) fn lock(guard: &LockGuard<'a, T>) -> &'a Lock<T> {
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

/// `Lock("accounts": [70, 30])`, or without the value while somebody holds it.
impl<T: ?Sized + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value.try_lock() {
            Some(value) => write!(f, "Lock({:?}: {:?})", self.id.name, &*value),
            None => write!(f, "Lock({:?}, locked)", self.id.name),
        }
    }
}
