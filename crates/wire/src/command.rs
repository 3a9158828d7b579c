//! Commands of the kernel to the supervisor, and through it to the companion.

use crate::CommMessage;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A command of the kernel.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Runs a cell. [`Message::Ran`](crate::Message::Ran) is the reply.
    Run {
        /// The cell.
        cell: RunCell,
    },
    /// Ends the running cell, if there is one.
    Interrupt,
    /// Sends all output that is there, then [`Message::Synced`](crate::Message::Synced).
    Sync {
        /// The number of the command.
        id: u64,
    },
    /// The answer to [`Message::InputRequest`](crate::Message::InputRequest), for the companion.
    InputReply {
        /// The number of the question.
        id: u64,
        /// The answer.
        #[serde(flatten)]
        answer: InputAnswer,
    },
    /// A front end's message to a comm, for the companion. [`Message::Handled`](crate::Message::Handled) or
    /// [`Message::Dropped`](crate::Message::Dropped) is the reply.
    Comm {
        /// The number of the command.
        id: u64,
        /// The message.
        message: CommMessage,
    },
    /// Asks the companion for its comms. The supervisor sends it to a companion that goes on from a checkpoint.
    #[serde(rename = "tell_comms")]
    ListComms,
}

/// A compiled cell to run.
#[derive(Clone, Debug, Default, Deserialize, Serialize, PartialEq)]
pub struct RunCell {
    /// The shared object. `None` if there are only variables to drop.
    pub object: Option<PathBuf>,
    /// Whether later objects name its statics.
    pub is_global: bool,
    /// The variables to drop before.
    pub to_drop: Vec<String>,
    /// The variables to remove before that, without running their destructors.
    pub to_forget: Vec<String>,
    /// Whether the cell runs within tokio's runtime.
    pub in_runtime: bool,
}

/// The line that the user has entered, or the reason why there is none: `"value": "…"` or `"error": "…"`.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum InputAnswer {
    /// The line.
    Value(String),
    /// A sentence.
    Error(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_as_the_companion_reads_it() {
        let reply = |answer| serde_json::to_value(Command::InputReply { id: 7, answer }).unwrap();
        let value = serde_json::json!({"type": "input_reply", "id": 7, "value": "Ada"});
        assert_eq!(reply(InputAnswer::Value("Ada".into())), value);
        let error = serde_json::json!({"type": "input_reply", "id": 7, "error": "no"});
        assert_eq!(reply(InputAnswer::Error("no".into())), error);
        for value in [value, error] {
            assert!(matches!(serde_json::from_value(value), Ok(Command::InputReply { id: 7, .. })));
        }
    }

    #[test]
    fn an_unknown_command_is_an_error() {
        assert!(serde_json::from_str::<Command>(r#"{"type":"dance"}"#).is_err());
        assert!(serde_json::from_str::<Command>(r#"{"type":"sync"}"#).is_err());
        assert_eq!(serde_json::from_str::<Command>(r#"{"type":"tell_comms"}"#).unwrap(), Command::ListComms);
    }
}
