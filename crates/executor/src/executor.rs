//! The trait of all executors, and the methods that they share.
//!
//! The shared methods are inherent ones, made by macros: so they can be called without importing a trait.

use serde::Serialize;
use serde::de::DeserializeOwned;

use threadbook_future::TaskError;

/// A value that every executor can send to a worker, even to one in another process.
///
/// Implemented for every type that fits: one that can be written and read with serde (`#[derive(Serialize,
/// Deserialize)]`), and holds no borrowed values.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot go to another process",
    label = "not a value that can be written as bytes and read again",
    note = "arguments and results of a process pool must implement serde's `Serialize` and `Deserialize`",
    note = "send what it takes to make one, such as a path or an address, and make it in the worker"
)]
pub trait Portable: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Portable for T {}

/// Runs calls and collects their results.
///
/// The bounds are those that threads, async runtimes and processes can all meet, so a function that is
/// generic over `Executor` works with each of them.
///
/// # Examples
///
/// ```
/// use threadbook_executor::{Executor, SerialExecutor, ThreadPoolExecutor};
///
/// fn squares(executor: &impl Executor) -> u64 {
///     executor.run_all(|n: u64| n * n, vec![1, 2, 3]).into_iter().map(Result::unwrap).sum()
/// }
///
/// assert_eq!(squares(&SerialExecutor::new()), 14);
/// assert_eq!(squares(&ThreadPoolExecutor::new(2)), 14);
/// ```
pub trait Executor {
    /// The executor's name, for tables and pictures.
    fn name(&self) -> &str;

    /// How many calls it runs at the same time.
    fn max_workers(&self) -> usize;

    /// Calls `f` with every item and returns the results in the order of the items.
    ///
    /// For [`ProcessPoolExecutor`](crate::ProcessPoolExecutor), `f` must not capture anything.
    fn run_all<F, A, R>(&self, f: F, items: Vec<A>) -> Vec<Result<R, TaskError>>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Portable,
        R: Portable;
}

/// Implements the trait by an executor's own methods of the same names.
macro_rules! implement_executor {
    ($executor:ty) => {
        impl $crate::executor::Executor for $executor {
            fn name(&self) -> &str {
                <$executor>::name(self)
            }

            fn max_workers(&self) -> usize {
                <$executor>::max_workers(self)
            }

            fn run_all<F, A, R>(&self, f: F, items: Vec<A>) -> Vec<Result<R, ::threadbook_future::TaskError>>
            where
                F: Fn(A) -> R + Copy + Send + Sync + 'static,
                A: $crate::executor::Portable,
                R: $crate::executor::Portable,
            {
                self.map(f, items).collect()
            }
        }
    };
}

pub(crate) use implement_executor;

/// The error of a pool that could not be made.
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

/// As many workers as Python's pools have: the number of processors plus 4, but no more than 32.
pub(crate) fn default_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores + 4).min(32)
}

/// The methods for submitting tasks, for an executor that has a `submit_as`.
macro_rules! implement_submit {
    ($executor:ty) => {
        impl $executor {
            /// Submits `work` and returns the future of its result at once.
            ///
            /// A function's name becomes the task's name in timelines and error messages; a closure has a
            /// number instead. After a shutdown the future already holds
            /// [`TaskError::ShutDown`](crate::TaskError::ShutDown).
            pub fn submit<F, T>(&self, work: F) -> Future<T>
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send + 'static,
            {
                self.submit_as(task::name_of::<F>(), work)
            }

            /// As `submit`, with a name for timelines and error messages.
            pub fn submit_named<F, T>(&self, name: &str, work: F) -> Future<T>
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send + 'static,
            {
                self.submit_as(NameId::new(name), work)
            }

            /// Calls `f` with every item, all of them at once as far as there are workers, and yields
            /// the results in the order of the items.
            ///
            /// The calls are submitted before this returns. If the iterator is dropped after its first item and
            /// before its end, it cancels the calls that have not started.
            pub fn map<F, A, R, I>(&self, f: F, items: I) -> MapResults<R>
            where
                F: Fn(A) -> R + Send + Sync + 'static,
                I: IntoIterator<Item = A>,
                A: Send + 'static,
                R: Send + 'static,
            {
                self.map_until(f, items, None)
            }

            /// As `map`; every call that is not done `timeout` after this call is
            /// [`TaskError::TimedOut`](crate::TaskError::TimedOut).
            pub fn map_timeout<F, A, R, I>(&self, f: F, items: I, timeout: Duration) -> MapResults<R>
            where
                F: Fn(A) -> R + Send + Sync + 'static,
                I: IntoIterator<Item = A>,
                A: Send + 'static,
                R: Send + 'static,
            {
                self.map_until(f, items, Some(timeout))
            }

            /// As `map`, but submits no more than `buffersize` calls beyond those whose results were taken, so that the
            /// items may be many, large or without an end. (As `Executor.map` with `buffersize` in Python 3.14.)
            ///
            /// # Panics
            ///
            /// If `buffersize` is 0.
            pub fn map_buffered<'a, F, A, R, I>(
                &'a self,
                f: F,
                items: I,
                buffersize: usize,
            ) -> BufferedResults<'a, R>
            where
                F: Fn(A) -> R + Send + Sync + 'static,
                I: IntoIterator<Item = A> + 'a,
                A: Send + 'static,
                R: Send + 'static,
            {
                let (name, f) = (task::name_of::<F>(), Arc::new(f));
                BufferedResults::start(items, buffersize, move |item| {
                    let f = Arc::clone(&f);
                    self.submit_as(name, move || f(item))
                })
            }

            fn map_until<F, A, R, I>(&self, f: F, items: I, timeout: Option<Duration>) -> MapResults<R>
            where
                F: Fn(A) -> R + Send + Sync + 'static,
                I: IntoIterator<Item = A>,
                A: Send + 'static,
                R: Send + 'static,
            {
                let (name, f) = (task::name_of::<F>(), Arc::new(f));
                MapResults::start(items, timeout, |item| {
                    let f = Arc::clone(&f);
                    self.submit_as(name, move || f(item))
                })
            }
        }
    };
}

pub(crate) use implement_submit;

/// The name and the shutdown of an executor: `$inner` returns its pool or queue.
macro_rules! implement_life {
    ($executor:ty, $inner:ident) => {
        impl $executor {
            /// The executor's name: the prefix of its threads' names.
            pub fn name(&self) -> &str {
                self.$inner().recorder.name()
            }

            /// How many tasks it runs at the same time.
            pub fn max_workers(&self) -> usize {
                self.$inner().max_workers
            }

            /// Takes no more tasks, and waits until the submitted ones are done and the threads have ended.
            ///
            /// In a task of this executor, or when the wait is interrupted, it returns without that wait.
            pub fn shutdown(&self) {
                self.$inner().close();
                self.$inner().join();
            }

            /// Takes no more tasks and returns at once; the submitted ones will still be run.
            pub fn close(&self) {
                self.$inner().close();
            }

            /// Takes no more tasks, cancels those that have not started, and returns their number. It does not
            /// wait for the running ones; `shutdown` does.
            pub fn shutdown_now(&self) -> usize {
                self.$inner().close();
                self.$inner().cancel_queued()
            }
        }
    };
}

pub(crate) use implement_life;
