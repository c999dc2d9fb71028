//! Everything else: instances, and what is neither a container, a function nor a class.
//!
//! Read next: `plan.rs`, for how each kind is carried; `reduce.rs`; `exception.rs`; `member.rs` for those of
//! enumerations.

use rustpython_vm::builtins::{PyModule, PyRange, PySlice, PyWeak};
use rustpython_vm::{AsObject, PyObject, PyResult};

use super::plan::Plan;
use super::{Encoder, Frame, Step};

impl Encoder<'_> {
    pub fn other(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.bound_method_type) && self.method_of_module(object)? {
            Ok(())
        } else if class.is(types.bound_method_type) {
            self.with_parts(Step::Method, object, origin, &["__func__", "__self__"])
        } else if class.is(types.builtin_function_or_method_type)
            || class.is(types.builtin_method_type)
            || class.is(types.method_descriptor_type)
            || class.is(types.classmethod_descriptor_type)
            || class.is(types.wrapper_descriptor_type)
            || class.is(types.method_wrapper_type)
            || class.is(types.getset_type)
            || class.is(types.member_descriptor_type)
        {
            self.native_function(object, origin)
        } else if class.is(types.property_type) {
            let names = ["fget", "fset", "fdel", "__doc__"];
            self.with_parts(Step::Property, object, origin, &names)
        } else if (class.is(types.classmethod_type) || class.is(types.staticmethod_type))
            && self.named(object)?
        {
            // A module has it beside its classes.
            Ok(())
        } else if class.is(types.classmethod_type) {
            self.wrapped_method(Step::ClassMethod, object, origin)
        } else if class.is(types.staticmethod_type) {
            self.wrapped_method(Step::StaticMethod, object, origin)
        } else if let Some(range) = object.downcast_ref_if_exact::<PyRange>(self.vm) {
            self.range(range, object, origin)
        } else if let Some(slice) = object.downcast_ref_if_exact::<PySlice>(self.vm) {
            self.slice(slice, object, origin)
        } else if class.is(types.memoryview_type) {
            self.memoryview(object, origin)
        } else if let Some(reference) = object.downcast_ref_if_exact::<PyWeak>(self.vm) {
            self.weak_reference(reference, object, origin)
        } else if object.downcast_ref::<PyModule>().is_some() {
            // Of a subclass, as a package may give itself.
            self.module(object, origin)
        } else if self.has_substitute(object) && self.substitute(object, origin)? {
            Ok(())
        } else {
            self.planned(object, origin)
        }
    }

    fn planned(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        match self.plan(object)? {
            Plan::OfModule(module) => match self.name_in(module, object)? {
                Some(name) => self.write_named(object, module, &name),
                None => self.reduce(object, origin),
            },
            Plan::Instance { is_local } => self.instance(object, is_local, origin),
            Plan::EnumMember => self.enum_member(object, origin),
            Plan::Exception => self.exception(object, origin),
            Plan::Native(kind) => self.native(kind, object, origin),
            Plan::Reduce => self.reduce(object, origin),
            Plan::Refuse => match self.standard_stream(object)? {
                Some(name) => self.write_named(object, "sys", name),
                None => Err(self.refuse_object(origin)),
            },
        }
    }

    pub(super) fn instance(
        &mut self,
        object: &PyObject,
        is_local: bool,
        origin: u32,
    ) -> PyResult<()> {
        let has_slots = object.class().slots().member_count > 0;
        let is_empty = match has_slots {
            true => self.attributes(object)?.is_empty(),
            false => object.dict().is_none_or(|dict| dict.is_empty()),
        };
        let is_dict_told = self.is_dict_told(object, 0);
        if !is_local && let Some(name) = self.sentinel_name(object, is_empty)? {
            let module = object.class().__module__(self.vm)?;
            let module = self.text(&module).unwrap_or_default();
            return self.write_named(object, &module, &name);
        }
        let children = vec![object.class().to_owned().into()];
        let mut frame = Frame::new(Step::Instance, object.to_owned(), origin, children);
        if is_dict_told || !is_empty {
            let step = match is_dict_told {
                true => Step::FillInstanceDict,
                false => Step::FillInstance,
            };
            let fill = Frame::new(step, object.to_owned(), origin, Vec::new());
            frame.then.push(fill);
        }
        if is_dict_told && has_slots {
            let slots = self.slot_entries(object)?;
            frame.then.extend(self.given_entries(object, origin, slots));
        }
        self.begin(frame)
    }

    /// The name of an object that modules compare by identity, such as `dataclasses.MISSING`: an
    /// instance without state, bound to a name in the importable module of its class.
    fn sentinel_name(&self, object: &PyObject, is_empty: bool) -> PyResult<Option<String>> {
        let vm = self.vm;
        let module = object.class().__module__(vm)?;
        let Some(module) = self.text(&module) else {
            return Ok(None);
        };
        let is_field_kind = module == "dataclasses" && &*object.class().name() == "_FIELD_BASE";
        if module == self.options.main_module || !(is_empty || is_field_kind) {
            return Ok(None);
        }
        let Some(dict) = self.imported(&module)?.and_then(|module| module.dict()) else {
            return Ok(None);
        };
        let found = dict
            .items_vec()
            .into_iter()
            .find(|(_, value)| value.is(object));
        Ok(found.and_then(|(name, _)| self.text(&name)))
    }
}
