//! Objects without children: numbers, text, bytes.
//!
//! One that nothing else refers to needs no number to be found by, which is told by the count of
//! references: those that the walk and the container have are *held*, any other may be met later.

use bytes::Bytes;
use rustpython_vm::builtins::{PyByteArray, PyBytes, PyComplex, PyFloat, PyInt, PyStr};
use rustpython_vm::{AsObject, Py, PyObject, PyRef, PyResult, VirtualMachine};

use super::Encoder;
use super::numbers::Number;
use crate::snapshot::constant;
use crate::snapshot::format::{Write, kind};

/// Buffers beside the table. Messages carry twice as many; what is beyond goes into the table.
const BUFFER_COUNT_MAX: usize = 32_768;

/// The storage of a `bytes` object, lent to a buffer of the snapshot.
///
/// `bytes` never change, and the reference keeps them alive, so no copy is needed. Only exact
/// `bytes` are lent: freeing one runs no Python code, on whichever thread it happens.
struct LentBytes(PyRef<PyBytes>);

impl AsRef<[u8]> for LentBytes {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// As [`LentBytes`], of a `str`.
struct LentText(PyRef<PyStr>);

impl AsRef<[u8]> for LentText {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

pub fn lend(vm: &VirtualMachine, object: &PyObject) -> Option<Bytes> {
    let bytes = object.to_owned().downcast_exact::<PyBytes>(vm).ok()?;
    Some(Bytes::from_owner(LentBytes(bytes.into_pyref())))
}

impl Encoder<'_> {
    /// The edge of an object that has no children, writing its record if it is new. None for
    /// others.
    #[inline]
    pub fn scalar(&mut self, object: &PyObject, held: usize) -> PyResult<Option<u32>> {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.int_type) {
            let int = object.downcast_ref::<PyInt>().expect("class is int");
            if let Some(edge) = constant::cached_int(int) {
                return Ok(Some(edge));
            }
            return self.once(object, held, |encoder| write_int(&mut encoder.table, int));
        }
        if let Some(edge) = constant::singleton(self.vm, object) {
            return Ok(Some(edge));
        }
        if class.is(types.str_type) {
            let text = object.downcast_ref::<PyStr>().expect("class is str");
            self.once(object, held, |encoder| encoder.write_text(text))
        } else if class.is(types.float_type) {
            let float = object.downcast_ref::<PyFloat>().expect("class is float");
            self.once(object, held, |encoder| {
                write_float(&mut encoder.table, float);
            })
        } else if class.is(types.bytes_type) {
            self.once(object, held, |encoder| encoder.write_bytes(object))
        } else if class.is(types.complex_type) {
            let complex = object
                .downcast_ref::<PyComplex>()
                .expect("class is complex");
            self.once(object, held, |encoder| {
                write_complex(&mut encoder.table, complex);
            })
        } else if class.is(types.bytearray_type) {
            self.once(object, held, |encoder| encoder.write_bytearray(object))
        } else {
            Ok(None)
        }
    }

    /// Like [`Self::scalar`], and the edge of containers that have a number and need no more.
    #[inline]
    pub fn scalar_or_known(&mut self, object: &PyObject, held: usize) -> PyResult<Option<u32>> {
        if let Some(edge) = self.scalar(object, held)? {
            return Ok(Some(edge));
        }
        match self.numbers.get(&object.get_id()) {
            Some(&number) if self.is_there(object, number) => {
                self.local_edge(object, number).map(Some)
            }
            _ => Ok(None),
        }
    }

    #[inline]
    fn once(
        &mut self,
        object: &PyObject,
        held: usize,
        write: impl FnOnce(&mut Self),
    ) -> PyResult<Option<u32>> {
        if object.strong_count() <= held {
            write(self);
            return self.next_number().map(Some);
        }
        self.index_runs();
        if let Some(&number) = self.numbers.get(&object.get_id()) {
            return self.local_edge(object, number).map(Some);
        }
        write(self);
        self.number_scalar(object).map(Some)
    }

