//! A directory for temporary files in which no other user can replace ours.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use crate::untrusted;

/// The variable that names the directory of temporary files.
pub const TEMPORARY: &str = "TMPDIR";

/// The variable that names a directory for this user, which the system removes at the end of their last login.
const RUNTIME: &str = "XDG_RUNTIME_DIR";

/// The first of `$TMPDIR`, `$XDG_RUNTIME_DIR` and `/tmp` that `reason_against` accepts, and in which no other
/// user can replace our files.
///
/// # Errors
///
/// A sentence with the reason against each.
pub fn temporary(reason_against: impl Fn(&Path) -> Option<String>) -> io::Result<PathBuf> {
    let named = [TEMPORARY, RUNTIME].map(|name| env::var_os(name).map(PathBuf::from));
    let named = named.into_iter().flatten().filter(|path| path.is_absolute());
    choose(named.chain(["/tmp".into()]), reason_against)
}

fn choose(
    candidates: impl Iterator<Item = PathBuf>,
    reason_against: impl Fn(&Path) -> Option<String>,
) -> io::Result<PathBuf> {
    let mut reasons = Vec::new();
    for candidate in candidates {
        let missing = || (!candidate.is_dir()).then(|| format!("{} is no directory", candidate.display()));
        // The files in the directory have to be safe, not only the directory.
        match missing().or_else(|| untrusted(&candidate.join("file"))).or_else(|| reason_against(&candidate))
        {
            None => return Ok(candidate),
            Some(reason) => reasons.push(reason),
        }
    }
    let reasons = reasons.join("; ");
    Err(io::Error::other(format!(
        "there is no place for private files: {reasons}. Set {TEMPORARY} to another directory"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_first_directory_is_taken_that_nothing_speaks_against() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for (name, mode) in [("shared", 0o777), ("sticky", 0o1777), ("own", 0o700)] {
            fs::create_dir(at(name)).unwrap();
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let all = || ["missing", "shared", "sticky", "own"].map(at).into_iter();
        assert_eq!(choose(all(), |_| None).unwrap(), at("sticky"));
        let refuse = |path: &Path| path.ends_with("sticky").then(|| "it is full".to_owned());
        assert_eq!(choose(all(), refuse).unwrap(), at("own"));
        let error = choose(all().take(3), refuse).unwrap_err().to_string();
        for part in ["missing is no directory", "every user may write to", "it is full", "Set TMPDIR"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}
