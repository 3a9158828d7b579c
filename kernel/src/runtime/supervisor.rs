//! The supervisor: stands between the kernel and the process that runs the cells.
//!
//! One loop over `poll`. The cell process may die at any moment and in any way. Then the supervisor sends on its output,
//! tells the kernel how it ended, and wakes its checkpoint, which goes on in its place. If there is no checkpoint, the
//! supervisor ends too, and the kernel starts a new one. It ends as well when the kernel closes its standard input.

use super::cell::{self, Done, Ends};
use super::checkpoint;
use super::inbox::Inbox;
use super::printed::{HOLD, Printed};
use super::processes;
use crate::wire::{self, Kind, Message, Order, Run};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, read};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long an interrupted cell may take to end by itself, as one does that waits for something of ours.
const GRACE: Duration = Duration::from_millis(800);

/// How long the rest of a message of the companion may take to arrive, or an acknowledgement to be taken.
const COMPANION_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a checkpoint may take to wake up. (Much of its memory may have been swapped out.)
const WAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The supervisor's whole life.
pub fn main() -> ! {
    // SAFETY: the process has one thread.
    unsafe { std::env::remove_var(super::IS_SUPERVISOR) };
    let code = match Supervisor::start().and_then(|mut supervisor| supervisor.serve()) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the process that runs cells: {error}");
            1
        }
    };
    // Also what user code has started and nobody waits for: orphans become children of this process.
    processes::end_children(std::process::id(), None);
    std::process::exit(code)
}

struct Supervisor {
    cell: Pid,
    /// What to go on from if the cell process dies.
    checkpoint: Option<Pid>,
    alarm: UnixStream,
    /// Becomes readable when a child has died.
    deaths: UnixStream,
    running: bool,
    /// A cell has begun in the process, so the companion reads its inbox.
    has_begun: bool,
    control: UnixStream,
    companion: UnixStream,
    inbox: Inbox,
    kernel: UnixStream,
    printed: Printed,
    /// The other ends of what is polled. Kept, so that nothing that user code closes reads as ready for
    /// ever.
    _other_ends: Vec<OwnedFd>,
    /// When the running cell was interrupted.
    interrupted: Option<Instant>,
    /// The cell that is being compiled was interrupted: it shall not run.
    is_unwanted: bool,
}

impl Supervisor {
    fn start() -> io::Result<Supervisor> {
        let missing = || io::Error::other(format!("{} is not set", wire::KERNEL_VARIABLE));
        let path = std::env::var_os(wire::KERNEL_VARIABLE).ok_or_else(missing)?;
        // SAFETY: the process has one thread.
        unsafe { std::env::remove_var(wire::KERNEL_VARIABLE) };
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
                cell::main(Ends {
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
            inbox: Inbox::new(inbox)?,
            kernel,
            printed: Printed::new(stdout, stderr)?,
            _other_ends: other_ends,
            interrupted: None,
            is_unwanted: false,
        })
    }

