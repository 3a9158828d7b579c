//! The result of an exploration.

use std::fmt::{self, Display};
use std::time::Duration;

use threadbook_trace::WaitGraph;

/// The outcome of an exploration. It shows itself as the drawing of the failing schedule, if there is one.
#[derive(Clone)]
pub struct Exploration {
    pub(crate) schedules: usize,
    pub(crate) limit: Option<Limit>,
    pub(crate) failure: Option<Failure>,
    pub(crate) problem: Option<String>,
    pub(crate) notes: Vec<String>,
}

/// Why not every schedule was run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    Schedules(usize),
    Time(Duration),
    Switches(usize),
    /// A thread ran so long without others that it had to let them.
    Turns,
    Interrupt,
    /// Only one schedule was asked for.
    Replay,
    /// The steps are chosen one by one.
    Play,
}

/// The failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// A thread has panicked, for instance because an assertion has failed.
    Panic,
    /// Threads wait for each other, or for an event that never comes.
    Deadlock,
    /// The threads go on without an end.
    Livelock,
    /// Nothing yet: the steps were chosen one by one, up to here.
    Open,
}

/// A failure, and the schedule that leads to it.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) place: Option<String>,
    pub(crate) in_code: Option<(&'static str, u32)>,
    pub(crate) schedule: String,
    /// Whether it is replayed by a line of a cell.
    pub(crate) is_of_cell: bool,
    pub(crate) threads: Vec<String>,
    pub(crate) objects: Vec<String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) waiting: Vec<Step>,
    pub(crate) switches: usize,
    pub(crate) deciding: Option<usize>,
    pub(crate) waits: Option<WaitGraph>,
}

/// A step of a thread.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// The thread, as its place in [`Failure::threads`].
    pub thread: usize,
    /// The operation and its object, such as ``lock `balance` ``.
    pub operation: String,
    /// Its result, if that says more: `= 1`, `timed out`.
    pub outcome: Option<String>,
    /// The line, such as `cell [3]:2` or `main.rs:12`.
    pub place: String,
    /// The text of the line.
    pub source: String,
    /// Whether the thread of the step before could have gone on in its place.
    pub is_switch: bool,
    /// The threads that this step allows to go on.
    pub wakes: Vec<usize>,
    /// The states of locks, atomics and channels after it.
    pub states: Vec<ObjectState>,
}

/// The state of a lock, an atomic or a channel.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ObjectState {
    /// The object, as its place in [`Failure::objects`].
    pub object: usize,
    /// A lock's holder, an atomic's value, the number of a channel's messages.
    pub state: String,
}

impl Exploration {
    /// The number of schedules that were run. A schedule that is equivalent to an earlier schedule is not run again, and
    /// not counted.
    pub fn schedules(&self) -> usize {
        self.schedules
    }

    /// Whether every schedule was run.
    pub fn is_exhaustive(&self) -> bool {
        self.limit.is_none() && self.failure.is_none() && self.problem.is_none()
    }

    /// The failure that was found.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Why nothing could be found out: the closure does not do the same in each run, a schedule is of another program,
    /// or nothing in the closure has an explored form.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Notes beside that: the places where an ordering weaker than `SeqCst` was explored as
    /// `SeqCst`.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The result in one sentence.
    pub fn summary(&self) -> String {
        let count = |n: usize| format!("{n} schedule{}", if n == 1 { "" } else { "s" });
        let schedules = self.schedules;
        if let Some(problem) = &self.problem {
            return problem.clone();
        }
        if self.failure.is_some() && self.limit == Some(Limit::Replay) {
            return "the schedule fails again".into();
        }
        if self.limit == Some(Limit::Play) {
            return "a schedule step by step".into();
        }
        if let Some(failure) = &self.failure {
            let switches = match failure.switches {
                0 => "no switch".to_owned(),
                1 => "1 switch".to_owned(),
                n => format!("{n} switches"),
            };
            return format!("a failure with {switches}, after {}", count(schedules));
        }
        match self.limit {
            None => format!("every schedule: {schedules}"),
            Some(Limit::Schedules(_)) => {
                format!("{}, no failure; the limit of schedules was reached", count(schedules))
            }
            Some(Limit::Time(time)) => {
                format!("{}, no failure; the time limit of {time:?} was reached", count(schedules))
            }
            Some(Limit::Switches(n)) => {
                format!("{}, no failure; every one with at most {n} switches was run", count(schedules))
            }
            Some(Limit::Turns) => {
                format!(
                    "{}, no failure; threads that ran very long without others were stopped",
                    count(schedules)
                )
            }
            Some(Limit::Interrupt) => format!("{}, no failure until the interrupt", count(schedules)),
            Some(Limit::Replay | Limit::Play) => "the schedule does not fail any more".into(),
        }
    }
}

