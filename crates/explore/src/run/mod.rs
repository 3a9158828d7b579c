//! One run of the closure under one schedule.
//!
//! A thread is always at its next operation, which it has announced and not carried out. The scheduler chooses a
//! thread whose operation can be carried out now; that thread carries it out, and goes on to its next operation. What
//! it does on the way, also unlocking and starting threads, happens in the same step: no other thread can tell.
//!
//! *Invariant:* at most one run is going on in a thread of the operating system, and everything that a run consists of
//! stays in that thread.

mod coroutine;
mod object;
mod operation;
mod panics;
mod scheduling;
mod waits;

pub(crate) use coroutine::Stacks;
pub(crate) use object::{Handle, Kind, Object, ObjectId};
pub(crate) use operation::{Operation, Wait};
pub(crate) use panics::watch as watch_panics;
pub(crate) use waits::{Goal, Waiting};

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::search::{Candidate, Footprint, Strategy};
use coroutine::{Fiber, Switch};
use panics::Panic;
use threadbook_base::interrupt::is_interrupted;

use crate::source::PlaceName;
use crate::watchdog::Progress;

/// The place of a thread in its run, in the order of their start.
pub(crate) type TaskId = usize;

/// So many times in a row a thread may see that nothing has changed before it counts as one that waits in a loop.
const MAX_SPINS: u32 = 3;

/// So many steps in a row a thread may take while others could, before it has to let them.
const MAX_STEPS_IN_A_ROW: usize = 200;

/// How many threads a run may start.
const MAX_THREADS: usize = 1000;

/// So often in steps an interrupt is looked for.
const STEPS_BETWEEN_LOOKS: usize = 64;

