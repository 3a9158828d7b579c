//! The processes of a command, as one process group: awaited together, ended together.
//!
//! Two rules keep a signal from reaching an unrelated process that has reused the id of a reaped one. The
//! first process of a job is the leader of its group and is reaped last, so that the group id remains the
//! job's own while any process is unreaped. And reaping and signalling take the same lock.

use std::ffi::OsString;
use std::fmt;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use threadbook_base::Mutex;
use threadbook_base::fork::Origin;

use crate::abandoned;
use crate::error::SubprocessError;
use crate::process::{Ended, Look, Pause, Process};

/// The time that an interrupted command has to end after SIGINT. (A notebook's cell must end within a second
/// of an interrupt.)
const GRACE: Duration = Duration::from_millis(200);

/// The maximum wait after SIGKILL. A process that hangs in a driver is reaped later.
const KILLED: Duration = Duration::from_secs(1);

/// The processes of a command, or of the commands of a pipeline, in their order.
pub(crate) struct Job {
    processes: Vec<Process>,
    /// The parent process. In a forked copy of it, they are not children.
    origin: Origin,
    state: Mutex<State>,
    pub(crate) started: Instant,
    pub(crate) timeout: Option<Duration>,
    /// The peak memory of this process when it spawned them.
    pub(crate) floor: u64,
    /// The program and arguments of each.
    pub(crate) words: Vec<Vec<OsString>>,
    /// The command as it is typed in a shell.
    pub(crate) text: String,
}

struct State {
    /// The exit of each, once it is reaped.
    ended: Vec<Option<Ended>>,
    /// The time until the end of the last one.
    elapsed: Option<Duration>,
    /// The process whose exit code another waiter has received.
    lost: Option<libc::pid_t>,
}

impl Job {
    pub(crate) fn new(text: String, timeout: Option<Duration>) -> Job {
        let state = State { ended: Vec::new(), elapsed: None, lost: None };
        Job {
            processes: Vec::new(),
            origin: Origin::here(),
            state: Mutex::new(state),
            started: Instant::now(),
            timeout,
            floor: 0,
            words: Vec::new(),
            text,
        }
    }

    /// The process group, once there is one.
    pub(crate) fn group(&self) -> Option<libc::pid_t> {
        self.processes.first().map(Process::pid)
    }

    /// Adds a process, which must already be in the group.
    pub(crate) fn add(&mut self, pid: u32, words: &[OsString]) {
        self.processes.push(Process::new(pid));
        self.words.push(words.to_vec());
        self.state.get_mut().ended.push(None);
    }

    /// The process id of the last command.
    pub(crate) fn pid(&self) -> u32 {
        self.processes.last().map_or(0, |process| process.pid() as u32)
    }

