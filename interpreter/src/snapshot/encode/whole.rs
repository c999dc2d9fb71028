//! Objects that are written at once, without a frame: trees of plain containers and instances that
//! nothing else refers to.
//!
//! The one reference to such an object is that of its container, so it can't be met again, can't be
//! part of a cycle, and needs no number to be found by. Most data is made of these.

use rustpython_vm::builtins::{PyDict, PyList, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::object::Plan;
use super::{Encoder, container};
use crate::snapshot::format::{Write, kind};

/// How deep a tree may be to be written at once, by recursion.
const DEPTH_MAX: u32 = 6;

/// References to an object that was just cloned out of its container.
const HELD_BY_CLONE: usize = 2;

impl Encoder<'_> {
    /// The edge of an object whose record can be written now, if nothing else is needed for it.
    #[inline]
    pub fn simple(&mut self, object: &PyObject, held: usize) -> PyResult<Option<u32>> {
        if let Some(edge) = self.scalar(object, held)? {
            return Ok(Some(edge));
        }
        if object.strong_count() <= held && self.is_whole(object, held, DEPTH_MAX) {
            return self.write_whole(object).map(Some);
        }
        Ok(None)
    }

    /// Whether an object is a scalar, or a tree of them that nothing else refers to.
    fn is_whole(&mut self, object: &PyObject, held: usize, depth: u32) -> bool {
        if self.is_scalar(object) {
            return true;
        }
        if depth == 0 || object.strong_count() > held {
            return false;
        }
        let depth = depth - 1;
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.tuple_type) {
            let tuple = object.downcast_ref::<PyTuple>().expect("class is tuple");
            let mut elements = tuple.as_slice().iter();
            elements.all(|element| self.is_whole(element, 1, depth))
        } else if class.is(types.list_type) {
            let list = object.downcast_ref::<PyList>().expect("class is list");
            let elements = list.borrow_vec();
            elements
                .iter()
                .all(|element| self.is_whole(element, 1, depth))
        } else if class.is(types.dict_type) {
            let dict = object.downcast_ref::<PyDict>().expect("class is dict");
            self.is_whole_dict(dict, depth)
        } else {
            self.is_whole_instance(object, depth)
        }
    }

    fn is_whole_dict(&mut self, dict: &PyDict, depth: u32) -> bool {
        let mut position = 0;
        while let Some((next, key, value)) = dict.next_entry(position) {
            let whole = container::is_plain(self.vm, &key)
                && self.is_whole(&key, HELD_BY_CLONE, depth)
                && self.is_whole(&value, HELD_BY_CLONE, depth);
            if !whole {
                return false;
            }
            position = next;
        }
        true
    }

    fn is_whole_instance(&mut self, object: &PyObject, depth: u32) -> bool {
        let plan = self.plans.get(&object.class().get_id());
        if !matches!(plan, Some(Plan::Instance { is_local: true }))
            || object.weak_count().is_some_and(|count| count > 0)
        {
            return false;
        }
        let number = self.numbers.get(&object.class().get_id());
        let class_is_there =
            number.is_some_and(|&number| number.edge().is_some() && !self.waits_elsewhere(number));
        if !class_is_there {
            return false;
        }
        match object.dict() {
            Some(dict) => {
                dict.as_object().strong_count() <= HELD_BY_CLONE && self.is_whole_dict(&dict, depth)
            }
            None => false,
        }
    }

    /// Writes what [`Self::is_whole`], and gives its edge.
    fn write_whole(&mut self, object: &PyObject) -> PyResult<u32> {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.tuple_type) {
            let tuple = object.downcast_ref::<PyTuple>().expect("class is tuple");
            self.write_whole_run(kind::TUPLE, tuple.as_slice())
        } else if class.is(types.list_type) {
            self.mutable = true;
            let list = object.downcast_ref::<PyList>().expect("class is list");
            self.write_whole_run(kind::LIST, &list.borrow_vec())
        } else if class.is(types.dict_type) {
            let dict = object.downcast_ref::<PyDict>().expect("class is dict");
            let edges = self.write_whole_pairs(dict)?;
            self.table.push(kind::DICT);
            self.end_whole_pairs(edges)
        } else {
            let dict = object.dict().expect("its class gives it one");
            let edges = self.write_whole_pairs(&dict)?;
            let class = class.as_object();
            let number = self.numbers.get(&class.get_id()).copied();
            let class = self.local_edge(class, number.expect("the class is there"))?;
            self.table.push(kind::INSTANCE_WHOLE);
            self.table.edge(class);
            self.end_whole_pairs(edges)
        }
    }

    fn write_whole_part(&mut self, object: &PyObject, held: usize) -> PyResult<u32> {
        match self.scalar(object, held)? {
            Some(edge) => Ok(edge),
            None => self.write_whole(object),
        }
    }

    fn write_whole_run(&mut self, kind: u8, objects: &[PyObjectRef]) -> PyResult<u32> {
        if let Some(run) = self.packable(objects, 1, true)? {
            self.table.push(kind);
            self.packed_body(&run, objects);
            let edge = self.next_number()?;
            self.packed_in(&run, objects, edge);
            return Ok(edge);
        }
        let from = self.edges.len();
        for object in objects {
            let edge = self.write_whole_part(object, 1)?;
            self.edges.push(edge);
        }
        self.table.push(kind);
        self.edges_since(from);
        self.next_number()
    }

    /// Writes the keys and values of a dict, and gives where their edges begin: the keys' first.
    fn write_whole_pairs(&mut self, dict: &PyDict) -> PyResult<usize> {
        self.mutable = true;
        let from = self.edges.len();
        let mut position = 0;
        while let Some((next, key, value)) = dict.next_entry(position) {
            let key = self.write_whole_part(&key, HELD_BY_CLONE)?;
            let value = self.write_whole_part(&value, HELD_BY_CLONE)?;
            self.edges.extend([key, value]);
            position = next;
        }
        Ok(from)
    }

    fn end_whole_pairs(&mut self, from: usize) -> PyResult<u32> {
        self.pairs_since(from);
        self.next_number()
    }

    /// Takes the last edges, and writes them as a body.
    pub fn edges_since(&mut self, from: usize) {
        let edges = self.edges.split_off(from);
        self.edge_body(&edges);
    }

    /// Takes the last edges, keys and values in turn, and writes them as two bodies.
    pub fn pairs_since(&mut self, from: usize) {
        let (keys, values) = super::unzip(&self.edges[from..]);
        self.edges.truncate(from);
        self.edge_body(&keys);
        self.edge_body(&values);
    }

    /// Whether [`Self::scalar`] has an edge for the object.
    fn is_scalar(&self, object: &PyObject) -> bool {
        let types = &self.vm.ctx.types;
        let class = object.class();
        class.is(types.int_type)
            || class.is(types.str_type)
            || class.is(types.float_type)
            || class.is(types.bool_type)
            || class.is(types.none_type)
            || class.is(types.bytes_type)
            || class.is(types.complex_type)
            || class.is(types.bytearray_type)
            || object.is(&self.vm.ctx.ellipsis)
            || object.is(&self.vm.ctx.not_implemented)
    }
}
