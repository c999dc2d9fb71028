//! The globals of functions: the receiving namespace, those of a module that can be imported, or a dict that goes
//! along with the names that code uses; with all that it has, where it is met itself.

use std::collections::BTreeSet;

use rustpython_vm::builtins::{PyCode, PyDict, PyDictRef, PyFunction, PyModule, PyStr};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::container::is_plain;
use super::path::Slot;
use super::{Encoder, Frame, Step};
use crate::snapshot::Globals;
use crate::snapshot::attribute::attributes;
use crate::snapshot::code;
use crate::snapshot::constant;
use crate::snapshot::format::{Write, kind};
use crate::snapshot::identifier::identifiers;

impl Encoder<'_> {
    /// The edge of a function's globals, whose record is written now if they need one.
    pub(super) fn function_globals(
        &mut self,
        function: &Py<PyFunction>,
        code: &Py<PyCode>,
        origin: u32,
    ) -> PyResult<u32> {
        let vm = self.vm;
        let globals = attributes(vm)
            .globals
            .get(function.as_object(), vm)?
            .downcast::<PyDict>()
            .map_err(|_| vm.new_type_error("a function's __globals__ is not a dict"))?;
        if self.options.namespace.is_some_and(|own| own.is(&globals)) {
            return Ok(constant::GLOBALS);
        }
        let name = own_item(vm, &globals, "__name__")?;
        let name = name.as_ref().and_then(|name| self.text(name));
        let is_main = name.as_deref() == Some(self.options.main_module);
        if is_main && self.options.globals == Globals::Receiver {
            return Ok(constant::GLOBALS);
        }
        if let Some(&known) = self.numbers.get(&globals.get_id())
            && known.edge().is_some()
            && !self.is_carried_in_part(globals.as_object())
        {
            return self.local_edge(globals.as_object(), known);
        }
        if let Some(name) = name
            && !is_main
            && let Some(module) = self.imported(&name)?
            && module.dict().is_some_and(|dict| dict.is(&globals))
        {
            self.table.push(kind::MODULE_GLOBALS);
            self.table.slice(name.as_bytes());
            self.carried_again(globals.get_id());
            return self.number_kept(globals.as_object());
        }
        self.carried_globals(&globals, code, origin)
    }

    /// Carries the globals that `code` names, in a dict that its functions share again.
    fn carried_globals(
        &mut self,
        globals: &PyDictRef,
        code: &Py<PyCode>,
        origin: u32,
    ) -> PyResult<u32> {
        let vm = self.vm;
        self.mutable = true;
        let number = match self.numbers.get(&globals.get_id()) {
            Some(&known) => self.local_edge(globals.as_object(), known)?,
            None => {
                self.table.push(kind::DICT_EMPTY);
                self.carried_globals.insert(globals.get_id());
                self.number_kept(globals.as_object())?
            }
        };
        let mut children = Vec::new();
        let mut names = BTreeSet::from(["__name__"]);
        code::global_names(code, &mut names);
        for name in names {
            if let Some(value) = own_item(vm, globals, name)? {
                self.submodules(&value, code)?;
                children.push(vm.ctx.intern_str(name).to_owned().into());
                children.push(value);
            }
        }
        if !children.is_empty() {
            let object = globals.as_object().to_owned();
            let mut frame = Frame::new(Step::FillDict, object, origin, children);
            frame.target = number;
            self.follow(frame)?;
        }
        Ok(number)
    }

    /// Whether an object is a dict of globals of which only what code names goes along.
    pub fn is_carried_in_part(&self, object: &PyObject) -> bool {
        !self.carried_globals.is_empty()
            && self.carried_globals.contains(&object.get_id())
            && !self.whole_globals.contains_key(&object.get_id())
    }

    /// Lets all of a dict go along that was carried for functions, and is met itself.
    pub fn carry_whole(
        &mut self,
        object: &PyObject,
        edge: u32,
        parent: u32,
        slot: Slot,
    ) -> PyResult<()> {
        let Some(dict) = object.downcast_ref::<PyDict>() else {
            return Ok(());
        };
        self.whole_globals.insert(object.get_id(), self.segment);
        let origin = self.new_origin(object, parent, slot)?;
        let hashes = !dict.keys_vec().iter().all(|key| is_plain(self.vm, key));
        let frame = Frame::new(Step::FillDict, object.to_owned(), origin, Vec::new());
        let mut frame = frame.hashing(hashes);
        frame.target = edge;
        self.follow(frame)
    }

    /// Lets the submodules be imported that code reaches through a package: the package alone leads to
    /// them only where somebody imported them already.
    pub(super) fn submodules(&mut self, package: &PyObject, code: &Py<PyCode>) -> PyResult<()> {
        let vm = self.vm;
        let Some(package) = package.downcast_ref::<PyModule>() else {
            return Ok(());
        };
        let dict = package.dict();
        let name = dict.get_item_opt(identifiers().name, vm)?;
        let (Some(name), Some(_)) = (
            name.and_then(|name| self.text(&name)),
            dict.get_item_opt("__path__", vm)?,
        ) else {
            return Ok(());
        };
        let modules = vm.sys_module.get_attr(vm.ctx.intern_str("modules"), vm)?;
        let modules = modules.downcast_ref::<PyDict>();
        let modules = modules
            .map(|modules| modules.items_vec())
            .unwrap_or_default();
        let is_named = |part: &str| code.names.iter().any(|name| name.as_str() == part);
        let mut reached: Vec<(String, PyObjectRef)> = Vec::new();
        for (key, module) in modules {
            let key = self.text(&key).unwrap_or_default();
            let rest = key
                .strip_prefix(&name)
                .and_then(|rest| rest.strip_prefix('.'));
            if rest.is_some_and(|rest| rest.split('.').all(is_named))
                && !self.numbers.contains_key(&module.get_id())
                && module.downcast_ref::<PyModule>().is_some()
            {
                reached.push((key, module));
            }
        }
        reached.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (name, module) in reached {
            self.table.push(kind::MODULE);
            self.table.slice(name.as_bytes());
            self.number_kept(&module)?;
            self.carried_again(module.get_id());
        }
        Ok(())
    }

    /// Whether a function's globals go along, rather than being found where it is made: they are usually empty
    /// by then.
    pub(super) fn is_filled_later(
        &self,
        globals: &Py<PyDict>,
        name: Option<&PyObject>,
    ) -> PyResult<bool> {
        if self.options.namespace.is_some_and(|own| own.is(globals)) {
            return Ok(false);
        }
        let Some(name) = name.and_then(text_of) else {
            return Ok(true);
        };
        if name == self.options.main_module {
            return Ok(self.options.globals != Globals::Receiver);
        }
        let module = self.imported(name)?;
        let found = module.and_then(|module| module.dict());
        Ok(found.is_none_or(|dict| !dict.is(globals)))
    }
}

/// An item that a dict has. One of a class of its own may make up others when it is asked.
pub(super) fn own_item(
    vm: &VirtualMachine,
    dict: &Py<PyDict>,
    name: &str,
) -> PyResult<Option<PyObjectRef>> {
    if dict.class().is(vm.ctx.types.dict_type) {
        return dict.get_item_opt(name, vm);
    }
    let is_named = |key: &PyObject| text_of(key) == Some(name);
    let item = dict.items_vec().into_iter().find(|(key, _)| is_named(key));
    Ok(item.map(|(_, value)| value))
}

pub(super) fn text_of(object: &PyObject) -> Option<&str> {
    object.downcast_ref::<PyStr>()?.to_str()
}
