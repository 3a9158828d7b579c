//! Jupyter's messages over ZeroMQ.
//!
//! - [`zmtp`] is ZeroMQ's wire protocol with the sockets that a kernel and its client need. It carries frames.
//! - [`connection`] reads the connection file, and [`Listeners`] binds the five sockets that it names.
//! - [`Key`] signs messages and checks signatures.
//! - [`message`] converts between frames and [`jupyter_protocol::JupyterMessage`].
//!
//! `examples/echo.rs` is a kernel of a hundred lines.
//!
//! # Invariants
//!
//! - A peer without the key costs little: bounded memory, a bounded number of descriptors, a bounded rate of lines
//!   in the log. No input makes this crate panic.
//! - A peer that does not read affects no other peer, see [`zmtp::Publisher`] and [`zmtp::Router`].
//! - A message with a signature is accepted once.
//! - This crate handles messages and ZeroMQ. It contains no cell, no session and no language.

pub mod complaint;
pub mod connection;
pub mod message;
pub mod zmtp;

mod key;

pub use connection::Listeners;
pub use key::{Key, SignatureError};
