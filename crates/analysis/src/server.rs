//! The server: it reads requests and writes answers.

use crate::completion::{self, Completions};
use crate::hover;
use crate::project::{Project, Unanswered};
use crate::protocol::{Answer, Question, Request};
use crate::workspace::Workspace;
use anyhow::{anyhow, bail, ensure};
use ra_ap_ide::{Analysis, Cancellable, FilePosition};
use serde_json::Value;
use std::io::{self, BufRead, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Serves the requests of `input`, one a line, until the input ends or the output is closed.
///
/// # Errors
///
/// The input cannot be read.
pub fn serve(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut server = Server::default();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty()
            && let Some(answer) = server.answer(&line)
        {
            let mut text = serde_json::to_vec(&answer)?;
            text.push(b'\n');
            if output.write_all(&text).and_then(|()| output.flush()).is_err() {
                return Ok(());
            }
        }
        server.settle();
        line.clear();
    }
    Ok(())
}

#[derive(Default)]
struct Server {
    state: State,
    /// Whether the project has to be loaded, or loaded again, before the next question.
    must_load: bool,
    /// The reason why the project could not be loaded.
    failure: Option<String>,
    /// Whether a late question has yet to be cancelled.
    is_late: bool,
}

#[derive(Default)]
enum State {
    /// No project is open.
    #[default]
    Closed,
    /// The project is available.
    Here(Box<Project>),
    /// The project is being loaded in the background.
    Loading(Receiver<(Project, anyhow::Result<()>)>, Workspace),
}

impl Server {
    /// The answer to a request, if it has one.
    fn answer(&mut self, line: &[u8]) -> Option<Answer> {
        let request: Value = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => return Some(failed(None, &anyhow!("The line is not JSON: {error}."))),
        };
        let id = request.get("id").and_then(Value::as_u64);
        let answer = match serde_json::from_value(request) {
            Ok(request) => self.carry_out(request),
            Err(error) => Err(anyhow!("The line is not a request: {error}.")),
        };
        answer.unwrap_or_else(|error| Some(failed(id, &error)))
    }

    fn carry_out(&mut self, request: Request) -> anyhow::Result<Option<Answer>> {
        match request {
            Request::Open(open) => {
                ensure!(matches!(self.state, State::Closed), "A project is open already.");
                let workspace = Workspace::new(open)?;
                // SAFETY: no project was open before, and threads are spawned only to load a project and to
                // query it.
                unsafe { workspace.set_tools() };
                self.state = State::Here(Box::new(Project::new(workspace)));
                self.must_load = true;
                Ok(None)
            }
            Request::Warm => {
                ensure!(!matches!(self.state, State::Closed), NOT_OPEN);
                self.must_load |= self.failure.is_some();
                self.start_loading();
                Ok(None)
            }
            Request::Reload => {
                ensure!(!matches!(self.state, State::Closed), NOT_OPEN);
                self.must_load = true;
                // A project that no question has loaded yet is loaded with the first question.
                if matches!(&self.state, State::Here(project) if project.is_loaded()) {
                    self.start_loading();
                }
                Ok(None)
            }
            Request::Complete(question) => self.complete(question).map(Some),
            Request::Hover(question) => self.describe(question).map(Some),
        }
    }

    fn complete(&mut self, question: Question) -> anyhow::Result<Answer> {
        let (id, none) = (question.id, check(&question)?);
        let found = self.ask(question, completion::complete)?;
        let Completions { matches, start, end } = found.unwrap_or(none);
        Ok(Answer::Completions { id, matches, start, end })
    }

    fn describe(&mut self, mut question: Question) -> anyhow::Result<Answer> {
        let id = question.id;
        check(&question)?;
        if let Some(text) = hover::with_call(&question.text, question.offset) {
            question.text = text;
        }
        let found = self.ask(question, |analysis, _, position| hover::describe(analysis, position))?;
        Ok(match found.flatten() {
            Some(found) => Answer::Description { id, plain: found.plain, markdown: found.markdown },
            None => Answer::Nothing { id },
        })
    }

    /// Queries rust-analyzer. `None` means that it has no answer before the deadline, or panicked.
    fn ask<T: Send + 'static>(
        &mut self,
        question: Question,
        asked: impl FnOnce(&Analysis, &str, FilePosition) -> Cancellable<T> + Send + 'static,
    ) -> anyhow::Result<Option<T>> {
        let deadline = Instant::now() + Duration::from_millis(question.deadline_ms).min(MAX_DEADLINE);
        let Some(project) = self.project(deadline, &question.text)? else { return Ok(None) };
        let position = project.set_text(question.text, question.offset);
        match project.ask(deadline, move |analysis, text| asked(analysis, text, position)) {
            Ok(found) => return Ok(Some(found)),
            Err(Unanswered::Late) => self.is_late = true,
            Err(Unanswered::Panicked) => {}
        }
        Ok(None)
    }

    /// The project, loaded with the crates that `text` names. `None` means that it is not loaded before the deadline.
    fn project(&mut self, deadline: Instant, text: &str) -> anyhow::Result<Option<&mut Project>> {
        loop {
            if let State::Here(project) = &mut self.state {
                self.must_load |= project.must_read(text);
            }
            self.start_loading();
            let State::Loading(loading, workspace) = &self.state else { break };
            let rest = deadline.saturating_duration_since(Instant::now());
            let (project, result) = match loading.recv_timeout(rest) {
                Ok(loaded) => loaded,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => (
                    Project::new(workspace.clone()),
                    Err(anyhow!("rust-analyzer panicked when it loaded the project")),
                ),
            };
            self.state = State::Here(Box::new(project));
            self.failure = result.err().map(|error| format!("The project is not analysed: {error:#}."));
            if let Some(failure) = &self.failure {
                eprintln!("threadbook-analysis: {failure}");
            }
        }
        match &mut self.state {
            State::Here(project) if project.is_loaded() => Ok(Some(project)),
            State::Here(_) => bail!("{}", self.failure.as_deref().unwrap_or("The project is not loaded.")),
            _ => bail!(NOT_OPEN),
        }
    }

    /// Starts to load the project, if it has to be loaded and is not being loaded.
    fn start_loading(&mut self) {
        if !self.must_load {
            return;
        }
        self.state = match std::mem::take(&mut self.state) {
            State::Here(project) => {
                self.must_load = false;
                let workspace = project.workspace().clone();
                State::Loading(project.load_in_background(), workspace)
            }
            other => other,
        };
    }

    /// Runs the work that is deferred until after an answer.
    fn settle(&mut self) {
        if let State::Here(project) = &mut self.state {
            if std::mem::take(&mut self.is_late) {
                project.cancel();
            }
            project.tidy();
        }
    }
}

/// The maximum deadline, practically none: the clock cannot represent every number of a request.
const MAX_DEADLINE: Duration = Duration::from_secs(24 * 60 * 60);

const NOT_OPEN: &str = "No project is open: the first request has to be `open`.";

fn failed(id: Option<u64>, error: &anyhow::Error) -> Answer {
    Answer::Error { id, error: format!("{error:#}") }
}

/// The empty answer to a question, if its position is valid in its text.
fn check(question: &Question) -> anyhow::Result<Completions> {
    let Question { text, offset, .. } = question;
    let length = text.len();
    ensure!(
        *offset <= length,
        "The offset {offset} is beyond the end of the text, which has {length} bytes."
    );
    ensure!(text.is_char_boundary(*offset), "The offset {offset} lies within a character.");
    Ok(Completions::none(text, *offset))
}
