//! The machine's Chromium or Chrome, which prints PDF.

use std::env;
use std::path::PathBuf;

/// The text when there is none.
pub(crate) const MISSING: &str = "no Chromium or Chrome on the path";
/// The command that brings one.
pub(crate) const INSTALL: &str =
    if cfg!(target_os = "macos") { "brew install --cask chromium" } else { "apt install chromium" };

const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// The first that is found.
pub(crate) fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let app = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    let mut candidates: Vec<PathBuf> = env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .flat_map(|dir| NAMES.map(|name| dir.join(name)))
        .collect();
    candidates.push(app);
    candidates.into_iter().find(|candidate| candidate.is_file())
}
