//! What the kernel says to the companion: answers to questions, and what is for widgets.
//!
//! Frames come as on the [`wire`], over a socket that is only read. A thread reads it as long as the process
//! lives, so neither a long callback nor a cell that waits keeps anything from arriving.
//!
//! - `{"type": "input_reply", "id": 7, "value": "Ada"}` is the answer to the question that was sent as
//!   `{"type": "input_request", "id": 7, "prompt": "Name: ", "password": false}`; with `"error"` in the place
//!   of `"value"` if nobody can be asked. It goes to the thread that has [asked](ask).
//! - Everything else goes to the one that [receives](receive).

use crate::wire::{self, MESSAGE, Wire, wire};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// No honest frame is larger.
const MAX_FRAME: usize = 256 << 20;

/// How often who waits for an answer looks for an interrupt.
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) struct Inbox {
    socket: UnixStream,
    arrived: Mutex<Arrived>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct Arrived {
    /// What nobody has received yet.
    waiting: VecDeque<Value>,
    /// The questions that somebody waits for, with the answers that have come.
    questions: HashMap<u64, Option<Value>>,
    /// Counts questions.
    asked: u64,
    /// Nothing more will come.
    ended: bool,
}

/// Reads the inbox until the kernel is gone. One thread in a process does this.
pub fn read() {
    if let Some(wire) = wire() {
        wire.inbox.read();
    }
}

/// Waits for the next message that is no answer. `None` if none will ever come.
pub fn receive() -> Option<Value> {
    wire()?.inbox.receive()
}

/// Asks the user for a line and waits for it, until `is_interrupted`. `None` if there is no kernel to ask.
pub fn ask(prompt: &str, password: bool, is_interrupted: impl Fn() -> bool) -> Option<io::Result<String>> {
    let wire = wire()?;
    // What this cell printed before must come before.
    let _ = io::stdout().flush();
    Some(ask_over(wire, prompt, password, is_interrupted))
}

fn ask_over(
    wire: &Wire,
    prompt: &str,
    password: bool,
    is_interrupted: impl Fn() -> bool,
) -> io::Result<String> {
    if is_interrupted() {
        return Err(interrupted());
    }
    let id = wire.inbox.expect_answer();
    let question = json!({"type": "input_request", "id": id, "prompt": prompt, "password": password});
    let sent = wire.send(|| question.to_string());
    let answer = sent.and_then(|()| wire.inbox.wait_for_answer(id, is_interrupted));
    wire.inbox.lock().questions.remove(&id);
    text_of(&answer?)
}

fn text_of(answer: &Value) -> io::Result<String> {
    match (answer["value"].as_str(), answer["error"].as_str()) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, reason) => Err(io::Error::new(ErrorKind::Unsupported, reason.unwrap_or_default())),
    }
}

fn interrupted() -> io::Error {
    io::Error::new(ErrorKind::Interrupted, "the wait for input was interrupted")
}

