//! Waiting for several futures.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use threadbook_base::Mutex;
use threadbook_trace::{NameId, TaskLabel};

use crate::error::{TaskError, WaitError};
use crate::future::{Future, shared_of};
use crate::state::Sink;
use crate::wait::{Awaited, Goal, Inline, Need, PoolId, ThreadData, block};

/// When [`wait`] returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReturnWhen {
    /// The wait ends when the first future is done.
    FirstCompleted,
    /// As soon as one future has failed, or all are done. A cancelled future has not failed.
    FirstException,
    /// When all futures are done.
    #[default]
    AllCompleted,
}

/// The result of [`wait`]: the futures, divided, each group in the order in which they were passed.
#[derive(Clone, Debug)]
pub struct Waited<T> {
    /// Those that have a value or an error, or were cancelled.
    pub done: Vec<Future<T>>,
    /// The others.
    pub not_done: Vec<Future<T>>,
}

/// Waits until some or all of `futures` are done, or until `timeout` has passed.
///
/// A future that is passed twice counts once.
///
/// # Panics
///
/// If the wait is part of a deadlock or is interrupted; the panic carries the [`TaskError`], so a task in
/// which that happens ends with that error. [`try_wait`] returns it instead.
///
/// # Examples
///
/// ```
/// use threadbook_future::{Promise, ReturnWhen, wait};
///
/// let (promises, futures): (Vec<_>, Vec<_>) = (0..4).map(|_| Promise::new()).unzip();
/// std::thread::spawn(|| promises.into_iter().for_each(|promise| drop(promise.set_result(1))));
/// let waited = wait(&futures, ReturnWhen::AllCompleted, None);
/// assert_eq!(waited.done.len(), 4);
/// assert!(waited.not_done.is_empty());
/// ```
pub fn wait<T: Send + 'static>(
    futures: &[Future<T>],
    return_when: ReturnWhen,
    timeout: Option<Duration>,
) -> Waited<T> {
    try_wait(futures, return_when, timeout).unwrap_or_else(|error| std::panic::panic_any(error))
}

/// As [`wait`], but returns the errors of the wait.
///
/// # Errors
///
/// [`TaskError::Deadlock`] and [`TaskError::Interrupted`]. A time-out is no error: it leaves futures in
/// `not_done`.
pub fn try_wait<T: Send + 'static>(
    futures: &[Future<T>],
    return_when: ReturnWhen,
    timeout: Option<Duration>,
) -> Result<Waited<T>, TaskError> {
    let futures = without_repeats(futures.iter().cloned());
    let deadline = deadline_after(timeout);
    let result = match return_when {
        ReturnWhen::AllCompleted => all_done(&futures, deadline),
        ReturnWhen::FirstCompleted => first_done(&futures, deadline, |_| true),
        ReturnWhen::FirstException => first_done(&futures, deadline, has_failed),
    };
    match result {
        Ok(()) | Err(WaitError::TimedOut) => {
            let (done, not_done) = futures.into_iter().partition(Future::done);
            Ok(Waited { done, not_done })
        }
        Err(error) => Err(error.into()),
    }
}

fn has_failed<T>(future: &Future<T>) -> bool {
    future.done() && !future.cancelled() && shared_of(future).peek(|outcome| outcome.is_err())
}

fn all_done<T: Send + 'static>(futures: &[Future<T>], deadline: Option<Instant>) -> Result<(), WaitError> {
    for (at, future) in futures.iter().enumerate() {
        if !future.done() {
            block(&OneOfAll { future, remaining: &futures[at..] }, deadline)?;
        }
    }
    Ok(())
}

fn first_done<T: Send + 'static>(
    futures: &[Future<T>],
    deadline: Option<Instant>,
    enough: impl Fn(&Future<T>) -> bool,
) -> Result<(), WaitError> {
    if futures.iter().any(|future| future.done() && enough(future)) {
        return Ok(());
    }
    let arrivals = Arrivals::watch(futures.to_vec());
    while let Some(future) = arrivals.next(deadline)? {
        if enough(&future) {
            break;
        }
    }
    Ok(())
}

/// Yields each of `futures` when it is done: those that are done already first, the others in the order
/// in which they come to be done. A future that is passed twice is yielded once.
///
/// # Panics
///
/// [`Iterator::next`] panics with the [`TaskError`] if its wait is part of a deadlock or is interrupted.
/// [`as_completed_timeout`] yields it instead.
///
/// # Examples
///
/// ```
/// use threadbook_future::{Promise, as_completed};
///
/// let (promises, futures): (Vec<_>, Vec<_>) = (0..3).map(|_| Promise::new()).unzip();
/// std::thread::spawn(|| (1..).zip(promises).for_each(|(n, promise)| drop(promise.set_result(n))));
/// let sum: i32 = as_completed(futures).map(|future| future.result().unwrap()).sum();
/// assert_eq!(sum, 6);
/// ```
pub fn as_completed<T: Send + 'static>(futures: impl IntoIterator<Item = Future<T>>) -> AsCompleted<T> {
    AsCompleted { arrivals: Arrivals::watch(without_repeats(futures)) }
}

/// As [`as_completed`], until `timeout` after this call; then, if futures are left, the last item is
/// [`TaskError::TimedOut`].
///
/// # Errors
///
/// The last item may also be [`TaskError::Deadlock`] or [`TaskError::Interrupted`].
pub fn as_completed_timeout<T: Send + 'static>(
    futures: impl IntoIterator<Item = Future<T>>,
    timeout: Duration,
) -> impl Iterator<Item = Result<Future<T>, TaskError>> {
    let arrivals = Arrivals::watch(without_repeats(futures));
    let deadline = deadline_after(Some(timeout));
    let mut failed = false;
    std::iter::from_fn(move || {
        if failed {
            return None;
        }
        let next = arrivals.next(deadline).map_err(TaskError::from);
        failed = next.is_err();
        next.transpose()
    })
}

