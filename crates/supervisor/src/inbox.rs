//! The supervisor's end of the companion's inbox.
//!
//! User code may keep the companion from reading for any time, so the supervisor never waits for it.

use nix::poll::PollFlags;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use threadbook_wire::{FrameKind, write_frame};

/// The largest backlog, in bytes, beside the content of the socket. The kernel sends the next message after the last one
/// was handled, so a longer backlog is a fault.
const MAX_WAITING: usize = 16 << 20;

/// See the module's documentation.
pub struct InboxWriter {
    socket: UnixStream,
    waiting: Vec<u8>,
}

impl InboxWriter {
    pub fn new(socket: UnixStream) -> io::Result<InboxWriter> {
        socket.set_nonblocking(true)?;
        Ok(InboxWriter { socket, waiting: Vec::new() })
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The events to poll the socket for: room, if there is a backlog.
    pub fn awaits(&self) -> PollFlags {
        if self.waiting.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT }
    }

    /// Appends a command.
    ///
    /// # Errors
    ///
    /// The backlog is too long.
    pub fn put(&mut self, message: &[u8]) -> Result<(), String> {
        if self.waiting.len() + message.len() > MAX_WAITING {
            let waiting = self.waiting.len();
            return Err(format!("{waiting} bytes wait already for the cells' process to read them"));
        }
        write_frame(&mut self.waiting, FrameKind::Message, message).map_err(|error| error.to_string())?;
        self.push();
        Ok(())
    }

    /// Writes as much of the backlog as there is room for.
    pub fn push(&mut self) {
        let mut written = 0;
        while written < self.waiting.len() {
            match self.socket.write(&self.waiting[written..]) {
                Ok(count) if count > 0 => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // User code has closed the other end, so there will never be a reader.
                _ => written = self.waiting.len(),
            }
        }
        self.waiting.drain(..written);
    }

    /// Drops the backlog.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use threadbook_wire::read_frame;

    #[test]
    fn a_backlog_is_kept_up_to_a_limit_and_arrives_whole() {
        let (socket, mut other) = UnixStream::pair().unwrap();
        let mut inbox = InboxWriter::new(socket).unwrap();
        let message = vec![b'x'; 1 << 20];
        let kept = (0..100).take_while(|_| inbox.put(&message).is_ok()).count();
        assert!((15..100).contains(&kept), "{kept}");
        assert_eq!(inbox.awaits(), PollFlags::POLLOUT);
        let reader = std::thread::spawn(move || {
            let frame = read_frame(&mut other);
            (0..kept - 1).all(|_| read_frame(&mut other).is_ok_and(|frame| frame.is_some()))
                && frame.is_ok_and(|frame| frame == Some((FrameKind::Message, message)))
        });
        while !inbox.waiting.is_empty() {
            inbox.push();
        }
        assert!(reader.join().unwrap());
        assert_eq!(inbox.awaits(), PollFlags::empty());
    }

    #[test]
    fn a_closed_end_is_no_error() {
        let (socket, other) = UnixStream::pair().unwrap();
        let mut inbox = InboxWriter::new(socket).unwrap();
        drop(other);
        assert_eq!(inbox.put(b"{}"), Ok(()));
        assert!(inbox.waiting.is_empty());
    }
}
