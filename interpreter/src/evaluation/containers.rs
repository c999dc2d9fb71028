//! What containers hold: items by their keys, slices, and what holds of all items.
//!
//! Real ones are looked into where their class does it in native code; of others it is known as far as it is
//! said. What a container would say of a key in Python isn't asked.

use ruff_python_ast::{Expr, ExprSlice, ExprSubscript};
use rustpython_vm::builtins::{
    PyDict, PyFrozenSet, PyInt, PyList, PySet, PySlice, PyTuple, PyType,
};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, VirtualMachine};

use super::calls::Arguments;
use super::{Evaluation, Value};
use crate::lookup;

/// Of more items only what holds of all is looked at.
const PARTS_MAX: usize = 4096;

impl<'t> Evaluation<'t> {
    pub(super) fn subscript(&self, subscript: &ExprSubscript) -> Option<Value<'t>> {
        let owner = self.known(&subscript.value)?;
        if let Some(member) = owner.as_member() {
            return Some(member);
        }
        if let Expr::Slice(slice) = &*subscript.slice {
            return self.sliced(&owner, slice);
        }
        let key = self.known(&subscript.slice);
        if let Value::Object(object) = &owner
            && self.is_native(object.class(), "__getitem__")
        {
            if let Some(dict) = object.downcast_ref::<PyDict>() {
                return self.of_dictionary(&owner, dict, key.as_ref());
            }
            if self.is_sequence(object) {
                return self.of_sequence(object, key.as_ref());
            }
        }
        if let (Value::Instance(instance), Some(Value::Object(key))) = (&owner, &key)
            && instance.class.is(self.vm.ctx.types.tuple_type)
        {
            let index = index(self.vm, key, instance.arguments.len())?;
            return match &*instance.arguments {
                [all, Some(rest)] if self.is_ellipsis(rest) => all.clone(),
                parts => parts.get(index)?.clone(),
            };
        }
        if let (Value::Instance(instance), Some(Value::Object(key))) = (&owner, &key)
            && let Some(class) = &instance.keyed_by
        {
            return self.key_said(class, key);
        }
        self.method(&owner, "__getitem__", Arguments::NONE)
    }

    fn is_sequence(&self, object: &PyObject) -> bool {
        object.downcast_ref::<PyList>().is_some()
            || object.downcast_ref::<PyTuple>().is_some()
            || self.is_exactly(object, "collections.deque")
    }

    fn of_sequence(&self, object: &PyObject, key: Option<&Value<'t>>) -> Option<Value<'t>> {
        match key {
            Some(Value::Object(key)) => self.item(object, key).map(Value::Object),
            Some(key) if !key.class()?.is(self.vm.ctx.types.int_type) => None,
            _ => self.all_of(&self.items(object)?),
        }
    }

    fn item(&self, sequence: &PyObject, key: &PyObject) -> Option<PyObjectRef> {
        let at = |items: &[PyObjectRef]| {
            let index = index(self.vm, key, items.len())?;
            items.get(index).cloned()
        };
        if let Some(list) = sequence.downcast_ref::<PyList>() {
            return at(&list.borrow_vec());
        }
        if let Some(tuple) = sequence.downcast_ref::<PyTuple>() {
            return at(tuple.as_slice());
        }
        at(&self.items(sequence)?)
    }

    fn of_dictionary(
        &self,
        owner: &Value<'t>,
        dict: &Py<PyDict>,
        key: Option<&Value<'t>>,
    ) -> Option<Value<'t>> {
        let class = dict.as_object().class();
        let has_missing = lookup::class_attribute(self.vm, class, "__missing__").is_some();
        let missing = || has_missing.then(|| self.missing(owner)).flatten();
        match key.and_then(|key| self.plain_key(key)) {
            Some(key) => {
                let found = self.under_key(dict, &key).map(Value::Object);
                found.or_else(missing)
            }
            None if has_missing => self.one_of([self.entry_of(owner), missing()]),
            None => self.entry_of(owner),
        }
    }

    /// What a dictionary makes for a key that it hasn't.
    fn missing(&self, owner: &Value<'t>) -> Option<Value<'t>> {
        let class = owner.class()?;
        if self.inherits(class, "collections.defaultdict", "__missing__") {
            let factory = self.attribute(owner, "default_factory")?;
            return self.called(factory, Arguments::NONE);
        }
        self.method(owner, "__missing__", Arguments::NONE)
    }

    /// What a dictionary's `get`, `pop` or `setdefault` gives.
    pub(super) fn by_key(
        &self,
        owner: &Value<'t>,
        method: &str,
        arguments: Arguments<'_>,
    ) -> Option<Value<'t>> {
        let key = self.known(arguments.at(0)?);
        let given = arguments.named("default", 1);
        let default = || match given {
            Some(default) => self.known(default),
            None if method == "pop" => None,
            None => Some(Value::Object(self.vm.ctx.none())),
        };
        if let Value::Object(object) = owner
            && let Some(dict) = object.downcast_ref::<PyDict>()
            && let Some(key) = key.as_ref().and_then(|key| self.plain_key(key))
        {
            let found = self.under_key(dict, &key).map(Value::Object);
            return found.or_else(default);
        }
        if let (Value::Instance(instance), Some(Value::Object(key))) = (owner, &key)
            && let Some(class) = &instance.keyed_by
        {
            return self.or_default(self.key_said(class, key), given);
        }
        self.or_default(self.entry_of(owner), given)
    }

    /// The key if it is compared without running code.
    pub(super) fn plain_key(&self, key: &Value<'t>) -> Option<PyObjectRef> {
        match key {
            Value::Object(key) if is_plain_key(self.vm, key) => Some(key.clone()),
            _ => None,
        }
    }

    /// Found by looking through: keys of Python's own compare without running code, but what the
    /// dictionary would compare them with need not.
    fn under_key(&self, dict: &Py<PyDict>, key: &PyObject) -> Option<PyObjectRef> {
        self.look_through(dict.__len__())?;
        let mut items = dict.into_iter();
        let found = items.find(|(known, _)| {
            known.class().is(key.class()) && self.vm.bool_eq(known, key).unwrap_or(false)
        });
        found.map(|(_, value)| value)
    }

    /// What stepping through something gives.
    pub(super) fn each(&self, of: &Value<'t>) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        if let Some(items) = self.real_items(of) {
            return self.all_of(&items);
        }
        if let Some(member) = of.as_member() {
            return Some(member);
        }
        match of {
            Value::Object(object) => {
                if let Some(name) = self.telling_attribute(object) {
                    return self.attribute(of, name)?.read();
                }
            }
            Value::Instance(instance) if instance.class.is(self.vm.ctx.types.tuple_type) => {
                return match &*instance.arguments {
                    // `tuple[int, ...]`
                    [all, Some(rest)] if self.is_ellipsis(rest) => all.clone(),
                    parts => self.one_of(parts.iter().cloned()),
                };
            }
            Value::Instance(instance) => {
                if let Some(first) = instance.arguments.first() {
                    return first.clone();
                }
            }
            Value::Unread { .. } | Value::Typed(_) => {}
        }
        match self.method(of, "__iter__", Arguments::NONE)? {
            Value::Instance(iterator) => iterator.arguments.first().cloned().flatten(),
            _ => None,
        }
    }

    /// What stepping through something gives: each item where they are there and not too many, or what
    /// holds of all of them.
    pub(super) fn parts_of(&self, of: &Value<'t>) -> Vec<Option<Value<'t>>> {
        match self.few_items(of) {
            Some(items) => {
                let items = items.into_iter().map(Value::Object);
                items.map(Some).collect()
            }
            None => vec![self.each(of)],
        }
    }

    pub(super) fn few_items(&self, of: &Value<'_>) -> Option<Vec<PyObjectRef>> {
        let items = self.real_items(of);
        items.filter(|items| items.len() <= PARTS_MAX)
    }

    fn real_items(&self, of: &Value<'_>) -> Option<Vec<PyObjectRef>> {
        let Value::Object(object) = of else {
            return None;
        };
        let is_native = self.is_native(object.class(), "__iter__");
        is_native.then(|| self.items(object))?
    }

    pub(super) fn is_ellipsis(&self, part: &Value<'_>) -> bool {
        matches!(part, Value::Object(object) if object.is(&self.vm.ctx.ellipsis))
    }

    /// What `x[1:]` gives.
    fn sliced(&self, of: &Value<'t>, slice: &ExprSlice) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        let class = of.class()?;
        if !self.is_native(class, "__getitem__") {
            return None;
        }
        let stands_on = |kind: &Py<PyType>| class.fast_issubclass(kind);
        if stands_on(types.list_type) || stands_on(types.tuple_type) {
            let all = match of {
                Value::Object(object) => {
                    let items = self.items(object)?;
                    if let Some(part) = self.real_slice(object, &items, slice) {
                        return Some(Value::Object(part));
                    }
                    self.all_of(&items)
                }
                _ => self.each(of),
            };
            if stands_on(types.list_type) {
                return Some(Value::with_parts(types.list_type, [all]));
            }
            // A tuple of any length.
            let rest = Value::Object(self.vm.ctx.ellipsis.clone().into());
            return Some(Value::with_parts(types.tuple_type, [all, Some(rest)]));
        }
        let alike = [
            types.str_type,
            types.bytes_type,
            types.bytearray_type,
            types.range_type,
        ];
        let kind = alike.into_iter().find(|&kind| stands_on(kind))?;
        Some(Value::of_class(kind))
    }

    /// What a slice with known bounds leaves of a list or a tuple of these items.
    fn real_slice(
        &self,
        sequence: &PyObject,
        items: &[PyObjectRef],
        slice: &ExprSlice,
    ) -> Option<PyObjectRef> {
        let vm = self.vm;
        let bound = |bound: Option<&Expr>| match bound {
            None => Some(vm.ctx.none()),
            Some(bound) => {
                let bound = self.object(bound)?;
                let is_whole = bound.downcast_ref_if_exact::<PyInt>(vm).is_some();
                is_whole.then_some(bound)
            }
        };
        let slice = PySlice {
            start: Some(bound(slice.lower.as_deref())?),
            stop: bound(slice.upper.as_deref())?,
            step: Some(bound(slice.step.as_deref())?),
        };
        let slice = slice.into_ref(&vm.ctx);
        // One of the runtime's own, by whole numbers: no code of the user's takes part.
        let whole: PyObjectRef = if sequence.downcast_ref::<PyList>().is_some() {
            vm.ctx.new_list(items.to_vec()).into()
        } else {
            vm.ctx.new_tuple(items.to_vec()).into()
        };
        whole.get_item(slice.as_object(), vm).ok()
    }

    /// What stepping through one of Python's own containers gives, in its order; of a deque, too.
    fn items(&self, object: &PyObject) -> Option<Vec<PyObjectRef>> {
        if let Some(list) = object.downcast_ref::<PyList>() {
            self.look_through(list.borrow_vec().len())?;
            return Some(list.borrow_vec().to_vec());
        }
        if let Some(tuple) = object.downcast_ref::<PyTuple>() {
            self.look_through(tuple.as_slice().len())?;
            return Some(tuple.as_slice().to_vec());
        }
        if let Some(dict) = object.downcast_ref::<PyDict>() {
            self.look_through(dict.__len__())?;
            return Some(dict.keys_vec());
        }
        let items = if let Some(set) = object.downcast_ref::<PySet>() {
            set.elements()
        } else if let Some(set) = object.downcast_ref::<PyFrozenSet>() {
            set.elements()
        } else if self.is_exactly(object, "collections.deque") {
            self.vm.extract_elements_with(object, Ok).ok()?
        } else {
            return None;
        };
        self.look_through(items.len())?;
        Some(items)
    }

    /// What holds of all of these.
    fn all_of(&self, items: &[PyObjectRef]) -> Option<Value<'t>> {
        let items = items.iter().cloned();
        self.one_of(items.map(|item| Some(Value::Object(item))))
    }

    /// What a dictionary maps to.
    pub(super) fn entry_of(&self, of: &Value<'t>) -> Option<Value<'t>> {
        match of {
            Value::Object(object) => {
                let dict = object.downcast_ref::<PyDict>()?;
                self.look_through(dict.__len__())?;
                self.all_of(&dict.values_vec())
            }
            Value::Instance(instance) => instance.arguments.get(1)?.clone(),
            Value::Unread { .. } | Value::Typed(_) => None,
        }
    }

    /// Whether objects of a class have a method in native code.
    pub(super) fn is_native(&self, class: &Py<PyType>, method: &str) -> bool {
        let Some(name) = self.vm.ctx.interned_str(method) else {
            return false;
        };
        let mro = class.mro_collect();
        let holder = mro
            .iter()
            .find(|class| class.get_direct_attr(name).is_some());
        holder.is_some_and(|holder| holder.heaptype_ext().is_none())
    }
}

/// Where a key points to in a sequence of this length.
fn index(vm: &VirtualMachine, key: &PyObject, length: usize) -> Option<usize> {
    let index = key.downcast_ref_if_exact::<PyInt>(vm)?;
    let index = index.try_to_primitive::<i64>(vm).ok()?;
    let from_end = i64::try_from(length).ok()?;
    let index = if index < 0 { index + from_end } else { index };
    usize::try_from(index).ok()
}

/// Whether a key is of a type whose equality is Python's own.
pub(super) fn is_plain_key(vm: &VirtualMachine, key: &PyObject) -> bool {
    let types = &vm.ctx.types;
    let class = key.class();
    class.is(types.str_type)
        || class.is(types.int_type)
        || class.is(types.bytes_type)
        || class.is(types.float_type)
        || class.is(types.bool_type)
}
