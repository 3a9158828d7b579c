//! The results of a `map`, in the order of the items.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::TaskError;
use crate::future::Future;

/// Yields the results of a `map` in the order of the items, waiting for each.
///
/// An iterator that was begun and is dropped before its end cancels the calls that have not started; one
/// that was never begun lets them run.
#[must_use = "the calls are made anyway, but their results and errors are lost"]
pub struct MapResults<R> {
    futures: std::vec::IntoIter<Future<R>>,
    deadline: Option<Instant>,
    begun: bool,
}

impl<R: Send + 'static> MapResults<R> {
    /// Submits a call for each item.
    pub(crate) fn start<A>(
        items: impl IntoIterator<Item = A>,
        timeout: Option<Duration>,
        submit: impl Fn(A) -> Future<R>,
    ) -> MapResults<R> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        MapResults::of(items.into_iter().map(submit).collect(), deadline)
    }

    /// The results of calls that have been submitted.
    pub(crate) fn of(futures: Vec<Future<R>>, deadline: Option<Instant>) -> MapResults<R> {
        MapResults { futures: futures.into_iter(), deadline, begun: false }
    }
}

impl<R: Send + 'static> Iterator for MapResults<R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.begun = true;
        let future = self.futures.next()?;
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let result = future.join(left).and_then(|()| future.take_if_last());
        if result.is_err() {
            // Nobody will have this one's result any more.
            future.cancel();
        }
        Some(result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.futures.size_hint()
    }
}

impl<R: Send + 'static> ExactSizeIterator for MapResults<R> {}

impl<R> Drop for MapResults<R> {
    fn drop(&mut self) {
        if self.begun {
            for future in self.futures.as_slice() {
                future.cancel();
            }
        }
    }
}

impl<R> fmt::Debug for MapResults<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.futures.as_slice().iter().filter(|future| future.done()).count();
        write!(f, "MapResults({done} of {} done)", self.futures.len())
    }
}
