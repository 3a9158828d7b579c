//! Two kernels append to the history of one benchmark at the same time. No line is torn or lost, even if the
//! file is shortened meanwhile.
//!
//! This test has a `main` of its own, because it starts itself as the other processes.

use std::path::Path;
use std::process::{Command, ExitCode};
use threadbook_timing::{Case, Entry, History, Measurement, Past};

/// Names the directory to the processes that append, and contains the length of their lines.
const DIRECTORY: &str = "THREADBOOK_TEST_DIRECTORY";
const LETTERS: &str = "THREADBOOK_TEST_LETTERS";

const RUNS: usize = 400;

fn main() -> ExitCode {
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        append(Path::new(&directory));
        return ExitCode::SUCCESS;
    }
    let all = after_two_processes(10);
    assert_eq!(all.entries.len(), 2 * RUNS, "runs are lost");
    // Lines that are too long for all runs to be kept.
    let latest = after_two_processes(3_000);
    assert!(latest.entries.len() < 2 * RUNS);
    println!("two processes appended {} runs, and again, then {} were kept", 2 * RUNS, latest.entries.len());
    ExitCode::SUCCESS
}

fn append(directory: &Path) {
    let history = History::in_directory(directory, "both");
    let letters: usize = std::env::var(LETTERS).expect("a variable").parse().expect("a number");
    let name = format!("{:x>letters$}", std::process::id());
    for run in 0..RUNS {
        let case = Case { name: name.clone(), measurement: Measurement::new(1, [run as f64]) };
        history.append(&Entry::now("both", vec![case])).expect("a run can be appended");
        assert_eq!(history.read().expect("the history can be read").unreadable, 0, "a line is torn");
    }
}

fn after_two_processes(letters: usize) -> Past {
    let directory = tempfile::tempdir().expect("a directory for the test");
    let program = std::env::current_exe().expect("the test's own program");
    let start = || {
        let mut command = Command::new(&program);
        command.env(DIRECTORY, directory.path()).env(LETTERS, letters.to_string());
        command.spawn().expect("a process")
    };
    for mut process in [start(), start()] {
        assert!(process.wait().expect("the process ends").success());
    }
    let past = History::in_directory(directory.path(), "both").read().expect("the history can be read");
    assert_eq!(past.unreadable, 0);
    for case in past.cases() {
        let runs: Vec<f64> = past.medians(case).into_iter().flatten().collect();
        assert!(runs.windows(2).all(|pair| pair[1] == pair[0] + 1.0), "some are lost: {runs:?}");
        assert_eq!(runs.last(), Some(&(RUNS as f64 - 1.0)));
    }
    past
}
