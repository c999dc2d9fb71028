//! The file of a task store: its tables, its version, and how it is opened.
//!
//! What the tables mean is told in docs/task-store.md; a change to them raises
//! [`VERSION`].

use super::Place;
use super::error::TaskStoreError;
use rusqlite::Connection;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of the tables, which is the file's `user_version`.
pub(super) const VERSION: i64 = 1;

/// Marks the file as a task store: "RHMT".
const APPLICATION_ID: i64 = 0x5248_4d54;

/// How long a lock of another program is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);

const TABLES: &str = "
    CREATE TABLE sessions (
        session INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        started_us INTEGER NOT NULL
    );
    CREATE TABLE clients (
        session INTEGER NOT NULL,
        client INTEGER NOT NULL,
        name TEXT NOT NULL,
        pid INTEGER NOT NULL,
        PRIMARY KEY (session, client)
    ) WITHOUT ROWID;
    CREATE TABLE functions (
        function BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        content BLOB
    ) WITHOUT ROWID;
    CREATE TABLE files (
        file BLOB PRIMARY KEY,
        bytes INTEGER NOT NULL,
        uses INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE pieces (
        id INTEGER PRIMARY KEY,
        session INTEGER NOT NULL,
        client INTEGER NOT NULL,
        request INTEGER NOT NULL,
        target INTEGER,
        is_part INTEGER NOT NULL,
        kind TEXT NOT NULL,
        operation BLOB NOT NULL,
        function BLOB,
        code TEXT,
        label TEXT,
        terms BLOB,
        after TEXT,
        follow TEXT,
        retries INTEGER NOT NULL,
        submitted_us INTEGER NOT NULL,
        started_us INTEGER,
        completed_us INTEGER,
        received_us INTEGER,
        engine INTEGER,
        status TEXT,
        failure TEXT,
        ename TEXT,
        evalue TEXT,
        traceback TEXT,
        resubmitted TEXT,
        bytes INTEGER NOT NULL,
        arguments_bytes INTEGER NOT NULL,
        arguments_file BLOB,
        result_bytes INTEGER,
        result_file BLOB,
        arguments BLOB,
        result BLOB
    );
    CREATE INDEX pieces_by_name ON pieces (session, client, request);
    CREATE INDEX pieces_unfinished ON pieces (id) WHERE status IS NULL;
    CREATE TABLE outputs (
        piece INTEGER NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (piece, number)
    ) WITHOUT ROWID;
    CREATE VIEW tasks AS SELECT
        sessions.name || '-' || pieces.client || '_' || pieces.request
            || CASE WHEN is_part THEN '.' || target ELSE '' END AS msg_id,
        clients.name AS client,
        kind,
        functions.name AS function,
        code,
        label,
        coalesce(engine, target) AS engine_id,
        status,
        ename,
        evalue,
        datetime(submitted_us / 1000000, 'unixepoch') AS submitted,
        datetime(pieces.started_us / 1000000, 'unixepoch') AS started,
        datetime(completed_us / 1000000, 'unixepoch') AS completed,
        (completed_us - pieces.started_us) / 1e6 AS seconds,
        arguments_bytes,
        result_bytes,
        pieces.id AS id
    FROM pieces JOIN sessions USING (session)
        LEFT JOIN clients USING (session, client)
        LEFT JOIN functions USING (function);
";

/// An open store.
pub(super) struct Database {
    pub(super) connection: Connection,
    /// Where large payloads are, if not in memory.
    pub(super) folder: Option<PathBuf>,
    /// How it is called in errors.
    pub(super) name: String,
}

/// Opens the store of a place, and makes it if it isn't there.
pub(super) fn open(place: &Place) -> Result<Database, TaskStoreError> {
    match place {
        Place::Memory => {
            let name = "in memory".to_owned();
            let connection = Connection::open_in_memory();
            let opened = connection.map_err(TaskStoreError::from).and_then(prepare);
            Ok(Database {
                connection: opened.map_err(|error| error.about(&name))?,
                folder: None,
                name,
            })
        }
        Place::File { path, .. } => {
            let name = path.display().to_string();
            let opened = open_file(path).map_err(|error| match error {
                TaskStoreError::OtherVersion { found, known, .. } => TaskStoreError::OtherVersion {
                    path: name.clone(),
                    found,
                    known,
                },
                TaskStoreError::Foreign { detail, .. } => TaskStoreError::Foreign {
                    path: name.clone(),
                    detail,
                },
                error => error.about(&name),
            })?;
            Ok(Database {
                connection: opened,
                folder: Some(payload_folder(path)),
                name,
            })
        }
    }
}

/// Returns the folder of large payloads, beside the file.
pub(super) fn payload_folder(path: &Path) -> PathBuf {
    path.with_file_name("task-payloads")
}

fn open_file(path: &Path) -> Result<Connection, TaskStoreError> {
    // SQLite gives the files beside it the mode of this one.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    prepare(connection)
}

fn prepare(connection: Connection) -> Result<Connection, TaskStoreError> {
    let number = |name: &str| -> rusqlite::Result<i64> {
        connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    };
    let (version, application) = (number("user_version")?, number("application_id")?);
    let is_empty = number("schema_version")? == 0;
    if !is_empty && application != APPLICATION_ID {
        return Err(TaskStoreError::Foreign {
            path: String::new(),
            detail: "it is the database of another program".to_owned(),
        });
    }
    if !is_empty && version != VERSION {
        return Err(TaskStoreError::OtherVersion {
            path: String::new(),
            found: version,
            known: VERSION,
        });
    }
    // After a power cut the last moments may be missing, and nothing else.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    if is_empty {
        let marked = format!(
            "BEGIN IMMEDIATE; {TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION}; COMMIT;"
        );
        connection.execute_batch(&marked)?;
    }
    // Beside the tables, so that files of this version get it that have none.
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS pieces_by_function ON pieces (function)
            WHERE function IS NOT NULL",
    )?;
    Ok(connection)
}
