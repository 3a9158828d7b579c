//! The messages of panics, which become failures and are not printed.

use std::any::Any;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

/// A panic of a thread of the run.
#[derive(Clone, Debug)]
pub(crate) struct Panic {
    pub(crate) message: String,
    pub(crate) place: Option<String>,
    pub(crate) file: String,
    pub(crate) line: u32,
}

thread_local! {
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// From now on, a panic of a thread that is exploring is kept instead of printed. Panics of all other threads are
/// handled as before.
pub(crate) fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !super::is_running() {
                return before(info);
            }
            let message = info.payload_as_str().unwrap_or("a panic with a value that is not a string");
            let place = info.location().and_then(|at| super::with_run(|run| (run.place)(at)));
            let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
            LAST.set(Some(Panic { message: message.to_owned(), place, file: file.to_owned(), line }));
        }));
    });
}

/// The panic that has just been caught.
pub(crate) fn take(payload: &(dyn Any + Send)) -> Panic {
    LAST.take().unwrap_or_else(|| {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        let message = text.unwrap_or_else(|| "a panic that was resumed".to_owned());
        Panic { message, place: None, file: String::new(), line: 0 }
    })
}
