//! Workloads that are examples of other crates, which print a row a line as JSON.

use crate::Report;
use crate::row::Row;
use anyhow::{Context, ensure};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const EXECUTORS: [&str; 4] = ["-p", "threadbook-executor", "--example", "executors"];
const PROCESSES: [&str; 4] = ["-p", "threadbook-executor", "--example", "processes"];
const MULTIPROCESSING: [&str; 4] = ["-p", "threadbook-multiprocessing", "--example", "multiprocessing"];
const SUBPROCESS: [&str; 4] = ["-p", "threadbook-subprocess", "--example", "commands"];

/// The executors beside rayon and Python.
pub fn executors(report: &mut Report) -> anyhow::Result<()> {
    let mut run = example(&root()?, EXECUTORS, report);
    add_rows(report, &mut run)
}

/// The process pool beside Python's.
pub fn processes(report: &mut Report) -> anyhow::Result<()> {
    let mut run = example(&root()?, PROCESSES, report);
    add_rows(report, &mut run)
}

/// Processes and their shared objects, beside Python's.
pub fn multiprocessing(report: &mut Report) -> anyhow::Result<()> {
    let mut run = example(&root()?, MULTIPROCESSING, report);
    add_rows(report, &mut run)
}

/// Commands beside std, Python and the shell.
pub fn subprocess(report: &mut Report) -> anyhow::Result<()> {
    let mut run = example(&root()?, SUBPROCESS, report);
    add_rows(report, &mut run)
}

fn root() -> anyhow::Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?)
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root);
    command
}

fn example(root: &Path, example: [&str; 4], report: &Report) -> Command {
    let mut run = cargo(root);
    run.args(["run", "--quiet"]).args(example).arg("--").arg(&report.filter);
    run
}

fn add_rows(report: &mut Report, run: &mut Command) -> anyhow::Result<()> {
    let mut child = run.stdout(Stdio::piped()).spawn()?;
    for line in BufReader::new(child.stdout.take().context("stdout is piped")?).lines() {
        let line = line?;
        let row: Row = serde_json::from_str(&line).with_context(|| format!("{line:?} is not a row"))?;
        report.add(&row);
    }
    ensure!(child.wait()?.success(), "the workloads failed: {run:?}");
    Ok(())
}
