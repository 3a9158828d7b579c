//! Where a session works: a directory for the engine, and the environment around it.

use crate::dependencies;
use crate::prepared;
use crate::reading::standard_library::{self, Sources};
use crate::runtime;
use crate::sockets;
use crate::toolchain::{Toolchain, answers, front};
use crate::wire;
use anyhow::Context;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file by which a living session holds its directory.
const LOCK: &str = "in-use";

/// In the prepared directory: copies of the standard library's sources.
pub const SOURCES: &str = "std-sources";

/// In a session's directory: the link to those of them that rust-analyzer is to read.
const STANDARD_LIBRARY: &str = "std";

/// The link to the companion's library.
const COMPANION: &str = "companion";

/// A directory in which the engine compiles cells, removed at the end if it is a session's own.
pub struct Workplace {
    directory: PathBuf,
    companion: PathBuf,
    dependencies: PathBuf,
    library_path: OsString,
    /// The user's own values of the variables that are set for the engine in this process.
    before: Vec<(&'static str, Option<OsString>)>,
    /// Held while a session lives, so that nobody sweeps its directory away; `None` in the prepared one.
    in_use: Option<File>,
    /// Where copies of the standard library's sources lie, if there are any.
    sources: Option<PathBuf>,
    toolchain: Toolchain,
    /// The directory that this is a copy of, if it is one.
    prepared: Option<PathBuf>,
}

impl Workplace {
    /// Makes a cheap copy of the prepared directory for a session, and sweeps away what sessions that
    /// were killed have left. Changes the environment: call it while there is one thread.
    pub fn open(prepared: &Path) -> anyhow::Result<Workplace> {
        if let Some(reason) = prepared::missing(prepared) {
            anyhow::bail!("{reason}. Run `cargo threadbook install` in the checkout again.");
        }
        let sessions = dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("threadbook/sessions");
        fs::create_dir_all(&sessions).with_context(|| format!("{} cannot be made", sessions.display()))?;
        sweep(&sessions);
        let directory = sessions.join(std::process::id().to_string());
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory)?;
        let in_use = File::create(directory.join(LOCK))?;
        in_use.try_lock().context("a new lock file is locked")?;
        prepared::copy(prepared, &directory).with_context(|| {
            format!("{} could not be copied to {}", prepared.display(), directory.display())
        })?;
        let mut workplace = Workplace::at(directory.canonicalize()?)?;
        // Of a session that was killed and had this process's number, when they lie elsewhere.
        sockets::remove(workplace.directory());
        workplace.in_use = Some(in_use);
        workplace.sources = Some(prepared.join(SOURCES)).filter(|sources| sources.exists());
        workplace.prepared = Some(prepared.canonicalize()?);
        workplace.show_sources(Sources::Empty)?;
        Ok(workplace)
    }

    /// Works in the prepared directory itself, to build it. Changes the environment: call it while there
    /// is one thread.
    pub fn in_place(directory: &Path) -> anyhow::Result<Workplace> {
        fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        Workplace::at(directory.canonicalize()?)
    }

    fn at(directory: PathBuf) -> anyhow::Result<Workplace> {
        let toolchain = Toolchain::find()?;
        let (config, temporary) = (directory.join("evcxr-config"), directory.join("tmp"));
        for path in [&config, &temporary] {
            fs::create_dir_all(path)?;
        }
        let mut values = front::install(&directory, &toolchain.bin())?;
        values.extend([
            ("EVCXR_TMPDIR", directory.clone().into_os_string()),
            ("EVCXR_CONFIG_DIR", config.into_os_string()),
            (standard_library::VARIABLE, directory.join(STANDARD_LIBRARY).into_os_string()),
            // Temporary files are swept away with the session's directory if the kernel is killed.
            ("TMPDIR", temporary.into_os_string()),
        ]);
        let mut before = Vec::new();
        for (name, value) in values {
            before.push((name, std::env::var_os(name)));
            // SAFETY: the callers promise that this is the only thread.
            unsafe { std::env::set_var(name, value) };
        }
        let dependencies = directory.join("target").join(toolchain.host()).join("debug/deps");
        Ok(Workplace {
            library_path: std::env::join_paths([&dependencies, &toolchain.libraries()])?,
            dependencies,
            directory,
            companion: prepared::companion()?,
            before,
            in_use: None,
            sources: None,
            toolchain,
            prepared: None,
        })
    }

