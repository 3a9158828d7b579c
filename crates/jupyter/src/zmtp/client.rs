//! The sockets of a client: one connection each.

use super::codec::{Incoming, Limits, encode_message};
use super::handshake::SocketType;
use super::stream::{Connection, Reader, Writer, answer};
use super::{Endpoint, ZmtpError};
use bytes::Bytes;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

/// Sends on a connection.
pub struct Sender {
    writer: Arc<Mutex<Writer>>,
}

/// Receives on a connection.
pub struct Receiver {
    reader: Reader,
    writer: Arc<Mutex<Writer>>,
}

/// Connects a socket and shakes hands. The identity may be empty.
///
/// # Errors
///
/// If there is no such socket at this address.
pub async fn connect(
    endpoint: &Endpoint,
    socket: SocketType,
    identity: &[u8],
) -> Result<(Sender, Receiver), ZmtpError> {
    let Connection { mut reader, writer, .. } =
        Connection::new(endpoint.connect().await?, socket, identity).await?;
    reader.set_limits(Limits::TRUSTED);
    let writer = Arc::new(Mutex::new(writer));
    Ok((Sender { writer: writer.clone() }, Receiver { reader, writer }))
}

impl Sender {
    /// Sends a message. If the future is dropped, the connection may be left with half of it.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    pub async fn send(&self, frames: &[impl AsRef<[u8]>]) -> Result<(), ZmtpError> {
        self.send_raw(&encode_message(frames)).await
    }

    pub(super) async fn send_raw(&self, bytes: &[u8]) -> Result<(), ZmtpError> {
        Ok(self.writer.lock().await.write_all(bytes).await?)
    }

    /// Subscribes to the messages whose topic begins with `prefix`.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    pub async fn subscribe(&self, prefix: &[u8]) -> Result<(), ZmtpError> {
        self.send(&[[&[1], prefix].concat()]).await
    }
}

impl Receiver {
    /// The next message.
    ///
    /// # Errors
    ///
    /// If the connection has ended.
    pub async fn receive(&mut self) -> Result<Vec<Bytes>, ZmtpError> {
        loop {
            match self.reader.receive().await? {
                Incoming::Message(frames) => return Ok(frames),
                Incoming::Command(name, data) => {
                    if let Some(answer) = answer(&name, &data) {
                        self.writer.lock().await.write_all(&answer).await?;
                    }
                }
            }
        }
    }
}
