//! What `input()` does on an engine.
//!
//! Nobody types there, and `exit()` closes what it would read from. Where a program has put
//! something else into its place, that is read.

use rhumba_interpreter::rustpython_vm::function::FuncArgs;
use rhumba_interpreter::rustpython_vm::{AsObject, PyResult, VirtualMachine};
use rhumba_proto::id::EngineId;

/// Puts the engine's own `input()` in the place of the standard one.
pub(super) fn install(vm: &VirtualMachine, engine: EngineId) -> PyResult<()> {
    let standard = vm.builtins.get_attr("input", vm)?;
    let hook = vm.new_function(
        "input",
        move |args: FuncArgs, vm: &VirtualMachine| -> PyResult {
            let read_from = vm.sys_module.get_attr("stdin", vm)?;
            let is_own = read_from.is(&vm.sys_module.get_attr("__stdin__", vm)?);
            let exceptions = &vm.ctx.exceptions;
            match standard.call(args, vm) {
                // The second is what it raises where that is closed.
                Err(error)
                    if is_own
                        && (error.fast_isinstance(exceptions.eof_error)
                            || error.fast_isinstance(exceptions.value_error)) =>
                {
                    let sentence = format!(
                        "nobody types on engine {engine}, so that input() has nothing to read \
                         there: pass what it is to return as an argument, or push it"
                    );
                    Err(vm.new_exception_msg(exceptions.eof_error.to_owned(), sentence.into()))
                }
                result => result,
            }
        },
    );
    vm.builtins.set_attr(vm.ctx.intern_str("input"), hook, vm)
}
