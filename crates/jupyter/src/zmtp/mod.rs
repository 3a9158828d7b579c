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
mod error;
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
pub use error::ZmtpError;
pub use heartbeat::Heartbeat;
pub use listener::Listener;
pub use publisher::Publisher;
pub use router::{Router, SendError};
pub use stream::Reader;
