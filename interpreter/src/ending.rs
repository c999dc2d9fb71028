//! Lets go of a program's names at its end, as Python does: so that what a file holds back is written, and
//! `__del__` runs.
//!
//! The runtime does it for modules that it alone holds, and collects what is in circles; the names of
//! `__main__` are a namespace's. It happens after all other `atexit` functions. Processes that end without
//! [`crate::runtime::Runtime::finish`] leave their names to the system, and so do those with threads that
//! still run: these would meet names that are gone.

use rustpython_vm::builtins::PyStr;
use rustpython_vm::function::{FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use crate::namespace::Namespace;

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
    let names = Namespace::new(vm).dict().clone();
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
