//! Tasks: closures whose results complete futures.

use std::cell::Cell;
use std::sync::Arc;

use threadbook_future::producer::{FutureState, Header, Shared, pending};
use threadbook_future::wait::thread;
use threadbook_future::wait::{PoolId, Running, ThreadData, ThreadNumber};
use threadbook_future::{Future, TaskError, panics};
use threadbook_trace::{Log, NameId, Outcome, TaskLabel, TaskSpan, Ticks};

/// A task in a queue.
pub(crate) trait Queued: Send {
    /// Sets the thread that has taken the task from the queue.
    fn set_runner(&self, thread: ThreadNumber);

    /// Completes the future with an error.
    fn fail(self: Box<Self>, error: TaskError);

    /// Cancels the future. Returns false if it was cancelled before.
    fn cancel(self: Box<Self>) -> bool;
}

/// A task that a worker can run once, or fail.
pub(crate) trait Job: Queued {
    /// Runs the task in the calling thread and completes its future.
    fn run(self: Box<Self>, worker: &Worker);
}

/// A thread that runs tasks, and its log.
pub(crate) struct Worker {
    pub(crate) thread: Arc<ThreadData>,
    pub(crate) log: Arc<Log>,
    /// When the last task ended, if the next one follows at once.
    last: Cell<Option<Ticks>>,
}

impl Worker {
    pub(crate) fn new(thread: Arc<ThreadData>, log: Arc<Log>) -> Worker {
        Worker { thread, log, last: Cell::new(None) }
    }

    /// Notes that the worker is idle.
    pub(crate) fn rest(&self) {
        self.last.set(None);
    }

    /// The moment of this call, without reading the clock if the last task ended just now.
    fn now(&self) -> Ticks {
        self.last.take().unwrap_or_else(Ticks::now)
    }

    /// Starts the task of `state` in this thread; none if it was cancelled.
    fn begin(&self, state: &FutureState, submitted: Ticks) -> Option<Run> {
        let header = state.header();
        header.set_runner(self.thread.id);
        if !state.start() {
            return None;
        }
        let running = Running { label: header.label, pool: header.pool, is_thread: false };
        let before = thread::set_running(Some(running));
        let below = before.and_then(|_| self.log.running());
        let started = self.now();
        self.log.started(header.label, submitted, started);
        Some(Run { submitted, started, finished: started, before, below })
    }

    /// Logs the end of the task, before its future is done: a thread that has the result finds the task in the timeline.
    fn note(&self, label: TaskLabel, run: &mut Run, is_ok: bool) {
        let outcome = if is_ok { Outcome::Returned } else { Outcome::Panicked };
        run.finished = Ticks::now();
        let Run { submitted, started, finished, .. } = *run;
        self.log.finished(TaskSpan { task: label, submitted, started, finished, outcome });
        if let Some((task, submitted, started)) = run.below {
            self.log.started(task, submitted, started);
        }
    }

    /// Ends the task, whose future is done. Without listeners, no time has passed since [`Worker::note`].
    fn end(&self, run: Run, had_no_listeners: bool) {
        if had_no_listeners {
            self.last.set(Some(run.finished));
        }
        thread::set_running(run.before);
    }
}

/// A task that a worker is running.
struct Run {
    submitted: Ticks,
    started: Ticks,
    finished: Ticks,
    /// The task that the thread ran before, and goes on with.
    before: Option<Running>,
    /// The task of the same log that goes on when this one ends.
    below: Option<(TaskLabel, Ticks, Ticks)>,
}

struct Task<F, T> {
    work: F,
    shared: Arc<Shared<T>>,
    submitted: Ticks,
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
    let (shared, future) = pending(Header::new(label, pool));
    (Box::new(Task { work, shared, submitted: Ticks::now() }), future)
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
        // It cannot be cancelled after `start`, and no other thread completes it.
        let had_no_listeners = matches!(shared.complete(result), Ok(true));
        // If there is no other handle, this drops the result.
        discard(label, shared);
        worker.end(run, had_no_listeners);
    }
}

impl<F, T> Queued for Task<F, T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    fn set_runner(&self, thread: ThreadNumber) {
        self.shared.header().set_runner(thread);
    }

    fn fail(self: Box<Self>, error: TaskError) {
        let Task { work, shared, .. } = *self;
        // It may have been cancelled, then it is done as well.
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

/// Drops a value of a task. A panic of its destructor is reported, and the thread lives on.
pub(crate) fn discard<V>(label: TaskLabel, value: V) {
    if std::mem::needs_drop::<V>()
        && let Err(error) = panics::catch(&format_args!("the end of what {label} had"), || drop(value))
    {
        eprintln!("threadbook: {error}");
    }
}

/// A future that holds `error` from the start.
pub(crate) fn refused<T>(label: TaskLabel, error: TaskError) -> Future<T> {
    let (shared, future) = pending(Header::new(label, 0));
    // No other thread has this future yet.
    let _ = shared.complete(Err(error));
    future
}
