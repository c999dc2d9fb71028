//! Rows: how a piece, its payloads and its output are put into the tables.
//!
//! Small payloads are in their row; larger ones are files named by their hash,
//! each there once however many rows name it.

use super::bundle;
use super::error::TaskStoreError;
use super::writer::{Book, int};
use crate::home;
use bytes::Bytes;
use rhumba_proto::id::ClientId;
use rhumba_proto::message::{
    Dependency, Failure, FailureKind, Operation, Outcome, Output, Payload, TaskName, Terms,
};
use rhumba_proto::record::{Accepted, Ended, Record, encode_flat};
use rusqlite::params;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Instant;

/// A payload up to this size is in its row.
const INLINE_BYTES_MAX: u64 = 4 << 10;

/// A larger payload is kept only if nobody else has it.
const KEPT_BYTES_MAX: u64 = 4 << 20;

/// A larger payload isn't kept in any case.
const WANTED_BYTES_MAX: u64 = 1 << 30;

/// No larger function is kept.
const FUNCTION_BYTES_MAX: u64 = 16 << 20;

/// Of what one piece prints and displays, so much is kept.
const OUTPUT_BYTES_MAX: u64 = 1 << 20;

/// What a row takes besides its texts and payloads, about.
const ROW_BYTES: u64 = 200;

/// What happened to a piece and isn't written.
pub(super) struct Draft {
    /// When it was submitted, and as what; `None` if its row is there.
    pub(super) accepted: Option<(u64, Box<Accepted>)>,
    pub(super) outputs: Vec<Output>,
    pub(super) ended: Option<(u64, Box<Ended>)>,
    pub(super) since: Instant,
    /// What it counts for in the backlog.
    pub(super) weight: u64,
}

impl Draft {
    pub(super) fn new(accepted: Option<(u64, Box<Accepted>)>, weight: u64) -> Self {
        Self {
            accepted,
            outputs: Vec::new(),
            ended: None,
            since: Instant::now(),
            weight,
        }
    }
}

/// Where a payload has been put.
#[derive(Default)]
struct Stored {
    bytes: i64,
    inline: Option<Bytes>,
    file: Option<[u8; 32]>,
}

impl Stored {
    fn kept_bytes(&self) -> u64 {
        match self.inline.is_some() || self.file.is_some() {
            true => self.bytes.unsigned_abs(),
            false => 0,
        }
    }
}

/// Writes what happened to the piece with this number.
pub(super) fn write(book: &mut Book, number: u64, draft: &Draft) -> Result<(), TaskStoreError> {
    let id = book.row(number);
    match (&draft.accepted, &draft.ended) {
        (Some((at_us, accepted)), ended) => {
            add(book, id, *at_us, accepted, ended.as_ref())?;
        }
        (None, Some((at_us, ended))) => complete(book, id, *at_us, ended)?,
        (None, None) => {}
    }
    if !draft.outputs.is_empty() {
        add_outputs(book, id, &draft.outputs)?;
    }
    Ok(())
}

const ADD: &str = "
    INSERT INTO pieces (
        id, session, client, request, target, is_part, kind, operation, function, code, label,
        terms, after, follow, retries, submitted_us, bytes, arguments_bytes, arguments_file,
        arguments, started_us, completed_us, received_us, engine, status, failure, ename, evalue,
        traceback, result_bytes, result_file, result
    ) VALUES (
        ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
        ?, ?
    )";

