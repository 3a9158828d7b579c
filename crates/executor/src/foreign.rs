//! The queue of a pool whose threads belong to another library: rayon or tokio.
//!
//! Such a pool has a queue of its own, but no way to look into it. So the tasks are in a [`ForeignQueue`], and the
//! pool gets only calls of [`ForeignQueue::run_some`], as many as it has workers if there are that many tasks. That
//! way a shutdown can cancel the queued tasks, and a worker that waits for a task can run it out of its turn (see
//! [`Inline`]). A call that finds no task has nothing to do.
//!
//! *Invariant:* a task is in the queue, or has a runner: both change under the lock of the queue. So a forked child knows the
//! tasks that are lost with their workers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use std::sync::{Arc, Weak};

use threadbook_base::Mutex;
use threadbook_base::fork::{self, Held};
use threadbook_base::interrupt::is_interrupted;
use threadbook_future::producer::shared_of;
use threadbook_future::wait::{Goal, Inline, Need, PoolEnd, PoolId, ThreadData, WaitList, block, deadlock};
use threadbook_future::{Future, TaskError};
use threadbook_trace::{NameId, Recorder, TaskLabel};

use crate::task::{self, Job, Worker};

/// Stacks have room for tasks that run within the waits of others; the system allocates only the used part.
pub(crate) const STACK_BYTES: usize = 16 << 20;

/// How many tasks a call runs. Each call costs the foreign pool about as much as a short task.
const TASKS_PER_CALL: usize = 16;

pub(crate) struct ForeignQueue {
    pub(crate) id: PoolId,
    pub(crate) recorder: Recorder,
    /// How many tasks run at the same time.
    pub(crate) max_workers: usize,
    /// The beginning of its workers' names, before a number.
    worker_name: &'static str,
    jobs: Mutex<Jobs>,
    tasks: AtomicU64,
    /// Pending calls of [`ForeignQueue::run_some`].
    calls: AtomicUsize,
    workers: AtomicUsize,
    /// Tasks that are not done: those in the queue and those that run.
    open: AtomicUsize,
    closed: AtomicBool,
    waiters: WaitList,
}

/// The tasks of a queue, in the order of their numbers. A task that a waiting worker took leaves an empty slot.
#[derive(Default)]
struct Jobs {
    slots: VecDeque<(u64, Option<QueuedJob>)>,
    last: u64,
}

type QueuedJob = (Box<dyn Job>, OpenTask);

/// Counts one task until it is dropped.
pub(crate) struct OpenTask(Arc<ForeignQueue>);

impl ForeignQueue {
    pub(crate) fn new(name: String, max_workers: usize, worker_name: &'static str) -> Arc<ForeignQueue> {
        Arc::new(ForeignQueue {
            id: deadlock::add_pool(&name, max_workers),
            recorder: Recorder::new(name),
            max_workers,
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
    pub(crate) fn open(self: &Arc<Self>) -> Result<OpenTask, TaskError> {
        fork::catch_up();
        // Counted before `closed` is read: a thread that closes the queue and then sees no open task sees them all.
        self.open.fetch_add(1, SeqCst);
        let open = OpenTask(Arc::clone(self));
        if self.closed.load(SeqCst) { Err(TaskError::ShutDown) } else { Ok(open) }
    }

    /// Queues a task. If one more worker has to call [`ForeignQueue::run_some`], `call` arranges that.
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
                let mut jobs = self.jobs.lock();
                jobs.last += 1;
                let number = jobs.last;
                shared_of(&future)
                    .header()
                    .set_inline(Arc::new(InlineTask { queue: Arc::downgrade(self), number }));
                jobs.slots.push_back((number, Some((job, open))));
                drop(jobs);
                if self.wants_call() {
                    call();
                }
                future
            }
        }
    }

    /// Counts one more call, unless there are as many as workers.
    fn wants_call(&self) -> bool {
        let one_more = |calls| (calls < self.max_workers).then_some(calls + 1);
        self.calls.fetch_update(SeqCst, SeqCst, one_more).is_ok()
    }

    /// Runs the oldest tasks in the calling thread. Returns whether it has to be called again: other work of the
    /// foreign pool gets its turn in between.
    #[must_use]
    pub(crate) fn run_some(&self) -> bool {
        let worker = self.worker();
        for _ in 0..TASKS_PER_CALL {
            let Some((job, _open)) = self.pop(&worker) else {
                self.calls.fetch_sub(1, SeqCst);
                // A thread that queued a task meanwhile may have counted this call.
                return !self.jobs.lock().slots.is_empty() && self.wants_call();
            };
            job.run(&worker);
        }
        true
    }

