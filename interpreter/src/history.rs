//! The cells that were entered, in this session and in those before it.
//!
//! Whoever embeds the interpreter may give it something that keeps them ([`keep_history`]): the
//! interpreter itself knows no folder. Without one, a session remembers its own cells and nothing
//! else. The magics over it are Python, on top of the native module `_rhumba_history`; what they
//! bring back to be edited is handed to whoever asks for cells ([`take_brought_back`]).

pub(crate) use _rhumba_history::module_def;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use parking_lot::Mutex;
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::{PyPayload, PyRef, PyResult, VirtualMachine, pyclass};

use crate::failure::ErrorReport;
use crate::output::{DisplayItem, Stream};

/// The attribute of `sys` that holds what keeps the history.
const KEEPER_ATTRIBUTE: &str = "_rhumba_history_keeper";
/// How long a wait for an answer goes without looking for an interrupt.
const WAIT_SLICE: Duration = Duration::from_millis(50);

/// What is asked of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HistoryQuery {
    /// The lines from `first` up to but without `past` of one session.
    Range {
        session: i64,
        first: u32,
        past: Option<u32>,
    },
    /// The last cells of all sessions.
    Tail { count: u32 },
    /// The cells that a pattern with `*`, `?` and `[…]` matches as a whole; of several with the same
    /// text only the last where they are to be unique.
    Search {
        pattern: String,
        count: Option<u32>,
        unique: bool,
    },
}

/// A cell as a history knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastCell {
    pub session: i64,
    pub line: u32,
    pub source: String,
    /// The text of its result, where one was shown.
    pub output: Option<String>,
}

/// One of the things that a cell has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellOutput {
    Text(Stream, String),
    /// The value of its last expression.
    Result(DisplayItem),
    /// What `display` was given.
    Shown(DisplayItem),
    /// What it failed with.
    Failure(ErrorReport),
}

/// The cells that answer a query, oldest first, or a sentence that says why there is no answer.
pub type HistoryAnswer = Result<Vec<PastCell>, String>;

/// Keeps cells over sessions. Its methods must return at once.
pub trait CellHistory: Send + Sync {
    /// What is shown from now on is that of the `ordinal`-th cell that was entered in this session:
    /// its number may be one that a cell before had.
    fn begin(&self, ordinal: u32);

    /// Remembers a cell of this session as it was entered.
    fn remember(&self, line: u32, source: &str);

    /// Asks for cells; the answer comes when it is there.
    fn ask(&self, query: HistoryQuery) -> Receiver<HistoryAnswer>;

    /// The number of this session. Sessions count up; none has the number before its first cell
    /// is kept.
    fn session(&self) -> Receiver<Result<i64, String>>;

    /// What the `ordinal`-th cell of this session has shown, in order, as far as that is kept.
    fn outputs(&self, ordinal: u32) -> Vec<CellOutput>;

    /// Whether cells that come from now on are kept when this session ends.
    fn keep(&self, is_wanted: bool);

    /// Whether they are.
    fn is_kept(&self) -> bool;
}

/// Hands every stored cell to `history` from now on, and answers the magics from it.
///
/// # Errors
/// What setting an attribute of `sys` raised, which is nothing but a lack of memory.
pub fn keep_history(vm: &VirtualMachine, history: Arc<dyn CellHistory>) -> PyResult<()> {
    // What a person doesn't want kept isn't kept by a shell inside of that one either.
    if Keeper::of(vm).is_some_and(|around| !around.history.is_kept()) {
        history.keep(false);
    }
    let class = Keeper::make_static_type();
    let keeper = PyRef::new_ref(
        Keeper {
            history,
            brought_back: Mutex::new(None),
        },
        class,
        None,
    );
    vm.sys_module
        .set_attr(vm.ctx.intern_str(KEEPER_ATTRIBUTE), keeper, vm)
}

/// What a magic brought back for the next prompt, once.
pub fn take_brought_back(vm: &VirtualMachine) -> Option<String> {
    Keeper::of(vm).and_then(|keeper| keeper.brought_back.lock().take())
}

/// Remembers a stored cell, the `ordinal`-th that was entered, where something keeps them.
pub(crate) fn remember(vm: &VirtualMachine, ordinal: u32, line: u32, source: &str) {
    if let Some(keeper) = Keeper::of(vm) {
        keeper.history.begin(ordinal);
        keeper.history.remember(line, source);
    }
}

#[pyclass(module = "rhumba", name = "HistoryKeeper")]
#[derive(PyPayload)]
struct Keeper {
    history: Arc<dyn CellHistory>,
    brought_back: Mutex<Option<String>>,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keeper").finish_non_exhaustive()
    }
}

#[pyclass]
impl Keeper {}

impl Keeper {
    fn of(vm: &VirtualMachine) -> Option<PyRef<Self>> {
        let found = vm.sys_module.dict().get_item_opt(KEEPER_ATTRIBUTE, vm);
        found.ok()??.downcast::<Self>().ok()
    }
}

/// Waits for an answer, detached, in slices between which an interrupt is noticed.
fn wait<T>(vm: &VirtualMachine, answer: &Receiver<Result<T, String>>) -> PyResult<T> {
    loop {
        match vm.allow_threads(|| answer.recv_timeout(WAIT_SLICE)) {
            Ok(Ok(found)) => return Ok(found),
            Ok(Err(sentence)) => return Err(vm.new_os_error(sentence)),
            Err(RecvTimeoutError::Timeout) => vm.check_signals()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(vm.new_os_error("the history isn't kept any more".to_owned()));
            }
        }
    }
}

#[rustpython_vm::pymodule]
#[allow(
    clippy::unwrap_used,
    reason = "the macro unwraps what it does with attributes"
)]
mod _rhumba_history {
    use rustpython_vm::builtins::{PyListRef, PyStrRef};
    use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

