//! How containers of subclasses are given their items and pairs: as the first class has it that doesn't
//! go by value, natively where that is a native one. What that is, is looked up once for each class.
//!
//! What comes before and after the items, such as a state, is in `object.rs`.

use std::rc::Rc;

use rustpython_vm::builtins::{PyList, PyType, PyTypeRef};
use rustpython_vm::protocol::PyMapping;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::{Decoded, Decoder};
use crate::snapshot::encode::native_base;
use crate::snapshot::format::FormatError;

type SetItemSlot =
    fn(PyMapping<'_>, &PyObject, Option<PyObjectRef>, &VirtualMachine) -> PyResult<()>;

/// How objects of one class take what is in them.
pub struct Taking {
    /// The address of the class may not be used again while this is remembered.
    _class: PyTypeRef,
    set_item: Option<SetItem>,
    add: Option<Add>,
    /// The class has methods of its own by which it takes items.
    pub has_own: bool,
}

enum SetItem {
    /// That of a native dict
    Slot(SetItemSlot),
    Method(PyObjectRef),
}

enum Add {
    /// To the elements of a list
    List,
    Extend(PyObjectRef),
    Append(PyObjectRef),
}

impl Decoder<'_> {
    /// How the class of an object takes items and pairs.
    pub fn taking(&mut self, target: &PyObject) -> Rc<Taking> {
        let class = target.class();
        if let Some(known) = self.takings.get(&class.get_id()) {
            return Rc::clone(known);
        }
        let taking = Rc::new(Taking {
            _class: class.to_owned(),
            set_item: self.set_item(class),
            add: self.add(target),
            has_own: self.has_own_taking(class),
        });
        self.takings.insert(class.get_id(), Rc::clone(&taking));
        taking
    }

    /// Adds items to a list or to what is like one.
    pub fn add_items(&mut self, target: &PyObject, items: Vec<PyObjectRef>) -> Decoded<()> {
        let vm = self.vm;
        let taking = self.taking(target);
        let append = match &taking.add {
            Some(Add::List) => {
                let list = target.downcast_ref::<PyList>();
                let list = list.ok_or(FormatError::Type { expected: "a list" })?;
                list.borrow_vec_mut().extend(items);
                return Ok(());
            }
            Some(Add::Extend(extend)) => {
                extend.call((target.to_owned(), vm.ctx.new_list(items)), vm)?;
                return Ok(());
            }
            Some(Add::Append(append)) => append.clone(),
            // This says that there is none.
            None => self.inherited_method(target.class(), "append")?,
        };
        for item in items {
            append.call((target.to_owned(), item), vm)?;
        }
        Ok(())
    }

    /// Sets the items of a dict or of what is like one.
    pub fn set_items(
        &mut self,
        target: &PyObject,
        keys: Vec<PyObjectRef>,
        values: Vec<PyObjectRef>,
    ) -> Decoded<()> {
        let vm = self.vm;
        let taking = self.taking(target);
        let method = match &taking.set_item {
            Some(SetItem::Slot(set)) => {
                for (key, value) in keys.into_iter().zip(values) {
                    self.check_hashable(&key)?;
                    set(target.mapping_unchecked(), &key, Some(value), vm)?;
                }
                return Ok(());
            }
            Some(SetItem::Method(method)) => method.clone(),
            None => self.inherited_method(target.class(), "__setitem__")?,
        };
        for (key, value) in keys.into_iter().zip(values) {
            self.check_hashable(&key)?;
            method.call((target.to_owned(), key, value), vm)?;
        }
        Ok(())
    }

    fn set_item(&self, class: &Py<PyType>) -> Option<SetItem> {
        let method = self.inherited_method(class, "__setitem__").ok()?;
        Some(match self.slot_of_dict(class, &method) {
            Some(slot) => SetItem::Slot(slot),
            None => SetItem::Method(method),
        })
    }

    /// The slot of a native dict that stands behind this `__setitem__`, for a class with its layout.
    fn slot_of_dict(&self, class: &Py<PyType>, method: &PyObject) -> Option<SetItemSlot> {
        let types = &self.vm.ctx.types;
        let name = self.vm.ctx.intern_str("__setitem__");
        if !method.class().is(types.wrapper_descriptor_type) {
            return None;
        }
        let has_it = |class: &PyTypeRef| {
            let own = class.get_direct_attr(name);
            own.is_some_and(|own| own.is(method))
        };
        let owner = class.mro_collect().into_iter().find(has_it)?;
        let is_dict = !owner.slots().flags.has_feature(PyTypeFlags::HEAPTYPE)
            && owner.fast_issubclass(types.dict_type)
            && native_base(class).fast_issubclass(&owner);
        match is_dict {
            true => owner.slots().as_mapping.ass_subscript.load(),
            false => None,
        }
    }

    fn add(&self, target: &PyObject) -> Option<Add> {
        let vm = self.vm;
        let class = target.class();
        let append = self.inherited_method(class, "append").ok()?;
        let Ok(extend) = self.inherited_method(class, "extend") else {
            return Some(Add::Append(append));
        };
        let is_of_list = |method: &PyObject, name: &str| {
            let of_list = vm.ctx.types.list_type.get_attr(vm.ctx.intern_str(name));
            of_list.is_some_and(|of_list| of_list.is(method))
        };
        let is_list = target.downcast_ref::<PyList>().is_some()
            && is_of_list(&append, "append")
            && is_of_list(&extend, "extend");
        Some(match is_list {
            true => Add::List,
            false => Add::Extend(extend),
        })
    }

    /// A method of a class as the first class has it that doesn't go by value: how that of one that does
    /// has changed what an object holds, can be seen in what it holds.
    fn inherited_method(&self, class: &Py<PyType>, name: &str) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let interned = vm.ctx.intern_str(name);
        if !self.by_value.contains(&class.get_id()) {
            return Ok(class.as_object().get_attr(interned, vm)?);
        }
        let classes = class.mro_collect();
        let is_by_value = |class: &PyTypeRef| self.by_value.contains(&class.get_id());
        // One that says itself what its items are has them taken by its own methods, too.
        let reduces = ["__reduce__", "__reduce_ex__"].map(|name| vm.ctx.intern_str(name));
        let mut reducing = classes.iter().filter(|class| {
            let mut names = reduces.iter();
            names.any(|name| class.get_direct_attr(name).is_some())
        });
        let is_its_own = reducing.next().is_some_and(is_by_value);
        let found = classes
            .iter()
            .find_map(|class| match !is_its_own && is_by_value(class) {
                true => None,
                false => class.get_direct_attr(interned),
            });
        match found {
            Some(method) => Ok(method),
            None => Ok(class.as_object().get_attr(interned, vm)?),
        }
    }

    /// Whether a class has methods of its own by which it takes items, which may look at its attributes:
    /// its instances have those before their items, and once more after them, since they may change them.
    fn has_own_taking(&self, class: &Py<PyType>) -> bool {
        let vm = self.vm;
        let native = native_base(class);
        let has_own = ["__setitem__", "append", "extend"].iter().any(|name| {
            let own = self.inherited_method(class, name).ok();
            match (own, native.get_attr(vm.ctx.intern_str(*name))) {
                (Some(own), Some(native)) => !own.is(&native),
                (own, _) => own.is_some(),
            }
        });
        let set_state = vm.ctx.intern_str("__setstate__");
        has_own && class.get_attr(set_state).is_none()
    }
}
