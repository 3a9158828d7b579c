//! The wire: the protocol between the kernel, the supervisor of the cell process, and the companion crate in that process.
//!
//! A [frame](FrameKind) is a little-endian `u32` length, one byte for its kind, and the body. The kinds:
//!
//! | kind | body | direction |
//! | --- | --- | --- |
//! | 1 | raw bytes that user code wrote to standard output | supervisor → kernel |
//! | 2 | raw bytes that user code wrote to standard error | supervisor → kernel |
//! | 3 | a JSON object with a `type`: a [`Message`] or a [`Command`] | companion → supervisor → kernel, and back |
//! | 4 | empty: the frame before this one has reached its place | supervisor → companion |
//!
//! The companion finds its two sockets in the variable [`COMPANION_VARIABLE`], as [`CompanionSockets`].
//!
//! On the first, the companion sends one message at a time and waits for kind 4, so that messages keep their place among
//! the text that the cell prints. The supervisor passes the companion's messages on unchanged.
//!
//! The second is the companion's inbox, which a thread reads, also while a cell runs. It has the commands that the kernel
//! gave to the supervisor:
//!
//! | command | reply of the companion |
//! | --- | --- |
//! | [`Command::InputReply`], the answer to [`Message::InputRequest`] with the same `id` | none |
//! | [`Command::Comm`] | [`Message::Handled`], after the callbacks |
//! | [`Command::ListComms`], from the supervisor itself | [`Message::Comms`] |
//!
//! The supervisor never waits for the inbox: it keeps the commands that do not fit, up to a limit, and drops the others
//! ([`Message::Dropped`]).
//!
//! *Invariant:* a message or command of an unknown type is dropped, and the next one is read. A companion of another
//! [version](VERSION) uses no wire: values are printed as in a terminal.
//!
//! *API boundary:* types and frames only. This crate opens no socket and reads no environment.

mod command;
mod companion;
mod environment;
mod frame;
mod message;

pub use command::{Command, InputAnswer, RunCell};
pub use companion::{CompanionSockets, OtherVersion};
pub use environment::{
    COMPANION_VARIABLE, KERNEL_VARIABLE, LIBRARY_PATH, LIBRARY_VARIABLE, SUPERVISOR_VARIABLE, VERSION,
};
pub use frame::{FrameKind, MAX_FRAME, read_frame, write_frame, write_message};
pub use message::{
    CellEnd, CodeAddress, CommMessage, JsonObject, Message, MimeBundle, PanicPlace, StreamName,
};
