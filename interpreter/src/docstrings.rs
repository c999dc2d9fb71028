//! The docstrings of native objects.
//!
//! The runtime can carry them itself, and then unpacks them all before it makes its first type. Here
//! modules and classes get theirs as they are made, and native functions and descriptors look theirs up
//! when somebody asks and the runtime has none: they stay in the executable, as they are in its file. What
//! is read here, `docs.rs` of the build script has written. Signatures aren't in it: the runtime has these.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyGetSet, PyModule, PyStr, PyType, PyTypeRef, PyWeak};
use rustpython_vm::function::{ItemDoc, PyMethodDef, PyMethodFlags, PySetterValue};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

/// Texts, and where in them the one for a name is.
struct Table {
    index: &'static [u8],
    texts: &'static [u8],
}

/// Those of modules and classes.
static OF_CLASSES: Table = Table {
    index: include_bytes!(concat!(env!("OUT_DIR"), "/docs-of-classes-index")),
    texts: include_bytes!(concat!(env!("OUT_DIR"), "/docs-of-classes")),
};

/// Those of functions, and of attributes of classes.
static OTHERS: Table = Table {
    index: &INDEX,
    texts: &TEXTS,
};

const INDEX_BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/docs-index"));
const TEXTS_BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/docs"));

// They stand apart from other constants, all of which a cold start reads.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static INDEX: [u8; INDEX_BYTES.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/docs-index"));
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static TEXTS: [u8; TEXTS_BYTES.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/docs"));

static CREATE_BUILTIN: PyMethodDef = PyMethodDef::new_const(
    "create_builtin",
    create_builtin,
    PyMethodFlags::EMPTY,
    ItemDoc::static_text("create_builtin($module, spec, /)\n--\n\nCreate an extension module."),
);

/// The runtime's own. Its types are there once for all interpreters of a process.
struct Originals {
    create_builtin: PyObjectRef,
    /// The kinds of objects whose `__doc__` is asked for here.
    docstrings: Vec<(&'static Py<PyType>, PyRef<PyGetSet>)>,
}

static ORIGINALS: OnceLock<Originals> = OnceLock::new();

/// Gives what is there already the docstrings that the runtime leaves out, and sees to what is imported
/// later.
///
/// # Errors
/// What looking the runtime's modules up raised.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let imports = vm.import("_imp", 0)?;
    if ORIGINALS.get().is_none() {
        let originals = Originals {
            create_builtin: imports.get_attr("create_builtin", vm)?,
            docstrings: replace_docstrings(vm),
        };
        if ORIGINALS.set(originals).is_ok() {
            document_below(vm.ctx.types.object_type, vm);
        }
    }
    let modules = vm.sys_module.get_attr("modules", vm)?;
    let others = ["builtins", "sys"].into_iter();
    for name in vm.state.module_defs.keys().copied().chain(others) {
        if let Ok(module) = modules.get_item(name, vm) {
            document(&module, vm)?;
        }
    }
    // Modules are made for each interpreter.
    let create = CREATE_BUILTIN
        .to_function()
        .with_module(vm.ctx.intern_str("_imp"))
        .with_module_object(imports.clone());
    imports.set_attr("create_builtin", create.into_ref(&vm.ctx), vm)
}

/// Puts what looks docstrings up in the place of the runtime's, which it gives.
fn replace_docstrings(vm: &VirtualMachine) -> Vec<(&'static Py<PyType>, PyRef<PyGetSet>)> {
    let types = &vm.ctx.types;
    let name = vm.ctx.intern_str("__doc__");
    let kinds = [
        types.type_type,
        types.builtin_function_or_method_type,
        types.method_descriptor_type,
        types.classmethod_descriptor_type,
        types.wrapper_descriptor_type,
        types.method_wrapper_type,
        types.getset_type,
        types.member_descriptor_type,
    ];
    let mut originals = Vec::new();
    for kind in kinds {
        let Some(Ok(original)) = kind.get_direct_attr(name).map(PyObjectRef::downcast) else {
            continue;
        };
        originals.push((kind, original));
        let get = move |object: PyObjectRef, vm: &VirtualMachine| docstring(kind, object, vm);
        let own = match kind.is(types.type_type) {
            true => vm
                .ctx
                .new_static_getset("__doc__", kind, get, set_docstring),
            false => vm.ctx.new_readonly_getset("__doc__", kind, get),
        };
        kind.set_attr(name, own.into());
    }
    originals
}

/// Makes a native module, as the runtime does, and gives it and its classes their docstrings.
fn create_builtin(spec: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let name = spec.get_attr("name", vm)?;
    let modules = vm.sys_module.get_attr("modules", vm)?;
    let is_there = modules.get_item(&*name, vm).is_ok();
    let originals = ORIGINALS.get().expect("it is there before this is");
    let module = originals.create_builtin.call((spec,), vm)?;
    if !is_there && module.downcast_ref::<PyModule>().is_some() {
        document(&module, vm)?;
        // Some of its classes nobody can name.
        let name = name.downcast_ref::<PyStr>().and_then(|name| name.to_str());
        for class in subclasses(vm.ctx.types.object_type) {
            if name.is_some_and(|name| is_of_native(&class, name, vm)) {
                document_class(&class, vm);
            }
        }
    }
    Ok(module)
}

/// Sets the docstring of a native module, and those of its classes.
fn document(module: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    let Some(dict) = module.dict() else {
        return Ok(());
    };
    let name = dict.get_item_opt("__name__", vm)?;
    let name = name
        .as_ref()
        .and_then(|name| name.downcast_ref::<PyStr>())
        .and_then(|name| name.to_str());
    let Some(name) = name else {
        return Ok(());
    };
    for (_, value) in &dict {
        // Whatever else is in it may be of another module.
        if let Some(class) = value.downcast_ref::<PyType>()
            && is_of_native(class, name, vm)
        {
            document_class(class, vm);
        }
    }
    let is_missing = dict
        .get_item_opt("__doc__", vm)?
        .is_none_or(|doc| vm.is_none(&doc));
    match OF_CLASSES.text(name) {
        Some(doc) if is_missing => dict.set_item("__doc__", vm.ctx.new_str(doc).into(), vm),
        _ => Ok(()),
    }
}

/// Whether a class is native, or one that only a native module with this name can have made.
fn is_of_native(class: &Py<PyType>, name: &str, vm: &VirtualMachine) -> bool {
    if !is_made_in_python(class) {
        return true;
    }
    let module = module_of(class, vm);
    module.is_some_and(|module| module == name || Some(&*module) == name.strip_prefix('_'))
}

/// Sets the docstrings of a native class and of all native ones that come from it.
fn document_below(class: &Py<PyType>, vm: &VirtualMachine) {
    document_class(class, vm);
    for subclass in subclasses(class) {
        if !is_made_in_python(&subclass) {
            document_below(&subclass, vm);
        }
    }
}

fn subclasses(class: &Py<PyType>) -> Vec<PyTypeRef> {
    let alive = |class: &PyRef<PyWeak>| class.upgrade();
    // Let go of without the lock: this may be all that is left of one.
    let all: Vec<_> = class.subclasses.read().iter().filter_map(alive).collect();
    let classes = all.into_iter().map(|class| class.downcast::<PyType>());
    classes.filter_map(Result::ok).collect()
}

/// Sets the docstring of a native class that has none.
fn document_class(class: &Py<PyType>, vm: &VirtualMachine) {
    let name = vm.ctx.intern_str("__doc__");
    let is_missing = class
        .get_direct_attr(name)
        .is_none_or(|doc| vm.is_none(&doc));
    if is_missing && let Some(doc) = of_class(class, vm) {
        class.set_attr(name, vm.ctx.new_str(doc).into());
    }
}

/// The `__doc__` of an object of such a kind: a class, a native function or a descriptor.
fn docstring(kind: &'static Py<PyType>, object: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let found = match original(kind) {
        // It refuses what is of another kind.
        Some(original) => vm.call_get_descriptor_specific(
            original.as_object(),
            Some(&object),
            Some(object.class().as_object()),
        ),
        None => None,
    };
    let found = found.unwrap_or_else(|| Ok(vm.ctx.none()))?;
    if let Some(class) = object.downcast_ref::<PyType>() {
        // Of a class whose signature it has the runtime shows nothing else. And some native kinds have a
        // descriptor there, for their instances.
        if found.downcastable::<PyStr>() || is_made_in_python(class) {
            return Ok(found);
        }
        let own = class.get_direct_attr(vm.ctx.intern_str("__doc__"));
        return Ok(match own.filter(|doc| doc.downcastable::<PyStr>()) {
            Some(own) => own,
            None => of_class(class, vm).map_or(found, |doc| vm.ctx.new_str(doc).into()),
        });
    }
    if !vm.is_none(&found) {
        return Ok(found);
    }
    let name = object.get_attr("__name__", vm)?;
    let doc = match name.downcast_ref::<PyStr>().and_then(|name| name.to_str()) {
        Some(name) => of_named(&object, name, vm)?,
        None => None,
    };
    Ok(doc.map_or(found, |doc| vm.ctx.new_str(doc).into()))
}