fn add(
    book: &mut Book,
    id: i64,
    at_us: u64,
    accepted: &Accepted,
    ended: Option<&(u64, Box<Ended>)>,
) -> Result<(), TaskStoreError> {
    let arguments = store_shared(book, accepted)?;
    let result = match ended {
        Some((_, ended)) => store(book, &ended.payload, ended.omitted_bytes)?,
        None => Stored::default(),
    };
    let end = ended.map(|(at_us, ended)| End::of(*at_us, ended));
    let end = end.unwrap_or_default();
    let operation = &accepted.work.operation;
    let code = code(operation);
    let terms = accepted.terms.as_deref();
    let names = |dependency: Option<&Dependency>| {
        dependency.map(|dependency| names(&book.session_name, &dependency.tasks))
    };
    let (after, follow) = (
        names(terms.and_then(|terms| terms.after.as_deref())),
        names(terms.and_then(|terms| terms.follow.as_deref())),
    );
    let texts = code.map_or(0, str::len) as u64 + end.text_bytes();
    let bytes = ROW_BYTES + texts + arguments.kept_bytes() + result.kept_bytes();
    let function = accepted.work.function.map(|function| function.0);
    let result_bytes = ended.map(|_| result.bytes);
    book.database
        .connection
        .prepare_cached(ADD)?
        .execute(params![
            id,
            book.session,
            accepted.task.client.0,
            int(accepted.task.request.0),
            accepted.target.map(|engine| engine.0),
            accepted.is_part,
            operation.name(),
            encode_flat(operation),
            function.as_ref().map(|function| &function[..]),
            code,
            accepted.label.as_deref(),
            terms.map(encode_flat::<Terms>),
            after,
            follow,
            terms.map_or(0, |terms| terms.retries),
            int(at_us),
            int(bytes),
            arguments.bytes,
            arguments.file.as_ref().map(|file| &file[..]),
            arguments.inline.as_deref(),
            end.started_us,
            end.completed_us,
            end.received_us,
            end.engine,
            end.status,
            end.failure,
            end.ename,
            end.evalue,
            end.traceback,
            result_bytes,
            result.file.as_ref().map(|file| &file[..]),
            result.inline.as_deref(),
        ])?;
    book.records += 1;
    book.bytes += bytes;
    Ok(())
}

const COMPLETE: &str = "
    UPDATE pieces SET
        started_us = ?, completed_us = ?, received_us = ?, engine = ?, status = ?, failure = ?,
        ename = ?, evalue = ?, traceback = ?, result_bytes = ?, result_file = ?, result = ?,
        bytes = bytes + ?
    WHERE id = ?";

fn complete(book: &mut Book, id: i64, at_us: u64, ended: &Ended) -> Result<(), TaskStoreError> {
    let result = store(book, &ended.payload, ended.omitted_bytes)?;
    let end = End::of(at_us, ended);
    let bytes = end.text_bytes() + result.kept_bytes();
    let changed = book
        .database
        .connection
        .prepare_cached(COMPLETE)?
        .execute(params![
            end.started_us,
            end.completed_us,
            end.received_us,
            end.engine,
            end.status,
            end.failure,
            end.ename,
            end.evalue,
            end.traceback,
            result.bytes,
            result.file.as_ref().map(|file| &file[..]),
            result.inline.as_deref(),
            int(bytes),
            id,
        ])?;
    // What was never written, as there was too much, can't be completed.
    if changed > 0 {
        book.bytes += bytes;
    }
    Ok(())
}

/// The columns that say how a piece ended.
#[derive(Default)]
struct End<'a> {
    started_us: Option<i64>,
    completed_us: Option<i64>,
    received_us: Option<i64>,
    engine: Option<u32>,
    status: Option<&'static str>,
    failure: Option<&'static str>,
    ename: Option<&'a str>,
    evalue: Option<&'a str>,
    traceback: Option<&'a str>,
}

impl<'a> End<'a> {
    fn of(at_us: u64, ended: &'a Ended) -> Self {
        let at = |us: u64| (us > 0).then(|| int(us));
        let failure = match &ended.outcome {
            Outcome::Done => None,
            Outcome::Failed(failure) => Some(failure),
        };
        Self {
            started_us: at(ended.timing.started_us),
            completed_us: at(ended.timing.completed_us),
            received_us: Some(int(at_us)),
            engine: ended.engine.map(|engine| engine.0),
            status: Some(status(failure)),
            failure: failure.map(|failure| failure_name(failure.kind)),
            ename: failure.map(|failure| failure.exception.as_str()),
            evalue: failure.map(|failure| failure.message.as_str()),
            traceback: failure.map(|failure| failure.traceback.as_str()),
        }
    }

    fn text_bytes(&self) -> u64 {
        let texts = [self.ename, self.evalue, self.traceback];
        texts.iter().flatten().map(|text| text.len() as u64).sum()
    }
}

fn status(failure: Option<&Failure>) -> &'static str {
    match failure {
        None => "ok",
        Some(failure) if failure.kind == FailureKind::Aborted => "aborted",
        Some(_) => "error",
    }
}

/// Every kind of failure, as it is called in the table.
const FAILURES: [(FailureKind, &str); 9] = [
    (FailureKind::Raised, "Raised"),
    (FailureKind::EngineDied, "EngineDied"),
    (FailureKind::Aborted, "Aborted"),
    (FailureKind::NoEngine, "NoEngine"),
    (FailureKind::Limit, "Limit"),
    (FailureKind::Invalid, "Invalid"),
    (FailureKind::Dependency, "Dependency"),
    (FailureKind::Timeout, "Timeout"),
    (FailureKind::Locked, "Locked"),
];

