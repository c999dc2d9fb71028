//! The native module `_rhumba_shell`: what the frozen Python of the shell asks of Rust, and the
//! two names that every cell can use, `get_ipython` and `display`; programs have the second only.

pub(crate) use _rhumba_shell::module_def;

use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

/// Makes every forked child draw random numbers of its own.
///
/// The runtime seeds `random.Random` from a generator of the thread, which a child inherits as it
/// stands: without this, all engines of a host would draw the same. It is the first of the hooks,
/// so that those of Python modules find the generator fresh.
pub(crate) fn reseed_after_fork(vm: &VirtualMachine) {
    let reseed = vm.new_function("reseed", _rhumba_shell::reseed);
    vm.state.after_forkers_child.lock().insert(0, reseed.into());
}

/// Puts `display` among the builtins, so that no namespace holds it.
pub(crate) fn install_builtins(vm: &VirtualMachine) {
    let display = vm.new_function("display", _rhumba_shell::display_objects);
    vm.builtins
        .set_attr(vm.ctx.intern_str("display"), display, vm)
        .expect("the builtins of a new interpreter take a name");
}

/// Puts `get_ipython` among the builtins, where there is a shell: programs tell by its lack that
/// there is none.
pub(crate) fn install_get_ipython(vm: &VirtualMachine) -> PyResult<()> {
    const NAME: &str = "get_ipython";
    if vm.builtins.dict().contains_key(NAME, vm) {
        return Ok(());
    }
    let function = vm.new_function(NAME, _rhumba_shell::get_ipython);
    vm.builtins.set_attr(vm.ctx.intern_str(NAME), function, vm)
}

/// Makes `sys.displayhook` show values as those of cells are shown.
pub(crate) fn install_displayhook(vm: &VirtualMachine) -> PyResult<()> {
    let hook: PyObjectRef = vm
        .new_function("displayhook", _rhumba_shell::displayhook)
        .into();
    for name in ["displayhook", "__displayhook__"] {
        vm.sys_module
            .set_attr(vm.ctx.intern_str(name), hook.clone(), vm)?;
    }
    Ok(())
}

#[rustpython_vm::pymodule]
#[allow(
    clippy::unwrap_used,
    reason = "the macro unwraps what it does with attributes"
)]
mod _rhumba_shell {
    use rustpython_vm::builtins::{PyBaseExceptionRef, PyDictRef, PyListRef, PyStrRef, PyTypeRef};
    use rustpython_vm::function::{FuncArgs, OptionalArg};
    use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

    use crate::cell::{self, CellOptions};
    use crate::evaluation::{self, Value};
    use crate::lookup::{self, Found};
    use crate::namespace::Namespace;
    use crate::preferences::Preferences;
    use crate::session::{self, Session};
    use crate::transform::Completeness;
    use crate::{completion, display, introspection, snapshot, transform};

    /// The version of rhumba.
    #[pyattr]
    const VERSION: &str = env!("CARGO_PKG_VERSION");

    #[pyattr(name = "SnapshotError")]
    fn snapshot_error(_vm: &VirtualMachine) -> PyTypeRef {
        snapshot::snapshot_error_type().clone()
    }

    /// The shell object of this session; None in a program that no shell runs.
    #[pyfunction]
    pub(super) fn get_ipython(vm: &VirtualMachine) -> PyResult {
        let session = Session::of(vm)?;
        if session.shell_if_made().is_none() && session.sink().is_none() {
            return Ok(vm.ctx.none());
        }
        session.shell(vm)
    }

    /// Shows objects in the richest form that whoever looks can render.
    #[pyfunction(name = "display")]
    pub(super) fn display_objects(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        session::import(vm, "rhumba._display")?
            .get_attr("display", vm)?
            .call(args, vm)
    }

    /// Takes fresh entropy from the system for the random numbers of this thread.
    #[pyfunction]
    pub(super) fn reseed(vm: &VirtualMachine) -> PyResult<()> {
        rand::rng().reseed().map_err(|failure| {
            vm.new_os_error(format!("the system gives no randomness: {failure}"))
        })
    }

    /// Whether a cell runs, rather than that one is typed.
    #[pyfunction]
    fn is_cell_running(vm: &VirtualMachine) -> PyResult<bool> {
        Ok(Session::of(vm)?.is_counting())
    }

    /// Hands the forms of one displayed object, by MIME type, to the output sink.
    #[pyfunction]
    fn publish(
        data: PyDictRef,
        metadata: PyDictRef,
        id: Option<PyStrRef>,
        is_update: bool,
        vm: &VirtualMachine,
    ) -> PyResult<()> {
        let id = id.map(|id| id.to_string_lossy().into_owned());
        display::publish(vm, &data, &metadata, id, is_update)
    }

