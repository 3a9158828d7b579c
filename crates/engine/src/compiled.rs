//! A compiled cell, and a refused one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diagnostics::Diagnostic;
use crate::ledger::Ledger;
use crate::source::Line;
use crate::syntax::Binding;
use crate::variable::{Lost, Variable};

/// A cell that rustc has accepted.
pub struct Compiled {
    /// The object to load and run, unless the cell has only items.
    pub object: Option<PathBuf>,
    /// Whether later objects name its statics, so that it has to be loaded for all (`RTLD_GLOBAL`).
    pub is_global: bool,
    /// The variables to drop before it runs.
    pub to_drop: Vec<String>,
    /// The variables to remove before, without running their destructors.
    pub to_forget: Vec<String>,
    /// The line map from generated code to cells.
    pub lines: Vec<Line>,
    /// The variables of earlier cells that are dropped, each with the name of the redefined type in its own type.
    pub dropped: Vec<(String, String)>,
    /// The compiler's warnings about the cell.
    pub warnings: Vec<Diagnostic>,
    pub(crate) number: usize,
    pub(crate) ledger: Ledger,
    /// The new variables that it stores.
    pub(crate) variables: BTreeMap<String, Variable>,
    /// The variables that it stores at each of its `return`s.
    pub(crate) returns: Vec<Vec<String>>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) lost: BTreeMap<String, Lost>,
    pub(crate) defines: Vec<usize>,
}

/// The reason why a cell was refused.
#[derive(Debug)]
pub struct Refused {
    /// The errors, at least one, in the compiler's order.
    pub errors: Vec<Diagnostic>,
}
