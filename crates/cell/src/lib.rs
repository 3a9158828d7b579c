//! The functions that the generated code of a cell calls: they load and store its variables, and catch its end.
//!
//! The engine compiles a cell into a shared object with one entry point, a [`CellFn`]. The process that runs cells
//! owns the [`Variables`], loads the object, and calls the entry point. Generated code reaches this crate through
//! the host's library, so all cells share one copy of it.
//!
//! *Invariant:* this crate depends on std alone, starts no thread, and holds no state of its own.

mod end;
mod error;
mod variables;

pub use end::{End, Outcome, run};
pub use error::{AnyError, Error};
pub use variables::Variables;

/// The entry point of a cell's object: it runs the cell on the session's variables.
pub type CellFn = fn(&mut Variables) -> End;

/// The symbol of the entry point.
pub const ENTRY_POINT: &str = "threadbook_cell";
