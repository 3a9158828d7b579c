//! A pool of worker threads that share a queue and shut down together. Its [`Runner`] defines how a worker runs a task: in its
//! own thread, or in another process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};
use std::thread::JoinHandle;

use threadbook_base::Mutex;
use threadbook_base::fork::{self, ForkHandler, Held};
use threadbook_base::interrupt::is_interrupted;
use threadbook_future::TaskError;
use threadbook_future::wait::{Goal, Need, PoolEnd, PoolId, ThreadData, WaitList, block, deadlock};
use threadbook_trace::{NameId, Recorder, TaskLabel};

use crate::queue::{Pushed, Queue};
use crate::task::Queued;

/// The work of the threads of a pool.
pub(crate) trait Runner: Sized + Send + Sync + 'static {
    /// A task in the queue.
    type Job: Queued + ?Sized;

    /// The main function of worker `number`: runs tasks of the queue until it is closed and empty. Returns the number of the
    /// other workers then, as [`Queue::pop`] does.
    fn work(pool: &Arc<WorkerPool<Self>>, number: usize) -> usize;

    /// Stops the running tasks, because the pool is broken.
    fn abort(_pool: &WorkerPool<Self>) {}

    /// Takes the locks that must be free in a forked child.
    fn hold<'a>(&'a self, _held: &mut Vec<Box<dyn Held + 'a>>) {}

    /// Adapts to a forked child, in which all workers are missing.
    fn after_fork_in_child(&self) {}
}

/// A pool of worker threads.
pub(crate) struct WorkerPool<R: Runner> {
    pub(crate) id: PoolId,
    pub(crate) max_workers: usize,
    pub(crate) queue: Queue<Box<R::Job>>,
    pub(crate) recorder: Recorder,
    pub(crate) runner: R,
    /// The reason why no task can be run any more.
    broken: Mutex<Option<String>>,
    is_broken: AtomicBool,
    tasks: AtomicU64,
    /// The fork generation in which the workers were started.
    generation: AtomicU32,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Threads that wait for the last worker to end.
    waiters: WaitList,
}

/// A handle that closes the pool, and waits for its tasks, when it is dropped.
pub(crate) struct PoolHandle<R: Runner> {
    pub(crate) pool: Arc<WorkerPool<R>>,
}

impl<R: Runner> PoolHandle<R> {
    /// The handle of a new pool.
    pub(crate) fn new(name: String, max_workers: usize, runner: R) -> Arc<PoolHandle<R>> {
        let pool = WorkerPool {
            id: deadlock::add_pool(&name, max_workers),
            max_workers,
            queue: Queue::new(max_workers),
            recorder: Recorder::new(name),
            runner,
            broken: Mutex::new(None),
            is_broken: AtomicBool::new(false),
            tasks: AtomicU64::new(0),
            generation: AtomicU32::new(fork::generation()),
            threads: Mutex::new(Vec::new()),
            waiters: WaitList::default(),
        };
        let pool = Arc::new(pool);
        fork::on_child(&pool);
        Arc::new(PoolHandle { pool })
    }
}

impl<R: Runner> WorkerPool<R> {
    pub(crate) fn next_label(&self, name: NameId) -> TaskLabel {
        TaskLabel { number: self.tasks.fetch_add(1, Relaxed) + 1, name }
    }

    pub(crate) fn enqueue(self: &Arc<Self>, job: Box<R::Job>) {
        fork::catch_up();
        if self.is_broken() {
            return job.fail(self.breakage());
        }
        match self.queue.push(job) {
            Ok(Pushed::Queued) => {}
            Ok(Pushed::StartWorker(number)) => self.start_worker(number),
            Err(job) => job.fail(TaskError::ShutDown),
        }
        // The last worker may have broken the pool just before the push; then no other thread takes the task out.
        if self.is_broken() {
            self.fail_queued();
        }
    }

