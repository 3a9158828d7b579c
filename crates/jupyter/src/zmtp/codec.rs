//! Frames: the unit that ZMTP sends. A message is one or more frames; a command is a frame of its own.

use super::ZmtpError;
use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The bit of a frame's first byte for more frames of the same message.
const MORE: u8 = 1;
/// The bit for a length of eight bytes.
const LONG: u8 = 2;
/// The bit of a command.
const COMMAND: u8 = 4;

/// The maximum length of a command, in bytes.
pub const MAX_COMMAND: usize = 4096;

/// The maximum size of a peer's message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all frames together.
    pub bytes: usize,
    /// Frames.
    pub frames: usize,
}

impl Limits {
    /// No messages, only commands: during the handshake.
    pub const HANDSHAKE: Limits = Limits { bytes: 0, frames: 0 };
    /// Subscriptions and heartbeats.
    pub const SMALL: Limits = Limits { bytes: 1 << 16, frames: 64 };
    /// A router's peer that has not yet sent a message with a valid signature.
    pub const STRANGER: Limits = Limits { bytes: 64 << 20, frames: 1 << 14 };
    /// A peer that has the key.
    pub const TRUSTED: Limits = Limits { bytes: 512 << 20, frames: 1 << 14 };
}

/// A command or message of a peer, after its greeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A command: its name and its data.
    Command(Bytes, Bytes),
    /// A whole message.
    Message(Vec<Bytes>),
}

/// Decodes commands and messages from bytes that arrive in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// The frames so far of a message that is not complete.
    frames: Vec<Bytes>,
    bytes: usize,
}

impl Decoder {
    /// A decoder at the beginning of a frame.
    pub fn new(limits: Limits) -> Decoder {
        Decoder { limits, frames: Vec::new(), bytes: 0 }
    }

    /// Changes the limits.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The approximate memory of the incomplete message's frames, in bytes.
    pub fn held(&self) -> usize {
        self.bytes + self.frames.len() * size_of::<Bytes>()
    }

    /// Decodes the next command or message at the front of `buffer`; `None` if more bytes are needed. Frames
    /// are parts of the buffer's memory, and nothing is allocated for bytes that have not arrived.
    ///
    /// # Errors
    ///
    /// If the bytes are not ZMTP, or a frame's length is beyond the limits. The decoder must not be used
    /// after that.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Incoming>, ZmtpError> {
        while let Some((flags, head, length)) = parse_head(buffer)? {
            let limit = if flags & COMMAND != 0 {
                MAX_COMMAND
            } else if self.frames.len() == self.limits.frames {
                return Err(ZmtpError::TooManyFrames(self.limits.frames));
            } else {
                self.limits.bytes - self.bytes.min(self.limits.bytes)
            };
            let Some(length) = usize::try_from(length).ok().filter(|length| *length <= limit) else {
                return Err(ZmtpError::TooLarge { size: length, limit });
            };
            if buffer.len() - head < length {
                return Ok(None);
            }
            buffer.advance(head);
            let body = buffer.split_to(length).freeze();
            if flags & COMMAND != 0 {
                return command(body).map(Some);
            }
            self.bytes += length;
            self.frames.push(body);
            if flags & MORE == 0 {
                self.bytes = 0;
                return Ok(Some(Incoming::Message(std::mem::take(&mut self.frames))));
            }
        }
        Ok(None)
    }
}

/// The flags, the length of the head, and the length of the body that follows it.
fn parse_head(buffer: &[u8]) -> Result<Option<(u8, usize, u64)>, ZmtpError> {
    let Some((&flags, rest)) = buffer.split_first() else { return Ok(None) };
    if flags & !(MORE | LONG | COMMAND) != 0 || flags & COMMAND != 0 && flags & MORE != 0 {
        return Err(ZmtpError::Protocol("a frame begins with flags that do not exist"));
    }
    Ok(if flags & LONG == 0 {
        rest.first().map(|length| (flags, 2, u64::from(*length)))
    } else {
        rest.first_chunk().map(|length| (flags, 9, u64::from_be_bytes(*length)))
    })
}

fn command(mut body: Bytes) -> Result<Incoming, ZmtpError> {
    match body.first() {
        Some(&length) if length > 0 && body.len() > usize::from(length) => {
            body.advance(1);
            let name = body.split_to(length.into());
            Ok(Incoming::Command(name, body))
        }
        _ => Err(ZmtpError::Protocol("a command has no name")),
    }
}