impl Inbox {
    pub(crate) fn new(socket: UnixStream) -> Inbox {
        Inbox { socket, arrived: Mutex::default(), changed: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Arrived> {
        self.arrived.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Forgets what has come, and who waits.
    pub(crate) fn empty(&self) {
        let mut arrived = self.lock();
        wire::empty(&self.socket);
        *arrived = Arrived { asked: arrived.asked, ..Default::default() };
    }

    fn read(&self) {
        while let Ok(message) = read_message(&self.socket) {
            self.sort(message);
        }
        self.lock().ended = true;
        self.changed.notify_all();
    }

    fn sort(&self, message: Value) {
        let mut arrived = self.lock();
        if message["type"] != "input_reply" {
            arrived.waiting.push_back(message);
        } else if let Some(place) = message["id"].as_u64().and_then(|id| arrived.questions.get_mut(&id)) {
            *place = Some(message);
        }
        // Else nobody waits for this answer any more.
        self.changed.notify_all();
    }

    fn receive(&self) -> Option<Value> {
        let mut arrived = self.lock();
        loop {
            if let Some(message) = arrived.waiting.pop_front() {
                return Some(message);
            }
            if arrived.ended {
                return None;
            }
            arrived = self.changed.wait(arrived).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    /// Returns the number of a new question.
    fn expect_answer(&self) -> u64 {
        let mut arrived = self.lock();
        arrived.asked += 1;
        let id = arrived.asked;
        arrived.questions.insert(id, None);
        id
    }

    fn wait_for_answer(&self, id: u64, is_interrupted: impl Fn() -> bool) -> io::Result<Value> {
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
            let waited = self.changed.wait_timeout(arrived, LOOK_EVERY);
            arrived = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }
}

fn read_message(mut from: &UnixStream) -> io::Result<Value> {
    let mut head = [0; 5];
    from.read_exact(&mut head)?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if head[4] != MESSAGE || length > MAX_FRAME {
        // User code has garbled the descriptor.
        return Err(ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use std::thread::JoinHandle;

    /// A wire whose inbox is read, and the supervisor's ends of it.
    struct Supervisor {
        wire: &'static Wire,
        hears: UnixStream,
        says: UnixStream,
        reader: JoinHandle<()>,
    }

    impl Supervisor {
        fn new() -> Supervisor {
            let (ours, hears) = UnixStream::pair().unwrap();
            let (inbox, says) = UnixStream::pair().unwrap();
            hears.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let wire: &'static Wire = Box::leak(Box::new(Wire::new(ours, inbox)));
            let reader = std::thread::spawn(|| wire.inbox.read());
            Supervisor { wire, hears, says, reader }
        }

        fn hear(&mut self) -> Value {
            let message = read_message(&self.hears).unwrap();
            self.hears.write_all(&[0, 0, 0, 0, 4]).unwrap();
            message
        }

        fn say(&mut self, message: Value) {
            let body = message.to_string();
            self.says.write_all(&[body.len() as u8, 0, 0, 0, MESSAGE]).unwrap();
            self.says.write_all(body.as_bytes()).unwrap();
        }
    }

    fn asking(
        wire: &'static Wire,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> JoinHandle<io::Result<String>> {
        std::thread::spawn(move || ask_over(wire, "Name: ", false, stop))
    }

    #[test]
    fn an_answer_reaches_the_one_who_asked_and_all_else_the_one_who_receives() {
        let mut supervisor = Supervisor::new();
        let wire = supervisor.wire;
        let first = asking(wire, || false);
        let question = json!({"type": "input_request", "id": 1, "prompt": "Name: ", "password": false});
        assert_eq!(supervisor.hear(), question);
        let second = asking(wire, || false);
        assert_eq!(supervisor.hear()["id"], 2);
        // Others may send meanwhile.
        let sending = std::thread::spawn(|| wire.send(|| json!({"type": "display"}).to_string()));
        assert_eq!(supervisor.hear(), json!({"type": "display"}));
        sending.join().unwrap().unwrap();
        for message in [
            json!({"type": "comm", "id": 1}),
            json!({"type": "input_reply", "id": 9, "value": "for nobody"}),
            json!({"type": "input_reply", "id": 2, "value": "Grace"}),
            json!({"type": "comm", "id": 2}),
            json!({"type": "input_reply", "id": 1, "value": "Ada"}),
        ] {
            supervisor.say(message);
        }
        // Nobody has received anything yet, and answers arrive all the same.
        assert_eq!(first.join().unwrap().unwrap(), "Ada");
        assert_eq!(second.join().unwrap().unwrap(), "Grace");
        let received = [wire.inbox.receive(), wire.inbox.receive()];
        assert_eq!(received, [1, 2].map(|id| Some(json!({"type": "comm", "id": id}))));
        assert!(wire.inbox.lock().questions.is_empty());
    }

    #[test]
    fn a_wait_for_an_answer_ends_with_an_interrupt_or_a_refusal() {
        let mut supervisor = Supervisor::new();
        let wire = supervisor.wire;
        assert_eq!(ask_over(wire, "", true, || true).unwrap_err().kind(), ErrorKind::Interrupted);
        let looks = AtomicU32::new(0);
        let interrupted = asking(wire, move || looks.fetch_add(1, Relaxed) > 1);
        supervisor.hear();
        assert_eq!(interrupted.join().unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
        let refused = asking(wire, || false);
        // The answer to the first question comes late, and is dropped.
        supervisor.say(json!({"type": "input_reply", "id": 1, "value": "late"}));
        supervisor.hear();
        supervisor.say(json!({"type": "input_reply", "id": 2, "error": "nobody is there"}));
        assert_eq!(refused.join().unwrap().unwrap_err().to_string(), "nobody is there");
    }

    #[test]
    fn nobody_waits_for_a_kernel_that_is_gone_or_speaks_garbage() {
        for garbage in [&[][..], &[1, 2, 3], &[255, 255, 255, 255, 3], &[0, 0, 0, 0, 9]] {
            let mut supervisor = Supervisor::new();
            let waiting = asking(supervisor.wire, || false);
            supervisor.hear();
            supervisor.says.write_all(garbage).unwrap();
            drop(supervisor.says);
            supervisor.reader.join().unwrap();
            assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe, "{garbage:?}");
            assert_eq!(supervisor.wire.inbox.receive(), None);
        }
    }

    #[test]
    fn who_takes_over_forgets_what_has_come_and_what_is_on_its_way() {
        let (ours, _hears) = UnixStream::pair().unwrap();
        let (inbox, mut says) = UnixStream::pair().unwrap();
        let wire: &'static Wire = Box::leak(Box::new(Wire::new(ours, inbox)));
        let old = wire.inbox.expect_answer();
        wire.inbox.sort(json!({"type": "comm"}));
        says.write_all(&[9; 70_000]).unwrap(); // half a frame
        wire.inbox.empty();
        assert!(wire.inbox.lock().waiting.is_empty() && wire.inbox.lock().questions.is_empty());
        assert_ne!(wire.inbox.expect_answer(), old);
        let reader = std::thread::spawn(|| wire.inbox.read());
        says.write_all(b"\x02\0\0\0\x03{}").unwrap();
        assert_eq!(wire.inbox.receive(), Some(json!({})));
        drop(says);
        reader.join().unwrap();
    }
}
