//! The facts below a handout's title: the date, the versions, the machine.

use threadbook_notebook::{Notebook, Origin, today};

use crate::document::Document;

/// Names, each with its value.
pub(super) type Facts = Vec<(&'static str, String)>;

/// The outputs of a notebook that was saved without outputs, and not executed.
pub(super) const NO_OUTPUTS: &str =
    "none, because the notebook was saved without them and not executed for this handout";

/// The facts of a notebook.
pub(super) fn facts(notebook: &Notebook, document: &Document) -> Facts {
    let saved = if document.has_outputs() { "as they were saved in the notebook" } else { NO_OUTPUTS };
    match Origin::of(notebook) {
        Some(origin) => vec![
            ("Date", origin.date),
            ("Versions", format!("Threadbook {}, rustc {}", origin.threadbook, origin.rustc)),
            ("Timings taken on", origin.machine),
        ],
        None => vec![
            ("Date", today()),
            ("Version", format!("Threadbook {}", env!("CARGO_PKG_VERSION"))),
            ("Outputs", saved.to_owned()),
        ],
    }
}
