//! Messages and their frames: identities or a topic, the delimiter, the signature, four frames of JSON, and buffers.
//!
//! <https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol>

use crate::Key;
use crate::complaint::{complain, shorten};
use bytes::Bytes;
use jupyter_protocol::{Header, JupyterMessage, JupyterMessageContent, UnknownMessage};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;

/// The frame between identities and signature.
pub const DELIMITER: &[u8] = b"<IDS|MSG>";

/// A message whose JSON is written, and not yet signed.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The identity of the receiver, or the topic.
    identities: Vec<Bytes>,
    json: [Bytes; 4],
    buffers: Vec<Bytes>,
}

impl Parts {
    /// Writes the JSON of a message. Its date gets the precision that Python's clients read, which is microseconds.
    ///
    /// # Errors
    ///
    /// If the message has no JSON; the messages of `jupyter_protocol` have.
    pub fn new(mut message: JupyterMessage, session: &str) -> serde_json::Result<Parts> {
        message.header.session = session.to_owned();
        let finer = message.header.date.timestamp_subsec_nanos() % 1000;
        message.header.date -= Duration::from_nanos(finer.into());
        let parent = match &message.parent_header {
            Some(parent) => serde_json::to_vec(parent)?,
            None => b"{}".to_vec(),
        };
        let json = [
            serde_json::to_vec(&message.header)?,
            parent,
            serde_json::to_vec(&message.metadata)?,
            serde_json::to_vec(&message.content)?,
        ];
        Ok(Parts {
            identities: message.zmq_identities,
            json: json.map(Bytes::from),
            buffers: message.buffers,
        })
    }

    /// The size of the message in bytes.
    pub fn size(&self) -> usize {
        self.identities.iter().chain(&self.json).chain(&self.buffers).map(Bytes::len).sum()
    }

    /// Signs the message. Returns its frames.
    pub fn sign(self, key: &Key) -> Vec<Bytes> {
        let signature = key.sign(self.json.each_ref().map(|part| &part[..]));
        let mut frames = self.identities;
        frames.push(DELIMITER.into());
        frames.push(signature.into());
        frames.extend(self.json);
        frames.extend(self.buffers);
        frames
    }
}

/// The frames of a message, signed.
///
/// # Errors
///
/// As [`Parts::new`].
pub fn encode(message: JupyterMessage, session: &str, key: &Key) -> serde_json::Result<Vec<Bytes>> {
    Ok(Parts::new(message, session)?.sign(key))
}

/// A message as it was received: its signature is valid, its JSON is not read.
#[derive(Debug)]
pub struct Received {
    /// The identities of the peers that it came through.
    pub identities: Vec<Bytes>,
    /// Header, parent header, metadata and content.
    pub json: [Bytes; 4],
    /// The frames after those.
    pub buffers: Vec<Bytes>,
}

impl Received {
    /// Takes a message apart, and checks its signature. With `once`, a signature is accepted once.
    ///
    /// # Errors
    ///
    /// If frames are missing or the signature is refused; the text names the reason.
    pub fn new(frames: &[Bytes], key: &Key, once: bool) -> Result<Received, String> {
        let delimiter =
            frames.iter().position(|frame| &frame[..] == DELIMITER).ok_or("it has no frame <IDS|MSG>")?;
        let (identities, rest) = (&frames[..delimiter], &frames[delimiter + 1..]);
        let [signature, header, parent, metadata, content, buffers @ ..] = rest else {
            return Err(format!("it has {} frames after <IDS|MSG>, not 5 or more", rest.len()));
        };
        let signed = [&header[..], &parent[..], &metadata[..], &content[..]];
        if once { key.accept(signature, signed) } else { key.verify(signature, signed) }
            .map_err(|error| error.to_string())?;
        Ok(Received {
            // Copies, because they outlive the message, and a frame keeps the memory of its neighbours.
            identities: identities.iter().map(|identity| Bytes::copy_from_slice(identity)).collect(),
            json: [header, parent, metadata, content].map(Bytes::clone),
            buffers: buffers.to_vec(),
        })
    }
}

/// Checks and decodes a message of a front end. Content that does not fit its type becomes an unknown message, so that
/// the sender gets an answer.
///
/// # Errors
///
/// If it is no message, or its signature is not valid or was used before; the text names the reason.
pub fn decode(frames: &[Bytes], key: &Key) -> Result<JupyterMessage, String> {
    let Received { identities, json: [header, parent, metadata, content], buffers } =
        Received::new(frames, key, true)?;
    let header: Header = parse(&header, "header")?;
    let metadata = parse(&metadata, "metadata")?;
    let content: Value = parse(&content, "content")?;
    let content = parse_content(&header.msg_type, content);
    Ok(JupyterMessage {
        zmq_identities: identities,
        header,
        parent_header: serde_json::from_slice(&parent).ok(),
        metadata,
        content,
        buffers,
        channel: None,
    })
}

