//! The front ends, as a session publishes to them.

use super::iopub::IoPub;
use crate::session::{Front, Publication};
use jupyter_protocol::JupyterMessage;
use std::pin::Pin;
use tokio::sync::mpsc::UnboundedSender;

/// Publishes on IOPub, and asks on stdin.
pub struct FrontEnds {
    pub iopub: IoPub,
    /// Questions, each to be sent after all that was published before it.
    pub questions: UnboundedSender<JupyterMessage>,
}

impl Front for FrontEnds {
    fn publish(&self, publication: Publication) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let iopub = self.iopub.clone();
        let Publication { content, metadata, parent } = publication;
        Box::pin(async move { iopub.publish_with(content, metadata, &parent).await })
    }

    fn ask(&self, question: JupyterMessage) {
        let _ = self.questions.send(question);
    }
}
