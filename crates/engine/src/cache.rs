//! The cache of objects: a cell that has not changed, nor anything that it reaches, is compiled once.
//!
//! A record is found by the hash of the code that the engine generates for the cell first, of rustc's arguments and
//! of the crates that they name. It holds the object, and the outcome of the attempts that led to it.
//!
//! *Invariant:* a record is used only if its object has the checksum that the record names. Files are written under
//! another name and then renamed, so that no process sees a part of one. Any number of processes share a cache.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::ledger::{Lost, Variable};
use crate::source::hash;

/// The number of records that a cache keeps. An object takes some tens of kilobytes.
const MAX_RECORDS: usize = 4096;

/// The number of records above the maximum at which the oldest are removed.
const SLACK: usize = 256;

/// A directory of compiled cells.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

/// A compiled cell.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct Record {
    /// The hash of the object's bytes.
    checksum: u64,
    pub(crate) is_global: bool,
    pub(crate) variables: BTreeMap<String, Variable>,
    pub(crate) returns: Vec<Vec<String>>,
    pub(crate) lost: BTreeMap<String, Lost>,
    pub(crate) warnings: Vec<CachedWarning>,
}

/// A warning about a place in the cell.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(crate) struct CachedWarning {
    pub(crate) code: Option<String>,
    pub(crate) message: String,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) label: Option<String>,
}

impl Cache {
    /// The cache in a directory, which is made, for this user alone.
    ///
    /// # Errors
    ///
    /// A sentence, if the directory cannot be made, or if other users could put objects there.
    pub fn open(directory: &Path) -> io::Result<Cache> {
        threadbook_private::directory(directory)?;
        Ok(Cache { directory: directory.to_owned() })
    }

    /// The record of a key and its object, if both exist and are intact.
    pub(crate) fn get(&self, key: u64) -> Option<(Record, PathBuf)> {
        let record: Record = serde_json::from_slice(&fs::read(self.record(key)).ok()?).ok()?;
        let object = self.object(key);
        if checksum(&fs::read(&object).ok()?) != record.checksum {
            return None;
        }
        // The time of the last use determines which records stay.
        let now = fs::FileTimes::new().set_modified(std::time::SystemTime::now());
        let _ = fs::File::options().write(true).open(self.record(key)).and_then(|file| file.set_times(now));
        Some((record, object))
    }

    /// Stores the product of a compilation, and returns the path of its object here. The object of a check is
    /// empty.
    pub(crate) fn put(&self, key: u64, mut record: Record, object: Option<&Path>) -> io::Result<PathBuf> {
        let bytes = object.map_or(Ok(Vec::new()), fs::read)?;
        record.checksum = checksum(&bytes);
        self.write(&self.object(key), &bytes)?;
        self.write(&self.record(key), &serde_json::to_vec(&record)?)?;
        self.limit(MAX_RECORDS, SLACK);
        Ok(self.object(key))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!(".{}-{count}", std::process::id()));
        // A leftover of a killed process with the same id.
        let _ = fs::remove_file(&temporary);
        threadbook_private::create_new(&temporary)?.write_all(bytes)?;
        fs::rename(&temporary, path)
    }

    /// Removes the records that were used least recently. An object that is loaded stays loaded.
    fn limit(&self, max: usize, slack: usize) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let records = entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "json"));
        let mut records: Vec<_> = records
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        if records.len() <= max + slack {
            return;
        }
        records.sort();
        for (_, record) in &records[..records.len() - max] {
            let _ = fs::remove_file(record);
            let _ = fs::remove_file(record.with_extension("object"));
        }
    }

    fn record(&self, key: u64) -> PathBuf {
        self.directory.join(format!("{key:016x}.json"))
    }

    fn object(&self, key: u64) -> PathBuf {
        self.directory.join(format!("{key:016x}.object"))
    }
}

impl Record {
    /// A record of an object that is not written yet.
    pub(crate) fn new(
        is_global: bool,
        variables: BTreeMap<String, Variable>,
        returns: Vec<Vec<String>>,
        lost: BTreeMap<String, Lost>,
        warnings: Vec<CachedWarning>,
    ) -> Record {
        Record { checksum: 0, is_global, variables, returns, lost, warnings }
    }
}

pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    // Eight bytes at a time: an object is read before each execution.
    let (chunks, rest) = bytes.as_chunks::<8>();
    let mix = |state: u64, word: u64| (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let state = chunks.iter().fold(bytes.len() as u64, |state, chunk| mix(state, u64::from_le_bytes(*chunk)));
    rest.iter().fold(state, |state, byte| mix(state, u64::from(*byte)))
}

/// The key of generated code.
pub(crate) fn key(code: &str, generation: u64, environment: &str) -> u64 {
    hash(&format!("{generation:x}\n{environment}\n{code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let variable = Variable { r#type: "i32".into(), is_mut: true };
        let lost = BTreeMap::from([("f".to_owned(), Lost::Unnameable("{closure}".into()))]);
        Record::new(
            true,
            BTreeMap::from([("n".to_owned(), variable)]),
            vec![vec!["n".into()]],
            lost,
            Vec::new(),
        )
    }

    #[test]
    fn a_record_comes_back_with_its_object() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("a/b")).unwrap();
        let object = directory.path().join("cell.so");
        fs::write(&object, b"object").unwrap();
        assert_eq!(cache.get(7), None);
        cache.put(7, record(), Some(&object)).unwrap();
        let (found, path) = cache.get(7).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"object");
        assert_eq!(Record { checksum: 0, ..found }, record());
    }

    #[test]
    fn what_is_damaged_is_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        let object = directory.path().join("cell.so");
        fs::write(&object, [1; 100]).unwrap();
        for damage in ["object", "json"] {
            cache.put(7, record(), Some(&object)).unwrap();
            assert!(cache.get(7).is_some());
            let file = directory.path().join(format!("{:016x}.{damage}", 7));
            let bytes = fs::read(&file).unwrap();
            fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
            assert_eq!(cache.get(7), None, "{damage}");
        }
    }

    #[test]
    fn the_least_recently_used_go_first() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(directory.path()).unwrap();
        let object = directory.path().join("cell.so");
        fs::write(&object, b"object").unwrap();
        for key in 0..6 {
            cache.put(key, record(), Some(&object)).unwrap();
            let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(key + 1);
            fs::File::options().write(true).open(cache.record(key)).unwrap().set_modified(time).unwrap();
        }
        cache.get(0).unwrap();
        cache.limit(3, 0);
        let left: Vec<_> = (0..6).filter(|&key| cache.get(key).is_some()).collect();
        assert_eq!(left, [0, 4, 5]);
        assert!(!cache.object(1).exists());
    }

    #[cfg(unix)]
    #[test]
    fn no_other_user_can_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::open(&directory.path().join("cache")).unwrap();
        let object = directory.path().join("cell.so");
        fs::write(&object, b"object").unwrap();
        let path = cache.put(1, record(), Some(&object)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&cache.directory), mode(&path)), (0o700, 0o600));
    }
}
