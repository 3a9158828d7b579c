//! Completion and help: the names and the meaning of the code at a place in a cell.
//!
//! A thread of its own answers, so that no answer waits for a cell. It asks the analysis process ([`process`]) about a
//! program that has the items and variables of the session. Without an answer from there, or while that process is still
//! reading its project and a cell runs, it answers by the names alone that have occurred ([`names`]).

mod calls;
mod names;
mod process;
mod project;

pub use names::Names;
pub use process::PROGRAM;
pub use project::write as write_project;

use super::text::{byte_offset, code_points};
use super::workplace::Workplace;
use super::{Completions, Match, lock, magics};
use crate::wire::MimeBundle;
use names::{end_of_word, start_of_word};
use process::{CELL_TIMEOUT, Place, Process, TIMEOUT};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;
use threadbook_engine::Program;
use tokio::sync::oneshot;

/// The handle of the thread. Clones ask the same one, which ends with the last of them.
#[derive(Clone)]
pub struct Analysis {
    questions: mpsc::Sender<Question>,
    names: Arc<Names>,
    /// The program of the session after its last cell.
    program: Arc<Mutex<Program>>,
}

/// A question for the thread. Positions are in code points.
enum Question {
    Complete {
        code: String,
        cursor: usize,
        is_busy: bool,
        answer: oneshot::Sender<Completions>,
    },
    Inspect {
        code: String,
        cursor: usize,
        is_busy: bool,
        timeout: Duration,
        answer: oneshot::Sender<Option<MimeBundle>>,
    },
    /// The crates of the session are others.
    Reload,
}

impl Analysis {
    /// Starts the thread. The process is started by the first question. Without a workplace, or where its project cannot be
    /// written, there is none.
    pub fn start(workplace: Option<&Workplace>) -> Analysis {
        let (questions, asked) = mpsc::channel();
        let names = Arc::new(workplace.map_or_else(Names::default, |_| Names::of_prelude()));
        let program = Arc::<Mutex<Program>>::default();
        let analysis = Analysis { questions, names: names.clone(), program: program.clone() };
        let process = workplace.and_then(|workplace| {
            let written = write_project(workplace, toml::Table::new());
            let failed = |error| eprintln!("threadbook: completion knows names only: {error:#}");
            written.map(|()| Process::new(Place::of(workplace))).map_err(failed).ok()
        });
        let answering = Answering { process, names, program };
        std::thread::Builder::new()
            .name("analysis".into())
            .spawn(move || answering.serve(asked))
            .expect("a thread can be started");
        analysis
    }

    /// The text that could stand at `cursor`. `is_busy` says that a cell runs.
    pub async fn complete(&self, code: &str, cursor: usize, is_busy: bool) -> Completions {
        let (answer, answered) = oneshot::channel();
        let _ = self.questions.send(Question::Complete { code: code.into(), cursor, is_busy, answer });
        answered.await.unwrap_or_default()
    }

    /// The meaning of the word at `cursor`, or else of the function among whose arguments that stands.
    pub async fn inspect(&self, code: &str, cursor: usize, is_busy: bool) -> Option<MimeBundle> {
        self.ask_to_inspect(code, cursor, is_busy, TIMEOUT).await.ok().flatten()
    }

    /// The meaning of a name. Waits for the answer, so it is not for asynchronous code.
    pub fn explain(&self, name: &str) -> Option<MimeBundle> {
        self.ask_to_inspect(name, name.chars().count(), false, CELL_TIMEOUT).blocking_recv().ok().flatten()
    }

    fn ask_to_inspect(
        &self,
        code: &str,
        cursor: usize,
        is_busy: bool,
        timeout: Duration,
    ) -> oneshot::Receiver<Option<MimeBundle>> {
        let (answer, answered) = oneshot::channel();
        let code = code.into();
        let _ = self.questions.send(Question::Inspect { code, cursor, is_busy, timeout, answer });
        answered
    }

    /// A cell is going to be compiled.
    pub fn learn_cell(&self, code: &str) {
        self.names.learn_cell(code);
    }

    /// The session has another program now.
    pub fn set_program(&self, program: Program) {
        *lock(&self.program) = program;
    }

    /// The session has other crates now.
    pub fn reload(&self) {
        let _ = self.questions.send(Question::Reload);
    }
}

/// The thread.
struct Answering {
    process: Option<Process>,
    names: Arc<Names>,
    program: Arc<Mutex<Program>>,
}

impl Answering {
    fn serve(mut self, asked: mpsc::Receiver<Question>) {
        for question in asked {
            match question {
                Question::Complete { code, cursor, is_busy, answer } => {
                    let _ = answer.send(self.complete(&code, cursor, is_busy));
                }
                Question::Inspect { code, cursor, is_busy, timeout, answer } => {
                    let _ = answer.send(self.inspect(&code, cursor, is_busy, timeout));
                }
                Question::Reload => {
                    self.process.as_mut().map(Process::reload);
                }
            }
        }
    }

    /// The process, unless it is better not to wait for it.
    fn process(&mut self, is_busy: bool) -> Option<&mut Process> {
        let process = self.process.as_mut()?;
        if is_busy && !process.is_warm() {
            process.warm_up();
            return None;
        }
        Some(process)
    }

    fn complete(&mut self, code: &str, cursor: usize, is_busy: bool) -> Completions {
        let offset = byte_offset(code, cursor);
        if let Some((start, matches)) = magics::complete(code, offset) {
            let matches = matches.into_iter().map(|text| Match { text, kind: "magic".into() }).collect();
            return Completions { matches, start: code_points(code, start), end: cursor };
        }
        if code[..offset].trim().is_empty() {
            return Completions { matches: Vec::new(), start: cursor, end: cursor };
        }
        let (text, shift) = lock(&self.program).with(&magics::blanked(code));
        let found = self.process(is_busy).and_then(|process| process.complete(&text, shift + offset));
        let known = self.names.complete(code, cursor);
        let Some(Completions { matches, start, end }) = found else { return known };
        let start = code_points(code, start.saturating_sub(shift));
        let mut completions =
            Completions { matches, start, end: code_points(code, end.saturating_sub(shift)) };
        self.names.learn(code, &completions);
        // The program does not have the cell that runs.
        if is_busy && known.start == start {
            completions.matches.extend(known.matches);
            completions.matches.sort();
            completions.matches.dedup_by(|a, b| a.text == b.text);
        }
        completions
    }

    fn inspect(&mut self, code: &str, cursor: usize, is_busy: bool, timeout: Duration) -> Option<MimeBundle> {
        let rust = &magics::blanked(code);
        let offset = byte_offset(rust, cursor);
        let end = end_of_word(rust, offset);
        let is_number = rust[start_of_word(rust, end)..].starts_with(|c: char| c.is_ascii_digit());
        let word = Some(end).filter(|_| !is_number);
        let (text, shift) = lock(&self.program).with(rust);
        let mut ends = word.into_iter().chain(calls::around(rust, offset));
        let found = self.process(is_busy).and_then(|process| {
            ends.find_map(|end| {
                let at = start_of_word(rust, end);
                (at < end).then(|| process.describe(&text, shift + at, timeout))?
            })
        });
        match found {
            Some((plain, markdown)) => {
                let mut html = String::new();
                pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new(&markdown));
                let data = [("text/plain".to_owned(), plain.into()), ("text/html".to_owned(), html.into())];
                Some(data.into_iter().collect())
            }
            None => self.names.inspect(code, cursor),
        }
    }
}
