//! The companion's end of the [wire](threadbook_wire) to the kernel.
//!
//! The cell process opens it with its first cell. Elsewhere there is none: under stock evcxr and in a terminal, [`send`]
//! returns false, and values are [printed](crate::output).

use crate::inbox::{Inbox, drain, interrupted};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock};
use threadbook_wire::{
    COMPANION_VARIABLE, Command, CompanionSockets, FrameKind, InputAnswer, MAX_FRAME, Message, write_frame,
};

struct Wire {
    socket: Mutex<UnixStream>,
    inbox: Inbox,
    /// The process that may send. A forked process has the descriptor too, but its messages would mix with ours.
    owner: AtomicU32,
}

fn wire() -> Option<&'static Wire> {
    opened().filter(|wire| wire.owner.load(Relaxed) == std::process::id())
}

/// The wire of this process, or of the process that it was forked from.
fn opened() -> Option<&'static Wire> {
    static WIRE: OnceLock<Option<Wire>> = OnceLock::new();
    let wire = WIRE.get_or_init(|| {
        let value = std::env::var(COMPANION_VARIABLE).ok()?;
        // SAFETY: the companion calls this first when its first cell starts, before user code has run and
        // so before any other thread. The variable must go: a child would inherit it without the socket.
        unsafe { std::env::remove_var(COMPANION_VARIABLE) };
        match value.parse() {
            Ok(CompanionSockets { messages, inbox }) => {
                // SAFETY: the supervisor opened these descriptors for the companion alone.
                let ends = unsafe { (UnixStream::from_raw_fd(messages), UnixStream::from_raw_fd(inbox)) };
                Some(Wire::new(ends.0, ends.1))
            }
            Err(other_version) => {
                eprintln!("threadbook: {other_version}");
                None
            }
        }
    });
    wire.as_ref()
}

/// Calls `fork` while no message is on its way, so that a copy of this process can go on.
pub fn between_messages<T>(fork: impl FnOnce() -> T) -> T {
    let _held = opened().map(|wire| (wire.lock(), wire.inbox.lock()));
    fork()
}

/// Takes the wire over from the dead process that this process was forked from.
pub fn take_over() {
    if let Some(wire) = opened() {
        wire.owner.store(std::process::id(), Relaxed);
        // The unread commands were for the dead process.
        drain(&wire.lock());
        wire.inbox.empty();
    }
}

impl Wire {
    fn new(socket: UnixStream, inbox: UnixStream) -> Wire {
        let owner = AtomicU32::new(std::process::id());
        Wire { socket: Mutex::new(socket), inbox: Inbox::new(inbox), owner }
    }

    fn lock(&self) -> MutexGuard<'_, UnixStream> {
        self.socket.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sends the message that `body` returns when the socket is free, and waits for its acknowledgement.
    fn send(&self, body: impl FnOnce() -> Option<Vec<u8>>) -> io::Result<()> {
        let mut socket = self.lock();
        let Some(body) = body() else { return Ok(()) };
        if body.len() > MAX_FRAME {
            // Printing may wait for this lock.
            drop(socket);
            eprintln!("{}", too_large(body.len()));
            return Ok(());
        }
        write_frame(&mut *socket, FrameKind::Message, &body)?;
        socket.read_exact(&mut [0; 5])
    }

    fn ask(&self, prompt: &str, password: bool, is_interrupted: impl Fn() -> bool) -> io::Result<String> {
        if is_interrupted() {
            return Err(interrupted());
        }
        let id = self.inbox.expect_answer();
        let question = Message::InputRequest { id, prompt: prompt.to_owned(), password };
        let sent = self.send(|| Some(encoded(&question)));
        let answer = sent.and_then(|()| self.inbox.wait_for_answer(id, is_interrupted));
        self.inbox.forget_question(id);
        match answer? {
            InputAnswer::Value(text) => Ok(text),
            InputAnswer::Error(reason) => Err(io::Error::new(ErrorKind::Unsupported, reason)),
        }
    }
}

fn encoded(message: &Message) -> Vec<u8> {
    // Messages have no maps with keys that are not text, so they can be written as JSON.
    serde_json::to_vec(message).unwrap_or_default()
}

/// The text in the place of a message that is too large.
fn too_large(length: usize) -> String {
    format!(
        "An output of {} MB is not shown: one may have {} MB. Save it to a file, or show less of it at a time.",
        length >> 20,
        MAX_FRAME >> 20,
    )
}

/// Whether the Threadbook kernel is at the other end. The first call takes the descriptors, so the cell process makes it
/// before any user code runs.
pub fn is_connected() -> bool {
    wire().is_some()
}

/// Sends one message, and waits until it has its place among the cell's outputs. Returns false if there is no kernel.
pub fn send(message: &Message) -> bool {
    send_body(|| encoded(message))
}

