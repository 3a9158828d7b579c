//! Panics in tasks become errors, quietly.
//!
//! A panic in a task is not lost: it comes back as [`TaskError::Panicked`] from the task's future, with
//! its text and its place. Printing it as well would put a wall of text under a cell that handles the
//! error. The default hook prints, so a hook is put in front of it, once, when the first task runs: in a
//! thread that runs a task it notes the place and keeps quiet, in any other it calls the hook that was
//! there before. A program that sets its own hook later gets its own behaviour; then only the place is
//! missing from the error.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::error::TaskError;

thread_local! {
    static IN_TASK: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

static HOOK: Once = Once::new();

/// Puts our hook in front of the present one, the first time that it is called.
pub(crate) fn install_hook() {
    // The hook cannot be changed while this thread panics; another call will come.
    if std::thread::panicking() {
        return;
    }
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            if IN_TASK.try_with(Cell::get).unwrap_or(false) {
                let place = info.location().map(threadbook_worker::panic_place);
                let _ = PLACE.try_with(|cell| cell.replace(place));
            } else {
                previous(info);
            }
        }));
    });
}

/// Runs `work`; a panic in it becomes an error that names `task`.
#[inline]
pub(crate) fn catch<T>(task: &dyn fmt::Display, work: impl FnOnce() -> T) -> Result<T, TaskError> {
    let before = set_in_task(true);
    // The closure is gone afterwards and nothing of it is looked at again, so it cannot be seen in a
    // broken state.
    let result = catch_unwind(AssertUnwindSafe(work));
    set_in_task(before);
    result.map_err(|payload| caught(payload, task))
}

fn set_in_task(now: bool) -> bool {
    IN_TASK.with(|cell| cell.replace(now))
}

#[cold]
fn caught(payload: Box<dyn Any + Send>, task: &dyn fmt::Display) -> TaskError {
    TaskError::from_panic(payload, PLACE.take(), task)
}
