//! Finds objects and their attributes without running the code of a property.
//!
//! For completion and introspection: looking at an object must not change it.

use rustpython_vm::builtins::{PyDict, PyDictRef, PyModule, PyStr, PyType};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::namespace::Namespace;

/// Attributes of the runtime's own types that are computed by code of the user's when they are first read.
const COMPUTED_NAMES: [&str; 5] = [
    "__annotations__",
    "__bound__",
    "__constraints__",
    "__default__",
    "__value__",
];

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
    if let Ok(Some(found)) = namespace.dict().get_item_opt(name, vm) {
        return Some(found);
    }
    vm.builtins.dict().get_item_opt(name, vm).ok().flatten()
}

/// Finds an attribute in the dictionaries of the object and its types.
pub(crate) fn attribute(vm: &VirtualMachine, object: &PyObject, name: &str) -> Option<Found> {
    if let Some(class) = object.downcast_ref::<PyType>() {
        // A class method or a plain function of a class binds without running user code.
        let found = class_attribute(vm, class, name)
            .or_else(|| class_attribute(vm, class.as_object().class(), name))?;
        return Some(read(vm, object, found, name));
    }
    if let Some(found) = own_attribute(vm, object, name) {
        return Some(Found::Object(found));
    }
    let found = class_attribute(vm, object.class(), name)?;
    Some(read(vm, object, found, name))
}

/// Reads what the type holds under the name, if doing so runs no Python code.
fn read(vm: &VirtualMachine, object: &PyObject, held: PyObjectRef, name: &str) -> Found {
    let kind = held.class().name().to_string();
    match kind.as_str() {
        "getset_descriptor" if COMPUTED_NAMES.contains(&name) => Found::Unread(held),
        // Native descriptors: a field of the runtime's own types, or a bound function.
        "getset_descriptor"
        | "member_descriptor"
        | "method_descriptor"
        | "function"
        | "builtin_function_or_method"
        | "classmethod"
        | "staticmethod"
        | "wrapper_descriptor"
        | "classmethod_descriptor" => {
            // Not through the object's own attribute access, which a class can replace.
            let name = vm.ctx.new_str(name);
            if has_standard_access(vm, object) {
                match object.generic_getattr_opt(&name, None, vm) {
                    Ok(Some(found)) => Found::Object(found),
                    _ => Found::Object(held),
                }
            } else {
                Found::Object(held)
            }
        }
        _ if has_get(vm, &held) => Found::Unread(held),
        _ => Found::Object(held),
    }
}

fn has_standard_access(vm: &VirtualMachine, object: &PyObject) -> bool {
    let is_standard = |dict: PyDictRef| dict.class().is(vm.ctx.types.dict_type);
    object.downcast_ref::<PyType>().is_none()
        && class_attribute(vm, object.class(), "__getattr__").is_none()
        && object.dict().is_none_or(is_standard)
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

/// What a dictionary holds under the name: itself, whatever its class would answer.
pub(crate) fn entry(vm: &VirtualMachine, dict: &PyDict, name: &str) -> Option<PyObjectRef> {
    dict.inner_getitem_opt(name, vm).ok().flatten()
}

pub(crate) fn class_attribute(
    vm: &VirtualMachine,
    class: &rustpython_vm::Py<PyType>,
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
pub(crate) fn class_attribute_names(class: &rustpython_vm::Py<PyType>) -> Vec<String> {
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
