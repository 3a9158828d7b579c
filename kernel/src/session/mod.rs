//! A session: one engine, its variables, and the cells that are run in it.
//!
//! [`Session`] is the handle that the protocol front holds. The engine works in a thread of its own
//! ([`engine`]), started at once so that it is warm when the first cell comes. The output of cells
//! arrives over the wire ([`link`]) and is published as it arrives ([`output`]), their questions go to the
//! user ([`questions`]), and the messages of widgets and front ends pass through [`comms`]. Magics
//! are turned into Rust first ([`magics`]); failures are put in words for people
//! ([`report`]). Completion and help come from another thread ([`analysis`]), while cells run as well. A session knows
//! nothing of ZeroMQ.

mod analysis;
mod building;
mod code_hash;
mod comms;
mod engine;
mod jobs;
mod last_expression;
mod limit;
mod link;
pub mod magics;
mod output;
mod questions;
mod report;
mod rewriting;
mod text;
mod workplace;

#[cfg(test)]
pub use {
    analysis::Names,
    code_hash::with_code_hash,
    text::{Utf8Stream, byte_offset, code_points},
};

pub use analysis::PROGRAM as ANALYSIS;
pub use engine::{cache_directory, prepare};
pub use last_expression::without_commands;
pub use report::Failure;
pub use workplace::{SOURCES, Workplace};

use crate::protocol::iopub::IoPub;
use crate::protocol::stdin::Stdin;
use crate::runtime::processes;
use crate::wire::{Answer, CommMessage, MimeBundle};
use analysis::Analysis;
use comms::{Comms, Handled};
use engine::Evaluator;
use jobs::Job;
use jupyter_protocol::{ExecuteRequest, ExecutionCount, JupyterMessage};
use link::Link;
use output::{Cell, CellOutput};
use questions::Questions;
use report::Cells;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// How a cell ended.
pub enum Outcome {
    Done {
        /// What the user asked to read (`:help`, `:doc`), for the front end's pager.
        pages: Vec<MimeBundle>,
        /// The value of the last expression as text.
        result: Option<String>,
    },
    Failed(Failure),
}

/// What could stand at the cursor. Positions are in code points.
#[derive(Default)]
pub struct Completions {
    pub matches: Vec<Match>,
    pub start: usize,
    pub end: usize,
}

/// What could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Match {
    pub text: String,
    /// What it is, in a word that front ends have an icon for: "function", "class", "instance", "module".
    pub kind: Cow<'static, str>,
}

/// The handle to a running session.
pub struct Session {
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    link: Arc<Link>,
    analysis: Analysis,
    /// That of its workplace, if it has one.
    directory: Option<PathBuf>,
    comms: Arc<Comms>,
    /// How many cells the protocol front has taken that are not over.
    cells: AtomicUsize,
    rust_version: String,
}

/// How long the engine may take to end. When it is still warming up, it would take seconds.
const END: Duration = Duration::from_secs(1);

impl Session {
    /// Starts the engine in the background and returns at once. Without a workplace, every cell is told why.
    pub fn start(workplace: anyhow::Result<Workplace>, iopub: IoPub, stdin: Stdin) -> Session {
        let (sender, jobs) = mpsc::channel();
        let directory = workplace.as_ref().ok().map(|workplace| workplace.directory().to_owned());
        let files = directory.clone().unwrap_or_else(std::env::temp_dir);
        let output = Arc::new(CellOutput::new(iopub.clone(), files.clone()));
        let comms = Arc::new(Comms::new(iopub, output.clone()));
        let questions = Questions::new(stdin);
        let cells = Arc::new(Mutex::new(Cells::new(&files)));
        let link = Link::new(output.clone(), questions, comms.clone(), cells.clone());
        let rust_version = workplace.as_ref().map_or("unknown", Workplace::rust_version).to_owned();
        let workplace = workplace.and_then(|workplace| Ok((workplace.listener()?, workplace)));
        let analysis = Analysis::start(workplace.as_ref().ok().map(|(_, workplace)| workplace));
        let work: Box<dyn FnOnce(mpsc::Receiver<Job>) + Send> = match workplace {
            Ok((listener, workplace)) => {
                link.listen(listener);
                let evaluator = Evaluator::new(workplace, link.clone(), output, analysis.clone(), cells);
                Box::new(move |jobs| evaluator.work(jobs))
            }
            Err(reason) => {
                let (link, reason) = (link.clone(), format!("{reason:#}"));
                Box::new(move |jobs| jobs::refuse(&link, jobs, &reason))
            }
        };
        let thread = std::thread::Builder::new()
            .name("engine".into())
            // rustc's own threads have as much; deep expressions are parsed by recursion.
            .stack_size(64 << 20)
            .spawn(move || work(jobs))
            .expect("a thread can be started");
        Session {
            jobs: Mutex::new(Some(sender)),
            thread: Mutex::new(Some(thread)),
            link,
            analysis,
            directory,
            comms,
            cells: AtomicUsize::new(0),
            rust_version,
        }
    }

