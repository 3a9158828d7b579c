//! The process-wide interrupt flag, and the registry of the code that reacts to an interrupt.
//!
//! It is in this crate because crates that wait for unrelated things, such as futures and child processes, share the flag.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Handlers in the order of their registration. Without a lock, which a forked child could find locked.
static HANDLERS: [OnceLock<fn()>; 4] = [const { OnceLock::new() }; 4];

/// Ends every wait of these crates, in all threads, with an error, until [`clear_interrupt`] is called. Tasks go on; only
/// the waits end. A second interrupt ends the tasks of other processes that were submitted before the first, with their
/// processes.
///
/// # Examples
///
/// ```
/// use threadbook_base::interrupt::{clear_interrupt, interrupt, is_interrupted};
///
/// interrupt();
/// assert!(is_interrupted());
/// clear_interrupt();
/// ```
pub fn interrupt() {
    INTERRUPTED.store(true, SeqCst);
    HANDLERS.iter().filter_map(OnceLock::get).for_each(|handler| handler());
}

/// Allows waits again after [`interrupt`].
pub fn clear_interrupt() {
    INTERRUPTED.store(false, SeqCst);
}

/// Whether [`interrupt`] was called and [`clear_interrupt`] was not. A sleeping thread must be woken by a handler
/// ([`on_interrupt`]), or poll this flag.
#[inline]
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(SeqCst)
}

/// Has each interrupt call `handler`, after the flag is set. Registering a handler again has no effect.
///
/// # Panics
///
/// If there are more handlers than places: then `HANDLERS` must grow.
pub fn on_interrupt(handler: fn()) {
    let has_place = |place: &OnceLock<fn()>| std::ptr::fn_addr_eq(*place.get_or_init(|| handler), handler);
    assert!(HANDLERS.iter().any(has_place), "all places for interrupt handlers are taken");
}
