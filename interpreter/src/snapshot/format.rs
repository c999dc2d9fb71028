//! The snapshot format: header, record kinds, and the primitives that read and write them.
//!
//! It knows nothing of Python objects. A table is a header followed by records. A record either
//! makes the next node (its number is how many nodes came before it) or fills one that exists.
//! Records name other nodes by *edges*: u32 numbers that always point backwards, so a reader
//! needs one pass, no recursion and no forward references; cycles are closed by filling.
//!
//! Read next: `encode/` (which order records are written in, and why), `decode/`.

use thiserror::Error;

pub(super) const MAGIC: [u8; 4] = *b"RHSN";

/// Version of this layout, which is what is written.
pub const FORMAT_VERSION: u16 = 6;
/// The oldest layout that is read. Later ones added kinds of records: version 3 code objects in one
/// record, long text outside of the table, type variables, modules made by hand; version 4 attributes
/// in slots; version 5 abstract base classes that a class was registered with; version 6 attributes of
/// exceptions in records of their own.
const FORMAT_VERSION_MIN: u16 = 2;

/// Version of the bytecode that functions are carried as: the runtime's `.pyc` magic number and
/// the runtime's own version, since bytecode may change without the magic number changing.
pub const BYTECODE_VERSION: u32 = {
    use rustpython_vm::version::{MAJOR_IMPL, MICRO_IMPL, MINOR_IMPL, PYC_MAGIC_NUMBER};
    ((PYC_MAGIC_NUMBER as u32) << 16)
        | (((MAJOR_IMPL as u32) & 0xf) << 12)
        | (((MINOR_IMPL as u32) & 0x3f) << 6)
        | ((MICRO_IMPL as u32) & 0x3f)
};

pub(super) const HEADER_BYTES: usize = 24;

/// Edges below this number name objects every namespace has; see `constant.rs`.
pub(super) const FIRST_NODE: u32 = 512;

/// The table holds bytecode, so its version must match the reader's.
pub(super) const FLAG_CODE: u16 = 1;
/// Nothing in the table can be changed by whoever uses the decoded object.
pub(super) const FLAG_IMMUTABLE: u16 = 2;

/// Containers of at least this many equal-typed scalars are packed by value.
pub(super) const PACKED_LENGTH_MIN: usize = 16;

/// What a record is. Kinds below [`kind::FILL`] make a node; the others fill one.
pub(super) mod kind {
    pub const INT: u8 = 1;
    pub const INT_BIG: u8 = 2;
    pub const FLOAT: u8 = 3;
    pub const COMPLEX: u8 = 4;
    pub const STR: u8 = 5;
    pub const STR_INTERNED: u8 = 6;
    pub const BYTES: u8 = 7;
    pub const BYTES_OUT: u8 = 8;
    pub const BYTEARRAY: u8 = 9;
    pub const BYTEARRAY_OUT: u8 = 10;
    pub const MEMORYVIEW: u8 = 11;
    pub const STR_OUT: u8 = 12;

    pub const TUPLE: u8 = 16;
    pub const FROZENSET: u8 = 17;
    pub const RANGE: u8 = 18;
    pub const SLICE: u8 = 19;
    pub const LIST: u8 = 20;
    pub const DICT: u8 = 21;
    pub const SET: u8 = 22;
    pub const LIST_EMPTY: u8 = 23;
    pub const DICT_EMPTY: u8 = 24;
    pub const SET_EMPTY: u8 = 25;

    pub const CODE: u8 = 32;
    pub const CELL: u8 = 33;
    pub const FUNCTION: u8 = 34;
    pub const METHOD: u8 = 35;
    pub const PROPERTY: u8 = 36;
    pub const CLASSMETHOD: u8 = 37;
    pub const STATICMETHOD: u8 = 38;
    /// A code object with its constants and the code nested in it
    pub const CODE_WHOLE: u8 = 39;

    pub const NAMED: u8 = 48;
    pub const MODULE: u8 = 49;
    pub const MODULE_GLOBALS: u8 = 50;
    pub const ATTRIBUTE: u8 = 51;
    /// The next of the segment's externals
    pub const EXTERNAL: u8 = 56;
    /// An element of a list or a tuple, by its index
    pub const ELEMENT: u8 = 57;
    pub const WEAKREF: u8 = 58;
    /// An object of a kind that a native module registered
    pub const NATIVE: u8 = 59;

