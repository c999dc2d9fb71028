//! Runs a cell: transforms its magics, compiles it, runs every statement, and shows the value of
//! its last expression.
//!
//! An exception, `SystemExit` included, is an outcome here and never ends the process. Turning it
//! into text is `failure`'s work; asking whether source is complete is `transform`'s, and what
//! forms a value has is `display`'s. What the shell is set to (`preferences`) may change each step.

use std::borrow::{Borrow, Cow};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode, PySet, PyStr, PyStrInterned};
use rustpython_vm::bytecode::CodeFlags;
use rustpython_vm::compiler::Mode;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::compiling;
use crate::display;
use crate::namespace::Namespace;
use crate::preferences::Preferences;
use crate::session::Session;
use crate::transform::{self, LastStatement, Outline};

/// How a cell is run.
#[derive(Clone, Debug, Default)]
pub struct CellOptions {
    /// The file name that tracebacks show; by default `<cell N>`, or `<input N>` if not stored.
    pub name: Option<String>,
    /// Whether the value of the last expression is kept from the output.
    pub silent: bool,
    /// Whether the cell is counted and kept: in `In`, `Out`, `_`, `_N` and their like.
    pub store: bool,
    /// Whether its value is kept though it isn't: `run_cell` of programs does so.
    pub keeps_value: bool,
    /// Of the cell below a magic: how many lines of the cell of that name stand above it. Else 0.
    pub lines_above: usize,
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
    /// Whether the first statement was reached: source that isn't Python never is.
    pub began: bool,
}

/// Runs a cell in the namespace. Output goes to the sink as it is made.
pub fn run_cell(
    vm: &VirtualMachine,
    namespace: &Namespace,
    source: &str,
    options: CellOptions,
) -> CellOutcome {
    run_cell_telling(vm, namespace, source, options, &mut |_| {})
}

/// Runs a cell. What ends it early is told at once, before those hear of its end who have
/// registered for that.
pub fn run_cell_telling(
    vm: &VirtualMachine,
    namespace: &Namespace,
    source: &str,
    options: CellOptions,
    tell: &mut dyn FnMut(&PyBaseExceptionRef),
) -> CellOutcome {
    let session = namespace.session();
    let count = if options.store {
        session.next_cell()
    } else {
        session.current_count()
    };
    let mut run = Run {
        vm,
        namespace,
        session,
        count,
        options: &options,
        began: false,
        is_numbered_again: false,
    };
    let running_before = options.store.then(|| session.swap_running(count));
    let begun = run.tell_begin(source);
    let ran = begun.as_ref().map_or_else(
        |failure| Err(failure.clone()),
        |_| {
            run.store_input(source)?;
            run.run(source)
        },
    );
    if let Some(running) = running_before {
        session.swap_running(running);
    }
    let mut outcome = match ran {
        Ok(value) => CellOutcome {
            count,
            value,
            failure: None,
            began: run.began,
        },
        Err(failure) => {
            if options.store {
                remember_failure(vm, &failure);
            }
            CellOutcome {
                count,
                value: None,
                failure: Some(failure),
                began: run.began,
            }
        }
    };
    let begun = begun.ok().flatten();
    let mut ended = begun
        .as_ref()
        .map_or(Ok(()), |info| run.tell_ran(info.clone(), &outcome));
    if let Some(failure) = &outcome.failure {
        tell(failure);
    }
    if ended.is_ok()
        && let Some(info) = begun
    {
        ended = run.tell_end(info, &outcome);
    }
    if let Err(failure) = ended
        && outcome.failure.is_none()
    {
        tell(&failure);
        outcome.failure = Some(failure);
    }
    outcome
}

/// One cell on its way.
struct Run<'run> {
    vm: &'run VirtualMachine,
    namespace: &'run Namespace,
    session: &'run Session,
    count: u32,
    options: &'run CellOptions,
    began: bool,
    /// Whether a cell before may have had its number, as a program has set it.
    is_numbered_again: bool,
}

/// What code calls the set of the annotations that it came by.
const ANNOTATIONS_NOTED: &str = "__conditional_annotations__";

/// What the runtime notes in a namespace of the warnings that its code was shown.
const WARNINGS_SHOWN: &str = "__warningregistry__";

/// A compiled piece of a cell.
struct Part {
    code: PyRef<PyCode>,
    /// Whether its value is one to show.
    shown: bool,
}

