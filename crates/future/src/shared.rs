//! The state and the outcome of a future, shared by its handles and its completer.

use std::ops::Deref;

use threadbook_base::loom::Mutex;

use crate::error::{TaskError, WaitError};
use crate::state::{FutureState, Header};
use crate::wait::{Awaited, AwaitedNode, Supplier};

/// The state and the outcome of a future.
pub struct Shared<T> {
    state: FutureState,
    outcome: Mutex<Option<Result<T, TaskError>>>,
}

impl<T> Shared<T> {
    /// A pending state, for one handle.
    pub(crate) fn new(header: Header) -> Shared<T> {
        Shared { state: FutureState::new(header), outcome: Mutex::new(None) }
    }

    /// To finished, from pending or running; returns the outcome if the future was cancelled before. The value says whether
    /// there were no listeners.
    pub fn complete(&self, outcome: Result<T, TaskError>) -> Result<bool, Result<T, TaskError>> {
        let Some(mut stored) = self.lock(&self.outcome) else { return Err(outcome) };
        if self.is_done() {
            return Err(outcome);
        }
        *stored = Some(outcome);
        // Only a cancellation can come between; it does not take this lock.
        let Some(is_awaited) = self.finish() else {
            return Err(stored.take().expect("the outcome was stored under this lock"));
        };
        drop(stored);
        self.notify(is_awaited);
        Ok(!is_awaited)
    }

    /// Shows the outcome to `look`. Must be done.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(Result<&T, &TaskError>) -> R) -> R {
        let Some(outcome) = self.lock(&self.outcome) else { return look(Err(&WaitError::Lost.into())) };
        match outcome.as_ref() {
            Some(outcome) => look(outcome.as_ref()),
            None => look(Err(&self.without_outcome())),
        }
    }

    /// Moves the outcome out. Must be done, and the caller must hold the last handle.
    pub(crate) fn take(&self) -> Result<T, TaskError> {
        let outcome = self.lock(&self.outcome).ok_or(WaitError::Lost)?.take();
        outcome.unwrap_or_else(|| Err(self.without_outcome()))
    }

    /// The reason why the future is done and has no outcome.
    fn without_outcome(&self) -> TaskError {
        if self.is_cancelled() { TaskError::Cancelled } else { TaskError::StillShared }
    }
}

/// A `Shared` is a [`FutureState`] and an outcome.
impl<T> Deref for Shared<T> {
    type Target = FutureState;

    fn deref(&self) -> &FutureState {
        &self.state
    }
}

impl<T: Send> Awaited for Shared<T> {
    fn supplier(&self) -> Supplier {
        self.state.supplier()
    }

    fn node(&self) -> AwaitedNode<'_> {
        let header = self.header();
        AwaitedNode::Task(header.label, header.pool)
    }
}
