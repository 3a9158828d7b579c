//! A session: one engine, its variables, and the cells that are run in it.
//!
//! [`Session`] is the handle of the protocol. The [loop](main_loop) of the session owns its [state], and takes in one
//! [event](event) after the other: requests of the protocol, steps of the engine, and messages of the supervisor. It
//! attributes the outputs of cells ([`output`]), asks their questions ([`input`]), and passes the messages of widgets and
//! front ends on ([`comms`]). Messages and replies leave it in one order ([`outbox`]).
//!
//! The engine works in a thread of its own ([`engine`]), started at once so that it is warm when the first cell comes.
//! Magics are turned into Rust first ([`magics`]), and failures are put in words ([`report`]). Completion and help come from
//! another thread ([`analysis`]), also while cells run.
//!
//! *API boundary:* [`Session`], and the trait [`Front`] that it publishes through. A session knows no sockets.

mod analysis;
mod code_hash;
mod comms;
mod dependency_progress;
mod edits;
mod engine;
mod engine_link;
mod event;
mod handle;
mod input;
mod last_expression;
mod limit;
mod lock;
pub mod magics;
mod main_loop;
mod outbox;
mod output;
mod reply;
mod report;
mod state;
mod supervisor_link;
mod text;
mod workspace;

#[cfg(test)]
pub use {
    analysis::NameIndex,
    code_hash::with_code_hash,
    text::{Utf8Stream, byte_offset, code_points},
};

pub use analysis::PROGRAM as ANALYSIS;
pub use engine::{cache_directory, prepare};
pub use handle::Session;
pub use last_expression::without_commands;
pub use outbox::{Front, Publication};
pub use reply::{CompletionList, ExecuteOutcome};
pub use report::Failure;
pub use workspace::SessionWorkspace;
