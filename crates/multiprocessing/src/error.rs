//! The errors of this crate.

use threadbook_executor::TaskError;

/// The errors between processes that have no [`TaskError`] of their own. They are in a
/// [`TaskError::Failed`].
///
/// ```
/// use threadbook_executor::TaskError;
/// use threadbook_multiprocessing::{Error, Queue};
///
/// let queue = Queue::<u8>::new();
/// queue.close();
/// let Err(TaskError::Failed(error)) = queue.get() else { panic!() };
/// assert!(matches!(error.downcast_ref(), Some(Error::Closed(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing more can come, or go.
    #[error("{0} is closed")]
    Closed(&'static str),
    /// The process that held a lock ended without giving it back.
    #[error(
        "process {pid} ended while it held the lock, so what the lock guards may be half done; see to that, and \
         call `recover()` on the lock"
    )]
    HolderDied {
        /// The process's number.
        pid: u32,
    },
    /// A process has to be started first, and only once.
    #[error("the process {name} {problem}")]
    WrongTime {
        /// The process's name.
        name: String,
        /// The problem, and its remedy.
        problem: &'static str,
    },
}

impl From<Error> for TaskError {
    fn from(error: Error) -> TaskError {
        TaskError::from_error(error)
    }
}
