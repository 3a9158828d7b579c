//! Why a task or a wait did not give a value.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use threadbook_trace::WaitGraph;

/// Why a task, or a wait for it, did not give a value.
///
/// Errors can be cloned, because every handle to a future gives the same one, and compared, so that tests
/// can say `assert_eq!(future.result(), Err(TaskError::Cancelled))`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The task panicked.
    #[error("{task} panicked{}: {message}", location.as_ref().map(|place| format!(" at {place}")).unwrap_or_default())]
    Panicked {
        /// The text of the panic, or a sentence that says that there was none.
        message: String,
        /// The place of the panic, if the panic hook could note it: the source file, line and column, or in a notebook
        /// of the Threadbook kernel the cell and its line, as in `cell [3]:2`.
        location: Option<String>,
        /// The name of the task, such as `alice` or `task 3`.
        task: String,
    },
    /// The future was cancelled before its task started.
    #[error("the task was cancelled before it started")]
    Cancelled,
    /// The time-out passed before the wait ended. A task that is waited for goes on.
    #[error("the time-out passed before the wait ended")]
    TimedOut,
    /// The wait could never have ended: it is part of a deadlock.
    #[error("deadlock: {0}")]
    Deadlock(WaitGraph),
    /// The pool lost its workers, or could not start them.
    #[error("the pool is broken: {0}")]
    BrokenPool(String),
    /// The executor was shut down before the task was submitted.
    #[error("the executor was shut down and takes no more tasks; make a new one")]
    ShutDown,
    /// The wait was ended by an interrupt. What was waited for, such as a task, goes on.
    #[error("the wait was interrupted; only the wait is over, what it was for goes on")]
    Interrupted,
    /// The promise was dropped before it got a result.
    #[error("the promise was dropped without a result; call `set_result` or `set_exception` on every path")]
    BrokenPromise,
    /// The value could not be moved out, because other handles to the future exist.
    #[error(
        "other handles to this future exist, so its value cannot be moved out; drop them, or clone the value with `result()`"
    )]
    StillShared,
    /// The error that a promise was given.
    #[error("{0}")]
    Failed(Arc<dyn Error + Send + Sync>),
}

impl TaskError {
    /// `error` itself if it is a `TaskError`, else [`TaskError::Failed`] around it.
    pub fn from_error(error: impl Into<Box<dyn Error + Send + Sync>>) -> TaskError {
        match error.into().downcast::<TaskError>() {
            Ok(error) => *error,
            Err(other) => TaskError::Failed(Arc::from(other)),
        }
    }

    /// What a caught panic says. A panic that carries a `TaskError`, as those of [`wait`](crate::wait)
    /// do, is that error.
    pub(crate) fn from_panic(
        payload: Box<dyn Any + Send>,
        location: Option<String>,
        task: &dyn fmt::Display,
    ) -> TaskError {
        let payload = match payload.downcast::<TaskError>() {
            Ok(error) => return *error,
            Err(other) => other,
        };
        let message = match payload.downcast_ref::<&str>() {
            Some(text) => (*text).to_owned(),
            None => match payload.downcast_ref::<String>() {
                Some(text) => text.clone(),
                None => "the panic carried a value that is not text".to_owned(),
            },
        };
        // The drop of a foreign value may panic, too; that must not end the worker.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(payload)));
        TaskError::Panicked { message, location, task: task.to_string() }
    }
}

/// Two errors are equal if they are of one kind and say the same.
impl PartialEq for TaskError {
    fn eq(&self, other: &TaskError) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.to_string() == other.to_string()
    }
}

impl Eq for TaskError {}
