//! The connection to a running kernel: sockets to send on, and one stream of all received messages.
//!
//! Each socket is read by a task of its own, so that no message is lost when a waiter is cancelled. Messages
//! are kept as plain JSON, so that a notebook gets them unchanged.

use std::process::ExitStatus;
use std::sync::Arc;

use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use serde::Deserialize;
use serde_json::Value;
use threadbook_jupyter::Key;
use threadbook_jupyter::connection::Endpoints;
use threadbook_jupyter::message::{self, Received};
use threadbook_jupyter::zmtp::client::{Receiver, Sender, connect};
use threadbook_jupyter::zmtp::handshake::SocketType;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::error::Result;

/// An event of a kernel or its process.
#[derive(Debug)]
pub(crate) enum Event {
    /// A reply on the shell channel.
    Reply(Message),
    /// A broadcast on the iopub channel.
    Broadcast(Message),
    /// The kernel closed a connection, most likely because it ends.
    Disconnected,
    /// The kernel's process ended.
    Ended(ExitStatus),
    /// This process received a signal to stop.
    Stop,
}

/// The parts of a message that a client uses.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) msg_type: String,
    /// The id of the request that it answers.
    pub(crate) parent: Option<String>,
    pub(crate) content: Value,
}

/// The sockets to send on, and the events.
pub(crate) struct Wire {
    shell: Sender,
    control: Sender,
    key: Arc<Key>,
    session: String,
    pub(crate) events: UnboundedReceiver<Event>,
}

impl Wire {
    /// Connects to a kernel that listens.
    pub(crate) async fn connect(info: &ConnectionInfo) -> Result<(Self, UnboundedSender<Event>)> {
        let session = uuid::Uuid::new_v4().to_string();
        let key = Arc::new(Key::new(&info.key));
        let endpoints = Endpoints::from(info);
        let (subscriber, broadcasts) = connect(&endpoints.iopub, SocketType::Sub, b"").await?;
        subscriber.subscribe(b"").await?;
        // Kernels send input requests to the peer with the identity of the execute request.
        let identity = session.as_bytes();
        let (shell, replies) = connect(&endpoints.shell, SocketType::Dealer, identity).await?;
        let (control, control_replies) = connect(&endpoints.control, SocketType::Dealer, identity).await?;

        let (events, received) = unbounded_channel();
        tokio::spawn(forward(replies, key.clone(), events.clone(), Some(Event::Reply)));
        tokio::spawn(forward(broadcasts, key.clone(), events.clone(), Some(Event::Broadcast)));
        tokio::spawn(forward(control_replies, key.clone(), events.clone(), None));
        Ok((Self { shell, control, key, session, events: received }, events))
    }

    /// Sends a request on the shell channel, and returns its id, which the replies name as their parent.
    pub(crate) async fn request(&mut self, request: JupyterMessage) -> Result<String> {
        let id = request.header.msg_id.clone();
        self.send(&self.shell, request).await?;
        Ok(id)
    }

    /// Sends a request on the control channel. Its reply is ignored.
    pub(crate) async fn control(&mut self, request: JupyterMessage) -> Result<()> {
        self.send(&self.control, request).await
    }

    async fn send(&self, socket: &Sender, request: JupyterMessage) -> Result<()> {
        let frames = message::encode(request, &self.session, &self.key).map_err(std::io::Error::from)?;
        Ok(socket.send(&frames).await?)
    }
}

/// Sends each message of a socket as an event, if `event` returns one for it.
async fn forward(
    mut socket: Receiver,
    key: Arc<Key>,
    events: UnboundedSender<Event>,
    event: Option<fn(Message) -> Event>,
) {
    while let Ok(frames) = socket.receive().await {
        // A message without a valid signature did not come from this kernel.
        let message =
            Received::new(&frames, &key, false).ok().and_then(|received| Message::parse(&received.json));
        if let (Some(event), Some(message)) = (event, message)
            && events.send(event(message)).is_err()
        {
            return;
        }
    }
    let _ = events.send(Event::Disconnected);
}

impl Message {
    fn parse<B: AsRef<[u8]>>(parts: &[B]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Header {
            msg_type: String,
        }
        #[derive(Deserialize)]
        struct Parent {
            msg_id: Option<String>,
        }
        let [header, parent, _metadata, content, ..] = parts else {
            return None;
        };
        let header: Header = serde_json::from_slice(header.as_ref()).ok()?;
        let parent: Option<Parent> = serde_json::from_slice(parent.as_ref()).ok();
        Some(Self {
            msg_type: header.msg_type,
            parent: parent.and_then(|parent| parent.msg_id),
            content: serde_json::from_slice(content.as_ref()).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_needs_a_type_and_content_but_no_parent() {
        let message = |parts: [&str; 4]| Message::parse(&parts);
        let full = message([r#"{"msg_type":"status"}"#, r#"{"msg_id":"7"}"#, "{}", r#"{"a":1}"#]).unwrap();
        assert_eq!((full.msg_type.as_str(), full.parent.as_deref()), ("status", Some("7")));
        assert_eq!(full.content, serde_json::json!({"a": 1}));
        let orphan = message([r#"{"msg_type":"status"}"#, "{}", "{}", "{}"]).unwrap();
        assert_eq!(orphan.parent, None);
        assert!(message(["{}", "{}", "{}", "{}"]).is_none());
        assert!(message([r#"{"msg_type":"status"}"#, "{}", "{}", "not json"]).is_none());
    }
}