    fn pop(&self, worker: &Worker) -> Option<QueuedJob> {
        let mut jobs = self.jobs.lock();
        let taken = std::iter::from_fn(|| jobs.slots.pop_front()).find_map(|(_, job)| job)?;
        taken.0.set_runner(worker.thread.id);
        Some(taken)
    }

    /// The calling thread, which becomes a worker if it is not one yet.
    pub(crate) fn worker(&self) -> Worker {
        let thread = ThreadData::current();
        match thread.log() {
            Some(log) if thread.pool() == self.id => Worker::new(Arc::clone(&thread), Arc::clone(log)),
            _ => self.add_worker(),
        }
    }

    pub(crate) fn add_worker(&self) -> Worker {
        let name = format!("{} {}", self.worker_name, self.workers.fetch_add(1, Relaxed));
        let log = self.recorder.add(&name);
        let thread = ThreadData::become_worker(name, self.id, Some(Arc::clone(&log)));
        Worker::new(thread, log)
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(SeqCst)
    }

    pub(crate) fn cancel_queued(&self) -> usize {
        let slots = std::mem::take(&mut self.jobs.lock().slots);
        let taken = slots.into_iter().filter_map(|(_, job)| job);
        taken.map(|(job, _open)| usize::from(job.cancel())).sum()
    }

    /// Locks the queue, which a fork must not find locked.
    pub(crate) fn hold<'a>(&'a self, held: &mut Vec<Box<dyn Held + 'a>>) {
        held.push(Box::new(self.jobs.lock()));
        held.push(Box::new(self.recorder.hold()));
        held.push(Box::new(self.waiters.hold()));
    }

    /// Forgets the workers and the tasks that they ran, in a forked child. Returns how many calls of
    /// [`ForeignQueue::run_some`] the queued tasks need.
    pub(crate) fn forget_workers(&self) -> usize {
        let jobs = self.jobs.lock();
        let queued = jobs.slots.iter().filter(|(_, job)| job.is_some()).count();
        let calls = queued.min(self.max_workers);
        self.open.store(queued, SeqCst);
        self.calls.store(calls, SeqCst);
        self.workers.store(0, Relaxed);
        calls
    }

    /// Waits until no task is open; an interrupt ends the wait, and cancels the queued tasks.
    pub(crate) fn finish(&self) {
        if !self.join() && is_interrupted() {
            self.cancel_queued();
        }
    }

    /// Waits until no task is open. Returns false if the wait failed, or if the caller is a worker of this pool, which would
    /// wait for itself.
    pub(crate) fn join(&self) -> bool {
        ThreadData::current().pool() != self.id && block(&NoOpenTask { queue: self }, None).is_ok()
    }
}

/// A task of a [`ForeignQueue`], for workers that wait for it.
struct InlineTask {
    queue: Weak<ForeignQueue>,
    number: u64,
}

impl InlineTask {
    /// Calls `use_slot` with the task's slot under the lock of the queue; none if it has no slot any more.
    fn with_slot<R>(&self, use_slot: impl FnOnce(&mut Option<QueuedJob>) -> Option<R>) -> Option<R> {
        let queue = self.queue.upgrade()?;
        let mut jobs = queue.jobs.lock();
        let at = jobs.slots.binary_search_by_key(&self.number, |(number, _)| *number).ok()?;
        use_slot(&mut jobs.slots[at].1)
    }
}

impl Inline for InlineTask {
    fn is_queued(&self) -> bool {
        self.with_slot(|slot| slot.is_some().then_some(())).is_some()
    }

    fn try_run(&self) -> bool {
        let taken = self.with_slot(|slot| {
            let taken = slot.take()?;
            taken.0.set_runner(ThreadData::current_id());
            Some(taken)
        });
        let Some((job, open)) = taken else { return false };
        job.run(&open.0.worker());
        true
    }
}

impl Drop for OpenTask {
    fn drop(&mut self) {
        if self.0.open.fetch_sub(1, SeqCst) == 1 {
            self.0.waiters.wake_all();
        }
    }
}

impl Drop for ForeignQueue {
    fn drop(&mut self) {
        deadlock::remove_pool(self.id);
    }
}

/// The moment at which no task is open.
struct NoOpenTask<'a> {
    queue: &'a ForeignQueue,
}

impl Goal for NoOpenTask<'_> {
    fn is_reached(&self) -> bool {
        self.queue.open.load(SeqCst) == 0
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.queue.waiters.subscribe(thread);
    }

    fn unsubscribe(&self, thread: &Arc<ThreadData>) {
        self.queue.waiters.unsubscribe(thread);
    }

    fn need(&self) -> Need {
        Need::All(vec![Arc::new(PoolEnd(self.queue.id))])
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.queue.recorder.name()) }
    }
}
