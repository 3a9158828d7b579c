//! Files of mode 0600.

use std::fs::{File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::unistd::geteuid;

use crate::directory::{OTHERS, untrusted};

/// Creates a new file with mode 0600, for writing.
///
/// # Errors
///
/// The name exists already, even as a dangling link, or the file cannot be created.
pub fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Opens a file for reading and writing, and creates it with mode 0600 if it does not exist. An existing file
/// is checked, and access by others removed.
///
/// # Errors
///
/// A sentence, if the file belongs to another user, or if another user could replace it. The file cannot be opened.
pub fn file(path: &Path) -> io::Result<File> {
    let refused = |reason: String| io::Error::new(io::ErrorKind::PermissionDenied, reason);
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if let Some(reason) = untrusted(&directory.unwrap_or(Path::new(".")).join("file")) {
        return Err(refused(reason));
    }
    let file =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    let metadata = file.metadata()?;
    if metadata.uid() != geteuid().as_raw() {
        return Err(refused(format!("{} belongs to another user; name another file", path.display())));
    }
    if metadata.is_file() && metadata.mode() & OTHERS != 0 {
        file.set_permissions(Permissions::from_mode(metadata.mode() & 0o7777 & !OTHERS))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn files_are_made_private_and_an_open_one_is_closed() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let mode = |name: &str| fs::metadata(at(name)).unwrap().mode() & 0o777;
        create_new(&at("new")).unwrap();
        file(&at("other")).unwrap();
        assert_eq!((mode("new"), mode("other")), (0o600, 0o600));
        fs::write(at("open"), "kept").unwrap();
        fs::set_permissions(at("open"), Permissions::from_mode(0o664)).unwrap();
        file(&at("open")).unwrap();
        assert_eq!((mode("open"), fs::read_to_string(at("open")).unwrap().as_str()), (0o600, "kept"));
    }

    #[test]
    fn nothing_that_is_there_is_taken_for_new() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
        fs::write(at("file"), "").unwrap();
        for name in ["link", "file"] {
            assert_eq!(create_new(&at(name)).unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{name}");
        }
        assert!(!at("nowhere").exists());
    }

    #[test]
    fn a_file_where_others_could_replace_it_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let shared = place.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
        assert!(file(&shared.join("file")).unwrap_err().to_string().contains("every user may write"));
        assert!(!shared.join("file").exists());
    }
}
