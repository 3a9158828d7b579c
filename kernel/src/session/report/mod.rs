//! The failures of cells, in words: a title, the cell's own line, and advice.

mod cells;
mod death;
mod dependency;
mod disk;
mod failure;
mod lines;
mod object;
mod refused;
mod threads;

pub use cells::Cells;
pub use death::between_cells;
pub use dependency::failure as dependency;
pub use failure::Failure;
pub use refused::{refused, warnings};

use super::event::{CellEvents, Panic, ProcessDeath};
use super::text::line_span;
use annotate_snippets::{AnnotationKind, Group, Level};
use cells::{CellLine, cell_name};
use failure::{render, snippet, titled};
use lines::is_generated;
use threadbook_wire::{CellEnd, PanicPlace};

/// The failure of a cell that has ended. `None` if it ended at its last statement or by a `return`.
pub fn ended(mut events: CellEvents, code: &str, count: usize, cells: &Cells) -> Option<Failure> {
    if let Some(death) = events.died {
        return Some(if events.interrupted { interrupted(Some(&death)) } else { death::failure(&death) });
    }
    if events.interrupted {
        return Some(interrupted(None));
    }
    match events.end.take()? {
        CellEnd::Returned { .. } => None,
        CellEnd::Panicked => Some(ended_by_panic(events, cells)),
        CellEnd::Failed { text, causes, place: PanicPlace { line, object, .. } } => {
            let place = cells.place(Some(object.as_deref()?), line).filter(|place| place.count == count);
            let causes: Vec<&str> = causes.iter().map(String::as_str).collect();
            Some(ended_by_question_mark(&text, &causes, place, code, count))
        }
    }
}

/// The failure of a cell whose process died with all variables.
pub fn process_gone() -> Failure {
    Failure::plain("ProcessDied", "the process of the cells has ended", Some(death::LOST))
}

fn interrupted(died: Option<&ProcessDeath>) -> Failure {
    Failure::plain("Interrupted", "the cell was interrupted", died.map(death::what_is_left).as_deref())
}

fn ended_by_question_mark(
    error: &str,
    causes: &[&str],
    place: Option<CellLine>,
    code: &str,
    count: usize,
) -> Failure {
    let error = if error.is_empty() { "the cell returned an error" } else { error };
    let (first, rest) = error.split_once('\n').unwrap_or((error, ""));
    let name = cell_name(count);
    let mut group = Group::with_title(titled("Error", first));
    let line = place.map(|place| line_span(code, place.line));
    let within = line.clone().unwrap_or(0..code.len());
    let marks: Vec<usize> =
        code[within.clone()].match_indices('?').map(|(at, _)| within.start + at).collect();
    let span = if let [only] = marks[..] { Some(only..only + 1) } else { line };
    if let Some(span) = span {
        let place = AnnotationKind::Primary.span(span).label("the cell ended here");
        group = group.element(snippet(code, &name, vec![place]));
    }
    if !rest.is_empty() {
        group = group.element(Level::NOTE.message(rest.to_owned()));
    }
    for cause in causes {
        group = group.element(Level::NOTE.with_name("caused by").message((*cause).to_owned()));
    }
    Failure::new("Error", error, &render(&[group]))
}

/// The panic of the cell's own thread, or one of another thread that was carried on into it.
fn ended_by_panic(events: CellEvents, cells: &Cells) -> Failure {
    let unknown = || Panic { message: "the cell panicked".into(), ..Panic::default() };
    panicked(&events.panic.or(events.elsewhere).unwrap_or_else(unknown), cells)
}

/// The number of calls that are shown of those that led to a panic.
const MAX_CALLS: usize = 3;

