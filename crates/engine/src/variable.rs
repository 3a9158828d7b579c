//! The variables of a session, and the reasons why there are no more of some.

use serde::{Deserialize, Serialize};

/// A variable that cells have left.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Variable {
    pub(crate) r#type: String,
    pub(crate) is_mut: bool,
}

/// The reason why a name that a cell has bound is no variable any more.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) enum Lost {
    /// The cell of this number has moved it. It had this type, if it was a variable before that cell.
    Moved(usize, Option<Variable>),
    /// Its type cannot be written.
    Unnameable(String),
    /// It borrows from another variable.
    Borrows,
    /// Its type contains the type of this name, which was redefined.
    Redefined(String),
    /// The cell ended before its last statement.
    Unfinished(usize),
    /// An item has taken its name.
    Shadowed,
    /// The process that had it has ended.
    Ended,
    /// It was the handle of a thread or a task of a process that has ended.
    ThreadEnded,
}

impl Lost {
    /// The reason, as the end of a sentence about the variable.
    pub(crate) fn in_words(&self) -> String {
        match self {
            Lost::Moved(cell, _) => format!("cell [{cell}] has moved it"),
            Lost::Unnameable(ty) => format!("its type, `{ty}`, cannot be written"),
            Lost::Borrows => "it borrows from another variable".to_owned(),
            Lost::Redefined(ty) => format!("`{ty}` was redefined"),
            Lost::Unfinished(cell) => format!("cell [{cell}] ended before its last statement"),
            Lost::Shadowed => "an item has taken its name".to_owned(),
            Lost::Ended => "the process that had it has ended".to_owned(),
            Lost::ThreadEnded => "its thread has ended with the process".to_owned(),
        }
    }
}
