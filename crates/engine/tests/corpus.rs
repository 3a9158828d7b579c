//! Sequences of everyday cells, each beside the same program as a `main.rs`: same output, or the same error.
//!
//! `corpus/README.md` describes the files. With `THREADBOOK_COMMIT`, which `cargo verify` sets, the commit chooses a third
//! of them; else all are run. `THREADBOOK_CORPUS=word cargo test -p threadbook-engine --test corpus` runs
//! the files whose name contains the word.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use threadbook_engine::{Cache, Compiler, Diagnostic, Engine, Ran, Refused, Source};

/// The library and the runner, compiled once.
struct Host {
    directory: tempfile::TempDir,
    /// Where libstd's shared object is.
    libraries: PathBuf,
}

impl Host {
    fn build() -> Host {
        let directory = tempfile::tempdir().unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
        let rustc = |arguments: &[&str], source: &Path| {
            let mut command = Command::new("rustc");
            command.args(["--edition=2024", "-Cprefer-dynamic", "-L."]).args(arguments).arg(source);
            let output = command.current_dir(directory.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        rustc(&["--crate-type=rlib", "--crate-name=threadbook_cell"], &sources.join("../cell/src/lib.rs"));
        let cell = "--extern=threadbook_cell=libthreadbook_cell.rlib";
        rustc(
            &["--crate-type=dylib", "--crate-name=threadbook", cell],
            &sources.join("tests/host/threadbook.rs"),
        );
        let library = format!("--extern=threadbook={}", library());
        rustc(&["--crate-type=bin", "--crate-name=runner", &library], &sources.join("tests/host/runner.rs"));
        let print = Command::new("rustc").args(["--print", "target-libdir"]).output().unwrap();
        let libraries = PathBuf::from(String::from_utf8(print.stdout).unwrap().trim());
        Host { directory, libraries }
    }

    fn engine(&self, directory: &Path) -> Engine {
        let library = self.directory.path().join(library());
        let arguments = [
            "-Copt-level=1".into(),
            "-Coverflow-checks=on".into(),
            "-Cdebug-assertions=on".into(),
            "-Clto=off".into(),
            "-Clink-arg=-Wl,-Bsymbolic".into(),
            format!("-L{}", self.directory.path().display()),
            format!("--extern=threadbook={}", library.display()),
        ];
        let compiler =
            Compiler { rustc: "rustc".into(), arguments: arguments.into(), directory: directory.to_owned() };
        Engine::new(compiler, "use ::threadbook::Show as _;\n".into(), vec!["threadbook".into()])
            .with_cache(Cache::open(&self.directory.path().join("cache")).unwrap(), "test")
    }

    fn runner(&self, directory: &Path) -> Runner {
        let search = std::env::join_paths([self.directory.path(), &self.libraries]).unwrap();
        let output = directory.join("output");
        let mut process = Command::new(self.directory.path().join("runner"))
            .arg(&output)
            .env("LD_LIBRARY_PATH", search)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Runner { process, answers, output }
    }
}

fn library() -> String {
    format!("{}threadbook{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

/// A process that runs cells.
struct Runner {
    process: Child,
    answers: BufReader<std::process::ChildStdout>,
    /// The file that has what the cells print.
    output: PathBuf,
}

impl Runner {
    fn order(&mut self, order: &str) -> String {
        writeln!(self.process.stdin.as_mut().unwrap(), "{order}").unwrap();
        let mut line = String::new();
        if self.answers.read_line(&mut line).unwrap() > 0 {
            return line.trim().to_owned();
        }
        format!("died: {}", self.process.wait().unwrap())
    }

    /// Everything that the cells have printed.
    fn output(mut self) -> String {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
        std::fs::read_to_string(self.output).unwrap()
    }
}

/// A section of a file.
struct Section {
    /// What follows `//@`, without the expectation.
    head: String,
    expected: Option<String>,
    text: String,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("//@ ") {
            let (head, expected) = match head.split_once("=>") {
                Some((head, expected)) => (head, Some(expected.trim().to_owned())),
                None => (head, None),
            };
            sections.push(Section { head: head.trim().to_owned(), expected, text: String::new() });
        } else if let Some(section) = sections.last_mut() {
            section.text += line;
            section.text.push('\n');
        }
    }
    sections
}

/// Runs a file. Returns what is wrong.
fn run(host: &Host, text: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = host.engine(directory.path());
    let mut runner = host.runner(directory.path());
    let mut wrong = Vec::new();
    let (mut output, mut refused_model) = (None, None);
    let mut codes = Vec::new();
    for (number, section) in sections(text).iter().enumerate() {
        match section.head.split_once(' ').unwrap_or((&section.head, "")) {
            ("cell", id) => {
                let id = Some(id).filter(|id| !id.is_empty());
                let code = section.text.strip_suffix('\n').unwrap_or(&section.text);
                let answer = execute(&mut engine, &mut runner, id, code, &mut codes);
                if let Some(problem) = differs(&answer, section.expected.as_deref()) {
                    wrong.push(format!("cell {}: {problem}", number + 1));
                }
            }
            ("model", _) => refused_model = section.expected.clone(),
            ("output", _) => output = Some(section.text.clone()),
            other => wrong.push(format!("unknown section {other:?}")),
        }
    }
    let printed = runner.output();
    match (output, refused_model) {
        (Some(output), None) if output != printed => {
            wrong.push(format!("printed\n{printed}\ninstead of\n{output}"));
        }
        (_, Some(code)) if !codes.contains(&code) => {
            wrong.push(format!("the program is refused with {code}, the cells with {codes:?}"));
        }
        (None, None) => wrong.push("no expected output".into()),
        _ => {}
    }
    wrong
}

/// What came of a cell: `ok`, the names that were dropped or not kept, or the error.
struct Answer {
    end: String,
    dropped: Vec<String>,
    not_kept: Vec<String>,
}

fn execute(
    engine: &mut Engine,
    runner: &mut Runner,
    id: Option<&str>,
    code: &str,
    codes: &mut Vec<String>,
) -> Answer {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(1);
    let serial = EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    let source = Source { serial, number: serial, id: id.map(str::to_owned), text: code.to_owned() };
    let compiled = match engine.compile(source) {
        Ok(compiled) => compiled,
        Err(Refused { errors }) => {
            let code = |error: &Diagnostic| error.code.clone().unwrap_or_else(|| "syntax".into());
            codes.extend(errors.iter().map(code));
            let texts: Vec<_> =
                errors.iter().map(|error| format!("{}: {}", code(error), described(error))).collect();
            return Answer {
                end: format!("refused {}", texts.join("\n    ")),
                dropped: vec![],
                not_kept: vec![],
            };
        }
    };
    let dropped: Vec<_> = compiled.dropped.iter().map(|(name, _)| name.clone()).collect();
    for name in &compiled.to_drop {
        runner.order(&format!("drop {name}"));
    }
    let end = match &compiled.object {
        None => "ok".to_owned(),
        Some(object) => runner.order(&format!("run {} {}", u8::from(compiled.is_global), object.display())),
    };
    let (end, ran) = match end.strip_prefix("returned ") {
        Some(index) => ("ok".to_owned(), Ran::Returned(index.parse().unwrap())),
        None if end == "ok" => (end, Ran::Completely),
        None => (end, Ran::InPart),
    };
    let not_kept = engine.finish(compiled, ran).into_iter().map(|(name, _)| name).collect();
    Answer { end, dropped, not_kept }
}

fn described(error: &Diagnostic) -> String {
    let primary = error.labels.iter().find(|label| label.is_primary);
    let place = primary.map_or("no place".to_owned(), |label| {
        format!("`{}`", &label.place.source.text[label.place.range.clone()])
    });
    format!("{} at {place}", error.message)
}

fn differs(answer: &Answer, expected: Option<&str>) -> Option<String> {
    let end = &answer.end;
    let Some(expected) = expected else {
        return (end != "ok").then(|| format!("should run: {end}"));
    };
    let (kind, words) = expected.split_once(": ").unwrap_or((expected, ""));
    let is_right = match kind {
        "kept-not" => {
            end == "ok" && words.split(", ").all(|name| answer.not_kept.iter().any(|other| other == name))
        }
        "dropped" => {
            end == "ok" && words.split(", ").all(|name| answer.dropped.iter().any(|other| other == name))
        }
        "panic" | "error" => end.starts_with(kind) && end.contains(words),
        code => end.starts_with(&format!("refused {code}:")) && end.contains(words),
    };
    let (dropped, not_kept) = (&answer.dropped, &answer.not_kept);
    (!is_right)
        .then(|| format!("should end with {expected}: {end} (dropped {dropped:?}, not kept {not_kept:?})"))
}

#[test]
fn cells_behave_as_the_program_they_are_pieces_of() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let word = std::env::var("THREADBOOK_CORPUS").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension().is_some_and(|ending| ending == "rs") && path.to_string_lossy().contains(&word)
    });
    files.sort();
    if let Some(digit) =
        std::env::var("THREADBOOK_COMMIT").ok().and_then(|commit| commit.chars().last()?.to_digit(16))
    {
        let mut number = 0;
        files.retain(|_| {
            number += 1;
            number % 3 == digit % 3
        });
    }
    assert!(!files.is_empty(), "no file of the corpus contains {word:?}");
    let host = Host::build();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let text = std::fs::read_to_string(path).unwrap();
                    let mut problems = run(&host, &text);
                    if problems.is_empty() {
                        // A second session takes the objects from the cache.
                        problems
                            .extend(run(&host, &text).into_iter().map(|it| format!("from the cache: {it}")));
                    }
                    if !problems.is_empty() {
                        let name = path.file_name().unwrap().to_string_lossy().into_owned();
                        wrong.lock().unwrap().push(format!("{name}:\n  {}", problems.join("\n  ")));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} files:\n{}", wrong.len(), files.len(), wrong.join("\n"));
    println!("{} sequences", files.len());
}
