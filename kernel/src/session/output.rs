//! The outputs of cells: their texts and displays, each for the cell that it belongs to.

use super::event::Cell;
use super::limit::Limit;
use super::outbox::OutgoingQueue;
use super::text::Utf8Stream;
use jupyter_protocol::{ClearOutput, JupyterMessage, JupyterMessageContent, StreamContent, UnknownMessage};
use serde_json::json;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use threadbook_wire::{FrameKind, MimeBundle, StreamName};

/// A comm message of a front end while it is handled.
pub struct CommContext {
    pub parent: Arc<JupyterMessage>,
    /// The cell that made the comm.
    pub cell: Option<Cell>,
}

/// The number of cells that are remembered for late output.
const MAX_REMEMBERED: usize = 64;

/// A cell that may get output while others run.
struct Remembered {
    number: u64,
    cell: Cell,
    limit: Limit,
}

/// Attributes outputs to the cell that runs. When none does, they belong to the cell that made the widget whose callback
/// runs, or else to the last cell.
pub struct CellOutput {
    /// The way to the front ends.
    pub outbox: OutgoingQueue,
    /// The directory for files that live until the session ends.
    directory: PathBuf,
    cell: Option<Cell>,
    /// The cell before a silent one. Outputs belong to it again after that.
    before: Option<Cell>,
    /// The cell has not ended yet.
    runs: bool,
    context: Option<CommContext>,
    stdout: Utf8Stream,
    stderr: Utf8Stream,
    limit: Limit,
    /// Content blocks that arrive one after the other are one bundle; this one is not complete yet.
    blocks: MimeBundle,
    /// The cell's result as text.
    result: Option<String>,
    /// The newest comes last.
    remembered: VecDeque<Remembered>,
}

impl CellOutput {
    pub fn new(directory: PathBuf) -> CellOutput {
        CellOutput {
            outbox: OutgoingQueue::default(),
            directory,
            cell: None,
            before: None,
            runs: false,
            context: None,
            stdout: Utf8Stream::default(),
            stderr: Utf8Stream::default(),
            limit: Limit::default(),
            blocks: MimeBundle::new(),
            result: None,
            remembered: VecDeque::new(),
        }
    }

    /// Outputs belong to `cell` from now on.
    pub fn begin(&mut self, cell: Cell) {
        self.before = self.cell.take().filter(|_| cell.silent);
        self.cell = Some(cell);
        self.runs = true;
        (self.stdout, self.stderr) = Default::default();
        (self.limit, self.blocks, self.result) = Default::default();
    }

    /// The cell has ended: text that was held back is published. A bundle of content blocks that came last is the cell's
    /// result. Returns the result as text, if there is one.
    pub fn end(&mut self) -> Option<String> {
        let blocks = std::mem::take(&mut self.blocks);
        let (out, err) = (self.stdout.finish(), self.stderr.finish());
        self.publish_text(FrameKind::Stdout, out);
        self.publish_text(FrameKind::Stderr, err);
        if !blocks.is_empty() {
            self.publish_result(blocks, MimeBundle::new());
        }
        self.runs = false;
        if let Some(before) = self.before.take() {
            self.cell = Some(before);
        }
        self.result.take()
    }

    /// The companion handles a message of a front end from now on.
    pub fn begin_context(&mut self, context: CommContext) {
        self.context = Some(context);
    }

    /// The companion has handled the message.
    pub fn end_context(&mut self) {
        self.context = None;
    }

    /// The cell that outputs belong to now.
    pub fn cell(&self) -> Option<&Cell> {
        let of_widget = self.context.as_ref().and_then(|context| context.cell.as_ref());
        of_widget.filter(|_| !self.runs).or(self.cell.as_ref())
    }

    /// The request that comm messages belong to now.
    pub fn parent(&self) -> Option<Arc<JupyterMessage>> {
        match &self.context {
            Some(context) if !self.runs => Some(context.parent.clone()),
            _ => self.cell.as_ref().map(|cell| cell.parent.clone()),
        }
    }

    /// Bytes that user code wrote to a standard stream.
    pub fn stream(&mut self, kind: FrameKind, bytes: &[u8]) {
        self.flush_blocks();
        let decoder = if kind == FrameKind::Stderr { &mut self.stderr } else { &mut self.stdout };
        let text = decoder.push(bytes);
        self.publish_text(kind, text);
    }

    /// Registers the cell of now under a number.
    pub fn remember(&mut self, number: u64) {
        // A process that was restored from a checkpoint may count from an earlier number on.
        self.remembered.retain(|earlier| earlier.number != number);
        if let Some(cell) = self.cell.clone() {
            self.remembered.push_back(Remembered { number, cell, limit: Limit::default() });
        }
        if self.remembered.len() > MAX_REMEMBERED {
            self.remembered.pop_front();
        }
    }

