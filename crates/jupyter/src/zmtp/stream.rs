//! A connection of either side: the handshake, and the reader.

use super::codec::{Decoder, Incoming, Limits, encode_command};
use super::endpoint::Halves;
use super::handshake::{self, GREETING, SocketType, check_greeting, check_ready};
use super::limits::Share;
use super::{ZmtpError, codec};
use bytes::{Buf, Bytes, BytesMut};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// The buffer space that is reserved before a read.
const READ: usize = 16 << 10;

/// The minimum buffer space of a read.
const MIN_READ: usize = 4 << 10;

pub(super) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Reads the commands and messages of a peer.
pub struct Reader {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
    decoder: Decoder,
    /// The share of the memory for peers without the key; `None` if its memory is not counted.
    share: Option<Share>,
}

/// A connection after its handshake.
pub(super) struct Connection {
    pub(super) reader: Reader,
    pub(super) writer: Writer,
    /// The identity that the peer requests, or empty.
    pub(super) identity: Bytes,
}

impl Connection {
    /// Shakes hands with a peer, within [`handshake::TIMEOUT`].
    pub(super) async fn new(
        halves: Halves,
        socket: SocketType,
        identity: &[u8],
    ) -> Result<Connection, ZmtpError> {
        Connection::within(handshake::TIMEOUT, halves, socket, identity).await
    }

    pub(super) async fn within(
        limit: Duration,
        halves: Halves,
        socket: SocketType,
        identity: &[u8],
    ) -> Result<Connection, ZmtpError> {
        timeout(limit, shake_hands(halves, socket, identity)).await.map_err(|_| ZmtpError::Timeout)?
    }
}

async fn shake_hands(
    (stream, mut writer): Halves,
    socket: SocketType,
    identity: &[u8],
) -> Result<Connection, ZmtpError> {
    let decoder = Decoder::new(Limits::HANDSHAKE);
    let mut reader = Reader { stream, buffer: BytesMut::new(), decoder, share: None };
    writer.write_all(&handshake::greeting()).await?;
    while reader.buffer.len() < GREETING {
        reader.fill(GREETING).await?;
        check_greeting(&reader.buffer[..reader.buffer.len().min(GREETING)])?;
    }
    reader.buffer.advance(GREETING);
    writer.write_all(&handshake::ready(socket, identity)).await?;
    let identity = match check_ready(socket, &reader.receive().await?) {
        Ok(identity) => identity,
        Err(error) => {
            if let ZmtpError::Protocol(reason) = error {
                writer.write_all(&handshake::error(reason)).await?;
            }
            return Err(error);
        }
    };
    Ok(Connection { reader, writer, identity })
}

impl Reader {
    /// Receives the next command or message of the peer. Cancellation safe.
    ///
    /// # Errors
    ///
    /// If the connection has ended, or must end because of an invalid input.
    pub async fn receive(&mut self) -> Result<Incoming, ZmtpError> {
        loop {
            if let Some(incoming) = self.decoder.decode(&mut self.buffer)? {
                if let Some(share) = &mut self.share {
                    share.set(self.buffer.len())?;
                }
                return Ok(incoming);
            }
            self.fill(READ).await?;
            if let Some(share) = &mut self.share {
                share.set(self.decoder.held() + self.buffer.len())?;
            }
        }
    }

    /// Changes the limits of messages.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        self.decoder.set_limits(limits);
    }

    /// Counts the memory of incomplete messages in this share, or stops counting it.
    pub(super) fn set_share(&mut self, share: Option<Share>) {
        self.share = share;
    }

    async fn fill(&mut self, room: usize) -> Result<(), ZmtpError> {
        if self.buffer.capacity() - self.buffer.len() < MIN_READ.min(room) {
            self.buffer.reserve(room);
        }
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(ZmtpError::Closed),
            _ => Ok(()),
        }
    }
}

/// The answer to a command, if it requires one: PONG to PING.
pub(super) fn answer(name: &[u8], data: &[u8]) -> Option<Bytes> {
    // The first two bytes of PING are a time to live, the rest is sent back.
    let context = data.get(2..).filter(|context| context.len() <= 16);
    (name == b"PING").then(|| encode_command("PONG", context.unwrap_or_default()))
}

/// A command that a living peer answers.
pub(super) fn ping() -> Bytes {
    codec::encode_command("PING", &[0, 0])
}
