//! Namespaces between Python and the store: names and objects to what is kept, and back.
//!
//! How objects become segments is the interpreter's (`snapshot`), how these are kept is
//! [`crate::store`]'s. Here is what the two have to do with each other, for an engine and for a
//! session alike: see [`crate::engine`], and `rhumba_stdlib`'s `namespace`.

use crate::store::{Checkpoint, SegmentData, StoreError};
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::rustpython_vm::builtins::PyBaseExceptionRef;
use rhumba_interpreter::rustpython_vm::{
    AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine,
};
use rhumba_interpreter::snapshot::{
    self, BYTECODE_VERSION, DecodeContext, EncodeOptions, External, Globals, NamespaceSnapshot,
    Segment,
};
use std::collections::BTreeSet;
use std::io::ErrorKind;

/// What error messages call a namespace.
const ROOT_NAME: &str = "namespace";

/// Takes a snapshot of the names of a namespace, with who it belongs to and when it is. Functions that
/// have it as their globals find them where it is brought back, and so does what refers to it.
/// Where others of the session find theirs, `globals` says.
///
/// # Errors
/// `SnapshotError` with the path of what can't be carried, unless it is `partial`; what `__reduce_ex__`
/// and the like of an object raised.
pub fn taken(
    vm: &VirtualMachine,
    items: &[(String, PyObjectRef)],
    namespace: &PyObject,
    globals: Globals,
    partial: bool,
    origin: &str,
) -> PyResult<Checkpoint> {
    let options = EncodeOptions {
        globals,
        namespace: Some(namespace),
        partial,
        ..EncodeOptions::new(ROOT_NAME)
    };
    let snapshot = snapshot::encode_names(vm, items, &options)?;
    let left_out = snapshot.left_out.into_iter();
    Ok(Checkpoint {
        name: String::new(),
        created_us: crate::engine::unix_time_us(),
        origin: origin.to_owned(),
        bytecode: BYTECODE_VERSION,
        segments: snapshot.segments.into_iter().map(kept).collect(),
        left_out: left_out.map(|left| (left.path, left.reason)).collect(),
    })
}

/// Rebuilds the names of a checkpoint, and binds each in the context's globals as soon as it is
/// there: the code that rebuilds others may look for it.
///
/// What can't be rebuilt is left out and listed, with its path and why, if the context is `partial`.
///
/// # Errors
/// `SnapshotError` if they are damaged or can't be rebuilt here, or what the code that rebuilds an
/// object raised. Some are bound then.
pub fn names(
    vm: &VirtualMachine,
    checkpoint: Checkpoint,
    context: &DecodeContext,
) -> PyResult<Names> {
    let snapshot = NamespaceSnapshot {
        segments: checkpoint.segments.into_iter().map(unkept).collect(),
        left_out: Vec::new(),
    };
    let (names, left_out) = snapshot::decode_names(vm, snapshot, context)?;
    let left_out = left_out.into_iter().map(|left| {
        let path = format!("{ROOT_NAME}['{}']", left.path);
        (path, left.reason)
    });
    Ok((names, left_out.collect()))
}

/// Names with their objects, and what was left out, with its path and why.
pub type Names = (Vec<(String, PyObjectRef)>, Vec<(String, String)>);

/// Puts the names of a checkpoint in the place of a namespace's.
///
/// Names that are left out of it as a whole stay bound to what they are bound to now. Returns what can't
/// be rebuilt, if the context is `partial`: with its path and why.
///
/// # Errors
/// As [`names`]. The namespace is as it was then.
pub fn restore(
    vm: &VirtualMachine,
    namespace: &Namespace,
    checkpoint: Checkpoint,
    context: &DecodeContext,
) -> PyResult<Vec<(String, String)>> {
    let names_of = |left_out: &[(String, String)]| -> Vec<String> {
        let names = left_out.iter().filter_map(|(path, _)| whole_name(path));
        names.map(str::to_owned).collect()
    };
    let mut left_out: BTreeSet<String> = names_of(&checkpoint.left_out).into_iter().collect();
    let before = namespace.items();
    // What is lent counts as nobody's, and gives way to a name that is brought back, or that fails on the way.
    let lent = namespace.lent_items();
    let (mut items, lost) = match names(vm, checkpoint, context) {
        Ok(names) => names,
        Err(error) => {
            namespace.replace(vm, lent.into_iter().chain(before).collect())?;
            return Err(error);
        }
    };
    left_out.extend(names_of(&lost));
    // A part that was left out may read like a whole name.
    let brought: BTreeSet<&str> = items.iter().map(|(name, _)| name.as_str()).collect();
    let stays = |name: &str| left_out.contains(name) && !brought.contains(name);
    let staying = before.into_iter().filter(|(name, _)| stays(name));
    let lent = lent.into_iter();
    let lent = lent.filter(|(name, _)| !brought.contains(name.as_str()));
    let staying: Vec<_> = lent.chain(staying).collect();
    items.extend(staying);
    namespace.replace(vm, items)?;
    Ok(lost)
}

/// Moves names of a checkpoint to what it goes without: with its path and why, as [`restore`] tells.
pub fn lose(checkpoint: &mut Checkpoint, lost: Vec<(String, String)>) {
    let names: BTreeSet<&str> = lost
        .iter()
        .filter_map(|(path, _)| whole_name(path))
        .collect();
    let segments = &mut checkpoint.segments;
    segments.retain(|segment| !names.contains(segment.name.as_str()));
    checkpoint.left_out.extend(lost);
}

/// Returns the exception that stands for what is wrong with the store, with its sentence.
pub fn failure(vm: &VirtualMachine, error: &StoreError) -> PyBaseExceptionRef {
    let exceptions = &vm.ctx.exceptions;
    let class = match error {
        StoreError::BadName(_) => exceptions.value_error,
        StoreError::Unknown { .. } => exceptions.lookup_error,
        StoreError::Damaged { .. }
        | StoreError::Foreign { .. }
        | StoreError::Newer { .. }
        | StoreError::Expands { .. }
        | StoreError::TooLarge { .. } => snapshot::snapshot_error_type(),
        StoreError::Home(source)
        | StoreError::Unwritten { source, .. }
        | StoreError::Io { source, .. } => match source.kind() {
            ErrorKind::NotFound => exceptions.file_not_found_error,
            ErrorKind::PermissionDenied => exceptions.permission_error,
            ErrorKind::IsADirectory => exceptions.is_a_directory_error,
            _ => exceptions.os_error,
        },
    };
    let exception = vm.new_exception_msg(class.to_owned(), error.to_string().into());
    if let StoreError::Home(source)
    | StoreError::Unwritten { source, .. }
    | StoreError::Io { source, .. } = error
        && let Some(number) = source.raw_os_error()
    {
        let number = vm.ctx.new_int(number);
        // For code that asks for the number; the sentence stays what it is.
        let _ = exception.as_object().set_attr("errno", number, vm);
    }
    exception
}

/// The name that a path stands for, if it stands for a whole one: `namespace['lock']`.
fn whole_name(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("['")?;
    let name = rest.strip_suffix("']")?;
    (!name.contains("']")).then_some(name)
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

#[cfg(test)]
mod tests {
    use super::whole_name;

    #[test]
    fn only_whole_names_stand_for_names() {
        assert_eq!(whole_name("namespace['rc']"), Some("rc"));
        assert_eq!(whole_name("ns['view']"), Some("view"));
        assert_eq!(whole_name("namespace['table']['file']"), None);
        assert_eq!(whole_name("namespace['model'].hook"), None);
        assert_eq!(whole_name("rc"), None);
    }
}
