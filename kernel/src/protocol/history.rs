//! The history of executed cells, in this session and in earlier ones.
//!
//! A thread of its own keeps it, so that no cell waits for a disk. After any failure of the file, the kernel
//! goes on. While another program uses the file, changes are kept until it is free again ([`leftover`]: also over the
//! session's end); after any other failure, this session's history is kept in memory.

mod archive;
mod leftover;

use archive::Archive;
use jupyter_protocol::{HistoryEntry, HistoryRequest};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Names another file for the history. Empty, or `:memory:`: it is not kept on disk.
const VARIABLE: &str = "THREADBOOK_HISTORY";

/// The time to wait for the thread that keeps the history. It takes longer only if the disk hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for the rest of the history to be written at the end of the kernel.
const AT_THE_END: Duration = Duration::from_secs(3);

/// The time for which the thread tries at the end to write to a file that is busy. Each attempt waits a second.
const FINISH_TIMEOUT: Duration = Duration::from_millis(500);

/// The time between two attempts to write to a busy file.
const RETRY_INTERVAL: Duration = Duration::from_secs(2);

/// The handle to the history.
pub struct CellHistory {
    jobs: mpsc::Sender<Job>,
}

enum Job {
    Add { line: usize, code: String },
    SetOutput { line: usize, output: String },
    Find { request: HistoryRequest, answer: oneshot::Sender<Vec<HistoryEntry>> },
    Finish { done: oneshot::Sender<()> },
}

impl CellHistory {
    /// Starts to keep the history, in the file that the user wants.
    pub fn start() -> CellHistory {
        CellHistory::keep_in(file(std::env::var_os(VARIABLE)))
    }

