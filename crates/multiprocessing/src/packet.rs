//! Messages that are sent and received as a whole, with open files.
//!
//! The socket keeps the borders of messages, so several processes may send and receive at one end at the same
//! time, and one that is killed cannot leave half a message. A message that is too long for the socket is in a file in
//! memory, which is sent instead.

use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use threadbook_executor::{TaskError, is_interrupted};
use threadbook_worker::{Answer, CodecError, Descriptor, Message, receive_with_files, send_with_files};

use crate::memory::{Memory, nameless_file};
use crate::monitor::SLICE;

/// Longer messages go into a file.
const MAX_INLINE_BYTES: usize = if cfg!(target_os = "linux") { 32 << 10 } else { 1 << 10 };

/// `SOCK_SEQPACKET` reports a closed other end; where it does not exist, `SOCK_DGRAM` does.
const KIND: libc::c_int = if cfg!(target_os = "linux") { libc::SOCK_SEQPACKET } else { libc::SOCK_DGRAM };

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: libc::c_int = libc::SOCK_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: libc::c_int = 0;

/// The first byte of a message: the rest of it is there, or in its first file.
const INLINE: u8 = 0;
const IN_FILE: u8 = 1;

/// Two ends of a socket.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: there is room for two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, KIND | CLOSE_ON_EXEC, 0, ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just made both for us.
    let [first, second] = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    #[cfg(not(target_os = "linux"))]
    for end in [&first, &second] {
        // SAFETY: the descriptor is open.
        unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    Ok((first, second))
}

/// Allows one end only to receive, and the other only to send.
pub(crate) fn make_one_way(receiver: &OwnedFd, sender: &OwnedFd) {
    // SAFETY: both descriptors are open.
    unsafe {
        libc::shutdown(receiver.as_raw_fd(), libc::SHUT_WR);
        libc::shutdown(sender.as_raw_fd(), libc::SHUT_RD);
    }
}

/// Waits until a message can be sent, and sends it. [`io::ErrorKind::BrokenPipe`] if the other end is closed.
pub(crate) fn send(socket: BorrowedFd<'_>, message: Message) -> Result<io::Result<()>, TaskError> {
    let prepared = match prepare(message) {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Err(error)),
    };
    wait_for(socket, libc::POLLOUT, None, || try_send(socket, &prepared.bytes, &prepared.descriptors))
}

/// Waits until there is a message, and receives it. `None` if none can come any more.
pub(crate) fn receive(
    socket: BorrowedFd<'_>,
    timeout: Option<Duration>,
) -> Result<io::Result<Option<Received>>, TaskError> {
    let received = wait_for(socket, libc::POLLIN, timeout, || try_receive(socket))?;
    Ok(received.and_then(|message| message.map(Received::new).transpose()))
}

/// Waits until there is a message, or none can come any more.
pub(crate) fn poll(socket: BorrowedFd<'_>, timeout: Duration) -> Result<bool, TaskError> {
    let look = || if is_ready(socket, libc::POLLIN, Duration::ZERO) { Ok(()) } else { Err(would_block()) };
    match wait_for(socket, libc::POLLIN, Some(timeout), look) {
        Err(TaskError::TimedOut) => Ok(false),
        other => other.map(|_| true),
    }
}

/// Puts the first byte before the bytes, and long bytes into a file.
fn prepare(message: Message) -> io::Result<Message> {
    let Message { bytes, mut descriptors } = message;
    if bytes.len() <= MAX_INLINE_BYTES {
        return Ok(Message { bytes: [&[INLINE], &bytes[..]].concat(), descriptors });
    }
    let mut file = nameless_file()?;
    file.write_all(&bytes)?;
    descriptors.insert(0, OwnedFd::from(file).into());
    Ok(Message { bytes: vec![IN_FILE], descriptors })
}

/// A message that came.
pub(crate) struct Received {
    bytes: Bytes,
    descriptors: Vec<Descriptor>,
}

enum Bytes {
    /// All but the first.
    Inline(Vec<u8>),
    /// So many, in a file that need not be copied.
    InFile(Memory, usize),
}

