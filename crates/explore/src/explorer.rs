//! The search for a failure: strategy after strategy, within limits.

use std::time::{Duration, Instant};

use threadbook_base::interrupt::is_interrupted;
use threadbook_trace::{NodeKind, Relation, WaitGraphBuilder};

use crate::exploration::{Exploration, Failure, FailureKind, Limit, ObjectState, Play, Step};
use crate::run::{self, Ended, Goal, Kind, ObjectId, RawStep, Run, Settings, Stacks, TaskId, Waiting};
use crate::schedule::{decode, encode, turns};
use crate::search::{self, DepthFirst, Follow, Guide, Pct, Strategy};
use crate::source::{Line, PlaceName, Sources};
use crate::watchdog::Watchdog;

/// The bound on switches grows up to this; then there is none.
const MAX_BOUND: usize = 2;

/// The runs that make a failing schedule shorter.
const MAX_SHORTENINGS: usize = 100;

/// The seed of the random strategy: all explorations of a program are the same.
const SEED: u64 = 0x7468_7265_6164_626b;

/// Runs a closure under every order in which its threads can take their steps, within the default limits of
/// [`Explorer`].
///
/// # Examples
///
/// ```
/// use threadbook_explore::{explore, std};
/// use std::sync::{Arc, Mutex};
///
/// let exploration = explore(|| {
///     let count = Arc::new(Mutex::new(0));
///     let other = count.clone();
///     let thread = std::thread::spawn(move || *other.lock().unwrap() += 1);
///     *count.lock().unwrap() += 1;
///     thread.join().unwrap();
///     assert_eq!(*count.lock().unwrap(), 2);
/// });
/// assert!(exploration.is_exhaustive());
/// ```
#[track_caller]
pub fn explore(closure: impl Fn()) -> Exploration {
    Explorer::new().run(closure)
}

/// Runs a closure under the schedule of a [`Failure`].
///
/// A schedule of another program, or of another version of this crate, is the exploration's
/// [`problem`](Exploration::problem).
///
/// # Examples
///
/// ```
/// use threadbook_explore::{explore, replay, std};
/// use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
///
/// fn program() {
///     let is_open = AtomicBool::new(true);
///     std::thread::scope(|scope| {
///         scope.spawn(|| is_open.store(false, SeqCst));
///         assert!(is_open.load(SeqCst));
///     });
/// }
///
/// let exploration = explore(program);
/// let failure = exploration.failure().unwrap();
/// let again = replay(failure.schedule(), program);
/// assert_eq!(again.failure().unwrap().message(), failure.message());
/// ```
#[track_caller]
pub fn replay(schedule: &str, closure: impl Fn()) -> Exploration {
    Explorer::new().replay(schedule, closure)
}

/// Limits of an exploration.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use threadbook_explore::{Explorer, std as explored};
/// use explored::sync::{Arc, Mutex};
///
/// let exploration = Explorer::new().max_switches(1).time_limit(Duration::from_secs(2)).run(|| {
///     let (a, b) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
///     let (a2, b2) = (a.clone(), b.clone());
///     let thread = explored::thread::spawn(move || {
///         let _b = b2.lock().unwrap();
///         let _a = a2.lock().unwrap();
///     });
///     let _a = a.lock().unwrap();
///     let _b = b.lock().unwrap();
///     drop((_a, _b));
///     thread.join().unwrap();
/// });
/// assert!(exploration.failure().unwrap().message().contains("deadlock"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "an explorer runs nothing before `run`"]
pub struct Explorer {
    max_schedules: usize,
    max_switches: Option<usize>,
    max_steps: usize,
    time_limit: Duration,
    schedule: Option<String>,
    lines: &'static [Line],
    place: Option<PlaceName>,
    notes: Vec<&'static str>,
}

impl Default for Explorer {
    fn default() -> Explorer {
        Explorer {
            max_schedules: 200_000,
            max_switches: None,
            max_steps: 10_000,
            time_limit: Duration::from_secs(10),
            schedule: None,
            lines: &[],
            place: None,
            notes: Vec::new(),
        }
    }
}

