//! A warm cell beside a bare run of rustc on the very crate that the cell was compiled as.

use crate::kernels::{Kernels, run};
use crate::row::Row;
use anyhow::{Context, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const ROUNDS: usize = 25;

/// Runs the cell `before` and then `cell`, and rustc, by turns.
pub fn beside_rustc(kernels: &Kernels, name: &str, before: &str, cell: &str) -> anyhow::Result<Row> {
    let cache = tempfile::tempdir().context("a directory for the session")?;
    let mut ours = kernels.ours_with(&[("XDG_CACHE_HOME", cache.path())])?;
    run(&mut ours, before)?;
    for _ in 0..3 {
        run(&mut ours, cell)?;
    }
    let session = only_directory(&cache.path().join("threadbook/sessions"))?;
    let mut rustc = Rustc::like(&session, &cache.path().join("copy"))?;
    rustc.run()?;
    let (mut our_times, mut bare_times) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        our_times.push(run(&mut ours, cell)?);
        bare_times.push(rustc.run()?);
    }
    ours.shutdown();
    Ok(Row::compare(name, &our_times, "bare rustc", &bare_times))
}

fn only_directory(parent: &Path) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(parent).with_context(|| format!("{} cannot be read", parent.display()))?;
    let mut found = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
    found.next().with_context(|| format!("there is no session in {}", parent.display()))
}

/// The compiler, as a session has called it.
struct Rustc {
    program: PathBuf,
    directory: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// The crate's source, and how often it was compiled: each time as another cell, as the engine does it.
    source: String,
    runs: usize,
}

impl Rustc {
    /// In a copy of the session's directory.
    fn like(session: &Path, directory: &Path) -> anyhow::Result<Rustc> {
        let sysroot = threadbook_cargo_env::sysroot().map_err(anyhow::Error::msg)?;
        let copied = Command::new("cp").arg("-a").args([session, directory]).status()?;
        ensure!(copied.success(), "the session's directory could not be copied");
        for answer in fs::read_dir(directory.join("answers"))? {
            let text =
                fs::read_to_string(answer?.path())?.replace("{workplace}", &directory.to_string_lossy());
            let answer: serde_json::Value = serde_json::from_str(&text)?;
            let strings = |value: &serde_json::Value| -> Vec<String> {
                value
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|word| Some(word.as_str()?.to_owned()))
                    .collect()
            };
            let arguments = strings(&answer["Compile"]["arguments"]);
            if !arguments.iter().any(|word| word.starts_with("threadbook=")) {
                continue;
            }
            let environment = answer["Compile"]["environment"].as_object().into_iter().flatten();
            let environment = environment
                .filter(|(name, _)| *name != "CARGO_MAKEFLAGS")
                .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
            let source = fs::read_to_string(directory.join("src/lib.rs"))?;
            let (program, directory) = (sysroot.join("bin/rustc"), directory.to_owned());
            return Ok(Rustc { program, directory, arguments, environment, source, runs: 0 });
        }
        anyhow::bail!("the session does not remember how it compiles a cell")
    }

    fn run(&mut self) -> anyhow::Result<Duration> {
        self.runs += 1;
        let name = format!("run_user_code_{}00", self.runs);
        fs::write(self.directory.join("src/lib.rs"), self.source.replace("run_user_code_", &name))?;
        let mut rustc = Command::new(&self.program);
        rustc.args(&self.arguments).envs(self.environment.iter().cloned()).current_dir(&self.directory);
        let start = Instant::now();
        let output = rustc.output()?;
        let took = start.elapsed();
        ensure!(output.status.success(), "rustc: {}", String::from_utf8_lossy(&output.stderr));
        Ok(took)
    }
}
