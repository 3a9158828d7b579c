//! Threads with names and results, which are started explicitly.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::sync::{Arc, LazyLock, Once, mpsc};
use std::time::{Duration, Instant};

use threadbook_base::fork::{self, Origin, Rank};
use threadbook_base::interrupt::is_interrupted;
use threadbook_base::{Condvar, Mutex};
use threadbook_future::producer::{Header, Shared, join, pending, take_if_last};
use threadbook_future::wait::{
    Awaited, AwaitedNode, Goal, Need, Running, Supplier, ThreadData, block, thread,
};
use threadbook_future::{Future, TaskError, panics};
use threadbook_trace::{NameId, Outcome, Recorder, TaskLabel, TaskSpan, Ticks, Timeline};

/// A thread, which runs one function.
///
/// [`Thread::start`] starts it, and [`Thread::join`] waits for its end and returns the function's value,
/// or its panic as an error. Dropping the handle does not affect the thread. As in Python, the
/// process waits at its end for all threads that are not [daemons](Thread::daemon).
///
/// # Examples
///
/// ```
/// use threadbook_threading::Thread;
///
/// let thread = Thread::new(|| 6 * 7).name("answerer");
/// thread.start();
/// assert_eq!(thread.join(), Ok(42));
/// ```
pub struct Thread<T> {
    name: String,
    label: TaskLabel,
    daemon: bool,
    work: Mutex<Option<Work<T>>>,
    started: AtomicBool,
    shared: Arc<Shared<T>>,
    future: Future<T>,
}

type Work<T> = Box<dyn FnOnce() -> T + Send>;

/// How many ended threads the timeline keeps.
const RECORDED_THREADS: usize = 1000;

/// How many threads without a name of the user show one in pictures. Names live as long as the process.
const MAX_NAMED: usize = 10_000;

static THREADS: AtomicUsize = AtomicUsize::new(0);
static RECORDER: LazyLock<Recorder> = LazyLock::new(|| Recorder::with_max("threads", RECORDED_THREADS));

