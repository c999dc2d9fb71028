//! The manifest of a checkpoint: when and whose it was, which names it has, and which bytes of
//! which chunks they are.
//!
//! # Shapes
//! Sealed, with little-endian numbers:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | magic: `rhumbaCP` in the store, `rhumbaNS` at the head of a file |
//! | 4 | [`STORE_VERSION`] |
//! | 4 | 0: the body is plain, 1: it is a zstd frame |
//! | 8 | length of the body when it is plain |
//! | 8 | length of the body as it is here |
//! | 32 | BLAKE3 of the 32 bytes before and of all that follows |
//! | … | the body |
//!
//! The body, in numbers of seven bits a byte and texts with their length: when it was made, by
//! whom, the bytecode's version; what was left out (paths and reasons); the length of all buffers;
//! the names; the chunks (hash and length); for each name its externals, its buffers, and their
//! spans.

use super::chunk::{self, ChunkId};
use super::encoding::{Reader, Write};
use super::error::Problem;
use super::layout::{CHUNK_BYTES_MAX, Layout, SegmentLayout, Span};
use super::{Checkpoint, CheckpointInfo, SegmentData, StoreError};
use std::collections::HashMap;

/// The version of manifests, chunks and namespace files.
pub const STORE_VERSION: u32 = 1;

pub(crate) const CHECKPOINT_MAGIC: [u8; 8] = *b"rhumbaCP";
pub(crate) const FILE_MAGIC: [u8; 8] = *b"rhumbaNS";

/// The length of everything before the body.
pub(crate) const SEAL_BYTES: usize = 64;
const CHECKSUM_AT: usize = 32;

/// No manifest is larger than this, and nothing that says it is is believed.
const BODY_BYTES_MAX: u64 = 1 << 30;

/// A manifest of hashes and names doesn't shrink by more than this when it is compressed, unless it is
/// small.
const BODY_FACTOR_MAX: u64 = 256;
const BODY_BYTES_SMALL: u64 = 16 << 20;

/// How much memory each thing that a manifest lists takes while a namespace is read, beside its text.
const NAME_BYTES: usize = 192;
const LEFT_OUT_BYTES: usize = 64;
const EXTERNAL_BYTES: usize = 16;
const BUFFER_BYTES: usize = 128;
const SPAN_BYTES: usize = 64;

/// What is believed of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    chunk_bytes_max: u64,
    /// The bytes of a file that anyone may have made: what it lists may not become much more.
    of_anyone: Option<u64>,
}

impl Limits {
    /// Of what processes of one cluster send each other.
    pub(crate) const MESSAGE: Self = Self {
        chunk_bytes_max: u64::MAX,
        of_anyone: None,
    };

    /// Of what this user keeps, or a file that the user trusts.
    pub(crate) const STORE: Self = Self {
        chunk_bytes_max: CHUNK_BYTES_MAX as u64,
        of_anyone: None,
    };

    /// Of a file of so many bytes that anyone may have made.
    pub(crate) const fn of_anyone(stored: u64) -> Self {
        Self {
            of_anyone: Some(stored),
            ..Self::STORE
        }
    }

    /// Refuses so much memory where a file may not become that.
    fn check(&self, bytes: u64) -> Result<(), Problem> {
        match self.of_anyone {
            Some(stored) if bytes > bytes_allowed(stored) => {
                Err(Problem::Expands { bytes, stored })
            }
            _ => Ok(()),
        }
    }
}

/// How much a file of so many bytes may become, if anyone may have made it.
fn bytes_allowed(stored: u64) -> u64 {
    const BYTES_ALLOWED: u64 = 256 << 20;
    const FACTOR_MAX: u64 = 100;
    BYTES_ALLOWED.max(stored.saturating_mul(FACTOR_MAX))
}

/// The memory of what a body lists, as far as it has been read.
struct Listed {
    bytes: u64,
    limits: Limits,
}

impl Listed {
    fn add(&mut self, bytes: usize) -> Result<(), Problem> {
        self.bytes += bytes as u64;
        self.limits.check(self.bytes)
    }
}

