//! What a task store answers: rows, results, and what is needed to send a piece
//! again.

use super::bundle;
use super::error::TaskStoreError;
use super::filter::{self, Condition, Kind};
use super::functions;
use super::insert::{failure_kind, output_of};
use super::writer::{Book, unlink};
use bytes::Bytes;
use rhumba_proto::id::{BlobId, EngineId};
use rhumba_proto::message::{
    Failure, FailureKind, Operation, Outcome, Payload, Terms, Timing, Work,
};
use rhumba_proto::record::{
    Fetched, PieceName, Question, Step, StoreAnswer, Value, decode_flat, encode_rows,
};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Statement, params_from_iter};

/// An answer that is larger is refused, as it would have to be in memory.
const ANSWER_BYTES_MAX: usize = 256 << 20;

pub(super) fn answer(
    book: &mut Book,
    question: &Question,
) -> Result<(StoreAnswer, Payload), TaskStoreError> {
    match question {
        Question::Find { filter, keys } => find(book, filter, keys),
        Question::Purge { filter } => {
            let count = purge(book, filter)?;
            Ok((StoreAnswer::Purged { count }, Payload::default()))
        }
        Question::Parcel { piece } => parcel(book, piece),
        Question::Resubmitted { piece, by } => {
            let id = filter::row_of(book, piece, true)?.ok_or_else(|| unknown(book, piece))?;
            let name = format!("{}-{}_{}", book.session_name, by.client, by.request);
            let connection = &book.database.connection;
            connection.execute(
                "UPDATE pieces SET resubmitted = ? WHERE id = ?",
                rusqlite::params![name, id],
            )?;
            Ok((StoreAnswer::Noted, Payload::default()))
        }
        Question::State => Ok((StoreAnswer::Noted, Payload::default())),
    }
}

fn unknown(book: &Book, piece: &PieceName) -> TaskStoreError {
    let session = piece.session.as_deref().unwrap_or(&book.session_name);
    let engine = piece.engine.map(|engine| format!(".{engine}"));
    TaskStoreError::Unknown(format!(
        "there is no record of {session}-{}_{}{}: it was never asked for, or it was removed as it \
         was too old or somebody purged it",
        piece.task.client,
        piece.task.request,
        engine.unwrap_or_default(),
    ))
}

fn find(
    book: &Book,
    steps: &[Step],
    keys: &[String],
) -> Result<(StoreAnswer, Payload), TaskStoreError> {
    let keys: Vec<_> = keys
        .iter()
        .map(|name| filter::find(name))
        .collect::<Result<_, _>>()?;
    let Condition { sql, parameters } = filter::condition(book, steps)?;
    let columns: Vec<String> = keys
        .iter()
        .map(|key| match key.kind {
            Kind::Payload => format!("{}_file, {}", key.sql, key.sql),
            _ => format!("NULL, {}", key.sql),
        })
        .collect();
    let columns = match columns.is_empty() {
        true => "NULL".to_owned(),
        false => columns.join(", "),
    };
    let select = format!(
        "SELECT {columns} {} WHERE {sql} ORDER BY p.id",
        filter::FROM
    );
    let mut select = prepare(book, &select)?;
    let mut found = select.query(params_from_iter(parameters))?;
    let (mut rows, mut buffers, mut bytes) = (Vec::new(), Vec::new(), 0);
    while let Some(row) = found.next()? {
        let mut values = Vec::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            let value = match key.kind {
                Kind::Payload => {
                    let payload = payload(book, row, 2 * index, 2 * index + 1)?;
                    let payload = payload.unwrap_or_default();
                    bytes += usize::try_from(payload.bytes()).unwrap_or(usize::MAX);
                    let first = buffers.len() as u32;
                    let count = payload.buffers.len() as u32;
                    buffers.extend(payload.buffers);
                    Value::Buffers { first, count }
                }
                _ => value(row.get_ref(2 * index + 1)?),
            };
            bytes += match &value {
                Value::Text(text) => text.len() + 32,
                _ => 32,
            };
            values.push(value);
        }
        if bytes > ANSWER_BYTES_MAX {
            return Err(TaskStoreError::Question(format!(
                "the answer would be larger than {} MiB: ask for fewer keys, or for fewer records",
                ANSWER_BYTES_MAX >> 20
            )));
        }
        rows.push(values);
    }
    let mut payload = encode_rows(&rows);
    let pages = payload.len() as u32;
    payload.extend(buffers);
    Ok((StoreAnswer::Rows { pages }, payload.into()))
}

