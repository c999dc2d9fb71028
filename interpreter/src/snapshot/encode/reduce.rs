//! What `__reduce_ex__` describes: the call that makes an object, its items, and its state.
//!
//! Read next: `making.rs`, for the call; `subclass.rs`, for the items; `bare.rs`, for those of which no code is run.

use rustpython_vm::builtins::{
    PyBaseException, PyDict, PyDictRef, PyFrozenSet, PySet, PyTuple, PyType,
};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult};

use super::container::is_plain;
use super::path::Slot;
use super::plan::{has_any, native_base};
use super::{Encoder, Frame, Step};
use crate::snapshot::error::noted;
use crate::snapshot::format::{Write, kind};

/// Which parts the fill of a reduced object has beyond items and pairs.
pub mod state_present {
    pub const STATE: u8 = 1;
    pub const SETTER: u8 = 2;
}

impl Encoder<'_> {
    pub(super) fn dispatch_table(&mut self) -> PyResult<PyDictRef> {
        if let Some(table) = &self.dispatch_table {
            return Ok(table.clone());
        }
        let vm = self.vm;
        let copyreg = vm.import("copyreg", 0)?;
        let table = copyreg
            .get_attr("dispatch_table", vm)?
            .downcast::<PyDict>()
            .map_err(|_| vm.new_type_error("copyreg.dispatch_table is not a dict"))?;
        self.dispatch_table = Some(table.clone());
        Ok(table)
    }

    /// What `copyreg` has been told to do for the instances of a class.
    pub(super) fn registered_reduction(
        &mut self,
        class: &Py<PyType>,
    ) -> PyResult<Option<PyObjectRef>> {
        let table = self.dispatch_table()?;
        if class.class().is(self.vm.ctx.types.type_type) {
            return table.get_item_opt(class.as_object(), self.vm);
        }
        // Its metaclass would be asked for a hash, and may have none.
        let mut pairs = table.items_vec().into_iter();
        Ok(pairs.find_map(|(key, reduce)| key.is(class).then_some(reduce)))
    }

    /// Carries an object as the calls that its `__reduce_ex__` says rebuild it.
    pub fn reduce(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let registered = self.registered_reduction(object.class())?;
        let is_registered = registered.is_some();
        let reduced = match registered {
            Some(reduce) => reduce.call((object.to_owned(),), vm),
            None if self.is_plain_set(object.class()) => self.reduced_set(object),
            None => self.reduced_natively(object).and_then(|reduced| {
                let usual = || vm.call_method(object, "__reduce_ex__", (vm.ctx.new_int(4),));
                reduced.map_or_else(usual, Ok)
            }),
        };
        let reduced = match reduced {
            Ok(reduced) => reduced,
            Err(error)
                if [
                    vm.ctx.exceptions.type_error,
                    vm.ctx.exceptions.attribute_error,
                    vm.ctx.exceptions.not_implemented_error,
                ]
                .iter()
                .any(|class| error.fast_isinstance(class))
                    || &*error.class().name() == "PicklingError" =>
            {
                return Err(self.refuse_because(origin, error));
            }
            Err(error) => {
                let at = &self.origins[origin as usize];
                let note = format!("while carrying {}", self.path(at.parent, at.slot));
                return Err(noted(vm, error, &note));
            }
        };
        if let Some(name) = self.text(&reduced) {
            return self.reduced_to_name(object, origin, &name);
        }
        let Some(reduced) = reduced.downcast_ref::<PyTuple>() else {
            return Err(self.refuse_object(origin));
        };
        let parts = reduced.as_slice();
        if !(2..=6).contains(&parts.len()) || parts[1].downcast_ref::<PyTuple>().is_none() {
            return Err(self.refuse_at(origin, "its __reduce_ex__ returns something unusable"));
        }
        // Its attributes may be its items: `self.__dict__ = self`.
        let is_own_dict = object
            .dict()
            .is_some_and(|dict| dict.as_object().is(object));
        let is_dict_told = is_own_dict || !is_registered && self.is_state_told(object, parts);
        let without_dict;
        let parts = match is_dict_told {
            true => {
                without_dict = self.without_dict(parts);
                &without_dict[..]
            }
            false => parts,
        };
        let plain = self.plain_state(object, parts)?;
        let native = match is_registered {
            true => None,
            false => self.native_items(object)?,
        };
        let state = self.state_fill(object, origin, parts, native, plain.is_none())?;
        let given = plain.filter(|attributes| !attributes.is_empty());
        let given = given.map(|attributes| self.given_attributes(object, origin, attributes));
        let told = is_dict_told.then(|| {
            let step = Step::FillInstanceDict;
            Frame::new(step, object.to_owned(), origin, Vec::new())
        });
        let unsaid = match is_registered || is_dict_told {
            true => Vec::new(),
            false => self.attributes_unsaid(object, parts)?,
        };
        let unsaid = (!unsaid.is_empty()).then(|| self.given_attributes(object, origin, unsaid));
        if !is_registered
            && object.downcast_ref::<PySet>().is_some()
            && self.is_plain_set(object.class())
        {
            return self.set_of_subclass(object, origin, [told, given.or(state)]);
        }
        let mut children = match is_registered {
            true => parts[..2].to_vec(),
            false => self.maker(object, &parts[0], &parts[1])?,
        };
        let mut step = Step::Reduced;
        if self.may_be_bare(object, parts)? {
            children.push(object.class().to_owned().into());
            step = Step::Bare;
        }
        let mut frame = Frame::new(step, object.to_owned(), origin, children);
        frame.then.extend(told);
        frame.then.extend(unsaid);
        frame.then.extend(given);
        frame.then.extend(state);
        if object.downcast_ref::<PyBaseException>().is_some() {
            let fill = self.exception_fill(object, origin, Vec::new())?;
            frame.then.extend(fill);
        }
        self.begin(frame.draining())
    }

    /// Whether the state of an object is its `__dict__`, which is told as an object of its own.
    fn is_state_told(&self, object: &PyObject, parts: &[PyObjectRef]) -> bool {
        let vm = self.vm;
        let Some(state) = parts.get(2) else {
            return false;
        };
        let pair = state.downcast_ref::<PyTuple>().map(|pair| pair.as_slice());
        let said = match pair {
            Some([said, _]) => said,
            _ => state,
        };
        let has_setter = parts.get(5).is_some_and(|setter| !vm.is_none(setter));
        object.dict().is_some_and(|dict| dict.as_object().is(said))
            && !has_setter
            && !has_any(vm, object.class(), &["__setstate__"])
            && self.is_dict_told(object, 1)
    }

    /// What `__reduce_ex__` says, but for the `__dict__` that is the state or the first half of it.
    fn without_dict(&self, parts: &[PyObjectRef]) -> Vec<PyObjectRef> {
        let vm = self.vm;
        let mut parts = parts.to_vec();
        if let Some(state) = parts.get_mut(2) {
            let pair = state.downcast_ref::<PyTuple>().map(|pair| pair.as_slice());
            *state = match pair {
                Some([_, slots]) => vm.ctx.new_tuple(vec![vm.ctx.none(), slots.clone()]).into(),
                _ => vm.ctx.none(),
            };
        }
        parts
    }

    /// Whether instances of a subclass of `set` or `frozenset` say of themselves what sets say.
    fn is_plain_set(&self, class: &Py<PyType>) -> bool {
        let types = &self.vm.ctx.types;
        let reduce = self.vm.ctx.intern_str("__reduce__");
        let native = native_base(class);
        let is_own = || match (class.get_attr(reduce), native.get_attr(reduce)) {
            (Some(own), Some(native)) => own.is(&native),
            _ => false,
        };
        (native.is(types.set_type) || native.is(types.frozenset_type))
            && is_own()
            && self.is_inherited_from_object(class, "__reduce_ex__")
    }

    /// What a set says of itself, with the state that its class says: the runtime's says nothing of slots,
    /// and doesn't ask its class.
    fn reduced_set(&self, object: &PyObject) -> PyResult {
        let vm = self.vm;
        let class: PyObjectRef = object.class().to_owned().into();
        let args: Vec<PyObjectRef> = match object.downcast_ref::<PyFrozenSet>() {
            Some(set) => vec![vm.ctx.new_list(set.elements()).into()],
            None => Vec::new(),
        };
        let args: PyObjectRef = vm.ctx.new_tuple(args).into();
        let parts = vec![class, args, self.state_of(object)?];
        Ok(vm.ctx.new_tuple(parts).into())
    }

    /// A set of a subclass is made empty, as its elements may lead back to it.
    fn set_of_subclass(
        &mut self,
        object: &PyObject,
        origin: u32,
        fills: [Option<Frame>; 2],
    ) -> PyResult<()> {
        let vm = self.vm;
        let new = vm.ctx.types.set_type.as_object().get_attr("__new__", vm)?;
        let class: PyObjectRef = object.class().to_owned().into();
        let children = vec![new, vm.ctx.new_tuple(vec![class]).into()];
        let mut frame = Frame::new(Step::Reduced, object.to_owned(), origin, children);
        frame.then.extend(fills.into_iter().flatten());
        let set = object.downcast_ref::<PySet>().expect("its base is set");
        let elements = set.elements();
        if !elements.is_empty() {
            let hashes = !elements.iter().all(|element| is_plain(vm, element));
            let fill = Frame::new(Step::FillSet, object.to_owned(), origin, Vec::new());
            frame.then.push(fill.hashing(hashes));
        }
        self.begin(frame.draining())
    }

    /// A string from `__reduce_ex__` names a global of the object's module.
    fn reduced_to_name(&mut self, object: &PyObject, origin: u32, name: &str) -> PyResult<()> {
        let vm = self.vm;
        let module = vm.get_attribute_opt(object, vm.ctx.intern_str("__module__"))?;
        let module = match module.and_then(|module| self.text(&module)) {
            Some(module) => module,
            None => "builtins".to_owned(),
        };
        if module != self.options.main_module && self.is_found_at(object, &module, name)? {
            return self.write_named(object, &module, name);
        }
        if self.substitute(object, origin)? {
            return Ok(());
        }
        if module == self.options.main_module && self.is_of_namespace(object, name)? {
            return self.only_instance(object, origin);
        }
        Err(self.refuse_at(
            origin,
            &format!("it says it is {module}.{name}, and can't be imported from there"),
        ))
    }

    /// Whether a namespace that is carried whole has the object by this name.
    fn is_of_namespace(&self, object: &PyObject, name: &str) -> PyResult<bool> {
        let namespace = self
            .options
            .namespace
            .and_then(|it| it.downcast_ref::<PyDict>());
        let Some(namespace) = namespace else {
            return Ok(false);
        };
        let bound = namespace.get_item_opt(name, self.vm)?;
        Ok(bound.is_some_and(|bound| bound.is(object)))
    }

    /// An object that says it is found by its name, and is carried with the namespace that has it.
    fn only_instance(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let class = object.class();
        if !native_base(class).is(self.vm.ctx.types.object_type) {
            return Err(self.refuse_object(origin));
        }
        self.instance(object, true, origin)
    }

    /// The attributes that are all there is to an object's state but for items, if nothing but setting them
    /// brings it back. Then it needn't be finished when it is met.
    fn plain_state(
        &self,
        object: &PyObject,
        parts: &[PyObjectRef],
    ) -> PyResult<Option<Vec<PyObjectRef>>> {
        let vm = self.vm;
        let part = |index: usize| parts.get(index).filter(|part| !vm.is_none(part));
        let Some(state) = part(2) else {
            return Ok(None);
        };
        let class = object.class();
        let is_of_object = class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE)
            && self.is_inherited_from_object(class, "__setattr__");
        if !is_of_object
            || (part(3).is_some() || part(4).is_some()) && !self.takes_items_natively(object)
            || part(5).is_some()
        {
            return Ok(None);
        }
        // That of exceptions sets attributes but those that are theirs.
        let set_state = vm.ctx.intern_str("__setstate__");
        let of_exceptions = vm.ctx.exceptions.base_exception_type.get_attr(set_state);
        let own = class.get_attr(set_state);
        let is_of_exceptions = match (&own, &of_exceptions) {
            (Some(own), Some(theirs)) => own.is(theirs),
            _ => false,
        };
        if own.is_some() && !is_of_exceptions {
            return Ok(None);
        }
        let dicts: Vec<PyObjectRef> = match state.downcast_ref_if_exact::<PyTuple>(vm) {
            Some(pair) if pair.len() == 2 => pair.as_slice().to_vec(),
            Some(_) => return Ok(None),
            None => vec![state.clone()],
        };
        let mut attributes = Vec::new();
        for dict in dicts.iter().filter(|dict| !vm.is_none(dict)) {
            let Some(dict) = dict.downcast_ref_if_exact::<PyDict>(vm) else {
                return Ok(None);
            };
            for (name, value) in dict.items_vec() {
                let Some(text) = self.text(&name) else {
                    return Ok(None);
                };
                if is_of_exceptions
                    && (text.starts_with("__") || has_any(vm, class, &[text.as_str()]))
                {
                    return Ok(None);
                }
                attributes.extend([name, value]);
            }
        }
        Ok(Some(attributes))
    }

    fn state_fill(
        &self,
        object: &PyObject,
        origin: u32,
        parts: &[PyObjectRef],
        native: Option<Vec<PyObjectRef>>,
        with_state: bool,
    ) -> PyResult<Option<Frame>> {
        let vm = self.vm;
        let part = |index: usize| {
            let part = parts.get(index).filter(|part| !vm.is_none(part));
            part.filter(|_| with_state || index != 2)
        };
        let mut children = Vec::new();
        let has_items = part(3).is_some() || part(4).is_some();
        if let Some(items) = native.as_ref().filter(|_| has_items)
            && part(2).is_none()
            && part(5).is_none()
            && let Some(fill) = self.native_fill(object, origin, items)
        {
            return Ok(Some(fill));
        }
        let (is_list, is_dict) = (part(3).is_some(), part(4).is_some());
        if let Some(items) = part(3).filter(|_| native.is_none()) {
            for item in items.to_owned().get_iter(vm)?.iter::<PyObjectRef>(vm)? {
                children.push(item?);
            }
        }
        if is_list && let Some(items) = &native {
            children.extend_from_slice(items);
        }
        let item_count = children.len();
        if is_dict && let Some(pairs) = &native {
            children.extend_from_slice(pairs);
        }
        if let Some(pairs) = part(4).filter(|_| native.is_none()) {
            for pair in pairs.to_owned().get_iter(vm)?.iter::<PyObjectRef>(vm)? {
                let pair = pair?;
                match pair.downcast_ref::<PyTuple>().map(|pair| pair.as_slice()) {
                    Some([key, value]) => children.extend([key.clone(), value.clone()]),
                    _ => {
                        let sentence = "its __reduce_ex__ returns pairs that are none";
                        return Err(self.refuse_at(origin, sentence));
                    }
                }
            }
        }
        let pair_count = (children.len() - item_count) / 2;
        let mut keys = children[item_count..].iter().step_by(2);
        let hashes = !keys.all(|key| is_plain(vm, key));
        let mut present = 0;
        for (index, bit) in [(2, state_present::STATE), (5, state_present::SETTER)] {
            if let Some(part) = part(index) {
                present |= bit;
                children.push(part.clone());
            }
        }
        if children.is_empty() {
            return Ok(None);
        }
        let step = Step::FillState {
            item_count,
            pair_count,
            present,
        };
        let frame = Frame::new(step, object.to_owned(), origin, children);
        Ok(Some(frame.draining().hashing(hashes)))
    }

    pub fn write_state_fill(
        &mut self,
        target: u32,
        item_count: usize,
        pair_count: usize,
        present: u8,
        edges: &[u32],
    ) {
        let (items, rest) = edges.split_at(item_count);
        let (pairs, rest) = rest.split_at(2 * pair_count);
        let (keys, values) = super::unzip(pairs);
        self.fill_record(kind::FILL_STATE, target, &[items, &keys, &values]);
        self.table.push(present);
        self.table.edges(rest);
    }
}

impl Slot {
    pub fn of_state(item_count: usize, pair_count: usize, present: u8, index: usize) -> Self {
        if index < item_count {
            Self::Item(index as u32)
        } else if index < item_count + 2 * pair_count {
            let index = index - item_count;
            match index.is_multiple_of(2) {
                true => Self::Key,
                false => Self::Value((index / 2) as u32),
            }
        } else if index == item_count + 2 * pair_count && present & state_present::STATE != 0 {
            Self::State
        } else {
            Self::Silent
        }
    }
}