    pub const INSTANCE: u8 = 64;
    pub const REDUCED: u8 = 65;
    pub const EXCEPTION: u8 = 66;
    pub const CLASS: u8 = 67;
    pub const ENUM_MEMBER: u8 = 68;
    pub const CLASS_NAMESPACE: u8 = 69;
    /// An instance together with its attributes
    pub const INSTANCE_WHOLE: u8 = 70;
    /// An object with an identity, and the call that makes it where it isn't yet
    pub const IDENTIFIED: u8 = 71;
    /// A module that can't be imported, empty
    pub const MODULE_MADE: u8 = 72;
    /// The dict of such a module
    pub const MODULE_NAMESPACE: u8 = 73;

    pub const FILL: u8 = 128;
    pub const FILL_LIST: u8 = 128;
    pub const FILL_DICT: u8 = 129;
    pub const FILL_SET: u8 = 130;
    pub const FILL_CELL: u8 = 131;
    pub const FILL_FUNCTION: u8 = 132;
    pub const FILL_INSTANCE: u8 = 133;
    pub const FILL_STATE: u8 = 134;
    pub const FILL_EXCEPTION: u8 = 135;
    pub const FILL_CLASS: u8 = 136;
    /// An instance's attributes are a dict that something else has too, or of a subclass
    pub const FILL_INSTANCE_DICT: u8 = 137;
    /// Attributes of an instance, some of them in slots
    pub const FILL_ATTRIBUTES: u8 = 138;
}

/// How a run of objects inside a record is laid out.
pub(super) mod body {
    pub const EDGES: u8 = 0;
    pub const I8: u8 = 1;
    pub const I16: u8 = 2;
    pub const I32: u8 = 3;
    pub const I64: u8 = 4;
    pub const F64: u8 = 5;
    pub const STR: u8 = 6;
    /// Packed values, some of which are replaced by objects that are elsewhere too
    pub const PATCHED: u8 = 7;
}

/// How deep code, tuples and the like may be nested in a code object that is one record: they are read
/// by recursion.
pub(super) const CODE_DEPTH_MAX: u32 = 12;

/// How constants are written in a code object that is one record: as their kinds, or as this.
pub(super) mod whole_code {
    /// An edge that every namespace has
    pub const EDGE: u8 = 0;
}

/// Where a buffer of a native object is.
pub(super) mod native_buffer {
    pub const HERE: u8 = 0;
    pub const OUT: u8 = 1;
}

/// What can be wrong with the bytes of a snapshot.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    #[error("it is not a snapshot")]
    NotASnapshot,
    #[error(
        "it has snapshot format {found}, and this rhumba reads formats {FORMAT_VERSION_MIN} to {FORMAT_VERSION}: use the same rhumba on both sides"
    )]
    Version { found: u16 },
    #[error(
        "it holds functions compiled by another Python runtime (bytecode {found:#010x}, this one runs {BYTECODE_VERSION:#010x}), and not the source to compile them again: use the same rhumba on both sides"
    )]
    Bytecode { found: u32 },
    #[error("it holds code, and doesn't say so")]
    UnannouncedCode,
    #[error("its checksum doesn't fit: some of its bytes were changed or are missing")]
    Checksum,
    #[error("it ends too early")]
    Truncated,
    #[error("it has bytes left over at its end")]
    Trailing,
    #[error("it holds an unknown kind of record ({0})")]
    Kind(u8),
    #[error("a record names object {0}, which doesn't exist yet")]
    Edge(u32),
    #[error("a record expects {expected}, and finds something else")]
    Type { expected: &'static str },
    #[error("its text is not well formed")]
    Text,
    #[error("it uses a special name (`__…__`) with a lone surrogate in it")]
    Name,
    #[error("its code objects are not well formed")]
    Code,
    #[error("it names buffer {0}, which isn't there or is used twice")]
    Buffer(u64),
    #[error("a length in it is too large")]
    Length,
    #[error("it holds a key nested too deeply to be hashed")]
    Depth,
    #[error("it holds frozen sets nested too deeply")]
    SetDepth,
    #[error("it has {found} objects, and says {announced}")]
    Count { found: usize, announced: u32 },
    #[error("it names an object of another segment, which isn't there")]
    External,
    #[error("it holds more than plain data, and nothing else is accepted from where it comes")]
    NotData,
}

/// The first bytes of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub flags: u16,
    pub bytecode: u32,
    pub node_count: u32,
    pub root: u32,
    pub buffer_count: u32,
}

impl Header {
    pub fn write(&self, table: &mut [u8]) {
        table[0..4].copy_from_slice(&MAGIC);
        table[4..6].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        table[6..8].copy_from_slice(&self.flags.to_le_bytes());
        table[8..12].copy_from_slice(&self.bytecode.to_le_bytes());
        table[12..16].copy_from_slice(&self.node_count.to_le_bytes());
        table[16..20].copy_from_slice(&self.root.to_le_bytes());
        table[20..24].copy_from_slice(&self.buffer_count.to_le_bytes());
    }

