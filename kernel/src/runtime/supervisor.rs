//! The supervisor: stands between the engine, the kernel and the process that runs the cells.
//!
//! One loop over `poll`. The cell process may die at any moment and in any way; then what it printed is
//! sent on, the kernel is told how it ended, and the supervisor ends too, which the engine understands: it
//! starts a new one. (A checkpoint of the cell process, to go on from, would be forked in
//! [`Supervisor::run_cell`] and woken in [`Supervisor::bury`].)

use super::cell::{self, Ends};
use super::notices::{CHANGED_TYPE, Notices, PANIC, Piece, QUESTION_MARK};
use crate::wire::{self, Kind, Message, Order};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, read};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";

/// How long text may be held back: standard error because it may be the message of a `?` error, standard
/// output because it may be the start of a notice. Short enough to go unseen.
const HOLD: Duration = Duration::from_millis(5);

const READ_SIZE: usize = 64 << 10;
const PIPE_CAPACITY: usize = 64 << 10;

/// How long an interrupted cell may take to end by itself, as one does that waits for something of ours.
const GRACE: Duration = Duration::from_millis(800);

/// How long the rest of a message of the companion may take to arrive.
const COMPANION_TIMEOUT: Duration = Duration::from_secs(5);

/// The supervisor's whole life.
pub fn main() -> ! {
    // SAFETY: the process has one thread.
    unsafe { std::env::remove_var(super::IS_RUNTIME) };
    let code = match Supervisor::start().and_then(|mut supervisor| supervisor.serve()) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("the process that runs cells: {error}");
            1
        }
    };
    std::process::exit(code)
}

