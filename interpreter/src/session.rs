//! What one interpreter remembers between cells: where output goes, how many cells ran, and what
//! they gave. There is one session per interpreter; Python reaches it as `_rhumba_shell.session`.
//!
//! It runs nothing itself: see `cell`.

use std::fmt;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use parking_lot::RwLock;
use rustpython_vm::builtins::{PyDictRef, PyListRef};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::{
    AsObject, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};

use crate::output::OutputSink;

/// How many values are kept in `Out`, unless the person sets it.
const OUTPUTS_MAX: usize = 1000;

/// The attribute of `sys` that holds the session of this interpreter.
const SESSION_ATTRIBUTE: &str = "_rhumba_session";

#[pyclass(module = "rhumba", name = "Session")]
#[derive(PyPayload)]
pub(crate) struct Session {
    /// The names that cells run with: those of `__main__`, or of where a shell was embedded.
    dict: RwLock<PyDictRef>,
    /// Cells that were counted so far: the number that the last stored cell had, unless a program has set it.
    cell_count: AtomicU32,
    /// The number of the cell that runs, if one does that is counted; else 0.
    running: AtomicU32,
    /// How many values are kept in `Out`; of more, the oldest are let go of.
    outputs_max: AtomicUsize,
    /// The number of the cell whose value `_` is; 0 if there is none yet.
    last_output: AtomicU32,
    /// Cells run without being stored, which are named apart from the stored ones.
    unstored_count: AtomicU64,
    /// Whose cells these are, in the names that tracebacks show; empty in a shell.
    owner: RwLock<String>,
    sink: RwLock<Option<Arc<dyn OutputSink>>>,
    /// Where what is shown goes while a program captures it, the innermost last.
    captures: RwLock<Vec<PyListRef>>,
    /// Whether programs have changed how values are put into text.
    formats_every_result: AtomicBool,
    /// Whether the cell that runs stores its values.
    stores_values: AtomicBool,
    history: OnceLock<History>,
    /// The object that `get_ipython()` returns, made on first use.
    shell: OnceLock<PyObjectRef>,
    /// Names that whoever embeds the interpreter has bound, with what to.
    lent: RwLock<Vec<(String, PyObjectRef)>>,
}

/// The names under which cells and their values are kept.
pub(crate) struct History {
    pub inputs: PyListRef,
    pub outputs: PyDictRef,
    entered: RwLock<Entered>,
}

/// The cells in the order in which they were entered: their numbers needn't count up, as a program
/// may set the next.
#[derive(Default)]
struct Entered {
    cells: Vec<EnteredCell>,
    highest: u32,
}

/// A cell that was entered.
#[derive(Clone)]
pub(crate) struct EnteredCell {
    pub number: u32,
    /// What was put into `In` for it.
    pub input: PyObjectRef,
    /// Whether it has kept a value: that in `Out` is of the last one that has, of those of its number.
    pub has_value: bool,
}

/// Where a cell that was entered has come to stand.
pub(crate) struct Place {
    /// How many cells were entered up to it.
    pub ordinal: u32,
    /// Whether a cell before may have had its number.
    pub is_numbered_again: bool,
}

impl History {
    /// Keeps what was entered.
    pub(crate) fn add(&self, number: u32, input: PyObjectRef) -> Place {
        self.inputs.borrow_vec_mut().push(input.clone());
        let mut entered = self.entered.write();
        entered.cells.push(EnteredCell {
            number,
            input,
            has_value: false,
        });
        let is_numbered_again = number <= entered.highest;
        entered.highest = entered.highest.max(number);
        Place {
            ordinal: u32::try_from(entered.cells.len()).unwrap_or(u32::MAX),
            is_numbered_again,
        }
    }

    /// Notes that the last cell of this number has kept a value.
    pub(crate) fn note_value(&self, number: u32) {
        let mut entered = self.entered.write();
        let mut newest_first = entered.cells.iter_mut().rev();
        if let Some(cell) = newest_first.find(|cell| cell.number == number) {
            cell.has_value = true;
        }
    }

    /// All cells that were entered, in their order.
    pub(crate) fn entered(&self) -> Vec<EnteredCell> {
        self.entered.read().cells.clone()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("cell_count", &self.cell_count)
            .finish_non_exhaustive()
    }
}

#[pyclass]
impl Session {}

