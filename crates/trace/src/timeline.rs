//! A run, as data: a row a worker, a bar a task.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Scale, Ticks};
use crate::log::{Event, Log, Outcome, Snapshot};
use crate::name::TaskLabel;

/// A record of tasks: where they ran, and when. All moments count from the first one in the timeline.
#[derive(Clone, PartialEq, Eq)]
pub struct Timeline {
    /// The pool's name.
    pub name: String,
    /// A row a worker, in the order in which the workers started.
    pub rows: Vec<Row>,
    /// From the first submission to the last end (or to now, if a task still runs).
    pub length: Duration,
    /// How many older events are no longer there, because a worker's log holds only so many.
    pub lost: u64,
}

/// The row of one worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The worker's name.
    pub name: String,
    /// The tasks, in the order in which they started.
    pub bars: Vec<Bar>,
}

/// A task on a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The task's name, or `task 3`.
    pub label: String,
    /// The task's number in its pool, from 1.
    pub number: u64,
    /// When it was handed to the executor.
    pub submitted: Duration,
    /// When the worker began with it.
    pub started: Duration,
    /// When the worker was done with it, or the moment of the snapshot if it still runs.
    pub finished: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// The parts of the time in which it waited for something.
    pub waits: Vec<Wait>,
}

/// A wait within a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The task or lock that it waited for.
    pub what: String,
    /// When the wait began.
    pub started: Duration,
    /// When it ended.
    pub finished: Duration,
}

/// The same text as `{}`; shown in a notebook, a picture.
impl fmt::Debug for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{self}")
    }
}

impl Bar {
    /// From start to end.
    pub fn duration(&self) -> Duration {
        self.finished.saturating_sub(self.started)
    }

    /// The part of [`Bar::duration`] that was spent waiting.
    pub fn waiting(&self) -> Duration {
        self.waits.iter().map(|wait| wait.finished.saturating_sub(wait.started)).sum()
    }
}

impl Row {
    /// The time in which this worker had a task and that task did not wait. A task that ran nested in
    /// another one's wait counts for itself.
    pub fn busy(&self) -> Duration {
        self.bars.iter().map(|bar| bar.duration().saturating_sub(bar.waiting())).sum()
    }
}

impl Timeline {
    /// The number of tasks in it. An async task has a bar for each of its turns, and counts once.
    pub fn tasks(&self) -> usize {
        let (turns, others): (Vec<&Bar>, Vec<&Bar>) =
            self.rows.iter().flat_map(|row| &row.bars).partition(|bar| bar.outcome == Outcome::Suspended);
        let ended: HashSet<u64> = match turns[..] {
            [] => HashSet::new(),
            _ => others.iter().map(|bar| bar.number).collect(),
        };
        let waiting: HashSet<u64> =
            turns.iter().map(|bar| bar.number).filter(|n| !ended.contains(n)).collect();
        others.len() + waiting.len()
    }

    pub(crate) fn from_logs(name: &str, logs: &[Arc<Log>]) -> Timeline {
        let now = Ticks::now().0;
        let snapshots: Vec<(String, Snapshot)> =
            logs.iter().map(|log| (log.name().to_owned(), log.snapshot())).collect();
        let scale = Scale::now();
        let moments = snapshots.iter().flat_map(|(_, snapshot)| {
            let events = snapshot.events.iter().map(|event| match *event {
                Event::Task { submitted, finished, .. } => (submitted, finished),
                Event::Wait { started, finished, .. } => (started, finished),
            });
            events.chain(snapshot.running.map(|(_, submitted, _)| (submitted, now)))
        });
        let (first, last) =
            moments.fold((u64::MAX, 0), |(first, last), (from, to)| (first.min(from), last.max(to)));
        let lost = snapshots.iter().map(|(_, snapshot)| snapshot.lost).sum();
        let rows = snapshots
            .into_iter()
            .map(|(name, snapshot)| Row { name, bars: bars(snapshot, first, now, &scale) })
            .collect();
        Timeline { name: name.to_owned(), rows, length: scale.between(first, last), lost }
    }
}

fn bars(snapshot: Snapshot, first: u64, now: u64, scale: &Scale) -> Vec<Bar> {
    let at = |ticks| scale.between(first, ticks);
    let mut waits: Vec<(TaskLabel, Wait)> = Vec::new();
    let mut bars = Vec::new();
    let bar = |task: TaskLabel, submitted, started, finished, outcome, waits: &mut Vec<_>| Bar {
        label: task.to_string(),
        number: task.number,
        submitted: at(submitted),
        started: at(started),
        finished: at(finished),
        outcome,
        waits: take_of(waits, task),
    };
    for event in snapshot.events {
        match event {
            Event::Wait { task, what, started, finished } => {
                let what = what.to_string();
                waits.push((task, Wait { what, started: at(started), finished: at(finished) }));
            }
            Event::Task { task, submitted, started, finished, outcome } => {
                bars.push(bar(task, submitted, started, finished, outcome, &mut waits));
            }
        }
    }
    if let Some((task, submitted, started)) = snapshot.running {
        bars.push(bar(task, submitted, started, now.max(started), Outcome::Running, &mut waits));
    }
    bars.sort_by_key(|bar| bar.started);
    bars
}

/// The waits of `task` among those that no task has claimed yet: a wait is written before the end of
/// the task that waited.
fn take_of(waits: &mut Vec<(TaskLabel, Wait)>, task: TaskLabel) -> Vec<Wait> {
    waits.extract_if(.., |(of, _)| *of == task).map(|(_, wait)| wait).collect()
}
