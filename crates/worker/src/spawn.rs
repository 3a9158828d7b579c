//! Starting this program again, as a worker or a fork server.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use threadbook_base::location::object_of;

use crate::fn_address;
use crate::frame::Connection;
use crate::output::Ends;
use crate::serve;

/// Where a notebook's process finds descriptors to its kernel, which a worker does not have.
const WIRE: &str = "THREADBOOK_WIRE";

/// Starts this program again, in a role.
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
    preload(&mut command)?;
    Ok((command.spawn()?, Connection::new(ours)))
}

/// If this crate lies in a shared library, has that library loaded into the process, and found.
///
/// # Errors
///
/// The dynamic linker cannot be given the path of the library. Without the library, the process would run the program's
/// `main`.
fn preload(command: &mut Command) -> io::Result<()> {
    let (Some(own), Some(program)) = (fn_address::own_object(), std::env::current_exe().ok()) else {
        return Ok(());
    };
    let library = Path::new(&own.path);
    let is_program = match (library.canonicalize(), program.canonicalize()) {
        (Ok(library), Ok(program)) => library == program,
        // A program that was started by a bare name is known by that name.
        _ => true,
    };
    if is_program {
        return Ok(());
    }
    if let Some(reason) = cannot_preload(&own.path) {
        return Err(io::Error::other(reason));
    }
    let standard = object_of(std::process::abort as *const () as usize);
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
    Ok(())
}

/// The reason why the dynamic linker cannot preload the library at a path, if there is one: it parts the list at spaces and
/// colons.
fn cannot_preload(library: &str) -> Option<String> {
    let parts = |c: char| c == ':' || (c == ' ' && !cfg!(target_os = "macos"));
    library.contains(parts).then(|| {
        format!(
            "the library {library} cannot be loaded into another process, because its path has a space or a colon; \
             put it in a directory whose path has none"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::cannot_preload;

    #[test]
    fn a_path_that_the_dynamic_linker_would_part_is_refused() {
        assert!(cannot_preload("/a:b/lib.so").unwrap().contains("a space or a colon"));
        assert_eq!(cannot_preload("/a b/lib.so").is_some(), !cfg!(target_os = "macos"));
        assert_eq!(cannot_preload("/ä-b/lib.so"), None);
    }
}