/// A manifest, understood.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) created_us: u64,
    pub(crate) origin: String,
    pub(crate) bytecode: u32,
    pub(crate) left_out: Vec<(String, String)>,
    /// The length of all buffers together.
    pub(crate) bytes_total: u64,
    /// Each is there once, however often it is needed.
    pub(crate) chunks: Vec<ChunkInfo>,
    pub(crate) segments: Vec<SegmentLayout>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkInfo {
    pub(crate) id: ChunkId,
    pub(crate) bytes: u64,
}

impl Manifest {
    /// `ids` are those of the layout's chunks.
    pub(crate) fn new(checkpoint: &Checkpoint, layout: Layout, ids: Vec<ChunkId>) -> Self {
        let mut chunks = Vec::new();
        let mut places: HashMap<ChunkId, u32> = HashMap::new();
        let mut renumbered = Vec::with_capacity(ids.len());
        for (id, content) in ids.into_iter().zip(&layout.chunks) {
            let place = *places.entry(id).or_insert_with(|| {
                let bytes = content.len() as u64;
                chunks.push(ChunkInfo { id, bytes });
                (chunks.len() - 1) as u32
            });
            renumbered.push(place);
        }
        let mut segments = layout.segments;
        let buffers = segments.iter_mut().flat_map(|segment| &mut segment.buffers);
        for span in buffers.flatten() {
            span.chunk = renumbered[span.chunk as usize];
        }
        Self {
            created_us: checkpoint.created_us,
            origin: checkpoint.origin.clone(),
            bytecode: checkpoint.bytecode,
            left_out: checkpoint.left_out.clone(),
            bytes_total: checkpoint.bytes_total(),
            chunks,
            segments,
        }
    }

    pub(crate) fn chunk_ids(&self) -> impl Iterator<Item = ChunkId> {
        self.chunks.iter().map(|chunk| chunk.id)
    }

    pub(crate) fn describe(self, name: String) -> CheckpointInfo {
        CheckpointInfo {
            name,
            created_us: self.created_us,
            size_bytes: self.bytes_total,
            origin: self.origin,
            names: self
                .segments
                .into_iter()
                .map(|segment| segment.name)
                .collect(),
            left_out: self.left_out,
            problem: None,
        }
    }

    pub(crate) fn into_checkpoint(self, name: String, segments: Vec<SegmentData>) -> Checkpoint {
        Checkpoint {
            name,
            created_us: self.created_us,
            origin: self.origin,
            bytecode: self.bytecode,
            segments,
            left_out: self.left_out,
        }
    }

    /// The memory that reading all of it takes: a chunk is read as a whole, however little of it is used.
    fn bytes_read(&self) -> u64 {
        let chunks = self.chunks.iter().map(|chunk| chunk.bytes);
        self.bytes_total.max(chunks.fold(0, u64::saturating_add))
    }

    /// Refuses what can't fit, before anything is allocated for it.
    pub(crate) fn check_memory(&self, what: &str) -> Result<(), StoreError> {
        let (bytes, memory) = (self.bytes_read(), memory_bytes());
        if bytes > memory {
            return Err(StoreError::TooLarge {
                what: what.to_owned(),
                bytes,
                memory,
            });
        }
        Ok(())
    }

    /// Refuses what becomes much more than it is: a file may name one chunk again and again, and a
    /// chunk may be compressed.
    pub(crate) fn check_expansion(&self, what: &str, stored: u64) -> Result<(), StoreError> {
        let check = Limits::of_anyone(stored).check(self.bytes_read());
        check.map_err(|problem| problem.about(what))
    }