impl Session {
    /// The session of this interpreter, made with a fresh `__main__` if there is none yet.
    pub(crate) fn of(vm: &VirtualMachine) -> PyResult<PyRef<Self>> {
        if let Ok(found) = vm.sys_module.get_attr(SESSION_ATTRIBUTE, vm)
            && let Ok(session) = found.downcast::<Self>()
        {
            return Ok(session);
        }
        let class = Self::make_static_type();
        let scope = vm.new_scope_with_main()?;
        let session = PyRef::new_ref(
            Self {
                dict: RwLock::new(scope.globals),
                cell_count: AtomicU32::new(0),
                running: AtomicU32::new(0),
                outputs_max: AtomicUsize::new(OUTPUTS_MAX),
                last_output: AtomicU32::new(0),
                unstored_count: AtomicU64::new(0),
                owner: RwLock::new(String::new()),
                sink: RwLock::new(None),
                captures: RwLock::new(Vec::new()),
                formats_every_result: AtomicBool::new(false),
                stores_values: AtomicBool::new(false),
                history: OnceLock::new(),
                shell: OnceLock::new(),
                lent: RwLock::new(Vec::new()),
            },
            class,
            None,
        );
        vm.sys_module
            .set_attr(vm.ctx.intern_str(SESSION_ATTRIBUTE), session.clone(), vm)?;
        // The runtime makes two functions of these; as one, it can be told whether a program has
        // put its own hook in the place of the standard one.
        let hook = vm.sys_module.get_attr("displayhook", vm)?;
        vm.sys_module
            .set_attr(vm.ctx.intern_str("__displayhook__"), hook, vm)?;
        Ok(session)
    }

    pub(crate) fn dict(&self) -> PyDictRef {
        self.dict.read().clone()
    }

    /// Makes cells run with other names from now on, and gives those they had.
    pub(crate) fn swap_dict(&self, dict: PyDictRef) -> PyDictRef {
        std::mem::replace(&mut self.dict.write(), dict)
    }

    pub(crate) fn sink(&self) -> Option<Arc<dyn OutputSink>> {
        self.sink.read().clone()
    }

    pub(crate) fn set_sink(&self, sink: Arc<dyn OutputSink>) {
        *self.sink.write() = Some(sink);
    }

    /// The list that takes what is shown, while a program captures it.
    pub(crate) fn captures(&self) -> Option<PyListRef> {
        self.captures.read().last().cloned()
    }

    pub(crate) fn begin_capture(&self, captured: PyListRef) {
        self.captures.write().push(captured);
    }

    pub(crate) fn is_capturing(&self) -> bool {
        !self.captures.read().is_empty()
    }

    pub(crate) fn end_capture(&self) {
        self.captures.write().pop();
    }

    pub(crate) fn formats_every_result(&self) -> bool {
        self.formats_every_result.load(Ordering::Relaxed)
    }

