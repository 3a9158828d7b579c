//! Locks between processes.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use threadbook_executor::TaskError;

use crate::error::Error;
use crate::identity::ProcessIdentity;
use crate::monitor::{Monitor, SLICE};

/// The holder of a lock.
#[derive(Clone, Copy)]
#[repr(C)]
struct Held {
    holder: ProcessIdentity,
    /// How often the holder has taken it.
    depth: u64,
}

const FREE: Held = Held { holder: ProcessIdentity::NOBODY, depth: 0 };

impl Held {
    fn take(&mut self, me: ProcessIdentity) -> Option<()> {
        if self.depth > 0 {
            return None;
        }
        *self = Held { holder: me, depth: 1 };
        Some(())
    }

    fn is_held_by(&self, who: ProcessIdentity) -> bool {
        self.depth > 0 && self.holder == who
    }

    fn has_lost_its_holder(&self) -> bool {
        self.depth > 0 && self.holder.is_gone()
    }
}

/// The part that both locks share.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Owned(Monitor<Held>);

impl Owned {
    fn new() -> Owned {
        Owned(Monitor::new(FREE))
    }

    fn take(&self, timeout: Option<Duration>, again: impl Fn(&mut Held) -> Again) -> Result<(), TaskError> {
        let me = ProcessIdentity::current();
        // To ask the system after the holder takes longer than all the rest.
        let mut ask = None;
        self.0.take(timeout, |held| {
            if held.is_held_by(me) {
                return match again(held) {
                    Again::Taken => Some(Ok(())),
                    Again::Never => Some(Err(TaskError::from_error(
                        "this thread holds the lock already and would wait for itself; use an RLock, or give the \
                         lock back first",
                    ))),
                };
            }
            if held.take(me).is_some() {
                return Some(Ok(()));
            }
            let now = Instant::now();
            if now < *ask.get_or_insert(now + SLICE) {
                return None;
            }
            ask = Some(now + SLICE);
            let pid = held.holder.pid;
            held.has_lost_its_holder().then(|| Err(Error::HolderDied { pid }.into()))
        })?
    }

    fn release(&self) {
        let me = ProcessIdentity::current();
        self.0.update(|held| {
            // A copy of the process that was made by `fork` has the guard, but not the lock.
            if held.is_held_by(me) {
                held.depth -= 1;
            }
        });
    }

    /// Returns how often this thread had taken it.
    fn release_all(&self) -> u64 {
        let me = ProcessIdentity::current();
        self.0.update(|held| if held.is_held_by(me) { std::mem::take(&mut held.depth) } else { 1 })
    }

    fn recover(&self) -> bool {
        self.0.update(|held| {
            let lost = held.has_lost_its_holder();
            if lost {
                *held = FREE;
            }
            lost
        })
    }

    fn describe(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.state() {
            Held { depth: 0, .. } => write!(f, "{name}(free)"),
            held if held.has_lost_its_holder() => {
                write!(f, "{name}(held by process {}, which has ended)", held.holder.pid)
            }
            held => write!(f, "{name}(held by process {})", held.holder.pid),
        }
    }
}

/// The effect of a holder taking the lock again.
enum Again {
    Taken,
    Never,
}

