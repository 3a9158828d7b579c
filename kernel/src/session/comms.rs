//! The comms between the companion and front ends: those that are open, and the messages that are handled.
//!
//! A front end's message goes to the companion over the wire, and counts as handled when the companion reports it: only then
//! does its sender see the kernel idle again, and send the next one.

use super::event::Cell;
use super::output::{CellOutput, CommContext};
use jupyter_protocol::{CommClose, CommId, CommMsg, CommOpen, JupyterMessage, JupyterMessageContent};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use threadbook_wire::{CommMessage, JsonObject};
use tokio::sync::oneshot;

/// See the module's documentation.
#[derive(Default)]
pub struct Comms {
    open: BTreeMap<String, OpenComm>,
    /// Messages that the companion has not handled yet.
    pending: HashMap<u64, Pending>,
    last_id: u64,
}

struct OpenComm {
    target_name: String,
    /// The cell that opened it; `None` if a front end did.
    cell: Option<Cell>,
}

/// A message of a front end that the companion handles.
struct Pending {
    parent: Arc<JupyterMessage>,
    /// The comm that the message opens.
    opens: Option<String>,
    /// Dropped when the message is handled.
    handled: oneshot::Sender<()>,
}

impl Comms {
    /// The open comms: ids, and the names of their targets.
    pub fn open(&self) -> Vec<(String, String)> {
        self.open.iter().map(|(id, comm)| (id.clone(), comm.target_name.clone())).collect()
    }

    /// Takes a message of a front end. Returns the number for the companion. `None` if there is no such comm, or no more:
    /// the front end knows, or will.
    pub fn begin(
        &mut self,
        message: &CommMessage,
        parent: Arc<JupyterMessage>,
        handled: oneshot::Sender<()>,
        output: &mut CellOutput,
    ) -> Option<u64> {
        let mut opens = None;
        let cell = match message {
            CommMessage::Open { comm_id, target_name, .. } => {
                let comm = OpenComm { target_name: target_name.clone(), cell: None };
                self.open.insert(comm_id.clone(), comm);
                opens = Some(comm_id.clone());
                None
            }
            CommMessage::Msg { comm_id, .. } => self.open.get(comm_id)?.cell.clone(),
            CommMessage::Close { comm_id, .. } => self.open.remove(comm_id)?.cell,
        };
        output.begin_context(CommContext { parent: parent.clone(), cell });
        self.last_id += 1;
        self.pending.insert(self.last_id, Pending { parent, opens, handled });
        Some(self.last_id)
    }

    /// The companion has handled a message, or never will, for a reason. A comm that was not opened is closed.
    pub fn end(&mut self, id: u64, result: Result<(), &str>, output: &mut CellOutput) {
        // A message that was given up may be handled after all.
        let Some(Pending { parent, opens, handled }) = self.pending.remove(&id) else { return };
        output.end_context();
        match (result, opens) {
            (Ok(()), _) => {}
            (Err(_), Some(comm_id)) => {
                self.open.remove(&comm_id);
                let close = CommClose { comm_id: CommId(comm_id), data: JsonObject::new() };
                output.outbox.publish(close.into(), &parent);
            }
            (Err(reason), None) => eprintln!("threadbook: a message of a comm was dropped: {reason}"),
        }
        output.outbox.reply(move || drop(handled));
    }

    /// Publishes a message of the companion.
    pub fn publish(&mut self, message: CommMessage, output: &mut CellOutput) {
        let (content, metadata): (JupyterMessageContent, _) = match message {
            CommMessage::Open { comm_id, target_name, data, metadata } => {
                let comm = OpenComm { target_name: target_name.clone(), cell: output.cell().cloned() };
                self.open.insert(comm_id.clone(), comm);
                let open = CommOpen { comm_id: CommId(comm_id), target_name, data, target_module: None };
                (open.into(), metadata)
            }
            CommMessage::Msg { comm_id, data } => {
                (CommMsg { comm_id: CommId(comm_id), data }.into(), JsonObject::new())
            }
            CommMessage::Close { comm_id, data } => {
                self.open.remove(&comm_id);
                (CommClose { comm_id: CommId(comm_id), data }.into(), JsonObject::new())
            }
        };
        if let Some(parent) = output.parent() {
            output.outbox.publish_with(content, metadata, &parent);
        }
    }

    /// The companion goes on from a checkpoint, in which it has these comms.
    pub fn keep(&mut self, ids: &[String], output: &mut CellOutput) {
        let closed: Vec<String> = self.open.keys().filter(|id| !ids.contains(id)).cloned().collect();
        for comm_id in closed {
            self.publish(CommMessage::Close { comm_id, data: JsonObject::new() }, output);
        }
    }

    /// The companion is gone, and its comms with it.
    pub fn lose(&mut self, output: &mut CellOutput) {
        self.fail("the process of the cells has ended", output);
        self.keep(&[], output);
    }

    /// The cell process has died: it will not handle its messages.
    pub fn fail(&mut self, reason: &str, output: &mut CellOutput) {
        let mut pending: Vec<u64> = self.pending.keys().copied().collect();
        pending.sort_unstable();
        for id in pending {
            self.end(id, Err(reason), output);
        }
    }

    /// The session ends, and front ends know.
    pub fn forget(&mut self) {
        self.open.clear();
    }
}
