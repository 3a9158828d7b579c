//! The threads that wait, as this crate knows them.
//!
//! Every thread that ever blocks on something of ours is an *agent*: it has a number, a name for error
//! messages, and a way to be woken. The agent also knows which pool it works for and which task it runs,
//! which is all that deadlock detection asks of it.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering::*};
use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::thread::Thread;

use crate::fork::Held;
use threadbook_trace::sync::Mutex;
use threadbook_trace::{Log, TaskLabel, WaitGraph};

/// The number of an agent. 0 stands for nobody.
pub(crate) type AgentId = u32;

/// The number of a pool. 0 stands for no pool.
pub(crate) type PoolId = u32;

/// A thread that may wait.
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) name: String,
    thread: Thread,
    /// The pool this thread works for, or 0.
    pool: AtomicU32,
    /// Where events of this thread go, if it is a worker.
    log: OnceLock<Arc<Log>>,
    /// The deadlock that this agent's wait was found to be part of.
    verdict: Mutex<Option<WaitGraph>>,
}

static LAST_ID: AtomicU32 = AtomicU32::new(0);
static AGENTS: LazyLock<Mutex<HashMap<AgentId, Weak<Agent>>>> = LazyLock::new(Mutex::default);

thread_local! {
    static CURRENT: OnceLock<Arc<Agent>> = const { OnceLock::new() };
    static TASK: Cell<Option<Running>> = const { Cell::new(None) };
    static LOCKS_HELD: Cell<usize> = const { Cell::new(0) };
}

/// The task that a thread runs.
#[derive(Clone, Copy)]
pub(crate) struct Running {
    pub(crate) label: TaskLabel,
    pub(crate) pool: PoolId,
    /// Whether it is all that the thread was started for; then the thread's name says it.
    pub(crate) is_thread: bool,
}

impl Agent {
    /// The calling thread.
    pub(crate) fn current() -> Arc<Agent> {
        // The thread-local is gone while a thread ends; a wait in a destructor then gets an agent that
        // lives as long as the wait.
        let known = CURRENT.try_with(|cell| Arc::clone(cell.get_or_init(|| Agent::register(None))));
        known.unwrap_or_else(|_| Agent::register(None))
    }

    /// The number of the calling thread.
    #[inline]
    pub(crate) fn current_id() -> AgentId {
        let known = CURRENT.try_with(|cell| cell.get_or_init(|| Agent::register(None)).id);
        known.unwrap_or_else(|_| Agent::register(None).id)
    }

    /// Whether the calling thread works for a pool.
    pub(crate) fn is_worker() -> bool {
        let pool = CURRENT.try_with(|cell| cell.get().map(|agent| agent.pool()));
        pool.ok().flatten().is_some_and(|pool| pool != 0)
    }

    /// Makes the calling thread known as a worker of `pool`. Called once, before it does anything else.
    pub(crate) fn become_worker(name: String, pool: PoolId, log: Option<Arc<Log>>) -> Arc<Agent> {
        CURRENT.with(|cell| {
            let agent = cell.get_or_init(|| Agent::register(Some(name)));
            agent.pool.store(pool, Relaxed);
            if let Some(log) = log {
                let _ = agent.log.set(log);
            }
            Arc::clone(agent)
        })
    }

    fn register(name: Option<String>) -> Arc<Agent> {
        let thread = std::thread::current();
        let id = LAST_ID.fetch_add(1, Relaxed) + 1;
        let name = name.or_else(|| thread.name().map(str::to_owned));
        let agent = Arc::new(Agent {
            id,
            name: name
                .unwrap_or_else(|| if is_main_thread() { "main".into() } else { format!("thread {id}") }),
            thread,
            pool: AtomicU32::new(0),
            log: OnceLock::new(),
            verdict: Mutex::new(None),
        });
        AGENTS.lock().insert(id, Arc::downgrade(&agent));
        agent
    }

    pub(crate) fn pool(&self) -> PoolId {
        self.pool.load(Relaxed)
    }

    pub(crate) fn log(&self) -> Option<&Arc<Log>> {
        self.log.get()
    }

    pub(crate) fn thread_name(&self) -> Option<&str> {
        self.thread.name()
    }

    pub(crate) fn wake(&self) {
        self.thread.unpark();
    }

    /// Whether anybody could be waiting for something that only this (the calling) thread can do. If
    /// not, its own waits cannot be part of a deadlock.
    pub(crate) fn is_needed(&self) -> bool {
        self.pool() != 0 || TASK.with(Cell::get).is_some() || LOCKS_HELD.with(Cell::get) > 0
    }

    pub(crate) fn convict(&self, graph: WaitGraph) {
        *self.verdict.lock() = Some(graph);
        self.wake();
    }

    pub(crate) fn take_verdict(&self) -> Option<WaitGraph> {
        self.verdict.lock().take()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        AGENTS.lock().remove(&self.id);
    }
}

/// Whether this is the process's first thread. In a notebook the standard library does not call it so: it came to
/// the process later.
fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: plain calls.
    return unsafe { libc::gettid() == libc::getpid() };
    #[cfg(not(target_os = "linux"))]
    false
}

/// Wakes every agent, so that each looks again whether it should still wait.
pub(crate) fn wake_all() {
    all().iter().for_each(|agent| agent.wake());
}

/// All agents whose threads are alive.
pub(crate) fn all() -> Vec<Arc<Agent>> {
    AGENTS.lock().values().filter_map(Weak::upgrade).collect()
}

/// Locks the list of agents, as long as what is returned lives.
pub(crate) fn hold() -> Box<dyn Held> {
    Box::new(AGENTS.lock())
}

/// The task that the calling thread runs.
pub(crate) fn running() -> Option<Running> {
    TASK.try_with(Cell::get).ok().flatten()
}

/// Notes which task the calling thread runs and returns the one that it ran before.
#[inline]
pub(crate) fn set_running(task: Option<Running>) -> Option<Running> {
    TASK.with(|cell| cell.replace(task))
}

/// Counts the locks that the calling thread holds.
pub(crate) fn lock_taken() {
    LOCKS_HELD.with(|held| held.set(held.get() + 1));
}

/// The counterpart of [`lock_taken`].
pub(crate) fn lock_released() {
    let _ = LOCKS_HELD.try_with(|held| held.set(held.get().saturating_sub(1)));
}
