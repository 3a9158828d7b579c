//! The state of a run: its threads, its objects, and how far it is.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::Location;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;

use super::coroutine::Switch;
use super::object::{Object, ObjectId, TaskId};
use super::operation::Operation;
use super::panics::Panic;
use super::waits::Waiting;
use crate::search::{Candidate, Footprint, Strategy};
use crate::source::PlaceName;
use crate::watchdog::Progress;

thread_local! {
    pub(super) static CURRENT: RefCell<Option<Rc<RefCell<Run>>>> = const { RefCell::new(None) };
}

/// A thread of the run.
pub(crate) struct Task {
    pub(crate) name: Option<String>,
    pub(crate) object: ObjectId,
    pub(crate) is_finished: bool,
    /// Whether a handle's `unpark` was called since the last `park`.
    pub(crate) has_token: bool,
    /// The operation that it has announced.
    pub(crate) next: Option<Operation>,
    /// It is on the way to its first operation.
    pub(super) is_starting: bool,
    /// The threads that have to take a step, or be unable to, before this one goes on.
    pub(super) after: Vec<TaskId>,
    /// The unchanged states that it has seen: where, of which object, in which version, and how often.
    pub(super) seen: Vec<(usize, ObjectId, u64, u32)>,
    pub(super) switch: Option<NonNull<Switch>>,
    pub(crate) locals: Vec<Local>,
}

/// A thread-local value: the address of its key, and the value unless it is being dropped.
pub(crate) type Local = (usize, Option<Rc<dyn Any>>);

/// Why a run has ended before its threads have.
pub(crate) enum Ended {
    /// A thread has panicked.
    Panicked { task: TaskId, panic: Panic },
    /// No thread can go on.
    Deadlock(Vec<Waiting>),
    /// The run has taken more steps than it may.
    TooManySteps(usize),
    /// The strategy has no thread for this point: the program differs from its earlier run.
    Strayed,
    /// The cell is interrupted.
    Interrupted,
    /// The program cannot be explored.
    Refused(String),
}

/// A step that was recorded.
pub(crate) struct RawStep {
    pub(crate) task: TaskId,
    pub(crate) operation: Operation,
    /// Its outcome, such as `not yet` for a lock that could not be had.
    pub(crate) outcome: Option<String>,
    /// The threads that can go on because of it.
    pub(crate) wakes: Vec<TaskId>,
    /// Whether the thread before could have gone on.
    pub(crate) is_switch: bool,
    /// The state of the objects after it, as far as they have one to show.
    pub(crate) states: Vec<(ObjectId, String)>,
}

impl RawStep {
    /// A step that has led to nothing yet.
    pub(crate) fn of(task: TaskId, operation: Operation) -> RawStep {
        let (wakes, states) = (Vec::new(), Vec::new());
        RawStep { task, operation, outcome: None, wakes, is_switch: false, states }
    }
}

/// The run that is going on.
pub(crate) struct Run {
    /// A number that no other run of the process has.
    pub(crate) number: u32,
    pub(crate) tasks: Vec<Task>,
    pub(crate) objects: Vec<Object>,
    pub(crate) current: TaskId,
    pub(crate) ended: Option<Ended>,
    /// The thread whose stack is unwound.
    pub(super) unwinding: Option<TaskId>,
    pub(super) strategy: Option<Box<dyn Strategy>>,
    /// The thread that was chosen at each point with a choice.
    pub(crate) choices: Vec<TaskId>,
    pub(crate) switches: usize,
    pub(crate) steps: usize,
    pub(super) steps_in_a_row: usize,
    pub(super) max_steps: usize,
    /// Whether a thread had to let others go first.
    pub(crate) was_unfair: bool,
    /// Whether a schedule was left out because of that.
    pub(crate) was_cut: bool,
    /// The objects that the current step has touched.
    pub(super) footprint: Footprint,
    /// The body of a thread that is to be started now.
    pub(super) to_start: Option<Box<dyn FnOnce()>>,
    pub(crate) record: Option<Vec<RawStep>>,
    /// The places with an ordering weaker than `SeqCst`, if they are to be noted.
    pub(crate) weak: Option<BTreeSet<(&'static Location<'static>, &'static str)>>,
    /// A number made of all operations.
    pub(crate) digest: u64,
    pub(super) next_is_switch: bool,
    /// How a place is called.
    pub(super) place: PlaceName,
    pub(super) progress: Arc<Progress>,
    /// The values of statics.
    pub(crate) statics: Vec<Local>,
    /// Room for the threads that can go on, used again from step to step.
    pub(super) able: Vec<TaskId>,
    pub(super) candidates: Vec<Candidate>,
}

/// How a run is to be done.
pub(crate) struct Settings {
    pub(crate) max_steps: usize,
    pub(crate) is_recorded: bool,
    /// Whether weak orderings are noted.
    pub(crate) has_notes: bool,
    pub(crate) place: PlaceName,
    pub(crate) progress: Arc<Progress>,
}

/// Whether this thread is exploring.
pub(crate) fn is_running() -> bool {
    CURRENT.with_borrow(Option::is_some)
}

/// Whether the program's output is of no interest: it runs under one schedule of many, and not under that which is
/// shown.
#[must_use]
pub fn is_silent() -> bool {
    with_run(|run| run.record.is_none()).unwrap_or(false)
}

/// Calls a function with the run that is going on, if there is one.
pub(crate) fn with_run<R>(function: impl FnOnce(&mut Run) -> R) -> Option<R> {
    let run = CURRENT.with_borrow(Clone::clone)?;
    let mut run = run.try_borrow_mut().ok()?;
    Some(function(&mut run))
}

/// As [`with_run`], in the program.
///
/// # Panics
///
/// If no run is going on.
#[track_caller]
pub(crate) fn in_run<R>(function: impl FnOnce(&mut Run) -> R) -> R {
    match with_run(function) {
        Some(result) => result,
        None => panic!(
            "an explored lock, atomic, channel or thread was used outside of `explore`; there, write `::std` in the \
             place of `std`"
        ),
    }
}
