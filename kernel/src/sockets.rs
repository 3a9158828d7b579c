//! Where the sockets of a session lie: in its directory, unless that is too deep. Unix allows about a hundred bytes for
//! the path of a socket.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Where the supervisor reports.
pub const WIRE: &str = "wire";

const LONGEST: usize = 100;

/// The path of a socket of the session that works in a directory.
pub fn path(workplace: &Path, name: &str) -> PathBuf {
    let path = workplace.join(name);
    if path.as_os_str().len() < LONGEST {
        return path;
    }
    let mut hasher = DefaultHasher::new();
    workplace.hash(&mut hasher);
    Path::new("/tmp").join(format!("threadbook-{:016x}.{name}", hasher.finish()))
}

/// Removes the sockets of a session that has ended.
pub fn remove(workplace: &Path) {
    let _ = fs::remove_file(path(workplace, WIRE));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_deep_directory_has_sockets_too() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("d".repeat(90)).join("e".repeat(90));
        fs::create_dir_all(&deep).unwrap();
        assert!(UnixListener::bind(deep.join(WIRE)).is_err());
        let _listener = UnixListener::bind(path(&deep, WIRE)).unwrap();
        assert_ne!(path(&deep, WIRE), path(&deep.join("f"), WIRE));
        assert!(path(&deep, WIRE).exists());
        remove(&deep);
        assert!(!path(&deep, WIRE).exists());
        assert_eq!(path(Path::new("/home/ann"), WIRE), Path::new("/home/ann/wire"));
    }
}
