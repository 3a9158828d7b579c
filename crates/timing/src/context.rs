//! What only those know who run the code: which code it is, and whether somebody wants it to stop.

use std::sync::RwLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// 0 means that nobody has said it.
static CODE: AtomicU64 = AtomicU64::new(0);

static IS_INTERRUPTED: RwLock<Option<fn() -> bool>> = RwLock::new(None);

/// Says which code runs from now on, by a hash of its text: the history of a benchmark notes when it has
/// changed. For whoever runs code that was typed; 0 takes it back.
///
/// # Examples
///
/// ```
/// threadbook_timing::set_code_hash(0x5eed);
/// ```
pub fn set_code_hash(hash: u64) {
    CODE.store(hash, Ordering::Relaxed);
}

pub(crate) fn code_hash() -> Option<u64> {
    Some(CODE.load(Ordering::Relaxed)).filter(|hash| *hash != 0)
}

/// Says how to find out that the measuring should stop. It is asked between loops, and if it says so, the
/// measuring panics with the message `interrupted`.
pub fn set_interrupt_check(is_interrupted: fn() -> bool) {
    *IS_INTERRUPTED.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(is_interrupted);
}

/// # Panics
///
/// If there was an interrupt.
#[track_caller]
pub(crate) fn stop_if_interrupted() {
    let check = *IS_INTERRUPTED.read().unwrap_or_else(|poisoned| poisoned.into_inner());
    if check.is_some_and(|is_interrupted| is_interrupted()) {
        panic!("interrupted");
    }
}
