//! What the compiler says, about the code as it was typed.

use super::{Failure, render, snippet};
use crate::session::last_expression::Prepared;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level};
use evcxr::CompilationError;

/// A cell that does not compile.
pub fn failure(errors: &[CompilationError], code: &str, prepared: &Prepared, cell: &str) -> Failure {
    let errors: Vec<_> = errors.iter().filter(|error| error.level() == "error").collect();
    let Some(error) = errors.first() else {
        return Failure::plain("CompileError", "the cell could not be compiled", None);
    };
    let whole = error.message();
    let message = without_generated_places(&without_progress(&whole));
    let mut title = Level::ERROR.primary_title(message.clone());
    if let Some(code) = error.code() {
        title = title.id(code.to_owned());
    }
    let places: Vec<Annotation> = error
        .spanned_messages()
        .iter()
        .filter_map(|spanned| {
            let span = spanned.span?;
            let start = prepared.offset(code, span.start_line, span.start_column);
            let end = prepared.offset(code, span.end_line, span.end_column).max(start);
            let kind = if spanned.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
            let label = spanned.label.strip_prefix("error: ").unwrap_or(&spanned.label);
            let annotation = kind.span(start..end);
            let label = without_generated_places(label);
            Some(if label == message { annotation } else { annotation.label(label) })
        })
        .collect();
    let mut group = Group::with_title(title);
    if places.is_empty() {
        group = group.element(Level::NOTE.message("the compiler names no place in this cell"));
    } else {
        group = group.element(snippet(code, cell, places));
    }
    for help in error.help().into_iter().take(2) {
        group = group.element(Level::HELP.message(without_generated_places(&one_line(&help))));
    }
    if let Some(advice) = advice_on_dependency(&whole) {
        group = group.element(Level::HELP.message(advice));
    }
    if let Some(hint) = error.evcxr_extra_hint() {
        group = group.element(Level::NOTE.message(hint));
    }
    let more = errors.len() - 1;
    if more > 0 {
        let plural = if more == 1 { "" } else { "s" };
        group = group.element(Level::NOTE.message(format!("and {more} more error{plural}")));
    }
    let summary = match error.code() {
        Some(code) => format!("{message} [{code}]"),
        None => message,
    };
    Failure::new("CompileError", summary, &render(&[group]))
}

/// What to do when cargo cannot bring a crate.
fn advice_on_dependency(message: &str) -> Option<&'static str> {
    let says = |what: &[&str]| what.iter().any(|what| message.contains(what));
    let advice = if says(&["--offline", "offline mode"]) {
        "This machine does not have it yet, and cargo is kept from the network: `:offline 0` lets it."
    } else if says(&["failed to download", "download of", "spurious network", "resolve host", "index from"]) {
        "The network does not answer. `:offline 1` makes do with what was downloaded before."
    } else if says(&["no matching package"]) {
        "Look the name up at https://crates.io, or name a directory: `:dep name = { path = \"…\" }`."
    } else if says(&["failed to select a version"]) {
        "Ask for one of these versions, or for any: `:dep name = \"*\"`."
    } else {
        return None;
    };
    Some(advice)
}

/// cargo's messages without what it says about its work.
fn without_progress(message: &str) -> String {
    let is_progress = |line: &&str| {
        ["Updating ", "As a reminder, you're using offline mode"]
            .iter()
            .any(|start| line.trim_start().starts_with(start))
    };
    let lines: Vec<_> = message.lines().filter(|line| !is_progress(line)).collect();
    let text = lines.join("\n");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

/// rustc's help with what it suggests, on one line.
fn one_line(help: &str) -> String {
    match help.split_once("\n\n") {
        Some((what, replacement)) if !replacement.contains('\n') => format!("{what}: `{replacement}`"),
        Some((what, _)) => what.to_owned(),
        None => help.to_owned(),
    }
}

/// Without the places in generated code that rustc names closures by: `{closure@src/lib.rs:3:4: 3:9}`.
fn without_generated_places(text: &str) -> String {
    const PLACE: &str = "@src/lib.rs:";
    let mut parts = text.split(PLACE);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':' || c == ' '));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closures_are_named_without_their_place_in_generated_code() {
        let text = "within `{closure@src/lib.rs:119:20: 119:27}`, no";
        assert_eq!(without_generated_places(text), "within `{closure}`, no");
        assert_eq!(without_generated_places("nothing: 1"), "nothing: 1");
    }
}
