//! Errors between a client and its kernel.

use std::process::ExitStatus;
use std::time::Duration;

/// The reason why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The command could not be spawned.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program.
        program: String,
        /// The system's error.
        source: std::io::Error,
    },
    /// The kernel started, but did not answer in time.
    #[error("the kernel did not answer within {} s{}", .after.as_secs(), hint(.log))]
    Silent {
        /// The time-out.
        after: Duration,
        /// The last lines of its output.
        log: String,
    },
    /// The kernel's process ended unexpectedly.
    #[error("the kernel ended unexpectedly ({status}){}", hint(.log))]
    Ended {
        /// Its exit status.
        status: ExitStatus,
        /// The last lines of its output.
        log: String,
    },
    /// A cell exceeded its time limit, and the kernel did not react to the interrupt.
    #[error("the kernel ignored the interrupt after {} s; it was killed", .limit.as_secs_f64())]
    Stuck {
        /// The cell's time limit.
        limit: Duration,
    },
    /// This process received a signal to stop (Ctrl-C, or a request to terminate).
    #[error("stopped")]
    Stopped,
    /// The connection failed.
    #[error("the connection to the kernel failed: {0}")]
    Connection(#[from] threadbook_jupyter::zmtp::ZmtpError),
    /// An error on the client's side.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn hint(log: &str) -> String {
    if log.is_empty() { String::new() } else { format!("; its last words: {log}") }
}

pub(crate) type Result<T> = std::result::Result<T, ClientError>;
