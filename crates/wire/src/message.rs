//! Messages to the kernel: from the companion, and from the supervisor itself.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The `data` of a comm's message, or the metadata of a message.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// A value in several formats by MIME type, of which a front end shows the best: the `data` of the [Jupyter messaging
/// specification](https://jupyter-client.readthedocs.io/en/stable/messaging.html#display-data).
pub type MimeBundle = JsonObject;

/// A standard stream.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum StreamName {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A message between the two ends of a comm, in the words of the Jupyter messaging specification.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "type")]
pub enum CommMessage {
    /// Opens a comm.
    #[serde(rename = "comm_open")]
    Open {
        /// The new comm.
        comm_id: String,
        /// The name that chooses the handler at the other end.
        target_name: String,
        /// Data for the handler.
        #[serde(default)]
        data: JsonObject,
        /// The version of the handler's protocol, and such.
        #[serde(default)]
        metadata: JsonObject,
    },
    /// Data for the other end.
    #[serde(rename = "comm_msg")]
    Msg {
        /// The comm.
        comm_id: String,
        /// The data.
        #[serde(default)]
        data: JsonObject,
    },
    /// Closes a comm.
    #[serde(rename = "comm_close")]
    Close {
        /// The comm.
        comm_id: String,
        /// Data for the handler.
        #[serde(default)]
        data: JsonObject,
    },
}

/// A message to the kernel.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Message {
    /// The value of a cell's last expression.
    Result {
        /// The value by MIME type.
        data: MimeBundle,
        /// The metadata of the types.
        #[serde(default)]
        metadata: JsonObject,
    },
    /// Shows a value now.
    Display {
        /// The value by MIME type.
        data: MimeBundle,
        /// The metadata of the types.
        #[serde(default)]
        metadata: JsonObject,
        /// The id for later updates.
        #[serde(default)]
        display_id: Option<String>,
    },
    /// Replaces an earlier display.
    UpdateDisplay {
        /// The value by MIME type.
        data: MimeBundle,
        /// The metadata of the types.
        #[serde(default)]
        metadata: JsonObject,
        /// The id of the display.
        display_id: String,
    },
    /// Removes the cell's outputs.
    ClearOutput {
        /// Whether to wait for the next output.
        wait: bool,
    },
    /// Registers the running cell under a number, for [`Message::Print`].
    Remember {
        /// The number.
        cell: u64,
    },
    /// Text that a worker, or a thread of an earlier cell, has printed.
    Print {
        /// The number of the cell that started the worker or the thread.
        cell: u64,
        /// The stream that the text was printed on.
        name: StreamName,
        /// The text.
        text: String,
    },
    /// The companion waits for a line from the user, a [`Command::InputReply`](crate::Command::InputReply).
    InputRequest {
        /// The number of the question.
        id: u64,
        /// The text before the line.
        prompt: String,
        /// Whether the line is hidden.
        password: bool,
    },
    /// A message of a comm.
    Comm {
        /// The message.
        message: CommMessage,
    },
    /// The companion has handled a [`Command::Comm`](crate::Command::Comm).
    Handled {
        /// The number of the command.
        id: u64,
    },
    /// A [`Command::Comm`](crate::Command::Comm) could not be delivered. Sent by the supervisor.
    Dropped {
        /// The number of the command.
        id: u64,
        /// A sentence.
        reason: String,
    },
    /// All comms of the companion.
    Comms {
        /// Their ids.
        open: Vec<String>,
    },
    /// A panic in the thread that runs the cell. The cell may catch it.
    Panic {
        /// The panic's message.
        message: String,
        /// The place of the panic.
        #[serde(flatten)]
        place: PanicPlace,
        /// The calls that led there, the innermost first.
        #[serde(default)]
        frames: Vec<CodeAddress>,
    },
    /// A panic in another thread of user code.
    ThreadPanic {
        /// The name of the thread.
        thread: String,
        /// The panic's message.
        message: String,
        /// The place of the panic.
        #[serde(flatten)]
        place: PanicPlace,
    },
    /// The cell has ended before its last statement. Comes before [`Message::Ran`].
    Ended {
        /// The reason.
        #[serde(flatten)]
        end: CellEnd,
    },
    /// A [`Command::Run`](crate::Command::Run) is over. Sent by the supervisor.
    Ran {
        /// Whether the cell has ended in its process. Otherwise it did not begin, or its process died.
        ran: bool,
    },
    /// A content block of evcxr, which user code may print. Sent by the supervisor.
    Content {
        /// The MIME type.
        mime: String,
        /// The content.
        text: String,
    },
    /// The cell process has ended, by `signal` or with `code`. Sent by the supervisor.
    Died {
        /// The signal that ended the process.
        signal: Option<i32>,
        /// The process's own exit code.
        code: Option<i32>,
        /// Whether a cell ran.
        ran: bool,
        /// Whether another process goes on from the checkpoint.
        restored: bool,
        /// The parts of the process that the checkpoint lacks, in words.
        lost: String,
    },
    /// All messages before [`Command::Sync`](crate::Command::Sync) have been sent. Sent by the supervisor.
    Synced {
        /// The number of the command.
        id: u64,
    },
}

