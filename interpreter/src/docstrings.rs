//! The docstrings of native objects, read when somebody asks for one.
//!
//! The runtime can carry them itself, and then unpacks them all before it makes its first type. Here a
//! native class has a placeholder as its `__doc__`, which puts the text in its own place when it is asked,
//! and the kinds of native functions and descriptors look their text up where the runtime has none. Texts
//! of modules are few: they are set as a module is made. What is read here, `docs.rs` of the build script
//! has written; a signature isn't in it, the runtime has these.

use std::collections::HashMap;
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyGetSet, PyModule, PyStr, PyType};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::function::{ItemDoc, PyMethodDef, PyMethodFlags, PySetterValue};
use rustpython_vm::types::{GetDescriptor, PyTypeFlags};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};

const PACKED_BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/docs"));

/// It stands apart from other constants, all of which a cold start reads.
#[cfg_attr(target_os = "linux", unsafe(link_section = ".library"))]
static PACKED: [u8; PACKED_BYTES.len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/docs"));

const AT_ONCE: &str = include_str!(concat!(env!("OUT_DIR"), "/docs-at-once"));

/// What is done with a native module once it is there; the runtime has nothing to do then.
static EXEC_BUILTIN: PyMethodDef = PyMethodDef::new_const(
    "exec_builtin",
    exec_builtin,
    PyMethodFlags::EMPTY,
    ItemDoc::static_text("exec_builtin($module, mod, /)\n--\n\nInitialize a native module."),
);

/// Where the texts of native objects are, by `module.class.attribute`.
struct Documentation {
    texts: &'static str,
    places: HashMap<&'static str, (usize, usize)>,
}

/// The kinds of native objects whose docstring is asked for here, each with the runtime's own way to it.
/// They are there once for all interpreters of a process.
static ORIGINALS: OnceLock<Vec<(&'static Py<PyType>, PyRef<PyGetSet>)>> = OnceLock::new();

static PLACEHOLDER: OnceLock<PyObjectRef> = OnceLock::new();

/// Stands for the docstring of a native class until it is asked for.
#[pyclass(module = "_rhumba_shell", name = "Docstring")]
#[derive(Debug, PyPayload)]
struct Docstring;

#[pyclass(flags(DISALLOW_INSTANTIATION), with(GetDescriptor))]
impl Docstring {}

impl GetDescriptor for Docstring {
    fn descr_get(
        zelf: &PyObject,
        object: Option<&PyObject>,
        class: Option<&PyObject>,
        vm: &VirtualMachine,
    ) -> PyResult {
        let class = match (
            object,
            class.and_then(|class| class.downcast_ref::<PyType>()),
        ) {
            (_, Some(class)) => class,
            (Some(object), None) => object.class(),
            (None, None) => return Ok(zelf.to_owned()),
        };
        let name = vm.ctx.intern_str("__doc__");
        let owner = class.mro.read().iter().find_map(|base| {
            base.get_direct_attr(name)
                .is_some_and(|doc| doc.is(zelf))
                .then(|| base.clone())
        });
        let Some(owner) = owner else {
            return Ok(vm.ctx.none());
        };
        let doc = of_class(&owner, None, vm);
        owner.set_attr(name, doc.clone());
        Ok(doc)
    }
}

/// Gives what is there already the docstrings that the runtime leaves out, and what is imported later.
///
/// # Errors
/// What looking the runtime's modules up raised.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let types = &vm.ctx.types;
    ORIGINALS.get_or_init(|| {
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
            let original = kind.get_direct_attr(name).map(PyObjectRef::downcast);
            if let Some(Ok(original)) = original {
                originals.push((kind, original));
                let own = match kind.is(types.type_type) {
                    true => vm
                        .ctx
                        .new_static_getset("__doc__", kind, docstring, set_docstring),
                    false => vm.ctx.new_readonly_getset("__doc__", kind, docstring),
                };
                kind.set_attr(name, own.into());
            }
        }
        originals
    });
    let placeholder = PLACEHOLDER.get_or_init(|| {
        let class = Docstring::make_static_type();
        PyRef::new_ref(Docstring, class, None).into()
    });
    if let Some(doc) = at_once("types.GenericAlias") {
        let doc = vm.ctx.new_str(doc).into();
        types
            .generic_alias_type
            .set_attr(vm.ctx.intern_str("__doc__"), doc);
    }
    put_below(types.object_type, placeholder, vm);
    let modules = vm.sys_module.get_attr("modules", vm)?;
    for name in ["builtins", "sys"] {
        document(&*modules.get_item(name, vm)?, vm)?;
    }
    let imports = vm.import("_imp", 0)?;
    for name in vm.state.module_defs.keys() {
        if let Ok(module) = modules.get_item(*name, vm) {
            document(&module, vm)?;
        }
    }
    imports.set_attr("exec_builtin", EXEC_BUILTIN.build_function(&vm.ctx), vm)
}

