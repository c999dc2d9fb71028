//! What is done with a whole namespace: into the store and back, out to
//! another engine and in from one.
//!
//! What can't be brought back leaves the namespace as it is. How a namespace becomes what is
//! kept is [`crate::saved`]'s.

use crate::saved::{self, failure};
use crate::store::{Checkpoint, Store, payload};
use bytes::Bytes;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};
use rhumba_interpreter::snapshot::{DecodeContext, Globals};
use rhumba_proto::message::{Left, Payload};
use rhumba_proto::record::encode_flat;

#[cfg(test)]
mod tests;

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
    let checkpoint = Checkpoint {
        name,
        ..taken(vm, namespace, origin, partial)?
    };
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
/// that are left out of it stay bound to what they are bound to now.
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
    brought_back(vm, namespace, checkpoint, context)
}

/// Brings back of a checkpoint what can be: one name that can't be rebuilt isn't the end of the others.
/// Returns what is left out, as the controller reads it.
pub(super) fn recover(
    vm: &VirtualMachine,
    namespace: &Namespace,
    store: &Store,
    context: &DecodeContext,
    name: &str,
) -> PyResult<Payload> {
    /// More are of no use to a person.
    const TOLD_MAX: usize = 100;
    let mut checkpoint = vm
        .allow_threads(|| store.read(name))
        .map_err(|error| failure(vm, &error))?;
    let was_left_out = std::mem::take(&mut checkpoint.left_out);
    let context = DecodeContext {
        partial: true,
        // It is interrupted if one name takes too long, and goes on with the others.
        may_be_interrupted: false,
        ..context.clone()
    };
    let lost = saved::restore(vm, namespace, checkpoint, &context)?;
    let told = [lost, was_left_out].map(|left_out| {
        let left_out = left_out.into_iter().take(TOLD_MAX);
        let left_out = left_out.map(|(path, reason)| Left { path, reason });
        left_out.collect::<Vec<_>>()
    });
    let [lost, left_out] = told;
    Ok(Payload::from(vec![Bytes::from(encode_flat(&(
        lost, left_out,
    )))]))
}

/// Returns the namespace as a payload.
pub(super) fn take(
    vm: &VirtualMachine,
    namespace: &Namespace,
    origin: &str,
    partial: bool,
) -> PyResult<Payload> {
    Ok(payload::pack(&taken(vm, namespace, origin, partial)?))
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
    brought_back(vm, namespace, checkpoint, context)
}

fn taken(
    vm: &VirtualMachine,
    namespace: &Namespace,
    origin: &str,
    partial: bool,
) -> PyResult<Checkpoint> {
    saved::taken(
        vm,
        &namespace.items(),
        namespace.dict().as_object(),
        Globals::Receiver,
        partial,
        origin,
    )
}

/// Replaces the namespace, and says by what.
fn brought_back(
    vm: &VirtualMachine,
    namespace: &Namespace,
    checkpoint: Checkpoint,
    context: &DecodeContext,
) -> PyResult {
    // Without what was read of it, which is large.
    let mut description = checkpoint.without_content();
    let bytes_total = checkpoint.bytes_total();
    let lost = saved::restore(vm, namespace, checkpoint, context)?;
    saved::lose(&mut description, lost);
    described(vm, &description, &[("bytes_total", bytes_total)])
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