    /// The MIME types that somebody sees of what is shown now; None if it may be all of them.
    #[pyfunction]
    fn shown_kinds(vm: &VirtualMachine) -> PyResult {
        let session = Session::of(vm)?;
        let shown = match (session.captures(), session.sink()) {
            (None, Some(sink)) => sink.shown_kinds(),
            (None, None) => Some(&["text/plain"][..]),
            (Some(_), _) => None,
        };
        Ok(match shown {
            Some(kinds) => {
                let kinds = kinds.iter().map(|kind| vm.ctx.new_str(*kind).into());
                vm.ctx.new_tuple(kinds.collect()).into()
            }
            None => vm.ctx.none(),
        })
    }

    #[pyfunction]
    fn clear_output(wait: bool, vm: &VirtualMachine) -> PyResult<()> {
        display::clear(vm, wait)
    }

    /// Sends what is displayed from now on to a list; ends with `end_capture`.
    #[pyfunction]
    fn begin_capture(captured: PyListRef, vm: &VirtualMachine) -> PyResult<()> {
        Session::of(vm)?.begin_capture(captured);
        Ok(())
    }

    #[pyfunction]
    fn end_capture(vm: &VirtualMachine) -> PyResult<()> {
        Session::of(vm)?.end_capture();
        Ok(())
    }

    /// Notes that values are put into text in another way than usual.
    #[pyfunction]
    fn format_every_result(vm: &VirtualMachine) -> PyResult<()> {
        Session::of(vm)?.format_every_result();
        Ok(())
    }

    /// Shows a value as that of a cell is shown; what `sys.displayhook` is in a session.
    #[pyfunction]
    pub(super) fn displayhook(value: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
        if vm.is_none(&value) {
            return Ok(());
        }
        let session = Session::of(vm)?;
        let count = session.current_count();
        display::result(vm, &session, count, &value)?;
        if session.stores_values() {
            cell::store_value(vm, &session, count, &value)?;
        }
        Ok(())
    }

    #[pyfunction]
    fn namespace(vm: &VirtualMachine) -> PyDictRef {
        Namespace::new(vm).dict().clone()
    }

    /// The shell object of this session, made if there is none yet.
    #[pyfunction]
    fn shell(vm: &VirtualMachine) -> PyResult {
        Session::of(vm)?.shell(vm)
    }

    /// Makes cells run with the names of a dict from now on; gives the dict that they had.
    #[pyfunction]
    fn swap_namespace(names: PyDictRef, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        Ok(Session::of(vm)?.swap_dict(names))
    }

    #[pyfunction]
    fn names(vm: &VirtualMachine) -> PyListRef {
        let names = Namespace::new(vm).names();
        let names = names.into_iter().map(|name| vm.ctx.new_str(name).into());
        vm.ctx.new_list(names.collect())
    }

    #[pyfunction]
    fn clear(vm: &VirtualMachine) -> PyResult<()> {
        Namespace::new(vm).clear(vm)
    }

    #[pyfunction]
    fn inputs(vm: &VirtualMachine) -> PyResult<PyListRef> {
        Ok(Session::of(vm)?.history(vm)?.inputs.clone())
    }

    /// The cells that were entered, in their order: the number of each, what was put into `In` for
    /// it, and whether it has kept a value.
    #[pyfunction]
    fn entered_cells(vm: &VirtualMachine) -> PyResult<PyListRef> {
        let entered = Session::of(vm)?.history(vm)?.entered();
        let rows = entered.into_iter().map(|cell| -> PyObjectRef {
            let row = vec![
                vm.ctx.new_int(cell.number).into(),
                cell.input,
                vm.ctx.new_bool(cell.has_value).into(),
            ];
            vm.ctx.new_tuple(row).into()
        });
        Ok(vm.ctx.new_list(rows.collect()))
    }

    /// How many values `Out` keeps.
    #[pyfunction]
    fn cache_size(vm: &VirtualMachine) -> PyResult<usize> {
        Ok(Session::of(vm)?.outputs_max())
    }

    #[pyfunction]
    fn set_cache_size(count: usize, vm: &VirtualMachine) -> PyResult<()> {
        Session::of(vm)?.set_outputs_max(count);
        Ok(())
    }

    /// The number that the next cell will have.
    #[pyfunction]
    fn execution_count(vm: &VirtualMachine) -> PyResult<u32> {
        Ok(Session::of(vm)?.execution_count())
    }

    #[pyfunction]
    fn set_execution_count(number: u32, vm: &VirtualMachine) -> PyResult<()> {
        Session::of(vm)?.set_execution_count(number);
        Ok(())
    }

    /// The number of the cell that runs; else of the last one.
    #[pyfunction]
    fn cell_count(vm: &VirtualMachine) -> PyResult<u32> {
        Ok(Session::of(vm)?.current_count())
    }

    /// A cell without prompts, indentation and foreign line ends.
    #[pyfunction]
    fn unpasted(source: PyStrRef, vm: &VirtualMachine) -> PyObjectRef {
        let text = transform::unpasted(&source.to_string_lossy()).into_owned();
        vm.ctx.new_str(text).into()
    }

