//! `threadbook run`: executes notebooks through the real kernel, without a browser.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use threadbook_client::{CellOutcome, KernelClient, LateText, Status};
use threadbook_notebook::{Notebook, Origin, file};

use super::install_dir::KERNEL;
use super::kernelspec::{self, Kernelspec};
use super::steps::shorten;
use super::{mend, one_line, say, signature};
use crate::toolchain::Toolchain;

/// The tag of a cell that is meant to fail.
const RAISES: &str = "raises-exception";
/// The longest part of a cell's first line that is shown.
const WIDTH: usize = 56;

/// What to execute, and how.
#[derive(Args)]
pub(crate) struct RunOptions {
    /// The notebooks
    #[arg(value_name = "NB", required = true)]
    notebooks: Vec<PathBuf>,
    /// Where the executed copies go [default: `executed` beside each notebook]
    #[arg(long, value_name = "DIR")]
    output_dir: Option<PathBuf>,
    #[command(flatten)]
    execution: Execution,
}

/// How notebooks are executed.
#[derive(Args)]
pub(crate) struct Execution {
    /// Interrupt a cell after this time
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
    /// Go on after a cell that failed
    #[arg(long)]
    allow_errors: bool,
    /// The kernel, by the name that Jupyter knows it by
    #[arg(long, value_name = "NAME", default_value = KERNEL)]
    name: String,
}

/// Executes the notebooks one after the other; fails at the first cell that does.
pub(crate) fn run(options: &RunOptions) -> anyhow::Result<()> {
    let copies = copies(&options.notebooks, options.output_dir.as_deref())?;
    let kernel = Kernel::find(&options.execution)?;
    for (path, copy) in options.notebooks.iter().zip(&copies) {
        say(path.display());
        let mut notebook = Notebook::read(path)?;
        let executed = kernel.execute(path, &mut notebook);
        let directory = copy.parent().unwrap_or(Path::new(""));
        match options.output_dir {
            Some(_) => file::make_directory(directory)?,
            None => file::make_directory_beside(directory)?,
        }
        notebook.write(copy)?;
        if let Err(reason) = signature::sign(&notebook) {
            say(format_args!(
                "  the copy is not signed, so JupyterLab shows no active outputs of it: {reason:#}"
            ));
        }
        say(format_args!("  executed copy: {}", copy.display()));
        executed?;
    }
    Ok(())
}

/// A kernel that Jupyter knows, and how notebooks are executed in it.
pub(crate) struct Kernel<'a> {
    spec: Kernelspec,
    argv: Vec<String>,
    how: &'a Execution,
}

impl<'a> Kernel<'a> {
    /// The kernel that is asked for.
    pub(crate) fn find(how: &'a Execution) -> anyhow::Result<Self> {
        let (spec, argv) = find_kernel(&how.name)?;
        Ok(Self { spec, argv, how })
    }

    /// Executes a notebook in a fresh kernel, up to the first cell that fails, and notes in it where that was.
    pub(crate) fn execute(&self, path: &Path, notebook: &mut Notebook) -> anyhow::Result<()> {
        let rustc =
            Toolchain::find().map_or_else(|_| "unknown".to_owned(), |found| found.version().to_owned());
        Origin::here(&rustc).note(notebook);
        let mut client = start(path, &self.argv, &self.spec)?;
        let executed = execute(path, notebook, &mut client, self.how);
        client.shutdown();
        executed
    }
}

/// A kernel that Jupyter knows by this name, and the command that starts it.
pub(crate) fn find_kernel(name: &str) -> anyhow::Result<(Kernelspec, Vec<String>)> {
    let spec = kernelspec::find(name)
        .ok_or_else(|| mend(format!("Jupyter knows no kernel {name}"), "cargo threadbook install"))?;
    let argv = command(&spec)?;
    Ok((spec, argv))
}

