//! The heartbeat: sends each message back to its sender.

use super::ZmtpError;
use super::codec::{Incoming, Limits, encode_message};
use super::handshake::SocketType;
use super::listener::{Listener, Serving};
use super::stream::{Connection, answer};
use tokio::io::AsyncWriteExt;

/// A heartbeat socket. Dropping it closes its connections.
///
/// *Invariant.* Each peer has a task of its own, which reads its next message after it has written the last
/// one back. So a peer that does not read blocks no other peer.
pub struct Heartbeat {
    _serving: Serving,
}

impl Heartbeat {
    /// Serves the connections of a listener.
    pub fn start(listener: Listener) -> Heartbeat {
        Heartbeat { _serving: listener.serve(SocketType::Rep, |connection, _| echo(connection)) }
    }
}

async fn echo(connection: Connection) -> Result<(), ZmtpError> {
    let Connection { mut reader, mut writer, .. } = connection;
    reader.set_limits(Limits::SMALL);
    loop {
        let reply = match reader.receive().await? {
            // The frames before an empty one are the return path; they are sent back unchanged.
            Incoming::Message(frames) => Some(encode_message(&frames)),
            Incoming::Command(name, data) => answer(&name, &data),
        };
        if let Some(reply) = reply {
            writer.write_all(&reply).await?;
        }
    }
}
