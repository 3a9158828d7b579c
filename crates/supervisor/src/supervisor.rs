//! The supervisor: the process between the kernel and the cell process.
//!
//! One loop over `poll`. The cell process may die at any moment and in any way. Then the supervisor sends its last output
//! and the reason to the kernel, and wakes its checkpoint, which goes on in its place. Without a checkpoint the supervisor
//! exits too, and the kernel starts a new one. The supervisor also exits when the kernel closes its standard input.

use crate::capture::{Capture, HOLD_TIMEOUT};
use crate::cell::{self, CellEnds, CellReport};
use crate::checkpoint;
use crate::inbox::InboxWriter;
use crate::kill_tree::end_children;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, read};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use threadbook_wire::{
    Command, FrameKind, KERNEL_VARIABLE, Message, RunCell, SUPERVISOR_VARIABLE, read_frame, write_frame,
    write_message,
};

/// The time for an interrupted cell to end by itself, as a cell does that waits through the companion's types.
const INTERRUPT_TIMEOUT: Duration = Duration::from_millis(800);

/// The time for the rest of a companion's message to arrive, or for an acknowledgement to be read.
const COMPANION_TIMEOUT: Duration = Duration::from_secs(5);

/// The time for a checkpoint to wake up. Much of its memory may have been swapped out.
const WAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the supervisor until the kernel is gone or no cell process is left.
pub fn main() -> ! {
    // SAFETY: the process has one thread.
    unsafe { std::env::remove_var(SUPERVISOR_VARIABLE) };
    let code = match Supervisor::start().and_then(|mut supervisor| supervisor.serve()) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the process that runs cells: {error}");
            1
        }
    };
    // Also the orphans of user code, which are children of this process.
    end_children(std::process::id(), None);
    std::process::exit(code)
}

struct Supervisor {
    cell: Pid,
    /// The copy that goes on if the cell process dies.
    checkpoint: Option<Pid>,
    alarm: UnixStream,
    /// Readable when a child has died.
    deaths: UnixStream,
    running: bool,
    /// A cell has begun in the process, so the companion reads its inbox.
    has_begun: bool,
    control: UnixStream,
    companion: UnixStream,
    inbox: InboxWriter,
    kernel: UnixStream,
    capture: Capture,
    /// The other ends of the polled streams. They stay open, so that a stream that user code closes is not ready for ever.
    _other_ends: Vec<OwnedFd>,
    /// When the running cell was interrupted.
    interrupted: Option<Instant>,
    /// The cell that is being compiled was interrupted, and must not run.
    is_cancelled: bool,
}

