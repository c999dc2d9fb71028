//! Attributes that functions and cells have by their native classes, set without looking them up again.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStrInterned, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::snapshot::identifier::identifiers;

/// An attribute of a native class, which the interpreters of one process share.
pub struct Attribute {
    name: &'static PyStrInterned,
    own: Option<Own>,
}

struct Own {
    descriptor: PyObjectRef,
    set: fn(&PyObject, PyObjectRef, PySetterValue, &VirtualMachine) -> PyResult<()>,
}

impl Attribute {
    fn new(class: &Py<PyType>, name: &'static PyStrInterned) -> Self {
        let own = class.get_direct_attr(name).and_then(|descriptor| {
            let set = descriptor.class().slots().descr_set.load()?;
            Some(Own { descriptor, set })
        });
        Self { name, own }
    }

    /// Sets it of an instance of just that class.
    pub fn set(&self, target: &PyObject, value: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
        match &self.own {
            Some(Own { descriptor, set }) => {
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
    defaults of function_type,
    dict of function_type,
    doc of function_type,
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
