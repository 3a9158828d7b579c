//! `std::hint`.

use std::panic::Location;

use super::pause::yield_at;

pub use ::std::hint::*;

/// As [`std::hint::spin_loop`]: the other threads go first.
#[track_caller]
pub fn spin_loop() {
    yield_at(Location::caller(), "spin_loop");
}
