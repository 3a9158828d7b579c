//! A running command.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use threadbook_base::Mutex;
use threadbook_base::interrupt::is_interrupted;

use crate::completed::CompletedProcess;
use crate::error::SubprocessError;
use crate::job::Job;
use crate::process::Pause;
use crate::streams::{self, Streams};

/// The maximum time between two checks of a wait for an interrupt.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A running command; made by [`spawn`](crate::spawn).
///
/// All methods take `&self`, so that one thread can wait for the command while another ends it. Every wait
/// reads the command's pipes, so a full pipe cannot block it for ever. Dropping the handle leaves the command
/// running.
///
/// # Examples
///
/// ```
/// use threadbook_subprocess::{SIGTERM, spawn};
///
/// let child = spawn(["sleep", "1000"])?;
/// assert_eq!(child.poll()?, None);
/// child.terminate()?;
/// assert_eq!(child.wait()?, -SIGTERM);
/// # Ok::<(), threadbook_subprocess::SubprocessError>(())
/// ```
pub struct Child {
    job: Arc<Job>,
    streams: Mutex<Streams>,
}

/// The goal of a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Goal {
    /// The end of the processes.
    End,
    /// That, and the end of all output, including that of processes that the command has left behind.
    Output,
}

impl Child {
    pub(crate) fn new(job: Job, streams: Streams) -> Child {
        Child { job: Arc::new(job), streams: Mutex::new(streams) }
    }

    /// The process id; of a pipeline, that of the last command.
    pub fn pid(&self) -> u32 {
        self.job.pid()
    }

    /// The exit code, if the command has ended: -N for signal N. For a pipeline, that of the last command.
    ///
    /// # Errors
    ///
    /// [`SubprocessError::TimedOut`] if its own time-out has passed, and [`SubprocessError::Lost`].
    pub fn poll(&self) -> Result<Option<i32>, SubprocessError> {
        self.job.check()?;
        if let Some(mut streams) = self.streams.try_lock() {
            streams.serve(&[], Duration::ZERO).map_err(|error| self.system(error))?;
        }
        if self.job.reap()? {
            return Ok(self.job.returncode());
        }
        match self.job.timeout {
            Some(limit) if self.job.started.elapsed() >= limit => Err(self.timed_out(limit, true)),
            _ => Ok(None),
        }
    }

    /// Waits for the end, and returns the exit code: -N if signal N has ended it.
    ///
    /// Closes its standard input, if that is a pipe that was not taken: the command could wait for its end.
    ///
    /// # Errors
    ///
    /// - [`SubprocessError::TimedOut`] when its own time-out has passed; the command was then ended.
    /// - [`SubprocessError::Interrupted`]; the command was then ended, too.
    /// - [`SubprocessError::Lost`] if another waiter has received its exit code.
    pub fn wait(&self) -> Result<i32, SubprocessError> {
        self.attend(Goal::End, None)?;
        Ok(self.job.returncode().unwrap_or_default())
    }

    /// As [`wait`](Child::wait), but no longer than `limit`. After that the command goes on running, and
    /// another wait is possible.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Child::wait), and [`SubprocessError::TimedOut`] when `limit` has passed.
    pub fn wait_timeout(&self, limit: Duration) -> Result<i32, SubprocessError> {
        self.attend(Goal::End, Some(limit))?;
        Ok(self.job.returncode().unwrap_or_default())
    }

    /// Writes its input, and waits for its end and that of its output. Returns standard output and standard
    /// error, as far as they are [`Pipe`](crate::Redirect::Pipe) or [`Tee`](crate::Redirect::Tee).
    ///
    /// If the command leaves a process running that holds its output open, the wait includes that process.
    ///
    /// # Errors
    ///
    /// Those of [`wait`](Child::wait).
    ///
    /// # Examples
    ///
    /// ```
    /// use threadbook_subprocess::{Command, Redirect, spawn};
    ///
    /// let upper = spawn(Command::new("tr").args(["a-z", "A-Z"]).input("pear").stdout(Redirect::Pipe))?;
    /// assert_eq!(upper.communicate()?.0, b"PEAR");
    /// # Ok::<(), threadbook_subprocess::SubprocessError>(())
    /// ```
    pub fn communicate(&self) -> Result<(Vec<u8>, Vec<u8>), SubprocessError> {
        self.communicate_within(None)
    }

