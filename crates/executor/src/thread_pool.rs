//! The executor with worker threads of its own, and its settings.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use threadbook_future::wait::ThreadData;
use threadbook_future::{Future, panics};
use threadbook_trace::{NameId, Timeline};

use crate::executor::{BuildError, default_workers};
use crate::map::{BufferedResults, MapResults};
use crate::task::{self, Job, Worker};
use crate::workers::{PoolHandle, Runner, WorkerPool};

/// Runs tasks in a fixed number of threads, first come, first served.
///
/// Threads are started when they are needed: a pool of ten thousand workers that gets three tasks has at
/// most three threads. Clones are handles to the same pool, so a task can have one and submit tasks of
/// its own.
///
/// Dropping the last handle waits until all submitted tasks are done, except in two
/// cases: in one of the pool's own tasks, which could never end if it waited for itself, and while the
/// process is [interrupted](crate::interrupt), where tasks that have not started are cancelled instead.
///
/// Tasks start in the order in which they were submitted, and may end in any order.
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
    handle: Arc<PoolHandle<Threads>>,
}

type Initializer = Box<dyn Fn() + Send + Sync>;

/// Runs closures in the threads of the pool.
struct Threads {
    initializer: Option<Initializer>,
}

static POOLS: AtomicUsize = AtomicUsize::new(0);

impl Runner for Threads {
    type Job = dyn Job;

    fn work(pool: &Arc<WorkerPool<Self>>, number: usize) -> usize {
        let log = pool.recorder.add(format!("worker {number}"));
        let name = format!("worker {number}");
        let thread = ThreadData::become_worker(name, pool.id, Some(Arc::clone(&log)));
        let id = thread.id;
        let worker = Worker::new(thread, log);
        if let Some(initializer) = &pool.runner.initializer
            && let Err(error) = panics::catch(&"the initializer", initializer)
        {
            pool.break_up(error.to_string());
        }
        loop {
            match pool.queue.pop(|| worker.rest(), |job| job.set_runner(id)) {
                Ok(job) if pool.is_broken() => job.fail(pool.breakage()),
                Ok(job) => job.run(&worker),
                Err(left) => return left,
            }
        }
    }
}

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

    fn from_builder(builder: ThreadPoolBuilder) -> ThreadPoolExecutor {
        panics::install_hook();
        let ThreadPoolBuilder { max_workers, prefix, initializer } = builder;
        let name = prefix.unwrap_or_else(|| format!("ThreadPoolExecutor-{}", POOLS.fetch_add(1, Relaxed)));
        ThreadPoolExecutor { handle: PoolHandle::new(name, max_workers, Threads { initializer }) }
    }

    fn pool(&self) -> &Arc<WorkerPool<Threads>> {
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
crate::executor::implement_executor!(ThreadPoolExecutor);

/// As many workers as Python's: the number of processors plus 4, but no more than 32.
impl Default for ThreadPoolExecutor {
    fn default() -> ThreadPoolExecutor {
        ThreadPoolExecutor::new(default_workers())
    }
}

impl fmt::Debug for ThreadPoolExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (workers, state) = (self.max_workers(), self.pool().state());
        write!(f, "ThreadPoolExecutor({:?}, up to {workers} workers{state})", self.name())
    }
}

/// Settings of a [`ThreadPoolExecutor`].
///
/// # Examples
///
/// ```
/// use threadbook_executor::ThreadPoolExecutor;
///
/// let pool = ThreadPoolExecutor::builder().max_workers(3).thread_name_prefix("io").build().unwrap();
/// let name = pool.submit(|| std::thread::current().name().map(str::to_owned));
/// assert_eq!(name.result().unwrap().as_deref(), Some("io_0"));
/// ```
#[must_use = "the pool is made by `build`"]
pub struct ThreadPoolBuilder {
    max_workers: usize,
    prefix: Option<String>,
    initializer: Option<Initializer>,
}

impl ThreadPoolBuilder {
    pub(crate) fn new() -> ThreadPoolBuilder {
        ThreadPoolBuilder { max_workers: default_workers(), prefix: None, initializer: None }
    }

    /// How many threads the pool may have. The default is Python's: the number of processors plus 4, but no more than 32.
    pub fn max_workers(mut self, max_workers: usize) -> ThreadPoolBuilder {
        self.max_workers = max_workers;
        self
    }

    /// The pool's name, and the beginning of its threads' names: `io` gives `io_0`, `io_1`, ...
    pub fn thread_name_prefix(mut self, prefix: impl Into<String>) -> ThreadPoolBuilder {
        self.prefix = Some(prefix.into());
        self
    }

    /// Called once in every worker thread, before its first task. If it panics, the pool is broken: all
    /// futures, those of later submissions too, hold [`TaskError::BrokenPool`](crate::TaskError).
    pub fn initializer(mut self, initializer: impl Fn() + Send + Sync + 'static) -> ThreadPoolBuilder {
        self.initializer = Some(Box::new(initializer));
        self
    }

    /// The pool. No thread is started yet.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoWorkers`] if `max_workers` is 0.
    pub fn build(self) -> Result<ThreadPoolExecutor, BuildError> {
        if self.max_workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        Ok(ThreadPoolExecutor::from_builder(self))
    }
}

impl fmt::Debug for ThreadPoolBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadPoolBuilder")
            .field("max_workers", &self.max_workers)
            .field("thread_name_prefix", &self.prefix)
            .field("initializer", &self.initializer.is_some())
            .finish()
    }
}
