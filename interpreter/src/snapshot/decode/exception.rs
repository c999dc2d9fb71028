//! The records that rebuild exceptions.

use rustpython_vm::builtins::{PyBaseException, object_get_dict};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, PyObject, PyObjectRef};

use super::{Decoded, Decoder, name};
use crate::snapshot::encode::{exception_present, native_base};
use crate::snapshot::format::FormatError;
use crate::snapshot::identifier::identifiers;

impl Decoder<'_> {
    /// An exception with its `args`, made without the `__init__` of its class.
    ///
    /// Native exceptions keep parts of their arguments elsewhere (`errno`, `name`): their own
    /// `__init__` puts them there. It may refuse arguments that a subclass keeps differently;
    /// what it would have set is among the attributes then.
    pub(super) fn exception(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let class = self.class_edge()?;
        let args = self.args()?;
        let native = native_base(&class).to_owned();
        let new = native.slots().new.load();
        let (true, Some(new)) = (
            class.fast_issubclass(vm.ctx.exceptions.base_exception_type),
            new,
        ) else {
            let expected = "an exception class";
            return Err(FormatError::Type { expected }.into());
        };
        // A class with a `__new__` of its own may take more than the native one.
        let exception = match new(class.clone(), args.clone(), vm) {
            Ok(exception) => exception,
            Err(_) => class.as_object().call_with_args(args.clone(), vm)?,
        };
        if let Some(init) = native.slots().init.load() {
            let _ = init(&exception, args, vm);
        }
        Ok(exception)
    }

    pub(super) fn fill_exception(&mut self, target: &PyObject) -> Decoded<()> {
        use exception_present as present;
        let vm = self.vm;
        let (keys, values) = self.pairs()?;
        let bits = self.reader.byte()?;
        let expected = "an exception";
        let exception = target
            .downcast_ref::<PyBaseException>()
            .ok_or(FormatError::Type { expected })?;
        let other = |object: PyObjectRef| {
            let other = object.downcast::<PyBaseException>();
            other.map_err(|_| FormatError::Type { expected })
        };
        if bits & present::CAUSE != 0 {
            exception.set_cause(Some(other(self.edge()?)?));
        }
        if bits & present::CONTEXT != 0 {
            exception.set_context(Some(other(self.edge()?)?));
        }
        let suppress = vm.ctx.new_bool(bits & present::SUPPRESS_CONTEXT != 0);
        let name = identifiers().suppress_context;
        target.generic_setattr(name, PySetterValue::Assign(suppress.into()), vm)?;
        let dict = object_get_dict(target.to_owned(), vm)?;
        if bits & present::TRACEBACK != 0 {
            let text = self.edge()?;
            // Where it was first raised says more than where it was raised again.
            if dict.get_item_opt("__remote_traceback__", vm)?.is_none() {
                dict.set_item("__remote_traceback__", text, vm)?;
            }
        }
        for (key, value) in keys.into_iter().zip(values) {
            let types = &vm.ctx.types;
            if key.class().is(types.member_descriptor_type) || key.class().is(types.getset_type) {
                // A native field, of whose name the class has something else.
                let set = key.class().slots().descr_set.load();
                let expected = "a field that can be set";
                let set = set.ok_or(FormatError::Type { expected })?;
                set(&key, target.to_owned(), PySetterValue::Assign(value), vm)?;
                continue;
            }
            let name = name::of(key)?;
            // `__notes__` and the like live in the dict; the rest may be native attributes, or in slots. A
            // property isn't told what is behind it, nor a `__setattr__` what it may refuse.
            let attribute = name.to_str().map(|name| vm.ctx.intern_str(name));
            let attribute = attribute.and_then(|name| target.class().get_attr(name));
            let is_native = attribute.is_some_and(|attribute| {
                let class = attribute.class();
                class.is(types.getset_type) || class.is(types.member_descriptor_type)
            });
            if is_native && !name.as_bytes().starts_with(b"__") {
                target.generic_setattr(&name, PySetterValue::Assign(value), vm)?;
            } else {
                dict.set_item(&*name, value, vm)?;
            }
        }
        Ok(())
    }
}
