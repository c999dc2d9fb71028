//! Bare classes: made without the `__init_subclass__` of their bases, which ran where they were
//! first made, and may be finished only after them here.
//!
//! `type` asks for it last, after it has told the attributes their names. One of these takes the
//! class then, and ends the making of it.

use rustpython_vm::builtins::{PyDictRef, PyType, PyTypeRef};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::common::lock::PyMutex;
use rustpython_vm::function::{FuncArgs, PySetterValue};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};

/// The attribute that takes the class. It is gone when the class is there.
const TAKER: &str = "__rhumba_taker__";

/// Makes a class of which only its base and the given namespace are there.
///
/// # Errors
/// What `type` raised: bases that don't go together, a metaclass that doesn't suit them.
pub fn bare(
    vm: &VirtualMachine,
    metaclass: PyTypeRef,
    name: PyObjectRef,
    bases: Vec<PyObjectRef>,
    namespace: PyDictRef,
) -> PyResult {
    let new = vm.ctx.types.type_type.slots().new.load();
    let new = new.expect("type can make classes");
    let has_hook = bases.iter().any(|base| has_own_hook(base, vm));
    let bases = vm.ctx.new_tuple(bases).into();
    if !has_hook {
        let args = FuncArgs::from(vec![name, bases, namespace.into()]);
        return new(metaclass, args, vm);
    }
    let taker = PyRef::new_ref(Taker::default(), Taker::make_static_type().to_owned(), None);
    namespace.set_item(TAKER, taker.clone().into(), vm)?;
    let args = FuncArgs::from(vec![name, bases, namespace.into()]);
    let class = match new(metaclass, args, vm) {
        Ok(class) => class,
        Err(error) => taker.taken.lock().take().ok_or(error)?,
    };
    let set = vm.ctx.types.type_type.slots().setattro.load();
    let set = set.expect("classes can be changed");
    let name = vm.ctx.new_str(TAKER);
    set(&class, &name, PySetterValue::Delete, vm)?;
    Ok(class)
}

/// Whether a class that has this base would be told to code of the base's own.
fn has_own_hook(base: &PyObject, vm: &VirtualMachine) -> bool {
    let name = vm.ctx.intern_str("__init_subclass__");
    let Some(base) = base.downcast_ref::<PyType>() else {
        return false;
    };
    let found = base.get_attr(name);
    let usual = vm.ctx.types.object_type.get_attr(name);
    match (found, usual) {
        (Some(found), Some(usual)) => !found.is(&usual),
        _ => false,
    }
}

#[pyclass(module = "_rhumba_shell", name = "ClassTaker")]
#[derive(Default, PyPayload)]
struct Taker {
    taken: PyMutex<Option<PyObjectRef>>,
}

impl std::fmt::Debug for Taker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ClassTaker")
    }
}

#[pyclass(flags(DISALLOW_INSTANTIATION))]
impl Taker {
    #[pymethod]
    fn __set_name__(
        zelf: &Py<Self>,
        owner: PyObjectRef,
        _name: PyObjectRef,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        *zelf.taken.lock() = Some(owner);
        Err(vm.new_runtime_error("the class is taken as it is"))
    }
}
