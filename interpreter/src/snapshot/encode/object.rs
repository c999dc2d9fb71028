//! Everything else: instances, and what `__reduce_ex__` describes.
//!
//! How an object is carried depends on its class alone, so each class gets one [`Plan`]. Read next:
//! `exception.rs`, and `member.rs` for those of enumerations.

use rustpython_vm::builtins::{
    PyBaseException, PyDict, PyFrozenSet, PyModule, PyRange, PySet, PySlice, PyTuple, PyType,
    PyWeak,
};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::container::is_plain;
use super::exception::exception_present;
use super::path::Slot;
use super::{Encoder, Frame, Step};
use crate::snapshot::error::noted;
use crate::snapshot::format::{Write, kind};
use crate::snapshot::native::{self, NativeKind};

/// Which parts the fill of a reduced object has beyond items and pairs.
pub mod state_present {
    pub const STATE: u8 = 1;
    pub const SETTER: u8 = 2;
}

/// How instances of one class are carried.
#[derive(Clone, Copy)]
pub enum Plan {
    /// Its class and its `__dict__`. If the class isn't local, a module may have a name for it.
    Instance { is_local: bool },
    /// A member of an enumeration that goes by value: its plain value, and its `__dict__`
    EnumMember,
    /// Its class, its arguments, its `__dict__`, and what it was raised from
    Exception,
    /// As the native module says that has its class
    Native(&'static dyn NativeKind),
    /// By its name in this module, if it is one of those that the module has
    OfModule(&'static str),
    /// What its `__reduce_ex__` says
    Reduce,
    /// Not at all: its content is native, and nothing says how to make it again
    Refuse,
}

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
            self.with_parts(Step::ClassMethod, object, origin, &["__func__"])
        } else if class.is(types.staticmethod_type) {
            self.with_parts(Step::StaticMethod, object, origin, &["__func__"])
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

    fn plan(&mut self, object: &PyObject) -> PyResult<Plan> {
        let class = object.class();
        if let Some(&plan) = self.plans.get(&class.get_id()) {
            return Ok(plan);
        }
        let plan = self.new_plan(object, class)?;
        self.plans.insert(class.get_id(), plan);
        // The address of a class may not be used again while its plan is remembered.
        self.kept.push(class.to_owned().into());
        Ok(plan)
    }

    fn new_plan(&mut self, object: &PyObject, class: &Py<PyType>) -> PyResult<Plan> {
        let vm = self.vm;
        if let Some(kind) = native::of_class(class) {
            return Ok(Plan::Native(kind));
        }
        if self.is_bound_to_process(object) {
            return Ok(Plan::Refuse);
        }
        // It is something else only for who is sent it by itself.
        if self.options.namespace.is_some()
            && has_any(vm, class, &["_is_kept_in_namespaces"])
            && native_base(class).is(vm.ctx.types.object_type)
        {
            return Ok(Plan::Instance { is_local: true });
        }
        let module = class.__module__(vm)?;
        match self.text(&module).as_deref() {
            Some("sys") => return Ok(Plan::OfModule("sys")),
            // `os.environ`
            Some("os") if &*class.name() == "_Environ" => return Ok(Plan::OfModule("os")),
            _ => {}
        }
        if self.dispatch_table()?.contains_key(class.as_object(), vm) {
            return Ok(Plan::Reduce);
        }
        let native = native_base(class);
        let is_heap = !native.is(class);
        let own_reduce = ["__reduce_ex__", "__reduce__"]
            .iter()
            .any(|name| !self.is_inherited_from_object(class, name));
        if is_heap && self.is_local_enum(class)? {
            return Ok(Plan::EnumMember);
        }
        if object.downcast_ref::<PyBaseException>().is_some() {
            let native_reduce = class
                .get_attr(vm.ctx.intern_str("__reduce__"))
                .is_some_and(|reduce| reduce.class().is(vm.ctx.types.method_descriptor_type));
            let plain = native_reduce && self.is_inherited_from_object(class, "__reduce_ex__");
            return Ok(if plain { Plan::Exception } else { Plan::Reduce });
        }
        if own_reduce {
            return Ok(Plan::Reduce);
        }
        let inherited = |name| self.is_inherited_from_object(class, name);
        let is_object = native.is(vm.ctx.types.object_type);
        if is_object {
            let plain_state = inherited("__getstate__") && !has_any(vm, class, &["__setstate__"])
                || self.has_state_of_dataclass(class)?;
            let plain = plain_state
                && inherited("__new__")
                && !has_any(vm, class, &["__getnewargs__", "__getnewargs_ex__"]);
            let module = class.__module__(vm)?;
            let module = self.text(&module);
            let is_local = module.is_none_or(|module| module == self.options.main_module);
            return Ok(match plain {
                true => Plan::Instance { is_local },
                false => Plan::Reduce,
            });
        }
        let types = &vm.ctx.types;
        let rebuilt_by_new = [
            types.int_type,
            types.float_type,
            types.complex_type,
            types.str_type,
            types.bytes_type,
            types.tuple_type,
            types.list_type,
            types.dict_type,
        ];
        let says_how = !inherited("__getstate__")
            || has_any(vm, class, &["__getnewargs__", "__getnewargs_ex__"]);
        if says_how || rebuilt_by_new.iter().any(|known| native.is(*known)) {
            Ok(Plan::Reduce)
        } else {
            Ok(Plan::Refuse)
        }
    }

    /// Whether the state of instances is what a dataclass that is frozen and has slots says: the values
    /// of its fields, which are in slots.
    fn has_state_of_dataclass(&self, class: &Py<PyType>) -> PyResult<bool> {
        let vm = self.vm;
        let Some(module) = self.imported("dataclasses")? else {
            return Ok(false);
        };
        for (method, own) in [
            ("__getstate__", "_dataclass_getstate"),
            ("__setstate__", "_dataclass_setstate"),
        ] {
            let own = vm.get_attribute_opt(&module, own)?;
            let method = class.get_attr(vm.ctx.intern_str(method));
            let (Some(method), Some(own)) = (method, own) else {
                return Ok(false);
            };
            if !method.is(&own) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub fn is_inherited_from_object(&self, class: &Py<PyType>, name: &str) -> bool {
        let name = self.vm.ctx.intern_str(name);
        let own = class.get_attr(name);
        let inherited = self.vm.ctx.types.object_type.get_attr(name);
        match (own, inherited) {
            (Some(own), Some(inherited)) => own.is(&inherited),
            (own, _) => own.is_none(),
        }
    }

    fn dispatch_table(&mut self) -> PyResult<rustpython_vm::builtins::PyDictRef> {
        if let Some(table) = &self.dispatch_table {
            return Ok(table.clone());
        }
        let vm = self.vm;
        let copyreg = vm.import("copyreg", 0)?;
        let table = copyreg
            .get_attr("dispatch_table", vm)?
            .downcast::<PyDict>()
            .map_err(|_| vm.new_type_error("copyreg.dispatch_table is not a dict"))?;
        self.dispatch_table = Some(table.clone());
        Ok(table)
    }

    fn instance(&mut self, object: &PyObject, is_local: bool, origin: u32) -> PyResult<()> {
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

    /// Carries an object as the calls that its `__reduce_ex__` says rebuild it.
    pub fn reduce(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let table = self.dispatch_table()?;
        let registered = table.get_item_opt(object.class().as_object(), vm)?;
        let is_registered = registered.is_some();
        let reduced = match registered {
            Some(reduce) => reduce.call((object.to_owned(),), vm),
            None if self.is_plain_set(object.class()) => self.reduced_set(object),
            None => self.reduced_natively(object).and_then(|reduced| {
                let usual = || vm.call_method(object, "__reduce_ex__", (vm.ctx.new_int(4),));
                reduced.map_or_else(usual, Ok)
            }),
        };
        let reduced = match reduced {
            Ok(reduced) => reduced,
            Err(error)
                if [
                    vm.ctx.exceptions.type_error,
                    vm.ctx.exceptions.attribute_error,
                    vm.ctx.exceptions.not_implemented_error,
                ]
                .iter()
                .any(|class| error.fast_isinstance(class))
                    || &*error.class().name() == "PicklingError" =>
            {
                return Err(self.refuse_because(origin, error));
            }
            Err(error) => {
                let at = &self.origins[origin as usize];
                let note = format!("while carrying {}", self.path(at.parent, at.slot));
                return Err(noted(vm, error, &note));
            }
        };
        if let Some(name) = self.text(&reduced) {
            return self.reduced_to_name(object, origin, &name);
        }
        let Some(reduced) = reduced.downcast_ref::<PyTuple>() else {
            return Err(self.refuse_object(origin));
        };
        let parts = reduced.as_slice();
        if !(2..=6).contains(&parts.len()) || parts[1].downcast_ref::<PyTuple>().is_none() {
            return Err(self.refuse_at(origin, "its __reduce_ex__ returns something unusable"));
        }
        // Its attributes may be its items: `self.__dict__ = self`.
        let is_own_dict = object
            .dict()
            .is_some_and(|dict| dict.as_object().is(object));
        let is_dict_told = is_own_dict || !is_registered && self.is_state_told(object, parts);
        let without_dict;
        let parts = match is_dict_told {
            true => {
                without_dict = self.without_dict(parts);
                &without_dict[..]
            }
            false => parts,
        };
        let plain = self.plain_state(object, parts)?;
        let native = match is_registered {
            true => None,
            false => self.native_items(object)?,
        };
        let state = self.state_fill(object, origin, parts, native, plain.is_none())?;
        let given = plain.filter(|attributes| !attributes.is_empty());
        let given = given.map(|attributes| self.given_attributes(object, origin, attributes));
        let told = is_dict_told.then(|| {
            let step = Step::FillInstanceDict;
            Frame::new(step, object.to_owned(), origin, Vec::new())
        });
        let unsaid = match is_registered || is_dict_told {
            true => Vec::new(),
            false => self.attributes_unsaid(object, parts)?,
        };
        let unsaid = (!unsaid.is_empty()).then(|| self.given_attributes(object, origin, unsaid));
        if !is_registered
            && object.downcast_ref::<PySet>().is_some()
            && self.is_plain_set(object.class())
        {
            return self.set_of_subclass(object, origin, [told, given.or(state)]);
        }
        let mut children = match is_registered {
            true => parts[..2].to_vec(),
            false => self.maker(object, &parts[0], &parts[1])?,
        };
        let mut step = Step::Reduced;
        if self.may_be_bare(object, parts)? {
            children.push(object.class().to_owned().into());
            step = Step::Bare;
        }
        let mut frame = Frame::new(step, object.to_owned(), origin, children);
        frame.then.extend(told);
        frame.then.extend(unsaid);
        frame.then.extend(given);
        frame.then.extend(state);
        if object.downcast_ref::<PyBaseException>().is_some() {
            let fill = self.exception_fill(object, origin, Vec::new())?;
            frame.then.extend(fill);
        }
        self.begin(frame.draining())
    }

    /// Whether the state of an object is its `__dict__`, which is told as an object of its own.
    fn is_state_told(&self, object: &PyObject, parts: &[PyObjectRef]) -> bool {
        let vm = self.vm;
        let Some(state) = parts.get(2) else {
            return false;
        };
        let pair = state.downcast_ref::<PyTuple>().map(|pair| pair.as_slice());
        let said = match pair {
            Some([said, _]) => said,
            _ => state,
        };
        let has_setter = parts.get(5).is_some_and(|setter| !vm.is_none(setter));
        object.dict().is_some_and(|dict| dict.as_object().is(said))
            && !has_setter
            && !has_any(vm, object.class(), &["__setstate__"])
            && self.is_dict_told(object, 1)
    }

    /// What `__reduce_ex__` says, but for the `__dict__` that is the state or the first half of it.
    fn without_dict(&self, parts: &[PyObjectRef]) -> Vec<PyObjectRef> {
        let vm = self.vm;
        let mut parts = parts.to_vec();
        if let Some(state) = parts.get_mut(2) {
            let pair = state.downcast_ref::<PyTuple>().map(|pair| pair.as_slice());
            *state = match pair {
                Some([_, slots]) => vm.ctx.new_tuple(vec![vm.ctx.none(), slots.clone()]).into(),
                _ => vm.ctx.none(),
            };
        }
        parts
    }

    /// Whether instances of a subclass of `set` or `frozenset` say of themselves what sets say.
    fn is_plain_set(&self, class: &Py<PyType>) -> bool {
        let types = &self.vm.ctx.types;
        let reduce = self.vm.ctx.intern_str("__reduce__");
        let native = native_base(class);
        let is_own = || match (class.get_attr(reduce), native.get_attr(reduce)) {
            (Some(own), Some(native)) => own.is(&native),
            _ => false,
        };
        (native.is(types.set_type) || native.is(types.frozenset_type))
            && is_own()
            && self.is_inherited_from_object(class, "__reduce_ex__")
    }

    /// What a set says of itself, with the state that its class says: the runtime's says nothing of slots,
    /// and doesn't ask its class.
    fn reduced_set(&self, object: &PyObject) -> PyResult {
        let vm = self.vm;
        let class: PyObjectRef = object.class().to_owned().into();
        let args: Vec<PyObjectRef> = match object.downcast_ref::<PyFrozenSet>() {
            Some(set) => vec![vm.ctx.new_list(set.elements()).into()],
            None => Vec::new(),
        };
        let args: PyObjectRef = vm.ctx.new_tuple(args).into();
        let parts = vec![class, args, self.state_of(object)?];
        Ok(vm.ctx.new_tuple(parts).into())
    }

    /// A set of a subclass is made empty, as its elements may lead back to it.
    fn set_of_subclass(
        &mut self,
        object: &PyObject,
        origin: u32,
        fills: [Option<Frame>; 2],
    ) -> PyResult<()> {
        let vm = self.vm;
        let new = vm.ctx.types.set_type.as_object().get_attr("__new__", vm)?;
        let class: PyObjectRef = object.class().to_owned().into();
        let children = vec![new, vm.ctx.new_tuple(vec![class]).into()];
        let mut frame = Frame::new(Step::Reduced, object.to_owned(), origin, children);
        frame.then.extend(fills.into_iter().flatten());
        let set = object.downcast_ref::<PySet>().expect("its base is set");
        let elements = set.elements();
        if !elements.is_empty() {
            let hashes = !elements.iter().all(|element| is_plain(vm, element));
            let fill = Frame::new(Step::FillSet, object.to_owned(), origin, Vec::new());
            frame.then.push(fill.hashing(hashes));
        }
        self.begin(frame.draining())
    }

    /// A string from `__reduce_ex__` names a global of the object's module.
    fn reduced_to_name(&mut self, object: &PyObject, origin: u32, name: &str) -> PyResult<()> {
        let vm = self.vm;
        let module = vm.get_attribute_opt(object, vm.ctx.intern_str("__module__"))?;
        let module = match module.and_then(|module| self.text(&module)) {
            Some(module) => module,
            None => "builtins".to_owned(),
        };
        if module != self.options.main_module && self.is_found_at(object, &module, name)? {
            return self.write_named(object, &module, name);
        }
        if self.substitute(object, origin)? {
            return Ok(());
        }
        if module == self.options.main_module && self.is_of_namespace(object, name)? {
            return self.only_instance(object, origin);
        }
        Err(self.refuse_at(
            origin,
            &format!("it says it is {module}.{name}, and can't be imported from there"),
        ))
    }

    /// Whether a namespace that is carried whole has the object by this name.
    fn is_of_namespace(&self, object: &PyObject, name: &str) -> PyResult<bool> {
        let namespace = self
            .options
            .namespace
            .and_then(|it| it.downcast_ref::<PyDict>());
        let Some(namespace) = namespace else {
            return Ok(false);
        };
        let bound = namespace.get_item_opt(name, self.vm)?;
        Ok(bound.is_some_and(|bound| bound.is(object)))
    }

    /// An object that says it is found by its name, and is carried with the namespace that has it.
    fn only_instance(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let class = object.class();
        if !native_base(class).is(self.vm.ctx.types.object_type) {
            return Err(self.refuse_object(origin));
        }
        self.instance(object, true, origin)
    }

    /// The attributes that are all there is to an object's state but for items, if nothing but setting them
    /// brings it back. Then it needn't be finished when it is met.
    fn plain_state(
        &self,
        object: &PyObject,
        parts: &[PyObjectRef],
    ) -> PyResult<Option<Vec<PyObjectRef>>> {
        let vm = self.vm;
        let part = |index: usize| parts.get(index).filter(|part| !vm.is_none(part));
        let Some(state) = part(2) else {
            return Ok(None);
        };
        let class = object.class();
        let is_of_object = class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE)
            && self.is_inherited_from_object(class, "__setattr__");
        if !is_of_object
            || (part(3).is_some() || part(4).is_some()) && !self.takes_items_natively(object)
            || part(5).is_some()
        {
            return Ok(None);
        }
        // That of exceptions sets attributes but those that are theirs.
        let set_state = vm.ctx.intern_str("__setstate__");
        let of_exceptions = vm.ctx.exceptions.base_exception_type.get_attr(set_state);
        let own = class.get_attr(set_state);
        let is_of_exceptions = match (&own, &of_exceptions) {
            (Some(own), Some(theirs)) => own.is(theirs),
            _ => false,
        };
        if own.is_some() && !is_of_exceptions {
            return Ok(None);
        }
        let dicts: Vec<PyObjectRef> = match state.downcast_ref_if_exact::<PyTuple>(vm) {
            Some(pair) if pair.len() == 2 => pair.as_slice().to_vec(),
            Some(_) => return Ok(None),
            None => vec![state.clone()],
        };
        let mut attributes = Vec::new();
        for dict in dicts.iter().filter(|dict| !vm.is_none(dict)) {
            let Some(dict) = dict.downcast_ref_if_exact::<PyDict>(vm) else {
                return Ok(None);
            };
            for (name, value) in dict.items_vec() {
                let Some(text) = self.text(&name) else {
                    return Ok(None);
                };
                if is_of_exceptions
                    && (text.starts_with("__") || has_any(vm, class, &[text.as_str()]))
                {
                    return Ok(None);
                }
                attributes.extend([name, value]);
            }
        }
        Ok(Some(attributes))
    }

    fn state_fill(
        &self,
        object: &PyObject,
        origin: u32,
        parts: &[PyObjectRef],
        native: Option<Vec<PyObjectRef>>,
        with_state: bool,
    ) -> PyResult<Option<Frame>> {
        let vm = self.vm;
        let part = |index: usize| {
            let part = parts.get(index).filter(|part| !vm.is_none(part));
            part.filter(|_| with_state || index != 2)
        };
        let mut children = Vec::new();
        let has_items = part(3).is_some() || part(4).is_some();
        if let Some(items) = native.as_ref().filter(|_| has_items)
            && part(2).is_none()
            && part(5).is_none()
            && let Some(fill) = self.native_fill(object, origin, items)
        {
            return Ok(Some(fill));
        }
        let (is_list, is_dict) = (part(3).is_some(), part(4).is_some());
        if let Some(items) = part(3).filter(|_| native.is_none()) {
            for item in items.to_owned().get_iter(vm)?.iter::<PyObjectRef>(vm)? {
                children.push(item?);
            }
        }
        if is_list && let Some(items) = &native {
            children.extend_from_slice(items);
        }
        let item_count = children.len();
        if is_dict && let Some(pairs) = &native {
            children.extend_from_slice(pairs);
        }
        if let Some(pairs) = part(4).filter(|_| native.is_none()) {
            for pair in pairs.to_owned().get_iter(vm)?.iter::<PyObjectRef>(vm)? {
                let pair = pair?;
                match pair.downcast_ref::<PyTuple>().map(|pair| pair.as_slice()) {
                    Some([key, value]) => children.extend([key.clone(), value.clone()]),
                    _ => {
                        let sentence = "its __reduce_ex__ returns pairs that are none";
                        return Err(self.refuse_at(origin, sentence));
                    }
                }
            }
        }
        let pair_count = (children.len() - item_count) / 2;
        let mut keys = children[item_count..].iter().step_by(2);
        let hashes = !keys.all(|key| is_plain(vm, key));
        let mut present = 0;
        for (index, bit) in [(2, state_present::STATE), (5, state_present::SETTER)] {
            if let Some(part) = part(index) {
                present |= bit;
                children.push(part.clone());
            }
        }
        if children.is_empty() {
            return Ok(None);
        }
        let step = Step::FillState {
            item_count,
            pair_count,
            present,
        };
        let frame = Frame::new(step, object.to_owned(), origin, children);
        Ok(Some(frame.draining().hashing(hashes)))
    }

    pub fn write_state_fill(
        &mut self,
        target: u32,
        item_count: usize,
        pair_count: usize,
        present: u8,
        edges: &[u32],
    ) {
        let (items, rest) = edges.split_at(item_count);
        let (pairs, rest) = rest.split_at(2 * pair_count);
        let (keys, values) = super::unzip(pairs);
        self.fill_record(kind::FILL_STATE, target, &[items, &keys, &values]);
        self.table.push(present);
        self.table.edges(rest);
    }
}

impl Slot {
    pub fn of_state(item_count: usize, pair_count: usize, present: u8, index: usize) -> Self {
        if index < item_count {
            Self::Item(index as u32)
        } else if index < item_count + 2 * pair_count {
            let index = index - item_count;
            match index.is_multiple_of(2) {
                true => Self::Key,
                false => Self::Value((index / 2) as u32),
            }
        } else if index == item_count + 2 * pair_count && present & state_present::STATE != 0 {
            Self::State
        } else {
            Self::Silent
        }
    }

    pub fn of_exception(present: u8, child_count: usize, index: usize) -> Self {
        let parts = [
            (exception_present::CAUSE, Self::Named(".__cause__")),
            (exception_present::CONTEXT, Self::Named(".__context__")),
            (exception_present::TRACEBACK, Self::Named(".__traceback__")),
        ];
        let mut parts = parts.into_iter().filter(|(bit, _)| present & bit != 0);
        let count = parts.clone().count();
        match parts.nth(index) {
            Some((_, slot)) => slot,
            None if (index - count).is_multiple_of(2) => Self::Key,
            None => Self::GivenLast(((child_count - index).div_ceil(2)) as u32),
        }
    }
}

/// The first class of the base chain that isn't made by Python code: it decides the layout.
pub fn native_base(class: &Py<PyType>) -> &Py<PyType> {
    let mut bases = class.iter_base_chain();
    bases
        .find(|base| !base.slots().flags.has_feature(PyTypeFlags::HEAPTYPE))
        .unwrap_or(class)
}

fn has_any(vm: &VirtualMachine, class: &Py<PyType>, names: &[&str]) -> bool {
    names
        .iter()
        .any(|name| class.get_attr(vm.ctx.intern_str(*name)).is_some())
}
