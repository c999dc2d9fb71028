//! What a class holds, as a number that tells whether it is still the same. (The runtime gives a class another
//! version when one of its attributes is set, and not when something within them changes.)
//!
//! Containers, functions and instances are looked into as they are kept, so that no code of theirs runs. Of other
//! objects it counts which they are, and not what is in them. A class with a method that has variables of its own has
//! no number: it is sent as one that is never known to be the same, since these go along.
//!
//! Read next: `class.rs`, `../identity.rs`.

use std::hash::{DefaultHasher, Hasher};

use rustpython_vm::builtins::{
    PyByteArray, PyBytes, PyCode, PyComplex, PyDict, PyFloat, PyFrozenSet, PyFunction, PyInt,
    PyList, PyModule, PySet, PyStr, PyTuple, PyType,
};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};

use super::Encoder;
use super::plan::native_base;
use super::scalar::{write_complex, write_float, write_int};
use crate::snapshot::address::AddressMap;
use crate::snapshot::attribute::attributes;

/// So many objects are looked at, and what is behind them isn't.
const OBJECTS_MAX: usize = 10_000;

/// So much is looked at of texts and bytes: they don't change, and longer ones are told apart by their address, too.
const TEXT_BYTES_MAX: usize = 4096;

/// Longer arrays of bytes, which may change, aren't looked at.
const ARRAY_BYTES_MAX: usize = 65_536;

/// What was looked at, and what wasn't yet.
#[derive(Default)]
struct Contents {
    hasher: DefaultHasher,
    /// The containers and the like among it, by address: its place among them.
    seen: AddressMap<usize>,
    /// They live as long as their addresses are remembered.
    kept: Vec<PyObjectRef>,
    rest: Vec<PyObjectRef>,
    object_count: usize,
}

impl Contents {
    fn add(&mut self, parts: Vec<PyObjectRef>) {
        self.hasher.write_usize(parts.len());
        self.rest.extend(parts);
    }

    fn add_pairs(&mut self, pairs: Vec<(PyObjectRef, PyObjectRef)>) {
        self.add(flattened(pairs));
    }

    /// Whether an object was looked at before; if not, it is now.
    fn has_seen(&mut self, object: &PyObject) -> bool {
        let place = self.seen.len();
        let known = *self.seen.entry(object.get_id()).or_insert(place);
        self.hasher.write_usize(known);
        if known == place {
            self.kept.push(object.to_owned());
        }
        known != place
    }
}

impl Encoder<'_> {
    /// A number for what the entries of a class hold: another one if that has changed. None if there is none.
    pub fn number_of_contents(&mut self, entries: &[PyObjectRef]) -> Option<u64> {
        for entry in entries {
            if let Some(function) = entry.downcast_ref::<PyFunction>()
                && self.has_own_variables(function)?
            {
                return None;
            }
        }
        let mut contents = Contents::default();
        // Which they are is counted of all, however much is in the first.
        for entry in entries {
            contents.hasher.write_usize(entry.class().get_id());
            match bytes_of_scalar(entry) {
                Some(bytes) => contents.hasher.write(&bytes),
                None => contents.hasher.write_usize(entry.get_id()),
            }
        }
        contents.add(entries.to_vec());
        while let Some(object) = contents.rest.pop() {
            contents.object_count += 1;
            if contents.object_count > OBJECTS_MAX {
                break;
            }
            if self.look_into(&mut contents, &object).is_none() {
                contents.hasher.write_usize(object.get_id());
            }
        }
        Some(contents.hasher.finish())
    }

    /// Counts what is in an object; None where that can't be seen.
    fn look_into(&mut self, contents: &mut Contents, object: &PyObject) -> Option<()> {
        let class = object.class();
        contents.hasher.write_usize(class.get_id());
        if let Some(bytes) = bytes_of_scalar(object) {
            contents.hasher.write_usize(bytes.len());
            contents.hasher.write(&bytes);
            if !class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE) {
                return Some(());
            }
        }
        if contents.has_seen(object) {
            return Some(());
        }
        if self.is_fixed(object) {
            contents.hasher.write_usize(object.get_id());
            return Some(());
        }
        if let Some(names) = self.names_of_parts(class) {
            for name in names {
                contents.rest.push(object.get_attr(*name, self.vm).ok()?);
            }
        } else if let Some(function) = object.downcast_ref::<PyFunction>() {
            self.look_into_function(contents, function)?;
        } else if let Some(parts) = parts_of_container(object) {
            contents.add(parts);
        } else if !is_bare(self, object) {
            return None;
        }
        if class.slots().member_count > 0 {
            // How its slots are read is remembered by its address.
            self.kept.push(class.to_owned().into());
            contents.add_pairs(self.slot_entries(object).ok()?);
        }
        // Some have an empty one once somebody has asked for it.
        if let Some(dict) = object.dict().filter(|dict| !dict.is_empty()) {
            contents.add_pairs(dict.items_vec());
        }
        Some(())
    }

    /// Whether a function shares variables with others, and isn't a module's. None if that can't be seen.
    fn has_own_variables(&self, function: &Py<PyFunction>) -> Option<bool> {
        let object = function.as_object();
        let code = attributes(self.vm).code.get(object, self.vm).ok()?;
        let code = code.downcast_ref::<PyCode>()?;
        let is_of_class = |name: &str| ["__class__", "__classdict__"].contains(&name);
        let has_some = code.freevars.iter().any(|name| !is_of_class(name.as_str()));
        Some(has_some && self.name_of(object).ok()?.is_none())
    }

    /// Looks at what may change in a function, but for the variables that it shares with others.
    fn look_into_function(&self, contents: &mut Contents, function: &Py<PyFunction>) -> Option<()> {
        let vm = self.vm;
        let object = function.as_object();
        let known = attributes(vm);
        // The runtime gives it another one with other code and other defaults.
        let version = function.get_version_for_current_state();
        if version == 0 {
            return None;
        }
        contents.hasher.write_u32(version);
        for attribute in [&known.defaults, &known.kwdefaults, &known.doc] {
            contents.rest.push(attribute.get(object, vm).ok()?);
        }
        Some(())
    }

    /// Whether an object is what it is: nothing in it can change, or it has a state of its own.
    fn is_fixed(&self, object: &PyObject) -> bool {
        const NATIVES: [&str; 9] = [
            "Pattern",
            "TypeVar",
            "TypeVarTuple",
            "ParamSpec",
            "TypeAliasType",
            "_tuplegetter",
            "itemgetter",
            "attrgetter",
            "methodcaller",
        ];
        let types = &self.vm.ctx.types;
        let class = object.class();
        if object.downcast_ref::<PyType>().is_some() || object.downcast_ref::<PyModule>().is_some()
        {
            return true;
        }
        let kinds = [
            types.none_type,
            types.ellipsis_type,
            types.not_implemented_type,
            types.code_type,
            types.method_descriptor_type,
            types.classmethod_descriptor_type,
            types.wrapper_descriptor_type,
            types.member_descriptor_type,
            types.getset_type,
        ];
        kinds.iter().any(|kind| class.is(*kind))
            || !class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE)
                && NATIVES.contains(&&*class.name())
    }

    /// The attributes that are all there is to an object of a native class.
    fn names_of_parts(&self, class: &Py<PyType>) -> Option<&'static [&'static str]> {
        let types = &self.vm.ctx.types;
        let known: [(&Py<PyType>, &[&str]); 9] = [
            (types.property_type, &["fget", "fset", "fdel", "__doc__"]),
            (types.classmethod_type, &["__func__"]),
            (types.staticmethod_type, &["__func__"]),
            (types.bound_method_type, &["__func__", "__self__"]),
            (
                types.builtin_function_or_method_type,
                &["__name__", "__self__"],
            ),
            (types.generic_alias_type, &["__origin__", "__args__"]),
            (types.union_type, &["__args__"]),
            (types.range_type, &["start", "stop", "step"]),
            (types.slice_type, &["start", "stop", "step"]),
        ];
        let found = known.into_iter().find(|(kind, _)| class.is(*kind));
        found.map(|(_, names)| names)
    }
}

