//! The measured kernels: ours, stock evcxr_jupyter built from the same lock file with the same profile, and
//! ipykernel from the environment of `cargo lab`.

use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;
use threadbook_client::{KernelClient, Status};

const CONNECTION_FILE: &str = threadbook_client::CONNECTION_FILE;

/// The files that starting them requires.
pub struct Kernels {
    root: PathBuf,
    prepared: PathBuf,
    /// The cache of compiled cells, empty at first.
    cache: TempDir,
}

impl Kernels {
    /// Builds ours and stock, and the prepared directory of ours.
    pub fn build() -> anyhow::Result<Kernels> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
        // All packages at once, as in the tests: a package alone has other features and is built again.
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--workspace", "--bins", "--examples"]).current_dir(&root);
        ensure!(build.status()?.success(), "the kernels could not be built");
        let prepared = root.join("target/peers-prepared");
        let kernels = Kernels { root, prepared, cache: tempfile::tempdir()? };
        let mut prepare = Command::new(kernels.binary("threadbook"));
        prepare.arg("prepare").arg(&kernels.prepared);
        let output = prepare.output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(kernels)
    }

    fn binary(&self, name: &str) -> PathBuf {
        self.root.join("target/debug").join(name)
    }

    fn start(&self, argv: &[&Path], environment: &[(&str, &Path)]) -> anyhow::Result<KernelClient> {
        let argv: Vec<_> = argv.iter().map(|argument| argument.to_string_lossy()).collect();
        // The history is on disk, as usual, but separate from the user's own.
        let history = self.root.join("target/peers-history.sqlite");
        let prepare = |command: &mut Command| {
            command
                .env("THREADBOOK_CACHE", self.cache.path())
                .env("THREADBOOK_HISTORY", history)
                .envs(environment.iter().copied());
        };
        Ok(KernelClient::start_with(&argv, &self.root.join("notebooks"), prepare)?)
    }

    pub fn ours(&self) -> anyhow::Result<KernelClient> {
        self.ours_with(&[])
    }

    pub fn ours_with(&self, environment: &[(&str, &Path)]) -> anyhow::Result<KernelClient> {
        let words = ["kernel", "--prepared", CONNECTION_FILE].map(Path::new);
        self.start(&[&self.binary("threadbook"), words[0], words[1], &self.prepared, words[2]], environment)
    }

    pub fn stock(&self) -> anyhow::Result<KernelClient> {
        self.stock_with(&[])
    }

    pub fn stock_with(&self, environment: &[(&str, &Path)]) -> anyhow::Result<KernelClient> {
        let words = ["--control_file", CONNECTION_FILE].map(Path::new);
        self.start(&[&self.binary("examples/evcxr_jupyter"), words[0], words[1]], environment)
    }

    pub fn ipykernel(&self) -> anyhow::Result<KernelClient> {
        let python = self.root.join(".venv/bin/python");
        ensure!(python.exists(), "ipykernel comes with JupyterLab: run `cargo lab --prepare` first");
        let words = ["-m", "ipykernel_launcher", "-f", CONNECTION_FILE].map(Path::new);
        self.start(&[&python, words[0], words[1], words[2], words[3]], &[])
    }

    /// The first lines of a stock cell that load the companion, which our cells have loaded.
    pub fn preamble(&self) -> String {
        let companion = self.root.join("crates/threadbook");
        format!(
            ":dep threadbook = {{ path = {companion:?} }}\n\
             :dep plotters = {{ version = \"0.3\", default-features = false, features = [\"svg_backend\"] }}\n\
             use threadbook::prelude::*;\n"
        )
    }
}

/// Executes a cell that must succeed, and returns its time.
pub fn run(kernel: &mut KernelClient, code: &str) -> anyhow::Result<Duration> {
    let outcome = kernel.execute(code).with_context(|| format!("in the cell {code:?}"))?;
    match outcome.status {
        Status::Ok if outcome.outputs.stream("stderr").contains("error") => {
            bail!("{code:?} failed: {}", outcome.outputs.stream("stderr"))
        }
        Status::Ok => Ok(outcome.elapsed),
        Status::Error { ename, evalue, .. } => bail!("{code:?} failed: {ename}: {evalue}"),
        Status::TimedOut => bail!("{code:?} did not end"),
    }
}