/// Puts the placeholder into a native class and all that come from it.
fn put_below(class: &Py<PyType>, placeholder: &PyObjectRef, vm: &VirtualMachine) {
    put(class, placeholder, vm);
    for subclass in class.subclasses.read().iter() {
        if let Some(Ok(subclass)) = subclass.upgrade().map(PyObjectRef::downcast::<PyType>) {
            put_below(&subclass, placeholder, vm);
        }
    }
}

fn put(class: &Py<PyType>, placeholder: &PyObjectRef, vm: &VirtualMachine) {
    let name = vm.ctx.intern_str("__doc__");
    let is_missing = || {
        class
            .get_direct_attr(name)
            .is_some_and(|doc| vm.is_none(&doc))
    };
    if !is_made_in_python(class) && is_missing() {
        class.set_attr(name, placeholder.clone());
    }
}

fn exec_builtin(module: PyRef<PyModule>, vm: &VirtualMachine) -> PyResult<i32> {
    document(module.as_object(), vm)?;
    Ok(0)
}

/// Sets the docstring of a native module, and prepares those of its classes.
fn document(module: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    let Some(dict) = module.dict() else {
        return Ok(());
    };
    if let Some(placeholder) = PLACEHOLDER.get() {
        for (_, value) in &dict {
            if let Some(class) = value.downcast_ref::<PyType>() {
                put(class, placeholder, vm);
            }
        }
    }
    let has_none = dict
        .get_item_opt("__doc__", vm)?
        .is_none_or(|doc| vm.is_none(&doc));
    let name = dict.get_item_opt("__name__", vm)?;
    let name = name.as_ref().and_then(|name| name.downcast_ref::<PyStr>());
    match name.and_then(|name| name.to_str()) {
        Some(name) if has_none && let Some(doc) = at_once(name) => {
            dict.set_item("__doc__", vm.ctx.new_str(doc).into(), vm)
        }
        _ => Ok(()),
    }
}

/// What is told at once, of modules above all.
fn at_once(name: &str) -> Option<&'static str> {
    let mut parts = AT_ONCE.split('\0');
    while let (Some(known), Some(doc)) = (parts.next(), parts.next()) {
        if known == name {
            return Some(doc);
        }
    }
    None
}

/// The runtime's own way to the docstring of such an object.
fn original(object: &PyObject) -> Option<&'static Py<PyGetSet>> {
    let originals = ORIGINALS.get()?;
    let is_of = |(kind, _): &&(&Py<PyType>, _)| object.class().fast_issubclass(*kind);
    originals
        .iter()
        .find(is_of)
        .map(|(_, original)| &**original)
}

/// The `__doc__` of a class, a native function or a descriptor.
fn docstring(object: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let found = original(&object)
        .and_then(|original| vm.call_get_descriptor(original.as_object(), &object));
    if let Some(class) = object.downcast_ref::<PyType>() {
        // The runtime has none here for a class of whose docstring it has the signature alone. And some
        // native kinds have a descriptor there, which is for their instances.
        let is_text = |doc: &PyObjectRef| doc.downcastable::<PyStr>();
        return match found {
            Some(Ok(doc)) if is_text(&doc) || is_made_in_python(class) => Ok(doc),
            Some(Err(failure)) => Err(failure),
            _ => Ok(class
                .get_direct_attr(vm.ctx.intern_str("__doc__"))
                .filter(is_text)
                .unwrap_or_else(|| of_class(class, None, vm))),
        };
    }
    match found {
        Some(Ok(doc)) if vm.is_none(&doc) => {}
        Some(other) => return other,
        None => {}
    }
    let Ok(name) = object.get_attr("__name__", vm)?.downcast::<PyStr>() else {
        return Ok(vm.ctx.none());
    };
    if let Some(owner) = vm.get_attribute_opt(&object, "__objclass__")? {
        let Some(owner) = owner.downcast_ref::<PyType>() else {
            return Ok(vm.ctx.none());
        };
        return Ok(of_class(owner, name.to_str(), vm));
    }
    let owner = vm.get_attribute_opt(&object, "__self__")?;
    match owner {
        Some(owner) if !vm.is_none(&owner) && !owner.fast_isinstance(vm.ctx.types.module_type) => {
            of_method(&owner, &name, vm)
        }
        _ => of_function(&object, &name, vm),
    }
}

/// Sets the `__doc__` of a class, or deletes it.
fn set_docstring(
    class: PyObjectRef,
    value: PySetterValue<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let original = original(&class);
    let set = original.and_then(|original| original.class().slots().descr_set.load());
    match original.zip(set) {
        Some((original, set)) => set(original.as_object(), class, value, vm),
        None => Err(vm.new_attribute_error("the docstring of a class can't be set")),
    }
}

/// The docstring of a native function of a module.
fn of_function(function: &PyObject, name: &Py<PyStr>, vm: &VirtualMachine) -> PyResult {
    let module = vm.get_attribute_opt(function, "__module__")?;
    let module = module
        .as_ref()
        .and_then(|module| module.downcast_ref::<PyStr>());
    let doc = match (module.and_then(|module| module.to_str()), name.to_str()) {
        (Some(module), Some(name)) => find(module, name, None, false),
        _ => None,
    };
    Ok(doc.map_or_else(|| vm.ctx.none(), |doc| vm.ctx.new_str(doc).into()))
}