    pub(crate) fn to_body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.number(self.created_us);
        body.text(&self.origin);
        body.number(self.bytecode.into());
        body.number(self.left_out.len() as u64);
        for (path, reason) in &self.left_out {
            body.text(path);
            body.text(reason);
        }
        body.number(self.bytes_total);
        body.number(self.segments.len() as u64);
        for segment in &self.segments {
            body.text(&segment.name);
        }
        body.number(self.chunks.len() as u64);
        for chunk in &self.chunks {
            body.extend_from_slice(&chunk.id.0);
            body.number(chunk.bytes);
        }
        for segment in &self.segments {
            body.number(segment.externals.len() as u64);
            for (segment, node) in &segment.externals {
                body.number(u64::from(*segment));
                body.number(u64::from(*node));
            }
            body.number(segment.buffers.len() as u64);
            for spans in &segment.buffers {
                body.number(spans.len() as u64);
                for span in spans {
                    body.number(span.chunk.into());
                    body.number(span.offset);
                    body.number(span.length);
                }
            }
        }
        body
    }

    /// Reads what [`Manifest::to_body`] wrote. Every span is inside its chunk,
    /// and all of them together are as long as is said.
    pub(crate) fn from_body(body: &[u8], limits: Limits) -> Result<Self, Problem> {
        let mut reader = Reader::new(body);
        let mut listed = Listed { bytes: 0, limits };
        let created_us = reader.number()?;
        let origin = reader.text()?;
        let bytecode = reader.number_u32()?;
        let mut left_out = Vec::new();
        for _ in 0..reader.count(2)? {
            let (path, reason) = (reader.text()?, reader.text()?);
            listed.add(LEFT_OUT_BYTES + path.len() + reason.len())?;
            left_out.push((path, reason));
        }
        let bytes_total = reader.number()?;
        let mut names = Vec::new();
        for _ in 0..reader.count(1)? {
            let name = reader.text()?;
            listed.add(NAME_BYTES + name.len())?;
            names.push(name);
        }
        let mut chunks = Vec::new();
        for _ in 0..reader.count(33)? {
            let id = reader.take(32)?.try_into().expect("32 bytes were taken");
            let bytes = reader.number()?;
            if bytes > limits.chunk_bytes_max {
                return Err(Problem::damaged("its lengths make no sense"));
            }
            chunks.push(ChunkInfo {
                id: ChunkId(id),
                bytes,
            });
        }
        let mut segments = Vec::with_capacity(names.len());
        let mut bytes_left = bytes_total;
        for name in names {
            let segment = read_segment(&mut reader, name, &chunks, &mut bytes_left, &mut listed)?;
            segments.push(segment);
        }
        if bytes_left > 0 || !reader.is_empty() {
            return Err(Problem::damaged("its lengths don't agree"));
        }
        Ok(Self {
            created_us,
            origin,
            bytecode,
            left_out,
            bytes_total,
            chunks,
            segments,
        })
    }

    /// Returns the whole manifest, sealed.
    pub(crate) fn seal(&self, magic: [u8; 8]) -> Vec<u8> {
        let mut sealed = self.seal_open(magic);
        let checksum = checksum(&sealed).finalize();
        sealed[CHECKSUM_AT..SEAL_BYTES].copy_from_slice(checksum.as_bytes());
        sealed
    }

    /// Returns the manifest with the checksum still to come.
    pub(crate) fn seal_open(&self, magic: [u8; 8]) -> Vec<u8> {
        let body = self.to_body();
        let (is_compressed, stored) = chunk::compressed(&body);
        let mut sealed = Vec::with_capacity(SEAL_BYTES + stored.len());
        sealed.extend_from_slice(&magic);
        sealed.extend_from_slice(&STORE_VERSION.to_le_bytes());
        sealed.extend_from_slice(&u32::from(is_compressed).to_le_bytes());
        sealed.extend_from_slice(&(body.len() as u64).to_le_bytes());
        sealed.extend_from_slice(&(stored.len() as u64).to_le_bytes());
        sealed.extend_from_slice(&[0; 32]);
        sealed.extend_from_slice(&stored);
        sealed
    }

    /// Reads a whole sealed manifest.
    pub(crate) fn unseal(sealed: &[u8], magic: [u8; 8]) -> Result<Self, Problem> {
        let seal = Seal::read(sealed, magic)?;
        if sealed.len() as u64 != SEAL_BYTES as u64 + seal.stored_bytes {
            return Err(Problem::damaged("it is not as long as it says"));
        }
        seal.check(&checksum(sealed))?;
        seal.open(&sealed[SEAL_BYTES..], Limits::STORE)
    }
}

/// What stands before the body.
pub(crate) struct Seal {
    is_compressed: bool,
    plain_bytes: u64,
    pub(crate) stored_bytes: u64,
    checksum: [u8; 32],
}

