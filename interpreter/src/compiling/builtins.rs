//! `exec` and `eval` that look at wrong source before the runtime does.
//!
//! Both are the runtime's own but for that: what they are given goes on as it is. How a native stands in
//! the builtins in the place of the runtime's is here, too, for [`crate::trees`].

use std::borrow::Cow;
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyStr};
use rustpython_vm::compiler::Mode;
use rustpython_vm::function::{ArgBytesLike, FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{
    AsObject, PyObject, PyObjectRef, PyResult, TryFromBorrowedObject, VirtualMachine,
};

use super::names::may_refuse;

/// The runtime's own. Modules are made for each interpreter; what is in them is the same.
struct Originals {
    exec: PyObjectRef,
    eval: PyObjectRef,
}

static ORIGINALS: OnceLock<Originals> = OnceLock::new();

static EXEC: PyMethodDef = PyMethodDef::new_const(
    "exec",
    exec,
    PyMethodFlags::STATIC,
    ItemDoc::static_text(
        "exec($module, source, /, globals=None, locals=None, *, closure=None)\n--\n\n\
         Runs source, or code that was compiled from it, with the given global and local names.\n\n\
         Without them it runs among the names of the caller. closure: the cells of code that has free variables.",
    ),
);

static EVAL: PyMethodDef = PyMethodDef::new_const(
    "eval",
    eval,
    PyMethodFlags::STATIC,
    ItemDoc::static_text(
        "eval($module, source, /, globals=None, locals=None)\n--\n\n\
         Returns the value of an expression, as source or compiled, with the given global and local names.\n\n\
         Without them it is evaluated among the names of the caller.",
    ),
);

/// Puts both in the place of the runtime's.
///
/// # Errors
/// What looking these up raised.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let exec = vm.builtins.get_attr("exec", vm)?;
    let eval = vm.builtins.get_attr("eval", vm)?;
    ORIGINALS.get_or_init(|| Originals { exec, eval });
    put(vm, &EXEC)?;
    put(vm, &EVAL)
}

/// Puts a native among the builtins, as one of them.
pub(crate) fn put(vm: &VirtualMachine, function: &'static PyMethodDef) -> PyResult<()> {
    let module = vm.builtins.as_object();
    let built = function.build_bound_function(&vm.ctx, module.to_owned());
    built
        .as_object()
        .set_attr("__module__", vm.ctx.new_str("builtins"), vm)?;
    module.set_attr(function.name, built, vm)
}

/// Whether a native is one of the runtime's that these here call: who counts calls has counted them.
pub(crate) fn is_original(native: &PyObject) -> bool {
    let originals = ORIGINALS.get();
    originals.is_some_and(|own| native.is(&own.exec) || native.is(&own.eval))
        || crate::trees::is_original_compile(native)
}

fn exec(mut args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    if let Some(source) = args.args.first_mut()
        && let Some(text) = text_to_look_at(source, vm)
        && let Cow::Owned(spelled) = super::spelled(&text)
    {
        *source = vm.ctx.new_str(spelled).into();
    }
    look_at(&args, Mode::Exec, vm)?;
    let originals = ORIGINALS.get().expect("set when this was put in its place");
    let source = args.args.first().cloned();
    // The runtime's gives the value of code that has one, as that of functions.
    let done = originals.exec.call_with_args(args, vm);
    done.map_err(|failure| worded(vm, failure, source.as_deref()))?;
    Ok(vm.ctx.none())
}

/// What compiling text or bytes failed with, as Python tells it.
pub(crate) fn worded(
    vm: &VirtualMachine,
    failure: PyBaseExceptionRef,
    source: Option<&PyObject>,
) -> PyBaseExceptionRef {
    if !failure.fast_isinstance(vm.ctx.exceptions.indentation_error) {
        return failure;
    }
    let text = source.and_then(|source| match source.downcast_ref::<PyStr>() {
        Some(text) => text.to_str().map(str::to_owned),
        None => {
            let bytes = ArgBytesLike::try_from_borrowed_object(vm, source).ok()?;
            decoded(&bytes.borrow_buf(), vm)
        }
    });
    match text {
        Some(text) => super::worded(vm, failure, &text),
        None => failure,
    }
}

fn eval(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    look_at(&args, Mode::Eval, vm)?;
    let originals = ORIGINALS.get().expect("set when this was put in its place");
    originals.eval.call_with_args(args, vm)
}

/// Raises what is wrong with source that the runtime can't look at.
fn look_at(args: &FuncArgs, mode: Mode, vm: &VirtualMachine) -> PyResult<()> {
    let Some(source) = args.args.first() else {
        return Ok(());
    };
    if source.downcast_ref::<PyCode>().is_some() {
        return Ok(());
    }
    refuse_too_deep(source, vm)?;
    match source_text(source, vm) {
        Some(source) if !super::is_safe(&source) => {
            let text = match mode {
                Mode::Eval => source.trim_start_matches([' ', '\t']),
                _ => &source,
            };
            super::check(vm, text, "<string>", mode)
        }
        _ => Ok(()),
    }
}

