//! Messages between a process and its workers.
//!
//! A message is a kind (one byte), the number of open files that come along (one byte), the length of the rest
//! (eight), and the rest. Numbers are little-endian.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use sendfd::{RecvWithFd, SendWithFd};
use serde::Serialize;
use serde::de::DeserializeOwned;
use threadbook_trace::Ticks;

use crate::codec::{CodecError, decode, encode};
use crate::descriptors::{self, MOST};
use crate::place::{self, Entry, Place};

const HEADER: usize = 10;
const BUFFER: usize = 64 << 10;

/// How often a reader looks before it sleeps.
const SPINS: u32 = 50;

/// No message is believed to be longer before its bytes are there.
const TRUSTED: u64 = 256 << 20;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// To a worker: call, and answer.
    Call = b'C',
    /// To a worker: call, and end with what becomes of it.
    Run = b'R',
    /// To a worker: end.
    Exit = b'X',
    /// To a fork server: fork; the open files are the new worker's socket and, if wanted, its output.
    Fork = b'F',
    /// To a fork server: how did this process end?
    Status = b'S',
    /// The call returned: when it began, when it ended, the value.
    Returned = b'V',
    /// The call panicked: when it began, when it ended, what it said and where.
    Panicked = b'P',
    /// There could be no call, or its value could not be sent, because of this.
    Failed = b'E',
    /// A fork server's answer: numbers.
    Numbers = b'N',
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        use Kind::*;
        [Call, Run, Exit, Fork, Status, Returned, Panicked, Failed, Numbers]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// A message that arrived.
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// A function and its argument, ready to be sent to a worker.
#[derive(Debug)]
pub struct Call {
    pub(crate) frame: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl Call {
    /// A call of `f` with `argument`.
    ///
    /// # Errors
    ///
    /// If the argument's own `Serialize` refuses.
    ///
    /// A function that captures something is refused by the compiler: another process has no way to it. So is
    /// a pointer to a function, which could be any.
    pub fn new<F, A, R>(f: F, argument: &A) -> Result<Call, CodecError>
    where
        F: Fn(A) -> R + Copy + Send + Sync,
        A: Serialize + DeserializeOwned + 'static,
        R: Serialize + 'static,
    {
        const {
            assert!(
                size_of::<F>() == 0,
                "a function that is to run in another process cannot capture variables, and cannot be a \
                 pointer: name a `fn`, or write a closure that gets all it needs as its argument"
            );
        }
        let _ = f;
        let place = place::of(entry::<F, A, R>)
            .ok_or_else(|| CodecError(format!("nobody knows where {} lies", std::any::type_name::<F>())))?;
        let mut frame = begin(Kind::Call);
        put_text(&mut frame, &place.object);
        frame.extend(place.offset.to_le_bytes());
        let (encoded, descriptors) = descriptors::collect(|| encode(argument, &mut frame));
        encoded?;
        finish(&mut frame, descriptors.len());
        Ok(Call { frame, descriptors })
    }

    /// The same call, after which the worker ends: with exit code 0 if the function returns, 1 if it panics.
    pub fn and_exit(mut self) -> Call {
        self.frame[0] = Kind::Run as u8;
        self
    }

    /// How many bytes have to be sent.
    pub fn size(&self) -> usize {
        self.frame.len()
    }

    /// The function and the argument of a frame.
    pub(crate) fn parse(body: &[u8]) -> Option<(Place, &[u8])> {
        let (object, rest) = take_text(body)?;
        let (offset, argument) = take_number(rest)?;
        Some((Place { object: object.into(), offset }, argument))
    }
}

/// What a worker calls.
fn entry<F, A, R>(argument: &[u8], result: &mut Vec<u8>) -> Result<(), CodecError>
where
    F: Fn(A) -> R + Copy + Send + Sync,
    A: DeserializeOwned + 'static,
    R: Serialize + 'static,
{
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: the type has no size and can be copied, and the one who made the call had a value of it.
    let f: F = unsafe { std::mem::zeroed() };
    encode(&f(decode(argument)?), result)
}

// What `place` gives back is one of these.
const _: fn() -> Entry = || entry::<fn(()), (), ()>;

/// What came of a call.
#[derive(Debug)]
pub enum Answer {
    /// It returned.
    Returned {
        /// When the worker began with it.
        started: Ticks,
        /// When the worker was done.
        finished: Ticks,
        /// The value; [`decode`](crate::decode) reads it.
        value: Vec<u8>,
        /// Open files that are part of the value.
        descriptors: Vec<OwnedFd>,
    },
    /// It panicked.
    Panicked {
        /// When the worker began with it.
        started: Ticks,
        /// When it panicked.
        finished: Ticks,
        /// What it said.
        message: String,
        /// The source file, line and column, if known.
        location: Option<String>,
    },
    /// There could be no call, or its value could not be sent. This is why.
    Failed(String),
}

impl Answer {
    /// Reads the value, with the open files in it.
    ///
    /// # Errors
    ///
    /// If it is no `R`.
    pub fn read<R: DeserializeOwned + 'static>(
        value: &[u8],
        descriptors: Vec<OwnedFd>,
    ) -> Result<R, CodecError> {
        descriptors::provide(descriptors, || decode(value))
    }

