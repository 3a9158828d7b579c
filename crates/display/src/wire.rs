//! The way to the reader: the companion's end of the kernel's wire, or what stands in for it.
//!
//! In the Threadbook kernel, `THREADBOOK_WIRE=1:<descriptor>` names a socket. A frame on it is a
//! little-endian `u32` length, the byte 3 (a message), and a JSON object with a `type`; the supervisor of
//! the cell's process answers each with the frame `00 00 00 00 04`, when the message has its place among
//! what the cell printed. (`kernel/src/wire.rs` says the same from the other side.)
//!
//! One message is also answered later: `{"type": "input_request", "id": 7, "prompt": "Name: ", "password":
//! false}` by a frame of kind 3 with `{"type": "input_reply", "id": 7, "value": "Ada"}`, or with `"error"` in
//! the place of `"value"` if nobody can be asked. It comes between two acknowledgements, so whoever waits
//! for one of those keeps it for the thread that has asked.
//!
//! Elsewhere nothing changes for the user: under stock evcxr the bundle is printed as evcxr's own content
//! blocks, and in a terminal as text.

use crate::bundle::MimeBundle;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::Duration;

const VARIABLE: &str = "THREADBOOK_WIRE";
const VERSION: &str = "1";
const MESSAGE: u8 = 3;
const ACK: u8 = 4;

/// How often to look for the answer to a question. In between, other threads have the wire.
const LOOK_EVERY: Duration = Duration::from_millis(20);

struct Wire {
    line: Mutex<Line>,
    /// A forked process has the descriptor too, but its messages would mix with ours.
    owner: AtomicU32,
}

struct Line {
    socket: UnixStream,
    /// Counts questions.
    asked: u64,
    /// The questions that somebody waits for, with the answers that have come.
    questions: HashMap<u64, Option<Value>>,
}

fn wire() -> Option<&'static Wire> {
    opened().filter(|wire| wire.owner.load(Relaxed) == std::process::id())
}

/// The wire of this process or of the one that it was forked from.
fn opened() -> Option<&'static Wire> {
    static WIRE: OnceLock<Option<Wire>> = OnceLock::new();
    let wire = WIRE.get_or_init(|| {
        let value = std::env::var(VARIABLE).ok()?;
        let (version, descriptor) = value.split_once(':')?;
        // SAFETY: the companion calls this first when its first cell starts, before user code has run and
        // so before any other thread. The variable must go: a child would inherit it without the socket.
        unsafe { std::env::remove_var(VARIABLE) };
        let descriptor = descriptor.parse().ok().filter(|_| version == VERSION)?;
        // SAFETY: the kernel opened this descriptor for us, and nobody else takes it.
        let socket = unsafe { UnixStream::from_raw_fd(descriptor) };
        Some(Wire { line: Mutex::new(Line::new(socket)), owner: AtomicU32::new(std::process::id()) })
    });
    wire.as_ref()
}

/// Calls `fork` at a moment when no message is on its way, so that a copy of this process can go on.
pub fn between_messages<T>(fork: impl FnOnce() -> T) -> T {
    let _held = opened().map(Wire::lock);
    fork()
}

