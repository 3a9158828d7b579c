//! Builds the prepared directory in a process of its own.
//!
//! The engine changes the environment of its process, so it needs a process of its own: the command that installs shows
//! the time and starts JupyterLab afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow};
use nix::sys::stat::{Mode, umask};

use super::quiet::{last_line, quietly};
use super::steps::step;
use super::{mend, say};
use crate::session::{self, ANALYSIS, SessionWorkspace};
use crate::template;
use crate::toolchain::Toolchain;

/// The start of a line of the other process that is shown to the user.
const PROGRESS: &str = "progress: ";

/// Brings the prepared directory up to date, if it is not.
pub(crate) fn ensure(directory: &Path) -> anyhow::Result<()> {
    let Some(why) = template::stale(directory) else {
        return Ok(());
    };
    if let Some(reason) = template::unusable(directory) {
        return Err(mend(reason, "cargo threadbook install --prefix DIR"));
    }
    if template::missing(directory).is_none() {
        eprintln!("{why}");
    }
    step("Preparing the companion crate", |progress| {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.arg("prepare").arg(directory);
        let mut show = |line: &str| {
            if let Some(detail) = line.strip_prefix(PROGRESS) {
                progress(detail);
            }
        };
        quietly(&mut command, &mut show)?.map_err(|output| {
            let reason = last_line(&output);
            let reason = reason.strip_prefix("threadbook: ").unwrap_or(reason);
            in_a_project(anyhow!("{reason}"), directory)
        })
    })
}

/// Builds the program that answers completion and help, which is not a part of this one: it takes minutes, the first time.
/// Notebooks work without it.
pub(crate) fn ensure_analysis() -> anyhow::Result<()> {
    if is_analysis_built() {
        return Ok(());
    }
    step("Building completion and help", |progress| {
        let mut command = Command::new("cargo");
        command.args(["build", "--locked", "--bin", ANALYSIS]).current_dir(template::checkout());
        let mut show = |line: &str| {
            if let Some(name) = line.trim_start().strip_prefix("Compiling ") {
                progress(name.split(" (").next().unwrap_or(name));
            }
        };
        if let Err(output) = quietly(&mut command, &mut show)? {
            eprintln!("threadbook: completion and help are not there: {}", last_line(&output));
        }
        Ok(())
    })
}

/// Whether the program is there, and not older than its sources.
fn is_analysis_built() -> bool {
    let built = std::env::current_exe().and_then(|program| program.with_file_name(ANALYSIS).metadata());
    let built = built.and_then(|program| program.modified()).ok();
    built.is_some() && built >= template::newest_source("crates/analysis")
}

/// Names the likely reason: cargo takes the package of cells for a part of the project around it.
pub(crate) fn in_a_project(error: anyhow::Error, directory: &Path) -> anyhow::Error {
    match project_around(directory) {
        Some(project) => {
            anyhow!("{error:#} (inside the Cargo project {}; try another --prefix)", project.display())
        }
        None => error,
    }
}

/// The Cargo project in whose tree `directory` lies; not ours, which knows of it.
fn project_around(directory: &Path) -> Option<&Path> {
    let project = directory.ancestors().skip(1).find(|parent| parent.join("Cargo.toml").is_file())?;
    (project.canonicalize().ok() != template::checkout().canonicalize().ok()).then_some(project)
}

/// Builds the prepared directory in this process, or brings it up to date. Changes the environment, so this must be the
/// only thread.
pub(crate) fn build(directory: &Path) -> anyhow::Result<()> {
    // The right to write there is the right to choose what cells load. All users may read an administrator's.
    umask(umask(Mode::empty()) | Mode::S_IWGRP | Mode::S_IWOTH);
    say(format_args!(
        "{PROGRESS}building the companion crate, tokio, rayon, futures, serde and plotters for notebooks"
    ));
    let stamp = directory.join(template::STAMP);
    let _ = fs::remove_file(&stamp);
    let others = template::ENTRIES.iter().filter(|entry| !template::OWN.contains(entry));
    for left in others.map(|entry| directory.join(entry)) {
        let _ = if left.is_dir() { fs::remove_dir_all(left) } else { fs::remove_file(left) };
    }
    session::prepare(&SessionWorkspace::in_place(directory)?)?;
    fs::write(stamp, template::built_from(&Toolchain::find()?)?)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_in_another_cargo_project_is_noticed() {
        let project = tempfile::tempdir().unwrap();
        let directory = project.path().join("env/share/threadbook/prepared");
        assert_eq!(project_around(&directory), None);
        std::fs::write(project.path().join("Cargo.toml"), "[workspace]").unwrap();
        assert_eq!(project_around(&directory), Some(project.path()));
        assert_eq!(project_around(&template::checkout().join(".venv/share/threadbook/prepared")), None);
    }
}
