//! The input and output of a command. All of its pipes are served at once: to block on one pipe while the
//! command blocks on another is a deadlock.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// The maximum of a read from a command with endless output, after which the other pipes are served.
const CHUNK: u64 = 1 << 20;

/// The maximum number of such chunks that are read from the pipes of an ended command.
const LEFT_OVERS: usize = 16;

/// Our ends of a command's streams.
#[derive(Default)]
pub(crate) struct Streams {
    pub(crate) input: Option<Input>,
    /// The standard input that the user may take to write to.
    pub(crate) stdin: Option<PipeWriter>,
    pub(crate) stdout: Output,
    pub(crate) stderr: Output,
}

/// The input of a command, and the number of bytes written so far.
pub(crate) struct Input {
    pipe: PipeWriter,
    bytes: Arc<[u8]>,
    written: usize,
}

/// The output of a command.
#[derive(Default)]
pub(crate) struct Output {
    /// The pipe, until its end of file.
    pub(crate) pipe: Option<PipeReader>,
    /// The bytes that were read so far.
    pub(crate) bytes: Vec<u8>,
    /// The destination of the copy.
    echo: Option<Echo>,
}

/// A stream of this process.
#[derive(Clone, Copy)]
pub(crate) enum Echo {
    Stdout,
    Stderr,
}

impl Input {
    pub(crate) fn new(pipe: PipeWriter, bytes: Arc<[u8]>) -> io::Result<Input> {
        unblock(&pipe)?;
        Ok(Input { pipe, bytes, written: 0 })
    }

    /// Writes as much as the pipe takes. Returns whether all is written, or the command has closed its input.
    fn write(&mut self) -> io::Result<bool> {
        while self.written < self.bytes.len() {
            match self.pipe.write(&self.bytes[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(false),
                    ErrorKind::Interrupted => {}
                    ErrorKind::BrokenPipe => return Ok(true),
                    _ => return Err(error),
                },
            }
        }
        Ok(true)
    }
}

impl Output {
    pub(crate) fn new(pipe: PipeReader, echo: Option<Echo>) -> io::Result<Output> {
        unblock(&pipe)?;
        Ok(Output { pipe: Some(pipe), bytes: Vec::new(), echo })
    }

    /// Reads the available bytes.
    fn read(&mut self) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        let before = self.bytes.len();
        let result = pipe.take(CHUNK).read_to_end(&mut self.bytes);
        let count = self.bytes.len() - before;
        match result {
            Ok(_) if (count as u64) < CHUNK => self.pipe = None,
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        self.pass_on(before);
        Ok(())
    }

    /// Copies the bytes from `start` on. If that fails, they are still captured.
    fn pass_on(&self, start: usize) {
        let new = &self.bytes[start..];
        let _ = match self.echo {
            None => Ok(()),
            Some(Echo::Stdout) => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(new).and_then(|()| stdout.flush())
            }
            Some(Echo::Stderr) => io::stderr().write_all(new),
        };
    }
}

impl Streams {
    /// Whether all output has reached its end of file.
    pub(crate) fn at_end(&self) -> bool {
        self.stdout.pipe.is_none() && self.stderr.pipe.is_none()
    }

    /// Waits until a pipe or one of `others` is ready, but no longer than `limit`; then reads and writes
    /// without blocking.
    pub(crate) fn serve(&mut self, others: &[BorrowedFd<'_>], limit: Duration) -> io::Result<()> {
        let input = self.input.as_ref().map(|input| (input.pipe.as_fd(), PollFlags::POLLOUT));
        let stdout = self.stdout.pipe.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::POLLIN));
        let stderr = self.stderr.pipe.as_ref().map(|pipe| (pipe.as_fd(), PollFlags::POLLIN));
        let own = [input, stdout, stderr];
        let others = others.iter().map(|fd| (*fd, PollFlags::POLLIN));
        let mut polled: Vec<PollFd<'_>> =
            own.into_iter().flatten().chain(others).map(|(fd, flags)| PollFd::new(fd, flags)).collect();
        wait(&mut polled, limit)?;
        let mut answers = polled.iter().map(|fd| fd.revents().is_none_or(|flags| !flags.is_empty()));
        let happened = own.map(|fd| fd.is_some() && answers.next().unwrap_or(false));
        let [input, stdout, stderr] = happened;
        if input
            && let Some(pending) = &mut self.input
            && pending.write()?
        {
            self.input = None;
        }
        if stdout {
            self.stdout.read()?;
        }
        if stderr {
            self.stderr.read()?;
        }
        Ok(())
    }

    /// Reads the buffered output of an ended command. Does not wait for end of file, because processes that
    /// it has started may hold the pipes for ever.
    pub(crate) fn read_left_overs(&mut self) {
        self.input = None;
        for output in [&mut self.stdout, &mut self.stderr] {
            for _ in 0..LEFT_OVERS {
                let before = output.bytes.len();
                if output.read().is_err() || output.bytes.len() == before {
                    break;
                }
            }
            output.pipe = None;
        }
    }
}

/// Makes our end of the pipe non-blocking. The flag belongs to our end only; the command's end has another
/// one.
pub(crate) fn unblock(pipe: impl AsFd) -> io::Result<()> {
    fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Waits until a descriptor is ready or a signal arrives, but no longer than `limit`. Returns the number of
/// ready ones.
pub(crate) fn wait(polled: &mut [PollFd<'_>], limit: Duration) -> io::Result<usize> {
    // Rounded up: an early wake-up would poll the clock repeatedly.
    let milliseconds = limit.as_nanos().div_ceil(1_000_000).min(i32::MAX as u128) as i32;
    match poll(polled, PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)) {
        Ok(count) => Ok(count as usize),
        Err(Errno::EINTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// The time until `deadline`, but no longer than `limit`; `None` if it has passed.
pub(crate) fn left(deadline: Option<Instant>, limit: Duration) -> Option<Duration> {
    let Some(deadline) = deadline else { return Some(limit) };
    let left = deadline.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left.min(limit))
}
