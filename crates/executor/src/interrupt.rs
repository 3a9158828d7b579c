//! One switch for the whole process that ends every wait.

pub use threadbook_trace::{clear_interrupt, is_interrupted};

use crate::{agent, process_pool};

/// Ends every wait of this crate, in all threads, with [`TaskError::Interrupted`](crate::TaskError), until
/// [`clear_interrupt`] is called. Tasks go on; what ends is the waiting. A second interrupt ends the tasks that
/// run in other processes since before the first, with their processes. (The switch is that of
/// `threadbook_trace`, at which waits for child processes look, too.)
///
/// # Examples
///
/// ```
/// use threadbook_executor::{Promise, TaskError, clear_interrupt, interrupt};
///
/// let (_promise, future) = Promise::<i32>::new();
/// interrupt();
/// assert_eq!(future.result(), Err(TaskError::Interrupted));
/// clear_interrupt();
/// ```
pub fn interrupt() {
    threadbook_trace::interrupt();
    agent::wake_all();
    process_pool::interrupt();
}