impl Explorer {
    /// At most 200,000 schedules, 10,000 steps in each, and 10 seconds.
    pub fn new() -> Explorer {
        Explorer::default()
    }

    /// Runs at most so many schedules.
    pub fn max_schedules(self, max_schedules: usize) -> Explorer {
        Explorer { max_schedules, ..self }
    }

    /// Runs only schedules with at most so many switches away from a thread that could go on.
    pub fn max_switches(self, max_switches: usize) -> Explorer {
        Explorer { max_switches: Some(max_switches), ..self }
    }

    /// A run that takes more steps is reported as an endless loop.
    pub fn max_steps(self, max_steps: usize) -> Explorer {
        Explorer { max_steps, ..self }
    }

    /// Starts no schedule after so much time.
    pub fn time_limit(self, time_limit: Duration) -> Explorer {
        Explorer { time_limit, ..self }
    }

    /// Runs this schedule only, that of a [`Failure`], as [`replay`] does.
    pub fn schedule(self, schedule: &str) -> Explorer {
        Explorer { schedule: Some(schedule.to_owned()), ..self }
    }

    /// The lines that the program's code was generated from, and how a place is called.
    #[doc(hidden)]
    pub fn generated_from(self, lines: &'static [Line], place: PlaceName) -> Explorer {
        Explorer { lines, place: Some(place), ..self }
    }

    /// Adds the notes for a reader of the result.
    #[doc(hidden)]
    pub fn note(mut self, note: &'static str) -> Explorer {
        self.notes.push(note);
        self
    }

