//! The messages of panics, which become failures and are not printed.

use std::any::Any;
use std::cell::RefCell;

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

/// Keeps a panic until it is caught.
pub(crate) fn keep(panic: Panic) {
    LAST.set(Some(panic));
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
