//! Annotations that a function keeps beside the `__annotate__` that computes others.
//!
//! The runtime takes either for the end of the other when it is set, and keeps annotations beside `__annotate__`
//! only where that has said them. So another says them once, and is then replaced by the one that was there.

use rustpython_vm::builtins::PyDict;
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::common::lock::PyMutex;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::types::Callable;
use rustpython_vm::{
    Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};

use super::Decoded;
use crate::snapshot::attribute::attributes;
use crate::snapshot::format::FormatError;

/// Gives a function these annotations, and leaves its `__annotate__` as it is.
pub fn keep(function: &PyObject, annotations: PyObjectRef, vm: &VirtualMachine) -> Decoded<()> {
    if annotations.downcast_ref::<PyDict>().is_none() {
        let expected = "annotations in a dict";
        return Err(FormatError::Type { expected }.into());
    }
    let known = attributes(vm);
    let annotate = known.annotate.get(function, vm)?;
    let told = Told {
        function: function.to_owned(),
        annotate,
        annotations,
    };
    let teller = Teller {
        told: PyMutex::new(Some(told)),
    };
    let teller = PyRef::new_ref(teller, Teller::make_static_type().to_owned(), None);
    known.annotate.set(function, teller.into(), vm)?;
    known.annotations.get(function, vm)?;
    Ok(())
}

struct Told {
    function: PyObjectRef,
    annotate: PyObjectRef,
    annotations: PyObjectRef,
}

#[pyclass(module = "_rhumba_shell", name = "AnnotationsTeller")]
#[derive(PyPayload)]
struct Teller {
    told: PyMutex<Option<Told>>,
}

impl std::fmt::Debug for Teller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AnnotationsTeller")
    }
}

impl Callable for Teller {
    type Args = FuncArgs;

    fn call(zelf: &Py<Self>, _args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        let told = zelf.told.lock().take();
        let told = told.ok_or_else(|| vm.new_runtime_error("annotations are told once"))?;
        attributes(vm)
            .annotate
            .set(&told.function, told.annotate, vm)?;
        Ok(told.annotations)
    }
}

#[pyclass(with(Callable), flags(DISALLOW_INSTANTIATION))]
impl Teller {}
