//! What `breakpoint()` does on an engine.
//!
//! Nobody types there while a request runs, and to wait for somebody would keep everybody else
//! waiting too. So it ends the request, and its frames stay for the debugger that `%debug -t`
//! opens.

use rhumba_interpreter::rustpython_vm::function::FuncArgs;
use rhumba_interpreter::rustpython_vm::{PyResult, VirtualMachine};
use rhumba_proto::id::EngineId;

/// Puts the engine's own `breakpoint()` in the place of the standard one.
pub(super) fn install(vm: &VirtualMachine, engine: EngineId) -> PyResult<()> {
    let hook = vm.new_function(
        "engine_breakpoint",
        move |args: FuncArgs, vm: &VirtualMachine| -> PyResult {
            if std::env::var_os("PYTHONBREAKPOINT").is_some_and(|hook| !hook.is_empty()) {
                let standard = vm.sys_module.get_attr("__breakpointhook__", vm)?;
                return standard.call(args, vm);
            }
            Err(vm.new_runtime_error(format!(
                "breakpoint() has ended this request: engine {engine} can't wait for somebody \
                 who types. `%debug -t {engine}`, or rc[{engine}].debug(), looks at its frames as \
                 they were here"
            )))
        },
    );
    vm.sys_module
        .set_attr(vm.ctx.intern_str("breakpointhook"), hook, vm)
}
