//! The client of the analysis process.
//!
//! The process (`crates/analysis`) is started by the first question, and again if it has ended. A session works without
//! it: then there are no answers.

use super::project;
use crate::session::reply::{CompletionItem, CompletionList};
use crate::session::workspace::SessionWorkspace;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use threadbook_cargo_env::NEUTRAL_DIRECTORY;

/// The name of the package and of the program, which lies beside this one.
pub const PROGRAM: &str = "threadbook-analysis";

/// The time for an answer to a front end. The first one waits until the project has been read.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The time for an answer to a cell.
pub const CELL_TIMEOUT: Duration = Duration::from_secs(60);

/// The time after its deadline in which an empty answer may come.
const GRACE: Duration = Duration::from_secs(2);

/// The project and the tools of a session.
pub struct AnalysisInput {
    open: Value,
    environment: Vec<(OsString, Option<OsString>)>,
}

impl AnalysisInput {
    /// The place of the session that works there.
    pub fn of(workspace: &SessionWorkspace) -> AnalysisInput {
        let tools = workspace.tools();
        let open = json!({
            "op": "open", "directory": project::directory(workspace), "sysroot_src": workspace.lean_sources(),
            "cargo": tools.join("cargo"), "rustc": tools.join("rustc"), "offline": true,
        });
        let mut command = Command::new(PROGRAM);
        workspace.set_own_environment(&mut command);
        let environment = command.get_envs().map(|(name, value)| (name.to_owned(), value.map(Into::into)));
        AnalysisInput { open, environment: environment.collect() }
    }
}

/// See the module's documentation.
pub struct AnalysisProcess {
    place: AnalysisInput,
    running: Option<Running>,
    questions: u64,
}

struct Running {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
    /// Whether it has answered a question.
    is_warm: bool,
}

impl AnalysisProcess {
    /// No process yet, for this place.
    pub fn new(place: AnalysisInput) -> AnalysisProcess {
        AnalysisProcess { place, running: None, questions: 0 }
    }

    /// The text that could stand at a byte of `text`. Positions are bytes of `text`.
    pub fn complete(&mut self, text: &str, offset: usize) -> Option<CompletionList> {
        let answer = self.ask("complete", text, offset, TIMEOUT)?;
        let position = |name: &str| answer[name].as_u64().map(|at| at as usize);
        let matches = answer["matches"].as_array()?.iter().filter_map(|found| {
            let (text, kind) = (found["text"].as_str()?, found["kind"].as_str()?);
            Some(CompletionItem { text: text.to_owned(), kind: kind.to_owned().into() })
        });
        Some(CompletionList { matches: matches.collect(), start: position("start")?, end: position("end")? })
    }

    /// The meaning of the word at a byte of `text`, as plain text and as Markdown.
    pub fn describe(&mut self, text: &str, offset: usize, timeout: Duration) -> Option<(String, String)> {
        let answer = self.ask("hover", text, offset, timeout)?;
        Some((answer["plain"].as_str()?.to_owned(), answer["markdown"].as_str()?.to_owned()))
    }

    /// Whether the project has been read.
    pub fn is_warm(&self) -> bool {
        self.running.as_ref().is_some_and(|running| running.is_warm)
    }

    /// Has the project read, without waiting for that.
    pub fn warm_up(&mut self) {
        let question = self.question("complete", "", 0, TIMEOUT);
        match &mut self.running {
            // Its answer says that the process is warm.
            Some(running) => running.is_warm |= running.answers.try_recv().is_ok(),
            none => {
                *none = Running::start(&self.place);
                if let Some(running) = none {
                    let _ = running.send(&question);
                }
            }
        }
    }

    /// Has the process read the project again, if there is one.
    pub fn reload(&mut self) {
        if let Some(running) = &mut self.running
            && running.send(&json!({"op": "reload"})).is_none()
        {
            self.running = None;
        }
    }

    fn question(&mut self, op: &str, text: &str, offset: usize, timeout: Duration) -> Value {
        self.questions += 1;
        let deadline = timeout.as_millis() as u64;
        json!({"id": self.questions, "op": op, "text": text, "offset": offset, "deadline_ms": deadline})
    }

    fn ask(&mut self, op: &str, text: &str, offset: usize, timeout: Duration) -> Option<Value> {
        let question = self.question(op, text, offset, timeout);
        // A process that has ended since the last question is started again.
        for _ in 0..2 {
            let running = match &mut self.running {
                Some(running) => running,
                none => none.insert(Running::start(&self.place)?),
            };
            match running.ask(&question, timeout) {
                Ok(answer) => return Some(answer),
                // It may still be reading its project.
                Err(RecvTimeoutError::Timeout) => return None,
                Err(RecvTimeoutError::Disconnected) => self.running = None,
            }
        }
        None
    }
}

impl Running {
    fn start(place: &AnalysisInput) -> Option<Running> {
        let program = std::env::current_exe().ok()?.with_file_name(PROGRAM);
        let mut command = Command::new(program);
        command.current_dir(NEUTRAL_DIRECTORY);
        for (name, value) in &place.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (requests, output) = (child.stdin.take()?, child.stdout.take()?);
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = serde_json::from_str(&line).map(|answer| sender.send(answer));
            }
        });
        let mut running = Running { child, requests, answers, is_warm: false };
        running.send(&place.open)?;
        running.send(&json!({"op": "warm"}))?;
        Some(running)
    }

    fn send(&mut self, request: &Value) -> Option<()> {
        writeln!(self.requests, "{request}").ok()
    }

    fn ask(&mut self, question: &Value, timeout: Duration) -> Result<Value, RecvTimeoutError> {
        self.send(question).ok_or(RecvTimeoutError::Disconnected)?;
        let asked = Instant::now();
        loop {
            let answer = self.answers.recv_timeout((timeout + GRACE).saturating_sub(asked.elapsed()))?;
            self.is_warm = true;
            if answer["id"] == question["id"] {
                return Ok(answer);
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
