//! A closure on its way to becoming a future's result.

use std::cell::Cell;
use std::sync::Arc;

use threadbook_trace::{Log, NameId, Outcome, TaskLabel, TaskSpan, Ticks};

use crate::agent::{self, Agent, PoolId, Running};
use crate::error::TaskError;
use crate::future::Future;
use crate::panics;
use crate::state::{Header, Shared};

/// Something that a worker can run once, or give up.
pub(crate) trait Job: Send {
    /// Runs the task in the calling thread and completes its future.
    fn run(self: Box<Self>, worker: &Worker);

    /// Completes the future with an error instead.
    fn give_up(self: Box<Self>, error: TaskError);

    /// Cancels the future. Returns false if it was cancelled before.
    fn cancel(self: Box<Self>) -> bool;
}

/// The thread that runs tasks, and where it writes what happens.
pub(crate) struct Worker {
    pub(crate) agent: Arc<Agent>,
    pub(crate) log: Arc<Log>,
    /// When the last task ended, if the next one follows at once.
    last: Cell<Option<Ticks>>,
}

impl Worker {
    pub(crate) fn new(agent: Arc<Agent>, log: Arc<Log>) -> Worker {
        Worker { agent, log, last: Cell::new(None) }
    }

    /// Notes that the worker has nothing to do.
    pub(crate) fn rest(&self) {
        self.last.set(None);
    }

    /// The moment of this call, without reading the clock if the last task ended just now.
    fn now(&self) -> Ticks {
        self.last.take().unwrap_or_else(Ticks::now)
    }
}

struct Task<F, T> {
    work: F,
    shared: Arc<Shared<T>>,
    submitted: Ticks,
}

fn now() -> Ticks {
    if crate::WATCHED { Ticks::now() } else { Ticks::default() }
}

/// The name of a task that is handed in as `F`, unless it is given one.
pub(crate) fn name_of<F>() -> NameId {
    NameId::of_type::<F>()
}

/// A job and the future of its result.
pub(crate) fn task<F, T>(label: TaskLabel, pool: PoolId, work: F) -> (Box<dyn Job>, Future<T>)
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let (shared, future) = Shared::new(Header::new(label, pool));
    (Box::new(Task { work, shared, submitted: now() }), future)
}

impl<F, T> Job for Task<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self: Box<Self>, worker: &Worker) {
        let Task { work, shared, submitted } = *self;
        let header = shared.header();
        if crate::WATCHED {
            header.set_runner(worker.agent.id);
        }
        if !shared.start() {
            return;
        }
        if !crate::WATCHED {
            let _ = shared.complete(panics::catch(header.label, work));
            return;
        }
        let label = header.label;
        let running = Running { label, pool: header.pool, is_thread: false };
        let before = agent::set_running(Some(running));
        let started = worker.now();
        worker.log.started(label, submitted, started);
        let result = panics::catch(label, work);
        let outcome = if result.is_ok() { Outcome::Returned } else { Outcome::Panicked };
        // Before the future is done: who has the result finds the task in the timeline.
        let finished = Ticks::now();
        worker.log.finished(TaskSpan { task: label, submitted, started, finished, outcome });
        // Nobody can have cancelled it after `start`, and nobody else completes it.
        if let Ok(true) = shared.complete(result) {
            worker.last.set(Some(finished));
        }
        agent::set_running(before);
    }

    fn give_up(self: Box<Self>, error: TaskError) {
        // It may have been cancelled, which is as good.
        let _ = self.shared.complete(Err(error));
    }

    fn cancel(self: Box<Self>) -> bool {
        !self.shared.is_cancelled() && self.shared.cancel()
    }
}

/// A future that holds `error` from the start.
pub(crate) fn refused<T>(label: TaskLabel, error: TaskError) -> Future<T> {
    let (shared, future) = Shared::new(Header::new(label, 0));
    // Nobody else knows this future yet.
    let _ = shared.complete(Err(error));
    future
}
