//! Directories of mode 0700, and the check of their paths.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf, absolute};

use nix::unistd::geteuid;

/// The bits of a mode that give others access.
pub(crate) const OTHERS: u32 = 0o077;
/// The bits of a mode that let others write.
const OTHERS_WRITE: u32 = 0o022;
/// All users may write, as in `/tmp`.
const WORLD_WRITES: u32 = 0o002;
/// Only its owner may remove a file from the directory.
const STICKY: u32 = 0o1000;

/// Creates a directory with mode 0700, and its parents. An existing directory is checked, and access by
/// others removed.
///
/// # Errors
///
/// A sentence, if the directory is a link, belongs to another user, can be written by others, or is in a
/// directory where others can replace it.
pub fn directory(path: &Path) -> io::Result<()> {
    let trusted = || match untrusted(path) {
        Some(reason) => Err(io::Error::new(io::ErrorKind::PermissionDenied, reason)),
        None => Ok(()),
    };
    trusted()?;
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
        io::Error::new(error.kind(), format!("the directory {} cannot be made: {error}", path.display()))
    })?;
    // Checked again, because another user may have created the directory meanwhile.
    trusted()?;
    let metadata = fs::symlink_metadata(path)?;
    let refuse = |what: &str| {
        Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {what}", path.display())))
    };
    if !metadata.is_dir() {
        return refuse("is a link; name the directory that it leads to, or remove the link");
    }
    if metadata.uid() != geteuid().as_raw() {
        return refuse("belongs to another user; name another directory");
    }
    if metadata.mode() & OTHERS_WRITE != 0 {
        return refuse(&format!(
            "can be written by other users; remove it, or check it and use: chmod 700 {}",
            path.display()
        ));
    }
    close_to_others(path)
}

/// Removes the access of others to a directory, if it is this user's own. Does nothing if it does not exist.
///
/// # Errors
///
/// The mode cannot be changed.
pub fn close_to_others(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() && is_open(&metadata) => {
            fs::set_permissions(path, Permissions::from_mode(metadata.mode() & 0o7777 & !OTHERS))
        }
        _ => Ok(()),
    }
}

fn is_open(metadata: &Metadata) -> bool {
    metadata.uid() == geteuid().as_raw() && metadata.mode() & OTHERS != 0
}

/// The reason why another user could replace the file at `path`, if there is one: a directory or a link on
/// its path belongs to another user, or all users may write to a directory on it. The last part of the path
/// may be missing.
pub fn untrusted(path: &Path) -> Option<String> {
    let path = match absolute(path) {
        Ok(path) => path,
        Err(error) => return Some(format!("{} is no path: {error}", path.display())),
    };
    // The path as written, with its links, and the resolved path.
    let existing = path.ancestors().find(|ancestor| ancestor.exists())?;
    let real: PathBuf = existing.canonicalize().unwrap_or_else(|_| existing.to_owned());
    let written = existing.ancestors().skip(usize::from(existing == path));
    let led_to = real.ancestors().skip(usize::from(existing == path));
    written.chain(led_to).find_map(reason_against)
}

/// The reason against one directory or link of a path.
fn reason_against(path: &Path) -> Option<String> {
    let metadata = fs::symlink_metadata(path).ok()?;
    // In a container that maps users, the owner of the root may be unmapped.
    let of_root = fs::metadata("/").map_or(0, |root| root.uid());
    if ![0, of_root, geteuid().as_raw()].contains(&metadata.uid()) {
        return Some(format!(
            "{} belongs to another user, and its content could be replaced",
            path.display()
        ));
    }
    let mode = metadata.mode();
    (metadata.is_dir() && mode & WORLD_WRITES != 0 && mode & STICKY == 0)
        .then(|| format!("every user may write to {}, and could replace its content", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn parents_are_private_too() {
        let place = tempfile::tempdir().unwrap();
        directory(&place.path().join("a/b")).unwrap();
        assert_eq!((mode(&place.path().join("a")), mode(&place.path().join("a/b"))), (0o700, 0o700));
    }

    #[test]
    fn readers_are_shut_out_and_writers_make_it_refused() {
        let place = tempfile::tempdir().unwrap();
        let own = place.path().join("own");
        fs::create_dir(&own).unwrap();
        set_mode(&own, 0o755);
        directory(&own).unwrap();
        assert_eq!(mode(&own), 0o700);
        for open in [0o770, 0o707, 0o777] {
            set_mode(&own, open);
            let error = directory(&own).unwrap_err().to_string();
            assert!(error.contains("other users") && error.contains("chmod 700"), "{open:o}: {error}");
            assert_eq!(mode(&own), open, "what is refused stays as it is");
        }
        close_to_others(&own).unwrap();
        assert_eq!(mode(&own), 0o700);
    }

    #[test]
    fn a_link_and_a_file_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir(at("own")).unwrap();
        symlink(at("own"), at("link")).unwrap();
        assert!(directory(&at("link")).unwrap_err().to_string().contains("is a link"));
        fs::write(at("file"), "").unwrap();
        assert!(directory(&at("file")).unwrap_err().to_string().contains("cannot be made"));
    }

    #[test]
    fn a_place_that_everybody_may_write_to_is_untrusted_unless_it_is_sticky() {
        let place = tempfile::tempdir().unwrap();
        let shared = place.path().join("shared");
        fs::create_dir(&shared).unwrap();
        for (mode, trusted) in [(0o755, true), (0o777, false), (0o1777, true), (0o775, true)] {
            set_mode(&shared, mode);
            assert_eq!(untrusted(&shared.join("a/b")).is_none(), trusted, "{mode:o}");
            // Also through a link.
            let link = place.path().join(format!("link-{mode}"));
            symlink(&shared, &link).unwrap();
            assert_eq!(untrusted(&link.join("a")).is_none(), trusted, "{mode:o} by a link");
        }
        assert!(directory(&shared.join("own")).is_ok());
        set_mode(&shared, 0o777);
        for name in ["own", "new/own"] {
            let error = directory(&shared.join(name)).unwrap_err().to_string();
            assert!(error.starts_with("every user may write to "), "{error}");
        }
        assert!(!shared.join("new").exists(), "nothing is made where it would be refused");
    }
}
