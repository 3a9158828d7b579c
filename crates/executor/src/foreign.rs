//! Tasks for workers that belong to somebody else: rayon's and tokio's threads.
//!
//! Those pools have queues of their own, but one cannot look into them. So the tasks stand in a backlog
//! here, and the foreign pool only gets calls of [`Backlog::run_some`], as many as it has workers if there
//! are that many tasks. That way a shutdown can cancel what has not started, and a worker that waits for
//! a task can take it out of its turn (see `help`). A call that finds no task has nothing to do.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};

use threadbook_trace::sync::Mutex;
use threadbook_trace::{NameId, Recorder, TaskLabel};

use crate::agent::{Agent, PoolId};
use crate::block::{Goal, block};
use crate::detect::{self, Dependency, Need};
use crate::error::TaskError;
use crate::fork;
use crate::future::Future;
use crate::interrupt::is_interrupted;
use crate::state::State;
use crate::task::{self, Job, Worker};
use crate::wait_list::WaitList;

pub(crate) struct Backlog {
    pub(crate) id: PoolId,
    pub(crate) recorder: Recorder,
    /// How many tasks are run at the same time.
    pub(crate) most: usize,
    /// What its workers are called, with a number behind it.
    worker_name: &'static str,
    jobs: Mutex<VecDeque<Arc<Claimable>>>,
    tasks: AtomicU64,
    /// Calls of [`Backlog::run_some`] that the foreign pool owes.
    calls: AtomicUsize,
    workers: AtomicUsize,
    /// Tasks that are not done: those in the backlog and those that run.
    open: AtomicUsize,
    closed: AtomicBool,
    waiters: WaitList,
}

/// How many tasks a call runs. Each call costs the foreign pool about as much as a short task.
const TURN: usize = 16;

/// A task in a backlog, until somebody takes it.
pub(crate) struct Claimable {
    job: Mutex<Option<(Box<dyn Job>, Open)>>,
}

/// Counts one task until it is dropped.
pub(crate) struct Open(Arc<Backlog>);

impl Backlog {
    pub(crate) fn new(name: String, most: usize, worker_name: &'static str) -> Arc<Backlog> {
        Arc::new(Backlog {
            id: detect::add_pool(&name, most),
            recorder: Recorder::new(name),
            most,
            worker_name,
            jobs: Mutex::default(),
            tasks: AtomicU64::new(0),
            calls: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            waiters: WaitList::default(),
        })
    }

    pub(crate) fn next_label(&self, name: NameId) -> TaskLabel {
        TaskLabel { number: self.tasks.fetch_add(1, Relaxed) + 1, name }
    }

    /// Counts one more task, unless the executor is shut down.
    pub(crate) fn open(self: &Arc<Self>) -> Result<Open, TaskError> {
        fork::check();
        // Counted before the look at `closed`: who closes and then sees no open task sees them all.
        self.open.fetch_add(1, SeqCst);
        let open = Open(Arc::clone(self));
        if self.closed.load(SeqCst) { Err(TaskError::ShutDown) } else { Ok(open) }
    }

