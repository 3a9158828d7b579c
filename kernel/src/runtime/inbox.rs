//! The supervisor's end of the companion's inbox: what waits to be read by the cell process.
//!
//! User code may keep the companion from reading for as long as it likes, so nothing here waits for it.

use crate::wire::{self, Kind};
use nix::poll::PollFlags;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// How many bytes may wait here beside what the socket holds. The kernel sends the next message when the
/// last one has been handled, so more than one waits only if something is wrong.
const LIMIT: usize = 16 << 20;

/// See the module's documentation.
pub struct Inbox {
    socket: UnixStream,
    waiting: Vec<u8>,
}

impl Inbox {
    pub fn new(socket: UnixStream) -> io::Result<Inbox> {
        socket.set_nonblocking(true)?;
        Ok(Inbox { socket, waiting: Vec::new() })
    }

    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What to poll the socket for: room, if anything waits for it.
    pub fn awaits(&self) -> PollFlags {
        if self.waiting.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT }
    }

    /// Puts a message in, or says why it cannot be.
    pub fn put(&mut self, message: &[u8]) -> Result<(), String> {
        if self.waiting.len() + message.len() > LIMIT {
            let waiting = self.waiting.len();
            return Err(format!("{waiting} bytes wait already for the cells' process to read them"));
        }
        wire::write_frame(&mut self.waiting, Kind::Message, message).map_err(|error| error.to_string())?;
        self.push();
        Ok(())
    }

    /// Writes what there is room for.
    pub fn push(&mut self) {
        let mut written = 0;
        while written < self.waiting.len() {
            match self.socket.write(&self.waiting[written..]) {
                Ok(count) if count > 0 => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // User code has closed the other end, so nobody will ever read it.
                _ => written = self.waiting.len(),
            }
        }
        self.waiting.drain(..written);
    }

    /// Forgets what waits.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_reads_is_kept_up_to_a_limit_and_arrives_whole() {
        let (socket, mut other) = UnixStream::pair().unwrap();
        let mut inbox = Inbox::new(socket).unwrap();
        let message = vec![b'x'; 1 << 20];
        let kept = (0..100).take_while(|_| inbox.put(&message).is_ok()).count();
        assert!((15..100).contains(&kept), "{kept}");
        assert_eq!(inbox.awaits(), PollFlags::POLLOUT);
        let reader = std::thread::spawn(move || {
            let frame = wire::read_frame(&mut other);
            (0..kept - 1).all(|_| wire::read_frame(&mut other).is_ok_and(|frame| frame.is_some()))
                && frame.is_ok_and(|frame| frame == Some((Kind::Message, message)))
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
        let mut inbox = Inbox::new(socket).unwrap();
        drop(other);
        assert_eq!(inbox.put(b"{}"), Ok(()));
        assert!(inbox.waiting.is_empty());
    }
}
