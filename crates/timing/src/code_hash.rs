//! The hash of the running code.

use std::sync::atomic::{AtomicU64, Ordering};

/// 0 means unknown.
static CODE: AtomicU64 = AtomicU64::new(0);

/// Sets the hash of the code that runs from now on, so that a benchmark's history shows when its code has
/// changed. Called by the host before each cell; 0 means unknown.
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
