//! The outer layouts: a snapshot as one run of bytes, and a namespace file, taken apart and put together.
//!
//! What is put together is sealed again, so that damage inside of it gets past the checksum.

use std::ops::Range;

/// A number of seven bits a byte, the lowest first.
pub fn push_number(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads a number, and moves behind it.
fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn text(bytes: &[u8], at: &mut usize) -> Option<()> {
    let length = usize::try_from(number(bytes, at)?).ok()?;
    *at = at.checked_add(length)?;
    (*at <= bytes.len()).then_some(())
}

/// A zero and a CRC-32 stand before a snapshot.
const SNAPSHOT_SEAL_BYTES: usize = 5;

/// The buffers of a snapshot: the table first.
pub fn open_snapshot(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut at = SNAPSHOT_SEAL_BYTES;
    if bytes.first() != Some(&0) {
        return None;
    }
    let count = number(bytes, &mut at)?;
    let mut lengths = Vec::new();
    for _ in 0..count {
        lengths.push(usize::try_from(number(bytes, &mut at)?).ok()?);
    }
    let mut buffers = Vec::new();
    for length in lengths {
        buffers.push(bytes.get(at..at.checked_add(length)?)?.to_vec());
        at += length;
    }
    (at == bytes.len()).then_some(buffers)
}

pub fn close_snapshot(buffers: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; SNAPSHOT_SEAL_BYTES];
    push_number(&mut bytes, buffers.len() as u64);
    for buffer in buffers {
        push_number(&mut bytes, buffer.len() as u64);
    }
    for buffer in buffers {
        bytes.extend_from_slice(buffer);
    }
    let checksum = crc32fast::hash(&bytes[SNAPSHOT_SEAL_BYTES..]);
    bytes[1..SNAPSHOT_SEAL_BYTES].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

const SEAL_BYTES: usize = 64;
const CHUNK_HEAD_BYTES: usize = 16;

/// A namespace file: its manifest, and its chunks as they are when plain.
#[derive(Clone)]
pub struct NamespaceFile {
    /// Magic and version.
    head: [u8; 12],
    pub manifest: Vec<u8>,
    pub chunks: Vec<Vec<u8>>,
}

impl NamespaceFile {
    pub fn open(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..12)?.try_into().ok()?;
        let is_compressed = bytes.get(12)? == &1;
        let plain_bytes = u64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?) as usize;
        let stored_bytes = u64::from_le_bytes(bytes.get(24..32)?.try_into().ok()?) as usize;
        let mut at = SEAL_BYTES.checked_add(stored_bytes)?;
        let manifest = plain(bytes.get(SEAL_BYTES..at)?, is_compressed, plain_bytes)?;
        let mut chunks = Vec::new();
        while at < bytes.len() {
            let head = bytes.get(at..at + CHUNK_HEAD_BYTES)?;
            let plain_bytes = u32::from_le_bytes(head[8..12].try_into().ok()?) as usize;
            let stored_bytes = u32::from_le_bytes(head[12..16].try_into().ok()?) as usize;
            at += CHUNK_HEAD_BYTES;
            let stored = bytes.get(at..at + stored_bytes)?;
            chunks.push(plain(stored, head[5] == 1, plain_bytes)?);
            at += stored_bytes;
        }
        Some(Self {
            head,
            manifest,
            chunks,
        })
    }

    /// Where the manifest has the hash of each chunk, and behind it the chunk's length.
    fn hashes(&self) -> Option<Vec<Range<usize>>> {
        let bytes = &self.manifest;
        let mut at = 0;
        number(bytes, &mut at)?;
        text(bytes, &mut at)?;
        number(bytes, &mut at)?;
        for _ in 0..number(bytes, &mut at)? {
            text(bytes, &mut at)?;
            text(bytes, &mut at)?;
        }
        number(bytes, &mut at)?;
        for _ in 0..number(bytes, &mut at)? {
            text(bytes, &mut at)?;
        }
        let mut hashes = Vec::new();
        for _ in 0..number(bytes, &mut at)? {
            hashes.push(at..at.checked_add(32).filter(|end| *end <= bytes.len())?);
            at += 32;
            number(bytes, &mut at)?;
        }
        Some(hashes)
    }

    /// Writes the hashes of the chunks as they are now into the manifest.
    pub fn rehash(&mut self) {
        let Some(hashes) = self.hashes() else {
            return;
        };
        for (place, chunk) in hashes.into_iter().zip(&self.chunks) {
            self.manifest[place].copy_from_slice(blake3::hash(chunk).as_bytes());
        }
    }

    /// The whole file with a checksum that is right, nothing compressed.
    pub fn close(&self) -> Vec<u8> {
        let mut bytes = self.head.to_vec();
        bytes.extend_from_slice(&0_u32.to_le_bytes());
        for _ in 0..2 {
            bytes.extend_from_slice(&(self.manifest.len() as u64).to_le_bytes());
        }
        bytes.extend_from_slice(&[0; 32]);
        bytes.extend_from_slice(&self.manifest);
        for chunk in &self.chunks {
            bytes.extend_from_slice(b"rhCK\x01\x00\x00\x00");
            for _ in 0..2 {
                bytes.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
            }
            bytes.extend_from_slice(chunk);
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes[..32]);
        hasher.update(&bytes[SEAL_BYTES..]);
        bytes[32..SEAL_BYTES].copy_from_slice(hasher.finalize().as_bytes());
        bytes
    }
}

fn plain(stored: &[u8], is_compressed: bool, plain_bytes: usize) -> Option<Vec<u8>> {
    if is_compressed {
        zstd::bulk::decompress(stored, plain_bytes).ok()
    } else {
        Some(stored.to_vec())
    }
}
