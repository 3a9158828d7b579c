//! The directories of sessions: each is a copy of a prepared directory, which a living session holds by a lock.

use crate::prepared;
use crate::sockets;
use anyhow::Context;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The file by which a living session holds its directory.
const LOCK: &str = "in-use";

/// Makes a cheap copy of a prepared directory for the session that this process is, and sweeps away what sessions that
/// were killed have left. The directory is held as long as the file is open.
pub fn open(prepared: &Path) -> anyhow::Result<(PathBuf, File)> {
    if let Some(reason) = prepared::missing(prepared) {
        anyhow::bail!("{reason}. Run `cargo threadbook install` in the checkout again.");
    }
    let sessions = dirs::cache_dir().unwrap_or_else(std::env::temp_dir).join("threadbook/sessions");
    fs::create_dir_all(&sessions).with_context(|| format!("{} cannot be made", sessions.display()))?;
    sweep(&sessions);
    let directory = sessions.join(std::process::id().to_string());
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory)?;
    let in_use = File::create(directory.join(LOCK))?;
    in_use.try_lock().context("a new lock file is locked")?;
    prepared::copy(prepared, &directory)
        .with_context(|| format!("{} could not be copied to {}", prepared.display(), directory.display()))?;
    let directory = directory.canonicalize()?;
    // Of a session that was killed and had this process's number, when they lie elsewhere.
    sockets::remove(&directory);
    Ok((directory, in_use))
}

/// Removes the directories of sessions that are gone.
fn sweep(sessions: &Path) {
    for entry in fs::read_dir(sessions).into_iter().flatten().flatten() {
        let abandoned = match File::open(entry.path().join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => is_old(&entry),
        };
        if abandoned {
            sockets::remove(&entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// A directory without a lock file may be one that is just being made.
fn is_old(entry: &fs::DirEntry) -> bool {
    let age = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age.as_secs() > 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_holds_is_swept_away() {
        let sessions = tempfile::tempdir().unwrap();
        for name in ["living", "dead", "young"] {
            fs::create_dir(sessions.path().join(name)).unwrap();
        }
        let living = File::create(sessions.path().join("living").join(LOCK)).unwrap();
        living.lock().unwrap();
        File::create(sessions.path().join("dead").join(LOCK)).unwrap();
        sweep(sessions.path());
        assert!(sessions.path().join("living").exists() && sessions.path().join("young").exists());
        assert!(!sessions.path().join("dead").exists());
    }
}
