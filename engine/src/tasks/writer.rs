//! The store's thread: gathers what happens to pieces, and writes it in groups.
//!
//! A piece that begins and ends within one group is written once, as a whole.
//! One that lasts is written as it is, and completed later. What can't be
//! written is kept and tried again, for as long as the backlog allows. The rows
//! themselves are in [`super::insert`].

use super::answers;
use super::error::TaskStoreError;
use super::functions::{self, Functions};
use super::insert::{self, Draft};
use super::schema::{self, Database};
use super::{Backlog, Limits, Order, Place, Reply, now_us, weight};
use crate::cluster_file::ClusterFile;
use rhumba_proto::id::ClientId;
use rhumba_proto::message::Payload;
use rhumba_proto::record::{Question, Record, StoreAnswer, StoreState};
use rusqlite::params;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// What happens within this time is written together.
const GROUP_TIME: Duration = Duration::from_millis(100);

/// No more pieces than this are written together.
const GROUP_COUNT_MAX: usize = 50_000;

/// A piece that lasts longer has a row before it has ended.
const PENDING_AFTER: Duration = Duration::from_millis(500);

/// How long it is waited after something could not be written.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// When there is too much, so much of it goes at once, in parts of ten.
const CULLED_TENTHS: u64 = 1;

/// Rows that are looked at in one step as the oldest are removed.
const CULL_COUNT: i64 = 1000;

/// Finds the row of a payload's file. Asked once for each file as a store is opened.
pub(super) const KNOWN_FILE: &str = "SELECT 1 FROM files WHERE file = ?";

pub(super) struct Writer {
    place: Place,
    cluster_file: PathBuf,
    limits: Limits,
    pub(super) backlog: Arc<Backlog>,
    /// `None` before it is used first, and after it could not be opened.
    book: Option<Book>,
    /// Why the file can't be used, for good.
    refusal: Option<TaskStoreError>,
    /// Why nothing could be written the last time.
    problem: Option<String>,
    retry_at: Option<Instant>,
    /// By number: what isn't written.
    drafts: BTreeMap<u64, Draft>,
    clients: Vec<(ClientId, String, u32)>,
    functions: Vec<(Record, u64)>,
    /// Since when something waits to be written.
    waiting_since: Option<Instant>,
}

/// An open store, and what is remembered of what is in it.
pub(super) struct Book {
    pub(super) database: Database,
    pub(super) session: i64,
    /// What this controller's pieces are called by.
    pub(super) session_name: String,
    /// The row of piece 0 of this controller.
    pub(super) base: i64,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) functions: Functions,
    /// The latest arguments that several pieces have in common, and their hash. It outlives no group:
    /// it keeps the buffers.
    pub(super) shared: Option<(Payload, [u8; 32])>,
    /// By row: how many outputs of an unfinished piece are written, and their bytes.
    pub(super) outputs: HashMap<i64, (i64, u64)>,
    /// Everything before this row was looked at to be removed.
    cursor: i64,
    /// Rows before that which had not ended then, and have since.
    overdue: VecDeque<i64>,
}

impl Writer {
    pub(super) fn new(
        place: Place,
        cluster_file: &Path,
        limits: Limits,
        backlog: Arc<Backlog>,
    ) -> Self {
        Self {
            place,
            cluster_file: cluster_file.to_owned(),
            limits,
            backlog,
            book: None,
            refusal: None,
            problem: None,
            retry_at: None,
            drafts: BTreeMap::new(),
            clients: Vec::new(),
            functions: Vec::new(),
            waiting_since: None,
        }
    }