struct Supervisor {
    cell: Pid,
    running: bool,
    /// The companion is loaded, so it tells of panics.
    has_companion: bool,
    /// It has told of one in this cell.
    panic_told: bool,
    control: UnixStream,
    companion: UnixStream,
    kernel: UnixStream,
    engine: Vec<u8>,
    stdout: OwnedFd,
    stderr: OwnedFd,
    /// The other ends of what is polled. Kept, so that nothing that user code closes reads as ready for
    /// ever.
    _other_ends: Vec<OwnedFd>,
    notices: Notices,
    held_stderr: Vec<u8>,
    held_since: Option<Instant>,
    /// When the running cell was interrupted.
    interrupted: Option<Instant>,
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
        let (stdout, cell_stdout) = io::pipe()?;
        let (stderr, cell_stderr) = io::pipe()?;
        companion.set_read_timeout(Some(COMPANION_TIMEOUT))?;
        let other_ends = vec![
            OwnedFd::from(cell_companion.try_clone()?),
            OwnedFd::from(cell_stdout.try_clone()?),
            OwnedFd::from(cell_stderr.try_clone()?),
        ];
        // SAFETY: the process has one thread, so the child may do anything.
        let cell = match unsafe { fork() }? {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                drop((control, companion, stdout, stderr, kernel, other_ends));
                cell::main(Ends {
                    control: cell_control,
                    companion: cell_companion,
                    stdin: std::fs::File::open("/dev/null")?.into(),
                    stdout: cell_stdout.into(),
                    stderr: cell_stderr.into(),
                })
            }
        };
        let (stdout, stderr) = (OwnedFd::from(stdout), OwnedFd::from(stderr));
        for pipe in [&stdout, &stderr] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Supervisor {
            cell,
            running: false,
            has_companion: false,
            panic_told: false,
            control,
            companion,
            kernel,
            engine: Vec::new(),
            stdout,
            stderr,
            _other_ends: other_ends,
            notices: Notices::default(),
            held_stderr: Vec::new(),
            held_since: None,
            interrupted: None,
        })
    }

    /// Serves until the engine or the kernel closes its end, or the cell process dies.
    fn serve(&mut self) -> io::Result<()> {
        loop {
            let [engine, kernel, control, companion, stdout, stderr] = self.wait()?;
            if stderr || stdout {
                self.pump()?;
            }
            if self.held_since.is_some_and(|since| since.elapsed() >= HOLD) {
                self.release()?;
            }
            if self.interrupted.is_some_and(|since| since.elapsed() >= GRACE) {
                self.interrupted = None;
                self.end_cell_process();
            }
            if companion {
                self.pass_on()?;
            }
            if control && !self.cell_answered()? {
                return self.bury();
            }
            if kernel && !self.obey()? || engine && !self.hear_engine()? {
                self.end_cell_process();
                return Ok(());
            }
        }
    }

    fn wait(&self) -> io::Result<[bool; 6]> {
        let stdin = io::stdin();
        let descriptors: [BorrowedFd; 6] = [
            stdin.as_fd(),
            self.kernel.as_fd(),
            self.control.as_fd(),
            self.companion.as_fd(),
            self.stdout.as_fd(),
            self.stderr.as_fd(),
        ];
        let mut polled = descriptors.map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        let left = |limit: Duration, since: Option<Instant>| Some(limit.saturating_sub(since?.elapsed()));
        let next = left(HOLD, self.held_since).into_iter().chain(left(GRACE, self.interrupted)).min();
        let timeout = next.map_or(PollTimeout::NONE, |left| (left.as_millis() as u16 + 1).into());
        poll_all(&mut polled, timeout)
    }

    /// Reads what the cell process has printed, and sends on what is certain. Says if there was anything.
    fn pump(&mut self) -> io::Result<bool> {
        let err = read_available(&self.stderr)?;
        let out = read_available(&self.stdout)?;
        if !err.is_empty() {
            self.held_stderr.extend(&err);
            self.held_since = Some(Instant::now());
        }
        for piece in self.notices.push(&out) {
            self.send_piece(piece)?;
        }
        if self.notices.is_holding() {
            self.held_since.get_or_insert_with(Instant::now);
        }
        Ok(!err.is_empty() || !out.is_empty())
    }

    /// Sends on all that had been printed when this was called: what the pipes can hold, and what is
    /// held back here. (No more than that: a thread may go on printing for ever.)
    fn drain(&mut self) -> io::Result<()> {
        for _ in 0..PIPE_CAPACITY.div_ceil(READ_SIZE) + 1 {
            if !self.pump()? {
                break;
            }
        }
        self.release()
    }

    fn send_piece(&mut self, piece: Piece) -> io::Result<()> {
        match piece {
            Piece::Text(text) => {
                self.send_held_stderr()?;
                self.send(Kind::Stdout, &text)
            }
            Piece::Content(mime, text) => {
                self.send_held_stderr()?;
                self.tell(&Message::Content { mime, text })
            }
            Piece::Panic if self.has_companion && !self.panic_told => {
                // The hook has not told us of a panic, so the user has printed this.
                self.send_held_stderr()?;
                self.send(Kind::Stdout, format!("{PANIC}\n").as_bytes())
            }
            Piece::Panic => {
                self.send_held_stderr()?;
                self.tell(&Message::Panicked)?;
                answer_engine(PANIC)
            }
            Piece::Lost(variable) => {
                // The engine's code says so on standard error first. If it was the user who printed it,
                // the engine would run the cell again and again.
                self.held_stderr.extend(read_available(&self.stderr)?);
                let said = format!("The type of the variable {variable} was redefined, so was lost.\n");
                let genuine = self.held_stderr.ends_with(said.as_bytes());
                self.send_held_stderr()?;
                let line = format!("{CHANGED_TYPE}{variable}");
                if genuine {
                    answer_engine(&line)
                } else {
                    self.send(Kind::Stdout, format!("{line}\n").as_bytes())
                }
            }
            Piece::QuestionMark => {
                // The engine's code prints the error to standard error just before this notice.
                self.held_stderr.extend(read_available(&self.stderr)?);
                let text = String::from_utf8_lossy(&self.held_stderr).trim_end().to_owned();
                self.held_stderr.clear();
                self.tell(&Message::QuestionMark { text })?;
                answer_engine(QUESTION_MARK)
            }
        }
    }

    /// Sends all that is held back.
    fn release(&mut self) -> io::Result<()> {
        self.held_since = None;
        self.send_held_stderr()?;
        match self.notices.flush() {
            Some(text) => self.send(Kind::Stdout, &text),
            None => Ok(()),
        }
    }

    fn send_held_stderr(&mut self) -> io::Result<()> {
        let held = std::mem::take(&mut self.held_stderr);
        if held.is_empty() { Ok(()) } else { self.send(Kind::Stderr, &held) }
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
        self.drain()?;
        if matches!(serde_json::from_slice(&body), Ok(Message::Panic { .. })) {
            self.panic_told = true;
        }
        self.send(Kind::Message, &body)?;
        let _ = wire::write_frame(&mut self.companion, Kind::Ack, &[]);
        Ok(())
    }

    /// Whether the cell process lives; tells the engine if it has finished the cell.
    fn cell_answered(&mut self) -> io::Result<bool> {
        let mut byte = [0];
        match read(&self.control, &mut byte) {
            Ok(1) if byte[0] == cell::COMPANION_BEGINS => {
                self.has_companion = true;
                Ok(true)
            }
            Ok(1) if byte[0] == cell::DONE => {
                self.drain()?;
                self.running = false;
                self.interrupted = None;
                answer_engine(COMPLETE)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn hear_engine(&mut self) -> io::Result<bool> {
        let mut buffer = [0; 4096];
        let count = read(io::stdin(), &mut buffer)?;
        self.engine.extend(&buffer[..count]);
        while let Some(end) = self.engine.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.engine.drain(..=end).collect();
            if let Some(order) = line.strip_prefix(b"LOAD_AND_RUN ") {
                self.run_cell(order)?;
            }
        }
        Ok(count > 0)
    }

    fn run_cell(&mut self, order: &[u8]) -> io::Result<()> {
        self.running = true;
        self.panic_told = false;
        self.control.write_all(order)
    }

    /// Carries out an order of the kernel; `false` if the kernel is gone.
    fn obey(&mut self) -> io::Result<bool> {
        let Some((Kind::Message, body)) = wire::read_frame(&mut self.kernel)? else {
            return Ok(false);
        };
        match serde_json::from_slice(&body)? {
            Order::Interrupt if self.running => {
                let _ = kill(self.cell, Signal::SIGINT);
                self.interrupted.get_or_insert_with(Instant::now);
            }
            Order::Interrupt => {}
            Order::Sync { id } => {
                self.drain()?;
                self.tell(&Message::Synced { id })?;
            }
        }
        Ok(true)
    }

    fn end_cell_process(&self) {
        let _ = killpg(self.cell, Signal::SIGKILL);
        let _ = kill(self.cell, Signal::SIGKILL);
    }

    /// The cell process has died: says how, and ends what it left behind.
    fn bury(&mut self) -> io::Result<()> {
        let (signal, code) = loop {
            match waitpid(self.cell, None) {
                Ok(WaitStatus::Signaled(_, signal, _)) => break (Some(signal as i32), None),
                Ok(WaitStatus::Exited(_, code)) => break (None, Some(code)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => break (None, None),
            }
        };
        let _ = killpg(self.cell, Signal::SIGKILL);
        self.drain()?;
        self.tell(&Message::Died { signal, code })
    }

    fn send(&mut self, kind: Kind, body: &[u8]) -> io::Result<()> {
        wire::write_frame(&mut self.kernel, kind, body)
    }

    fn tell(&mut self, message: &Message) -> io::Result<()> {
        wire::write_message(&mut self.kernel, message)
    }
}

fn poll_all(polled: &mut [PollFd; 6], timeout: PollTimeout) -> io::Result<[bool; 6]> {
    match poll(polled, timeout) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(std::array::from_fn(|index| polled[index].revents().is_some_and(|events| !events.is_empty())))
}

/// Reads what is there, at most [`READ_SIZE`], without waiting.
fn read_available(pipe: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; READ_SIZE];
    match read(pipe, &mut buffer) {
        Ok(count) => {
            buffer.truncate(count);
            Ok(buffer)
        }
        Err(Errno::EAGAIN | Errno::EINTR) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn answer_engine(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
