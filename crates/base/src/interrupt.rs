//! One switch for the whole process that asks every wait to end.
//!
//! It is here because crates that wait for very different things, tasks and child processes, look at it and
//! know nothing of each other.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Asks every wait to end, until [`clear_interrupt`] is called. Whoever sleeps has to be woken, or looks by
/// itself from time to time.
pub fn interrupt() {
    INTERRUPTED.store(true, SeqCst);
}

/// Allows waits again after [`interrupt`].
pub fn clear_interrupt() {
    INTERRUPTED.store(false, SeqCst);
}

/// Whether [`interrupt`] was called and [`clear_interrupt`] was not.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(SeqCst)
}
