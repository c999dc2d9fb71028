//! The attributes of instances: what is in their `__dict__`, and in the `__slots__` of their classes.
//!
//! They are read where they are kept, without what a class may say of reading them: a slot that is
//! not set would ask `__getattr__`.

use std::rc::Rc;

use rustpython_vm::builtins::PyType;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::class::slot_name;
use super::container::is_plain;
use super::{Encoder, Frame, Step};

/// The names of a class's slots, each with what reads it.
pub type Slots = Rc<[(PyObjectRef, PyObjectRef)]>;

impl Encoder<'_> {
    /// What an instance's `__dict__` and its slots have, as pairs of name and value.
    pub fn attributes(&self, object: &PyObject) -> PyResult<Vec<(PyObjectRef, PyObjectRef)>> {
        let mut entries = object.dict().map_or_else(Vec::new, |dict| dict.items_vec());
        entries.extend(self.slot_entries(object)?);
        Ok(entries)
    }

    /// What an instance's slots have, as pairs of name and value.
    pub fn slot_entries(&self, object: &PyObject) -> PyResult<Vec<(PyObjectRef, PyObjectRef)>> {
        let mut entries = Vec::new();
        let vm = self.vm;
        for (name, descriptor) in self.slots_of(object.class()).iter() {
            let get = descriptor.class().slots().descr_get.load();
            let get = get.expect("what reads a slot is a descriptor");
            let (object, class) = (object.to_owned(), object.class().to_owned());
            match get(
                descriptor,
                Some(object.as_object()),
                Some(class.as_object()),
                vm,
            ) {
                Ok(value) => entries.push((name.clone(), value)),
                // It isn't set.
                Err(error) if error.fast_isinstance(vm.ctx.exceptions.attribute_error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    /// Whether an object's `__dict__` is told as an object of its own: something else has it too, beside the
    /// object and so many others, or it is of a subclass.
    pub fn is_dict_told(&self, object: &PyObject, others: usize) -> bool {
        // The reference of the object, and this one.
        object.dict().is_some_and(|dict| {
            dict.as_object().strong_count() > 2 + others
                || !dict.class().is(self.vm.ctx.types.dict_type)
        })
    }

    /// The slots that the Python classes of an object have, looked up once for each class.
    fn slots_of(&self, class: &Py<PyType>) -> Slots {
        if class.slots().member_count == 0 {
            return Rc::from([]);
        }
        if let Some(known) = self.slots.borrow().get(&class.get_id()) {
            return Rc::clone(known);
        }
        let mut found: Vec<(PyObjectRef, PyObjectRef)> = Vec::new();
        let member = self.vm.ctx.types.member_descriptor_type;
        for class in class.mro_collect() {
            if !class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE) {
                continue;
            }
            for (name, value) in class.attributes().entries() {
                let is_known = || {
                    found.iter().any(|(known, slot)| {
                        slot.is(&value) || self.text(known) == self.text(&name)
                    })
                };
                if value.class().is(member) && !is_known() {
                    found.push((name, value));
                }
            }
        }
        for (name, slot) in &mut found {
            // It may have been met under another name that a class has given it.
            let own = slot_name(self, slot);
            let own = own.map(|own| self.vm.ctx.intern_str(own));
            if let Some(own) = own
                && class.get_attr(own).is_some_and(|usual| usual.is(&*slot))
            {
                *name = own.to_owned().into();
            }
        }
        let found = Slots::from(found);
        self.slots
            .borrow_mut()
            .insert(class.get_id(), Rc::clone(&found));
        found
    }

    /// As [`Self::given_attributes`], of pairs of name and value; `None` if there are none.
    pub fn given_entries(
        &mut self,
        object: &PyObject,
        origin: u32,
        entries: Vec<(PyObjectRef, PyObjectRef)>,
    ) -> Option<Frame> {
        if entries.is_empty() {
            return None;
        }
        let entries = entries.into_iter();
        let attributes = entries.flat_map(|(name, value)| [name, value]).collect();
        Some(self.given_attributes(object, origin, attributes))
    }

    /// The frame that gives an object these attributes once it is made. It runs no Python code.
    pub fn given_attributes(
        &mut self,
        object: &PyObject,
        origin: u32,
        attributes: Vec<PyObjectRef>,
    ) -> Frame {
        // They are for the paths of what is refused.
        if may_be_refused(self.vm, &attributes) {
            let names = attributes.iter().step_by(2).cloned().collect();
            self.given.insert(object.get_id(), names);
        }
        Frame::new(Step::FillGiven, object.to_owned(), origin, attributes)
    }
}

/// Whether a value among these names and values may be refused: numbers and text never are.
pub fn may_be_refused(vm: &VirtualMachine, attributes: &[PyObjectRef]) -> bool {
    let mut values = attributes.iter().skip(1).step_by(2);
    values.any(|value| !is_plain(vm, value))
}