    /// The deadline, from its time-out.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.started.checked_add(self.timeout?)
    }

    fn is_ours(&self) -> bool {
        self.origin.is_here()
    }

    /// An error if this process is a forked copy of the parent. A copy can reap none of the children, and
    /// lacks the thread that may have been reading their output.
    pub(crate) fn check(&self) -> Result<(), SubprocessError> {
        if self.is_ours() { Ok(()) } else { Err(self.lost(self.pid())) }
    }

    /// Reaps the processes that have ended, without blocking. Returns whether all have.
    pub(crate) fn reap(&self) -> Result<bool, SubprocessError> {
        self.check()?;
        let mut state = self.state.lock();
        if let Some(pid) = state.lost {
            return Err(self.lost(pid as u32));
        }
        for (n, process) in self.processes.iter().enumerate().rev() {
            let is_its_turn = n > 0 || state.ended[1..].iter().all(Option::is_some);
            if state.ended[n].is_some() || !is_its_turn {
                continue;
            }
            match process.reap() {
                Look::Runs => {}
                Look::Ended(ended) => state.ended[n] = Some(ended),
                Look::Gone => {
                    state.lost = Some(process.pid());
                    return Err(self.lost(process.pid() as u32));
                }
            }
        }
        let all = state.ended.iter().all(Option::is_some);
        if all {
            state.elapsed.get_or_insert_with(|| self.started.elapsed());
        }
        Ok(all)
    }

    fn lost(&self, pid: u32) -> SubprocessError {
        SubprocessError::Lost { command: self.text.clone(), pid }
    }

    /// Descriptors that become readable when [`Job::reap`] has work to do; `None` if the system has none.
    ///
    /// A leader that has ended is left out: it is reaped last, and until then its descriptor stays readable.
    pub(crate) fn ends(&self) -> Option<Vec<BorrowedFd<'_>>> {
        let state = self.state.lock();
        let left = |n: &usize| state.ended[*n].is_none();
        let others: Vec<usize> = (1..self.processes.len()).filter(left).collect();
        let watched = if others.is_empty() { vec![0] } else { others };
        watched.into_iter().map(|n| self.processes[n].end()).collect()
    }

    /// The exit of each, and the elapsed time; valid once [`Job::reap`] has returned true.
    pub(crate) fn ended(&self) -> (Vec<Ended>, Duration) {
        let state = self.state.lock();
        (state.ended.iter().flatten().copied().collect(), state.elapsed.unwrap_or_default())
    }

    /// The exit code of the last command, once it is reaped.
    pub(crate) fn returncode(&self) -> Option<i32> {
        self.state.lock().ended.last().copied().flatten().map(|ended| ended.returncode)
    }

    /// Whether all have ended. Reaps none of them, so the group id remains the job's own.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.state.lock();
        self.processes.iter().zip(&state.ended).all(|(process, ended)| ended.is_some() || process.is_over())
    }

    /// Sends a signal to the group, if its id is certain to be the job's own.
    pub(crate) fn signal(&self, signal: i32) -> Result<(), SubprocessError> {
        if !self.is_ours() {
            return Ok(());
        }
        let state = self.state.lock();
        let Some(group) = self.group() else { return Ok(()) };
        let leader_is_there = state.ended.first().is_some_and(Option::is_none) && state.lost.is_none();
        if !leader_is_there {
            return Ok(());
        }
        // SAFETY: this only sends a signal, to the group of an unreaped child.
        let result = unsafe { libc::killpg(group, signal) };
        let error = std::io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINVAL) if result != 0 => Err(SubprocessError::invalid(format!(
                "there is no signal {signal}; use one of those in this crate, such as SIGTERM"
            ))),
            // For a group in which all processes have ended, some systems return EPERM.
            Some(libc::ESRCH | libc::EPERM) => Ok(()),
            _ if result == 0 => Ok(()),
            _ => Err(SubprocessError::System { command: self.text.clone(), source: error }),
        }
    }
}

impl Job {
    /// Sends SIGINT to the group, as Ctrl-C does, and SIGKILL if it has not ended after that.
    pub(crate) fn interrupt(&self) {
        let _ = self.signal(libc::SIGINT);
        self.see_off(GRACE);
        self.kill();
    }

    /// Sends SIGKILL to the group.
    pub(crate) fn kill(&self) {
        let _ = self.signal(libc::SIGKILL);
        self.see_off(KILLED);
        let _ = self.reap();
    }

    /// Waits for the end of all, but no longer than `limit`, without reaping the leader.
    fn see_off(&self, limit: Duration) {
        let (asked, mut pause) = (Instant::now(), Pause::new());
        while !self.is_over() && asked.elapsed() < limit {
            std::thread::sleep(pause.next());
        }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (process {})", self.text, self.pid())
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if !self.is_ours() || matches!(self.reap(), Ok(true) | Err(_)) {
            return;
        }
        let state = self.state.get_mut();
        let left = self.processes.iter().zip(&state.ended).filter(|(_, ended)| ended.is_none());
        abandoned::add(left.map(|(process, _)| process.pid()));
    }
}
