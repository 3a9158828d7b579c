//! The IOPub channel: what everybody sees.

use super::dated;
use crate::wire::Data;
use jupyter_protocol::{IoPubWelcome, JupyterMessage, JupyterMessageContent, StreamContent};
use jupyter_zmq_client::{KernelIoPubXPubConnection, SubscriptionEvent};
use tokio::sync::mpsc;

/// How many messages may wait to be sent. When there are more, who publishes waits: a cell that prints
/// without end is slowed down, and memory is not filled.
const QUEUE: usize = 1024;

/// No stream message is made longer than this by joining the next one to it.
const MAX_JOINED: usize = 1 << 20;

/// A handle to publish with, from anywhere.
#[derive(Clone)]
pub struct IoPub {
    queue: mpsc::Sender<JupyterMessage>,
}

impl IoPub {
    /// Publishes from an async task.
    pub async fn publish(&self, content: impl Into<JupyterMessageContent>, parent: &JupyterMessage) {
        let _ = self.queue.send(child(content, parent)).await;
    }

    /// Publishes unless too much waits to be sent.
    pub fn publish_if_possible(&self, content: impl Into<JupyterMessageContent>, parent: &JupyterMessage) {
        let _ = self.queue.try_send(child(content, parent));
    }

    /// Publishes from a thread.
    pub fn publish_blocking(&self, content: impl Into<JupyterMessageContent>, parent: &JupyterMessage) {
        let _ = self.queue.blocking_send(child(content, parent));
    }

    /// Publishes from a thread, with metadata.
    pub fn publish_blocking_with(
        &self,
        content: impl Into<JupyterMessageContent>,
        metadata: Data,
        parent: &JupyterMessage,
    ) {
        let message = JupyterMessage { metadata: metadata.into(), ..child(content, parent) };
        let _ = self.queue.blocking_send(message);
    }

    /// Waits until all that was published has been handed to the socket. (The last of it may still be on
    /// its way there.)
    pub async fn drained(&self) {
        let _ = self.queue.reserve_many(QUEUE).await;
    }
}

fn child(content: impl Into<JupyterMessageContent>, parent: &JupyterMessage) -> JupyterMessage {
    let mut message = JupyterMessage::new(content, Some(parent));
    // A topic for everybody, not the address of the one who asked.
    message.zmq_identities = vec![message.header.msg_type.clone().into()];
    message
}

/// Starts the task that sends what is published, and welcomes new subscribers (JEP 65).
pub fn start(mut connection: KernelIoPubXPubConnection) -> IoPub {
    let (queue, mut queued) = mpsc::channel::<JupyterMessage>(QUEUE);
    tokio::spawn(async move {
        let mut next = None;
        loop {
            let message = match next.take() {
                Some(message) => message,
                None => tokio::select! {
                    biased;
                    event = connection.recv_subscription() => match event {
                        Ok(SubscriptionEvent::Subscribe(topic)) => IoPubWelcome::new(topic).into(),
                        Ok(SubscriptionEvent::Unsubscribe(_)) | Err(_) => continue,
                    },
                    message = queued.recv() => match message {
                        Some(message) => message,
                        None => return,
                    },
                },
            };
            let (message, after) = join_streams(message, &mut queued);
            next = after;
            if let Err(error) = connection.send(dated(message)).await {
                eprintln!("threadbook: a message could not be published: {error}");
            }
        }
    });
    IoPub { queue }
}

/// Joins the stream messages that wait behind `message` to it, as long as they continue the same stream
/// of the same cell. Returns the first that does not, too.
fn join_streams(
    mut message: JupyterMessage,
    queued: &mut mpsc::Receiver<JupyterMessage>,
) -> (JupyterMessage, Option<JupyterMessage>) {
    while let JupyterMessageContent::StreamContent(stream) = &mut message.content {
        if stream.text.len() >= MAX_JOINED {
            break;
        }
        let Ok(next) = queued.try_recv() else { break };
        let same_cell = id_of_parent(&next) == message.parent_header.as_ref().map(|h| &*h.msg_id);
        match next.content {
            JupyterMessageContent::StreamContent(ref more) if same_cell && same_stream(stream, more) => {
                stream.text.push_str(&more.text);
            }
            _ => return (message, Some(next)),
        }
    }
    (message, None)
}

fn id_of_parent(message: &JupyterMessage) -> Option<&str> {
    message.parent_header.as_ref().map(|header| &*header.msg_id)
}

fn same_stream(one: &StreamContent, other: &StreamContent) -> bool {
    std::mem::discriminant(&one.name) == std::mem::discriminant(&other.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::{ExecuteRequest, Status};

    fn text(message: &JupyterMessage) -> &str {
        match &message.content {
            JupyterMessageContent::StreamContent(stream) => &stream.text,
            other => panic!("not a stream: {other:?}"),
        }
    }

    #[test]
    fn only_the_same_stream_of_the_same_cell_is_joined() {
        let (sender, mut queued) = mpsc::channel(9);
        let (one, two): (JupyterMessage, JupyterMessage) =
            (ExecuteRequest::default().into(), ExecuteRequest::default().into());
        for (content, parent) in [
            (StreamContent::stdout("a"), &one),
            (StreamContent::stdout("b"), &one),
            (StreamContent::stderr("c"), &one),
            (StreamContent::stderr("d"), &two),
        ] {
            sender.try_send(child(content, parent)).unwrap();
        }
        sender.try_send(child(Status::idle(), &two)).unwrap();
        let first = queued.try_recv().unwrap();
        let (first, next) = join_streams(first, &mut queued);
        assert_eq!(text(&first), "ab");
        let (second, next) = join_streams(next.unwrap(), &mut queued);
        assert_eq!(text(&second), "c");
        let (third, next) = join_streams(next.unwrap(), &mut queued);
        assert_eq!(text(&third), "d");
        assert!(matches!(next.unwrap().content, JupyterMessageContent::Status(_)));
    }
}