fn panicked(panic: &Panic, cells: &Cells) -> Failure {
    let message = &panic.message;
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    let mut group = Group::with_title(titled("Panic", first));
    if !rest.is_empty() {
        group = group.element(Level::NOTE.message(rest.to_owned()));
    }
    let place = place(panic, cells);
    if place.is_none() && !panic.place.file.is_empty() && !is_generated(&panic.place.file) {
        let (file, line) = (short_path(&panic.place.file), panic.place.line);
        group = group.element(Level::NOTE.message(format!("in {file}:{line}")));
    }
    let mut calls = cells.places(&panic.frames);
    calls.dedup();
    // It begins with the place itself, if that is in a cell.
    let shown = place.or_else(|| calls.first().cloned());
    let name = shown.as_ref().map(|place| cell_name(place.count)).unwrap_or_default();
    if let Some(CellLine { code, line, .. }) = &shown {
        let annotation = AnnotationKind::Primary.span(line_span(code, *line));
        group = group.element(snippet(code, &name, vec![annotation]));
    }
    let mut callers = calls.iter().skip_while(|call| shown.as_ref() == Some(call));
    for call in callers.by_ref().take(MAX_CALLS) {
        let text = format!("{call}: {}", call.shortened());
        group = group.element(Level::NOTE.with_name("called from").message(text));
    }
    match callers.count() {
        0 => {}
        1 => group = group.element(Level::NOTE.message("and so on, one line more")),
        more => group = group.element(Level::NOTE.message(format!("and so on, {more} lines more"))),
    }
    Failure::new("Panic", message, &render(&[group]))
}

/// The text of a panic that ends no cell.
pub fn panic_of_thread(thread: &str, panic: &Panic, cells: &Cells) -> String {
    let place = match place(panic, cells) {
        Some(place) => place.to_string(),
        None => format!("{}:{}", panic.place.file, panic.place.line),
    };
    format!("thread '{thread}' panicked at {place}: {}\n", panic.message)
}

/// The line of a cell in which a panic occurred, if there is one.
fn place(panic: &Panic, cells: &Cells) -> Option<CellLine> {
    let PanicPlace { file, line, object } = &panic.place;
    is_generated(file).then(|| cells.place(object.as_deref(), *line))?
}

/// The last parts of a path into a registry or the standard library: `tokio-1.54.1/src/time/mod.rs`.
fn short_path(path: &str) -> &str {
    let after = |mark: &str| path.find(mark).map(|start| start + mark.len());
    match after("/registry/src/").and_then(|start| Some(start + path[start..].find('/')? + 1)) {
        Some(start) => &path[start..],
        None => after("/library/").map_or(path, |start| &path[start..]),
    }
}

#[cfg(test)]
mod tests {
    use super::failure::MAX_LINES;
    use super::*;
    use std::path::Path;

    fn shown(failure: &Failure) -> String {
        let mut text = String::new();
        let mut in_escape = false;
        for c in failure.traceback.join("\n").chars() {
            match c {
                '\u{1b}' => in_escape = true,
                'm' if in_escape => in_escape = false,
                _ if !in_escape => text.push(c),
                _ => {}
            }
        }
        text
    }

    const FILE: &str = "cell_1.rs";
    const OBJECT: &str = "cell_1.so";

    /// The cells `[1]` and so on. The lines of their code follow each other in the object.
    fn cells(codes: &[&str]) -> (tempfile::TempDir, Cells) {
        let workspace = tempfile::tempdir().unwrap();
        let mut cells = Cells::new(workspace.path());
        let mut lines = Vec::new();
        for (count, code) in (1..).zip(codes) {
            let serial = cells.add(count, code, Vec::new());
            for line in 1..=code.lines().count() {
                lines.push(threadbook_engine::Line { generated: lines.len() + 1, serial, line });
            }
        }
        cells.know(&workspace.path().join(OBJECT), &lines);
        (workspace, cells)
    }

    /// The failure of the last of these cells.
    fn of(codes: &[&str], events: impl FnOnce(&Path) -> CellEvents) -> Option<Failure> {
        let (workspace, cells) = cells(codes);
        let events = events(&workspace.path().join(OBJECT));
        ended(events, codes.last().unwrap(), codes.len(), &cells)
    }

