//! A run of an answer and its check.

use std::process::Command;
use std::time::Duration;

use threadbook_client::{ClientError, KernelClient, Output, Outputs, Status};

use crate::commands::kernelspec::Kernelspec;

/// The first word that each check prints about a right answer.
const CORRECT: &str = "Correct";
/// The variables of the environment that a kernel needs. All others are removed.
const KEPT_VARIABLES: [&str; 10] = [
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "CARGO_HOME",
    "XDG_CACHE_HOME",
    "JUPYTER_PATH",
];

/// The macros of std, for a check after an answer that defines others by their names.
const MACROS: &str =
    "#[allow(unused_macros)] macro_rules! assert { ($($t:tt)*) => { ::std::assert!($($t)*) } }
#[allow(unused_macros)] macro_rules! assert_eq { ($($t:tt)*) => { ::std::assert_eq!($($t)*) } }
#[allow(unused_macros)] macro_rules! panic { ($($t:tt)*) => { ::std::panic!($($t)*) } }";

/// Runs an answer and its check in a fresh kernel. The inner error is the reason why the answer is not correct.
pub(super) fn checked(
    spec: &Kernelspec,
    argv: &[String],
    answer: &str,
    check: &str,
    limit: Duration,
) -> Result<Result<(), String>, ClientError> {
    let directory = tempfile::tempdir()?;
    let prepare = |command: &mut Command| {
        for (name, _) in std::env::vars_os() {
            if !KEPT_VARIABLES.iter().any(|kept| name == *kept) {
                command.env_remove(name);
            }
        }
        // No answer reads or writes the objects and the history of other answers.
        command.env("THREADBOOK_HISTORY", "").env("THREADBOOK_CACHE", "").envs(&spec.env);
    };
    let mut kernel = KernelClient::start_with(argv, directory.path(), prepare)?;
    let checked = execute(&mut kernel, answer, limit).and_then(|_| {
        let outputs = execute(&mut kernel, &format!("{{\n{MACROS}\n{check}\n}}"), limit)?;
        if printed(&outputs, "stdout").trim_start().starts_with(CORRECT) {
            Ok(())
        } else {
            Err(format!("the check has not printed `{CORRECT}`"))
        }
    });
    kernel.shutdown();
    Ok(checked)
}

/// Executes a cell; its error is a sentence.
fn execute(kernel: &mut KernelClient, code: &str, limit: Duration) -> Result<Outputs, String> {
    let outcome = kernel.execute_within(code, Some(limit)).map_err(|error| error.to_string())?;
    match outcome.status {
        Status::Ok => Ok(outcome.outputs),
        Status::TimedOut => Err(format!("stopped after {} s", limit.as_secs_f64())),
        Status::Error { ename, evalue, .. } if ename == "Panic" => Err(evalue),
        Status::Error { ename, evalue, .. } if ename == "ProcessDied" => {
            // For example the size of an allocation that failed.
            let stderr = printed(&outcome.outputs, "stderr");
            let last =
                stderr.lines().rfind(|line| !line.starts_with("note:")).map(|line| format!(" ({line})"));
            Err(format!("{evalue}{}", last.unwrap_or_default()))
        }
        Status::Error { ename, evalue, .. } => Err(format!("{ename}: {evalue}")),
    }
}

/// The text that a cell has printed on a stream.
fn printed(outputs: &Outputs, stream: &str) -> String {
    let texts = outputs.list().iter().filter_map(|output| match output {
        Output::Stream { name, text } if name == stream => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
