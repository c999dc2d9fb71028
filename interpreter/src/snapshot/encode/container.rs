//! Tuples, lists, dicts, sets, and the small objects that are made of a few others.
//!
//! A container of scalars gets one complete record. Others are made empty (so that cycles have a
//! number to refer to) and filled later; tuples and frozensets wait for their elements.

use rustpython_vm::builtins::{PyDict, PyFrozenSet, PyList, PyRange, PySet, PySlice, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::{Encoder, Frame, Step};
use crate::snapshot::format::{Write, kind};
use crate::snapshot::identifier::identifiers;

/// There are more builtins than this: smaller dicts aren't compared with theirs.
const BUILTINS_MIN: usize = 100;

impl Encoder<'_> {
    pub fn tuple(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let tuple = object.downcast_ref::<PyTuple>().expect("class is tuple");
        let elements = tuple.as_slice();
        if self.packed(kind::TUPLE, object, elements, 1)? {
            return Ok(());
        }
        let from = self.edges.len();
        for element in elements {
            let Some(edge) = self.scalar_or_known(element, 1)? else {
                let children = elements.to_vec();
                let frame = Frame::new(Step::Tuple, object.to_owned(), origin, children);
                return self.begin_partly(frame, from);
            };
            self.edges.push(edge);
        }
        self.complete_record(kind::TUPLE, object, from)
    }

    fn complete_record(&mut self, kind: u8, object: &PyObject, from: usize) -> PyResult<()> {
        self.table.push(kind);
        self.edges_since(from);
        self.built(object)?;
        Ok(())
    }

    /// Writes the whole record of a container whose elements can be packed by value.
    fn packed(
        &mut self,
        kind: u8,
        object: &PyObject,
        elements: &[PyObjectRef],
        held: usize,
    ) -> PyResult<bool> {
        // A set may have another order when it is made again.
        let can_index = matches!(kind, kind::LIST | kind::TUPLE);
        let Some(run) = self.packable(elements, held, can_index)? else {
            return Ok(false);
        };
        self.table.push(kind);
        self.packed_body(&run, elements);
        let edge = self.built(object)?;
        self.packed_in(&run, elements, edge);
        Ok(true)
    }

    pub fn list(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        self.mutable = true;
        let list = object.downcast_ref::<PyList>().expect("class is list");
        {
            // The lock is held while scalars are written, which runs no Python code.
            let elements = list.borrow_vec();
            if self.packed(kind::LIST, object, &elements, 1)? {
                return Ok(());
            }
            let from = self.edges.len();
            let mut scalars = true;
            for element in elements.iter() {
                match self.scalar_or_known(element, 1)? {
                    Some(edge) => self.edges.push(edge),
                    None => {
                        scalars = false;
                        break;
                    }
                }
            }
            if scalars {
                return self.complete_record(kind::LIST, object, from);
            }
            self.edges.truncate(from);
        }
        self.empty(kind::LIST_EMPTY, Step::FillList, false, object, origin)
    }

    pub fn dict(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        self.mutable = true;
        let dict = object.downcast_ref::<PyDict>().expect("class is dict");
        if dict.__len__() > BUILTINS_MIN && object.is(&self.vm.builtins.dict()) {
            return self.builtins(object);
        }
        let from = self.edges.len();
        if !dict.is_empty() {
            let items = dict.items_vec();
            for part in items.iter().flat_map(|(key, value)| [key, value]) {
                let Some(edge) = self.scalar(part, 2)? else {
                    self.edges.truncate(from);
                    let hashes = !items.iter().all(|(key, _)| is_plain(self.vm, key));
                    return self.empty(kind::DICT_EMPTY, Step::FillDict, hashes, object, origin);
                };
                self.edges.push(edge);
            }
        }
        self.table.push(kind::DICT);
        self.pairs_since(from);
        self.built(object)?;
        Ok(())
    }

    /// The dict of the builtins, which `exec` puts into each dict that it is given: it is that of who reads it.
    fn builtins(&mut self, object: &PyObject) -> PyResult<()> {
        self.table.push(kind::MODULE_GLOBALS);
        self.table.slice(b"builtins");
        self.built(object)?;
        self.carried_again(object.get_id());
        Ok(())
    }

    pub fn set(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        self.mutable = true;
        let set = object.downcast_ref::<PySet>().expect("class is set");
        let elements = set.elements();
        if self.packed(kind::SET, object, &elements, 2)? {
            return Ok(());
        }
        let from = self.edges.len();
        for element in &elements {
            let Some(edge) = self.scalar(element, 2)? else {
                self.edges.truncate(from);
                let hashes = !elements.iter().all(|element| is_plain(self.vm, element));
                return self.empty(kind::SET_EMPTY, Step::FillSet, hashes, object, origin);
            };
            self.edges.push(edge);
        }
        self.complete_record(kind::SET, object, from)
    }

    pub fn frozenset(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let set = object
            .downcast_ref::<PyFrozenSet>()
            .expect("class is frozenset");
        let elements = set.elements();
        if self.packed(kind::FROZENSET, object, &elements, 2)? {
            return Ok(());
        }
        let from = self.edges.len();
        for element in &elements {
            let Some(edge) = self.scalar(element, 2)? else {
                self.edges.truncate(from);
                let frame = Frame::new(Step::FrozenSet, object.to_owned(), origin, elements);
                // Elements are hashed as the set is made: they must be finished by then.
                return self.begin(frame.draining());
            };
            self.edges.push(edge);
        }
        self.complete_record(kind::FROZENSET, object, from)
    }

    /// Makes an object empty, and leaves filling it for later.
    fn empty(
        &mut self,
        kind: u8,
        fill: Step,
        hashes: bool,
        object: &PyObject,
        origin: u32,
    ) -> PyResult<()> {
        self.table.push(kind);
        let number = self.built(object)?;
        let frame = Frame::new(fill, object.to_owned(), origin, Vec::new());
        let mut frame = frame.hashing(hashes);
        frame.target = number;
        self.follow(frame)
    }

    /// Takes a fill's children from its object, now that their turn has come.
    pub fn load_children(&mut self, frame: &mut Frame) -> PyResult<()> {
        match frame.step {
            Step::FillList => {
                let list = frame.object.downcast_ref::<PyList>().expect("it is a list");
                frame.children = list.borrow_vec().to_vec();
            }
            // Globals of functions bring their own selection of entries.
            Step::FillDict if frame.children.is_empty() => {
                let dict = frame.object.downcast_ref::<PyDict>().expect("it is a dict");
                frame.children = flatten(dict.items_vec());
            }
            Step::FillSet => {
                let set = frame.object.downcast_ref::<PySet>().expect("it is a set");
                frame.children = set.elements();
            }
            Step::FillInstance => frame.children = flatten(self.attributes(&frame.object)?),
            Step::FillInstanceDict => {
                frame.children = frame.object.dict().map(Into::into).into_iter().collect();
            }
            Step::FillCell => {
                let contents = frame
                    .object
                    .get_attr(identifiers().cell_contents, self.vm)?;
                frame.children = vec![contents];
                self.note_class_namespace(&frame.children[0]);
            }
            _ => {}
        }
        Ok(())
    }

    pub fn range(&mut self, range: &PyRange, object: &PyObject, origin: u32) -> PyResult<()> {
        let parts = [&range.start, &range.stop, &range.step];
        let children = parts.map(|part| part.clone().into()).to_vec();
        self.begin(Frame::new(Step::Range, object.to_owned(), origin, children))
    }

    pub fn slice(&mut self, slice: &PySlice, object: &PyObject, origin: u32) -> PyResult<()> {
        let none = || self.vm.ctx.none();
        let children = vec![
            slice.start.clone().unwrap_or_else(none),
            slice.stop.clone(),
            slice.step.clone().unwrap_or_else(none),
        ];
        self.begin(Frame::new(Step::Slice, object.to_owned(), origin, children))
    }

    /// A memoryview travels as a view of its bytes, with its format and shape.
    pub fn memoryview(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let format = object.get_attr("format", vm)?.str(vm)?.to_string();
        let shape = object.get_attr("shape", vm)?;
        let shape = shape
            .downcast_ref::<PyTuple>()
            .map_or(&[][..], |shape| shape.as_slice())
            .iter()
            .map(|length| length.try_to_value::<u64>(vm))
            .collect::<PyResult<Vec<_>>>()?;
        let content = vm.call_method(object, "tobytes", ())?;
        let step = Step::MemoryView { format, shape };
        self.begin(Frame::new(step, object.to_owned(), origin, vec![content]))
    }
}

fn flatten(items: Vec<(PyObjectRef, PyObjectRef)>) -> Vec<PyObjectRef> {
    items
        .into_iter()
        .flat_map(|(key, value)| [key, value])
        .collect()
}

/// Whether hashing `key` needs nothing but the key: no objects that may be unfinished.
pub fn is_plain(vm: &VirtualMachine, key: &PyObject) -> bool {
    fn is_plain_within(vm: &VirtualMachine, key: &PyObject, depth: usize) -> bool {
        let types = &vm.ctx.types;
        let class = key.class();
        class.is(types.str_type)
            || class.is(types.int_type)
            || class.is(types.float_type)
            || class.is(types.bool_type)
            || class.is(types.bytes_type)
            || class.is(types.none_type)
            || class.is(types.complex_type)
            || (depth > 0
                && class.is(types.tuple_type)
                && key.downcast_ref::<PyTuple>().is_some_and(|tuple| {
                    let mut elements = tuple.as_slice().iter();
                    elements.all(|element| is_plain_within(vm, element, depth - 1))
                }))
    }
    const TUPLES_WITHIN_TUPLES_MAX: usize = 4;
    is_plain_within(vm, key, TUPLES_WITHIN_TUPLES_MAX)
}