impl Supervisor {
    fn start() -> io::Result<Supervisor> {
        let missing = || io::Error::other(format!("{} is not set", KERNEL_VARIABLE));
        let path = std::env::var_os(KERNEL_VARIABLE).ok_or_else(missing)?;
        // SAFETY: the process has one thread.
        unsafe { std::env::remove_var(KERNEL_VARIABLE) };
        let kernel = UnixStream::connect(path)?;
        #[cfg(target_os = "linux")]
        nix::sys::prctl::set_child_subreaper(true)?;

        let (control, cell_control) = UnixStream::pair()?;
        let (companion, cell_companion) = UnixStream::pair()?;
        let (inbox, cell_inbox) = UnixStream::pair()?;
        let (alarm, cell_alarm) = UnixStream::pair()?;
        let (deaths, has_died) = UnixStream::pair()?;
        deaths.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(Signal::SIGCHLD as i32, has_died)?;
        let (stdout, cell_stdout) = io::pipe()?;
        let (stderr, cell_stderr) = io::pipe()?;
        companion.set_read_timeout(Some(COMPANION_TIMEOUT))?;
        companion.set_write_timeout(Some(COMPANION_TIMEOUT))?;
        let other_ends = vec![
            OwnedFd::from(cell_companion.try_clone()?),
            OwnedFd::from(cell_inbox.try_clone()?),
            OwnedFd::from(cell_stdout.try_clone()?),
            OwnedFd::from(cell_stderr.try_clone()?),
        ];
        // SAFETY: the process has one thread, so the child may do anything.
        let cell = match unsafe { fork() }? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                drop((control, companion, inbox, alarm, deaths, stdout, stderr, kernel, other_ends));
                cell::main(CellEnds {
                    control: cell_control,
                    companion: cell_companion,
                    inbox: cell_inbox,
                    alarm: cell_alarm,
                    stdin: std::fs::File::open("/dev/null")?.into(),
                    stdout: cell_stdout.into(),
                    stderr: cell_stderr.into(),
                })
            }
        };
        Ok(Supervisor {
            cell,
            checkpoint: None,
            alarm,
            deaths,
            running: false,
            has_begun: false,
            control,
            companion,
            inbox: InboxWriter::new(inbox)?,
            kernel,
            capture: Capture::new(stdout, stderr)?,
            _other_ends: other_ends,
            interrupted: None,
            is_cancelled: false,
        })
    }

    /// Serves until the kernel closes its ends, or the cell process dies for good.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let [stdin, kernel, control, companion, stdout, stderr, deaths, inbox] = self.wait()?;
            if stderr || stdout {
                self.capture.pump(&mut self.kernel)?;
            }
            if self.capture.held_since().is_some_and(|since| since.elapsed() >= HOLD_TIMEOUT) {
                self.capture.release(&mut self.kernel)?;
            }
            if self.interrupted.is_some_and(|since| since.elapsed() >= INTERRUPT_TIMEOUT) {
                self.interrupted = None;
                self.end_cell_process();
            }
            if companion {
                self.forward()?;
            }
            if inbox {
                self.inbox.push();
            }
            if control {
                self.recv_report()?;
            }
            if deaths
                && let Some(status) = self.reap()?
                && !self.replace_dead(status)?
            {
                return Ok(());
            }
            if kernel && !self.handle_command()? || stdin && read(io::stdin(), &mut [0; 64])? == 0 {
                self.end_cell_process();
                return Ok(());
            }
        }
    }

    fn wait(&self) -> io::Result<[bool; 8]> {
        let stdin = io::stdin();
        let [stdout, stderr] = self.capture.pipes();
        let descriptors: [(BorrowedFd, PollFlags); 8] = [
            (stdin.as_fd(), PollFlags::POLLIN),
            (self.kernel.as_fd(), PollFlags::POLLIN),
            (self.control.as_fd(), PollFlags::POLLIN),
            (self.companion.as_fd(), PollFlags::POLLIN),
            (stdout, PollFlags::POLLIN),
            (stderr, PollFlags::POLLIN),
            (self.deaths.as_fd(), PollFlags::POLLIN),
            (self.inbox.as_fd(), self.inbox.awaits()),
        ];
        let mut polled = descriptors.map(|(fd, awaited)| PollFd::new(fd, awaited));
        let left = |limit: Duration, since: Option<Instant>| Some(limit.saturating_sub(since?.elapsed()));
        let next = left(HOLD_TIMEOUT, self.capture.held_since())
            .into_iter()
            .chain(left(INTERRUPT_TIMEOUT, self.interrupted))
            .min();
        let timeout = next.map_or(PollTimeout::NONE, |left| (left.as_millis() as u16 + 1).into());
        poll_all(&mut polled, timeout)
    }

    /// Forwards a message of the companion, in its place among the printed text.
    fn forward(&mut self) -> io::Result<()> {
        let Ok(Some((FrameKind::Message, body))) = read_frame(&mut self.companion) else {
            // User code garbled the descriptor: go on without the companion.
            let (quiet, other_end) = UnixStream::pair()?;
            self.companion = quiet;
            self._other_ends.push(other_end.into());
            return Ok(());
        };
        self.capture.drain(&mut self.kernel)?;
        self.send(FrameKind::Message, &body)?;
        let _ = write_frame(&mut self.companion, FrameKind::Ack, &[]);
        Ok(())
    }

    /// Reads a report of the cell process, and sends the kernel the end of the cell.
    fn recv_report(&mut self) -> io::Result<()> {
        match CellReport::read(&mut self.control) {
            Ok(CellReport { checkpoint, .. }) => {
                self.replace_checkpoint(checkpoint);
                self.capture.finish(&mut self.kernel)?;
                self.end_run(true)?;
            }
            // User code has closed the stream, or wrote garbage to it.
            Err(_) => {
                let (quiet, other_end) = UnixStream::pair()?;
                self.control = quiet;
                self._other_ends.push(other_end.into());
                self.end_cell_process();
            }
        }
        Ok(())
    }

    fn replace_checkpoint(&mut self, new: Option<Pid>) {
        if let Some(old) = std::mem::replace(&mut self.checkpoint, new) {
            checkpoint::end(old);
        }
    }

    fn end_run(&mut self, ran: bool) -> io::Result<()> {
        self.interrupted = None;
        if std::mem::take(&mut self.running) { self.send_message(&Message::Ran { ran }) } else { Ok(()) }
    }

    fn run_cell(&mut self, cell: &RunCell) -> io::Result<()> {
        self.running = true;
        if std::mem::take(&mut self.is_cancelled) {
            return self.end_run(false);
        }
        self.has_begun = true;
        let mut order = serde_json::to_vec(cell)?;
        order.push(b'\n');
        self.control.write_all(&order)
    }

    /// Handles a command of the kernel. Returns false if the kernel is gone.
    fn handle_command(&mut self) -> io::Result<bool> {
        let Some((FrameKind::Message, body)) = read_frame(&mut self.kernel)? else {
            return Ok(false);
        };
        let command = match serde_json::from_slice(&body) {
            Ok(command) => command,
            Err(error) => {
                eprintln!("threadbook: the process that runs cells dropped a command: {error}");
                return Ok(true);
            }
        };
        match command {
            Command::Run { cell } => {
                self.run_cell(&cell)?;
            }
            Command::Interrupt if self.running => {
                let _ = kill(self.cell, Signal::SIGINT);
                self.interrupted.get_or_insert_with(Instant::now);
            }
            Command::Interrupt => self.is_cancelled = true,
            // The cell has ended.
            Command::Sync { id } => {
                self.is_cancelled = false;
                self.capture.drain(&mut self.kernel)?;
                self.send_message(&Message::Synced { id })?;
            }
            Command::InputReply { .. } => {
                // If there is no room, the companion does not read its inbox, and waits for no answer.
                let _ = self.inbox.put(&body);
            }
            Command::Comm { id, .. } => {
                let delivered = match self.has_begun {
                    true => self.inbox.put(&body),
                    false => Err("no cell has run yet".to_owned()),
                };
                if let Err(reason) = delivered {
                    self.send_message(&Message::Dropped { id, reason })?;
                }
            }
            Command::ListComms => {}
        }
        Ok(true)
    }

    fn end_cell_process(&self) {
        let _ = killpg(self.cell, Signal::SIGKILL);
        let _ = kill(self.cell, Signal::SIGKILL);
    }

    /// Reaps all children that have died, including orphans of user code. Returns the status of the cell process if it has
    /// died.
    fn reap(&mut self) -> io::Result<Option<WaitStatus>> {
        while matches!(self.deaths.read(&mut [0; 64]), Ok(count) if count > 0) {}
        let mut of_cell = None;
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(of_cell),
                Ok(status) if status.pid() == Some(self.cell) => of_cell = Some(status),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The cell process has died: ends its children, reports the reason, and wakes the checkpoint. Returns false if there is
    /// none that wakes.
    fn replace_dead(&mut self, status: WaitStatus) -> io::Result<bool> {
        let (signal, code) = match status {
            WaitStatus::Signaled(_, signal, _) => (Some(signal as i32), None),
            WaitStatus::Exited(_, code) => (None, Some(code)),
            _ => (None, None),
        };
        // First, as the checkpoint may be another one after that.
        self.drain_dead()?;
        // Its children are children of this process now, as is its checkpoint.
        let checkpoint = self.checkpoint.map(|pid| pid.as_raw() as u32);
        end_children(std::process::id(), checkpoint);
        let ran = self.running;
        let lost = self.restore();
        let restored = lost.is_some();
        self.send_message(&Message::Died { signal, code, ran, restored, lost: lost.unwrap_or_default() })?;
        if restored && self.has_begun {
            let _ = self.inbox.put(&serde_json::to_vec(&Command::ListComms)?);
        }
        if restored && ran {
            self.end_run(false)?;
        }
        Ok(restored)
    }

    /// Forwards the last messages and output of the dead process.
    fn drain_dead(&mut self) -> io::Result<()> {
        while is_readable(&self.control)? {
            self.recv_report()?;
        }
        self.companion.set_read_timeout(Some(HOLD_TIMEOUT))?;
        while is_readable(&self.companion)? {
            match read_frame(&mut self.companion) {
                Ok(Some((FrameKind::Message, body))) => {
                    self.capture.drain(&mut self.kernel)?;
                    self.send(FrameKind::Message, &body)?;
                }
                // It died in the middle of a message.
                _ => break,
            }
        }
        self.companion.set_read_timeout(Some(COMPANION_TIMEOUT))?;
        self.capture.finish(&mut self.kernel)
    }

    /// Wakes the checkpoint, which becomes the cell process. Returns the parts that it lacks, in words, if it wakes.
    fn restore(&mut self) -> Option<String> {
        let pid = self.checkpoint.take()?;
        self.cell = pid;
        // The backlog was for the dead process. The checkpoint empties the socket when it wakes.
        self.inbox.forget();
        let woken = checkpoint::wake(&mut self.alarm, pid)
            .and_then(|()| self.control.set_read_timeout(Some(WAKE_TIMEOUT)))
            .and_then(|()| CellReport::read(&mut self.control))
            .and_then(|done| self.control.set_read_timeout(None).map(|()| done));
        match woken {
            Ok(CellReport { checkpoint, lost }) => {
                self.checkpoint = checkpoint;
                Some(lost)
            }
            Err(_) => {
                self.end_cell_process();
                None
            }
        }
    }

    fn send(&mut self, kind: FrameKind, body: &[u8]) -> io::Result<()> {
        write_frame(&mut self.kernel, kind, body)
    }

    fn send_message(&mut self, message: &Message) -> io::Result<()> {
        write_message(&mut self.kernel, message)
    }
}

fn is_readable(stream: &UnixStream) -> io::Result<bool> {
    Ok(poll_all(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO)?[0])
}

fn poll_all<const N: usize>(polled: &mut [PollFd; N], timeout: PollTimeout) -> io::Result<[bool; N]> {
    match poll(polled, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(std::array::from_fn(|index| polled[index].revents().is_some_and(|events| !events.is_empty())))
}

#[cfg(test)]
mod tests;
