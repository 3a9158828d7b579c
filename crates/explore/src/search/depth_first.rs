//! Depth-first search through all schedules, or through those with at most so many switches.
//!
//! *Sleep sets* (Godefroid, 1996): when all schedules that begin with a step of one thread have been run, that thread
//! sleeps in the schedules that begin with a step of another, until a step that meets its own. A run in which all
//! threads that can go on sleep is like one that was run before, and is not counted. They are used without a bound on
//! switches only: with one, the schedule that is left out may need a switch less than that which stands for it.

use super::{Candidate, Footprint, Point, Strategy};
use crate::run::TaskId;

#[derive(Debug)]
struct Level {
    /// The threads that can be chosen, in the order in which they are.
    options: Vec<TaskId>,
    /// The one that is chosen now.
    at: usize,
    /// All that could go on, to find out whether they do so again.
    candidates: Vec<Candidate>,
    /// The objects that the step of the chosen thread has touched.
    footprint: Footprint,
    /// The threads whose schedules have been run, with the objects that their steps here touch.
    asleep: Vec<(TaskId, Footprint)>,
}

/// The search.
#[derive(Debug)]
pub(crate) struct DepthFirst {
    bound: Option<usize>,
    has_sleep_sets: bool,
    levels: Vec<Level>,
    depth: usize,
    /// Whether a schedule was left out because of the bound.
    pub(crate) has_pruned: bool,
    /// Whether the current run is like an earlier one.
    pub(crate) is_redundant: bool,
}

impl DepthFirst {
    /// All schedules with at most `bound` switches; without a bound, one of those that are alike.
    pub(crate) fn new(bound: Option<usize>, has_sleep_sets: bool) -> DepthFirst {
        DepthFirst {
            bound,
            has_sleep_sets: has_sleep_sets && bound.is_none(),
            levels: Vec::new(),
            depth: 0,
            has_pruned: false,
            is_redundant: false,
        }
    }

    /// Goes back to the last point with another choice. Returns false if there is none.
    pub(crate) fn advance(&mut self) -> bool {
        self.depth = 0;
        self.is_redundant = false;
        while let Some(level) = self.levels.last_mut() {
            if self.has_sleep_sets {
                level.asleep.push((level.options[level.at], std::mem::take(&mut level.footprint)));
            }
            let is_awake = |task: &TaskId| !level.asleep.iter().any(|(asleep, _)| asleep == task);
            let next = (level.at + 1..level.options.len()).find(|at| is_awake(&level.options[*at]));
            if let Some(at) = next {
                level.at = at;
                return true;
            }
            self.levels.pop();
        }
        false
    }

    /// The threads that sleep at the next level.
    fn asleep(&self) -> Vec<(TaskId, Footprint)> {
        match self.levels.last() {
            Some(level) if self.has_sleep_sets => {
                let chosen = level.options[level.at];
                let stay = level
                    .asleep
                    .iter()
                    .filter(|(task, footprint)| *task != chosen && !footprint.meets(&level.footprint));
                stay.cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Strategy for DepthFirst {
    fn choose(&mut self, point: &Point<'_>) -> Option<TaskId> {
        if self.is_redundant {
            return point.default();
        }
        if let Some(before) = self.depth.checked_sub(1).and_then(|before| self.levels.get_mut(before)) {
            before.footprint.clone_from(point.footprint);
        }
        let depth = self.depth;
        self.depth += 1;
        if let Some(level) = self.levels.get(depth) {
            return (level.candidates == point.candidates).then(|| level.options[level.at]);
        }
        let asleep = self.asleep();
        let is_allowed = match self.bound {
            Some(bound) => point.current.is_none() || point.switches < bound,
            None => true,
        };
        let mut options: Vec<TaskId> = point.current.into_iter().collect();
        if is_allowed {
            let others = point.candidates.iter().map(|candidate| candidate.task);
            options.extend(others.filter(|task| Some(*task) != point.current));
        } else {
            self.has_pruned |= point.candidates.len() > 1;
        }
        let awake = options.iter().position(|task| !asleep.iter().any(|(asleep, _)| asleep == task));
        let Some(at) = awake else {
            self.is_redundant = true;
            return point.default();
        };
        let chosen = options[at];
        let candidates = point.candidates.to_vec();
        self.levels.push(Level { options, at, candidates, footprint: Footprint::default(), asleep });
        Some(chosen)
    }

    fn end(&mut self, footprint: &Footprint, _is_complete: bool) {
        if !self.is_redundant
            && let Some(level) = self.depth.checked_sub(1).and_then(|last| self.levels.get_mut(last))
        {
            level.footprint.clone_from(footprint);
        }
    }

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}
