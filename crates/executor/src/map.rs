//! The results of a `map`, in the order of the items.

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use threadbook_future::producer::{join, take_if_last};
use threadbook_future::{Future, TaskError};

/// Yields the results of a `map` in the order of the items, waiting for each.
///
/// If the iterator is dropped after its first item and before its end, it cancels the calls that have not started. If it is
/// dropped before its first item, they run.
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
        MapResults::of(finite(items).map(submit).collect(), deadline)
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
        let result = join(&future, left).and_then(|()| take_if_last(&future));
        if result.is_err() {
            // This result will not be read any more.
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

/// Yields the results of a `map_buffered` in the order of the items, waiting for each, and submits a call for each result
/// that it yields.
///
/// An iterator that is dropped before its end cancels the calls that have not started.
#[must_use = "only the first calls are made without it"]
pub struct BufferedResults<'a, R> {
    submit_next: Box<dyn FnMut() -> Option<Future<R>> + 'a>,
    submitted: VecDeque<Future<R>>,
    buffersize: usize,
}

impl<'a, R: Send + 'static> BufferedResults<'a, R> {
    /// Submits the first `buffersize` calls.
    pub(crate) fn start<I: IntoIterator + 'a>(
        items: I,
        buffersize: usize,
        submit: impl Fn(I::Item) -> Future<R> + 'a,
    ) -> BufferedResults<'a, R> {
        assert!(buffersize > 0, "buffersize must be at least 1");
        let mut items = items.into_iter().fuse();
        let submit_next = Box::new(move || items.next().map(&submit));
        let mut results = BufferedResults { submit_next, submitted: VecDeque::new(), buffersize };
        results.fill();
        results
    }

    fn fill(&mut self) {
        while self.submitted.len() < self.buffersize {
            let Some(future) = (self.submit_next)() else { return };
            self.submitted.push_back(future);
        }
    }
}

impl<R: Send + 'static> Iterator for BufferedResults<'_, R> {
    type Item = Result<R, TaskError>;

    fn next(&mut self) -> Option<Self::Item> {
        let future = self.submitted.pop_front()?;
        // The workers have something to do while this one waits.
        self.fill();
        Some(join(&future, None).and_then(|()| take_if_last(&future)))
    }
}

impl<R> Drop for BufferedResults<'_, R> {
    fn drop(&mut self) {
        for future in &self.submitted {
            future.cancel();
        }
    }
}

impl<R> fmt::Debug for BufferedResults<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BufferedResults({} submitted)", self.submitted.len())
    }
}

/// The items of a `map`, which submits them all.
///
/// # Panics
///
/// If they say that they have no end.
pub(crate) fn finite<I: IntoIterator>(items: I) -> I::IntoIter {
    let items = items.into_iter();
    assert!(
        items.size_hint().0 < usize::MAX,
        "`map` submits a call for each item, and these have no end: use `map_buffered`, which submits them by and by"
    );
    items
}

impl<R> fmt::Debug for MapResults<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = self.futures.as_slice().iter().filter(|future| future.done()).count();
        write!(f, "MapResults({done} of {} done)", self.futures.len())
    }
}
