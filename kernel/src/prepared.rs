//! The prepared directory: a target directory in which the companion crate and its friends are built
//! already, so that a kernel starts within seconds.

use crate::session::{SOURCES, Workplace, prepare};
use crate::toolchain::Toolchain;
use crate::toolchain::front::CELL_CRATE;
use anyhow::Context;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

/// The file that says what the directory was built from.
const STAMP: &str = "built-from";

/// The version of what is in the directory, so that one that an older Threadbook has built is built again.
const LAYOUT: u32 = 2;

/// Where rustc keeps what it knows of earlier cells, in a target directory.
const INCREMENTAL: &str = "incremental";

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
    forget_cells(&dir.join("target"));
    let workplace = Workplace::in_place(dir)?;
    prepare(&workplace)?;
    fs::write(dir.join(STAMP), built_from(&Toolchain::find()?)?)?;
    Ok(())
}

/// Removes what rustc knows of earlier cells: sessions would take it along.
fn forget_cells(target: &Path) {
    for entry in fs::read_dir(target).into_iter().flatten().flatten() {
        let _ = fs::remove_dir_all(entry.path().join("debug").join(INCREMENTAL));
    }
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

/// What `dir` was built from, in words.
pub fn stamp(dir: &Path) -> String {
    fs::read_to_string(dir.join(STAMP)).unwrap_or_default()
}

/// Whether `dir`, or what it is a copy of, was built by `toolchain` from what is in the checkout now.
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
fn built_from(toolchain: &Toolchain) -> anyhow::Result<String> {
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

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("{} cannot be read", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        match path.file_name().and_then(|name| name.to_str()) {
            // Not part of what a notebook loads.
            Some(
                "analysis" | "cargo-env" | "client" | "engine" | "peers" | "tests" | "examples" | "benches"
                | "target",
            ) => {}
            _ if path.is_dir() => collect(&path, files)?,
            _ if path.extension().is_some_and(|e| e == "rs" || e == "toml") => files.push(path),
            _ => {}
        }
    }
    Ok(())
}

/// Makes a copy for one session: hard links, so that it takes no time and no room, except for what the
/// session will change.
pub fn copy(prepared: &Path, to: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(prepared)? {
        let entry = entry?;
        let (from, name) = (entry.path(), entry.file_name());
        let target = to.join(&name);
        if name == SOURCES || is_in(&from, INCREMENTAL) && !is_of_a_cell(&from) {
            // Read in place, or not at all.
        } else if is_lock(&from) {
            // Empty, and nobody but its owner may read it.
            fs::write(&target, "")?;
        } else if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&from, &target)?;
        } else if entry.file_type()?.is_file() && !(stays(&from) && fs::hard_link(&from, &target).is_ok()) {
            fs::copy(&from, &target)?;
            keep_time(&from, &target)?;
        }
    }
    Ok(())
}

/// Whether nobody will ever write to a file of a target directory: the crates that are built, and what rustc
/// knows of an earlier cell (it makes a new directory for the next). What cargo notes does change.
fn stays(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    is_in(file, "deps") && !name.contains(CELL_CRATE) || is_in(file, INCREMENTAL)
}

/// Whether a path leads through `directory`.
fn is_in(path: &Path, directory: &str) -> bool {
    path.parent().is_some_and(|parent| parent.components().any(|part| part.as_os_str() == directory))
}

/// Whether what rustc knows of its last run, it knows of a cell.
fn is_of_a_cell(path: &Path) -> bool {
    let mut after = path.components().skip_while(|part| part.as_os_str() != INCREMENTAL).skip(1);
    after.next().is_some_and(|part| part.as_os_str().to_string_lossy().starts_with(CELL_CRATE))
}

fn is_lock(file: &Path) -> bool {
    is_in(file, INCREMENTAL) && file.extension().is_some_and(|extension| extension == "lock")
}

/// Cargo compares times to see what is up to date.
fn keep_time(from: &Path, to: &Path) -> std::io::Result<()> {
    let time = fs::metadata(from)?.modified()?;
    fs::File::options().write(true).open(to)?.set_modified(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_what_stays_and_not_what_changes() {
        use std::os::unix::fs::MetadataExt;
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let deps = Path::new("target/debug/deps");
        fs::create_dir_all(from.path().join(deps)).unwrap();
        let known = Path::new("target/debug/incremental/ctx-1");
        fs::create_dir_all(from.path().join(known)).unwrap();
        let names = ["target/debug/incremental/ctx-1/dep-graph.bin", "target/debug/incremental/ctx-1/s.lock"];
        let of_another = Path::new("target/debug/incremental/threadbook-1");
        fs::create_dir_all(from.path().join(of_another)).unwrap();
        for name in ["Cargo.toml", "target/debug/deps/libtokio.rlib", "target/debug/deps/libctx.so"] {
            fs::write(from.path().join(name), name).unwrap();
        }
        for name in names {
            fs::write(from.path().join(name), name).unwrap();
        }
        copy(from.path(), to.path()).unwrap();
        let inode = |root: &Path, name: &str| fs::metadata(root.join(name)).unwrap().ino();
        let same = |name| inode(from.path(), name) == inode(to.path(), name);
        assert!(same("target/debug/deps/libtokio.rlib"));
        assert!(same(names[0]) && !same(names[1]));
        assert!(!to.path().join(of_another).exists());
        assert!(!same("Cargo.toml") && !same("target/debug/deps/libctx.so"));
        let time = |root: &Path| fs::metadata(root.join("Cargo.toml")).unwrap().modified().unwrap();
        assert_eq!(time(from.path()), time(to.path()));
    }

    #[test]
    fn a_directory_that_was_never_built_is_said_to_be_so() {
        let empty = tempfile::tempdir().unwrap();
        assert!(stale(empty.path()).unwrap().contains("never built"));
    }
}