    fn keep_in(file: Option<PathBuf>) -> CellHistory {
        let (sender, jobs) = mpsc::channel();
        let thread = std::thread::Builder::new().name("history".into());
        thread.spawn(move || Keeper::new(file).work(jobs)).expect("a thread can be started");
        CellHistory { jobs: sender }
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
        tokio::time::timeout(ANSWER_TIMEOUT, answered).await.ok().and_then(Result::ok).unwrap_or_default()
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

/// A change that is to be written.
#[derive(Clone, Deserialize, Serialize)]
enum Change {
    Add { line: usize, code: String },
    SetOutput { line: usize, output: String },
}

impl Change {
    fn write(&self, archive: &mut Archive) -> rusqlite::Result<()> {
        match self {
            Change::Add { line, code } => archive.add(*line, code),
            Change::SetOutput { line, output } => archive.set_output(*line, output),
        }
    }
}

/// The state of the thread.
struct Keeper {
    /// `None` as long as another program keeps the file from being opened.
    archive: Option<Archive>,
    /// `None` when the history is in memory.
    file: Option<PathBuf>,
    /// The changes that are not written yet, in their order.
    pending: VecDeque<Change>,
    /// The time of the last attempt, if the file was busy then.
    was_busy: Option<Instant>,
}

impl Keeper {
    fn new(file: Option<PathBuf>) -> Keeper {
        let archive = file.is_none().then(Archive::in_memory);
        let mut keeper = Keeper { archive, file, pending: VecDeque::new(), was_busy: None };
        keeper.flush();
        keeper
    }

    fn work(mut self, jobs: mpsc::Receiver<Job>) {
        loop {
            let job = match self.is_behind() {
                false => jobs.recv().map_err(RecvTimeoutError::from),
                true => jobs.recv_timeout(RETRY_INTERVAL),
            };
            match job {
                Ok(Job::Add { line, code }) => self.pending.push_back(Change::Add { line, code }),
                Ok(Job::SetOutput { line, output }) => {
                    self.pending.push_back(Change::SetOutput { line, output });
                }
                Ok(Job::Find { request, answer }) => drop(answer.send(self.find(&request))),
                Ok(Job::Finish { done }) => {
                    self.finish();
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.flush();
        }
    }

    fn is_behind(&self) -> bool {
        self.archive.is_none() || !self.pending.is_empty()
    }

    /// Writes the pending changes, unless the file was busy a moment ago.
    fn flush(&mut self) {
        if self.was_busy.is_none_or(|time| time.elapsed() >= RETRY_INTERVAL) {
            self.flush_now();
        }
    }

    /// Writes the pending changes. Changes that a busy file does not take stay; another failure moves the history to memory.
    fn flush_now(&mut self) {
        self.was_busy = None;
        match self.write_pending() {
            Ok(()) => {}
            Err(error) if archive::is_busy(&error) => self.was_busy = Some(Instant::now()),
            Err(error) => {
                if let Some(path) = self.file.take() {
                    complain(&path, &error);
                }
                self.archive = Some(self.in_memory());
                self.pending.clear();
            }
        }
    }

    fn write_pending(&mut self) -> anyhow::Result<()> {
        let archive = match (&mut self.archive, &self.file) {
            (Some(archive), _) => archive,
            (none, Some(path)) => {
                let mut archive = open(path)?;
                leftover::take_in(path, &mut archive)?;
                none.insert(archive)
            }
            (none, None) => none.insert(Archive::in_memory()),
        };
        while let Some(change) = self.pending.front() {
            change.write(archive)?;
            self.pending.pop_front();
        }
        Ok(())
    }

    /// A copy in memory, with the pending changes.
    fn in_memory(&self) -> Archive {
        let mut copy = self.archive.as_ref().map_or_else(Archive::in_memory, Archive::to_memory);
        for change in &self.pending {
            if let Err(error) = change.write(&mut copy) {
                eprintln!("threadbook: a cell is missing in the history: {error}");
            }
        }
        copy
    }

    fn find(&mut self, request: &HistoryRequest) -> Vec<HistoryEntry> {
        self.flush();
        let found = match &self.archive {
            Some(archive) if self.pending.is_empty() => archive.find(request),
            _ => self.in_memory().find(request),
        };
        found.unwrap_or_else(|error| {
            eprintln!("threadbook: the history cannot be read: {error}");
            Vec::new()
        })
    }

    /// Writes the pending changes. If the file is busy for too long, they go to a file beside it for the next session.
    fn finish(&mut self) {
        let asked = Instant::now();
        while self.is_behind() && asked.elapsed() < FINISH_TIMEOUT {
            self.flush_now();
        }
        if let Some(file) = self.file.as_ref().filter(|_| !self.pending.is_empty()) {
            let session = self.archive.as_ref().and_then(Archive::session);
            match leftover::write(file, session, self.pending.iter()) {
                Ok(()) => self.pending.clear(),
                Err(error) => complain(file, &error),
            }
        }
    }
}

/// Opens the file. A damaged one is moved aside, under a name that no other has.
fn open(path: &Path) -> anyhow::Result<Archive> {
    match Archive::open(path) {
        Err(error) if archive::is_damaged(&error) && path.is_file() => {
            let aside = move_aside(path)?;
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

/// Gives a file the name with `.damaged` behind it, or the first with `.damaged-2` and so on that is free.
fn move_aside(path: &Path) -> std::io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".damaged");
        if number > 1 {
            aside.push(format!("-{number}"));
        }
        // A link replaces nothing, unlike a new name.
        match std::fs::hard_link(path, &aside) {
            Ok(()) => return std::fs::remove_file(path).map(|()| aside.into()),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
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

    async fn codes(history: &CellHistory) -> Vec<String> {
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
        let history = CellHistory::keep_in(Some(path.clone()));
        history.add(1, "one");
        history.finish().await;
        let again = CellHistory::keep_in(Some(path));
        assert_eq!(codes(&again).await, ["one"]);
        let aside = fs::read_to_string(directory.path().join("history.sqlite.damaged")).unwrap();
        assert!(aside.starts_with("garbage"));
    }

    #[tokio::test]
    async fn no_damaged_file_replaces_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        for damage in ["one", "two", "three"] {
            fs::write(&path, damage.repeat(1000)).unwrap();
            let history = CellHistory::keep_in(Some(path.clone()));
            history.add(1, damage);
            history.finish().await;
            assert_eq!(codes(&history).await, [damage]);
        }
        for (name, damage) in [("", "one"), ("-2", "two"), ("-3", "three")] {
            let aside = directory.path().join(format!("history.sqlite.damaged{name}"));
            assert!(fs::read_to_string(aside).unwrap().starts_with(damage));
        }
    }

    /// Another program that holds the file until this is dropped.
    fn hold(path: &Path) -> rusqlite::Connection {
        let holder = rusqlite::Connection::open(path).unwrap();
        holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
        holder
    }

    #[tokio::test]
    async fn a_busy_file_is_written_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        let history = CellHistory::keep_in(Some(path.clone()));
        history.add(1, "one");
        history.finish().await;
        let holder = hold(&path);
        history.add(2, "two");
        history.set_output(2, "2".into());
        history.add(3, "three");
        // What is pending is found, also while what is written cannot be read.
        assert!(codes(&history).await.ends_with(&["two".into(), "three".into()]));
        drop(holder);
        history.finish().await;
        let archive = Archive::open(&path).unwrap();
        let all = HistoryRequest::Range { session: Some(1), start: 1, stop: 0, output: false, raw: true };
        assert_eq!(archive.find(&all).unwrap().len(), 3);
    }

    #[tokio::test]
    async fn nothing_is_lost_when_the_file_is_busy_at_the_start_or_at_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        drop(Archive::open(&path).unwrap());
        let holder = hold(&path);
        let history = CellHistory::keep_in(Some(path.clone()));
        history.add(1, "one");
        history.set_output(1, "1".into());
        history.finish().await;
        drop(history);
        drop(holder);
        let left = || {
            let files = fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name());
            files.filter(|name| name.to_string_lossy().contains(leftover::SUFFIX)).count()
        };
        assert_eq!(left(), 1);
        let later = CellHistory::keep_in(Some(path));
        later.add(1, "two");
        assert_eq!(codes(&later).await, ["one", "two"]);
        assert_eq!(left(), 0);
    }

    #[tokio::test]
    async fn without_a_place_for_the_file_it_is_kept_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let blocked = directory.path().join("a file");
        fs::write(&blocked, "").unwrap();
        let history = CellHistory::keep_in(Some(blocked.join("history.sqlite")));
        history.add(1, "one");
        assert_eq!(codes(&history).await, ["one"]);
    }

    #[tokio::test]
    async fn when_the_file_cannot_be_written_any_more_nothing_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        let history = CellHistory::keep_in(Some(path.clone()));
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