/// Raises the RecursionError of source, as text or bytes, that goes too deep for the runtime.
pub(crate) fn refuse_too_deep(source: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    if let Some(text) = source.downcast_ref::<PyStr>() {
        let text = text.to_str();
        return text.map_or(Ok(()), |text| super::refuse_too_deep(vm, text));
    }
    let Ok(buffer) = ArgBytesLike::try_from_borrowed_object(vm, source) else {
        return Ok(());
    };
    let text = decoded(&buffer.borrow_buf(), vm);
    text.map_or(Ok(()), |text| super::refuse_too_deep(vm, &text))
}

/// Source that may have names that the runtime's parser refuses, as text.
pub(crate) fn text_to_look_at(source: &PyObject, vm: &VirtualMachine) -> Option<String> {
    if let Some(text) = source.downcast_ref::<PyStr>() {
        let text = text.to_str().filter(|text| may_refuse(text.as_bytes()))?;
        return Some(text.to_owned());
    }
    let buffer = ArgBytesLike::try_from_borrowed_object(vm, source).ok()?;
    let bytes = buffer.borrow_buf();
    if !may_refuse(&bytes) {
        return None;
    }
    decoded(&bytes, vm)
}

/// Source that isn't plain ASCII, as text; none of what is no source, or can't be read as such.
pub(crate) fn source_text(source: &PyObject, vm: &VirtualMachine) -> Option<String> {
    if let Some(text) = source.downcast_ref::<PyStr>() {
        let text = text.to_str().filter(|text| !text.is_ascii())?;
        return Some(text.to_owned());
    }
    let buffer = ArgBytesLike::try_from_borrowed_object(vm, source).ok()?;
    let bytes = buffer.borrow_buf();
    match bytes.is_ascii() && encoding(&bytes).is_none_or(is_beyond_ascii) {
        true => None,
        false => decoded(&bytes, vm),
    }
}

/// The text of a source file; none if it can't be read.
pub(crate) fn decoded(bytes: &[u8], vm: &VirtualMachine) -> Option<String> {
    if encoding(bytes).is_none_or(is_utf8)
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        return Some(text.trim_start_matches('\u{feff}').to_owned());
    }
    let library = vm.import("importlib.util", 0).ok()?;
    let library = library.get_attr("util", vm).ok()?;
    let bytes = vm.ctx.new_bytes(bytes.to_vec());
    let text = vm.call_method(&library, "decode_source", (bytes,)).ok()?;
    text.downcast_ref::<PyStr>()?.to_str().map(str::to_owned)
}

/// How one of the first two lines says that the source is written: `# -*- coding: latin-1 -*-`.
fn encoding(bytes: &[u8]) -> Option<&str> {
    let lines = bytes.split(|byte| *byte == b'\n').take(2);
    lines.filter_map(encoding_of_line).next()
}

fn encoding_of_line(line: &[u8]) -> Option<&str> {
    let line = line.utf8_chunks().next()?.valid();
    let (_, behind) = line.split_once('#')?.1.split_once("coding")?;
    let name = behind
        .strip_prefix([':', '='])?
        .trim_start_matches([' ', '\t']);
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let end = name.find(|letter| !is_part(letter));
    Some(&name[..end.unwrap_or(name.len())])
}

fn is_utf8(encoding: &str) -> bool {
    let name = encoding.to_ascii_lowercase();
    matches!(&*name, "utf8" | "utf-8" | "utf_8" | "utf-8-sig")
}

/// Whether ASCII is itself in the encoding. Most source says one of these, and nobody needs to be asked.
fn is_beyond_ascii(encoding: &str) -> bool {
    const BEGINNINGS: [&str; 6] = ["ascii", "us-ascii", "latin", "iso-8859", "iso8859", "cp125"];
    let name = encoding.to_ascii_lowercase();
    is_utf8(encoding) || BEGINNINGS.iter().any(|begin| name.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_says_how_it_is_written() {
        for (source, said) in [
            ("# -*- coding: utf-8 -*-\n", Some("utf-8")),
            (
                "#!/bin/python\n# vim: set fileencoding=Latin-1 :\nx",
                Some("Latin-1"),
            ),
            ("#coding=cp1252", Some("cp1252")),
            ("x = 1\n\n# coding: utf-7", None),
            ("encoding = 'utf-7'", None),
            ("# encoding it", None),
            ("", None),
        ] {
            assert_eq!(encoding(source.as_bytes()), said, "{source}");
        }
        assert!(is_beyond_ascii("Latin-1") && is_beyond_ascii("UTF-8"));
        assert!(!is_beyond_ascii("utf-7") && !is_beyond_ascii("unicode_escape"));
    }
}
