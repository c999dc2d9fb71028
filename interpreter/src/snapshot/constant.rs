//! Objects that every namespace has, and the edges that name them without a record.
//!
//! Edges 0 to 8 are singletons, 16 to 277 the integers -5 to 256 that the runtime keeps one of.

use rustpython_vm::builtins::{PyDictRef, PyInt};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use super::format::FormatError;

pub(super) const NONE: u32 = 0;
const TRUE: u32 = 1;
const FALSE: u32 = 2;
const ELLIPSIS: u32 = 3;
const NOT_IMPLEMENTED: u32 = 4;
const EMPTY_TUPLE: u32 = 5;
const EMPTY_STR: u32 = 6;
const EMPTY_BYTES: u32 = 7;
/// The receiving namespace: the globals of functions that were made in the sending one.
pub(super) const GLOBALS: u32 = 8;

const SMALL_INT_FIRST: i64 = -5;
const SMALL_INT_LAST: i64 = 256;
const SMALL_INT_EDGE: u32 = 16;

/// The edge of a small integer, if `value` is one.
#[inline]
pub(super) fn small_int(value: i64) -> Option<u32> {
    (SMALL_INT_FIRST..=SMALL_INT_LAST)
        .contains(&value)
        .then(|| SMALL_INT_EDGE + (value - SMALL_INT_FIRST) as u32)
}

/// The edge of a singleton, if `object` is one.
#[inline]
pub(super) fn singleton(vm: &VirtualMachine, object: &PyObject) -> Option<u32> {
    let context = &vm.ctx;
    if object.is(&context.none) {
        Some(NONE)
    } else if object.is(&context.true_value) {
        Some(TRUE)
    } else if object.is(&context.false_value) {
        Some(FALSE)
    } else if object.is(&context.empty_tuple) {
        Some(EMPTY_TUPLE)
    } else if object.is(&context.ellipsis) {
        Some(ELLIPSIS)
    } else if object.is(&context.not_implemented) {
        Some(NOT_IMPLEMENTED)
    } else if object.is(context.empty_str.as_object()) {
        Some(EMPTY_STR)
    } else if object.is(&context.empty_bytes) {
        Some(EMPTY_BYTES)
    } else {
        None
    }
}

/// The edge of an exact `int`, if it is a small one.
#[inline]
pub(super) fn cached_int(int: &Py<PyInt>) -> Option<u32> {
    i64::try_from(int.as_bigint()).ok().and_then(small_int)
}

/// The object that an edge below the first node names.
pub(super) fn resolve(
    vm: &VirtualMachine,
    globals: &PyDictRef,
    edge: u32,
) -> Result<PyObjectRef, FormatError> {
    let context = &vm.ctx;
    Ok(match edge {
        NONE => context.none(),
        TRUE => context.true_value.clone().into(),
        FALSE => context.false_value.clone().into(),
        ELLIPSIS => context.ellipsis.clone().into(),
        NOT_IMPLEMENTED => context.not_implemented(),
        EMPTY_TUPLE => context.empty_tuple.clone().into(),
        EMPTY_STR => context.empty_str.to_owned().into(),
        EMPTY_BYTES => context.empty_bytes.clone().into(),
        GLOBALS => globals.clone().into(),
        _ => {
            let value = i64::from(edge) - i64::from(SMALL_INT_EDGE) + SMALL_INT_FIRST;
            if edge < SMALL_INT_EDGE || value > SMALL_INT_LAST {
                return Err(FormatError::Edge(edge));
            }
            context.new_int(value).into()
        }
    })
}
