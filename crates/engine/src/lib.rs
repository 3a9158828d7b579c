//! From the text of a cell to a shared object.
//!
//! An [`Engine`] holds a session: the items that its cells have defined and the variables that they have
//! left. It compiles a cell into a shared object that the process of the cells loads and runs, and reports
//! the compiler's errors with places in the cells. It runs no user code itself.
//!
//! 1. `syntax` parses the cell; `delimiters` refuses unbalanced ones.
//! 2. `ledger` defines the cell's items, each in the place of the one that it replaces.
//! 3. `generate` writes the crate: the items that the cell reaches, and its statements as one function.
//! 4. `rustc` compiles it, in a process that `standby` may have started before, while `types` reads the types of the new
//!    variables from a second run.
//! 5. `cache` returns the object of code that was compiled before.
//! 6. `explore` refuses the names that a cell under `%%explore` cannot explore, and adapts its crate.
//! 7. `compilation` adapts the crate if rustc refuses the engine's own part of it, and reports the errors of
//!    the cell's part.
//!
//! Beside it, [`Crates`] adds the crates that cells can name: `request` parses a request for a crate, `cargo`
//! compiles it, `base` holds the crates of every session, `copy` shares them with a session, `libraries`
//! links for the cells, and `crates` combines these steps.

mod base;
mod brought;
mod cache;
mod cargo;
mod compilation;
mod compiled;
mod context;
mod copy;
mod crates;
mod delimiters;
mod diagnostics;
mod engine;
mod entry;
mod explore;
mod generate;
mod interrupt;
mod items;
mod ledger;
mod libraries;
mod request;
mod rustc;
mod source;
mod standby;
mod syntax;
mod type_reach;
mod types;
mod variable;
mod words;

pub use base::Base;
pub use cache::Cache;
pub use cargo::{Progress, Tools};
pub use compiled::{Compiled, Refused};
pub use copy::copy_directory;
pub use crates::{Added, Crates};
pub use delimiters::is_deep;
pub use diagnostics::{Diagnostic, Label};
pub use engine::{Engine, Program, Ran};
pub use explore::Exploring;
pub use interrupt::Interrupt;
pub use request::Request;
pub use rustc::Compiler;
pub use source::{Line, Place, Source};
