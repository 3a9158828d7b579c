//! Frames: reading and writing them.

use serde::Serialize;
use std::io::{self, Read, Write};

/// The largest frame, in bytes. A picture has a few hundred kilobytes; a larger length is garbage.
pub const MAX_FRAME: usize = 256 << 20;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// Standard output of user code.
    Stdout = 1,
    /// Standard error of user code.
    Stderr = 2,
    /// A JSON object.
    Message = 3,
    /// The acknowledgement of a message.
    Ack = 4,
}

/// Writes one frame.
///
/// # Errors
///
/// The stream cannot be written to.
pub fn write_frame(to: &mut impl Write, kind: FrameKind, body: &[u8]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(body.len() + 5);
    frame.extend((body.len() as u32).to_le_bytes());
    frame.push(kind as u8);
    frame.extend(body);
    to.write_all(&frame)
}

/// Writes a message or a command as a frame.
///
/// # Errors
///
/// The stream cannot be written to.
pub fn write_message(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    write_frame(to, FrameKind::Message, &serde_json::to_vec(message)?)
}

/// Reads one frame. Returns `None` at the end of the stream.
///
/// # Errors
///
/// The stream ends within a body, cannot be read, or holds garbage: an unknown kind, or a length above [`MAX_FRAME`].
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<(FrameKind, Vec<u8>)>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let kind = match head[4] {
        1 => FrameKind::Stdout,
        2 => FrameKind::Stderr,
        3 => FrameKind::Message,
        4 => FrameKind::Ack,
        other => return Err(garbage(format!("a frame of the unknown kind {other}"))),
    };
    if length > MAX_FRAME {
        return Err(garbage(format!("a frame of {length} bytes")));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some((kind, body)))
}

fn garbage(found: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Command;

    #[test]
    fn a_frame_survives_the_trip() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, FrameKind::Stdout, b"one\xff").unwrap();
        write_message(&mut bytes, &Command::Sync { id: 7 }).unwrap();
        let mut from = &bytes[..];
        assert_eq!(read_frame(&mut from).unwrap(), Some((FrameKind::Stdout, b"one\xff".to_vec())));
        let (kind, body) = read_frame(&mut from).unwrap().unwrap();
        assert_eq!(kind, FrameKind::Message);
        assert_eq!(serde_json::from_slice::<Command>(&body).unwrap(), Command::Sync { id: 7 });
        assert_eq!(read_frame(&mut from).unwrap(), None);
    }

    #[test]
    fn garbage_is_an_error_and_no_panic() {
        assert!(read_frame(&mut &[255, 255, 255, 255, 1, 0][..]).is_err());
        assert!(read_frame(&mut &[1, 0, 0, 0, 9, 0][..]).is_err());
        assert!(read_frame(&mut &[4, 0, 0, 0, 1, 0][..]).is_err());
        assert_eq!(read_frame(&mut &[4, 0][..]).unwrap(), None);
    }
}
