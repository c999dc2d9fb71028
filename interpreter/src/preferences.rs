//! What the shell object is set to, as far as it changes how cells run: transformers, automagic,
//! autocall, which statements show their value, who runs what awaits.
//!
//! They are attributes of `python/rhumba/shell.py` and are read anew for each cell. Without a shell
//! they are what is usual. `cell` acts on them.

use std::borrow::Cow;

use rustpython_vm::builtins::{PyCode, PyList, PyStr, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::completion::KEYWORDS;
use crate::lookup::{self, Found};
use crate::namespace::Namespace;
use crate::output;
use crate::session::{self, Session};
use crate::transform::automatic::{Autocall, Automatic, Callability, Names, automatic};

pub(crate) struct Preferences {
    shell: Option<PyObjectRef>,
    /// Whether `await` is allowed outside of functions.
    pub awaits: bool,
    automagic: bool,
    autocall: Autocall,
    /// Whether the values of other statements than a last expression may be shown.
    interactivity: Option<PyObjectRef>,
    node_transformers: Option<PyObjectRef>,
    cleanup_transformers: Option<PyObjectRef>,
    post_transformers: Option<PyObjectRef>,
}

impl Preferences {
    pub(crate) fn of(vm: &VirtualMachine, session: &Session) -> PyResult<Self> {
        let Some(shell) = session.shell_if_made() else {
            return Ok(Self {
                shell: None,
                awaits: true,
                automagic: false,
                autocall: Autocall::Off,
                interactivity: None,
                node_transformers: None,
                cleanup_transformers: None,
                post_transformers: None,
            });
        };
        let truth = |name: &'static str| shell.get_attr(name, vm)?.is_true(vm);
        let list = |name: &'static str| -> PyResult<Option<PyObjectRef>> {
            let list = shell.get_attr(name, vm)?;
            Ok(list.clone().is_true(vm)?.then_some(list))
        };
        let interactivity = shell.get_attr("ast_node_interactivity", vm)?;
        let is_usual = interactivity
            .downcast_ref::<PyStr>()
            .is_some_and(|text| text.as_bytes() == b"last_expr");
        let autocall = shell.get_attr("autocall", vm)?;
        Ok(Self {
            shell: Some(shell.clone()),
            awaits: truth("autoawait")?,
            automagic: truth("automagic")?,
            autocall: match autocall.try_into_value::<i64>(vm).unwrap_or(0) {
                ..=0 => Autocall::Off,
                1 => Autocall::Smart,
                2.. => Autocall::Full,
            },
            interactivity: (!is_usual).then_some(interactivity),
            node_transformers: list("ast_transformers")?,
            cleanup_transformers: list("input_transformers_cleanup")?,
            post_transformers: list("input_transformers_post")?,
        })
    }

    /// The cell after the programs' own transformers of what was typed.
    pub(crate) fn cleaned<'a>(
        &self,
        vm: &VirtualMachine,
        source: Cow<'a, str>,
    ) -> PyResult<Cow<'a, str>> {
        self.through(vm, self.cleanup_transformers.as_ref(), source)
    }

    /// The Python of a cell after the programs' own transformers of it.
    pub(crate) fn finished<'a>(
        &self,
        vm: &VirtualMachine,
        python: Cow<'a, str>,
    ) -> PyResult<Cow<'a, str>> {
        self.through(vm, self.post_transformers.as_ref(), python)
    }

    fn through<'a>(
        &self,
        vm: &VirtualMachine,
        transformers: Option<&PyObjectRef>,
        source: Cow<'a, str>,
    ) -> PyResult<Cow<'a, str>> {
        let (Some(shell), Some(transformers)) = (&self.shell, transformers) else {
            return Ok(source);
        };
        let arguments = (vm.ctx.new_str(&*source), transformers.clone());
        let text = vm.call_method(shell, "_lines_through", arguments)?;
        match text.downcast_ref::<PyStr>() {
            Some(text) => Ok(Cow::Owned(text.to_string_lossy().into_owned())),
            None => Err(vm.new_type_error("input transformers return a list of lines")),
        }
    }

    /// What a cell of one line means by the names that are there. A call that it stands for is shown.
    pub(crate) fn meant<'a>(
        &self,
        vm: &VirtualMachine,
        namespace: &Namespace,
        source: Cow<'a, str>,
    ) -> PyResult<Cow<'a, str>> {
        let Some(names) = self.names_for(vm, namespace, &source) else {
            return Ok(source);
        };
        if let Some(text) = names.macro_text(source.trim()) {
            return Ok(Cow::Owned(text));
        }
        Ok(
            match automatic(&source, self.automagic, self.autocall, &names) {
                None => source,
                Some(Automatic::Magic(line)) => Cow::Owned(line),
                Some(Automatic::Call(call)) => {
                    if self.shows_calls(vm)? {
                        output::write_stdout(vm, &format!("------> {call}\n"))?;
                    }
                    Cow::Owned(call)
                }
            },
        )
    }

    /// Whether a call that a line stands for is shown.
    fn shows_calls(&self, vm: &VirtualMachine) -> PyResult<bool> {
        let Some(shell) = &self.shell else {
            return Ok(true);
        };
        shell.get_attr("show_rewritten_input", vm)?.is_true(vm)
    }

    /// The magic or the call that a cell of one line stands for; `None` if it is what it is.
    pub(crate) fn stands_for(
        &self,
        vm: &VirtualMachine,
        namespace: &Namespace,
        source: &str,
    ) -> Option<String> {
        let names = self.names_for(vm, namespace, source)?;
        match automatic(source, self.automagic, self.autocall, &names)? {
            Automatic::Magic(text) | Automatic::Call(text) => Some(text),
        }
    }

    /// What is asked for the names of a cell that may stand for something else: one of one line.
    fn names_for<'n>(
        &'n self,
        vm: &'n VirtualMachine,
        namespace: &'n Namespace,
        source: &str,
    ) -> Option<NamesHere<'n>> {
        let shell = self.shell.as_ref()?;
        let is_one_line = !source.trim_end().contains('\n');
        is_one_line.then_some(NamesHere {
            vm,
            namespace,
            shell,
        })
    }

    /// Whether statements are compiled one by one.
    pub(crate) fn needs_nodes(&self) -> bool {
        self.interactivity.is_some() || self.node_transformers.is_some()
    }

    /// Compiles each statement by itself, each with whether its value is shown.
    pub(crate) fn compiled_nodes(
        &self,
        vm: &VirtualMachine,
        python: &str,
        name: &str,
        is_muted: bool,
    ) -> PyResult<Vec<(PyRef<PyCode>, bool)>> {
        let shell = self.shell.clone().unwrap_or_else(|| vm.ctx.none());
        let interactivity = self.interactivity.clone();
        let arguments = vec![
            shell,
            vm.ctx.new_str(python).into(),
            vm.ctx.new_str(name).into(),
            interactivity.unwrap_or_else(|| vm.ctx.new_str("last_expr").into()),
            vm.ctx.new_bool(is_muted).into(),
        ];
        let compiled = session::import(vm, "rhumba._nodes")?
            .get_attr("compiled", vm)?
            .call(arguments, vm)?;
        let wrong = || vm.new_type_error("compiled nodes are pairs of code and a flag");
        let compiled = compiled.downcast::<PyList>().map_err(|_| wrong())?;
        let pairs = compiled.borrow_vec().to_vec();
        let pair = |pair: PyObjectRef| {
            let pair = pair.downcast::<PyTuple>().map_err(|_| wrong())?;
            let [code, shown] = pair.as_slice() else {
                return Err(wrong());
            };
            let code = code.clone().downcast::<PyCode>().map_err(|_| wrong())?;
            Ok((code, shown.clone().is_true(vm)?))
        };
        pairs.into_iter().map(pair).collect()
    }

    /// Runs a cell that awaits, in the loop that lives as long as the session.
    pub(crate) fn awaited(&self, vm: &VirtualMachine, coroutine: PyObjectRef) -> PyResult {
        let runner = match &self.shell {
            Some(shell) => shell.get_attr("loop_runner", vm)?,
            None => vm.ctx.none(),
        };
        let ran = session::import(vm, "rhumba._await")?
            .get_attr("run", vm)?
            .call((coroutine, runner), vm)?;
        let wrong = || vm.new_type_error("an awaited cell has a value and a failure");
        let ran = ran.downcast::<PyTuple>().map_err(|_| wrong())?;
        let [value, failure] = ran.as_slice() else {
            return Err(wrong());
        };
        // Raised here, the traceback begins in the cell and not in the loop that ran it.
        match failure.clone().downcast() {
            Ok(failure) => Err(failure),
            Err(_) => Ok(value.clone()),
        }
    }
}

