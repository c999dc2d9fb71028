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

impl<'t> Evaluation<'t> {
    pub(super) fn subscript(&self, subscript: &ExprSubscript, depth: usize) -> Option<Value<'t>> {
        let owner = self.known(&subscript.value, depth)?;
        if let Expr::Slice(slice) = &*subscript.slice {
            return self.sliced(&owner, slice, depth);
        }
        let key = self.known(&subscript.slice, depth);
        if let Value::Object(object) = &owner
            && self.is_native(object.class(), "__getitem__")
        {
            if let Some(dict) = object.downcast_ref::<PyDict>() {
                return self.of_dictionary(&owner, dict, key.as_ref(), depth);
            }
            if self.is_sequence(object) {
                return self.of_sequence(object, key.as_ref());
            }
        }
        if let (Value::Instance(instance), Some(Value::Object(key))) = (&owner, &key)
            && instance.class.is(self.vm.ctx.types.tuple_type)
        {
            let index = index(self.vm, key, instance.arguments.len())?;
            return self.part(&owner, index);
        }
        self.method(&owner, "__getitem__", Arguments::NONE, depth)
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
        depth: usize,
    ) -> Option<Value<'t>> {
        let is_missing_told = || {
            let class = dict.as_object().class();
            lookup::class_attribute(self.vm, class, "__missing__").is_some()
        };
        let key = key.and_then(|key| self.plain_key(key));
        let Some(key) = key else {
            let entry = self.entry_of(owner);
            if !is_missing_told() {
                return entry;
            }
            return self.one_of([entry, self.missing(owner, depth)]);
        };
        match self.under_key(dict, &key) {
            Some(found) => Some(Value::Object(found)),
            None if is_missing_told() => self.missing(owner, depth),
            None => None,
        }
    }

    /// What a dictionary makes for a key that it hasn't.
    fn missing(&self, owner: &Value<'t>, depth: usize) -> Option<Value<'t>> {
        let class = owner.class()?;
        if self.inherits(class, "collections.defaultdict", "__missing__") {
            let factory = self.attribute(owner, "default_factory", depth)?;
            return self.called(factory, Arguments::NONE, depth);
        }
        self.method(owner, "__missing__", Arguments::NONE, depth)
    }

    /// What a dictionary's `get`, `pop` or `setdefault` gives.
    pub(super) fn by_key(
        &self,
        owner: &Value<'t>,
        method: &str,
        arguments: Arguments<'_>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let key = self.known(arguments.at(0)?, depth);
        let default = arguments.named("default", 1);
        let default = || match default {
            Some(default) => self.known(default, depth),
            None if method == "pop" => None,
            None => Some(Value::Object(self.vm.ctx.none())),
        };
        if let Value::Object(object) = owner
            && let Some(dict) = object.downcast_ref::<PyDict>()
            && let Some(key) = key.and_then(|key| self.plain_key(&key))
        {
            return self
                .under_key(dict, &key)
                .map(Value::Object)
                .or_else(default);
        }
        let entry = self.entry_of(owner);
        if arguments.named("default", 1).is_none() {
            return entry;
        }
        self.one_of([entry, default()])
    }

    /// The key if it is compared without running code.
    fn plain_key(&self, key: &Value<'t>) -> Option<PyObjectRef> {
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
    pub(super) fn each(&self, of: &Value<'t>, depth: usize) -> Option<Value<'t>> {
        let depth = self.deeper(depth)?;
        match of {
            Value::Object(object) => {
                if self.is_native(object.class(), "__iter__")
                    && let Some(items) = self.items(object)
                {
                    return self.all_of(&items);
                }
                if let Some(name) = self.telling_attribute(object) {
                    return self.attribute(of, name, depth)?.read();
                }
            }
            Value::Instance(instance) if instance.class.is(self.vm.ctx.types.tuple_type) => {
                return self.any_part(of);
            }
            Value::Instance(instance) => {
                if let Some(first) = instance.arguments.first() {
                    return first.clone();
                }
            }
            Value::Unread { .. } | Value::Typed(_) => {}
        }
        match self.method(of, "__iter__", Arguments::NONE, depth)? {
            Value::Instance(iterator) => iterator.arguments.first().cloned().flatten(),
            _ => None,
        }
    }

    /// What holds of every part of a tuple.
    fn any_part(&self, tuple: &Value<'t>) -> Option<Value<'t>> {
        let Value::Instance(instance) = tuple else {
            return None;
        };
        match &*instance.arguments {
            // `tuple[int, ...]`
            [all, Some(Value::Object(rest))] if rest.is(&self.vm.ctx.ellipsis) => all.clone(),
            parts => self.one_of(parts.iter().cloned()),
        }
    }

    /// A part of a tuple.
    pub(super) fn part(&self, tuple: &Value<'t>, index: usize) -> Option<Value<'t>> {
        match tuple {
            Value::Object(object) => {
                let tuple = object.downcast_ref::<PyTuple>()?;
                tuple.as_slice().get(index).cloned().map(Value::Object)
            }
            Value::Instance(instance) => match &*instance.arguments {
                [all, Some(Value::Object(rest))] if rest.is(&self.vm.ctx.ellipsis) => all.clone(),
                parts => parts.get(index)?.clone(),
            },
            Value::Unread { .. } | Value::Typed(_) => None,
        }
    }

    /// What `x[1:]` gives.
    fn sliced(&self, of: &Value<'t>, slice: &ExprSlice, depth: usize) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        if let Value::Object(object) = of
            && self.is_native(object.class(), "__getitem__")
            && self.is_sequence(object)
        {
            let items = self.items(object)?;
            let of_list = object.downcast_ref::<PyList>().is_some();
            if let Some(part) = self.real_slice(&items, slice, depth) {
                let ctx = &self.vm.ctx;
                return Some(Value::Object(if of_list {
                    ctx.new_list(part).into()
                } else {
                    ctx.new_tuple(part).into()
                }));
            }
            let all = self.all_of(&items);
            return Some(if of_list {
                Value::with_parts(types.list_type, [all])
            } else {
                self.tuple_of(all)
            });
        }
        let class = of.class()?;
        if class.is(types.tuple_type) {
            return Some(self.tuple_of(self.any_part(of)));
        }
        if class.is(types.list_type) {
            return Some(Value::with_parts(class, [self.each(of, depth)]));
        }
        let alike = [
            types.str_type,
            types.bytes_type,
            types.bytearray_type,
            types.range_type,
        ];
        let is_alike = alike.iter().any(|known| class.is(*known));
        is_alike.then(|| Value::of_class(class))
    }

    /// A tuple of any length.
    fn tuple_of(&self, all: Option<Value<'t>>) -> Value<'t> {
        let ellipsis = Value::Object(self.vm.ctx.ellipsis.clone().into());
        Value::with_parts(self.vm.ctx.types.tuple_type, [all, Some(ellipsis)])
    }

    /// The items that a slice with known bounds leaves.
    fn real_slice(
        &self,
        items: &[PyObjectRef],
        slice: &ExprSlice,
        depth: usize,
    ) -> Option<Vec<PyObjectRef>> {
        let vm = self.vm;
        let bound = |bound: Option<&Expr>| match bound {
            None => Some(vm.ctx.none()),
            Some(bound) => match self.known(bound, depth)? {
                Value::Object(bound) => bound
                    .downcast_ref_if_exact::<PyInt>(vm)
                    .map(|_| bound.clone()),
                _ => None,
            },
        };
        let slice = PySlice {
            start: Some(bound(slice.lower.as_deref())?),
            stop: bound(slice.upper.as_deref())?,
            step: Some(bound(slice.step.as_deref())?),
        };
        let slice = slice.into_ref(&vm.ctx);
        // Of a list of the runtime's own, by whole numbers: no code of the user's takes part.
        let list = vm.ctx.new_list(items.to_vec());
        let part = list.as_object().get_item(slice.as_object(), vm).ok()?;
        Some(part.downcast_ref::<PyList>()?.borrow_vec().to_vec())
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
        let none = self.vm.ctx.types.none_type;
        let mut items = items.iter().filter(|item| !item.class().is(none));
        let first = items.next()?;
        let mut class = first.class().to_owned();
        let mut is_alone = true;
        for item in items {
            is_alone = is_alone && item.is(first);
            if !item.class().fast_issubclass(&class) {
                class = self.shared_class(&class, item.class())?;
            }
        }
        let first = Value::Object(first.clone());
        Some(if is_alone {
            first
        } else {
            first.into_one_of(&class)
        })
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
