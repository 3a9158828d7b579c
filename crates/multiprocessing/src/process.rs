//! A process that calls one function.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use threadbook_base::fork::Origin;
use threadbook_base::{Mutex, MutexGuard};
use threadbook_executor::{Portable, TaskError, is_interrupted};
use threadbook_worker::{Call, CodecError, Start, Worker};

use crate::current::{ProcessInfo, SpawnInfo, become_process, current_process, next_name};
use crate::error::Error;
use crate::identity::is_gone;

/// The longest pause between two looks whether a process has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// The types that a target may return: nothing, or a `Result` whose error a person can read.
///
/// An error is printed to the standard error, and the process ends with exit code 1.
#[diagnostic::on_unimplemented(
    message = "a process has nobody to return a `{Self}` to",
    note = "return nothing, or a Result of nothing; send values through a Queue or a Pipe, or use a Pool"
)]
pub trait ExitValue {
    /// The process's exit code.
    #[doc(hidden)]
    fn exitcode(self) -> i32;
}

impl ExitValue for () {
    fn exitcode(self) -> i32 {
        0
    }
}

/// The type of functions that never return, such as `|()| panic!("no")`: `!`, which has no name in stable Rust, except as
/// the return type of such a function.
impl ExitValue for <fn() -> ! as never::Returns>::Value {
    fn exitcode(self) -> i32 {
        self
    }
}

mod never {
    pub trait Returns {
        type Value;
    }

    impl<R> Returns for fn() -> R {
        type Value = R;
    }
}

impl<T: ExitValue, E: fmt::Display> ExitValue for Result<T, E> {
    fn exitcode(self) -> i32 {
        match self {
            Ok(value) => value.exitcode(),
            Err(error) => {
                eprintln!("process {}: {error}", current_process().name);
                1
            }
        }
    }
}

/// A process that calls one function, and ends with it.
///
/// The function is a `fn` or a closure that captures nothing, and gets all it needs as its argument: several
/// things as a tuple. The argument is a serde value, with the queues, pipes, locks and values of
/// this module in it.
///
/// | how it ended | exit code |
/// | --- | --- |
/// | the function returned | 0 |
/// | it returned an error, which is printed | 1 |
/// | it panicked; the message is printed | 1 |
/// | it called `std::process::exit(n)` | n |
/// | signal n ended it | −n |
///
/// No process outlives the one that started it, however that one ends. Dropping a `Process` ends a daemon, and
/// waits for any other, except after an interrupt or while a panic unwinds: then it is ended, too.
///
/// # Examples
///
/// ```
/// use threadbook_multiprocessing::{Process, current_process};
///
/// let process = Process::new(|n: i32| println!("{n} in {}", current_process().name), 42).name("answerer");
/// process.start()?;
/// assert_eq!(process.join()?, 0);
/// # Ok::<(), threadbook_executor::TaskError>(())
/// ```
///
/// Source: [`multiprocessing.Process`](https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Process).
pub struct Process {
    name: String,
    daemon: bool,
    stage: Arc<Mutex<Stage>>,
}

enum Stage {
    New(Prepare),
    /// With the process that started it.
    Running(Worker, Origin),
    Ended {
        pid: Option<u32>,
        exitcode: Option<i32>,
    },
}

type Prepare = Box<dyn FnOnce(SpawnInfo) -> Result<Call, CodecError> + Send>;

impl Process {
    /// A process that will call `target` with `args`, once it is started.
    ///
    /// ```compile_fail
    /// # use threadbook_multiprocessing::Process;
    /// let text = String::from("captured");
    /// Process::new(move |()| println!("{text}"), ()); // another process has no way to it
    /// ```
    pub fn new<F, A, R>(target: F, args: A) -> Process
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Portable,
        R: ExitValue,
    {
        let run = move |(info, args): (SpawnInfo, A)| {
            become_process(info);
            let exitcode = target(args).exitcode();
            if exitcode != 0 {
                std::process::exit(exitcode);
            }
        };
        let prepare = move |info| Call::new(run, (info, args)).map(Call::and_exit);
        Process {
            name: next_name(),
            daemon: current_process().daemon,
            stage: Arc::new(Mutex::new(Stage::New(Box::new(prepare)))),
        }
    }

    /// Makes a process and starts it.
    ///
    /// # Errors
    ///
    /// Those of [`Process::start`].
    pub fn spawn<F, A, R>(target: F, args: A) -> Result<Process, TaskError>
    where
        F: Fn(A) -> R + Copy + Send + Sync + 'static,
        A: Portable,
        R: ExitValue,
    {
        let process = Process::new(target, args);
        process.start()?;
        Ok(process)
    }

    /// Gives the process a name. Else it is `Process-1` and so on.
    pub fn name(mut self, name: impl Into<String>) -> Process {
        self.name = name.into();
        self
    }

