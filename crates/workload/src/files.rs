//! Files to read.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Files of random bytes in a temporary directory, which is removed when this is dropped.
///
/// Their content is the same each time.
///
/// # Examples
///
/// ```
/// use threadbook_workload::{SampleFiles, checksum};
///
/// let files = SampleFiles::create(4, 100_000)?;
/// let sums: Result<Vec<u64>, _> = files.paths().iter().map(|path| checksum(path)).collect();
/// assert_eq!(sums?.len(), 4);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct SampleFiles {
    _directory: TempDir,
    paths: Vec<PathBuf>,
}

impl SampleFiles {
    /// Writes `count` files of `size` bytes each.
    ///
    /// # Errors
    ///
    /// If the disk is full, or the directory is not writable.
    pub fn create(count: usize, size: usize) -> io::Result<SampleFiles> {
        let directory = tempfile::Builder::new().prefix("threadbook-files-").tempdir()?;
        let paths = (1..=count)
            .map(|number| {
                let path = directory.path().join(format!("sample-{number}.bin"));
                write(&path, number as u64, size)?;
                Ok(path)
            })
            .collect::<io::Result<_>>()?;
        Ok(SampleFiles { _directory: directory, paths })
    }

    /// The paths of the files.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }
}

fn write(path: &Path, seed: u64, size: usize) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut file = BufWriter::with_capacity(CHUNK, File::create(path)?);
    let mut left = size;
    let mut chunk = vec![0; CHUNK];
    while left > 0 {
        let now = left.min(CHUNK);
        random.fill(&mut chunk[..now]);
        file.write_all(&chunk[..now])?;
        left -= now;
    }
    file.flush()
}

/// The size of a read, in bytes.
const CHUNK: usize = 64 << 10;

/// Reads a file and returns a hash of its content.
///
/// The hash is that of the standard library ([SipHash](https://doi.org/10.1007/978-3-642-34931-7_28) with a
/// fixed key): it detects accidental differences, but not deliberate ones.
///
/// # Errors
///
/// If the file cannot be read; the error names it.
pub fn checksum(path: impl AsRef<Path>) -> io::Result<u64> {
    let path = path.as_ref();
    let failed = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = DefaultHasher::new();
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => return Ok(hasher.finish()),
            count => hasher.write(&chunk[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_as_long_as_asked_the_same_each_time_and_gone_at_the_end() {
        let sizes = [0, 1, CHUNK, CHUNK + 1, 200_000];
        for size in sizes {
            let (first, second) =
                (SampleFiles::create(2, size).unwrap(), SampleFiles::create(2, size).unwrap());
            let sums = |files: &SampleFiles| {
                files.paths().iter().map(|path| checksum(path).unwrap()).collect::<Vec<_>>()
            };
            assert_eq!(sums(&first), sums(&second));
            assert_eq!(sums(&first)[0] == sums(&first)[1], size == 0);
            assert_eq!(std::fs::metadata(&first.paths()[1]).unwrap().len(), size as u64);
            let path = first.paths()[0].clone();
            drop(first);
            assert!(!path.exists() && !path.parent().unwrap().exists());
            let error = checksum(&path).unwrap_err();
            assert!(error.kind() == io::ErrorKind::NotFound && error.to_string().contains("sample-1.bin"));
        }
    }
}
