//! Drives the process over its standard streams.

mod client;

use client::{Client, texts};
use serde_json::{Value, json};
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// One process with the standard library, for all tests that need it.
fn with_std() -> MutexGuard<'static, Client> {
    static CLIENT: LazyLock<Mutex<Client>> = LazyLock::new(|| {
        let project = client::project("with-std");
        let mut client = Client::open(&project, Value::Null);
        client.send(&json!({"op": "warm"}));
        Mutex::new(client)
    });
    CLIENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A process of its own, without the standard library, which takes no time to load.
fn without_std(name: &str) -> Client {
    Client::open(&client::project(name), json!("/there/is/no/std"))
}

#[test]
fn a_method_of_an_inferred_type_is_completed() {
    let before = "fn f() { let words: Vec<String> = [1].iter().map(|n| n.to_string()).collect(); ";
    for typed in ["words.le<|>", "let first = &words; first.le<|> }", "println!(\"{}\", words.le<|>) }"] {
        let text = format!("{before}{typed}");
        let answer = with_std().ask("complete", &text);
        assert_eq!(texts(&answer), ["le", "leak", "len"], "{text}");
        let matches = answer["matches"].as_array().unwrap();
        assert!(matches.iter().all(|found| found["kind"] == "function"), "{matches:?}");
        let end = text.find("<|>").unwrap();
        assert_eq!((&answer["start"], &answer["end"]), (&json!(end - 2), &json!(end)));
    }
}

#[test]
fn names_of_the_text_are_completed() {
    let mut client = with_std();
    let text = "fn count_primes() {} struct Point { limit: u8 } mod points {} fn f(p: Point) { ";
    for (typed, name, kind) in [
        ("count_p<|>", "count_primes", "function"),
        ("let p: Poi<|>", "Point", "class"),
        ("poi<|>", "points", "module"),
        ("p.lim<|>", "limit", "instance"),
        ("/* 素数🦀 */ count_p<|>;\n let more = \"🦀\"; }", "count_primes", "function"),
        ("retur<|>", "return", "keyword"),
    ] {
        let answer = client.ask("complete", &format!("{text}{typed}"));
        assert_eq!(answer["matches"], json!([{"text": name, "kind": kind}]), "{typed}");
    }
}

#[test]
fn names_alone_are_inserted() {
    let mut client = with_std();
    for (text, expected) in [
        ("fn f() { std::collections::HashM<|>", &["HashMap"][..]),
        ("fn f() { std::coll<|>", &["collections"]),
        ("use std::collections::HashM<|>", &["HashMap"]),
        ("fn f() { std::mem::swa<|>", &["swap"]),
        ("fn f() { printl<|>", &["println!"]),
        ("fn f() { printl<|>!(\"\") }", &["println"]),
        ("macro_rules! square { () => {} } fn f() { squ<|> }", &["square!"]),
        ("fn f(o: Option<u8>) { match o { Som<|> => {} } }", &["Some"]),
        ("fn f(r#type: u8) { typ<|> }", &["r#type", "type"]),
        ("fn f<'life>(text: &'li<|> str) {}", &["'life"]),
        // "letm" would be a snippet, and "while let" is two words.
        ("fn f() { le<|>", &["let"]),
        ("fn f() { whil<|>", &["while"]),
        // The rest of the word after the cursor is replaced, and does not affect the result.
        ("fn world() {} fn work() {} fn f() { wor<|>ld }", &["work", "world"]),
        // Not `iter().map`, and no name that needs an import.
        ("fn f() { vec![1].filte<|> }", &[]),
        ("fn f() { HashM<|> }", &[]),
        ("fn f() { no_such_nam<|> }", &[]),
    ] {
        assert_eq!(texts(&client.ask("complete", text)), expected, "{text}");
    }
}

#[test]
fn each_name_is_offered_once_and_in_order() {
    let answer = with_std().ask("complete", "fn f() { <|> }");
    let names = texts(&answer);
    assert!(names.len() > 50 && names.contains(&"Vec") && names.contains(&"vec!"), "{names:?}");
    assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
}