    /// Puts a task into the backlog; `call` has to see to it that a worker calls [`Backlog::run_some`].
    pub(crate) fn submit<F, T>(self: &Arc<Self>, name: NameId, work: F, call: impl FnOnce()) -> Future<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let label = self.next_label(name);
        match self.open() {
            Err(error) => task::refused(label, error),
            Ok(open) => {
                let (job, future) = task::task(label, self.id, work);
                self.put(job, open, future.shared());
                if self.wants_call() {
                    call();
                }
                future
            }
        }
    }

    fn put(&self, job: Box<dyn Job>, open: Open, state: &State) {
        let claimable = Arc::new(Claimable { job: Mutex::new(Some((job, open))) });
        state.header().set_claimable(&claimable);
        self.jobs.lock().push_back(claimable);
    }

    /// Counts one more call, unless there are as many as workers.
    fn wants_call(&self) -> bool {
        let one_more = |calls| (calls < self.most).then_some(calls + 1);
        self.calls.fetch_update(SeqCst, SeqCst, one_more).is_ok()
    }

    /// Runs the oldest tasks in the calling thread. Returns whether it has to be called again: what else
    /// the foreign pool has to do gets its turn in between.
    #[must_use]
    pub(crate) fn run_some(&self) -> bool {
        let worker = self.worker();
        for _ in 0..TURN {
            let Some(claimable) = self.pop() else {
                self.calls.fetch_sub(1, SeqCst);
                // Who has put a task there meanwhile may have counted this call.
                return !self.jobs.lock().is_empty() && self.wants_call();
            };
            claimable.run_by(&worker);
        }
        true
    }

    fn pop(&self) -> Option<Arc<Claimable>> {
        self.jobs.lock().pop_front()
    }

    /// The calling thread, which becomes a worker if it is not one yet.
    pub(crate) fn worker(&self) -> Worker {
        let agent = Agent::current();
        match agent.log() {
            Some(log) if agent.pool() == self.id => Worker::new(Arc::clone(&agent), Arc::clone(log)),
            _ => self.add_worker(),
        }
    }

    pub(crate) fn add_worker(&self) -> Worker {
        let name = format!("{} {}", self.worker_name, self.workers.fetch_add(1, Relaxed));
        let log = self.recorder.add(&name);
        let agent = Agent::become_worker(name, self.id, Some(Arc::clone(&log)));
        Worker::new(agent, log)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    pub(crate) fn cancel_queued(&self) -> usize {
        let jobs = std::mem::take(&mut *self.jobs.lock());
        let taken = jobs.into_iter().filter_map(|claimable| claimable.take());
        taken.map(|(job, _open)| usize::from(job.cancel())).sum()
    }

    /// Forgets the workers, in a process that was forked from theirs, and what they ran. Returns how many
    /// calls of [`Backlog::run_some`] the rest needs.
    pub(crate) fn forget_workers(&self) -> usize {
        let jobs = self.jobs.lock();
        let calls = jobs.len().min(self.most);
        self.open.store(jobs.len(), SeqCst);
        self.calls.store(calls, SeqCst);
        self.workers.store(0, Relaxed);
        calls
    }

    /// Waits until no task is open; an interrupt ends the wait, and cancels what has not started.
    pub(crate) fn finish(&self) {
        if !self.join() && is_interrupted() {
            self.cancel_queued();
        }
    }

    /// Waits until no task is open. Returns false if the wait failed, or would be one for oneself.
    pub(crate) fn join(&self) -> bool {
        Agent::current().pool() != self.id && block(&Idle { backlog: self }, None).is_ok()
    }
}

impl Claimable {
    pub(crate) fn is_there(&self) -> bool {
        self.job.lock().is_some()
    }

    fn take(&self) -> Option<(Box<dyn Job>, Open)> {
        self.job.lock().take()
    }

    /// Runs the task in the calling thread. Returns false if somebody else has taken it.
    pub(crate) fn run(&self) -> bool {
        let Some((job, open)) = self.take() else {
            return false;
        };
        job.run(&open.0.worker());
        true
    }

    fn run_by(&self, worker: &Worker) {
        if let Some((job, _open)) = self.take() {
            job.run(worker);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, SeqCst) == 1 {
            self.0.waiters.wake_all();
        }
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        detect::remove_pool(self.id);
    }
}

/// The moment when no task is open.
struct Idle<'a> {
    backlog: &'a Backlog,
}

impl Goal for Idle<'_> {
    fn is_reached(&self) -> bool {
        self.backlog.open.load(SeqCst) == 0
    }

    fn subscribe(&self, agent: &Arc<Agent>) {
        self.backlog.waiters.subscribe(agent);
    }

    fn unsubscribe(&self, agent: &Arc<Agent>) {
        self.backlog.waiters.unsubscribe(agent);
    }

    fn need(&self) -> Need {
        Need::All(vec![Dependency::Drained(self.backlog.id)])
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.backlog.recorder.name()) }
    }
}
