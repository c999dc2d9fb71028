//! Syntax trees that a program has made, before they are compiled: the runtime's compiler takes no
//! negative number in them, and ends the process.
//!
//! `compile` is the runtime's, given trees in which such numbers stand as in source. How that is done
//! is in `python/rhumba/_nodes.py`.

use std::sync::OnceLock;

use rustpython_vm::builtins::PyStr;
use rustpython_vm::common::wtf8::Wtf8;
use rustpython_vm::function::{ArgBytesLike, FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{
    AsObject, PyObject, PyObjectRef, PyResult, TryFromBorrowedObject, VirtualMachine,
};

use crate::{compiling, session};

static ORIGINAL: OnceLock<PyObjectRef> = OnceLock::new();

static COMPILE: PyMethodDef = PyMethodDef::new_const(
    "compile",
    compile,
    PyMethodFlags::STATIC,
    ItemDoc::static_text(
        "compile(source, filename, mode, flags=0, dont_inherit=False, optimize=-1, *, \
         _feature_version=-1)\n--\n\nReturns code that exec() or eval() runs, of source or of a syntax \
         tree; or the tree of the source.",
    ),
);

/// Puts a `compile` that looks at trees first in the place of the runtime's.
///
/// # Errors
/// What looking that up raised.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let original = vm.builtins.get_attr("compile", vm)?;
    // Modules are made for each interpreter; the function is the same.
    ORIGINAL.get_or_init(|| original);
    compiling::builtins::put(vm, &COMPILE)
}

/// Whether a native is the runtime's own `compile`.
pub(crate) fn is_original_compile(native: &PyObject) -> bool {
    ORIGINAL.get().is_some_and(|original| native.is(original))
}

fn compile(mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let source = match args.args.first_mut() {
        Some(source) => Some(source),
        None => args.kwargs.get_mut(Wtf8::new("source")),
    };
    if let Some(source) = source
        && source.downcast_ref::<PyStr>().is_none()
        && ArgBytesLike::try_from_borrowed_object(vm, source).is_err()
    {
        let nodes = session::import(vm, "rhumba._nodes")?;
        *source = vm.call_method(&nodes, "signed", (source.clone(),))?;
    }
    let original = ORIGINAL.get().expect("set when this was put in its place");
    let source = args.args.first().or(args.kwargs.get("source"));
    let Some(source) = source.and_then(|source| compiling::builtins::source_text(source, vm))
    else {
        return original.call_with_args(args, vm);
    };
    compiling::compiled(&source, |text| {
        let mut args = args.clone();
        if text.len() == source.len() {
            return original.call_with_args(args, vm);
        }
        let text: PyObjectRef = vm.ctx.new_str(text).into();
        match args.args.first_mut() {
            Some(source) => *source = text,
            None => {
                if let Some(source) = args.kwargs.get_mut(Wtf8::new("source")) {
                    *source = text;
                }
            }
        }
        original.call_with_args(args, vm).inspect_err(|failure| {
            compiling::show_line(vm, failure, &source);
        })
    })
}