/// Sets the `__doc__` of a class, or deletes it.
fn set_docstring(
    class: PyObjectRef,
    value: PySetterValue<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let original = original(vm.ctx.types.type_type);
    let set = original.and_then(|original| original.class().slots().descr_set.load());
    match original.zip(set) {
        Some((original, set)) => set(original.as_object(), class, value, vm),
        None => Err(vm.new_attribute_error("the docstring of a class can't be set")),
    }
}

/// The runtime's own way to the docstring of such objects.
fn original(kind: &Py<PyType>) -> Option<&'static Py<PyGetSet>> {
    let originals = ORIGINALS.get()?.docstrings.iter();
    let mut originals = originals.filter(|(known, _)| known.is(kind));
    originals.next().map(|(_, original)| &**original)
}

/// The docstring of a native function or descriptor with this name.
fn of_named(object: &PyObject, name: &str, vm: &VirtualMachine) -> PyResult<Option<&'static str>> {
    if let Some(owner) = vm.get_attribute_opt(object, "__objclass__")? {
        let Some(owner) = owner.downcast_ref::<PyType>() else {
            return Ok(None);
        };
        // Classes made in Python have members, too, and may be called as native ones are.
        let is_certain = !is_made_in_python(owner) || is_native(object, vm);
        let module = module_of(owner, vm);
        return Ok(match module.as_deref() {
            _ if is_certain => of_attribute(owner, name, vm),
            Some(module) => find(&OTHERS, module, &owner.name(), Some(name), false),
            None => None,
        });
    }
    let owner = vm.get_attribute_opt(object, "__self__")?;
    let owner = owner.filter(|owner| !vm.is_none(owner));
    let module = match &owner {
        None => vm.get_attribute_opt(object, "__module__")?,
        Some(owner) if owner.fast_isinstance(vm.ctx.types.module_type) => {
            vm.get_attribute_opt(owner, "__name__")?
        }
        Some(owner) => return Ok(of_method(owner, name, vm)),
    };
    let module = module
        .as_ref()
        .and_then(|module| module.downcast_ref::<PyStr>());
    // What handles failures of encoding belongs to no module.
    let module = module
        .and_then(|module| module.to_str())
        .unwrap_or("codecs");
    // Some are classes elsewhere.
    let mut found = [&OTHERS, &OF_CLASSES].into_iter();
    Ok(found.find_map(|table| find(table, module, name, None, false)))
}

