//! The directory that a session works in, and the environment around it.

use crate::prepared;
use crate::runtime;
use crate::sessions;
use crate::sockets::{self, Socket};
use crate::standard_library;
use crate::toolchain::Toolchain;
use crate::wire;
use anyhow::Context;
use std::ffi::OsString;
use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use threadbook_private::{Held, TEMPORARY};

/// In the prepared directory: copies of the standard library's sources.
pub const SOURCES: &str = "std-sources";

/// A directory in which the engine compiles cells, removed at the end if it is a session's own.
pub struct Workplace {
    directory: PathBuf,
    companion: PathBuf,
    /// The user's own value of `TMPDIR`, which is set for the compiler in this process.
    user_temporary: Option<OsString>,
    /// Keeps other kernels from removing a session's directory, and removes it at the end; `None` in the prepared one.
    _held: Option<Held>,
    /// Where supervisors report to a session.
    socket: Option<Socket>,
    toolchain: Toolchain,
    /// The prepared directory, if this is not it.
    prepared: Option<PathBuf>,
}

impl Workplace {
    /// Makes the directory of a session, and sweeps away what sessions that were killed have left. Changes the environment:
    /// call it while there is one thread.
    pub fn open(prepared: &Path) -> anyhow::Result<Workplace> {
        let held = sessions::open(prepared)?;
        let socket = sockets::listen(held.path())?;
        let mut workplace = Workplace::at(held.path().to_owned())?;
        (workplace._held, workplace.socket) = (Some(held), Some(socket));
        workplace.prepared = Some(prepared.canonicalize()?);
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
        // The compiler's temporary files are removed with the session's directory, also if the compiler is killed.
        let temporary = directory.join("tmp");
        fs::create_dir_all(&temporary)?;
        let user_temporary = std::env::var_os(TEMPORARY);
        // SAFETY: the callers promise that this is the only thread.
        unsafe { std::env::set_var(TEMPORARY, temporary) };
        let companion = prepared::companion()?;
        Ok(Workplace {
            directory,
            companion,
            user_temporary,
            _held: None,
            socket: None,
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

    /// The prepared directory, if this is not it.
    pub fn prepared(&self) -> Option<&Path> {
        self.prepared.as_deref()
    }

    /// The directory with what sessions share.
    fn shared(&self) -> &Path {
        self.prepared().unwrap_or(&self.directory)
    }

    /// The sources of the standard library that suffice for completion and help, if there are copies.
    pub fn lean_sources(&self) -> Option<PathBuf> {
        Some(self.shared().join(SOURCES)).filter(|sources| sources.exists())
    }

    /// Where the standard library's shared object lies.
    pub fn standard_libraries(&self) -> PathBuf {
        self.toolchain.libraries()
    }

    /// The system that cells are compiled for.
    pub fn host(&self) -> &str {
        self.toolchain.host()
    }

    /// The answer of `rustc -vV`.
    pub fn about_rustc(&self) -> &str {
        &self.toolchain.about
    }

    /// Where the programs of the toolchain lie.
    pub fn tools(&self) -> PathBuf {
        self.toolchain.bin()
    }

    /// What decides the objects that are compiled, beside the code and the arguments.
    pub fn environment(&self) -> String {
        prepared::stamp(self.shared())
    }

    /// The command that starts a supervisor, with the user's own environment.
    pub fn supervisor_command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        self.set_own_environment(&mut command);
        command.env(runtime::IS_SUPERVISOR, "1");
        if let Some(socket) = &self.socket {
            command.env(wire::KERNEL_VARIABLE, &socket.path);
        }
        Ok(command)
    }

    /// Gives a command the user's own environment.
    pub fn set_own_environment(&self, command: &mut Command) {
        match &self.user_temporary {
            Some(value) => command.env(TEMPORARY, value),
            None => command.env_remove(TEMPORARY),
        };
    }

    /// The socket on which supervisors report.
    ///
    /// # Errors
    ///
    /// The process has as many open files as it may have.
    pub fn listener(&self) -> anyhow::Result<UnixListener> {
        let socket = self.socket.as_ref().context("a prepared directory has no socket")?;
        Ok(socket.listener.try_clone()?)
    }

    /// Makes the copies of the standard library's sources for sessions to come.
    pub fn copy_sources(&self) -> anyhow::Result<()> {
        if let Some(originals) = self.toolchain.sources() {
            standard_library::write(&originals, &self.directory.join(SOURCES))
                .context("the sources of the standard library could not be copied")?;
        }
        Ok(())
    }
}
