//! What cannot go to another process is refused by the compiler, in words that say what to do.
//!
//! Each program here is given to rustc with the library that this test was built with.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const PRELUDE: &str = "#![allow(unused)]
extern crate threadbook_executor;
use threadbook_executor::{Executor, ProcessPoolExecutor};
";

/// Where the libraries lie that this test was built with.
fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The library of this crate: of several, the one that was built last.
fn library() -> PathBuf {
    let all = std::fs::read_dir(libraries()).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let ours = all.filter(|path| {
        let name = name(path);
        name.starts_with("libthreadbook_executor-") && name.ends_with(".rlib")
    });
    ours.max_by_key(|path| path.metadata().unwrap().modified().unwrap()).expect("the library has been built")
}

/// What the compiler says to these statements, if it refuses them. It gets as far as to a program's code, for
/// what a closure captures is known no sooner.
fn refusal(statements: &str) -> Option<String> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("refusal-{}", NEXT.fetch_add(1, Relaxed));
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = directory.join(format!("{name}.rs"));
    std::fs::write(&source, format!("{PRELUDE}fn main() {{ {statements} }}")).unwrap();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args(["--edition", "2024", "--crate-name", "refusal", "--emit", "obj", "-o"])
        .arg(directory.join(format!("{name}.o")))
        .arg("--extern")
        .arg(format!("threadbook_executor={}", library().display()))
        .arg("-L")
        .arg(format!("dependency={}", libraries().display()))
        .arg(&source)
        .output()
        .unwrap();
    (!output.status.success()).then(|| String::from_utf8(output.stderr).unwrap())
}

#[track_caller]
fn is_refused(statements: &str, words: &[&str]) {
    let said = refusal(statements).unwrap_or_else(|| panic!("this was not refused: {statements}"));
    for word in words {
        assert!(said.contains(word), "{word:?} should be in\n{said}");
    }
}

const CAPTURES: [&str; 2] = ["cannot capture variables", "a closure that gets all it needs as its argument"];
const STAYS: [&str; 2] = ["cannot go to another process", "send what it takes to make one"];

#[test]
fn what_can_go_is_not_refused() {
    let statements = "
        let pool = ProcessPoolExecutor::builder().max_workers(1).initializer(|| ()).build().unwrap();
        fn longer(text: String) -> Vec<String> { vec![text.clone(), text] }
        pool.submit(longer, String::new());
        pool.map(|n: u64| (n, Some(1.5)), [1, 2]);
        pool.map_chunked(|n: u64| n + 1, 0..10, 5);
        pool.run_all(|n: u64| n + 1, vec![1]);";
    assert_eq!(refusal(statements), None);
}

#[test]
fn a_closure_that_captures() {
    for call in [
        "submit(|n: u64| n < limit, 5)",
        "submit(move |n: u64| n < limit, 5)",
        "submit_named(\"name\", move |n: u64| n < limit, 5)",
        "map(move |n: u64| n < limit, [5])",
        "map_chunked(move |n: u64| n < limit, [5], 1)",
        "run_all(move |n: u64| n < limit, vec![5])",
    ] {
        is_refused(&format!("let limit = 3; ProcessPoolExecutor::new(1).{call};"), &CAPTURES);
    }
    is_refused("let n = 3; ProcessPoolExecutor::builder().initializer(move || drop(n)).build();", &CAPTURES);
}

#[test]
fn a_pointer_to_a_function() {
    is_refused("let f: fn(u64) -> u64 = |n| n; ProcessPoolExecutor::new(1).submit(f, 5);", &CAPTURES);
}

#[test]
fn an_argument_that_stays_here() {
    for call in [
        "submit(|_: std::net::TcpStream| 5, todo!())",
        "map(|_: std::net::TcpStream| 5, Vec::new())",
        "run_all(|_: std::net::TcpStream| 5, Vec::new())",
    ] {
        is_refused(&format!("ProcessPoolExecutor::new(1).{call};"), &STAYS);
    }
    is_refused(
        "struct Own; ProcessPoolExecutor::new(1).submit(|_: Own| 5, Own);",
        &["`Own` cannot go", STAYS[1]],
    );
    is_refused("ProcessPoolExecutor::new(1).submit(|_: &u64| 5, &6);", &["cannot go to another process"]);
}

#[test]
fn a_result_that_stays_here() {
    for result in ["std::thread::current()", "std::rc::Rc::new(std::cell::RefCell::new(5))"] {
        is_refused(&format!("ProcessPoolExecutor::new(1).submit(|()| {result}, ());"), &STAYS);
    }
}