    /// Numbers a scalar whose record was just written.
    fn number_scalar(&mut self, object: &PyObject) -> PyResult<u32> {
        let edge = self.next_number()?;
        let number = Number::new(edge, self.segment);
        self.numbers.insert(object.get_id(), number);
        self.kept.push(object.to_owned());
        if object.is_immortal() {
            self.carried_again(object.get_id());
        }
        Ok(edge)
    }

    /// Writes the record of a scalar that was thought to be packed.
    pub fn unpacked(&mut self, object: &PyObject) -> PyResult<u32> {
        self.numbers.remove(&object.get_id());
        let edge = self.scalar(object, super::HELD_UNKNOWN)?;
        Ok(edge.expect("only scalars are packed"))
    }

    fn write_text(&mut self, text: &Py<PyStr>) {
        if !self.goes_out_of_band(text.as_bytes().len()) || text.as_object().is_immortal() {
            write_str(&mut self.table, text);
        } else {
            let lent = Bytes::from_owner(LentText(text.to_owned()));
            self.write_buffer(kind::STR_OUT, lent);
        }
    }

    fn write_bytes(&mut self, object: &PyObject) {
        let bytes = object
            .to_owned()
            .downcast::<PyBytes>()
            .expect("class is bytes");
        if !self.goes_out_of_band(bytes.as_bytes().len()) {
            self.table.push(kind::BYTES);
            self.table.slice(bytes.as_bytes());
        } else {
            self.write_buffer(kind::BYTES_OUT, Bytes::from_owner(LentBytes(bytes)));
        }
    }

    fn write_bytearray(&mut self, object: &PyObject) {
        self.mutable = true;
        let bytes = object
            .downcast_ref::<PyByteArray>()
            .expect("class is bytearray");
        let content = bytes.borrow_buf();
        if !self.goes_out_of_band(content.len()) {
            self.table.push(kind::BYTEARRAY);
            self.table.slice(&content);
        } else {
            let copy = Bytes::copy_from_slice(&content);
            drop(content);
            self.write_buffer(kind::BYTEARRAY_OUT, copy);
        }
    }

    pub fn goes_out_of_band(&self, length: usize) -> bool {
        length >= self.options.out_of_band_bytes_min && self.buffers.len() < BUFFER_COUNT_MAX
    }

    pub fn write_buffer(&mut self, kind: u8, buffer: Bytes) {
        self.table.push(kind);
        self.table.varint((self.buffers.len() - 1) as u64);
        self.buffers.push(buffer);
    }

    pub fn write_memoryview(&mut self, format: &str, shape: &[u64], edges: &[u32]) {
        self.mutable_record(kind::MEMORYVIEW, edges);
        self.table.slice(format.as_bytes());
        self.table.varint(shape.len() as u64);
        for &length in shape {
            self.table.varint(length);
        }
    }
}

pub fn write_int(table: &mut Vec<u8>, int: &Py<PyInt>) {
    if let Ok(value) = i64::try_from(int.as_bigint()) {
        table.push(kind::INT);
        table.signed(value);
    } else {
        table.push(kind::INT_BIG);
        table.slice(&int.as_bigint().to_signed_bytes_le());
    }
}

pub fn write_str(table: &mut Vec<u8>, text: &Py<PyStr>) {
    // Interned texts are immortal, and asking that costs nothing.
    table.push(if text.as_object().is_immortal() {
        kind::STR_INTERNED
    } else {
        kind::STR
    });
    table.slice(text.as_wtf8().as_bytes());
}

pub fn write_float(table: &mut Vec<u8>, float: &Py<PyFloat>) {
    table.push(kind::FLOAT);
    table.extend_from_slice(&float.to_f64().to_bits().to_le_bytes());
}

pub fn write_complex(table: &mut Vec<u8>, complex: &Py<PyComplex>) {
    let value = complex.as_complex();
    table.push(kind::COMPLEX);
    for part in [value.re, value.im] {
        table.extend_from_slice(&part.to_bits().to_le_bytes());
    }
}
