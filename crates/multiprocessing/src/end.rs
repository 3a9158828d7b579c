//! The sockets of pipes, of which copies of this process keep none open.
//!
//! A notebook forks a copy of its process after each cell, to go on from if the next one dies. That copy sleeps,
//! and would hold each end of a pipe open that it was born with: whoever waits for the end to be closed would wait
//! in vain. So in a copy each is replaced, under the same number, by an end whose other end is closed.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Once;

use parking_lot::Mutex;

use crate::packet;

/// One end of a pipe, in this process.
pub(crate) struct End(Option<OwnedFd>);

struct Ends {
    open: BTreeSet<RawFd>,
    /// An end whose other end is closed.
    closed: Option<OwnedFd>,
}

static ENDS: Mutex<Ends> = Mutex::new(Ends { open: BTreeSet::new(), closed: None });

impl End {
    pub(crate) fn new(socket: OwnedFd) -> End {
        watch();
        ENDS.lock().open.insert(socket.as_raw_fd());
        End(Some(socket))
    }

    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Some(socket) => socket.as_fd(),
            None => unreachable!("it is there until the drop"),
        }
    }

    pub(crate) fn try_clone(&self) -> io::Result<OwnedFd> {
        self.socket().try_clone_to_owned()
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Closed before another thread forks, or uses the number again.
        let mut ends = ENDS.lock();
        if let Some(socket) = self.0.take() {
            ends.open.remove(&socket.as_raw_fd());
        }
    }
}

fn watch() {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        ENDS.lock().closed = packet::pair().ok().map(|(end, _)| end);
        // SAFETY: the handlers only take and release a lock and duplicate descriptors, which a freshly forked
        // child may do.
        unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
    });
}

unsafe extern "C" fn before() {
    std::mem::forget(ENDS.lock());
}

unsafe extern "C" fn after_in_parent() {
    // SAFETY: `before` ran in this thread and took the lock.
    unsafe { ENDS.force_unlock() };
}

unsafe extern "C" fn after_in_child() {
    // SAFETY: `before` ran in the thread of which this one is the copy, and took the lock.
    let ends = unsafe { &*ENDS.data_ptr() };
    if let Some(closed) = &ends.closed {
        for end in &ends.open {
            // SAFETY: both are open, and the new one is closed by the same `End`.
            unsafe {
                libc::dup2(closed.as_raw_fd(), *end);
                libc::fcntl(*end, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
    // SAFETY: as above.
    unsafe { ENDS.force_unlock() };
}
