//! Finds a Python: the active environment's, or the one on the path.

use std::env;
use std::path::{Path, PathBuf, absolute};
use std::process::{Command, Stdio};

use super::mend;
use crate::toolchain::at_least;
use threadbook_cargo_env::NEUTRAL_DIRECTORY;

/// The oldest Python that the pinned packages run on.
pub(crate) const NEEDED: &str = "3.10";
/// The oldest JupyterLab that the notebooks are tested with.
const NEEDED_LAB: &str = "4";

/// The facts about a Python, a line each.
const QUESTIONS: &str = "\
import sys
print(sys.prefix)
print('%d.%d.%d' % sys.version_info[:3])
try:
    from importlib.metadata import version
    print(version('jupyterlab'))
except Exception:
    print()
";

/// A Python that runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Python {
    /// How to start it.
    pub(crate) program: PathBuf,
    /// The root of its environment.
    pub(crate) prefix: PathBuf,
    /// E.g. `3.11.7`.
    pub(crate) version: String,
    /// The version of its JupyterLab.
    pub(crate) lab: Option<String>,
}

impl Python {
    /// Asks the Python `program` who it is; nothing if it does not run.
    pub(crate) fn probe(program: &Path) -> Option<Self> {
        let output = command(program)?.args(["-c", QUESTIONS]).output().ok()?;
        if !output.status.success() {
            return None;
        }
        let answers = String::from_utf8(output.stdout).ok()?;
        let mut answers = answers.lines().map(str::trim);
        Some(Self {
            program: program.to_owned(),
            prefix: answers.next()?.into(),
            version: answers.next()?.to_owned(),
            lab: answers.next().filter(|version| !version.is_empty()).map(str::to_owned),
        })
    }

    /// The Python of the environment in the directory `prefix`.
    pub(crate) fn of_environment(prefix: &Path) -> Option<Self> {
        Self::probe(&prefix.join("bin/python"))
    }

    /// Whether the notebooks can be opened with it.
    pub(crate) fn has_lab(&self) -> bool {
        self.lab.as_ref().is_some_and(|version| at_least(version, NEEDED_LAB))
    }

    /// Whether it can make environments. Debian keeps that in a package of its own.
    pub(crate) fn can_make_environments(&self) -> bool {
        let asked = command(&self.program).and_then(|mut command| {
            command.args(["-c", "import ensurepip, venv"]).stderr(Stdio::null()).status().ok()
        });
        asked.is_some_and(|status| status.success())
    }
}

/// A Python that is asked about itself. Not in the current directory, where it would load modules from.
fn command(program: &Path) -> Option<Command> {
    let program = match program.components().count() {
        1 => program.to_owned(),
        _ => absolute(program).ok()?,
    };
    let mut command = Command::new(program);
    command.current_dir(NEUTRAL_DIRECTORY).stdin(Stdio::null());
    Some(command)
}

/// The roots of the active environments, a virtual one before conda's.
pub(crate) fn active_prefixes() -> Vec<PathBuf> {
    let variables = ["VIRTUAL_ENV", "CONDA_PREFIX"].map(env::var_os);
    variables.into_iter().flatten().filter(|prefix| !prefix.is_empty()).map(PathBuf::from).collect()
}

/// The first Python on the path that is recent enough.
pub(crate) fn on_path() -> anyhow::Result<Python> {
    let mut too_old = None;
    for name in ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"] {
        match Python::probe(Path::new(name)) {
            Some(python) if at_least(&python.version, NEEDED) => return Ok(python),
            Some(python) => too_old = too_old.or(Some(python.version)),
            None => {}
        }
    }
    let reason = match too_old {
        Some(version) => format!("Python {version} is too old, {NEEDED} or later is needed"),
        None => format!("there is no Python 3 ({NEEDED} or later) on the path"),
    };
    Err(mend(reason, install_command()))
}

/// The command that brings a Python on this machine.
pub(crate) fn install_command() -> &'static str {
    if cfg!(target_os = "macos") { "brew install python3" } else { "apt install python3 python3-venv" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pretend(script: &str) -> (tempfile::TempDir, Option<Python>) {
        let prefix = tempfile::tempdir().unwrap();
        let program = prefix.path().join("bin/python");
        std::fs::create_dir(prefix.path().join("bin")).unwrap();
        // Another process writes the program: what a fork of a neighbouring test still holds open
        // for writing cannot be run ("text file busy").
        let write = Command::new("sh")
            .args(["-c", "printf '%s\\n' '#!/bin/sh' \"$1\" > \"$0\" && chmod +x \"$0\""])
            .args([program.as_os_str(), script.as_ref()])
            .status();
        assert!(write.unwrap().success());
        let python = Python::of_environment(prefix.path());
        (prefix, python)
    }

    #[test]
    fn a_python_says_who_it_is() {
        let (_prefix, python) = pretend("printf '/env\\n3.12.1\\n4.6.6\\n'");
        let python = python.unwrap();
        assert_eq!((python.prefix.as_path(), python.version.as_str()), (Path::new("/env"), "3.12.1"));
        assert!(python.has_lab());
    }

    #[test]
    fn an_old_jupyterlab_is_none_for_us() {
        assert!(!pretend("printf '/env\\n3.12.1\\n3.6.8\\n'").1.unwrap().has_lab());
        assert!(!pretend("printf '/env\\n3.12.1\\n\\n'").1.unwrap().has_lab());
    }

    #[test]
    fn a_python_that_does_not_run_is_none() {
        assert_eq!(pretend("exit 1").1, None);
        assert_eq!(Python::probe(Path::new("/there/is/no/python")), None);
    }
}