/// The docstring of a native method that is bound to an object, or to a class.
fn of_method(owner: &PyObject, name: &str, vm: &VirtualMachine) -> Option<&'static str> {
    let class = owner.downcast_ref::<PyType>();
    let key = vm.ctx.intern_str(name);
    let classes = class.into_iter().chain([owner.class()]);
    // Classes made in Python may have something else by that name.
    let found = classes.into_iter().find_map(|class| {
        let bases = class.mro.read();
        let mut bases = bases.iter().filter(|base| {
            let attribute = base.get_direct_attr(key);
            attribute.is_some_and(|own| !is_made_in_python(base) || is_native(&own, vm))
        });
        bases.next().cloned()
    });
    found.and_then(|class| of_attribute(&class, name, vm))
}

/// Whether a descriptor is one that no class made in Python has of its own.
fn is_native(descriptor: &PyObject, vm: &VirtualMachine) -> bool {
    let types = &vm.ctx.types;
    let kinds = [
        types.method_descriptor_type,
        types.classmethod_descriptor_type,
        types.wrapper_descriptor_type,
        types.method_wrapper_type,
    ];
    kinds.iter().any(|kind| descriptor.class().is(*kind))
}

fn is_made_in_python(class: &Py<PyType>) -> bool {
    class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE)
}

fn of_class(class: &Py<PyType>, vm: &VirtualMachine) -> Option<&'static str> {
    let module = module_of(class, vm);
    let module = module.as_deref().unwrap_or("builtins");
    find(&OF_CLASSES, module, &class.name(), None, true)
}

fn of_attribute(class: &Py<PyType>, name: &str, vm: &VirtualMachine) -> Option<&'static str> {
    let module = module_of(class, vm);
    let module = module.as_deref().unwrap_or("builtins");
    find(&OTHERS, module, &class.name(), Some(name), true)
}

fn module_of(class: &Py<PyType>, vm: &VirtualMachine) -> Option<String> {
    let module = class.get_direct_attr(vm.ctx.intern_str("__module__"))?;
    let module = module.downcast_ref::<PyStr>()?;
    module.to_str().map(str::to_owned)
}

