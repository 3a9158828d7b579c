//! Reads the output of the cell process from its pipes, splits it from content blocks, and sends both to the kernel.

use crate::content_blocks::{ContentBlocks, Piece};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::unistd::read;
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use threadbook_wire::{FrameKind, Message, write_frame, write_message};

/// The longest time for which text is held back: standard error because the rest of its line may follow, standard output
/// because it may be the start of a content block. Too short to be seen.
pub const HOLD_TIMEOUT: Duration = Duration::from_millis(5);

const READ_SIZE: usize = 64 << 10;
const PIPE_CAPACITY: usize = 64 << 10;

/// The pipes of the cell process, and the text of them that is held back.
pub struct Capture {
    stdout: PipeReader,
    stderr: PipeReader,
    blocks: ContentBlocks,
    held_stderr: Vec<u8>,
    held_since: Option<Instant>,
}

impl Capture {
    pub fn new(stdout: PipeReader, stderr: PipeReader) -> io::Result<Capture> {
        for pipe in [&stdout, &stderr] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        let blocks = ContentBlocks::default();
        Ok(Capture { stdout, stderr, blocks, held_stderr: Vec::new(), held_since: None })
    }

    /// The pipes, which become readable with new output.
    pub fn pipes(&self) -> [BorrowedFd<'_>; 2] {
        [self.stdout.as_fd(), self.stderr.as_fd()]
    }

    /// The time since which text is held back, if there is any.
    pub fn held_since(&self) -> Option<Instant> {
        self.held_since
    }

    /// Reads the output that is there, and sends the part that is certain. Returns whether there was any.
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
                Piece::Text(text) => write_frame(kernel, FrameKind::Stdout, &text)?,
                Piece::Content(mime, text) => write_message(kernel, &Message::Content { mime, text })?,
            }
        }
        if self.blocks.is_holding() {
            self.held_since.get_or_insert_with(Instant::now);
        }
        Ok(!err.is_empty() || !out.is_empty())
    }

    /// Sends all output of a cell that has ended, including an unfinished content block.
    pub fn finish(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        self.drain(kernel)?;
        self.blocks.finish().map_or(Ok(()), |text| write_frame(kernel, FrameKind::Stdout, &text))
    }

    /// Sends all output from before this call: the content of the pipes, and the text that is held back. A thread may print
    /// for ever, so no more than the pipes can hold is read.
    pub fn drain(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        for _ in 0..PIPE_CAPACITY.div_ceil(READ_SIZE) + 1 {
            if !self.pump(kernel)? {
                break;
            }
        }
        self.release(kernel)
    }

    /// Sends the text that is held back, except a content block that has begun.
    pub fn release(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        self.held_since = None;
        self.send_held_stderr(kernel)?;
        self.blocks.flush().map_or(Ok(()), |text| write_frame(kernel, FrameKind::Stdout, &text))
    }

    fn send_held_stderr(&mut self, kernel: &mut UnixStream) -> io::Result<()> {
        let held = std::mem::take(&mut self.held_stderr);
        if held.is_empty() { Ok(()) } else { write_frame(kernel, FrameKind::Stderr, &held) }
    }
}

/// Reads at most [`READ_SIZE`] bytes, without waiting.
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
