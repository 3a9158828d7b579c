//! The answers of a session.

use super::report::Failure;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use threadbook_wire::MimeBundle;

/// The end of a cell.
pub enum ExecuteOutcome {
    /// The cell has ended.
    Done {
        /// The pages that the user asked for (`:help`, `:doc`), for the front end's pager.
        pages: Vec<MimeBundle>,
        /// The value of the last expression as text.
        result: Option<String>,
    },
    /// The cell has failed.
    Failed(Failure),
}

/// The words that could stand at the cursor. Positions are in code points.
#[derive(Default)]
pub struct CompletionList {
    pub matches: Vec<CompletionItem>,
    pub start: usize,
    pub end: usize,
}

/// A word that could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CompletionItem {
    pub text: String,
    /// A word that front ends have an icon for: "function", "class", "instance", "module".
    pub kind: Cow<'static, str>,
}
