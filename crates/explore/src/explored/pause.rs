//! Operations that only let the scheduler choose.

use std::panic::Location;

use crate::run::{Operation, step};

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

/// A pause after which the other threads go first.
pub(super) fn yield_at(place: &'static Location<'static>, verb: &'static str) {
    pause(place, verb, true);
}