impl<T: Send + 'static> Thread<T> {
    /// A thread that will run `work` once it is started.
    pub fn new<F>(work: F) -> Thread<T>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let number = THREADS.fetch_add(1, Relaxed) + 1;
        let name = match NameId::of_type::<F>().text() {
            Some(function) => format!("Thread-{number} ({function})"),
            None => format!("Thread-{number}"),
        };
        let label = match number {
            ..=MAX_NAMED => label(&name),
            _ => TaskLabel { number: number as u64, name: NameId::NONE },
        };
        let (shared, future) = pending(Header::new(label, 0));
        let work: Work<T> = Box::new(work);
        Thread {
            name,
            label,
            daemon: false,
            work: Mutex::new(Some(work)),
            started: AtomicBool::new(false),
            shared,
            future,
        }
    }

    /// A thread that runs `work` at once.
    ///
    /// # Panics
    ///
    /// If the system cannot start another thread.
    pub fn spawn<F>(work: F) -> Thread<T>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let thread = Thread::new(work);
        thread.start();
        thread
    }

    /// Names the thread, before it is started.
    #[must_use = "this returns the named thread"]
    pub fn name(mut self, name: impl Into<String>) -> Thread<T> {
        self.name = name.into();
        self.label = label(&self.name);
        (self.shared, self.future) = pending(Header::new(self.label, 0));
        self
    }

    /// Makes the thread one that the process does not wait for at its end, before it is started.
    #[must_use = "this returns the thread"]
    pub fn daemon(mut self, daemon: bool) -> Thread<T> {
        self.daemon = daemon;
        self
    }

    /// Starts the thread. It has begun when this returns, so [`enumerate`] lists it.
    ///
    /// # Panics
    ///
    /// If it was started before, or the system cannot start another thread.
    pub fn start(&self) {
        let Some(work) = self.work.lock().take() else {
            panic!("the thread `{}` was started before; a thread can be started only once", self.name)
        };
        panics::install_hook();
        fork::protect(Rank::ThreadLogs, || Box::new(RECORDER.hold()), || ());
        let shared = Arc::clone(&self.shared);
        let (name, label) = (self.name.clone(), self.label);
        let alive = Alive::count(self.daemon);
        let created = Ticks::now();
        let (begins, has_begun) = mpsc::channel();
        let started = std::thread::Builder::new().name(self.name.clone()).spawn(move || {
            let _alive = alive;
            run(name, label, &shared, created, begins, work);
        });
        if let Err(error) = started {
            self.will_not_run(&error.to_string());
            panic!("the thread `{}` could not be started: {error}", self.name);
        }
        // This is short: the thread takes no lock before that is held for long.
        let _ = has_begun.recv();
        self.started.store(true, Release);
    }

    /// Waits for the end of the thread and returns a clone of its value.
    ///
    /// # Errors
    ///
    /// [`TaskError::Panicked`] if it panicked; [`TaskError::Failed`] if it was never started;
    /// [`TaskError::Deadlock`] and [`TaskError::Interrupted`].
    pub fn join(&self) -> Result<T, TaskError>
    where
        T: Clone,
    {
        self.wait(None)?;
        self.future.result()
    }

    /// As [`Thread::join`], but waits no longer than `timeout`.
    ///
    /// # Errors
    ///
    /// Those of [`Thread::join`], and [`TaskError::TimedOut`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<T, TaskError>
    where
        T: Clone,
    {
        self.wait(Some(timeout))?;
        self.future.result()
    }

    /// Waits for the end of the thread and returns its value, for values that cannot be cloned.
    ///
    /// # Errors
    ///
    /// Those of [`Thread::join`].
    pub fn into_result(self) -> Result<T, TaskError> {
        self.wait(None)?;
        join(&self.future, None)?;
        take_if_last(&self.future)
    }

    /// The future of the thread's value.
    pub fn future(&self) -> Future<T> {
        self.future.clone()
    }

    /// Whether the thread was started and has not ended.
    pub fn is_alive(&self) -> bool {
        self.started.load(Acquire) && !self.future.done()
    }

    /// The thread's name.
    pub fn get_name(&self) -> &str {
        &self.name
    }

    /// Whether the process does not wait for the thread at its end.
    pub fn is_daemon(&self) -> bool {
        self.daemon
    }

    fn wait(&self, timeout: Option<Duration>) -> Result<(), TaskError> {
        if !self.started.load(Acquire) {
            let reason = format!("the thread `{}` was not started; call `start` first", self.name);
            return Err(TaskError::from_error(reason));
        }
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Ok(block(&ThreadEnded { shared: &self.shared, label: self.label }, deadline)?)
    }
}

impl<T> Thread<T> {
    /// Ends the future of a thread that was not started.
    fn will_not_run(&self, reason: &str) {
        let reason = format!("the thread `{}` was not started: {reason}", self.name);
        // It is not done: the work was not run.
        let _ = self.shared.complete(Err(TaskError::from_error(reason)));
    }
}

impl<T> Drop for Thread<T> {
    fn drop(&mut self) {
        if self.work.lock().take().is_some() {
            self.will_not_run("its handle was dropped before that");
        }
    }
}

fn label(name: &str) -> TaskLabel {
    TaskLabel { number: 0, name: NameId::new(name) }
}

/// The main function of the thread.
fn run<T: Send + 'static>(
    name: String,
    label: TaskLabel,
    shared: &Arc<Shared<T>>,
    created: Ticks,
    begins: mpsc::Sender<()>,
    work: Work<T>,
) {
    let log = RECORDER.add(&name);
    let thread = ThreadData::become_worker(name, 0, Some(Arc::clone(&log)));
    shared.header().set_runner(thread.id);
    let _ = begins.send(());
    if shared.start() {
        thread::set_running(Some(Running { label, pool: 0, is_thread: true }));
        let started = Ticks::now();
        log.started(label, created, started);
        let result = panics::catch(&label, work);
        let outcome = if result.is_ok() { Outcome::Returned } else { Outcome::Panicked };
        let finished = Ticks::now();
        log.finished(TaskSpan { task: label, submitted: created, started, finished, outcome });
        // It cannot be cancelled after `start`, and no other thread completes it.
        let _ = shared.complete(result);
    }
}

