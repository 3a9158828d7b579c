//! The record of a run: the tasks of each worker, and the waits of a deadlock.
//!
//! Two kinds of data come out of here. A [`Timeline`] is a finished record: a row a worker, a bar a
//! task, the waits within it. A [`WaitGraph`] is a snapshot of a deadlock: the workers, their tasks,
//! and the goals of their waits. Both print as text and expose their parts, so that a drawing crate
//! can make a picture of them.
//!
//! # Invariants
//!
//! * This crate knows no executor. An executor writes into a [`Log`]; it reads nothing back.
//! * This crate knows no picture. It depends on nothing that draws.
//! * Writing an event takes no lock and allocates nothing in the steady state (see [`Log`]), so tracing
//!   can stay on always.

mod clock;
mod export;
mod graph;
mod log;
mod name;
mod recorder;
mod text;
mod timeline;

pub use clock::Ticks;
pub use graph::{Edge, Node, NodeId, NodeKind, Relation, WaitGraph, WaitGraphBuilder};
pub use log::{CAPACITY, Log, Outcome, TaskSpan, WaitSpan};
pub use name::{NameId, TaskLabel};
pub use recorder::Recorder;
pub use timeline::{Bar, Row, Timeline, Wait};