thread_local! {
    static CURRENT: RefCell<Option<Rc<RefCell<Run>>>> = const { RefCell::new(None) };
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
    is_starting: bool,
    /// The threads that have to take a step, or be unable to, before this one goes on.
    after: Vec<TaskId>,
    /// The unchanged states that it has seen: where, of which object, in which version, and how often.
    seen: Vec<(usize, ObjectId, u64, u32)>,
    switch: Option<NonNull<Switch>>,
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
    /// The strategy has no thread for this point: the program does not do what it did before.
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
    /// What it has led to, such as `not yet` for a lock that could not be had.
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
    unwinding: Option<TaskId>,
    strategy: Option<Box<dyn Strategy>>,
    /// The thread that was chosen at each point with a choice.
    pub(crate) choices: Vec<TaskId>,
    pub(crate) switches: usize,
    pub(crate) steps: usize,
    steps_in_a_row: usize,
    max_steps: usize,
    /// Whether a thread had to let others go first.
    pub(crate) was_unfair: bool,
    /// Whether a schedule was left out because of that.
    pub(crate) was_cut: bool,
    /// What the current step has touched.
    footprint: Footprint,
    /// The body of a thread that is to be started now.
    to_start: Option<Box<dyn FnOnce()>>,
    pub(crate) record: Option<Vec<RawStep>>,
    /// The places with an ordering weaker than `SeqCst`, if they are to be noted.
    pub(crate) weak: Option<BTreeSet<(&'static Location<'static>, &'static str)>>,
    /// A number made of all operations.
    pub(crate) digest: u64,
    next_is_switch: bool,
    /// How a place is called.
    place: PlaceName,
    progress: Arc<Progress>,
    /// The values of statics.
    pub(crate) statics: Vec<Local>,
    /// Room for the threads that can go on, used again from step to step.
    able: Vec<TaskId>,
    candidates: Vec<Candidate>,
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

/// Whether what the program prints is of no interest: it runs under one schedule of many, and not under that which is
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

/// Runs the closure under the schedule of a strategy, and returns the strategy and the run.
pub(crate) fn run(
    stacks: &mut Stacks,
    strategy: Box<dyn Strategy>,
    settings: &Settings,
    closure: &'static dyn Fn(),
) -> (Box<dyn Strategy>, Run) {
    static NUMBER: AtomicU32 = AtomicU32::new(1);
    // Zero means no run.
    let number = NUMBER.fetch_add(1, Ordering::Relaxed).max(1);
    let run = Rc::new(RefCell::new(Run::new(number, strategy, settings)));
    CURRENT.set(Some(run.clone()));
    let main = run.borrow_mut().new_task(Some("main".into()), Location::caller());
    run.borrow_mut().tasks[main].is_starting = false;
    run.borrow_mut().to_start = Some(Box::new(closure));
    drive(&run, stacks);
    CURRENT.set(None);
    let run = Rc::try_unwrap(run).map(RefCell::into_inner);
    let Ok(mut run) = run else { unreachable!("only this function keeps the run") };
    let mut strategy = run.strategy.take().unwrap_or_else(|| unreachable!("a run has a strategy"));
    strategy.end(&run.footprint, run.ended.is_none());
    (strategy, run)
}

/// Resumes the threads in the order of the schedule until all have ended, or the run has.
fn drive(run: &Rc<RefCell<Run>>, stacks: &mut Stacks) {
    let mut fibers: Vec<Fiber> = Vec::new();
    // The threads that are about to start another, the innermost last.
    let mut starters = Vec::new();
    loop {
        let body = run.borrow_mut().to_start.take();
        if let Some(body) = body {
            let id = fibers.len();
            match stacks.fiber(move |switch| thread_main(id, switch, body)) {
                Ok(fiber) => fibers.push(fiber),
                Err(error) => {
                    run.borrow_mut().ended =
                        Some(Ended::Refused(format!("no thread can be started: {error}")));
                    return;
                }
            }
            if id > 0 {
                starters.push(run.borrow().current);
            }
            run.borrow_mut().current = id;
        }
        let id = run.borrow().current;
        let has_ended = fibers[id].resume(stacks);
        let mut run = run.borrow_mut();
        if has_ended {
            run.finish(id);
        }
        if run.ended.is_some() {
            return;
        }
        if run.to_start.is_some() {
            continue;
        }
        if std::mem::take(&mut run.tasks[id].is_starting) {
            run.current = starters.pop().unwrap_or(id);
            continue;
        }
        if has_ended {
            run.decide();
        }
        if run.ended.is_some() || run.tasks.iter().all(|task| task.is_finished) {
            return;
        }
    }
}

/// What a thread does, from its first to its last line.
fn thread_main(id: TaskId, switch: NonNull<Switch>, body: Box<dyn FnOnce()>) {
    with_run(|run| run.tasks[id].switch = Some(switch));
    let result = catch_unwind(AssertUnwindSafe(|| {
        body();
        drop_locals(id);
    }));
    with_run(|run| {
        run.unwinding.take_if(|task| *task == id);
        if let Err(payload) = result {
            let panic = panics::take(&*payload);
            run.ended.get_or_insert(Ended::Panicked { task: id, panic });
            // Its destructor might panic.
            std::mem::forget(payload);
        }
    });
}

/// Drops the thread-local values of a thread that ends. Their destructors may make new ones, a few times.
fn drop_locals(id: TaskId) {
    for _ in 0..8 {
        let values: Vec<_> =
            in_run(|run| run.tasks[id].locals.iter_mut().filter_map(|(_, value)| value.take()).collect());
        if values.is_empty() {
            break;
        }
        drop(values);
    }
}

/// Announces an operation of the current thread, lets the scheduler choose, and carries it out when it is chosen.
/// `effect` is told whether a time-out has ended the wait.
pub(crate) fn step<R>(
    announce: impl FnOnce(&mut Run) -> Result<Operation, String>,
    effect: impl FnOnce(&mut Run, bool) -> R,
) -> R {
    let is_panicking = ::std::thread::panicking();
    let (me, has_to_wait) = in_run(|run| run.announce(announce, is_panicking));
    if has_to_wait {
        suspend(me);
    }
    in_run(|run| run.carry_out(effect))
}

/// Changes something in the course of the current step, as unlocking does. After the end of the run, nothing.
pub(crate) fn change(
    announce: impl FnOnce(&mut Run) -> Result<Operation, String>,
    effect: impl FnOnce(&mut Run),
) {
    with_run(|run| {
        if let Ok(operation) = announce(run) {
            let me = run.current;
            run.carry_out_now(me, operation, |run, _| effect(run));
        }
    });
}

/// Starts a thread, which goes on to its first operation before the current one does.
pub(crate) fn start(
    name: Option<String>,
    made: &'static Location<'static>,
    body: Box<dyn FnOnce()>,
) -> TaskId {
    let (me, new) = in_run(|run| {
        let me = run.current;
        if run.tasks.len() >= MAX_THREADS {
            let reason = format!("more than {MAX_THREADS} threads are started in one run");
            run.ended.get_or_insert(Ended::Refused(reason));
            return (me, me);
        }
        let new = run.new_task(name, made);
        let operation = Operation::on(run.tasks[new].object, "spawn", made).writing();
        run.carry_out_now(me, operation, |_, _| ());
        run.to_start = Some(body);
        (me, new)
    });
    suspend(me);
    new
}

/// Lets the driver go on. It comes back when this thread is the current one, and never after the end of the run.
fn suspend(me: TaskId) {
    match in_run(|run| run.tasks[me].switch) {
        // SAFETY: the coroutine has this value as long as it has not ended, and it is the one that runs.
        Some(switch) => unsafe { switch.as_ref() }.suspend(()),
        None => unreachable!("a thread has its coroutine from its first line"),
    }
}
