//! What may be a name: the runtime looks special names of a class (`__add__`) up as text, and takes it
//! that they are; with a lone surrogate in one the process would end. As data it is like any other.

use std::collections::HashSet;

use rustpython_vm::builtins::{PyDict, PyList, PyStr, PyTuple, PyType};
use rustpython_vm::{PyObject, PyObjectRef, PyRef, VirtualMachine};

use super::Decoded;
use crate::snapshot::format::FormatError;

/// The name that a record gives an attribute.
pub fn of(object: PyObjectRef) -> Decoded<PyRef<PyStr>> {
    let name = object.downcast::<PyStr>();
    let name = name.map_err(|_| FormatError::Type { expected: "a name" })?;
    if is_unfit(&name) {
        return Err(FormatError::Name.into());
    }
    Ok(name)
}

fn is_unfit(text: &PyStr) -> bool {
    let bytes = text.as_bytes();
    bytes.starts_with(b"__") && bytes.ends_with(b"__") && text.to_str().is_none()
}

/// The texts that were decoded and can't be names, by address. Usually there are none.
#[derive(Default)]
pub struct Names {
    unfit: HashSet<usize>,
}

impl Names {
    /// Looks at a text that has surrogates.
    pub fn note(&mut self, text: &PyStr) {
        if is_unfit(text) {
            self.unfit.insert(std::ptr::from_ref(text) as usize);
        }
    }

    /// Whether a call that makes a class or sets attributes is given such a text.
    pub fn check_call(
        &self,
        vm: &VirtualMachine,
        callable: &PyObject,
        args: &[PyObjectRef],
    ) -> Decoded<()> {
        const DEPTH_MAX: u32 = 4;
        if self.unfit.is_empty() || !sets_names(vm, callable) {
            return Ok(());
        }
        match args.iter().any(|arg| self.is_in(arg, DEPTH_MAX)) {
            true => Err(FormatError::Name.into()),
            false => Ok(()),
        }
    }

    fn is_in(&self, object: &PyObject, depth: u32) -> bool {
        if let Some(text) = object.downcast_ref::<PyStr>() {
            let text: &PyStr = text;
            return self.unfit.contains(&(std::ptr::from_ref(text) as usize));
        }
        let Some(depth) = depth.checked_sub(1) else {
            return false;
        };
        let is_in = |part: &PyObjectRef| self.is_in(part, depth);
        if let Some(tuple) = object.downcast_ref::<PyTuple>() {
            tuple.as_slice().iter().any(is_in)
        } else if let Some(list) = object.downcast_ref::<PyList>() {
            list.borrow_vec().iter().any(is_in)
        } else if let Some(dict) = object.downcast_ref::<PyDict>() {
            dict.keys_vec().iter().any(is_in)
        } else {
            false
        }
    }
}

/// Whether calling an object may give a class attributes: it makes classes, or is called as what sets
/// attributes is.
fn sets_names(vm: &VirtualMachine, callable: &PyObject) -> bool {
    const SETTERS: [&str; 6] = [
        "__init__",
        "__new__",
        "__newobj__",
        "__newobj_ex__",
        "__setattr__",
        "setattr",
    ];
    if let Some(class) = callable.downcast_ref::<PyType>() {
        return class.fast_issubclass(vm.ctx.types.type_type);
    }
    let name = vm.get_attribute_opt(callable, vm.ctx.intern_str("__name__"));
    let name = name.ok().flatten();
    let name = name.as_ref().and_then(|name| name.downcast_ref::<PyStr>());
    name.and_then(|name| name.to_str())
        .is_some_and(|name| SETTERS.contains(&name))
}