/// The docstring of a native method that is bound to an object, or to a class.
fn of_method(owner: &PyObject, name: &Py<PyStr>, vm: &VirtualMachine) -> PyResult {
    let class = owner.downcast_ref::<PyType>();
    let key = vm.ctx.intern_str(name.as_wtf8());
    let found = class.into_iter().chain([owner.class()]).find_map(|class| {
        class.mro.read().iter().find_map(|base| {
            let attribute = base.get_direct_attr(key)?;
            Some((base.clone(), attribute))
        })
    });
    let Some((class, attribute)) = found else {
        return Ok(vm.ctx.none());
    };
    let is_described = [
        vm.ctx.types.method_descriptor_type,
        vm.ctx.types.classmethod_descriptor_type,
    ];
    match is_described.iter().any(|kind| attribute.class().is(*kind)) {
        true => docstring(attribute, vm),
        false => Ok(of_class(&class, name.to_str(), vm)),
    }
}

fn is_made_in_python(class: &Py<PyType>) -> bool {
    class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE)
}

/// The docstring of a native class, or of one of its attributes; None for a class made in Python.
fn of_class(class: &Py<PyType>, attribute: Option<&str>, vm: &VirtualMachine) -> PyObjectRef {
    if is_made_in_python(class) {
        return vm.ctx.none();
    }
    let module = class.get_direct_attr(vm.ctx.intern_str("__module__"));
    let module = module
        .as_ref()
        .and_then(|module| module.downcast_ref::<PyStr>());
    let module = module
        .and_then(|module| module.to_str())
        .unwrap_or("builtins");
    let name = class.name();
    let doc = find(module, &name, attribute, true).or_else(|| {
        // What is the same as for the root of all classes, is kept for that.
        attribute.and_then(|attribute| find("builtins", "object", Some(attribute), false))
    });
    doc.map_or_else(|| vm.ctx.none(), |doc| vm.ctx.new_str(doc).into())
}

/// The text for a class, a function or an attribute; modules are named as their users know them, while
/// the texts may stand under the name of the native module behind.
fn find(module: &str, name: &str, attribute: Option<&str>, is_class: bool) -> Option<&'static str> {
    let bare = module.trim_start_matches('_');
    let private = format!("_{module}");
    let names: [&str; 4] = match module {
        "os" | "posix" => [module, "posix", "nt", "_os"],
        "nt" => ["nt", "posix", "os", "_os"],
        _ if module.starts_with('_') => [module, bare, bare, bare],
        _ if is_class => [module, &private, "builtins", "builtins"],
        _ => [module, &private, &private, &private],
    };
    let documentation = documentation();
    names.iter().find_map(|module| {
        let key = match attribute {
            Some(attribute) => format!("{module}.{name}.{attribute}"),
            None => format!("{module}.{name}"),
        };
        let (start, length) = *documentation.places.get(key.as_str())?;
        documentation.texts.get(start..start + length)
    })
}

fn documentation() -> &'static Documentation {
    static DOCUMENTATION: OnceLock<Documentation> = OnceLock::new();
    DOCUMENTATION.get_or_init(|| read(&PACKED).expect("the build script wrote it"))
}

fn read(packed: &[u8]) -> Option<Documentation> {
    let unpacked = Vec::leak(zstd::decode_all(packed).ok()?);
    let (length, rest) = unpacked.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (texts, lines) = std::str::from_utf8(rest).ok()?.split_at_checked(length)?;
    let mut places = HashMap::new();
    for line in lines.lines() {
        let mut words = line.rsplitn(3, ' ');
        let (length, start) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        places.insert(words.next()?, (start, length));
    }
    Some(Documentation { texts, places })
}

#[cfg(test)]
mod tests {
    use super::{at_once, documentation, find};

    #[test]
    fn every_place_lies_within_the_texts() {
        let documentation = documentation();
        assert!(documentation.places.len() > 5_000);
        for (name, &(start, length)) in &documentation.places {
            assert!(
                documentation.texts.get(start..start + length).is_some(),
                "{name} lies at {start} and is {length} long"
            );
        }
    }

    #[test]
    fn texts_are_found_under_the_names_that_modules_go_by() {
        let append = find("builtins", "list", Some("append"), true);
        assert_eq!(append, Some("Append object to the end of the list."));
        let of_deque = find("collections", "deque", Some("rotate"), true);
        assert_eq!(
            of_deque,
            find("_collections", "deque", Some("rotate"), true)
        );
        assert!(of_deque.is_some());
        assert_eq!(
            find("os", "getcwd", None, false),
            find("posix", "getcwd", None, false)
        );
        assert_eq!(find("builtins", "list", Some("no such method"), true), None);
        assert!(at_once("math").is_some_and(|doc| doc.contains("mathematical")));
        assert_eq!(at_once("no such module"), None);
    }
}