/// Takes over from the process that this one was forked from, which is no more.
pub fn take_over() {
    if let Some(wire) = opened() {
        wire.owner.store(std::process::id(), Relaxed);
        // What the other one has not read is not for us.
        let mut line = wire.lock();
        line.questions.clear();
        let _ = line.socket.set_nonblocking(true);
        while matches!(line.socket.read(&mut [0; 64]), Ok(count) if count > 0) {}
        let _ = line.socket.set_nonblocking(false);
    }
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Line {
    fn new(socket: UnixStream) -> Line {
        Line { socket, asked: 0, questions: HashMap::new() }
    }

    /// Sends a message and waits for its acknowledgement.
    fn send(&mut self, message: &Value) -> io::Result<()> {
        let body = message.to_string();
        let mut frame = Vec::with_capacity(body.len() + 5);
        frame.extend((body.len() as u32).to_le_bytes());
        frame.push(MESSAGE);
        frame.extend(body.as_bytes());
        self.socket.write_all(&frame)?;
        let mut head = [0; 5];
        loop {
            self.socket.read_exact(&mut head)?;
            if head[4] == ACK {
                return Ok(());
            }
            self.keep_answer(head)?;
        }
    }

    /// Sends a question and returns its number.
    fn ask(&mut self, prompt: &str, password: bool) -> io::Result<u64> {
        self.asked += 1;
        let id = self.asked;
        self.send(&json!({"type": "input_request", "id": id, "prompt": prompt, "password": password}))?;
        // Not before: an answer that came before the acknowledgement is to somebody else's question.
        self.questions.insert(id, None);
        Ok(id)
    }

    /// The answer to a question, if it has come.
    fn take_answer(&mut self, id: u64) -> io::Result<Option<Value>> {
        let mut head = [0; 5];
        while self.questions.get(&id).is_some_and(Option::is_none) {
            self.socket.set_nonblocking(true)?;
            let begun = self.socket.read(&mut head);
            self.socket.set_nonblocking(false)?;
            match begun {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.socket.read_exact(&mut head[count..])?,
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => break,
                Err(error) => return Err(error),
            }
            self.keep_answer(head)?;
        }
        Ok(self.questions.get_mut(&id).and_then(Option::take))
    }

    /// Reads the body of a frame that is no acknowledgement. It is the answer to a question; perhaps to one
    /// that nobody waits for any more.
    fn keep_answer(&mut self, head: [u8; 5]) -> io::Result<()> {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let mut body = vec![0; length as usize];
        self.socket.read_exact(&mut body)?;
        let answer: Value = serde_json::from_slice(&body)?;
        if let Some(place) = answer["id"].as_u64().and_then(|id| self.questions.get_mut(&id)) {
            *place = Some(answer);
        }
        Ok(())
    }
}

/// Whether the Threadbook kernel is at the other end. The first call takes the descriptor, so the cell
/// process makes it before any user code runs.
pub fn is_connected() -> bool {
    wire().is_some()
}

/// Sends one message and waits until it has its place among the cell's outputs. `false` if there is no
/// kernel to send it to.
pub fn send(message: &Value) -> bool {
    let Some(wire) = wire() else { return false };
    // What this cell printed before must come before.
    let _ = io::stdout().flush();
    wire.lock().send(message).is_ok()
}

/// Asks the user for a line and waits for it, until `is_interrupted`. `None` if there is no kernel to ask.
pub fn ask(prompt: &str, password: bool, is_interrupted: impl Fn() -> bool) -> Option<io::Result<String>> {
    let wire = wire()?;
    // What this cell printed before must come before.
    let _ = io::stdout().flush();
    Some(wait_for_answer(wire, prompt, password, is_interrupted))
}

fn wait_for_answer(
    wire: &Wire,
    prompt: &str,
    password: bool,
    is_interrupted: impl Fn() -> bool,
) -> io::Result<String> {
    let interrupted = || io::Error::new(ErrorKind::Interrupted, "the wait for input was interrupted");
    if is_interrupted() {
        return Err(interrupted());
    }
    let id = wire.lock().ask(prompt, password)?;
    let answer = loop {
        match wire.lock().take_answer(id) {
            Ok(None) if is_interrupted() => break Err(interrupted()),
            Ok(None) => std::thread::sleep(LOOK_EVERY),
            Ok(Some(answer)) => break text_of(&answer),
            Err(error) => break Err(error),
        }
    };
    wire.lock().questions.remove(&id);
    answer
}

fn text_of(answer: &Value) -> io::Result<String> {
    match (answer["value"].as_str(), answer["error"].as_str()) {
        (Some(text), _) => Ok(text.to_owned()),
        (None, reason) => Err(io::Error::new(ErrorKind::Unsupported, reason.unwrap_or_default())),
    }
}

/// Shows a bundle at this place among the outputs.
pub(crate) fn send_display(bundle: MimeBundle) {
    if !send(&json!({"type": "display", "data": bundle})) {
        print_bundle(&bundle);
    }
}

/// Shows a bundle that can be changed later by its id. `false` if nobody is there who could.
pub(crate) fn send_display_as(display_id: &str, bundle: MimeBundle) -> bool {
    send(&json!({"type": "display", "data": bundle, "display_id": display_id}))
}

/// Shows a bundle in the place of the one that was shown with this id.
pub(crate) fn update_display(display_id: &str, bundle: MimeBundle) {
    send(&json!({"type": "update_display", "data": bundle, "display_id": display_id}));
}

/// Shows a bundle as the cell's result.
pub(crate) fn send_result(bundle: MimeBundle) {
    if !send(&json!({"type": "result", "data": bundle})) {
        print_bundle(&bundle);
    }
}

/// Shows a bundle without a kernel.
pub(crate) fn print_bundle(bundle: &MimeBundle) {
    let in_evcxr = std::env::var_os("EVCXR_IS_RUNTIME").is_some();
    let mut out = io::stdout().lock();
    // An error here means that nobody reads any more, and then there is nobody to tell.
    let _ = if in_evcxr { write_content_blocks(&mut out, bundle) } else { write_text(&mut out, bundle) };
}

/// evcxr's convention, see <https://github.com/evcxr/evcxr/blob/main/evcxr_jupyter/README.md>.
fn write_content_blocks(out: &mut impl Write, bundle: &MimeBundle) -> io::Result<()> {
    for (mime, value) in bundle {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        writeln!(out, "EVCXR_BEGIN_CONTENT {mime}\n{text}\nEVCXR_END_CONTENT")?;
    }
    out.flush()
}

fn write_text(out: &mut impl Write, bundle: &MimeBundle) -> io::Result<()> {
    match bundle.get("text/plain") {
        Some(Value::String(text)) => writeln!(out, "{text}"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> MimeBundle {
        let pairs = [("text/html", "<b>\n1</b>"), ("text/plain", "1")];
        pairs.map(|(mime, text)| (mime.to_owned(), text.into())).into_iter().collect()
    }

    #[test]
    fn stock_evcxr_gets_content_blocks() {
        let mut out = Vec::new();
        write_content_blocks(&mut out, &bundle()).unwrap();
        let expected = "EVCXR_BEGIN_CONTENT text/html\n<b>\n1</b>\nEVCXR_END_CONTENT\n\
                        EVCXR_BEGIN_CONTENT text/plain\n1\nEVCXR_END_CONTENT\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_terminal_gets_the_text() {
        let mut out = Vec::new();
        write_text(&mut out, &bundle()).unwrap();
        assert_eq!(out, b"1\n");
        assert!(!is_connected() && !send(&json!({})));
        assert!(ask("? ", false, || false).is_none());
    }

    /// A wire, and the supervisor's end of it.
    fn wire_and_supervisor() -> (&'static Wire, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        theirs.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let wire = Wire { line: Mutex::new(Line::new(ours)), owner: AtomicU32::new(0) };
        (Box::leak(Box::new(wire)), theirs)
    }

    fn hear(supervisor: &mut UnixStream) -> Value {
        let mut head = [0; 5];
        supervisor.read_exact(&mut head).unwrap();
        let mut body = vec![0; head[0] as usize];
        supervisor.read_exact(&mut body).unwrap();
        supervisor.write_all(&[0, 0, 0, 0, ACK]).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    fn reply(supervisor: &mut UnixStream, answer: Value) {
        let body = answer.to_string();
        supervisor.write_all(&[body.len() as u8, 0, 0, 0, MESSAGE]).unwrap();
        supervisor.write_all(body.as_bytes()).unwrap();
    }

    #[test]
    fn an_answer_reaches_the_one_who_asked_and_others_may_send_meanwhile() {
        let (wire, mut supervisor) = wire_and_supervisor();
        let asking = std::thread::spawn(|| wait_for_answer(wire, "Name: ", false, || false));
        let question = hear(&mut supervisor);
        assert_eq!(
            question,
            json!({"type": "input_request", "id": 1, "prompt": "Name: ", "password": false})
        );
        let sending = std::thread::spawn(|| wire.lock().send(&json!({"type": "display"})));
        reply(&mut supervisor, json!({"id": 9, "value": "for nobody"}));
        assert_eq!(hear(&mut supervisor), json!({"type": "display"}));
        sending.join().unwrap().unwrap();
        reply(&mut supervisor, json!({"id": 1, "value": "Ada"}));
        assert_eq!(asking.join().unwrap().unwrap(), "Ada");
        assert!(wire.lock().questions.is_empty());
    }

    #[test]
    fn a_wait_for_an_answer_ends_with_an_interrupt_or_a_refusal() {
        let (wire, mut supervisor) = wire_and_supervisor();
        assert_eq!(wait_for_answer(wire, "", true, || true).unwrap_err().kind(), ErrorKind::Interrupted);
        let looks = AtomicU32::new(0);
        let soon = move || looks.fetch_add(1, Relaxed) > 1;
        let asking = std::thread::spawn(|| wait_for_answer(wire, "", true, soon));
        hear(&mut supervisor);
        assert_eq!(asking.join().unwrap().unwrap_err().kind(), ErrorKind::Interrupted);
        let asking = std::thread::spawn(|| wait_for_answer(wire, "", true, || false));
        // The answer to the first question comes late, and is dropped.
        reply(&mut supervisor, json!({"id": 1, "value": "late"}));
        hear(&mut supervisor);
        reply(&mut supervisor, json!({"id": 2, "error": "nobody is there"}));
        assert_eq!(asking.join().unwrap().unwrap_err().to_string(), "nobody is there");
    }
}
