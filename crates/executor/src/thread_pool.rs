//! The executor with worker threads of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use threadbook_trace::{NameId, Recorder, TaskLabel, Timeline};

use crate::agent::{Agent, PoolId};
use crate::block::{Goal, block};
use crate::builder::ThreadPoolBuilder;
use crate::detect::{self, Dependency, Need};
use crate::error::TaskError;
use crate::fork::{self, Survivor};
use crate::future::Future;
use crate::interrupt::is_interrupted;
use crate::map::MapResults;
use crate::panics;
use crate::queue::{Pushed, Queue};
use crate::task::{self, Job, Worker};

/// Runs tasks in a fixed number of threads, first come, first served.
///
/// Threads are started when they are needed: a pool of ten thousand workers that gets three tasks has at
/// most three threads. Clones are handles to the same pool, so a task can have one and submit tasks of
/// its own.
///
/// Dropping the last handle lets the pool finish what was submitted and waits for it, except in two
/// cases: in one of the pool's own tasks, which could never end if it waited for itself, and while the
/// process is [interrupted](crate::interrupt), where tasks that have not started are cancelled instead.
///
/// Tasks start in the order in which they were submitted. Nothing is promised about the order in which
/// they end.
///
/// # Examples
///
/// ```
/// use threadbook_executor::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::new(2);
/// let squares: Result<Vec<u64>, _> = pool.map(|n| n * n, 1..=4).collect();
/// assert_eq!(squares.unwrap(), [1, 4, 9, 16]);
/// ```
#[derive(Clone)]
pub struct ThreadPoolExecutor {
    handle: Arc<Handle>,
}

/// Its drop is the drop of the last handle.
struct Handle {
    pool: Arc<Pool>,
}

struct Pool {
    id: PoolId,
    most: usize,
    queue: Queue<Box<dyn Job>>,
    recorder: Recorder,
    initializer: Option<Box<dyn Fn() + Send + Sync>>,
    /// Why no task can be run any more.
    broken: Mutex<Option<String>>,
    is_broken: AtomicBool,
    tasks: AtomicU64,
    generation: AtomicU32,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Agents that wait for the last worker to end.
    waiters: Mutex<Vec<Arc<Agent>>>,
}

static POOLS: AtomicUsize = AtomicUsize::new(0);

impl ThreadPoolExecutor {
    /// A pool of up to `max_workers` threads.
    ///
    /// # Panics
    ///
    /// If `max_workers` is 0.
    pub fn new(max_workers: usize) -> ThreadPoolExecutor {
        match ThreadPoolExecutor::builder().max_workers(max_workers).build() {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// Settings for a pool.
    pub fn builder() -> ThreadPoolBuilder {
        ThreadPoolBuilder::new()
    }

    pub(crate) fn from_parts(
        most: usize,
        prefix: Option<String>,
        initializer: Option<Box<dyn Fn() + Send + Sync>>,
    ) -> ThreadPoolExecutor {
        panics::install_hook();
        let name = prefix.unwrap_or_else(|| format!("ThreadPoolExecutor-{}", POOLS.fetch_add(1, Relaxed)));
        let pool = Pool {
            id: detect::add_pool(&name, most),
            most,
            queue: Queue::new(most),
            recorder: Recorder::new(name),
            initializer,
            broken: Mutex::new(None),
            is_broken: AtomicBool::new(false),
            tasks: AtomicU64::new(0),
            generation: AtomicU32::new(fork::generation()),
            threads: Mutex::new(Vec::new()),
            waiters: Mutex::new(Vec::new()),
        };
        let pool = Arc::new(pool);
        fork::add(&pool);
        ThreadPoolExecutor { handle: Arc::new(Handle { pool }) }
    }

    fn pool(&self) -> &Arc<Pool> {
        &self.handle.pool
    }

    fn submit_as<F, T>(&self, name: NameId, work: F) -> Future<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let pool = self.pool();
        let (job, future) = task::task(pool.next_label(name), pool.id, work);
        pool.enqueue(job);
        future
    }

    /// What ran where and when.
    pub fn timeline(&self) -> Timeline {
        self.pool().recorder.timeline()
    }
}

crate::executor::implement_submit!(ThreadPoolExecutor);
crate::executor::implement_life!(ThreadPoolExecutor, pool);

impl Pool {
    fn next_label(&self, name: NameId) -> TaskLabel {
        TaskLabel { number: self.tasks.fetch_add(1, Relaxed) + 1, name }
    }

    fn enqueue(self: &Arc<Self>, job: Box<dyn Job>) {
        fork::check();
        if self.is_broken.load(Acquire) {
            return job.give_up(self.breakage());
        }
        match self.queue.push(job) {
            Ok(Pushed::Queued) => {}
            Ok(Pushed::StartWorker(number)) => self.start_worker(number),
            Err(job) => job.give_up(TaskError::ShutDown),
        }
        // The last worker may have broken the pool just before the push: then nobody else takes it out.
        if self.is_broken.load(Acquire) {
            self.fail_queued();
        }
    }

