//! The archive of the history: a small SQLite database, in a file or in memory.
//!
//! Several kernels may use one file, so every change is a transaction, and waits a while for those of
//! others. The journal is SQLite's plain one: the faster write-ahead log does not work in a home directory
//! on a network.

use jupyter_protocol::{HistoryEntry, HistoryRequest};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, TransactionBehavior, ffi};
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

/// The number of cells that are kept; the oldest are removed first.
const KEEP: i64 = 10_000;

/// No more of a result's text is kept, in bytes.
const MAX_OUTPUT: usize = 16 << 10;

/// No more of a cell's text is kept, in bytes.
const MAX_SOURCE: usize = 64 << 10;

/// The time to wait for another program, before the change is tried again later.
const BUSY: Duration = Duration::from_secs(1);

/// Marks the file as ours (`Thrd`), with the version of its layout.
const MARK: (i32, i32) = (0x5468_7264, 1);

const LAYOUT: &str = "
    CREATE TABLE cells (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        line INTEGER NOT NULL,
        source TEXT NOT NULL,
        output TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX cells_by_line ON cells (session, line);
";

/// The cells of this session and of earlier ones.
pub struct Archive {
    connection: Connection,
    /// The number of this session; it has none before its first cell, so that no session is empty.
    session: Option<i64>,
}

impl Archive {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    ///
    /// Those of SQLite (see [`is_damaged`]), and if the file is that of another program.
    pub fn open(path: &Path) -> anyhow::Result<Archive> {
        if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
            threadbook_private::directory(directory)?;
        }
        // SQLite gives its journal the mode of the file.
        drop(threadbook_private::file(path)?);
        Archive::new(Connection::open(path)?)
    }

    /// An archive that ends with the process.
    pub fn in_memory() -> Archive {
        let made = Connection::open_in_memory().map_err(Into::into).and_then(Archive::new);
        made.expect("SQLite works in memory")
    }

    fn new(mut connection: Connection) -> anyhow::Result<Archive> {
        connection.busy_timeout(BUSY)?;
        if mark(&connection)? == (0, 0) {
            // Another kernel may be doing the same.
            let making = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let tables: i64 = making.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
            if tables == 0 {
                making.execute_batch(LAYOUT)?;
                making.pragma_update(None, "application_id", MARK.0)?;
                making.pragma_update(None, "user_version", MARK.1)?;
            }
            making.commit()?;
        }
        if mark(&connection)? != MARK {
            anyhow::bail!("it is not a history of this version of Threadbook");
        }
        let found: String = connection.query_row("PRAGMA quick_check(1)", (), |row| row.get(0))?;
        if found != "ok" {
            return Err(
                rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(found)).into()
            );
        }
        Ok(Archive { connection, session: None })
    }

    /// A copy in memory of the readable rest.
    pub fn to_memory(&self) -> Archive {
        let mut copy = Archive::in_memory();
        copy.session = self.session;
        let copied = self.copy_into(&copy.connection);
        if let Err(error) = copied {
            eprintln!("threadbook: a part of the history cannot be read: {error}");
        }
        copy
    }

    fn copy_into(&self, copy: &Connection) -> rusqlite::Result<()> {
        let mut cells = self.connection.prepare("SELECT id, session, line, source, output FROM cells")?;
        let mut insert = copy.prepare("INSERT INTO cells VALUES (?, ?, ?, ?, ?)")?;
        let mut rows = cells.query(())?;
        while let Some(row) = rows.next()? {
            let (id, session, line): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            insert.execute((id, session, line, row.get::<_, String>(3)?, row.get::<_, String>(4)?))?;
        }
        Ok(())
    }

    /// Notes the code of execution `line` of this session.
    pub fn add(&mut self, line: usize, code: &str) -> rusqlite::Result<()> {
        const INSERT: &str = "
            INSERT INTO cells (session, line, source)
            VALUES (coalesce(?1, (SELECT coalesce(max(session), 0) + 1 FROM cells)), ?2, ?3)
            RETURNING session, id";
        let adding = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let new = (self.session, line as i64, shortened(code, MAX_SOURCE));
        let (session, id): (i64, i64) =
            adding.query_row(INSERT, new, |row| Ok((row.get(0)?, row.get(1)?)))?;
        adding.execute("DELETE FROM cells WHERE id <= ?", [id - KEEP])?;
        adding.commit()?;
        self.session = Some(session);
        Ok(())
    }

    /// The number of this session, once it has one.
    pub fn session(&self) -> Option<i64> {
        self.session
    }

    /// Writes the changes that another session has left.
    pub fn write_for(
        &mut self,
        session: Option<i64>,
        write: impl FnOnce(&mut Archive) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let own = std::mem::replace(&mut self.session, session);
        let written = write(self);
        self.session = own;
        written
    }

    /// Notes the result of execution `line` of this session.
    pub fn set_output(&mut self, line: usize, output: &str) -> rusqlite::Result<()> {
        const UPDATE: &str = "UPDATE cells SET output = ? WHERE session = ? AND line = ?";
        let kept = shortened(output, MAX_OUTPUT);
        self.connection.execute(UPDATE, (kept, self.session, line as i64))?;
        Ok(())
    }

    /// Answers a history request, oldest first. Cells are kept as they were typed, so `raw` has no effect.
    pub fn find(&self, request: &HistoryRequest) -> rusqlite::Result<Vec<HistoryEntry>> {
        match request {
            HistoryRequest::Tail { n, output, .. } => self.tail(*n, *output),
            HistoryRequest::Range { session, start, stop, output, .. } => {
                self.range(session.unwrap_or(0), *start, *stop, *output)
            }
            HistoryRequest::Search { pattern, unique, output, n, .. } => {
                self.search(pattern, *unique, *n, *output)
            }
        }
    }

    /// The last `n` cells; those of this session come after all others.
    fn tail(&self, n: i32, output: bool) -> rusqlite::Result<Vec<HistoryEntry>> {
        const TAIL: &str = "
            SELECT session, line, source, output FROM cells ORDER BY session IS ?1 DESC, id DESC LIMIT ?2";
        let mut found = self.entries(TAIL, (self.session, n.max(0)), output)?;
        found.reverse();
        Ok(found)
    }

    /// The cells of a session from `start` to before `stop`, or to its end if that is zero. As in IPython,
    /// sessions up to zero are relative to this one, and lines below zero to the session's end.
    fn range(
        &self,
        session: i32,
        start: i32,
        stop: i32,
        output: bool,
    ) -> rusqlite::Result<Vec<HistoryEntry>> {
        const RANGE: &str = "
            SELECT session, line, source, output FROM cells
            WHERE session = ? AND line >= ? AND line < ? ORDER BY line";
        let session = if session > 0 { i64::from(session) } else { self.current()? + i64::from(session) };
        let last = "SELECT max(line) FROM cells WHERE session = ?";
        let last: Option<i64> = self.connection.query_row(last, [session], |row| row.get(0))?;
        let end = last.unwrap_or(0) + 1;
        let from_end = |line: i32| if line < 0 { end + i64::from(line) } else { i64::from(line) };
        let stop = if stop == 0 { end } else { from_end(stop) };
        self.entries(RANGE, (session, from_end(start), stop), output)
    }

    /// The cells that fit a pattern, where `*` is any text and `?` any one character: the last `n`, or all
    /// if that is zero. Of equal ones only the latest if `unique`.
    fn search(
        &self,
        pattern: &str,
        unique: bool,
        n: i32,
        output: bool,
    ) -> rusqlite::Result<Vec<HistoryEntry>> {
        let latest = if unique { "GROUP BY source" } else { "GROUP BY id" };
        // Beside max(), SQLite takes the other columns from the row that has the maximum.
        let search = format!(
            "SELECT session, line, source, output, max(id) AS latest FROM cells
             WHERE source GLOB ? {latest} ORDER BY latest DESC LIMIT ?"
        );
        // In code, a bracket is a bracket.
        let pattern = pattern.replace('[', "[[]");
        let mut found = self.entries(&search, (pattern, if n > 0 { n } else { -1 }), output)?;
        found.reverse();
        Ok(found)
    }

    /// The number of this session, or the one that it will get.
    fn current(&self) -> rusqlite::Result<i64> {
        let last = "SELECT session FROM cells ORDER BY session DESC LIMIT 1";
        match self.session {
            Some(session) => Ok(session),
            None => Ok(self.connection.query_row(last, (), |row| row.get(0)).optional()?.unwrap_or(0) + 1),
        }
    }

    fn entries(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        output: bool,
    ) -> rusqlite::Result<Vec<HistoryEntry>> {
        let entry = |row: &Row| {
            let (session, line) = (row.get::<_, i64>(0)? as usize, row.get::<_, i64>(1)? as usize);
            let source = row.get(2)?;
            Ok(match output {
                true => HistoryEntry::InputOutput(session, line, (source, row.get(3)?)),
                false => HistoryEntry::Input(session, line, source),
            })
        };
        self.connection.prepare(sql)?.query_map(parameters, entry)?.collect()
    }
}

