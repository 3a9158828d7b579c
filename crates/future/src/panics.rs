//! Panics of tasks as errors.
//!
//! The future of a task that panics has the error [`TaskError::Panicked`], with the text and the location of the panic.
//! The default hook would print both, too, below a cell that handles the error. So a hook of this crate is set before the
//! first task runs. In a thread that runs a task it stores the location and prints nothing; in any other thread it calls
//! the previous hook. If a program sets its own hook later, only the location is missing from the error.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use threadbook_base::location;

use crate::error::TaskError;

thread_local! {
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
    static LOCATION: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Sets the hook, the first time that it is called.
pub fn install_hook() {
    // The hook cannot be changed while this thread panics; a later call sets it.
    if std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if IN_TASK.try_with(Cell::get).unwrap_or(false) {
                let location = info.location().map(location::describe);
                let _ = LOCATION.try_with(|cell| cell.replace(location));
            } else {
                previous(info);
            }
        }));
    });
}

/// Runs `work`; a panic in it becomes an error that names `task`.
#[inline]
pub fn catch<T>(task: &dyn fmt::Display, work: impl FnOnce() -> T) -> Result<T, TaskError> {
    let before = set_in_task(true);
    // The closure is dropped afterwards, so no code sees it in a broken state.
    let result = catch_unwind(AssertUnwindSafe(work));
    set_in_task(before);
    result.map_err(|payload| caught(payload, task))
}

fn set_in_task(now: bool) -> bool {
    IN_TASK.with(|cell| cell.replace(now))
}

#[cold]
fn caught(payload: Box<dyn Any + Send>, task: &dyn fmt::Display) -> TaskError {
    TaskError::from_panic(payload, LOCATION.take(), task)
}
