//! Who leaves a shell: the person does, by `exit` and `quit`; code that ends itself doesn't.
//!
//! A program that runs without a shell finds Python's own `exit` and `quit`.

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use crate::session;

const MODULE: &str = "rhumba._leaving";

/// The builtins that [`offer`] binds.
pub const NAMES: [&str; 2] = ["exit", "quit"];

/// Makes `exit` and `quit` leave the shell that is open.
///
/// # Errors
/// `KeyboardInterrupt`, or a lack of memory.
pub fn offer(vm: &VirtualMachine) -> PyResult<()> {
    let offer = session::import(vm, MODULE)?.get_attr("offer", vm)?;
    offer.call((), vm).map(drop)
}

/// Whether the failure of a cell is that the person leaves.
pub fn is_asked_for(vm: &VirtualMachine, failure: &PyBaseExceptionRef) -> bool {
    if !failure.fast_isinstance(vm.ctx.exceptions.system_exit) {
        return false;
    }
    let class = session::import(vm, MODULE).and_then(|module| module.get_attr("Leave", vm));
    class
        .and_then(|class| failure.as_object().is_instance(&class, vm))
        .unwrap_or(false)
}
