//! What went wrong, in words for people: a title, the cell's own line, and what to do.

mod cells;
mod compilation;
mod death;
mod disk;
mod object;
mod refused;

pub use cells::Cells;
pub use death::between_cells;
pub use refused::refused;

use super::last_expression::Prepared;
use super::link::{Death, Happened, Panic};
use super::magics::Misuse;
use super::text::{line_span, stray_delimiter};
use crate::toolchain::question_mark::Ending;
use crate::toolchain::typed::FILE;
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

    /// A crate could not be brought. `message` is cargo's.
    pub fn dependency(message: &str) -> Failure {
        let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
        let mut group = Group::with_title(titled("DependencyError", first));
        if !rest.trim().is_empty() {
            group = group.element(Level::NOTE.message(rest.trim().to_owned()));
        }
        if let Some(advice) = compilation::advice_on_dependency(message) {
            group = group.element(Level::HELP.message(advice));
        }
        Failure::new("CompileError", message, &render(&[group]))
    }

    /// An interrupt came before the cell's turn.
    pub fn interrupted_before_start() -> Failure {
        Failure::plain("Interrupted", "interrupted before it started", None)
    }
}

/// What to say about a cell, or `None` if it went well. `code` is the cell's, `prepared` what the engine got
/// of it, and `cells` has what the engine made of that.
pub fn failure(
    error: Option<evcxr::Error>,
    happened: Happened,
    code: &str,
    prepared: &Prepared,
    count: usize,
    cells: &Cells,
) -> Option<Failure> {
    let cell = cell_name(count);
    match error {
        None if happened.died.is_some() => happened.died.map(match happened.interrupted {
            true => |death| interrupted(Some(death)),
            false => death::failure,
        }),
        // Also if the cell has overheard it, and gone on without what it had waited for.
        None if happened.interrupted => Some(interrupted(None)),
        None if happened.panicked => Some(ended_by_panic(happened, cells)),
        None if happened.question_mark.is_some() => {
            happened.question_mark.map(|text| question_mark(&text, code, count, cells))
        }
        // The engine drops such a delimiter without a word if there is nothing else.
        None if prepared.is_plain() => stray_delimiter(code).map(|offset| stray(offset, code, &cell)),
        None => None,
        Some(_) if happened.interrupted => Some(interrupted(happened.died)),
        Some(evcxr::Error::SubprocessTerminated(reason)) => Some(match happened.died {
            Some(death) => death::failure(death),
            None => Failure::plain("ProcessDied", &reason, Some(death::LOST)),
        }),
        Some(error) if disk::is_to_blame(&error, cells.workplace()) => Some(disk::failure(cells.workplace())),
        Some(evcxr::Error::CompilationErrors(errors)) => {
            Some(compilation::failure(&errors, code, prepared, count, cells))
        }
        Some(other) => Some(Failure::plain("Error", other.to_string().trim(), None)),
    }
}

