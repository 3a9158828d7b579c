//! The handle to a value that will be there later.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use threadbook_trace::TaskLabel;

use crate::error::{TaskError, WaitError};
use crate::shared::Shared;
use crate::state::{FutureState, Header, Listening};
use crate::wait::{Awaited, Goal, Inline, Need, PoolId, ThreadData, block};

/// A value that will be there later: the result of a task, or the value of a [`Promise`](crate::Promise).
///
/// Handles can be cloned and sent to other threads; all show the same state. A future can also be
/// awaited, in any async runtime. Two handles are equal if they belong to the same task, so futures can
/// be keys of a map.
///
/// # Examples
///
/// ```
/// use threadbook_future::Promise;
///
/// let (promise, future) = Promise::new();
/// std::thread::spawn(move || promise.set_result(6 * 7));
/// assert_eq!(future.result(), Ok(42));
/// assert!(future.done());
/// ```
pub struct Future<T> {
    shared: Arc<Shared<T>>,
    /// The key of this handle's waker, or 0.
    key: usize,
}

impl<T> Future<T> {
    fn new(shared: Arc<Shared<T>>) -> Future<T> {
        shared.add_handle();
        Future { shared, key: 0 }
    }

    pub(crate) fn label(&self) -> TaskLabel {
        self.shared.header().label
    }

    /// Whether the future has a value or an error, or was cancelled.
    pub fn done(&self) -> bool {
        self.shared.is_done()
    }

    /// Whether the task is being run now.
    pub fn running(&self) -> bool {
        self.shared.is_running()
    }

    /// Whether the future was cancelled.
    pub fn cancelled(&self) -> bool {
        self.shared.is_cancelled()
    }

    /// Cancels the task if it has not started. Returns whether the future is cancelled now.
    ///
    /// Callbacks run and waits end before this returns.
    pub fn cancel(&self) -> bool {
        self.shared.cancel()
    }
}

impl<T: Send + 'static> Future<T> {
    /// Waits until the future is done and gives a clone of its value.
    ///
    /// For a value that cannot be cloned there is [`Future::into_result`].
    ///
    /// # Errors
    ///
    /// The error of the task; or, of the wait itself, [`TaskError::Deadlock`] and
    /// [`TaskError::Interrupted`].
    pub fn result(&self) -> Result<T, TaskError>
    where
        T: Clone,
    {
        self.join(None)?;
        self.shared.peek(|outcome| outcome.cloned().map_err(Clone::clone))
    }

    /// As [`Future::result`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`Future::result`], and [`TaskError::TimedOut`]. A wait that ends by itself is never
    /// called a deadlock.
    pub fn result_timeout(&self, timeout: Duration) -> Result<T, TaskError>
    where
        T: Clone,
    {
        self.join(Some(timeout))?;
        self.shared.peek(|outcome| outcome.cloned().map_err(Clone::clone))
    }

    /// Waits until the future is done and moves its value out.
    ///
    /// # Errors
    ///
    /// Those of [`Future::result`], and [`TaskError::StillShared`] if other handles to the future exist.
    pub fn into_result(self) -> Result<T, TaskError> {
        self.join(None)?;
        self.take_if_last()
    }

    /// As [`Future::into_result`], but waits no longer than `timeout`. The handle is gone in any case; keep a clone
    /// to ask again, and drop it before that.
    ///
    /// # Errors
    ///
    /// Those of [`Future::into_result`], and [`TaskError::TimedOut`].
    pub fn into_result_timeout(self, timeout: Duration) -> Result<T, TaskError> {
        self.join(Some(timeout))?;
        self.take_if_last()
    }

    /// Waits until the future is done and gives its error, if it has one.
    ///
    /// A wait that fails gives the error of the wait.
    pub fn exception(&self) -> Option<TaskError> {
        self.exception_within(None)
    }

    /// As [`Future::exception`], but waits no longer than `timeout`; then it gives
    /// [`TaskError::TimedOut`].
    pub fn exception_timeout(&self, timeout: Duration) -> Option<TaskError> {
        self.exception_within(Some(timeout))
    }

    fn exception_within(&self, timeout: Option<Duration>) -> Option<TaskError> {
        match self.join(timeout) {
            Ok(()) => self.shared.peek(|outcome| outcome.err().cloned()),
            Err(error) => Some(error),
        }
    }

    /// Calls `callback` with a handle to this future as soon as it is done; at once if it is done
    /// already.
    ///
    /// Callbacks are called in the order in which they were added, in the thread that completed or
    /// cancelled the future. One that panics is reported on stderr and does not keep the others from
    /// being called.
    pub fn add_done_callback(&self, callback: impl FnOnce(Future<T>) + Send + 'static) {
        // Weak, because a future must not keep itself alive: the thread that completes or cancels it has a handle.
        let shared = Arc::downgrade(&self.shared);
        self.shared.on_done(Box::new(move || {
            if let Some(shared) = shared.upgrade() {
                callback(Future::new(shared));
            }
        }));
    }

    /// Awaits the future and moves its value out, as [`Future::into_result`] does, for values that
    /// cannot be cloned.
    ///
    /// # Errors
    ///
    /// Those of [`Future::into_result`].
    pub async fn into_result_async(mut self) -> Result<T, TaskError> {
        std::future::poll_fn(|context| self.poll_done(context)).await?;
        self.take_if_last()
    }

    pub(crate) fn take_if_last(&self) -> Result<T, TaskError> {
        if self.shared.is_last_handle() { self.shared.take() } else { Err(TaskError::StillShared) }
    }

    /// Waits until the future is done.
    fn join(&self, timeout: Option<Duration>) -> Result<(), TaskError> {
        if self.done() {
            return Ok(());
        }
        join_state(&self.shared, &|| self.shared.clone(), timeout)
    }

    fn poll_done(&mut self, context: &mut Context<'_>) -> Poll<Result<(), TaskError>> {
        match self.shared.leave_waker(self.key, context.waker()) {
            Listening::Done => Poll::Ready(Ok(())),
            Listening::Added(key) if !self.shared.header().is_lost() => {
                self.key = key;
                Poll::Pending
            }
            Listening::Added(_) | Listening::Lost => Poll::Ready(Err(WaitError::Lost.into())),
        }
    }
}

