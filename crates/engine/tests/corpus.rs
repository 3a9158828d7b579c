//! Sequences of everyday cells, each beside the same program as a `main.rs`: same output, or the same error.
//!
//! `corpus/README.md` describes the files. With `THREADBOOK_COMMIT`, which `cargo verify` sets, the commit chooses a third
//! of them; else all are run. `THREADBOOK_CORPUS=word cargo test -p threadbook-engine --test corpus` runs
//! the files whose name contains the word.

mod common;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{Answer, Host, execute};

/// A section of a file.
struct Section {
    /// The text after `//@`, without the expectation.
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

/// Runs a file. Returns the failures.
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
