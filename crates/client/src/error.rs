//! What can go wrong between a client and its kernel.

use std::process::ExitStatus;
use std::time::Duration;

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The command could not be started at all.
    #[error("cannot start {program}: {source}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why it could not be.
        source: std::io::Error,
    },
    /// The kernel started, but did not answer in time.
    #[error("the kernel did not answer within {} s{}", .after.as_secs(), hint(.log))]
    Silent {
        /// How long it was waited for.
        after: Duration,
        /// The last lines that it wrote.
        log: String,
    },
    /// The kernel's process ended by itself.
    #[error("the kernel ended unexpectedly ({status}){}", hint(.log))]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The last lines that it wrote.
        log: String,
    },
    /// A cell's time was up and the kernel did not act upon the interrupt.
    #[error("the kernel ignored the interrupt after {} s; it was killed", .limit.as_secs_f64())]
    Stuck {
        /// The time that the cell had.
        limit: Duration,
    },
    /// This process was told to stop (Ctrl-C, or a request to terminate).
    #[error("stopped")]
    Stopped,
    /// The connection failed.
    #[error("the connection to the kernel failed: {0}")]
    Connection(#[from] threadbook_jupyter::zmtp::ZmtpError),
    /// Something on this side failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

fn hint(log: &str) -> String {
    if log.is_empty() { String::new() } else { format!("; its last words: {log}") }
}

pub(crate) type Result<T> = std::result::Result<T, ClientError>;
