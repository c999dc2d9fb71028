//! What makes an object that `__reduce_ex__` describes, where the class has a `__new__` or `__init__` of
//! its own in between: what its base says of itself are the base's arguments, and nobody knows those of
//! the class. What its own did is in the object's attributes.
//!
//! Instances of plain classes are made bare: see `bare.rs`. What containers of subclasses hold is in
//! `subclass.rs`.

use rustpython_vm::builtins::{PyDict, PyTuple, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult};

use super::Encoder;
use super::plan::native_base;
use crate::session;

impl Encoder<'_> {
    /// The callable and the arguments that make an object: those it gave, or those that its base takes.
    pub fn maker(
        &self,
        object: &PyObject,
        callable: &PyObjectRef,
        args: &PyObjectRef,
    ) -> PyResult<Vec<PyObjectRef>> {
        let vm = self.vm;
        let class = object.class();
        if let Some(new) = self.native_new(object)? {
            return Ok(vec![new, args.clone()]);
        }
        let given = args.downcast_ref::<PyTuple>();
        let given = given.map_or(&[][..], |args| args.as_slice());
        if let Some(tuple) = object.downcast_ref::<PyTuple>()
            && self.has_own_before(
                class,
                &["__new__"],
                &["__getnewargs__", "__getnewargs_ex__"],
            )
        {
            let elements = vm.ctx.new_tuple(tuple.as_slice().to_vec());
            let new = vm
                .ctx
                .types
                .tuple_type
                .as_object()
                .get_attr("__new__", vm)?;
            let args = vec![class.to_owned().into(), elements.into()];
            return Ok(vec![new, vm.ctx.new_tuple(args).into()]);
        }
        if callable.is(class)
            && self.is_reduced_by_base(class)
            && !self.has_process_bound(object)?
            && let Some(base) = self.first_base(class)
            && self.has_own_before(
                class,
                &["__new__", "__init__"],
                &["__reduce__", "__reduce_ex__"],
            )
        {
            let by_base = session::import(vm, "rhumba._making")?.get_attr("by_base", vm)?;
            let mut args = vec![base.into(), class.to_owned().into()];
            args.extend_from_slice(given);
            return Ok(vec![by_base, vm.ctx.new_tuple(args).into()]);
        }
        Ok(vec![callable.clone(), args.clone()])
    }

    /// Whether a class goes by value, and how its instances are made again says one that doesn't.
    fn is_reduced_by_base(&self, class: &Py<PyType>) -> bool {
        if !self.is_of_namespace_class(class) {
            return false;
        }
        let names = ["__reduce__", "__reduce_ex__"].map(|name| self.vm.ctx.intern_str(name));
        let has_any = |class: &PyRef<PyType>| {
            let mut names = names.iter();
            names.any(|name| class.get_direct_attr(name).is_some())
        };
        let base = class.mro_collect().into_iter().find(has_any);
        base.is_some_and(|base| {
            !base.is(self.vm.ctx.types.object_type) && !self.is_of_namespace_class(&base)
        })
    }

    /// The first of its classes that doesn't go by value.
    fn first_base(&self, class: &Py<PyType>) -> Option<PyRef<PyType>> {
        let mut classes = class.mro_collect().into_iter();
        classes.find(|class| !self.is_of_namespace_class(class))
    }

    /// Whether an object has what stays in its process, which only its own constructor makes anew.
    pub fn has_process_bound(&self, object: &PyObject) -> PyResult<bool> {
        let attributes = self.attributes(object)?;
        Ok(attributes
            .iter()
            .any(|(_, value)| self.is_bound_to_process(value)))
    }

    /// Whether a class that goes by value has one of these attributes, and what it inherits, behind it,
    /// one of the others.
    pub fn has_own_before(&self, class: &Py<PyType>, own: &[&str], inherited: &[&str]) -> bool {
        let has_any = |class: &Py<PyType>, names: &[&str]| {
            names.iter().any(|name| {
                let name = self.vm.ctx.intern_str(*name);
                class.get_direct_attr(name).is_some()
            })
        };
        for class in class.mro_collect() {
            if has_any(&class, inherited) || !self.is_of_namespace_class(&class) {
                return false;
            }
            if has_any(&class, own) {
                return true;
            }
        }
        false
    }

    /// The `__new__` that makes an object of a native class, where others hide it: the native one for a
    /// value, and for a container that of the first class that can be imported, if those that go by value
    /// hide it. None for a container with what stays in its process.
    fn native_new(&self, object: &PyObject) -> PyResult<Option<PyObjectRef>> {
        let vm = self.vm;
        let class = object.class();
        let types = &vm.ctx.types;
        let native = native_base(class);
        let values = [
            types.int_type,
            types.float_type,
            types.complex_type,
            types.str_type,
            types.tuple_type,
        ];
        let containers = [types.list_type, types.dict_type];
        // A value is all there when it is made. Its class may want other arguments, that of a module too.
        let is_value = values.iter().any(|known| native.is(*known));
        let inherits = |name: &'static str| {
            let name = vm.ctx.intern_str(name);
            match (class.get_attr(name), native.get_attr(name)) {
                (Some(own), Some(native)) => own.is(&native),
                (own, native) => own.is_none() && native.is_none(),
            }
        };
        let is_hidden_container = || {
            containers.iter().any(|known| native.is(*known))
                && self.has_own_new(object)
                && self.has_own_before(
                    class,
                    &["__new__"],
                    &["__getnewargs__", "__getnewargs_ex__"],
                )
        };
        let is_hidden = match is_value {
            true => !inherits("__new__"),
            false => is_hidden_container() && !self.has_process_bound(object)?,
        };
        let hidden = is_hidden
            && inherits("__getnewargs__")
            && inherits("__getnewargs_ex__")
            && self.is_inherited_from_object(class, "__reduce__")
            && self.is_inherited_from_object(class, "__reduce_ex__");
        if !hidden {
            return Ok(None);
        }
        if is_value {
            return native.as_object().get_attr("__new__", vm).map(Some);
        }
        let new = vm.ctx.intern_str("__new__");
        let mut classes = class.mro_collect().into_iter();
        let owner = classes.find(|class| {
            class.get_direct_attr(new).is_some() && !self.is_of_namespace_class(class)
        });
        owner
            .map(|owner| owner.as_object().get_attr(new, vm))
            .transpose()
    }

    /// The attributes of an object of which the base that reduces it says nothing in its state. Nothing
    /// where some of them stay in their process: its own constructor makes them.
    pub fn attributes_unsaid(
        &self,
        object: &PyObject,
        parts: &[PyObjectRef],
    ) -> PyResult<Vec<PyObjectRef>> {
        let is_dict = |part: &PyObjectRef| part.downcast_ref::<PyDict>().is_some();
        let says_attributes = parts.get(2).is_some_and(|state| {
            let pair = state.downcast_ref::<PyTuple>().map(|pair| pair.as_slice());
            match pair {
                Some([dict, slots]) => is_dict(dict) || is_dict(slots),
                _ => is_dict(state),
            }
        });
        let is_made_by_base =
            parts[0].is(object.class()) && self.is_reduced_by_base(object.class());
        if says_attributes
            || !(is_made_by_base || self.is_counted(object))
            || self.has_process_bound(object)?
        {
            return Ok(Vec::new());
        }
        let attributes = self.attributes(object)?.into_iter();
        Ok(attributes.flat_map(|(name, value)| [name, value]).collect())
    }
}
