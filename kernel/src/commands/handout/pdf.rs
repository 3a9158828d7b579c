//! Printing a page with the machine's Chromium or Chrome.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, Uid};

/// A browser that needs longer hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// Prints a page of HTML to the file `target`, whose directory exists.
pub(super) fn print(browser: &Path, page: &str, target: &Path) -> anyhow::Result<()> {
    print_within(LIMIT, Command::new(browser), page, target)
        .with_context(|| format!("cannot print {} with {}", target.display(), browser.display()))
}

fn print_within(limit: Duration, mut command: Command, page: &str, target: &Path) -> anyhow::Result<()> {
    // Beside the target, since a Chromium that is a snap sees nothing of `/tmp`.
    let beside = target.parent().unwrap_or(Path::new("")).join(".").canonicalize()?;
    let directory = tempfile::Builder::new().prefix("printing-").tempdir_in(beside)?;
    let at = |name: &str| directory.path().join(name);
    let (html, pdf, log) = (at("page.html"), at("page.pdf"), at("log"));
    fs::write(&html, page)?;
    command.args(["--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    command.args(["--no-pdf-header-footer", "--generate-pdf-document-outline"]);
    if Uid::effective().is_root() {
        // As root, Chromium has no sandbox, and does not start unless one says that this is known.
        command.arg("--no-sandbox");
    }
    command.arg(format!("--user-data-dir={}", at("profile").display()));
    command.arg(format!("--print-to-pdf={}", pdf.display())).arg(&html);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
    // With a group of its own, it is ended together with the processes that it starts.
    let status = wait(command.process_group(0).spawn()?, limit)?;
    if !status.success() || !pdf.exists() {
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        bail!("it made no file ({status}): {}", said.trim().lines().last().unwrap_or("it said nothing"));
    }
    fs::copy(&pdf, target)?;
    Ok(())
}

fn wait(mut child: Child, limit: Duration) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if started.elapsed() > limit {
            let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
            child.wait()?;
            bail!("it was ended after {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a browser that does this.
    fn error(script: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let mut browser = Command::new("sh");
        browser.args(["-c", script, "browser"]);
        let target = directory.path().join("a.pdf");
        let error = print_within(Duration::from_secs(1), browser, "", &target).unwrap_err();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
        error.to_string()
    }

    #[test]
    fn a_browser_that_fails_is_quoted() {
        assert!(error("echo one >&2; echo no display >&2; exit 3").ends_with("no display"));
        assert!(error("exit 0").ends_with("it said nothing"));
    }

    #[test]
    fn a_browser_that_hangs_is_ended() {
        assert_eq!(error("sleep 1000"), "it was ended after 1 s");
    }
}
