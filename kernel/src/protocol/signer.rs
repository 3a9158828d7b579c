//! The key and the session of messages.

use jupyter_protocol::JupyterMessage;
use std::sync::Arc;
use threadbook_jupyter::zmtp::Router;
use threadbook_jupyter::{Key, message};

/// The key that messages are signed with, and the session that they are sent in.
#[derive(Clone)]
pub struct Signer {
    pub key: Arc<Key>,
    pub session: Arc<str>,
}

impl Signer {
    /// Signs and sends a message.
    ///
    /// # Errors
    ///
    /// The message cannot be encoded, or its receiver has gone.
    pub fn send(&self, router: &Router, message: JupyterMessage) -> anyhow::Result<()> {
        Ok(router.send(&message::encode(message, &self.session, &self.key)?)?)
    }
}
