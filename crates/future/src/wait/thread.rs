//! Threads as the waits know them.
//!
//! Each thread that ever blocks on a future or lock of these crates has a [`ThreadData`]: a number, a name for error messages,
//! and a way to be woken. It also knows the pool that the thread works for and the task that it runs, which the deadlock
//! detector needs.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::sync::{Arc, OnceLock, Weak};
use std::thread::Thread;

use threadbook_base::Mutex;
use threadbook_base::fork::{self, Rank};
use threadbook_base::interrupt;
use threadbook_trace::{Log, TaskLabel, WaitGraph};

/// The number of a thread. 0 means none.
pub type ThreadNumber = u32;

/// The number of a pool. 0 means none.
pub type PoolId = u32;

/// A thread that may wait.
pub struct ThreadData {
    /// A number that no other thread of this process has or had.
    pub id: ThreadNumber,
    /// The name in error messages.
    pub name: String,
    thread: Thread,
    /// The pool that this thread works for, or 0.
    pool: AtomicU32,
    /// The log of this thread's events, if it is a worker.
    log: OnceLock<Arc<Log>>,
    /// The deadlock that the thread's wait was found to be part of.
    deadlock: Mutex<Option<WaitGraph>>,
}

static LAST_ID: AtomicU32 = AtomicU32::new(0);
static THREADS: Mutex<BTreeMap<ThreadNumber, Weak<ThreadData>>> = Mutex::new(BTreeMap::new());

thread_local! {
    static CURRENT: OnceLock<Arc<ThreadData>> = const { OnceLock::new() };
    static TASK: Cell<Option<Running>> = const { Cell::new(None) };
    static LOCKS_HELD: Cell<usize> = const { Cell::new(0) };
}

/// The task that a thread runs.
#[derive(Clone, Copy)]
pub struct Running {
    /// The task's number and name.
    pub label: TaskLabel,
    /// The pool that the task was submitted to, or 0.
    pub pool: PoolId,
    /// Whether the thread was started for this task only. Then both have the same name.
    pub is_thread: bool,
}

impl ThreadData {
    /// The calling thread.
    pub fn current() -> Arc<ThreadData> {
        // A thread-local does not exist any more while its thread ends. A wait in a destructor then gets data that live
        // as long as the wait.
        let known = CURRENT.try_with(|cell| Arc::clone(cell.get_or_init(|| ThreadData::register(None))));
        known.unwrap_or_else(|_| ThreadData::register(None))
    }

    /// The number of the calling thread.
    #[inline]
    pub fn current_id() -> ThreadNumber {
        let known = CURRENT.try_with(|cell| cell.get_or_init(|| ThreadData::register(None)).id);
        known.unwrap_or_else(|_| ThreadData::register(None).id)
    }

    /// Registers the calling thread as a worker of `pool`. Called once, before the thread does anything else.
    pub fn become_worker(name: String, pool: PoolId, log: Option<Arc<Log>>) -> Arc<ThreadData> {
        CURRENT.with(|cell| {
            let thread = cell.get_or_init(|| ThreadData::register(Some(name)));
            thread.pool.store(pool, Relaxed);
            if let Some(log) = log {
                let _ = thread.log.set(log);
            }
            Arc::clone(thread)
        })
    }

    fn register(name: Option<String>) -> Arc<ThreadData> {
        interrupt::on_interrupt(wake_all);
        fork::protect(Rank::Threads, || Box::new(THREADS.lock()), || ());
        let thread = std::thread::current();
        let id = LAST_ID.fetch_add(1, Relaxed) + 1;
        let name = name.or_else(|| thread.name().map(str::to_owned));
        let data = Arc::new(ThreadData {
            id,
            name: name
                .unwrap_or_else(|| if is_main_thread() { "main".into() } else { format!("thread {id}") }),
            thread,
            pool: AtomicU32::new(0),
            log: OnceLock::new(),
            deadlock: Mutex::new(None),
        });
        THREADS.lock().insert(id, Arc::downgrade(&data));
        data
    }

    /// The pool that the thread works for, or 0.
    pub fn pool(&self) -> PoolId {
        self.pool.load(Relaxed)
    }

    /// The log of the thread's events, if it is a worker.
    pub fn log(&self) -> Option<&Arc<Log>> {
        self.log.get()
    }

    /// The name that std knows.
    pub fn thread_name(&self) -> Option<&str> {
        self.thread.name()
    }

    /// Wakes the thread, or keeps its next sleep from beginning.
    pub fn wake(&self) {
        self.thread.unpark();
    }

    /// Whether another thread could wait for this one, which is the calling thread. If not, its waits cannot be part of a
    /// deadlock.
    pub(super) fn is_needed(&self) -> bool {
        self.pool() != 0 || TASK.with(Cell::get).is_some() || LOCKS_HELD.with(Cell::get) > 0
    }

    /// Ends the thread's wait, which is part of a deadlock.
    pub(super) fn fail_wait(&self, graph: WaitGraph) {
        *self.deadlock.lock() = Some(graph);
        self.wake();
    }

    pub(super) fn take_deadlock(&self) -> Option<WaitGraph> {
        self.deadlock.lock().take()
    }
}

impl Drop for ThreadData {
    fn drop(&mut self) {
        THREADS.lock().remove(&self.id);
    }
}

/// Whether this is the process's first thread. In a notebook, the standard library came to the process later and has no name
/// for it.
fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: plain calls.
    return unsafe { libc::gettid() == libc::getpid() };
    #[cfg(not(target_os = "linux"))]
    false
}

/// Whether the calling thread is a worker of an executor.
pub fn is_worker() -> bool {
    let pool = CURRENT.try_with(|cell| cell.get().map(|thread| thread.pool()));
    pool.ok().flatten().is_some_and(|pool| pool != 0)
}

/// Wakes every thread, so that each checks the condition of its wait again.
pub fn wake_all() {
    all().iter().for_each(|thread| thread.wake());
}

/// All threads that are alive and have waited.
pub fn all() -> Vec<Arc<ThreadData>> {
    THREADS.lock().values().filter_map(Weak::upgrade).collect()
}

/// The task that the calling thread runs.
pub fn running() -> Option<Running> {
    TASK.try_with(Cell::get).ok().flatten()
}

/// Sets the task that the calling thread runs, and returns the previous one.
#[inline]
pub fn set_running(task: Option<Running>) -> Option<Running> {
    TASK.with(|cell| cell.replace(task))
}

/// Counts a lock that the calling thread has taken.
pub fn lock_taken() {
    LOCKS_HELD.with(|held| held.set(held.get() + 1));
}

/// The counterpart of [`lock_taken`].
pub fn lock_released() {
    let _ = LOCKS_HELD.try_with(|held| held.set(held.get().saturating_sub(1)));
}
