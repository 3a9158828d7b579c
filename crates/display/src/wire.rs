//! The way to the reader: the companion's end of the kernel's wire, or what stands in for it.
//!
//! In the Threadbook kernel, `THREADBOOK_WIRE=2:<descriptor>:<descriptor>` names two sockets. A frame on
//! them is a little-endian `u32` length, the byte 3 (a message), and a JSON object with a `type`. The first
//! is where we speak ([`send`]): the supervisor of the cell's process answers each message with the frame
//! `00 00 00 00 04`, when it has its place among what the cell printed. The second is the
//! [`inbox`](crate::inbox), which is only read. (`kernel/src/wire.rs` says the same from the other side.)
//!
//! Elsewhere nothing changes for the user: under stock evcxr the bundle is printed as evcxr's own content
//! blocks, and in a terminal as text.

use crate::bundle::{METADATA, MimeBundle};
use crate::inbox::Inbox;
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock};

const VARIABLE: &str = "THREADBOOK_WIRE";
const VERSION: &str = "2";
pub(crate) const MESSAGE: u8 = 3;

/// No message is longer, in bytes: the kernel would take its length for garbage.
const MOST: usize = 256 << 20;

pub(crate) struct Wire {
    socket: Mutex<UnixStream>,
    pub(crate) inbox: Inbox,
    /// A forked process has the descriptor too, but its messages would mix with ours.
    owner: AtomicU32,
}

pub(crate) fn wire() -> Option<&'static Wire> {
    opened().filter(|wire| wire.owner.load(Relaxed) == std::process::id())
}

/// The wire of this process or of the one that it was forked from.
fn opened() -> Option<&'static Wire> {
    static WIRE: OnceLock<Option<Wire>> = OnceLock::new();
    let wire = WIRE.get_or_init(|| {
        let value = std::env::var(VARIABLE).ok()?;
        let [version, socket, inbox] = value.split(':').collect::<Vec<_>>().try_into().ok()?;
        // SAFETY: the companion calls this first when its first cell starts, before user code has run and
        // so before any other thread. The variable must go: a child would inherit it without the socket.
        unsafe { std::env::remove_var(VARIABLE) };
        let (socket, inbox) = (socket.parse().ok()?, inbox.parse().ok().filter(|_| version == VERSION)?);
        // SAFETY: the kernel opened these descriptors for us, and nobody else takes them.
        let (socket, inbox) = unsafe { (UnixStream::from_raw_fd(socket), UnixStream::from_raw_fd(inbox)) };
        Some(Wire::new(socket, inbox))
    });
    wire.as_ref()
}

/// Calls `fork` at a moment when no message is on its way, so that a copy of this process can go on.
pub fn between_messages<T>(fork: impl FnOnce() -> T) -> T {
    let _held = opened().map(|wire| (wire.lock(), wire.inbox.lock()));
    fork()
}

/// Takes over from the process that this one was forked from, which is no more.
pub fn take_over() {
    if let Some(wire) = opened() {
        wire.owner.store(std::process::id(), Relaxed);
        // What the other one has not read is not for us.
        empty(&wire.lock());
        wire.inbox.empty();
    }
}

pub(crate) fn empty(mut socket: &UnixStream) {
    let _ = socket.set_nonblocking(true);
    while matches!(socket.read(&mut [0; 4096]), Ok(count) if count > 0) {}
    let _ = socket.set_nonblocking(false);
}

impl Wire {
    pub(crate) fn new(socket: UnixStream, inbox: UnixStream) -> Wire {
        let owner = AtomicU32::new(std::process::id());
        Wire { socket: Mutex::new(socket), inbox: Inbox::new(inbox), owner }
    }

    fn lock(&self) -> MutexGuard<'_, UnixStream> {
        self.socket.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sends the message that `body` makes when it is its turn, and waits for its acknowledgement.
    pub(crate) fn send(&self, body: impl FnOnce() -> String) -> io::Result<()> {
        self.send_if(|| Some(body()))
    }

    /// As [`Wire::send`], if there is a message when it is its turn.
    fn send_if(&self, body: impl FnOnce() -> Option<String>) -> io::Result<()> {
        let mut socket = self.lock();
        let Some(body) = body() else { return Ok(()) };
        if body.len() > MOST {
            // Who prints may wait for this lock.
            drop(socket);
            eprintln!("{}", too_much(body.len()));
            return Ok(());
        }
        let mut frame = Vec::with_capacity(body.len() + 5);
        frame.extend((body.len() as u32).to_le_bytes());
        frame.push(MESSAGE);
        frame.extend(body.as_bytes());
        socket.write_all(&frame)?;
        socket.read_exact(&mut [0; 5])
    }
}

