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

/// Whether the person who has ended the input leaves: asked, if `confirm_exit` is set in the shell.
pub fn is_meant(vm: &VirtualMachine) -> bool {
    let session = session::Session::of(vm);
    let Some(shell) = session.ok().and_then(|it| it.shell_if_made().cloned()) else {
        return true;
    };
    let confirms = vm
        .get_attribute_opt(&shell, "confirm_exit")
        .ok()
        .flatten()
        .is_some_and(|confirms| confirms.is_true(vm).unwrap_or(false));
    if !confirms {
        return true;
    }
    let answer = session::import(vm, MODULE)
        .and_then(|module| module.get_attr("confirmed", vm))
        .and_then(|confirmed| confirmed.call((), vm));
    // Nobody is kept in a shell that can't ask.
    answer.map_or(true, |answer| answer.is_true(vm).unwrap_or(true))
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
