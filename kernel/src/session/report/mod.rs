//! The failures of cells, in words for people: a title, the cell's own line, and what to do.

mod cells;
mod death;
mod dependency;
mod disk;
mod lines;
mod object;
mod refused;
mod threads;

pub use cells::Cells;
pub use death::between_cells;
pub use dependency::failure as dependency;
pub use refused::{refused, warnings};

use super::link::{Death, Happened, Panic};
use super::magics::Misuse;
use super::text::line_span;
use crate::wire::{End, PanicPlace};
use annotate_snippets::renderer::{AnsiColor, Style};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use cells::{Place, cell_name};
use std::borrow::Cow;
use std::path::Path;

/// No error is longer than this, in lines.
const MAX_LINES: usize = 12;

/// An error as Jupyter's protocol wants it.
#[derive(Debug)]
pub struct Failure {
    pub ename: String,
    pub evalue: String,
    pub traceback: Vec<String>,
}

impl Failure {
    fn new(ename: &str, evalue: impl Into<String>, rendered: &str) -> Failure {
        let mut traceback: Vec<String> = rendered.trim_end().lines().map(str::to_owned).collect();
        if traceback.len() > MAX_LINES {
            traceback.truncate(MAX_LINES - 1);
            traceback.push("…".into());
        }
        Failure { ename: ename.into(), evalue: evalue.into(), traceback }
    }

    fn plain(ename: &str, evalue: &str, help: Option<&str>) -> Failure {
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

    /// Somebody has removed the directory that cells are compiled in.
    pub fn no_workplace(directory: &Path) -> Failure {
        let reason = format!("the kernel's directory {} was removed", directory.display());
        Failure::plain("EngineError", &reason, Some("Restart the kernel: it makes itself a new one."))
    }

    /// Something is written as a magic or a command, and wrongly.
    pub fn misuse(misuse: &Misuse) -> Failure {
        Failure::plain("UsageError", &misuse.what, Some(&misuse.help))
    }

    /// An interrupt came before the cell's turn.
    pub fn interrupted_before_start() -> Failure {
        Failure::plain("Interrupted", "interrupted before it started", None)
    }
}

/// The failure of a cell that was run, or `None` if it went well.
pub fn ended(mut happened: Happened, code: &str, count: usize, cells: &Cells) -> Option<Failure> {
    if let Some(death) = happened.died {
        return Some(if happened.interrupted { interrupted(Some(&death)) } else { death::failure(&death) });
    }
    if happened.interrupted {
        return Some(interrupted(None));
    }
    match happened.end.take()? {
        End::Returned { .. } => None,
        End::Panicked => Some(ended_by_panic(happened, cells)),
        End::Failed { text, causes, place: PanicPlace { line, object, .. } } => {
            let place = cells.place(Some(object.as_deref()?), line).filter(|place| place.count == count);
            let causes: Vec<&str> = causes.iter().map(String::as_str).collect();
            Some(ended_by_question_mark(&text, &causes, place, code, count))
        }
    }
}

/// The process of the cells is gone, and so are the variables.
pub fn process_gone() -> Failure {
    Failure::plain("ProcessDied", "the process of the cells has ended", Some(death::LOST))
}

fn interrupted(died: Option<&Death>) -> Failure {
    Failure::plain("Interrupted", "the cell was interrupted", died.map(death::what_is_left).as_deref())
}

fn ended_by_question_mark(
    error: &str,
    causes: &[&str],
    place: Option<Place>,
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
fn ended_by_panic(happened: Happened, cells: &Cells) -> Failure {
    let unknown = || Panic { message: "the cell panicked".into(), ..Panic::default() };
    panicked(&happened.panic.or(happened.elsewhere).unwrap_or_else(unknown), cells)
}

/// How many calls are told that led to a panic.
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
    if let Some(Place { code, line, .. }) = &shown {
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

/// What is printed of a panic that ends no cell.
pub fn panic_of_thread(thread: &str, panic: &Panic, cells: &Cells) -> String {
    let place = match place(panic, cells) {
        Some(place) => place.to_string(),
        None => format!("{}:{}", panic.place.file, panic.place.line),
    };
    format!("thread '{thread}' panicked at {place}: {}\n", panic.message)
}

/// Whether the compiler names generated code so.
fn is_generated(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or_default();
    name.starts_with("cell_") && name.ends_with(".rs")
}

/// Where in a cell a panic was, if it was in one.
fn place(panic: &Panic, cells: &Cells) -> Option<Place> {
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

fn titled<'a>(ename: &'a str, text: &'a str) -> annotate_snippets::Title<'a> {
    Level::ERROR.with_name(ename).primary_title(text)
}

fn snippet<'a>(
    code: &'a str,
    cell: impl Into<Cow<'a, str>>,
    places: Vec<Annotation<'a>>,
) -> Snippet<'a, Annotation<'a>> {
    Snippet::source(code).path(cell.into()).annotations(places)
}

/// Renders with the plain colours of the basic palette. (Front ends show bold ones as the *darker* half of
/// their palette, which cannot be read on the red ground that JupyterLab's dark theme gives to errors.)
fn render(report: &[Group<'_>]) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let workplace = tempfile::tempdir().unwrap();
        let mut cells = Cells::new(workplace.path());
        let mut lines = Vec::new();
        for (count, code) in (1..).zip(codes) {
            let serial = cells.add(count, code, Vec::new());
            for line in 1..=code.lines().count() {
                lines.push(threadbook_engine::Line { generated: lines.len() + 1, serial, line });
            }
        }
        cells.know(&workplace.path().join(OBJECT), &lines);
        (workplace, cells)
    }

    /// The failure of the last of these cells.
    fn of(codes: &[&str], happened: impl FnOnce(&Path) -> Happened) -> Option<Failure> {
        let (workplace, cells) = cells(codes);
        let happened = happened(&workplace.path().join(OBJECT));
        ended(happened, codes.last().unwrap(), codes.len(), &cells)
    }

    /// The end by a panic at that line of generated code.
    fn panic_at(object: &Path, line: u32, message: &str, file: &str) -> Happened {
        let place = PanicPlace { file: file.into(), line, object: Some(object.to_owned()) };
        let panic = Panic { message: message.into(), place, frames: Vec::new() };
        Happened { panic: Some(panic), panicked: true, end: Some(End::Panicked), ..Default::default() }
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
                let end = Some(End::Failed { text: "no settings\nat all".into(), causes, place });
                Happened { end, ..Default::default() }
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
            let died = Some(Death { signal, code, restored, lost: String::new() });
            shown(&of(&[""], |_| Happened { died, ..Default::default() }).unwrap())
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
        assert!(of(&["1"], |_| Happened::default()).is_none());
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
