//! The choice of a thread at each step, and the view that strategies have of the steps.

use crate::run::{ObjectId, TaskId};

/// A point at which a thread is chosen.
pub(crate) struct Point<'a> {
    /// The threads that can go on, in the order of their start.
    pub(crate) candidates: &'a [Candidate],
    /// The thread of the last step, if it can go on.
    pub(crate) current: Option<TaskId>,
    /// The switches so far away from a thread that could go on.
    pub(crate) switches: usize,
    /// The objects that the last step has touched.
    pub(crate) footprint: &'a Footprint,
}

/// A thread that can go on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub(crate) task: TaskId,
    /// A number that stands for its next operation.
    pub(crate) mark: u64,
}

/// A way to choose.
pub(crate) trait Strategy {
    /// The thread that goes on; none if the program differs from that of the strategy's schedule.
    fn choose(&mut self, point: &Point<'_>) -> Option<TaskId>;

    /// The run has ended. `footprint` is that of its last step.
    fn end(&mut self, footprint: &Footprint, is_complete: bool);

    /// The strategy itself, whose type is the caller's.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any>;
}

impl Point<'_> {
    pub(crate) fn can_go_on(&self, task: TaskId) -> bool {
        self.candidates.iter().any(|candidate| candidate.task == task)
    }

    /// The thread that goes on if there is no reason for another.
    pub(crate) fn default(&self) -> Option<TaskId> {
        self.current.or_else(|| self.candidates.first().map(|candidate| candidate.task))
    }
}

/// The objects that a step touches.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Footprint(Vec<(ObjectId, bool)>);

impl Footprint {
    pub(crate) fn add(&mut self, object: ObjectId, is_write: bool) {
        match self.0.iter_mut().find(|(other, _)| *other == object) {
            Some((_, writes)) => *writes |= is_write,
            None => self.0.push((object, is_write)),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether the order of two steps can make a difference.
    pub(crate) fn meets(&self, other: &Footprint) -> bool {
        self.0.iter().any(|(object, writes)| {
            other.0.iter().any(|(same, also_writes)| object == same && (*writes || *also_writes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint(touched: &[(ObjectId, bool)]) -> Footprint {
        let mut footprint = Footprint::default();
        touched.iter().for_each(|(object, is_write)| footprint.add(*object, *is_write));
        footprint
    }

    #[test]
    fn steps_meet_at_an_object_that_at_least_one_of_them_changes() {
        let reads = footprint(&[(1, false), (2, false)]);
        assert!(!reads.meets(&reads));
        assert!(reads.meets(&footprint(&[(2, true)])) && footprint(&[(2, true)]).meets(&reads));
        assert!(!reads.meets(&footprint(&[(3, true)])));
        assert!(footprint(&[(1, false), (1, true)]).meets(&reads));
    }
}