impl Run<'_> {
    fn run(&mut self, source: &str) -> PyResult<Option<PyObjectRef>> {
        let (vm, session) = (self.vm, self.session);
        let hooked = match self.hook_input(source)? {
            Hooked::Unchanged => Cow::Borrowed(source),
            Hooked::Handled => return Ok(None),
            Hooked::Replaced(text) => Cow::Owned(text),
        };
        let preferences = Preferences::of(vm, session)?;
        let source = transform::unpasted(&hooked);
        let source = preferences.cleaned(vm, source)?;
        let source = if self.options.silent {
            source
        } else {
            preferences.meant(vm, self.namespace, source)?
        };
        let python = transform::escapes_to_python(&source);
        if matches!(python, Cow::Owned(_)) {
            // What a magic becomes is a call of the shell.
            session.shell(vm)?;
        }
        let python = preferences.finished(vm, python)?;
        let name = self.name();
        if !self.is_part() {
            // The lines a person wrote, not what they were made into: both have the same numbers.
            remember_source(vm, &name, &source)?;
        }
        let python = self.in_its_place(python);
        let mut parts = if preferences.needs_nodes() {
            let is_muted = transform::ends_with_semicolon(&compiling::readable(&python));
            preferences
                .compiled_nodes(vm, &python, &name, is_muted)?
                .into_iter()
                .map(|(code, shown)| Part { code, shown })
                .collect()
        } else {
            self.compiled(&compiling::spelled(&python), &name, &preferences)?
        };
        self.forget_warnings()?;
        self.began = true;
        let keeps_source = self.options.store
            || self.is_part()
            || parts.iter().any(|part| defines_code(&part.code));
        let keeps_values = self.options.store || self.options.keeps_value;
        let stored_before = session.swap_stores_values(keeps_values);
        let value = parts
            .drain(..)
            .try_fold(None, |_, part| self.run_part(part, &preferences));
        session.swap_stores_values(stored_before);
        let value = value?;
        if !keeps_source {
            forget_source(vm, &name);
        }
        Ok(value)
    }

    /// Whether it is a part of a cell, whose lines are kept already.
    fn is_part(&self) -> bool {
        self.options.lines_above > 0
    }

    /// The Python of a part with as many empty lines before it as keep the numbers of the cell.
    fn in_its_place<'source>(&self, python: Cow<'source, str>) -> Cow<'source, str> {
        if !self.is_part() {
            return python;
        }
        let above = "\n".repeat(self.options.lines_above);
        Cow::Owned(format!("{above}{python}"))
    }

    fn name(&self) -> String {
        match &self.options.name {
            Some(name) => name.clone(),
            // Tracebacks of what an earlier one has defined show that one's lines.
            None if self.options.store && !self.is_numbered_again => {
                self.session.cell_name(self.count)
            }
            None => self.session.unstored_cell_name(),
        }
    }

    /// Compiles a cell in as many pieces as its length asks for.
    fn compiled(&self, python: &str, name: &str, preferences: &Preferences) -> PyResult<Vec<Part>> {
        let outline = Outline::of(python);
        let pieces = outline.pieces(python);
        let last_index = pieces.len() - 1;
        let mut options = self.vm.compile_opts();
        options.allow_top_level_await = preferences.awaits;
        let compiled = pieces.enumerate().map(|(index, piece)| {
            let (mode, shown) = match outline.last {
                LastStatement::Expression { shown } if index == last_index => {
                    (Mode::BlockExpr, shown)
                }
                _ => (Mode::Exec, false),
            };
            compiling::refuse_too_deep(self.vm, &piece)?;
            let code = compiling::compiled(&piece, |piece| {
                self.vm
                    .compile_with_opts(piece, mode, name, options.clone())
            });
            let code = code.map_err(|failure| {
                let failure = failure.into_pyexception(self.vm, Some(python));
                let failure = compiling::worded(self.vm, failure, python);
                add_line(self.vm, &failure, python);
                failure
            })?;
            Ok(Part { code, shown })
        });
        compiled.collect()
    }

    /// What was warned of in a cell before is warned of in this one, too.
    fn forget_warnings(&self) -> PyResult<()> {
        let (vm, dict) = (self.vm, self.namespace.dict());
        if dict.contains_key(WARNINGS_SHOWN, vm) {
            dict.del_item(WARNINGS_SHOWN, vm)?;
        }
        Ok(())
    }

    /// Runs one piece, and shows its value if that is to be seen.
    fn run_part(&self, part: Part, preferences: &Preferences) -> PyResult<Option<PyObjectRef>> {
        let vm = self.vm;
        let awaits = part.code.code.flags.contains(CodeFlags::COROUTINE);
        let dict = self.namespace.dict();
        // Code with a value at its end notes in this set which annotations it came by, and doesn't
        // make it, as that of a module does.
        let noted = |name: &&PyStrInterned| name.as_str() == ANNOTATIONS_NOTED;
        if let Some(name) = part.code.names.iter().find(|name| noted(name)) {
            let set = PySet::default().into_ref(&vm.ctx);
            dict.set_item(*name, set.into(), vm)?;
        }
        let scope = Scope::with_builtins(None, dict.clone(), vm);
        let mut value = vm.run_code_obj(part.code, scope)?;
        if awaits {
            value = preferences.awaited(vm, value)?;
        }
        if !part.shown {
            return Ok(None);
        }
        if !vm.is_none(&value) && !self.options.silent {
            self.show_value(&value)?;
        }
        Ok(Some(value))
    }

    /// Offers the source to the shell's `input_hook`, by which `%autopx` sends cells elsewhere.
    fn hook_input(&self, source: &str) -> PyResult<Hooked> {
        let vm = self.vm;
        // A shell that nothing has asked for yet can have no hook.
        let shell = self.session.shell_if_made().filter(|_| self.options.store);
        let Some(shell) = shell else {
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

    /// Tells who has registered for it that the cell begins; gives what they were told.
    fn tell_begin(&self, source: &str) -> PyResult<Option<PyObjectRef>> {
        let vm = self.vm;
        if self.options.store {
            // A cell that is stored is one that a person sees: what asks whether there is a shell
            // must find it from the first cell on.
            self.session.shell(vm)?;
        }
        let Some(shell) = self.session.shell_if_made() else {
            return Ok(None);
        };
        let (silent, store) = (self.options.silent, self.options.store);
        let told = (vm.ctx.new_str(source), silent, store);
        vm.call_method(shell, "_cell_begins", told).map(Some)
    }

    /// Tells the shell how the cell ended; what a program has set for that tells of its failure.
    fn tell_ran(&self, info: PyObjectRef, outcome: &CellOutcome) -> PyResult<()> {
        let vm = self.vm;
        let Some(shell) = self.session.shell_if_made() else {
            return Ok(());
        };
        let failure = outcome.failure.clone();
        let failure = failure.map_or_else(|| vm.ctx.none(), PyObjectRef::from);
        let told = (info, outcome.count, failure, outcome.began);
        vm.call_method(shell, "_cell_ran", told).map(drop)
    }

    /// Tells who has registered for it that the cell has ended.
    fn tell_end(&self, info: PyObjectRef, outcome: &CellOutcome) -> PyResult<()> {
        let vm = self.vm;
        let Some(shell) = self.session.shell_if_made() else {
            return Ok(());
        };
        let value = outcome.value.clone().unwrap_or_else(|| vm.ctx.none());
        let failure = outcome.failure.clone();
        let failure = failure.map_or_else(|| vm.ctx.none(), PyObjectRef::from);
        let told = (info, outcome.count, value, failure, outcome.began);
        vm.call_method(shell, "_cell_ended", told).map(drop)
    }

    /// Shows the value of an expression as `sys.displayhook` should, and stores it if asked to.
    fn show_value(&self, value: &PyObjectRef) -> PyResult<()> {
        let vm = self.vm;
        let hook = vm.sys_module.get_attr("displayhook", vm)?;
        let standard = vm.sys_module.get_attr("__displayhook__", vm)?;
        if hook.is(&standard) {
            display::result(vm, self.session, self.count, value)?;
        } else {
            hook.call((value.clone(),), vm)?;
        }
        if self.options.store || (self.options.keeps_value && !self.session.is_capturing()) {
            store_value(self.vm, self.session, self.count.max(1), value)?;
        }
        Ok(())
    }

    fn store_input(&mut self, source: &str) -> PyResult<()> {
        let (vm, session, count) = (self.vm, self.session, self.count);
        if !self.options.store {
            return Ok(());
        }
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
        let place = history.add(count, text);
        self.is_numbered_again = place.is_numbered_again;
        crate::history::remember(vm, place.ordinal, count, source);
        Ok(())
    }
}

/// Keeps the value of a cell: in `Out`, `_` and `_N`.
pub(crate) fn store_value(
    vm: &VirtualMachine,
    session: &Session,
    count: u32,
    value: &PyObjectRef,
) -> PyResult<()> {
    let history = session.history(vm)?;
    let dict = session.dict();
    let outputs_max = session.outputs_max();
    if outputs_max > 0 && history.outputs.__len__() >= outputs_max {
        forget_outputs(vm, session, outputs_max)?;
    }
    let last = session.swap_last_output(count);
    let before = match last {
        0 => Some(vm.ctx.new_str("").into()),
        last => history
            .outputs
            .get_item_opt(vm.ctx.new_int(last).as_object(), vm)?,
    };
    if outputs_max > 0 {
        history
            .outputs
            .set_item(vm.ctx.new_int(count).as_object(), value.clone(), vm)?;
        dict.set_item(format!("_{count}").as_str(), value.clone(), vm)?;
        history.note_value(count);
    }
    // A translation that is installed is a builtin of this name.
    if vm.builtins.dict().contains_key("_", vm) {
        return Ok(());
    }
    // Whoever binds `_` to something else, as a translation does, keeps it.
    let bound = dict.get_item_opt("_", vm)?;
    let is_ours = match (&bound, &before) {
        (None, _) => true,
        (Some(bound), Some(before)) => bound.is(before) || (last == 0 && is_empty_text(bound)),
        // It was taken out of the outputs: `Out.clear()`.
        (Some(_), None) => true,
    };
    if !is_ours {
        return Ok(());
    }
    for (older, newer) in [("___", "__"), ("__", "_")] {
        if let Some(moved) = dict.get_item_opt(newer, vm)? {
            dict.set_item(older, moved, vm)?;
        }
    }
    dict.set_item("_", value.clone(), vm)
}

/// Drops the oldest outputs, which would else be kept alive for ever.
fn forget_outputs(vm: &VirtualMachine, session: &Session, outputs_max: usize) -> PyResult<()> {
    let history = session.history(vm)?;
    let dict = session.dict();
    let keys = history.outputs.keys_vec();
    let output_count = keys.len();
    // So that it isn't done for each value.
    let forgotten = output_count.saturating_sub(outputs_max) + outputs_max.div_ceil(5);
    for key in keys.into_iter().take(forgotten) {
        let name = format!("_{}", key.str(vm)?.to_string_lossy());
        history.outputs.del_item(key.as_object(), vm)?;
        if dict.contains_key(name.as_str(), vm) {
            dict.del_item(name.as_str(), vm)?;
        }
    }
    let told = format!("Out has {output_count} entries: the oldest {forgotten} are let go of\n");
    let stderr = vm.sys_module.get_attr("stderr", vm)?;
    vm.call_method(&stderr, "write", (vm.ctx.new_str(told),))
        .map(drop)
}

fn is_empty_text(object: &PyObject) -> bool {
    object
        .downcast_ref::<PyStr>()
        .is_some_and(|text| text.is_empty())
}

/// What the shell's `input_hook` made of the source.
enum Hooked {
    Unchanged,
    Handled,
    Replaced(String),
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

/// Gives an error of the compiler the line that it is about: only those of the parser have theirs,
/// and nobody finds the source of a cell that has never run.
fn add_line(vm: &VirtualMachine, failure: &PyBaseExceptionRef, source: &str) {
    let object = failure.as_object();
    let lacks_line = object
        .get_attr("text", vm)
        .is_ok_and(|text| vm.is_none(&text));
    let line = object
        .get_attr("lineno", vm)
        .ok()
        .and_then(|number| number.try_into_value::<usize>(vm).ok())
        .and_then(|number| source.lines().nth(number.checked_sub(1)?));
    if let (true, Some(line)) = (lacks_line, line) {
        // Without memory for it, the message alone has to do.
        let _ = object.set_attr("text", vm.ctx.new_str(line), vm);
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

/// Sets `sys.last_exc` and its older names, for post-mortem debugging. What its frames hold stays in
/// memory until the next failure, or until [`forget_failure`].
pub fn remember_failure(vm: &VirtualMachine, failure: &PyBaseExceptionRef) {
    // A magic called in a wrong way is no failure to look at: what failed before it still is.
    let is_usage = &*failure.class().name() == "UsageError";
    if is_usage || failure.fast_isinstance(vm.ctx.exceptions.system_exit) {
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

/// Lets go of what [`remember_failure`] kept.
pub fn forget_failure(vm: &VirtualMachine) {
    for name in ["last_exc", "last_type", "last_value", "last_traceback"] {
        // It isn't there where nothing has failed yet.
        let _ = vm
            .sys_module
            .as_object()
            .del_attr(vm.ctx.intern_str(name), vm);
    }
}
