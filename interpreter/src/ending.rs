//! Lets go of a program's names at its end, as Python does: so that what a file holds back is written, and
//! `__del__` runs.
//!
//! The runtime does it for modules that it alone holds, and collects what is in circles; the names of
//! `__main__` are a namespace's. What finds its globals there is finalised before they go. It happens after all other `atexit` functions. Processes that end without
//! [`crate::runtime::Runtime::finish`] leave their names to the system, and so do those with threads that
//! still run: these would meet names that are gone.

use rustpython_vm::builtins::{PyDict, PyGenerator, PyList, PyStr};
use rustpython_vm::function::{FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::namespace::Namespace;
use crate::session::Session;

static LET_GO: PyMethodDef = PyMethodDef::new_const(
    "let_go_of_names",
    let_go,
    PyMethodFlags::STATIC,
    ItemDoc::NONE,
);

/// Has it happen when the interpreter ends. To be called before a program can ask for anything: what is
/// registered first comes last.
///
/// # Errors
/// What importing `atexit` raised.
pub(crate) fn prepare(vm: &VirtualMachine) -> PyResult<()> {
    let atexit = vm.import("atexit", 0)?;
    vm.call_method(&atexit, "register", (LET_GO.build_function(&vm.ctx),))
        .map(drop)
}

fn let_go(_: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let threads = vm
        .import("_thread", 0)?
        .get_attr("_count", vm)?
        .call((), vm)?;
    if threads.try_into_value::<usize>(vm)? > 0 {
        return Ok(vm.ctx.none());
    }
    let names = Namespace::new(vm).dict();
    finalise(vm, &names)?;
    // It keeps what was shown.
    if let Some(history) = Session::of(vm)?.history_if_made() {
        history.outputs.clear();
    }
    // Private names first, in both rounds in the order in which they were bound. Functions that still run
    // find the builtins.
    let is_private = |name: &str| name.starts_with('_') && !name.starts_with("__");
    for privates in [true, false] {
        for (key, value) in names.items_vec() {
            let name = key.downcast_ref::<PyStr>().and_then(|name| name.to_str());
            let is_due = match name {
                Some(name) => name != "__builtins__" && (!privates || is_private(name)),
                None => !privates,
            };
            if is_due && !vm.is_none(&value) {
                let key: &PyObject = &key;
                names.set_item(key, vm.ctx.none(), vm)?;
            }
        }
    }
    Ok(vm.ctx.none())
}

/// Calls `__del__`, and closes generators, where the code of these finds its globals among the names.
fn finalise(vm: &VirtualMachine, names: &Py<PyDict>) -> PyResult<()> {
    let objects = vm.import("gc", 0)?.get_attr("get_objects", vm)?;
    let objects = objects.call((), vm)?;
    let Some(objects) = objects.downcast_ref::<PyList>() else {
        return Ok(());
    };
    let objects: Vec<PyObjectRef> = objects.borrow_vec().to_vec();
    for object in objects {
        let class = object.class();
        if class.is(vm.ctx.types.generator_type) {
            if let Some(generator) = object.downcast_ref::<PyGenerator>()
                && is_suspended_in(vm, generator, names)
                && let Err(failure) = vm.call_method(&object, "close", ())
            {
                let said = Some("Exception ignored while closing generator".to_owned());
                vm.run_unraisable(failure, said, object);
            }
        } else if class.slots().del.load().is_some()
            && let Some(del) = class.get_attr(vm.ctx.intern_str("__del__"))
            && globals_of(vm, &del).is_some_and(|globals| globals.is(names))
        {
            object.try_call_finalizer();
        }
    }
    Ok(())
}

fn globals_of(vm: &VirtualMachine, function: &PyObject) -> Option<PyObjectRef> {
    vm.get_attribute_opt(function, "__globals__").ok()?
}

/// Whether a generator has begun, hasn't ended, and runs with these names.
fn is_suspended_in(vm: &VirtualMachine, generator: &Py<PyGenerator>, names: &Py<PyDict>) -> bool {
    let attribute = |object: &PyObject, name: &'static str| {
        let found = vm.get_attribute_opt(object, name).ok().flatten();
        found.filter(|found| !vm.is_none(found))
    };
    let frame = attribute(generator.as_object(), "gi_frame");
    let globals = frame.and_then(|frame| attribute(&frame, "f_globals"));
    globals.is_some_and(|globals| globals.is(names))
}
