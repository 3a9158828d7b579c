//! What went wrong, in words for people: a title, the cell's own line, and what to do.

use super::last_expression::Prepared;
use super::link::{Death, Happened, Panic};
use super::magics::Misuse;
use super::text::{place_offset, stray_delimiter};
use annotate_snippets::renderer::{AnsiColor, Style};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use evcxr::CompilationError;
use nix::sys::signal::Signal;
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

const LOST: &str = "Variables are lost with the process: run the cells that define them again. Functions, \
                    types and imports are kept.";

const RESTORED: &str = "Variables are as they were before this cell. Threads that ran in the process are gone; \
                        pools and runtimes start theirs anew.";

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
        Failure::plain("EngineError", reason, Some("`threadbook doctor` says what is missing."))
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

/// A cell that went well, with its number.
pub type Earlier = (usize, String);

/// What to say about a cell, or `None` if it went well. `code` is the cell's, `prepared` what the engine got
/// of it, and `generated` what the engine made of that, and of the functions of `earlier` cells.
pub fn failure(
    error: Option<evcxr::Error>,
    happened: Happened,
    code: &str,
    prepared: &Prepared,
    count: usize,
    earlier: &[Earlier],
    generated: impl FnOnce() -> String,
) -> Option<Failure> {
    let cell = cell_name(count);
    match error {
        None if happened.died.is_some() => happened.died.map(match happened.interrupted {
            true => |death| interrupted(Some(death)),
            false => died,
        }),
        // Also if the cell has overheard it, and gone on without what it had waited for.
        None if happened.interrupted => Some(interrupted(None)),
        None if happened.panicked => {
            let panic = happened.panic.unwrap_or_else(|| Panic {
                message: "the cell panicked".into(),
                file: String::new(),
                line: 0,
            });
            let (generated, line) = (generated(), panic.line as usize);
            let in_this_cell = cell_line(&prepared.code, &generated, line).map(|line| (code, cell, line));
            let place = in_this_cell.or_else(|| {
                earlier.iter().rev().find_map(|(count, code)| {
                    Some((code.as_str(), cell_name(*count), cell_line(code, &generated, line)?))
                })
            });
            Some(panicked(&panic, place.filter(|_| panic.file.ends_with("src/lib.rs"))))
        }
        None if happened.question_mark.is_some() => {
            happened.question_mark.map(|text| question_mark(&text, code, &cell))
        }
        // The engine drops such a delimiter without a word if there is nothing else.
        None if prepared.is_plain() => stray_delimiter(code).map(|offset| stray(offset, code, &cell)),
        None => None,
        Some(_) if happened.interrupted => Some(interrupted(happened.died)),
        Some(evcxr::Error::CompilationErrors(errors)) => Some(compilation(&errors, code, prepared, &cell)),
        Some(evcxr::Error::SubprocessTerminated(reason)) => Some(match happened.died {
            Some(death) => died(death),
            None => Failure::plain("ProcessDied", &reason, Some(LOST)),
        }),
        Some(other) => Some(Failure::plain("Error", other.to_string().trim(), None)),
    }
}

fn interrupted(died: Option<Death>) -> Failure {
    Failure::plain("Interrupted", "the cell was interrupted", died.map(what_is_left))
}

fn died(death: Death) -> Failure {
    Failure::plain("ProcessDied", &how_it_died(death), Some(what_is_left(death)))
}

/// What to say of a process that died while no cell was running.
pub fn between_cells(death: Death) -> String {
    let left = if death.restored {
        RESTORED.replace("before this cell", "after the last cell")
    } else {
        LOST.into()
    };
    format!("Between two cells, {}. {left}", how_it_died(death))
}

fn what_is_left(death: Death) -> &'static str {
    if death.restored { RESTORED } else { LOST }
}

fn how_it_died(death: Death) -> String {
    match death {
        Death { signal: Some(number), .. } => {
            let signal = Signal::try_from(number).ok();
            let name = signal.map_or_else(|| format!("signal {number}"), |signal| signal.to_string());
            let meaning = match signal {
                Some(Signal::SIGABRT) => ": abort, or a stack that overflowed",
                Some(Signal::SIGSEGV | Signal::SIGBUS) => {
                    ": it touched memory that is not its own, or its stack overflowed"
                }
                Some(Signal::SIGILL | Signal::SIGTRAP) => ": it reached code that cannot be reached",
                Some(Signal::SIGKILL) => ": killed from outside, or the machine ran out of memory",
                _ => "",
            };
            format!("the cell's process was ended by {name}{meaning}")
        }
        Death { code: Some(code), .. } => format!("the cell's process ended itself with exit code {code}"),
        Death { .. } => "the cell's process ended".to_owned(),
    }
}

