//! The connection to a running kernel: sockets to send on, and one stream of everything that comes back.
//!
//! Each socket is read by a task of its own, so that no message is lost when whoever waits for it gives
//! up. Messages are kept as plain JSON: what a kernel sends goes into the notebook as it is.

use std::process::ExitStatus;

use jupyter_protocol::{ConnectionInfo, JupyterMessage};
use jupyter_zmq_client::{
    ClientControlConnection, Connection, DealerSendConnection, RawMessage, create_client_control_connection,
    create_client_iopub_connection, create_client_shell_connection_with_identity, peer_identity_for_session,
};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zeromq::SocketRecv;

/// What may happen while one waits for a kernel.
#[derive(Debug)]
pub(crate) enum Event {
    /// A reply on the shell channel.
    Reply(Message),
    /// A broadcast on the iopub channel.
    Broadcast(Message),
    /// The kernel's process ended.
    Ended(ExitStatus),
    /// Somebody asked this process to stop.
    Stop,
}

/// A message, as far as a client looks at it.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) msg_type: String,
    /// The request that it answers.
    pub(crate) parent: Option<String>,
    pub(crate) content: Value,
}

/// The sockets to send on, and the events.
pub(crate) struct Wire {
    shell: DealerSendConnection,
    control: ClientControlConnection,
    pub(crate) events: UnboundedReceiver<Event>,
}

impl Wire {
    /// Connects to a kernel; waits until it listens.
    pub(crate) async fn connect(
        info: &ConnectionInfo,
    ) -> jupyter_zmq_client::Result<(Self, UnboundedSender<Event>)> {
        let session = uuid::Uuid::new_v4().to_string();
        let identity = peer_identity_for_session(&session)?;
        let iopub = create_client_iopub_connection(info, "", &session).await?;
        let shell = create_client_shell_connection_with_identity(info, &session, identity).await?;
        let control = create_client_control_connection(info, &session).await?;

        let (sender, events) = unbounded_channel();
        let (shell, replies) = shell.split();
        tokio::spawn(forward(replies, sender.clone(), Event::Reply));
        tokio::spawn(forward(iopub, sender.clone(), Event::Broadcast));
        Ok((Self { shell, control, events }, sender))
    }

    /// Sends a request on the shell channel; its replies name the identifier that is returned.
    pub(crate) async fn request(&mut self, request: JupyterMessage) -> jupyter_zmq_client::Result<String> {
        let id = request.header.msg_id.clone();
        self.shell.send(request).await?;
        Ok(id)
    }

    /// Sends a request on the control channel. Nobody waits for its reply.
    pub(crate) async fn control(&mut self, request: JupyterMessage) -> jupyter_zmq_client::Result<()> {
        self.control.send(request).await
    }
}

async fn forward<S: SocketRecv>(
    mut socket: Connection<S>,
    events: UnboundedSender<Event>,
    event: fn(Message) -> Event,
) {
    while let Ok(frames) = socket.socket.recv().await {
        let raw = RawMessage::from_multipart(frames, &socket.mac);
        // What is not signed, or is no message, did not come from the kernel that we talk to.
        let Some(message) = raw.ok().and_then(|raw| Message::parse(&raw.jparts)) else {
            continue;
        };
        if events.send(event(message)).is_err() {
            return;
        }
    }
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
