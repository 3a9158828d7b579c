//! The errors of tasks and of waits.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use threadbook_trace::WaitGraph;

/// The error of a task, or of a wait.
///
/// Errors can be cloned, because every handle to a future gives the same one, and compared, so that tests
/// can say `assert_eq!(future.result(), Err(TaskError::Cancelled))`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// The task panicked.
    #[error("{task} panicked{}: {message}", location.as_ref().map(|location| format!(" at {location}")).unwrap_or_default())]
    Panicked {
        /// The text of the panic, or a sentence for a panic without text.
        message: String,
        /// The location of the panic, if the panic hook could note it: the source file, line and column, or in a notebook
        /// of the Threadbook kernel the cell and its line, as in `cell [3]:2`.
        location: Option<String>,
        /// The name of the task, such as `alice` or `task 3`.
        task: String,
    },
    /// The future was cancelled before its task started.
    #[error("the task was cancelled before it started")]
    Cancelled,
    /// The time-out passed. Only the wait is over; a task goes on.
    #[error("the time-out passed; only the wait is over, what it was for may go on")]
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
    /// The queue is closed: it takes no more items, and has none left.
    #[error("the queue is closed; it takes no more items, and `get` returns only those that were left")]
    Closed,
    /// The wait was ended by an interrupt. Only the wait is over; a task goes on.
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

    /// The error of a caught panic. A panic that carries a `TaskError`, as those of [`wait`](crate::wait()) do, is that error.
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

/// The error of a wait for a future, lock, thread or pool. It becomes the [`TaskError`] of the same name.
#[derive(Clone, Debug)]
pub enum WaitError {
    /// The deadline passed.
    TimedOut,
    /// The wait is part of a deadlock.
    Deadlock(WaitGraph),
    /// The process was interrupted.
    Interrupted,
    /// The thread that worked on the goal is missing in this process, which was forked from another.
    Lost,
}

impl From<WaitError> for TaskError {
    fn from(error: WaitError) -> TaskError {
        match error {
            WaitError::TimedOut => TaskError::TimedOut,
            WaitError::Deadlock(graph) => TaskError::Deadlock(graph),
            WaitError::Interrupted => TaskError::Interrupted,
            WaitError::Lost => TaskError::BrokenPool(
                "the task ran in a thread that was lost when the process was restored; submit it again"
                    .to_owned(),
            ),
        }
    }
}
