//! The errors of a cell that rustc has refused.

use super::cells::{Cells, cell_name};
use super::{Failure, disk, render, snippet, threads};
use crate::session::text::escaped;
use crate::wire::MimeBundle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Snippet};
use threadbook_engine::{Diagnostic, Label};

/// rustc's words before the message of a library that refuses code by a constant's panic.
const REFUSED: &str = "evaluation panicked: ";

/// How many notes and how much help is shown of an error.
const MAX_CHILDREN: usize = 2;

/// The failure of a cell that has these errors.
pub fn refused(errors: &[Diagnostic], cells: &Cells) -> Failure {
    let Some(error) = errors.first() else {
        return Failure::plain("CompileError", "the cell could not be compiled", None);
    };
    if disk::is_to_blame(errors, cells.workplace()) {
        return disk::failure(cells.workplace());
    }
    if threads::are_used_up(errors) {
        return threads::failure();
    }
    let message = error.message.strip_prefix(REFUSED).unwrap_or(&error.message);
    let code = error.code.as_deref().filter(|_| message == error.message);
    let mut title = Level::ERROR.primary_title(message);
    if let Some(code) = code {
        title = title.id(code);
    }
    let mut group = Group::with_title(title);
    // An error about a library's code names the cell's place in a note.
    let noted = || error.children.iter().find(|child| !child.labels.is_empty() && child.level == "note");
    let labels = if error.labels.is_empty() {
        noted().map(|child| &child.labels[..])
    } else {
        Some(&error.labels[..])
    };
    let shown = shown(labels.unwrap_or_default(), message, cells);
    if shown.is_empty() {
        group = group.element(Level::NOTE.message("the compiler names no place in this cell"));
    }
    for snippet in shown {
        group = group.element(snippet);
    }
    for child in error.children.iter().take(MAX_CHILDREN) {
        let level = if child.level == "help" { Level::HELP } else { Level::NOTE };
        let text = match child.labels.iter().find_map(|label| place_of(label, cells)) {
            Some(place) if child.level != "help" => format!("{}: {place}", child.message),
            _ => child.message.clone(),
        };
        group = group.element(level.message(text));
    }
    match errors.len() - 1 {
        0 => {}
        1 => group = group.element(Level::NOTE.message("and 1 more error")),
        more => group = group.element(Level::NOTE.message(format!("and {more} more errors"))),
    }
    let summary = code.map_or_else(|| message.to_owned(), |code| format!("{message} [{code}]"));
    Failure::new("CompileError", summary, &render(&[group]))
}

/// The compiler's warnings about a cell, to be shown folded: `None` if there are none.
pub fn warnings(warnings: &[Diagnostic], cells: &Cells) -> Option<MimeBundle> {
    if warnings.is_empty() {
        return None;
    }
    let lines: Vec<String> = warnings
        .iter()
        .map(|warning| {
            let place = warning.labels.iter().find(|label| label.is_primary);
            let place = place.and_then(|label| place_of(label, cells));
            format!(
                "warning: {}{}",
                warning.message,
                place.map_or(String::new(), |place| format!(" ({place})"))
            )
        })
        .collect();
    let title = match lines.len() {
        1 => "1 warning of the compiler".to_owned(),
        count => format!("{count} warnings of the compiler"),
    };
    let text = escaped(&lines.join("\n"));
    let html = format!(
        "<details style=\"opacity: 0.7\"><summary>{title}</summary><pre style=\"margin: 0\">{text}</pre></details>"
    );
    let data = [("text/plain".to_owned(), lines.join("\n").into()), ("text/html".to_owned(), html.into())];
    Some(data.into_iter().collect())
}

/// A snippet for each cell that the labels are about; that of the primary label comes first.
fn shown<'a>(labels: &'a [Label], message: &str, cells: &'a Cells) -> Vec<Snippet<'a, Annotation<'a>>> {
    let mut sources: Vec<(usize, usize, &str, Vec<Annotation>)> = Vec::new();
    let primary_first = labels.iter().filter(|l| l.is_primary).chain(labels.iter().filter(|l| !l.is_primary));
    for label in primary_first {
        let source = &label.place.source;
        let offset = |at| cells.typed(source.serial, &source.text, at);
        let (Some((count, code, start)), Some((_, _, end))) =
            (offset(label.place.range.start), offset(label.place.range.end))
        else {
            continue;
        };
        let kind = if label.is_primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let mut annotation = kind.span(start..end.max(start));
        if let Some(text) = label.text.as_deref().filter(|text| *text != message) {
            annotation = annotation.label(text);
        }
        match sources.iter_mut().find(|(serial, ..)| *serial == source.serial) {
            Some((.., annotations)) => annotations.push(annotation),
            None => sources.push((source.serial, count, code, vec![annotation])),
        }
    }
    sources
        .into_iter()
        .map(|(_, count, code, annotations)| snippet(code, cell_name(count), annotations))
        .collect()
}

/// The cell and the line of a label, and the line's text.
fn place_of(label: &Label, cells: &Cells) -> Option<String> {
    let source = &label.place.source;
    let (count, code, offset) = cells.typed(source.serial, &source.text, label.place.range.start)?;
    let line = code[..offset].matches('\n').count();
    Some(format!("{}:{}: {}", cell_name(count), line + 1, code.lines().nth(line).unwrap_or_default().trim()))
}
