//! Snapshots of whole namespaces, a segment for each name.
//!
//! One encoder walks the names in order. An object belongs to the segment of the first name that
//! leads to it; a later segment refers to it as an *external*. So identity holds across the whole
//! namespace, and the bytes of a name that didn't change are the same as before where another name
//! did: what externals point to is kept outside the tables for that reason. What goes by name
//! anyway (modules, interned text) is in each segment again, so that segments depend on each other
//! only through objects that they share.
//!
//! It doesn't choose the names, nor put them into a namespace: the caller does.
//!
//! Read next: `encode/segment.rs`, `decode/mod.rs`.

use bytes::Bytes;
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::error::{snapshot_error, snapshot_error_type};
use super::{DecodeContext, EncodeOptions, LeftOut, decode, encode};

/// So many of what can't be carried are named in an error.
const TOLD_MAX: usize = 10;

/// An object of an earlier segment that a later one refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct External {
    /// The index of its segment, which is less than the index of the one that refers to it.
    pub segment: u32,
    /// Its number among the nodes of that segment.
    pub node: u32,
}

/// One name's part of a namespace.
#[derive(Clone, Debug)]
pub struct Segment {
    pub name: String,
    /// The table first, then the large buffers it refers to.
    pub buffers: Vec<Bytes>,
    /// What the table's external records stand for, in their order.
    pub externals: Vec<External>,
}

/// Names with their objects, and what couldn't be rebuilt.
pub type Rebuilt = (Vec<(String, PyObjectRef)>, Vec<LeftOut>);

/// The names of a namespace, in order, and what couldn't be carried.
#[derive(Clone, Debug, Default)]
pub struct NamespaceSnapshot {
    pub segments: Vec<Segment>,
    /// Empty unless the options allow leaving out.
    pub left_out: Vec<LeftOut>,
}

/// Encodes names and the objects they are bound to, each name as a segment of its own.
///
/// # Errors
/// As [`super::encode`], where the error names several of what can't be carried, a line for each;
/// if the options say `partial`, names that can't be carried are left out and listed.
pub fn encode_names(
    vm: &VirtualMachine,
    names: &[(String, PyObjectRef)],
    options: &EncodeOptions<'_>,
) -> PyResult<NamespaceSnapshot> {
    encode::encode_names(vm, names, options).map_err(|refusal| {
        if options.partial || !refusal.class().is(snapshot_error_type()) {
            return refusal;
        }
        with_the_others(vm, names, options, refusal)
    })
}

/// A refusal that names, beside what was met first, what else can't be carried.
fn with_the_others(
    vm: &VirtualMachine,
    names: &[(String, PyObjectRef)],
    options: &EncodeOptions<'_>,
    refusal: PyBaseExceptionRef,
) -> PyBaseExceptionRef {
    let partial = EncodeOptions {
        partial: true,
        ..options.clone()
    };
    let left_out = match encode::encode_names(vm, names, &partial) {
        Ok(snapshot) => snapshot.left_out,
        Err(failure) if failure.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt) => {
            return failure;
        }
        Err(_) => return refusal,
    };
    if left_out.len() < 2 {
        return refusal;
    }
    let told = left_out.iter().take(TOLD_MAX);
    let mut lines: Vec<_> = told
        .map(|left| format!("{}: {}", left.path, left.reason))
        .collect();
    let more = left_out.len().saturating_sub(TOLD_MAX);
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    let all = snapshot_error(vm, lines.join("\n"));
    all.set_cause(refusal.__cause__());
    all
}

/// Decodes what [`encode_names`] made, in the same order.
///
/// Classes that travel by value are made anew even where they exist: what is decoded shares
/// nothing with what is here, so it is as it was, and what is here stays as it is.
///
/// Names that can't be rebuilt are listed with the reason if the context says `partial`, and with them
/// those that share objects with them. Their path is the name.
///
/// # Errors
/// As [`super::decode`]. Nothing that existed before has been changed then.
pub fn decode_names(
    vm: &VirtualMachine,
    snapshot: NamespaceSnapshot,
    context: &DecodeContext,
) -> PyResult<Rebuilt> {
    decode::decode_names(vm, snapshot.segments, context)
        .map_err(|failure| failure.told(vm, context.trust))
}

impl NamespaceSnapshot {
    /// The bytes of all tables and buffers.
    pub fn bytes_total(&self) -> usize {
        let buffers = self.segments.iter().flat_map(|segment| &segment.buffers);
        buffers.map(Bytes::len).sum()
    }
}
