//! A cell beside a bare run of rustc on the same program.

use crate::kernels::{Kernels, run};
use crate::row::Row;
use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 25;

/// The options with which cells are compiled.
const OPTIONS: [&str; 6] = [
    "--edition=2024",
    "-Cprefer-dynamic",
    "-Copt-level=2",
    "-Cdebug-assertions=on",
    "-Coverflow-checks=on",
    "-Cdebuginfo=line-tables-only",
];

/// Runs the cell `before`. Then each round executes another cell, and compiles the same program with rustc.
pub fn beside_rustc(
    kernels: &Kernels,
    name: &str,
    before: &str,
    cell: fn(usize) -> String,
) -> anyhow::Result<Row> {
    let mut ours = kernels.ours()?;
    run(&mut ours, before)?;
    let directory = tempfile::tempdir().context("a directory for rustc")?;
    let rustc = threadbook_cargo_env::sysroot().map_err(anyhow::Error::msg)?.join("bin/rustc");
    let (mut our_times, mut bare_times) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS + 3 {
        let cell = cell(round);
        let program = format!("{before}\nfn main() {{\n    println!(\"{{:?}}\", {cell});\n}}\n");
        let times = (run(&mut ours, &cell)?, compile(&rustc, directory.path(), &program)?);
        if round >= 3 {
            our_times.push(times.0);
            bare_times.push(times.1);
        }
    }
    ours.shutdown();
    Ok(Row::compare(name, &our_times, "bare rustc", &bare_times))
}

fn compile(rustc: &PathBuf, directory: &Path, program: &str) -> anyhow::Result<Duration> {
    fs::write(directory.join("main.rs"), program)?;
    let mut command = Command::new(rustc);
    command.args(OPTIONS).arg("main.rs").current_dir(directory);
    let start = Instant::now();
    let output = command.output()?;
    let took = start.elapsed();
    ensure!(output.status.success(), "rustc: {}", String::from_utf8_lossy(&output.stderr));
    Ok(took)
}
