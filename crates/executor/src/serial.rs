//! The executor without threads: every task runs in the thread that submits it.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use threadbook_trace::sync::Mutex;
use threadbook_trace::{Log, NameId, Recorder, TaskLabel, Timeline};

use crate::agent::{Agent, AgentId};
use crate::error::TaskError;
use crate::future::Future;
use crate::map::{BufferedResults, MapResults};
use crate::panics;
use crate::task::{self, Job, Worker};

/// Runs each task at once, in the thread that submits it: the executor to compare others with, and to
/// debug with.
///
/// A task that submits another one goes on first; the other one runs when the first is done or waits.
/// So tasks may submit tasks to any depth, and a task may wait for one that it submitted.
///
/// # Examples
///
/// ```
/// use threadbook_executor::SerialExecutor;
///
/// let executor = SerialExecutor::new();
/// let future = executor.submit(|| 42);
/// assert!(future.done());
/// assert_eq!(future.result(), Ok(42));
/// ```
#[derive(Clone)]
pub struct SerialExecutor {
    shared: Arc<Shared>,
}

struct Shared {
    recorder: Recorder,
    logs: Mutex<HashMap<AgentId, Arc<Log>>>,
    tasks: AtomicU64,
    closed: AtomicBool,
}

static EXECUTORS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread runs a serial task.
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// The tasks that were submitted meanwhile.
    static DEFERRED: RefCell<VecDeque<(Box<dyn Job>, Worker)>> = const { RefCell::new(VecDeque::new()) };
}

crate::executor::implement_submit!(SerialExecutor);

impl SerialExecutor {
    /// An executor that runs tasks in the calling thread.
    pub fn new() -> SerialExecutor {
        panics::install_hook();
        let name = format!("SerialExecutor-{}", EXECUTORS.fetch_add(1, Relaxed));
        let shared = Shared {
            recorder: Recorder::new(name),
            logs: Mutex::default(),
            tasks: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        };
        SerialExecutor { shared: Arc::new(shared) }
    }

    fn submit_as<F, T>(&self, name: NameId, work: F) -> Future<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let label = TaskLabel { number: self.shared.tasks.fetch_add(1, Relaxed) + 1, name };
        if self.shared.closed.load(Relaxed) {
            return task::refused(label, TaskError::ShutDown);
        }
        let (job, future) = task::task(label, 0, work);
        let worker = self.worker();
        // Only this thread can run it, now or later.
        future.shared().header().set_runner(worker.agent.id);
        DEFERRED.with_borrow_mut(|deferred| deferred.push_back((job, worker)));
        if !BUSY.replace(true) {
            while run_deferred() {}
            BUSY.set(false);
        }
        future
    }

    fn worker(&self) -> Worker {
        let agent = Agent::current();
        let mut logs = self.shared.logs.lock();
        let log = logs.entry(agent.id).or_insert_with(|| self.shared.recorder.add(&*agent.name));
        Worker::new(Arc::clone(&agent), Arc::clone(log))
    }

    /// The executor's name.
    pub fn name(&self) -> &str {
        self.shared.recorder.name()
    }

    /// Always 1.
    pub fn max_workers(&self) -> usize {
        1
    }

    /// Takes no more tasks.
    pub fn shutdown(&self) {
        self.shared.closed.store(true, Relaxed);
    }

    /// Takes no more tasks. There are never any that have not started, so it cancels none.
    pub fn shutdown_now(&self) -> usize {
        self.shutdown();
        0
    }

    /// What ran when: a row for each thread that submitted tasks.
    pub fn timeline(&self) -> Timeline {
        self.shared.recorder.timeline()
    }
}

/// Runs the oldest task that a serial executor has put off in this thread. Returns false if there is
/// none.
pub(crate) fn run_deferred() -> bool {
    let Some((job, worker)) = DEFERRED.with_borrow_mut(VecDeque::pop_front) else {
        return false;
    };
    job.run(&worker);
    true
}

impl Default for SerialExecutor {
    fn default() -> SerialExecutor {
        SerialExecutor::new()
    }
}

impl fmt::Debug for SerialExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.shared.closed.load(Relaxed) { ", shut down" } else { "" };
        write!(f, "SerialExecutor({:?}{state})", self.name())
    }
}