    /// A cell has come, and will be executed when it is its turn.
    pub fn cell_comes(&self) {
        self.cells.fetch_add(1, Ordering::Relaxed);
    }

    /// A cell that came has been executed, or never will be.
    pub fn cell_is_over(&self) {
        self.cells.fetch_sub(1, Ordering::Relaxed);
    }

    /// The version of the compiler, such as `1.95.0`.
    pub fn rust_version(&self) -> &str {
        &self.rust_version
    }

    /// A cell is going to be [executed](Session::execute). An interrupt ends it from now on.
    pub fn cell_waits(&self) {
        self.link.cell_waits();
    }

    /// Runs a cell, publishing its outputs as they come. `is_batch` says that the client reads them only while the cell runs.
    pub async fn execute(
        &self,
        request: &ExecuteRequest,
        parent: JupyterMessage,
        count: ExecutionCount,
        is_batch: bool,
    ) -> Outcome {
        let (silent, allow_stdin) = (request.silent, request.allow_stdin);
        let cell = Box::new(Cell { parent, count, silent, allow_stdin, is_batch });
        let (answer, answered) = oneshot::channel();
        self.send(Job { code: request.code.clone(), cell, answer });
        answered.await.unwrap_or_else(|_| Outcome::Failed(Failure::engine_gone()))
    }

    /// Whether a cell runs or waits, so that the engine has no time for anything else.
    pub fn is_busy(&self) -> bool {
        self.cells.load(Ordering::Relaxed) > 0 || self.link.is_busy()
    }

    /// The text that could stand at `cursor` (in code points). Does not wait for a cell.
    pub async fn complete(&self, code: &str, cursor: usize) -> Completions {
        self.analysis.complete(code, cursor, self.is_busy()).await
    }

    /// The meaning of the code at `cursor` (in code points). Does not wait for a cell.
    pub async fn inspect(&self, code: &str, cursor: usize) -> Option<MimeBundle> {
        self.analysis.inspect(code, cursor, self.is_busy()).await
    }

    /// Takes the user's answer to what a cell has asked in `message`, if the front end says which.
    pub fn answer(&self, message: Option<&str>, answer: Answer) {
        self.link.answer(message, answer);
    }

    /// The open comms: ids, and the names of their targets.
    pub fn comms(&self) -> Vec<(String, String)> {
        self.comms.open()
    }

    /// A front end says something to a comm. Returns when it has been handled, also while a cell runs.
    pub async fn comm(&self, message: CommMessage, parent: &JupyterMessage) {
        let opened = match &message {
            CommMessage::Open { comm_id, .. } => Some(comm_id.clone()),
            _ => None,
        };
        if let Err(reason) = self.tell_comm(message, parent.clone()).await {
            match opened {
                Some(comm_id) => self.comms.refuse(&comm_id, parent).await,
                None => eprintln!("threadbook: a message of a comm was dropped: {reason}"),
            }
        }
    }

    async fn tell_comm(&self, message: CommMessage, parent: JupyterMessage) -> Handled {
        let (comms, link) = (self.comms.clone(), self.link.clone());
        // Not in a task: this may wait for outputs to be published, which a task does.
        let asking = tokio::task::spawn_blocking(move || {
            let (id, answered) = comms.ask(&message, parent)?;
            link.tell_comm(id, message);
            Some(answered)
        });
        match asking.await {
            Ok(Some(answered)) => answered.await.unwrap_or_else(|_| Err("the session has ended".to_owned())),
            // The comm is not open: it was refused, or its other end has closed it, and the front end is told so.
            _ => Ok(()),
        }
    }

    /// Ends the cell that runs, or its compilation; does nothing when idle.
    pub fn interrupt(&self) {
        self.link.interrupt();
    }

    /// Ends the engine, the process of the cells, and the session's own directory. The process is to end
    /// next: an engine that is too busy to end goes on until then.
    pub async fn close(&self) {
        lock(&self.jobs).take();
        self.comms.forget();
        self.link.interrupt();
        let Some(thread) = lock(&self.thread).take() else { return };
        let ended = tokio::task::spawn_blocking(move || thread.join());
        if tokio::time::timeout(END, ended).await.is_err() {
            processes::end_children(std::process::id(), None);
            let _ = self.directory.as_ref().map(std::fs::remove_dir_all);
        }
    }

    fn send(&self, job: Job) {
        if let Some(jobs) = &*lock(&self.jobs) {
            let _ = jobs.send(job);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
