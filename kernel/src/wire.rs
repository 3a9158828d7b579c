//! The wire: how the process that cells run in talks to the kernel, and how the companion crate, if it
//! is loaded there, takes part.
//!
//! A frame is a little-endian `u32` length, one byte that says what kind it is, and the body. The kinds:
//!
//! | kind | body | who sends it |
//! | --- | --- | --- |
//! | 1 | raw bytes that user code wrote to standard output | supervisor → kernel |
//! | 2 | raw bytes that user code wrote to standard error | supervisor → kernel |
//! | 3 | a JSON object with a `type` | companion → supervisor → kernel, and back |
//! | 4 | empty: the frame before this one has reached its place | supervisor → companion |
//!
//! The companion finds its ends as `THREADBOOK_WIRE=2:<descriptor>:<descriptor>`, where 2 is [`VERSION`].
//!
//! The first is where it speaks: it sends one kind-3 frame at a time and waits for kind 4, so that what it
//! sends keeps its place among the text that the cell prints. The supervisor passes the companion's
//! messages on as they are.
//!
//! The second is its inbox, which a thread of its own reads, also while a cell runs: kind-3 frames with an
//! [`Order`] that the kernel gave to the supervisor.
//!
//! | order | what the companion says to it |
//! | --- | --- |
//! | [`Order::InputReply`], the answer to [`Message::InputRequest`] with the same `id` | nothing |
//! | [`Order::Comm`] | [`Message::Handled`], when it is done |
//! | [`Order::TellComms`], from the supervisor itself | [`Message::Comms`] |
//!
//! The supervisor never waits for the inbox: what does not fit is kept, up to a limit, and dropped beyond
//! it ([`Message::Dropped`]).

use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;

/// The version of this protocol. A companion that speaks another one does not use the wire.
pub const VERSION: u32 = 2;

/// The environment variable in which the companion finds its end of the wire.
pub const COMPANION_VARIABLE: &str = "THREADBOOK_WIRE";

/// The environment variable in which the supervisor finds the kernel's socket.
pub const KERNEL_VARIABLE: &str = "THREADBOOK_KERNEL_SOCKET";

/// No honest frame is larger (a picture is a few hundred kilobytes); a length above it is garbage.
const MAX_FRAME: usize = 256 << 20;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Standard output of user code.
    Stdout = 1,
    /// Standard error of user code.
    Stderr = 2,
    /// A JSON object.
    Message = 3,
    /// The acknowledgement of a message.
    Ack = 4,
}

/// Writes one frame.
pub fn write_frame(to: &mut impl Write, kind: Kind, body: &[u8]) -> io::Result<()> {
    let mut frame = Vec::with_capacity(body.len() + 5);
    frame.extend((body.len() as u32).to_le_bytes());
    frame.push(kind as u8);
    frame.extend(body);
    to.write_all(&frame)
}

/// Writes a message frame.
pub fn write_message(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    write_frame(to, Kind::Message, &serde_json::to_vec(message)?)
}

