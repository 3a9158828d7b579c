//! Why a command did not do what it was run for.

use std::fmt;
use std::io;
use std::time::Duration;

use nix::sys::signal::Signal;

/// Why a command did not do what it was run for.
///
/// Its `{:?}` is the same text as its `{}`, which is what a notebook shows of a cell that ends with `?`.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum SubprocessError {
    /// There is no such program, or no such directory to run it in.
    #[error("{reason}")]
    NotFound {
        /// The program as it was named.
        program: String,
        /// What is missing, and what to do.
        reason: String,
    },
    /// There is such a file, but it cannot be run.
    #[error("`{program}` cannot be run: {reason}")]
    NotExecutable {
        /// The program as it was named.
        program: String,
        /// What stands in the way, and what to do.
        reason: String,
    },
    /// The command makes no sense as it is.
    #[error("{reason}")]
    Invalid {
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// It ended with an exit code other than 0. From [`check_call`](crate::check_call),
    /// [`check_output`](crate::check_output) and
    /// [`CompletedProcess::check_returncode`](crate::CompletedProcess::check_returncode).
    #[error("`{command}` {}{}", how_it_ended(*.status), last_words(.stderr))]
    NonZero {
        /// The command as one would type it.
        command: String,
        /// The exit code; -N if it was ended by signal N.
        status: i32,
        /// What was captured of standard output.
        stdout: Vec<u8>,
        /// What was captured of standard error.
        stderr: Vec<u8>,
    },
    /// It did not end in time.
    #[error("`{command}` did not end within {limit:?}{}", if *.ended { ", so it was ended" } else { "; it goes on" })]
    TimedOut {
        /// The command as one would type it.
        command: String,
        /// How long it was given.
        limit: Duration,
        /// Whether it was ended, with all that it had started. Else, it goes on.
        ended: bool,
        /// What was captured of standard output so far.
        stdout: Vec<u8>,
        /// What was captured of standard error so far.
        stderr: Vec<u8>,
    },
    /// The wait was interrupted. The command, and all that it had started, was ended.
    #[error("interrupted; the command was ended")]
    Interrupted,
    /// The output is not text.
    #[error(
        "the output of `{command}` is not UTF-8: the byte {at} is 0x{:02x}; take it with `check_output_bytes`",
        .stdout.get(*.at).copied().unwrap_or_default()
    )]
    NotUtf8 {
        /// The command as one would type it.
        command: String,
        /// Where the first byte stands that cannot be.
        at: usize,
        /// The output.
        stdout: Vec<u8>,
    },
    /// Its exit code cannot be known: it went to somebody else.
    #[error(
        "nobody can say how `{command}` (process {pid}) ended: it was started by this process before it was \
         restored, or another part of the program waited for it or ignores SIGCHLD"
    )]
    Lost {
        /// The command as one would type it.
        command: String,
        /// Its process id.
        pid: u32,
    },
    /// The system refused something: to start a process, to read, to write.
    #[error("`{command}`: {source}")]
    System {
        /// The command as one would type it.
        command: String,
        /// What the system says.
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

/// The last line that it printed to standard error, if any: mostly the one that says why.
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
