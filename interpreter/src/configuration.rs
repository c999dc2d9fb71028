//! What whoever starts a shell hands over to it: where it may keep things, and what it is set to.
//!
//! This crate knows no home folder, so that nothing is found here. What the dict holds, and what is
//! made of it, is `python/rhumba/_configuration.py`.

use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::{PyResult, VirtualMachine};

use crate::session;

/// The attribute of `sys` that holds it.
const ATTRIBUTE: &str = "_rhumba_configuration";

/// Hands it over; nothing is done with it yet.
///
/// # Errors
/// A lack of memory.
pub fn hand_over(vm: &VirtualMachine, handed: PyDictRef) -> PyResult<()> {
    vm.sys_module
        .set_attr(vm.ctx.intern_str(ATTRIBUTE), handed, vm)
}

/// Sets what was handed over, and runs what is to run before the first prompt or a program. Says
/// whether a shell is to tell what it is.
///
/// # Errors
/// `SystemExit` of what is run. Everything else is told on stderr.
pub fn start(vm: &VirtualMachine) -> PyResult<bool> {
    session::Session::of(vm)?.shell(vm)?;
    session::import(vm, "rhumba._configuration")?
        .get_attr("start", vm)?
        .call((), vm)?
        .try_to_bool(vm)
}

/// Has a program told of what ends it as the shell would be: as `--xmode` says, and with the
/// debugger where `--pdb` asks for it.
///
/// # Errors
/// A lack of memory.
pub fn tell_of_program(vm: &VirtualMachine) -> PyResult<()> {
    session::import(vm, "rhumba._program")?
        .get_attr("tell_failures", vm)?
        .call((), vm)?;
    Ok(())
}

/// Has a program that a shell follows told of what ends it in this mode of tracebacks, before the
/// shell is set to it.
///
/// # Errors
/// A lack of memory.
pub fn tell_of_program_as(vm: &VirtualMachine, mode: &str) -> PyResult<()> {
    session::import(vm, "rhumba._program")?
        .get_attr("tell_failures_as", vm)?
        .call((vm.ctx.new_str(mode),), vm)?;
    Ok(())
}

/// The text of a configuration file in which everything is there, commented out.
///
/// # Errors
/// A lack of memory.
pub fn template(vm: &VirtualMachine) -> PyResult<String> {
    session::import(vm, "rhumba._configuration")?
        .get_attr("template", vm)?
        .call((), vm)?
        .try_into_value(vm)
}
