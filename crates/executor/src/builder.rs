//! Settings of a thread pool.

use std::fmt;

use crate::thread_pool::{ThreadPoolExecutor, default_workers};

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
    initializer: Option<Box<dyn Fn() + Send + Sync>>,
}

/// Why a pool could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A pool without workers would never run a task.
    #[error("max_workers must be at least 1")]
    NoWorkers,
    /// A worker that may run no task would never run one.
    #[error("max_tasks_per_child must be at least 1")]
    NoTasks,
    /// The threads could not be started.
    #[error("the workers could not be started: {0}")]
    NoThreads(String),
}

impl ThreadPoolBuilder {
    pub(crate) fn new() -> ThreadPoolBuilder {
        ThreadPoolBuilder { max_workers: default_workers(), prefix: None, initializer: None }
    }

    /// How many threads the pool may have. Without it: as many as Python's, the number of processors
    /// plus 4, but no more than 32.
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
        Ok(ThreadPoolExecutor::from_parts(self.max_workers, self.prefix, self.initializer))
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
