//! What is done with a whole namespace: into the store and back, out to
//! another engine and in from one.
//!
//! Everything is decoded before anything is replaced, so that what can't be
//! brought back leaves the namespace as it is. How names become segments is
//! the interpreter's (`snapshot`), how these are kept is [`crate::store`]'s.

use crate::store::{Checkpoint, SegmentData, Store, StoreError, payload};
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::rustpython_vm::builtins::PyBaseExceptionRef;
use rhumba_interpreter::rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};
use rhumba_interpreter::snapshot::{
    self, BYTECODE_VERSION, DecodeContext, EncodeOptions, External, NamespaceSnapshot, Segment,
};
use rhumba_proto::message::Payload;
use std::collections::BTreeSet;

#[cfg(test)]
#[path = "namespace_tests.rs"]
mod tests;

/// What error messages call a namespace.
const ROOT_NAME: &str = "namespace";

/// Returns the store of this user.
pub(super) fn store(vm: &VirtualMachine) -> PyResult<Store> {
    Store::open_default().map_err(|error| failure(vm, &error))
}

/// Writes the namespace into the store. Returns what that came to, as a dict.
pub(super) fn checkpoint(
    vm: &VirtualMachine,
    namespace: &Namespace,
    store: &Store,
    origin: &str,
    name: String,
    partial: bool,
) -> PyResult {
    let checkpoint = taken(vm, namespace, origin, name, partial)?;
    let report = vm
        .allow_threads(|| store.write(&checkpoint))
        .map_err(|error| failure(vm, &error))?;
    let counts = [
        ("bytes_total", report.bytes_total),
        ("bytes_written", report.bytes_written),
        ("chunks_total", report.chunks_total),
        ("chunks_written", report.chunks_written),
    ];
    described(vm, &checkpoint, &counts)
}

/// Replaces the namespace by a checkpoint. Returns what it was, as a dict. Names
/// that were left out of it stay bound to what they are bound to now.
pub(super) fn restore(
    vm: &VirtualMachine,
    namespace: &Namespace,
    store: &Store,
    context: &DecodeContext,
    name: &str,
) -> PyResult {
    let checkpoint = vm
        .allow_threads(|| store.read(name))
        .map_err(|error| failure(vm, &error))?;
    let left_out = checkpoint.left_out.iter();
    let left_out: BTreeSet<String> = left_out
        .filter_map(|(path, _)| whole_name(path).map(str::to_owned))
        .collect();
    let mut kept = namespace.items();
    kept.retain(|(name, _)| left_out.contains(name));
    replace(vm, namespace, context, checkpoint, kept)
}

/// Returns the namespace as a payload.
pub(super) fn take(
    vm: &VirtualMachine,
    namespace: &Namespace,
    origin: &str,
    partial: bool,
) -> PyResult<Payload> {
    let checkpoint = taken(vm, namespace, origin, String::new(), partial)?;
    Ok(payload::pack(&checkpoint))
}

/// Replaces the namespace by a payload that [`take`] made. Returns what it was,
/// as a dict.
pub(super) fn put(
    vm: &VirtualMachine,
    namespace: &Namespace,
    context: &DecodeContext,
    payload: Payload,
) -> PyResult {
    let checkpoint = payload::unpack(payload).map_err(|error| failure(vm, &error))?;
    replace(vm, namespace, context, checkpoint, Vec::new())
}

fn taken(
    vm: &VirtualMachine,
    namespace: &Namespace,
    origin: &str,
    name: String,
    partial: bool,
) -> PyResult<Checkpoint> {
    let options = EncodeOptions {
        partial,
        ..EncodeOptions::new(ROOT_NAME)
    };
    let snapshot = snapshot::encode_names(vm, &namespace.items(), &options)?;
    let left_out = snapshot.left_out.into_iter();
    Ok(Checkpoint {
        name,
        created_us: crate::engine::unix_time_us(),
        origin: origin.to_owned(),
        bytecode: BYTECODE_VERSION,
        segments: snapshot.segments.into_iter().map(kept).collect(),
        left_out: left_out.map(|left| (left.path, left.reason)).collect(),
    })
}

/// `kept`: names that stay beside those of the checkpoint.
fn replace(
    vm: &VirtualMachine,
    namespace: &Namespace,
    context: &DecodeContext,
    mut checkpoint: Checkpoint,
    kept: Vec<(String, PyObjectRef)>,
) -> PyResult {
    let described = described(
        vm,
        &checkpoint,
        &[("bytes_total", checkpoint.bytes_total())],
    )?;
    let segments = std::mem::take(&mut checkpoint.segments).into_iter();
    let snapshot = NamespaceSnapshot {
        segments: segments.map(unkept).collect(),
        left_out: Vec::new(),
    };
    let mut names = snapshot::decode_names(vm, snapshot, context)?;
    names.extend(kept);
    namespace.replace(vm, names)?;
    Ok(described)
}

/// The name that a path stands for, if it stands for a whole one:
/// `namespace['lock']`.
fn whole_name(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("['")?;
    let name = rest.strip_suffix("']")?;
    (!name.contains("']")).then_some(name)
}

/// Says what a checkpoint holds: its name, when and whose it was, the names
/// inside, and what was left out.
fn described(vm: &VirtualMachine, checkpoint: &Checkpoint, counts: &[(&str, u64)]) -> PyResult {
    let text = |text: &str| -> PyObjectRef { vm.ctx.new_str(text).into() };
    let names = checkpoint
        .segments
        .iter()
        .map(|segment| text(&segment.name));
    let left_out = checkpoint.left_out.iter().map(|(path, reason)| {
        let pair = vec![text(path), text(reason)];
        vm.ctx.new_tuple(pair).into()
    });
    let dict = vm.ctx.new_dict();
    dict.set_item("name", text(&checkpoint.name), vm)?;
    dict.set_item(
        "created_us",
        vm.ctx.new_int(checkpoint.created_us).into(),
        vm,
    )?;
    dict.set_item("origin", text(&checkpoint.origin), vm)?;
    dict.set_item("names", vm.ctx.new_list(names.collect()).into(), vm)?;
    dict.set_item("left_out", vm.ctx.new_list(left_out.collect()).into(), vm)?;
    for (name, count) in counts {
        dict.set_item(*name, vm.ctx.new_int(*count).into(), vm)?;
    }
    Ok(dict.into())
}

fn kept(segment: Segment) -> SegmentData {
    let externals = segment.externals.into_iter();
    SegmentData {
        name: segment.name,
        buffers: segment.buffers,
        externals: externals
            .map(|External { segment, node }| (segment, node))
            .collect(),
    }
}

fn unkept(segment: SegmentData) -> Segment {
    let externals = segment.externals.into_iter();
    Segment {
        name: segment.name,
        buffers: segment.buffers,
        externals: externals
            .map(|(segment, node)| External { segment, node })
            .collect(),
    }
}

fn failure(vm: &VirtualMachine, error: &StoreError) -> PyBaseExceptionRef {
    let exceptions = &vm.ctx.exceptions;
    let class = match error {
        StoreError::BadName(_) => exceptions.value_error,
        StoreError::Unknown { .. } => exceptions.lookup_error,
        StoreError::Damaged { .. }
        | StoreError::Foreign { .. }
        | StoreError::Newer { .. }
        | StoreError::TooLarge { .. } => snapshot::snapshot_error_type(),
        StoreError::Home(_) | StoreError::Unwritten { .. } | StoreError::Io { .. } => {
            exceptions.os_error
        }
    };
    vm.new_exception_msg(class.to_owned(), error.to_string().into())
}
