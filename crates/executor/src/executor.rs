//! What all executors have in common.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::TaskError;

/// A value that every executor can hand to a worker, even to one in another process.
///
/// Implemented for every type that fits.
pub trait Portable: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Portable for T {}

/// Something that runs calls and collects their results, wherever it runs them.
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
    fn run_all<F, A, R>(&self, f: F, items: Vec<A>) -> Vec<Result<R, TaskError>>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Portable,
        R: Portable;
}

/// Implements the trait for an executor whose own methods have the same names.
macro_rules! implement_executor {
    ($executor:ty) => {
        impl $crate::executor::Executor for $executor {
            fn name(&self) -> &str {
                <$executor>::name(self)
            }

            fn max_workers(&self) -> usize {
                <$executor>::max_workers(self)
            }

            fn run_all<F, A, R>(&self, f: F, items: Vec<A>) -> Vec<Result<R, $crate::TaskError>>
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

implement_executor!(crate::ThreadPoolExecutor);
implement_executor!(crate::SerialExecutor);
