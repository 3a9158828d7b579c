//! Probabilistic concurrency testing: threads have random priorities, which change at a few random points.

use super::{Footprint, Point, Strategy};
use crate::run::TaskId;

/// The strategy. All runs of a program with one seed are the same.
#[derive(Debug)]
pub(crate) struct Pct {
    random: Random,
    priorities: Vec<u64>,
    /// The points at which the current thread gets the lowest priority, as numbers of choices.
    changes: Vec<usize>,
    lowest: u64,
    choices: usize,
    /// The most choices that a run has had.
    longest: usize,
    runs: usize,
}

impl Pct {
    pub(crate) fn new(seed: u64) -> Pct {
        Pct {
            random: Random(seed),
            priorities: Vec::new(),
            changes: Vec::new(),
            lowest: u64::MAX / 2,
            choices: 0,
            longest: 1,
            runs: 0,
        }
    }

    /// Draws priorities and points for the next run: from none to four points, by turns.
    pub(crate) fn advance(&mut self) {
        self.runs += 1;
        self.choices = 0;
        self.lowest = u64::MAX / 2;
        self.priorities.clear();
        let changes = self.runs % 5;
        self.changes = (0..changes).map(|_| self.random.below(self.longest as u64) as usize).collect();
    }

    fn priority(&mut self, task: TaskId) -> u64 {
        while self.priorities.len() <= task {
            let drawn = self.random.next() | 1 << 63;
            self.priorities.push(drawn);
        }
        self.priorities[task]
    }
}

impl Strategy for Pct {
    fn choose(&mut self, point: &Point<'_>) -> Option<TaskId> {
        if point.candidates.len() > 1 {
            if self.changes.contains(&self.choices)
                && let Some(current) = point.current
            {
                self.priority(current);
                self.lowest -= 1;
                self.priorities[current] = self.lowest;
            }
            self.choices += 1;
            self.longest = self.longest.max(self.choices);
        }
        let tasks: Vec<_> = point.candidates.iter().map(|candidate| candidate.task).collect();
        tasks.into_iter().max_by_key(|task| self.priority(*task))
    }

    fn end(&mut self, _footprint: &Footprint, _is_complete: bool) {}

    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any> {
        self
    }
}

/// SplitMix64.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}