/// Prepares a question. All that it is made of is well-formed, so that it fails
/// only by its size.
fn prepare<'a>(book: &'a Book, question: &str) -> Result<Statement<'a>, TaskStoreError> {
    let connection = &book.database.connection;
    connection.prepare(question).map_err(|error| match error {
        rusqlite::Error::SqlInputError { .. } => TaskStoreError::Question(
            "the filter is too large for one question: ask with fewer conditions, or with fewer \
             values in one"
                .to_owned(),
        ),
        error => error.into(),
    })
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null | ValueRef::Blob(_) => Value::None,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
    }
}

/// Returns a payload from its row or its file; `None` if it isn't kept.
fn payload(
    book: &Book,
    row: &Row<'_>,
    file: usize,
    inline: usize,
) -> Result<Option<Payload>, TaskStoreError> {
    let damaged = || TaskStoreError::Damaged {
        path: book.database.name.clone(),
        detail: "a payload is not as it was written".to_owned(),
    };
    let content = match row.get::<_, Option<Vec<u8>>>(inline)? {
        Some(content) => Bytes::from(content),
        None => {
            let Some(file) = row.get::<_, Option<Vec<u8>>>(file)? else {
                return Ok(None);
            };
            let path = book.file_path(&file).ok_or_else(damaged)?;
            let content = std::fs::read(path)?;
            if *blake3::hash(&content).as_bytes() != file[..] {
                return Err(damaged());
            }
            Bytes::from(content)
        }
    };
    bundle::unpack(content).map(Some).ok_or_else(damaged)
}

fn purge(book: &mut Book, steps: &[Step]) -> Result<u64, TaskStoreError> {
    let Condition { sql, parameters } = filter::condition(book, steps)?;
    let select = format!(
        "SELECT p.id {} WHERE p.status IS NOT NULL AND ({sql})",
        filter::FROM
    );
    let ids = {
        let mut select = prepare(book, &select)?;
        let ids = select.query_map(params_from_iter(parameters), |row| row.get::<_, i64>(0))?;
        ids.collect::<Result<Vec<_>, _>>()?
    };
    let mut unused = Vec::new();
    let before = (book.records, book.bytes);
    let removed = book.in_transaction(|book| {
        for id in &ids {
            unused.extend(book.remove(*id)?);
        }
        Ok(())
    });
    if removed.is_err() {
        (book.records, book.bytes) = before;
    }
    removed?;
    unlink(&unused);
    functions::shrink(&book.database.connection);
    Ok(ids.len() as u64)
}

/// Returns how a piece ended, with its result.
pub(super) fn fetch(book: &Book, piece: &PieceName) -> Result<(Fetched, Payload), TaskStoreError> {
    let id = filter::row_of(book, piece, false)?.ok_or_else(|| unknown(book, piece))?;
    let connection = &book.database.connection;
    let mut select = connection.prepare_cached(
        "SELECT status, failure, ename, evalue, traceback, started_us, completed_us, engine,
            result_bytes, result_file, result
         FROM pieces WHERE id = ?",
    )?;
    let mut rows = select.query([id])?;
    let row = rows.next()?.ok_or_else(|| unknown(book, piece))?;
    let status: Option<String> = row.get(0)?;
    let (outcome, payload) = match status.as_deref() {
        Some("ok") => {
            let bytes: Option<i64> = row.get(8)?;
            match payload(book, row, 9, 10)? {
                Some(payload) => (Outcome::Done, payload),
                None if bytes.unwrap_or(0) == 0 => (Outcome::Done, Payload::default()),
                None => (
                    Outcome::Failed(too_large(bytes.unwrap_or(0))),
                    Payload::default(),
                ),
            }
        }
        Some(_) => (Outcome::Failed(failure(row)?), Payload::default()),
        None => (Outcome::Failed(lost()), Payload::default()),
    };
    let us = |value: Option<i64>| value.unwrap_or(0).unsigned_abs();
    let fetched = Fetched {
        engine: row.get::<_, Option<u32>>(7)?.map(EngineId),
        outcome,
        timing: Timing {
            started_us: us(row.get(5)?),
            completed_us: us(row.get(6)?),
        },
        outputs: Vec::new(),
    };
    let mut select = connection
        .prepare_cached("SELECT kind, text FROM outputs WHERE piece = ? ORDER BY number")?;
    let outputs = select.query_map([id], |row| {
        Ok(output_of(&row.get::<_, String>(0)?, row.get(1)?))
    })?;
    let outputs = outputs.collect::<Result<Vec<_>, _>>()?;
    let outputs = outputs.into_iter().flatten().collect();
    Ok((Fetched { outputs, ..fetched }, payload))
}

