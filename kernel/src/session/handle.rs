//! The handle of a session.

use super::analysis::Analysis;
use super::engine::{Evaluator, refuse};
use super::engine_link::EngineLink;
use super::event::{Cell, CellJob, Event, SessionRequest};
use super::main_loop;
use super::outbox::Front;
use super::reply::{CompletionList, ExecuteOutcome};
use super::report::{Cells, Failure};
use super::state::SessionState;
use super::supervisor_link::listen;
use super::workspace::SessionWorkspace;
use jupyter_protocol::{ExecuteRequest, ExecutionCount, JupyterMessage};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use threadbook_engine::Interrupt;
use threadbook_supervisor::end_children;
use threadbook_wire::{CommMessage, InputAnswer, MimeBundle};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, channel, unbounded_channel};
use tokio::sync::oneshot;

/// The time for the engine to end. When it is still warming up, it would take seconds.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// The handle of a running session.
pub struct Session {
    events: UnboundedSender<Event>,
    /// The thread of the loop.
    thread: Mutex<Option<JoinHandle<()>>>,
    analysis: Analysis,
    /// The directory of its workspace, if it has one.
    directory: Option<PathBuf>,
    rust_version: String,
}

impl Session {
    /// Starts the loop and the engine, and returns at once. Without a workspace, every cell fails with the reason. To be
    /// called within a runtime.
    pub fn start(workspace: anyhow::Result<SessionWorkspace>, front: impl Front) -> Session {
        let runtime = Handle::current();
        let directory = workspace.as_ref().ok().map(|workspace| workspace.directory().to_owned());
        let files = directory.clone().unwrap_or_else(std::env::temp_dir);
        let rust_version = workspace.as_ref().map_or("unknown", SessionWorkspace::rust_version).to_owned();
        let workspace = workspace.and_then(|workspace| Ok((workspace.listener()?, workspace)));
        let analysis = Analysis::start(workspace.as_ref().ok().map(|(_, workspace)| workspace));
        let cells = Arc::new(Mutex::new(Cells::new(&files)));
        let compilers = Interrupt::default();
        let (events, received) = unbounded_channel();
        // One frame of the supervisor at a time.
        let (from_supervisor, supervisor) = channel(1);
        let (job_sender, jobs) = mpsc::channel();
        let state = SessionState::new(files, cells.clone(), compilers.clone(), job_sender);
        let link = EngineLink::new(events.clone(), compilers);
        let work: Box<dyn FnOnce() + Send> = match workspace {
            Ok((listener, workspace)) => {
                listen(listener, runtime.clone(), from_supervisor);
                let evaluator = Evaluator::new(workspace, link.clone(), analysis.clone(), cells);
                Box::new(move || evaluator.work(jobs))
            }
            Err(reason) => {
                let (link, reason) = (link.clone(), format!("{reason:#}"));
                Box::new(move || refuse(&link, jobs, &reason))
            }
        };
        // rustc's own threads have as much; deep expressions are parsed by recursion.
        let engine = Builder::new().name("engine".into()).stack_size(64 << 20);
        let engine = engine.spawn(move || {
            let _over = Over(link);
            work();
        });
        engine.expect("a thread can be started");
        let thread = Builder::new().name("session".into());
        let thread =
            thread.spawn(move || runtime.block_on(main_loop::run(state, received, supervisor, front)));
        let thread = Mutex::new(Some(thread.expect("a thread can be started")));
        Session { events, thread, analysis, directory, rust_version }
    }

    /// A cell has arrived, and will be executed or aborted.
    pub fn enqueue(&self) {
        self.send(SessionRequest::Enqueue);
    }

    /// A cell that arrived was executed or aborted.
    pub fn dequeue(&self) {
        self.send(SessionRequest::Dequeue);
    }

    /// The version of the compiler, such as `1.95.0`.
    pub fn rust_version(&self) -> &str {
        &self.rust_version
    }

    /// A cell is [executed](Session::execute) next. An interrupt ends it from now on.
    pub fn queued(&self) {
        self.send(SessionRequest::Queued);
    }

    /// Runs a cell. Its outputs are published before this returns. `is_batch` says that the client reads them only while the
    /// cell runs.
    pub async fn execute(
        &self,
        request: &ExecuteRequest,
        parent: JupyterMessage,
        count: ExecutionCount,
        is_batch: bool,
    ) -> ExecuteOutcome {
        let (silent, allow_stdin) = (request.silent, request.allow_stdin);
        let cell = Box::new(Cell { parent: Arc::new(parent), count, silent, allow_stdin, is_batch });
        let (answer, answered) = oneshot::channel();
        self.send(SessionRequest::Execute(CellJob { code: request.code.clone(), cell, answer }));
        answered.await.unwrap_or_else(|_| ExecuteOutcome::Failed(Failure::engine_gone()))
    }

    /// Whether a cell runs or waits, so that the engine has no time for anything else.
    pub async fn is_busy(&self) -> bool {
        self.ask(SessionRequest::IsBusy).await.unwrap_or_default()
    }

    /// The text that could stand at `cursor` (in code points). Does not wait for a cell.
    pub async fn complete(&self, code: &str, cursor: usize) -> CompletionList {
        self.analysis.complete(code, cursor, self.is_busy().await).await
    }

    /// The meaning of the code at `cursor` (in code points). Does not wait for a cell.
    pub async fn inspect(&self, code: &str, cursor: usize) -> Option<MimeBundle> {
        self.analysis.inspect(code, cursor, self.is_busy().await).await
    }

    /// Takes the user's answer to the question in the `message` of this id, if the front end names one.
    pub fn answer(&self, message: Option<&str>, answer: InputAnswer) {
        self.send(SessionRequest::Answer { message: message.map(str::to_owned), answer });
    }

    /// The open comms: ids, and the names of their targets.
    pub async fn comms(&self) -> Vec<(String, String)> {
        self.ask(SessionRequest::ListComms).await.unwrap_or_default()
    }

    /// Passes a front end's message to a comm. Returns when the companion has handled it, also while a cell runs.
    pub async fn comm(&self, message: CommMessage, parent: &JupyterMessage) {
        let parent = Arc::new(parent.clone());
        let _ = self.ask(|handled| SessionRequest::Comm { message, parent, handled }).await;
    }

    /// Ends the cell that runs, or its compilation; does nothing when idle.
    pub fn interrupt(&self) {
        self.send(SessionRequest::Interrupt);
    }

    /// Ends the engine, the cell process, and the session's own directory. The kernel's process is to end next: an engine
    /// that is too busy to end goes on until then.
    pub async fn close(&self) {
        self.send(SessionRequest::Close);
        let Some(thread) = super::lock::lock(&self.thread).take() else { return };
        let ended = tokio::task::spawn_blocking(move || thread.join());
        if tokio::time::timeout(END_TIMEOUT, ended).await.is_err() {
            end_children(std::process::id(), None);
            let _ = self.directory.as_ref().map(std::fs::remove_dir_all);
            self.send(SessionRequest::Abandon);
        }
    }

    fn send(&self, request: SessionRequest) {
        let _ = self.events.send(Event::Request(request));
    }

    /// Waits for the reply. `None` if the loop has ended.
    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> SessionRequest) -> Option<T> {
        let (reply, replied) = oneshot::channel();
        self.send(request(reply));
        replied.await.ok()
    }
}

/// Tells the loop that the engine's thread has ended, also by a panic.
struct Over(EngineLink);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.end();
    }
}
