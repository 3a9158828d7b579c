//! Cells that are explored: their statements are a closure, and `std` means explored forms in all that they reach.
//!
//! Names without an explored form are refused here, with their line. An ordinary cell never comes here.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diagnostics::Diagnostic;
use crate::items::ItemKind;
use crate::ledger::Ledger;
use crate::source::{Fragment, Place, Source};
use crate::syntax::Syntax;
use crate::type_reach::words_of_type;
use crate::variable::Variable;

/// The limits of an exploration; those that are `None` are the explorer's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exploring {
    /// The most schedules.
    pub schedules: Option<usize>,
    /// The most switches away from a thread that could go on.
    pub switches: Option<usize>,
    /// The seconds after which no schedule is started.
    pub seconds: Option<f64>,
    /// The only schedule that is run.
    pub schedule: Option<String>,
    /// Notes beside the result.
    pub notes: Vec<String>,
}

/// The code that has `std` mean the explored forms in the crate of a cell. The modules that are refused here are the real ones,
/// because the imports of all earlier cells are there.
pub(crate) const SHADOWS: &str =
    "use ::threadbook::explore::whole_std as std; use ::threadbook::explore::whole_std::thread_local;\n";

/// Types of std whose explored form is another type.
const EXPLORED_TYPES: [&str; 29] = [
    "Mutex",
    "MutexGuard",
    "RwLock",
    "RwLockReadGuard",
    "RwLockWriteGuard",
    "Condvar",
    "Once",
    "OnceLock",
    "LazyLock",
    "Barrier",
    "Sender",
    "SyncSender",
    "Receiver",
    "JoinHandle",
    "Thread",
    "ThreadId",
    "AtomicBool",
    "AtomicPtr",
    "AtomicI8",
    "AtomicI16",
    "AtomicI32",
    "AtomicI64",
    "AtomicIsize",
    "AtomicU8",
    "AtomicU16",
    "AtomicU32",
    "AtomicU64",
    "AtomicUsize",
    "LocalKey",
];

/// Modules and crates whose items have no explored form, and why.
const REFUSED_PATHS: [(&str, &str); 19] = [
    ("std::fs", "each schedule would find the files that the one before has left"),
    ("std::net", "the scheduler does not know when data comes"),
    ("std::process", "the scheduler does not know what a process does"),
    ("std::os", "the scheduler does not know when the system answers"),
    ("tokio", "its tasks and locks are real"),
    ("rayon", "its threads are real"),
    ("futures", "its executors and channels are real"),
    ("crossbeam", "its threads and channels are real"),
    ("parking_lot", "its locks are real"),
    ("async_std", "its tasks and locks are real"),
    ("dashmap", "its locks are real"),
    ("flume", "its channels are real"),
    ("once_cell", "its locks are real; those of `std::sync` are explored"),
    ("smol", "its tasks and locks are real"),
    ("threadpool", "its threads are real"),
    ("threadbook::threading", "its threads and locks are real; those of `std` are explored"),
    ("threadbook::multiprocessing", "its processes are real"),
    ("threadbook::subprocess", "its processes are real"),
    ("threadbook::workload", "it waits for real servers and files"),
];

/// Names of the prelude that have no explored form.
const REFUSED_NAMES: [&str; 16] = [
    "ThreadPoolExecutor",
    "SerialExecutor",
    "RayonExecutor",
    "TokioExecutor",
    "ProcessPoolExecutor",
    "Future",
    "Promise",
    "as_completed",
    "threading",
    "multiprocessing",
    "subprocess",
    "workload",
    "tokio",
    "rayon",
    "futures",
    "interact",
];

/// Crates whose types have real locks and threads, as rustc names them in the types of variables.
const REAL_CRATES: [&str; 12] = [
    "threadbook_executor",
    "threadbook_future",
    "threadbook_multiprocessing",
    "threadbook_subprocess",
    "threadbook_threading",
    "threadbook_widgets",
    "crossbeam",
    "crossbeam_channel",
    "dashmap",
    "flume",
    "parking_lot",
    "tokio_util",
];