/// The text for a class, a function or an attribute; modules are named as their users know them, while
/// the texts may stand under the name of the native module behind.
fn find(
    table: &Table,
    module: &str,
    name: &str,
    attribute: Option<&str>,
    is_class: bool,
) -> Option<&'static str> {
    let bare = module.trim_start_matches('_');
    let private = format!("_{module}");
    let modules: [&str; 3] = match module {
        "os" | "posix" => [module, "posix", "nt"],
        "nt" => ["nt", "posix", "posix"],
        "builtins" => [module, module, module],
        _ if module.starts_with('_') => [module, bare, bare],
        _ if is_class => [module, &private, "builtins"],
        _ => [module, &private, &private],
    };
    modules.iter().enumerate().find_map(|(at, module)| {
        let is_new = !modules[..at].contains(module);
        match attribute {
            _ if !is_new => None,
            None => table.text(&format!("{module}.{name}")),
            Some(attribute) => table.text_of_attribute(&format!("{module}.{name}"), attribute),
        }
    })
}

impl Table {
    fn text(&self, name: &str) -> Option<&'static str> {
        let mut place = self.line(name)?.split(' ');
        let (start, length) = (place.next()?, place.next()?);
        let (start, length): (usize, usize) = (start.parse().ok()?, length.parse().ok()?);
        let text = self.texts.get(start..start.checked_add(length)?)?;
        std::str::from_utf8(text).ok()
    }

    fn text_of_attribute(&self, class: &str, attribute: &str) -> Option<&'static str> {
        self.text(&format!("{class}.{attribute}")).or_else(|| {
            let as_root = self.line(&format!("{class}."))?;
            as_root
                .split(',')
                .any(|name| name == attribute)
                .then(|| self.text(&format!("builtins.object.{attribute}")))?
        })
    }

    /// What stands behind a name in its line: lines are in the order of their names.
    fn line(&self, name: &str) -> Option<&'static str> {
        let is_end = |byte: &u8| *byte == b'\n';
        // Both are where a line begins.
        let (mut low, mut high) = (0, self.index.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let before = self.index[low..middle].iter().rposition(is_end);
            let start = before.map_or(low, |at| low + at + 1);
            let end = self.index[middle..high].iter().position(is_end)? + middle;
            let line = &self.index[start..end];
            let split = line.iter().position(|byte| *byte == b'\t')?;
            match line[..split].cmp(name.as_bytes()) {
                std::cmp::Ordering::Less => low = end + 1,
                std::cmp::Ordering::Greater => high = start,
                std::cmp::Ordering::Equal => return std::str::from_utf8(&line[split + 1..]).ok(),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{OF_CLASSES, OTHERS, Table, find};

    #[test]
    fn every_name_is_found() {
        for (table, least) in [(&OF_CLASSES, 500), (&OTHERS, 5_000)] {
            let mut found = 0;
            for line in table.index.split(|byte| *byte == b'\n') {
                let line = std::str::from_utf8(line).expect("the build script wrote text");
                let Some((name, place)) = line.split_once('\t') else {
                    continue;
                };
                assert_eq!(table.line(name), Some(place), "{name}");
                match name.strip_suffix('.') {
                    None => assert!(table.text(name).is_some(), "{name}"),
                    Some(class) => {
                        for attribute in place.split(',') {
                            let text = table.text_of_attribute(class, attribute);
                            assert!(text.is_some(), "{class}.{attribute}");
                        }
                    }
                }
                found += 1;
            }
            assert!(found > least, "there are {found}");
        }
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        for name in [
            "",
            " ",
            "a",
            "zzz",
            "builtins.",
            "builtins.lis",
            "builtins.list.appen",
            "~",
        ] {
            assert_eq!(OTHERS.text(name), None, "{name:?}");
            assert_eq!(OF_CLASSES.text(name), None, "{name:?}");
        }
        let empty = Table {
            index: b"",
            texts: b"",
        };
        assert_eq!(empty.line("a"), None);
    }

    #[test]
    fn texts_are_found_under_the_names_that_modules_go_by() {
        let of = |module, class, attribute| find(&OTHERS, module, class, Some(attribute), true);
        let append = of("builtins", "list", "append");
        assert_eq!(append, Some("Append object to the end of the list."));
        assert_eq!(
            of("collections", "deque", "rotate"),
            of("_collections", "deque", "rotate")
        );
        assert!(of("collections", "deque", "rotate").is_some());
        assert_eq!(
            of("datetime", "date", "__repr__"),
            Some("Return repr(self).")
        );
        assert_eq!(of("builtins", "list", "no such method"), None);
        let function = |module, name| find(&OTHERS, module, name, None, false);
        assert_eq!(function("os", "getcwd"), function("posix", "getcwd"));
        assert!(function("os", "getcwd").is_some());
        assert!(
            OF_CLASSES
                .text("math")
                .is_some_and(|doc| doc.contains("mathematical"))
        );
        assert!(find(&OF_CLASSES, "collections", "deque", None, true).is_some());
    }
}
