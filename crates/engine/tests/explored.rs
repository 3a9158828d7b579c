//! Explored cells: their statements are a closure, and the items of earlier cells that they use are compiled anew. The
//! explorer of the test's host runs each closure twice.

mod common;

use common::{Host, execute};

/// The ends and the output of cells.
fn run(cells: &[&str]) -> (Vec<String>, String) {
    let host = Host::build();
    let directory = tempfile::tempdir().unwrap();
    let mut engine = host.engine(directory.path());
    let mut runner = host.runner(directory.path());
    let ends = cells.iter().map(|cell| execute(&mut engine, &mut runner, None, cell, &mut Vec::new()).end);
    let ends = ends.collect();
    (ends, runner.output())
}

#[test]
fn statements_are_a_closure_and_leave_no_variable() {
    let cells = [
        "fn twice(n: u32) -> u32 {\n    2 * n\n}",
        "let limit = 20_u32;\nlet names = vec![\"a\"];",
        "%%explore\nlet n = twice(limit) + names.len() as u32;\nprintln!(\"{n}\");\nn",
        "println!(\"{limit} {}\", names.len());",
        "println!(\"{n}\");",
    ];
    let (ends, output) = run(&cells);
    assert_eq!(ends[..4], ["ok"; 4], "{ends:?}");
    assert!(ends[4].contains("cannot find value `n`"), "{ends:?}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], "at most 3 switches");
    assert!(lines.contains(&"    2 * n") && lines.contains(&"println!(\"{n}\");"), "{output}");
    assert_eq!(lines[lines.len() - 3..], ["41", "41", "20 1"], "{output}");
}

#[test]
fn statics_of_earlier_cells_are_others_in_an_explored_cell() {
    let cells = [
        "use std::sync::atomic::{AtomicU32, Ordering};\nstatic COUNT: AtomicU32 = AtomicU32::new(5);",
        "fn add() -> u32 { static OWN: AtomicU32 = AtomicU32::new(100); \
         COUNT.fetch_add(1, Ordering::SeqCst) + OWN.fetch_add(1, Ordering::SeqCst) }\nprintln!(\"{}\", add());",
        "%%explore\nprintln!(\"{}\", add());",
        "println!(\"{}\", COUNT.load(Ordering::SeqCst));",
    ];
    let (ends, output) = run(&cells);
    assert_eq!(ends, ["ok"; 4]);
    let numbers: Vec<&str> = output.lines().filter(|line| line.parse::<u32>().is_ok()).collect();
    assert_eq!(numbers, ["105", "105", "107", "6"], "{output}");
}

#[test]
fn errors_returns_and_question_marks_are_those_of_the_cell() {
    let cells = [
        "%%explore\nlet n: u32 = \"a\";",
        "%%explore\nlet n: u32 = \"7\".parse()?;\nprintln!(\"{n}\");",
        "%%explore\nif std::env::args().count() > 0 { return; }\nprintln!(\"never\");",
        "%%explore\nfn only_items() {}",
        "let kept = vec![1];",
        "%%explore\ndrop(kept);",
        "println!(\"{}\", kept.len());",
    ];
    let (ends, output) = run(&cells);
    assert!(ends[0].contains("E0308") && ends[0].contains("`\"a\"`"), "{ends:?}");
    assert_eq!((&ends[1][..], &ends[2][..]), ("ok", "ok"));
    assert!(ends[3].contains("no statements"), "{ends:?}");
    assert!(ends[5].contains("E0507"), "{ends:?}");
    assert_eq!(ends[6], "ok");
    assert!(output.contains("7\n7\n") && output.ends_with("\n1\n"), "{output}");
    assert_eq!(output.matches("never").count(), 1, "in the list of lines only: {output}");
}
