//! The key of a connection file: signatures of messages, and the check that each is accepted once.

use ring::hmac;
use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// The number of accepted signatures that are remembered, as in jupyter_client.
const HISTORY: usize = 1 << 16;

/// The four signed frames of a message: header, parent header, metadata and content.
pub type Signed<'a> = [&'a [u8]; 4];

/// Signs messages with HMAC-SHA256 and checks signatures. One key serves all channels of a kernel, so a message that
/// was accepted on one is refused on the others.
pub struct Key {
    /// `None` for the empty key: messages are not signed.
    mac: Option<hmac::Key>,
    accepted: Mutex<Accepted>,
}

/// The signatures that were accepted last, the newest at the back.
#[derive(Default)]
struct Accepted {
    order: VecDeque<[u8; 32]>,
    all: HashSet<[u8; 32]>,
}

/// The reason why a signature is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// It was not made with this key for this message.
    #[error("its signature is not valid")]
    Invalid,
    /// A message with this signature was accepted before.
    #[error("its signature was used before")]
    Replayed,
}

impl Key {
    /// The key of a connection file. The empty key means that messages are not signed.
    pub fn new(key: &str) -> Key {
        let mac = (!key.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()));
        Key { mac, accepted: Mutex::default() }
    }

    /// The signature of a message in hexadecimal; empty for the empty key.
    pub fn sign(&self, parts: Signed) -> String {
        let Some(mac) = &self.mac else { return String::new() };
        let tag = context(mac, parts).sign();
        tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Accepts the signature of a message, once. The comparison takes the same time for every wrong signature.
    ///
    /// # Errors
    ///
    /// If the signature is not valid, or was accepted before.
    pub fn accept(&self, signature: &[u8], parts: Signed) -> Result<(), SignatureError> {
        self.verify(signature, parts)?;
        match decode_hex(signature) {
            Some(digest) if self.mac.is_some() => self
                .accepted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(digest)
                .ok_or(SignatureError::Replayed),
            _ => Ok(()),
        }
    }

    /// Checks the signature of a message, and does not remember it.
    ///
    /// # Errors
    ///
    /// If the signature is not valid.
    pub fn verify(&self, signature: &[u8], parts: Signed) -> Result<(), SignatureError> {
        let Some(mac) = &self.mac else { return Ok(()) };
        let digest = decode_hex(signature).ok_or(SignatureError::Invalid)?;
        // ring compares with one contiguous message only; the tag of a tag is compared in constant time as well.
        let tag = context(mac, parts).sign();
        hmac::verify(mac, tag.as_ref(), hmac::sign(mac, &digest).as_ref())
            .map_err(|_| SignatureError::Invalid)
    }
}

impl Accepted {
    /// `None` if the digest is there already. Forgets the oldest one beyond [`HISTORY`].
    fn insert(&mut self, digest: [u8; 32]) -> Option<()> {
        if !self.all.insert(digest) {
            return None;
        }
        self.order.push_back(digest);
        if self.order.len() > HISTORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.all.remove(&oldest);
        }
        Some(())
    }
}

fn context(mac: &hmac::Key, parts: Signed) -> hmac::Context {
    let mut context = hmac::Context::with_key(mac);
    parts.iter().for_each(|part| context.update(part));
    context
}

/// The 32 bytes that 64 lower-case hexadecimal digits stand for.
fn decode_hex(digits: &[u8]) -> Option<[u8; 32]> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.len() != bytes.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: Signed = [b"header", b"parent", b"metadata", b"content"];

    #[test]
    fn signatures_are_those_of_jupyter_client() {
        // Session(key=b"k").sign([b"header", b"parent", b"metadata", b"content"])
        let expected = "06c40656cf90b32c0b8b1952e62833810a85c016026cd9ef87a8d2a62d2d5545";
        assert_eq!(Key::new("k").sign(PARTS), expected);
    }

    #[test]
    fn only_the_signature_of_the_message_with_the_key_is_valid() {
        let key = Key::new("k");
        let signature = key.sign(PARTS);
        assert_eq!(key.verify(signature.as_bytes(), PARTS), Ok(()));
        let invalid = Err(SignatureError::Invalid);
        for wrong in [
            "".into(),
            "0".repeat(64),
            Key::new("other").sign(PARTS),
            key.sign([b"header", b"parent", b"metadata", b"other"]),
            signature[1..].into(),
            signature.to_uppercase(),
            format!("{signature}0"),
            format!("{signature}00"),
            format!(" {signature}"),
            "é".repeat(32),
        ] {
            assert_eq!(key.verify(wrong.as_bytes(), PARTS), invalid, "{wrong:?}");
            assert_eq!(key.accept(wrong.as_bytes(), PARTS), invalid, "{wrong:?}");
        }
    }

    #[test]
    fn a_signature_is_accepted_once() {
        let key = Key::new("k");
        let signature = key.sign(PARTS);
        assert_eq!(key.accept(signature.as_bytes(), PARTS), Ok(()));
        assert_eq!(key.accept(signature.as_bytes(), PARTS), Err(SignatureError::Replayed));
        let other = [b"header", &b"parent"[..], b"metadata", b"other"];
        assert_eq!(key.accept(key.sign(other).as_bytes(), other), Ok(()));
    }

    #[test]
    fn the_history_of_signatures_is_bounded_and_forgets_the_oldest() {
        let digest = |n: usize| {
            let mut digest = [0; 32];
            digest[..8].copy_from_slice(&n.to_le_bytes());
            digest
        };
        let mut accepted = Accepted::default();
        (0..=HISTORY).for_each(|n| assert!(accepted.insert(digest(n)).is_some()));
        assert_eq!((accepted.all.len(), accepted.order.len()), (HISTORY, HISTORY));
        assert!(accepted.insert(digest(1)).is_none(), "the oldest that is remembered");
        assert!(accepted.insert(digest(HISTORY)).is_none());
        assert!(accepted.insert(digest(0)).is_some(), "the oldest is forgotten");
    }

    #[test]
    fn without_a_key_nothing_is_signed() {
        let key = Key::new("");
        assert_eq!(key.sign(PARTS), "");
        assert_eq!(key.accept(b"", PARTS), Ok(()));
        assert_eq!(key.accept(b"", PARTS), Ok(()));
    }
}