    /// Makes the process a daemon, which is ended when this is dropped, or not. The default is that of the
    /// process that makes it.
    pub fn daemon(mut self, daemon: bool) -> Process {
        self.daemon = daemon;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// If it was started before, the argument cannot be sent, or the system refuses a process.
    pub fn start(&self) -> Result<(), TaskError> {
        let mut stage = self.stage.lock();
        if !matches!(*stage, Stage::New(_)) {
            return Err(self.wrong("was started already; make a new one, for a process runs once"));
        }
        let not_started = Stage::Ended { pid: None, exitcode: None };
        let Stage::New(prepare) = std::mem::replace(&mut *stage, not_started) else { unreachable!() };
        let info = SpawnInfo { name: self.name.clone(), daemon: self.daemon, parent: current_process() };
        let call = prepare(info).map_err(TaskError::from_error)?;
        let mut worker = Worker::start(&Start::spawn()).map_err(TaskError::from_error)?;
        // If it dies at once, that is seen later.
        let _ = worker.send(&[&call]);
        let info = ProcessInfo { name: self.name.clone(), pid: worker.pid(), daemon: self.daemon };
        *stage = Stage::Running(worker, Origin::here());
        drop(stage);
        register(info, &self.stage);
        Ok(())
    }

    /// Waits until it has ended, and returns its exit code.
    ///
    /// # Errors
    ///
    /// If it was not started, if the exit code was lost, and [`TaskError::Interrupted`].
    pub fn join(&self) -> Result<i32, TaskError> {
        self.wait(None)?;
        self.exitcode().ok_or_else(|| self.wrong("is gone, and nobody knows how it ended"))
    }

    /// Waits up to `timeout` until it has ended, and returns whether it has.
    ///
    /// # Errors
    ///
    /// If it was not started, and [`TaskError::Interrupted`].
    pub fn join_timeout(&self, timeout: Duration) -> Result<bool, TaskError> {
        self.wait(Some(timeout))
    }

    /// How it ended; nothing if it has not, or was not started.
    pub fn exitcode(&self) -> Option<i32> {
        match *self.look() {
            Stage::Ended { exitcode, .. } => exitcode,
            _ => None,
        }
    }

    /// Its number, once it was started.
    pub fn pid(&self) -> Option<u32> {
        match &*self.stage.lock() {
            Stage::New(_) => None,
            Stage::Running(worker, _) => Some(worker.pid()),
            Stage::Ended { pid, .. } => *pid,
        }
    }

    /// Whether it was started and has not ended.
    pub fn is_alive(&self) -> bool {
        matches!(*self.look(), Stage::Running(..))
    }

    /// Asks it to end, with `SIGTERM`. If it does not run, nothing happens.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    /// Ends it, with `SIGKILL`. If it does not run, nothing happens.
    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    /// Its name.
    pub fn get_name(&self) -> &str {
        &self.name
    }

    /// Whether it is a daemon.
    pub fn is_daemon(&self) -> bool {
        self.daemon
    }

    fn signal(&self, signal: i32) {
        if let Stage::Running(worker, _) = &mut *self.look() {
            worker.signal(signal);
        }
    }

    /// Waits until it has ended; returns whether it has.
    fn wait(&self, timeout: Option<Duration>) -> Result<bool, TaskError> {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut pause = Duration::from_micros(100);
        loop {
            match *self.look() {
                Stage::New(_) => return Err(self.wrong("was not started; call `start()` first")),
                Stage::Ended { .. } => return Ok(true),
                Stage::Running(..) => {}
            }
            if is_interrupted() {
                return Err(TaskError::Interrupted);
            }
            let left = deadline.map_or(PAUSE, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return Ok(false);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSE);
        }
    }

    /// The present stage.
    fn look(&self) -> MutexGuard<'_, Stage> {
        let mut stage = self.stage.lock();
        stage.look();
        stage
    }

    fn wrong(&self, problem: &'static str) -> TaskError {
        Error::WrongTime { name: self.name.clone(), problem }.into()
    }
}

impl Stage {
    /// Notes if the process has ended.
    fn look(&mut self) {
        let Stage::Running(worker, parent) = self else { return };
        let pid = worker.pid();
        let ended = if parent.is_here() {
            worker.poll().map(|death| death.exitcode())
        } else {
            // This process is a forked copy of the parent, and the system informs only the parent.
            is_gone(pid, 0).then_some(None)
        };
        if let Some(exitcode) = ended {
            self.end(Stage::Ended { pid: Some(pid), exitcode });
        }
    }

    fn end(&mut self, ended: Stage) {
        if let Stage::Running(worker, parent) = std::mem::replace(self, ended)
            && !parent.is_here()
        {
            worker.abandon();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let is_ours = matches!(*self.stage.lock(), Stage::Running(_, parent) if parent.is_here());
        if is_ours && !self.daemon && !std::thread::panicking() {
            // An interrupt ends this.
            let _ = self.wait(None);
        }
        // To drop a worker ends it.
        self.stage.lock().end(Stage::Ended { pid: None, exitcode: None });
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({:?}, ", self.name)?;
        match &*self.look() {
            Stage::New(_) => f.write_str("not started")?,
            Stage::Running(worker, _) => write!(f, "pid {}, running", worker.pid())?,
            Stage::Ended { exitcode: Some(exitcode), .. } => write!(f, "ended with exit code {exitcode}")?,
            Stage::Ended { .. } => f.write_str("ended")?,
        }
        f.write_str(if self.daemon { ", daemon)" } else { ")" })
    }
}

/// The processes that were started and not dropped.
static CHILDREN: Mutex<Vec<(ProcessInfo, Weak<Mutex<Stage>>)>> = Mutex::new(Vec::new());

fn register(info: ProcessInfo, stage: &Arc<Mutex<Stage>>) {
    let mut children = CHILDREN.lock();
    children.retain(|(_, stage)| stage.strong_count() > 0);
    children.push((info, Arc::downgrade(stage)));
}

/// The processes that this one started and that have not ended.
pub fn active_children() -> Vec<ProcessInfo> {
    let children: Vec<_> =
        CHILDREN.lock().iter().map(|(info, stage)| (info.clone(), stage.upgrade())).collect();
    let runs = |stage: Arc<Mutex<Stage>>| {
        let mut stage = stage.lock();
        stage.look();
        matches!(*stage, Stage::Running(..))
    };
    children.into_iter().filter_map(|(info, stage)| stage.is_some_and(runs).then_some(info)).collect()
}