    /// The end by a panic at that line of generated code.
    fn panic_at(object: &Path, line: u32, message: &str, file: &str) -> CellEvents {
        let place = PanicPlace { file: file.into(), line, object: Some(object.to_owned()) };
        let panic = Panic { message: message.into(), place, frames: Vec::new() };
        CellEvents { panic: Some(panic), panicked: true, end: Some(CellEnd::Panicked), ..Default::default() }
    }

    #[test]
    fn a_panic_shows_its_message_and_the_cell_s_line() {
        let code = "let v = vec![1];\nlet n = 7;\nv[n]";
        let failure = of(&[code], |object| panic_at(object, 3, "index out of bounds", FILE)).unwrap();
        let text = shown(&failure);
        assert!(text.starts_with("Panic: index out of bounds"), "{text}");
        assert!(text.contains("cell [1]:3") && text.contains("3 | v[n]"), "{text}");
        assert!(failure.traceback.len() <= MAX_LINES);
    }

    #[test]
    fn a_panic_in_a_function_of_an_earlier_cell_shows_that_one() {
        let codes = ["fn pick(v: &[i32]) -> i32 {\n    v[7]\n}", "1", "pick(&[1])"];
        let text = shown(&of(&codes, |object| panic_at(object, 2, "out of bounds", FILE)).unwrap());
        assert!(text.contains("cell [1]:2") && text.contains("2 |     v[7]"), "{text}");
    }

    #[test]
    fn a_question_mark_error_shows_the_error_and_its_place() {
        let failed = |line| {
            move |object: &Path| {
                let place = PanicPlace { file: FILE.into(), line, object: Some(object.to_owned()) };
                let causes = vec!["no file".to_owned(), "no disk".to_owned()];
                let end = Some(CellEnd::Failed { text: "no settings\nat all".into(), causes, place });
                CellEvents { end, ..Default::default() }
            }
        };
        let failure = of(&["a()?;\nb()?;"], failed(2)).unwrap();
        assert_eq!(failure.evalue, "no settings\nat all");
        let text = shown(&failure);
        assert!(text.starts_with("Error: no settings") && text.contains("the cell ended here"), "{text}");
        assert!(text.contains("cell [1]:2:4") && text.contains("b()?;"), "{text}");
        let causes = text.find("caused by: no file").unwrap()..text.find("caused by: no disk").unwrap();
        assert!(causes.start < causes.end, "{text}");
        let text = shown(&of(&["a()?;\nb()?; c()?;"], failed(2)).unwrap());
        assert!(text.contains("cell [1]:2:1"), "the whole line: {text}");
    }

    #[test]
    fn every_way_to_die_is_reported_with_what_is_lost() {
        let die = |signal, code, restored| {
            let died = Some(ProcessDeath { signal, code, restored, lost: String::new() });
            shown(&of(&[""], |_| CellEvents { died, ..Default::default() }).unwrap())
        };
        assert!(die(Some(11), None, false).contains("SIGSEGV: it touched memory"));
        assert!(die(Some(6), None, false).contains("SIGABRT"));
        assert!(die(None, Some(3), false).contains("exit code 3"));
        assert!(die(Some(9), None, false).contains("Variables are lost"));
        let restored = die(Some(11), None, true);
        assert!(restored.contains("SIGSEGV") && restored.contains("as they were before"), "{restored}");
    }

    #[test]
    fn a_cell_that_went_well_is_no_failure() {
        assert!(of(&["1"], |_| CellEvents::default()).is_none());
    }

    #[test]
    fn long_errors_are_cut() {
        let message = (0..40).map(|n| format!("line {n}\n")).collect::<String>();
        let file = "/home/x/.cargo/registry/src/i-1/tokio-1.0.0/src/a.rs";
        let failure = of(&[""], |object| panic_at(object, 1, &message, file)).unwrap();
        assert_eq!(failure.traceback.len(), MAX_LINES);
        assert_eq!(
            short_path("/home/x/.cargo/registry/src/i-1/tokio-1.0.0/src/a.rs"),
            "tokio-1.0.0/src/a.rs"
        );
    }
}