    /// "complete", "incomplete" or "invalid", and how far to indent the next line.
    #[pyfunction]
    fn check_complete(source: PyStrRef) -> (&'static str, usize) {
        match transform::completeness(&source.to_string_lossy()) {
            Completeness::Complete => ("complete", 0),
            Completeness::Incomplete { indent } => ("incomplete", indent),
            Completeness::Invalid(_) => ("invalid", 0),
        }
    }

    #[pyfunction]
    fn transform_cell(source: PyStrRef, vm: &VirtualMachine) -> PyObjectRef {
        let text = transform::transform_cell(&source.to_string_lossy()).into_owned();
        vm.ctx.new_str(text).into()
    }

    /// Runs a cell, and has the shell show its exception; gives its number, its value, its
    /// exception, and whether it ran at all. With a name and a number of lines it is the part of the
    /// cell of that name that has so many lines above it.
    #[pyfunction]
    fn run_cell(
        source: PyStrRef,
        silent: bool,
        store: bool,
        name: OptionalArg<PyStrRef>,
        lines_above: OptionalArg<usize>,
        vm: &VirtualMachine,
    ) -> PyResult<(u32, PyObjectRef, PyObjectRef, bool)> {
        let options = CellOptions {
            name: name
                .into_option()
                .map(|name| name.to_string_lossy().into_owned()),
            silent,
            store,
            keeps_value: !silent,
            lines_above: lines_above.unwrap_or(0),
        };
        let namespace = Namespace::new(vm);
        let session = Session::of(vm)?;
        let mut shown: PyResult<()> = Ok(());
        let mut show = |failure: &PyBaseExceptionRef| {
            if let Some(shell) = session.shell_if_made()
                && !silent
                && shown.is_ok()
            {
                let told = vm.call_method(shell, "_show_failure", (failure.clone(),));
                shown = told.map(drop);
            }
        };
        let source = source.to_string_lossy();
        let outcome = cell::run_cell_telling(vm, &namespace, &source, options, &mut show);
        shown?;
        let value = outcome.value.unwrap_or_else(|| vm.ctx.none());
        let failure = outcome.failure.map_or_else(|| vm.ctx.none(), Into::into);
        Ok((outcome.count, value, failure, outcome.began))
    }

    /// The magic or the call that a cell of one line stands for by the names that are there, or the cell.
    #[pyfunction]
    fn meant(source: PyStrRef, vm: &VirtualMachine) -> PyResult<PyStrRef> {
        let session = Session::of(vm)?;
        let preferences = Preferences::of(vm, &session)?;
        let namespace = Namespace::new(vm);
        let text = source.to_string_lossy();
        Ok(match preferences.stands_for(vm, &namespace, &text) {
            Some(meant) => {
                let line_end = &text[text.trim_end_matches('\n').len()..];
                vm.ctx.new_str(format!("{meant}{line_end}"))
            }
            None => source,
        })
    }

    #[pyfunction]
    fn inspect(expression: PyStrRef, detail: bool, vm: &VirtualMachine) -> PyResult<String> {
        let namespace = Namespace::new(vm);
        introspection::inspect(vm, &namespace, &expression.to_string_lossy(), detail)
    }

    /// What an expression stands for as far as that runs no code: whether it was found, and what.
    #[pyfunction]
    fn find(expression: PyStrRef, vm: &VirtualMachine) -> (bool, PyObjectRef) {
        let namespace = Namespace::new(vm);
        match evaluation::evaluate(vm, &namespace, &expression.to_string_lossy()) {
            Some(
                Value::Object(object)
                | Value::Unread {
                    descriptor: object, ..
                },
            ) => (true, object),
            Some(Value::Instance(_) | Value::Typed(_)) | None => (false, vm.ctx.none()),
        }
    }

    /// The attributes of an object with what they are, found without running code.
    #[pyfunction]
    fn attributes(object: PyObjectRef, vm: &VirtualMachine) -> PyResult<PyDictRef> {
        let found = vm.ctx.new_dict();
        for name in lookup::attribute_names(&object) {
            let value = match lookup::attribute(vm, &object, &name) {
                Some(Found::Object(value) | Found::Unread(value)) => value,
                None => continue,
            };
            found.set_item(name.as_str(), value, vm)?;
        }
        Ok(found)
    }

    #[pyfunction]
    fn complete(code: PyStrRef, cursor: usize, vm: &VirtualMachine) -> (usize, PyListRef) {
        let namespace = Namespace::new(vm);
        let found = completion::complete(vm, &namespace, &code.to_string_lossy(), cursor);
        let matches = found.matches.into_iter();
        let matches = matches.map(|text| vm.ctx.new_str(text).into()).collect();
        (found.start, vm.ctx.new_list(matches))
    }
}
