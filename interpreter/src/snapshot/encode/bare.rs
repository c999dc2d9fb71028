//! Code of a namespace that runs when something of it is decoded: whether any does, and instances that are
//! put back without it.
//!
//! An instance whose class has a `__new__` of its own and nothing to hand it is made by that: who is sent
//! one gets what the class makes of it there. Where a whole namespace is put back nothing is made that
//! wasn't there, and while a class isn't finished (it has the instance among its attributes) its code would
//! find nothing of what it looks for. There the instance is made bare, as one without a `__new__` is, and its
//! attributes are all of it.

use rustpython_vm::builtins::{PyFrozenSet, PyTuple, PyType};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult};

use super::frame::Frame;
use super::path::NO_PARENT;
use super::plan::native_base;
use super::{Encoder, Step};

/// How deep tuples are looked into for keys of the namespace's own classes.
const KEY_DEPTH_MAX: u32 = 4;

impl Encoder<'_> {
    /// Whether an object that `__reduce_ex__` describes so may be made without its class's `__new__`.
    pub fn may_be_bare(&self, object: &PyObject, parts: &[PyObjectRef]) -> PyResult<bool> {
        let vm = self.vm;
        let class = object.class();
        let is_of_object = native_base(class).is(vm.ctx.types.object_type);
        if !is_of_object || parts.iter().skip(3).any(|part| !vm.is_none(part)) {
            return Ok(false);
        }
        let Some([only]) = parts[1]
            .downcast_ref::<PyTuple>()
            .map(|args| args.as_slice())
        else {
            return Ok(false);
        };
        if !only.is(class) {
            return Ok(false);
        }
        let new = vm.ctx.intern_str("__new__");
        let mut mro = class.mro_collect().into_iter();
        let owner = mro.find(|each| each.get_direct_attr(new).is_some());
        if !owner.is_some_and(|owner| self.is_of_namespace_class(&owner)) {
            return Ok(false);
        }
        let usual = vm.import("copyreg", 0)?.get_attr("__newobj__", vm)?;
        Ok(parts[0].is(&usual))
    }

    /// Whether an instance that may be bare is: asked when its record is written.
    pub fn is_made_bare(&self, object: &PyObject) -> bool {
        self.has_segments
            || object
                .class()
                .mro_collect()
                .iter()
                .any(|class| self.is_unfinished(class))
    }

    /// Whether a class hasn't got its attributes yet.
    fn is_unfinished(&self, class: &Py<PyType>) -> bool {
        self.postponed.contains_key(&class.get_id())
            || self.stack.iter().any(|frame| frame.object.is(class))
    }

    /// Notes that decoding the record of a frame runs code that the namespace brings along, if it does; and
    /// of which class the object that a name is bound to is then.
    pub fn note_code(&mut self, frame: &Frame) {
        let origin = self.origins.get(frame.origin as usize);
        let is_root = origin.is_some_and(|origin| origin.parent == NO_PARENT);
        if (self.runs_own_code && !is_root) || !self.runs_code_of_namespace(frame) {
            return;
        }
        self.runs_own_code = true;
        let is_class = matches!(frame.step, Step::FillClass { .. });
        if is_root && !is_class && self.is_own(&frame.object, 0) {
            self.classes_with_code.insert(frame.object.class().get_id());
        }
    }

    /// Whether decoding the record of a frame runs code that the namespace brings along.
    fn runs_code_of_namespace(&self, frame: &Frame) -> bool {
        let has_own_keys = |every: usize| {
            let mut keys = frame.children.iter().step_by(every);
            keys.any(|key| self.is_own(key, KEY_DEPTH_MAX))
        };
        match frame.step {
            Step::FillDict => frame.drains && has_own_keys(2),
            Step::FillSet => frame.drains && has_own_keys(1),
            Step::FrozenSet => has_own_keys(1),
            Step::Reduced | Step::Identified { .. } => {
                self.is_own(&frame.object, 0)
                    || frame
                        .children
                        .first()
                        .is_some_and(|callable| self.is_own_code(callable))
            }
            Step::FillState { .. } => {
                frame
                    .children
                    .iter()
                    .any(|child| self.is_own(child, KEY_DEPTH_MAX))
                    || self.is_own(&frame.object, 0)
            }
            // Classes that are registered are shown to its `__subclasshook__`.
            Step::FillClass {
                registered_count, ..
            } => registered_count > 0,
            _ => false,
        }
    }

    /// Whether an object is of a class that the namespace brings along, or has one in it.
    fn is_own(&self, object: &PyObject, depth: u32) -> bool {
        if self.is_of_namespace_class(object.class()) {
            return true;
        }
        let is_own = |inner: &PyObjectRef| self.is_own(inner, depth - 1);
        if depth == 0 {
            return false;
        }
        if let Some(tuple) = object.downcast_ref::<PyTuple>() {
            return tuple.as_slice().iter().any(is_own);
        }
        let frozen = object.downcast_ref::<PyFrozenSet>();
        frozen.is_some_and(|set| set.elements().iter().any(is_own))
    }

    /// Whether a callable is code that the namespace brings along: a function, a method, a class.
    fn is_own_code(&self, callable: &PyObject) -> bool {
        let vm = self.vm;
        if let Some(class) = callable.downcast_ref::<PyType>() {
            return self.is_of_namespace_class(class);
        }
        let module = callable.get_attr("__module__", vm).ok();
        module.is_some_and(|module| {
            self.text(&module)
                .is_some_and(|module| module == self.options.main_module)
        })
    }

    /// Whether a class goes by value: it was made in the namespace, or no receiver can import it. Looked up
    /// once for each.
    pub fn is_of_namespace_class(&self, class: &Py<PyType>) -> bool {
        if !class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE) {
            return false;
        }
        if let Some((_, known)) = self.by_value.borrow().get(&class.get_id()) {
            return *known;
        }
        let vm = self.vm;
        let module = class.__module__(vm).ok();
        let module = module.and_then(|module| self.text(&module));
        let is_by_value = module.is_none_or(|module| {
            module == self.options.main_module
                || self
                    .name_of(class.as_object())
                    .is_ok_and(|name| name.is_none())
        });
        // The class is kept, so that its address is not used again.
        let mut known = self.by_value.borrow_mut();
        known.insert(class.get_id(), (class.to_owned(), is_by_value));
        is_by_value
    }
}
