//! The reasons why connections end.

use std::time::Duration;

/// The time that a handshake may take, as in libzmq.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The reason why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum ZmtpError {
    /// The peer closed the connection.
    #[error("the peer closed the connection")]
    Closed,
    /// The peer violated ZMTP.
    #[error("the peer does not speak ZMTP 3: {0}")]
    Protocol(&'static str),
    /// The peer refused the handshake with this reason.
    #[error("the peer refused the connection: {0}")]
    Refused(String),
    /// The peer sent more than this socket accepts.
    #[error("the peer sent {size} bytes at once, more than the {limit} that are taken")]
    TooLarge {
        /// The size that the peer announced.
        size: u64,
        /// The limit.
        limit: usize,
    },
    /// The peer sent a message of too many frames.
    #[error("the peer sent a message of more than {0} frames")]
    TooManyFrames(usize),
    /// The handshake took too long.
    #[error("the handshake took longer than {} s", TIMEOUT.as_secs())]
    Timeout,
    /// The connection was closed to make room for others.
    #[error("the connection was closed to make room for others")]
    Evicted,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
