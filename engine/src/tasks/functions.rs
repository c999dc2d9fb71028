//! Functions: each is kept once, for as long as a piece that is kept names it.
//!
//! A client tells a function once and names it afterwards, also when all that
//! named it before was removed. So the latest stay at hand in memory, where they
//! are the controller's own buffers for as long as clients know them.

use super::error::TaskStoreError;
use super::insert;
use super::writer::{Book, int};
use rhumba_proto::message::Payload;
use rhumba_proto::record::Record;
use rusqlite::{OptionalExtension, params};
use std::collections::{HashMap, HashSet, VecDeque};

/// So much of functions stays at hand: what a client takes for known.
const AT_HAND_BYTES_MAX: u64 = 64 << 20;

/// So many stay at hand.
const AT_HAND_COUNT_MAX: usize = 50_000;

#[derive(Default)]
pub(super) struct Functions {
    /// Those that have a row for certain.
    written: HashSet<[u8; 32]>,
    /// What they are called, and their content.
    at_hand: HashMap<[u8; 32], (String, Payload)>,
    oldest_first: VecDeque<[u8; 32]>,
    at_hand_bytes: u64,
}

impl Functions {
    /// Takes a function that pieces may name from now on.
    pub(super) fn take(&mut self, record: &Record) {
        let Record::FunctionStored {
            blob,
            name,
            content,
        } = record
        else {
            unreachable!("only functions are put there")
        };
        if !self.at_hand.contains_key(&blob.0) {
            self.at_hand_bytes += content.bytes();
            self.at_hand.insert(blob.0, (name.clone(), content.clone()));
            self.oldest_first.push_back(blob.0);
        }
    }

    /// Lets go of the oldest, if there are more than may be.
    pub(super) fn forget_oldest(&mut self) {
        while (self.at_hand_bytes > AT_HAND_BYTES_MAX || self.at_hand.len() > AT_HAND_COUNT_MAX)
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            if let Some((_, content)) = self.at_hand.remove(&oldest) {
                self.at_hand_bytes -= content.bytes();
            }
        }
    }

    /// Forgets which have a row, as what was written may be gone.
    pub(super) fn doubt_written(&mut self) {
        self.written.clear();
    }
}

/// Writes a function that a piece names, unless it is written.
pub(super) fn write(book: &mut Book, function: [u8; 32]) -> Result<(), TaskStoreError> {
    if book.functions.written.contains(&function) {
        return Ok(());
    }
    let Some((name, content)) = book.functions.at_hand.get(&function) else {
        return Ok(());
    };
    let content = insert::function_content(content);
    let added = book
        .database
        .connection
        .prepare_cached(
            "INSERT OR IGNORE INTO functions (function, name, content) VALUES (?, ?, ?)",
        )?
        .execute(params![&function[..], name, content.as_deref()])?;
    if added > 0 {
        book.bytes += content.map_or(0, |content| content.len() as u64);
    }
    book.functions.written.insert(function);
    Ok(())
}

/// Removes a function after a piece that named it, if it was the last one.
pub(super) fn release(book: &mut Book, function: &[u8]) -> Result<(), TaskStoreError> {
    let connection = &book.database.connection;
    let is_named = connection
        .prepare_cached("SELECT 1 FROM pieces WHERE function = ? LIMIT 1")?
        .exists([function])?;
    if is_named {
        return Ok(());
    }
    let removed: Option<Option<i64>> = connection
        .prepare_cached("DELETE FROM functions WHERE function = ? RETURNING length(content)")?
        .query_row([function], |row| row.get(0))
        .optional()?;
    let bytes = removed.flatten().unwrap_or(0).unsigned_abs();
    book.bytes = book.bytes.saturating_sub(bytes);
    if let Ok(function) = <[u8; 32]>::try_from(function) {
        book.functions.written.remove(&function);
    }
    Ok(())
}

/// Removes what no piece names, which a crash or an earlier rhumba left. Returns
/// how many bytes of functions there are.
pub(super) fn clean(connection: &rusqlite::Connection) -> Result<u64, TaskStoreError> {
    connection.execute(
        "DELETE FROM functions WHERE NOT EXISTS
            (SELECT 1 FROM pieces WHERE pieces.function = functions.function)",
        [],
    )?;
    let bytes: Option<i64> =
        connection.query_row("SELECT sum(length(content)) FROM functions", [], |row| {
            row.get(0)
        })?;
    Ok(bytes.unwrap_or(0).unsigned_abs())
}

/// Gives the disk back what a file has no use for, where that is most of it and
/// the rest is soon written.
pub(super) fn shrink(connection: &rusqlite::Connection) {
    let number = |name: &str| -> i64 {
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
            .unwrap_or(0)
    };
    let (all, unused) = (number("page_count"), number("freelist_count"));
    let rest_bytes = (all - unused) * number("page_size");
    if unused > all / 2 && rest_bytes <= int(AT_HAND_BYTES_MAX) {
        // Where that fails the room is used again, and nothing is lost.
        let _ = connection.execute_batch("VACUUM");
        let _ = connection.pragma_update(None, "wal_checkpoint", "TRUNCATE");
    }
}