/// Reads one frame; `None` at the end of the stream.
pub fn read_frame(from: &mut impl Read) -> io::Result<Option<(Kind, Vec<u8>)>> {
    let mut head = [0; 5];
    match from.read_exact(&mut head) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let kind = match head[4] {
        1 => Kind::Stdout,
        2 => Kind::Stderr,
        3 => Kind::Message,
        4 => Kind::Ack,
        other => return Err(garbage(format!("a frame of the unknown kind {other}"))),
    };
    if length > MAX_FRAME {
        return Err(garbage(format!("a frame of {length} bytes")));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    Ok(Some((kind, body)))
}

fn garbage(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A MIME bundle, as in the Jupyter messaging specification.
pub type MimeBundle = serde_json::Map<String, serde_json::Value>;

/// The `data` of a comm's message, or the metadata of any.
pub type Data = serde_json::Map<String, serde_json::Value>;

/// A standard stream.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    Stdout,
    Stderr,
}

/// What the two ends of a comm say to each other; in the words of the Jupyter messaging specification.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "type")]
pub enum CommMessage {
    /// There is a new comm.
    #[serde(rename = "comm_open")]
    Open {
        comm_id: String,
        target_name: String,
        #[serde(default)]
        data: Data,
        #[serde(default)]
        metadata: Data,
    },
    /// Something for the other end.
    #[serde(rename = "comm_msg")]
    Msg {
        comm_id: String,
        #[serde(default)]
        data: Data,
    },
    /// The comm is no more.
    #[serde(rename = "comm_close")]
    Close {
        comm_id: String,
        #[serde(default)]
        data: Data,
    },
}

/// What the kernel hears: from the companion, and from the supervisor itself.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// The value of a cell's last expression.
    Result {
        data: MimeBundle,
        #[serde(default)]
        metadata: MimeBundle,
    },
    /// Something to show now.
    Display {
        data: MimeBundle,
        #[serde(default)]
        metadata: MimeBundle,
        #[serde(default)]
        display_id: Option<String>,
    },
    /// What to show in the place of an earlier display.
    UpdateDisplay {
        data: MimeBundle,
        #[serde(default)]
        metadata: MimeBundle,
        display_id: String,
    },
    /// Take away what the cell has shown so far; with `wait`, when the next output comes.
    ClearOutput { wait: bool },
    /// The cell that runs is to be known by this number.
    Remember { cell: u64 },
    /// A worker, or a thread that another cell has started, has printed text for a cell that was to be remembered, on the standard stream of this name.
    Print { cell: u64, name: StreamName, text: String },
    /// The companion waits for a line from the user, to be sent as [`Order::InputReply`] with this `id`.
    InputRequest { id: u64, prompt: String, password: bool },
    /// A comm of the companion speaks.
    Comm { message: CommMessage },
    /// The companion is done with the `Order::Comm` with this `id`.
    Handled { id: u64 },
    /// The `Order::Comm` with this `id` could not be delivered. Sent by the supervisor.
    Dropped { id: u64, reason: String },
    /// These are the companion's comms, and no others.
    Comms { open: Vec<String> },
    /// A panic in the thread that runs the cell, which may yet be caught.
    Panic {
        message: String,
        #[serde(flatten)]
        place: PanicPlace,
        /// Who has called whom, the last call first, as far as is of interest.
        #[serde(default)]
        frames: Vec<Address>,
    },
    /// A panic in another thread of user code.
    ThreadPanic {
        thread: String,
        message: String,
        #[serde(flatten)]
        place: PanicPlace,
    },
    /// The cell did not run to its last statement. Comes before [`Message::Ran`].
    Ended {
        #[serde(flatten)]
        end: End,
    },
    /// The order [`Order::Run`] has been carried out, if `ran`; else it was not begun, or its process died. Sent by the
    /// supervisor.
    Ran { ran: bool },
    /// One of evcxr's own content blocks, which user code may print. Sent by the supervisor.
    Content { mime: String, text: String },
    /// The process that runs the cells has ended, by `signal` or with `code`, while it `ran` a cell or between
    /// two; if `restored`, another one goes on from its checkpoint, without what is `lost`. Sent by the supervisor.
    Died { signal: Option<i32>, code: Option<i32>, ran: bool, restored: bool, lost: String },
    /// All that came before `Order::Sync` with this `id` has been sent. Sent by the supervisor.
    Synced { id: u64 },
}

/// Why a cell has ended before its last statement.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum End {
    /// By the `return` of this index.
    Returned { index: usize },
    /// By a `?`.
    Failed {
        text: String,
        causes: Vec<String>,
        #[serde(flatten)]
        place: PanicPlace,
    },
    /// By a panic.
    Panicked,
}

