//! Chunks: bytes filed under their own hash, compressed where that pays.
//!
//! # Shapes
//! Little-endian, in a file of its own as in a namespace file:
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic `rhCK` |
//! | 1 | [`STORE_VERSION`] |
//! | 1 | 0: plain, 1: a zstd frame |
//! | 2 | 0 |
//! | 4 | length when plain |
//! | 4 | length as it is here |
//! | … | the bytes |

use super::error::Problem;
use super::layout::CHUNK_BYTES_MAX;
use super::manifest::STORE_VERSION;
use super::workers;
use bytes::Bytes;
use std::borrow::Cow;
use std::fmt;
use std::io::Read;

/// The address of a chunk: the BLAKE3 hash of its plain bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ChunkId(pub(crate) [u8; 32]);

impl ChunkId {
    pub(crate) fn of(plain: &[u8]) -> Self {
        Self(*blake3::hash(plain).as_bytes())
    }

    /// An address that is only told from those of other numbers.
    pub(super) fn numbered(number: u64) -> Self {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        Self(id)
    }

    pub(super) fn to_hex(self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }

    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        blake3::Hash::from_hex(hex)
            .ok()
            .map(|hash| Self(*hash.as_bytes()))
    }
}

impl fmt::Debug for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex()[..8])
    }
}

pub(super) const HEAD_BYTES: usize = 16;
const MAGIC: [u8; 4] = *b"rhCK";

/// Fast enough to keep up with a disk.
const COMPRESSION_LEVEL: i32 = 1;

/// How much of a chunk is tried before all of it is compressed.
const SAMPLE_BYTES: usize = 32 << 10;

/// Returns the addresses of all contents.
pub(crate) fn addresses(contents: &[Bytes]) -> Vec<ChunkId> {
    let bytes = contents.iter().map(|content| content.len() as u64).sum();
    let hashed = workers::map(contents.iter().collect(), bytes, |content: &Bytes| {
        Ok::<_, std::convert::Infallible>(ChunkId::of(content))
    });
    match hashed {
        Ok(ids) => ids,
        Err(never) => match never {},
    }
}

/// Returns a chunk's head and its bytes as they are kept.
pub(super) fn encode(plain: &[u8]) -> ([u8; HEAD_BYTES], Cow<'_, [u8]>) {
    debug_assert!(plain.len() <= CHUNK_BYTES_MAX);
    let (is_compressed, stored) = compressed(plain);
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&MAGIC);
    head[4] = STORE_VERSION as u8;
    head[5] = u8::from(is_compressed);
    head[8..12].copy_from_slice(&(plain.len() as u32).to_le_bytes());
    head[12..].copy_from_slice(&(stored.len() as u32).to_le_bytes());
    (head, stored)
}

/// Returns whether the bytes are worth compressing, and what is to be kept.
pub(crate) fn compressed(plain: &[u8]) -> (bool, Cow<'_, [u8]>) {
    let pays = |plain: &[u8]| {
        let packed = zstd::bulk::compress(plain, COMPRESSION_LEVEL).ok()?;
        (packed.len() < plain.len() - plain.len() / 16).then_some(packed)
    };
    if plain.len() > 4 * SAMPLE_BYTES {
        let middle = plain.len() / 2;
        let is_hopeless = pays(&plain[..SAMPLE_BYTES]).is_none()
            && pays(&plain[middle..middle + SAMPLE_BYTES]).is_none();
        if is_hopeless {
            return (false, Cow::Borrowed(plain));
        }
    }
    match pays(plain) {
        Some(packed) => (true, Cow::Owned(packed)),
        None => (false, Cow::Borrowed(plain)),
    }
}

/// Decompresses into `plain`, which must be filled exactly.
pub(crate) fn decompress(stored: &[u8], plain: &mut [u8]) -> Result<(), Problem> {
    let expected = plain.len();
    let decompressed = zstd::bulk::decompress_to_buffer(stored, plain);
    match decompressed {
        Ok(length) if length == expected => Ok(()),
        Ok(_) => Err(Problem::damaged("a part of it is shorter than it says")),
        Err(_) => Err(Problem::damaged("a part of it can't be decompressed")),
    }
}

/// What stands before a chunk's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    is_compressed: bool,
    pub(super) plain_bytes: usize,
    pub(super) stored_bytes: usize,
}

impl Head {
    pub(super) fn read(head: &[u8; HEAD_BYTES]) -> Result<Self, Problem> {
        let [
            m0,
            m1,
            m2,
            m3,
            version,
            encoding,
            r0,
            r1,
            p0,
            p1,
            p2,
            p3,
            s0,
            s1,
            s2,
            s3,
        ] = *head;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(Problem::damaged("a part of it begins with other bytes"));
        }
        if u32::from(version) > STORE_VERSION {
            return Err(Problem::Newer {
                found: version.into(),
                known: STORE_VERSION,
            });
        }
        let head = Self {
            is_compressed: encoding == 1,
            plain_bytes: u32::from_le_bytes([p0, p1, p2, p3]) as usize,
            stored_bytes: u32::from_le_bytes([s0, s1, s2, s3]) as usize,
        };
        let lengths = [head.plain_bytes, head.stored_bytes];
        let is_odd = version == 0 || encoding > 1 || [r0, r1] != [0; 2];
        if is_odd || lengths.iter().any(|length| *length > CHUNK_BYTES_MAX) {
            return Err(Problem::damaged(
                "a part of it has a head that makes no sense",
            ));
        }
        if !head.is_compressed && head.plain_bytes != head.stored_bytes {
            return Err(Problem::damaged("a part of it is not as long as it says"));
        }
        Ok(head)
    }

    /// Reads the bytes that follow the head into `plain`, and checks that they
    /// are what `id` says.
    pub(super) fn read_content(
        self,
        id: &ChunkId,
        mut source: impl Read,
        plain: &mut [u8],
    ) -> Result<(), Problem> {
        if self.plain_bytes != plain.len() {
            return Err(Problem::damaged("a part of it is not as long as it says"));
        }
        if self.is_compressed {
            let mut stored = vec![0; self.stored_bytes];
            source.read_exact(&mut stored)?;
            decompress(&stored, plain)?;
        } else {
            source.read_exact(plain)?;
        }
        if ChunkId::of(plain) == *id {
            Ok(())
        } else {
            Err(Problem::damaged(
                "a part of it has changed since it was written",
            ))
        }
    }
}
