//! What checkpoints that were replaced let go of, in bytes: when that is much, the store cleans
//! itself. An engine that is saved after every request would fill the disk otherwise.
//!
//! It is a file of numbers, one for each checkpoint that was replaced, eight bytes each and
//! little-endian. It is a guess: the same bytes may be dropped twice, or be needed by others.
//! What is garbage is decided by [`super::Store::clean`] alone.

use super::chunk::ChunkId;
use super::folder::FILE_MODE;
use super::manifest::Manifest;
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// More than this is cleaned away.
const BYTES_MAX: u64 = 256 << 20;

/// After as many replacements it is cleaned whatever they dropped: each may
/// leave files that are small and many.
const COUNT_MAX: usize = 1000;

/// Returns how much a new checkpoint lets go of what the one before needed.
pub(super) fn between(before: &Manifest, after: &Manifest) -> u64 {
    let needed: BTreeSet<ChunkId> = after.chunk_ids().collect();
    let dropped = before
        .chunks
        .iter()
        .filter(|chunk| !needed.contains(&chunk.id));
    dropped.map(|chunk| chunk.bytes).sum()
}

/// Notes what was dropped. Returns whether it is time to clean.
pub(super) fn note(path: &Path, bytes: u64) -> io::Result<bool> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(&bytes.to_le_bytes())?;
    let noted = std::fs::read(path)?;
    let (numbers, _) = noted.as_chunks::<8>();
    let total = numbers.iter().fold(0, |total: u64, bytes| {
        total.saturating_add(u64::from_le_bytes(*bytes))
    });
    Ok(total > BYTES_MAX || numbers.len() > COUNT_MAX)
}
