//! The executors beside rayon, Python and what they would cost without tracing and detection.
//!
//! The workloads are an example of the executor crate, which prints a row a line as JSON.

use crate::Report;
use crate::row::Row;
use anyhow::{Context, ensure};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const EXAMPLE: [&str; 4] = ["-p", "threadbook-executor", "--example", "peers"];

/// Where the example is built once more, without tracing and detection.
const BARE: &str = "target/bare";

/// Runs the workloads that are wanted.
pub fn measure(report: &mut Report) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(&root);
        command
    };
    let mut bare = cargo();
    bare.args(["build", "--quiet", "--target-dir", BARE]).args(EXAMPLE);
    bare.env("RUSTFLAGS", "--cfg threadbook_bare");
    ensure!(bare.status()?.success(), "the executors could not be built without tracing");

    let mut run = cargo();
    run.args(["run", "--quiet"]).args(EXAMPLE).arg("--").arg(&report.filter);
    run.env("THREADBOOK_BARE", root.join(BARE).join("debug/examples/peers"));
    let mut child = run.stdout(Stdio::piped()).spawn()?;
    for line in BufReader::new(child.stdout.take().context("stdout is piped")?).lines() {
        let line = line?;
        let row: Row = serde_json::from_str(&line).with_context(|| format!("{line:?} is not a row"))?;
        report.add(&row);
    }
    ensure!(child.wait()?.success(), "the executors' workloads failed");
    Ok(())
}
