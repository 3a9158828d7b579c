//! The descriptors of a checkpoint.
//!
//! A copy of a process has the descriptors of its original. If it kept them while it sleeps, a pipe, connection,
//! listener, terminal or file lock would stay open after a later cell closes it: the other side would wait in vain. So a
//! checkpoint releases them, and keeps their numbers. If it is woken, they read as closed.
//!
//! *Invariant:* a pipe or socket pair with both ends in the process stays connected: in the copy, it is another one.

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, getsockopt, socketpair, sockopt};
use nix::sys::stat::{FileStat, SFlag, fstat, major};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::mem::ManuallyDrop;
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;

use crate::unix_peer;

/// The device numbers of terminals: `/dev/tty` and `/dev/ptmx`, then those of pseudo-terminals.
const TERMINALS: [std::ops::RangeInclusive<u64>; 2] = [5..=5, 136..=143];

/// The numbers of each pipe or socket, by inode.
type Groups = BTreeMap<u64, Vec<RawFd>>;

/// Replaces all descriptors of this process whose end others can see, except those that refer to the same file as one of
/// `kept`. Returns the parts that a user would miss, in words.
///
/// The process has one thread.
pub fn release(kept: &[BorrowedFd]) -> io::Result<Vec<String>> {
    let identity = |status: &FileStat| (status.st_dev, status.st_ino);
    let kept: BTreeSet<_> = kept.iter().filter_map(|fd| Some(identity(&fstat(fd).ok()?))).collect();
    let (mut pipes, mut sockets, mut lost) = (Groups::new(), Groups::new(), Lost::default());
    for number in open_descriptors()? {
        // SAFETY: it is open, as the process has one thread, and stays so until the end of this turn.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let Ok(status) = fstat(descriptor) else { continue };
        if kept.contains(&identity(&status)) {
            continue;
        }
        match SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFIFO => pipes.entry(status.st_ino).or_default().push(number),
            SFlag::S_IFSOCK => sockets.entry(status.st_ino).or_default().push(number),
            SFlag::S_IFCHR if TERMINALS.iter().any(|range| range.contains(&major(status.st_rdev))) => {
                lost.terminals += 1;
                replace(number, UnixEnd::closed(SockType::Stream)?.as_fd())?;
            }
            SFlag::S_IFREG if is_locked(number) => {
                lost.locks.push(path(number));
                let unlocked = open_again(number).map_or_else(|_| UnixEnd::closed(SockType::Stream), Ok)?;
                replace(number, unlocked.as_fd())?;
            }
            _ => {}
        }
    }
    pipes.values().try_for_each(|numbers| release_pipe(numbers, &mut lost))?;
    release_sockets(&sockets, &mut lost)?;
    Ok(lost.in_words())
}

/// The numbers of the open descriptors.
fn open_descriptors() -> io::Result<Vec<RawFd>> {
    let names = fs::read_dir("/proc/self/fd")?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // Collected first: the directory is a descriptor, too, which is closed by then.
    let numbers: Vec<RawFd> = names.filter_map(|name| name.parse().ok()).collect();
    Ok(numbers)
}

/// Puts `other` under a number, with the flags of the old descriptor.
fn replace(number: RawFd, other: BorrowedFd) -> io::Result<()> {
    // SAFETY: the number is that of an open descriptor, whose owner finds an open descriptor there again.
    let old = unsafe { BorrowedFd::borrow_raw(number) };
    let status = OFlag::from_bits_retain(fcntl(old, FcntlArg::F_GETFL)?);
    let flags = FdFlag::from_bits_retain(fcntl(old, FcntlArg::F_GETFD)?);
    let cloexec = if flags.contains(FdFlag::FD_CLOEXEC) { nix::libc::O_CLOEXEC } else { 0 };
    // SAFETY: both numbers are those of open descriptors.
    if unsafe { nix::libc::dup3(other.as_raw_fd(), number, cloexec) } < 0 {
        return Err(io::Error::last_os_error());
    }
    let shared = OFlag::from_bits_retain(fcntl(other, FcntlArg::F_GETFL)?);
    fcntl(other, FcntlArg::F_SETFL((shared - OFlag::O_NONBLOCK) | (status & OFlag::O_NONBLOCK)))?;
    Ok(())
}

/// Whether a file has a lock that belongs to the descriptor: `flock`, an open file description's, or a lease.
fn is_locked(number: RawFd) -> bool {
    fs::read_to_string(format!("/proc/self/fdinfo/{number}"))
        .is_ok_and(|info| info.lines().any(|line| line.starts_with("lock:")))
}