/// The names that code in the namespace could use.
struct NamesHere<'a> {
    vm: &'a VirtualMachine,
    namespace: &'a Namespace,
    shell: &'a PyObjectRef,
}

impl NamesHere<'_> {
    /// The text of the macro that the name stands for.
    fn macro_text(&self, name: &str) -> Option<String> {
        let object = self.namespace.dict().get_item_opt(name, self.vm).ok()??;
        if !has_class_named(&object, "Macro") {
            return None;
        }
        let text = object.get_attr("value", self.vm).ok()?;
        let text = text.downcast_ref::<PyStr>()?;
        Some(text.to_string_lossy().into_owned())
    }
}

impl Names for NamesHere<'_> {
    fn is_bound(&self, name: &str) -> bool {
        KEYWORDS.contains(&name) || lookup::name(self.vm, self.namespace, name).is_some()
    }

    fn is_line_magic(&self, name: &str) -> bool {
        let name = self.vm.ctx.new_str(name);
        let known = self
            .vm
            .call_method(self.shell, "_knows_line_magic", (name,));
        known.is_ok_and(|known| known.is_true(self.vm).unwrap_or(false))
    }

    fn callability(&self, path: &str) -> Callability {
        let Some(Found::Object(object)) = lookup::dotted(self.vm, self.namespace, path) else {
            return Callability::No;
        };
        if has_class_named(&object, "IPyAutocall") {
            return Callability::Always;
        }
        if !object.is_callable() {
            return Callability::No;
        }
        Callability::Callable {
            has_items: lookup::class_has(self.vm, &object, "__getitem__"),
        }
    }
}

/// Whether a class of that name of the IPython package is among those of the object.
fn has_class_named(object: &PyObject, name: &str) -> bool {
    let classes = object.class().mro_collect();
    classes
        .iter()
        .any(|class| &*class.name() == name && is_of_ipython(class.as_object()))
}

fn is_of_ipython(class: &PyObject) -> bool {
    let Some(class) = class.downcast_ref::<rustpython_vm::builtins::PyType>() else {
        return false;
    };
    let attributes = class.attributes().entries();
    attributes.iter().any(|(key, value)| {
        let is = |object: &PyObject, expected: &str| {
            object
                .downcast_ref::<PyStr>()
                .is_some_and(|text| text.to_string_lossy().starts_with(expected))
        };
        is(key, "__module__") && is(value, "IPython.")
    })
}
