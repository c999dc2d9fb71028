//! `compile`, which looks at what it is given before the runtime does.
//!
//! The runtime's compiler takes no negative number in syntax trees that a program has made, and ends the process, and refuses
//! numbers with a sign in the patterns of a tree: it is given trees in which such numbers stand as it takes them. Source with names that its parser refuses is given to it in another
//! spelling (`compiling/names.rs`). What is done to trees is in `python/rhumba/_nodes.py`. Import, `%run`,
//! `exec` and the rest of Python come by here; what Rust compiles itself does where it has to.

use std::borrow::Cow;
use std::sync::OnceLock;

use rustpython_vm::builtins::PyStr;
use rustpython_vm::function::{ArgBytesLike, FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{
    AsObject, PyObject, PyObjectRef, PyResult, TryFromBorrowedObject, VirtualMachine,
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
fn compile(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let source = args.args.first().or(args.kwargs.get("source")).cloned();
    compiled(args, vm)
        .map_err(|failure| compiling::builtins::worded(vm, failure, source.as_deref()))
}

fn compiled(mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let original = ORIGINAL.get().expect("set when this was put in its place");
    let source = args.args.first().or(args.kwargs.get("source"));
    let Some(source) = source.cloned() else {
        return original.call_with_args(args, vm);
    };
    if source.downcast_ref::<PyStr>().is_none()
        && ArgBytesLike::try_from_borrowed_object(vm, &source).is_err()
    {
        let nodes = session::import(vm, "rhumba._nodes")?;
        let tree = vm.call_method(&nodes, "signed", (source.clone(),))?;
        // Who asks for no code is given the tree as it was, once it is checked.
        let is_only_checked = !tree.is(&source) && flags_of(&args, vm)? & ONLY_AST != 0;
        put(&mut args, SOURCE, tree);
        let compiled = original.call_with_args(args, vm)?;
        return Ok(if is_only_checked { source } else { compiled });
    }
    compiling::builtins::refuse_too_deep(&source, vm)?;
    if let Some(text) = compiling::builtins::text_to_look_at(&source, vm) {
        let tells = |failure: &_| compiling::show_line(vm, failure, &text);
        if flags_of(&args, vm)? & ONLY_AST != 0 {
            if let Some(stand_in) = StandIn::of(&text) {
                return named(original, args, &stand_in, vm).inspect_err(tells);
            }
        } else if let Cow::Owned(spelled) = compiling::spelled(&text) {
            let compiled = compiling::compiled(&spelled, |spelled| {
                let mut args = args.clone();
                put(&mut args, SOURCE, vm.ctx.new_str(spelled).into());
                original.call_with_args(args, vm)
            });
            return compiled.inspect_err(tells);
        }
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

fn flags_of(args: &FuncArgs, vm: &VirtualMachine) -> PyResult<i32> {
    let (index, keyword) = FLAGS;
    let flags = args.args.get(index).or(args.kwargs.get(keyword));
    flags.map_or(Ok(0), |flags| flags.clone().try_into_value(vm))
}

/// The tree of what stands in for source, in which all have their names again.
fn named(
    original: &PyObject,
    mut args: FuncArgs,
    stand_in: &StandIn,
    vm: &VirtualMachine,
) -> PyResult {
    put(&mut args, SOURCE, vm.ctx.new_str(&*stand_in.text).into());
    let tree = original.call_with_args(args, vm)?;
    let nodes = session::import(vm, "rhumba._nodes")?;
    vm.call_method(&nodes, "named", (tree, &*stand_in.name))
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
