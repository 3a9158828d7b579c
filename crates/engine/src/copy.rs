//! Copies of cargo's directories, in which cargo works as in the original.

use std::fs;
use std::io;
use std::path::Path;

/// cargo replaces the files in these directories and never writes to them, so copies share them.
const SHARED: &str = "deps";

/// The directory of incremental compilation, which a copy does not need.
const INCREMENTAL: &str = "incremental";

/// Creates a file with the content of another one, as a hard link if possible: for files that never change.
pub(crate) fn share_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

/// Copies a directory with the times of its files, by which cargo detects outdated crates. Compiled crates
/// are shared, as hard links if possible, and directories of incremental compilation are left out.
///
/// # Errors
///
/// A file cannot be read or written. The files that are copied by then stay.
pub fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let is_shared = from.ends_with(SHARED);
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            if entry.file_name() != INCREMENTAL {
                copy_directory(&from, &to)?;
            }
        } else if !(is_shared && fs::hard_link(&from, &to).is_ok()) {
            fs::copy(&from, &to)?;
            fs::File::options().write(true).open(&to)?.set_modified(entry.metadata()?.modified()?)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_copy_shares_crates_and_keeps_times() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for name in ["debug/deps/libtokio.rlib", "debug/.fingerprint/tokio/lib", "debug/incremental/x/y"] {
            fs::create_dir_all(from.path().join(name).parent().unwrap()).unwrap();
            fs::write(from.path().join(name), name).unwrap();
        }
        copy_directory(from.path(), &to.path().join("new")).unwrap();
        let metadata = |root: &Path, name: &str| fs::metadata(root.join(name)).unwrap();
        let both = |name| (metadata(from.path(), name), metadata(&to.path().join("new"), name));
        let (one, other) = both("debug/deps/libtokio.rlib");
        assert_eq!(one.ino(), other.ino());
        let (one, other) = both("debug/.fingerprint/tokio/lib");
        assert_ne!(one.ino(), other.ino());
        assert_eq!(one.modified().unwrap(), other.modified().unwrap());
        assert!(!to.path().join("new/debug/incremental").exists());
    }
}
