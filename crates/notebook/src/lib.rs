//! Notebook files.
//!
//! [`Notebook`] keeps everything that it does not know, down to the order of keys. [`mod@file`] reads files of other people's
//! directories within bounds, and writes files as a whole and through no link. [`Origin`] is a notebook's record of the
//! machine and the versions that its outputs come from.
//!
//! *Invariant:* a notebook that is read and written again differs only in the values that were set.
//!
//! *API boundary:* this crate knows no kernel. It is used by the commands that execute notebooks and by handouts.

pub mod file;
mod json;
mod notebook;
mod origin;

pub use notebook::{CodeCell, Notebook};
pub use origin::{Origin, today};
