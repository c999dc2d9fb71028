//! The history as it lies on disk: one SQLite file that many shells write at once.
//!
//! Statements and their meaning, nothing else: which thread runs them and what follows from a
//! failure is [`super::writer`]'s. Every statement is short and waits for other shells' at most
//! [`BUSY_TIMEOUT`]. A trigram index over the cells' text makes a search cost what it finds, not
//! what is there.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rhumba_interpreter::history::{HistoryQuery, PastCell};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Row, params};

/// How long one statement waits for another shell's.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The layout that this file knows; a file says in its header which it has.
const LAYOUT: i64 = 1;

const TABLES: &str = "
CREATE TABLE sessions (
    session INTEGER PRIMARY KEY AUTOINCREMENT,
    started_s INTEGER NOT NULL,
    ended_s INTEGER,
    cells INTEGER NOT NULL DEFAULT 0,
    remark TEXT NOT NULL DEFAULT ''
);
CREATE TABLE history (
    id INTEGER PRIMARY KEY,
    session INTEGER NOT NULL,
    line INTEGER NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (session, line)
);
CREATE TABLE output_history (
    session INTEGER NOT NULL,
    line INTEGER NOT NULL,
    output TEXT NOT NULL,
    PRIMARY KEY (session, line)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE history_search USING fts5 (
    source, content='history', content_rowid='id', tokenize='trigram case_sensitive 1'
);
CREATE TRIGGER history_added AFTER INSERT ON history BEGIN
    INSERT INTO history_search (rowid, source) VALUES (new.id, new.source);
END;
CREATE TRIGGER history_removed AFTER DELETE ON history BEGIN
    INSERT INTO history_search (history_search, rowid, source)
    VALUES ('delete', old.id, old.source);
END;
";

/// The columns that make a [`PastCell`].
const CELL: &str = "SELECT history.session, history.line, history.source, output_history.output
    FROM history LEFT JOIN output_history USING (session, line)";

pub type Result<T> = rusqlite::Result<T>;

pub struct Database {
    connection: Connection,
}

impl Database {
    /// Opens the file at `path`, makes it if it isn't there, private to its owner.
    ///
    /// A new one begins with the `imported` cells, under a session of their own.
    ///
    /// # Errors
    /// It can't be made, read or written, or is no history.
    pub fn open(path: &Path, imported: impl FnOnce() -> Vec<String>) -> Result<Self> {
        // SQLite would make it, and the files beside it, readable for others.
        let made = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path);
        if let Err(error) = made
            && error.kind() == io::ErrorKind::PermissionDenied
        {
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
                Some(error.to_string()),
            ));
        }
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        // A power cut may cost the last cells; no crash of a shell does.
        connection.pragma_update(None, "synchronous", "normal")?;
        let mut database = Self { connection };
        database.lay_out(imported)?;
        Ok(database)
    }

    /// A history that ends with this process.
    pub fn in_memory() -> Result<Self> {
        let mut database = Self {
            connection: Connection::open_in_memory()?,
        };
        database.lay_out(Vec::new)?;
        Ok(database)
    }

    /// Opens a file that can't be written as it stands, to read what it holds.
    pub fn open_to_read(path: &Path) -> Result<Self> {
        let location = format!("file:{}?immutable=1", encoded(path));
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(location, flags)?;
        let database = Self { connection };
        database.layout()?;
        Ok(database)
    }

    fn layout(&self) -> Result<i64> {
        self.connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
    }

    fn lay_out(&mut self, imported: impl FnOnce() -> Vec<String>) -> Result<()> {
        match self.layout()? {
            LAYOUT => return Ok(()),
            newer if newer > LAYOUT => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY),
                    Some("a newer rhumba made it".to_owned()),
                ));
            }
            _ => {}
        }
        let change = self
            .connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        // Another shell may have laid it out while this one waited for its turn.
        let layout: i64 = change.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if layout == 0 {
            change.execute_batch(TABLES)?;
            let cells = imported();
            if !cells.is_empty() {
                change.execute(
                    "INSERT INTO sessions (started_s, ended_s, cells, remark)
                     VALUES (?1, ?1, ?2, 'from the history of an earlier version')",
                    params![now_s(), whole(cells.len())],
                )?;
                let session = change.last_insert_rowid();
                let mut insert = change
                    .prepare("INSERT INTO history (session, line, source) VALUES (?1, ?2, ?3)")?;
                for (index, cell) in cells.iter().enumerate() {
                    insert.execute(params![session, whole(index + 1), cell])?;
                }
            }
            change.pragma_update(None, "user_version", LAYOUT)?;
        }
        change.commit()
    }

    /// Begins a session and gives its number.
    pub fn begin_session(&self) -> Result<i64> {
        self.connection.execute(
            "INSERT INTO sessions (started_s) VALUES (?1)",
            params![now_s()],
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    pub fn end_session(&self, session: i64) -> Result<()> {
        self.connection.execute(
            "UPDATE sessions SET ended_s = ?2,
             cells = (SELECT count(*) FROM history WHERE session = ?1) WHERE session = ?1",
            params![session, now_s()],
        )?;
        Ok(())
    }

    /// Runs several changes as one: all of them are kept, or none.
    pub fn together<T>(&mut self, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        match work(self).and_then(|given| {
            self.connection.execute_batch("COMMIT")?;
            Ok(given)
        }) {
            Ok(given) => Ok(given),
            Err(error) => {
                // It may have ended by itself, as when the disk is full.
                let _ = self.connection.execute_batch("ROLLBACK");
                Err(error)
            }
        }
    }

    /// Keeps a cell; one of this number that is there already stays.
    pub fn add_cell(&self, session: i64, line: u32, source: &str) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO history (session, line, source) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![session, line, source])?;
        Ok(())
    }

    /// Keeps the result of a cell; the first that it showed stays.
    pub fn add_output(&self, session: i64, line: u32, output: &str) -> Result<()> {
        self.connection
            .prepare_cached(
                "INSERT OR IGNORE INTO output_history (session, line, output) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![session, line, output])?;
        Ok(())
    }

    /// The cells that answer a query, oldest first.
    pub fn find(&self, query: &HistoryQuery) -> Result<Vec<PastCell>> {
        match query {
            HistoryQuery::Range {
                session,
                first,
                past,
            } => {
                let sql =
                    format!("{CELL} WHERE session = ?1 AND line >= ?2 AND line < ?3 ORDER BY line");
                let past = past.map_or(i64::MAX, i64::from);
                self.cells(&sql, params![session, first, past])
            }
            HistoryQuery::Tail { count } => {
                let sql = format!("{CELL} ORDER BY history.id DESC LIMIT ?1");
                let mut cells = self.cells(&sql, params![count])?;
                cells.reverse();
                Ok(cells)
            }
            HistoryQuery::Search {
                pattern,
                count,
                unique,
            } => {
                let last = if *unique {
                    "GROUP BY source"
                } else {
                    "GROUP BY rowid"
                };
                let sql = format!(
                    "SELECT history.session, history.line, history.source, output_history.output
                     FROM (SELECT max(rowid) AS id FROM history_search
                           WHERE source GLOB ?1 {last}) AS found
                     JOIN history ON history.id = found.id
                     LEFT JOIN output_history USING (session, line)
                     ORDER BY history.id DESC LIMIT ?2"
                );
                let limit = count.map_or(-1, i64::from);
                let mut cells = self.cells(&sql, params![pattern, limit])?;
                cells.reverse();
                Ok(cells)
            }
        }
    }

    /// The text of the last `count` cells, oldest first, without those that repeat the one before.
    pub fn recent(&self, count: usize) -> Result<Vec<String>> {
        let mut statement = self
            .connection
            .prepare("SELECT source FROM history ORDER BY id DESC LIMIT ?1")?;
        let mut sources: Vec<String> = statement
            .query_map(params![whole(count)], |row| row.get(0))?
            .collect::<Result<_>>()?;
        sources.reverse();
        sources.dedup();
        Ok(sources)
    }

    /// Removes all but the last `keep` cells and gives how many went.
    pub fn trim(&mut self, keep: u64) -> Result<usize> {
        let removed = self.together(|database| {
            let connection = &database.connection;
            let last: Option<i64> = connection
                .query_row(
                    "SELECT id FROM history ORDER BY id DESC LIMIT 1 OFFSET ?1",
                    params![i64::try_from(keep).unwrap_or(i64::MAX)],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(last) = last else { return Ok(0) };
            connection.execute(
                "DELETE FROM output_history WHERE (session, line) IN
                 (SELECT session, line FROM history WHERE id <= ?1)",
                params![last],
            )?;
            let removed =
                connection.execute("DELETE FROM history WHERE id <= ?1", params![last])?;
            connection.execute(
                "DELETE FROM sessions WHERE ended_s IS NOT NULL
                 AND session NOT IN (SELECT session FROM history)",
                [],
            )?;
            Ok(removed)
        })?;
        if removed > 0 {
            self.connection.execute_batch("VACUUM")?;
            // What was removed must not go on lying beside the file.
            self.connection
                .pragma_update(None, "wal_checkpoint", "truncate")?;
        }
        Ok(removed)
    }

    fn cells(&self, sql: &str, values: impl rusqlite::Params) -> Result<Vec<PastCell>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let cells = statement.query_map(values, past_cell)?;
        cells.collect()
    }
}