/// As [`send`], for a message that is made when it is sent: of two threads that send a state, the later one sends the
/// later state. `message` may print and send nothing.
pub fn send_with(message: impl FnOnce() -> Message) -> bool {
    send_body(|| encoded(&message()))
}

/// As [`send`], for a message whose place among the cell's output does not matter: it flushes nothing, and so waits for no
/// thread that prints.
pub fn send_aside(message: &Message) -> bool {
    wire().is_some_and(|wire| wire.send(|| Some(encoded(message))).is_ok())
}

/// As [`send_aside`], for a message that is made when it is sent. `None` sends nothing.
pub(crate) fn send_aside_with(message: impl FnOnce() -> Option<Message>) {
    let _ = wire().map(|wire| wire.send(|| Some(encoded(&message()?))));
}

fn send_body(body: impl FnOnce() -> Vec<u8>) -> bool {
    let Some(wire) = wire() else { return false };
    flush_output();
    wire.send(|| Some(body())).is_ok()
}

/// Text that this cell printed before a message must come before the message.
fn flush_output() {
    let _ = io::stdout().flush();
}

/// Reads the inbox until the kernel is gone. One thread of a process calls this.
pub fn read_inbox() {
    if let Some(wire) = wire() {
        wire.inbox.read();
    }
}

/// Waits for the next command, answers to questions excepted. Returns `None` when the kernel is gone.
pub fn receive() -> Option<Command> {
    wire()?.inbox.receive()
}

