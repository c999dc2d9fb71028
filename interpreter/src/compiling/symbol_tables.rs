//! `symtable`, for source with names that the runtime's parser refuses (`names.rs`).
//!
//! Its native function is given them in another spelling, and the tables that it makes have them as they are: the
//! parser takes both for the same name. All else of the module `_symtable` is the runtime's.

use std::borrow::Cow;
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyModule, PyModuleDef, PyModuleSlots};
use rustpython_vm::function::{FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::vm::Context;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyResult, VirtualMachine, stdlib};

use super::builtins::{refuse_too_deep, text_to_look_at};

const MODULE: &str = "_symtable";
const NAME: &str = "symtable";

/// The runtime's own module, and the function of it: that is the same for all interpreters.
static ORIGINAL: OnceLock<&'static PyModuleDef> = OnceLock::new();
static ORIGINAL_FUNCTION: OnceLock<PyObjectRef> = OnceLock::new();

static DEFINITION: OnceLock<PyModuleDef> = OnceLock::new();

static SYMTABLE: PyMethodDef = PyMethodDef::new_const(
    NAME,
    symtable,
    PyMethodFlags::STATIC,
    ItemDoc::static_text(
        "symtable($module, source, filename, startstr, /)\n--\n\nReturns the symbols of source, with those of what is defined in it.",
    ),
);

/// The module that takes the place of the runtime's.
pub(crate) fn replacement(context: &'static Context) -> Option<&'static PyModuleDef> {
    let modules = stdlib::builtin_module_defs(context);
    let found = modules
        .into_iter()
        .find(|module| module.name.as_str() == MODULE)?;
    let original = *ORIGINAL.get_or_init(|| found);
    Some(DEFINITION.get_or_init(|| PyModuleDef {
        name: original.name,
        doc: original.doc,
        methods: original.methods,
        slots: PyModuleSlots {
            create: original.slots.create,
            exec: Some(fill),
        },
    }))
}

/// Fills the module when it is imported.
fn fill(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    if let Some(original) = ORIGINAL.get() {
        original.exec_module(vm, module)?;
    }
    let original = module.get_attr(NAME, vm)?;
    ORIGINAL_FUNCTION.get_or_init(|| original);
    let function = SYMTABLE.build_bound_function(&vm.ctx, module.to_owned().into());
    function
        .as_object()
        .set_attr("__module__", vm.ctx.new_str(MODULE), vm)?;
    module.set_attr(NAME, function, vm)
}

fn symtable(mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let original = ORIGINAL_FUNCTION
        .get()
        .expect("set when this was put in its place");
    if let Some(source) = args.args.first() {
        refuse_too_deep(source, vm)?;
    }
    let text = args
        .args
        .first()
        .and_then(|source| text_to_look_at(source, vm));
    let Some(text) = text else {
        return original.call_with_args(args, vm);
    };
    if let Cow::Owned(spelled) = super::spelled(&text)
        && let Some(source) = args.args.first_mut()
    {
        *source = vm.ctx.new_str(spelled).into();
    }
    original
        .call_with_args(args, vm)
        .inspect_err(|failure| super::show_line(vm, failure, &text))
}