/// A pending future and its completer's side.
pub fn pending<T>(header: Header) -> (Arc<Shared<T>>, Future<T>) {
    let shared = Arc::new(Shared::new(header));
    // The state counts its first handle already.
    (Arc::clone(&shared), Future { shared, key: 0 })
}

/// The completer's side of a future.
pub fn shared_of<T>(future: &Future<T>) -> &Arc<Shared<T>> {
    &future.shared
}

/// Waits until a future is done.
///
/// # Errors
///
/// Those of the wait.
pub fn join<T: Send + 'static>(future: &Future<T>, timeout: Option<Duration>) -> Result<(), TaskError> {
    future.join(timeout)
}

/// Moves the value out of a future that is done.
///
/// # Errors
///
/// The future's error, and [`TaskError::StillShared`] if there are other handles.
pub fn take_if_last<T: Send + 'static>(future: &Future<T>) -> Result<T, TaskError> {
    future.take_if_last()
}

/// Waits until a future is done. It is independent of the type, so that it is compiled once.
fn join_state(
    state: &FutureState,
    awaited: &dyn Fn() -> Arc<dyn Awaited>,
    timeout: Option<Duration>,
) -> Result<(), TaskError> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    Ok(block(&FutureDone { state, awaited }, deadline)?)
}

struct FutureDone<'a> {
    state: &'a FutureState,
    awaited: &'a dyn Fn() -> Arc<dyn Awaited>,
}

impl Goal for FutureDone<'_> {
    fn is_reached(&self) -> bool {
        self.state.is_done()
    }

    fn is_lost(&self) -> bool {
        self.state.header().is_lost()
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.state.subscribe(thread);
    }

    fn unsubscribe(&self, thread: &Arc<ThreadData>) {
        self.state.unsubscribe(thread);
    }

    fn next_inline(&self, pool: PoolId) -> Option<Arc<dyn Inline>> {
        self.state.header().next_inline(pool)
    }

    fn need(&self) -> Need {
        Need::All(vec![(self.awaited)()])
    }

    fn label(&self) -> TaskLabel {
        self.state.header().label
    }
}

/// `future.await` gives a clone of the value, as [`Future::result`] does.
impl<T: Clone + Send + 'static> std::future::Future for Future<T> {
    type Output = Result<T, TaskError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.poll_done(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) => {
                Poll::Ready(self.shared.peek(|outcome| outcome.cloned().map_err(Clone::clone)))
            }
        }
    }
}

impl<T> Clone for Future<T> {
    fn clone(&self) -> Future<T> {
        Future::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for Future<T> {
    fn drop(&mut self) {
        if self.key != 0 {
            self.shared.remove_waker(self.key);
        }
        self.shared.drop_handle();
    }
}

impl<T> PartialEq for Future<T> {
    fn eq(&self, other: &Future<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Eq for Future<T> {}

impl<T> Hash for Future<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.shared).hash(state);
    }
}

/// `Future(pending)`, `Future(running)`, `Future(cancelled)`, `Future(finished: 42)` or
/// `Future(failed: ..)`. Never waits.
impl<T: fmt::Debug> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cancelled() {
            f.write_str("Future(cancelled)")
        } else if self.done() {
            self.shared.peek(|outcome| match outcome {
                Ok(value) => write!(f, "Future(finished: {value:?})"),
                Err(error) => write!(f, "Future(failed: {error})"),
            })
        } else if self.running() {
            f.write_str("Future(running)")
        } else {
            f.write_str("Future(pending)")
        }
    }
}