/// The end of a thread, for the deadlock detector.
struct ThreadEnd<T>(Arc<Shared<T>>);

impl<T: Send> Awaited for ThreadEnd<T> {
    fn supplier(&self) -> Supplier {
        self.0.supplier()
    }

    fn node(&self) -> AwaitedNode<'_> {
        AwaitedNode::ThreadEnd
    }
}

struct ThreadEnded<'a, T> {
    shared: &'a Arc<Shared<T>>,
    label: TaskLabel,
}

impl<T: Send + 'static> Goal for ThreadEnded<'_, T> {
    fn is_reached(&self) -> bool {
        self.shared.is_done()
    }

    fn is_lost(&self) -> bool {
        self.shared.header().is_lost()
    }

    fn subscribe(&self, thread: &Arc<ThreadData>) {
        self.shared.subscribe(thread);
    }

    fn unsubscribe(&self, thread: &Arc<ThreadData>) {
        self.shared.unsubscribe(thread);
    }

    fn need(&self) -> Need {
        Need::All(vec![Arc::new(ThreadEnd(Arc::clone(self.shared)))])
    }

    fn label(&self) -> TaskLabel {
        self.label
    }
}

impl<T: fmt::Debug> fmt::Debug for Thread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match (self.started.load(Acquire), self.future.done()) {
            (false, _) => "not started",
            (true, false) => "running",
            (true, true) => "ended",
        };
        let daemon = if self.daemon { ", daemon" } else { "" };
        write!(f, "Thread({:?}, {state}{daemon})", self.name)
    }
}

/// A thread, as [`current_thread`] and [`enumerate`] describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadInfo {
    /// The thread's name.
    pub name: String,
    /// A number that no other thread of this process has or had.
    pub ident: u32,
}

/// The thread that calls this.
pub fn current_thread() -> ThreadInfo {
    describe(&ThreadData::current())
}

/// The known threads that are alive: this one, those of [`Thread`], the workers of the
/// executors, and all others that ever waited for a future or lock of these crates.
pub fn enumerate() -> Vec<ThreadInfo> {
    ThreadData::current();
    let mut threads: Vec<ThreadInfo> = thread::all().iter().map(|thread| describe(thread)).collect();
    threads.sort_by_key(|thread| thread.ident);
    threads
}

/// How many threads [`enumerate`] would list.
pub fn active_count() -> usize {
    enumerate().len()
}

/// The timeline of all [`Thread`]s, a row for each; of those that ended, the newest thousand.
pub fn timeline() -> Timeline {
    RECORDER.timeline()
}

fn describe(thread: &ThreadData) -> ThreadInfo {
    let thread_name = thread.thread_name().map(str::to_owned);
    ThreadInfo { name: thread_name.unwrap_or_else(|| thread.name.clone()), ident: thread.id }
}

/// Counts the threads that the process waits for at its end.
struct Alive {
    /// The process of the thread, unless it is a daemon.
    origin: Option<Origin>,
}

static ALIVE: Mutex<usize> = Mutex::new(0);
static NONE_ALIVE: Condvar = Condvar::new();
static AT_EXIT: Once = Once::new();

impl Alive {
    fn count(daemon: bool) -> Alive {
        if daemon {
            return Alive { origin: None };
        }
        #[cfg(unix)]
        AT_EXIT.call_once(|| {
            // SAFETY: the handler is a plain function that stays loaded as long as this crate.
            unsafe {
                libc::atexit(wait_for_threads);
            }
        });
        fork::protect(Rank::ThreadCount, || Box::new(ALIVE.lock()), || ());
        *ALIVE.lock() += 1;
        Alive { origin: Some(Origin::here()) }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        if self.origin.is_some_and(Origin::is_here) {
            *ALIVE.lock() -= 1;
            NONE_ALIVE.notify_all();
        }
    }
}

/// Runs at the end of the process.
extern "C" fn wait_for_threads() {
    // The threads of the parent are missing in a forked child.
    if fork::generation() != 0 {
        return;
    }
    let mut alive = ALIVE.lock();
    while *alive > 0 && !is_interrupted() {
        alive = NONE_ALIVE.wait_timeout(alive, Duration::from_millis(200));
    }
}
