//! The content of a history.

use super::entry::{Entry, now};
use super::machine::Machine;
use crate::statistics::median;
use crate::units::{ago, counted, human};
use std::fmt;

/// The maximum number of runs in a strip.
const STRIP: usize = 30;

/// The maximum number of listed changes.
const MAX_CHANGES: usize = 8;

/// The runs in a benchmark's history, the oldest first; made by [`History::read`](super::History::read).
#[derive(Clone, PartialEq)]
pub struct Past {
    /// The name of the benchmark.
    pub name: String,
    /// The runs on this machine.
    pub entries: Vec<Entry>,
    /// Runs on other machines, whose times are not comparable.
    pub elsewhere: Vec<Entry>,
    /// The number of unreadable lines.
    pub unreadable: usize,
    /// The time of the reading, in seconds since 1970.
    pub read: u64,
}

impl Past {
    /// Parses the bytes of a file.
    pub(super) fn parse(name: &str, bytes: &[u8]) -> Past {
        let mut past =
            Past { name: name.to_owned(), entries: vec![], elsewhere: vec![], unreadable: 0, read: now() };
        let here = Machine::this();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) if entry.benchmark != name => past.unreadable += 1,
                Ok(entry) if entry.machine.id == here.id => past.entries.push(entry),
                Ok(entry) => past.elsewhere.push(entry),
                Err(_) => past.unreadable += 1,
            }
        }
        past
    }

    /// The names of all cases, those of the latest run first.
    pub fn cases(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for case in self.entries.iter().rev().flat_map(|entry| &entry.cases) {
            if !names.contains(&&*case.name) {
                names.push(&case.name);
            }
        }
        names
    }

    /// The median of a case in each run, in seconds.
    pub fn medians(&self, case: &str) -> Vec<Option<f64>> {
        self.entries.iter().map(|entry| entry.median(case)).collect()
    }

    /// The age of that run: `2 h ago`.
    pub fn when(&self, index: usize) -> Option<String> {
        Some(ago(self.read.saturating_sub(self.entries.get(index)?.time)))
    }

    /// The differences of that run from the one before it, except for the times; empty for the first one.
    pub fn changes(&self, index: usize) -> Vec<String> {
        match (index.checked_sub(1).and_then(|before| self.entries.get(before)), self.entries.get(index)) {
            (Some(before), Some(entry)) => entry.differences(before),
            _ => Vec::new(),
        }
    }

    /// Notes for the reader: which runs are left out, and why.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(last) = self.elsewhere.last() {
            let (count, about) = (counted(self.elsewhere.len(), "run"), &last.machine.about);
            notes.push(format!("Left out: {count} on another machine ({about})."));
        }
        if self.unreadable > 0 {
            let count = counted(self.unreadable, "line");
            notes.push(format!("{count} of the file could not be read: cut off, or of a newer version."));
        }
        notes
    }
}

impl Entry {
    /// The median of a case, in seconds.
    pub fn median(&self, case: &str) -> Option<f64> {
        let case = self.cases.iter().find(|other| other.name == case)?;
        Some(median(case.measurement.seconds()))
    }

    /// The differences from an earlier run, except for the times.
    pub(crate) fn differences(&self, before: &Entry) -> Vec<String> {
        let mut differences = Vec::new();
        if self.machine.id != before.machine.id {
            differences.push(format!("on {} instead of {}", self.machine.about, before.machine.about));
        }
        if self.machine.processors != before.machine.processors {
            let (now, then) = (self.machine.processors, before.machine.processors);
            differences.push(format!("{} instead of {then}", counted(now, "processor")));
        }
        if let (Some(now), Some(then)) = (&self.code, &before.code)
            && now != then
        {
            differences.push("the code has changed".to_owned());
        }
        let missing = |here: &Entry, there: &Entry| -> Vec<String> {
            let is_there = |name: &str| there.cases.iter().any(|case| case.name == name);
            here.cases.iter().filter(|case| !is_there(&case.name)).map(|case| case.name.clone()).collect()
        };
        for (what, names) in [("new", missing(self, before)), ("gone", missing(before, self))] {
            if !names.is_empty() {
                differences.push(format!("{what}: {}", names.join(", ")));
            }
        }
        differences
    }
}

/// Small bars, one for each present number: `▂▁█`. Every bar is large enough to be visible.
pub(crate) fn strip(values: &[Option<f64>]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let max = values.iter().flatten().copied().fold(0.0, f64::max);
    let bar = |value: &Option<f64>| match value {
        Some(value) if max > 0.0 => BARS[((value / max * 8.0).ceil() as usize).clamp(1, 8) - 1],
        Some(_) => BARS[0],
        None => ' ',
    };
    values[values.len().saturating_sub(STRIP)..].iter().map(bar).collect()
}

/// A line for each case: a strip of its medians from 0 to the largest, and the last one; then the changes
/// from run to run.
impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.entries.is_empty() {
            write!(f, "{}: no earlier runs on this machine", self.name)?;
            return self.notes().iter().try_for_each(|note| write!(f, "\n{note}"));
        }
        let age = |run: usize| self.when(run).unwrap_or_default();
        write!(
            f,
            "{}: {}, the last one {}",
            self.name,
            counted(self.entries.len(), "run"),
            age(self.entries.len() - 1)
        )?;
        let width = self.cases().iter().map(|name| name.chars().count()).max().unwrap_or(0);
        for name in self.cases() {
            let medians = self.medians(name);
            let known = || medians.iter().flatten().copied();
            let (min, max) = known().fold((f64::INFINITY, 0.0_f64), |(a, b), m| (a.min(m), b.max(m)));
            let strip = strip(&medians);
            let now = known().next_back().map(human).unwrap_or_default();
            write!(f, "\n  {name:<width$}  {strip}  {now} ({} to {})", human(min), human(max))?;
        }
        let changes: Vec<_> = (0..self.entries.len())
            .map(|run| (run, self.changes(run)))
            .filter(|(_, all)| !all.is_empty())
            .collect();
        for (run, changes) in &changes[changes.len().saturating_sub(MAX_CHANGES)..] {
            write!(f, "\nrun {} ({}): {}", run + 1, age(*run), changes.join("; "))?;
        }
        self.notes().iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}

/// The same text as `{}`; shown in a notebook, a picture.
impl fmt::Debug for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{self}")
    }
}
