//! The second host: a stock evcxr_jupyter whose sessions have the companion crate loaded.

use std::env;
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use anyhow::{Context, bail};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use threadbook_client::{CONNECTION_FILE, ClientError, KernelClient, Status};
use threadbook_engine::copy_directory;

use super::prepare::in_a_project;
use super::quiet::last_line;
use super::steps::step;
use super::{mend, one_line};
use crate::toolchain::Toolchain;
use crate::{dependencies, prepared, sessions};

/// The name that Jupyter knows it by.
pub(crate) const KERNEL: &str = "evcxr-threadbook";

const PROGRAM: &str = "evcxr_jupyter";
const INSTALL: &str = "cargo install evcxr_jupyter (with conda: conda install conda-forge::evcxr)";

/// The directory of evcxr's configuration in a prepared directory, and the cell in it that each session begins with.
const CONFIG: &str = "config";
const FIRST_CELL: &str = "init.evcxr";

/// How the names of the files begin that evcxr compiles cells to.
const CELLS: [&str; 4] = ["ctx.", "ctx-", "libctx.", "libcode_"];

/// The evcxr_jupyter on the path or where cargo installs it, or else the program that was named.
pub(crate) fn find(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let name = named.unwrap_or(Path::new(PROGRAM));
    let found = if name.components().count() > 1 {
        Some(name.to_owned()).filter(|program| program.is_file())
    } else {
        let path = env::var_os("PATH").unwrap_or_default();
        let cargo = env::var_os("CARGO_HOME").map(PathBuf::from);
        let cargo = cargo.or_else(|| Some(dirs::home_dir()?.join(".cargo")));
        let directories = env::split_paths(&path).filter(|directory| directory.is_absolute());
        let directories = directories.chain(cargo.map(|cargo| cargo.join("bin")));
        directories.map(|directory| directory.join(name)).find(|program| program.is_file())
    };
    let found = found.ok_or_else(|| mend(format!("{} was not found", name.display()), INSTALL))?;
    absolute(&found).with_context(|| format!("{} cannot be used", found.display()))
}

/// Brings the prepared directory up to date, if it is not.
pub(crate) fn ensure(directory: &Path, program: &Path) -> anyhow::Result<()> {
    if stale(directory, program).is_none() {
        return Ok(());
    }
    step("Preparing the companion crate for evcxr", |_| {
        build(directory, program).map_err(|error| in_a_project(error, directory))
    })
}

/// Why the prepared directory must be built again, or `None` if it is ready to use.
pub(crate) fn stale(directory: &Path, program: &Path) -> Option<String> {
    prepared::missing(directory).or_else(|| match built_from(program) {
        Ok(now) if now == prepared::stamp(directory) => None,
        Ok(_) => Some(format!(
            "{} was built from an older companion crate, or by another compiler or evcxr",
            directory.display()
        )),
        Err(error) => Some(error.to_string()),
    })
}

fn built_from(program: &Path) -> anyhow::Result<String> {
    let about = program.metadata().with_context(|| format!("{} is not there", program.display()))?;
    let changed = about.modified()?.duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let sources = prepared::built_from(&Toolchain::find()?)?;
    Ok(format!("{sources}{}: {} bytes, {changed}\n", program.display(), about.len()))
}

/// Has a session compile what all sessions begin with, and keeps the crates but not the cells.
fn build(directory: &Path, program: &Path) -> anyhow::Result<()> {
    let config = directory.join(CONFIG);
    fs::create_dir_all(&config).with_context(|| format!("{} cannot be made", config.display()))?;
    let _ = fs::remove_file(directory.join(prepared::STAMP));
    let _ = fs::remove_file(config.join(FIRST_CELL));
    fs::write(config.join("Cargo.lock"), dependencies::lock_file())?;
    let directory = directory.canonicalize()?;

    let argv = [text(program)?, "--control_file", CONNECTION_FILE];
    let variables = variables(&directory)?;
    let start = || {
        KernelClient::start_with(&argv, &directory, |command| {
            command.envs(variables.clone());
        })
    };
    let mut kernel = match start() {
        // It was so quick that it wanted its ports before this process had let go of them.
        Err(ClientError::Ended { .. }) => start()?,
        started => started?,
    };
    let cell = first_cell()?;
    let outcome = kernel.execute(&cell)?;
    kernel.shutdown();
    if let Status::Error { evalue, traceback, .. } = outcome.status {
        let said = [evalue, traceback.join("\n"), outcome.outputs.stream("stderr")].join("\n");
        bail!("evcxr does not compile the companion crate: {}", one_line(last_line(&said)));
    }
    for target in fs::read_dir(directory.join("target"))?.flatten() {
        forget_cells(&target.path().join("debug"));
    }
    fs::write(config.join(FIRST_CELL), cell)?;
    Ok(fs::write(directory.join(prepared::STAMP), built_from(program)?)?)
}

