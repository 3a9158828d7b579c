//! The prepared directory: a target directory in which the companion crate and its friends are built
//! already, so that a kernel starts within seconds.

use crate::session::{SOURCES, Workplace, prepare};
use crate::toolchain::Toolchain;
use anyhow::Context;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file that says what the directory was built from.
pub const STAMP: &str = "built-from";

/// All that is made in a prepared directory, also in that of evcxr and by earlier versions.
pub const ENTRIES: [&str; 10] =
    [STAMP, SOURCES, "Cargo.lock", "Cargo.toml", "analysis", "cargo", "config", "src", "target", "tmp"];

/// Those of them that are made for the kernel.
const OWN: [&str; 4] = [STAMP, SOURCES, "cargo", "tmp"];

/// The version of what is in the directory, so that one that an older Threadbook has built is built again.
const LAYOUT: u32 = 3;

/// The root of the checkout that this binary was built from: where the companion crate lives.
pub fn checkout() -> &'static Path {
    let kernel = Path::new(env!("CARGO_MANIFEST_DIR"));
    kernel.parent().unwrap_or(kernel)
}

/// The directory of the companion crate.
pub fn companion() -> anyhow::Result<PathBuf> {
    let path = checkout().join("crates/threadbook");
    path.canonicalize().with_context(|| {
        format!("The companion crate is not at {} any more. Build Threadbook again.", path.display())
    })
}

/// Builds (or brings up to date) the prepared directory `dir`. Changes the environment for the engine: call
/// it while there is one thread.
pub fn build(dir: &Path, progress: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
    progress("building the companion crate, tokio, rayon, futures, serde and plotters for notebooks");
    let _ = fs::remove_file(dir.join(STAMP));
    for left in ENTRIES.iter().filter(|entry| !OWN.contains(entry)).map(|entry| dir.join(entry)) {
        let _ = if left.is_dir() { fs::remove_dir_all(left) } else { fs::remove_file(left) };
    }
    let workplace = Workplace::in_place(dir)?;
    prepare(&workplace)?;
    fs::write(dir.join(STAMP), built_from(&Toolchain::find()?)?)?;
    Ok(())
}

/// Why `dir` must be built again, or `None` if it is ready to use.
pub fn stale(dir: &Path) -> Option<String> {
    missing(dir).or_else(|| match Toolchain::find().and_then(|toolchain| is_current(dir, &toolchain)) {
        Ok(true) => None,
        Ok(false) => {
            Some(format!("{} was built from an older companion crate or by another compiler", dir.display()))
        }
        Err(error) => Some(error.to_string()),
    })
}

/// The reason why no prepared directory can be at `dir`, if there is one: cargo builds nothing there.
pub fn unusable(dir: &Path) -> Option<String> {
    let is_odd = |path: &str| path.contains(|c: char| c == ':' || c.is_control());
    let path = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    path.to_str().is_none_or(is_odd).then(|| {
        format!("cargo cannot build in {path:?}: the path has a colon, a control character, or is no UTF-8")
    })
}

/// What `dir` was built from, in words.
pub fn stamp(dir: &Path) -> String {
    fs::read_to_string(dir.join(STAMP)).unwrap_or_default()
}

/// Whether `dir` was built by `toolchain` from what is in the checkout now.
pub fn is_current(dir: &Path, toolchain: &Toolchain) -> anyhow::Result<bool> {
    let stamp = fs::read_to_string(dir.join(STAMP)).unwrap_or_default();
    Ok(built_from(toolchain)? == stamp)
}

/// Why `dir` cannot be used at all.
pub fn missing(dir: &Path) -> Option<String> {
    let built = dir.join(STAMP).exists();
    (!built).then(|| format!("The prepared directory {} was never built", dir.display()))
}

/// Where the prepared directory lies beside a kernelspec that is installed under `prefix`
/// (`<prefix>/share/jupyter/kernels/...`).
pub fn dir_under(prefix: &Path) -> PathBuf {
    prefix.join("share").join("threadbook").join("prepared")
}

/// All that a build depends on: the compiler, the lock file, the sources of the companion, and the layout.
pub fn built_from(toolchain: &Toolchain) -> anyhow::Result<String> {
    let mut hasher = DefaultHasher::new();
    LAYOUT.hash(&mut hasher);
    for file in sources()? {
        file.hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{}sources: {:016x}\n", toolchain.about, hasher.finish()))
}

fn sources() -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![checkout().join("Cargo.lock"), checkout().join("Cargo.toml")];
    collect(&checkout().join("crates"), &mut files)?;
    files.sort();
    Ok(files)
}

/// The time at which a source in a directory of the checkout was last changed.
pub fn newest_source(directory: &str) -> Option<SystemTime> {
    let mut files = Vec::new();
    collect(&checkout().join(directory), &mut files).ok()?;
    files.iter().filter_map(|file| file.metadata().ok()?.modified().ok()).max()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            // Not part of what a notebook loads.
            Some(
                "analysis" | "cargo-env" | "client" | "engine" | "peers" | "private" | "tests" | "examples"
                | "benches" | "target",
            ) => {}
            _ if path.is_dir() => collect(&path, files)?,
            _ if path.extension().is_some_and(|e| e == "rs" || e == "toml") => files.push(path),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_which_cargo_cannot_build_is_known() {
        use std::os::unix::ffi::OsStrExt;
        for odd in ["/a:b/p", "/a\nb/p"] {
            assert!(unusable(Path::new(odd)).unwrap().contains("a colon"), "{odd:?}");
        }
        assert!(unusable(Path::new(std::ffi::OsStr::from_bytes(b"/\xff"))).is_some());
        assert_eq!(unusable(Path::new("/ä b/p")), None);
    }

    #[test]
    fn a_directory_that_was_never_built_is_said_to_be_so() {
        let empty = tempfile::tempdir().unwrap();
        assert!(stale(empty.path()).unwrap().contains("never built"));
    }
}
