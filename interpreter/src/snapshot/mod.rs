//! Snapshots: Python objects as a flat table of records, and back.
//!
//! Identity, cycles and any depth of nesting survive: what was one object is one object, what was
//! two is two, mutable or not. Large bytes stay outside the table, in buffers of their own.
//! Importable things go by name; functions, classes and instances made in a namespace go by value.
//! What can't be carried raises [`snapshot_error_type`] and names its path, or is left out and
//! listed where the caller says so. What isn't kept apart or together is what Python code makes
//! anew whenever it is asked: bound methods, the tuples `__closure__` and `args` of an exception.
//!
//! It doesn't move, store or compress the bytes. Decoding rebuilds objects through the calls that
//! the sender recorded (`__reduce_ex__`), so tables may come only from members of one cluster or
//! from files the user names; damaged bytes give an error, never a panic or an endless allocation.
//!
//! Read next: `format` (the layout), `encode` (the order of records), `decode`; `namespace` for whole
//! namespaces, `native` for kinds that native modules add, `by_value` for modules that nobody else has.

mod address;
mod attribute;
mod by_value;
mod bytecode;
mod claim;
mod code;
mod constant;
mod decode;
mod encode;
mod error;
mod format;
mod identifier;
mod identity;
mod namespace;
mod native;
mod source;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

pub use by_value::{register_by_value, registered_by_value, unregister_by_value};
pub use error::snapshot_error_type;
pub use format::{BYTECODE_VERSION, FORMAT_VERSION, FormatError};
pub use namespace::{External, NamespaceSnapshot, Rebuilt, Segment, decode_names, encode_names};
pub use native::{NativeKind, NativeParts, register_native_kind};

use format::{Header, Reader, Write};

/// What a run of bytes with a checksum begins with; without one it begins with a count, which isn't zero.
const SEALED: u8 = 0;
/// That and the checksum.
const SEAL_BYTES: usize = 5;

/// How many objects are encoded or decoded between two looks for an interrupt.
const INTERRUPT_INTERVAL: u32 = 4096;

/// Objects as bytes: the table first, then the large buffers it refers to.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub buffers: Vec<Bytes>,
}

/// How objects are encoded.
#[derive(Clone, Debug)]
pub struct EncodeOptions<'a> {
    /// What error messages call the root: `args`, `ns`.
    pub root_name: &'a str,
    /// The module whose functions and classes go by value, as no receiver can import it.
    pub main_module: &'a str,
    /// Bytes objects of at least this length become buffers of their own.
    pub out_of_band_bytes_min: usize,
    /// Where functions of the main module find their globals.
    pub globals: Globals,
    /// A dict that is a namespace of its own: functions that have it as their globals find them in
    /// the receiving one.
    pub namespace: Option<&'a PyObject>,
    /// Leaves out what can't be carried, where something says what was: [`encode_partial`] always
    /// does, [`encode_names`] if this is set, [`encode`] never.
    pub partial: bool,
}

/// Where a function that was made in the main module finds its globals once it is decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Globals {
    /// In the receiving namespace.
    #[default]
    Receiver,
    /// In a dict that travels along, with the globals that its code names.
    Carried,
}

/// Something that wasn't carried, as the caller allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it was: `ns['model'].hook`.
    pub path: String,
    /// Why it wasn't carried: the end of a sentence that begins with the path.
    pub reason: String,
}

impl<'a> EncodeOptions<'a> {
    /// The usual options, with the name that error messages give the root.
    pub fn new(root_name: &'a str) -> Self {
        Self {
            root_name,
            ..Self::default()
        }
    }
}

impl Default for EncodeOptions<'_> {
    fn default() -> Self {
        Self {
            root_name: "object",
            main_module: "__main__",
            out_of_band_bytes_min: 4096,
            globals: Globals::Receiver,
            namespace: None,
            partial: false,
        }
    }
}

/// Where decoded objects come to live.
#[derive(Clone, Debug)]
pub struct DecodeContext {
    /// Globals of functions that were made in the sending namespace.
    pub globals: PyDictRef,
    /// What the bytes may ask for.
    pub trust: Trust,
    /// Whether a namespace takes the place of the one that is here, so that its classes are from
    /// then on what classes that were sent before come home to.
    pub takes_over: bool,
    /// Whether names of a namespace that can't be rebuilt are left out and listed, instead of being the
    /// end of it all.
    pub partial: bool,
    /// Whether a signal ends it before its end. Code that the bytes have run may be interrupted in
    /// any case.
    pub may_be_interrupted: bool,
    /// Makes the memory of a large object that can't be changed out of a buffer, which others may hold.
    pub own: fn(Bytes) -> Vec<u8>,
}

/// What decoding does for bytes, by where they come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// They come from a member of the cluster or a file that the user names: functions and classes
    /// are made, modules imported, and the calls that `__reduce_ex__` recorded are made.
    #[default]
    Members,
    /// They come from anywhere: only plain data is made, and nothing that they name is called or
    /// imported.
    Data,
}

