//! Printing a page with the machine's Chromium or Chrome.
//!
//! The page may hold what a stranger wrote, and the browser runs as a user whose files and network are not the stranger's.
//! Hence it is given as an archive of one document (MHTML). The browser gives such a document an origin of its own in
//! a sandbox: it runs no script, follows no `<meta http-equiv="refresh">`, and reads nothing but the archive, no file
//! and no address. A trusted page is a file of HTML, whose scripts draw before it is printed.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, Uid};

use threadbook_notebook::file;

use crate::files::Trust;

/// After this time, the browser hangs.
const PRINT_TIMEOUT: Duration = Duration::from_secs(120);

/// Prints a page of HTML to the file `target`, whose directory exists.
pub(super) fn print(browser: &Path, page: &str, target: &Path, trust: Trust) -> anyhow::Result<()> {
    print_within(PRINT_TIMEOUT, Command::new(browser), page, target, trust)
        .with_context(|| format!("cannot print {} with {}", target.display(), browser.display()))
}

fn print_within(
    limit: Duration,
    mut command: Command,
    page: &str,
    target: &Path,
    trust: Trust,
) -> anyhow::Result<()> {
    // Beside the target, since a Chromium that is a snap sees nothing of `/tmp`.
    let beside = target.parent().unwrap_or(Path::new("")).join(".").canonicalize()?;
    let directory = tempfile::Builder::new().prefix("printing-").tempdir_in(beside)?;
    let at = |name: &str| directory.path().join(name);
    let (pdf, log) = (at("page.pdf"), at("log"));
    let page = match trust {
        Trust::Sanitized => write_page(at("page.mhtml"), &archive(page))?,
        Trust::Full => write_page(at("page.html"), page)?,
    };
    command.args(["--headless", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]);
    command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    // Nothing that the page asks for is on the network.
    command.arg("--host-resolver-rules=MAP * ~NOTFOUND");
    command.args(["--no-pdf-header-footer", "--generate-pdf-document-outline"]);
    if Uid::effective().is_root() {
        // As root, Chromium has no sandbox, and does not start unless one says that this is known.
        command.arg("--no-sandbox");
    }
    command.arg(format!("--user-data-dir={}", at("profile").display()));
    command.arg(format!("--print-to-pdf={}", pdf.display())).arg(&page);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log)?);
    // With a group of its own, it is ended together with the processes that it starts.
    let status = wait(command.process_group(0).spawn()?, limit)?;
    if !status.success() || !pdf.exists() {
        let said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        bail!("it made no file ({status}): {}", said.trim().lines().last().unwrap_or("it said nothing"));
    }
    file::replace(target, &fs::read(&pdf)?)
}

fn write_page(path: PathBuf, text: &str) -> std::io::Result<PathBuf> {
    fs::write(&path, text)?;
    Ok(path)
}

/// The page as an archive, see [RFC 2557](https://www.rfc-editor.org/rfc/rfc2557). Lines of Base64 hold no boundary.
fn archive(page: &str) -> String {
    let base64 = BASE64_STANDARD.encode(page);
    let mut archive = "MIME-Version: 1.0\r\n\
        Content-Type: multipart/related; type=\"text/html\"; boundary=\"=_page\"\r\n\r\n\
        --=_page\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_owned();
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(76));
        archive.push_str(line);
        archive.push_str("\r\n");
        rest = next;
    }
    archive.push_str("--=_page--\r\n");
    archive
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

    /// The error of a browser that does this.
    fn error(script: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let mut browser = Command::new("sh");
        browser.args(["-c", script, "browser"]);
        let target = directory.path().join("a.pdf");
        let error = print_within(Duration::from_secs(1), browser, "", &target, Trust::Sanitized).unwrap_err();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
        error.to_string()
    }

    #[test]
    fn a_browser_that_fails_is_quoted() {
        assert!(error("echo one >&2; echo no display >&2; exit 3").ends_with("no display"));
        assert!(error("exit 0").ends_with("it said nothing"));
    }

    #[test]
    fn an_archive_has_the_whole_page_in_lines() {
        let page = "<p>ä</p>\n--=_page--".repeat(50);
        let archive = archive(&page);
        let body = archive.split("\r\n\r\n").nth(2).unwrap().split("--").next().unwrap();
        assert!(body.lines().all(|line| line.len() <= 76));
        let decoded = BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap();
        assert_eq!(decoded, page.as_bytes());
    }

    #[test]
    fn a_browser_that_hangs_is_ended() {
        assert_eq!(error("sleep 1000"), "it was ended after 1 s");
    }
}
