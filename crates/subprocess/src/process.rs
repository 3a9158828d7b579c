//! One child process, as the system knows it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::usage::Usage;

/// A child of this process.
pub(crate) struct Process {
    pid: libc::pid_t,
    /// Becomes readable when the process ends. None where the system has no such thing.
    end: Option<OwnedFd>,
}

/// How a process ended.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    /// The exit code; -N if it was ended by signal N.
    pub(crate) returncode: i32,
    pub(crate) usage: Usage,
}

/// What a look at a process has brought.
pub(crate) enum Look {
    Runs,
    Ended(Ended),
    /// It is no child of this process any more: somebody else has waited for it.
    Gone,
}

impl Process {
    /// `pid` must be a child that nobody has waited for.
    pub(crate) fn new(pid: u32) -> Process {
        let pid = pid as libc::pid_t;
        #[cfg(test)]
        if NOTHING_TELLS.get() {
            return Process { pid, end: None };
        }
        Process { pid, end: pidfd(pid) }
    }

    pub(crate) fn pid(&self) -> libc::pid_t {
        self.pid
    }

    /// What becomes readable when it ends, if there is such a thing.
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        self.end.as_ref().map(AsFd::as_fd)
    }

    /// Takes its exit code and usage, if it has ended. After that its number may become another process's.
    pub(crate) fn reap(&self) -> Look {
        reap(self.pid)
    }

    /// Whether it has ended, or is gone. Its number remains its own.
    pub(crate) fn is_over(&self) -> bool {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the system writes a `siginfo_t` to this place, which has the room of one; with WNOHANG it
        // may leave the zeros, which are a valid one.
        let (result, info) = unsafe {
            let result = libc::waitid(libc::P_PID, self.pid as libc::id_t, info.as_mut_ptr(), options);
            (result, info.assume_init())
        };
        // Zero if there is nothing to say; an error if it is no child.
        result != 0 || info.si_signo == libc::SIGCHLD
    }
}

/// Looks at the child `pid` without waiting, and takes its exit code and usage if it has ended.
pub(crate) fn reap(pid: libc::pid_t) -> Look {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::zeroed();
    // SAFETY: the system writes an `int` and a `rusage` to these places; zeros are a valid `rusage`.
    let (result, usage) = unsafe {
        let result = libc::wait4(pid, &raw mut status, libc::WNOHANG, usage.as_mut_ptr());
        (result, usage.assume_init())
    };
    if result == pid {
        Look::Ended(Ended { returncode: returncode(status), usage: Usage::of(&usage) })
    } else if result == 0 || io::Error::last_os_error().kind() == io::ErrorKind::Interrupted {
        Look::Runs
    } else {
        Look::Gone
    }
}

fn returncode(status: libc::c_int) -> i32 {
    if libc::WIFSIGNALED(status) { -libc::WTERMSIG(status) } else { libc::WEXITSTATUS(status) }
}

#[cfg(target_os = "linux")]
fn pidfd(pid: libc::pid_t) -> Option<OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: a plain system call with two integers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    // SAFETY: it has returned a new descriptor, which is nobody else's. (It closes on exec by itself.)
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_pid: libc::pid_t) -> Option<OwnedFd> {
    None
}

#[cfg(test)]
thread_local! {
    /// Tests as on a system where nothing tells the end of a process.
    pub(crate) static NOTHING_TELLS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The time between two looks at a process whose end nothing tells: short at first, as most are.
pub(crate) struct Pause(Duration);

impl Pause {
    const LONGEST: Duration = Duration::from_millis(20);

    pub(crate) fn new() -> Pause {
        Pause(Duration::from_millis(1))
    }

    pub(crate) fn next(&mut self) -> Duration {
        let longer = (2 * self.0).min(Pause::LONGEST);
        std::mem::replace(&mut self.0, longer)
    }
}
