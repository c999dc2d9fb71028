//! What makes an object that `__reduce_ex__` describes, where the class has a `__new__` or `__init__` of
//! its own in between: what its base says of itself are the base's arguments, and nobody knows those of
//! the class. What its own did is in the object's attributes.
//!
//! Instances of plain classes are made bare: see `bare.rs`. Containers with their own ways of taking items
//! are filled without these: see `fill_state` of the decoder.

use rustpython_vm::builtins::{PyDict, PyList, PyTuple, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult};

use super::Encoder;
use super::object::native_base;
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
        if let Some(new) = self.native_new(class)? {
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
    fn has_process_bound(&self, object: &PyObject) -> PyResult<bool> {
        let attributes = self.attributes(object)?;
        Ok(attributes
            .iter()
            .any(|(_, value)| self.is_bound_to_process(value)))
    }

    /// Whether a class that goes by value has one of these attributes, and what it inherits, behind it,
    /// one of the others.
    fn has_own_before(&self, class: &Py<PyType>, own: &[&str], inherited: &[&str]) -> bool {
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

    /// The native `__new__` for a class whose own hides it.
    fn native_new(&self, class: &Py<PyType>) -> PyResult<Option<PyObjectRef>> {
        let vm = self.vm;
        let types = &vm.ctx.types;
        let native = native_base(class);
        let by_value = [
            types.int_type,
            types.float_type,
            types.complex_type,
            types.str_type,
            types.tuple_type,
            types.list_type,
            types.dict_type,
        ];
        let inherits = |name: &'static str| {
            let name = vm.ctx.intern_str(name);
            match (class.get_attr(name), native.get_attr(name)) {
                (Some(own), Some(native)) => own.is(&native),
                (own, native) => own.is_none() && native.is_none(),
            }
        };
        let hidden = by_value.iter().any(|known| native.is(*known))
            && !inherits("__new__")
            && inherits("__getnewargs__")
            && inherits("__getnewargs_ex__")
            && self.is_inherited_from_object(class, "__reduce__")
            && self.is_inherited_from_object(class, "__reduce_ex__");
        match hidden {
            true => native.as_object().get_attr("__new__", vm).map(Some),
            false => Ok(None),
        }
    }

    /// The attributes of an object of which the base that reduces it says nothing in its state. Nothing
    /// where some of them stay in their process: its own constructor makes them.
    pub fn attributes_unsaid(
        &self,
        object: &PyObject,
        parts: &[PyObjectRef],
    ) -> PyResult<Vec<PyObjectRef>> {
        let says_attributes = parts.get(2).is_some_and(|state| {
            let pair = state.downcast_ref::<PyTuple>().map(|pair| pair.as_slice());
            let dict = match pair {
                Some([dict, _]) => dict,
                _ => state,
            };
            dict.downcast_ref::<PyDict>().is_some()
        });
        if says_attributes
            || !parts[0].is(object.class())
            || !self.is_reduced_by_base(object.class())
            || self.has_process_bound(object)?
        {
            return Ok(Vec::new());
        }
        let attributes = self.attributes(object)?.into_iter();
        Ok(attributes.flat_map(|(name, value)| [name, value]).collect())
    }

    /// What a list or a dict of a subclass has, where its class says of itself what lists and dicts say:
    /// its own ways of telling what is in it aren't asked.
    pub fn native_items(&self, object: &PyObject) -> PyResult<Option<Vec<PyObjectRef>>> {
        let class = object.class();
        let is_usual = self.is_inherited_from_object(class, "__reduce__")
            && self.is_inherited_from_object(class, "__reduce_ex__");
        if !is_usual && !self.tells_items_itself(object) {
            return Ok(None);
        }
        if let Some(list) = object.downcast_ref::<PyList>() {
            return Ok(Some(list.borrow_vec().to_vec()));
        }
        let Some(dict) = object.downcast_ref::<PyDict>() else {
            return Ok(None);
        };
        let native = native_base(class);
        let pairs = match self.full_name(native) == ORDERED {
            true => self.pairs_in_order(object, native)?,
            false => dict.items_vec(),
        };
        let pairs = pairs.into_iter();
        Ok(Some(pairs.flat_map(|(key, value)| [key, value]).collect()))
    }

    /// The pairs of an ordered dict in its own order, which isn't that of the dict that it is.
    fn pairs_in_order(
        &self,
        object: &PyObject,
        native: &Py<PyType>,
    ) -> PyResult<Vec<(PyObjectRef, PyObjectRef)>> {
        let vm = self.vm;
        let items = native.as_object().get_attr("items", vm)?;
        let items = items.call((object.to_owned(),), vm)?;
        let mut pairs = Vec::new();
        for pair in items.get_iter(vm)?.iter::<PyObjectRef>(vm)? {
            let pair = pair?;
            if let Some([key, value]) = pair.downcast_ref::<PyTuple>().map(|pair| pair.as_slice()) {
                pairs.push((key.clone(), value.clone()));
            }
        }
        Ok(pairs)
    }

    /// Whether a list or a dict has a way of its own of telling what is in it, and else says what its
    /// native base says: then nothing of its own is asked for its items.
    fn tells_items_itself(&self, object: &PyObject) -> bool {
        let class = object.class();
        let native = native_base(class);
        let name = if object.downcast_ref::<PyDict>().is_some() {
            "items"
        } else if object.downcast_ref::<PyList>().is_some() {
            "__iter__"
        } else {
            return false;
        };
        let is_native = |name: &str| {
            let name = self.vm.ctx.intern_str(name);
            match (class.get_attr(name), native.get_attr(name)) {
                (Some(own), Some(native)) => own.is(&native),
                (own, native) => own.is_none() && native.is_none(),
            }
        };
        let may_be_asked = is_native("__reduce__") && is_native("__reduce_ex__");
        let is_known = self.is_inherited_from_object(class, "__reduce__")
            || [ORDERED, DEFAULTS].contains(&&*self.full_name(native));
        may_be_asked && is_known && !is_native(name)
    }

    /// What `__reduce_ex__` would say of a list or a dict that has a way of its own of telling what is in
    /// it, which that would ask. In the place of its items are empty ones: see [`Self::native_items`].
    pub fn reduced_natively(&self, object: &PyObject) -> PyResult<Option<PyObjectRef>> {
        let vm = self.vm;
        let class = object.class();
        let has_any = |name: &str| class.get_attr(vm.ctx.intern_str(name)).is_some();
        if has_any("__getnewargs__")
            || has_any("__getnewargs_ex__")
            || !self.tells_items_itself(object)
        {
            return Ok(None);
        }
        let native = native_base(class);
        let class: PyObjectRef = class.to_owned().into();
        let state = |object: &PyObject| vm.call_method(object, "__getstate__", ());
        let (callable, args, state) = match &*self.full_name(native) {
            ORDERED => {
                let state = state(object)?;
                let dict = state.downcast_ref::<PyDict>();
                let is_empty = dict.is_some_and(|dict| dict.is_empty());
                (
                    class,
                    Vec::new(),
                    if is_empty { vm.ctx.none() } else { state },
                )
            }
            DEFAULTS => {
                let field = native.as_object().get_attr("default_factory", vm)?;
                let get = field.class().slots().descr_get.load();
                let get = get.ok_or_else(|| vm.new_type_error("a field can't be read"))?;
                let factory = get(&field, Some(object), Some(class.as_object()), vm)?;
                let args = match vm.is_none(&factory) {
                    true => Vec::new(),
                    false => vec![factory],
                };
                (class, args, vm.ctx.none())
            }
            _ => {
                let new = vm.import("copyreg", 0)?.get_attr("__newobj__", vm)?;
                (new, vec![class], state(object)?)
            }
        };
        let none = || vm.ctx.none();
        let no_items = || -> PyObjectRef { vm.ctx.empty_tuple.clone().into() };
        let (items, pairs) = match object.downcast_ref::<PyList>() {
            Some(_) => (no_items(), none()),
            None => (none(), no_items()),
        };
        let args = vm.ctx.new_tuple(args).into();
        let parts = vec![callable, args, state, items, pairs];
        Ok(Some(vm.ctx.new_tuple(parts).into()))
    }
}

/// The native classes of dicts that say themselves how they are made again.
const ORDERED: &str = "collections.OrderedDict";
const DEFAULTS: &str = "collections.defaultdict";
