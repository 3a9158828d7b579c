//! The output of the cell process: read from its pipes, parted from content blocks, and sent on.

use super::content_blocks::{ContentBlocks, Piece};
use crate::wire::{self, Kind, Message};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::read;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// How long text may be held back: standard error because the rest of its line may follow, standard output because it may
/// be the start of a content block. Short enough to go unseen.
pub const HOLD: Duration = Duration::from_millis(5);

const READ_SIZE: usize = 64 << 10;
const PIPE_CAPACITY: usize = 64 << 10;

pub struct Printed {
    stdout: PipeReader,
    stderr: PipeReader,
    blocks: ContentBlocks,
    held_stderr: Vec<u8>,
    held_since: Option<Instant>,
}

impl Printed {
    pub fn new(stdout: PipeReader, stderr: PipeReader) -> io::Result<Printed> {
        for pipe in [&stdout, &stderr] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        let blocks = ContentBlocks::default();
        Ok(Printed { stdout, stderr, blocks, held_stderr: Vec::new(), held_since: None })
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
        for piece in self.blocks.push(&out) {
            self.send_held_stderr(kernel)?;
            match piece {
                Piece::Text(text) => wire::write_frame(kernel, Kind::Stdout, &text)?,
                Piece::Content(mime, text) => wire::write_message(kernel, &Message::Content { mime, text })?,
            }
        }
        if self.blocks.is_holding() {
            self.held_since.get_or_insert_with(Instant::now);
        }
        Ok(!err.is_empty() || !out.is_empty())
    }

    /// The cell has ended: sends on all that it printed, also a content block that it did not end.
    pub fn finish(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        self.drain(kernel)?;
        self.blocks.finish().map_or(Ok(()), |text| wire::write_frame(kernel, Kind::Stdout, &text))
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
        self.blocks.flush().map_or(Ok(()), |text| wire::write_frame(kernel, Kind::Stdout, &text))
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
