//! The stdin channel: questions to the user of the front end that runs a cell.

use jupyter_protocol::{InputRequest, JupyterMessage};
use tokio::sync::mpsc;

/// A handle to ask with, from anywhere.
#[derive(Clone)]
pub struct Stdin {
    queue: mpsc::UnboundedSender<JupyterMessage>,
}

impl Stdin {
    /// The handle, and where its questions come out.
    pub fn new() -> (Stdin, mpsc::UnboundedReceiver<JupyterMessage>) {
        let (queue, questions) = mpsc::unbounded_channel();
        (Stdin { queue }, questions)
    }

    /// Asks the client that sent `parent`. Returns the id of the message.
    pub fn ask(&self, request: InputRequest, parent: &JupyterMessage) -> String {
        let message = JupyterMessage::new(request, Some(parent));
        let id = message.header.msg_id.clone();
        let _ = self.queue.send(message);
        id
    }
}
