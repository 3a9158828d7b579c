//! A single child process and its system calls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use crate::usage::Usage;

/// A child of this process.
pub(crate) struct Process {
    pid: libc::pid_t,
    /// A pidfd, which becomes readable when the process ends. `None` on systems without one.
    end: Option<OwnedFd>,
}

/// The exit of a process.
#[derive(Clone, Copy)]
pub(crate) struct Ended {
    /// The exit code; -N if it was ended by signal N.
    pub(crate) returncode: i32,
    pub(crate) usage: Usage,
}

/// The result of a non-blocking wait.
pub(crate) enum Look {
    Runs,
    Ended(Ended),
    /// It is no longer a child of this process: another waiter has reaped it.
    Gone,
}

impl Process {
    /// `pid` must be an unreaped child.
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

    /// The descriptor that becomes readable when it ends, if there is one.
    pub(crate) fn end(&self) -> Option<BorrowedFd<'_>> {
        self.end.as_ref().map(AsFd::as_fd)
    }

    /// Takes its exit code and usage, if it has ended. After that, another process can reuse its id.
    pub(crate) fn reap(&self) -> Look {
        reap(self.pid)
    }

    /// Whether it has ended, or is gone. Does not reap it, so its id remains its own.
    pub(crate) fn is_over(&self) -> bool {
        let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        // SAFETY: the system writes a `siginfo_t` to this memory, which has the size of one; with WNOHANG it
        // may leave the zeros, which are a valid one.
        let (result, info) = unsafe {
            let result = libc::waitid(libc::P_PID, self.pid as libc::id_t, info.as_mut_ptr(), options);
            (result, info.assume_init())
        };
        // `si_signo` is zero if it still runs; the call fails if it is no child.
        result != 0 || info.si_signo == libc::SIGCHLD
    }
}

/// Reaps the child `pid` without blocking, and takes its exit code and usage if it has ended.
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
    // SAFETY: the call has returned a new descriptor, which has no other owner. (It is close-on-exec.)
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as libc::c_int) })
}

#[cfg(not(target_os = "linux"))]
fn pidfd(_pid: libc::pid_t) -> Option<OwnedFd> {
    None
}

#[cfg(test)]
thread_local! {
    /// Simulates a system without a descriptor for the end of a process.
    pub(crate) static NOTHING_TELLS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// The polling interval for a process without such a descriptor: short at first, as most processes are.
pub(crate) struct Pause(Duration);

impl Pause {
    const MAX: Duration = Duration::from_millis(20);

    pub(crate) fn new() -> Pause {
        Pause(Duration::from_millis(1))
    }

    pub(crate) fn next(&mut self) -> Duration {
        let longer = (2 * self.0).min(Pause::MAX);
        std::mem::replace(&mut self.0, longer)
    }
}