/// What is said in the place of a message that is too long.
fn too_much(length: usize) -> String {
    format!(
        "An output of {} MB is not shown: one may have {} MB. Save it to a file, or show less of it at a time.",
        length >> 20,
        MOST >> 20,
    )
}

/// Whether the Threadbook kernel is at the other end. The first call takes the descriptor, so the cell
/// process makes it before any user code runs.
pub fn is_connected() -> bool {
    wire().is_some()
}

/// Sends one message and waits until it has its place among the cell's outputs. `false` if there is no
/// kernel to send it to.
pub fn send(message: &Value) -> bool {
    send_body(|| message.to_string())
}

/// As [`send`], for a message that is made when it is its turn: of two threads that tell a state, the later
/// one tells the later state. Nothing may be printed or sent meanwhile.
pub fn send_with(message: impl FnOnce() -> Value) -> bool {
    send_body(|| message().to_string())
}

/// As [`send`], for a message whose place among what this cell prints does not matter: nothing is flushed, and so
/// no thread that prints is waited for.
pub fn send_aside(message: &Value) -> bool {
    wire().is_some_and(|wire| wire.send(|| message.to_string()).is_ok())
}

fn send_body(body: impl FnOnce() -> String) -> bool {
    let Some(wire) = wire() else { return false };
    // What this cell printed before must come before.
    let _ = io::stdout().flush();
    wire.send(body).is_ok()
}

/// A message that shows a bundle, which is moved there: it may be large.
fn message(kind: &str, mut data: MimeBundle) -> Value {
    let metadata = data.remove(METADATA).unwrap_or_else(|| json!({}));
    let mut message = json!({"type": kind, "metadata": metadata});
    message["data"] = data.into();
    message
}

/// As [`message`], for what was shown or is to be shown under this id.
fn message_with_id(kind: &str, display_id: &str, bundle: MimeBundle) -> Value {
    let mut message = message(kind, bundle);
    message["display_id"] = display_id.into();
    message
}

/// Shows a bundle at this place among the outputs.
pub(crate) fn send_display(bundle: MimeBundle) {
    if !send(&message("display", bundle.clone())) {
        print_bundle(&bundle);
    }
}

/// Shows a bundle that can be changed later by its id. `false` if nobody is there who could.
pub fn send_display_as(display_id: &str, bundle: MimeBundle) -> bool {
    send(&message_with_id("display", display_id, bundle))
}

/// Shows a bundle in the place of the one that was shown with this id. That has no place among what is printed.
pub fn update_display(display_id: &str, bundle: MimeBundle) {
    send_aside(&message_with_id("update_display", display_id, bundle));
}

/// As [`update_display`], for a bundle that is taken when it is its turn, as the message of [`send_with`]. There may be
/// none any more.
pub(crate) fn update_display_with(display_id: &str, bundle: impl FnOnce() -> Option<MimeBundle>) {
    let body = || Some(message_with_id("update_display", display_id, bundle()?).to_string());
    let _ = wire().map(|wire| wire.send_if(body));
}

/// Shows a bundle as the cell's result.
pub(crate) fn send_result(bundle: MimeBundle) {
    if !send(&message("result", bundle.clone())) {
        print_bundle(&bundle);
    }
}

/// Shows a bundle without a kernel.
pub fn print_bundle(bundle: &MimeBundle) {
    let in_evcxr = std::env::var_os("EVCXR_IS_RUNTIME").is_some();
    let mut out = io::stdout().lock();
    // An error here means that nobody reads any more, and then there is nobody to tell.
    let _ = if in_evcxr { write_content_blocks(&mut out, bundle) } else { write_text(&mut out, bundle) };
}

/// evcxr's convention, see <https://github.com/evcxr/evcxr/blob/main/evcxr_jupyter/README.md>.
fn write_content_blocks(out: &mut impl Write, bundle: &MimeBundle) -> io::Result<()> {
    for (mime, value) in bundle.iter().filter(|(mime, _)| *mime != METADATA) {
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
    }

    #[test]
    fn what_is_too_long_is_not_sent_and_the_next_message_is() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let wire = Wire::new(ours, UnixStream::pair().unwrap().0);
        wire.send(|| "x".repeat(MOST + 1)).unwrap();
        assert!(too_much(300 << 20).contains("300 MB is not shown"));
        theirs.write_all(&[0, 0, 0, 0, 4]).unwrap();
        wire.send(|| "{}".to_owned()).unwrap();
        let mut got = [0; 7];
        theirs.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"\x02\0\0\0\x03{}");
    }
}
