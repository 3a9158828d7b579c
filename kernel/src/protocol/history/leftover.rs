//! What a session could not write before its end, because another program used the file: it lies beside the file until a
//! later session takes it in.

use super::Change;
use super::archive::Archive;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The end of the file's name.
pub const SUFFIX: &str = ".pending-";

#[derive(Deserialize, Serialize)]
struct Leftover<C> {
    /// The number of the session, if it had one.
    session: Option<i64>,
    changes: C,
}

/// Writes the changes of a session beside the file.
///
/// # Errors
///
/// The new file cannot be written.
pub fn write<'a>(
    file: &Path,
    session: Option<i64>,
    changes: impl Iterator<Item = &'a Change>,
) -> anyhow::Result<()> {
    let text = serde_json::to_vec(&Leftover { session, changes: changes.collect::<Vec<_>>() })?;
    let mut path = file.as_os_str().to_owned();
    path.push(format!("{SUFFIX}{}", uuid::Uuid::new_v4()));
    Ok(threadbook_private::create_new(Path::new(&path))?.write_all(&text)?)
}

/// Takes in the changes that earlier sessions have left.
///
/// # Errors
///
/// The changes cannot be written; then they stay where they are.
pub fn take_in(file: &Path, archive: &mut Archive) -> anyhow::Result<()> {
    for path in all(file) {
        // Of two sessions, the one that has the lock takes it in, and the other finds it gone.
        let Ok(lock) = threadbook_private::file(&path) else { continue };
        if lock.try_lock().is_err() || !path.exists() {
            continue;
        }
        if let Ok(Leftover::<Vec<Change>> { session, changes }) = serde_json::from_slice(&fs::read(&path)?) {
            archive
                .write_for(session, |archive| changes.iter().try_for_each(|change| change.write(archive)))?;
        }
        fs::remove_file(&path)?;
    }
    Ok(())
}

fn all(file: &Path) -> Vec<PathBuf> {
    let (Some(directory), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str()))
    else {
        return Vec::new();
    };
    let prefix = format!("{name}{SUFFIX}");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let is_ours =
        |entry: &fs::DirEntry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix));
    entries.filter(is_ours).map(|entry| entry.path()).collect()
}
