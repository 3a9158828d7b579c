//! `std::thread`.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::pause::{pause, yield_at};
use crate::run::{Operation, TaskId, Wait, in_run, start, step, with_run};

pub use super::local::{AccessError, LocalKey};
pub use ::std::thread::{Result, available_parallelism};

/// As [`std::thread::ThreadId`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct ThreadId(TaskId);

/// As [`std::thread::Thread`].
#[derive(Clone)]
pub struct Thread {
    task: TaskId,
    name: Option<Arc<str>>,
}

impl Thread {
    /// As std's.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        ThreadId(self.task)
    }

    /// As std's.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// As std's.
    #[track_caller]
    pub fn unpark(&self) {
        let (place, task) = (Location::caller(), self.task);
        step(
            |run| Ok(Operation::on(run.tasks[task].object, "unpark", place).writing()),
            |run, _| run.tasks[task].has_token = true,
        );
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("id", &self.id()).field("name", &self.name()).finish_non_exhaustive()
    }
}

/// As [`std::thread::current`].
#[must_use]
pub fn current() -> Thread {
    in_run(|run| Thread { task: run.current, name: run.tasks[run.current].name.as_deref().map(Into::into) })
}

/// As [`std::thread::panicking`].
#[must_use]
pub fn panicking() -> bool {
    let is_panicking = ::std::thread::panicking();
    with_run(|run| run.is_unwinding(run.current, is_panicking)).unwrap_or(is_panicking)
}

/// As [`std::thread::yield_now`]: the other threads go first.
#[track_caller]
pub fn yield_now() {
    yield_at(Location::caller(), "yield_now");
}

/// As [`std::thread::sleep`], in no time: other threads may go first, or not.
#[track_caller]
pub fn sleep(_time: Duration) {
    pause(Location::caller(), "sleep", false);
}

/// As [`std::thread::park`], without spurious wake-ups.
#[track_caller]
pub fn park() {
    park_at(Location::caller(), "park", false);
}

/// As [`std::thread::park_timeout`]. The time-out may end it at any time, or not at all.
#[track_caller]
pub fn park_timeout(_time: Duration) {
    park_at(Location::caller(), "park_timeout", true);
}

fn park_at(place: &'static Location<'static>, verb: &'static str, has_time_out: bool) {
    step(
        |run| {
            let object = run.tasks[run.current].object;
            Ok(Operation::on(object, verb, place).after(Wait::Token).with_time_out(has_time_out))
        },
        |run, _| {
            let me = run.current;
            run.tasks[me].has_token = false;
        },
    );
}

/// The result of a thread, and the thread.
struct Packet<T> {
    task: TaskId,
    name: Option<Arc<str>>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T> Packet<T> {
    /// Starts a thread. Its body may borrow.
    ///
    /// # Safety
    ///
    /// The values that the body borrows live until the thread has ended, or the thread that owns it is never resumed.
    unsafe fn start<'a>(
        name: Option<String>,
        place: &'static Location<'static>,
        body: impl FnOnce() -> T + 'a,
    ) -> Packet<T>
    where
        T: 'a,
    {
        let result = Arc::new(Mutex::new(None));
        let packet = result.clone();
        let shared = name.as_deref().map(Into::into);
        let body: Box<dyn FnOnce() + 'a> = Box::new(move || {
            let value = body();
            *packet.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        });
        // SAFETY: the caller promises it.
        let body =
            unsafe { std::mem::transmute::<Box<dyn FnOnce() + 'a>, Box<dyn FnOnce() + 'static>>(body) };
        Packet { task: start(name, place, body), name: shared, result }
    }

    fn join(self, place: &'static Location<'static>) -> Result<T> {
        let task = self.task;
        step(
            |run| Ok(Operation::on(run.tasks[task].object, "join", place).after(Wait::End(task))),
            |_, _| (),
        );
        match self.result.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(value) => Ok(value),
            // A panic of a thread ends the run.
            None => Err(Box::new("the thread has no result")),
        }
    }

    fn is_finished(&self, place: &'static Location<'static>) -> bool {
        let task = self.task;
        step(
            |run| Ok(Operation::on(run.tasks[task].object, "is_finished", place)),
            |run, _| run.tasks[task].is_finished,
        )
    }

    fn thread(&self) -> Thread {
        Thread { task: self.task, name: self.name.clone() }
    }
}

