//! The failure of a cell, and its rendering.

use crate::session::magics::Misuse;
use annotate_snippets::renderer::{AnsiColor, Style};
use annotate_snippets::{Annotation, Group, Level, Renderer, Snippet};
use std::borrow::Cow;
use std::path::Path;

/// The longest error, in lines.
pub(super) const MAX_LINES: usize = 12;

/// An error in the terms of Jupyter's protocol.
#[derive(Debug)]
pub struct Failure {
    pub ename: String,
    pub evalue: String,
    pub traceback: Vec<String>,
}

impl Failure {
    pub(super) fn new(ename: &str, evalue: impl Into<String>, rendered: &str) -> Failure {
        let mut traceback: Vec<String> = rendered.trim_end().lines().map(str::to_owned).collect();
        if traceback.len() > MAX_LINES {
            traceback.truncate(MAX_LINES - 1);
            traceback.push("…".into());
        }
        Failure { ename: ename.into(), evalue: evalue.into(), traceback }
    }

    pub(super) fn plain(ename: &str, evalue: &str, help: Option<&str>) -> Failure {
        let mut group = Group::with_title(titled(ename, evalue));
        if let Some(help) = help {
            group = group.element(Level::HELP.message(help));
        }
        Failure::new(ename, evalue, &render(&[group]))
    }

    /// The engine's thread has ended, or is in no state to answer.
    pub fn engine_gone() -> Failure {
        let help = "Restart the kernel; if it happens again with this cell, please report it.";
        Failure::plain("EngineError", "the Rust engine failed while it worked on this cell", Some(help))
    }

    /// The engine could not be started.
    pub fn no_engine(reason: &str) -> Failure {
        Failure::plain(
            "EngineError",
            reason,
            Some("`cargo threadbook doctor`, in the checkout, says what is missing."),
        )
    }

    /// The directory that cells are compiled in was removed.
    pub fn no_workspace(directory: &Path) -> Failure {
        let reason = format!("the kernel's directory {} was removed", directory.display());
        Failure::plain("EngineError", &reason, Some("Restart the kernel: it makes itself a new one."))
    }

    /// A magic or a command is wrong.
    pub fn misuse(misuse: &Misuse) -> Failure {
        Failure::plain("UsageError", &misuse.what, Some(&misuse.help))
    }

    /// An interrupt came before the cell's turn.
    pub fn interrupted_before_start() -> Failure {
        Failure::plain("Interrupted", "interrupted before it started", None)
    }
}

/// The title of a failure.
pub(super) fn titled<'a>(ename: &'a str, text: &'a str) -> annotate_snippets::Title<'a> {
    Level::ERROR.with_name(ename).primary_title(text)
}

/// The code of a cell with marks.
pub(super) fn snippet<'a>(
    code: &'a str,
    cell: impl Into<Cow<'a, str>>,
    places: Vec<Annotation<'a>>,
) -> Snippet<'a, Annotation<'a>> {
    Snippet::source(code).path(cell.into()).annotations(places)
}

/// Renders with the plain colours of the basic palette. (Front ends show bold ones as the *darker* half of
/// their palette, which cannot be read on the red ground that JupyterLab's dark theme gives to errors.)
pub(super) fn render(report: &[Group<'_>]) -> String {
    let plain = |colour: AnsiColor| colour.on_default();
    Renderer::styled()
        .term_width(100)
        .error(plain(AnsiColor::Red))
        .note(plain(AnsiColor::Blue))
        .help(plain(AnsiColor::Green))
        .line_num(plain(AnsiColor::Blue))
        .context(plain(AnsiColor::Blue))
        .emphasis(Style::new().bold())
        .render(report)
}
