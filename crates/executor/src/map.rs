//! The results of a `map`, in the order of the items.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::TaskError;
use crate::future::Future;

/// Yields the results of a `map` in the order of the items, waiting for each.
///
/// An iterator that was begun and is dropped before its end cancels the calls that have not started; one
/// that was never begun lets them run.
#[must_use = "the calls are made anyway, but their results and errors are lost"]
pub struct MapResults<R> {
    futures: VecDeque<Future<R>>,
    deadline: Option<Instant>,
    begun: bool,
}

type Call<R> = Box<dyn FnOnce() -> R + Send>;

impl<R: Send + 'static> MapResults<R> {
    /// Submits a call of `f` for each item.
    pub(crate) fn start<F, A, I>(
        f: F,
        items: I,
        timeout: Option<Duration>,
        submit: impl Fn(Call<R>) -> Future<R>,
    ) -> MapResults<R>
    where
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
        A: Send + 'static,
    {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let f = Arc::new(f);
        let futures = items
            .into_iter()
            .map(|item| {
                let f = Arc::clone(&f);
                submit(Box::new(move || f(item)))
            })
            .collect();
        MapResults { futures, deadline, begun: false }
    }
}

impl<R: Send + 'static> Iterator for MapResults<R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.begun = true;
        let future = self.futures.pop_front()?;
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        Some(future.join(left).and_then(|()| future.take_if_last()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.futures.len(), Some(self.futures.len()))
    }
}

impl<R: Send + 'static> ExactSizeIterator for MapResults<R> {}

impl<R> Drop for MapResults<R> {
    fn drop(&mut self) {
        if self.begun {
            for future in &self.futures {
                future.cancel();
            }
        }
    }
}

impl<R> fmt::Debug for MapResults<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.futures.iter().filter(|future| future.done()).count();
        write!(f, "MapResults({done} of {} done)", self.futures.len())
    }
}
