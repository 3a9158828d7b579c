//! The private Python environment of a checkout, `.venv`, with the packages that `environment.lock` names.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::mend;
use super::python::{self, Python};
use super::quiet::{last_line, quietly};
use super::steps::step;
use crate::template;

/// The packages with their hashes. They are those of `environment.yml`, which conda and Binder read, and all that these need.
const PACKAGES: &str = include_str!("../../../environment.lock");
/// In the environment: the packages that it was made with; empty while it is being made. An environment without this file is
/// the user's own, and is left as it is.
const STAMP: &str = "threadbook-pins.txt";

/// The directory of the private environment.
pub(crate) fn directory() -> PathBuf {
    let checkout = template::checkout();
    checkout.canonicalize().unwrap_or_else(|_| checkout.to_owned()).join(".venv")
}

/// The private environment's Python, if it is there and has what the pins say.
pub(crate) fn ready() -> Option<Python> {
    let stamp = std::fs::read_to_string(directory().join(STAMP)).ok()?;
    let python = Python::of_environment(&directory())?;
    (stamp == PACKAGES && python.has_lab()).then_some(python)
}

/// Makes the private environment, or brings it up to date. Does nothing if it is ready.
pub(crate) fn ensure() -> anyhow::Result<Python> {
    if let Some(python) = ready() {
        return Ok(python);
    }
    let directory = directory();
    refuse_others(&directory)?;
    if Python::of_environment(&directory).is_none() {
        let base = python::on_path()?;
        if !base.can_make_environments() {
            let reason = format!("Python {} has no venv module", base.version);
            return Err(mend(reason, "apt install python3-venv"));
        }
        step("Making a Python environment in .venv", |_| {
            let mut command = Command::new(&base.program);
            command.args(["-m", "venv", "--clear"]).arg(&directory);
            quietly(&mut command, &mut |_| {})?.map_err(|output| {
                mend(
                    format!("Python made no environment ({})", last_line(&output)),
                    "apt install python3-venv",
                )
            })
        })?;
        std::fs::write(directory.join(STAMP), "")?;
    }
    step("Installing JupyterLab in .venv", |progress| install(&directory, progress))?;
    std::fs::write(directory.join(STAMP), PACKAGES)?;
    ready().with_context(|| {
        format!("JupyterLab does not run in {}; remove it and try again", directory.display())
    })
}

/// Refuses an environment that was not made here: it is neither cleared nor added to.
fn refuse_others(directory: &Path) -> anyhow::Result<()> {
    let is_empty = || std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none());
    if directory.symlink_metadata().is_err() || is_empty() || directory.join(STAMP).is_file() {
        return Ok(());
    }
    let reason = format!("{} was not made by `cargo lab`, which leaves it as it is", directory.display());
    Err(mend(reason, "move it away, or activate an environment that has JupyterLab 4"))
}

fn install(directory: &Path, progress: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    let mut command = Command::new(directory.join("bin/python"));
    command.args([
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
    ]);
    let packages = tempfile::NamedTempFile::with_suffix(".lock")?;
    std::fs::write(&packages, PACKAGES)?;
    command.args(["--require-hashes", "--requirement"]).arg(packages.path());
    let mut show = |line: &str| {
        // Of pip's chatter, what is being fetched is of interest.
        if let Some(package) = line.trim_start().strip_prefix("Collecting ") {
            progress(package.split_whitespace().next().unwrap_or_default());
        } else if line.starts_with("Installing collected") {
            progress("unpacking");
        }
    };
    quietly(&mut command, &mut show)?.map_err(|output| {
        if is_network_error(&output) {
            mend("PyPI cannot be reached (a network or PIP_INDEX_URL is needed)", "cargo lab")
        } else {
            anyhow::anyhow!("pip failed: {}", last_line(&output))
        }
    })
}

/// pip reports a network that is down as a package that does not exist; only its warnings tell.
fn is_network_error(output: &str) -> bool {
    let signs = [
        "after connection broken by",
        "Failed to establish a new connection",
        "Max retries exceeded",
        "Read timed out",
    ];
    signs.iter().any(|sign| output.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_version_and_a_hash() {
        let lines: Vec<_> = PACKAGES.lines().filter(|line| !line.starts_with('#')).collect();
        for package in ["jupyterlab", "jupyterlab-widgets", "nbconvert", "nbclient", "ipykernel"] {
            assert!(lines.iter().any(|line| line.starts_with(&format!("{package}=="))), "{package}");
        }
        for (index, line) in
            lines.iter().enumerate().filter(|(_, line)| !line.starts_with("    --hash=sha256:"))
        {
            assert!(line.contains("==") && lines[index + 1].starts_with("    --hash="), "{line}");
        }
    }

    #[test]
    fn only_an_environment_of_ours_is_touched() {
        let place = tempfile::tempdir().unwrap();
        let venv = place.path().join(".venv");
        refuse_others(&venv).expect("there is none");
        std::fs::create_dir(&venv).unwrap();
        refuse_others(&venv).expect("an empty directory is no environment");
        std::fs::write(venv.join("pyvenv.cfg"), "").unwrap();
        assert!(refuse_others(&venv).unwrap_err().to_string().contains("leaves it as it is"));
        std::fs::write(venv.join(STAMP), "").unwrap();
        refuse_others(&venv).expect("it is ours");
    }

    #[test]
    fn a_network_error_is_told_from_a_wrong_pin() {
        let offline = "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError(...)'\n\
                       ERROR: Could not find a version that satisfies the requirement jupyterlab==4.6.6 (from versions: none)\n\
                       ERROR: No matching distribution found for jupyterlab==4.6.6\n";
        assert!(is_network_error(offline));
        let wrong =
            "ERROR: No matching distribution found for jupyterlab==99\n\n[notice] A new release of pip\n";
        assert!(!is_network_error(wrong));
    }
}
