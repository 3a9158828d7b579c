//! What has been executed, in this session and in earlier ones.
//!
//! A thread of its own keeps it, so that no cell waits for a disk. Whatever happens to the file, the kernel
//! goes on: then this session's history is kept in memory.

mod archive;

use archive::Archive;
use jupyter_protocol::{HistoryEntry, HistoryRequest};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Names another file for the history. Empty, or `:memory:`: it is not kept on disk.
const VARIABLE: &str = "THREADBOOK_HISTORY";

/// How long to wait for the thread that keeps the history; longer only if the disk hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the end of the kernel may wait for what is not written yet.
const AT_THE_END: Duration = Duration::from_secs(1);

/// The handle to the history.
pub struct History {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Add { line: usize, code: String },
    SetOutput { line: usize, output: String },
    Find { request: HistoryRequest, answer: oneshot::Sender<Vec<HistoryEntry>> },
    Finish { done: oneshot::Sender<()> },
}

impl History {
    /// Starts to keep the history, in the file that the user wants.
    pub fn start() -> History {
        History::keep_in(file(std::env::var_os(VARIABLE)))
    }

    fn keep_in(file: Option<PathBuf>) -> History {
        let (sender, jobs) = mpsc::channel();
        let thread = std::thread::Builder::new().name("history".into());
        thread.spawn(move || Keeper::open(file).work(jobs)).expect("a thread can be started");
        History { jobs: sender }
    }

    /// Notes the code of execution `line`.
    pub fn add(&self, line: usize, code: &str) {
        let _ = self.jobs.send(Job::Add { line, code: code.to_owned() });
    }

    /// Notes the result of execution `line`.
    pub fn set_output(&self, line: usize, output: String) {
        let _ = self.jobs.send(Job::SetOutput { line, output });
    }

    /// Answers a history request, oldest first.
    pub async fn find(&self, request: HistoryRequest) -> Vec<HistoryEntry> {
        let (answer, answered) = oneshot::channel();
        let _ = self.jobs.send(Job::Find { request, answer });
        tokio::time::timeout(PATIENCE, answered).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Waits until all that was noted is kept.
    pub async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        let _ = self.jobs.send(Job::Finish { done });
        let _ = tokio::time::timeout(AT_THE_END, finished).await;
    }
}

/// The file to keep the history in, if any.
fn file(wanted: Option<OsString>) -> Option<PathBuf> {
    match wanted {
        Some(path) if path.is_empty() || path == ":memory:" => None,
        Some(path) => Some(path.into()),
        None => Some(dirs::data_dir()?.join("threadbook/history.sqlite")),
    }
}

/// What the thread works with.
struct Keeper {
    archive: Archive,
    /// `None` when the history is in memory.
    file: Option<PathBuf>,
}

impl Keeper {
    fn open(file: Option<PathBuf>) -> Keeper {
        let opened = file.as_deref().and_then(|path| match open(path) {
            Ok(archive) => Some(archive),
            Err(error) => {
                complain(path, &error);
                None
            }
        });
        match opened {
            Some(archive) => Keeper { archive, file },
            None => Keeper { archive: Archive::in_memory(), file: None },
        }
    }

    fn work(mut self, jobs: mpsc::Receiver<Job>) {
        for job in jobs {
            match job {
                Job::Add { line, code } => self.write(|archive| archive.add(line, &code)),
                Job::SetOutput { line, output } => self.write(|archive| archive.set_output(line, &output)),
                Job::Find { request, answer } => {
                    let found = self.archive.find(&request).unwrap_or_else(|error| {
                        eprintln!("threadbook: the history cannot be read: {error}");
                        Vec::new()
                    });
                    let _ = answer.send(found);
                }
                Job::Finish { done } => {
                    let _ = done.send(());
                }
            }
        }
    }

    /// Writes; if the file cannot be written to (any more), goes on in memory.
    fn write(&mut self, change: impl Fn(&mut Archive) -> rusqlite::Result<()>) {
        let Err(error) = change(&mut self.archive) else { return };
        let Some(path) = self.file.take() else { return };
        complain(&path, &error.into());
        self.archive = self.archive.to_memory();
        let _ = change(&mut self.archive);
    }
}

/// Opens the file. A damaged one is moved aside.
fn open(path: &Path) -> anyhow::Result<Archive> {
    match Archive::open(path) {
        Err(error) if archive::is_damaged(&error) && path.is_file() => {
            let mut aside = path.as_os_str().to_owned();
            aside.push(".damaged");
            std::fs::rename(path, &aside)?;
            eprintln!(
                "threadbook: the history in {} is damaged ({error}); it is now {}, and a new one begins",
                path.display(),
                aside.display()
            );
            Archive::open(path)
        }
        opened => opened,
    }
}

fn complain(path: &Path, error: &anyhow::Error) {
    eprintln!(
        "threadbook: the history cannot be kept in {}: {error}. That of this session is in memory only. Set \
         {VARIABLE} to another file, or to nothing to keep none.",
        path.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    async fn codes(history: &History) -> Vec<String> {
        let found = history.find(HistoryRequest::Tail { n: 99, output: false, raw: true }).await;
        let code = |entry| match entry {
            HistoryEntry::Input(_, _, code) | HistoryEntry::InputOutput(_, _, (code, _)) => code,
        };
        found.into_iter().map(code).collect()
    }

    #[test]
    fn the_variable_says_where() {
        assert_eq!(file(Some("".into())), None);
        assert_eq!(file(Some(":memory:".into())), None);
        assert_eq!(file(Some("/x/h".into())), Some("/x/h".into()));
        assert!(file(None).is_none_or(|path| path.ends_with("threadbook/history.sqlite")));
    }

    #[tokio::test]
    async fn a_damaged_file_is_moved_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        fs::write(&path, "garbage".repeat(1000)).unwrap();
        let history = History::keep_in(Some(path.clone()));
        history.add(1, "one");
        history.finish().await;
        let again = History::keep_in(Some(path));
        assert_eq!(codes(&again).await, ["one"]);
        let aside = fs::read_to_string(directory.path().join("history.sqlite.damaged")).unwrap();
        assert!(aside.starts_with("garbage"));
    }

    #[tokio::test]
    async fn without_a_place_for_the_file_it_is_kept_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let blocked = directory.path().join("a file");
        fs::write(&blocked, "").unwrap();
        let history = History::keep_in(Some(blocked.join("history.sqlite")));
        history.add(1, "one");
        assert_eq!(codes(&history).await, ["one"]);
    }

    #[tokio::test]
    async fn when_the_file_cannot_be_written_any_more_nothing_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        let history = History::keep_in(Some(path.clone()));
        history.add(1, "one");
        history.finish().await;
        // As a full disk would, for this file.
        let full = "CREATE TRIGGER full BEFORE INSERT ON cells BEGIN SELECT raise(ABORT, 'full'); END";
        rusqlite::Connection::open(&path).unwrap().execute_batch(full).unwrap();
        history.add(2, "two");
        history.set_output(2, "2".into());
        history.add(3, "three");
        assert_eq!(codes(&history).await, ["one", "two", "three"]);
    }
}
