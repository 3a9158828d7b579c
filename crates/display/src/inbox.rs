//! The companion's inbox: the commands of the kernel.
//!
//! A thread reads it as long as the process lives, so neither a long callback nor a cell that waits delays an answer.
//! Answers go to the threads that have asked, all other commands to the thread that [receives](Inbox::receive).

use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;
use threadbook_wire::{Command, FrameKind, InputAnswer, read_frame};

/// The time between two looks at the interrupt while a thread waits for an answer.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

pub(crate) struct Inbox {
    socket: UnixStream,
    arrived: Mutex<Arrived>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct Arrived {
    /// The commands that were not received yet.
    waiting: VecDeque<Command>,
    /// The questions that threads wait for, with the answers that have come.
    questions: HashMap<u64, Option<InputAnswer>>,
    /// Counts questions.
    asked: u64,
    /// No command will come any more.
    ended: bool,
}

/// Reads and drops the content of a socket.
pub(crate) fn drain(mut socket: &UnixStream) {
    let _ = socket.set_nonblocking(true);
    while matches!(socket.read(&mut [0; 4096]), Ok(count) if count > 0) {}
    let _ = socket.set_nonblocking(false);
}

pub(crate) fn interrupted() -> io::Error {
    io::Error::new(ErrorKind::Interrupted, "the wait for input was interrupted")
}

impl Inbox {
    pub(crate) fn new(socket: UnixStream) -> Inbox {
        Inbox { socket, arrived: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Drops all commands and questions.
    pub(crate) fn empty(&self) {
        let mut arrived = self.lock();
        drain(&self.socket);
        *arrived = Arrived { asked: arrived.asked, ..Default::default() };
    }

    /// Reads commands until the kernel is gone or user code garbles the descriptor. An unknown command is dropped.
    pub(crate) fn read(&self) {
        while let Ok(Some((FrameKind::Message, body))) = read_frame(&mut &self.socket) {
            if let Ok(command) = serde_json::from_slice(&body) {
                self.sort(command);
            }
        }
        self.lock().ended = true;
        self.changed.notify_all();
    }

    pub(crate) fn sort(&self, command: Command) {
        let mut arrived = self.lock();
        match command {
            Command::InputReply { id, answer } => {
                // No thread waits for an answer that comes after an interrupt.
                if let Some(question) = arrived.questions.get_mut(&id) {
                    *question = Some(answer);
                }
            }
            other => arrived.waiting.push_back(other),
        }
        self.changed.notify_all();
    }

    /// Waits for the next command that is not an answer. Returns `None` when the kernel is gone.
    pub(crate) fn receive(&self) -> Option<Command> {
        let mut arrived = self.lock();
        loop {
            if let Some(command) = arrived.waiting.pop_front() {
                return Some(command);
            }
            if arrived.ended {
                return None;
            }
            arrived = self.changed.wait(arrived).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// Returns the number of a new question.
    pub(crate) fn expect_answer(&self) -> u64 {
        let mut arrived = self.lock();
        arrived.asked += 1;
        let id = arrived.asked;
        arrived.questions.insert(id, None);
        id
    }

    pub(crate) fn wait_for_answer(
        &self,
        id: u64,
        is_interrupted: impl Fn() -> bool,
    ) -> io::Result<InputAnswer> {
        let mut arrived = self.lock();
        loop {
            if let Some(answer) = arrived.questions.get_mut(&id).and_then(Option::take) {
                return Ok(answer);
            }
            if arrived.ended {
                return Err(io::Error::new(ErrorKind::BrokenPipe, "the kernel cannot be heard any more"));
            }
            if is_interrupted() {
                return Err(interrupted());
            }
            let waited = self.changed.wait_timeout(arrived, POLL_INTERVAL);
            arrived = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    pub(crate) fn forget_question(&self, id: u64) {
        self.lock().questions.remove(&id);
    }

    #[cfg(test)]
    pub(crate) fn has_no_questions(&self) -> bool {
        self.lock().questions.is_empty()
    }
}