#[test]
fn items_of_a_dependency_are_completed_and_described() {
    let mut client = with_std();
    assert_eq!(texts(&client.ask("complete", "fn f() { pieces::<|> }")), ["Rook", "checkmate!", "moves"]);
    let private = client.ask("complete", "fn f() { pieces::Rook.secre<|> }");
    assert_eq!(texts(&private), [""; 0]);
    let answer = client.ask("hover", "fn f() { pieces::Rook.adv<|>ance(); }");
    assert!(answer["plain"].as_str().unwrap().contains("Moves in a line."), "{answer}");
}

#[test]
fn items_are_described() {
    let mut client = with_std();
    for (text, expected) in [
        ("fn f() { std::mem::sw<|>ap(&mut 1, &mut 2); }", "pub const fn swap<T>(x: &mut T, y: &mut T)"),
        ("fn f() { let wo<|>rds = vec![1u8]; }", "let words: Vec<u8>"),
        ("fn f() { let words = vec![1u8]; words<|>; }", "let words: Vec<u8>"),
        ("/// Adds one.\nfn add(n: u8) -> u8 { n + 1 }\nfn f() { add<|>(1); }", "Adds one."),
        ("struct Point { limit: u8 } fn f(p: Point) { p.limi<|>t; }", "limit: u8"),
        ("fn f() { vec![1].len<|>", "Returns the number of elements"),
        ("fn f() { vec![1].len<|>() }", "Returns the number of elements"),
        ("fn f() { vec![1].iter().map<|> }", "Takes a closure"),
        ("fn f() { println<|>!(\"\") }", "with a newline"),
        ("fn f() { le<|>t x = 1; }", "Bind a value to a variable"),
    ] {
        let answer = client.ask("hover", text);
        for format in ["plain", "markdown"] {
            assert!(
                answer[format].as_str().is_some_and(|found| found.contains(expected)),
                "{text}: {answer}"
            );
        }
    }
    for text in ["fn f() { <|>  }", "fn f() { no_such_name<|> }", "<|>", "fn f() { vec![1].<|>; }"] {
        let answer = client.ask("hover", text);
        assert_eq!(answer.as_object().unwrap().len(), 1, "{text}: {answer}");
    }
}

#[test]
fn nothing_that_a_request_says_ends_the_process() {
    let mut client = with_std();
    let place =
        |text: &str, offset: usize| json!({"id": 7, "op": "complete", "text": text, "offset": offset});
    for (line, id, expected) in [
        ("nonsense".into(), json!(null), "The line is not JSON"),
        ("7".into(), json!(null), "The line is not a request"),
        ("{}".into(), json!(null), "The line is not a request"),
        (json!({"id": 7, "op": "dance"}).to_string(), json!(7), "unknown variant `dance`"),
        (json!({"id": 7, "op": "hover"}).to_string(), json!(7), "missing field `text`"),
        (place("fn", 3).to_string(), json!(7), "beyond the end of the text, which has 2 bytes."),
        (place("é", 1).to_string(), json!(7), "lies within a character."),
        (place("é", usize::MAX).to_string(), json!(7), "beyond the end"),
        (place("é", 1).to_string().replace("complete", "hover"), json!(7), "lies within a character."),
        (client::open("/", json!(null)).to_string(), json!(null), "A project is open already."),
    ] {
        client.send_line(&line);
        let answer = client.receive();
        assert_eq!(answer["id"], id, "{line}: {answer}");
        assert!(answer["error"].as_str().unwrap().contains(expected), "{line}: {answer}");
    }
    assert_eq!(texts(&client.ask_within(u64::MAX, "complete", "fn f() { std::mem::swa<|> }")), ["swap"]);
    client.send_bytes(b"\xff\xfe\n\n  \n");
    assert!(client.receive()["error"].as_str().unwrap().contains("not JSON"));
    assert_eq!(texts(&client.ask("complete", "fn f() { std::mem::swa<|> }")), ["swap"]);
}

#[test]
fn a_question_without_time_has_an_empty_answer() {
    let mut client = with_std();
    for deadline in [0, 1] {
        let text = "fn f() { usize::MAX.<|> }";
        let answer = client.ask_within(deadline, "complete", text);
        assert!(deadline > 0 || answer["matches"] == json!([]), "{answer}");
        assert!(answer.get("error").is_none(), "{answer}");
        client.ask_within(deadline, "hover", text);
        assert!(texts(&client.ask("complete", text)).contains(&"pow"));
    }
}