/// The beginning of a text that is longer than `max` bytes.
fn shortened(text: &str, max: usize) -> Cow<'_, str> {
    match text.len() <= max {
        true => text.into(),
        false => format!("{}…", &text[..text.floor_char_boundary(max)]).into(),
    }
}

/// Whether an error means that another program uses the file at the moment.
pub fn is_busy(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref().and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether an error means that the file is no database, or not a whole one.
pub fn is_damaged(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref().and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

fn mark(connection: &Connection) -> rusqlite::Result<(i32, i32)> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0));
    Ok((pragma("application_id")?, pragma("user_version")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CELLS: [&str; 4] = ["let a = 1;", "a", "let b = [2];", "a"];

    fn fill(mut archive: Archive) -> Archive {
        for (index, code) in CELLS.iter().enumerate() {
            archive.add(index + 1, code).unwrap();
        }
        archive
    }

    fn places(archive: &Archive, request: HistoryRequest) -> Vec<(usize, usize)> {
        let place = |entry| match entry {
            HistoryEntry::Input(session, line, _) | HistoryEntry::InputOutput(session, line, _) => {
                (session, line)
            }
        };
        archive.find(&request).unwrap().into_iter().map(place).collect()
    }

    fn tail(n: i32) -> HistoryRequest {
        HistoryRequest::Tail { n, output: false, raw: true }
    }

    fn range(session: i32, start: i32, stop: i32) -> HistoryRequest {
        HistoryRequest::Range { session: Some(session), start, stop, output: false, raw: true }
    }

    fn search(pattern: &str, unique: bool, n: i32) -> HistoryRequest {
        HistoryRequest::Search { pattern: pattern.into(), unique, output: false, raw: true, n }
    }

    #[test]
    fn tail_range_and_search_find_what_they_should() {
        let archive = fill(Archive::in_memory());
        assert_eq!(places(&archive, tail(2)), [(1, 3), (1, 4)]);
        assert_eq!(places(&archive, tail(9)).len(), 4);
        assert_eq!(places(&archive, tail(-1)), []);
        assert_eq!(places(&archive, range(0, 2, 4)), [(1, 2), (1, 3)]);
        assert_eq!(places(&archive, range(1, 3, 0)), [(1, 3), (1, 4)]);
        assert_eq!(places(&archive, range(0, -2, 0)), [(1, 3), (1, 4)]);
        assert_eq!(places(&archive, range(0, 1, -3)), [(1, 1)]);
        assert_eq!(places(&archive, range(7, 1, 4)), []);
        assert_eq!(places(&archive, range(-1, 1, 4)), []);
        assert_eq!(places(&archive, search("let ?*", false, 0)), [(1, 1), (1, 3)]);
        assert_eq!(places(&archive, search("a", true, 0)), [(1, 4)]);
        assert_eq!(places(&archive, search("*", true, 0)), [(1, 1), (1, 3), (1, 4)]);
        assert_eq!(places(&archive, search("*", false, 1)), [(1, 4)]);
        assert_eq!(places(&archive, search("*[2]*", false, 0)), [(1, 3)]);
        assert_eq!(places(&archive, search("", false, 0)), []);
    }

    #[test]
    fn outputs_are_told_if_asked_for_and_cut_if_long() {
        let mut archive = fill(Archive::in_memory());
        archive.set_output(2, "1").unwrap();
        archive.set_output(4, &"ä".repeat(MAX_OUTPUT)).unwrap();
        let request = HistoryRequest::Range { session: None, start: 2, stop: 0, output: true, raw: true };
        let found = archive.find(&request).unwrap();
        let output = |at: usize| match &found[at] {
            HistoryEntry::InputOutput(_, _, (_, output)) => output.as_str(),
            HistoryEntry::Input(..) => panic!("no output"),
        };
        assert_eq!((output(0), output(1)), ("1", ""));
        assert!(output(2).ends_with("ä…") && output(2).len() <= MAX_OUTPUT + "…".len());
    }

    #[test]
    fn a_long_cell_is_cut_and_the_file_is_private() {
        use std::os::unix::fs::MetadataExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/history.sqlite");
        let mut archive = Archive::open(&path).unwrap();
        archive.add(1, &"ö".repeat(10 * MAX_SOURCE)).unwrap();
        archive.add(2, &"o".repeat(MAX_SOURCE)).unwrap();
        let found = archive.find(&range(0, 1, 0)).unwrap();
        let length = |entry: &HistoryEntry| match entry {
            HistoryEntry::Input(_, _, code) | HistoryEntry::InputOutput(_, _, (code, _)) => code.len(),
        };
        let lengths: Vec<_> = found.iter().map(length).collect();
        assert_eq!(lengths, [MAX_SOURCE + "…".len(), MAX_SOURCE]);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn sessions_are_counted_and_earlier_ones_are_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/history.sqlite");
        drop(fill(Archive::open(&path).unwrap()));
        let mut second = Archive::open(&path).unwrap();
        assert_eq!(places(&second, range(0, 1, 0)), []);
        assert_eq!(places(&second, range(-1, 4, 0)), [(1, 4)]);
        second.add(1, "c").unwrap();
        assert_eq!(places(&second, range(0, 1, 0)), [(2, 1)]);
        assert_eq!(places(&second, range(-1, 4, 0)), [(1, 4)]);
        assert_eq!(places(&second, tail(2)), [(1, 4), (2, 1)]);
    }

    #[test]
    fn two_kernels_write_to_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("history.sqlite");
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // As the thread of the history does it.
                    let mut archive = loop {
                        match Archive::open(&path) {
                            Err(error) if is_busy(&error) => {}
                            opened => break opened.unwrap(),
                        }
                    };
                    for line in 1..=50 {
                        while let Err(error) = archive.add(line, "code") {
                            assert!(is_busy(&error.into()));
                        }
                    }
                    let own = archive.session.unwrap() as usize;
                    assert_eq!(places(&archive, range(0, 1, 0)).len(), 50);
                    assert!(places(&archive, tail(50)).iter().all(|&(session, _)| session == own));
                });
            }
        });
        assert_eq!(places(&Archive::open(&path).unwrap(), search("code", false, 0)).len(), 100);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut archive = fill(Archive::in_memory());
        archive.connection.execute("UPDATE cells SET id = id + ? WHERE id > 2", [KEEP - 1]).unwrap();
        archive.add(5, "new").unwrap();
        assert_eq!(places(&archive, tail(9)), [(1, 3), (1, 4), (1, 5)]);
    }

    #[test]
    fn what_is_no_history_of_ours_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.sqlite");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
        let error = Archive::open(&path).err().unwrap();
        assert!(!is_damaged(&error) && error.to_string().contains("not a history"), "{error}");
        std::fs::write(&path, "no database at all, but long enough to be looked at".repeat(99)).unwrap();
        assert!(is_damaged(&Archive::open(&path).err().unwrap()));
    }
}