/// Whether an error says that what is in the file is no history any more.
pub fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt)
    )
}

/// Whether an error only says that other shells had the file for too long.
pub fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

/// What an error says to a person, without the words of the library.
pub fn reason(error: &rusqlite::Error) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full".to_owned(),
        Some(ErrorCode::ReadOnly) => match error {
            rusqlite::Error::SqliteFailure(_, Some(detail)) if detail.starts_with("a newer") => {
                detail.clone()
            }
            _ => "it can't be written".to_owned(),
        },
        Some(ErrorCode::CannotOpen) => "it can't be opened".to_owned(),
        Some(ErrorCode::PermissionDenied) => "permission denied".to_owned(),
        Some(ErrorCode::SystemIoFailure) => "the disk gives an error".to_owned(),
        _ if is_busy(error) => "another process keeps it locked".to_owned(),
        _ if is_damage(error) => "it is damaged".to_owned(),
        _ => match error {
            // Without the statement, which nobody here has written.
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            _ => error.to_string(),
        },
    }
}

fn past_cell(row: &Row<'_>) -> Result<PastCell> {
    Ok(PastCell {
        session: row.get(0)?,
        line: row.get(1)?,
        source: row.get(2)?,
        output: row.get(3)?,
    })
}

/// A count as SQLite has it.
fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// A path as a `file:` location has it.
fn encoded(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;

    let mut text = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                text.push(char::from(*byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
impl Database {
    /// How SQLite means to answer a query.
    pub fn plan(&self, sql: &str) -> String {
        let query = format!("EXPLAIN QUERY PLAN {sql}");
        self.connection
            .query_row(&query, [], |row| row.get(3))
            .expect("every query has a plan")
    }
}
