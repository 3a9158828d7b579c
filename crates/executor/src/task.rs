//! A closure on its way to becoming a future's result.

use std::cell::Cell;
use std::sync::Arc;

use threadbook_trace::{Log, NameId, Outcome, TaskLabel, TaskSpan, Ticks};

use crate::agent::{self, Agent, PoolId, Running};
use crate::error::TaskError;
use crate::future::Future;
use crate::panics;
use crate::shared::Shared;
use crate::state::{Header, State};

/// Something that stands in a queue, and has a future.
pub(crate) trait Queued: Send {
    /// Completes the future with an error instead.
    fn give_up(self: Box<Self>, error: TaskError);

    /// Cancels the future. Returns false if it was cancelled before.
    fn cancel(self: Box<Self>) -> bool;
}

/// Something that a worker can run once, or give up.
pub(crate) trait Job: Queued {
    /// Runs the task in the calling thread and completes its future.
    fn run(self: Box<Self>, worker: &Worker);
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

    /// Notes that this thread runs the task of `state` from now on; nothing if it was cancelled.
    fn begin(&self, state: &State, submitted: Ticks) -> Option<Run> {
        let header = state.header();
        if crate::WATCHED {
            header.set_runner(self.agent.id);
        }
        if !state.start() {
            return None;
        }
        if !crate::WATCHED {
            return Some(Run {
                submitted,
                started: Ticks::default(),
                finished: Ticks::default(),
                before: None,
                below: None,
            });
        }
        let running = Running { label: header.label, pool: header.pool, is_thread: false };
        let before = agent::set_running(Some(running));
        let below = before.and_then(|_| self.log.running());
        let started = self.now();
        self.log.started(header.label, submitted, started);
        Some(Run { submitted, started, finished: started, before, below })
    }

    /// Notes how the task ended. Before its future is done: who has the result finds the task in the timeline.
    fn note(&self, label: TaskLabel, run: &mut Run, is_ok: bool) {
        if crate::WATCHED {
            let outcome = if is_ok { Outcome::Returned } else { Outcome::Panicked };
            run.finished = Ticks::now();
            let Run { submitted, started, finished, .. } = *run;
            self.log.finished(TaskSpan { task: label, submitted, started, finished, outcome });
            if let Some((task, submitted, started)) = run.below {
                self.log.started(task, submitted, started);
            }
        }
    }

    /// Notes that the future is done, and whether there was nobody to tell.
    fn end(&self, run: Run, was_quiet: bool) {
        if crate::WATCHED {
            if was_quiet {
                self.last.set(Some(run.finished));
            }
            agent::set_running(run.before);
        }
    }
}

/// A task that a worker is running.
struct Run {
    submitted: Ticks,
    started: Ticks,
    finished: Ticks,
    /// What the thread was running outside of it.
    before: Option<Running>,
    /// The task of the same log that goes on when this one ends.
    below: Option<(TaskLabel, Ticks, Ticks)>,
}

struct Task<F, T> {
    work: F,
    shared: Arc<Shared<T>>,
    submitted: Ticks,
}

/// The moment of this call, if anybody is to know it.
pub(crate) fn now() -> Ticks {
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
        let label = shared.header().label;
        let Some(mut run) = worker.begin(&shared, submitted) else { return discard(label, work) };
        let result = panics::catch(&label, work);
        worker.note(label, &mut run, result.is_ok());
        // Nobody can have cancelled it after `start`, and nobody else completes it.
        let was_quiet = matches!(shared.complete(result), Ok(true));
        // If nobody else has a handle, this drops the result.
        discard(label, shared);
        worker.end(run, was_quiet);
    }
}

impl<F, T> Queued for Task<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn give_up(self: Box<Self>, error: TaskError) {
        let Task { work, shared, .. } = *self;
        // It may have been cancelled, which is as good.
        let _ = shared.complete(Err(error));
        discard(shared.header().label, work);
    }

    fn cancel(self: Box<Self>) -> bool {
        let Task { work, shared, .. } = *self;
        let is_cancelled = !shared.is_cancelled() && shared.cancel();
        discard(shared.header().label, work);
        is_cancelled
    }
}

/// Drops what belonged to a task. If that panics, it is reported, and the thread lives on.
pub(crate) fn discard<V>(label: TaskLabel, value: V) {
    if std::mem::needs_drop::<V>()
        && let Err(error) = panics::catch(&format_args!("the end of what {label} had"), || drop(value))
    {
        eprintln!("threadbook: {error}");
    }
}

/// A future that holds `error` from the start.
pub(crate) fn refused<T>(label: TaskLabel, error: TaskError) -> Future<T> {
    let (shared, future) = Shared::new(Header::new(label, 0));
    // Nobody else knows this future yet.
    let _ = shared.complete(Err(error));
    future
}
