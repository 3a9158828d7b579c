//! What a cell prints and shows, published as it comes.

use super::limit::Limit;
use super::lock;
use super::text::Utf8Stream;
use crate::protocol::iopub::IoPub;
use crate::wire::{Kind, MimeBundle, StreamName};
use jupyter_protocol::{
    ClearOutput, ExecutionCount, JupyterMessage, JupyterMessageContent, StreamContent, UnknownMessage,
};
use serde_json::json;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Mutex;

/// The cell that outputs belong to.
#[derive(Clone)]
pub struct Cell {
    pub parent: JupyterMessage,
    pub count: ExecutionCount,
    pub silent: bool,
    /// Whether the front end takes questions to the user.
    pub allow_stdin: bool,
    /// Whether the client reads its output only while it runs.
    pub is_batch: bool,
}

impl Cell {
    /// Whether the client reads no output of this cell while the cell of the message `running` runs.
    fn is_unread_beside(&self, running: Option<&str>) -> bool {
        self.is_batch && !self.silent && running.is_some_and(|running| running != self.parent.header.msg_id)
    }
}

/// What a front end has said to a comm, while that is being handled.
pub struct Aside {
    pub parent: JupyterMessage,
    /// The cell that made what was spoken to.
    pub cell: Option<Cell>,
}

/// How many cells are remembered for what is printed later.
const REMEMBERED: usize = 64;

/// A cell that something may be printed for when others run.
struct Remembered {
    number: u64,
    cell: Cell,
    limit: Limit,
}

/// Publishes outputs for the cell that runs. When none does, they belong to the cell that made the widget
/// whose callback runs, or else to the last one.
pub struct CellOutput {
    iopub: IoPub,
    /// Where files may be put until the session ends.
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    cell: Option<Cell>,
    /// The one before a silent cell, to which what comes after that belongs.
    before: Option<Cell>,
    /// That cell has not ended yet.
    runs: bool,
    aside: Option<Aside>,
    stdout: Utf8Stream,
    stderr: Utf8Stream,
    limit: Limit,
    /// Content blocks that arrive one after the other are one bundle; this one is not complete yet.
    blocks: MimeBundle,
    /// The cell's result as text.
    result: Option<String>,
    /// The last ones come last.
    remembered: VecDeque<Remembered>,
}

impl CellOutput {
    pub fn new(iopub: IoPub, directory: PathBuf) -> CellOutput {
        CellOutput { iopub, directory, state: Mutex::default() }
    }

    /// From now on, outputs belong to `cell`.
    pub fn begin(&self, cell: Cell) {
        let mut state = lock(&self.state);
        let aside = state.aside.take();
        let remembered = std::mem::take(&mut state.remembered);
        let before = state.cell.take().filter(|_| cell.silent);
        *state = State { cell: Some(cell), before, runs: true, aside, remembered, ..Default::default() };
    }

    /// The cell has ended: what was held back goes out. A bundle of content blocks that came last is the
    /// cell's result. Returns the result as text, if there is one.
    pub fn end(&self) -> Option<String> {
        let mut state = lock(&self.state);
        let blocks = std::mem::take(&mut state.blocks);
        for (kind, rest) in [(Kind::Stdout, state.stdout.finish()), (Kind::Stderr, state.stderr.finish())] {
            self.publish_text(&mut state, kind, rest);
        }
        if !blocks.is_empty() {
            self.publish_result(&mut state, blocks, MimeBundle::new());
        }
        state.runs = false;
        if let Some(before) = state.before.take() {
            state.cell = Some(before);
        }
        state.result.take()
    }

    /// The handling of what a front end said begins.
    pub fn begin_aside(&self, aside: Aside) {
        lock(&self.state).aside = Some(aside);
    }

    /// It has been handled.
    pub fn end_aside(&self) {
        lock(&self.state).aside = None;
    }

    /// The cell that outputs belong to now.
    pub fn cell(&self) -> Option<Cell> {
        lock(&self.state).current().cloned()
    }

    /// What the comms' messages of now are about.
    pub fn parent(&self) -> Option<JupyterMessage> {
        let state = lock(&self.state);
        match &state.aside {
            Some(aside) if !state.runs => Some(aside.parent.clone()),
            _ => state.cell.as_ref().map(|cell| cell.parent.clone()),
        }
    }

    /// Bytes that user code wrote to a standard stream.
    pub fn stream(&self, kind: Kind, bytes: &[u8]) {
        let mut state = lock(&self.state);
        self.flush_blocks(&mut state);
        let decoder = if kind == Kind::Stderr { &mut state.stderr } else { &mut state.stdout };
        let text = decoder.push(bytes);
        self.publish_text(&mut state, kind, text);
    }

    /// The cell of now is to be known by this number.
    pub fn remember(&self, number: u64) {
        let mut state = lock(&self.state);
        // A process that was restored from a checkpoint may count from an earlier number on.
        state.remembered.retain(|earlier| earlier.number != number);
        if let Some(cell) = state.cell.clone() {
            state.remembered.push_back(Remembered { number, cell, limit: Limit::default() });
        }
        if state.remembered.len() > REMEMBERED {
            state.remembered.pop_front();
        }
    }

