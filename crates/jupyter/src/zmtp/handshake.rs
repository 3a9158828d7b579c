//! The beginning of a connection: each side sends a greeting of 64 bytes, and then the command READY with its
//! socket type.

use super::ZmtpError;
use super::codec::{Incoming, encode_command};
use bytes::{Buf, Bytes};
use std::time::Duration;

/// The time that a handshake may take, as in libzmq.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The length of a greeting.
pub const GREETING: usize = 64;

/// The longest identity of a peer.
const MAX_IDENTITY: usize = 255;

/// The type of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketType {
    /// Receives from many peers and sends to each by its identity.
    Router,
    /// The peer of a router.
    Dealer,
    /// Publishes to its subscribers.
    Pub,
    /// The peer of a publisher.
    Sub,
    /// Replies to each message.
    Rep,
    /// The peer of a replier.
    Req,
}

impl SocketType {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            SocketType::Router => "ROUTER",
            SocketType::Dealer => "DEALER",
            SocketType::Pub => "PUB",
            SocketType::Sub => "SUB",
            SocketType::Rep => "REP",
            SocketType::Req => "REQ",
        }
    }

    /// Whether a socket of this type accepts a peer of the named type.
    fn accepts(self, peer: &[u8]) -> bool {
        let peers: &[&str] = match self {
            SocketType::Router => &["DEALER", "REQ", "ROUTER"],
            SocketType::Dealer => &["ROUTER", "REP", "DEALER"],
            SocketType::Pub => &["SUB", "XSUB"],
            SocketType::Sub => &["PUB", "XPUB"],
            SocketType::Rep => &["REQ", "DEALER"],
            SocketType::Req => &["REP", "ROUTER"],
        };
        peers.iter().any(|name| name.as_bytes() == peer)
    }
}

/// Our greeting: ZMTP 3.1, mechanism NULL.
pub fn greeting() -> [u8; GREETING] {
    let mut greeting = [0; GREETING];
    greeting[0] = 0xff;
    greeting[9] = 0x7f;
    greeting[10] = 3;
    greeting[11] = 1;
    greeting[12..16].copy_from_slice(b"NULL");
    greeting
}