/// The iterator that [`as_completed`] returns.
#[must_use = "nothing is waited for until the iterator is used"]
pub struct AsCompleted<T: Send + 'static> {
    arrivals: Arrivals<T>,
}

impl<T: Send + 'static> Iterator for AsCompleted<T> {
    type Item = Future<T>;

    fn next(&mut self) -> Option<Future<T>> {
        self.arrivals.next(None).unwrap_or_else(|error| std::panic::panic_any(TaskError::from(error)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.arrivals.left.get();
        (left, Some(left))
    }
}

impl<T: Send + 'static> ExactSizeIterator for AsCompleted<T> {}

impl<T: Send + 'static> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsCompleted({} left)", self.arrivals.left.get())
    }
}

fn without_repeats<T>(futures: impl IntoIterator<Item = Future<T>>) -> Vec<Future<T>> {
    let mut seen = HashSet::new();
    futures.into_iter().filter(|future| seen.insert(Arc::as_ptr(shared_of(future)))).collect()
}

fn deadline_after(timeout: Option<Duration>) -> Option<Instant> {
    // A time-out beyond the range of the clock is none.
    timeout.and_then(|timeout| Instant::now().checked_add(timeout))
}

/// One future of several that all must be done: the wait wakes for this one, the detector knows all.
struct OneOfAll<'a, T> {
    future: &'a Future<T>,
    remaining: &'a [Future<T>],
}

impl<T: Send + 'static> Goal for OneOfAll<'_, T> {
    fn is_reached(&self) -> bool {
        self.future.done()
    }

    fn is_lost(&self) -> bool {
        shared_of(self.future).header().is_lost()
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        shared_of(self.future).subscribe(thread);
    }

    fn unsubscribe(&self, thread: &Arc<ThreadData>) {
        shared_of(self.future).unsubscribe(thread);
    }

    fn next_inline(&self, pool: PoolId) -> Option<Arc<dyn Inline>> {
        shared_of(self.future).header().next_inline(pool)
    }

    fn need(&self) -> Need {
        Need::All(awaited(self.remaining.iter()))
    }

    fn label(&self) -> TaskLabel {
        self.future.label()
    }
}

/// All of them, also those that are done by now: for a wait for any of several, one that is done ends it.
fn awaited<'a, T: Send + 'static>(futures: impl Iterator<Item = &'a Future<T>>) -> Vec<Arc<dyn Awaited>> {
    futures.map(|future| Arc::clone(shared_of(future)) as Arc<dyn Awaited>).collect()
}

/// Futures, in the order in which they come to be done.
struct Arrivals<T: Send + 'static> {
    list: Arc<List>,
    /// Those that were not handed out yet.
    futures: RefCell<Vec<Option<Future<T>>>>,
    left: Cell<usize>,
}

/// The slots of the futures that are done, and the thread that waits for one.
#[derive(Default)]
struct List {
    arrived: Mutex<VecDeque<usize>>,
    waiting: Mutex<Option<Arc<ThreadData>>>,
}

impl Sink for List {
    fn is_done(&self, slot: usize) {
        self.arrived.lock().push_back(slot);
        if let Some(thread) = &*self.waiting.lock() {
            thread.wake();
        }
    }
}

impl<T: Send + 'static> Arrivals<T> {
    fn watch(futures: Vec<Future<T>>) -> Arrivals<T> {
        let list = Arc::new(List::default());
        let sink: Arc<dyn Sink> = list.clone();
        for (slot, future) in futures.iter().enumerate() {
            shared_of(future).watch(&sink, slot);
        }
        let left = Cell::new(futures.len());
        Arrivals { list, futures: RefCell::new(futures.into_iter().map(Some).collect()), left }
    }

    fn next(&self, deadline: Option<Instant>) -> Result<Option<Future<T>>, WaitError> {
        if self.left.get() == 0 {
            return Ok(None);
        }
        block(self, deadline)?;
        let slot = self.list.arrived.lock().pop_front();
        let future = slot.and_then(|slot| self.futures.borrow_mut()[slot].take());
        self.left.set(self.left.get() - usize::from(future.is_some()));
        Ok(future)
    }
}

impl<T: Send + 'static> Goal for Arrivals<T> {
    fn is_reached(&self) -> bool {
        !self.list.arrived.lock().is_empty()
    }

    fn is_lost(&self) -> bool {
        let futures = self.futures.borrow();
        let mut open = futures.iter().flatten().peekable();
        open.peek().is_some() && open.all(|future| shared_of(future).header().is_lost())
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        *self.list.waiting.lock() = Some(Arc::clone(thread));
    }

    fn unsubscribe(&self, _thread: &Arc<ThreadData>) {
        *self.list.waiting.lock() = None;
    }

    fn next_inline(&self, pool: PoolId) -> Option<Arc<dyn Inline>> {
        let futures = self.futures.borrow();
        futures.iter().flatten().find_map(|future| shared_of(future).header().next_inline(pool))
    }

    fn need(&self) -> Need {
        Need::Any(awaited(self.futures.borrow().iter().flatten()))
    }

    fn label(&self) -> TaskLabel {
        TaskLabel { number: 0, name: NameId::new("the first of several") }
    }
}

impl<T: Send + 'static> Drop for Arrivals<T> {
    fn drop(&mut self) {
        let sink: Arc<dyn Sink> = self.list.clone();
        for future in self.futures.borrow().iter().flatten() {
            shared_of(future).unwatch(&sink);
        }
    }
}