impl Seal {
    /// Reads what is at the head of `sealed`; nothing of it is believed yet.
    pub(crate) fn read(sealed: &[u8], magic: [u8; 8]) -> Result<Self, Problem> {
        if sealed.get(..8) != Some(&magic[..]) {
            let detail = "it begins with other bytes";
            return Err(Problem::Foreign(detail.to_owned()));
        }
        let mut reader = Reader::new(&sealed[8..]);
        let version = u32::from_le_bytes(array(&mut reader)?);
        if version > STORE_VERSION {
            return Err(Problem::Newer {
                found: version,
                known: STORE_VERSION,
            });
        }
        let encoding = u32::from_le_bytes(array(&mut reader)?);
        let seal = Self {
            is_compressed: encoding == 1,
            plain_bytes: u64::from_le_bytes(array(&mut reader)?),
            stored_bytes: u64::from_le_bytes(array(&mut reader)?),
            checksum: array(&mut reader)?,
        };
        let body_bytes_max = seal.stored_bytes.saturating_mul(BODY_FACTOR_MAX);
        let body_bytes_max = body_bytes_max.clamp(BODY_BYTES_SMALL, BODY_BYTES_MAX);
        if version == 0 || encoding > 1 || seal.plain_bytes > body_bytes_max {
            return Err(Problem::damaged("its head makes no sense"));
        }
        Ok(seal)
    }

    /// Compares the checksum with that of what is there.
    pub(crate) fn check(&self, found: &blake3::Hasher) -> Result<(), Problem> {
        if found.finalize() == self.checksum {
            Ok(())
        } else {
            Err(Problem::damaged("its checksum is wrong"))
        }
    }

    /// Reads the body, which has been checked.
    pub(crate) fn open(&self, stored: &[u8], limits: Limits) -> Result<Manifest, Problem> {
        if !self.is_compressed {
            return Manifest::from_body(stored, limits);
        }
        limits.check(self.plain_bytes)?;
        let mut body = vec![0; self.plain_bytes as usize];
        chunk::decompress(stored, &mut body)?;
        Manifest::from_body(&body, limits)
    }
}

/// Begins the checksum of something sealed: all of it but the checksum.
pub(crate) fn checksum(sealed: &[u8]) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&sealed[..CHECKSUM_AT]);
    hasher.update(&sealed[SEAL_BYTES..]);
    hasher
}

/// Puts the finished checksum of a whole file in its place.
pub(crate) fn set_checksum(head: &mut [u8], checksum: &blake3::Hash) {
    head[CHECKSUM_AT..SEAL_BYTES].copy_from_slice(checksum.as_bytes());
}

fn array<const N: usize>(reader: &mut Reader<'_>) -> Result<[u8; N], Problem> {
    Ok(reader.take(N)?.try_into().expect("as many were taken"))
}

fn read_segment(
    reader: &mut Reader<'_>,
    name: String,
    chunks: &[ChunkInfo],
    bytes_left: &mut u64,
    listed: &mut Listed,
) -> Result<SegmentLayout, Problem> {
    let mut externals = Vec::new();
    for _ in 0..reader.count(2)? {
        listed.add(EXTERNAL_BYTES)?;
        externals.push((reader.number_u32()?, reader.number_u32()?));
    }
    let mut buffers = Vec::new();
    for _ in 0..reader.count(1)? {
        listed.add(BUFFER_BYTES)?;
        let mut spans = Vec::new();
        for _ in 0..reader.count(3)? {
            listed.add(SPAN_BYTES)?;
            let span = Span {
                chunk: reader.number_u32()?,
                offset: reader.number()?,
                length: reader.number()?,
            };
            let end = span.offset.checked_add(span.length);
            let chunk = chunks.get(span.chunk as usize);
            let is_inside = chunk.is_some_and(|chunk| end.is_some_and(|end| end <= chunk.bytes));
            *bytes_left = bytes_left
                .checked_sub(span.length)
                .filter(|_| is_inside)
                .ok_or_else(|| Problem::damaged("its lengths don't agree"))?;
            spans.push(span);
        }
        buffers.push(spans);
    }
    Ok(SegmentLayout {
        name,
        externals,
        buffers,
    })
}

/// Returns how much memory this machine has, or no limit where it doesn't tell.
fn memory_bytes() -> u64 {
    // SAFETY: these calls touch no memory of ours.
    let (pages, page_bytes) = unsafe {
        (
            libc::sysconf(libc::_SC_PHYS_PAGES),
            libc::sysconf(libc::_SC_PAGESIZE),
        )
    };
    match (u64::try_from(pages), u64::try_from(page_bytes)) {
        (Ok(pages), Ok(page_bytes)) if pages > 0 => pages.saturating_mul(page_bytes),
        _ => u64::MAX,
    }
}