    pub(crate) fn format_every_result(&self) {
        self.formats_every_result.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stores_values(&self) -> bool {
        self.stores_values.load(Ordering::Relaxed)
    }

    /// Sets whether values are stored from now on, and gives whether they were.
    pub(crate) fn swap_stores_values(&self, stores: bool) -> bool {
        self.stores_values.swap(stores, Ordering::Relaxed)
    }

    pub(crate) fn swap_sink(&self, sink: Option<Arc<dyn OutputSink>>) {
        *self.sink.write() = sink;
    }

    pub(crate) fn cell_count(&self) -> u32 {
        self.cell_count.load(Ordering::Relaxed)
    }

    pub(crate) fn next_cell(&self) -> u32 {
        self.cell_count.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Sets the number of the cell that runs and is counted, 0 for none, and gives what it was.
    pub(crate) fn swap_running(&self, number: u32) -> u32 {
        self.running.swap(number, Ordering::Relaxed)
    }

    /// Whether a cell runs that is counted: nobody types one meanwhile.
    pub(crate) fn is_counting(&self) -> bool {
        self.running.load(Ordering::Relaxed) != 0
    }

    /// The number of the cell that runs, whatever it has set the next one's to; else of the last one.
    pub(crate) fn current_count(&self) -> u32 {
        match self.running.load(Ordering::Relaxed) {
            0 => self.cell_count(),
            running => running,
        }
    }

    /// The number that the next cell will have.
    pub(crate) fn execution_count(&self) -> u32 {
        self.cell_count() + 1
    }

    pub(crate) fn set_execution_count(&self, number: u32) {
        let count = number.saturating_sub(1);
        self.cell_count.store(count, Ordering::Relaxed);
    }

    pub(crate) fn outputs_max(&self) -> usize {
        self.outputs_max.load(Ordering::Relaxed)
    }

    pub(crate) fn set_outputs_max(&self, count: usize) {
        self.outputs_max.store(count, Ordering::Relaxed);
    }

    /// Notes whose value `_` is from now on, and gives whose it was.
    pub(crate) fn swap_last_output(&self, count: u32) -> u32 {
        self.last_output.swap(count, Ordering::Relaxed)
    }

    pub(crate) fn set_owner(&self, owner: &str) {
        *self.owner.write() = if owner.is_empty() {
            String::new()
        } else {
            format!("{owner} ")
        };
    }

    /// The file name of a stored cell: `<cell 3>`, or `<engine 2 cell 3>`.
    pub(crate) fn cell_name(&self, count: u32) -> String {
        format!("<{}cell {count}>", self.owner.read())
    }

    /// The file name of the next cell that isn't stored: `<input 3>`.
    pub(crate) fn unstored_cell_name(&self) -> String {
        let number = self.unstored_count.fetch_add(1, Ordering::Relaxed) + 1;
        format!("<{}input {number}>", self.owner.read())
    }

    /// Whether a file name is one that a cell of this session has, or a later one may get.
    pub(crate) fn is_cell_name(&self, name: &str) -> bool {
        let owner = self.owner.read();
        let number = name
            .strip_prefix('<')
            .and_then(|name| name.strip_prefix(owner.as_str())?.strip_suffix('>'))
            .and_then(|name| name.strip_prefix("cell ").or(name.strip_prefix("input ")));
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    }

    pub(crate) fn shell(&self, vm: &VirtualMachine) -> PyResult<PyObjectRef> {
        if let Some(shell) = self.shell.get() {
            return Ok(shell.clone());
        }
        crate::bridge::install_get_ipython(vm)?;
        let module = import(vm, "rhumba.shell")?;
        let made = module.get_attr("Shell", vm)?.call((), vm)?;
        Ok(self.shell.get_or_init(|| made).clone())
    }

    /// The shell, if anything has asked for it yet.
    pub(crate) fn shell_if_made(&self) -> Option<&PyObjectRef> {
        self.shell.get()
    }

    /// `In`, `Out` and their short names, put into the namespace on first use.
    pub(crate) fn history(&self, vm: &VirtualMachine) -> PyResult<&History> {
        if let Some(history) = self.history.get() {
            return Ok(history);
        }
        // In[0] is never a cell: cells are counted from one.
        let inputs = vm.ctx.new_list(vec![vm.ctx.new_str("").into()]);
        let outputs = vm.ctx.new_dict();
        for name in ["In", "_ih"] {
            self.dict().set_item(name, inputs.clone().into(), vm)?;
        }
        for name in ["Out", "_oh"] {
            self.dict().set_item(name, outputs.clone().into(), vm)?;
        }
        for name in LAST_NAMES {
            self.dict().set_item(name, vm.ctx.new_str("").into(), vm)?;
        }
        // The folders that were worked in, this one first; `%cd` adds to it.
        let folder = std::env::current_dir().unwrap_or_default();
        let folder = vm.ctx.new_str(folder.to_string_lossy());
        let folders = vm.ctx.new_list(vec![folder.into()]);
        self.dict().set_item("_dh", folders.into(), vm)?;
        Ok(self.history.get_or_init(|| History {
            inputs,
            outputs,
            entered: RwLock::default(),
        }))
    }

    pub(crate) fn history_if_made(&self) -> Option<&History> {
        self.history.get()
    }

    pub(crate) fn lend(&self, name: &str, object: PyObjectRef) {
        self.lent.write().push((name.to_owned(), object));
    }

    /// Whether the name is bound to what it was lent as.
    pub(crate) fn is_lent(&self, name: &str, object: &PyObject) -> bool {
        let lent = self.lent.read();
        lent.iter()
            .any(|(lent_name, lent_object)| lent_name == name && lent_object.is(object))
    }

    pub(crate) fn is_shell_name(name: &str) -> bool {
        matches!(name, "In" | "Out" | "_ih" | "_oh" | "_dh") || LAST_NAMES.contains(&name)
    }
}

/// The names of the last three inputs and outputs.
pub(crate) const LAST_NAMES: [&str; 6] = ["_", "__", "___", "_i", "_ii", "_iii"];

/// Imports a module by its full dotted name and returns that module, not the outermost one.
pub(crate) fn import(vm: &VirtualMachine, name: &str) -> PyResult<PyObjectRef> {
    let outermost = vm.import(&vm.ctx.new_str(name), 0)?;
    if !name.contains('.') {
        return Ok(outermost);
    }
    vm.sys_module.get_attr("modules", vm)?.get_item(name, vm)
}
