//! Messages between a process and its workers.
//!
//! A message is a kind (one byte), the number of open files that come along (one byte), the length of its head
//! (four), the length of its body (eight), its number (eight), its head, and its body. Numbers are little-endian. A head is short
//! and describes the body; a body is often a value by itself, so that a large one need not be copied.
//! An answer has the number of its call: stray bytes are no answer to anything.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::descriptors::Descriptor;
use crate::files::{receive_with_files, send_with_files};

const HEADER: usize = 22;
const BUFFER: usize = 64 << 10;

/// No head is longer.
const LONGEST_HEAD: usize = 16 << 10;

/// How often a reader looks before it sleeps.
const SPINS: u32 = 50;

/// No message is believed to be longer before its bytes are there.
const TRUSTED: u64 = 256 << 20;

/// No body is longer: no machine holds so much.
const LONGEST_BODY: u64 = 1 << 44;

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// To a worker: call, and answer.
    Call = b'C',
    /// To a worker: call if there is a permit left, else decline.
    Offer = b'O',
    /// To a worker: the open file is where it gets permits, a byte each.
    Permits = b'T',
    /// The call was not made, for want of a permit.
    Declined = b'D',
    /// To a worker: call, and end with the outcome.
    Run = b'R',
    /// To a worker: end.
    Exit = b'X',
    /// To a fork server: fork; the open files are the new worker's socket and, if wanted, its output.
    Fork = b'F',
    /// To a fork server: how did this process end?
    Status = b'S',
    /// The call returned: when it began, when it ended, the value.
    Returned = b'V',
    /// The call panicked: its beginning, its end, the message and the location.
    Panicked = b'P',
    /// There could be no call, or its value could not be sent, because of this.
    Failed = b'E',
    /// A fork server's answer: numbers.
    Numbers = b'N',
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        use Kind::*;
        [Call, Offer, Permits, Declined, Run, Exit, Fork, Status, Returned, Panicked, Failed, Numbers]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// A message.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) descriptors: Vec<Descriptor>,
    /// Which call this is, or is the answer to.
    pub(crate) number: u64,
}

impl Frame {
    pub(crate) fn new(kind: Kind, head: Vec<u8>, body: Vec<u8>) -> Frame {
        Frame { kind, head, body, descriptors: Vec::new(), number: 0 }
    }

    /// A message that is a few numbers.
    pub(crate) fn of_numbers(kind: Kind, numbers: &[u64]) -> Frame {
        Frame::new(kind, numbers.iter().flat_map(|number| number.to_le_bytes()).collect(), Vec::new())
    }

    fn put_start(&self, kind: Kind, number: u64, bytes: &mut Vec<u8>) {
        bytes.extend([kind as u8, self.descriptors.len() as u8]);
        bytes.extend((self.head.len() as u32).to_le_bytes());
        bytes.extend((self.body.len() as u64).to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend_from_slice(&self.head);
    }
}

pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

pub(crate) fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = take_number(bytes)?;
    let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

pub(crate) fn take_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*number), rest))
}