fn failure(row: &Row<'_>) -> Result<Failure, TaskStoreError> {
    let kind: Option<String> = row.get(1)?;
    let text = |index: usize| -> Result<String, TaskStoreError> {
        Ok(row.get::<_, Option<String>>(index)?.unwrap_or_default())
    };
    Ok(Failure {
        kind: kind
            .and_then(|kind| failure_kind(&kind))
            .unwrap_or(FailureKind::Raised),
        exception: text(2)?,
        message: text(3)?,
        traceback: text(4)?,
    })
}

fn too_large(bytes: i64) -> Failure {
    not_there(format!(
        "this result of {bytes} bytes was given to who asked for it and is too large to be kept \
         for others as well"
    ))
}

fn lost() -> Failure {
    not_there("how this ended is not recorded, as there was too much to record".to_owned())
}

fn not_there(message: String) -> Failure {
    Failure {
        kind: FailureKind::Invalid,
        exception: "TaskStoreError".to_owned(),
        message,
        traceback: String::new(),
    }
}

/// Returns all that is needed to send a piece again.
fn parcel(book: &Book, piece: &PieceName) -> Result<(StoreAnswer, Payload), TaskStoreError> {
    let id = filter::row_of(book, piece, true)?.ok_or_else(|| unknown(book, piece))?;
    let connection = &book.database.connection;
    let mut select = connection.prepare_cached(
        "SELECT operation, function, terms, target, arguments_bytes, arguments_file, arguments,
            label FROM pieces WHERE id = ?",
    )?;
    let mut rows = select.query([id])?;
    let row = rows.next()?.ok_or_else(|| unknown(book, piece))?;
    let damaged = || TaskStoreError::Damaged {
        path: book.database.name.clone(),
        detail: "a record is not as it was written".to_owned(),
    };
    let operation: Operation = decode_flat(&row.get::<_, Vec<u8>>(0)?).ok_or_else(damaged)?;
    let terms = match row.get::<_, Option<Vec<u8>>>(2)? {
        Some(terms) => decode_flat(&terms).ok_or_else(damaged)?,
        None => Terms::default(),
    };
    let arguments = match payload(book, row, 5, 6)? {
        Some(payload) => payload,
        None if row.get::<_, i64>(4)? == 0 => Payload::default(),
        None => {
            return Err(TaskStoreError::Told(
                "this can't be sent again: its arguments were too large to be kept".to_owned(),
            ));
        }
    };
    let function = row.get::<_, Option<Vec<u8>>>(1)?;
    let (function, function_name, content) = match function {
        None => (None, String::new(), Payload::default()),
        Some(function) => {
            let (name, content) = function_of(book, &function)?;
            let id = <[u8; 32]>::try_from(function).map_err(|_| damaged())?;
            (Some(BlobId(id)), name, content)
        }
    };
    let target: Option<u32> = row.get(3)?;
    let function_buffers = content.buffers.len() as u32;
    let buffers = content.buffers.into_iter().chain(arguments.buffers);
    let answer = StoreAnswer::Parcel {
        work: Work {
            operation,
            function,
        },
        function_name,
        terms,
        targets: target.into_iter().map(EngineId).collect(),
        label: row.get(7)?,
        function_buffers,
    };
    Ok((answer, buffers.collect::<Vec<_>>().into()))
}

fn function_of(book: &Book, function: &[u8]) -> Result<(String, Payload), TaskStoreError> {
    let mut select = book
        .database
        .connection
        .prepare_cached("SELECT name, content FROM functions WHERE function = ?")?;
    let row = select.query_row([function], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
    });
    let (name, content) = row.optional()?.unwrap_or_default();
    let content = content.and_then(|content| bundle::unpack(content.into()));
    match content {
        Some(content) => Ok((name, content)),
        None => Err(TaskStoreError::Told(
            "this can't be sent again: its function was too large to be kept".to_owned(),
        )),
    }
}
