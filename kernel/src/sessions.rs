//! The directories of sessions, which their processes hold as long as they live.
//!
//! They lie in the user's cache directory, unless something speaks against it: another user could replace them there,
//! programs may not be run, or the dynamic linker cannot search such a path. Then they lie among the temporary files.

use crate::prepared;
use anyhow::Context;
use std::path::{Path, PathBuf};
use threadbook_private::{Held, close_to_others, directory, temporary};

/// How the names of sessions begin among temporary files, where other programs have files, too.
const PREFIX: &str = "threadbook-session-";

/// Where sessions lie.
#[derive(Debug)]
pub struct Place {
    /// The directory that they lie in.
    pub parent: PathBuf,
    /// How their names begin.
    pub prefix: &'static str,
    /// The reason why it is not the user's cache directory.
    pub reason: Option<String>,
}

/// Makes a directory for the session that this process is, and sweeps away what sessions that were killed have left.
///
/// # Errors
///
/// A sentence: the prepared directory is not there, there is no place for a session, or no room in it.
pub fn open(prepared: &Path) -> anyhow::Result<Held> {
    if let Some(reason) = prepared::missing(prepared) {
        anyhow::bail!("{reason}. Run `cargo threadbook install` in the checkout again.");
    }
    let Place { parent, prefix, reason } = place()?;
    if let Some(reason) = reason {
        eprintln!("threadbook: the session works in {}, because {reason}", parent.display());
    }
    Held::new(&parent, prefix)
        .with_context(|| format!("no directory for the session can be made in {}", parent.display()))
}

/// The place for sessions.
///
/// # Errors
///
/// A sentence with the reasons against each place.
pub fn place() -> anyhow::Result<Place> {
    let reason = match dirs::cache_dir().map(|cache| in_cache(&cache)) {
        Some(Ok(parent)) => return Ok(Place { parent, prefix: "", reason: None }),
        Some(Err(reason)) => reason,
        None => "this user has no home directory".to_owned(),
    };
    let parent = temporary(reason_against).with_context(|| format!("a session has no place: {reason}"))?;
    Ok(Place { parent, prefix: PREFIX, reason: Some(reason) })
}

/// The directory of sessions in the user's cache directory, or the reason against it.
fn in_cache(cache: &Path) -> Result<PathBuf, String> {
    let sessions = cache.join("threadbook").join("sessions");
    // Earlier versions made them with the umask. What is in them is made anew for each session.
    for own in [sessions.parent().unwrap_or(cache), &sessions] {
        let _ = close_to_others(own);
    }
    directory(&sessions).map_err(|error| error.to_string())?;
    reason_against(&sessions).map_or(Ok(sessions), Err)
}

/// The reason why cells cannot be compiled and run in a directory, if there is one.
fn reason_against(parent: &Path) -> Option<String> {
    let real = parent.canonicalize().unwrap_or_else(|_| parent.to_owned());
    let name = real.display();
    match real.to_str() {
        None => return Some(format!("the path {name} is no UTF-8")),
        // The dynamic linker parts the lists of libraries and of directories there.
        Some(path) if path.contains(|c: char| c.is_whitespace() || c.is_control() || ":;".contains(c)) => {
            return Some(format!("the path {path:?} has a space, a colon or a control character"));
        }
        Some(_) => {}
    }
    is_noexec(&real).then(|| format!("{name} is on a file system that runs no programs (noexec)"))
}

#[cfg(target_os = "linux")]
fn is_noexec(path: &Path) -> bool {
    use nix::sys::statvfs::{FsFlags, statvfs};
    statvfs(path).is_ok_and(|system| system.flags().contains(FsFlags::ST_NOEXEC))
}

#[cfg(not(target_os = "linux"))]
fn is_noexec(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_cache_directory_is_used_if_it_is_safe_and_plain() {
        let home = tempfile::tempdir().unwrap();
        let sessions = in_cache(&home.path().join("cache-ö")).unwrap();
        assert!(sessions.ends_with("cache-ö/threadbook/sessions"));
        for odd in ["a b", "a:b", "a;b", "a\nb", "a\tb"] {
            let reason = in_cache(&home.path().join(odd)).unwrap_err();
            assert!(reason.contains("has a space, a colon"), "{odd:?}: {reason}");
        }
        let shared = home.path().join("shared");
        fs::create_dir(&shared).unwrap();
        fs::set_permissions(&shared, Permissions::from_mode(0o777)).unwrap();
        assert!(in_cache(&shared).unwrap_err().starts_with("every user may write to"));
    }

    #[test]
    fn directories_of_earlier_versions_are_closed() {
        let home = tempfile::tempdir().unwrap();
        let own = home.path().join("threadbook");
        for directory in [own.clone(), own.join("sessions")] {
            fs::create_dir(&directory).unwrap();
            fs::set_permissions(&directory, Permissions::from_mode(0o775)).unwrap();
        }
        in_cache(home.path()).unwrap();
        for directory in [own.clone(), own.join("sessions")] {
            assert_eq!(fs::metadata(directory).unwrap().mode() & 0o777, 0o700);
        }
    }
}