    fn start_worker(self: &Arc<Self>, number: usize) {
        let pool = Arc::clone(self);
        let name = format!("{}_{number}", self.recorder.name());
        let started = std::thread::Builder::new().name(name).spawn(move || pool.work(number));
        match started {
            Ok(thread) => self.keep(thread),
            Err(error) => {
                let workers = self.queue.worker_failed();
                if workers == 0 {
                    self.break_up(format!("no thread could be started: {error}"));
                } else {
                    // Fewer workers than asked for do the work as well.
                    detect::limit_pool(self.id, workers);
                }
            }
        }
    }

    fn keep(&self, thread: JoinHandle<()>) {
        self.threads.lock().push(thread);
    }

    /// What a worker thread does.
    fn work(self: Arc<Self>, number: usize) {
        let log = self.recorder.add(format!("worker {number}"));
        let agent = Agent::become_worker(format!("worker {number}"), self.id, Some(Arc::clone(&log)));
        let worker = Worker::new(agent, log);
        if let Some(initializer) = &self.initializer
            && let Err(error) = panics::catch(&"the initializer", initializer)
        {
            self.break_up(error.to_string());
        }
        let left = loop {
            match self.queue.pop(|| worker.rest()) {
                Ok(job) if self.is_broken.load(Acquire) => job.give_up(self.breakage()),
                Ok(job) => job.run(&worker),
                Err(left) => break left,
            }
        };
        if left == 0 {
            self.waiters.lock().drain(..).for_each(|agent| agent.wake());
        }
    }

    fn close(&self) {
        self.queue.close();
    }

    fn cancel_queued(&self) -> usize {
        self.queue.drain().into_iter().map(|job| usize::from(job.cancel())).sum()
    }

    fn fail_queued(&self) {
        for job in self.queue.drain() {
            job.give_up(self.breakage());
        }
    }

    /// From now on no task is run; the reason is in every future's error.
    fn break_up(&self, reason: String) {
        self.broken.lock().get_or_insert(reason);
        self.is_broken.store(true, Release);
        self.fail_queued();
    }

    fn breakage(&self) -> TaskError {
        TaskError::BrokenPool(self.broken.lock().clone().unwrap_or_default())
    }

    fn is_own_worker(&self) -> bool {
        Agent::current().pool() == self.id
    }

    /// Waits until the workers have ended. The queue must be closed.
    fn join(self: &Arc<Self>) {
        if self.is_own_worker() {
            return;
        }
        if block(&Ended { pool: self }, None).is_ok() && self.generation.load(Relaxed) == fork::generation() {
            let threads = std::mem::take(&mut *self.threads.lock());
            for thread in threads {
                // A worker catches every panic of a task, so its thread ends well.
                let _ = thread.join();
            }
        }
    }
}

impl Survivor for Pool {
    /// Starts as many workers as the tasks in the queue need.
    fn in_copy(self: Arc<Self>) {
        self.generation.store(fork::generation(), Relaxed);
        // These handles belong to threads of the other process.
        std::mem::take(&mut *self.threads.lock()).into_iter().for_each(std::mem::forget);
        for number in self.queue.forget_workers() {
            self.start_worker(number);
        }
    }
}

/// The end of a pool's last worker.
struct Ended<'a> {
    pool: &'a Pool,
}

impl Goal for Ended<'_> {
    fn is_reached(&self) -> bool {
        self.pool.queue.workers() == 0 || self.pool.generation.load(Relaxed) != fork::generation()
    }

    fn subscribe(&self, agent: &Arc<Agent>) {
        self.pool.waiters.lock().push(Arc::clone(agent));
    }

    fn unsubscribe(&self, agent: &Arc<Agent>) {
        self.pool.waiters.lock().retain(|other| other.id != agent.id);
    }

    fn need(&self) -> Need {
        Need::All(vec![Dependency::Drained(self.pool.id)])
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new(self.pool.recorder.name()) }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let pool = &self.pool;
        pool.close();
        if is_interrupted() {
            pool.cancel_queued();
        } else {
            pool.join();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        detect::remove_pool(self.id);
    }
}

/// As many workers as Python's: the number of processors plus 4, but no more than 32.
impl Default for ThreadPoolExecutor {
    fn default() -> ThreadPoolExecutor {
        ThreadPoolExecutor::new(default_workers())
    }
}

/// The number of workers of a pool that was not told how many.
pub(crate) fn default_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores + 4).min(32)
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pool = self.pool();
        let state = if pool.is_broken.load(Acquire) {
            ", broken"
        } else if pool.queue.is_closed() {
            ", shut down"
        } else {
            ""
        };
        write!(f, "ThreadPoolExecutor({:?}, up to {} workers{state})", self.name(), pool.most)
    }
}