    /// Text that was printed for a cell that is remembered, or else for nobody knows whom.
    pub fn print(&self, number: u64, name: StreamName, text: &str) {
        let mut state = lock(&self.state);
        let running =
            state.cell.as_ref().filter(|_| state.runs).map(|cell| cell.parent.header.msg_id.clone());
        let found = state.remembered.iter_mut().find(|earlier| earlier.number == number);
        let found = found.filter(|earlier| !earlier.cell.is_unread_beside(running.as_deref()));
        let Some(Remembered { cell, limit, .. }) = found else {
            drop(state);
            let kind = if name == StreamName::Stderr { Kind::Stderr } else { Kind::Stdout };
            return self.stream(kind, text.as_bytes());
        };
        let count = cell.count.value();
        let passed = limit.pass(text, || self.directory.join(format!("later-output-of-cell-{count}.txt")));
        let note = passed.note.map(|note| (StreamName::Stderr, note));
        for (name, text) in [(name, passed.text.to_owned())].into_iter().chain(note) {
            if !text.is_empty() && !cell.silent {
                self.iopub.publish_blocking(stream_content(name, &text), &cell.parent);
            }
        }
    }

    /// The value of the last expression.
    pub fn result(&self, data: MimeBundle, metadata: MimeBundle) {
        let mut state = lock(&self.state);
        self.flush_blocks(&mut state);
        self.publish_result(&mut state, data, metadata);
    }

    /// Something to show, in its place.
    pub fn display(&self, data: MimeBundle, metadata: MimeBundle, display_id: Option<String>) {
        let mut state = lock(&self.state);
        self.flush_blocks(&mut state);
        self.publish(&state, display("display_data", data, metadata, display_id));
    }

    /// What to show in the place of an earlier display.
    pub fn update_display(&self, data: MimeBundle, metadata: MimeBundle, display_id: String) {
        let state = lock(&self.state);
        self.publish(&state, display("update_display_data", data, metadata, Some(display_id)));
    }

    /// Takes away what the cell has shown.
    pub fn clear(&self, wait: bool) {
        let mut state = lock(&self.state);
        self.flush_blocks(&mut state);
        self.publish(&state, ClearOutput { wait });
    }

    /// One of evcxr's content blocks.
    pub fn content_block(&self, mime: String, text: String) {
        if text == "()" {
            // The engine's own way to show the value of an expression that has none.
            return;
        }
        let mut state = lock(&self.state);
        if state.blocks.contains_key(&mime) {
            self.flush_blocks(&mut state);
        }
        state.blocks.insert(mime, text.into());
    }

    fn flush_blocks(&self, state: &mut State) {
        if !state.blocks.is_empty() {
            let data = std::mem::take(&mut state.blocks);
            self.publish(state, display("display_data", data, MimeBundle::new(), None));
        }
    }

    fn publish_result(&self, state: &mut State, data: MimeBundle, metadata: MimeBundle) {
        state.result = data.get("text/plain").and_then(|text| text.as_str()).map(str::to_owned);
        self.publish(state, result(state, data, metadata));
    }

    fn publish_text(&self, state: &mut State, kind: Kind, text: String) {
        let count = state.cell.as_ref().map_or(0, |cell| cell.count.value());
        let rest = || self.directory.join(format!("output-of-cell-{count}.txt"));
        let passed = state.limit.pass(&text, rest);
        if !passed.text.is_empty() {
            let name = if kind == Kind::Stderr { StreamName::Stderr } else { StreamName::Stdout };
            self.publish(state, stream_content(name, passed.text));
        }
        if let Some(note) = passed.note {
            self.publish(state, stream_content(StreamName::Stderr, &note));
        }
    }

    fn publish(&self, state: &State, content: impl Into<JupyterMessageContent>) {
        let content = content.into();
        match state.current() {
            Some(cell) if cell.silent => {}
            Some(cell) => self.iopub.publish_blocking(content, &cell.parent),
            // Before the first cell, only what goes wrong is printed.
            None => eprintln!("threadbook: {content:?}"),
        }
    }
}

impl State {
    fn current(&self) -> Option<&Cell> {
        let of_widget = self.aside.as_ref().and_then(|aside| aside.cell.as_ref());
        of_widget.filter(|_| !self.runs).or(self.cell.as_ref())
    }
}

fn stream_content(name: StreamName, text: &str) -> JupyterMessageContent {
    match name {
        StreamName::Stdout => StreamContent::stdout(text).into(),
        StreamName::Stderr => StreamContent::stderr(text).into(),
    }
}

// Written as JSON, so that every MIME type passes, also those that nobody has thought of yet.

fn result(state: &State, data: MimeBundle, metadata: MimeBundle) -> UnknownMessage {
    let count = state.cell.as_ref().map_or(0, |cell| cell.count.value());
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