    /// As [`communicate`](Child::communicate), but no longer than `limit`. After that the command goes on
    /// running, and no output is lost: call it again.
    ///
    /// # Errors
    ///
    /// Those of [`wait_timeout`](Child::wait_timeout).
    pub fn communicate_timeout(&self, limit: Duration) -> Result<(Vec<u8>, Vec<u8>), SubprocessError> {
        self.communicate_within(Some(limit))
    }

    fn communicate_within(&self, limit: Option<Duration>) -> Result<(Vec<u8>, Vec<u8>), SubprocessError> {
        self.attend(Goal::Output, limit)?;
        Ok(self.output())
    }

    /// Sends SIGTERM to the command and to all processes that it has started. Does nothing if it has ended.
    ///
    /// # Errors
    ///
    /// [`SubprocessError::System`] if the system does not allow it.
    pub fn terminate(&self) -> Result<(), SubprocessError> {
        self.job.signal(libc::SIGTERM)
    }

    /// Sends SIGKILL to the command and to all processes that it has started. Does nothing if it has ended.
    ///
    /// # Errors
    ///
    /// [`SubprocessError::System`] if the system does not allow it.
    pub fn kill(&self) -> Result<(), SubprocessError> {
        self.job.signal(libc::SIGKILL)
    }

    /// Sends a signal to the command and to all processes that it has started. Does nothing if it has ended.
    ///
    /// # Errors
    ///
    /// [`SubprocessError::Invalid`] if there is no such signal.
    pub fn send_signal(&self, signal: i32) -> Result<(), SubprocessError> {
        self.job.signal(signal)
    }

    /// Takes the writing end of its standard input, if that is [`Redirect::Pipe`](crate::Redirect::Pipe) and
    /// was not taken before. Dropping it closes the input.
    pub fn take_stdin(&self) -> Option<ChildStdin> {
        let pipe = self.streams.lock().stdin.take()?;
        Some(ChildStdin { pipe, job: self.job.clone() })
    }

    /// Takes the reading end of its standard output, if that is a pipe and was not taken before.
    /// [`communicate`](Child::communicate) then does not return this output.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::{BufRead, BufReader};
    /// use threadbook_subprocess::{Command, Redirect, spawn};
    ///
    /// let child = spawn(Command::new("seq").arg("3").stdout(Redirect::Pipe))?;
    /// for line in BufReader::new(child.take_stdout().unwrap()).lines() {
    ///     println!("{}", line?); // as soon as it is printed
    /// }
    /// assert_eq!(child.wait()?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn take_stdout(&self) -> Option<ChildOutput> {
        let pipe = self.streams.lock().stdout.pipe.take()?;
        Some(ChildOutput { pipe, job: self.job.clone() })
    }

    /// As [`take_stdout`](Child::take_stdout), for standard error.
    pub fn take_stderr(&self) -> Option<ChildOutput> {
        let pipe = self.streams.lock().stderr.pipe.take()?;
        Some(ChildOutput { pipe, job: self.job.clone() })
    }

    /// Waits for the end of the command and of its output, and returns the result.
    pub(crate) fn finish(self) -> Result<CompletedProcess, SubprocessError> {
        self.attend(Goal::Output, None)?;
        let Streams { stdout, stderr, .. } = self.streams.into_inner();
        Ok(CompletedProcess::new(&self.job, stdout.bytes, stderr.bytes))
    }

    /// The single place where this crate waits for a command.
    fn attend(&self, goal: Goal, limit: Option<Duration>) -> Result<(), SubprocessError> {
        self.job.check()?;
        let asked_until = limit.and_then(|limit| Instant::now().checked_add(limit));
        let deadline = asked_until.into_iter().chain(self.job.deadline()).min();
        let mut pause = Pause::new();
        loop {
            // If another thread waits as well, that thread reads and writes.
            let mut streams = self.streams.try_lock();
            if let Some(streams) = &mut streams {
                streams.stdin = None;
            }
            let has_output = goal == Goal::End || streams.as_ref().is_some_and(|streams| streams.at_end());
            if has_output && self.job.reap()? {
                return Ok(());
            }
            if is_interrupted() {
                drop(streams);
                self.job.interrupt();
                return Err(SubprocessError::Interrupted);
            }
            let Some(left) = streams::left(deadline, POLL_INTERVAL) else {
                drop(streams);
                return Err(match self.job.deadline() {
                    own if own == deadline => self.timed_out(self.job.timeout.unwrap_or_default(), true),
                    _ => self.timed_out(limit.unwrap_or_default(), false),
                });
            };
            // While the output is open, the end of the process need not wake this thread.
            let ends = if has_output { self.job.ends() } else { streams.as_ref().map(|_| Vec::new()) };
            let left = if ends.is_some() { left } else { left.min(pause.next()) };
            let ends = ends.unwrap_or_default();
            let served = match &mut streams {
                Some(streams) => streams.serve(&ends, left),
                None => Streams::default().serve(&ends, left),
            };
            served.map_err(|error| self.system(error))?;
        }
    }

    fn timed_out(&self, limit: Duration, ended: bool) -> SubprocessError {
        if ended {
            self.job.kill();
            self.streams.lock().read_left_overs();
        }
        let (stdout, stderr) = self.output();
        SubprocessError::TimedOut { command: self.job.text.clone(), limit, ended, stdout, stderr }
    }

    /// The captured output so far.
    fn output(&self) -> (Vec<u8>, Vec<u8>) {
        let streams = self.streams.lock();
        (streams.stdout.bytes.clone(), streams.stderr.bytes.clone())
    }

    fn system(&self, source: io::Error) -> SubprocessError {
        SubprocessError::System { command: self.job.text.clone(), source }
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.job.returncode() {
            Some(returncode) => crate::error::how_it_ended(returncode),
            None => "was not waited for yet".to_owned(),
        };
        write!(f, "{:?} {how}", self.job)
    }
}

