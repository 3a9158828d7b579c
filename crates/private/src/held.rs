//! Directories that a living process holds.
//!
//! Each has a random name and, from the moment that it is visible to other processes, a lock file: the
//! process holds a lock (`flock`) on it, and the file names the host and the boot of its kernel.
//!
//! *Invariant:* a directory is removed only if no process holds its lock, and if the lock of a living process
//! would be visible here: the process has run under the same kernel (the boot is the same, also in another
//! container), or on this host before its reboot. On a network file system, locks may not be visible to other
//! hosts, so each host removes only its own directories.

use std::fs::{self, DirEntry, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{geteuid, gethostname};

use crate::create_new;

/// The lock file in each directory.
const LOCK: &str = "in-use";

/// The age up to which a directory without a lock file may be a new one.
const NEW: Duration = Duration::from_secs(3600);

/// A private directory that is held until it is dropped, and is removed then.
#[derive(Debug)]
pub struct Held {
    directory: PathBuf,
    lock: Option<File>,
}

impl Held {
    /// Makes a directory in `parent` whose name begins with `prefix`, and removes the directories that
    /// earlier processes have left behind.
    ///
    /// # Errors
    ///
    /// The directory or its lock file cannot be made.
    pub fn new(parent: &Path, prefix: &str) -> io::Result<Held> {
        sweep(parent, prefix);
        let private = Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new().prefix(prefix).permissions(private).tempdir_in(parent)?;
        let lock = lock(directory.path())?;
        // The dynamic linker identifies libraries by their resolved path.
        let directory = directory.keep();
        let directory = directory.canonicalize().unwrap_or(directory);
        Ok(Held { directory, lock: Some(lock) })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// The directory, and its lock file: the directory is held for as long as a process has the file open. A
    /// drop no longer removes the directory.
    pub fn into_parts(mut self) -> (PathBuf, Option<File>) {
        (std::mem::take(&mut self.directory), self.lock.take())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.directory.as_os_str().is_empty() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// Creates the lock file, which gets its name only after it is locked.
fn lock(directory: &Path) -> io::Result<File> {
    let new = directory.join("new-lock");
    let mut lock = create_new(&new)?;
    writeln!(lock, "{}\n{}", host(), boot())?;
    if let Err(error) = lock.try_lock() {
        eprintln!(
            "threadbook: {} cannot be locked ({error}): if this process is killed, the directory stays until it is removed by hand",
            directory.display()
        );
    }
    fs::rename(&new, directory.join(LOCK))?;
    Ok(lock)
}

/// Removes the directories of processes that have ended.
fn sweep(parent: &Path, prefix: &str) {
    for entry in own(parent, prefix) {
        if is_abandoned(&entry) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The directories of this user in `parent` whose names begin with `prefix`. No links.
fn own(parent: &Path, prefix: &str) -> impl Iterator<Item = DirEntry> {
    fs::read_dir(parent).into_iter().flatten().flatten().filter(move |entry| {
        let metadata = entry.metadata();
        entry.file_name().as_encoded_bytes().starts_with(prefix.as_bytes())
            && metadata.is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == geteuid().as_raw())
    })
}

fn is_abandoned(entry: &DirEntry) -> bool {
    let path = entry.path().join(LOCK);
    // NFS requires write access for an exclusive lock.
    let Ok(lock) = File::options().read(true).write(true).open(&path) else { return is_old(entry) };
    is_of_this_host(&fs::read_to_string(&path).unwrap_or_default()) && lock.try_lock().is_ok()
}

/// The directories under `parent` that processes on other hosts hold, or have left behind.
pub fn left_behind(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let is_foreign = |entry: &DirEntry| {
        fs::read_to_string(entry.path().join(LOCK)).is_ok_and(|text| !is_of_this_host(&text))
    };
    own(parent, prefix).filter(is_foreign).map(|entry| entry.path()).collect()
}

/// Whether the lock of the process that wrote `text` would be visible here.
fn is_of_this_host(text: &str) -> bool {
    let mut lines = text.lines();
    let (of_host, of_boot) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    // Earlier versions named no host.
    text.is_empty()
        || (!of_boot.is_empty() && of_boot == boot())
        || (!of_host.is_empty() && of_host == host())
}

fn is_old(entry: &DirEntry) -> bool {
    let age = entry.metadata().and_then(|metadata| metadata.modified()).ok();
    age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > NEW)
}

/// The name of this host, with an id that distinguishes it from others of the same name.
fn host() -> String {
    let name = gethostname().unwrap_or_default().to_string_lossy().into_owned();
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    format!("{name} {}", id.trim())
}

/// The identity of the running kernel. Empty if the system does not report it.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    const PREFIX: &str = "session-";

    /// A directory whose process has ended, with this text in its lock file.
    fn dead(parent: &Path, name: &str, text: &str) -> PathBuf {
        let directory = parent.join(format!("{PREFIX}{name}"));
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join(LOCK), text).unwrap();
        directory
    }

    #[test]
    fn a_directory_is_private_and_held_until_it_is_dropped() {
        let parent = tempfile::tempdir().unwrap();
        let (one, two) =
            (Held::new(parent.path(), PREFIX).unwrap(), Held::new(parent.path(), PREFIX).unwrap());
        assert!(one.path().exists() && one.path() != two.path());
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(one.path()), mode(&one.path().join(LOCK))), (0o700, 0o600));
        let path = one.path().to_owned();
        drop(one);
        assert!(!path.exists() && two.path().exists());
    }

    #[test]
    fn what_is_held_by_parts_is_left_and_swept_later() {
        let parent = tempfile::tempdir().unwrap();
        let (path, lock) = Held::new(parent.path(), PREFIX).unwrap().into_parts();
        let other = Held::new(parent.path(), PREFIX).unwrap();
        assert!(path.exists());
        drop(lock);
        let _another = Held::new(parent.path(), PREFIX).unwrap();
        assert!(!path.exists() && other.path().exists());
    }

    #[test]
    fn only_the_dead_of_this_host_are_swept_away() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let here = [
            dead(parent, "same-boot", &format!("another\n{}\n", boot())),
            dead(parent, "earlier-boot", &format!("{}\nanother\n", host())),
            dead(parent, "earlier-version", ""),
        ];
        let elsewhere = dead(parent, "elsewhere", "another\nanother\n");
        let odd = dead(parent, "odd", "\n");
        let young = parent.join(format!("{PREFIX}young"));
        fs::create_dir(&young).unwrap();
        let unrelated = parent.join("photos");
        fs::create_dir(&unrelated).unwrap();
        let held = Held::new(parent, PREFIX).unwrap();
        assert!(here.iter().all(|directory| !directory.exists()));
        for kept in [&elsewhere, &odd, &young, &unrelated] {
            assert!(kept.exists(), "{}", kept.display());
        }
        let mut foreign = left_behind(parent, PREFIX);
        foreign.sort();
        assert_eq!(foreign, [elsewhere, odd]);
        drop(held);
    }

    #[test]
    fn an_old_directory_without_a_lock_file_is_swept_away() {
        let parent = tempfile::tempdir().unwrap();
        let old = parent.path().join(format!("{PREFIX}old"));
        fs::create_dir(&old).unwrap();
        let file = File::open(&old).unwrap();
        file.set_modified(SystemTime::now() - 2 * NEW).unwrap();
        let _held = Held::new(parent.path(), PREFIX).unwrap();
        assert!(!old.exists());
    }
}
