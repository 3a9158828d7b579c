//! The other end of a Unix socket, from Linux.
//!
//! `sock_diag(7)`: a question over a netlink socket names a socket by its inode, and the answer has the peer's.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `UDIAG_SHOW_PEER`
const SHOW_PEER: u32 = 4;

/// `UNIX_DIAG_PEER`
const PEER: u16 = 2;

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;

const HEADER: usize = 16;

/// The length of `struct unix_diag_msg`.
const MESSAGE: usize = 16;

/// The inode of the peer of the socket with this inode, if it has one.
///
/// # Errors
///
/// If the system does not answer such questions.
pub fn of(inode: u64) -> io::Result<Option<u64>> {
    // SAFETY: a plain call.
    let socket = unsafe {
        nix::libc::socket(
            nix::libc::AF_NETLINK,
            nix::libc::SOCK_RAW | nix::libc::SOCK_CLOEXEC,
            nix::libc::NETLINK_SOCK_DIAG,
        )
    };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was opened a moment ago, and nothing else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let question = question(inode as u32);
    let mut answer = [0; 512];
    // SAFETY: both buffers are valid for the lengths that are given.
    let length = unsafe {
        if nix::libc::send(socket.as_raw_fd(), question.as_ptr().cast(), question.len(), 0) < 0 {
            return Err(io::Error::last_os_error());
        }
        nix::libc::recv(socket.as_raw_fd(), answer.as_mut_ptr().cast(), answer.len(), 0)
    };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    peer_in(&answer[..length]).ok_or_else(|| io::Error::other("an answer that is not understood"))
}

/// A header (`struct nlmsghdr`) and `struct unix_diag_req`.
fn question(inode: u32) -> Vec<u8> {
    let any = u32::MAX;
    let request = [[nix::libc::AF_UNIX as u8, 0, 0, 0], any.to_ne_bytes(), inode.to_ne_bytes()];
    let request = [&request[..], &[SHOW_PEER, any, any].map(u32::to_ne_bytes)].concat().concat();
    let mut question = Vec::new();
    question.extend(((HEADER + request.len()) as u32).to_ne_bytes());
    question.extend(BY_FAMILY.to_ne_bytes());
    question.extend((nix::libc::NLM_F_REQUEST as u16).to_ne_bytes());
    question.extend([0; 8]);
    question.extend(request);
    question
}

/// The peer in an answer; nothing if it is an error or cut off.
fn peer_in(answer: &[u8]) -> Option<Option<u64>> {
    let short = |at: usize| Some(u16::from_ne_bytes(answer.get(at..at + 2)?.try_into().ok()?));
    if short(4)? != BY_FAMILY {
        return None;
    }
    let mut at = HEADER + MESSAGE;
    while let (Some(length), Some(kind)) = (short(at), short(at + 2)) {
        if kind == PEER {
            let inode = u32::from_ne_bytes(answer.get(at + 4..at + 8)?.try_into().ok()?);
            return Some((inode != 0).then_some(u64::from(inode)));
        }
        // Attributes begin at multiples of four.
        at += usize::from(length).max(4).next_multiple_of(4);
    }
    Some(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;
    use std::os::unix::net::UnixStream;

    fn inode(socket: &UnixStream) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino()
    }

    #[test]
    fn the_other_end_of_a_pair_is_found() {
        let (one, other) = UnixStream::pair().unwrap();
        assert_eq!(of(inode(&one)).unwrap(), Some(inode(&other)));
        assert_eq!(of(inode(&other)).unwrap(), Some(inode(&one)));
        drop(other);
        assert_eq!(of(inode(&one)).ok().flatten(), None);
    }

    #[test]
    fn an_answer_that_is_cut_off_is_no_peer() {
        for length in 0..HEADER + MESSAGE {
            assert!(peer_in(&vec![0; length]).is_none());
        }
    }
}
