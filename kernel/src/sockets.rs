//! The socket on which a session listens for its supervisor: in its directory, or in a private directory among the temporary files, if the
//! path would be too long (Unix allows about a hundred bytes) or the file system has no sockets.

use anyhow::Context;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use threadbook_private::{Held, temporary};

/// The name of the socket.
const WIRE: &str = "wire";

/// The start of the names of directories for sockets.
const PREFIX: &str = "threadbook-wire-";

/// No path of a socket in such a directory is longer, in bytes.
const MAX_LENGTH: usize = 100;

/// A socket on which supervisors report.
pub struct Socket {
    pub listener: UnixListener,
    pub path: PathBuf,
    /// The directory that was made for it.
    _directory: Option<Held>,
}

/// Listens for the session that works in a directory.
///
/// # Errors
///
/// A sentence: the reason against each place.
pub fn listen(workspace: &Path) -> anyhow::Result<Socket> {
    let path = workspace.join(WIRE);
    match UnixListener::bind(&path) {
        Ok(listener) => Ok(Socket { listener, path, _directory: None }),
        Err(error) => {
            listen_elsewhere().with_context(|| format!("{} cannot be listened on: {error}", path.display()))
        }
    }
}

fn listen_elsewhere() -> anyhow::Result<Socket> {
    let is_long = |parent: &Path| parent.as_os_str().len() + PREFIX.len() + WIRE.len() + 8 > MAX_LENGTH;
    let parent = temporary(|parent| {
        is_long(parent).then(|| format!("the path {} is too long for a socket", parent.display()))
    })?;
    let directory = Held::new(&parent, PREFIX)?;
    let path = directory.path().join(WIRE);
    let listener = UnixListener::bind(&path)
        .with_context(|| format!("{} cannot be listened on either", path.display()))?;
    Ok(Socket { listener, path, _directory: Some(directory) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_deep_directory_has_a_socket_too() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("d".repeat(90)).join("e".repeat(90));
        std::fs::create_dir_all(&deep).unwrap();
        assert!(UnixListener::bind(deep.join(WIRE)).is_err());
        let (one, two) = (listen(&deep).unwrap(), listen(&deep).unwrap());
        assert_ne!(one.path, two.path);
        UnixStream::connect(&one.path).unwrap();
        let path = one.path.clone();
        drop(one);
        assert!(!path.exists(), "it goes with its directory");
    }

    #[test]
    fn a_plain_directory_has_its_own() {
        let place = tempfile::tempdir().unwrap();
        let socket = listen(place.path()).unwrap();
        assert_eq!(socket.path, place.path().join(WIRE));
        assert!(socket._directory.is_none());
        // The name is taken now, as a stranger's squatting would take it.
        assert!(listen(place.path()).unwrap()._directory.is_some());
    }
}
