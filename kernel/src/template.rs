//! The prepared directory, the template of sessions: the companion crate and the crates of every notebook are built in it,
//! so that a kernel starts within seconds.

use crate::toolchain::Toolchain;
use anyhow::Context;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The file with the sources and the compiler of the directory.
pub const STAMP: &str = "built-from";

/// In the prepared directory: copies of the standard library's sources.
pub const SOURCES: &str = "std-sources";

/// The entries of prepared directories, also of those for evcxr and of earlier versions.
pub const ENTRIES: [&str; 10] =
    [STAMP, SOURCES, "Cargo.lock", "Cargo.toml", "analysis", "cargo", "config", "src", "target", "tmp"];

/// The entries that are made for the kernel.
pub const OWN: [&str; 4] = [STAMP, SOURCES, "cargo", "tmp"];

/// The crates under `crates/` that no notebook loads.
const NOT_LOADED: [&str; 10] = [
    "analysis",
    "cargo-env",
    "client",
    "engine",
    "handout",
    "jupyter",
    "notebook",
    "peers",
    "private",
    "supervisor",
];

/// The version of the layout. A directory of another version is built again.
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

/// The reason why `dir` must be built again. `None` if it is ready to use.
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

/// The sources and the compiler of `dir`, in words.
pub fn stamp(dir: &Path) -> String {
    fs::read_to_string(dir.join(STAMP)).unwrap_or_default()
}

/// Whether `dir` was built by `toolchain` from the sources of the checkout.
pub fn is_current(dir: &Path, toolchain: &Toolchain) -> anyhow::Result<bool> {
    let stamp = fs::read_to_string(dir.join(STAMP)).unwrap_or_default();
    Ok(built_from(toolchain)? == stamp)
}

/// The reason why `dir` cannot be used at all, if there is one.
pub fn missing(dir: &Path) -> Option<String> {
    let built = dir.join(STAMP).exists();
    (!built).then(|| format!("The prepared directory {} was never built", dir.display()))
}

/// The prepared directory beside a kernelspec that is installed under `prefix`
/// (`<prefix>/share/jupyter/kernels/...`).
pub fn dir_under(prefix: &Path) -> PathBuf {
    prefix.join("share").join("threadbook").join("prepared")
}

/// Everything that a build depends on: the compiler, the lock file, the sources of the companion, and the layout.
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
            Some(name) if NOT_LOADED.contains(&name) => {}
            Some("tests" | "examples" | "benches" | "target") => {}
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
