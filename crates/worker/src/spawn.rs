//! Starting this program again, as a worker or a fork server.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::frame::Connection;
use crate::output::Ends;
use crate::place;
use crate::serve;

/// Where a notebook's process finds descriptors to its kernel, which a worker does not have.
const WIRE: &str = "THREADBOOK_WIRE";

/// Starts this program again, as what `role` says.
pub(crate) fn spawn(role: &str, output: Option<Ends>) -> io::Result<(Child, Connection)> {
    // Else the linker might leave it out.
    std::hint::black_box(&serve::INITIALISER);
    let (ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.env_remove(WIRE);
    command.env(serve::VARIABLE, role).stdin(OwnedFd::from(theirs));
    if let Some(Ends { stdout, stderr }) = output {
        command.stdout(stdout).stderr(stderr);
    }
    preload(&mut command);
    Ok((command.spawn()?, Connection::new(ours)))
}

/// If this crate lies in a shared library, has that library loaded into the process, and found.
fn preload(command: &mut Command) {
    let (Some(own), Some(program)) = (place::own_object(), std::env::current_exe().ok()) else { return };
    let library = Path::new(&own.path);
    let is_program = match (library.canonicalize(), program.canonicalize()) {
        (Ok(library), Ok(program)) => library == program,
        // A program that was started by a bare name is known by that name.
        _ => true,
    };
    if is_program {
        return;
    }
    let standard = place::object_of(std::process::abort as *const () as usize);
    let directories = [
        Some(PathBuf::from(&own.path)),
        library.canonicalize().ok(),
        standard.map(|object| object.path.into()),
    ];
    let mut paths: Vec<PathBuf> =
        directories.into_iter().flatten().filter_map(|path| path.parent().map(Path::to_owned)).collect();
    let before = std::env::var_os(serve::LIBRARY_PATH);
    paths.extend(before.iter().flat_map(std::env::split_paths));
    if let Ok(joined) = std::env::join_paths(paths) {
        command.env(serve::LIBRARY_PATH, joined);
    }
    command.env(serve::PRELOAD, library);
    command.env(serve::LIBRARY_PATH_BEFORE, before.unwrap_or_default());
}
