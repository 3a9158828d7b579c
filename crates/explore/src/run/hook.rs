//! The panic hook, which keeps panics of explored threads instead of printing them.

use std::panic;
use std::sync::Once;

use super::panics::{Panic, keep};
use super::state::{is_running, with_run};

/// From now on, a panic of a thread that is exploring is kept instead of printed. Panics of all other threads are
/// handled as before.
pub(crate) fn watch_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_running() {
                return before(info);
            }
            let message = info.payload_as_str().unwrap_or("a panic with a value that is not a string");
            let place = info.location().and_then(|at| with_run(|run| (run.place)(at)));
            let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
            keep(Panic { message: message.to_owned(), place, file: file.to_owned(), line });
        }));
    });
}
