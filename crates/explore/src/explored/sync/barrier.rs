//! `std::sync::Barrier`.

use std::fmt;
use std::panic::Location;

use crate::run::{Handle, Kind, Operation, Wait, step};

/// As [`std::sync::Barrier`].
pub struct Barrier {
    handle: Handle,
    threads: usize,
}

/// As [`std::sync::BarrierWaitResult`].
#[derive(Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// As std's.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl Barrier {
    /// As std's.
    #[track_caller]
    pub const fn new(n: usize) -> Barrier {
        Barrier { handle: Handle::new(Kind::Barrier), threads: n }
    }

    /// As std's.
    #[track_caller]
    pub fn wait(&self) -> BarrierWaitResult {
        let place = Location::caller();
        let before = step(
            |run| Ok(Operation::on(self.handle.id(run)?, "wait", place).writing()),
            |run, _| {
                let object = self.handle.id(run).map(|id| &mut run.objects[id]).ok()?;
                object.capacity = self.threads.max(1);
                object.count += 1;
                if object.count < object.capacity {
                    return Some(object.generation);
                }
                object.count = 0;
                object.generation += 1;
                None
            },
        );
        let Some(before) = before else { return BarrierWaitResult(true) };
        step(
            |run| Ok(Operation::on(self.handle.id(run)?, "pass", place).after(Wait::Turn(before))),
            |_, _| BarrierWaitResult(false),
        )
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}
