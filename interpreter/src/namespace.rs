//! A namespace: names bound to objects. It is the dictionary of `__main__`.
//!
//! It runs nothing (see `cell`) and copies nothing (see `snapshot`).

use rustpython_vm::builtins::{PyDictRef, PyStr};
use rustpython_vm::compiler::Mode;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::compiling;
use crate::session::{LAST_NAMES, Session};

/// Names that a module has by itself: `clear` keeps them.
const MODULE_NAMES: [&str; 9] = [
    "__name__",
    "__doc__",
    "__package__",
    "__loader__",
    "__spec__",
    "__builtins__",
    "__file__",
    "__cached__",
    "__warningregistry__",
];

/// The names of this interpreter's `__main__`.
///
/// An interpreter has one; every `Namespace` of it is the same one.
#[derive(Clone)]
pub struct Namespace {
    session: PyRef<Session>,
}

impl Namespace {
    /// Finds the namespace of the interpreter, and makes it on the first call.
    ///
    /// # Panics
    /// When the interpreter has no `sys.modules` to put `__main__` into, which no program can
    /// bring about before its first line runs.
    pub fn new(vm: &VirtualMachine) -> Self {
        let session = Session::of(vm).unwrap_or_else(|failure| {
            vm.print_exception(&failure);
            panic!("an interpreter that has started can make its __main__");
        });
        Self { session }
    }

    pub fn dict(&self) -> PyDictRef {
        self.session.dict()
    }

    /// How many cells were run and stored so far.
    pub fn cell_count(&self) -> u32 {
        self.session.cell_count()
    }