/// As [`std::thread::JoinHandle`].
pub struct JoinHandle<T> {
    packet: Packet<T>,
    thread: Thread,
}

impl<T> JoinHandle<T> {
    /// As std's. A panic of the thread is a failure, and ends the run before.
    ///
    /// # Errors
    ///
    /// None in an exploration.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        self.packet.join(Location::caller())
    }

    /// As std's.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// As std's.
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        self.packet.is_finished(Location::caller())
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// As [`std::thread::spawn`].
#[track_caller]
pub fn spawn<F, T>(body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    spawn_at(None, Location::caller(), body)
}

fn spawn_at<F, T>(name: Option<String>, place: &'static Location<'static>, body: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: the body borrows nothing.
    let packet = unsafe { Packet::start(name, place, body) };
    JoinHandle { thread: packet.thread(), packet }
}

/// As [`std::thread::Builder`]. All stacks have std's usual size.
#[derive(Debug, Default)]
#[must_use = "must eventually spawn the thread"]
pub struct Builder {
    name: Option<String>,
}

impl Builder {
    /// As std's.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// As std's.
    pub fn name(self, name: String) -> Builder {
        Builder { name: Some(name) }
    }

    /// Has no effect.
    pub fn stack_size(self, _size: usize) -> Builder {
        self
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// None in an exploration.
    #[track_caller]
    pub fn spawn<F, T>(self, body: F) -> ::std::io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Ok(spawn_at(self.name, Location::caller(), body))
    }

    /// As std's.
    ///
    /// # Errors
    ///
    /// None in an exploration.
    #[track_caller]
    pub fn spawn_scoped<'scope, 'env, F, T>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        body: F,
    ) -> ::std::io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        Ok(scope.spawn_at(self.name, Location::caller(), body))
    }
}

/// As [`std::thread::Scope`].
#[derive(Debug)]
pub struct Scope<'scope, 'env: 'scope> {
    /// The threads that were started, each once.
    tasks: Mutex<Vec<TaskId>>,
    /// As in std: invariant in both.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// As [`std::thread::ScopedJoinHandle`].
pub struct ScopedJoinHandle<'scope, T> {
    packet: Packet<T>,
    thread: Thread,
    scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// As std's. A panic of the thread is a failure, and ends the run before.
    ///
    /// # Errors
    ///
    /// None in an exploration.
    #[track_caller]
    pub fn join(self) -> Result<T> {
        self.packet.join(Location::caller())
    }

    /// As std's.
    #[must_use]
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// As std's.
    #[track_caller]
    pub fn is_finished(&self) -> bool {
        self.packet.is_finished(Location::caller())
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}

impl<'scope> Scope<'scope, '_> {
    /// As std's.
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, body: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        self.spawn_at(None, Location::caller(), body)
    }

    fn spawn_at<F, T>(
        &'scope self,
        name: Option<String>,
        place: &'static Location<'static>,
        body: F,
    ) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: `scope` does not return, nor unwind, before the thread has ended. If the run ends before, the thread
        // that owns the borrowed values is not resumed.
        let packet = unsafe { Packet::start(name, place, body) };
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(packet.task);
        ScopedJoinHandle { thread: packet.thread(), packet, scope: PhantomData }
    }
}

/// As [`std::thread::scope`].
#[track_caller]
pub fn scope<'env, F, T>(body: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let place = Location::caller();
    let scope = Scope { tasks: Mutex::default(), scope: PhantomData, env: PhantomData };
    /// Waits for all threads, also if the body panics.
    struct Join<'a>(&'a Mutex<Vec<TaskId>>, &'static Location<'static>);
    impl Drop for Join<'_> {
        fn drop(&mut self) {
            loop {
                let task = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(task) = task else { break };
                step(
                    |run| Ok(Operation::on(run.tasks[task].object, "join", self.1).after(Wait::End(task))),
                    |_, _| (),
                );
            }
        }
    }
    let join = Join(&scope.tasks, place);
    let result = body(&scope);
    drop(join);
    result
}