/// What to say about a cell that the session's own engine has compiled, or `None` if it went well.
pub fn ended(mut happened: Happened, code: &str, count: usize, cells: &Cells) -> Option<Failure> {
    if let Some(death) = happened.died {
        return Some(if happened.interrupted { interrupted(Some(death)) } else { death::failure(death) });
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

fn interrupted(died: Option<Death>) -> Failure {
    Failure::plain("Interrupted", "the cell was interrupted", died.map(death::what_is_left))
}

fn stray(offset: usize, code: &str, cell: &str) -> Failure {
    let message = format!("unexpected closing delimiter: `{}`", &code[offset..offset + 1]);
    let place = AnnotationKind::Primary.span(offset..offset + 1);
    let group =
        Group::with_title(Level::ERROR.primary_title(&message)).element(snippet(code, cell, vec![place]));
    Failure::new("CompileError", message.clone(), &render(&[group]))
}

fn question_mark(text: &str, code: &str, count: usize, cells: &Cells) -> Failure {
    let Ending { error, causes, line } = Ending::read(text);
    let place = line.and_then(|line| cells.place(None, line)).filter(|place| place.count == count);
    ended_by_question_mark(error, &causes, place, code, count)
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
    file == FILE || name.starts_with("cell_") && name.ends_with(".rs")
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
    use crate::toolchain::question_mark::{CAUSE, PLACE};
    use std::fs;

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

    /// What is said of a third cell, of which that was generated.
    fn of(happened: Happened, code: &str, generated: &str) -> Option<Failure> {
        after(&[], happened, code, generated)
    }

    fn after(earlier: &[(usize, &str)], happened: Happened, code: &str, generated: &str) -> Option<Failure> {
        let workplace = tempfile::tempdir().unwrap();
        fs::create_dir(workplace.path().join("src")).unwrap();
        let mut cells = Cells::new(workplace.path());
        for (count, code) in earlier {
            cells.begin(*count, code, code);
            cells.keep();
        }
        let prepared = Prepared::new(code, Vec::new());
        cells.begin(3, code, &prepared.code);
        fs::write(workplace.path().join(FILE), generated).unwrap();
        failure(None, happened, code, &prepared, 3, &cells)
    }

    fn panic_at(line: u32, message: &str, file: &str) -> Happened {
        let place = PanicPlace { file: file.into(), line, object: None };
        let panic = Panic { message: message.into(), place, frames: Vec::new() };
        Happened { panic: Some(panic), panicked: true, ..Default::default() }
    }

    #[test]
    fn a_panic_shows_its_message_and_the_cell_s_line() {
        let code = "let v = vec![1];\nlet n = 7;\nv[n]";
        let generated = "fn run() {\nlet v = vec![1];\nlet n = 7;\n(v[n]).evcxr_display();\n}";
        let failure = of(panic_at(4, "index out of bounds", FILE), code, generated).unwrap();
        let text = shown(&failure);
        assert!(text.starts_with("Panic: index out of bounds"), "{text}");
        assert!(text.contains("cell [3]:3") && text.contains("3 | v[n]"), "{text}");
        assert!(failure.traceback.len() <= MAX_LINES);
    }

    #[test]
    fn a_panic_in_a_function_of_an_earlier_cell_shows_that_one() {
        let earlier = [(1, "fn pick(v: &[i32]) -> i32 {\n    v[7]\n}"), (2, "1")];
        let generated =
            "fn pick(v: &[i32]) -> i32 {\n    v[7]\n}\nfn run() {\n(pick(&[1])).evcxr_display();\n}";
        let text =
            shown(&after(&earlier, panic_at(2, "out of bounds", FILE), "pick(&[1])", generated).unwrap());
        assert!(text.contains("cell [1]:2") && text.contains("2 |     v[7]"), "{text}");
    }

    #[test]
    fn a_question_mark_error_shows_the_error_and_its_place_if_there_is_one() {
        let happened = || Happened { question_mark: Some("no such file".into()), ..Default::default() };
        let text = shown(&of(happened(), "let f = open()?;", "").unwrap());
        assert!(text.starts_with("Error: no such file") && text.contains("the cell ended here"), "{text}");
        let text = shown(&of(happened(), "a()?;\nb()?;", "").unwrap());
        assert_eq!(text.trim(), "Error: no such file");
        let text = format!("no settings\n{CAUSE}no file\n{CAUSE}no disk\n{PLACE}3\n");
        let happened = || Happened { question_mark: Some(text.clone()), ..Default::default() };
        let failure = of(happened(), "a()?;\nb()?;", "fn f() {\na()?;\nb()?;\n}").unwrap();
        assert_eq!(failure.evalue, "no settings");
        let text = shown(&failure);
        assert!(text.contains("cell [3]:2:4") && text.contains("b()?;"), "{text}");
        let causes = text.find("caused by: no file").unwrap()..text.find("caused by: no disk").unwrap();
        assert!(causes.start < causes.end, "{text}");
        let failure = of(happened(), "a()?;\nb()?; c()?;", "fn f() {\na()?;\nb()?; c()?;\n}").unwrap();
        assert!(shown(&failure).contains("cell [3]:2:1"), "the whole line: {}", shown(&failure));
    }

    #[test]
    fn every_way_to_die_is_told_with_what_is_lost() {
        let die = |signal, code| {
            let death = Death { signal, code, restored: false };
            let happened = Happened { died: Some(death), ..Default::default() };
            let error = evcxr::Error::SubprocessTerminated("gone".into());
            let (prepared, cells) = (Prepared::new("", Vec::new()), Cells::new(Path::new("/nowhere")));
            shown(&failure(Some(error), happened, "", &prepared, 1, &cells).unwrap())
        };
        assert!(die(Some(11), None).contains("SIGSEGV: it touched memory"));
        assert!(die(Some(6), None).contains("SIGABRT"));
        assert!(die(None, Some(3)).contains("exit code 3"));
        assert!(die(Some(9), None).contains("Variables are lost"));
        let death = Death { signal: Some(11), code: None, restored: true };
        let restored = of(Happened { died: Some(death), ..Default::default() }, "", "").unwrap();
        assert!(shown(&restored).contains("SIGSEGV") && shown(&restored).contains("as they were before"));
    }

    #[test]
    fn a_cell_that_went_well_is_no_failure() {
        assert!(of(Happened::default(), "1", "").is_none());
    }

    #[test]
    fn long_errors_are_cut() {
        let message = (0..40).map(|n| format!("line {n}\n")).collect::<String>();
        let file = "/home/x/.cargo/registry/src/i-1/tokio-1.0.0/src/a.rs";
        assert_eq!(of(panic_at(1, &message, file), "", "").unwrap().traceback.len(), MAX_LINES);
        assert_eq!(
            short_path("/home/x/.cargo/registry/src/i-1/tokio-1.0.0/src/a.rs"),
            "tokio-1.0.0/src/a.rs"
        );
    }
}
