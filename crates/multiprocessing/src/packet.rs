//! Messages that are sent and received as a whole, with open files.
//!
//! The socket keeps the borders of messages, so several processes may send and receive at one end at the same
//! time, and one that is killed cannot leave half a message. What is too long for the socket lies in a file in
//! memory, which is sent instead.

use std::fs::File;
use std::io::{self, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use threadbook_executor::{TaskError, is_interrupted};
use threadbook_worker::{Answer, CodecError, Descriptor, Message};

use crate::memory::{Memory, nameless_file};
use crate::monitor::SLICE;

/// What is longer goes into a file.
const MOST_BYTES: usize = if cfg!(target_os = "linux") { 32 << 10 } else { 1 << 10 };

/// A message has at most 200 open files, and perhaps the one that holds its bytes.
const MOST_FILES: usize = 201;

/// `SOCK_SEQPACKET` says when the other end is closed; where it does not exist, `SOCK_DGRAM` does.
const KIND: libc::c_int = if cfg!(target_os = "linux") { libc::SOCK_SEQPACKET } else { libc::SOCK_DGRAM };

#[cfg(target_os = "linux")]
const QUIET: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const QUIET: libc::c_int = 0;

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: libc::c_int = libc::MSG_CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: libc::c_int = 0;

/// The first byte of a message: the rest of it is there, or in its first file.
const INLINE: u8 = 0;
const IN_FILE: u8 = 1;

/// Two ends of a socket.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: there is room for two descriptors.
    if unsafe { libc::socketpair(libc::AF_UNIX, KIND, 0, ends.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system has just made both for us.
    let ends = ends.map(|end| unsafe { OwnedFd::from_raw_fd(end) });
    for end in &ends {
        // SAFETY: the descriptor is open.
        unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    let [first, second] = ends;
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

/// Waits until a message can be sent, and sends it. [`io::ErrorKind::BrokenPipe`] if nobody can receive it.
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
    if bytes.len() <= MOST_BYTES {
        return Ok(Message { bytes: [&[INLINE], &bytes[..]].concat(), descriptors });
    }
    let mut file = nameless_file()?;
    file.write_all(&bytes)?;
    descriptors.insert(0, file.into());
    Ok(Message { bytes: vec![IN_FILE], descriptors })
}

/// A message that came.
pub(crate) struct Received {
    bytes: Bytes,
    descriptors: Vec<OwnedFd>,
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
        let file = File::from(descriptors.remove(0));
        let length = file.metadata()?.len() as usize;
        let memory = Memory::open(Descriptor::from(OwnedFd::from(file)), length)?;
        Ok(Received { bytes: Bytes::InFile(memory, length), descriptors })
    }

    /// The value in it.
    pub(crate) fn read<T: DeserializeOwned + 'static>(self) -> Result<T, CodecError> {
        let bytes = match &self.bytes {
            Bytes::Inline(bytes) => &bytes[1..],
            // SAFETY: it is as long, and whoever has sent it does not write to it any more.
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
    // SAFETY: one descriptor is there, as is said.
    unsafe { libc::poll(&mut polled, 1, milliseconds) > 0 }
}

fn would_block() -> io::Error {
    io::ErrorKind::WouldBlock.into()
}

/// Room for the descriptors of a message, aligned as the system wants it.
fn control() -> Vec<u64> {
    // SAFETY: this only computes.
    let size = unsafe { libc::CMSG_SPACE((MOST_FILES * size_of::<i32>()) as u32) } as usize;
    vec![0; size.div_ceil(size_of::<u64>())]
}

/// Sends a message as it is, if there is room for it.
pub(crate) fn try_send(socket: BorrowedFd<'_>, bytes: &[u8], files: &[OwnedFd]) -> io::Result<()> {
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = control();
    // SAFETY: all fields may be zero.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    if !files.is_empty() {
        if files.len() > MOST_FILES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many open files in one message"));
        }
        let size = size_of_val(files) as u32;
        header.msg_control = control.as_mut_ptr().cast();
        // SAFETY: there is room for the header and for as many descriptors.
        unsafe {
            header.msg_controllen = libc::CMSG_SPACE(size) as _;
            let first = libc::CMSG_FIRSTHDR(&header);
            (*first).cmsg_level = libc::SOL_SOCKET;
            (*first).cmsg_type = libc::SCM_RIGHTS;
            (*first).cmsg_len = libc::CMSG_LEN(size) as _;
            let data = libc::CMSG_DATA(first).cast::<i32>();
            for (index, file) in files.iter().enumerate() {
                data.add(index).write_unaligned(file.as_raw_fd());
            }
        }
    }
    // SAFETY: everything that the header points to is there.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, QUIET | libc::MSG_DONTWAIT) };
    if sent >= 0 {
        return Ok(());
    }
    let error = io::Error::last_os_error();
    Err(match error.raw_os_error() {
        // Too many files are on their way, or no buffer is free: that passes.
        Some(libc::ETOOMANYREFS | libc::ENOBUFS) => would_block(),
        Some(libc::ECONNRESET | libc::ENOTCONN | libc::ECONNREFUSED) => io::ErrorKind::BrokenPipe.into(),
        _ => error,
    })
}

/// Receives a message as it is, if there is one; `None` if none can come any more.
pub(crate) fn try_receive(socket: BorrowedFd<'_>) -> io::Result<Option<Message>> {
    let mut bytes = vec![0; MOST_BYTES + 1];
    let mut control = control();
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all fields may be zero.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control[..]) as _;
    let flags = CLOSE_ON_EXEC | libc::MSG_DONTWAIT;
    // SAFETY: everything that the header points to is there.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, flags) };
    if count < 0 {
        let error = io::Error::last_os_error();
        return match error.raw_os_error() {
            // Said once when the other end was closed before it had received all; what it has sent is there.
            Some(libc::ECONNRESET) if cfg!(target_os = "linux") => Err(io::ErrorKind::Interrupted.into()),
            Some(libc::ECONNRESET) => Ok(None),
            _ => Err(error),
        };
    }
    let descriptors = descriptors_of(&header)?;
    if count == 0 {
        return Ok(None);
    }
    bytes.truncate(count as usize);
    Ok(Some(Message { bytes, descriptors }))
}

/// The descriptors that came with a message.
fn descriptors_of(header: &libc::msghdr) -> io::Result<Vec<OwnedFd>> {
    let mut descriptors = Vec::new();
    // SAFETY: the system has written these structures, and made the descriptors for us.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while !next.is_null() {
            if (*next).cmsg_level == libc::SOL_SOCKET && (*next).cmsg_type == libc::SCM_RIGHTS {
                let size = (*next).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(next).cast::<i32>();
                for index in 0..size / size_of::<i32>() {
                    let descriptor = OwnedFd::from_raw_fd(data.add(index).read_unaligned());
                    if CLOSE_ON_EXEC == 0 {
                        libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC);
                    }
                    descriptors.push(descriptor);
                }
            }
            next = libc::CMSG_NXTHDR(header, next);
        }
    }
    if header.msg_flags & libc::MSG_CTRUNC != 0 {
        return Err(io::Error::other(
            "the process has as many open files as it may have, so some that came are lost",
        ));
    }
    Ok(descriptors)
}

/// What the next message begins with, if there is one. It stays where it is.
pub(crate) fn peek(socket: BorrowedFd<'_>, bytes: &mut [u8]) -> Option<usize> {
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: there is room for as many bytes.
    let count =
        unsafe { libc::recv(socket.as_fd().as_raw_fd(), bytes.as_mut_ptr().cast(), bytes.len(), flags) };
    usize::try_from(count).ok()
}