/// Asks the user for a line and waits for it, until `is_interrupted`. Returns `None` if there is no kernel.
pub fn ask(prompt: &str, password: bool, is_interrupted: impl Fn() -> bool) -> Option<io::Result<String>> {
    let wire = wire()?;
    flush_output();
    Some(wire.ask(prompt, password, is_interrupted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::JoinHandle;
    use std::time::Duration;
    use threadbook_wire::{CommMessage, JsonObject, VERSION, read_frame, write_message};

    fn body(text: &str) -> Option<Vec<u8>> {
        Some(text.as_bytes().to_vec())
    }

    #[test]
    fn without_a_kernel_nothing_is_sent() {
        assert!(!is_connected() && !send(&Message::ClearOutput { wait: false }));
        assert!(receive().is_none() && ask("", false, || false).is_none());
    }

    #[test]
    fn a_companion_of_another_version_uses_no_wire_and_a_sentence_says_so() {
        for version in [VERSION - 1, VERSION + 1] {
            // The test above, in a process with such a variable.
            let mut test = std::process::Command::new(std::env::current_exe().unwrap());
            test.args(["--exact", "wire::tests::without_a_kernel_nothing_is_sent", "--nocapture"]);
            let output = test.env(COMPANION_VARIABLE, format!("{version}:100:101")).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && errors.contains("are of different versions"), "{errors}");
        }
    }

    #[test]
    fn a_message_that_is_too_large_is_not_sent_and_the_next_one_is() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let wire = Wire::new(ours, UnixStream::pair().unwrap().0);
        wire.send(|| Some(vec![b'x'; MAX_FRAME + 1])).unwrap();
        assert!(too_large(300 << 20).contains("300 MB is not shown"));
        theirs.write_all(&[0, 0, 0, 0, 4]).unwrap();
        wire.send(|| body("{}")).unwrap();
        let mut got = [0; 7];
        theirs.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"\x02\0\0\0\x03{}");
    }

    /// A wire whose inbox is read, and the supervisor's ends of it.
    struct Supervisor {
        wire: &'static Wire,
        messages: UnixStream,
        commands: UnixStream,
        reader: JoinHandle<()>,
    }

    impl Supervisor {
        fn new() -> Supervisor {
            let (ours, messages) = UnixStream::pair().unwrap();
            let (inbox, commands) = UnixStream::pair().unwrap();
            messages.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            let wire: &'static Wire = Box::leak(Box::new(Wire::new(ours, inbox)));
            let reader = std::thread::spawn(|| wire.inbox.read());
            Supervisor { wire, messages, commands, reader }
        }

        /// The next message, which is acknowledged.
        fn recv(&mut self) -> Message {
            let (_, body) = read_frame(&mut self.messages).unwrap().unwrap();
            self.messages.write_all(&[0, 0, 0, 0, 4]).unwrap();
            serde_json::from_slice(&body).unwrap()
        }

        fn send(&mut self, command: &Command) {
            write_message(&mut self.commands, command).unwrap();
        }

        fn answer(&mut self, id: u64, answer: InputAnswer) {
            self.send(&Command::InputReply { id, answer });
        }
    }

    fn asking(
        wire: &'static Wire,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> JoinHandle<io::Result<String>> {
        std::thread::spawn(move || wire.ask("Name: ", false, stop))
    }

    fn comm(id: u64) -> Command {
        Command::Comm { id, message: CommMessage::Msg { comm_id: "a".into(), data: JsonObject::new() } }
    }

    fn value(text: &str) -> InputAnswer {
        InputAnswer::Value(text.into())
    }

    #[test]
    fn an_answer_reaches_its_question_and_other_commands_the_receiver() {
        let mut supervisor = Supervisor::new();
        let wire = supervisor.wire;
        let first = asking(wire, || false);
        let question = Message::InputRequest { id: 1, prompt: "Name: ".into(), password: false };
        assert_eq!(supervisor.recv(), question);
        let second = asking(wire, || false);
        assert!(matches!(supervisor.recv(), Message::InputRequest { id: 2, .. }));
        // Other threads may send meanwhile.
        let handled = Message::Handled { id: 9 };
        let sending = std::thread::spawn(|| wire.send(|| Some(encoded(&Message::Handled { id: 9 }))));
        assert_eq!(supervisor.recv(), handled);
        sending.join().unwrap().unwrap();
        supervisor.send(&comm(1));
        supervisor.answer(9, value("to no question"));
        supervisor.answer(2, value("Grace"));
        supervisor.send(&comm(2));
        supervisor.answer(1, value("Ada"));
        // Answers arrive also if no command is received.
        assert_eq!(first.join().unwrap().unwrap(), "Ada");
        assert_eq!(second.join().unwrap().unwrap(), "Grace");
        assert_eq!([wire.inbox.receive(), wire.inbox.receive()], [1, 2].map(|id| Some(comm(id))));
        assert!(wire.inbox.has_no_questions());
    }

    #[test]
    fn an_unknown_command_is_dropped_and_the_next_one_is_received() {
        let mut supervisor = Supervisor::new();
        for garbage in [&b"{\"type\":\"dance\"}"[..], b"{\"type\":\"comm\",\"id\":1}", b"[", b"\xff", b""] {
            write_frame(&mut supervisor.commands, FrameKind::Message, garbage).unwrap();
        }
        supervisor.send(&Command::ListComms);
        assert_eq!(supervisor.wire.inbox.receive(), Some(Command::ListComms));
    }

    #[test]
    fn a_wait_for_an_answer_ends_with_an_interrupt_or_a_refusal() {
        let mut supervisor = Supervisor::new();
        let wire = supervisor.wire;
        assert_eq!(wire.ask("", true, || true).unwrap_err().kind(), ErrorKind::Interrupted);
        let polls = AtomicU32::new(0);
        let interrupted = asking(wire, move || polls.fetch_add(1, Relaxed) > 1);
        supervisor.recv();
        assert_eq!(interrupted.join().unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
        let refused = asking(wire, || false);
        // The answer to the first question comes late, and is dropped.
        supervisor.answer(1, value("late"));
        supervisor.recv();
        supervisor.answer(2, InputAnswer::Error("there is no user".into()));
        assert_eq!(refused.join().unwrap().unwrap_err().to_string(), "there is no user");
    }

    #[test]
    fn no_wait_outlives_a_kernel_that_is_gone_or_writes_garbage() {
        for garbage in [&[][..], &[1, 2, 3], &[255, 255, 255, 255, 3], &[0, 0, 0, 0, 9], &[0, 0, 0, 0, 1]] {
            let mut supervisor = Supervisor::new();
            let waiting = asking(supervisor.wire, || false);
            supervisor.recv();
            supervisor.commands.write_all(garbage).unwrap();
            drop(supervisor.commands);
            supervisor.reader.join().unwrap();
            assert_eq!(waiting.join().unwrap().unwrap_err().kind(), ErrorKind::BrokenPipe, "{garbage:?}");
            assert_eq!(supervisor.wire.inbox.receive(), None);
        }
    }

    #[test]
    fn a_process_that_takes_over_drops_the_commands_of_the_dead_one() {
        let (ours, _messages) = UnixStream::pair().unwrap();
        let (inbox, mut commands) = UnixStream::pair().unwrap();
        let wire: &'static Wire = Box::leak(Box::new(Wire::new(ours, inbox)));
        let old = wire.inbox.expect_answer();
        wire.inbox.sort(comm(1));
        commands.write_all(&[9; 70_000]).unwrap(); // half a frame
        wire.inbox.empty();
        assert!(wire.inbox.has_no_questions());
        assert_ne!(wire.inbox.expect_answer(), old);
        let reader = std::thread::spawn(|| wire.inbox.read());
        write_message(&mut commands, &Command::ListComms).unwrap();
        assert_eq!(wire.inbox.receive(), Some(Command::ListComms));
        drop(commands);
        reader.join().unwrap();
    }
}