/// One end of the socket between a process and a worker.
pub(crate) struct Connection {
    stream: UnixStream,
    /// The bytes to send at once.
    outgoing: Vec<u8>,
    /// The bytes that were read; those from `start` to `end` are not used yet.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    descriptors: VecDeque<Descriptor>,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Connection {
        let (outgoing, buffer, descriptors) = Default::default();
        Connection { stream, outgoing, buffer, start: 0, end: 0, descriptors }
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, frame: &Frame) -> io::Result<()> {
        self.send_as([(frame.kind, frame.number, frame)])
    }

    /// Sends messages as being of this kind and having this number: small ones together, and the body of a large
    /// one from where it is.
    pub(crate) fn send_as<'a>(
        &mut self,
        frames: impl IntoIterator<Item = (Kind, u64, &'a Frame)>,
    ) -> io::Result<()> {
        self.outgoing.clear();
        for (kind, number, frame) in frames {
            if !frame.descriptors.is_empty() {
                self.flush(&[])?;
            }
            frame.put_start(kind, number, &mut self.outgoing);
            let is_small = frame.body.len() <= BUFFER;
            if is_small {
                self.outgoing.extend_from_slice(&frame.body);
            }
            if !is_small || !frame.descriptors.is_empty() {
                self.flush(&frame.descriptors)?;
            }
            if !is_small {
                self.send_all(&frame.body, &[])?;
            }
        }
        self.flush(&[])
    }

    /// Sends the collected bytes. Descriptors come with the first byte.
    fn flush(&mut self, descriptors: &[Descriptor]) -> io::Result<()> {
        self.send_all(&self.outgoing, descriptors)?;
        self.outgoing.clear();
        Ok(())
    }

    fn send_all(&self, mut bytes: &[u8], mut descriptors: &[Descriptor]) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = retry(|| send_with_files(self.stream.as_fd(), bytes, descriptors, 0))?;
            (bytes, descriptors) = (&bytes[sent..], &[]);
        }
        Ok(())
    }

    /// The next message; `None` if the other end is closed.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] for an invalid message.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Frame>> {
        self.receive_if(|_| true)
    }

    /// As [`Connection::receive`], if the number is `right`; else the message is invalid, whatever its length.
    pub(crate) fn receive_if(&mut self, right: impl FnOnce(u64) -> bool) -> io::Result<Option<Frame>> {
        if !self.has(HEADER)? {
            return Ok(None);
        }
        let header = self.take(HEADER);
        let garbage = || io::Error::new(io::ErrorKind::InvalidData, "not a message");
        let kind = Kind::from_byte(header[0]).ok_or_else(garbage)?;
        let count = usize::from(header[1]);
        let head = u32::from_le_bytes([header[2], header[3], header[4], header[5]]) as usize;
        let (length, rest) = take_number(&header[6..]).ok_or_else(garbage)?;
        let (number, _) = take_number(rest).ok_or_else(garbage)?;
        if head > LONGEST_HEAD || length > LONGEST_BODY || !right(number) {
            return Err(garbage());
        }
        if !self.has(head)? {
            return Ok(None);
        }
        let head = self.take(head).to_vec();
        let part = usize::try_from(length).unwrap_or(usize::MAX).min(self.end - self.start);
        let mut body = Vec::with_capacity(length.min(TRUSTED) as usize);
        body.extend_from_slice(self.take(part));
        // Open files come with the first byte of their message, so none are overlooked by a plain read.
        if !self.read_rest(&mut body, length - part as u64)? {
            return Ok(None);
        }
        if count > self.descriptors.len() {
            return Err(garbage());
        }
        let descriptors = self.descriptors.drain(..count).collect();
        Ok(Some(Frame { kind, head, body, descriptors, number }))
    }

    /// Waits until something comes, or the other end is closed, but no longer than `limit`.
    pub(crate) fn wait(&self, limit: Duration) -> bool {
        if self.start < self.end {
            return true;
        }
        if self.spin() {
            return true;
        }
        let mut polled = libc::pollfd { fd: self.stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = limit.as_micros().div_ceil(1000).min(i32::MAX as u128) as libc::c_int;
        // SAFETY: one descriptor is there, as the count says.
        unsafe { libc::poll(&mut polled, 1, milliseconds) > 0 }
    }

    /// Has as many bytes in the buffer, or it is false and the other end is closed.
    fn has(&mut self, count: usize) -> io::Result<bool> {
        while self.end - self.start < count {
            if self.fill()? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn take(&mut self, count: usize) -> &[u8] {
        self.start += count;
        &self.buffer[self.start - count..self.start]
    }

    /// Reads that many more bytes; false if the other end is closed before.
    fn read_rest(&self, body: &mut Vec<u8>, mut rest: u64) -> io::Result<bool> {
        while rest > 0 {
            body.reserve(rest.min(TRUSTED) as usize);
            let room = body.spare_capacity_mut();
            let wanted = room.len().min(rest as usize);
            // Let the system gather all of it: a large value would else wake this thread for every part.
            // SAFETY: there is room for as many bytes.
            let count = unsafe {
                libc::recv(self.stream.as_raw_fd(), room.as_mut_ptr().cast(), wanted, libc::MSG_WAITALL)
            };
            match count {
                0 => return Ok(false),
                1.. => {
                    // SAFETY: so many bytes have been written.
                    unsafe { body.set_len(body.len() + count as usize) };
                    rest -= count as u64;
                }
                _ => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Looks for a moment whether something comes: to sleep and to be woken costs more than most calls do.
    fn spin(&self) -> bool {
        let mut polled = libc::pollfd { fd: self.stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        for _ in 0..SPINS {
            // SAFETY: one descriptor is there, as the count says.
            if unsafe { libc::poll(&mut polled, 1, 0) } != 0 {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    /// Reads available bytes, or waits for some.
    fn fill(&mut self) -> io::Result<usize> {
        self.spin();
        self.buffer.resize(BUFFER, 0);
        self.buffer.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        let (socket, room) = (self.stream.as_fd(), &mut self.buffer[self.end..]);
        let (count, files): (usize, Vec<OwnedFd>) = retry(|| receive_with_files(socket, room, 0))?;
        self.descriptors.extend(files.into_iter().map(Descriptor::from));
        self.end += count;
        Ok(count)
    }
}

fn retry<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Answer, Call};
    use std::io::Write;

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut sender, mut receiver) = (Connection::new(here), Connection::new(there));
        let sizes = [0, 1, 100, BUFFER - HEADER, BUFFER, 3_000_000, 5];
        let sending = std::thread::spawn(move || {
            for size in sizes {
                let frame = Frame::new(Kind::Failed, vec![1; size.min(99)], vec![size as u8; size]);
                sender.send(&frame).unwrap();
                sender.send(&Frame::of_numbers(Kind::Numbers, &[size as u64])).unwrap();
            }
        });
        for size in sizes {
            let frame = receiver.receive().unwrap().unwrap();
            assert_eq!(frame.head.len(), size.min(99));
            assert_eq!(frame.body, vec![size as u8; size]);
            let next = receiver.receive().unwrap().unwrap();
            assert_eq!((next.kind, take_number(&next.head).unwrap().0), (Kind::Numbers, size as u64));
        }
        sending.join().unwrap();
        assert!(receiver.receive().unwrap().is_none());
    }

    #[test]
    fn a_message_with_a_wrong_number_or_an_absurd_length_is_no_message() {
        let headers = [(7, 100_u64), (8, u64::MAX / 2)].map(|(number, length): (u64, u64)| {
            [&[b'V', 0, 0, 0, 0, 0][..], &length.to_le_bytes(), &number.to_le_bytes()].concat()
        });
        for header in headers {
            // The other end stays open, and no more comes.
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(&header).unwrap();
            let received = Connection::new(there).receive_if(|number| number == 8);
            assert_eq!(received.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn garbage_is_an_error_or_no_message() {
        arbtest::arbtest(|random| {
            let mut bytes: Vec<u8> = random.arbitrary()?;
            if random.arbitrary()? && !bytes.is_empty() {
                // Else the first byte almost never gets past.
                bytes[0] = *random.choose(b"COTDRXFSVPEN")?;
            }
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(&bytes).unwrap();
            drop(here);
            let mut receiver = Connection::new(there);
            while let Ok(Some(frame)) = receiver.receive() {
                let _ = Call::address(&frame.head);
                let _ = Answer::from_frame(frame);
            }
            Ok(())
        });
    }
}