    /// Carries out orders until it is told to end.
    pub(super) fn run(&mut self, orders: &Receiver<Order>, reply: &dyn Fn(Reply)) {
        loop {
            let order = match self.deadline() {
                None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => orders.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match order {
                Ok(Order::Records { at_us, records }) => {
                    let now = Instant::now();
                    self.waiting_since = Some(self.waiting_since.map_or(now, |at| at.min(now)));
                    for record in records {
                        self.take(at_us, record);
                    }
                    if self.drafts.len() >= GROUP_COUNT_MAX && self.is_due_to_retry() {
                        self.write(true);
                    }
                }
                Ok(Order::Ask {
                    client,
                    query,
                    question,
                }) => {
                    let (answer, payload) = self.answer(&question);
                    reply(Reply::Answered {
                        client,
                        query,
                        answer,
                        payload,
                    });
                }
                Ok(Order::Fetch {
                    client,
                    request,
                    piece,
                }) => {
                    let fetched = self.ready().and_then(|book| answers::fetch(book, &piece));
                    let (fetched, payload) = match fetched {
                        Ok((fetched, payload)) => (Ok(fetched), payload),
                        Err(error) => (Err(error.failure()), Payload::default()),
                    };
                    reply(Reply::Fetched {
                        client,
                        request,
                        fetched,
                        payload,
                    });
                }
                Err(RecvTimeoutError::Timeout) => self.write(false),
                Ok(Order::Close) | Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.close();
    }

    fn deadline(&self) -> Option<Instant> {
        let due = self.waiting_since? + GROUP_TIME;
        Some(self.retry_at.map_or(due, |at| at.max(due)))
    }

    fn is_due_to_retry(&self) -> bool {
        self.retry_at.is_none_or(|at| at <= Instant::now())
    }

    fn take(&mut self, at_us: u64, record: Record) {
        let bytes = weight(&record);
        match record {
            Record::ClientJoined { client, name, pid } => {
                self.clients.push((client, name, pid));
                self.backlog.release(bytes);
            }
            Record::FunctionStored { .. } => self.functions.push((record, bytes)),
            Record::Accepted(accepted) => {
                let draft = Draft::new(Some((at_us, accepted)), bytes);
                self.drafts.insert(draft_number(&draft), draft);
            }
            Record::Printed { number, output } => {
                let draft = self.drafts.entry(number);
                let draft = draft.or_insert_with(|| Draft::new(None, 0));
                draft.weight += bytes;
                draft.outputs.push(output);
            }
            Record::Ended(ended) => {
                let draft = self.drafts.entry(ended.number);
                let draft = draft.or_insert_with(|| Draft::new(None, 0));
                draft.weight += bytes;
                draft.ended = Some((at_us, ended));
            }
        }
    }

    /// Opens the store, once.
    fn open(&mut self) -> Result<(), TaskStoreError> {
        if self.book.is_some() {
            return Ok(());
        }
        let book = schema::open(&self.place).and_then(|database| {
            let name = database.name.clone();
            let session = session_name(&self.cluster_file);
            Book::open(database, session).map_err(|error| error.about(&name))
        });
        self.book = Some(book?);
        Ok(())
    }

    /// Returns the store with everything written, or why it can't be used.
    fn ready(&mut self) -> Result<&mut Book, TaskStoreError> {
        self.write(true);
        if let Some(refusal) = &self.refusal {
            return Err(TaskStoreError::Told(refusal.to_string()));
        }
        if let Some(problem) = &self.problem {
            return Err(TaskStoreError::Told(problem.clone()));
        }
        self.open()?;
        Ok(self.book.as_mut().expect("it was opened just now"))
    }

    fn answer(&mut self, question: &Question) -> (StoreAnswer, Payload) {
        if *question == Question::State {
            self.write(true);
            return (StoreAnswer::State(self.state()), Payload::default());
        }
        let answered = self.ready().and_then(|book| {
            let name = book.database.name.clone();
            answers::answer(book, question).map_err(|error| error.about(&name))
        });
        answered.unwrap_or_else(|error| (StoreAnswer::Failed(error.failure()), Payload::default()))
    }

    fn state(&self) -> StoreState {
        let book = self.book.as_ref();
        let refusal = self.refusal.as_ref().map(ToString::to_string);
        StoreState {
            path: match &self.place {
                Place::Memory => String::new(),
                Place::File { path, .. } => path.display().to_string(),
            },
            records: book.map_or(0, |book| book.records),
            bytes: book.map_or(0, |book| book.bytes),
            records_max: self.limits.records_max,
            bytes_max: self.limits.bytes_max,
            lost: self.backlog.lost(),
            problem: refusal.or_else(|| self.problem.clone()),
        }
    }

    /// Writes what waits; what has only begun, if `everything` is asked for.
    fn write(&mut self, everything: bool) {
        if self.refusal.is_some() {
            self.drop_all();
            return;
        }
        if !self.is_due_to_retry() && !everything {
            return;
        }
        if self.waiting_since.is_none() && self.drafts.is_empty() {
            return;
        }
        let written = self.open().and_then(|()| self.write_group(everything));
        match written {
            Ok(()) => {
                self.retry_at = None;
                if self.problem.take().is_some() {
                    tracing::info!("the task store is written again");
                }
            }
            Err(error) if error.may_pass() => {
                self.retry_at = Some(Instant::now() + RETRY_PAUSE);
                let problem = error.to_string();
                if self.problem.as_ref() != Some(&problem) {
                    tracing::warn!("{problem}");
                    self.problem = Some(problem);
                }
            }
            Err(error) => {
                tracing::error!("{error}");
                self.book = None;
                self.refusal = Some(error);
                self.drop_all();
            }
        }
    }

    /// Lets go of what can't ever be written.
    fn drop_all(&mut self) {
        let drafts = std::mem::take(&mut self.drafts);
        let functions = std::mem::take(&mut self.functions);
        self.clients.clear();
        self.waiting_since = None;
        let lost = &self.backlog.lost;
        lost.fetch_add(drafts.len() as u64, std::sync::atomic::Ordering::Relaxed);
        let bytes = drafts.values().map(|draft| draft.weight).sum::<u64>();
        let of_functions = functions.iter().map(|(_, bytes)| bytes).sum::<u64>();
        self.backlog.release(bytes + of_functions);
    }

    fn write_group(&mut self, everything: bool) -> Result<(), TaskStoreError> {
        let book = self.book.as_mut().expect("it was opened by the caller");
        let name = book.database.name.clone();
        let now = Instant::now();
        let numbers = |drafts: &BTreeMap<u64, Draft>| -> Vec<u64> {
            let is_due = |draft: &Draft| {
                everything
                    || draft.ended.is_some()
                    || !draft.outputs.is_empty()
                    || now.duration_since(draft.since) >= PENDING_AFTER
            };
            let due = drafts.iter().filter(|(_, draft)| is_due(draft));
            due.map(|(number, _)| *number).collect()
        };
        let due = numbers(&self.drafts);
        let before = (book.records, book.bytes);
        let printing = due
            .iter()
            .filter(|number| !self.drafts[*number].outputs.is_empty());
        let outputs_before: Vec<_> = printing
            .map(|number| book.row(*number))
            .map(|id| (id, book.outputs.get(&id).copied()))
            .collect();
        for (function, _) in &self.functions {
            book.functions.take(function);
        }
        let (clients, drafts) = (&self.clients, &self.drafts);
        let result = book.in_transaction(|book| {
            for (client, name, pid) in clients {
                book.add_client(*client, name, *pid)?;
            }
            // Those of pieces that are written later, too: they may not be at hand then.
            let accepted = drafts.values().filter_map(|draft| draft.accepted.as_ref());
            for (_, accepted) in accepted {
                if let Some(function) = accepted.work.function {
                    functions::write(book, function.0)?;
                }
            }
            for number in &due {
                insert::write(book, *number, &drafts[number])?;
            }
            Ok(())
        });
        book.shared = None;
        if let Err(error) = result {
            (book.records, book.bytes) = before;
            book.put_outputs_back(outputs_before);
            return Err(error.about(&name));
        }
        book.functions.forget_oldest();
        self.forget_written(&due, now);
        let book = self.book.as_mut().expect("it was written just now");
        book.cull(self.limits).map_err(|error| error.about(&name))
    }

    /// Lets go of what has been written: clients, functions and these pieces.
    fn forget_written(&mut self, due: &[u64], now: Instant) {
        let book = self.book.as_mut().expect("it was written just now");
        self.clients.clear();
        let mut written = 0;
        for (_, bytes) in self.functions.drain(..) {
            written += bytes;
        }
        for &number in due {
            let draft = self.drafts.remove(&number);
            let draft = draft.expect("it was there just now");
            written += draft.weight;
            let id = book.row(number);
            if draft.ended.is_some() {
                book.outputs.remove(&id);
                if id < book.cursor {
                    book.overdue.push_back(id);
                }
            }
        }
        self.backlog.release(written);
        self.waiting_since = self.drafts.values().map(|draft| draft.since).min();
        if let Some(since) = &mut self.waiting_since {
            // What has only begun is looked at again when it is time to write it.
            *since = (*since + PENDING_AFTER).max(now);
        }
    }

    /// Writes the rest, and removes a file that nobody wants.
    fn close(&mut self) {
        self.write(true);
        let is_empty = self.book.as_ref().is_some_and(|book| book.records == 0);
        let was_used = self.book.take().is_some();
        if let Place::File { path, is_temporary } = &self.place
            && was_used
            && (is_empty || *is_temporary)
        {
            remove(path);
        }
    }
}

/// Removes the files of a store.
fn remove(path: &Path) {
    let beside = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    // What isn't there needn't be removed; what stays does no harm.
    for file in [path.to_owned(), beside("-wal"), beside("-shm")] {
        let _ = std::fs::remove_file(file);
    }
    let _ = std::fs::remove_dir_all(schema::payload_folder(path));
}

fn draft_number(draft: &Draft) -> u64 {
    let (_, accepted) = draft.accepted.as_ref().expect("it was accepted just now");
    accepted.number
}

/// Returns what clients begin the names of this controller's pieces with. Who
/// asks for anything has read the cluster file, so that it is there.
fn session_name(cluster_file: &Path) -> String {
    match ClusterFile::read(cluster_file) {
        Ok(cluster) => cluster.session(),
        Err(error) => {
            tracing::warn!(%error, "records are named by the process alone");
            format!("0-{:x}", std::process::id())
        }
    }
}

impl Book {
    fn open(database: Database, session_name: String) -> Result<Self, TaskStoreError> {
        let connection = &database.connection;
        connection.execute(
            "INSERT OR IGNORE INTO sessions (name, started_us) VALUES (?, ?)",
            params![session_name, int(now_us())],
        )?;
        let session = connection.query_row(
            "SELECT session FROM sessions WHERE name = ?",
            [&session_name],
            |row| row.get(0),
        )?;
        let last: Option<i64> =
            connection.query_row("SELECT max(id) FROM pieces", [], |row| row.get(0))?;
        // Nobody is left who could tell how these ended.
        connection.execute(
            "UPDATE pieces SET status = 'error', failure = 'EngineDied', ename = 'EngineError',
                evalue = 'the controller ended before this did', received_us = ?
             WHERE status IS NULL",
            [int(now_us())],
        )?;
        let (records, bytes): (i64, Option<i64>) =
            connection.query_row("SELECT count(*), sum(bytes) FROM pieces", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        let of_functions = functions::clean(connection)?;
        let book = Self {
            session,
            session_name,
            base: last.unwrap_or(0) + 1,
            records: records.unsigned_abs(),
            bytes: bytes.unwrap_or(0).unsigned_abs() + of_functions,
            functions: Functions::default(),
            shared: None,
            outputs: HashMap::new(),
            cursor: 0,
            overdue: VecDeque::new(),
            database,
        };
        book.remove_strays()?;
        Ok(book)
    }

    /// Removes files that no row names: what a crash left.
    fn remove_strays(&self) -> Result<(), TaskStoreError> {
        let Some(folder) = &self.database.folder else {
            return Ok(());
        };
        let Ok(entries) = std::fs::read_dir(folder) else {
            return Ok(());
        };
        let connection = &self.database.connection;
        let mut known = connection.prepare(KNOWN_FILE)?;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let hash = blake3::Hash::from_hex(name.as_encoded_bytes());
            let is_known = match &hash {
                Ok(hash) => known.exists([&hash.as_bytes()[..]])?,
                Err(_) => false,
            };
            if !is_known {
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }

    /// Returns the row of one of this controller's pieces.
    pub(super) fn row(&self, number: u64) -> i64 {
        self.base + int(number)
    }

    /// Makes changes that all happen or none.
    pub(super) fn in_transaction<R>(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<R, TaskStoreError>,
    ) -> Result<R, TaskStoreError> {
        self.database.connection.execute_batch("BEGIN IMMEDIATE")?;
        let changed = change(self).and_then(|result| {
            self.database.connection.execute_batch("COMMIT")?;
            Ok(result)
        });
        if changed.is_err() {
            self.functions.doubt_written();
            // Where it was rolled back already there is nothing to do.
            let _ = self.database.connection.execute_batch("ROLLBACK");
        }
        changed
    }

    /// Forgets what was counted of outputs that were not written after all.
    fn put_outputs_back(&mut self, before: Vec<(i64, Option<(i64, u64)>)>) {
        for (id, counted) in before {
            match counted {
                Some(counted) => self.outputs.insert(id, counted),
                None => self.outputs.remove(&id),
            };
        }
    }

    fn add_client(&self, client: ClientId, name: &str, pid: u32) -> Result<(), TaskStoreError> {
        let connection = &self.database.connection;
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO clients (session, client, name, pid) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![self.session, client.0, name, pid])?;
        Ok(())
    }

    /// Removes what ended longest ago, if there is more than may be.
    fn cull(&mut self, limits: Limits) -> Result<(), TaskStoreError> {
        if self.records <= limits.records_max && self.bytes <= limits.bytes_max {
            return Ok(());
        }
        let share = |max: u64| max - max / 10 * CULLED_TENTHS;
        let (records, bytes) = (share(limits.records_max), share(limits.bytes_max));
        let mut removed_files = Vec::new();
        let before = (self.records, self.bytes, self.cursor);
        let overdue = self.overdue.clone();
        let removed = self.in_transaction(|book| {
            while book.records > records || book.bytes > bytes {
                let ids = book.oldest()?;
                if ids.is_empty() {
                    break;
                }
                for id in ids {
                    if book.records <= records && book.bytes <= bytes {
                        book.overdue.push_back(id);
                    } else {
                        removed_files.extend(book.remove(id)?);
                    }
                }
            }
            Ok(())
        });
        if removed.is_err() {
            (self.records, self.bytes, self.cursor) = before;
            self.overdue = overdue;
        }
        removed?;
        unlink(&removed_files);
        Ok(())
    }

    /// Returns some of the oldest rows that have ended, each once.
    fn oldest(&mut self) -> Result<Vec<i64>, TaskStoreError> {
        if !self.overdue.is_empty() {
            let count = self.overdue.len().min(CULL_COUNT as usize);
            return Ok(self.overdue.drain(..count).collect());
        }
        let connection = &self.database.connection;
        let mut select = connection.prepare_cached(
            "SELECT id, status IS NOT NULL FROM pieces WHERE id >= ? ORDER BY id LIMIT ?",
        )?;
        loop {
            let rows = select.query_map(params![self.cursor, CULL_COUNT], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
            })?;
            let rows = rows.collect::<Result<Vec<_>, _>>()?;
            let Some((last, _)) = rows.last() else {
                return Ok(Vec::new());
            };
            self.cursor = last + 1;
            let ended = rows.iter().filter(|(_, has_ended)| *has_ended);
            let ended: Vec<i64> = ended.map(|(id, _)| *id).collect();
            // Those that are unfinished come when they have ended.
            if !ended.is_empty() {
                return Ok(ended);
            }
        }
    }

    /// Removes a row. Returns the files that nobody needs any more.
    pub(super) fn remove(&mut self, id: i64) -> Result<Vec<PathBuf>, TaskStoreError> {
        let connection = &self.database.connection;
        let row = connection
            .prepare_cached(
                "SELECT bytes, arguments_file, result_file, function FROM pieces WHERE id = ?",
            )?
            .query_row([id], |row| {
                let files: [Option<Vec<u8>>; 2] = [row.get(1)?, row.get(2)?];
                let function: Option<Vec<u8>> = row.get(3)?;
                Ok((row.get::<_, i64>(0)?, files, function))
            });
        let (bytes, files, function) = match row {
            Ok(row) => row,
            Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        connection
            .prepare_cached("DELETE FROM pieces WHERE id = ?")?
            .execute([id])?;
        connection
            .prepare_cached("DELETE FROM outputs WHERE piece = ?")?
            .execute([id])?;
        let mut unused = Vec::new();
        for file in files.into_iter().flatten() {
            unused.extend(self.release_file(&file)?);
        }
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes.unsigned_abs());
        if let Some(function) = function {
            functions::release(self, &function)?;
        }
        Ok(unused)
    }

    fn release_file(&self, file: &[u8]) -> Result<Option<PathBuf>, TaskStoreError> {
        let connection = &self.database.connection;
        let uses: i64 = connection
            .prepare_cached("UPDATE files SET uses = uses - 1 WHERE file = ? RETURNING uses")?
            .query_row([file], |row| row.get(0))?;
        if uses > 0 {
            return Ok(None);
        }
        connection
            .prepare_cached("DELETE FROM files WHERE file = ?")?
            .execute([file])?;
        Ok(self.file_path(file))
    }

    /// Returns where the payload of this hash is.
    pub(super) fn file_path(&self, file: &[u8]) -> Option<PathBuf> {
        let name: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
        self.database
            .folder
            .as_ref()
            .map(|folder| folder.join(name))
    }
}

/// Removes files that no row names any more; one that stays is removed when the
/// store is opened again.
pub(super) fn unlink(files: &[PathBuf]) {
    for file in files {
        let _ = std::fs::remove_file(file);
    }
}

/// Returns a number as SQLite has them. None here reaches 2^63.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
