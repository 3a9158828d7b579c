//! Promises: the producer's side of futures that are completed by hand.

use std::fmt;
use std::sync::Arc;

use threadbook_trace::{NameId, TaskLabel};

use crate::error::TaskError;
use crate::future::{self, Future};
use crate::shared::Shared;
use crate::state::Header;

/// Completes one future.
///
/// A promise that is dropped without a result ends its future with [`TaskError::BrokenPromise`], so no thread waits for ever.
///
/// # Examples
///
/// ```
/// use threadbook_future::Promise;
///
/// let (promise, future) = Promise::new();
/// assert!(!future.done());
/// promise.set_result("hello");
/// assert_eq!(future.result(), Ok("hello"));
/// ```
pub struct Promise<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Promise<T> {
    /// A promise and its future.
    #[allow(clippy::new_ret_no_self)]
    pub fn new() -> (Promise<T>, Future<T>) {
        Promise::named("a promise")
    }

    /// A promise and its future, which error messages call `name`.
    pub fn named(name: &str) -> (Promise<T>, Future<T>) {
        let label = TaskLabel { number: 0, name: NameId::new(name) };
        let (shared, future) = future::pending(Header::new(label, 0));
        (Promise { shared }, future)
    }

    /// Gives the future its value. Returns false, and drops the value, if the future was cancelled.
    pub fn set_result(self, value: T) -> bool {
        self.shared.complete(Ok(value)).is_ok()
    }

    /// Gives the future an error: text, any error, or a [`TaskError`], which is passed on as it is.
    /// Returns false if the future was cancelled.
    pub fn set_exception(self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> bool {
        self.shared.complete(Err(TaskError::from_error(error))).is_ok()
    }

    /// Marks the future as running: from now on it cannot be cancelled. Returns false if it was cancelled before.
    pub fn set_running(&self) -> bool {
        self.shared.start() || self.shared.is_running()
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        // An error means that the future is done, as it should be.
        let _ = self.shared.complete(Err(TaskError::BrokenPromise));
    }
}

impl<T> fmt::Debug for Promise<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.shared.is_cancelled() { "cancelled" } else { "not kept yet" };
        write!(f, "Promise({state})")
    }
}
