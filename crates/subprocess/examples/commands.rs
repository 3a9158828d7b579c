//! Measures commands beside std, Python and the shell, in one run, and prints a JSON object a line, as the
//! example `peers` of the executors does.
//!
//! ```text
//! cargo run -p threadbook-subprocess --example commands [FILTER]
//! ```

#[allow(dead_code, reason = "the executors use more of it")]
#[path = "../../executor/examples/executors/compare.rs"]
mod compare;
#[allow(dead_code, reason = "the executors use more of it")]
#[path = "../../executor/examples/executors/python.rs"]
mod python;

use std::hint::black_box;
use std::process;
use std::time::Instant;

use compare::{compare, compare_rounds};
use python::Peer;
use threadbook_subprocess::{Command, check_output, check_output_bytes};

/// How many commands a round runs.
const COMMANDS: usize = 50;

const PYTHON: &str = "
import subprocess, sys, time
for line in sys.stdin:
    before = time.perf_counter_ns()
    for _ in range(int(line)):
        subprocess.check_output(['true'])
    print((time.perf_counter_ns() - before) / int(line), flush=True)
";

/// 100 MB.
const BYTES: usize = 100_000_000;

fn main() {
    let filter = std::env::args().nth(1).unwrap_or_default();
    let wanted = |workload: &str| workload.contains(&filter);
    if wanted("subprocess: check_output") {
        let ours = || per_command(|| drop(check_output(["true"]).expect("true is there")));
        let theirs = || per_command(|| drop(process::Command::new("true").output().expect("true is there")));
        compare("subprocess: check_output of true", ours, "std::process::Command::output", theirs);
        let mut python = Peer::start(process::Command::new("python3").args(["-c", PYTHON]));
        let theirs = || python.ask(&COMMANDS.to_string());
        compare("subprocess: check_output of true, beside Python", ours, "subprocess.check_output", theirs);
    }
    if wanted("subprocess: 100 MB") {
        let head = || Command::new("head").args(["-c", &BYTES.to_string(), "/dev/zero"]);
        let line = format!("head -c {BYTES} /dev/zero | cat | wc -c");
        let count = |text: String| assert_eq!(text.trim(), BYTES.to_string());
        let ours = || once(|| count(check_output(head() | ["cat"] | ["wc", "-c"]).expect("they are there")));
        let output =
            |line: &str| process::Command::new("sh").args(["-c", line]).output().expect("sh is there");
        let theirs = || once(|| count(String::from_utf8(output(&line).stdout).expect("a number is text")));
        compare_rounds("subprocess: 100 MB through a pipeline", ours, "the same in sh", theirs, 41);

        let ours = || {
            once(|| assert_eq!(check_output_bytes(head() | ["cat"]).expect("they are there").len(), BYTES))
        };
        let line = format!("head -c {BYTES} /dev/zero | cat");
        let theirs = || once(|| assert_eq!(output(&line).stdout.len(), BYTES));
        compare_rounds("subprocess: 100 MB through a pipeline to us", ours, "sh, read by std", theirs, 21);

        let input = vec![7; BYTES];
        let ours = || {
            let cat = Command::new("cat").input(&input);
            once(|| assert_eq!(check_output_bytes(cat).expect("cat is there").len(), BYTES))
        };
        let file = tempfile::NamedTempFile::new().expect("a file can be made");
        std::fs::write(&file, &input).expect("a file can be written");
        let line = format!("cat {} | cat", file.path().display());
        let theirs = || once(|| assert_eq!(output(&line).stdout.len(), BYTES));
        compare_rounds(
            "subprocess: 100 MB through us both ways",
            ours,
            "sh from a file, read by std",
            theirs,
            11,
        );
    }
}

fn per_command(command: impl Fn()) -> f64 {
    once(|| (0..COMMANDS).for_each(|_| command())) / COMMANDS as f64
}

fn once<T>(work: impl FnOnce() -> T) -> f64 {
    let before = Instant::now();
    black_box(work());
    before.elapsed().as_nanos() as f64
}