/// A lock that one thread of all processes at a time can hold.
///
/// A clone is the same lock; so is the one that another process receives as an argument, or through a
/// [`Queue`](crate::Queue).
///
/// A lock whose holder was killed stays held, because the guarded data may be inconsistent, but no thread waits for it in
/// vain: [`Lock::lock`] returns an error, and [`Lock::recover`] frees the lock. In Python the others hang.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Lock, Process};
///
/// let lock = Lock::new();
/// let guard = lock.lock()?;
/// assert!(lock.try_lock().is_none());
/// drop(guard);
/// Process::spawn(
///     |lock: Lock| {
///         let _guard = lock.lock().unwrap();
///         println!("one line at a time");
///     },
///     lock,
/// )?
/// .join()?;
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Lock`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Lock).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lock(Owned);

/// Holds a [`Lock`] or an [`RLock`], until it is dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct LockGuard<'a> {
    lock: &'a Owned,
    /// A lock is released by the thread that took it.
    not_send: PhantomData<*const ()>,
}

impl<'a> LockGuard<'a> {
    fn new(lock: &'a Owned) -> LockGuard<'a> {
        LockGuard { lock, not_send: PhantomData }
    }

    /// Gives the lock away while `wait` runs, however often this thread has taken it.
    pub(crate) fn without<R>(self, wait: impl FnOnce() -> R) -> Result<(LockGuard<'a>, R), TaskError> {
        let lock = self.lock;
        std::mem::forget(self);
        let depth = lock.release_all();
        let result = wait();
        lock.take(None, |_| Again::Never)?;
        lock.0.update(|held| held.depth = depth);
        Ok((LockGuard::new(lock), result))
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        self.lock.release();
    }
}

impl Lock {
    /// A free lock.
    ///
    /// # Panics
    ///
    /// If the system gives no shared memory, most likely because the process has as many open files as it may
    /// have: each lock is one.
    #[allow(clippy::new_without_default, reason = "a lock that nobody shares is of no use")]
    pub fn new() -> Lock {
        Lock(Owned::new())
    }

    /// Waits until the lock is free and takes it.
    ///
    /// # Errors
    ///
    /// [`Error::HolderDied`] if the process that holds it has ended, [`TaskError::Failed`] if this thread holds
    /// it, and [`TaskError::Interrupted`].
    pub fn lock(&self) -> Result<LockGuard<'_>, TaskError> {
        self.lock_within(None)
    }

    /// As [`Lock::lock`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`Lock::lock`], and [`TaskError::TimedOut`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard<'_>, TaskError> {
        self.lock_within(Some(timeout))
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<LockGuard<'_>> {
        let me = ProcessIdentity::current();
        self.0.0.try_take(|held| held.take(me))?;
        Some(LockGuard::new(&self.0))
    }

    /// Frees the lock if the process that held it has ended. Returns whether that was so.
    ///
    /// Call it after the guarded data were repaired.
    pub fn recover(&self) -> bool {
        self.0.recover()
    }

    /// Whether a thread holds the lock now.
    pub fn locked(&self) -> bool {
        self.0.0.state().depth > 0
    }

    fn lock_within(&self, timeout: Option<Duration>) -> Result<LockGuard<'_>, TaskError> {
        self.0.take(timeout, |_| Again::Never)?;
        Ok(LockGuard::new(&self.0))
    }
}

/// A [`Lock`] that its holder can take again.
///
/// It is free when all guards are dropped.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::RLock;
///
/// let lock = RLock::new();
/// let outer = lock.lock()?;
/// let inner = lock.lock()?;
/// drop(outer);
/// assert!(lock.is_owned());
/// drop(inner);
/// assert!(!lock.is_owned());
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.RLock`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.RLock).
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RLock(Owned);

impl RLock {
    /// A free lock.
    ///
    /// # Panics
    ///
    /// As [`Lock::new`].
    #[allow(clippy::new_without_default, reason = "a lock that nobody shares is of no use")]
    pub fn new() -> RLock {
        RLock(Owned::new())
    }

    /// Waits until the lock is free, or this thread's, and takes it.
    ///
    /// # Errors
    ///
    /// [`Error::HolderDied`] if the process that holds it has ended, and [`TaskError::Interrupted`].
    pub fn lock(&self) -> Result<LockGuard<'_>, TaskError> {
        self.lock_within(None)
    }

    /// As [`RLock::lock`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`RLock::lock`], and [`TaskError::TimedOut`].
    pub fn lock_timeout(&self, timeout: Duration) -> Result<LockGuard<'_>, TaskError> {
        self.lock_within(Some(timeout))
    }

    /// Takes the lock if it is free, or this thread's.
    pub fn try_lock(&self) -> Option<LockGuard<'_>> {
        self.lock_within(Some(Duration::ZERO)).ok()
    }

    /// Frees the lock if the process that held it has ended. Returns whether that was so.
    pub fn recover(&self) -> bool {
        self.0.recover()
    }

    /// Whether this thread holds the lock.
    pub fn is_owned(&self) -> bool {
        self.0.0.state().is_held_by(ProcessIdentity::current())
    }

    fn lock_within(&self, timeout: Option<Duration>) -> Result<LockGuard<'_>, TaskError> {
        self.0.take(timeout, |held| {
            held.depth += 1;
            Again::Taken
        })?;
        Ok(LockGuard::new(&self.0))
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("Lock", f)
    }
}

impl fmt::Debug for RLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe("RLock", f)
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockGuard")
    }
}