#[test]
fn loading_takes_no_longer_than_the_deadline() {
    let mut client = Client::open(&client::project("late"), Value::Null);
    let start = Instant::now();
    let answer = client.ask_within(10, "complete", "fn count() {} fn f() { cou<|> }");
    assert_eq!((texts(&answer), &answer["start"], &answer["end"]), (vec![], &json!(23), &json!(26)));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn the_own_code_is_known_without_the_standard_library() {
    let mut client = without_std("without-std");
    let text = "fn count() {} struct Point { limit: u8 } fn f(p: Point) { ";
    assert_eq!(texts(&client.ask("complete", &format!("{text}cou<|> }}"))), ["count"]);
    assert_eq!(texts(&client.ask("complete", &format!("{text}p.<|> }}"))), ["limit"]);
    let answer = client.ask("hover", &format!("{text}let q<|> = p; }}"));
    assert!(answer["plain"].as_str().unwrap().contains("q: Point"), "{answer}");
}

#[test]
fn the_own_code_is_known_without_the_dependencies() {
    let project = client::project("without-dependencies");
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    std::fs::write(project.join("Cargo.toml"), manifest + "there-is-no-such-crate = \"1\"\n").unwrap();
    let mut client = Client::open(&project, json!("/there/is/no/std"));
    assert_eq!(texts(&client.ask("complete", "fn count() {} fn f() { cou<|> }")), ["count"]);
}

#[test]
fn a_changed_manifest_is_read_when_the_process_is_asked_to() {
    let project = client::project("changed");
    let manifest = project.join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("pieces =", "# pieces =")).unwrap();
    let mut client = Client::open(&project, json!("/there/is/no/std"));
    client.send(&json!({"op": "reload"}));
    let rook = "fn f() { pieces::Ro<|> }";
    assert_eq!(texts(&client.ask("complete", rook)), [""; 0]);
    std::fs::write(&manifest, &text).unwrap();
    assert_eq!(texts(&client.ask("complete", rook)), [""; 0]);
    client.send(&json!({"op": "reload"}));
    assert_eq!(texts(&client.ask("complete", rook)), ["Rook"]);
    // A manifest that cargo refuses changes nothing.
    std::fs::write(&manifest, "[package").unwrap();
    client.send(&json!({"op": "reload"}));
    assert_eq!(texts(&client.ask("complete", rook)), ["Rook"]);
}

#[test]
fn a_project_that_cannot_be_loaded_is_an_error() {
    let project = client::project("refused");
    let (manifest, good) = (project.join("Cargo.toml"), std::fs::read(project.join("Cargo.toml")).unwrap());
    std::fs::write(&manifest, "[package").unwrap();
    let mut client = Client::open(&project, json!("/there/is/no/std"));
    for op in ["complete", "hover"] {
        let answer = client.ask(op, "fn count() {} fn f() { cou<|>nt }");
        assert!(answer["error"].as_str().unwrap().contains("cargo does not accept the manifest"), "{answer}");
    }
    std::fs::write(&manifest, good).unwrap();
    client.send(&json!({"op": "reload"}));
    assert_eq!(texts(&client.ask("complete", "fn count() {} fn f() { cou<|> }")), ["count"]);
}

#[test]
fn a_question_before_a_project_is_open_is_an_error() {
    let mut client = Client::start();
    for op in ["complete", "hover"] {
        let answer = client.ask(op, "fn f() {<|>}");
        assert!(answer["error"].as_str().unwrap().contains("No project is open"), "{answer}");
    }
    client.send(&json!({"op": "warm"}));
    assert!(client.receive()["error"].as_str().unwrap().contains("No project is open"));
    client.send(&client::open("/there/is/no/project", json!(null)));
    assert!(client.receive()["error"].as_str().unwrap().contains("/there/is/no/project cannot be read"));
}

#[test]
fn the_end_of_the_input_ends_the_process() {
    for is_loading in [false, true] {
        let mut client = Client::open(&client::project("ended"), Value::Null);
        if is_loading {
            client.send(&json!({"op": "warm"}));
        }
        let start = Instant::now();
        assert_eq!(client.end(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_death_of_the_parent_ends_the_process() {
    let (mut shell, mut client) = Client::start_in_a_shell();
    client.send_line("nonsense");
    assert!(client.receive()["error"].is_string());
    shell.kill().unwrap();
    shell.wait().unwrap();
    assert!(client.reaches_the_end(Duration::from_secs(10)));
}
