//! What goes by name: modules, and whatever can be found in one again. And what can't go at all.

use rustpython_vm::builtins::{PyBaseExceptionRef, PyDict, PyDictRef, PyModule, PyStr, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult};

use super::path::Slot;
use super::{Encoder, Frame, Step};
use crate::snapshot::by_value;
use crate::snapshot::error::snapshot_error;
use crate::snapshot::format::{Write, kind};
use crate::snapshot::identifier::identifiers;

/// Names by which a module says where it was imported from.
const OF_IMPORT: [&str; 3] = ["__cached__", "__loader__", "__spec__"];

impl Encoder<'_> {
    /// Writes `object` by name if that name leads back to this very object.
    pub fn named(&mut self, object: &PyObject) -> PyResult<bool> {
        let Some((module, qualname)) = self.name_of(object)? else {
            return Ok(false);
        };
        self.write_named(object, &module, &qualname)?;
        Ok(true)
    }

    pub fn write_named(&mut self, object: &PyObject, module: &str, qualname: &str) -> PyResult<()> {
        self.table.push(kind::NAMED);
        self.table.slice(module.as_bytes());
        self.table.slice(qualname.as_bytes());
        self.built(object)?;
        self.carried_again(object.get_id());
        Ok(())
    }

    /// The module and name that `object` can be imported by.
    pub fn name_of(&self, object: &PyObject) -> PyResult<Option<(String, String)>> {
        let vm = self.vm;
        let module = vm.get_attribute_opt(object, identifiers().module)?;
        let module = match &module {
            Some(module) if !vm.is_none(module) => {
                let text = module
                    .downcast_ref::<PyStr>()
                    .and_then(|text| text.to_str());
                match text {
                    None => return Ok(None),
                    Some(text) if text == self.options.main_module => return Ok(None),
                    Some(text) => text.to_owned(),
                }
            }
            _ => "builtins".to_owned(),
        };
        for attribute in [identifiers().qualname, identifiers().name] {
            let name = vm.get_attribute_opt(object, attribute)?;
            let Some(name) = name.and_then(|name| self.text(&name)) else {
                continue;
            };
            if self.is_found_at(object, &module, &name)? {
                return Ok(Some((module, name)));
            }
        }
        Ok(None)
    }

    pub fn is_found_at(&self, object: &PyObject, module: &str, qualname: &str) -> PyResult<bool> {
        if qualname.contains("<locals>") || qualname.is_empty() {
            return Ok(false);
        }
        let Some(mut found) = self.imported(module)? else {
            return Ok(false);
        };
        for name in qualname.split('.') {
            match self
                .vm
                .get_attribute_opt(&found, self.vm.ctx.intern_str(name))?
            {
                Some(next) => found = next,
                None => return Ok(false),
            }
        }
        Ok(found.is(object))
    }

    /// The name of an object in a module, if it is there.
    pub fn name_in(&self, module: &str, object: &PyObject) -> PyResult<Option<String>> {
        let dict = self.imported(module)?.and_then(|module| module.dict());
        let items = dict.map(|dict| dict.items_vec()).unwrap_or_default();
        let found = items.into_iter().find(|(_, value)| value.is(object));
        Ok(found.and_then(|(name, _)| self.text(&name)))
    }

    /// The name of one of the files that every process has, each its own.
    pub fn standard_stream(&self, object: &PyObject) -> PyResult<Option<&'static str>> {
        let names = [
            "stdout",
            "stderr",
            "stdin",
            "__stdout__",
            "__stderr__",
            "__stdin__",
        ];
        for name in names {
            let stream = self
                .vm
                .get_attribute_opt(self.vm.sys_module.as_object(), name)?;
            if stream.is_some_and(|stream| stream.is(object)) {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Writes a method by name if the module of its object's class has this very one bound to its own
    /// name: `random.seed` is a method of an object that only the module has.
    pub fn method_of_module(&mut self, object: &PyObject) -> PyResult<bool> {
        let vm = self.vm;
        let owner = vm.get_attribute_opt(object, "__self__")?;
        let name = vm.get_attribute_opt(object, identifiers().name)?;
        let (Some(owner), Some(name)) = (owner, name) else {
            return Ok(false);
        };
        let module = owner.class().__module__(vm)?;
        let (Some(module), Some(name)) = (self.text(&module), self.text(&name)) else {
            return Ok(false);
        };
        if module == self.options.main_module || !self.is_found_at(object, &module, &name)? {
            return Ok(false);
        }
        self.write_named(object, &module, &name)?;
        Ok(true)
    }

    /// A module that is imported already, and that the receiver may import: encoding imports nothing.
    pub fn imported(&self, name: &str) -> PyResult<Option<PyObjectRef>> {
        let vm = self.vm;
        if by_value::holds(name) {
            return Ok(None);
        }
        let modules = vm.sys_module.get_attr(vm.ctx.intern_str("modules"), vm)?;
        match modules.downcast_ref::<PyDict>() {
            Some(modules) => modules.get_item_opt(name, vm),
            None => Ok(None),
        }
    }

    /// The text of a `str`, if it has no surrogates.
    pub fn text(&self, object: &PyObject) -> Option<String> {
        let text = object.downcast_ref::<PyStr>()?;
        text.to_str().map(str::to_owned)
    }

    pub fn module(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let name = object
            .downcast_ref::<PyModule>()
            .and_then(|module| module.dict().get_item_opt("__name__", vm).ok().flatten())
            .and_then(|name| self.text(&name));
        if let Some(name) = name
            && self
                .imported(&name)?
                .is_some_and(|module| module.is(object))
        {
            self.table.push(kind::MODULE);
            self.table.slice(name.as_bytes());
            self.built(object)?;
            self.carried_again(object.get_id());
            return Ok(());
        }
        self.made_module(object, origin)
    }

    /// A module that was made by hand goes by value, as nobody could import it, and so does one that
    /// was registered for that.
    fn made_module(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let dict = object
            .dict()
            .filter(|_| object.class().is(vm.ctx.types.module_type));
        let is_made = |dict: &PyDictRef| {
            let spec = dict.get_item_opt("__spec__", vm).ok().flatten();
            let name = dict.get_item_opt("__name__", vm).ok().flatten();
            let name = name.and_then(|name| self.text(&name));
            spec.is_none_or(|spec| vm.is_none(&spec))
                || name.is_some_and(|name| by_value::holds(&name))
        };
        let Some(dict) = dict.filter(is_made) else {
            return Err(self.refuse_at(
                origin,
                "a module that was imported and isn't in sys.modules can't be carried between namespaces",
            ));
        };
        let name = match dict.get_item_opt("__name__", vm)? {
            Some(name) if self.text(&name).is_some() => name,
            _ => vm.ctx.empty_str.to_owned().into(),
        };
        self.visit(&name, origin, Slot::Silent)?;
        let name = self.edges.pop().expect("a text has an edge at once");
        self.mutable_record(kind::MODULE_MADE, &[name]);
        let module = self.built(object)?;
        match self.numbers.get(&dict.get_id()).copied() {
            // It came along before, with functions of the module or by itself.
            Some(known) if known.edge().is_some() => {
                let dict_edge = self.local_edge(dict.as_object(), known)?;
                self.fill_with_one(kind::FILL_INSTANCE_DICT, module, &[dict_edge]);
                self.whole_globals.insert(dict.get_id(), self.segment);
            }
            _ => {
                self.record(kind::MODULE_NAMESPACE, &[module]);
                // Functions of the module find their globals there.
                self.number_kept(dict.as_object())?;
            }
        }
        let entries = self.module_entries(&dict).into_iter();
        let children = entries.flat_map(|(key, value)| [key, value]).collect();
        let mut fill = Frame::new(Step::FillModule, object.to_owned(), origin, children);
        fill.target = module;
        self.follow(fill)
    }

    /// What goes along of a module that goes by value.
    pub fn module_entries(&self, dict: &PyDictRef) -> Vec<(PyObjectRef, PyObjectRef)> {
        let name = dict.get_item_opt("__name__", self.vm).ok().flatten();
        let name = name.and_then(|name| self.text(&name));
        let was_imported = name.is_some_and(|name| by_value::holds(&name));
        let stays = |key: &PyObject| {
            let key = self.text(key);
            key.is_some_and(|key| {
                key == "__builtins__" || was_imported && OF_IMPORT.contains(&&*key)
            })
        };
        let entries = dict.items_vec().into_iter();
        entries.filter(|(key, _)| !stays(key)).collect()
    }

    /// The error for an object of a kind that stays where it is.
    pub fn refuse_object(&self, origin: u32) -> PyBaseExceptionRef {
        let what = self.describe(&self.origins[origin as usize].object);
        self.refuse_at(
            origin,
            &format!("{what} can't be carried between namespaces"),
        )
    }

    /// The error for an object whose own methods refused, or lacked what they need.
    pub fn refuse_because(&self, origin: u32, cause: PyBaseExceptionRef) -> PyBaseExceptionRef {
        let what = self.describe(&self.origins[origin as usize].object);
        let reason = cause.as_object().str(self.vm);
        let reason = reason.map_or_else(|_| "it doesn't say why".to_owned(), |r| r.to_string());
        let refused = self.refuse_at(
            origin,
            &format!("{what} can't be carried between namespaces: {reason}"),
        );
        refused.set_cause(Some(cause));
        refused
    }

    pub fn refuse_at(&self, origin: u32, sentence: &str) -> PyBaseExceptionRef {
        let origin = &self.origins[origin as usize];
        self.refuse(origin.parent, origin.slot, sentence)
    }

    pub fn refuse(&self, parent: u32, slot: Slot, sentence: &str) -> PyBaseExceptionRef {
        let path = self.path(parent, slot);
        self.leaving.note_refusal(&path, sentence);
        snapshot_error(self.vm, format!("{path}: {sentence}"))
    }

    /// What a person calls an object of this class.
    fn describe(&self, object: &PyObject) -> String {
        const WORDS: [(&str, &str); 24] = [
            ("_io._IOBase", "an open file"),
            ("_socket.socket", "an open socket"),
            ("_thread.lock", "a lock"),
            ("_thread.RLock", "a lock"),
            ("threading.Thread", "a thread"),
            ("_thread._ThreadHandle", "a thread"),
            ("_thread._local", "thread-local data"),
            ("builtins.generator", "a running generator"),
            ("builtins.coroutine", "a running coroutine"),
            ("builtins.async_generator", "a running async generator"),
            ("builtins.memory_iterator", "an iterator over a memoryview"),
            ("builtins.frame", "a stack frame"),
            ("builtins.traceback", "a traceback"),
            ("weakref.ReferenceType", "a weak reference"),
            ("weakref.weakproxy", "a weak reference"),
            ("weakref.weakcallableproxy", "a weak reference"),
            ("_ctypes._CData", "a ctypes object"),
            ("_sqlite3.Connection", "a database connection"),
            ("_sqlite3.Cursor", "a database cursor"),
            ("mmap.mmap", "a memory map"),
            ("_asyncio.Task", "an asyncio task"),
            ("asyncio.tasks.Task", "an asyncio task"),
            ("subprocess.Popen", "a running process"),
            ("multiprocessing.process.BaseProcess", "a running process"),
        ];
        for class in object.class().mro_collect() {
            let name = self.full_name(&class);
            if let Some((_, word)) = WORDS.iter().find(|(known, _)| *known == name) {
                return (*word).to_owned();
            }
        }
        let name = self.full_name(object.class());
        format!("an object of type {}", name.trim_start_matches("builtins."))
    }

    pub fn full_name(&self, class: &Py<PyType>) -> String {
        let module = class.__module__(self.vm).ok();
        let module = module.and_then(|module| self.text(&module));
        let qualname = self.text(&class.__qualname__(self.vm));
        format!(
            "{}.{}",
            module.unwrap_or_default(),
            qualname.unwrap_or_default()
        )
    }

    /// Whether an object is of a kind that is bound to its process, whatever its class can do.
    pub fn is_bound_to_process(&self, object: &PyObject) -> bool {
        let what = self.describe(object);
        !what.starts_with("an object of type")
    }
}