/// The file of a descriptor, opened again, which leaves the lock behind.
fn open_again(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the number is that of an open descriptor.
    let old = unsafe { BorrowedFd::borrow_raw(number) };
    let status = OFlag::from_bits_retain(fcntl(old, FcntlArg::F_GETFL)?);
    let access = status & OFlag::O_ACCMODE;
    let file = OpenOptions::new()
        .read(access != OFlag::O_WRONLY)
        .write(access != OFlag::O_RDONLY)
        // A file that another process has a lease on would block.
        .custom_flags((status & OFlag::O_APPEND).bits() | nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{number}"))?;
    let mut old = File::from(old.try_clone_to_owned()?);
    io::Seek::seek(&mut &file, io::SeekFrom::Start(io::Seek::stream_position(&mut old)?))?;
    Ok(file.into())
}

fn path(number: RawFd) -> String {
    fs::read_link(format!("/proc/self/fd/{number}"))
        .map_or_else(|_| "a file".into(), |path| path.display().to_string())
}

/// Replaces the numbers of one pipe: by another pipe if both of its ends are in this process.
fn release_pipe(numbers: &[RawFd], lost: &mut Lost) -> io::Result<()> {
    let (reader, writer) = io::pipe()?;
    let access = |number: RawFd| -> io::Result<OFlag> {
        // SAFETY: the number is that of an open descriptor.
        let status = fcntl(unsafe { BorrowedFd::borrow_raw(number) }, FcntlArg::F_GETFL)?;
        Ok(OFlag::from_bits_retain(status) & OFlag::O_ACCMODE)
    };
    let mut is_read = false;
    for &number in numbers {
        is_read |= access(number)? == OFlag::O_RDONLY;
    }
    let mut is_written = false;
    for &number in numbers {
        is_written |= access(number)? == OFlag::O_WRONLY;
        match access(number)? == OFlag::O_RDONLY {
            true => replace(number, reader.as_fd())?,
            false => replace(number, writer.as_fd())?,
        }
    }
    // The ends here are closed on return: a pipe with one end in this process is at its end then.
    lost.pipes += usize::from(is_read != is_written);
    Ok(())
}

/// Replaces sockets: pairs with both ends in this process by other pairs, all others by one that is closed.
fn release_sockets(sockets: &Groups, lost: &mut Lost) -> io::Result<()> {
    let mut done = BTreeSet::new();
    for (&inode, numbers) in sockets {
        if !done.insert(inode) {
            continue;
        }
        // SAFETY: the number is that of an open descriptor.
        let socket = unsafe { BorrowedFd::borrow_raw(numbers[0]) };
        let kind = getsockopt(&socket, sockopt::SockType).unwrap_or(SockType::Stream);
        let peer = if is_unix(socket) { unix_peer::of(inode) } else { Ok(None) };
        let other_numbers = peer.as_ref().ok().copied().flatten().and_then(|peer| sockets.get(&peer));
        match (peer.as_ref(), other_numbers) {
            // The system gives no answer.
            (Err(_), _) => {}
            (Ok(&Some(peer)), Some(others)) => {
                done.insert(peer);
                let pair = UnixEnd::pair(kind)?;
                numbers.iter().try_for_each(|&number| replace(number, pair.0.as_fd()))?;
                others.iter().try_for_each(|&number| replace(number, pair.1.as_fd()))?;
            }
            _ => {
                lost.sockets.extend(described(socket));
                let closed = UnixEnd::closed(kind)?;
                numbers.iter().try_for_each(|&number| replace(number, closed.as_fd()))?;
            }
        }
    }
    Ok(())
}

/// A socket in words. `None` for a socket without an address, as of our own workers.
fn described(socket: BorrowedFd) -> Option<String> {
    let (own, peer) = addresses(socket);
    if getsockopt(&socket, sockopt::AcceptConn).unwrap_or(false) {
        return Some(format!("the listener on {}", own?));
    }
    peer.map(|peer| format!("the connection to {peer}")).or_else(|| Some(format!("the socket on {}", own?)))
}

/// The socket's own address and that of its peer, as far as they have one.
fn addresses(socket: BorrowedFd) -> (Option<String>, Option<String>) {
    // These only ask for the addresses, whatever kind of socket it is, and leave it open.
    // SAFETY: the descriptor is open, and not closed by these, which are never dropped.
    let (ip, unix) = unsafe {
        (
            ManuallyDrop::new(TcpStream::from_raw_fd(socket.as_raw_fd())),
            ManuallyDrop::new(UnixStream::from_raw_fd(socket.as_raw_fd())),
        )
    };
    let path = |address: unix::net::SocketAddr| Some(address.as_pathname()?.display().to_string());
    let own = ip.local_addr().map(|it| it.to_string()).ok();
    let peer = ip.peer_addr().map(|it| it.to_string()).ok();
    (
        own.or_else(|| unix.local_addr().ok().and_then(path)),
        peer.or_else(|| unix.peer_addr().ok().and_then(path)),
    )
}

fn is_unix(socket: BorrowedFd) -> bool {
    // SAFETY: as in `addresses`.
    let socket = unsafe { ManuallyDrop::new(UnixStream::from_raw_fd(socket.as_raw_fd())) };
    socket.local_addr().is_ok()
}

/// Ends of pairs of Unix sockets.
struct UnixEnd;

impl UnixEnd {
    fn pair(kind: SockType) -> io::Result<(OwnedFd, OwnedFd)> {
        let kind = if kind == SockType::Raw { SockType::Datagram } else { kind };
        Ok(socketpair(AddressFamily::Unix, kind, None, SockFlag::SOCK_CLOEXEC)?)
    }

    /// An end whose other end is closed.
    fn closed(kind: SockType) -> io::Result<OwnedFd> {
        // A datagram socket without a peer would block.
        let kind = if kind == SockType::SeqPacket { kind } else { SockType::Stream };
        Ok(UnixEnd::pair(kind)?.0)
    }
}

/// The parts of a process that its checkpoint lacks.
#[derive(Default)]
struct Lost {
    pipes: usize,
    terminals: usize,
    sockets: Vec<String>,
    locks: Vec<String>,
}

impl Lost {
    fn in_words(self) -> Vec<String> {
        let count = |number: usize, name: &str| match number {
            0 => None,
            1 => Some(format!("a {name}")),
            number => Some(format!("{number} {name}s")),
        };
        let mut words = self.sockets;
        words.extend(self.locks.into_iter().map(|path| format!("the lock on {path}")));
        words.extend(count(self.pipes, "pipe"));
        words.extend(count(self.terminals, "terminal"));
        words
    }
}
