//! One switch for the whole process that ends every wait.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use crate::{agent, process_pool};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Ends every wait of this crate, in all threads, with [`TaskError::Interrupted`](crate::TaskError), until
/// [`clear_interrupt`] is called. Tasks go on; what ends is the waiting. A second interrupt ends the tasks that
/// run in other processes since before the first, with their processes.
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
    INTERRUPTED.store(true, SeqCst);
    agent::wake_all();
    process_pool::interrupt();
}

/// Allows waits again after [`interrupt`].
pub fn clear_interrupt() {
    INTERRUPTED.store(false, SeqCst);
}

/// Whether [`interrupt`] was called and [`clear_interrupt`] was not.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(SeqCst)
}