fn stray(offset: usize, code: &str, cell: &str) -> Failure {
    let message = format!("unexpected closing delimiter: `{}`", &code[offset..offset + 1]);
    let place = AnnotationKind::Primary.span(offset..offset + 1);
    let group =
        Group::with_title(Level::ERROR.primary_title(&message)).element(snippet(code, cell, vec![place]));
    Failure::new("CompileError", message.clone(), &render(&[group]))
}

fn question_mark(text: &str, code: &str, cell: &str) -> Failure {
    let text = if text.is_empty() { "the cell returned an error" } else { text };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let mut group = Group::with_title(titled("Error", first));
    let places: Vec<usize> = code.match_indices('?').map(|(offset, _)| offset).collect();
    if let [only] = places[..] {
        let place = AnnotationKind::Primary.span(only..only + 1).label("the cell ended here");
        group = group.element(snippet(code, cell, vec![place]));
    }
    if !rest.is_empty() {
        group = group.element(Level::NOTE.message(rest.to_owned()));
    }
    Failure::new("Error", text, &render(&[group]))
}

fn cell_name(count: usize) -> String {
    format!("cell [{count}]")
}

/// `place` is the code, the name, and the line of the cell in which the panic happened.
fn panicked(panic: &Panic, place: Option<(&str, String, usize)>) -> Failure {
    let (first, rest) = panic.message.split_once('\n').unwrap_or((&panic.message, ""));
    let mut group = Group::with_title(titled("Panic", first));
    if !rest.is_empty() {
        group = group.element(Level::NOTE.message(rest.to_owned()));
    }
    if let Some((code, cell, line)) = &place {
        let start = place_offset(code, *line, 1);
        let text = code[start..].lines().next().unwrap_or_default();
        let indent = text.len() - text.trim_start().len();
        let place = AnnotationKind::Primary.span(start + indent..start + text.trim_end().len());
        group = group.element(snippet(code, cell, vec![place]));
    } else if !panic.file.is_empty() && !panic.file.ends_with("src/lib.rs") {
        group = group.element(Level::NOTE.message(format!("in {}:{}", short_path(&panic.file), panic.line)));
    }
    Failure::new("Panic", panic.message.clone(), &render(&[group]))
}

/// The last parts of a path into a registry or the standard library: `tokio-1.54.1/src/time/mod.rs`.
fn short_path(path: &str) -> &str {
    let after = |mark: &str| path.find(mark).map(|start| start + mark.len());
    match after("/registry/src/").and_then(|start| Some(start + path[start..].find('/')? + 1)) {
        Some(start) => &path[start..],
        None => after("/library/").map_or(path, |start| &path[start..]),
    }
}

/// The line of the cell (from 1) that stands at `line` of the generated code. The engine copies the cell's
/// lines as they are, but takes items out of their order, so the line is found by its text, and among
/// equals by its neighbours.
fn cell_line(code: &str, generated: &str, line: usize) -> Option<usize> {
    let generated: Vec<&str> = generated.lines().map(str::trim).collect();
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let at = line.checked_sub(1)?;
    let wanted = *generated.get(at)?;
    let likeness = |index: usize| {
        (1..=3)
            .flat_map(|step| {
                [(index.checked_sub(step), at.checked_sub(step)), (Some(index + step), Some(at + step))]
            })
            .filter(|(here, there)| {
                let here = here.and_then(|here| lines.get(here));
                here.is_some() && here == there.and_then(|there| generated.get(there))
            })
            .count()
    };
    let mut same: Vec<usize> = (0..lines.len()).filter(|&index| lines[index] == wanted).collect();
    if same.is_empty() && wanted.len() > 2 {
        // The engine gives each of several statements on a line a line of its own.
        same = (0..lines.len()).filter(|&index| lines[index].contains(wanted)).collect();
    }
    same.into_iter().rev().max_by_key(|&index| likeness(index)).map(|index| index + 1)
}

