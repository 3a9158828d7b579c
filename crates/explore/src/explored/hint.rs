//! `std::hint`.

use std::panic::Location;

use crate::run::{Operation, step};

pub use ::std::hint::*;

/// As [`std::hint::spin_loop`]: the other threads go first.
#[track_caller]
pub fn spin_loop() {
    super::thread::yield_at(Location::caller(), "spin_loop");
}

/// An operation that only lets the scheduler choose.
pub(super) fn pause(place: &'static Location<'static>, verb: &'static str, lets_others_go_first: bool) {
    step(
        |run| Ok(Operation::on(run.tasks[run.current].object, verb, place).writing()),
        |run, _| {
            if lets_others_go_first {
                run.yield_at(place);
            }
        },
    );
}