/// The companion and its friends. Cargo removes from the lock file all that evcxr does not ask for at the moment: it
/// asks for nothing when it starts, and then for one crate after the other.
fn first_cell() -> anyhow::Result<String> {
    let lock = r#"!cp "$EVCXR_CONFIG_DIR/Cargo.lock" "$EVCXR_TMPDIR/Cargo.lock""#;
    let mut cell = String::new();
    for (name, specification) in dependencies::all(&prepared::companion()?)? {
        writeln!(cell, "{lock}\n:dep {name} = {specification}")?;
    }
    writeln!(cell, "{lock}\nuse threadbook::prelude::*;")?;
    Ok(cell)
}

/// Has evcxr work in a directory. It moves the objects of cells one directory up, from where the relative path in them
/// does not lead to the standard library any more (unless it leads through the root).
fn variables(directory: &Path) -> anyhow::Result<[(&'static str, OsString); 3]> {
    let name = if cfg!(target_os = "macos") { "DYLD_FALLBACK_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
    let before = env::var_os(name).unwrap_or_default();
    let before = env::split_paths(&before).filter(|path| !path.as_os_str().is_empty());
    let libraries = env::join_paths(before.chain([Toolchain::find()?.libraries()]))?;
    Ok([
        (name, libraries),
        ("EVCXR_TMPDIR", directory.into()),
        ("EVCXR_CONFIG_DIR", directory.join(CONFIG).into()),
    ])
}

/// Removes the cells of a session, which the next one would write to.
fn forget_cells(debug: &Path) {
    let files = |directory: PathBuf| fs::read_dir(directory).into_iter().flatten().flatten();
    for file in files(debug.to_owned()).chain(files(debug.join("deps"))) {
        if CELLS.iter().any(|cell| file.file_name().to_string_lossy().starts_with(cell)) {
            let _ = fs::remove_file(file.path());
        }
    }
}

/// Becomes evcxr_jupyter, in a directory of its own that the next session of any kernel removes.
pub(crate) fn serve(prepared: &Path, program: &Path, connection_file: &Path) -> anyhow::Result<()> {
    if let Some(reason) = prepared::missing(prepared) {
        return Err(mend(reason, "cargo threadbook install --evcxr"));
    }
    let held = sessions::open(prepared)?;
    copy_directory(prepared, held.path()).with_context(|| {
        format!("{} could not be copied to {}", prepared.display(), held.path().display())
    })?;
    let (directory, lock) = held.into_parts();
    if let Some(lock) = &lock {
        // The lock is evcxr's from now on, and is released when its process ends.
        fcntl(lock, FcntlArg::F_SETFD(FdFlag::empty()))?;
    }
    let mut command = Command::new(program);
    command.arg("--control_file").arg(connection_file).envs(variables(&directory)?);
    let error = command.exec();
    let _ = fs::remove_dir_all(&directory);
    Err(mend(format!("{} cannot be started: {error}", program.display()), INSTALL))
}

/// A path as it is written in a kernelspec.
fn text(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not valid UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_is_whole_before_each_crate() {
        let cell = first_cell().unwrap();
        let lines: Vec<_> = cell.lines().collect();
        let (locks, others): (Vec<_>, Vec<_>) = lines.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
        assert!(locks.iter().all(|line| line.starts_with("!cp ")), "{cell}");
        let (last, crates) = others.split_last().unwrap();
        assert_eq!(*last, "use threadbook::prelude::*;");
        assert!(crates.iter().all(|line| line.starts_with(":dep ") && line.contains(" = ")), "{cell}");
        assert!(crates.iter().any(|line| line.starts_with(":dep threadbook = { path = \"/")), "{cell}");
    }

    #[test]
    fn a_program_that_is_not_there_comes_with_the_way_to_get_it() {
        for name in ["no-such-program", "/no/such/program"] {
            let error = find(Some(Path::new(name))).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains("cargo install evcxr_jupyter"), "{error}");
        }
    }

    #[test]
    fn cells_are_forgotten_and_crates_are_kept() {
        let debug = tempfile::tempdir().unwrap();
        fs::create_dir(debug.path().join("deps")).unwrap();
        for name in ["libcode_1.so", "deps/libctx.so", "deps/ctx.d", "deps/libctxt.rlib"] {
            fs::write(debug.path().join(name), "").unwrap();
        }
        forget_cells(debug.path());
        let left = fs::read_dir(debug.path().join("deps")).unwrap().map(|file| file.unwrap().file_name());
        assert_eq!(Vec::from_iter(left), ["libctxt.rlib"]);
        assert!(!debug.path().join("libcode_1.so").exists());
    }
}