/// A compiled cell, to be run.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub struct Run {
    /// The shared object; none if there are only variables to drop.
    pub object: Option<PathBuf>,
    /// Whether later objects name its statics.
    pub is_global: bool,
    /// The variables to drop before.
    pub to_drop: Vec<String>,
    /// The variables to remove before that, without running their destructors.
    pub to_forget: Vec<String>,
    /// Whether it runs within the runtime.
    pub in_runtime: bool,
}

/// Where code has panicked, as the compiler has noted it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct PanicPlace {
    pub file: String,
    pub line: u32,
    /// The shared object that the code is in, if that is known.
    pub object: Option<PathBuf>,
}

/// Where in a shared object code is: so many bytes from where it was loaded.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub struct Address {
    pub object: PathBuf,
    pub offset: u64,
}

/// What the kernel tells the supervisor, and through it the companion.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Order {
    /// Run a cell. [`Message::Ran`] is the answer.
    Run { cell: Run },
    /// End the cell that is running, if one is.
    Interrupt,
    /// Send what is there, then [`Message::Synced`].
    Sync { id: u64 },
    /// The answer to [`Message::InputRequest`], for the companion.
    InputReply {
        id: u64,
        #[serde(flatten)]
        answer: Answer,
    },
    /// Pass this on to the companion, of which [`Message::Handled`] or [`Message::Dropped`] tells.
    Comm { id: u64, message: CommMessage },
    /// Say which comms there are. From the supervisor to a companion that goes on from a checkpoint.
    TellComms,
}

/// What the user has entered, or why nobody can be asked: `"value": "…"` or `"error": "…"`.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Value(String),
    Error(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_trip() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, Kind::Stdout, b"one\xff").unwrap();
        write_message(&mut bytes, &Order::Sync { id: 7 }).unwrap();
        let mut from = &bytes[..];
        assert_eq!(read_frame(&mut from).unwrap(), Some((Kind::Stdout, b"one\xff".to_vec())));
        let (kind, body) = read_frame(&mut from).unwrap().unwrap();
        assert_eq!(kind, Kind::Message);
        assert_eq!(serde_json::from_slice::<Order>(&body).unwrap(), Order::Sync { id: 7 });
        assert_eq!(read_frame(&mut from).unwrap(), None);
    }

    #[test]
    fn the_answer_to_a_question_is_written_as_the_companion_reads_it() {
        let reply = |answer| serde_json::to_value(Order::InputReply { id: 7, answer }).unwrap();
        let value = serde_json::json!({"type": "input_reply", "id": 7, "value": "Ada"});
        assert_eq!(reply(Answer::Value("Ada".into())), value);
        let error = serde_json::json!({"type": "input_reply", "id": 7, "error": "no"});
        assert_eq!(reply(Answer::Error("no".into())), error);
        let request = r#"{"type": "input_request", "id": 7, "prompt": "? ", "password": true}"#;
        let expected = Message::InputRequest { id: 7, prompt: "? ".into(), password: true };
        assert_eq!(serde_json::from_str::<Message>(request).unwrap(), expected);
    }

    #[test]
    fn a_comm_speaks_the_words_of_the_specification() {
        let text =
            r#"{"type":"comm","message":{"type":"comm_msg","comm_id":"a","data":{"method":"update"}}}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        let data = Data::from_iter([("method".to_owned(), "update".into())]);
        let expected = CommMessage::Msg { comm_id: "a".into(), data };
        assert_eq!(message, Message::Comm { message: expected });
    }

    #[test]
    fn garbage_is_an_error_and_no_panic() {
        assert!(read_frame(&mut &[255, 255, 255, 255, 1, 0][..]).is_err());
        assert!(read_frame(&mut &[1, 0, 0, 0, 9, 0][..]).is_err());
        assert!(read_frame(&mut &[4, 0, 0, 0, 1, 0][..]).is_err());
        assert_eq!(read_frame(&mut &[4, 0][..]).unwrap(), None);
    }
}