/// A schedule whose steps are chosen one by one.
#[derive(Clone)]
pub struct Play {
    pub(crate) exploration: Exploration,
    pub(crate) next: Vec<Step>,
}

impl Play {
    /// The next operation of each thread that can go on. Empty if the run has ended.
    pub fn next(&self) -> &[Step] {
        &self.next
    }

    /// The steps so far as an exploration, which has a drawing.
    pub fn exploration(&self) -> &Exploration {
        &self.exploration
    }

    /// The failure that the steps have led to.
    pub fn failure(&self) -> Option<&Failure> {
        self.exploration.failure().filter(|failure| failure.kind != FailureKind::Open)
    }

    /// The name of a thread.
    pub fn thread(&self, thread: usize) -> &str {
        self.exploration.failure().and_then(|failure| failure.threads.get(thread)).map_or("", String::as_str)
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        self.exploration.failure().map(Failure::steps).unwrap_or_default()
    }
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{}", self.exploration)
    }
}

impl Failure {
    /// The failure.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The message of the panic, or a sentence about the threads that wait.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The line of the panic, if it has one.
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// The file and the line of the failure, where the file is that of a step.
    #[doc(hidden)]
    pub fn in_code(&self) -> Option<(&'static str, u32)> {
        self.in_code
    }

    /// The schedule as text, for [`replay`](crate::replay).
    pub fn schedule(&self) -> &str {
        &self.schedule
    }

    /// The names of the threads, in the order of their start.
    pub fn threads(&self) -> &[String] {
        &self.threads
    }

    /// The names of locks, atomics and channels, in the order of their first use.
    pub fn objects(&self) -> &[String] {
        &self.objects
    }

    /// The steps, in their order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The steps that never come, of the threads that wait for ever.
    pub fn waiting(&self) -> &[Step] {
        &self.waiting
    }

    /// The number of switches away from a thread that could have gone on.
    pub fn switches(&self) -> usize {
        self.switches
    }

    /// The last switch away from a thread that could have gone on, as the place of its step in [`Failure::steps`].
    pub fn deciding_switch(&self) -> Option<usize> {
        self.deciding
    }

    /// The circle of waits, in a deadlock of locks and threads.
    pub fn waits(&self) -> Option<&WaitGraph> {
        self.waits.as_ref()
    }
}

/// The steps of at most so many rows are printed from the beginning and from the end.
const MAX_ROWS: usize = 60;

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        if let Some(place) = &self.place {
            write!(f, "\nat {place}")?;
        }
        writeln!(f)?;
        let width = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0).min(40);
        let threads = width(&mut self.threads.iter().map(|name| name.chars().count()));
        let all = || self.steps.iter().chain(&self.waiting);
        let operations = width(&mut all().map(|step| step.in_words().chars().count()));
        let places = width(&mut all().map(|step| step.place.chars().count()));
        let count = self.steps.len();
        let row = |number: &str, mark: &str, step: &Step| {
            let (thread, words) = (&self.threads[step.thread], step.in_words());
            let line = format!(
                "{number:>4} {mark} {thread:<threads$}  {words:<operations$}  {:<places$}  {}",
                step.place, step.source
            );
            format!("{}\n", line.trim_end())
        };
        for (index, step) in self.steps.iter().enumerate() {
            if count > MAX_ROWS && index == MAX_ROWS / 2 {
                writeln!(f, "     … {} steps …", count - MAX_ROWS)?;
            }
            if count > MAX_ROWS && (MAX_ROWS / 2..count - MAX_ROWS / 2).contains(&index) {
                continue;
            }
            let mark = match (self.deciding == Some(index), step.is_switch) {
                (true, _) => "=>",
                (false, true) => "->",
                (false, false) => "  ",
            };
            f.write_str(&row(&(index + 1).to_string(), mark, step))?;
        }
        for step in &self.waiting {
            f.write_str(&row("", "..", step))?;
        }
        match self.is_of_cell {
            true => write!(f, "`%%explore schedule={}` runs this schedule again", self.schedule),
            false => write!(f, "replay(\"{}\", || ..) runs this schedule again", self.schedule),
        }
    }
}

impl Step {
    /// The operation, its object and its result.
    pub fn in_words(&self) -> String {
        match &self.outcome {
            Some(outcome) => format!("{} {outcome}", self.operation),
            None => self.operation.clone(),
        }
    }
}

impl Display for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.summary())?;
        if let Some(failure) = &self.failure {
            write!(f, "\n{failure}")?;
        }
        for note in &self.notes {
            write!(f, "\n{note}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Exploration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{self}")
    }
}