    /// Serves until the kernel closes its ends, or the cell process dies for good.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let [stdin, kernel, control, companion, stdout, stderr, deaths, inbox] = self.wait()?;
            if stderr || stdout {
                self.printed.pump(&mut self.kernel)?;
            }
            if self.printed.held_since().is_some_and(|since| since.elapsed() >= HOLD) {
                self.printed.release(&mut self.kernel)?;
            }
            if self.interrupted.is_some_and(|since| since.elapsed() >= GRACE) {
                self.interrupted = None;
                self.end_cell_process();
            }
            if companion {
                self.pass_on()?;
            }
            if inbox {
                self.inbox.push();
            }
            if control {
                self.hear_cell()?;
            }
            if deaths
                && let Some(status) = self.cell_has_died()?
                && !self.bury(status)?
            {
                return Ok(());
            }
            if kernel && !self.obey()? || stdin && read(io::stdin(), &mut [0; 64])? == 0 {
                self.end_cell_process();
                return Ok(());
            }
        }
    }

    fn wait(&self) -> io::Result<[bool; 8]> {
        let stdin = io::stdin();
        let [stdout, stderr] = self.printed.pipes();
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
        let next =
            left(HOLD, self.printed.held_since()).into_iter().chain(left(GRACE, self.interrupted)).min();
        let timeout = next.map_or(PollTimeout::NONE, |left| (left.as_millis() as u16 + 1).into());
        poll_all(&mut polled, timeout)
    }

    /// Passes a message of the companion on, in its place among what was printed.
    fn pass_on(&mut self) -> io::Result<()> {
        let Ok(Some((Kind::Message, body))) = wire::read_frame(&mut self.companion) else {
            // User code garbled the descriptor: go on without the companion.
            let (quiet, other_end) = UnixStream::pair()?;
            self.companion = quiet;
            self._other_ends.push(other_end.into());
            return Ok(());
        };
        self.printed.drain(&mut self.kernel)?;
        self.send(Kind::Message, &body)?;
        let _ = wire::write_frame(&mut self.companion, Kind::Ack, &[]);
        Ok(())
    }

    /// Reads a report of the cell process; tells the kernel if the cell has been run.
    fn hear_cell(&mut self) -> io::Result<()> {
        match Done::read(&mut self.control) {
            Ok(Done { checkpoint, .. }) => {
                self.replace_checkpoint(checkpoint);
                self.printed.finish(&mut self.kernel)?;
                self.end_run(true)?;
            }
            // It has closed the stream, or writes garbage to it: it cannot be talked to any more.
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
        if std::mem::take(&mut self.running) { self.tell(&Message::Ran { ran }) } else { Ok(()) }
    }

    fn run_cell(&mut self, cell: &Run) -> io::Result<()> {
        self.running = true;
        if std::mem::take(&mut self.is_unwanted) {
            return self.end_run(false);
        }
        self.has_begun = true;
        let mut order = serde_json::to_vec(cell)?;
        order.push(b'\n');
        self.control.write_all(&order)
    }

    /// Carries out an order of the kernel; `false` if the kernel is gone.
    fn obey(&mut self) -> io::Result<bool> {
        let Some((Kind::Message, body)) = wire::read_frame(&mut self.kernel)? else {
            return Ok(false);
        };
        match serde_json::from_slice(&body)? {
            Order::Run { cell } => {
                self.run_cell(&cell)?;
            }
            Order::Interrupt if self.running => {
                let _ = kill(self.cell, Signal::SIGINT);
                self.interrupted.get_or_insert_with(Instant::now);
            }
            Order::Interrupt => self.is_unwanted = true,
            // The cell has ended, in whatever way.
            Order::Sync { id } => {
                self.is_unwanted = false;
                self.printed.drain(&mut self.kernel)?;
                self.tell(&Message::Synced { id })?;
            }
            Order::InputReply { .. } => {
                // If it does not fit, nobody has read for long, nor would read this.
                let _ = self.inbox.put(&body);
            }
            Order::Comm { id, .. } => {
                let delivered = match self.has_begun {
                    true => self.inbox.put(&body),
                    false => Err("no cell has run yet".to_owned()),
                };
                if let Err(reason) = delivered {
                    self.tell(&Message::Dropped { id, reason })?;
                }
            }
            Order::TellComms => {}
        }
        Ok(true)
    }

    fn end_cell_process(&self) {
        let _ = killpg(self.cell, Signal::SIGKILL);
        let _ = kill(self.cell, Signal::SIGKILL);
    }

    /// Buries all children that have died, also those of user code that came here as orphans. Returns how
    /// the cell process ended, if it did.
    fn cell_has_died(&mut self) -> io::Result<Option<WaitStatus>> {
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

    /// The cell process has died: ends what it left behind, says how it died, and goes on from its
    /// checkpoint. Returns false if that cannot be.
    fn bury(&mut self, status: WaitStatus) -> io::Result<bool> {
        let (signal, code) = match status {
            WaitStatus::Signaled(_, signal, _) => (Some(signal as i32), None),
            WaitStatus::Exited(_, code) => (None, Some(code)),
            _ => (None, None),
        };
        // First, as the checkpoint may be another one after that.
        self.hear_last_words()?;
        // All that it has started is of this process now, beside its checkpoint.
        let checkpoint = self.checkpoint.map(|pid| pid.as_raw() as u32);
        processes::end_children(std::process::id(), checkpoint);
        let ran = self.running;
        let lost = self.restore();
        let restored = lost.is_some();
        self.tell(&Message::Died { signal, code, ran, restored, lost: lost.unwrap_or_default() })?;
        if restored && self.has_begun {
            let _ = self.inbox.put(&serde_json::to_vec(&Order::TellComms)?);
        }
        if restored && ran {
            self.end_run(false)?;
        }
        Ok(restored)
    }

    /// What the dead process had still said and printed.
    fn hear_last_words(&mut self) -> io::Result<()> {
        while is_readable(&self.control)? {
            self.hear_cell()?;
        }
        self.companion.set_read_timeout(Some(HOLD))?;
        while is_readable(&self.companion)? {
            match wire::read_frame(&mut self.companion) {
                Ok(Some((Kind::Message, body))) => {
                    self.printed.drain(&mut self.kernel)?;
                    self.send(Kind::Message, &body)?;
                }
                // It died in the middle of a message.
                _ => break,
            }
        }
        self.companion.set_read_timeout(Some(COMPANION_TIMEOUT))?;
        self.printed.finish(&mut self.kernel)
    }

    /// Wakes the checkpoint, which becomes the cell process. Returns what that has lost, in words, if it works.
    fn restore(&mut self) -> Option<String> {
        let pid = self.checkpoint.take()?;
        self.cell = pid;
        // What was for the dead process is not for this one, which empties the socket when it wakes.
        self.inbox.forget();
        let woken = checkpoint::wake(&mut self.alarm, pid)
            .and_then(|()| self.control.set_read_timeout(Some(WAKE_TIMEOUT)))
            .and_then(|()| Done::read(&mut self.control))
            .and_then(|done| self.control.set_read_timeout(None).map(|()| done));
        match woken {
            Ok(Done { checkpoint, lost }) => {
                self.checkpoint = checkpoint;
                Some(lost)
            }
            Err(_) => {
                self.end_cell_process();
                None
            }
        }
    }

    fn send(&mut self, kind: Kind, body: &[u8]) -> io::Result<()> {
        wire::write_frame(&mut self.kernel, kind, body)
    }

    fn tell(&mut self, message: &Message) -> io::Result<()> {
        wire::write_message(&mut self.kernel, message)
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
