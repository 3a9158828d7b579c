//! Running the closure: the threads as coroutines, which take their steps in the order of the schedule.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::coroutine::{Fiber, Stacks, Switch};
use super::object::TaskId;
use super::operation::Operation;
use super::panics;
use super::state::{CURRENT, Ended, Run, Settings, in_run, with_run};
use crate::search::Strategy;

/// How many threads a run may start.
const MAX_THREADS: usize = 1000;

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

/// The body of a thread, from its first to its last line.
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
/// `effect` receives whether a time-out has ended the wait.
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