/// The paths of the executed copies. No two may be one file, and none may replace a notebook.
fn copies(notebooks: &[PathBuf], output_dir: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let mut copies = BTreeMap::new();
    let mut in_order = Vec::new();
    for notebook in notebooks {
        notebook.metadata().with_context(|| format!("cannot read {}", notebook.display()))?;
        let name = notebook.file_name().with_context(|| format!("{} is no file", notebook.display()))?;
        let beside = notebook.parent().unwrap_or(Path::new("")).join("executed");
        let copy = output_dir.unwrap_or(&beside).join(name);
        if let Some(original) = notebooks.iter().find(|original| file::is_same(original, &copy)) {
            bail!(
                "the executed copy {} would replace {} itself; choose another --output-dir",
                copy.display(),
                original.display()
            );
        }
        let is_ours = || Notebook::read(&copy).is_ok_and(|earlier| Origin::of(&earlier).is_some());
        if copy.exists() && !is_ours() {
            bail!(
                "{} exists and is no executed copy; move it, or choose another --output-dir",
                copy.display()
            );
        }
        if let Some(other) = copies.insert(copy.clone(), notebook) {
            bail!(
                "{} and {} would have one executed copy; run them apart",
                other.display(),
                notebook.display()
            );
        }
        in_order.push(copy);
    }
    Ok(in_order)
}

/// The kernelspec's command; if the kernel is ours, it is this very program that is run.
fn command(spec: &Kernelspec) -> anyhow::Result<Vec<String>> {
    let mut argv = spec.argv.clone();
    if spec.prepared().is_some()
        && let Some(program) = argv.first_mut()
    {
        let this = std::env::current_exe().context("cannot find this program")?;
        *program =
            this.into_os_string().into_string().map_err(|_| anyhow!("this program's path is not UTF-8"))?;
    }
    Ok(argv)
}

/// Starts a kernel in the notebook's directory, as Jupyter does.
fn start(path: &Path, argv: &[String], spec: &Kernelspec) -> anyhow::Result<KernelClient> {
    let path = path.canonicalize()?;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let kernel = KernelClient::start_with(argv, directory, |command| {
        // Nobody has typed these cells, so nobody looks for them in the history.
        command.env("THREADBOOK_HISTORY", "").envs(&spec.env);
    })?;
    Ok(kernel)
}

/// Executes a notebook's cells, up to the first that fails.
fn execute(
    path: &Path,
    notebook: &mut Notebook,
    kernel: &mut KernelClient,
    how: &Execution,
) -> anyhow::Result<()> {
    let mut cells = notebook.code_cells();
    for cell in &mut cells {
        cell.set(None, Vec::new());
    }
    // While a later cell runs, what an earlier one displayed may be replaced, and a thread that it left may print.
    let mut done: Vec<(usize, CellOutcome)> = Vec::new();
    for index in 0..cells.len() {
        let source = cells[index].source();
        if source.trim().is_empty() {
            continue;
        }
        let failed = |reason: &str| anyhow!("{}, cell {}: {}", path.display(), index + 1, one_line(reason));
        announce(index + 1, &source);
        let outcome = match kernel.execute_within(&source, how.timeout) {
            Ok(outcome) => outcome,
            Err(error) => {
                say("lost");
                return Err(failed(&error.to_string()));
            }
        };
        for (earlier, before) in &mut done {
            if take_in(before, &outcome) {
                cells[*earlier].set(before.execution_count, before.outputs.to_json());
            }
        }
        cells[index].set(outcome.execution_count, outcome.outputs.to_json());

        let expected = cells[index].has_tag(RAISES);
        let (word, reason) = judge(&outcome.status, expected, how.timeout);
        say(format_args!("{word:<9} {:>8.2} s", outcome.elapsed.as_secs_f64()));
        done.push((index, outcome));
        if let Some(reason) = reason
            && !how.allow_errors
        {
            return Err(failed(&reason));
        }
    }
    Ok(())
}

/// Takes the late outputs that came with a later cell into an earlier one. Returns whether there were any.
fn take_in(earlier: &mut CellOutcome, later: &CellOutcome) -> bool {
    let mut changed = false;
    for update in &later.updates {
        changed |= earlier.outputs.update(update);
    }
    for LateText { name, text, .. } in later.late.iter().filter(|late| late.request == earlier.request) {
        earlier.outputs.print(name.clone(), text);
        changed = true;
    }
    changed
}

