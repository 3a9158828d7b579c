//! The directory of the files that rustc and the process of the cells use.
//!
//! *Invariant:* its files never change, so that rustc finds each crate in the version that its dependents
//! were compiled with. They are copies of cargo's files, with the same names; cargo itself does not use the
//! directory.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::base::{content, write};
use crate::copy::share_file;

/// A directory of compiled crates.
#[derive(Clone, Debug)]
pub(crate) struct Libraries {
    pub(crate) directory: PathBuf,
}

impl Libraries {
    pub(crate) fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.directory.join(file)
    }

    /// rustc's argument for a crate under a name.
    pub(crate) fn extern_argument(&self, name: &str, file: &str) -> String {
        format!("--extern={name}={}", self.path(file).display())
    }

    /// rustc's search paths for indirect dependencies and for native libraries.
    pub(crate) fn search_arguments(&self, search_paths: &[String]) -> Vec<String> {
        let mut arguments = vec![format!("-Ldependency={}", self.directory.display())];
        arguments.extend(search_paths.iter().map(|path| format!("-L{path}")));
        arguments
    }

    /// Copies a file of cargo's.
    pub(crate) fn keep(&self, path: &Path) -> Result<(), String> {
        let kept = self.path(path.file_name().unwrap_or_default());
        if is_same_file(path, &kept) {
            return Ok(());
        }
        let _ = fs::remove_file(&kept);
        // rustc replaces a library by a new file. A linker may write into the existing file.
        let is_rlib = path.extension().is_some_and(|ending| ending == "rlib");
        let done = fs::create_dir_all(&self.directory).and_then(|()| match is_rlib {
            true => share_file(path, &kept),
            false => fs::copy(path, &kept).map(drop),
        });
        done.map_err(|error| format!("{} cannot be copied to {}: {error}.", path.display(), kept.display()))
    }

    /// Copies the shared objects of a directory that build scripts have made.
    pub(crate) fn keep_shared_objects(&self, directory: &Path) -> Result<(), String> {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_shared = name.ends_with(std::env::consts::DLL_SUFFIX) || name.contains(".so.");
            if is_shared && !self.path(&name).exists() {
                self.keep(&entry.path())?;
            }
        }
        Ok(())
    }

    /// Whether a file of cargo's differs from the file of the same name here, whose content has `hash`.
    pub(crate) fn differs(&self, path: &Path, hash: u64) -> Result<bool, String> {
        let kept = self.path(path.file_name().unwrap_or(OsStr::new("")));
        Ok(!is_same_file(path, &kept) && content(path)? != hash)
    }

    /// Links crates, given by name and file, into a dynamic library. A crate that is already in one of the
    /// dynamic libraries among them stays there.
    pub(crate) fn link(
        &self,
        rustc: &Path,
        name: &str,
        crates: &[(String, String)],
        search_paths: &[String],
    ) -> Result<(), String> {
        let code: String = crates.iter().map(|(name, _)| format!("extern crate {name} as _;\n")).collect();
        let source = self.path(format!("{name}.rs"));
        write(&source, code.as_bytes())?;
        let mut command = Command::new(rustc);
        command.args(["--crate-type=dylib", "--edition=2024", "-Cprefer-dynamic", "--crate-name", name]);
        command.arg(format!("-Cmetadata={name}")).args(self.search_arguments(search_paths));
        command.args(crates.iter().map(|(name, file)| self.extern_argument(name, file)));
        command.arg("-o").arg(self.path(dynamic_file(name))).arg(source);
        command.current_dir(&self.directory).stdin(Stdio::null());
        let output =
            command.output().map_err(|error| format!("{} cannot be run: {error}.", rustc.display()))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        }
    }
}

/// The file of a dynamic library.
pub(crate) fn dynamic_file(name: &str) -> String {
    format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path| fs::metadata(path).map(|it| (it.dev(), it.ino())).ok();
    identity(one).is_some() && identity(one) == identity(other)
}