    pub fn companion(&self) -> &Path {
        &self.companion
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub fn rust_version(&self) -> &str {
        self.toolchain.version()
    }

    /// The prepared directory.
    pub fn prepared(&self) -> &Path {
        self.prepared.as_deref().unwrap_or(&self.directory)
    }

    /// The sources of the standard library that suffice for completion and help, if there are copies.
    pub fn lean_sources(&self) -> Option<PathBuf> {
        self.show_sources(Sources::Lean).ok()?;
        self.sources.as_ref().map(|_| self.directory.join(STANDARD_LIBRARY))
    }

    /// Where the standard library's shared object lies.
    pub fn standard_libraries(&self) -> PathBuf {
        self.toolchain.libraries()
    }

    /// The system that cells are compiled for.
    pub fn host(&self) -> &str {
        self.toolchain.host()
    }

    /// Where the programs of the toolchain lie.
    pub fn tools(&self) -> PathBuf {
        self.toolchain.bin()
    }

    /// What decides the objects that are compiled, beside the code and the arguments.
    pub fn environment(&self) -> String {
        prepared::stamp(self.prepared())
    }

    /// Forgets what the tools have answered if the companion or the toolchain is another one since. (The
    /// copy still works then, but cargo has to look at everything anew.)
    pub fn forget_stale_answers(&self) {
        if !prepared::is_current(&self.directory, &self.toolchain).unwrap_or(false) {
            answers::forget(&self.directory);
        }
    }

    /// Removes what rustc keeps to compile the next cell from. One that was killed as it wrote there may have left
    /// empty files, with which the next one would crash.
    pub fn forget_half_compiled(&self) {
        let _ = fs::remove_dir_all(self.dependencies.with_file_name("incremental"));
    }

    /// The command that starts the process in which cells run, with the user's own environment.
    pub fn runtime_command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        self.set_own_environment(&mut command);
        // The engine moves a cell's object one directory up after linking, so the relative path to the
        // standard library in it points beside it, unless it overshoots the root.
        command.env(runtime::LIBRARY_PATH, &self.library_path);
        command.env(runtime::COMPANION, self.directory.join(COMPANION));
        command.env(wire::KERNEL_VARIABLE, self.socket_path());
        Ok(command)
    }

    /// Gives a command the user's own environment.
    pub fn set_own_environment(&self, command: &mut Command) {
        for (name, value) in &self.before {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
    }

    /// The socket on which supervisors report.
    pub fn listener(&self) -> UnixListener {
        let path = self.socket_path();
        let _ = fs::remove_file(&path);
        UnixListener::bind(&path)
            .unwrap_or_else(|error| panic!("{} cannot be listened on: {error}", path.display()))
    }

    fn socket_path(&self) -> PathBuf {
        sockets::path(&self.directory, sockets::WIRE)
    }

    /// Chooses what rust-analyzer will read as the standard library when it next loads the project. (Without
    /// copies it looks for the originals, and asks rustup for them if they are missing.)
    pub fn show_sources(&self, which: Sources) -> std::io::Result<()> {
        match &self.sources {
            Some(sources) => which.show(sources, &self.directory.join(STANDARD_LIBRARY)),
            None => Ok(()),
        }
    }

    /// Makes the copies of the standard library's sources for sessions to come.
    pub fn copy_sources(&self) -> anyhow::Result<()> {
        if let Some(originals) = self.toolchain.sources() {
            standard_library::write(&originals, &self.directory.join(SOURCES))
                .context("the sources of the standard library could not be copied")?;
        }
        Ok(())
    }

    /// Shows the cell process the way to the companion, now that it is certainly up to date.
    pub fn reveal_companion(&self) {
        let library = format!("{}threadbook{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let _ = std::os::unix::fs::symlink(self.dependencies.join(library), self.directory.join(COMPANION));
    }

    /// Puts the workspace's own lock file in place, so that cells get what was tested.
    pub fn write_lock_file(&self) -> std::io::Result<()> {
        fs::write(self.directory.join("Cargo.lock"), dependencies::lock_file())
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        sockets::remove(&self.directory);
        if self.in_use.is_some() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Removes the directories of sessions that are gone.
fn sweep(sessions: &Path) {
    for entry in fs::read_dir(sessions).into_iter().flatten().flatten() {
        let abandoned = match File::open(entry.path().join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => is_old(&entry),
        };
        if abandoned {
            sockets::remove(&entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A directory without a lock file may be one that is just being made.
fn is_old(entry: &fs::DirEntry) -> bool {
    let age = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age.as_secs() > 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_swept_away() {
        let sessions = tempfile::tempdir().unwrap();
        for name in ["living", "dead", "young"] {
            fs::create_dir(sessions.path().join(name)).unwrap();
        }
        let living = File::create(sessions.path().join("living").join(LOCK)).unwrap();
        living.lock().unwrap();
        File::create(sessions.path().join("dead").join(LOCK)).unwrap();
        sweep(sessions.path());
        assert!(sessions.path().join("living").exists() && sessions.path().join("young").exists());
        assert!(!sessions.path().join("dead").exists());
    }
}