impl Exploring {
    /// The explorer with these limits, in Rust.
    pub(crate) fn explorer(&self) -> String {
        let schedules = self.schedules.map(|n| format!(".max_schedules({n})")).unwrap_or_default();
        let switches = self.switches.map(|n| format!(".max_switches({n})")).unwrap_or_default();
        let time = self.seconds.map(|seconds| {
            format!(".time_limit(::core::time::Duration::from_micros({}))", (seconds * 1e6).round() as u64)
        });
        let schedule = self.schedule.as_ref().map(|text| format!(".schedule({text:?})")).unwrap_or_default();
        let time = time.unwrap_or_default();
        let notes: String = self.notes.iter().map(|note| format!(".note({note:?})")).collect();
        format!("::threadbook::explore::Explorer::new(){schedules}{switches}{time}{schedule}{notes}")
    }
}

/// Refuses a cell that cannot be explored.
///
/// # Errors
///
/// Each thing that has no explored form, once.
pub(crate) fn check(source: &Arc<Source>, syntax: &Syntax, ledger: &Ledger) -> Result<(), Vec<Diagnostic>> {
    if !syntax.has_statements {
        let help = "Write statements that start threads; to define items only, leave `%%explore` out.";
        return Err(vec![error("`%%explore` has nothing to run: the cell has no statements", None, help)]);
    }
    let mut errors = Vec::new();
    if syntax.awaits {
        let at = source.text.find(".await").map(|at| place(source, at, ".await".len()));
        errors.push(error("`.await` has no explored form", at, "Use threads of `std::thread`."));
    }
    errors.extend(variables(source, syntax, ledger));
    let mut known = BTreeSet::new();
    for fragment in code(source, syntax, ledger) {
        errors.extend(refused(&fragment, ledger, &mut known));
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// A note for each crate of `:dep` that the cell reaches: its threads and locks, if it has any, are real.
pub(crate) fn notes(
    source: &Arc<Source>,
    syntax: &Syntax,
    ledger: &Ledger,
    crates: &[String],
) -> Vec<String> {
    let mut named = BTreeSet::new();
    for fragment in code(source, syntax, ledger) {
        let tokens = tokens(fragment.text());
        let words: Vec<&str> = tokens.iter().map(|(_, word)| *word).collect();
        for index in (0..words.len()).filter(|&index| is_name(words[index])) {
            let full = in_full(&path_at(&words, index), ledger);
            let root = full.trim_start_matches("::").split("::").next().unwrap_or_default().to_owned();
            named.extend(crates.contains(&root).then_some(root));
        }
    }
    let note =
        |name| format!("`{name}` is not explored: what its threads and locks do, if it has any, is no step");
    named.into_iter().map(note).collect()
}

fn error(message: &str, place: Option<Place>, help: &str) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(message.to_owned(), place);
    diagnostic.children.push(Diagnostic::help(help.to_owned()));
    diagnostic
}

fn place(source: &Arc<Source>, at: usize, length: usize) -> Place {
    Place { source: source.clone(), range: at..at + length }
}

/// The variables of earlier cells whose types contain a type that has another explored form.
fn variables(source: &Arc<Source>, syntax: &Syntax, ledger: &Ledger) -> Vec<Diagnostic> {
    let named = ledger.variables.iter().filter(|(name, _)| syntax.free.contains(*name));
    named
        .filter_map(|(name, Variable { r#type, .. })| {
            let reached = |words: &[&str]| {
                let words = words.iter().map(|word| (*word).to_owned()).collect();
                ledger.type_reaches(&words, &words_of_type(r#type))
            };
            let types = reached(&EXPLORED_TYPES).or_else(|| reached(&REFUSED_NAMES));
            let culprit = match types {
                Some(name) => format!("a real `{name}`"),
                None => {
                    format!("a value of `{}`", reached(&REAL_CRATES)?.trim_start_matches("threadbook_"))
                }
            };
            let message = format!("the variable `{name}` of an earlier cell contains {culprit}");
            let at = word_in(&source.text, name).map(|at| place(source, at, name.len()));
            let help = format!("Make `{name}` in this cell, so that each schedule begins with a new one.");
            Some(error(&message, at, &help))
        })
        .collect()
}

/// The code that a cell runs: its statements, and the items that it reaches, but for imports.
fn code(source: &Arc<Source>, syntax: &Syntax, ledger: &Ledger) -> Vec<Fragment> {
    let mut code = Vec::new();
    let mut at = 0;
    let mut removed: Vec<_> = syntax.removed.clone();
    removed.sort_by_key(|range| range.start);
    for range in removed {
        code.push(Fragment { source: source.clone(), range: at..range.start.max(at) });
        at = range.end.max(at);
    }
    code.push(Fragment { source: source.clone(), range: at..source.text.len() });
    let reached = ledger.reach(&syntax.words);
    let entries = reached.into_iter().map(|index| &ledger.entries()[index]);
    code.extend(
        entries.filter(|entry| !matches!(entry.kind, ItemKind::Use { .. })).map(|entry| entry.code.clone()),
    );
    code
}

/// The names in a piece of code that have no explored form.
fn refused(code: &Fragment, ledger: &Ledger, known: &mut BTreeSet<String>) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let tokens = tokens(code.text());
    let words: Vec<&str> = tokens.iter().map(|(_, word)| *word).collect();
    for (index, (at, word)) in tokens.iter().enumerate().filter(|(_, (_, word))| is_name(word)) {
        let path = path_at(&words, index);
        let is_member = index > 0 && words[index - 1] == ".";
        let is_known = known.iter().any(|known| {
            path.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        if is_member || is_known {
            continue;
        }
        if let Some(why) = why_not(word, &path, ledger) {
            let at = place(&code.source, code.range.start + at, word.len());
            errors.push(error(&format!("`{word}` has no explored form"), Some(at), &why));
            known.insert(path);
        }
    }
    errors
}

/// Why a name has no explored form, if it has none. `path` is the path that ends with it, with `::`.
fn why_not(word: &str, path: &str, ledger: &Ledger) -> Option<String> {
    if path.starts_with("::std::sync") || path.starts_with("::std::thread") {
        return Some("`::std` is the real one; write `std`.".to_owned());
    }
    if path == "static mut" {
        return Some(
            "A `static mut` keeps its value from schedule to schedule; use an atomic or a lock.".to_owned(),
        );
    }
    let is_own = |name: &str| {
        let mut entries = ledger.entries().iter();
        entries.any(|entry| {
            !matches!(entry.kind, ItemKind::Use { .. }) && entry.names.iter().any(|own| own == name)
        })
    };
    if path == word && is_own(word) {
        return None;
    }
    let full = in_full(path, ledger);
    let full = full.trim_start_matches("::");
    let is_in = |module: &str| {
        full.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '_']))
    };
    if let Some((_, why)) = REFUSED_PATHS.iter().find(|(module, _)| is_in(module)) {
        // The last name of the path is the one that is refused, and a module alone is no use of it.
        let is_module = REFUSED_PATHS.iter().any(|(module, _)| *module == full) && full.contains("::");
        return (!is_module).then(|| format!("{}.", capitalized(why)));
    }
    let ours = full.strip_prefix("threadbook::").unwrap_or(full);
    let ours = ours.strip_prefix("prelude::").unwrap_or(ours);
    REFUSED_NAMES.contains(&ours).then(|| {
        "Its threads and locks are real; use those of `std`, which are explored, or leave `%%explore` out."
            .to_owned()
    })
}

/// A path as the imports of the session complete it.
fn in_full(path: &str, ledger: &Ledger) -> String {
    let (first, rest) = match path.split_once("::") {
        Some((first, rest)) => (first, format!("::{rest}")),
        None => (path, String::new()),
    };
    let imported = ledger.entries().iter().find_map(|entry| match &entry.kind {
        ItemKind::Use { path, .. } if entry.names.iter().any(|name| name == first) => Some(path.as_str()),
        _ => None,
    });
    let imported = imported.and_then(|import| {
        let (_, import) = import.split_once("use ")?;
        let import = import.split(" as ").next()?.trim_end_matches(';');
        Some(
            import
                .trim()
                .trim_start_matches("::")
                .trim_end_matches('}')
                .trim_end_matches("::{self")
                .replace(' ', ""),
        )
    });
    format!("{}{rest}", imported.as_deref().unwrap_or(first))
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The path that ends with the word at an index: with the names before it that `::` joins.
fn path_at(words: &[&str], index: usize) -> String {
    if words[index] == "static" && words.get(index + 1) == Some(&"mut") {
        return "static mut".to_owned();
    }
    let mut start = index;
    while start >= 2 && words[start - 1] == "::" && is_name(words[start - 2]) {
        start -= 2;
    }
    if start >= 1 && words[start - 1] == "::" {
        start -= 1;
    }
    words[start..=index].concat()
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c == '_' || c.is_alphabetic())
}

/// The identifiers of some code, and the `::` and `.` between them, each with its place; other tokens as empty words.
fn tokens(text: &str) -> Vec<(usize, &str)> {
    use ra_ap_rustc_lexer::TokenKind;
    let mut at = 0;
    let mut found: Vec<(usize, &str)> = Vec::new();
    let mut colons = 0;
    for token in ra_ap_rustc_lexer::tokenize(text, ra_ap_rustc_lexer::FrontmatterAllowed::No) {
        let piece = &text[at..at + token.len as usize];
        match token.kind {
            TokenKind::Whitespace | TokenKind::LineComment { .. } | TokenKind::BlockComment { .. } => {}
            TokenKind::Colon => {
                colons += 1;
                if colons % 2 == 0 {
                    found.push((at, "::"));
                }
            }
            TokenKind::Dot => {
                colons = 0;
                found.push((at, "."));
            }
            TokenKind::Ident => {
                colons = 0;
                found.push((at, piece));
            }
            _ => {
                colons = 0;
                found.push((at, ""));
            }
        }
        at += token.len as usize;
    }
    found
}

/// Where a word stands by itself in a text.
fn word_in(text: &str, word: &str) -> Option<usize> {
    tokens(text).into_iter().find(|(_, token)| *token == word).map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    fn checked(earlier: &[&str], variables: &[(&str, &str)], cell: &str) -> Vec<String> {
        let mut ledger = Ledger::default();
        let source = |number: usize, text: &str| {
            Arc::new(Source { serial: number, number, id: None, text: text.to_owned() })
        };
        for (number, text) in earlier.iter().enumerate() {
            let cell = source(number, text);
            let items = parse(text, &ledger).items;
            ledger.define(&cell, &items);
        }
        for (name, ty) in variables {
            ledger.variables.insert((*name).into(), Variable { r#type: (*ty).into(), is_mut: false });
        }
        let syntax = parse(cell, &ledger);
        let source = source(99, cell);
        ledger.define(&source, &syntax.items);
        let errors = check(&source, &syntax, &ledger).err().unwrap_or_default();
        let text = |error: Diagnostic| {
            let place = error
                .labels
                .first()
                .map(|label| label.place.source.text[label.place.range.clone()].to_owned());
            format!("{} [{}]", error.message, place.unwrap_or_default())
        };
        errors.into_iter().map(text).collect()
    }

    #[test]
    fn ordinary_code_is_explored() {
        let cell = "use std::sync::{Arc, Mutex};\nlet m = Arc::new(Mutex::new(0));\n\
                    let t = std::thread::spawn({ let m = m.clone(); move || *m.lock().unwrap() += 1 });\n\
                    t.join().unwrap();\nassert_eq!(*m.lock().unwrap(), 1);";
        assert_eq!(checked(&["use std::fs::File; use std::net::TcpStream;"], &[], cell), [""; 0]);
        assert_eq!(
            checked(&[], &[("n", "i32"), ("names", "std::vec::Vec<std::string::String>")], "f(n, &names);"),
            [""; 0]
        );
    }

    #[test]
    fn what_has_no_explored_form_is_named_with_its_place() {
        let says = |earlier: &[&str], cell| checked(earlier, &[], cell).join("\n");
        assert_eq!(
            says(&[], "let pool = ThreadPoolExecutor::new(2);"),
            "`ThreadPoolExecutor` has no explored form [ThreadPoolExecutor]"
        );
        assert!(
            says(&[], "let s = std::net::TcpStream::connect(a);").starts_with("`TcpStream` has no"),
            "{}",
            says(&[], "let s = std::net::TcpStream::connect(a);")
        );
        assert!(says(&["use std::fs::File;"], "let f = File::open(a);").starts_with("`File` has no"));
        assert!(says(&["fn work() { std::fs::read(\"a\"); }"], "work();").starts_with("`read` has no"));
        assert!(says(&[], "tokio::spawn(f());").contains("`tokio` has no"));
        assert!(says(&[], "let l = threading::Lock::new(1);").contains("`threading` has no"));
        assert!(says(&[], "f().await;").contains("`.await` has no"));
        assert!(says(&[], "let m = ::std::sync::Mutex::new(1);").contains("has no explored form"));
        assert!(says(&["use std::fs;"], "let a = fs::read(a);").starts_with("`read` has no"));
        assert!(says(&["use std::{fs as files, io};"], "files::read(a);").starts_with("`read` has no"));
        for cell in ["threadbook::ThreadPoolExecutor::new(2);", "threadbook::prelude::as_completed(f);"] {
            assert!(says(&[], cell).contains("has no explored form"), "{cell}");
        }
        let import = "use threadbook::ThreadPoolExecutor as Pool;";
        assert!(says(&[import], "let p = Pool::new(2);").starts_with("`Pool` has no"));
        let module = "use threadbook::threading::{self as t};";
        assert!(
            says(&[module], "let l = t::Lock::new(1);").starts_with("`Lock` has no"),
            "{}",
            says(&[module], "let l = t::Lock::new(1);")
        );
        assert!(says(&["static mut N: u8 = 0;"], "unsafe { N += 1 };").contains("`static` has no"));
    }

    #[test]
    fn own_names_are_no_names_of_others() {
        for cell in [
            "struct Promise; let p = Promise;",
            "let x = Kind::File; enum Kind { File }",
            "s.read(); m.futures();",
        ] {
            assert_eq!(checked(&[], &[], cell), [""; 0], "{cell}");
        }
    }

    #[test]
    fn a_variable_with_a_real_lock_is_refused_by_its_name() {
        let variables = [
            ("counter", "std::sync::Arc<std::sync::Mutex<i32>>"),
            ("account", "Account"),
            ("done", "threadbook::threadbook_future::Future<i32>"),
            ("pool", "threadbook::threadbook_executor::ThreadPoolExecutor"),
            ("unused", "std::sync::Barrier"),
        ];
        let says = checked(
            &["struct Account { balance: std::sync::RwLock<u32> }"],
            &variables,
            "f(&counter); g(&account); pool.submit(|| done.result());",
        );
        assert_eq!(
            says,
            [
                "the variable `account` of an earlier cell contains a real `RwLock` [account]",
                "the variable `counter` of an earlier cell contains a real `Mutex` [counter]",
                "the variable `done` of an earlier cell contains a real `Future` [done]",
                "the variable `pool` of an earlier cell contains a real `ThreadPoolExecutor` [pool]",
            ]
        );
    }

    #[test]
    fn a_crate_of_dep_is_named_in_a_note() {
        let source = |text: &str| Arc::new(Source { serial: 1, number: 1, id: None, text: text.to_owned() });
        let mut ledger = Ledger::default();
        let import = "use itertools::Itertools as _;\nuse fast_map::Map;";
        ledger.define(&source(import), &parse(import, &ledger).items);
        let crates = ["fast_map".to_owned(), "itertools".to_owned(), "rand".to_owned()];
        let noted = |cell: &str| notes(&source(cell), &parse(cell, &ledger), &ledger, &crates);
        assert_eq!(noted("let n = std::sync::Mutex::new(1);"), [""; 0]);
        assert!(
            noted("let m = Map::new(); let r = rand::random();")[0].starts_with("`fast_map` is not explored")
        );
        assert_eq!(noted("let m = Map::new(); let r = rand::random();").len(), 2);
    }

    #[test]
    fn items_alone_cannot_be_explored() {
        assert!(checked(&[], &[], "fn f() {}")[0].contains("no statements"));
    }

    #[test]
    fn limits_become_calls() {
        assert_eq!(Exploring::default().explorer(), "::threadbook::explore::Explorer::new()");
        let limits = Exploring {
            schedules: Some(7),
            switches: Some(2),
            seconds: Some(0.5),
            schedule: Some("1-0-1".into()),
            notes: Vec::new(),
        };
        let calls = "::threadbook::explore::Explorer::new().max_schedules(7).max_switches(2)\
                     .time_limit(::core::time::Duration::from_micros(500000)).schedule(\"1-0-1\")";
        assert_eq!(limits.explorer(), calls);
    }
}