    pub(crate) fn from_frame(frame: Frame) -> Option<Answer> {
        let Frame { kind, mut body, descriptors } = frame;
        if kind == Kind::Failed {
            return Some(Answer::Failed(String::from_utf8_lossy(&body).into_owned()));
        }
        let (started, rest) = take_number(&body)?;
        let (finished, rest) = take_number(rest)?;
        let (started, finished) = (Ticks::from_number(started), Ticks::from_number(finished));
        match kind {
            Kind::Returned => {
                body.drain(..16);
                Some(Answer::Returned { started, finished, value: body, descriptors })
            }
            Kind::Panicked => {
                let (location, message) = take_text(rest)?;
                let location = Some(location.to_owned()).filter(|place| !place.is_empty());
                let message = String::from_utf8_lossy(message).into_owned();
                Some(Answer::Panicked { started, finished, message, location })
            }
            _ => None,
        }
    }
}

/// Begins a frame; [`finish`] fills in what is not known yet.
pub(crate) fn begin(kind: Kind) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.push(kind as u8);
    frame.resize(HEADER, 0);
    frame
}

pub(crate) fn finish(frame: &mut [u8], descriptors: usize) {
    frame[1] = descriptors as u8;
    let length = (frame.len() - HEADER) as u64;
    frame[2..HEADER].copy_from_slice(&length.to_le_bytes());
}

pub(crate) fn put_text(frame: &mut Vec<u8>, text: &str) {
    frame.extend((text.len() as u64).to_le_bytes());
    frame.extend(text.as_bytes());
}