fn failure_name(kind: FailureKind) -> &'static str {
    let mut names = FAILURES.iter().filter(|(known, _)| *known == kind);
    names.next().map_or("Raised", |(_, name)| name)
}

pub(super) fn failure_kind(name: &str) -> Option<FailureKind> {
    let mut kinds = FAILURES.iter().filter(|(_, known)| *known == name);
    kinds.next().map(|(kind, _)| *kind)
}

fn code(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::Execute { code, .. } => Some(code),
        _ => None,
    }
}

/// Returns the names of what a task depends on, as a JSON list.
fn names(session: &str, tasks: &[TaskName]) -> String {
    let names = tasks.iter().map(|task| {
        let TaskName {
            client: ClientId(client),
            request,
        } = task;
        format!("\"{session}-{client}_{request}\"")
    });
    format!("[{}]", names.collect::<Vec<_>>().join(","))
}

/// Returns a function as it is kept; `None` if it is too large for that.
pub(super) fn function_content(content: &Payload) -> Option<Bytes> {
    (content.bytes() <= FUNCTION_BYTES_MAX).then(|| bundle::pack(content))
}

/// Leaves payloads out of a record that are too large to be kept, so that they
/// needn't stay in memory until it is written.
pub(super) fn omit(record: &mut Record) {
    let (payload, omitted_bytes, bytes_max) = match record {
        Record::Accepted(accepted) => (
            &mut accepted.payload,
            &mut accepted.omitted_bytes,
            KEPT_BYTES_MAX,
        ),
        Record::Ended(ended) => (
            &mut ended.payload,
            &mut ended.omitted_bytes,
            match ended.is_wanted {
                true => WANTED_BYTES_MAX,
                false => KEPT_BYTES_MAX,
            },
        ),
        _ => return,
    };
    let bytes = payload.bytes();
    if bytes > bytes_max {
        *omitted_bytes = bytes;
        *payload = Payload::default();
    }
}

/// Puts a payload where its size says. What was left out has its size all the same.
fn store(book: &Book, payload: &Payload, omitted_bytes: u64) -> Result<Stored, TaskStoreError> {
    store_hashed(book, payload, omitted_bytes, None)
}

/// Puts the arguments of a piece where their size says. Those that the pieces of one request have in
/// common are read once.
fn store_shared(book: &mut Book, accepted: &Accepted) -> Result<Stored, TaskStoreError> {
    let payload = &accepted.payload;
    let known = book.shared.take();
    let known = known.filter(|(known, _)| is_same(known, payload));
    let hash = known.as_ref().map(|(_, hash)| *hash);
    let stored = store_hashed(book, payload, accepted.omitted_bytes, hash)?;
    book.shared = match stored.file {
        Some(file) if accepted.shared_by > 1 => Some((payload.clone(), file)),
        _ => None,
    };
    Ok(stored)
}

/// Whether these are the same buffers in memory, without a look at what is in them.
fn is_same(one: &Payload, other: &Payload) -> bool {
    one.buffers.len() == other.buffers.len()
        && one
            .buffers
            .iter()
            .zip(&other.buffers)
            .all(|(one, other)| one.as_ptr() == other.as_ptr() && one.len() == other.len())
}

/// `hash`: that of the packed payload, if it is known.
fn store_hashed(
    book: &Book,
    payload: &Payload,
    omitted_bytes: u64,
    hash: Option<[u8; 32]>,
) -> Result<Stored, TaskStoreError> {
    if payload.is_empty() {
        return Ok(Stored {
            bytes: int(omitted_bytes),
            ..Stored::default()
        });
    }
    let bytes = bundle::length(payload);
    if bytes <= INLINE_BYTES_MAX || book.database.folder.is_none() {
        return Ok(Stored {
            bytes: int(bytes),
            inline: Some(bundle::pack(payload)),
            file: None,
        });
    }
    let (file, packed) = match hash {
        Some(hash) => (hash, None),
        None => {
            let packed = bundle::pack(payload);
            (*blake3::hash(&packed).as_bytes(), Some(packed))
        }
    };
    let packed = || packed.unwrap_or_else(|| bundle::pack(payload));
    store_file(book, file, bytes, packed)?;
    Ok(Stored {
        bytes: int(bytes),
        inline: None,
        file: Some(file),
    })
}