    /// Late output: attributed to cell `number` if it is remembered and its client still reads its outputs, otherwise to the
    /// cell of now.
    pub fn print(&mut self, number: u64, name: StreamName, text: &str) {
        let running = self.cell.as_ref().filter(|_| self.runs).map(|cell| &*cell.parent.header.msg_id);
        let found = self.remembered.iter_mut().find(|earlier| earlier.number == number);
        let found = found.filter(|earlier| !earlier.cell.is_unread_beside(running));
        let Some(Remembered { cell, limit, .. }) = found else {
            let kind = if name == StreamName::Stderr { FrameKind::Stderr } else { FrameKind::Stdout };
            return self.stream(kind, text.as_bytes());
        };
        let count = cell.count.value();
        let passed = limit.pass(text, || self.directory.join(format!("later-output-of-cell-{count}.txt")));
        let note = passed.note.map(|note| (StreamName::Stderr, note));
        for (name, text) in [(name, passed.text.to_owned())].into_iter().chain(note) {
            if !text.is_empty() && !cell.silent {
                self.outbox.publish(stream_content(name, &text), &cell.parent);
            }
        }
    }

    /// Shows the value of the last expression.
    pub fn result(&mut self, data: MimeBundle, metadata: MimeBundle) {
        self.flush_blocks();
        self.publish_result(data, metadata);
    }

    /// Shows a value in its place.
    pub fn display(&mut self, data: MimeBundle, metadata: MimeBundle, display_id: Option<String>) {
        self.flush_blocks();
        self.publish(display("display_data", data, metadata, display_id));
    }

    /// Replaces an earlier display.
    pub fn update_display(&mut self, data: MimeBundle, metadata: MimeBundle, display_id: String) {
        self.publish(display("update_display_data", data, metadata, Some(display_id)));
    }

    /// Removes the cell's outputs.
    pub fn clear(&mut self, wait: bool) {
        self.flush_blocks();
        self.publish(ClearOutput { wait });
    }

    /// One of evcxr's content blocks.
    pub fn content_block(&mut self, mime: String, text: String) {
        if text == "()" {
            // evcxr shows the value of an expression without a value so.
            return;
        }
        if self.blocks.contains_key(&mime) {
            self.flush_blocks();
        }
        self.blocks.insert(mime, text.into());
    }

    fn flush_blocks(&mut self) {
        if !self.blocks.is_empty() {
            let data = std::mem::take(&mut self.blocks);
            self.publish(display("display_data", data, MimeBundle::new(), None));
        }
    }

    fn publish_result(&mut self, data: MimeBundle, metadata: MimeBundle) {
        self.result = data.get("text/plain").and_then(|text| text.as_str()).map(str::to_owned);
        self.publish(result(self.count(), data, metadata));
    }

    fn publish_text(&mut self, kind: FrameKind, text: String) {
        let count = self.count();
        let passed = self.limit.pass(&text, || self.directory.join(format!("output-of-cell-{count}.txt")));
        let name = if kind == FrameKind::Stderr { StreamName::Stderr } else { StreamName::Stdout };
        if !passed.text.is_empty() {
            self.publish(stream_content(name, passed.text));
        }
        if let Some(note) = passed.note {
            self.publish(stream_content(StreamName::Stderr, &note));
        }
    }

    fn publish(&mut self, content: impl Into<JupyterMessageContent>) {
        let content = content.into();
        match self.cell().map(|cell| (cell.silent, cell.parent.clone())) {
            Some((true, _)) => {}
            Some((false, parent)) => self.outbox.publish(content, &parent),
            // Before the first cell, only errors are printed.
            None => eprintln!("threadbook: {content:?}"),
        }
    }

    fn count(&self) -> usize {
        self.cell.as_ref().map_or(0, |cell| cell.count.value())
    }
}

fn stream_content(name: StreamName, text: &str) -> JupyterMessageContent {
    match name {
        StreamName::Stdout => StreamContent::stdout(text).into(),
        StreamName::Stderr => StreamContent::stderr(text).into(),
    }
}

// Written as JSON, so that every MIME type passes, also types of the future.

fn result(count: usize, data: MimeBundle, metadata: MimeBundle) -> UnknownMessage {
    UnknownMessage {
        msg_type: "execute_result".into(),
        content: json!({"data": data, "metadata": metadata, "execution_count": count}),
    }
}

fn display(
    msg_type: &str,
    data: MimeBundle,
    metadata: MimeBundle,
    display_id: Option<String>,
) -> UnknownMessage {
    let transient = display_id.map_or(json!({}), |id| json!({"display_id": id}));
    UnknownMessage {
        msg_type: msg_type.into(),
        content: json!({"data": data, "metadata": metadata, "transient": transient}),
    }
}
