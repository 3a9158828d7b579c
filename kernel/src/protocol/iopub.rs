//! The IOPub channel: outputs and states for all front ends.

use super::signer::Signer;
use jupyter_protocol::{IoPubWelcome, JupyterMessage, JupyterMessageContent as Content, StreamContent};
use std::sync::Arc;
use threadbook_jupyter::complaint::complain;
use threadbook_jupyter::message::Parts;
use threadbook_jupyter::zmtp::{Listener, Publisher};
use threadbook_wire::JsonObject;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

/// The largest backlog of the publisher, in bytes. When it is full, publishing waits: a cell that prints without end is
/// slowed down, and memory is not filled. A message that is larger waits alone.
const MAX_QUEUED: u32 = 16 << 20;

/// The size of a message beside its content, in bytes.
const OVERHEAD: usize = 1024;

/// No stream message is made longer than this by joining the next one to it.
const MAX_JOINED: usize = 1 << 20;

/// A handle to publish with, from anywhere.
#[derive(Clone)]
pub struct IoPub {
    queue: mpsc::UnboundedSender<Queued>,
    /// A permit for each byte that may still wait. Closed when nothing is published any more.
    room: Arc<Semaphore>,
    session: Arc<str>,
}

/// A message that waits for the publisher.
struct Queued {
    message: Waiting,
    /// Its size, for as long as it waits.
    room: OwnedSemaphorePermit,
}

enum Waiting {
    /// Text, to which the next text may be joined.
    Stream(Box<JupyterMessage>),
    /// Anything else.
    Other(Parts),
}

impl IoPub {
    /// Publishes from an async task.
    pub async fn publish(&self, content: impl Into<Content>, parent: &JupyterMessage) {
        self.push(child(content, parent)).await;
    }

    /// Publishes unless too much waits to be sent.
    pub fn publish_if_possible(&self, content: impl Into<Content>, parent: &JupyterMessage) {
        if let Some((message, size)) = self.prepare(child(content, parent))
            && let Ok(room) = self.room.clone().try_acquire_many_owned(size)
        {
            let _ = self.queue.send(Queued { message, room });
        }
    }

    /// Publishes from an async task, with metadata.
    pub async fn publish_with(
        &self,
        content: impl Into<Content>,
        metadata: JsonObject,
        parent: &JupyterMessage,
    ) {
        let message = JupyterMessage { metadata: metadata.into(), ..child(content, parent) };
        self.push(message).await;
    }

    /// Waits until all that was published has been handed to the socket. (The last of it may still be on
    /// its way there.)
    pub async fn drained(&self) {
        let _ = self.room.acquire_many(MAX_QUEUED).await;
    }

    async fn push(&self, message: JupyterMessage) {
        if let Some((message, size)) = self.prepare(message)
            && let Ok(room) = self.room.clone().acquire_many_owned(size).await
        {
            let _ = self.queue.send(Queued { message, room });
        }
    }

    /// The message as it waits, and the bytes that it is counted as.
    fn prepare(&self, message: JupyterMessage) -> Option<(Waiting, u32)> {
        let (message, size) = match &message.content {
            Content::StreamContent(stream) => {
                let size = stream.text.len();
                (Waiting::Stream(Box::new(message)), size)
            }
            _ => {
                let parts = parts(message, &self.session)?;
                let size = parts.size();
                (Waiting::Other(parts), size)
            }
        };
        Some((message, u32::try_from(size + OVERHEAD).unwrap_or(MAX_QUEUED).min(MAX_QUEUED)))
    }
}

fn parts(message: JupyterMessage, session: &str) -> Option<Parts> {
    Parts::new(message, session)
        .inspect_err(|error| complain(format_args!("a message could not be published: {error}")))
        .ok()
}

fn child(content: impl Into<Content>, parent: &JupyterMessage) -> JupyterMessage {
    let mut message = JupyterMessage::new(content, Some(parent));
    // A topic, not the address of the front end that sent the request.
    message.zmq_identities = vec![message.header.msg_type.clone().into()];
    message
}

/// Starts the task that publishes, and welcomes new subscribers (JEP 65).
pub fn start(listener: Listener, signer: Signer, sockets: &mut JoinSet<()>) -> IoPub {
    let (queue, queued) = mpsc::unbounded_channel();
    let room = Arc::new(Semaphore::new(MAX_QUEUED as usize));
    let publisher = Publisher::start(listener, {
        let signer = signer.clone();
        move |topic| Some(parts(welcome(topic), &signer.session)?.sign(&signer.key))
    });
    let iopub = IoPub { queue, room: room.clone(), session: signer.session.clone() };
    sockets.spawn(async move {
        let _closing = Closing(room);
        publish(queued, publisher, signer).await;
    });
    iopub
}