/// Puts a payload into a file named by its hash, and counts the row that names it.
fn store_file(
    book: &Book,
    file: [u8; 32],
    bytes: u64,
    content: impl FnOnce() -> Bytes,
) -> Result<(), TaskStoreError> {
    let connection = &book.database.connection;
    let is_new = connection
        .prepare_cached(
            "INSERT INTO files (file, bytes, uses) VALUES (?, ?, 1)
                ON CONFLICT (file) DO UPDATE SET uses = uses + 1 RETURNING uses = 1",
        )?
        .query_row(params![&file[..], int(bytes)], |row| row.get(0))?;
    let path = book
        .file_path(&file)
        .filter(|path| is_new || !path.exists());
    if let Some(path) = path {
        if let Some(folder) = path.parent() {
            home::create_private_directory(folder)?;
        }
        let temporary = path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&temporary)?.write_all(&content())?;
        std::fs::rename(&temporary, &path)?;
    }
    Ok(())
}

const ADD_OUTPUT: &str =
    "INSERT OR REPLACE INTO outputs (piece, number, kind, text) VALUES (?, ?, ?, ?)";

fn add_outputs(book: &mut Book, id: i64, outputs: &[Output]) -> Result<(), TaskStoreError> {
    let connection = &book.database.connection;
    let is_there = connection
        .prepare_cached("SELECT 1 FROM pieces WHERE id = ?")?
        .exists([id])?;
    if !is_there {
        return Ok(());
    }
    let (mut count, mut bytes) = book.outputs.get(&id).copied().unwrap_or_default();
    let before = bytes;
    for (kind, text) in merged(outputs) {
        if bytes >= OUTPUT_BYTES_MAX {
            break;
        }
        let kept = cut(&text, OUTPUT_BYTES_MAX - bytes);
        // Text is cut where it is too long; what has a form is kept as a whole.
        let kept = match kind {
            "stdout" | "stderr" => kept,
            _ if kept.len() < text.len() => continue,
            _ => &text,
        };
        connection
            .prepare_cached(ADD_OUTPUT)?
            .execute(params![id, count, kind, kept])?;
        count += 1;
        bytes += kept.len() as u64;
    }
    connection
        .prepare_cached("UPDATE pieces SET bytes = bytes + ? WHERE id = ?")?
        .execute(params![int(bytes - before), id])?;
    book.bytes += bytes - before;
    book.outputs.insert(id, (count, bytes));
    Ok(())
}

/// Returns kinds and texts, where neighbours of one kind are one.
fn merged(outputs: &[Output]) -> Vec<(&'static str, String)> {
    let mut merged: Vec<(&'static str, String)> = Vec::new();
    for output in outputs {
        let (kind, text) = match output {
            Output::Stdout(text) => ("stdout", text.clone()),
            Output::Stderr(text) => ("stderr", text.clone()),
            Output::Display(data) => ("display", serde_json::json!(data).to_string()),
            Output::CellResult { count, data } => {
                ("result", serde_json::json!([count, data]).to_string())
            }
        };
        match merged.last_mut() {
            Some((last, before)) if *last == kind && kind.starts_with("std") => {
                before.push_str(&text);
            }
            _ => merged.push((kind, text)),
        }
    }
    merged
}

/// The value of a cell, as rows have it.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum ResultForms {
    All(Vec<(String, String)>),
    /// What early rows have.
    Text(String),
}

/// Returns an output as it was told; `None` if the row is damaged.
pub(super) fn output_of(kind: &str, text: String) -> Option<Output> {
    match kind {
        "stdout" => Some(Output::Stdout(text)),
        "stderr" => Some(Output::Stderr(text)),
        "display" => serde_json::from_str(&text).ok().map(Output::Display),
        "result" => {
            let (count, data) = serde_json::from_str(&text).ok()?;
            let data = match data {
                ResultForms::All(data) => data,
                ResultForms::Text(text) => vec![("text/plain".to_owned(), text)],
            };
            Some(Output::CellResult { count, data })
        }
        _ => None,
    }
}

/// Returns how much an output holds.
pub(super) fn output_bytes(output: &Output) -> u64 {
    let bytes = match output {
        Output::Stdout(text) | Output::Stderr(text) => text.len(),
        Output::Display(data) | Output::CellResult { data, .. } => data
            .iter()
            .map(|(kind, text)| kind.len() + text.len())
            .sum(),
    };
    bytes as u64
}

/// Returns the beginning of a text, of so many bytes at most.
fn cut(text: &str, bytes_max: u64) -> &str {
    let end = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    &text[..text.floor_char_boundary(end)]
}
