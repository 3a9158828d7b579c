//! What only those know who run the code: which code it is, and whether somebody wants it to stop.

use std::sync::atomic::{AtomicU64, Ordering};
use threadbook_base::interrupt::is_interrupted;

/// 0 means that nobody has said it.
static CODE: AtomicU64 = AtomicU64::new(0);

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

/// # Panics
///
/// If there was an interrupt.
#[track_caller]
pub(crate) fn stop_if_interrupted() {
    if is_interrupted() {
        panic!("interrupted");
    }
}
