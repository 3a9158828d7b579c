//! A pool with the methods of Python's `Pool`.

use std::fmt;
use std::time::Duration;

use threadbook_executor::{
    Future, MapResults, Portable, ProcessPoolExecutor, TaskError, as_completed_timeout,
};

use crate::current::cpu_count;

/// How many chunks [`Pool::map`] makes for each worker, as Python does: so one that is slow holds up a part only.
const CHUNKS: usize = 4;

/// Processes that wait for calls: a [`ProcessPoolExecutor`] with the methods of Python's `Pool`.
///
/// A function is a `fn` or a closure that captures nothing; arguments and results are serde values,
/// with the queues, pipes, locks and values of this module in them. For functions of several arguments there is
/// no `starmap`: take a tuple. Settings are those of the executor: `Pool::from(executor)`.
///
/// Dropping a pool waits for its calls. Those of a process that dies, and all others that are not done, end with
/// [`TaskError::BrokenPool`]; Python replaces the process and waits for the lost call for ever.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::Pool;
///
/// let pool = Pool::new(2);
/// assert_eq!(pool.map(|n: u64| n * n, [1, 2, 3])?, [1, 4, 9]);
/// let later = pool.apply_async(|(a, b): (f64, f64)| a.hypot(b), (3.0, 4.0));
/// assert_eq!(later.result()?, 5.0);
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.pool.Pool`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.pool.Pool).
#[derive(Clone)]
pub struct Pool {
    executor: ProcessPoolExecutor,
}

impl Pool {
    /// A pool of up to `processes` processes, which are started when they are needed.
    ///
    /// # Panics
    ///
    /// If `processes` is 0.
    pub fn new(processes: usize) -> Pool {
        Pool::from(ProcessPoolExecutor::new(processes))
    }

    /// Calls `f` and waits for its result.
    ///
    /// # Errors
    ///
    /// The error of the call, [`TaskError::ShutDown`] after [`Pool::close`], and
    /// [`TaskError::Interrupted`].
    pub fn apply<F, A, R>(&self, f: F, argument: A) -> Result<R, TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        self.apply_async(f, argument).into_result()
    }

    /// Calls `f` and returns at once with the future of its result.
    pub fn apply_async<F, A, R>(&self, f: F, argument: A) -> Future<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        self.executor.submit(f, argument)
    }

    /// Calls `f` with every item and waits for all results, in the order of the items.
    ///
    /// Items are sent in chunks, about four for each process.
    ///
    /// # Errors
    ///
    /// The first that went wrong with a call, in the order of the items; the other calls are made all the same.
    /// And those of [`Pool::apply`].
    pub fn map<F, A, R>(&self, f: F, items: impl IntoIterator<Item = A>) -> Result<Vec<R>, TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        let items: Vec<A> = items.into_iter().collect();
        let chunksize = items.len().div_ceil(CHUNKS * self.processes()).max(1);
        self.map_chunked(f, items, chunksize)
    }

    /// As [`Pool::map`], with so many items in a chunk.
    ///
    /// # Errors
    ///
    /// Those of [`Pool::map`].
    ///
    /// # Panics
    ///
    /// If `chunksize` is 0.
    pub fn map_chunked<F, A, R>(
        &self,
        f: F,
        items: impl IntoIterator<Item = A>,
        chunksize: usize,
    ) -> Result<Vec<R>, TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        let results: Vec<Result<R, TaskError>> = self.executor.map_chunked(f, items, chunksize).collect();
        results.into_iter().collect()
    }

    /// Calls `f` with every item, and yields the results one by one, in the order of the items.
    pub fn imap<F, A, R>(&self, f: F, items: impl IntoIterator<Item = A>) -> MapResults<R>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Portable,
        R: Portable,
    {
        self.executor.map(f, items)
    }

    /// Calls `f` with every item, and yields the results one by one, as they come.
    ///
    /// When the wait is interrupted, the last item is [`TaskError::Interrupted`].
    pub fn imap_unordered<F, A, R, I>(
        &self,
        f: F,
        items: I,
    ) -> impl Iterator<Item = Result<R, TaskError>> + use<F, A, R, I>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        I: IntoIterator<Item = A>,
        A: Portable,
        R: Portable,
    {
        let futures: Vec<Future<R>> = items.into_iter().map(|item| self.apply_async(f, item)).collect();
        as_completed_timeout(futures, Duration::MAX).map(|future| future.and_then(Future::into_result))
    }

    /// How many processes it has at most.
    pub fn processes(&self) -> usize {
        self.executor.max_workers()
    }

    /// Takes no more calls. Those that it has are made.
    pub fn close(&self) {
        self.executor.close();
    }

    /// Takes no more calls, and waits until those that it has are done and the processes have ended. (Python
    /// wants [`Pool::close`] to be called before.)
    ///
    /// When the wait is interrupted, it returns without that.
    pub fn join(&self) {
        self.executor.shutdown();
    }

    /// Ends the processes at once, also in the middle of a call, and takes no more calls. Calls that run end with
    /// [`TaskError::BrokenPool`], and those that were not begun are cancelled.
    pub fn terminate(&self) {
        self.executor.kill_workers();
    }

    /// The executor that does the work, for its timeline and other methods.
    pub fn executor(&self) -> &ProcessPoolExecutor {
        &self.executor
    }
}

impl Default for Pool {
    /// One process for each processor.
    fn default() -> Pool {
        Pool::new(cpu_count())
    }
}

impl From<ProcessPoolExecutor> for Pool {
    fn from(executor: ProcessPoolExecutor) -> Pool {
        Pool { executor }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool(up to {} processes)", self.processes())
    }
}