/// Checks as much of a peer's greeting as has arrived, so that a peer of another protocol is recognised by its first
/// bytes.
///
/// # Errors
///
/// If this is no greeting of ZMTP 3 with the mechanism NULL.
pub fn check_greeting(greeting: &[u8]) -> Result<(), ZmtpError> {
    let mut mechanism = [0; 20];
    mechanism[..4].copy_from_slice(b"NULL");
    for (place, byte) in greeting.iter().enumerate() {
        match place {
            0 if *byte != 0xff => return Err(ZmtpError::Protocol("it does not begin with ZMTP's signature")),
            9 if *byte != 0x7f => return Err(ZmtpError::Protocol("it does not begin with ZMTP's signature")),
            10 if *byte < 3 => return Err(ZmtpError::Protocol("it speaks an older version")),
            12..32 if *byte != mechanism[place - 12] => {
                return Err(ZmtpError::Protocol("it asks for a security mechanism other than NULL"));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Our command READY.
pub fn ready(socket: SocketType, identity: &[u8]) -> Bytes {
    let mut properties = Vec::new();
    for (name, value) in [("Socket-Type", socket.name().as_bytes()), ("Identity", identity)] {
        properties.push(name.len() as u8);
        properties.extend_from_slice(name.as_bytes());
        properties.extend_from_slice(&(value.len() as u32).to_be_bytes());
        properties.extend_from_slice(value);
    }
    encode_command("READY", &properties)
}

/// The command ERROR, with the reason why a peer is refused.
pub fn error(reason: &str) -> Bytes {
    let reason = &reason.as_bytes()[..reason.len().min(255)];
    encode_command("ERROR", &[&[reason.len() as u8], reason].concat())
}

/// Checks the first command of a peer; returns the peer's identity, which is empty if it has none.
///
/// # Errors
///
/// If it is not READY, or `socket` does not accept the type of the peer.
pub fn check_ready(socket: SocketType, first: &Incoming) -> Result<Bytes, ZmtpError> {
    let mut properties = match first {
        Incoming::Command(name, data) if name[..] == *b"READY" => data.clone(),
        Incoming::Command(name, data) if name[..] == *b"ERROR" => {
            let reason = String::from_utf8_lossy(data.get(1..).unwrap_or_default());
            return Err(ZmtpError::Refused(reason.into_owned()));
        }
        _ => return Err(ZmtpError::Protocol("its first command is not READY")),
    };
    let (mut kind, mut identity) = (None, Bytes::new());
    while !properties.is_empty() {
        let (name, value) =
            take_property(&mut properties).ok_or(ZmtpError::Protocol("a property of READY is cut off"))?;
        // Names of properties are case-insensitive.
        if name.eq_ignore_ascii_case(b"socket-type") {
            kind = Some(value);
        } else if name.eq_ignore_ascii_case(b"identity") {
            // A copy, because its buffer is larger.
            identity = Bytes::copy_from_slice(&value);
        }
    }
    if !kind.is_some_and(|kind| socket.accepts(&kind)) {
        return Err(ZmtpError::Protocol("its type of socket is not one for this socket"));
    }
    // Identities that begin with zero are reserved for those that a router generates.
    if identity.len() > MAX_IDENTITY || identity.first() == Some(&0) {
        return Err(ZmtpError::Protocol("its identity is not valid"));
    }
    Ok(identity)
}

fn take_property(properties: &mut Bytes) -> Option<(Bytes, Bytes)> {
    let name = take(properties, 1)?.get_u8();
    let name = take(properties, name.into())?;
    let length = take(properties, 4)?.get_u32();
    let value = take(properties, length.try_into().ok()?)?;
    Some((name, value))
}

fn take(bytes: &mut Bytes, count: usize) -> Option<Bytes> {
    (count <= bytes.len()).then(|| bytes.split_to(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::codec::{Decoder, Limits};
    use bytes::BytesMut;

    fn decoded(command: Bytes) -> Incoming {
        Decoder::new(Limits::HANDSHAKE).decode(&mut BytesMut::from(&command[..])).unwrap().unwrap()
    }

    #[test]
    fn every_beginning_of_our_greeting_is_one() {
        let greeting = greeting();
        (0..=GREETING).for_each(|length| check_greeting(&greeting[..length]).unwrap());
        // libzmq sends the length of an empty frame in the signature, and may be of a later version.
        let mut other = greeting;
        other[8] = 1;
        other[10] = 4;
        other[32] = 1;
        check_greeting(&other).unwrap();
    }

    #[test]
    fn other_protocols_are_recognised_by_their_first_bytes() {
        let mut curve = greeting();
        curve[12..17].copy_from_slice(b"CURVE");
        let mut old = greeting();
        old[10] = 1;
        for bytes in [&b"G"[..], b"\x00", b"\xff\0\0\0\0\0\0\0\0\x00", &curve, &old] {
            assert!(matches!(check_greeting(bytes), Err(ZmtpError::Protocol(_))), "{bytes:?}");
        }
    }

    #[test]
    fn ready_carries_the_identity() {
        let first = decoded(ready(SocketType::Dealer, b"me"));
        assert_eq!(check_ready(SocketType::Router, &first).unwrap(), "me");
        assert!(matches!(check_ready(SocketType::Pub, &first), Err(ZmtpError::Protocol(_))));
        let anonymous = decoded(ready(SocketType::Sub, b""));
        assert_eq!(check_ready(SocketType::Pub, &anonymous).unwrap(), "");
    }

    #[test]
    fn what_is_not_ready_is_refused() {
        let reason = check_ready(SocketType::Sub, &decoded(error("no room"))).unwrap_err();
        assert_eq!(reason.to_string(), "the peer refused the connection: no room");
        let ready = |data: &[u8]| check_ready(SocketType::Pub, &decoded(encode_command("READY", data)));
        for data in
            [&b""[..], b"\x0bSocket-Type\0\0\0\x03SU", b"\x0bSocket", b"\x0bSocket-Type\xff\xff\xff\xff"]
        {
            assert!(matches!(ready(data), Err(ZmtpError::Protocol(_))), "{data:?}");
        }
        assert!(ready(b"\x0bsocket-type\0\0\0\x03SUB\x01x\0\0\0\0").is_ok());
        let forged = decoded(super::ready(SocketType::Dealer, b"\0made"));
        assert!(check_ready(SocketType::Router, &forged).is_err());
        assert!(check_ready(SocketType::Router, &decoded(encode_command("PING", b"\0\0"))).is_err());
    }
}
