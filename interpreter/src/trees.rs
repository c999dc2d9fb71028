//! `compile`, which looks at what it is given before the runtime does.
//!
//! The runtime's compiler takes no negative number in syntax trees that a program has made, and ends the process: it is
//! given trees in which such numbers stand as in source. Of source with names that its parser refuses
//! (`compiling/names.rs`) a tree is made first. What is done to trees is in `python/rhumba/_nodes.py`. Import, `%run`,
//! `exec` and the rest of Python come by here; what Rust compiles itself does where it has to.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyCode, PyStr};
use rustpython_vm::function::{ArgBytesLike, FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{
    AsObject, PyObject, PyObjectRef, PyRef, PyResult, TryFromBorrowedObject, VirtualMachine,
};

use crate::compiling::StandIn;
use crate::{compiling, session};

/// Parameters of `compile`: their place, and their name.
const SOURCE: (usize, &str) = (0, "source");
const FLAGS: (usize, &str) = (3, "flags");

/// `ast.PyCF_ONLY_AST`, for a tree in the place of code.
const ONLY_AST: i32 = 0x400;

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

/// `compile`, as code calls it: flags that aren't given are those of that code.
pub(crate) fn compile(mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let original = ORIGINAL.get().expect("set when this was put in its place");
    let source = args.args.first().or(args.kwargs.get("source"));
    let Some(source) = source.cloned() else {
        return original.call_with_args(args, vm);
    };
    if source.downcast_ref::<PyStr>().is_none()
        && ArgBytesLike::try_from_borrowed_object(vm, &source).is_err()
    {
        let nodes = session::import(vm, "rhumba._nodes")?;
        let tree = vm.call_method(&nodes, "signed", (source,))?;
        put(&mut args, SOURCE, tree);
        return original.call_with_args(args, vm);
    }
    if let Some((text, stand_in)) = compiling::builtins::with_refused_names(&source, vm) {
        let compiled = named(original, args, &stand_in, vm);
        return compiled.inspect_err(|failure| compiling::show_line(vm, failure, &text));
    }
    let Some(text) = compiling::builtins::source_text(&source, vm) else {
        return original.call_with_args(args, vm);
    };
    compiling::compiled(&text, |other| {
        let mut args = args.clone();
        if other.len() == text.len() {
            return original.call_with_args(args, vm);
        }
        put(&mut args, SOURCE, vm.ctx.new_str(other).into());
        original.call_with_args(args, vm).inspect_err(|failure| {
            compiling::show_line(vm, failure, &text);
        })
    })
}

/// Compiles a program of a file or a text of this name, by `compile`.
///
/// # Errors
/// The SyntaxError of the source.
pub(crate) fn program(
    vm: &VirtualMachine,
    source: PyObjectRef,
    name: &str,
) -> PyResult<PyRef<PyCode>> {
    let name = vm.ctx.new_str(name).into();
    let mode = vm.ctx.new_str("exec").into();
    let (flags, dont_inherit) = (vm.ctx.new_int(0).into(), vm.ctx.new_bool(true).into());
    let args = vec![source, name, mode, flags, dont_inherit];
    let code = compile(args.into(), vm)?;
    let wrong = |_| vm.new_type_error("compile() gives code of source that is to be executed");
    code.downcast().map_err(wrong)
}

/// Compiles what stands in for source: a tree is made of it, in which all have their names again.
fn named(original: &PyObject, args: FuncArgs, stand_in: &StandIn, vm: &VirtualMachine) -> PyResult {
    let (index, keyword) = FLAGS;
    let flags = args.args.get(index).or(args.kwargs.get(keyword));
    let flags = flags.map_or(Ok(0), |flags| flags.clone().try_into_value::<i32>(vm))?;
    let mut parsed = args.clone();
    put(&mut parsed, SOURCE, vm.ctx.new_str(&*stand_in.text).into());
    put(&mut parsed, FLAGS, vm.ctx.new_int(flags | ONLY_AST).into());
    let tree = original.call_with_args(parsed, vm)?;
    let nodes = session::import(vm, "rhumba._nodes")?;
    let tree = vm.call_method(&nodes, "named", (tree, &*stand_in.name))?;
    if flags & ONLY_AST != 0 {
        return Ok(tree);
    }
    let mut compiled = args;
    put(&mut compiled, SOURCE, tree);
    original.call_with_args(compiled, vm)
}

/// Puts an argument in the place of that which was given, or beside the others.
fn put(args: &mut FuncArgs, (index, keyword): (usize, &str), value: PyObjectRef) {
    match args.args.get_mut(index) {
        Some(given) => *given = value,
        None => {
            args.kwargs.insert(keyword.into(), value);
        }
    }
}