/// The standard input of a [`Child`], to write to.
///
/// An interrupt ends a blocked write, and the command.
#[derive(Debug)]
pub struct ChildStdin {
    pipe: PipeWriter,
    job: Arc<Job>,
}

/// The standard output or standard error of a [`Child`], to read from.
///
/// An interrupt ends a blocked read, and the command.
#[derive(Debug)]
pub struct ChildOutput {
    pipe: PipeReader,
    job: Arc<Job>,
}

impl Read for ChildOutput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            until_ready(PollFd::new(self.pipe.as_fd(), PollFlags::POLLIN), &self.job)?;
            match self.pipe.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

impl Write for ChildStdin {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            until_ready(PollFd::new(self.pipe.as_fd(), PollFlags::POLLOUT), &self.job)?;
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn until_ready(pipe: PollFd<'_>, job: &Job) -> io::Result<()> {
    while streams::wait(&mut [pipe.clone()], POLL_INTERVAL)? == 0 {
        if is_interrupted() {
            job.interrupt();
            // Not the kind `Interrupted`, after which readers try again.
            return Err(io::Error::other(SubprocessError::Interrupted));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Redirect, SIGKILL, call, check_output, run, shell, spawn};

    /// As CPython's `ProcessTestCaseNoPoll` repeats cases with a less capable system call.
    #[test]
    fn nothing_tells_the_end_of_a_process() {
        crate::process::NOTHING_TELLS.set(true);
        assert_eq!(call(shell("sleep 0.05; exit 3")).unwrap(), 3);
        assert_eq!(check_output(Command::new("cat").input("pear") | ["cat"]).unwrap(), "pear");
        let limit = Duration::from_millis(30);
        assert!(matches!(
            run(shell("sleep 1000; true").timeout(limit)),
            Err(SubprocessError::TimedOut { ended: true, .. })
        ));
        let child =
            spawn(shell("head -c 1000000 /dev/zero; exec sleep 1000").stdout(Redirect::Pipe)).unwrap();
        assert!(matches!(child.wait_timeout(limit), Err(SubprocessError::TimedOut { ended: false, .. })));
        assert!(child.job.ends().is_none(), "this is what was tested");
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap(), -SIGKILL);
    }
}
