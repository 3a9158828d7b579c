//! The compiler of a session with everything that decides its objects, beside the code of cells.

use std::sync::Mutex;

use crate::cache::Cache;
use crate::interrupt::Interrupt;
use crate::rustc::Compiler;
use crate::standby::Standby;

/// The context of compilations.
pub(crate) struct Context {
    pub(crate) compiler: Compiler,
    pub(crate) cache: Option<(Cache, String)>,
    /// The code at the top of every crate, such as `use threadbook::prelude::*;`.
    pub(crate) prelude: String,
    /// The crates that cells can name, beside std.
    pub(crate) externs: Vec<String>,
    pub(crate) brought: BroughtCrates,
    pub(crate) standby: Mutex<Option<Standby>>,
    pub(crate) interrupt: Interrupt,
}

/// The crates of a session, as far as generated code depends on them. Code that names none of the added
/// crates is the same with and without them.
#[derive(Debug, Default)]
pub(crate) struct BroughtCrates {
    pub(crate) names: Vec<String>,
    pub(crate) declaration: String,
    pub(crate) environment: String,
    pub(crate) base_environment: String,
}

impl BroughtCrates {
    fn are_named_in(&self, code: &str) -> bool {
        self.names.iter().any(|name| code.contains(name.as_str()))
    }

    /// The declaration that generated code needs.
    pub(crate) fn declaration_for(&self, code: &str) -> &str {
        if self.are_named_in(code) { &self.declaration } else { "" }
    }

    /// The environment on which the object of generated code depends.
    pub(crate) fn environment_of(&self, code: &str) -> &str {
        if self.are_named_in(code) { &self.environment } else { &self.base_environment }
    }
}
