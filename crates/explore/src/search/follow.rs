//! Strategies that follow a schedule.

use super::{Footprint, Point, Strategy};
use crate::run::TaskId;

/// Chooses exactly the threads of a schedule.
#[derive(Debug)]
pub(crate) struct Follow {
    choices: Vec<TaskId>,
    at: usize,
}

impl Follow {
    pub(crate) fn new(choices: Vec<TaskId>) -> Follow {
        Follow { choices, at: 0 }
    }
}

impl Strategy for Follow {
    fn choose(&mut self, point: &Point<'_>) -> Option<TaskId> {
        if let [only] = point.candidates {
            return Some(only.task);
        }
        let chosen = *self.choices.get(self.at)?;
        self.at += 1;
        point.can_go_on(chosen).then_some(chosen)
    }

    fn end(&mut self, _footprint: &Footprint, _is_complete: bool) {}

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// Runs threads in turn, each for so many choices; a thread that cannot go on is left out.
#[derive(Debug)]
pub(crate) struct Guide {
    turns: Vec<(TaskId, usize)>,
    at: usize,
    taken: usize,
}

impl Guide {
    pub(crate) fn new(turns: Vec<(TaskId, usize)>) -> Guide {
        Guide { turns, at: 0, taken: 0 }
    }
}

impl Strategy for Guide {
    fn choose(&mut self, point: &Point<'_>) -> Option<TaskId> {
        if let [only] = point.candidates {
            return Some(only.task);
        }
        while let Some((task, count)) = self.turns.get(self.at) {
            if self.taken < *count && point.can_go_on(*task) {
                self.taken += 1;
                return Some(*task);
            }
            self.at += 1;
            self.taken = 0;
        }
        point.default()
    }

    fn end(&mut self, _footprint: &Footprint, _is_complete: bool) {}

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// Chooses the given thread for each step, and stops at the first step without a given thread.
#[derive(Debug)]
pub(crate) struct Play {
    choices: Vec<TaskId>,
    at: usize,
    /// The threads that could go on where it has stopped.
    pub(crate) able: Vec<TaskId>,
}

impl Play {
    pub(crate) fn new(choices: Vec<TaskId>) -> Play {
        Play { choices, at: 0, able: Vec::new() }
    }
}

impl Strategy for Play {
    fn choose(&mut self, point: &Point<'_>) -> Option<TaskId> {
        let chosen = self.choices.get(self.at).copied().filter(|task| point.can_go_on(*task));
        match chosen {
            Some(_) => self.at += 1,
            None => self.able = point.candidates.iter().map(|candidate| candidate.task).collect(),
        }
        chosen
    }

    fn end(&mut self, _footprint: &Footprint, _is_complete: bool) {}

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
