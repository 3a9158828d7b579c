//! The questions of a cell to the user: one at a time, and only while the cell runs.

use super::event::Cell;
use super::outbox::OutgoingQueue;
use jupyter_protocol::{InputRequest, JupyterMessage};
use std::collections::VecDeque;
use std::sync::Arc;
use threadbook_wire::InputAnswer;

const NO_CELL: &str = "no cell is running, so there is nobody to ask; call `input` in the cell itself, or have \
                       the cell wait for the thread that does";

const NOT_ALLOWED: &str = "this notebook is executed without a user who could enter something, as nbconvert, \
                           papermill and `threadbook run` do; put the value into the code, or run the cell \
                           in JupyterLab";

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 32 << 10;

/// A question of the companion.
#[derive(Debug)]
pub struct UserQuestion {
    /// The companion's number for it.
    pub id: u64,
    pub prompt: String,
    pub password: bool,
}

/// The questions of the running cell.
#[derive(Default)]
pub struct CellInput {
    /// The request of the running cell, and whether its sender takes questions.
    asker: Option<(Arc<JupyterMessage>, bool)>,
    /// The user sees the first.
    open: VecDeque<UserQuestion>,
    /// The id of the message with the first.
    message: String,
}

impl CellInput {
    /// Questions are those of `cell` from now on.
    pub fn begin(&mut self, cell: &Cell) {
        *self = CellInput { asker: Some((cell.parent.clone(), cell.allow_stdin)), ..CellInput::default() };
    }

    /// The cell has ended, and waits for no answer.
    pub fn end(&mut self) {
        *self = CellInput::default();
    }

    /// The cell goes on, and waits for no answer any more.
    pub fn forget(&mut self) {
        self.open.clear();
    }

    /// Asks the user, now or after the answers to earlier questions.
    ///
    /// # Errors
    ///
    /// A sentence with the reason why the user cannot be asked.
    pub fn ask(&mut self, question: UserQuestion, outbox: &mut OutgoingQueue) -> Result<(), &'static str> {
        match &self.asker {
            None => return Err(NO_CELL),
            Some((_, false)) => return Err(NOT_ALLOWED),
            Some((_, true)) => {}
        }
        self.open.push_back(question);
        if self.open.len() == 1 {
            self.show_first(outbox);
        }
        Ok(())
    }

    fn show_first(&mut self, outbox: &mut OutgoingQueue) {
        if let (Some((parent, _)), Some(UserQuestion { prompt, password, .. })) =
            (&self.asker, self.open.front())
        {
            let request = InputRequest { prompt: prompt.clone(), password: *password };
            let message = JupyterMessage::new(request, Some(parent));
            self.message = message.header.msg_id.clone();
            outbox.ask(message);
        }
    }

    /// Takes an answer to the question in `message`, if the front end names one. Returns the companion's number of the
    /// question, and its answer. `None` if no question waits for this answer.
    pub fn answer(
        &mut self,
        message: Option<&str>,
        answer: InputAnswer,
        outbox: &mut OutgoingQueue,
    ) -> Option<(u64, InputAnswer)> {
        if message.is_some_and(|message| message != self.message) {
            return None;
        }
        let question = self.open.pop_front()?;
        self.show_first(outbox);
        let answer = match answer {
            InputAnswer::Value(text) if text.len() > MAX_ANSWER => InputAnswer::Error(format!(
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
    use crate::session::outbox::Outgoing;
    use jupyter_protocol::{ExecuteRequest, ExecutionCount};

    fn input(allow_stdin: bool) -> (CellInput, OutgoingQueue) {
        let mut input = CellInput::default();
        let parent = Arc::new(ExecuteRequest::default().into());
        input.begin(&Cell {
            parent,
            count: ExecutionCount::new(1),
            silent: false,
            allow_stdin,
            is_batch: false,
        });
        (input, OutgoingQueue::default())
    }

    fn question(id: u64) -> UserQuestion {
        UserQuestion { id, prompt: "? ".into(), password: false }
    }

    fn value(text: &str) -> InputAnswer {
        InputAnswer::Value(text.into())
    }

    /// The id of the next message to the user.
    fn asked(outbox: &mut OutgoingQueue) -> Option<String> {
        match outbox.pop()? {
            Outgoing::Ask(message) => Some(message.header.msg_id),
            _ => panic!("not a question"),
        }
    }

    #[test]
    fn one_question_is_asked_at_a_time() {
        let (mut input, mut outbox) = input(true);
        input.ask(question(7), &mut outbox).unwrap();
        input.ask(question(8), &mut outbox).unwrap();
        let first = asked(&mut outbox).unwrap();
        assert_eq!(asked(&mut outbox), None);
        assert_eq!(input.answer(Some(&first), value("a"), &mut outbox), Some((7, value("a"))));
        assert!(asked(&mut outbox).is_some());
        assert_eq!(input.answer(Some(&first), value("twice"), &mut outbox), None);
        assert_eq!(input.answer(None, value("b"), &mut outbox), Some((8, value("b"))));
        assert_eq!(input.answer(None, value("stray"), &mut outbox), None);
    }

    #[test]
    fn no_question_waits_after_an_interrupt_and_after_the_end() {
        let (mut input, mut outbox) = input(true);
        input.ask(question(1), &mut outbox).unwrap();
        input.forget();
        assert_eq!(input.answer(None, value("late"), &mut outbox), None);
        input.end();
        assert_eq!(input.ask(question(2), &mut outbox), Err(NO_CELL));
    }

    #[test]
    fn a_front_end_that_takes_no_questions_is_not_asked_and_no_answer_is_too_long() {
        let (mut refusing, mut outbox) = input(false);
        assert_eq!(refusing.ask(question(1), &mut outbox), Err(NOT_ALLOWED));
        assert!(asked(&mut outbox).is_none());
        let (mut input, mut outbox) = self::input(true);
        input.ask(question(1), &mut outbox).unwrap();
        let (_, answer) = input.answer(None, value(&"x".repeat(MAX_ANSWER + 1)), &mut outbox).unwrap();
        assert!(matches!(answer, InputAnswer::Error(reason) if reason.contains("32769 bytes")));
    }
}
