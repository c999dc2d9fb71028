//! Finds objects and their attributes without running the code of a property.
//!
//! For completion and introspection: looking at an object must not change it.

use rustpython_vm::builtins::{PyBoundMethod, PyDict, PyModule, PyStr, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::namespace::Namespace;

/// Fields of the runtime's own types that ask something else for their value, which may be code of the
/// user's: annotations that are made when they are first read, a file that asks the one below it.
const COMPUTED_NAMES: [&str; 10] = [
    "__annotations__",
    "__bound__",
    "__constraints__",
    "__default__",
    "__isabstractmethod__",
    "__value__",
    "closed",
    "mode",
    "name",
    "newlines",
];

/// What every class has as a field, whatever it holds under the name itself.
const CLASS_FIELDS: [&str; 8] = [
    "__base__",
    "__bases__",
    "__basicsize__",
    "__dict__",
    "__flags__",
    "__mro__",
    "__name__",
    "__qualname__",
];

/// What a bound method has from its function.
const FUNCTION_FIELDS: [&str; 2] = ["__doc__", "__module__"];

/// What looking up a dotted name found.
pub(crate) enum Found {
    Object(PyObjectRef),
    /// A descriptor that would have to run to give its value: a property.
    Unread(PyObjectRef),
}

/// Finds `a.b.c` from the namespace or the builtins.
pub(crate) fn dotted(vm: &VirtualMachine, namespace: &Namespace, path: &str) -> Option<Found> {
    let mut parts = path.split('.');
    let first = parts.next()?;
    let mut found = name(vm, namespace, first)?;
    while let Some(part) = parts.next() {
        match attribute(vm, &found, part)? {
            Found::Object(object) => found = object,
            Found::Unread(descriptor) => {
                return parts.next().is_none().then_some(Found::Unread(descriptor));
            }
        }
    }
    Some(Found::Object(found))
}

/// Finds a name as code at the top of a cell would.
pub(crate) fn name(vm: &VirtualMachine, namespace: &Namespace, name: &str) -> Option<PyObjectRef> {
    let bound = entry(vm, &namespace.dict(), name);
    bound.or_else(|| entry(vm, &vm.builtins.dict(), name))
}

/// A module that is there: looking runs no import.
pub(crate) fn module(vm: &VirtualMachine, path: &str) -> Option<PyObjectRef> {
    let modules = own_attribute(vm, vm.sys_module.as_object(), "modules")?;
    entry(vm, modules.downcast_ref::<PyDict>()?, path)
}

/// Finds an attribute in the dictionaries of the object and its types.
pub(crate) fn attribute(vm: &VirtualMachine, object: &PyObject, name: &str) -> Option<Found> {
    if let Some(class) = object.downcast_ref::<PyType>() {
        return attribute_of_class(vm, class, name);
    }
    if object.downcast_ref::<PyBoundMethod>().is_some() && FUNCTION_FIELDS.contains(&name) {
        let function = object.get_attr("__func__", vm).ok()?;
        let found = is_function(vm, &function).then(|| attribute(vm, &function, name));
        return found.flatten();
    }
    if let Some(found) = own_attribute(vm, object, name) {
        return Some(Found::Object(found));
    }
    let held = class_attribute(vm, object.class(), name)?;
    Some(read(vm, held, Some(object), object.class(), name))
}

fn attribute_of_class(vm: &VirtualMachine, class: &Py<PyType>, name: &str) -> Option<Found> {
    let object = class.as_object();
    let of_metaclass = || {
        let held = class_attribute(vm, object.class(), name)?;
        Some((
            read(vm, held.clone(), Some(object), object.class(), name),
            held,
        ))
    };
    if CLASS_FIELDS.contains(&name)
        && let Some((field, held)) = of_metaclass()
        && is_field(vm, &held)
    {
        return Some(field);
    }
    match class_attribute(vm, class, name) {
        Some(held) => Some(read(vm, held, None, class, name)),
        None => of_metaclass().map(|(found, _)| found),
    }
}

/// Reads what a class holds under the name, for one of its objects or for itself, if doing so runs no
/// Python code. Not through the object's own attribute access, which a class can replace.
fn read(
    vm: &VirtualMachine,
    held: PyObjectRef,
    object: Option<&PyObject>,
    class: &Py<PyType>,
    name: &str,
) -> Found {
    let is_quiet =
        is_function(vm, &held) || (is_field(vm, &held) && !COMPUTED_NAMES.contains(&name));
    if is_quiet {
        let class = Some(class.as_object());
        return match vm.call_get_descriptor_specific(&held, object, class) {
            Some(Ok(found)) => Found::Object(found),
            // A field that isn't set.
            Some(Err(_)) => Found::Unread(held),
            None => Found::Object(held),
        };
    }
    if has_get(vm, &held) {
        Found::Unread(held)
    } else {
        Found::Object(held)
    }
}

/// Whether a class may hold it as a method: a function of the runtime's own kinds. They bind by themselves.
pub(crate) fn is_function(vm: &VirtualMachine, held: &PyObject) -> bool {
    let types = &vm.ctx.types;
    let kinds = [
        types.function_type,
        types.builtin_function_or_method_type,
        types.builtin_method_type,
        types.classmethod_type,
        types.classmethod_descriptor_type,
        types.method_descriptor_type,
        types.staticmethod_type,
        types.wrapper_descriptor_type,
    ];
    kinds.iter().any(|kind| held.class().is(*kind))
}

/// Whether it is a field of the runtime's own types, or a slot.
fn is_field(vm: &VirtualMachine, held: &PyObject) -> bool {
    let types = &vm.ctx.types;
    held.class().is(types.getset_type) || held.class().is(types.member_descriptor_type)
}

pub(crate) fn has_get(vm: &VirtualMachine, held: &PyObject) -> bool {
    class_attribute(vm, held.class(), "__get__").is_some()
}

/// What an object carries by itself under the name.
pub(crate) fn own_attribute(
    vm: &VirtualMachine,
    object: &PyObject,
    name: &str,
) -> Option<PyObjectRef> {
    let dict = object.dict()?;
    entry(vm, &dict, name)
}

/// What a dictionary holds under the name: itself, whatever its class would answer. It is looked through,
/// as a key of the user's own class would be asked whether it equals the name.
pub(crate) fn entry(vm: &VirtualMachine, dict: &Py<PyDict>, name: &str) -> Option<PyObjectRef> {
    dict.into_iter().find_map(|(key, value)| {
        let key = key.downcast_ref_if_exact::<PyStr>(vm)?;
        (key.as_bytes() == name.as_bytes()).then_some(value)
    })
}

pub(crate) fn class_attribute(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    name: &str,
) -> Option<PyObjectRef> {
    class.lookup_ref(&vm.ctx.new_str(name), vm)
}

/// Whether the object's class has the attribute.
pub(crate) fn class_has(vm: &VirtualMachine, object: &PyObject, name: &str) -> bool {
    class_attribute(vm, object.class(), name).is_some()
}

/// The names of an object's attributes, in no order.
pub(crate) fn attribute_names(object: &PyObject) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(dict) = object.dict() {
        names.extend(dict.keys_vec().iter().filter_map(text));
    }
    if object.downcast_ref::<PyModule>().is_some() {
        return names;
    }
    let mut classes = Vec::new();
    if let Some(class) = object.downcast_ref::<PyType>() {
        classes.extend(class.mro_collect());
    }
    classes.extend(object.class().mro_collect());
    for class in classes {
        let entries = class.attributes().entries();
        names.extend(entries.iter().filter_map(|(key, _)| text(key)));
    }
    names
}

/// The names of the attributes that an object of the class has by it, in no order.
pub(crate) fn class_attribute_names(class: &Py<PyType>) -> Vec<String> {
    let mut names = Vec::new();
    for class in class.mro_collect() {
        let entries = class.attributes().entries();
        names.extend(entries.iter().filter_map(|(key, _)| text(key)));
    }
    names
}

fn text(key: &PyObjectRef) -> Option<String> {
    let text = key.downcast_ref::<PyStr>()?.to_str()?;
    Some(text.to_owned())
}
