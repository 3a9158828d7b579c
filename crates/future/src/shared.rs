//! What the handles of a future and the one who completes it share: its state, and its outcome.

use std::ops::Deref;
use std::sync::Arc;

use crate::error::TaskError;
use crate::future::Future;
use crate::state::{Header, State, Tracked};
use crate::sync::Mutex;

pub(crate) struct Shared<T> {
    state: State,
    outcome: Mutex<Option<Result<T, TaskError>>>,
}

impl<T> Shared<T> {
    /// A pending state and its first handle.
    pub(crate) fn new(header: Header) -> (Arc<Shared<T>>, Future<T>) {
        let shared = Arc::new(Shared { state: State::new(header), outcome: Mutex::new(None) });
        (Arc::clone(&shared), Future::from_counted(shared))
    }

    /// To finished, from pending or running; gives the outcome back if it was cancelled before. Returns
    /// whether there was nobody to tell.
    pub(crate) fn complete(&self, outcome: Result<T, TaskError>) -> Result<bool, Result<T, TaskError>> {
        let mut stored = self.outcome.lock();
        if self.is_done() {
            return Err(outcome);
        }
        *stored = Some(outcome);
        // Only a cancellation can come between; it does not take this lock.
        let Some(awaited) = self.finish() else {
            return Err(stored.take().expect("the outcome was stored under this lock"));
        };
        drop(stored);
        self.announce(awaited);
        Ok(!awaited)
    }

    /// Shows the outcome to `look`. Must be done.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(Result<&T, &TaskError>) -> R) -> R {
        match self.outcome.lock().as_ref() {
            Some(outcome) => look(outcome.as_ref()),
            None => look(Err(&self.without_outcome())),
        }
    }

    /// Moves the outcome out. Must be done, and the caller must hold the last handle.
    pub(crate) fn take(&self) -> Result<T, TaskError> {
        let outcome = self.outcome.lock().take();
        outcome.unwrap_or_else(|| Err(self.without_outcome()))
    }
}

impl State {
    /// Why it is done and has no outcome.
    fn without_outcome(&self) -> TaskError {
        if self.is_cancelled() { TaskError::Cancelled } else { TaskError::StillShared }
    }
}

/// A `Shared` is a [`State`] and an outcome.
impl<T> Deref for Shared<T> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl<T: Send> Tracked for Shared<T> {
    fn state(&self) -> &State {
        &self.state
    }
}
