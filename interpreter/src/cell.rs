//! Runs a cell: transforms its magics, compiles it, runs every statement, and shows the value of
//! its last expression.
//!
//! An exception, `SystemExit` included, is an outcome here and never ends the process. Turning it
//! into text is `failure`'s work; asking whether source is complete is `transform`'s.

use std::borrow::{Borrow, Cow};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PyStr};
use rustpython_vm::compiler::Mode;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::namespace::Namespace;
use crate::session::Session;
use crate::transform;

/// How a cell is run.
#[derive(Clone, Debug, Default)]
pub struct CellOptions {
    /// The file name that tracebacks show; by default `<cell N>`, or `<input N>` if not stored.
    pub name: Option<String>,
    /// Whether the value of the last expression is kept from the output.
    pub silent: bool,
    /// Whether the cell is counted and kept: in `In`, `Out`, `_`, `_N` and their like.
    pub store: bool,
}

/// What running a cell gave.
#[derive(Debug)]
pub struct CellOutcome {
    /// The number of the cell if it was stored, else of the last one that was.
    pub count: u32,
    /// The value of the last statement, if that is an expression without a semicolon after it.
    pub value: Option<PyObjectRef>,
    /// What ended the cell early.
    pub failure: Option<PyBaseExceptionRef>,
}

/// Runs a cell in the namespace. Output goes to the sink as it is made.
pub fn run_cell(
    vm: &VirtualMachine,
    namespace: &Namespace,
    source: &str,
    options: CellOptions,
) -> CellOutcome {
    let session = namespace.session();
    let count = if options.store {
        session.next_cell()
    } else {
        session.cell_count()
    };
    if options.store {
        trigger(vm, session, "pre_execute");
        trigger(vm, session, "pre_run_cell");
    }
    let ran = store_input(vm, session, source, count, options.store)
        .and_then(|()| run(vm, namespace, source, count, &options));
    if options.store {
        trigger(vm, session, "post_execute");
        trigger(vm, session, "post_run_cell");
    }
    match ran {
        Ok(value) => CellOutcome {
            count,
            value,
            failure: None,
        },
        Err(failure) => {
            if options.store {
                remember_failure(vm, &failure);
            }
            CellOutcome {
                count,
                value: None,
                failure: Some(failure),
            }
        }
    }
}

fn run(
    vm: &VirtualMachine,
    namespace: &Namespace,
    source: &str,
    count: u32,
    options: &CellOptions,
) -> PyResult<Option<PyObjectRef>> {
    let session = namespace.session();
    let replaced;
    let source = if options.store {
        match hook_input(vm, session, source)? {
            Hooked::Unchanged => source,
            Hooked::Handled => return Ok(None),
            Hooked::Replaced(text) => {
                replaced = text;
                replaced.as_str()
            }
        }
    } else {
        source
    };
    let name = options.name.clone().unwrap_or_else(|| {
        if options.store {
            session.cell_name(count)
        } else {
            session.unstored_cell_name()
        }
    });
    let code = transform::transform_cell(source);
    if matches!(code, Cow::Owned(_)) {
        // What a magic becomes is a call of the shell.
        session.shell(vm)?;
    }
    let last = transform::last_statement(&code);
    let mode = match last {
        transform::LastStatement::Expression { .. } => Mode::BlockExpr,
        transform::LastStatement::Other => Mode::Exec,
    };
    // The lines a person wrote, not what they were made into: both have the same numbers.
    remember_source(vm, &name, source)?;
    let code = vm
        .compile(&code, mode, name.as_str())
        .map_err(|failure| failure.into_pyexception(vm, Some(&code)));
    let result = code.and_then(|code| {
        let keeps_source = options.store || defines_code(&code);
        let scope = Scope::with_builtins(None, namespace.dict().clone(), vm);
        let value = vm.run_code_obj(code, scope);
        if value.is_ok() && !keeps_source {
            forget_source(vm, &name);
        }
        value
    });
    let value = result?;
    if last != (transform::LastStatement::Expression { shown: true }) {
        return Ok(None);
    }
    if !vm.is_none(&value) && !options.silent {
        show_value(vm, session, &value, count, options.store)?;
    }
    Ok(Some(value))
}

/// What the shell's `input_hook` made of the source.
enum Hooked {
    Unchanged,
    Handled,
    Replaced(String),
}

/// Offers the source to the shell's `input_hook`, by which `%autopx` sends cells elsewhere.
fn hook_input(vm: &VirtualMachine, session: &Session, source: &str) -> PyResult<Hooked> {
    // A shell that nothing has asked for yet can have no hook.
    let Some(shell) = session.shell_if_made() else {
        return Ok(Hooked::Unchanged);
    };
    let hook = shell.get_attr("input_hook", vm)?;
    if vm.is_none(&hook) {
        return Ok(Hooked::Unchanged);
    }
    let answer = hook.call((vm.ctx.new_str(source),), vm)?;
    match answer.downcast_ref::<PyStr>() {
        Some(text) => Ok(Hooked::Replaced(text.to_string_lossy().into_owned())),
        None => Ok(Hooked::Handled),
    }
}