impl Received {
    /// Undoes [`prepare`].
    fn new(message: Message) -> io::Result<Received> {
        let Message { bytes, mut descriptors } = message;
        if bytes.first() == Some(&INLINE) {
            return Ok(Received { bytes: Bytes::Inline(bytes), descriptors });
        }
        if descriptors.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "what came is no message"));
        }
        let file = descriptors.remove(0);
        let length = file.as_file().metadata()?.len() as usize;
        let memory = Memory::open(file, length)?;
        Ok(Received { bytes: Bytes::InFile(memory, length), descriptors })
    }

    /// The value in it.
    pub(crate) fn read<T: DeserializeOwned + 'static>(self) -> Result<T, CodecError> {
        let bytes = match &self.bytes {
            Bytes::Inline(bytes) => &bytes[1..],
            // SAFETY: it is as long, and the sender does not write to it any more.
            Bytes::InFile(memory, length) => unsafe { std::slice::from_raw_parts(memory.address(), *length) },
        };
        Answer::read(bytes.to_vec(), self.descriptors)
    }
}

/// Calls `attempt` until it does not have to wait.
fn wait_for<T>(
    socket: BorrowedFd<'_>,
    event: libc::c_short,
    timeout: Option<Duration>,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Result<io::Result<T>, TaskError> {
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => return Ok(other),
        }
        if is_interrupted() {
            return Err(TaskError::Interrupted);
        }
        let left = deadline.map_or(SLICE, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err(TaskError::TimedOut);
        }
        is_ready(socket, event, left.min(SLICE));
    }
}

fn is_ready(socket: BorrowedFd<'_>, event: libc::c_short, limit: Duration) -> bool {
    let mut polled = libc::pollfd { fd: socket.as_raw_fd(), events: event, revents: 0 };
    // Rounded up, so that the rest of a time-out is not spent by asking again and again.
    let milliseconds = limit.as_micros().div_ceil(1000) as libc::c_int;
    // SAFETY: one descriptor is there, as the count says.
    unsafe { libc::poll(&mut polled, 1, milliseconds) > 0 }
}

fn would_block() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

/// Sends a message as it is, if there is room for it.
pub(crate) fn try_send(socket: BorrowedFd<'_>, bytes: &[u8], files: &[Descriptor]) -> io::Result<()> {
    let sent = send_with_files(socket, bytes, files, libc::MSG_DONTWAIT).map(drop);
    sent.map_err(|error| match error.raw_os_error() {
        // Too many files are on their way, or no buffer is free: that passes.
        Some(libc::ETOOMANYREFS | libc::ENOBUFS) => would_block(),
        Some(libc::ECONNRESET | libc::ENOTCONN | libc::ECONNREFUSED) => io::ErrorKind::BrokenPipe.into(),
        _ => error,
    })
}

/// Receives a message as it is, if there is one; `None` if none can come any more.
pub(crate) fn try_receive(socket: BorrowedFd<'_>) -> io::Result<Option<Message>> {
    let mut bytes = vec![0; MAX_INLINE_BYTES + 1];
    match receive_with_files(socket, &mut bytes, libc::MSG_DONTWAIT) {
        Ok((0, _)) => Ok(None),
        Ok((count, files)) => {
            bytes.truncate(count);
            Ok(Some(Message { bytes, descriptors: files.into_iter().map(Descriptor::from).collect() }))
        }
        Err(error) => match error.raw_os_error() {
            // Reported once when the other end was closed before it had received all; its own messages are still there.
            Some(libc::ECONNRESET) if cfg!(target_os = "linux") => Err(io::ErrorKind::Interrupted.into()),
            Some(libc::ECONNRESET) => Ok(None),
            _ => Err(error),
        },
    }
}

/// The beginning of the next message, if there is one. The message stays in the socket.
pub(crate) fn peek(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> Option<usize> {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: there is room for as many bytes.
    let count =
        unsafe { libc::recv(socket.as_fd().as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), flags) };
    usize::try_from(count).ok()
}
