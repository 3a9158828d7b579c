//! Bytes and open files over a Unix socket, in one message.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::descriptors::MAX_DESCRIPTORS;

/// A value has at most [`MAX_DESCRIPTORS`] open files, and perhaps one that holds its bytes.
const MAX_FILES: usize = MAX_DESCRIPTORS + 1;

/// Room for so many descriptors and their header, aligned for the system.
const CONTROL: usize = 128;

#[cfg(target_os = "linux")]
const QUIET: libc::c_int = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const QUIET: libc::c_int = 0;

#[cfg(target_os = "linux")]
const CLOSE_ON_EXEC: libc::c_int = libc::MSG_CMSG_CLOEXEC;
#[cfg(not(target_os = "linux"))]
const CLOSE_ON_EXEC: libc::c_int = 0;

/// Sends bytes, as many as there is room for, and files with the first of them. Says how many bytes it sent.
///
/// `flags` are those of `man 2 sendmsg`. A closed socket is an error and no signal.
///
/// # Errors
///
/// The error of the system, and [`io::ErrorKind::InvalidInput`] for more than 201 files.
pub fn send_with_files(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    files: &[impl AsFd],
    flags: i32,
) -> io::Result<usize> {
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = [0_u64; CONTROL];
    // SAFETY: all fields may be zero.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    if !files.is_empty() {
        if files.len() > MAX_FILES {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many open files in one message"));
        }
        let size = (files.len() * size_of::<i32>()) as u32;
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
                data.add(index).write_unaligned(file.as_fd().as_raw_fd());
            }
        }
    }
    // SAFETY: everything that the header points to is there.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &header, QUIET | flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Receives bytes, and the files that came with them; programs that are started get none of those. No byte
/// means that the other end is closed.
///
/// `flags` are those of `man 2 recvmsg`.
///
/// # Errors
///
/// The error of the system, and an error if files are lost because the process has as many as it may have.
pub fn receive_with_files(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    flags: i32,
) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut control = [0_u64; CONTROL];
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    // SAFETY: all fields may be zero.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = &mut part;
    header.msg_iovlen = 1;
    header.msg_control = control.as_mut_ptr().cast();
    header.msg_controllen = size_of_val(&control) as _;
    // SAFETY: everything that the header points to is there.
    let count = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut header, CLOSE_ON_EXEC | flags) };
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    Ok((count, files_of(&header)?))
}

/// The files that came with a message.
fn files_of(header: &libc::msghdr) -> io::Result<Vec<OwnedFd>> {
    let mut files = Vec::new();
    // SAFETY: the system has written these structures, and made the descriptors for us.
    unsafe {
        let mut next = libc::CMSG_FIRSTHDR(header);
        while !next.is_null() {
            if (*next).cmsg_level == libc::SOL_SOCKET && (*next).cmsg_type == libc::SCM_RIGHTS {
                let size = (*next).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(next).cast::<i32>();
                for index in 0..size / size_of::<i32>() {
                    let file = OwnedFd::from_raw_fd(data.add(index).read_unaligned());
                    if CLOSE_ON_EXEC == 0 {
                        libc::fcntl(file.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC);
                    }
                    files.push(file);
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
    Ok(files)
}