/// The content as its type. Missing fields get the defaults of the specification.
fn parse_content(kind: &str, content: Value) -> JupyterMessageContent {
    let mut filled = content.clone();
    if let Some(fields) = filled.as_object_mut() {
        for (name, value) in defaults(kind).as_object().into_iter().flatten() {
            // Python's None also means a missing field.
            if fields.get(name).is_none_or(Value::is_null) {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    JupyterMessageContent::from_type_and_content(kind, filled).unwrap_or_else(|error| {
        complain(format_args!("a {kind} has content that it should not have: {error}"));
        JupyterMessageContent::UnknownMessage(UnknownMessage { msg_type: kind.to_owned(), content })
    })
}

fn defaults(kind: &str) -> Value {
    match kind {
        "execute_request" => json!({"silent": false, "store_history": true, "user_expressions": {}}),
        "comm_open" | "comm_msg" | "comm_close" => json!({"data": {}}),
        "history_request" => json!({
            "output": false, "raw": true, "session": 0, "start": 0, "stop": 0, "n": 0, "unique": false,
        }),
        "inspect_request" => json!({"detail_level": 0}),
        "shutdown_request" => json!({"restart": false}),
        _ => json!({}),
    }
}

fn parse<T: DeserializeOwned>(part: &[u8], name: &str) -> Result<T, String> {
    serde_json::from_slice(part).map_err(|error| shorten(format_args!("its {name} is not valid: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::ExecuteRequest;

    fn frames(key: &Key) -> Vec<Bytes> {
        let mut message = JupyterMessage::new(ExecuteRequest::new("1".into()), None);
        message.zmq_identities = vec!["client".into()];
        message.buffers = vec!["buffer".into()];
        encode(message, "session", key).unwrap()
    }

    #[test]
    fn a_message_that_is_encoded_is_decoded_once() {
        let key = Key::new("k");
        let frames = frames(&key);
        let message = decode(&frames, &key).unwrap();
        assert_eq!(
            (&message.zmq_identities[..], &message.buffers[..]),
            (&["client".into()][..], &["buffer".into()][..])
        );
        assert_eq!(message.header.session, "session");
        assert_eq!(message.header.date.timestamp_subsec_nanos() % 1000, 0);
        assert!(
            matches!(message.content, JupyterMessageContent::ExecuteRequest(request) if request.code == "1")
        );
        assert_eq!(decode(&frames, &key).unwrap_err(), "its signature was used before");
    }

    #[test]
    fn the_reason_why_a_message_is_refused_is_named() {
        let key = Key::new("k");
        let good = frames(&key);
        let reason = |frames: &[Bytes]| decode(frames, &key).unwrap_err();
        assert_eq!(reason(&[]), "it has no frame <IDS|MSG>");
        assert_eq!(reason(&good[..5]), "it has 3 frames after <IDS|MSG>, not 5 or more");
        let mut forged = good.clone();
        forged[6] = r#"{"code":"2"}"#.into();
        assert_eq!(reason(&forged), "its signature is not valid");
        let signed = |json: [&'static str; 4]| {
            let json = json.map(Bytes::from);
            Parts { identities: Vec::new(), json, buffers: Vec::new() }.sign(&key)
        };
        assert!(reason(&signed(["[]", "{}", "{}", "{}"])).starts_with("its header is not valid"));
        let long = format!(r#""{}""#, "x".repeat(1000));
        let mut frames = signed(["{}", "{}", "{}", "{}"]);
        frames[2] = long.into();
        let json: [&[u8]; 4] = [&frames[2], &frames[3], &frames[4], &frames[5]];
        frames[1] = key.sign(json).into();
        assert!(reason(&frames).chars().count() <= 201);
    }

    #[test]
    fn content_of_the_wrong_type_is_an_unknown_message() {
        let content = parse_content("execute_request", json!({"code": 17}));
        assert!(matches!(content, JupyterMessageContent::UnknownMessage(_)));
        let content = parse_content("execute_request", json!({"code": "1", "silent": null}));
        assert!(matches!(content, JupyterMessageContent::ExecuteRequest(request) if !request.silent));
    }
}
