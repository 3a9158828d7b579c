//! The executor without threads: every task runs in the thread that submits it.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use threadbook_base::Mutex;
use threadbook_base::fork::{self, ForkHandler, Held};
use threadbook_future::producer::shared_of;
use threadbook_future::wait::help::{defer, run_deferred};
use threadbook_future::wait::{ThreadData, ThreadNumber};
use threadbook_future::{Future, TaskError, panics};
use threadbook_trace::{Log, NameId, Recorder, TaskLabel, Timeline};

use crate::map::{BufferedResults, MapResults};
use crate::task::{self, Worker};

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
    inner: Arc<Serial>,
}

struct Serial {
    recorder: Recorder,
    logs: Mutex<HashMap<ThreadNumber, Arc<Log>>>,
    tasks: AtomicU64,
    closed: AtomicBool,
}

static EXECUTORS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this thread runs a serial task.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

crate::executor::implement_submit!(SerialExecutor);
crate::executor::implement_executor!(SerialExecutor);

impl ForkHandler for Serial {
    fn hold<'a>(&'a self, held: &mut Vec<Box<dyn Held + 'a>>) {
        held.push(Box::new(self.logs.lock()));
        held.push(Box::new(self.recorder.hold()));
    }
}

impl SerialExecutor {
    /// An executor that runs tasks in the calling thread.
    pub fn new() -> SerialExecutor {
        panics::install_hook();
        let name = format!("SerialExecutor-{}", EXECUTORS.fetch_add(1, Relaxed));
        let inner = Serial {
            recorder: Recorder::new(name),
            logs: Mutex::default(),
            tasks: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        };
        let inner = Arc::new(inner);
        fork::on_child(&inner);
        SerialExecutor { inner }
    }

    fn submit_as<F, T>(&self, name: NameId, work: F) -> Future<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let label = TaskLabel { number: self.inner.tasks.fetch_add(1, Relaxed) + 1, name };
        if self.inner.closed.load(Relaxed) {
            return task::refused(label, TaskError::ShutDown);
        }
        let (job, future) = task::task(label, 0, work);
        let worker = self.worker();
        // Only this thread can run it, now or later.
        shared_of(&future).header().set_runner(worker.thread.id);
        defer(Box::new(move || job.run(&worker)));
        if !BUSY.replace(true) {
            while run_deferred() {}
            BUSY.set(false);
        }
        future
    }

    fn worker(&self) -> Worker {
        let thread = ThreadData::current();
        let mut logs = self.inner.logs.lock();
        let log = logs.entry(thread.id).or_insert_with(|| self.inner.recorder.add(&*thread.name));
        Worker::new(Arc::clone(&thread), Arc::clone(log))
    }

    /// The executor's name.
    pub fn name(&self) -> &str {
        self.inner.recorder.name()
    }

    /// Always 1.
    pub fn max_workers(&self) -> usize {
        1
    }

    /// Takes no more tasks.
    pub fn shutdown(&self) {
        self.inner.closed.store(true, Relaxed);
    }

    /// Takes no more tasks. There are never any that have not started, so it cancels none.
    pub fn shutdown_now(&self) -> usize {
        self.shutdown();
        0
    }

    /// What ran when: a row for each thread that submitted tasks.
    pub fn timeline(&self) -> Timeline {
        self.inner.recorder.timeline()
    }
}

impl Default for SerialExecutor {
    fn default() -> SerialExecutor {
        SerialExecutor::new()
    }
}

impl fmt::Debug for SerialExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.inner.closed.load(Relaxed) { ", shut down" } else { "" };
        write!(f, "SerialExecutor({:?}{state})", self.name())
    }
}