/// The word for a cell's end, and the reason if it is a failure.
fn judge(status: &Status, expected: bool, limit: Option<Duration>) -> (&'static str, Option<String>) {
    match status {
        Status::Ok => ("ok", None),
        Status::Error { .. } if expected => ("expected", None),
        Status::Error { ename, evalue, .. } => {
            let separator = if ename.is_empty() || evalue.is_empty() { "" } else { ": " };
            ("error", Some(format!("{ename}{separator}{evalue}")))
        }
        Status::TimedOut => {
            ("timed out", Some(format!("timed out after {} s", limit.unwrap_or_default().as_secs_f64())))
        }
    }
}

/// Shows which cell runs, before it runs: it may take a while.
fn announce(number: usize, source: &str) {
    let mut stdout = std::io::stdout();
    let _ = write!(stdout, "  {:>5} {:<WIDTH$} ", format!("[{number}]"), shorten(first_line(source), WIDTH));
    let _ = stdout.flush();
}

/// The first line that is not empty: code before comments.
fn first_line(source: &str) -> &str {
    let lines = || source.lines().map(str::trim).filter(|line| !line.is_empty());
    lines().find(|line| !line.starts_with("//")).or_else(|| lines().next()).unwrap_or_default()
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| *seconds > 0.0);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_cell_is_code_if_there_is_any() {
        assert_eq!(first_line("\n// why\n  let x = 1;\nx"), "let x = 1;");
        assert_eq!(first_line("// only a comment\n"), "// only a comment");
        assert_eq!(first_line(""), "");
    }

    #[test]
    fn an_expected_error_is_no_failure() {
        let error =
            |ename: &str| Status::Error { ename: ename.into(), evalue: "no".into(), traceback: vec![] };
        assert_eq!(judge(&Status::Ok, false, None), ("ok", None));
        assert_eq!(judge(&error("Panic"), true, None), ("expected", None));
        assert_eq!(judge(&error("Panic"), false, None), ("error", Some("Panic: no".into())));
        assert_eq!(judge(&error(""), false, None), ("error", Some("no".into())));
        let timed_out = judge(&Status::TimedOut, true, Some(Duration::from_millis(1500)));
        assert_eq!(timed_out, ("timed out", Some("timed out after 1.5 s".into())));
    }

    #[test]
    fn copies_lie_beside_and_replace_nothing() {
        use std::fs;
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a/x.ipynb", "b/x.ipynb"] {
            fs::create_dir_all(at(name).parent().unwrap()).unwrap();
            fs::write(at(name), "{}").unwrap();
        }
        let both = [at("a/x.ipynb"), at("b/x.ipynb")];
        assert_eq!(copies(&both, None).unwrap(), [at("a/executed/x.ipynb"), at("b/executed/x.ipynb")]);
        assert_eq!(copies(&both[..1], Some(&at("out"))).unwrap(), [at("out/x.ipynb")]);
        let error =
            |notebooks: &[PathBuf], to: &str| copies(notebooks, Some(&at(to))).unwrap_err().to_string();
        assert!(error(&both, "out").contains("one executed copy"));
        assert!(error(&both[..1], "a").contains("replace"));
        fs::create_dir(at("mine")).unwrap();
        fs::hard_link(at("a/x.ipynb"), at("mine/x.ipynb")).unwrap();
        assert!(error(&both[..1], "mine").contains("replace"), "a hard link is the notebook itself");
        fs::create_dir(at("theirs")).unwrap();
        fs::write(at("theirs/x.ipynb"), r#"{"nbformat": 4, "cells": []}"#).unwrap();
        assert!(error(&both[..1], "theirs").contains("is no executed copy"));
        let mut executed = Notebook::read(&at("theirs/x.ipynb")).unwrap();
        Origin::here("1.95.0").note(&mut executed);
        executed.write(&at("theirs/x.ipynb")).unwrap();
        assert!(copies(&both[..1], Some(&at("theirs"))).is_ok(), "an executed copy is replaced");
        assert!(copies(&[at("none.ipynb")], None).unwrap_err().to_string().starts_with("cannot read"));
    }

    #[test]
    fn seconds_may_have_a_fraction_but_not_be_none() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for bad in ["0", "-1", "NaN", "inf", "soon"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
