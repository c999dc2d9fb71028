//! Has `asyncio.get_event_loop` find the loop without a warning that is for those who ask for its policy.
//!
//! The runtime's native function asks by `asyncio.get_event_loop_policy`, which is deprecated; the standard library has
//! another way for itself. All else of the module `_asyncio` is the runtime's.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyModule, PyModuleDef, PyModuleSlots};
use rustpython_vm::function::{ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine};

use crate::session;

const MODULE: &str = "_asyncio";
const NAME: &str = "get_event_loop";

/// The runtime's own module.
static ORIGINAL: OnceLock<&'static PyModuleDef> = OnceLock::new();

static DEFINITION: OnceLock<PyModuleDef> = OnceLock::new();

static GET_EVENT_LOOP: PyMethodDef = PyMethodDef::new_const(
    NAME,
    get_event_loop,
    PyMethodFlags::STATIC,
    ItemDoc::static_text(
        "get_event_loop($module, /)\n--\n\nReturn an asyncio event loop: the one that runs, or else the policy's.",
    ),
);

/// Puts it in the place of the runtime's among the modules that can be imported.
pub(crate) fn replace(modules: &mut [&'static PyModuleDef]) {
    let found = modules
        .iter_mut()
        .find(|module| module.name.as_str() == MODULE);
    let Some(module) = found else {
        return;
    };
    let original = *ORIGINAL.get_or_init(|| *module);
    *module = DEFINITION.get_or_init(|| PyModuleDef {
        name: original.name,
        doc: original.doc,
        methods: original.methods,
        slots: PyModuleSlots {
            create: original.slots.create,
            exec: Some(fill),
        },
    });
}

/// Fills the module when it is imported.
fn fill(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    if let Some(original) = ORIGINAL.get() {
        original.exec_module(vm, module)?;
    }
    let function = GET_EVENT_LOOP.build_bound_function(&vm.ctx, module.to_owned().into());
    function
        .as_object()
        .set_attr("__module__", vm.ctx.new_str(MODULE), vm)?;
    module.set_attr(NAME, function, vm)
}

fn get_event_loop(vm: &VirtualMachine) -> PyResult {
    let running = vm.asyncio_running_loop.borrow().clone();
    if let Some(running) = running {
        return Ok(running);
    }
    let events = session::import(vm, "asyncio.events")?;
    let policy = vm.call_method(&events, "_get_event_loop_policy", ())?;
    vm.call_method(&policy, NAME, ())
}
