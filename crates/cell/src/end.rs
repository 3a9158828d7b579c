//! The end of a cell.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{AnyError, Error};

/// The end of a cell.
pub enum End {
    /// It ran to its last statement.
    Done,
    /// The `return` of this index ended it.
    Returned(usize),
    /// A `?` ended it.
    Failed(Error),
    /// A panic ended it.
    Panicked(Box<dyn Any + Send>),
}

/// The value of a cell's statements: `()`, or the error of a `?`.
pub trait Outcome {
    /// The end of a cell with this outcome.
    fn end(self) -> End;
}

impl Outcome for () {
    fn end(self) -> End {
        End::Done
    }
}

impl Outcome for Result<(), Error> {
    fn end(self) -> End {
        self.map_or_else(End::Failed, |()| End::Done)
    }
}

impl Outcome for Result<(), AnyError> {
    fn end(self) -> End {
        self.map_or_else(|error| End::Failed(error.into_error()), |()| End::Done)
    }
}

impl End {
    /// This end, or that of a `return`, if the cell noted one.
    pub fn or_returned(self, index: Option<usize>) -> End {
        match (self, index) {
            (End::Done, Some(index)) => End::Returned(index),
            (end, _) => end,
        }
    }
}

/// Runs the statements of a cell.
pub fn run<O: Outcome>(statements: impl FnOnce() -> O) -> End {
    catch_unwind(AssertUnwindSafe(|| call(statements))).map_or_else(End::Panicked, O::end)
}

/// Keeps the statements out of the compiler's own function that catches panics, which has no line information
/// for a backtrace.
#[inline(never)]
fn call<O>(statements: impl FnOnce() -> O) -> O {
    statements()
}
