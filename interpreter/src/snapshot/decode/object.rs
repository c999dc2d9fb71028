//! The records that rebuild instances, and what goes by name. For functions see `function.rs`, for code `code.rs`,
//! for exceptions `exception.rs`, for classes `definition.rs`, for what containers hold `taking.rs`.

use bytes::Bytes;
use rustpython_vm::builtins::{
    PyBoundMethod, PyDict, PyDictRef, PyModule, PyStr, PyTuple, PyType, PyTypeRef, object_get_dict,
};
use rustpython_vm::function::{FuncArgs, PySetterValue};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, VirtualMachine};

use super::{Decoded, Decoder, name};
use crate::snapshot::Trust;
use crate::snapshot::claim::Claim;
use crate::snapshot::encode::{native_base, state_present};
use crate::snapshot::error::snapshot_error;
use crate::snapshot::format::{FormatError, kind, native_buffer};
use crate::snapshot::identity;
use crate::snapshot::native::{self, NativeParts};

impl Decoder<'_> {
    pub fn build_object(&mut self, kind: u8) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let types = &vm.ctx.types;
        match kind {
            kind::CODE => self.code(),
            kind::CODE_WHOLE => self.whole_code(),
            kind::WEAKREF => self.weak_reference(),
            kind::CELL => self.cell(),
            kind::FUNCTION => self.function(),
            kind::METHOD => {
                let function = self.edge()?;
                let object = self.edge()?;
                if !function.is_callable() {
                    let expected = "something callable";
                    return Err(FormatError::Type { expected }.into());
                }
                let method = PyBoundMethod::new(object, function);
                Ok(method.into_ref(&vm.ctx).into())
            }
            kind::PROPERTY => {
                let parts = [self.edge()?, self.edge()?, self.edge()?, self.edge()?];
                let args = FuncArgs::from(parts.to_vec());
                Ok(types.property_type.as_object().call_with_args(args, vm)?)
            }
            kind::CLASSMETHOD => {
                let function = self.edge()?;
                Ok(types.classmethod_type.as_object().call((function,), vm)?)
            }
            kind::STATICMETHOD => {
                let function = self.edge()?;
                Ok(types.staticmethod_type.as_object().call((function,), vm)?)
            }
            kind::NAMED => self.named(),
            kind::MODULE => {
                let name = self.reader.text()?;
                self.module(name)
            }
            kind::MODULE_GLOBALS => self.module_globals(),
            kind::ATTRIBUTE => {
                let owner = self.edge()?;
                let name = vm.ctx.new_str(self.reader.text()?);
                Ok(owner.get_attr(&*name, vm)?)
            }
            kind::INSTANCE => {
                let class = self.class_edge()?;
                if self.known_classes.contains(&class.get_id()) && has_own_new(vm, &class) {
                    // Finished, as it is not where the instance came from: it may be asked.
                    let new = class.as_object().get_attr("__new__", vm)?;
                    return Ok(new.call((class,), vm)?);
                }
                let has_dict = class.slots().flags.has_feature(PyTypeFlags::HAS_DICT);
                self.instance(class, has_dict.then(|| vm.ctx.new_dict()))
            }
            kind::INSTANCE_WHOLE => {
                let class = self.class_edge()?;
                if !class.slots().flags.has_feature(PyTypeFlags::HAS_DICT) {
                    let expected = "a class whose instances have attributes";
                    return Err(FormatError::Type { expected }.into());
                }
                let dict = vm.ctx.new_dict();
                self.fill_dict(&dict)?;
                self.instance(class, Some(dict))
            }
            kind::REDUCED => {
                let callable = self.edge()?;
                let args = self.args()?;
                self.names.check_call(vm, &callable, &args.args)?;
                Ok(callable.call_with_args(args, vm)?)
            }
            kind::IDENTIFIED => self.identified(),
            kind::MODULE_MADE => {
                let name = self.edge()?;
                let types = &vm.ctx.types;
                Ok(types.module_type.as_object().call((name,), vm)?)
            }
            kind::MODULE_NAMESPACE => {
                let module = self.edge()?;
                let expected = "a module";
                let module = module.downcast_ref::<PyModule>();
                Ok(module.ok_or(FormatError::Type { expected })?.dict().into())
            }
            kind::EXCEPTION => self.exception(),
            kind::CLASS => self.class(),
            kind::ENUM_MEMBER => self.enum_member(),
            kind::CLASS_NAMESPACE => self.class_namespace(),
            other => Err(FormatError::Kind(other).into()),
        }
    }

    pub fn fill_object(&mut self, kind: u8, target: &PyObject) -> Decoded<()> {
        match kind {
            kind::FILL_CELL => self.fill_cell(target),
            kind::FILL_FUNCTION => self.fill_function(target),
            kind::FILL_INSTANCE => {
                if self.settled.contains(&target.get_id()) {
                    self.pairs()?;
                    return Ok(());
                }
                let expected = "an object with attributes";
                let dict = target.dict().ok_or(FormatError::Type { expected })?;
                // It may have been filled early, with a part of them in another order.
                dict.clear();
                self.fill_dict(&dict)
            }
            kind::FILL_ATTRIBUTES => {
                let (keys, values) = self.pairs()?;
                if self.settled.contains(&target.get_id()) {
                    return Ok(());
                }
                self.fill_attributes(target, keys, values)
            }
            kind::FILL_INSTANCE_DICT => {
                // It may be of a subclass, and the object itself.
                let dict = self.edge()?.downcast::<PyDict>();
                let dict = dict.map_err(|_| FormatError::Type { expected: "a dict" })?;
                if self.settled.contains(&target.get_id()) {
                    return Ok(());
                }
                let expected = "an object with attributes";
                let set = target.set_dict(Some(dict));
                Ok(set.map_err(|_| FormatError::Type { expected })?)
            }
            kind::FILL_STATE => self.fill_state(target),
            kind::FILL_EXCEPTION => self.fill_exception(target),
            kind::FILL_CLASS => self.fill_class(target),
            other => Err(FormatError::Kind(other).into()),
        }
    }

    /// Sets attributes where they are kept: in the slots that the classes of an object have, and else in
    /// its dict. Those that come again, after an early fill, come in their order.
    fn fill_attributes(
        &self,
        target: &PyObject,
        keys: Vec<PyObjectRef>,
        values: Vec<PyObjectRef>,
    ) -> Decoded<()> {
        let vm = self.vm;
        let classes = match target.class().slots().member_count > 0 {
            true => target.class().mro_collect(),
            false => Vec::new(),
        };
        let member = vm.ctx.types.member_descriptor_type;
        for (key, value) in keys.into_iter().zip(values) {
            if key.downcast_ref::<PyStr>().is_none() {
                // Code may put more than names there.
                self.check_hashable(&key)?;
                set_in_dict(vm, target, &key, value)?;
                continue;
            }
            let name = name::of(key)?;
            let slot = match classes.is_empty() {
                true => None,
                false => {
                    let interned = vm.ctx.intern_str(name.as_wtf8().to_owned());
                    // Something else of that name may hide it.
                    classes.iter().find_map(|class| {
                        let is_heap = class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE);
                        let found = is_heap.then(|| class.get_direct_attr(interned)).flatten();
                        found.filter(|found| found.class().is(member))
                    })
                }
            };
            if let Some(slot) = slot {
                let set = slot.class().slots().descr_set.load();
                let set = set.expect("slots can be set");
                set(&slot, target.to_owned(), PySetterValue::Assign(value), vm)?;
                continue;
            }
            set_in_dict(vm, target, name.as_object(), value)?;
        }
        Ok(())
    }

    fn weak_reference(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let target = self.edge()?;
        let callback = self.edge()?;
        let callback = (!vm.is_none(&callback)).then_some(callback);
        if vm.is_none(&target) {
            // What it referred to was gone already.
            let gone = vm.ctx.types.set_type.as_object().call((), vm)?;
            return Ok(gone.downgrade(None, vm)?.into());
        }
        Ok(target.downgrade(callback, vm)?.into())
    }

    /// An object of a kind that a native module registered.
    pub fn native(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let name = self.reader.text()?;
        let version = u32::try_from(self.reader.varint()?).map_err(|_| FormatError::Length)?;
        let bytes = self.reader.slice()?.to_vec();
        let count = self.reader.count(2)?;
        let mut buffers = Vec::with_capacity(count);
        for _ in 0..count {
            buffers.push(match self.reader.byte()? {
                native_buffer::HERE => Bytes::copy_from_slice(self.reader.slice()?),
                native_buffer::OUT => self.shared_buffer()?,
                other => return Err(FormatError::Kind(other).into()),
            });
        }
        let children = self.body()?;
        let Some(kind) = native::by_name(name) else {
            let sentence = format!("the snapshot holds a {name}, which isn't known here");
            return Err(snapshot_error(vm, sentence).into());
        };
        if self.context.trust == Trust::Data && !kind.is_data() {
            return Err(FormatError::NotData.into());
        }
        let parts = NativeParts {
            bytes,
            buffers,
            children,
        };
        Ok(kind.decode(vm, version, parts)?)
    }

    pub fn args(&mut self) -> Decoded<FuncArgs> {
        let args = self.edge()?;
        let expected = "a tuple of arguments";
        let args = args
            .downcast_ref::<PyTuple>()
            .ok_or(FormatError::Type { expected })?;
        Ok(FuncArgs::from(args.as_slice().to_vec()))
    }

    pub fn class_edge(&mut self) -> Decoded<PyTypeRef> {
        let class = self.edge()?;
        let class = class.downcast::<PyType>();
        class.map_err(|_| {
            FormatError::Type {
                expected: "a class",
            }
            .into()
        })
    }

    fn module(&self, name: &str) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let modules = vm.sys_module.get_attr(vm.ctx.intern_str("modules"), vm)?;
        let expected = "sys.modules to be a dict";
        let modules = modules
            .downcast_ref::<PyDict>()
            .ok_or(FormatError::Type { expected })?;
        if let Some(module) = modules.get_item_opt(name, vm)? {
            return Ok(module);
        }
        let imported = vm.import(&*vm.ctx.new_str(name), 0);
        if let Err(cause) = imported {
            let sentence = format!(
                "the snapshot needs module {name}, which can't be imported here; rhumba.namespace.register_by_value({name:?}), said before it is written, takes the module along"
            );
            let error = snapshot_error(vm, sentence);
            error.set_cause(Some(cause));
            return Err(error.into());
        }
        // Importing `a.b` returns `a`, and leaves `a.b` here.
        let module = modules.get_item_opt(name, vm)?;
        module.ok_or_else(|| {
            let sentence = format!("the snapshot needs module {name}, which isn't here");
            snapshot_error(vm, sentence).into()
        })
    }

    fn module_globals(&mut self) -> Decoded<PyObjectRef> {
        let name = self.reader.text()?;
        let module = self.module(name)?;
        let expected = "a module";
        let module = module.downcast_ref::<PyModule>();
        Ok(module.ok_or(FormatError::Type { expected })?.dict().into())
    }

    fn class_namespace(&mut self) -> Decoded<PyObjectRef> {
        let class = self.class_edge()?;
        let expected = "a class with a dict of its own";
        let namespace = class.attributes().as_dict();
        let namespace = namespace.ok_or(FormatError::Type { expected })?;
        Ok(namespace.to_owned().into())
    }

    fn named(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let module_name = self.reader.text()?;
        let qualname = self.reader.text()?;
        let mut object = self.module(module_name)?;
        for name in qualname.split('.') {
            object = match vm.get_attribute_opt(&object, vm.ctx.intern_str(name))? {
                Some(object) => object,
                None => {
                    let sentence = format!(
                        "the snapshot needs {module_name}.{qualname}, which module {module_name} here doesn't have"
                    );
                    return Err(snapshot_error(vm, sentence).into());
                }
            };
        }
        Ok(object)
    }

    /// The object that has an identity; where it isn't here, the call that makes it is made.
    fn identified(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let identity = u128::from_le_bytes(self.reader.array()?);
        let callable = self.edge()?;
        let args = self.args()?;
        self.names.check_call(vm, &callable, &args.args)?;
        if self.makes_classes_anew {
            let object = callable.call_with_args(args, vm)?;
            self.arrived.push((identity, object.clone()));
            return Ok(object);
        }
        let may_be_interrupted = self.context.may_be_interrupted;
        let _claim = Claim::wait(vm, identity, &mut self.patience, may_be_interrupted)?;
        if let Some(known) = identity::find(vm, identity) {
            return Ok(known);
        }
        let object = callable.call_with_args(args, vm)?;
        identity::arrived(vm, identity, &object);
        Ok(object)
    }

    /// An object of a class made by Python code, without calling the class.
    fn instance(&self, class: PyTypeRef, dict: Option<PyDictRef>) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let object_type = vm.ctx.types.object_type;
        let flags = class.slots().flags.load();
        if !native_base(&class).is(object_type)
            || !(class.is(object_type) || flags.contains(&PyTypeFlags::HEAPTYPE))
        {
            let expected = "a class with plain instances";
            return Err(FormatError::Type { expected }.into());
        }
        Ok(vm.ctx.new_base_object(class, dict))
    }

    /// The member of an enumeration: the one that a class which is here already has, or a new one
    /// as the native base of its class makes it.
    fn enum_member(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let class = self.class_edge()?;
        let payload = self.edge()?;
        let value = self.edge()?;
        if self.known_classes.contains(&class.get_id())
            && let Ok(member) = class.as_object().call((value,), vm)
            && member.class().is(&class)
        {
            self.settled.insert(member.get_id());
            return Ok(member);
        }
        let native = native_base(&class).to_owned();
        let new = native.slots().new.load();
        let is_heap = class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE);
        let (true, Some(new)) = (is_heap, new) else {
            let expected = "the class of an enumeration";
            return Err(FormatError::Type { expected }.into());
        };
        let args = match payload.downcast_ref::<PyTuple>() {
            _ if native.is(vm.ctx.types.object_type) => Vec::new(),
            Some(arguments) if !is_made_of_one(&native, vm) => arguments.as_slice().to_vec(),
            _ => vec![payload],
        };
        Ok(new(class, FuncArgs::from(args), vm)?)
    }

    fn fill_state(&mut self, target: &PyObject) -> Decoded<()> {
        let vm = self.vm;
        let items = self.body()?;
        let (keys, values) = self.pairs()?;
        let bits = self.reader.byte()?;
        let state = match bits & state_present::STATE != 0 {
            true => Some(self.edge()?),
            false => None,
        };
        let setter = match bits & state_present::SETTER != 0 {
            true => Some(self.edge()?),
            false => None,
        };
        // The methods by which a container takes items may look at its attributes, and change them: it has
        // these before its items, and once more after them.
        if let (Some(state), None) = (&state, &setter)
            && !(items.is_empty() && keys.is_empty())
            && self.taking(target).has_own
        {
            self.set_state(target, state.clone())?;
        }
        if !items.is_empty() {
            self.add_items(target, items)?;
        }
        if !keys.is_empty() {
            self.set_items(target, keys, values)?;
        }
        match (state, setter) {
            (Some(state), Some(setter)) => {
                let args = [target.to_owned(), state];
                self.names.check_call(vm, &setter, &args)?;
                setter.call_with_args(FuncArgs::from(args.to_vec()), vm)?;
                Ok(())
            }
            (Some(state), None) => self.set_state(target, state),
            (None, _) => Ok(()),
        }
    }

    /// Gives an object its state as `pickle` does: by `__setstate__`, or else as attributes.
    fn set_state(&self, target: &PyObject, state: PyObjectRef) -> Decoded<()> {
        let vm = self.vm;
        if is_partial_of_itself(target, &state, vm)? {
            let expected = "a partial of something else than itself";
            return Err(FormatError::Type { expected }.into());
        }
        let name = vm.ctx.intern_str("__setstate__");
        // Not by the object, which may ask an attribute that it hasn't got yet.
        if target.class().get_attr(name).is_some() {
            vm.call_method(target, name.as_str(), (state,))?;
            return Ok(());
        }
        let pair = state.downcast_ref::<PyTuple>().map(|pair| pair.as_slice());
        let (attributes, slots) = match pair {
            Some([attributes, slots]) => (attributes.clone(), Some(slots.clone())),
            _ => (state, None),
        };
        let expected = "a state that is a dict";
        let as_dict = |object: PyObjectRef| -> Decoded<Option<PyDictRef>> {
            if vm.is_none(&object) {
                return Ok(None);
            }
            let dict = object.downcast::<PyDict>();
            Ok(Some(dict.map_err(|_| FormatError::Type { expected })?))
        };
        if let Some(attributes) = as_dict(attributes)?.filter(|dict| !dict.is_empty()) {
            let dict = target.dict().ok_or(FormatError::Type { expected })?;
            for (key, value) in attributes.items_vec() {
                dict.set_item(&*key, value, vm)?;
            }
        }
        if let Some(slots) = slots.map(as_dict).transpose()?.flatten() {
            for (key, value) in slots.items_vec() {
                target.set_attr(&*name::of(key)?, value, vm)?;
            }
        }
        Ok(())
    }
}

