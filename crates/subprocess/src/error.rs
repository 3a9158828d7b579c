//! Errors of running a command.

use std::fmt;
use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;

/// Errors of running a command.
///
/// Its `{:?}` is the same text as its `{}`: a notebook shows it for a cell that ends with `?`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SubprocessError {
    /// There is no such program, or no such directory to run it in.
    #[error("{reason}")]
    NotFound {
        /// The program, as the caller named it.
        program: String,
        /// The missing file or directory, and the remedy.
        reason: String,
    },
    /// The file exists, but cannot be executed.
    #[error("`{program}` cannot be run: {reason}")]
    NotExecutable {
        /// The program, as the caller named it.
        program: String,
        /// The obstacle, and the remedy.
        reason: String,
    },
    /// The command is invalid.
    #[error("{reason}")]
    Invalid {
        /// The fault, and the remedy.
        reason: String,
    },
    /// It ended with an exit code other than 0. From [`check_call`](crate::check_call),
    /// [`check_output`](crate::check_output) and
    /// [`CompletedProcess::check_returncode`](crate::CompletedProcess::check_returncode).
    #[error("`{command}` {}{}", how_it_ended(*.status), last_words(.stderr))]
    NonZero {
        /// The command as it is typed in a shell.
        command: String,
        /// The exit code; -N if it was ended by signal N.
        status: i32,
        /// The captured standard output.
        stdout: Vec<u8>,
        /// The captured standard error.
        stderr: Vec<u8>,
    },
    /// It did not end in time.
    #[error("`{command}` did not end within {limit:?}{}", if *.ended { ", so it was ended" } else { "; it goes on" })]
    TimedOut {
        /// The command as it is typed in a shell.
        command: String,
        /// The time-out.
        limit: Duration,
        /// Whether it was ended, with all processes that it had started. Otherwise it goes on running.
        ended: bool,
        /// The standard output that was captured so far.
        stdout: Vec<u8>,
        /// The standard error that was captured so far.
        stderr: Vec<u8>,
    },
    /// The wait was interrupted. The command was ended, with all processes that it had started.
    #[error("interrupted; the command was ended")]
    Interrupted,
    /// The output is not text.
    #[error(
        "the output of `{command}` is not UTF-8: the byte {at} is 0x{:02x}; take it with `check_output_bytes`",
        .stdout.get(*.at).copied().unwrap_or_default()
    )]
    NotUtf8 {
        /// The command as it is typed in a shell.
        command: String,
        /// The offset of the first invalid byte.
        at: usize,
        /// The output.
        stdout: Vec<u8>,
    },
    /// Its exit code is lost: another waiter has received it.
    #[error(
        "the exit code of `{command}` (process {pid}) is lost: it was started before this process was restored, \
         or another part of the program waited for it or ignores SIGCHLD"
    )]
    Lost {
        /// The command as it is typed in a shell.
        command: String,
        /// Its process id.
        pid: u32,
    },
    /// The system refused something: to start a process, to read, to write.
    #[error("`{command}`: {source}")]
    System {
        /// The command as it is typed in a shell.
        command: String,
        /// The system's error.
        source: io::Error,
    },
}

impl SubprocessError {
    pub(crate) fn invalid(reason: impl Into<String>) -> SubprocessError {
        SubprocessError::Invalid { reason: reason.into() }
    }
}

impl fmt::Debug for SubprocessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An exit code in words.
pub(crate) fn how_it_ended(returncode: i32) -> String {
    if returncode >= 0 {
        return format!("ended with exit code {returncode}");
    }
    let number = returncode.unsigned_abs();
    match Signal::try_from(returncode.wrapping_neg()) {
        Ok(signal) => format!("was ended by {signal} (signal {number})"),
        Err(_) => format!("was ended by signal {number}"),
    }
}

/// The last line of its standard error, if any: mostly the reason of the failure.
fn last_words(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    match text.trim_end().lines().next_back() {
        Some(line) => format!(": {}", line.trim()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn non_zero(status: i32, stderr: &str) -> String {
        let (command, stderr) = ("fake cmd".into(), stderr.into());
        SubprocessError::NonZero { command, status, stdout: vec![], stderr }.to_string()
    }

    #[test]
    #[expect(non_snake_case)]
    fn test_CalledProcessError_str_signal() {
        assert_eq!(non_zero(-libc::SIGABRT, ""), "`fake cmd` was ended by SIGABRT (signal 6)");
    }

    #[test]
    #[expect(non_snake_case)]
    fn test_CalledProcessError_str_unknown_signal() {
        assert_eq!(non_zero(-9876543, ""), "`fake cmd` was ended by signal 9876543");
        assert!(non_zero(i32::MIN, "").contains("2147483648"));
    }

    #[test]
    #[expect(non_snake_case)]
    fn test_CalledProcessError_str_non_zero() {
        assert_eq!(non_zero(2, ""), "`fake cmd` ended with exit code 2");
        assert_eq!(non_zero(2, "a\n b \n\n"), "`fake cmd` ended with exit code 2: b");
    }

    #[test]
    fn a_question_mark_shows_a_sentence() {
        let error = SubprocessError::NotUtf8 { command: "cat".into(), at: 1, stdout: vec![b'a', 0xff] };
        assert!(format!("{error:?}").contains("the byte 1 is 0xff"), "{error:?}");
    }
}