/// The reason why a cell has ended before its last statement.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum CellEnd {
    /// A `return`.
    Returned {
        /// The index of the `return` in the cell.
        index: usize,
    },
    /// An error of `?`.
    Failed {
        /// The error's text.
        text: String,
        /// The texts of its sources.
        causes: Vec<String>,
        /// The place of the `?`.
        #[serde(flatten)]
        place: PanicPlace,
    },
    /// A panic.
    Panicked,
}

/// The place of a panic, as the compiler has recorded it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
#[serde(default)]
pub struct PanicPlace {
    /// The source file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The shared object of the code, if it is known.
    pub object: Option<PathBuf>,
}

/// An address in a shared object.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub struct CodeAddress {
    /// The shared object.
    pub object: PathBuf,
    /// The bytes from the object's load address.
    pub offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comm_speaks_the_words_of_the_specification() {
        let text =
            r#"{"type":"comm","message":{"type":"comm_msg","comm_id":"a","data":{"method":"update"}}}"#;
        let message: Message = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), text);
        let data = JsonObject::from_iter([("method".to_owned(), "update".into())]);
        let expected = CommMessage::Msg { comm_id: "a".into(), data };
        assert_eq!(message, Message::Comm { message: expected });
    }

    #[test]
    fn a_question_is_read_as_version_2_writes_it() {
        let request = r#"{"type": "input_request", "id": 7, "prompt": "? ", "password": true}"#;
        let expected = Message::InputRequest { id: 7, prompt: "? ".into(), password: true };
        assert_eq!(serde_json::from_str::<Message>(request).unwrap(), expected);
    }

    #[test]
    fn the_end_of_a_cell_is_read_as_version_2_writes_it() {
        let text =
            r#"{"type":"ended","how":"failed","text":"no","causes":[],"file":"f","line":3,"object":null}"#;
        let place = PanicPlace { file: "f".into(), line: 3, object: None };
        let end = CellEnd::Failed { text: "no".into(), causes: Vec::new(), place };
        assert_eq!(serde_json::from_str::<Message>(text).unwrap(), Message::Ended { end: end.clone() });
        let written = serde_json::to_string(&Message::Ended { end: end.clone() }).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&written).unwrap(), Message::Ended { end });
    }

    #[test]
    fn an_unknown_message_is_an_error_and_unknown_fields_are_none() {
        assert!(serde_json::from_str::<Message>(r#"{"type":"applause"}"#).is_err());
        assert!(serde_json::from_str::<Message>(r#"{"type":"handled","id":-1}"#).is_err());
        let newer = r#"{"type":"handled","id":1,"in":"2 ms"}"#;
        assert_eq!(serde_json::from_str::<Message>(newer).unwrap(), Message::Handled { id: 1 });
    }
}
