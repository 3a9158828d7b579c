//! The executor with worker threads of its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use threadbook_trace::{NameId, Timeline};

use crate::agent::Agent;
use crate::builder::ThreadPoolBuilder;
use crate::crew::{Craft, Crew, Handle};
use crate::future::Future;
use crate::map::{BufferedResults, MapResults};
use crate::panics;
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
    handle: Arc<Handle<Threads>>,
}

/// Runs closures.
struct Threads {
    initializer: Option<Box<dyn Fn() + Send + Sync>>,
}

static POOLS: AtomicUsize = AtomicUsize::new(0);

impl Craft for Threads {
    type Job = dyn Job;

    fn work(crew: &Arc<Crew<Self>>, number: usize) -> usize {
        let log = crew.recorder.add(format!("worker {number}"));
        let agent = Agent::become_worker(format!("worker {number}"), crew.id, Some(Arc::clone(&log)));
        let worker = Worker::new(agent, log);
        if let Some(initializer) = &crew.craft.initializer
            && let Err(error) = panics::catch(&"the initializer", initializer)
        {
            crew.break_up(error.to_string());
        }
        loop {
            match crew.queue.pop(|| worker.rest()) {
                Ok(job) if crew.is_broken() => job.give_up(crew.breakage()),
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

    pub(crate) fn from_parts(
        most: usize,
        prefix: Option<String>,
        initializer: Option<Box<dyn Fn() + Send + Sync>>,
    ) -> ThreadPoolExecutor {
        panics::install_hook();
        let name = prefix.unwrap_or_else(|| format!("ThreadPoolExecutor-{}", POOLS.fetch_add(1, Relaxed)));
        ThreadPoolExecutor { handle: Handle::new(name, most, Threads { initializer }) }
    }

    fn crew(&self) -> &Arc<Crew<Threads>> {
        &self.handle.crew
    }

    fn submit_as<F, T>(&self, name: NameId, work: F) -> Future<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let crew = self.crew();
        let (job, future) = task::task(crew.next_label(name), crew.id, work);
        crew.enqueue(job);
        future
    }

    /// What ran where and when.
    pub fn timeline(&self) -> Timeline {
        self.crew().recorder.timeline()
    }
}

crate::executor::implement_submit!(ThreadPoolExecutor);
crate::executor::implement_life!(ThreadPoolExecutor, crew);

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
        let crew = self.crew();
        write!(f, "ThreadPoolExecutor({:?}, up to {} workers{})", self.name(), crew.most, crew.state())
    }
}
