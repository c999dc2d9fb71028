//! Attributes that functions and cells have by their native classes, without looking them up again.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStrInterned, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::identifier::identifiers;

/// An attribute of a native class, which the interpreters of one process share.
pub struct Attribute {
    name: &'static PyStrInterned,
    own: Option<Own>,
}

struct Own {
    descriptor: PyObjectRef,
    get: fn(&PyObject, Option<&PyObject>, Option<&PyObject>, &VirtualMachine) -> PyResult,
    set: fn(&PyObject, PyObjectRef, PySetterValue, &VirtualMachine) -> PyResult<()>,
}

impl Attribute {
    fn new(class: &Py<PyType>, name: &'static PyStrInterned) -> Self {
        let own = class.get_direct_attr(name).and_then(|descriptor| {
            let slots = descriptor.class().slots();
            let (get, set) = (slots.descr_get.load()?, slots.descr_set.load()?);
            Some(Own {
                descriptor,
                get,
                set,
            })
        });
        Self { name, own }
    }

    /// That of an instance of just that class.
    pub fn get(&self, object: &PyObject, vm: &VirtualMachine) -> PyResult {
        match &self.own {
            Some(Own {
                descriptor, get, ..
            }) => get(
                descriptor,
                Some(object),
                Some(object.class().as_object()),
                vm,
            ),
            None => object.get_attr(self.name, vm),
        }
    }

    /// Sets it of an instance of just that class.
    pub fn set(&self, target: &PyObject, value: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
        match &self.own {
            Some(Own {
                descriptor, set, ..
            }) => {
                let value = PySetterValue::Assign(value);
                set(descriptor, target.to_owned(), value, vm)
            }
            None => target.set_attr(self.name, value, vm),
        }
    }
}

macro_rules! attributes {
    ($($name:ident of $class:ident,)*) => {
        pub struct Attributes {
            $(pub $name: Attribute,)*
        }

        impl Attributes {
            fn find(vm: &VirtualMachine) -> Self {
                let (types, known) = (&vm.ctx.types, identifiers());
                Self {
                    $($name: Attribute::new(types.$class, known.$name),)*
                }
            }
        }
    };
}

attributes! {
    annotate of function_type,
    annotations of function_type,
    cell_contents of cell_type,
    closure of function_type,
    code of function_type,
    defaults of function_type,
    dict of function_type,
    doc of function_type,
    globals of function_type,
    kwdefaults of function_type,
    module of function_type,
    name of function_type,
    qualname of function_type,
    type_params of function_type,
}

/// The attributes, found once.
pub fn attributes(vm: &VirtualMachine) -> &'static Attributes {
    static ATTRIBUTES: OnceLock<Attributes> = OnceLock::new();
    ATTRIBUTES.get_or_init(|| Attributes::find(vm))
}