    fn start_worker(self: &Arc<Self>, number: usize) {
        let pool = Arc::clone(self);
        let name = format!("{}_{number}", self.recorder.name());
        let started = std::thread::Builder::new().name(name).spawn(move || {
            if R::work(&pool, number) == 0 {
                pool.waiters.wake_all();
            }
        });
        match started {
            Ok(thread) => self.threads.lock().push(thread),
            Err(error) => {
                let workers = self.queue.worker_failed();
                if workers == 0 {
                    self.break_up(format!("no thread could be started: {error}"));
                } else {
                    // Fewer workers than asked for do the work as well.
                    deadlock::limit_pool(self.id, workers);
                }
            }
        }
    }

    pub(crate) fn close(&self) {
        self.queue.close();
    }

    pub(crate) fn cancel_queued(&self) -> usize {
        self.queue.drain().into_iter().map(|job| usize::from(job.cancel())).sum()
    }

    fn fail_queued(&self) {
        for job in self.queue.drain() {
            job.fail(self.breakage());
        }
    }

    /// Breaks the pool: from now on no task is run, and the reason is in every future's error.
    pub(crate) fn break_up(&self, reason: String) {
        self.broken.lock().get_or_insert(reason);
        self.is_broken.store(true, Release);
        R::abort(self);
        self.fail_queued();
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken.load(Acquire)
    }

    pub(crate) fn breakage(&self) -> TaskError {
        TaskError::BrokenPool(self.broken.lock().clone().unwrap_or_default())
    }

    /// The state of the pool, for its `Debug`.
    pub(crate) fn state(&self) -> &'static str {
        if self.is_broken() {
            ", broken"
        } else if self.queue.is_closed() {
            ", shut down"
        } else {
            ""
        }
    }

    /// Waits until the workers have ended. The queue must be closed. Returns false if the wait failed, or if the caller is a
    /// worker of this pool, which would wait for itself.
    pub(crate) fn join(&self) -> bool {
        if ThreadData::current().pool() == self.id || block(&WorkersEnded { pool: self }, None).is_err() {
            return false;
        }
        if self.generation.load(Relaxed) == fork::generation() {
            let threads = std::mem::take(&mut *self.threads.lock());
            for thread in threads {
                // A worker catches every panic of a task, so its thread does not panic.
                let _ = thread.join();
            }
        }
        true
    }
}

impl<R: Runner> ForkHandler for WorkerPool<R> {
    fn hold<'a>(&'a self, held: &mut Vec<Box<dyn Held + 'a>>) {
        held.push(Box::new(self.broken.lock()));
        held.push(Box::new(self.threads.lock()));
        self.runner.hold(held);
        held.push(Box::new(self.queue.hold()));
        held.push(Box::new(self.recorder.hold()));
        held.push(Box::new(self.waiters.hold()));
    }

    /// Starts as many workers as the tasks in the queue need.
    fn after_fork_in_child(self: Arc<Self>) {
        self.generation.store(fork::generation(), Relaxed);
        // These handles belong to threads of the parent.
        std::mem::take(&mut *self.threads.lock()).into_iter().for_each(std::mem::forget);
        self.runner.after_fork_in_child();
        for number in self.queue.forget_workers() {
            self.start_worker(number);
        }
    }
}

/// The end of a pool's last worker.
struct WorkersEnded<'a, R: Runner> {
    pool: &'a WorkerPool<R>,
}

impl<R: Runner> Goal for WorkersEnded<'_, R> {
    fn is_reached(&self) -> bool {
        self.pool.queue.workers() == 0 || self.pool.generation.load(Relaxed) != fork::generation()
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.pool.waiters.subscribe(thread);
    }

    fn unsubscribe(&self, thread: &Arc<ThreadData>) {
        self.pool.waiters.unsubscribe(thread);
    }

    fn need(&self) -> Need {
        Need::All(vec![Arc::new(PoolEnd(self.pool.id))])
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.pool.recorder.name()) }
    }
}

impl<R: Runner> Drop for PoolHandle<R> {
    fn drop(&mut self) {
        let pool = &self.pool;
        pool.close();
        if !pool.join() && is_interrupted() {
            pool.cancel_queued();
        }
    }
}

impl<R: Runner> Drop for WorkerPool<R> {
    fn drop(&mut self) {
        deadlock::remove_pool(self.id);
    }
}
