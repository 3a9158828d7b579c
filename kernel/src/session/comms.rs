//! The comms between the companion and front ends: which are open, and what is said over them.
//!
//! A front end's message goes to the companion over the wire, and counts as handled when the companion says
//! so: only then does its sender see the kernel idle again, and send the next one.

use super::lock;
use super::output::{Aside, Cell, CellOutput};
use crate::protocol::iopub::IoPub;
use jupyter_protocol::{CommClose, CommId, CommMsg, CommOpen, JupyterMessage, JupyterMessageContent};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use threadbook_wire::{CommMessage, JsonObject};
use tokio::sync::oneshot;

/// See the module's documentation.
pub struct Comms {
    iopub: IoPub,
    output: Arc<CellOutput>,
    /// Never locked while anything is published: tasks lock it too.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    open: BTreeMap<String, Open>,
    /// Messages that the companion has not handled yet.
    asked: HashMap<u64, oneshot::Sender<Handled>>,
    last_id: u64,
}

struct Open {
    target_name: String,
    /// The cell that opened it; `None` if a front end did.
    cell: Option<Cell>,
}

/// Whether the companion has handled a message, or why it could not.
pub type Handled = Result<(), String>;

impl Comms {
    pub fn new(iopub: IoPub, output: Arc<CellOutput>) -> Comms {
        Comms { iopub, output, state: Mutex::default() }
    }

    /// The open comms: ids, and the names of their targets.
    pub fn open(&self) -> Vec<(String, String)> {
        let state = lock(&self.state);
        state.open.iter().map(|(id, comm)| (id.clone(), comm.target_name.clone())).collect()
    }

    /// A front end says something. Returns the number under which the companion is to be told, and where
    /// its answer will be; `None` if there is no such comm.
    pub fn ask(
        &self,
        message: &CommMessage,
        parent: JupyterMessage,
    ) -> Option<(u64, oneshot::Receiver<Handled>)> {
        let mut state = lock(&self.state);
        let cell = match message {
            CommMessage::Open { comm_id, target_name, .. } => {
                let comm = Open { target_name: target_name.clone(), cell: None };
                state.open.insert(comm_id.clone(), comm);
                None
            }
            CommMessage::Msg { comm_id, .. } => state.open.get(comm_id)?.cell.clone(),
            CommMessage::Close { comm_id, .. } => state.open.remove(comm_id)?.cell,
        };
        drop(state);
        self.output.begin_aside(Aside { parent, cell });
        let mut state = lock(&self.state);
        state.last_id += 1;
        let id = state.last_id;
        let (answer, answered) = oneshot::channel();
        state.asked.insert(id, answer);
        Some((id, answered))
    }

    /// The companion has handled a message, or will not.
    pub fn answer(&self, id: u64, handled: Handled) {
        // One that has been given up may be answered after all.
        if let Some(asker) = lock(&self.state).asked.remove(&id) {
            self.output.end_aside();
            let _ = asker.send(handled);
        }
    }

    /// Tells a front end that what it has opened is closed.
    pub async fn refuse(&self, comm_id: &str, parent: &JupyterMessage) {
        lock(&self.state).open.remove(comm_id);
        let close = CommClose { comm_id: CommId(comm_id.to_owned()), data: JsonObject::new() };
        self.iopub.publish(close, parent).await;
    }

    /// The companion says something.
    pub fn hear(&self, message: CommMessage) {
        let cell = self.output.cell();
        let mut state = lock(&self.state);
        let (content, metadata): (JupyterMessageContent, _) = match message {
            CommMessage::Open { comm_id, target_name, data, metadata } => {
                let comm = Open { target_name: target_name.clone(), cell };
                state.open.insert(comm_id.clone(), comm);
                let open = CommOpen { comm_id: CommId(comm_id), target_name, data, target_module: None };
                (open.into(), metadata)
            }
            CommMessage::Msg { comm_id, data } => {
                (CommMsg { comm_id: CommId(comm_id), data }.into(), JsonObject::new())
            }
            CommMessage::Close { comm_id, data } => {
                state.open.remove(&comm_id);
                (CommClose { comm_id: CommId(comm_id), data }.into(), JsonObject::new())
            }
        };
        drop(state);
        if let Some(parent) = self.output.parent() {
            self.iopub.publish_blocking_with(content, metadata, &parent);
        }
    }

    /// The companion goes on from a checkpoint, in which it has these comms.
    pub fn keep(&self, ids: &[String]) {
        self.close_all_but(ids);
    }

    /// The companion is gone, and with it its comms.
    pub fn lose(&self) {
        self.give_up("the process of the cells has ended");
        self.close_all_but(&[]);
    }

    /// The process of the cells has died: nobody will answer what it was asked.
    pub fn give_up(&self, reason: &str) {
        let asked: Vec<u64> = lock(&self.state).asked.keys().copied().collect();
        for id in asked {
            self.answer(id, Err(reason.to_owned()));
        }
    }

    /// The session ends: front ends need not be told.
    pub fn forget(&self) {
        lock(&self.state).open.clear();
    }

    fn close_all_but(&self, kept: &[String]) {
        let gone = |id: &String| !kept.contains(id);
        let closed: Vec<String> = lock(&self.state).open.keys().filter(|id| gone(id)).cloned().collect();
        for comm_id in closed {
            self.hear(CommMessage::Close { comm_id, data: JsonObject::new() });
        }
    }
}
