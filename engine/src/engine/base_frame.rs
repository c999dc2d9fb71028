//! A Python frame under everything that an engine runs.
//!
//! `eval`, `exec`, `globals`, `dir` and their like ask the frame that calls
//! them for its names, and the runtime panics where there is none. An engine
//! calls what it is sent from Rust, so that without a frame of its own
//! `apply(eval, "x")` would end it. In this frame they see the namespace.

use parking_lot::Mutex;
use rhumba_interpreter::rustpython_vm::builtins::PyDictRef;
use rhumba_interpreter::rustpython_vm::compiler::Mode;
use rhumba_interpreter::rustpython_vm::scope::Scope;
use rhumba_interpreter::rustpython_vm::{AsObject, PyResult, VirtualMachine};
use std::sync::Arc;

/// The name under which the frame finds what it is to call, for a moment.
const NAME: &str = "__rhumba_serve__";

/// Runs `serve` from a frame whose globals and locals are `namespace`.
///
/// An interrupt that comes before `serve` runs was meant for nothing, and is
/// dropped.
///
/// # Errors
/// If the frame can't be made; `serve` has not run then.
pub(super) fn run_within(
    vm: &VirtualMachine,
    namespace: &PyDictRef,
    serve: impl FnOnce(&VirtualMachine) + Send + 'static,
) -> PyResult<()> {
    let serve = Arc::new(Mutex::new(Some(serve)));
    let (names, called) = (namespace.clone(), Arc::clone(&serve));
    let function = vm.new_function(NAME, move |vm: &VirtualMachine| -> PyResult<()> {
        names.del_item(NAME, vm)?;
        let serve = called.lock().take();
        if let Some(serve) = serve {
            serve(vm);
        }
        Ok(())
    });
    let code = vm
        .compile(&format!("{NAME}()"), Mode::Exec, "<engine>")
        .map_err(|error| error.into_pyexception(vm, None))?;
    loop {
        namespace.set_item(NAME, function.clone().into(), vm)?;
        let scope = Scope::with_builtins(None, namespace.clone(), vm);
        match vm.run_code_obj(code.clone(), scope) {
            Err(error)
                if serve.lock().is_some()
                    && error.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt) => {}
            result => return result.map(drop),
        }
    }
}