fn take_text(bytes: &[u8]) -> Option<(&str, &[u8])> {
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
    /// Read and not used, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    descriptors: VecDeque<OwnedFd>,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Connection {
        Connection { stream, buffer: Vec::new(), start: 0, descriptors: VecDeque::new() }
    }

    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends whole frames. The descriptors belong to the first one.
    pub(crate) fn send(&mut self, frames: &[u8], descriptors: &[OwnedFd]) -> io::Result<()> {
        let mut sent = 0;
        if !descriptors.is_empty() {
            let raw: Vec<RawFd> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
            sent = retry(|| self.stream.send_with_fd(frames, &raw))?;
        }
        self.stream.write_all(&frames[sent..])
    }

    /// The next message; `None` if the other end is closed.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::InvalidData`] for what is no message.
    pub(crate) fn receive(&mut self) -> io::Result<Option<Frame>> {
        while self.buffer.len() - self.start < HEADER {
            if self.fill()? == 0 {
                return Ok(None);
            }
        }
        let header = &self.buffer[self.start..self.start + HEADER];
        let garbage = || io::Error::new(io::ErrorKind::InvalidData, "not a message");
        let kind = Kind::from_byte(header[0]).ok_or_else(garbage)?;
        let count = usize::from(header[1]);
        let (length, _) = take_number(&header[2..]).ok_or_else(garbage)?;
        self.start += HEADER;
        let there = self.buffer.len() - self.start;
        let part = usize::try_from(length).unwrap_or(usize::MAX).min(there);
        let mut body = Vec::with_capacity(length.min(TRUSTED) as usize);
        body.extend_from_slice(&self.buffer[self.start..self.start + part]);
        self.start += part;
        // Open files come with the first bytes of their message, so none are overlooked by a plain read.
        let rest = length - part as u64;
        if !self.read_rest(&mut body, rest)? {
            return Ok(None);
        }
        if count > self.descriptors.len() {
            return Err(garbage());
        }
        Ok(Some(Frame { kind, body, descriptors: self.descriptors.drain(..count).collect() }))
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
    fn spin(&self) {
        let mut polled = libc::pollfd { fd: self.stream.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        for _ in 0..SPINS {
            // SAFETY: one descriptor is there, as is said.
            if unsafe { libc::poll(&mut polled, 1, 0) } != 0 {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Reads what is there, or waits for something.
    fn fill(&mut self) -> io::Result<usize> {
        self.spin();
        self.buffer.drain(..self.start);
        self.start = 0;
        let held = self.buffer.len();
        self.buffer.resize(BUFFER, 0);
        let mut raw = [-1; MOST];
        let read = retry(|| self.stream.recv_with_fd(&mut self.buffer[held..], &mut raw));
        self.buffer.truncate(held + read.as_ref().map_or(0, |(count, _)| *count));
        let (count, descriptors) = read?;
        for fd in &raw[..descriptors] {
            // SAFETY: the system has just made this descriptor for us.
            let fd = unsafe { OwnedFd::from_raw_fd(*fd) };
            // SAFETY: the descriptor is open.
            unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
            self.descriptors.push_back(fd);
        }
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

    fn square(n: u64) -> u64 {
        n * n
    }

    #[test]
    fn a_call_says_where_its_function_lies() {
        let call = Call::new(square, &7).unwrap();
        let (place, argument) = Call::parse(&call.frame[HEADER..]).unwrap();
        assert_eq!(decode::<u64>(argument).unwrap(), 7);
        // SAFETY: the place is that of a function of this process.
        let entry = unsafe { place::Loader::default().find(&place) }.unwrap();
        let mut result = Vec::new();
        entry(argument, &mut result).unwrap();
        assert_eq!(decode::<u64>(&result).unwrap(), 49);
    }

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut sender, mut receiver) = (Connection::new(here), Connection::new(there));
        let sizes = [0, 1, 100, BUFFER - HEADER, BUFFER, 3_000_000, 5];
        let sending = std::thread::spawn(move || {
            for size in sizes {
                let mut frame = begin(Kind::Failed);
                frame.resize(HEADER + size, size as u8);
                finish(&mut frame, 0);
                sender.send(&frame, &[]).unwrap();
            }
        });
        for size in sizes {
            let frame = receiver.receive().unwrap().unwrap();
            assert_eq!(frame.body, vec![size as u8; size]);
        }
        sending.join().unwrap();
        assert!(receiver.receive().unwrap().is_none());
    }

    #[test]
    fn garbage_is_an_error_or_no_message() {
        arbtest::arbtest(|random| {
            let mut bytes: Vec<u8> = random.arbitrary()?;
            if random.arbitrary()? && !bytes.is_empty() {
                // Else the first byte almost never gets past.
                bytes[0] = *random.choose(b"CRXFSVPEN")?;
            }
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(&bytes).unwrap();
            drop(here);
            let mut receiver = Connection::new(there);
            while let Ok(Some(frame)) = receiver.receive() {
                let _ = Call::parse(&frame.body);
                let _ = Answer::from_frame(frame);
            }
            Ok(())
        });
    }
}
