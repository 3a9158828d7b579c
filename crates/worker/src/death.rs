//! Ends of worker processes: waiting for them, and their description.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// The time within which a process ends after its socket was closed.
pub(crate) const DEATH_TIMEOUT: Duration = Duration::from_secs(2);

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Death {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended because it sent an invalid message.
    Garbage,
    /// It was ended because it had closed its socket and lived on.
    Closed,
    /// The exit status was lost.
    Unknown,
}

impl Death {
    pub(crate) fn from_status(status: ExitStatus) -> Death {
        match (status.code(), status.signal()) {
            (Some(code), _) => Death::Exit(code),
            (_, Some(signal)) => Death::Signal(signal),
            _ => Death::Unknown,
        }
    }

    /// The exit code in the form of Python: `-9` for signal 9.
    pub fn exitcode(&self) -> Option<i32> {
        match self {
            Death::Exit(code) => Some(*code),
            Death::Signal(signal) => Some(-signal),
            Death::Garbage | Death::Closed | Death::Unknown => None,
        }
    }
}

impl std::error::Error for Death {}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Exit(code) => write!(f, "exited with code {code}"),
            Death::Signal(signal) => match signal_name(*signal) {
                Some(name) => write!(f, "was ended by {name} (signal {signal})"),
                None => write!(f, "was ended by signal {signal}"),
            },
            Death::Garbage => f.write_str("sent something that is no answer and was ended"),
            Death::Closed => f.write_str("closed its connection to this process and was ended"),
            Death::Unknown => f.write_str("is gone, and nobody knows how it ended"),
        }
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGHUP => "SIGHUP",
        libc::SIGILL => "SIGILL",
        libc::SIGINT => "SIGINT",
        libc::SIGKILL => "SIGKILL",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGTERM => "SIGTERM",
        libc::SIGTRAP => "SIGTRAP",
        _ => return None,
    })
}

/// Calls `poll` until it returns a value or the time is over.
pub(crate) fn poll_within<T>(limit: Duration, mut poll: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    let mut pause = Duration::from_micros(50);
    loop {
        if let Some(found) = poll() {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(10));
    }
}