fn compilation(errors: &[CompilationError], code: &str, prepared: &Prepared, cell: &str) -> Failure {
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

fn titled<'a>(ename: &'a str, text: &'a str) -> annotate_snippets::Title<'a> {
    Level::ERROR.with_name(ename).primary_title(text)
}

fn snippet<'a>(code: &'a str, cell: &'a str, places: Vec<Annotation<'a>>) -> Snippet<'a, Annotation<'a>> {
    Snippet::source(code).path(cell).annotations(places)
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

    fn of(happened: Happened, code: &str, generated: &str) -> Option<Failure> {
        failure(None, happened, code, &Prepared::new(code, Vec::new()), 3, &[], || generated.to_owned())
    }

    #[test]
    fn a_panic_shows_its_message_and_the_cell_s_line() {
        let code = "let v = vec![1];\nlet n = 7;\nv[n]";
        let generated = "fn run() {\nlet v = vec![1];\nlet n = 7;\n(v[n]).evcxr_display();\n}";
        let panic = Panic { message: "index out of bounds".into(), file: "src/lib.rs".into(), line: 4 };
        let happened = Happened { panic: Some(panic), panicked: true, ..Default::default() };
        let failure = of(happened, code, generated).unwrap();
        let text = shown(&failure);
        assert!(text.starts_with("Panic: index out of bounds"), "{text}");
        assert!(text.contains("cell [3]:3") && text.contains("3 | v[n]"), "{text}");
        assert!(failure.traceback.len() <= MAX_LINES);
    }

    #[test]
    fn a_panic_in_a_function_of_an_earlier_cell_shows_that_one() {
        let earlier = [(1, "fn pick(v: &[i32]) -> i32 {\n    v[7]\n}".to_owned()), (2, "1".to_owned())];
        let code = "pick(&[1])";
        let generated =
            "fn pick(v: &[i32]) -> i32 {\n    v[7]\n}\nfn run() {\n(pick(&[1])).evcxr_display();\n}";
        let panic = Panic { message: "out of bounds".into(), file: "src/lib.rs".into(), line: 2 };
        let happened = Happened { panic: Some(panic), panicked: true, ..Default::default() };
        let failure = failure(None, happened, code, &Prepared::new(code, Vec::new()), 3, &earlier, || {
            generated.to_owned()
        });
        let text = shown(&failure.unwrap());
        assert!(text.contains("cell [1]:2") && text.contains("2 |     v[7]"), "{text}");
    }

    #[test]
    fn among_equal_lines_the_neighbours_decide() {
        let code = "a();\nx();\nb();\nx();\nc();";
        assert_eq!(cell_line(code, "fn f() {\na();\nx();\nb();\nx();\nc();\n}", 3), Some(2));
        assert_eq!(cell_line(code, "fn f() {\na();\nx();\nb();\nx();\nc();\n}", 5), Some(4));
        assert_eq!(cell_line(code, "y();", 1), None);
        assert_eq!(cell_line("a();\nb(); c(x)", "b();\nc(x)\n}", 2), Some(2));
        assert_eq!(cell_line(code, "y();", 9), None);
    }

    #[test]
    fn a_question_mark_error_shows_the_error_and_its_place_if_there_is_one() {
        let happened = || Happened { question_mark: Some("no such file".into()), ..Default::default() };
        let text = shown(&of(happened(), "let f = open()?;", "").unwrap());
        assert!(text.starts_with("Error: no such file") && text.contains("the cell ended here"), "{text}");
        let text = shown(&of(happened(), "a()?;\nb()?;", "").unwrap());
        assert_eq!(text.trim(), "Error: no such file");
    }

    #[test]
    fn every_way_to_die_is_told_with_what_is_lost() {
        let die = |signal, code| {
            let death = Death { signal, code, restored: false };
            let happened = Happened { died: Some(death), ..Default::default() };
            let error = evcxr::Error::SubprocessTerminated("gone".into());
            shown(
                &failure(Some(error), happened, "", &Prepared::new("", Vec::new()), 1, &[], String::new)
                    .unwrap(),
            )
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
    fn closures_are_named_without_their_place_in_generated_code() {
        let text = "within `{closure@src/lib.rs:119:20: 119:27}`, no";
        assert_eq!(without_generated_places(text), "within `{closure}`, no");
        assert_eq!(without_generated_places("nothing: 1"), "nothing: 1");
    }

    #[test]
    fn long_errors_are_cut() {
        let message = (0..40).map(|n| format!("line {n}\n")).collect::<String>();
        let panic =
            Panic { message, file: "/home/x/.cargo/registry/src/i-1/tokio-1.0.0/src/a.rs".into(), line: 1 };
        let happened = Happened { panic: Some(panic), panicked: true, ..Default::default() };
        assert_eq!(of(happened, "", "").unwrap().traceback.len(), MAX_LINES);
        assert_eq!(
            short_path("/home/x/.cargo/registry/src/i-1/tokio-1.0.0/src/a.rs"),
            "tokio-1.0.0/src/a.rs"
        );
    }
}
