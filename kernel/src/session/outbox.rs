//! The messages and replies that leave the session's loop, in order.
//!
//! *Ordering:* a reply is behind all outputs that came before it, so a front end has the outputs of a cell before the
//! cell's end, and the outputs of a callback before the comm is idle.

use jupyter_protocol::{JupyterMessage, JupyterMessageContent};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use threadbook_wire::JsonObject;

/// The front ends of a session, as its loop knows them.
pub trait Front: Send + 'static {
    /// Publishes a message to all front ends. The future is ready when there is room for the message.
    fn publish(&self, publication: Publication) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Sends a question to the front end that executes the cell.
    fn ask(&self, question: JupyterMessage);
}

/// A message for all front ends.
#[derive(Debug)]
pub struct Publication {
    pub content: JupyterMessageContent,
    pub metadata: JsonObject,
    /// The request that the message belongs to.
    pub parent: Arc<JupyterMessage>,
}

/// A step out of the loop.
pub enum Outgoing {
    Publish(Publication),
    Ask(Box<JupyterMessage>),
    /// Tells a waiting thread or task the end of its work.
    Reply(Box<dyn FnOnce() + Send>),
}

/// The queue.
#[derive(Default)]
pub struct OutgoingQueue(VecDeque<Outgoing>);

impl OutgoingQueue {
    pub fn publish(&mut self, content: JupyterMessageContent, parent: &Arc<JupyterMessage>) {
        self.publish_with(content, JsonObject::new(), parent);
    }

    pub fn publish_with(
        &mut self,
        content: JupyterMessageContent,
        metadata: JsonObject,
        parent: &Arc<JupyterMessage>,
    ) {
        self.0.push_back(Outgoing::Publish(Publication { content, metadata, parent: parent.clone() }));
    }

    pub fn ask(&mut self, question: JupyterMessage) {
        self.0.push_back(Outgoing::Ask(Box::new(question)));
    }

    pub fn reply(&mut self, reply: impl FnOnce() + Send + 'static) {
        self.0.push_back(Outgoing::Reply(Box::new(reply)));
    }

    pub fn pop(&mut self) -> Option<Outgoing> {
        self.0.pop_front()
    }
}
