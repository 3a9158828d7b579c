//! The prepared directory: a target directory in which the companion crate and its friends are built
//! already, so that a kernel starts within seconds.

use std::path::{Path, PathBuf};

/// The root of the checkout that this binary was built from: where the companion crate lives.
pub fn checkout() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Builds (or brings up to date) the prepared directory `dir`. `progress` gets one line a step.
pub fn build(dir: &Path, progress: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    let _ = (dir, progress);
    anyhow::bail!("not yet")
}

/// Why `dir` must be built again, or `None` if it is ready to use.
pub fn stale(dir: &Path) -> Option<String> {
    let _ = dir;
    Some("never built".into())
}

/// Where the prepared directory lies beside a kernelspec that is installed under `prefix`
/// (`<prefix>/share/jupyter/kernels/...`).
pub fn dir_under(prefix: &Path) -> PathBuf {
    prefix.join("share").join("threadbook").join("prepared")
}
