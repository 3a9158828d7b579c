//! Builds the prepared directory in a process of its own.
//!
//! The engine changes its process's environment and wants to be alone in it, while whoever installs shows
//! the time and starts JupyterLab afterwards.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, anyhow};

use super::quiet::{last_line, quietly};
use super::say;
use super::steps::step;
use crate::prepared;

/// How a line of the other process says that it is for the person who waits.
const PROGRESS: &str = "progress: ";

/// Brings the prepared directory up to date, if it is not.
pub(crate) fn ensure(directory: &Path) -> anyhow::Result<()> {
    let Some(why) = prepared::stale(directory) else {
        return Ok(());
    };
    eprintln!("{why}");
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
            anyhow!("{}", reason.strip_prefix("threadbook: ").unwrap_or(reason).to_owned())
        })
    })
}

/// What the process of its own does.
pub(crate) fn build(directory: &Path) -> anyhow::Result<()> {
    prepared::build(directory, &mut |detail| say(format_args!("{PROGRESS}{detail}")))
}
