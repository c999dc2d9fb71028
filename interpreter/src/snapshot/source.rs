//! The source of code: it travels with the code, so that tracebacks elsewhere show its lines, and so
//! that another version of the runtime can compile it again.
//!
//! Text that no file holds, of names such as `<cell 3>`, travels always. That of a script goes with
//! namespaces that are kept, as the script may be another one when they are brought back; single
//! objects go without. Lines are kept where all of Python looks them up, in `linecache`.

use rustpython_vm::builtins::{PyCode, PyDict, PyList, PyStr, PyStrInterned, PyTuple};
use rustpython_vm::{Py, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::code::constants;
use crate::cell::remember_source;
use crate::compiling;
use crate::session::Session;
use crate::transform;

/// Longer source stays where it is: each function of it would bring it along.
const SOURCE_BYTES_MAX: usize = 64 * 1024;

/// The source that code of this name was compiled from, if it is known and no file has it.
pub(super) fn of(vm: &VirtualMachine, path: &str) -> Option<String> {
    if !is_entered(path) {
        return None;
    }
    let entry = cached(vm, path)?;
    let lines = entry.as_slice().get(2)?.downcast_ref::<PyList>()?;
    let mut text = String::new();
    for line in lines.borrow_vec().iter() {
        text.push_str(line.downcast_ref::<PyStr>()?.to_str()?);
        if text.len() > SOURCE_BYTES_MAX {
            return None;
        }
    }
    (!text.is_empty()).then_some(text)
}

/// The source of code from a file, if that holds what this code was compiled from.
pub(super) fn of_file(vm: &VirtualMachine, path: &str, code: &Py<PyCode>) -> Option<String> {
    if is_entered(path) || path.starts_with('<') {
        return None;
    }
    let text = text_of_file(path)?;
    let names = |names: &[&'static PyStrInterned]| names.iter().map(|name| name.as_str()).collect();
    let argument_count = (code.arg_count + code.kwonlyarg_count) as usize;
    let wanted = Wanted {
        path: code.source_path().as_str(),
        qualname: code.qualname.as_str(),
        first_line: code.first_line_number.map_or(0, |line| line.get() as u32),
        arguments: names(&code.varnames[..argument_count.min(code.varnames.len())]),
        free_variables: names(&code.freevars),
    };
    let found = recompile(vm, &text, &wanted)?;
    let bytes = |code: &Py<PyCode>| code.code.instructions.original_bytes();
    (bytes(&found) == bytes(code)).then_some(text)
}

fn text_of_file(path: &str) -> Option<String> {
    let is_short = |length| length <= SOURCE_BYTES_MAX as u64;
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || !is_short(metadata.len()) {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

fn is_entered(path: &str) -> bool {
    path.starts_with('<') && path.ends_with('>') && !path.starts_with("<frozen")
}

fn cached(vm: &VirtualMachine, path: &str) -> Option<PyRef<PyTuple>> {
    let cache = vm.import("linecache", 0).ok()?.get_attr("cache", vm).ok()?;
    let entry = cache.downcast_ref::<PyDict>()?.get_item_opt(path, vm);
    entry.ok()??.downcast::<PyTuple>().ok()
}

/// Keeps the source of code that arrived, and gives the name that the code has here: another if
/// the name is taken by other source, or may be by a cell of this session.
///
/// # Errors
/// `KeyboardInterrupt`.
pub(super) fn remember(vm: &VirtualMachine, path: &str, text: &str) -> PyResult<String> {
    let path = match is_entered(path) {
        true => path.to_owned(),
        false if text_of_file(path).is_some_and(|there| there == text) => {
            return Ok(path.to_owned());
        }
        // The file isn't here, or is another one by now.
        false => format!("<{}>", path.rsplit('/').next().unwrap_or_default()),
    };
    let is_known = of(vm, &path).is_some_and(|known| known == text);
    let path = if !is_known && Session::of(vm)?.is_cell_name(&path) {
        format!("{} (kept)>", path.trim_end_matches('>'))
    } else {
        path
    };
    let mut name = path.clone();
    const NAMES_MAX: u32 = 1000;
    for copy in 2..NAMES_MAX {
        if cached(vm, &name).is_none() {
            remember_source(vm, &name, text)?;
            break;
        }
        if of(vm, &name).is_some_and(|known| known == text) {
            break;
        }
        name = format!("{} ({copy})>", path.trim_end_matches('>'));
    }
    Ok(name)
}

/// What is known of a function whose bytecode can't be run here.
pub(super) struct Wanted {
    pub path: &'static str,
    pub qualname: &'static str,
    pub first_line: u32,
    pub arguments: Vec<&'static str>,
    pub free_variables: Vec<&'static str>,
}

/// Compiles source again, and finds in it the one code object that is wanted.
pub(super) fn recompile(vm: &VirtualMachine, text: &str, wanted: &Wanted) -> Option<PyRef<PyCode>> {
    let text = transform::transform_cell(text);
    let module = compiling::program(vm, &text, wanted.path).ok()?;
    let mut found = None;
    let mut rest = vec![module];
    while let Some(code) = rest.pop() {
        for constant in constants(&code) {
            if let Ok(nested) = constant.downcast::<PyCode>() {
                rest.push(nested);
            }
        }
        if is_wanted(&code, wanted) && found.replace(code).is_some() {
            return None;
        }
    }
    found
}

fn is_wanted(code: &Py<PyCode>, wanted: &Wanted) -> bool {
    let names = |names: &[&'static rustpython_vm::builtins::PyStrInterned], known: &[&str]| {
        names.len() >= known.len() && names.iter().zip(known).all(|(a, b)| a.as_str() == *b)
    };
    code.qualname.as_str() == wanted.qualname
        && code.first_line_number.map_or(0, |line| line.get() as u32) == wanted.first_line
        && code.freevars.len() == wanted.free_variables.len()
        && names(&code.freevars, &wanted.free_variables)
        && names(&code.varnames, &wanted.arguments)
}

/// The text of a source that was carried.
pub(super) fn text(object: &PyObjectRef) -> Option<&str> {
    object
        .downcast_ref::<PyStr>()
        .and_then(|text| text.to_str())
}