/// What a number, a text or bytes are, of a subclass too.
fn bytes_of_scalar(object: &PyObject) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(text) = object.downcast_ref::<PyStr>() {
        add_unchanging(&mut bytes, object, text.as_bytes());
    } else if let Some(int) = object.downcast_ref::<PyInt>() {
        write_int(&mut bytes, int);
    } else if let Some(float) = object.downcast_ref::<PyFloat>() {
        write_float(&mut bytes, float);
    } else if let Some(complex) = object.downcast_ref::<PyComplex>() {
        write_complex(&mut bytes, complex);
    } else if let Some(content) = object.downcast_ref::<PyBytes>() {
        add_unchanging(&mut bytes, object, content.as_bytes());
    } else if let Some(array) = object.downcast_ref::<PyByteArray>() {
        let content = array.borrow_buf();
        if content.len() > ARRAY_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&content);
    } else {
        return None;
    }
    Some(bytes)
}

fn add_unchanging(bytes: &mut Vec<u8>, object: &PyObject, content: &[u8]) {
    match content.get(..TEXT_BYTES_MAX) {
        Some(begin) => {
            bytes.extend_from_slice(begin);
            bytes.extend_from_slice(&content.len().to_le_bytes());
            bytes.extend_from_slice(&object.get_id().to_le_bytes());
        }
        None => bytes.extend_from_slice(content),
    }
}

/// What a container has, in its order, of a subclass too.
fn parts_of_container(object: &PyObject) -> Option<Vec<PyObjectRef>> {
    if let Some(tuple) = object.downcast_ref::<PyTuple>() {
        Some(tuple.as_slice().to_vec())
    } else if let Some(list) = object.downcast_ref::<PyList>() {
        Some(list.borrow_vec().to_vec())
    } else if let Some(dict) = object.downcast_ref::<PyDict>() {
        Some(flattened(dict.items_vec()))
    } else if let Some(set) = object.downcast_ref::<PySet>() {
        Some(set.elements())
    } else {
        let set = object.downcast_ref::<PyFrozenSet>();
        set.map(|set| set.elements())
    }
}

fn flattened(pairs: Vec<(PyObjectRef, PyObjectRef)>) -> Vec<PyObjectRef> {
    let pairs = pairs.into_iter();
    pairs.flat_map(|(name, value)| [name, value]).collect()
}

/// Whether an object has nothing but attributes, or what [`bytes_of_scalar`] has of it.
fn is_bare(encoder: &Encoder<'_>, object: &PyObject) -> bool {
    let native = native_base(object.class());
    native.is(encoder.vm.ctx.types.object_type) || bytes_of_scalar(object).is_some()
}
