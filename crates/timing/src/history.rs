//! The earlier results of a benchmark, in a file that outlives the kernel.
//!
//! # The file
//!
//! `.threadbook/benchmarks/NAME.jsonl`, in the working directory: for a notebook, its own directory.
//! `THREADBOOK_BENCHMARKS` names another directory; if it is empty, no history is kept. In a name, characters
//! other than small letters, digits, `-` and `_` are replaced by `-`, and a hash is added.
//!
//! Each line is an independent JSON object:
//!
//! ```json
//! {"version":1,"time":1790000000,"benchmark":"primes",
//!  "machine":{"id":"5f1c…","about":"AMD EPYC 7763, linux","processors":2},"code":"9a3f…",
//!  "cases":[{"name":"1 worker","loops":1,"seconds":[1.2346,1.2411,1.2398]}]}
//! ```
//!
//! (in one line): seconds since 1970, hashes in hexadecimal, and the time of one round in each run, in
//! seconds; `code` only if it is known. Readers ignore unknown keys, and count unreadable lines.
//!
//! A line is appended in one write, under a lock on `.lock` beside the file (`flock`; readers share it), so
//! two kernels do not interfere. A truncated write leaves one unreadable line, and damages no other. A file
//! of more than 1 MB is replaced by one with its latest lines, up to half of that. To forget everything,
//! delete the directory.

mod entry;
mod file;
mod machine;
mod past;

pub use entry::Entry;
pub use machine::Machine;
pub use past::Past;
pub(crate) use past::strip;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The directory of the histories, relative to the working directory.
const DIRECTORY: &str = ".threadbook/benchmarks";

/// Names another directory; if it is empty, no history is kept.
const VARIABLE: &str = "THREADBOOK_BENCHMARKS";

/// The directory of the histories; `None` if none are kept.
pub(crate) fn directory() -> Option<PathBuf> {
    match std::env::var_os(VARIABLE) {
        Some(directory) if directory.is_empty() => None,
        Some(directory) => Some(directory.into()),
        None => Some(DIRECTORY.into()),
    }
}

/// The earlier runs of the benchmark of that name, beside this notebook.
///
/// # Examples
///
/// ```
/// use threadbook_timing::history;
///
/// let past = history("primes").read()?;
/// println!("{past}"); // primes: 7 runs, the last one 2 h ago …
/// history("primes").clear()?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn history(name: &str) -> History {
    History::in_directory(&directory().unwrap_or_else(|| DIRECTORY.into()), name)
}

/// The file of a benchmark's earlier runs; made by [`history()`]. It is read when it is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct History {
    name: String,
    path: PathBuf,
}

impl History {
    /// The history of a benchmark in that directory.
    pub fn in_directory(directory: &Path, name: &str) -> History {
        History { name: name.to_owned(), path: directory.join(file::name_for(name)) }
    }

    /// The name of the benchmark.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the earlier runs; none if there is no file.
    ///
    /// # Errors
    ///
    /// If the file exists and cannot be read. Unreadable lines are no error; they are counted.
    pub fn read(&self) -> io::Result<Past> {
        Ok(Past::parse(&self.name, &file::read(&self.path)?))
    }

    /// Appends a run, and drops the oldest ones if there are too many. Waits at most two seconds for the lock
    /// of another process.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made or the file cannot be written.
    pub fn append(&self, entry: &Entry) -> io::Result<()> {
        file::append(&self.path, entry.to_line().as_bytes())
    }

    /// Removes the file, and with it all runs.
    ///
    /// # Errors
    ///
    /// If the file exists and cannot be removed.
    pub fn clear(&self) -> io::Result<()> {
        file::remove(&self.path)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.read() {
            Ok(past) => write!(f, "{past}"),
            Err(error) => {
                write!(f, "{}: {} could not be read: {error}", self.name, self.path.display())
            }
        }
    }
}

/// The same text as `{}`; shown in a notebook, a picture.
impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        threadbook_display::offer_drawing(self);
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
