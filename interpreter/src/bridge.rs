//! The native module `_rhumba_shell`: what the frozen Python of the shell asks of Rust, and the
//! two names that every cell can use, `get_ipython` and `display`.

pub(crate) use _rhumba_shell::module_def;

use rustpython_vm::VirtualMachine;

/// Makes every forked child draw random numbers of its own.
///
/// The runtime seeds `random.Random` from a generator of the thread, which a child inherits as it
/// stands: without this, all engines of a host would draw the same. It is the first of the hooks,
/// so that those of Python modules find the generator fresh.
pub(crate) fn reseed_after_fork(vm: &VirtualMachine) {
    let reseed = vm.new_function("reseed", _rhumba_shell::reseed);
    vm.state.after_forkers_child.lock().insert(0, reseed.into());
}

/// Puts `get_ipython` and `display` among the builtins, so that no namespace holds them.
pub(crate) fn install_builtins(vm: &VirtualMachine) {
    let get_ipython = vm.new_function("get_ipython", _rhumba_shell::get_ipython);
    let display = vm.new_function("display", _rhumba_shell::display);
    for (name, function) in [("get_ipython", get_ipython), ("display", display)] {
        vm.builtins
            .set_attr(vm.ctx.intern_str(name), function, vm)
            .expect("the builtins of a new interpreter take a name");
    }
}

#[rustpython_vm::pymodule]
#[allow(
    clippy::unwrap_used,
    reason = "the macro unwraps what it does with attributes"
)]
mod _rhumba_shell {
    use rustpython_vm::builtins::{PyDictRef, PyListRef, PyStrRef, PyTypeRef};
    use rustpython_vm::function::{FuncArgs, OptionalArg};
    use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

    use crate::cell::{self, CellOptions};
    use crate::namespace::Namespace;
    use crate::session::{self, Session};
    use crate::{completion, introspection, output, snapshot, transform};

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
    #[pyfunction]
    pub(super) fn display(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
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

    /// Hands the forms of one displayed object, by MIME type, to the output sink.
    #[pyfunction]
    fn publish(data: PyDictRef, vm: &VirtualMachine) -> PyResult<()> {
        let mut forms = Vec::with_capacity(data.__len__());
        for (kind, text) in data.items_vec() {
            let kind = kind.str(vm)?.to_string_lossy().into_owned();
            let text = text.str(vm)?.to_string_lossy().into_owned();
            forms.push((kind, text));
        }
        output::display(vm, &forms)
    }

    #[pyfunction]
    fn namespace(vm: &VirtualMachine) -> PyDictRef {
        Namespace::new(vm).dict().clone()
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

    #[pyfunction]
    fn cell_count(vm: &VirtualMachine) -> PyResult<u32> {
        Ok(Session::of(vm)?.cell_count())
    }

    #[pyfunction]
    fn transform_cell(source: PyStrRef, vm: &VirtualMachine) -> PyObjectRef {
        let text = transform::transform_cell(&source.to_string_lossy()).into_owned();
        vm.ctx.new_str(text).into()
    }

    /// Runs a cell; gives its number, its value and its exception.
    #[pyfunction]
    fn run_cell(
        source: PyStrRef,
        silent: bool,
        store: bool,
        name: OptionalArg<PyStrRef>,
        vm: &VirtualMachine,
    ) -> (u32, PyObjectRef, PyObjectRef) {
        let options = CellOptions {
            name: name
                .into_option()
                .map(|name| name.to_string_lossy().into_owned()),
            silent,
            store,
        };
        let namespace = Namespace::new(vm);
        let outcome = cell::run_cell(vm, &namespace, &source.to_string_lossy(), options);
        let value = outcome.value.unwrap_or_else(|| vm.ctx.none());
        let failure = outcome.failure.map_or_else(|| vm.ctx.none(), Into::into);
        (outcome.count, value, failure)
    }

    #[pyfunction]
    fn inspect(expression: PyStrRef, detail: bool, vm: &VirtualMachine) -> PyResult<String> {
        let namespace = Namespace::new(vm);
        introspection::inspect(vm, &namespace, &expression.to_string_lossy(), detail)
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
