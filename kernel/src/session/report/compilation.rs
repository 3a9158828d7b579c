//! What the compiler says, about the code as it was typed.

use super::cells::{Cells, Place, cell_name};
use super::{Failure, render, snippet};
use crate::session::last_expression::Prepared;
use crate::toolchain::typed::FILE;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level};
use evcxr::CompilationError;

/// What rustc says before the message of a library that refuses something as it is compiled, by a constant's panic.
const REFUSED: &str = "evaluation panicked: ";

/// A cell that does not compile.
pub fn failure(
    errors: &[CompilationError],
    code: &str,
    prepared: &Prepared,
    count: usize,
    cells: &Cells,
) -> Failure {
    let errors: Vec<_> = errors.iter().filter(|error| error.level() == "error").collect();
    let Some(error) = errors.first() else {
        return Failure::plain("CompileError", "the cell could not be compiled", None);
    };
    let whole = error.message();
    let message = without_generated_places(&without_progress(&whole));
    let refused = message.strip_prefix(REFUSED).map(str::to_owned);
    let error_code = error.code().filter(|_| refused.is_none());
    let message = refused.unwrap_or(message);
    let rendered = without_colours(&error.rendered());
    let mut title = Level::ERROR.primary_title(message.clone());
    if let Some(code) = error_code {
        title = title.id(code.to_owned());
    }
    let mut places: Vec<Annotation> = error
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
    if places.is_empty()
        && let Some([start, end]) = closure(&rendered)
        && let Some(Place { line, .. }) = cells.place(None, start.line).filter(|place| place.count == count)
    {
        let last = line + end.line.saturating_sub(start.line) as usize;
        let (start, end) =
            (prepared.offset(code, line, start.column), prepared.offset(code, last, end.column));
        places.push(AnnotationKind::Primary.span(start..end.max(start)));
    }
    let mut group = Group::with_title(title);
    let cell = cell_name(count);
    if places.is_empty() {
        group = group.element(Level::NOTE.message("the compiler names no place in this cell"));
    } else {
        group = group.element(snippet(code, &cell, places));
    }
    for (note, line) in notes(&rendered).take(1) {
        if let Some(place) = cells.place(None, line) {
            let text = format!("{}: {place}: {}", without_generated_places(note), place.shortened());
            group = group.element(Level::NOTE.message(text));
        }
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
    let summary = match error_code {
        Some(code) => format!("{message} [{code}]"),
        None => message,
    };
    Failure::new("CompileError", summary, &render(&[group]))
}

/// What to do when cargo cannot bring a crate.
pub fn advice_on_dependency(message: &str) -> Option<&'static str> {
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

/// A place in the generated code, both from 1.
#[derive(Debug, PartialEq)]
struct At {
    line: u32,
    column: usize,
}

/// From where to where the closure goes that rustc names, in an error about a library's code.
fn closure(rendered: &str) -> Option<[At; 2]> {
    let (_, place) = rendered.split_once(&format!("closure@{FILE}:"))?;
    let mut numbers = place.split([':', ' ', '}']).filter(|word| !word.is_empty());
    let mut at = || Some(At { line: numbers.next()?.parse().ok()?, column: numbers.next()?.parse().ok()? });
    Some([at()?, at()?])
}

/// What rustc notes about other lines of the generated code, each with its line.
fn notes(rendered: &str) -> impl Iterator<Item = (&str, u32)> {
    let lines = rendered.lines().zip(rendered.lines().skip(1));
    lines.filter_map(|(note, place)| {
        let place = place.trim_start().strip_prefix("--> ")?.strip_prefix(FILE)?.strip_prefix(':')?;
        Some((note.strip_prefix("note: ")?, place.split(':').next()?.parse().ok()?))
    })
}

fn without_colours(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, rest)| rest));
    std::iter::once(first).chain(rest).collect()
}

/// Without the places in generated code that rustc names closures by: `{closure@src/lib.rs:3:4: 3:9}`.
fn without_generated_places(text: &str) -> String {
    let place = format!("@{FILE}:");
    let mut parts = text.split(&place);
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
    fn places_are_found_in_what_rustc_has_rendered() {
        let text = "\u{1b}[1m\u{1b}[91merror[E0080]\u{1b}[0m\u{1b}[1m: evaluation panicked\u{1b}[0m";
        assert_eq!(without_colours(text), "error[E0080]: evaluation panicked");
        let text = "evaluation of `new::<{closure@src/lib.rs:113:19: 114:27}, u64>` failed here";
        assert_eq!(closure(text), Some([At { line: 113, column: 19 }, At { line: 114, column: 27 }]));
        assert_eq!(closure("{closure@src/main.rs:113:19: 114:27}"), None);
        assert_eq!(closure("{closure@src/lib.rs:"), None);
        let text = "error: no\n  --> src/lib.rs:1:1\nnote: used later\n   --> src/lib.rs:107:13\n    |\n\
                    note: in tokio\n  --> /x/src/lib.rs:2:2\nnote: nowhere";
        assert_eq!(notes(text).collect::<Vec<_>>(), [("used later", 107)]);
    }

    #[test]
    fn closures_are_named_without_their_place_in_generated_code() {
        let text = "within `{closure@src/lib.rs:119:20: 119:27}`, no";
        assert_eq!(without_generated_places(text), "within `{closure}`, no");
        assert_eq!(without_generated_places("nothing: 1"), "nothing: 1");
    }
}
