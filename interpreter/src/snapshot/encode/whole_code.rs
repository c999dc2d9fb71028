//! Code objects in one record: with their constants and the code nested in them, by value.
//!
//! That is possible where nothing else refers to these: then nobody can tell one from another that
//! equals it. Most code is so. Its bytes depend on nothing else in the table, so a process that
//! decodes the same function again and again makes its code once (`decode/code_cache.rs`).
//!
//! A constant is written as the kind that its record would have, without a number.

use rustpython_vm::builtins::{
    PyBytes, PyCode, PyComplex, PyFloat, PyFrozenSet, PyInt, PySlice, PyStr, PyTuple,
};
use rustpython_vm::{AsObject, Py, PyObject, VirtualMachine};

use super::scalar;
use crate::snapshot::code;
use crate::snapshot::constant;
use crate::snapshot::format::{CODE_DEPTH_MAX, Write, kind, whole_code};

/// Whether nothing but `code` refers to what it is made of.
pub fn is_whole(vm: &VirtualMachine, code: &Py<PyCode>, bytes_max: usize) -> bool {
    let whole = Whole {
        vm,
        root: code,
        bytes_max,
    };
    whole.has_code(code, CODE_DEPTH_MAX)
}

struct Whole<'a> {
    vm: &'a VirtualMachine,
    root: &'a Py<PyCode>,
    /// Bytes of this length go into a buffer of their own.
    bytes_max: usize,
}

impl Whole<'_> {
    fn has_code(&self, code: &Py<PyCode>, depth: u32) -> bool {
        let mut constants = code.constants.iter();
        constants.all(|constant| self.has(constant.as_object(), 1, depth))
    }

    /// Whether a constant may be written by value, if this many references to it are accounted for.
    fn has(&self, object: &PyObject, held: usize, depth: u32) -> bool {
        let vm = self.vm;
        let types = &vm.ctx.types;
        let class = object.class();
        if edge_of(vm, object).is_some() {
            return true;
        }
        if class.is(types.str_type) && object.is_immortal() {
            return true;
        }
        if object.strong_count() > held || object.weak_count().is_some_and(|count| count > 0) {
            return false;
        }
        if let Some(bytes) = object.downcast_ref_if_exact::<PyBytes>(vm) {
            return bytes.as_bytes().len() < self.bytes_max;
        }
        if class.is(types.int_type)
            || class.is(types.float_type)
            || class.is(types.complex_type)
            || class.is(types.str_type)
        {
            return true;
        }
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        if let Some(tuple) = object.downcast_ref_if_exact::<PyTuple>(vm) {
            let mut parts = tuple.as_slice().iter();
            parts.all(|part| self.has(part, 1, depth))
        } else if let Some(slice) = object.downcast_ref_if_exact::<PySlice>(vm) {
            let mut parts = parts_of(slice).into_iter();
            parts.all(|part| part.is_none_or(|part| self.has(part, 1, depth)))
        } else if let Some(set) = object.downcast_ref_if_exact::<PyFrozenSet>(vm) {
            let elements = set.elements();
            elements.iter().all(|element| self.has(element, 2, depth))
        } else if let Some(nested) = object.downcast_ref_if_exact::<PyCode>(vm) {
            std::ptr::eq(nested.source_path(), self.root.source_path())
                && self.has_code(nested, depth)
        } else {
            false
        }
    }
}

/// The edge of a constant that every namespace has.
fn edge_of(vm: &VirtualMachine, object: &PyObject) -> Option<u32> {
    let int = || object.downcast_ref_if_exact::<PyInt>(vm);
    constant::singleton(vm, object).or_else(|| constant::cached_int(int()?))
}

fn parts_of(slice: &PySlice) -> [Option<&PyObject>; 3] {
    [
        slice.start.as_deref(),
        Some(&slice.stop),
        slice.step.as_deref(),
    ]
}

/// Writes the content of code that [`is_whole`]: all but the name of its source.
pub fn write(vm: &VirtualMachine, table: &mut Vec<u8>, code: &Py<PyCode>) {
    code::write(table, code, "");
    table.varint(code.constants.len() as u64);
    for constant in code.constants.iter() {
        write_constant(vm, table, constant.as_object());
    }
}

fn write_constant(vm: &VirtualMachine, table: &mut Vec<u8>, object: &PyObject) {
    if let Some(edge) = edge_of(vm, object) {
        table.push(whole_code::EDGE);
        table.varint(edge.into());
    } else if let Some(int) = object.downcast_ref_if_exact::<PyInt>(vm) {
        scalar::write_int(table, int);
    } else if let Some(text) = object.downcast_ref_if_exact::<PyStr>(vm) {
        scalar::write_str(table, text);
    } else if let Some(float) = object.downcast_ref_if_exact::<PyFloat>(vm) {
        scalar::write_float(table, float);
    } else if let Some(complex) = object.downcast_ref_if_exact::<PyComplex>(vm) {
        scalar::write_complex(table, complex);
    } else if let Some(bytes) = object.downcast_ref_if_exact::<PyBytes>(vm) {
        table.push(kind::BYTES);
        table.slice(bytes.as_bytes());
    } else if let Some(tuple) = object.downcast_ref_if_exact::<PyTuple>(vm) {
        table.push(kind::TUPLE);
        table.varint(tuple.as_slice().len() as u64);
        for part in tuple.as_slice() {
            write_constant(vm, table, part);
        }
    } else if let Some(slice) = object.downcast_ref_if_exact::<PySlice>(vm) {
        table.push(kind::SLICE);
        for part in parts_of(slice) {
            write_constant(vm, table, part.unwrap_or(vm.ctx.none.as_object()));
        }
    } else if let Some(set) = object.downcast_ref_if_exact::<PyFrozenSet>(vm) {
        table.push(kind::FROZENSET);
        let elements = set.elements();
        table.varint(elements.len() as u64);
        for element in &elements {
            write_constant(vm, table, element);
        }
    } else if let Some(nested) = object.downcast_ref_if_exact::<PyCode>(vm) {
        table.push(kind::CODE);
        write(vm, table, nested);
    }
}