    use super::{CellOutput, DisplayItem, HistoryQuery, Keeper, Stream, wait};

    /// The number of this session, or None where nothing keeps its cells.
    #[pyfunction]
    fn session(vm: &VirtualMachine) -> PyResult {
        match Keeper::of(vm) {
            None => Ok(vm.ctx.none()),
            Some(keeper) => {
                let number = wait(vm, &keeper.history.session())?;
                Ok(vm.ctx.new_int(number).into())
            }
        }
    }

    /// Whether the cells that come are kept when this session ends.
    #[pyfunction]
    fn is_kept(vm: &VirtualMachine) -> bool {
        Keeper::of(vm).is_some_and(|keeper| keeper.history.is_kept())
    }

    /// Sets whether they are, where something keeps cells.
    #[pyfunction]
    fn keep(is_wanted: bool, vm: &VirtualMachine) {
        if let Some(keeper) = Keeper::of(vm) {
            keeper.history.keep(is_wanted);
        }
    }

    /// The cells of a session from `first` up to but without `past`, oldest first.
    #[pyfunction]
    fn range(
        session: i64,
        first: u32,
        past: Option<u32>,
        vm: &VirtualMachine,
    ) -> PyResult<PyListRef> {
        asked(
            vm,
            HistoryQuery::Range {
                session,
                first,
                past,
            },
        )
    }

    /// The last cells of all sessions, oldest first.
    #[pyfunction]
    fn tail(count: u32, vm: &VirtualMachine) -> PyResult<PyListRef> {
        asked(vm, HistoryQuery::Tail { count })
    }

    /// The last cells that a pattern matches, oldest first.
    #[pyfunction]
    fn search(
        pattern: PyStrRef,
        count: Option<u32>,
        unique: bool,
        vm: &VirtualMachine,
    ) -> PyResult<PyListRef> {
        let pattern = pattern.to_string_lossy().into_owned();
        asked(
            vm,
            HistoryQuery::Search {
                pattern,
                count,
                unique,
            },
        )
    }

    /// The text of the value that the `ordinal`-th cell of this session has shown, the first if it
    /// has shown several; None if there is none, or it isn't kept.
    #[pyfunction]
    fn result(ordinal: u32, vm: &VirtualMachine) -> Option<String> {
        let outputs = Keeper::of(vm)?.history.outputs(ordinal);
        outputs.into_iter().find_map(|output| match output {
            CellOutput::Result(shown) => Some(shown.plain_text().to_owned()),
            _ => None,
        })
    }

    /// What the `ordinal`-th cell of this session has shown, in order, as far as that is kept: tuples
    /// of ("stdout" or "stderr", text), ("result" or "shown", forms, what is said of them), or
    /// ("failure", type, message, traceback).
    #[pyfunction]
    fn outputs(ordinal: u32, vm: &VirtualMachine) -> PyResult<PyListRef> {
        let Some(keeper) = Keeper::of(vm) else {
            return Ok(vm.ctx.new_list(Vec::new()));
        };
        let text = |text: String| -> PyObjectRef { vm.ctx.new_str(text).into() };
        let pairs = |pairs: Vec<(String, String)>| -> PyResult {
            let dict = vm.ctx.new_dict();
            for (kind, form) in pairs {
                dict.set_item(kind.as_str(), text(form), vm)?;
            }
            Ok(dict.into())
        };
        let item = |name: &str, item: DisplayItem| -> PyResult<Vec<PyObjectRef>> {
            Ok(vec![
                text(name.to_owned()),
                pairs(item.data)?,
                pairs(item.metadata)?,
            ])
        };
        let outputs = keeper.history.outputs(ordinal);
        let outputs = outputs.into_iter().map(|output| {
            let parts = match output {
                CellOutput::Text(Stream::Stdout, written) => {
                    vec![text("stdout".to_owned()), text(written)]
                }
                CellOutput::Text(Stream::Stderr, written) => {
                    vec![text("stderr".to_owned()), text(written)]
                }
                CellOutput::Result(shown) => item("result", shown)?,
                CellOutput::Shown(shown) => item("shown", shown)?,
                CellOutput::Failure(report) => vec![
                    text("failure".to_owned()),
                    text(report.exception),
                    text(report.message),
                    text(report.traceback),
                ],
            };
            Ok(vm.ctx.new_tuple(parts).into())
        });
        Ok(vm
            .ctx
            .new_list(outputs.collect::<PyResult<Vec<PyObjectRef>>>()?))
    }

    /// Puts text into the next prompt, to be edited and run. False where nobody asks for cells.
    #[pyfunction]
    fn bring_back(text: PyStrRef, vm: &VirtualMachine) -> bool {
        let Some(keeper) = Keeper::of(vm) else {
            return false;
        };
        *keeper.brought_back.lock() = Some(text.to_string_lossy().into_owned());
        true
    }

    fn asked(vm: &VirtualMachine, query: HistoryQuery) -> PyResult<PyListRef> {
        let Some(keeper) = Keeper::of(vm) else {
            return Ok(vm.ctx.new_list(Vec::new()));
        };
        let cells = wait(vm, &keeper.history.ask(query))?;
        let rows = cells.into_iter().map(|cell| -> PyObjectRef {
            let output = match cell.output {
                Some(text) => vm.ctx.new_str(text).into(),
                None => vm.ctx.none(),
            };
            let row = vec![
                vm.ctx.new_int(cell.session).into(),
                vm.ctx.new_int(cell.line).into(),
                vm.ctx.new_str(cell.source).into(),
                output,
            ];
            vm.ctx.new_tuple(row).into()
        });
        Ok(vm.ctx.new_list(rows.collect()))
    }
}