    /// Does what runs cells of its own: one that it is asked for by isn't the cell that runs meanwhile.
    pub fn between_cells<R>(&self, work: impl FnOnce() -> R) -> R {
        let running = self.session.swap_running(0);
        let done = work();
        self.session.swap_running(running);
        done
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Says whose cells these are: tracebacks then name them `<engine 2 cell 3>`.
    ///
    /// A function that came from another namespace names the cells of that one. Without an owner,
    /// a traceback would show the lines of this namespace's cell with the same number.
    pub fn set_owner(&self, owner: &str) {
        self.session.set_owner(owner);
    }

    /// The object that `name` is bound to. After a dot follow attributes: `model.layers`. What is
    /// no such name is an expression: `table['rows'][0]`.
    ///
    /// # Errors
    /// `NameError` if the first name is not bound, and what the attribute access or the expression
    /// raised.
    pub fn get(&self, vm: &VirtualMachine, name: &str) -> PyResult {
        if !is_dotted_name(name) {
            return self.run(vm, name, Mode::Eval);
        }
        let mut parts = name.split('.');
        let first = parts.next().unwrap_or_default();
        let mut found = match self.dict().get_item_opt(first, vm)? {
            Some(found) => found,
            None => return Err(undefined(vm, first)),
        };
        for part in parts {
            found = found.get_attr(&vm.ctx.new_str(part), vm)?;
        }
        Ok(found)
    }

    /// Binds `name` to `value`; with dots, sets the attribute of what the names before lead to.
    /// What is no such name is the target of an assignment: `table['rows']`.
    ///
    /// # Errors
    /// `NameError` if the first of several names is not bound, and what setting the attribute or
    /// the assignment raised.
    pub fn set(&self, vm: &VirtualMachine, name: &str, value: PyObjectRef) -> PyResult<()> {
        if !is_dotted_name(name) {
            self.dict().set_item(ASSIGNED, value, vm)?;
            let assigned = self.run(vm, &format!("{name} = {ASSIGNED}"), Mode::Exec);
            self.dict().del_item(ASSIGNED, vm)?;
            return assigned.map(drop);
        }
        match name.rsplit_once('.') {
            None => self.dict().set_item(name, value, vm),
            Some((path, attribute)) => {
                let owner = self.get(vm, path)?;
                owner.set_attr(&vm.ctx.new_str(attribute), value, vm)
            }
        }
    }

    fn run(&self, vm: &VirtualMachine, source: &str, mode: Mode) -> PyResult {
        compiling::refuse_too_deep(vm, source)?;
        let code = compiling::compiled(source, |source| vm.compile(source, mode, "<name>"))
            .map_err(|failure| {
                compiling::worded(vm, failure.into_pyexception(vm, Some(source)), source)
            })?;
        let scope = Scope::with_builtins(None, self.dict().clone(), vm);
        vm.run_code_obj(code, scope)
    }

    /// Unbinds every name that was bound by running code, and forgets the values of past cells.
    ///
    /// What a module has by itself stays, and so does `In`: it holds text, not objects.
    pub fn clear(&self, vm: &VirtualMachine) -> PyResult<()> {
        let dict = self.dict();
        let shell_keeps_history = self.session.history_if_made().is_some();
        let mut dropped = Vec::new();
        for (key, value) in dict.items_vec() {
            let keeps = key.downcast_ref::<PyStr>().is_some_and(|name| {
                let name = name.to_string_lossy();
                MODULE_NAMES.contains(&&*name)
                    || (shell_keeps_history && Session::is_shell_name(&name))
            });
            if !keeps {
                dict.del_item(key.as_object(), vm)?;
                // Dropped only when the dictionary is done with: a finalizer may read it.
                dropped.push(value);
            }
        }
        // The last failure holds on to the frames it went through, and with them to objects.
        for name in ["last_exc", "last_type", "last_value", "last_traceback"] {
            let sys = vm.sys_module.dict();
            if sys.contains_key(name, vm) {
                sys.del_item(name, vm)?;
            }
        }
        if let Some(history) = self.session.history_if_made() {
            history.outputs.clear();
            self.session.swap_last_output(0);
            for name in LAST_NAMES {
                dict.set_item(name, vm.ctx.new_str("").into(), vm)?;
            }
            for name in ["In", "_ih"] {
                dict.set_item(name, history.inputs.clone().into(), vm)?;
            }
            for name in ["Out", "_oh"] {
                dict.set_item(name, history.outputs.clone().into(), vm)?;
            }
        }
        Ok(())
    }

    /// The names bound by running code, in the order they were bound.
    pub fn names(&self) -> Vec<String> {
        self.items().into_iter().map(|(name, _)| name).collect()
    }

    /// The names bound by running code with their objects, in the order they were bound.
    pub fn items(&self) -> Vec<(String, PyObjectRef)> {
        let entries = self.dict().items_vec().into_iter();
        let named = entries.filter_map(|(key, object)| {
            let name = key.downcast_ref::<PyStr>()?.to_str()?;
            let counts = is_of_user(&self.session, name) && !self.session.is_lent(name, &object);
            counts.then(|| (name.to_owned(), object))
        });
        named.collect()
    }

    /// Makes names that are bound now the embedder's: for as long as they are bound to the same
    /// objects, they don't count as bound by running code.
    pub fn lend(&self, vm: &VirtualMachine, names: &[&str]) -> PyResult<()> {
        for &name in names {
            if let Some(object) = self.dict().get_item_opt(name, vm)? {
                self.session.lend(name, object);
            }
        }
        Ok(())
    }

    /// The names that are bound to what they were lent as, with that.
    pub fn lent_items(&self) -> Vec<(String, PyObjectRef)> {
        let entries = self.dict().items_vec().into_iter();
        let lent = entries.filter_map(|(key, object)| {
            let name = key.downcast_ref::<PyStr>()?.to_str()?;
            let is_lent = self.session.is_lent(name, &object);
            is_lent.then(|| (name.to_owned(), object))
        });
        lent.collect()
    }

    /// Puts these names in the place of all that were bound by running code.
    ///
    /// What a module has by itself and the history of a shell stay as they are, whatever the new
    /// names are.
    pub fn replace(&self, vm: &VirtualMachine, items: Vec<(String, PyObjectRef)>) -> PyResult<()> {
        let dict = self.dict();
        // Dropped only when the dictionary is whole again: a finalizer may read it.
        let replaced = self.items();
        for (name, _) in &replaced {
            dict.del_item(name.as_str(), vm)?;
        }
        for (name, object) in items {
            if is_of_user(&self.session, &name) {
                dict.set_item(vm.ctx.intern_str(name), object, vm)?;
            }
        }
        drop(replaced);
        Ok(())
    }
}

/// Whether a name is one that running code binds, neither a module's own nor, where a shell keeps
/// what cells gave, the shell's.
fn is_of_user(session: &Session, name: &str) -> bool {
    let is_of_shell = || Session::is_shell_name(name) || is_numbered(name);
    !is_of_module(name) && (session.history_if_made().is_none() || !is_of_shell())
}

/// Whether a name is one that a module has by itself, `__name__` and the like.
pub fn is_of_module(name: &str) -> bool {
    MODULE_NAMES.contains(&name)
}

/// Whether a name that arrives may be bound in a dict: in the session's, as in [`Namespace::replace`].
pub(crate) fn may_be_bound(vm: &VirtualMachine, dict: &PyDictRef, name: &str) -> PyResult<bool> {
    let session = Session::of(vm)?;
    if session.dict().is(dict) {
        return Ok(is_of_user(&session, name));
    }
    Ok(!is_of_module(name))
}

/// Where a value waits for the assignment to a target that is no name.
const ASSIGNED: &str = "__rhumba_assigned__";

/// Whether the text is a name, or several with dots between them.
fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && chars.all(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Whether the name is one that a stored cell leaves behind: `_3` or `_i3`.
fn is_numbered(name: &str) -> bool {
    let Some(rest) = name.strip_prefix('_') else {
        return false;
    };
    let digits = rest.strip_prefix('i').unwrap_or(rest);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn undefined(vm: &VirtualMachine, name: &str) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_name_error(
        format!("name '{name}' is not defined"),
        vm.ctx.new_str(name),
    )
}