    pub fn read(reader: &mut Reader<'_>) -> Result<Self, FormatError> {
        match reader.array::<4>() {
            Ok(magic) if magic == MAGIC => {}
            _ => return Err(FormatError::NotASnapshot),
        }
        let version = u16::from_le_bytes(reader.array()?);
        if !(FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&version) {
            return Err(FormatError::Version { found: version });
        }
        Ok(Self {
            flags: u16::from_le_bytes(reader.array()?),
            bytecode: reader.edge()?,
            node_count: reader.edge()?,
            root: reader.edge()?,
            buffer_count: reader.edge()?,
        })
    }

    /// The version of the table's bytecode, if it isn't the one that runs here.
    pub const fn foreign_bytecode(&self) -> Option<u32> {
        if self.flags & FLAG_CODE != 0 && self.bytecode != BYTECODE_VERSION {
            Some(self.bytecode)
        } else {
            None
        }
    }
}

/// Appends the primitives of the format to a table.
pub(super) trait Write {
    fn varint(&mut self, value: u64);
    fn signed(&mut self, value: i64);
    fn edge(&mut self, edge: u32);
    fn edges(&mut self, edges: &[u32]);
    fn slice(&mut self, bytes: &[u8]);
}

impl Write for Vec<u8> {
    /// LEB128: seven bits a byte, lowest first.
    #[inline]
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }

    /// Zigzag, so that small negative numbers are short too.
    #[inline]
    fn signed(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    #[inline]
    fn edge(&mut self, edge: u32) {
        self.extend_from_slice(&edge.to_le_bytes());
    }

    fn edges(&mut self, edges: &[u32]) {
        self.reserve(edges.len() * 4);
        for &edge in edges {
            self.edge(edge);
        }
    }

    #[inline]
    fn slice(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.extend_from_slice(bytes);
    }
}

/// Reads the primitives of the format; every length is checked against what is left.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What wasn't read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], FormatError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(FormatError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(FormatError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, FormatError> {
        let (&byte, rest) = self.rest.split_first().ok_or(FormatError::Truncated)?;
        self.rest = rest;
        Ok(byte)
    }

    #[inline]
    pub fn edge(&mut self) -> Result<u32, FormatError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, FormatError> {
        let mut value = 0u64;
        let mut shift = 0;
        loop {
            let byte = self.byte()?;
            if shift == 63 && byte > 1 {
                return Err(FormatError::Length);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    #[inline]
    pub fn signed(&mut self) -> Result<i64, FormatError> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A count of things that take at least `bytes_each` bytes of what is left.
    #[inline]
    pub fn count(&mut self, bytes_each: usize) -> Result<usize, FormatError> {
        let count = usize::try_from(self.varint()?).map_err(|_| FormatError::Length)?;
        match count.checked_mul(bytes_each) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(FormatError::Truncated),
        }
    }

    /// A count, and as many edges.
    #[inline]
    pub fn edges(&mut self) -> Result<&'a [[u8; 4]], FormatError> {
        let count = self.count(4)?;
        let (edges, _) = self.take(count * 4)?.as_chunks();
        Ok(edges)
    }

    #[inline]
    pub fn slice(&mut self) -> Result<&'a [u8], FormatError> {
        let length = self.count(1)?;
        self.take(length)
    }

    pub fn text(&mut self) -> Result<&'a str, FormatError> {
        core::str::from_utf8(self.slice()?).map_err(|_| FormatError::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_round_trip_at_their_edges() {
        for value in [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ] {
            let mut table = Vec::new();
            table.varint(value);
            assert_eq!(Reader::new(&table).varint(), Ok(value));
        }
        for value in [0, 1, -1, 63, -64, 64, i64::MIN, i64::MAX] {
            let mut table = Vec::new();
            table.signed(value);
            assert_eq!(Reader::new(&table).signed(), Ok(value));
        }
    }

    #[test]
    fn a_varint_longer_than_64_bits_is_refused() {
        let mut bytes = [0xff; 10];
        bytes[9] = 2;
        assert_eq!(Reader::new(&bytes).varint(), Err(FormatError::Length));
        assert_eq!(Reader::new(&[0x80]).varint(), Err(FormatError::Truncated));
    }

    #[test]
    fn a_count_can_not_promise_more_than_is_there() {
        let mut table = Vec::new();
        table.varint(u64::MAX / 2);
        table.extend_from_slice(&[0; 8]);
        assert_eq!(Reader::new(&table).count(4), Err(FormatError::Truncated));
    }
}