/// The bytes of a message.
pub fn encode_message(frames: &[impl AsRef<[u8]>]) -> Bytes {
    let size = frames.iter().map(|frame| 9 + frame.as_ref().len()).sum();
    let mut bytes = BytesMut::with_capacity(size);
    for (index, frame) in frames.iter().enumerate() {
        let more = if index + 1 < frames.len() { MORE } else { 0 };
        put_frame(&mut bytes, more, frame.as_ref());
    }
    bytes.freeze()
}

/// The bytes of a command.
pub fn encode_command(name: &str, data: &[u8]) -> Bytes {
    let mut body = Vec::with_capacity(1 + name.len() + data.len());
    body.push(name.len() as u8);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    let mut bytes = BytesMut::with_capacity(9 + body.len());
    put_frame(&mut bytes, COMMAND, &body);
    bytes.freeze()
}

fn put_frame(bytes: &mut BytesMut, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(length) => bytes.put_slice(&[flags, length]),
        Err(_) => {
            bytes.put_u8(flags | LONG);
            bytes.put_u64(body.len() as u64);
        }
    }
    bytes.put_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { bytes: 1000, frames: 3 };

    fn decode(bytes: &[u8]) -> Result<Option<Incoming>, ZmtpError> {
        Decoder::new(LIMITS).decode(&mut BytesMut::from(bytes))
    }

    fn message(frames: &[&[u8]]) -> Incoming {
        Incoming::Message(frames.iter().map(|frame| Bytes::copy_from_slice(frame)).collect())
    }

    #[test]
    fn frames_are_as_in_the_specification() {
        assert_eq!(encode_message(&[b"ab", &b""[..]])[..], *b"\x01\x02ab\x00\x00");
        let long = encode_message(&[[7; 256]]);
        assert_eq!(long[..10], *b"\x02\0\0\0\0\0\0\x01\x00\x07");
        assert_eq!(encode_message(&[[7; 255]])[..3], *b"\x00\xff\x07");
        assert_eq!(encode_command("PING", b"\0\0")[..], *b"\x04\x07\x04PING\0\0");
    }

    #[test]
    fn what_is_encoded_is_decoded_in_whatever_pieces_it_arrives() {
        let (first, second) = (vec![1; 300], vec![2; 255]);
        let bytes = [
            encode_message(&[&first, &Vec::new(), &second]),
            encode_command("PING", b"x"),
            encode_message(&[b"last"]),
        ]
        .concat();
        for step in [1, 2, 7, 300, bytes.len()] {
            let (mut decoder, mut buffer, mut decoded) = (Decoder::new(LIMITS), BytesMut::new(), Vec::new());
            for piece in bytes.chunks(step) {
                buffer.extend_from_slice(piece);
                while let Some(incoming) = decoder.decode(&mut buffer).unwrap() {
                    decoded.push(incoming);
                }
            }
            assert!(buffer.is_empty());
            assert_eq!(decoder.held(), 0);
            assert_eq!(
                decoded,
                [
                    message(&[&first, b"", &second]),
                    Incoming::Command("PING".into(), "x".into()),
                    message(&[b"last"])
                ]
            );
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_the_bytes_arrive() {
        let head = |flags: u8, length: u64| [&[flags | LONG][..], &length.to_be_bytes()].concat();
        for (flags, length) in [(0, 1 << 50), (0, u64::MAX), (MORE, 1001), (COMMAND, MAX_COMMAND as u64 + 1)]
        {
            let error = decode(&head(flags, length)).unwrap_err();
            assert!(matches!(error, ZmtpError::TooLarge { size, .. } if size == length), "{error:?}");
        }
        assert!(decode(&head(0, 1000)).unwrap().is_none(), "the limit itself is taken");
        let together = [encode_message(&[&[0_u8; 600][..], b""])[..609].to_vec(), head(0, 401)].concat();
        assert!(matches!(decode(&together), Err(ZmtpError::TooLarge { size: 401, limit: 400 })));
    }

    #[test]
    fn frames_are_counted() {
        assert!(decode(&encode_message(&[b""; 3])).unwrap().is_some());
        assert!(matches!(decode(&encode_message(&[b""; 4])), Err(ZmtpError::TooManyFrames(3))));
    }

    #[test]
    fn what_is_not_a_frame_is_refused() {
        for bytes in [
            &b"\x08\x00"[..],
            b"\xff",
            b"GET / HTTP",
            b"\x05\x01x",
            b"\x04\x00",
            b"\x04\x01\x00",
            b"\x04\x02\x05a",
        ] {
            assert!(matches!(decode(bytes), Err(ZmtpError::Protocol(_))), "{bytes:?}");
        }
    }
}
