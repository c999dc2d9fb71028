//! Objects that are written at once, without a frame: plain containers and instances made of scalars,
//! of what has a number already, and of such objects again that nothing else refers to.
//!
//! The one reference to those is that of their container, so they can't be met again, can't be part
//! of a cycle, and need no number to be found by. Most data is made of these.
//!
//! First all of an object is looked at, then it is written. A thread that changes it in between is found out
//! as it is written: then it gets a frame after all, and what was written of its parts is there for that.

use rustpython_vm::builtins::{PyDict, PyDictRef, PyList, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::numbers::Number;
use super::plan::Plan;
use super::{Encoder, container};
use crate::snapshot::format::{Write, kind};

/// How deep a tree may be to be written at once, by recursion.
const DEPTH_MAX: u32 = 6;

/// How deep it may be as it is written: one more than what was looked at, for what is shared, and itself.
const WRITTEN_DEPTH_MAX: u32 = DEPTH_MAX + 2;

/// References to an object that was just cloned out of its container.
const HELD_BY_CLONE: usize = 2;

/// How deep the parts of a list or dict may be for it to be written at once. A long one is made empty
/// and filled, unless it holds scalars only: so its bytes don't depend on what else has its parts.
const fn depth_of_parts(length: usize, depth: u32) -> u32 {
    const LENGTH_MAX: usize = 32;
    if length > LENGTH_MAX { 0 } else { depth }
}

impl Encoder<'_> {
    /// The edge of an object whose record can be written now, if nothing else is needed for it.
    #[inline]
    pub fn simple(&mut self, object: &PyObject, held: usize) -> PyResult<Option<u32>> {
        if let Some(edge) = self.scalar(object, held)? {
            return Ok(Some(edge));
        }
        if object.strong_count() <= held {
            return match self.is_whole_inside(object, DEPTH_MAX) {
                true => self.write_whole(object, WRITTEN_DEPTH_MAX),
                false => Ok(None),
            };
        }
        if let Some(&number) = self.numbers.get(&object.get_id()) {
            return match self.is_there(object, number) {
                true => self.local_edge(object, number).map(Some),
                false => Ok(None),
            };
        }
        if !self.has_whole_class(object) || !self.is_whole_inside(object, DEPTH_MAX) {
            return Ok(None);
        }
        self.write_numbered(object, WRITTEN_DEPTH_MAX)
    }

    /// Whether an object that was met can be referred to as it is.
    pub fn is_there(&self, object: &PyObject, number: Number) -> bool {
        number.edge().is_some()
            && !self.waits_elsewhere(number)
            && (self.postponed.is_empty() || !self.postponed.contains_key(&object.get_id()))
            && !self.is_carried_in_part(object)
    }

    fn write_numbered(&mut self, object: &PyObject, depth: u32) -> PyResult<Option<u32>> {
        let Some(edge) = self.write_whole(object, depth)? else {
            return Ok(None);
        };
        let number = Number::new(edge, self.segment);
        self.numbers.insert(object.get_id(), number);
        self.kept.push(object.to_owned());
        Ok(Some(edge))
    }

    /// Whether an object that may be met again is of a class that can be written at once.
    fn has_whole_class(&self, object: &PyObject) -> bool {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.dict_type) {
            // A class's own dict goes as that.
            return !self.namespaces.contains_key(&object.get_id())
                && self.options.namespace.is_none_or(|own| !own.is(object));
        }
        class.is(types.tuple_type)
            || class.is(types.list_type)
            || matches!(
                self.plans.get(&class.get_id()),
                Some(Plan::Instance { is_local: true })
            )
    }

    /// Whether an object is a scalar, has a number, or is written at once: then
    /// [`Self::write_whole_part`] has an edge for it, unless a thread changes it.
    pub fn is_whole(&mut self, object: &PyObject, held: usize) -> bool {
        self.is_whole_part(object, held, DEPTH_MAX)
    }

    fn is_whole_part(&mut self, object: &PyObject, held: usize, depth: u32) -> bool {
        if self.is_scalar(object) {
            return true;
        }
        if object.strong_count() > held {
            return match self.numbers.get(&object.get_id()) {
                Some(&number) => self.is_there(object, number),
                // Not further down: where much is shared, the same would be looked at for ever.
                None => {
                    depth > 0 && self.has_whole_class(object) && self.is_whole_inside(object, 0)
                }
            };
        }
        depth > 0 && self.is_whole_inside(object, depth - 1)
    }

    fn is_whole_inside(&mut self, object: &PyObject, depth: u32) -> bool {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.tuple_type) {
            let tuple = object.downcast_ref::<PyTuple>().expect("class is tuple");
            let mut elements = tuple.as_slice().iter();
            elements.all(|element| self.is_whole_part(element, 1, depth))
        } else if class.is(types.list_type) {
            let list = object.downcast_ref::<PyList>().expect("class is list");
            let elements = list.borrow_vec();
            let depth = depth_of_parts(elements.len(), depth);
            elements
                .iter()
                .all(|element| self.is_whole_part(element, 1, depth))
        } else if class.is(types.dict_type) {
            let dict = object.downcast_ref::<PyDict>().expect("class is dict");
            self.is_whole_dict(dict, depth)
        } else {
            self.is_whole_instance(object, depth)
        }
    }

    fn is_whole_dict(&mut self, dict: &PyDict, depth: u32) -> bool {
        let depth = depth_of_parts(dict.size().used, depth);
        let mut position = 0;
        while let Some((next, key, value)) = dict.next_entry(position) {
            let whole = container::is_plain(self.vm, &key)
                && self.is_whole_part(&key, HELD_BY_CLONE, depth)
                && self.is_whole_part(&value, HELD_BY_CLONE, depth);
            if !whole {
                return false;
            }
            position = next;
        }
        true
    }

    fn is_whole_instance(&mut self, object: &PyObject, depth: u32) -> bool {
        match self.dict_of_whole(object) {
            Some(dict) => self.is_whole_dict(&dict, depth),
            None => false,
        }
    }

    /// The attributes of an instance that is written at once if they are.
    fn dict_of_whole(&self, object: &PyObject) -> Option<PyDictRef> {
        let class = object.class();
        let plan = self.plans.get(&class.get_id());
        if !matches!(plan, Some(Plan::Instance { is_local: true }))
            || class.slots().member_count > 0
            || object.weak_count().is_some_and(|count| count > 0)
        {
            return None;
        }
        let &number = self.numbers.get(&class.get_id())?;
        if !self.is_there(class.as_object(), number) {
            return None;
        }
        object.dict().filter(|dict| {
            dict.class().is(self.vm.ctx.types.dict_type)
                && dict.as_object().strong_count() <= HELD_BY_CLONE
        })
    }

    /// Writes what [`Self::is_whole_inside`], and gives its edge; None if that isn't so any more.
    fn write_whole(&mut self, object: &PyObject, depth: u32) -> PyResult<Option<u32>> {
        let types = &self.vm.ctx.types;
        let class = object.class();
        let Some(depth) = depth.checked_sub(1) else {
            return Ok(None);
        };
        if class.is(types.tuple_type) {
            let tuple = object.downcast_ref::<PyTuple>().expect("class is tuple");
            self.write_whole_run(kind::TUPLE, tuple.as_slice(), depth)
        } else if class.is(types.list_type) {
            self.mutable = true;
            let list = object.downcast_ref::<PyList>().expect("class is list");
            self.write_whole_run(kind::LIST, &list.borrow_vec(), depth)
        } else if class.is(types.dict_type) {
            let dict = object.downcast_ref::<PyDict>().expect("class is dict");
            let Some(edges) = self.write_whole_pairs(dict, depth)? else {
                return Ok(None);
            };
            self.table.push(kind::DICT);
            self.end_whole_pairs(edges).map(Some)
        } else {
            let Some(dict) = self.dict_of_whole(object) else {
                return Ok(None);
            };
            let Some(edges) = self.write_whole_pairs(&dict, depth)? else {
                return Ok(None);
            };
            let class = class.as_object();
            let number = self.numbers.get(&class.get_id()).copied();
            let class = self.local_edge(class, number.expect("it was looked up with the dict"))?;
            self.table.push(kind::INSTANCE_WHOLE);
            self.table.edge(class);
            self.end_whole_pairs(edges).map(Some)
        }
    }

    /// The edge of what [`Self::is_whole`]; None if that isn't so any more.
    pub fn write_whole_part(&mut self, object: &PyObject, held: usize) -> PyResult<Option<u32>> {
        self.write_part(object, held, WRITTEN_DEPTH_MAX)
    }

    fn write_part(&mut self, object: &PyObject, held: usize, depth: u32) -> PyResult<Option<u32>> {
        if let Some(edge) = self.scalar(object, held)? {
            return Ok(Some(edge));
        }
        if object.strong_count() <= held {
            return self.write_whole(object, depth);
        }
        match self.numbers.get(&object.get_id()) {
            Some(&number) if self.is_there(object, number) => {
                self.local_edge(object, number).map(Some)
            }
            None if self.has_whole_class(object) => self.write_numbered(object, depth),
            _ => Ok(None),
        }
    }

    fn write_whole_run(
        &mut self,
        kind: u8,
        objects: &[PyObjectRef],
        depth: u32,
    ) -> PyResult<Option<u32>> {
        if let Some(run) = self.packable(objects, 1, true)? {
            self.table.push(kind);
            self.packed_body(&run, objects);
            let edge = self.next_number()?;
            self.packed_in(&run, objects, edge);
            return Ok(Some(edge));
        }
        let from = self.edges.len();
        for object in objects {
            let Some(edge) = self.write_part(object, 1, depth)? else {
                self.edges.truncate(from);
                return Ok(None);
            };
            self.edges.push(edge);
        }
        self.table.push(kind);
        self.edges_since(from);
        self.next_number().map(Some)
    }

    /// Writes the keys and values of a dict, and gives where their edges begin: the keys' first.
    fn write_whole_pairs(&mut self, dict: &PyDict, depth: u32) -> PyResult<Option<usize>> {
        self.mutable = true;
        let from = self.edges.len();
        let mut position = 0;
        while let Some((next, key, value)) = dict.next_entry(position) {
            let key = match container::is_plain(self.vm, &key) {
                true => self.write_part(&key, HELD_BY_CLONE, depth)?,
                false => None,
            };
            let pair = match key {
                Some(key) => Some(key).zip(self.write_part(&value, HELD_BY_CLONE, depth)?),
                None => None,
            };
            let Some((key, value)) = pair else {
                self.edges.truncate(from);
                return Ok(None);
            };
            self.edges.extend([key, value]);
            position = next;
        }
        Ok(Some(from))
    }

    fn end_whole_pairs(&mut self, from: usize) -> PyResult<u32> {
        self.pairs_since(from);
        self.next_number()
    }

    /// Takes the last edges, and writes them as a body.
    pub fn edges_since(&mut self, from: usize) {
        let edges = std::mem::take(&mut self.edges);
        self.edge_body(&edges[from..]);
        self.edges = edges;
        self.edges.truncate(from);
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