/// Runs what programs have registered for a moment around each cell. It shows its own failures.
fn trigger(vm: &VirtualMachine, session: &Session, event: &str) {
    let Some(shell) = session.shell_if_made() else {
        return;
    };
    let triggered = shell
        .get_attr("events", vm)
        .and_then(|events| vm.call_method(&events, "trigger", (vm.ctx.new_str(event),)));
    // Code may have put something else in the place of the events: the cell doesn't need them.
    drop(triggered);
}

/// Shows the value of an expression as `sys.displayhook` should, and stores it if asked to.
fn show_value(
    vm: &VirtualMachine,
    session: &Session,
    value: &PyObjectRef,
    count: u32,
    store: bool,
) -> PyResult<()> {
    let hook = vm.sys_module.get_attr("displayhook", vm)?;
    let standard = vm.sys_module.get_attr("__displayhook__", vm)?;
    if !hook.is(&standard) {
        hook.call((value.clone(),), vm)?;
    } else {
        let text = value.repr(vm)?;
        let text = text.to_string_lossy();
        match session.sink() {
            Some(sink) => vm.allow_threads(|| sink.cell_result(count, &text)),
            None => crate::output::write_stdout(vm, &format!("{text}\n"))?,
        }
    }
    if store {
        store_value(vm, session, value, count)?;
    }
    Ok(())
}

fn store_value(
    vm: &VirtualMachine,
    session: &Session,
    value: &PyObjectRef,
    count: u32,
) -> PyResult<()> {
    let history = session.history(vm)?;
    let dict = session.dict();
    history
        .outputs
        .set_item(vm.ctx.new_int(count).as_object(), value.clone(), vm)?;
    for (older, newer) in [("___", "__"), ("__", "_")] {
        if let Some(moved) = dict.get_item_opt(newer, vm)? {
            dict.set_item(older, moved, vm)?;
        }
    }
    dict.set_item("_", value.clone(), vm)?;
    dict.set_item(format!("_{count}").as_str(), value.clone(), vm)
}

fn store_input(
    vm: &VirtualMachine,
    session: &Session,
    source: &str,
    count: u32,
    store: bool,
) -> PyResult<()> {
    if !store {
        return Ok(());
    }
    // A cell that is stored is one that a person sees: what asks whether there is a shell must
    // find it from the first cell on.
    session.shell(vm)?;
    let history = session.history(vm)?;
    let dict = session.dict();
    let text: PyObjectRef = vm.ctx.new_str(source).into();
    for (older, newer) in [("_iii", "_ii"), ("_ii", "_i")] {
        if let Some(moved) = dict.get_item_opt(newer, vm)? {
            dict.set_item(older, moved, vm)?;
        }
    }
    // `_i` is the last input, not the one being run.
    let last = history.inputs.borrow_vec().last().cloned();
    if let Some(last) = last {
        dict.set_item("_i", last, vm)?;
    }
    dict.set_item(format!("_i{count}").as_str(), text.clone(), vm)?;
    history.inputs.borrow_vec_mut().push(text);
    Ok(())
}

/// Whether the code holds code that may outlive its run: functions, classes, lambdas, generators.
fn defines_code(code: &PyRef<PyCode>) -> bool {
    code.code.constants.iter().any(|constant| {
        let constant: &PyObject = constant.borrow();
        constant.downcast_ref::<PyCode>().is_some()
    })
}

/// Puts the source where tracebacks and `inspect` look lines up.
///
/// # Errors
/// `KeyboardInterrupt`. That code has broken the cache keeps no cell from running.
pub(crate) fn remember_source(vm: &VirtualMachine, name: &str, source: &str) -> PyResult<()> {
    let lines = source
        .lines()
        .map(|line| vm.ctx.new_str(format!("{line}\n")).into())
        .collect();
    let entry = vm.ctx.new_tuple(vec![
        vm.ctx.new_int(source.len()).into(),
        vm.ctx.none(),
        vm.ctx.new_list(lines).into(),
        vm.ctx.new_str(name).into(),
    ]);
    let kept = vm
        .import("linecache", 0)
        .and_then(|module| module.get_attr("cache", vm))
        .and_then(|cache| cache.set_item(name, entry.into(), vm));
    match kept {
        Err(failure) if failure.fast_isinstance(vm.ctx.exceptions.keyboard_interrupt) => {
            Err(failure)
        }
        _ => Ok(()),
    }
}

/// Drops the source of a cell of which nothing is left that could raise.
fn forget_source(vm: &VirtualMachine, name: &str) {
    let dropped = vm
        .import("linecache", 0)
        .and_then(|module| module.get_attr("cache", vm))
        .and_then(|cache| cache.del_item(name, vm));
    // Code may have cleared the cache itself: nothing is left to drop then.
    drop(dropped);
}

/// Sets `sys.last_exc` and its older names, for post-mortem debugging.
fn remember_failure(vm: &VirtualMachine, failure: &PyBaseExceptionRef) {
    if failure.fast_isinstance(vm.ctx.exceptions.system_exit) {
        return;
    }
    let (kind, value, traceback) = vm.split_exception(failure.clone());
    for (name, object) in [
        ("last_exc", value.clone()),
        ("last_type", kind),
        ("last_value", value),
        ("last_traceback", traceback),
    ] {
        // Only a namespace without memory left refuses, and then this is of no use either.
        let _ = vm.sys_module.set_attr(vm.ctx.intern_str(name), object, vm);
    }
}
