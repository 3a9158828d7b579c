//! Worker processes: start, messages, end.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use threadbook_base::fork::Origin;

use crate::call::{Answer, Call};
use crate::death::{DEATH_TIMEOUT, Death, poll_within};
use crate::descriptors::Descriptor;
use crate::fork_server::ForkServer;
use crate::frame::{Connection, Frame, Kind};
use crate::output::Output;
use crate::serve;
use crate::spawn::spawn;

/// How a worker is started.
#[derive(Clone)]
pub enum Start {
    /// As a new process.
    Spawn,
    /// As a copy of a process that was started for this.
    Fork(Arc<ForkServer>),
}

/// A worker could not be started.
#[derive(Debug, thiserror::Error)]
#[error("a worker process could not be started: {0}")]
pub struct StartError(#[from] io::Error);

impl Start {
    /// Workers that are new processes.
    pub fn spawn() -> Start {
        Start::Spawn
    }

    /// Workers that are copies of one process, which is started now.
    ///
    /// # Errors
    ///
    /// If it cannot be.
    pub fn fork_server() -> Result<Start, StartError> {
        Ok(Start::Fork(Arc::new(ForkServer::start()?)))
    }
}

/// A process that calls functions for this one.
///
/// Dropping it ends the process at once.
pub struct Worker {
    pid: u32,
    /// The process whose child it is. A forked copy of that process must not signal it.
    parent: Origin,
    connection: Connection,
    process: Process,
    /// Its standard streams, if they are not those of this process.
    output: Option<Arc<Output>>,
    death: Option<Death>,
    /// The number of the next call, and that of the next answer.
    next_call: u64,
    next_answer: u64,
    /// The permits for calls, once several were sent at once.
    permits: Option<Permits>,
    /// The number of calls that were taken back, and whose answers, `Declined`, are to come.
    taken_back: usize,
}

/// A socket from which the worker reads a byte before it makes a call that was sent behind another one. If this process
/// reads the byte instead, it has taken the call back: the system gives each byte to one reader.
struct Permits {
    put: UnixStream,
    take: UnixStream,
}

enum Process {
    Spawned(Child),
    Forked(Arc<ForkServer>),
}

/// Ends a worker from another thread.
#[derive(Debug)]
pub struct Stopper(UnixStream);

impl Stopper {
    /// Closes the worker's socket. It ends then, also in the middle of a call.
    pub fn stop(&self) {
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Worker {
    /// Starts a worker. Its output is shown where this process prints, or by the
    /// [`Printer`](crate::Printer), for the present [`origin`](crate::origin).
    ///
    /// # Errors
    ///
    /// If the system refuses a process, or the fork server is gone.
    pub fn start(start: &Start) -> Result<Worker, StartError> {
        Worker::start_with(start, false)
    }

    /// As [`Worker::start`]; each line that the worker prints is shown on standard output, with its process
    /// id before it: `[4711] hello`.
    ///
    /// # Errors
    ///
    /// As [`Worker::start`].
    pub fn start_labelled(start: &Start) -> Result<Worker, StartError> {
        Worker::start_with(start, true)
    }

    fn start_with(start: &Start, label: bool) -> Result<Worker, StartError> {
        let (output, ends) = Output::new(label)?.unzip();
        let (pid, connection, process) = match start {
            Start::Spawn => {
                let (child, connection) = spawn(serve::WORKER, ends)?;
                (child.id(), connection, Process::Spawned(child))
            }
            Start::Fork(server) => {
                let (pid, connection) = server.fork(ends)?;
                (pid, connection, Process::Forked(server.clone()))
            }
        };
        let output = output.map(Arc::new);
        let worker = Worker {
            pid,
            parent: Origin::here(),
            connection,
            process,
            output,
            death: None,
            next_call: 0,
            next_answer: 0,
            permits: None,
            taken_back: 0,
        };
        if let Some(output) = &worker.output {
            output.follow(pid, label)?;
        }
        Ok(worker)
    }

    /// Sets the origin of the worker's later output, as [`origin`](crate::origin) returned it.
    pub fn set_origin(&self, origin: u64) {
        if let Some(output) = &self.output {
            output.set_origin(origin);
        }
    }

    /// Shows the present output of the worker.
    fn show_output(&self) {
        if let Some(output) = &self.output {
            output.show();
        }
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// A handle that ends the worker from another thread.
    ///
    /// # Errors
    ///
    /// When the process has as many open files as it may have.
    pub fn stopper(&self) -> io::Result<Stopper> {
        self.connection.stream().try_clone().map(Stopper)
    }

    /// Sends calls, which the worker makes one after the other.
    ///
    /// Several at once should be small (together less than a socket holds, about 100 kB): the worker may wait
    /// for its answers to be read before it takes the next.
    ///
    /// # Errors
    ///
    /// If the worker is gone.
    pub fn send(&mut self, calls: &[&Call]) -> Result<(), Death> {
        while self.taken_back > 0 {
            if self.receive_frame()?.kind != Kind::Declined {
                return Err(self.end_because(Death::Garbage));
            }
            self.taken_back -= 1;
        }
        let first = self.next_call;
        self.next_call += calls.len() as u64;
        let is_ready = calls.len() <= 1 || self.permit(calls.len() - 1).is_ok();
        let frames = calls.iter().zip(first..).map(|(call, number)| {
            let kind = if number == first { call.frame.kind } else { Kind::Offer };
            (kind, number, &call.frame)
        });
        match self.connection.send_as(frames) {
            Ok(()) if is_ready => Ok(()),
            _ => Err(self.reap()),
        }
    }

    /// Allows the worker to make so many calls behind the next one.
    fn permit(&mut self, count: usize) -> io::Result<()> {
        if self.permits.is_none() {
            let (put, take) = UnixStream::pair()?;
            take.set_nonblocking(true)?;
            let descriptors = vec![Descriptor::from(OwnedFd::from(take.try_clone()?))];
            self.connection.send(&Frame { descriptors, ..Frame::of_numbers(Kind::Permits, &[]) })?;
            self.permits = Some(Permits { put, take });
        }
        self.permits.as_mut().map_or(Ok(()), |permits| permits.put.write_all(&vec![0; count]))
    }

    /// Takes back those of the calls sent last that the worker has not begun, but for the first, and returns their
    /// number. There is no answer to them.
    pub fn take_back(&mut self) -> usize {
        let mut bytes = [0; 64];
        let mut count = 0;
        while let Some(permits) = &mut self.permits
            && let Ok(more @ 1..) = permits.take.read(&mut bytes)
        {
            count += more;
        }
        self.taken_back += count;
        count
    }

    /// Waits until there is an answer, or the worker is gone, but no longer than `limit`. Says whether there is.
    pub fn has_answer_within(&self, limit: Duration) -> bool {
        self.connection.wait(limit)
    }

    /// Waits for the answer to the next call. Its output has been shown when this returns.
    ///
    /// # Errors
    ///
    /// How the worker died, if it did.
    pub fn receive(&mut self) -> Result<Answer, Death> {
        let frame = self.receive_frame()?;
        Answer::from_frame(frame).ok_or_else(|| self.end_because(Death::Garbage))
    }

    fn receive_frame(&mut self) -> Result<Frame, Death> {
        let expected = self.next_answer;
        let received = self.connection.receive_if(|number| number == expected);
        self.show_output();
        self.next_answer += 1;
        match received {
            Ok(Some(frame)) => Ok(frame),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(self.end_because(Death::Garbage)),
            _ => Err(self.reap()),
        }
    }

    /// Asks the worker to end when it has answered, and waits for that.
    pub fn finish(&mut self) -> Death {
        let _ = self.connection.send(&Frame::of_numbers(Kind::Exit, &[]));
        // It may have things to do at its end, but no more to say.
        let _ = self.connection.stream().shutdown(Shutdown::Write);
        self.wait_or_kill().unwrap_or_else(|killed| killed)
    }

    /// How the worker has ended, if it has. Does not wait.
    pub fn poll(&mut self) -> Option<Death> {
        if !self.parent.is_here() {
            return Some(Death::Unknown);
        }
        if self.death.is_none() {
            self.death = match &mut self.process {
                Process::Spawned(child) => child.try_wait().ok().flatten().map(Death::from_status),
                Process::Forked(server) => server.status(self.pid),
            };
            if self.death.is_some() {
                self.show_output();
            }
        }
        self.death.clone()
    }

    /// Sends a signal, if the worker has not ended.
    pub fn signal(&mut self, signal: i32) {
        if self.poll().is_none() {
            // SAFETY: the process exists, or is a zombie that only `poll` reaps.
            unsafe { libc::kill(self.pid as i32, signal) };
        }
    }

    /// Forgets the worker without ending it: it belongs to the process that this one is a copy of.
    pub fn abandon(mut self) {
        self.death = Some(Death::Unknown);
    }

    /// Waits for the end of the worker, whose socket is closed, and returns how it ended.
    fn reap(&mut self) -> Death {
        let death = self.wait_or_kill().unwrap_or(Death::Closed);
        self.death = Some(death.clone());
        death
    }

    /// Ends the worker for that reason.
    fn end_because(&mut self, reason: Death) -> Death {
        self.signal(libc::SIGKILL);
        let _ = self.wait_or_kill();
        self.death = Some(reason.clone());
        reason
    }

    /// Waits for the worker's end. One that lives on is killed; how that ended it is an error.
    fn wait_or_kill(&mut self) -> Result<Death, Death> {
        poll_within(DEATH_TIMEOUT, || self.poll()).ok_or_else(|| {
            self.signal(libc::SIGKILL);
            poll_within(DEATH_TIMEOUT, || self.poll()).unwrap_or(Death::Unknown)
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.death.is_none() {
            let _ = self.connection.stream().shutdown(Shutdown::Both);
            self.signal(libc::SIGKILL);
            let _ = self.wait_or_kill();
        }
    }
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Worker({})", self.pid)
    }
}
