//! What a cell asks the user: one question at a time, and only while the cell runs.

use super::lock;
use super::output::Cell;
use crate::protocol::stdin::Stdin;
use crate::wire::Answer;
use jupyter_protocol::{InputRequest, JupyterMessage};
use std::collections::VecDeque;
use std::sync::Mutex;

const NO_CELL: &str = "no cell is running, so there is nobody to ask; call `input` in the cell itself, or have \
                       the cell wait for the thread that does";

const NOT_ALLOWED: &str = "this notebook is executed without a user who could enter something, as nbconvert, \
                           papermill and `threadbook run` do; put the value into the code, or run the cell \
                           in JupyterLab";

/// No answer is longer than this, in bytes. It is a line that somebody enters.
const MAX_ANSWER: usize = 32 << 10;

/// A question of the companion.
#[derive(Debug)]
pub struct Question {
    /// The companion's number for it.
    pub id: u64,
    pub prompt: String,
    pub password: bool,
}

/// The questions of the running cell.
pub struct Questions {
    stdin: Stdin,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The request of the running cell, and whether its sender takes questions.
    asker: Option<(JupyterMessage, bool)>,
    /// The user sees the first.
    open: VecDeque<Question>,
    /// The id of the message by which the first was asked.
    message: String,
}

impl Questions {
    pub fn new(stdin: Stdin) -> Questions {
        Questions { stdin, state: Mutex::default() }
    }

    /// From now on, `cell` asks.
    pub fn begin(&self, cell: &Cell) {
        let asker = Some((cell.parent.clone(), cell.allow_stdin));
        *lock(&self.state) = State { asker, ..Default::default() };
    }

    /// The cell has ended; nobody waits for answers.
    pub fn end(&self) {
        *lock(&self.state) = State::default();
    }

    /// Nobody waits for answers any more, but the cell goes on.
    pub fn forget(&self) {
        lock(&self.state).open.clear();
    }

    /// Asks the user, now or when earlier questions have been answered.
    ///
    /// # Errors
    ///
    /// A sentence that says why the user cannot be asked.
    pub fn ask(&self, question: Question) -> Result<(), &'static str> {
        let mut state = lock(&self.state);
        match &state.asker {
            None => return Err(NO_CELL),
            Some((_, false)) => return Err(NOT_ALLOWED),
            Some((_, true)) => {}
        }
        state.open.push_back(question);
        if state.open.len() == 1 {
            self.show_first(&mut state);
        }
        Ok(())
    }

    fn show_first(&self, state: &mut State) {
        if let (Some((parent, _)), Some(Question { prompt, password, .. })) =
            (&state.asker, state.open.front())
        {
            let request = InputRequest { prompt: prompt.clone(), password: *password };
            state.message = self.stdin.ask(request, parent);
        }
    }

    /// Takes an answer to the question in `message`, if the front end names one. Returns what to tell the
    /// companion about which of its questions; nothing if nobody waits for this answer any more.
    pub fn answer(&self, message: Option<&str>, answer: Answer) -> Option<(u64, Answer)> {
        let mut state = lock(&self.state);
        if message.is_some_and(|message| message != state.message) {
            return None;
        }
        let question = state.open.pop_front()?;
        self.show_first(&mut state);
        let answer = match answer {
            Answer::Value(text) if text.len() > MAX_ANSWER => Answer::Error(format!(
                "the input has {} bytes, and can have {MAX_ANSWER}; read it from a file",
                text.len()
            )),
            other => other,
        };
        Some((question.id, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jupyter_protocol::{ExecuteRequest, ExecutionCount};

    fn questions(allow_stdin: bool) -> (Questions, tokio::sync::mpsc::UnboundedReceiver<JupyterMessage>) {
        let (stdin, asked) = Stdin::new();
        let questions = Questions::new(stdin);
        let parent = ExecuteRequest::default().into();
        questions.begin(&Cell {
            parent,
            count: ExecutionCount::new(1),
            silent: false,
            allow_stdin,
            is_batch: false,
        });
        (questions, asked)
    }

    fn question(id: u64) -> Question {
        Question { id, prompt: "? ".into(), password: false }
    }

    fn value(text: &str) -> Answer {
        Answer::Value(text.into())
    }

    #[test]
    fn one_question_is_asked_at_a_time() {
        let (questions, mut asked) = questions(true);
        questions.ask(question(7)).unwrap();
        questions.ask(question(8)).unwrap();
        let first = asked.try_recv().unwrap().header.msg_id;
        assert!(asked.try_recv().is_err());
        assert_eq!(questions.answer(Some(&first), value("a")), Some((7, value("a"))));
        assert!(asked.try_recv().is_ok());
        assert_eq!(questions.answer(Some(&first), value("twice")), None);
        assert_eq!(questions.answer(None, value("b")), Some((8, value("b"))));
        assert_eq!(questions.answer(None, value("stray")), None);
    }

    #[test]
    fn nobody_waits_after_an_interrupt_and_after_the_end() {
        let (questions, _asked) = questions(true);
        questions.ask(question(1)).unwrap();
        questions.forget();
        assert_eq!(questions.answer(None, value("late")), None);
        questions.end();
        assert_eq!(questions.ask(question(2)), Err(NO_CELL));
    }

    #[test]
    fn who_takes_no_questions_is_not_asked_and_no_answer_is_too_long() {
        let (refusing, mut asked) = questions(false);
        assert_eq!(refusing.ask(question(1)), Err(NOT_ALLOWED));
        assert!(asked.try_recv().is_err());
        let (questions, _asked) = questions(true);
        questions.ask(question(1)).unwrap();
        let (_, answer) = questions.answer(None, value(&"x".repeat(MAX_ANSWER + 1))).unwrap();
        assert!(matches!(answer, Answer::Error(reason) if reason.contains("32769 bytes")));
    }
}
