//! Tuples, dicts, sets, and what else is made of a few objects; and how deep keys may be nested.

use rustpython_vm::builtins::{PyBytes, PyDict, PyFrozenSet, PySet, PySlice};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload};

use super::body::{Edges, edges_of_pairs};
use super::{Decoded, Decoder};
use crate::snapshot::format::FormatError;

/// Keys nested deeper than this aren't hashed: the runtime hashes tuples by recursion.
const KEY_DEPTH_MAX: u32 = 500;

/// Frozen sets right in each other can be nested so deeply: the runtime lets go of them by recursion.
const SETS_DEPTH_MAX: u32 = 2_000;

impl Decoder<'_> {
    pub(super) fn memoryview(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let content = self.edge()?;
        let format = vm.ctx.new_str(self.reader.text()?);
        let count = self.reader.count(1)?;
        let mut shape = Vec::with_capacity(count);
        for _ in 0..count {
            shape.push(vm.ctx.new_int(self.reader.varint()?).into());
        }
        if !content.class().is(vm.ctx.types.bytes_type) {
            return Err(FormatError::Type { expected: "bytes" }.into());
        }
        let bytes = content.downcast_ref::<PyBytes>();
        let content_is_empty = bytes.is_some_and(|bytes| bytes.as_bytes().is_empty());
        let memoryview_type = vm.ctx.types.memoryview_type.as_object();
        let view = memoryview_type.call((content,), vm)?;
        if shape.len() == 1 && format.as_bytes() == b"B" {
            return Ok(view);
        }
        if shape.len() == 1 && content_is_empty {
            // A shape may have no zero in it, though an empty view has.
            return Ok(vm.call_method(&view, "cast", (format,))?);
        }
        let shape = vm.ctx.new_tuple(shape);
        Ok(vm.call_method(&view, "cast", (format, shape))?)
    }

    pub(super) fn tuple(&mut self) -> Decoded<PyObjectRef> {
        let elements = self.body()?;
        let depth = self.depth_of_parts(&elements);
        let tuple = self.vm.ctx.new_tuple(elements).into();
        Ok(self.with_depth(tuple, depth))
    }

    pub(super) fn slice(&mut self) -> Decoded<PyObjectRef> {
        let parts = [self.edge()?, self.edge()?, self.edge()?];
        let depth = self.depth_of_parts(&parts);
        let [start, stop, step] = parts;
        let slice = PySlice {
            start: Some(start),
            stop,
            step: Some(step),
        };
        Ok(self.with_depth(slice.into_ref(&self.vm.ctx).into(), depth))
    }

    pub(super) fn frozenset(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let elements = self.body()?;
        let mut depth_of_sets = 0;
        for element in &elements {
            self.check_hashable(element)?;
            if element.class().is(vm.ctx.types.frozenset_type) {
                let known = self.depths.get(&element.get_id());
                depth_of_sets = depth_of_sets.max(known.map_or(1, |depth| *depth));
            }
        }
        if depth_of_sets >= SETS_DEPTH_MAX {
            return Err(FormatError::SetDepth.into());
        }
        let set = PyFrozenSet::from_iter(vm, elements)?;
        Ok(self.with_depth(set.into_ref(&vm.ctx).into(), depth_of_sets))
    }

    fn depth_of_parts(&self, parts: &[PyObjectRef]) -> u32 {
        parts.iter().map(|part| self.depth(part)).max().unwrap_or(0)
    }

    /// How many tuples and slices are nested in `object`, itself included.
    fn depth(&self, object: &PyObject) -> u32 {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.tuple_type) || class.is(types.slice_type) {
            self.depths.get(&object.get_id()).map_or(1, |depth| *depth)
        } else {
            0
        }
    }

    fn with_depth(&mut self, object: PyObjectRef, depth_of_parts: u32) -> PyObjectRef {
        if depth_of_parts > 0 {
            self.depths.insert(object.get_id(), depth_of_parts + 1);
        }
        object
    }

    pub(super) fn check_hashable(&self, key: &PyObject) -> Decoded<()> {
        if self.depth(key) > KEY_DEPTH_MAX {
            return Err(FormatError::Depth.into());
        }
        Ok(())
    }

    pub(super) fn fill_dict(&mut self, dict: &Py<PyDict>) -> Decoded<()> {
        if let Some((keys, values)) = edges_of_pairs(&mut self.reader)? {
            return self.insert_edges(dict, keys, values);
        }
        let (keys, values) = self.pairs()?;
        self.insert_pairs(dict, keys, values)
    }

    pub(super) fn insert_edges(
        &self,
        dict: &Py<PyDict>,
        keys: Edges<'_>,
        values: Edges<'_>,
    ) -> Decoded<()> {
        for (key, value) in keys.iter().zip(values) {
            let key = self.get(u32::from_le_bytes(*key))?;
            let value = self.get(u32::from_le_bytes(*value))?;
            self.check_hashable(&key)?;
            dict.inner_setitem(&*key, value, self.vm)?;
        }
        Ok(())
    }

    fn insert_pairs(
        &self,
        dict: &Py<PyDict>,
        keys: Vec<PyObjectRef>,
        values: Vec<PyObjectRef>,
    ) -> Decoded<()> {
        for (key, value) in keys.into_iter().zip(values) {
            self.check_hashable(&key)?;
            dict.inner_setitem(&*key, value, self.vm)?;
        }
        Ok(())
    }

    pub(super) fn fill_set(&mut self, set: &Py<PySet>) -> Decoded<()> {
        for element in self.body()? {
            self.check_hashable(&element)?;
            set.add(element, self.vm)?;
        }
        Ok(())
    }
}
