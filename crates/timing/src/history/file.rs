//! The file: one line after the other, whatever happens to whom.

use super::machine::hash;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A file may grow to this.
const MOST_BYTES: u64 = 1 << 20;

/// The lines of a file that has grown too long are kept up to this, the latest ones.
const KEPT_BYTES: usize = 1 << 19;

/// Longer names are cut off.
const MOST_LETTERS: usize = 60;

/// How long to wait for somebody else who writes.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file name for a benchmark; two benchmarks have two.
pub(super) fn name_for(benchmark: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let plain: String = benchmark
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if is_plain(c) { c } else { '-' })
        .take(MOST_LETTERS)
        .collect();
    if plain == benchmark && !plain.is_empty() {
        return format!("{plain}.jsonl");
    }
    // A name that is plain has no dot, and so is no other's name with its hash.
    format!("{plain}.{:08x}.jsonl", hash(benchmark) as u32)
}

/// Appends a line, which has its end.
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
    // One write: also without the lock, the system puts it behind what others have written.
    file.write_all(&whole)?;
    if lock.is_some() && file.metadata()?.len() > MOST_BYTES {
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

/// All that is there; nothing if there is no file. Waits while somebody writes, or half a line might be seen.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let _lock = File::open(lock_path(path)).ok().and_then(|file| hold(file, File::try_lock_shared));
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// Holds back others who read or write in the same directory, until it is dropped.
fn lock_for_writing(path: &Path) -> Option<File> {
    let file = OpenOptions::new().append(true).create(true).open(lock_path(path)).ok()?;
    hold(file, File::try_lock)
}

/// A file of its own, because the one with the lines may be replaced.
fn lock_path(path: &Path) -> PathBuf {
    path.with_file_name(".lock")
}

/// Locks the file. `None` if the system cannot, or if somebody else holds it for too long: then it is better
/// to go on without.
fn hold(file: File, lock: fn(&File) -> Result<(), TryLockError>) -> Option<File> {
    let asked = Instant::now();
    loop {
        match lock(&file) {
            Ok(()) => return Some(file),
            Err(TryLockError::WouldBlock) if asked.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(2));
            }
            Err(_) => return None,
        }
    }
}

/// Whether the last line has no end, because its write was cut off.
fn is_torn(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Puts a file with the latest lines in the place of this one. Whoever reads sees the one or the other.
fn shorten(path: &Path) -> io::Result<()> {
    let bytes = fs::read(path)?;
    let kept = latest(&bytes);
    // Under the lock there is only one who shortens, and what an earlier one left behind is overwritten.
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
