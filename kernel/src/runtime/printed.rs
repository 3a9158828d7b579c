//! What the cell process prints: read from its pipes, parted from the engine's notices, and sent on.

use super::notices::{CHANGED_TYPE, Notices, PANIC, Piece, QUESTION_MARK, answer_engine};
use crate::wire::{self, Kind, Message};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::read;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long text may be held back: standard error because it may be the message of a `?` error, standard
/// output because it may be the start of a notice. Short enough to go unseen.
pub const HOLD: Duration = Duration::from_millis(5);

const READ_SIZE: usize = 64 << 10;
const PIPE_CAPACITY: usize = 64 << 10;

pub struct Printed {
    stdout: PipeReader,
    stderr: PipeReader,
    notices: Notices,
    held_stderr: Vec<u8>,
    held_since: Option<Instant>,
    /// The companion tells of panics, before the engine's notice of them is printed.
    pub tells_panics: bool,
    /// It has told of one in this cell.
    pub panic_told: bool,
}

impl Printed {
    pub fn new(stdout: PipeReader, stderr: PipeReader) -> io::Result<Printed> {
        for pipe in [&stdout, &stderr] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        let notices = Notices::default();
        Ok(Printed {
            stdout,
            stderr,
            notices,
            held_stderr: Vec::new(),
            held_since: None,
            tells_panics: false,
            panic_told: false,
        })
    }

    /// What becomes readable when something has been printed.
    pub fn pipes(&self) -> [BorrowedFd<'_>; 2] {
        [self.stdout.as_fd(), self.stderr.as_fd()]
    }

    /// Since when text is held back, if any is.
    pub fn held_since(&self) -> Option<Instant> {
        self.held_since
    }

    /// Reads what has been printed, and sends on what is certain. Says if there was anything.
    pub fn pump(&mut self, kernel: &mut UnixStream) -> io::Result<bool> {
        let err = read_available(&self.stderr)?;
        let out = read_available(&self.stdout)?;
        if !err.is_empty() {
            self.held_stderr.extend(&err);
            self.held_since = Some(Instant::now());
        }
        for piece in self.notices.push(&out) {
            self.send_piece(piece, kernel)?;
        }
        if self.notices.is_holding() {
            self.held_since.get_or_insert_with(Instant::now);
        }
        Ok(!err.is_empty() || !out.is_empty())
    }

    /// The cell has ended: sends on all that it printed, also a content block that it did not end.
    pub fn finish(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        self.drain(kernel)?;
        self.notices.finish().map_or(Ok(()), |text| wire::write_frame(kernel, Kind::Stdout, &text))
    }

    /// Sends on all that had been printed when this was called: what the pipes can hold, and what is
    /// held back here. (No more than that: a thread may go on printing for ever.)
    pub fn drain(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        for _ in 0..PIPE_CAPACITY.div_ceil(READ_SIZE) + 1 {
            if !self.pump(kernel)? {
                break;
            }
        }
        self.release(kernel)
    }

    /// Sends all that is held back, but for a content block that has begun.
    pub fn release(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        self.held_since = None;
        self.send_held_stderr(kernel)?;
        self.notices.flush().map_or(Ok(()), |text| wire::write_frame(kernel, Kind::Stdout, &text))
    }

    fn send_piece(&mut self, piece: Piece, kernel: &mut UnixStream) -> io::Result<()> {
        match piece {
            Piece::Text(text) => {
                self.send_held_stderr(kernel)?;
                wire::write_frame(kernel, Kind::Stdout, &text)
            }
            Piece::Content(mime, text) => {
                self.send_held_stderr(kernel)?;
                wire::write_message(kernel, &Message::Content { mime, text })
            }
            Piece::Panic if self.tells_panics && !self.panic_told => {
                // So the user has printed this.
                self.send_held_stderr(kernel)?;
                wire::write_frame(kernel, Kind::Stdout, format!("{PANIC}\n").as_bytes())
            }
            Piece::Panic => {
                self.send_held_stderr(kernel)?;
                wire::write_message(kernel, &Message::Panicked)?;
                answer_engine(PANIC)
            }
            Piece::Lost(variable) => {
                // The engine's code says so on standard error first. If it was the user who printed it,
                // the engine would run the cell again and again.
                self.held_stderr.extend(read_available(&self.stderr)?);
                let said = format!("The type of the variable {variable} was redefined, so was lost.\n");
                let genuine = self.held_stderr.ends_with(said.as_bytes());
                self.send_held_stderr(kernel)?;
                let line = format!("{CHANGED_TYPE}{variable}");
                if genuine {
                    answer_engine(&line)
                } else {
                    wire::write_frame(kernel, Kind::Stdout, format!("{line}\n").as_bytes())
                }
            }
            Piece::QuestionMark => {
                // The engine's code prints the error to standard error just before this notice.
                self.held_stderr.extend(read_available(&self.stderr)?);
                let text = String::from_utf8_lossy(&self.held_stderr).trim_end().to_owned();
                self.held_stderr.clear();
                wire::write_message(kernel, &Message::QuestionMark { text })?;
                answer_engine(QUESTION_MARK)
            }
        }
    }

    fn send_held_stderr(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        let held = std::mem::take(&mut self.held_stderr);
        if held.is_empty() { Ok(()) } else { wire::write_frame(kernel, Kind::Stderr, &held) }
    }
}

/// Reads what is there, at most [`READ_SIZE`], without waiting.
fn read_available(pipe: &PipeReader) -> io::Result<Vec<u8>> {
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