impl DecodeContext {
    /// Functions that were made in the sending namespace see these names.
    pub fn new(globals: PyDictRef) -> Self {
        Self {
            globals,
            trust: Trust::Members,
            takes_over: true,
            partial: false,
            may_be_interrupted: true,
            own: Vec::from,
        }
    }
}

/// Encodes `object` and everything it refers to.
///
/// # Errors
/// `SnapshotError` with the path of what can't be carried; or what `__reduce_ex__` and the like
/// of an object raised.
pub fn encode(
    vm: &VirtualMachine,
    object: &PyObject,
    options: &EncodeOptions<'_>,
) -> PyResult<Snapshot> {
    encode::encode(vm, object, options)
}

/// Encodes `object` without what can't be carried, and says what that was.
///
/// Left out are items of lists, dicts and sets, and attributes of instances and classes; an object
/// that can't do without the part that can't be carried is left out by what holds it.
///
/// # Errors
/// As [`encode`], if the root itself can't be carried.
pub fn encode_partial(
    vm: &VirtualMachine,
    object: &PyObject,
    options: &EncodeOptions<'_>,
) -> PyResult<(Snapshot, Vec<LeftOut>)> {
    encode::encode_partial(vm, object, options)
}

/// Decodes what [`encode`] made. Buffers that nobody else holds are taken over without a copy.
///
/// # Errors
/// `SnapshotError` if the bytes are damaged, come from another version, or name something that
/// isn't here; or what Python code that rebuilds an object raised.
pub fn decode(
    vm: &VirtualMachine,
    buffers: Vec<Bytes>,
    context: &DecodeContext,
) -> PyResult<PyObjectRef> {
    decode::decode(vm, buffers, context).map_err(|failure| failure.told(vm, context.trust))
}

/// The content of a `bytes` object, without a copy; None for other objects.
pub fn lend(vm: &VirtualMachine, object: &PyObject) -> Option<Bytes> {
    encode::lend(vm, object)
}

/// Whether whoever uses the decoded object can't change anything in it, so that it may be decoded
/// once and shared: true for functions without cells and without mutable defaults.
pub fn is_immutable(table: &[u8]) -> bool {
    Header::read(&mut Reader::new(table))
        .is_ok_and(|header| header.flags & format::FLAG_IMMUTABLE != 0)
}

impl Snapshot {
    /// The bytes of the table and all buffers.
    pub fn bytes_total(&self) -> usize {
        self.buffers.iter().map(Bytes::len).sum()
    }

    /// One run of bytes: a seal (zero and the CRC-32 of what follows), the number of buffers, their
    /// lengths, the buffers.
    ///
    /// A table without buffers is moved within its own memory: new memory costs more than that.
    pub fn into_bytes(self) -> Vec<u8> {
        self.into_bytes_joined_by(|parts| parts.concat())
    }

    /// As [`Snapshot::into_bytes`], with what makes one run of several.
    pub fn into_bytes_joined_by(mut self, join: impl FnOnce(Vec<Bytes>) -> Vec<u8>) -> Vec<u8> {
        let mut head = vec![SEALED; SEAL_BYTES];
        head.varint(self.buffers.len() as u64);
        for buffer in &self.buffers {
            head.varint(buffer.len() as u64);
        }
        let mut bytes;
        if self.buffers.len() == 1 {
            bytes = Vec::from(self.buffers.remove(0));
            bytes.splice(0..0, head);
        } else {
            self.buffers.insert(0, Bytes::from(head));
            bytes = join(self.buffers);
        }
        let checksum = crc32fast::hash(&bytes[SEAL_BYTES..]);
        bytes[1..SEAL_BYTES].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads what [`Snapshot::into_bytes`] wrote, now or when it wrote no seal.
    ///
    /// # Errors
    /// [`FormatError`] if a byte was changed, or lengths and bytes don't agree. The table itself isn't
    /// looked at.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, FormatError> {
        let mut reader = Reader::new(&bytes);
        if reader.peek() == Some(SEALED) {
            reader.byte()?;
            let checksum = u32::from_le_bytes(reader.array()?);
            if crc32fast::hash(reader.rest()) != checksum {
                return Err(FormatError::Checksum);
            }
        }
        let count = reader.count(1)?;
        let mut lengths = Vec::with_capacity(count);
        for _ in 0..count {
            lengths.push(usize::try_from(reader.varint()?).map_err(|_| FormatError::Length)?);
        }
        let mut buffers = Vec::with_capacity(count);
        for length in lengths {
            buffers.push(bytes.slice_ref(reader.take(length)?));
        }
        if !reader.is_empty() {
            return Err(FormatError::Trailing);
        }
        Ok(Self { buffers })
    }
}
