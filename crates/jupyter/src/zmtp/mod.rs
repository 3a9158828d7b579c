//! ZMTP 3.1, the wire protocol of ZeroMQ, with the NULL mechanism, and the sockets that Jupyter needs.
//!
//! A server binds an [`Endpoint`] with [`Listener::bind`] and gives the listener to a [`Router`], a [`Publisher`] or
//! a [`Heartbeat`]. A client connects with [`client`].
//!
//! [`codec`] has frames, [`handshake`] has the beginning of a connection; both work on bytes and do no I/O.
//!
//! The specification: <https://rfc.zeromq.org/spec/37/>.
//!
//! # Invariants
//!
//! - A length in a frame's head allocates nothing. Buffers grow as bytes arrive, up to the [`codec::Limits`].
//! - A handshake ends within [`handshake::TIMEOUT`]. Each socket has a bounded number of connections; if there are
//!   too many, the oldest connection with an unfinished handshake is closed.
//! - Each connection has a task of its own, and no task waits for another connection's peer, except
//!   [`Publisher::send`], within limits.

pub mod client;
pub mod codec;
pub mod handshake;

mod endpoint;
mod heartbeat;
mod limits;
mod listener;
mod outbox;
mod pace;
mod publisher;
mod router;
mod stream;
#[cfg(test)]
mod tests;

pub use endpoint::Endpoint;
pub use heartbeat::Heartbeat;
pub use listener::Listener;
pub use publisher::Publisher;
pub use router::{Router, SendError};
pub use stream::Reader;

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
    #[error("the handshake took longer than {} s", handshake::TIMEOUT.as_secs())]
    Timeout,
    /// The connection was closed to make room for others.
    #[error("the connection was closed to make room for others")]
    Evicted,
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