/// Sets an attribute in the dict of an object, behind those that are there.
fn set_in_dict(
    vm: &VirtualMachine,
    target: &PyObject,
    key: &PyObject,
    value: PyObjectRef,
) -> Decoded<()> {
    let expected = "an object with attributes";
    // Native classes may make it only when somebody asks.
    let dict = object_get_dict(target.to_owned(), vm);
    let dict = dict.map_err(|_| FormatError::Type { expected })?;
    if dict.get_item_opt(key, vm)?.is_some() {
        dict.del_item(key, vm)?;
    }
    Ok(dict.set_item(key, value, vm)?)
}

/// Whether this state would have a `functools.partial` call itself: the runtime would do so until its
/// stack is used up.
fn is_partial_of_itself(target: &PyObject, state: &PyObject, vm: &VirtualMachine) -> Decoded<bool> {
    let is_partial = |object: &PyObject| {
        let classes = object.class().mro_collect();
        classes.iter().any(|class| &*class.name() == "partial")
    };
    let called = state.downcast_ref::<PyTuple>();
    let Some(mut called) = called.and_then(|state| state.first()).cloned() else {
        return Ok(false);
    };
    if !is_partial(target) {
        return Ok(false);
    }
    // A class of this name needn't be that of `functools`, and may go in a circle without the target.
    const PARTIALS_MAX: usize = 100_000;
    for _ in 0..PARTIALS_MAX {
        if called.is(target) {
            return Ok(true);
        }
        if !is_partial(&called) {
            break;
        }
        match vm.get_attribute_opt(&called, "func")? {
            Some(next) => called = next,
            None => break,
        }
    }
    Ok(false)
}

/// Whether objects of a native class are made of one object, and no more: what is decoded must not choose
/// the other arguments that these take.
fn is_made_of_one(native: &Py<PyType>, vm: &VirtualMachine) -> bool {
    let types = &vm.ctx.types;
    let of_one = [
        types.str_type,
        types.bytes_type,
        types.bytearray_type,
        types.int_type,
        types.float_type,
        types.complex_type,
        types.tuple_type,
        types.list_type,
        types.dict_type,
        types.set_type,
        types.frozenset_type,
    ];
    of_one.iter().any(|class| native.is(*class))
}

/// Whether a class has a `__new__` that isn't that of `object`.
fn has_own_new(vm: &VirtualMachine, class: &Py<PyType>) -> bool {
    let name = vm.ctx.intern_str("__new__");
    let of_object = vm.ctx.types.object_type.get_attr(name);
    match (class.get_attr(name), of_object) {
        (Some(own), Some(of_object)) => !own.is(&of_object),
        _ => false,
    }
}
