//! The file: lines that are appended atomically, under a lock.

use super::machine::hash;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The maximum size of a file.
const MAX_BYTES: u64 = 1 << 20;

/// The size to which a file is shortened, to its latest lines.
const KEPT_BYTES: usize = 1 << 19;

/// The maximum length of a name; longer ones are cut.
const MAX_NAME_LENGTH: usize = 60;

/// The time-out of the wait for the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// The file name for a benchmark, different for each name.
pub(super) fn name_for(benchmark: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let plain: String = benchmark
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if is_plain(c) { c } else { '-' })
        .take(MAX_NAME_LENGTH)
        .collect();
    if plain == benchmark && !plain.is_empty() {
        return format!("{plain}.jsonl");
    }
    // A plain name has no dot, so it cannot equal a name with a hash.
    format!("{plain}.{:08x}.jsonl", hash(benchmark) as u32)
}

/// Appends a line, which includes its line break.
pub(super) fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let lock = lock_for_writing(path);
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut whole = Vec::with_capacity(line.len() + 1);
    if is_torn(&mut file)? {
        whole.push(b'\n');
    }
    whole.extend_from_slice(line);
    // One write in append mode: even without the lock, it is atomic with respect to other writers.
    file.write_all(&whole)?;
    if lock.is_some() && file.metadata()?.len() > MAX_BYTES {
        shorten(path)?;
    }
    Ok(())
}

/// Removes the file.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let _lock = lock_for_writing(path);
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The content; empty if there is no file. Waits for a writer, so that no half line is read.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let _lock = File::open(lock_path(path)).ok().and_then(|file| hold(file, File::try_lock_shared));
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// Locks out other readers and writers of the same directory until it is dropped.
fn lock_for_writing(path: &Path) -> Option<File> {
    let file = OpenOptions::new().append(true).create(true).open(lock_path(path)).ok()?;
    hold(file, File::try_lock)
}

/// A file of its own, because the one with the lines may be replaced.
fn lock_path(path: &Path) -> PathBuf {
    path.with_file_name(".lock")
}

/// Locks the file. `None` if the system cannot, or if another process holds the lock for too long: the caller
/// then goes on without it.
fn hold(file: File, lock: fn(&File) -> Result<(), TryLockError>) -> Option<File> {
    let asked = Instant::now();
    loop {
        match lock(&file) {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if asked.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(_) => return None,
        }
    }
}

/// Whether the last line has no line break, because its write was truncated.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Replaces the file by one with its latest lines. The replacement is atomic for readers.
fn shorten(path: &Path) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let kept = latest(&bytes);
    // Under the lock only one process shortens; a leftover of an earlier one is overwritten.
    let shorter = path.with_extension("shorter");
    let mut file = File::create(&shorter)?;
    file.write_all(kept)?;
    file.sync_all()?;
    fs::rename(shorter, path)
}

/// The latest lines that fit, and at least the last one.
fn latest(bytes: &[u8]) -> &[u8] {
    let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
    let starts = std::iter::once(0).chain(ends).filter(|start| *start < bytes.len());
    let mut start_of_last = 0;
    for start in starts {
        if bytes.len() - start <= KEPT_BYTES {
            return &bytes[start..];
        }
        start_of_last = start;
    }
    &bytes[start_of_last..]
}
