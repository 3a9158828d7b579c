//! The client of the analysis process, which answers what could stand at a place and what stands there.
//!
//! The process (`crates/analysis`) is started by the first question, and again if it has ended. A session works without
//! it: then there are no answers.

use crate::session::workplace::Workplace;
use crate::session::{Completions, Match};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// The name of the program, which lies beside this one.
const PROGRAM: &str = "threadbook-analysis";

/// How long an answer may take: the first one waits until the project has been read.
const PATIENCE: Duration = Duration::from_secs(10);

/// See the module's documentation.
#[derive(Default)]
pub struct Analysis {
    process: Option<Process>,
    questions: u64,
}

struct Process {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Value>,
}

impl Analysis {
    /// What could stand at a byte of `text`. Positions are bytes of `text`.
    pub fn complete(&mut self, text: &str, offset: usize, workplace: &Workplace) -> Option<Completions> {
        let answer = self.ask("complete", text, offset, workplace)?;
        let position = |name: &str| answer[name].as_u64().map(|at| at as usize);
        let matches = answer["matches"].as_array()?.iter().filter_map(|found| {
            let (text, kind) = (found["text"].as_str()?, found["kind"].as_str()?);
            Some(Match { text: text.to_owned(), kind: kind.to_owned().into() })
        });
        Some(Completions { matches: matches.collect(), start: position("start")?, end: position("end")? })
    }

    /// What stands at a byte of `text`, as plain text and as Markdown.
    pub fn describe(&mut self, text: &str, offset: usize, workplace: &Workplace) -> Option<(String, String)> {
        let answer = self.ask("hover", text, offset, workplace)?;
        Some((answer["plain"].as_str()?.to_owned(), answer["markdown"].as_str()?.to_owned()))
    }

    fn ask(&mut self, op: &str, text: &str, offset: usize, workplace: &Workplace) -> Option<Value> {
        self.questions += 1;
        let id = self.questions;
        let question = json!({
            "id": id, "op": op, "text": text, "offset": offset, "deadline_ms": PATIENCE.as_millis() as u64,
        });
        // One that has ended since the last question is started again.
        for _ in 0..2 {
            let process = match &mut self.process {
                Some(process) => process,
                none => none.insert(Process::start(workplace)?),
            };
            match process.ask(&question, id) {
                Some(answer) => return Some(answer),
                None => self.process = None,
            }
        }
        None
    }
}

impl Process {
    fn start(workplace: &Workplace) -> Option<Process> {
        let program = std::env::current_exe().ok()?.with_file_name(PROGRAM);
        let mut command = Command::new(program);
        workplace.set_own_environment(&mut command);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().ok()?;
        let (requests, output) = (child.stdin.take()?, child.stdout.take()?);
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = serde_json::from_str(&line).map(|answer| sender.send(answer));
            }
        });
        let tools = workplace.tools();
        let mut process = Process { child, requests, answers };
        process.send(&json!({
            "op": "open", "directory": workplace.directory(), "sysroot_src": workplace.lean_sources(),
            "cargo": tools.join("cargo"), "rustc": tools.join("rustc"), "offline": true,
        }))?;
        process.send(&json!({"op": "warm"}))?;
        Some(process)
    }

    fn send(&mut self, request: &Value) -> Option<()> {
        writeln!(self.requests, "{request}").ok()
    }

    /// `None` if the process has ended, or does not answer.
    fn ask(&mut self, question: &Value, id: u64) -> Option<Value> {
        self.send(question)?;
        let asked = Instant::now();
        loop {
            let answer = self.answers.recv_timeout(PATIENCE.saturating_sub(asked.elapsed())).ok()?;
            if answer["id"] == id {
                return Some(answer);
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
