//! A checkpoint is a copy of the cell process, forked after each cell, that only sleeps.
//!
//! When the cell process dies, the supervisor wakes the checkpoint, which goes on in its place with every
//! variable as it was after the cell before. Only one thread exists in a forked copy: the owners of threads
//! start them again, or report that they are lost (see `threadbook_restored` in the companion).
//!
//! All copies hold one end of the same socket pair, the *alarm*, and the supervisor holds the other. It wakes a copy by
//! writing its process id. A copy that reads another id was left over, and exits. All copies exit with the supervisor.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// The environment variable that switches checkpoints off if it is `0`. The variables are lost with the cell process then.
const VARIABLE: &str = "THREADBOOK_CHECKPOINT";

/// Whether to take checkpoints. The supervisor can only wait for a grandchild on Linux, where orphans become its children.
pub fn is_wanted() -> bool {
    cfg!(target_os = "linux") && std::env::var_os(VARIABLE).is_none_or(|value| value != "0")
}

/// Wakes the checkpoint `pid`.
pub fn wake(alarm: &mut UnixStream, pid: Pid) -> io::Result<()> {
    alarm.write_all(&pid.as_raw().to_le_bytes())
}

/// Sleeps until the supervisor wakes this process. The process exits if another one is woken.
pub fn sleep(alarm: &UnixStream) {
    let own = Pid::this().as_raw().to_le_bytes();
    let mut called = [0; 4];
    let look = |called: &mut [u8; 4], how: MsgFlags| loop {
        match recv(alarm.as_raw_fd(), called, how | MsgFlags::MSG_WAITALL) {
            Err(Errno::EINTR) => {}
            other => break other,
        }
    };
    if look(&mut called, MsgFlags::MSG_PEEK) == Ok(4) && called == own {
        let _ = look(&mut called, MsgFlags::empty());
        return;
    }
    // SAFETY: a copy must not run what its original has registered for its own end.
    unsafe { nix::libc::_exit(0) }
}

/// Ends a checkpoint that is no longer needed. Its parent [reaps](is_reaped) it.
pub fn end(pid: Pid) {
    let _ = kill(pid, Signal::SIGKILL);
}

/// Reaps `pid`, a child that has been ended, if it is dead by now. Returns whether it is.
pub fn is_reaped(pid: Pid) -> bool {
    !matches!(waitpid(pid, Some(WaitPidFlag::WNOHANG)), Ok(nix::sys::wait::WaitStatus::StillAlive))
}
