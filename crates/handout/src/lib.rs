//! Handouts of notebooks. Each is one file that needs no network.
//!
//! [`make`] reads a notebook as a `document`, which has the cells that an edition shows. `page` renders it as a page of
//! HTML, which `pdf` prints; `slides` and `script` are the other formats. The notebook may be a stranger's:
//! `clean` sanitizes its HTML, and `files` reads no file outside of its directory.
//!
//! *Invariant:* without [`Trust::Full`], a handout runs no script of its notebook, fetches and sends nothing, and holds no
//! file from outside of the notebook's directory.
//!
//! *API boundary:* [`make`](make()) and its [`Recipe`]. This crate knows no kernel and no magics: its caller executes
//! notebooks, and finds the parts of a cell that are not Rust.

mod body;
mod clean;
mod code;
mod document;
mod facts;
mod files;
mod formula;
#[cfg(test)]
mod fuzz;
mod make;
mod markdown;
mod outline;
mod output;
mod page;
mod pdf;
mod picture;
mod script;
mod slides;

pub use code::NotRust;
pub use document::Edition;
pub use files::Trust;
pub use make::{Execute, Format, Progress, Recipe, make};
