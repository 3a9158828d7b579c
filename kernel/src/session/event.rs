//! The events of a session: all that its loop learns.

use super::reply::ExecuteOutcome;
use jupyter_protocol::{ExecutionCount, JupyterMessage};
use nix::unistd::Pid;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use threadbook_wire::{
    CellEnd, CodeAddress, CommMessage, FrameKind, InputAnswer, Message, MimeBundle, PanicPlace, RunCell,
};
use tokio::sync::oneshot;

/// An event.
pub enum Event {
    /// The protocol asks for something.
    Request(SessionRequest),
    /// The engine has come to a step of a cell.
    Engine(EngineStep),
    /// The supervisor has sent something.
    Supervisor(FromSupervisor),
    /// Time has passed.
    Tick,
}

/// A request of the protocol.
pub enum SessionRequest {
    /// A cell has arrived, and will be executed or aborted.
    Enqueue,
    /// A cell that arrived was executed or aborted.
    Dequeue,
    /// A cell is executed next. An interrupt ends it from now on.
    Queued,
    /// Executes a cell.
    Execute(CellJob),
    /// Asks whether a cell runs or waits.
    IsBusy(oneshot::Sender<bool>),
    /// The user's answer to the question in the `message` of this id, or to the question of now.
    Answer { message: Option<String>, answer: InputAnswer },
    /// Asks for the open comms: ids, and the names of their targets.
    ListComms(oneshot::Sender<Vec<(String, String)>>),
    /// A front end's message to a comm. `handled` is dropped when the companion has handled it.
    Comm { message: CommMessage, parent: Arc<JupyterMessage>, handled: oneshot::Sender<()> },
    /// Ends the cell that runs, or its compilation, and the cells that wait.
    Interrupt,
    /// Ends the session. The loop goes on until the engine has ended.
    Close,
    /// Ends the loop at once.
    Abandon,
}

/// A cell to execute.
pub struct CellJob {
    pub code: String,
    pub cell: Box<Cell>,
    pub answer: oneshot::Sender<ExecuteOutcome>,
}

/// The cell that outputs belong to.
#[derive(Clone)]
pub struct Cell {
    /// The request of the front end.
    pub parent: Arc<JupyterMessage>,
    pub count: ExecutionCount,
    pub silent: bool,
    /// Whether the front end takes questions to the user.
    pub allow_stdin: bool,
    /// Whether the client reads its output only while it runs.
    pub is_batch: bool,
}

impl Cell {
    /// Whether the client reads no output of this cell while the cell of the message `running` runs.
    pub fn is_unread_beside(&self, running: Option<&str>) -> bool {
        self.is_batch && !self.silent && running.is_some_and(|running| running != self.parent.header.msg_id)
    }
}

/// A step of the engine. A `reply` is behind the outputs that came before it where the step says so.
pub enum EngineStep {
    /// A cell begins. The reply is false if the cell was interrupted before.
    Begin { cell: Box<Cell>, reply: Sender<bool> },
    /// Outputs belong to this cell from now on.
    BeginOutput(Box<Cell>),
    /// A line of the engine on standard error.
    Stderr(String),
    /// Shows a value.
    Display(MimeBundle),
    /// Shows a value as the cell's result.
    Result(MimeBundle),
    /// The crates of the cell.
    Dependencies(DependencyStep),
    /// Runs a compiled cell. The reply is its end.
    Run { cell: RunCell, reply: Sender<RunEnd> },
    /// The cell has ended. The reply is behind its outputs.
    End { by_death: bool, reply: Sender<CellEvents> },
    /// The cell has no more outputs. The reply is its result as text, behind its outputs.
    EndOutput(Sender<Option<String>>),
    /// Asks whether the cell process was restored since the last time.
    WasRestored(Sender<bool>),
    /// Asks for the number of supervisors that have connected so far.
    Connected(Sender<u64>),
    /// Waits until more than `before` supervisors have connected.
    AwaitSupervisor { before: u64, reply: Sender<()> },
    /// The process to end when a cell does not end otherwise.
    Supervise { pid: Option<Pid>, reply: Sender<()> },
    /// The engine has ended.
    Over,
}

/// A step towards the crates that a cell asks for.
pub enum DependencyStep {
    /// The cell asks for these crates.
    Begin(Vec<String>),
    /// cargo compiles a crate.
    Compiling { name: String, version: String },
    /// The crates are compiled.
    Ready,
    /// The work has ended, well or not.
    End,
}

/// An event of the supervisor, in the order in which it was sent.
pub enum FromSupervisor {
    /// A supervisor has connected. Commands for it, in JSON, go to this channel.
    Connected(Sender<Vec<u8>>),
    /// Bytes that user code wrote to a standard stream.
    Output(FrameKind, Vec<u8>),
    /// A message.
    Message(Message),
    /// The supervisor has gone.
    Gone,
}

/// The end of a [`RunCell`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// The cell has ended in its process.
    Ended,
    /// The cell did not begin, or its process died and another one goes on.
    NotAtAll,
    /// The process died with all variables.
    Gone,
}

/// The events of a cell beside its outputs.
#[derive(Clone, Debug, Default)]
pub struct CellEvents {
    pub panic: Option<Panic>,
    /// The last panic of another thread. If it is carried on into the cell's thread, it is the cell's.
    pub elsewhere: Option<Panic>,
    /// The panic ended the cell; otherwise the cell caught it.
    pub panicked: bool,
    pub died: Option<ProcessDeath>,
    pub interrupted: bool,
    /// The reason why the cell ended before its last statement.
    pub end: Option<CellEnd>,
}

/// A panic's message and place, and the calls that led there.
#[derive(Clone, Debug, Default)]
pub struct Panic {
    pub message: String,
    pub place: PanicPlace,
    pub frames: Vec<CodeAddress>,
}

/// The end of the cell process.
#[derive(Clone, Debug)]
pub struct ProcessDeath {
    pub signal: Option<i32>,
    pub code: Option<i32>,
    /// Another process goes on in its place, with the variables.
    pub restored: bool,
    /// The parts that the other process lacks, in words: connections, pipes, locks.
    pub lost: String,
}