/// Ends all waits for room when the publisher ends.
struct Closing(Arc<Semaphore>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The message for a front end that has just subscribed to a topic. It has that topic itself.
fn welcome(topic: &[u8]) -> JupyterMessage {
    let mut message =
        JupyterMessage::new(IoPubWelcome::new(String::from_utf8_lossy(topic).into_owned()), None);
    message.zmq_identities = vec![topic.to_vec().into()];
    message
}

async fn publish(mut queued: mpsc::UnboundedReceiver<Queued>, mut publisher: Publisher, signer: Signer) {
    let mut next = None;
    loop {
        let Some(message) = (match next.take() {
            Some(message) => Some(message),
            None => queued.recv().await,
        }) else {
            return;
        };
        let (Queued { message, room }, after) = join_streams(message, &mut queued);
        next = after;
        let parts = match message {
            Waiting::Other(parts) => Some(parts),
            Waiting::Stream(message) => parts(*message, &signer.session),
        };
        if let Some(parts) = parts {
            publisher.send(&parts.sign(&signer.key)).await;
        }
        drop(room);
    }
}

/// Joins the stream messages that wait behind `first` to it, as long as they continue the same stream
/// of the same cell. Returns the first that does not, too.
fn join_streams(mut first: Queued, queued: &mut mpsc::UnboundedReceiver<Queued>) -> (Queued, Option<Queued>) {
    while let Waiting::Stream(message) = &mut first.message
        && let Content::StreamContent(stream) = &mut message.content
        && stream.text.len() < MAX_JOINED
        && let Ok(next) = queued.try_recv()
    {
        match &next.message {
            Waiting::Stream(following)
                if id_of_parent(following)
                    == message.parent_header.as_ref().map(|header| &*header.msg_id)
                    && let Content::StreamContent(more) = &following.content
                    && same_stream(stream, more) =>
            {
                stream.text.push_str(&more.text);
                first.room.merge(next.room);
            }
            _ => return (first, Some(next)),
        }
    }
    (first, None)
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

    fn text(queued: &Queued) -> &str {
        match &queued.message {
            Waiting::Stream(message) => match &message.content {
                Content::StreamContent(stream) => &stream.text,
                other => panic!("not a stream: {other:?}"),
            },
            Waiting::Other(_) => panic!("not a stream"),
        }
    }

    #[tokio::test]
    async fn only_the_same_stream_of_the_same_cell_is_joined() {
        let (queue, mut queued) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(MAX_QUEUED as usize));
        let iopub = IoPub { queue, room: room.clone(), session: "s".into() };
        let (one, two): (JupyterMessage, JupyterMessage) =
            (ExecuteRequest::default().into(), ExecuteRequest::default().into());
        for (content, parent) in [
            (StreamContent::stdout("a"), &one),
            (StreamContent::stdout("b"), &one),
            (StreamContent::stderr("c"), &one),
            (StreamContent::stderr("d"), &two),
        ] {
            iopub.publish(content, parent).await;
        }
        iopub.publish(Status::idle(), &two).await;
        let first = queued.try_recv().unwrap();
        let (first, next) = join_streams(first, &mut queued);
        assert_eq!(text(&first), "ab");
        let (second, next) = join_streams(next.unwrap(), &mut queued);
        assert_eq!(text(&second), "c");
        let (third, next) = join_streams(next.unwrap(), &mut queued);
        assert_eq!(text(&third), "d");
        assert!(matches!(next.as_ref().unwrap().message, Waiting::Other(_)));
        assert!(room.available_permits() < MAX_QUEUED as usize);
        drop((first, second, third, next));
        assert_eq!(room.available_permits(), MAX_QUEUED as usize);
    }

    #[tokio::test]
    async fn messages_that_wait_are_counted_in_bytes() {
        let (queue, mut queued) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(MAX_QUEUED as usize));
        let iopub = IoPub { queue, room: room.clone(), session: "s".into() };
        let parent = ExecuteRequest::default().into();
        iopub.publish(StreamContent::stdout(&"x".repeat(100 << 20)), &parent).await;
        assert_eq!(room.available_permits(), 0, "a message that is larger than the room waits alone");
        iopub.publish_if_possible(Status::idle(), &parent);
        drop(queued.try_recv().unwrap());
        assert!(queued.try_recv().is_err(), "there was no room for another");
        iopub.drained().await;
    }
}