    /// Explores a closure.
    ///
    /// # Panics
    ///
    /// If this is called in a closure that is being explored.
    #[track_caller]
    pub fn run(&self, closure: impl Fn()) -> Exploration {
        let closure: &dyn Fn() = &closure;
        // SAFETY: threads that have not ended when `Search::run` returns are never resumed.
        let closure = unsafe { std::mem::transmute::<&dyn Fn(), &'static dyn Fn()>(closure) };
        match &self.schedule {
            Some(schedule) => self.search(closure).replay(schedule),
            None => self.search(closure).explore(),
        }
    }

    /// Runs a closure under one schedule.
    ///
    /// # Panics
    ///
    /// If this is called in a closure that is being explored.
    #[track_caller]
    pub fn replay(&self, schedule: &str, closure: impl Fn()) -> Exploration {
        let closure: &dyn Fn() = &closure;
        // SAFETY: as in `run`.
        let closure = unsafe { std::mem::transmute::<&dyn Fn(), &'static dyn Fn()>(closure) };
        self.search(closure).replay(schedule)
    }

    /// Runs a closure step by step: at each step the next thread of `choices` goes on, by its place in the order of
    /// their start. It stops after the last one, or before one that cannot go on.
    ///
    /// # Panics
    ///
    /// If this is called in a closure that is being explored.
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_explore::{Explorer, std};
    /// use std::sync::Mutex;
    ///
    /// let program = || {
    ///     let lock = Mutex::new(0);
    ///     std::thread::scope(|scope| {
    ///         scope.spawn(|| *lock.lock().unwrap() += 1);
    ///         *lock.lock().unwrap() += 1;
    ///     });
    /// };
    /// let begin = Explorer::new().play(&[], program);
    /// assert_eq!(begin.next().len(), 2);
    /// let later = Explorer::new().play(&[1, 0, 0], program);
    /// assert!(later.next().is_empty() && later.failure().is_none());
    /// ```
    #[track_caller]
    pub fn play(&self, choices: &[usize], closure: impl Fn()) -> Play {
        let closure: &dyn Fn() = &closure;
        // SAFETY: as in `run`.
        let closure = unsafe { std::mem::transmute::<&dyn Fn(), &'static dyn Fn()>(closure) };
        self.search(closure).play(choices)
    }

    #[track_caller]
    fn search(&self, closure: &'static dyn Fn()) -> Search<'_> {
        assert!(
            !run::is_running(),
            "an exploration cannot be explored: call `explore` outside of the closure"
        );
        run::watch_panics();
        let sources = Sources::new(self.lines, self.place);
        Search {
            explorer: self,
            closure,
            watchdog: Watchdog::start(sources.place),
            sources,
            stacks: Stacks::default(),
            started: Instant::now(),
            runs: 0,
            notes: Vec::new(),
            has_steps: false,
        }
    }
}

/// An exploration that goes on.
struct Search<'a> {
    explorer: &'a Explorer,
    closure: &'static dyn Fn(),
    watchdog: Watchdog,
    sources: Sources,
    stacks: Stacks,
    started: Instant,
    runs: usize,
    notes: Vec<String>,
    /// Whether a run has had a point to choose at.
    has_steps: bool,
}

/// How a strategy has ended.
enum Outcome {
    /// All its schedules were run: so many.
    Done { schedules: usize, has_pruned: bool, was_cut: bool, was_unfair: bool },
    /// It has reached a limit.
    Limited(Limit),
    /// A run has ended early.
    Found(Box<Run>),
}

impl Search<'_> {
    fn explore(mut self) -> Exploration {
        let last = self.explorer.max_switches;
        // Each strategy has a share of both limits.
        let (bounded, unbounded) = (if last.is_some() { 1.0 } else { 0.3 }, 0.8);
        let mut schedules = 0;
        for bound in 0..=last.unwrap_or(MAX_BOUND) {
            match self.depth_first(Some(bound), false, bounded) {
                Outcome::Done { schedules: count, has_pruned, was_cut, .. } => {
                    schedules += count;
                    if !has_pruned {
                        return self.without_failure(schedules, was_cut.then_some(Limit::Turns));
                    }
                }
                Outcome::Limited(limit) if last.is_some() || limit == Limit::Interrupt => {
                    let runs = self.runs;
                    return self.without_failure(runs, Some(limit));
                }
                Outcome::Limited(_) => break,
                Outcome::Found(run) => return self.found(*run),
            }
        }
        if let Some(bound) = last {
            return self.without_failure(schedules, Some(Limit::Switches(bound)));
        }
        let mut has_sleep_sets = true;
        loop {
            match self.depth_first(None, has_sleep_sets, unbounded) {
                // Threads that have to let others go first make steps meet that touch different objects.
                Outcome::Done { was_unfair: true, .. } if has_sleep_sets => has_sleep_sets = false,
                Outcome::Done { schedules, was_cut, .. } => {
                    return self.without_failure(schedules, was_cut.then_some(Limit::Turns));
                }
                Outcome::Limited(Limit::Interrupt) => {
                    let runs = self.runs;
                    return self.without_failure(runs, Some(Limit::Interrupt));
                }
                Outcome::Limited(_) => break,
                Outcome::Found(run) => return self.found(*run),
            }
        }
        match self.at_random() {
            Outcome::Found(run) => self.found(*run),
            Outcome::Limited(limit) => {
                let runs = self.runs;
                self.without_failure(runs, Some(limit))
            }
            Outcome::Done { .. } => unreachable!("the random strategy has no end"),
        }
    }

    /// The limit that is reached, of the share of them that may be used.
    fn limit(&self, share: f64) -> Option<Limit> {
        let Explorer { max_schedules, time_limit, .. } = *self.explorer;
        if is_interrupted() {
            Some(Limit::Interrupt)
        } else if self.runs as f64 >= max_schedules as f64 * share {
            Some(Limit::Schedules(max_schedules))
        } else if self.started.elapsed() >= time_limit.mul_f64(share) {
            Some(Limit::Time(time_limit))
        } else {
            None
        }
    }

    fn depth_first(&mut self, bound: Option<usize>, has_sleep_sets: bool, share: f64) -> Outcome {
        let mut strategy = DepthFirst::new(bound, has_sleep_sets);
        let (mut schedules, mut was_cut, mut was_unfair) = (0, false, false);
        loop {
            if let Some(limit) = self.limit(share) {
                return Outcome::Limited(limit);
            }
            let (after, run) = self.run(Box::new(strategy), false);
            strategy = match after.into_any().downcast::<DepthFirst>() {
                Ok(strategy) => *strategy,
                Err(_) => unreachable!("a run returns its strategy"),
            };
            was_cut |= run.was_cut;
            was_unfair |= run.was_unfair;
            // With a smaller bound, those with fewer switches have been run.
            schedules += usize::from(match bound {
                Some(bound) => run.switches == bound,
                None => !strategy.is_redundant,
            });
            if run.ended.is_some() {
                return Outcome::Found(Box::new(run));
            }
            if was_unfair && has_sleep_sets || !strategy.advance() {
                return Outcome::Done { schedules, has_pruned: strategy.has_pruned, was_cut, was_unfair };
            }
        }
    }

    fn at_random(&mut self) -> Outcome {
        let mut strategy = Pct::new(SEED);
        loop {
            if let Some(limit) = self.limit(1.0) {
                return Outcome::Limited(limit);
            }
            strategy.advance();
            let (after, run) = self.run(Box::new(strategy), false);
            strategy = match after.into_any().downcast::<Pct>() {
                Ok(strategy) => *strategy,
                Err(_) => unreachable!("a run returns its strategy"),
            };
            if run.ended.is_some() {
                return Outcome::Found(Box::new(run));
            }
        }
    }

    /// Runs the closure once.
    fn run(&mut self, strategy: Box<dyn Strategy>, is_recorded: bool) -> (Box<dyn Strategy>, Run) {
        let settings = Settings {
            max_steps: self.explorer.max_steps,
            is_recorded,
            has_notes: self.runs == 0,
            place: self.sources.place,
            progress: self.watchdog.progress.clone(),
        };
        let (strategy, run) = run::run(&mut self.stacks, strategy, &settings, self.closure);
        self.has_steps |= run.steps > 0;
        if self.runs == 0 {
            let weak = run.weak.iter().flatten();
            self.notes = self.explorer.notes.iter().map(|note| (*note).to_owned()).collect();
            self.notes.extend(weak.map(|(place, ordering)| {
                let place = (self.sources.place)(place);
                format!(
                    "{place}: `{ordering}` is explored as `SeqCst`; the order of weaker operations is not"
                )
            }));
        }
        self.runs += 1;
        (strategy, run)
    }

    fn result(self, schedules: usize, limit: Option<Limit>) -> Exploration {
        Exploration { schedules, limit, failure: None, problem: None, notes: self.notes }
    }

    fn without_failure(self, schedules: usize, limit: Option<Limit>) -> Exploration {
        let has_steps = self.has_steps;
        let mut exploration = self.result(schedules, limit);
        if !has_steps && schedules > 0 {
            exploration.problem = Some(
                "there is nothing to explore: no explored lock, atomic, channel or thread was used; \
                 `use threadbook::explore::std;` in the closure has `std` mean the explored forms"
                    .into(),
            );
        }
        exploration
    }

    fn with_problem(self, problem: String) -> Exploration {
        let runs = self.runs;
        Exploration { problem: Some(problem), ..self.result(runs, None) }
    }

    /// A run has ended early: finds out whether it does so again, and how it does with the fewest switches.
    fn found(mut self, run: Run) -> Exploration {
        let runs = self.runs;
        match &run.ended {
            Some(Ended::Refused(reason)) => return self.with_problem(reason.clone()),
            Some(Ended::Interrupted) => return self.result(runs, Some(Limit::Interrupt)),
            Some(Ended::Strayed) | None => return self.strayed(),
            Some(Ended::Panicked { .. } | Ended::Deadlock(_) | Ended::TooManySteps(_)) => {}
        }
        let choices = self.shortened(&run);
        let (_, again) = self.run(Box::new(Follow::new(choices)), true);
        if !is_same(&run, &again) {
            return self.strayed();
        }
        let failure = self.failure(again);
        Exploration { failure, ..self.result(runs, None) }
    }

    fn strayed(self) -> Exploration {
        self.with_problem(
            "the closure does not do the same in each run, so its schedules cannot be told apart; it may depend on \
             time, random numbers, addresses, the order of a `HashMap`, or variables outside of it"
                .into(),
        )
    }

    /// The choices that lead to the failure of a run, with the fewest switches that were found.
    fn shortened(&mut self, failing: &Run) -> Vec<TaskId> {
        let mut best = failing.choices.clone();
        let mut switches = failing.switches;
        // A bounded search has found the fewest.
        let mut attempts = if switches > MAX_BOUND { MAX_SHORTENINGS } else { 0 };
        'shorter: while attempts > 0 {
            let turns = turns(&best);
            for index in 0..turns.len().saturating_sub(1) {
                if attempts == 0 {
                    break 'shorter;
                }
                attempts -= 1;
                // Each turn but the last in the place of the next but one turn of its thread.
                let mut other = turns.clone();
                let turn = other.remove(index);
                match other[index..].iter_mut().find(|(task, _)| *task == turn.0) {
                    Some(next) => next.1 += turn.1,
                    None => other.push(turn),
                }
                let (_, run) = self.run(Box::new(Guide::new(other)), false);
                if is_same(failing, &run) && run.switches < switches {
                    (best, switches) = (run.choices, run.switches);
                    continue 'shorter;
                }
            }
            break;
        }
        best
    }

    fn replay(mut self, schedule: &str) -> Exploration {
        let (choices, digest) = match decode(schedule) {
            Ok(decoded) => decoded,
            Err(problem) => return self.with_problem(problem),
        };
        let (_, run) = self.run(Box::new(Follow::new(choices)), true);
        let is_same_program = run.digest as u32 == digest;
        match &run.ended {
            Some(Ended::Refused(reason)) => self.with_problem(reason.clone()),
            Some(Ended::Interrupted) => self.result(1, Some(Limit::Interrupt)),
            Some(Ended::Panicked { .. } | Ended::Deadlock(_) | Ended::TooManySteps(_)) if is_same_program => {
                let failure = self.failure(run);
                Exploration { failure, ..self.result(1, Some(Limit::Replay)) }
            }
            None if is_same_program => self.result(1, Some(Limit::Replay)),
            _ => self.with_problem(
                "the schedule is of another program, or of this one before it was changed; explore again"
                    .into(),
            ),
        }
    }

    fn play(mut self, choices: &[TaskId]) -> Play {
        let (strategy, run) = self.run(Box::new(search::Play::new(choices.to_vec())), true);
        let able =
            strategy.into_any().downcast::<search::Play>().map(|strategy| strategy.able).unwrap_or_default();
        if let Some(Ended::Refused(reason)) = &run.ended {
            let reason = reason.clone();
            return Play { exploration: self.with_problem(reason), next: Vec::new() };
        }
        let threads: Vec<String> = (0..run.tasks.len()).map(|task| run.thread_name(task)).collect();
        let names = self.names(&run);
        let next = able.iter().filter_map(|task| {
            let raw = RawStep::of(*task, run.tasks[*task].next.clone()?);
            Some(self.step(&raw, &run, &threads, &names, &[]))
        });
        let next = next.collect();
        let failure = self.failure(run);
        let runs = self.runs;
        Play { exploration: Exploration { failure, ..self.result(runs, Some(Limit::Play)) }, next }
    }

    /// The failure of a run that was recorded.
    fn failure(&self, mut run: Run) -> Option<Failure> {
        let threads: Vec<String> = (0..run.tasks.len()).map(|task| run.thread_name(task)).collect();
        let names = self.names(&run);
        let raw = run.record.take().unwrap_or_default();
        let mut shown: Vec<ObjectId> = Vec::new();
        for object in raw.iter().map(|step| step.operation.object) {
            if run.objects[object].kind != Kind::Thread && !shown.contains(&object) {
                shown.push(object);
            }
        }
        let steps: Vec<Step> =
            raw.iter().map(|step| self.step(step, &run, &threads, &names, &shown)).collect();
        let (mut in_code, ended) = (None, run.ended.take());
        let waiting = match &ended {
            Some(Ended::Deadlock(waits)) => {
                let next =
                    waits.iter().filter_map(|wait| Some((wait.task, run.tasks[wait.task].next.clone()?)));
                let never = |(task, operation)| RawStep::of(task, operation);
                next.map(never).map(|step| self.step(&step, &run, &threads, &names, &shown)).collect()
            }
            _ => Vec::new(),
        };
        let (kind, message, place, waits) = match ended {
            Some(Ended::Panicked { task, panic }) => {
                let mut files = raw.iter().map(|step| step.operation.place.file());
                in_code = files.find(|file| *file == panic.file).map(|file| (file, panic.line));
                let place = panic.place.map(|place| format!("{place}, in `{}`", threads[task]));
                (FailureKind::Panic, panic.message, place, None)
            }
            Some(Ended::Deadlock(waits)) => {
                in_code = waits.first().map(|wait| (wait.place.file(), wait.place.line()));
                let sentences = waits.iter().map(|wait| self.sentence(wait, &run, &threads, &names));
                let sentences: Vec<_> = sentences.collect();
                let graph = graph(&waits, &threads, &names);
                (FailureKind::Deadlock, format!("deadlock: {}", sentences.join("; ")), None, Some(graph))
            }
            Some(Ended::TooManySteps(steps)) => {
                let message = format!(
                    "livelock: the threads have not ended after {steps} steps; if they do later, `max_steps` allows it"
                );
                (FailureKind::Livelock, message, None, None)
            }
            Some(Ended::Strayed) => (FailureKind::Open, "choose the thread that goes on".into(), None, None),
            None => {
                (FailureKind::Open, "all threads have ended, and nothing has gone wrong".into(), None, None)
            }
            Some(Ended::Interrupted | Ended::Refused(_)) => return None,
        };
        Some(Failure {
            kind,
            message,
            place,
            in_code,
            schedule: encode(&run.choices, run.digest),
            is_of_cell: !self.sources.lines.is_empty(),
            deciding: steps.iter().rposition(|step| step.is_switch),
            threads,
            objects: shown.iter().map(|object| names[*object].clone()).collect(),
            steps,
            waiting,
            switches: run.switches,
            waits,
        })
    }

    fn step(
        &self,
        raw: &RawStep,
        run: &Run,
        threads: &[String],
        names: &[String],
        shown: &[ObjectId],
    ) -> Step {
        let operation = &raw.operation;
        let is_thread = run.objects[operation.object].kind == Kind::Thread;
        let own = run.tasks[raw.task].object;
        let words = match is_thread {
            true if operation.object == own => operation.verb.to_owned(),
            true => {
                let other = run.tasks.iter().position(|task| task.object == operation.object);
                format!("{} `{}`", operation.verb, other.map_or("?", |task| &threads[task]))
            }
            false => format!("{} `{}`", operation.verb, names[operation.object]),
        };
        let has_line = operation.verb != "ends";
        let states = raw.states.iter().filter_map(|(id, state)| {
            let object = shown.iter().position(|object| object == id)?;
            Some(ObjectState { object, state: state.clone() })
        });
        Step {
            thread: raw.task,
            operation: words,
            outcome: raw.outcome.clone(),
            place: if has_line { (self.sources.place)(operation.place) } else { String::new() },
            source: if has_line { self.sources.text(operation.place) } else { String::new() },
            is_switch: raw.is_switch,
            wakes: raw.wakes.clone(),
            states: states.collect(),
        }
    }

    /// The names of all objects: those of the variables that they are the values of, numbered where several share one.
    fn names(&self, run: &Run) -> Vec<String> {
        let bases: Vec<_> = run
            .objects
            .iter()
            .map(|object| self.sources.name(object.made).ok_or_else(|| object.kind.noun()))
            .collect();
        let name = |(index, base): (usize, &Result<String, &'static str>)| {
            let before = bases[..index].iter().filter(|other| *other == base).count();
            match base {
                Ok(name) if bases.iter().filter(|other| *other == base).count() > 1 => {
                    format!("{name}[{before}]")
                }
                Ok(name) => name.clone(),
                Err(noun) => format!("{noun} {}", before + 1),
            }
        };
        bases.iter().enumerate().map(name).collect()
    }

    /// The goal of a thread's wait, in words.
    fn sentence(&self, wait: &Waiting, run: &Run, threads: &[String], names: &[String]) -> String {
        let thread = &threads[wait.task];
        let place = (self.sources.place)(wait.place);
        let holder = |task: &TaskId| match run.tasks[*task].is_finished {
            _ if *task == wait.task => "itself".to_owned(),
            true => format!("`{}`, which has ended without unlocking it", threads[*task]),
            false => format!("`{}`", threads[*task]),
        };
        let goal = match &wait.goal {
            Goal::Lock { lock, holders, taken } => {
                let holders: Vec<_> = holders.iter().map(holder).collect();
                let taken = taken.map(|place| format!(" since {}", (self.sources.place)(place)));
                format!(
                    "lock `{}`, held by {}{}",
                    names[*lock],
                    holders.join(" and "),
                    taken.unwrap_or_default()
                )
            }
            Goal::Notification(object) => {
                format!("a notification of `{}`, which never comes", names[*object])
            }
            Goal::End(task) => format!("the end of `{}`", threads[*task]),
            Goal::Token => "an `unpark`, which never comes".into(),
            Goal::Message(object) => format!("a message in `{}`, which never comes", names[*object]),
            Goal::Room(object) => format!("room in `{}`, which never comes", names[*object]),
            Goal::Barrier(object) => {
                let state = &run.objects[*object];
                format!(
                    "barrier `{}`, where {} of {} threads are",
                    names[*object], state.count, state.capacity
                )
            }
            Goal::Initialisation(object, Some(task)) => {
                format!("the initialisation of `{}`, which {} runs", names[*object], holder(task))
            }
            Goal::Initialisation(object, None) => format!("the initialisation of `{}`", names[*object]),
        };
        format!("`{thread}` waits at {place} for {goal}")
    }
}

/// Whether two runs have failed in the same way.
fn is_same(one: &Run, other: &Run) -> bool {
    match (&one.ended, &other.ended) {
        (Some(Ended::Panicked { panic: one, .. }), Some(Ended::Panicked { panic: other, .. })) => {
            one.place == other.place
        }
        (Some(Ended::Deadlock(_)), Some(Ended::Deadlock(_))) => true,
        (Some(Ended::TooManySteps(_)), Some(Ended::TooManySteps(_))) => true,
        _ => false,
    }
}

/// A deadlock as a graph.
fn graph(waits: &[Waiting], threads: &[String], names: &[String]) -> threadbook_trace::WaitGraph {
    let mut graph = WaitGraphBuilder::new();
    let nodes: Vec<_> = threads.iter().map(|name| graph.node(NodeKind::Thread, name, None)).collect();
    let mut locks: Vec<(ObjectId, usize)> = Vec::new();
    for wait in waits {
        match &wait.goal {
            Goal::End(task) => graph.edge(nodes[wait.task], Relation::WaitsFor, nodes[*task]),
            Goal::Lock { lock, holders, .. } => {
                let known = locks.iter().find(|(id, _)| id == lock).map(|(_, node)| *node);
                let node = known.unwrap_or_else(|| {
                    let node = graph.node(NodeKind::Lock, &names[*lock], None);
                    locks.push((*lock, node));
                    holders.iter().for_each(|task| graph.edge(node, Relation::HeldBy, nodes[*task]));
                    node
                });
                graph.edge(nodes[wait.task], Relation::WaitsFor, node);
            }
            _ => {}
        }
    }
    graph.build()
}

#[cfg(test)]
mod tests;
