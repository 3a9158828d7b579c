//! Files of other people's directories: read within bounds, and written without following a link.

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, bail};
use nix::fcntl::OFlag;

/// Reads a regular file of at most `max` bytes. Does not wait for a FIFO, and reads no device.
///
/// # Errors
///
/// The reason, as the end of a sentence.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, String> {
    // Opening a device may already do something.
    if !fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let open = || File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path);
    let file = open().map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut content = Vec::new();
    // A file may grow while it is read.
    file.take(max + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() as u64 > max {
        return Err(format!("it has more than {} MB", max >> 20));
    }
    Ok(content)
}

/// Writes a file as a whole: it has the new content or the old one, and never half of it. A link in its place is
/// replaced, and the target of the link stays as it is.
///
/// # Errors
///
/// The file cannot be written.
pub fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let written = || -> std::io::Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        // The umask applies, as to any new file.
        let mut file = tempfile::Builder::new()
            .prefix(".threadbook-")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory.unwrap_or(Path::new(".")))?;
        file.write_all(content)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}

/// Makes a directory beside a notebook, unless it exists.
///
/// # Errors
///
/// The directory cannot be made, or its path is a link: the author of the notebook would choose where files are written.
pub fn make_directory_beside(directory: &Path) -> anyhow::Result<()> {
    if directory.is_symlink() {
        bail!("{} is a link; remove it, or choose a directory with --output-dir", directory.display());
    }
    make_directory(directory)
}

/// Makes the directory that the user names, unless it exists.
///
/// # Errors
///
/// The directory cannot be made.
pub fn make_directory(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))
}

/// Whether both paths lead to one file, by whatever links.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino()));
    identity(one).is_ok_and(|one| identity(other).is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;

    use super::*;

    #[test]
    fn only_regular_files_are_read_up_to_a_size() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("file"), "four").unwrap();
        nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        symlink("/dev/zero", at("zero")).unwrap();
        assert_eq!(read(&at("file"), 4).unwrap(), b"four");
        assert!(read(&at("file"), 3).unwrap_err().contains("more than"));
        for odd in ["fifo", "zero", ""] {
            assert_eq!(read(&at(odd), 100).unwrap_err(), "it is not a regular file", "{odd}");
        }
        assert!(read(&at("missing"), 100).unwrap_err().contains("No such file"));
    }

    #[test]
    fn a_link_is_replaced_and_its_target_stays() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("target"), "old").unwrap();
        symlink("target", at("link")).unwrap();
        symlink("missing", at("dangling")).unwrap();
        fs::hard_link(at("target"), at("hard")).unwrap();
        for name in ["link", "dangling", "hard", "new"] {
            replace(&at(name), b"new").unwrap();
            assert_eq!(fs::read(at(name)).unwrap(), b"new");
            assert!(!at(name).is_symlink(), "{name}");
        }
        assert_eq!(fs::read(at("target")).unwrap(), b"old");
        assert!(!at("missing").exists());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 5, "no temporary file is left");
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named_and_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("taken");
        fs::create_dir(&path).unwrap();
        let error = replace(&path, b"new").unwrap_err().to_string();
        assert!(error.starts_with("cannot write") && error.ends_with("taken"), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_is_no_directory_beside_a_notebook() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        symlink(directory.path(), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        for link in ["link", "dangling"] {
            assert!(make_directory_beside(&at(link)).unwrap_err().to_string().contains("is a link"));
        }
        make_directory_beside(&at("new")).unwrap();
        make_directory_beside(&at("new")).unwrap();
        assert!(is_same(directory.path(), &at("link")) && !is_same(directory.path(), &at("new")));
    }
}
