//! The private Python environment of a checkout, `.venv`, with the packages that `environment.yml` pins.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use super::mend;
use super::python::{self, Python};
use super::quiet::{last_line, quietly};
use super::steps::step;
use crate::prepared;

/// The one source of the pins: conda and Binder read the file itself.
const ENVIRONMENT: &str = include_str!("../../../environment.yml");
/// In the environment: the pins that it was made with.
const STAMP: &str = "threadbook-pins.txt";

/// Where the private environment lies.
pub(crate) fn directory() -> PathBuf {
    let checkout = prepared::checkout();
    checkout.canonicalize().unwrap_or_else(|_| checkout.to_owned()).join(".venv")
}

/// The private environment's Python, if it is there and has what the pins say.
pub(crate) fn ready() -> Option<Python> {
    let stamp = std::fs::read_to_string(directory().join(STAMP)).ok()?;
    let python = Python::of_environment(&directory())?;
    (stamp == pins().join("\n") && python.has_lab()).then_some(python)
}

/// Makes the private environment, or brings it up to date. Does nothing if it is ready.
pub(crate) fn ensure() -> anyhow::Result<Python> {
    if let Some(python) = ready() {
        return Ok(python);
    }
    let directory = directory();
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
    }
    step("Installing JupyterLab in .venv", |progress| install(&directory, progress))?;
    std::fs::write(directory.join(STAMP), pins().join("\n"))?;
    ready().with_context(|| {
        format!("JupyterLab does not run in {}; remove it and try again", directory.display())
    })
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
    command.args(pins());
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

/// The packages that `environment.yml` names in its pip section.
fn pins() -> Vec<&'static str> {
    let lines = ENVIRONMENT.lines().skip_while(|line| line.trim() != "- pip:").skip(1);
    lines.map_while(|line| line.strip_prefix("      - ")).map(str::trim).collect()
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
    fn every_pin_is_exact() {
        let pins = pins();
        for package in ["jupyterlab", "jupyterlab_widgets", "nbconvert", "nbclient", "ipykernel"] {
            assert!(pins.iter().any(|pin| pin.starts_with(&format!("{package}=="))), "{package}: {pins:?}");
        }
        assert!(pins.iter().all(|pin| pin.contains("==")), "{pins:?}");
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
