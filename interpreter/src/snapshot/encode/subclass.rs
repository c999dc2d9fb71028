//! Lists, dicts and the like of subclasses: what is in them is read and given back natively, and none of
//! their own ways of telling it or of taking it is asked. That isn't so for classes that say by a
//! `__reduce__` of their own how they are made again, for those that `copyreg` knows, and for importable
//! ones with such ways: these keep pickle's protocol. What makes the object itself is in `making.rs`.
//!
//! Which of this holds for a class is looked up once. Read next: `decode/taking.rs`.

use rustpython_vm::builtins::{PyDict, PyList, PyTuple, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult};

use super::container::is_plain;
use super::plan::native_base;
use super::{Encoder, Frame, Step};

/// What is known of a class as one of containers.
#[derive(Clone, Copy)]
pub struct Container {
    reduced: Reduced,
    /// Its state is that of `object`.
    has_usual_state: bool,
    /// Its items are taken as the native base takes them.
    takes_natively: bool,
    /// It goes by value and has a `__new__` of its own.
    has_own_new: bool,
}

/// Who says how a list or a dict is made again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reduced {
    /// `object`
    Usual,
    /// `OrderedDict`
    Ordered,
    /// `defaultdict`
    Defaults,
    /// `Counter`
    Counting,
    /// It is neither a list nor a dict, or somebody else says it
    Otherwise,
}

impl Encoder<'_> {
    fn container(&self, object: &PyObject) -> Container {
        let class = object.class();
        if let Some(known) = self.containers.borrow().get(&class.get_id()) {
            return *known;
        }
        let found = Container {
            reduced: self.reduced_by(object),
            has_usual_state: self.is_inherited_from_object(class, "__getstate__"),
            takes_natively: self.takes_natively(class),
            has_own_new: self.has_own_before(class, &["__new__"], &[]),
        };
        // Classes that are reduced have a plan, so that their addresses are not used again.
        let mut containers = self.containers.borrow_mut();
        containers.insert(class.get_id(), found);
        found
    }

    fn reduced_by(&self, object: &PyObject) -> Reduced {
        let vm = self.vm;
        let class = object.class();
        let is_of_items =
            object.downcast_ref::<PyList>().is_some() || object.downcast_ref::<PyDict>().is_some();
        if !is_of_items || !self.is_inherited_from_object(class, "__reduce_ex__") {
            return Reduced::Otherwise;
        }
        let reduce = vm.ctx.intern_str("__reduce__");
        let classes = class.mro_collect();
        let says = |each: &PyRef<PyType>| each.get_direct_attr(reduce).is_some();
        let Some(at) = classes.iter().position(says) else {
            return Reduced::Otherwise;
        };
        let owner = &classes[at];
        // Of what can be imported, the methods are asked: they may tell and take items in another form.
        if owner.is(vm.ctx.types.object_type) {
            return match self.is_asked(&classes, native_base(class)) {
                true => Reduced::Otherwise,
                false => Reduced::Usual,
            };
        }
        if !classes[..at]
            .iter()
            .all(|each| self.is_of_namespace_class(each))
        {
            return Reduced::Otherwise;
        }
        match &*self.full_name(owner) {
            "collections.OrderedDict" if owner.is(native_base(class)) => Reduced::Ordered,
            "collections.defaultdict" if owner.is(native_base(class)) => Reduced::Defaults,
            "collections.Counter" => Reduced::Counting,
            _ => Reduced::Otherwise,
        }
    }

    /// Whether one of these classes, of those before the native base, can be imported, and makes its
    /// instances or tells and takes their items in its own way.
    fn is_asked(&self, classes: &[PyRef<PyType>], native: &Py<PyType>) -> bool {
        const OWN: [&str; 6] = [
            "__new__",
            "__iter__",
            "items",
            "__setitem__",
            "append",
            "extend",
        ];
        let mut before = classes.iter().take_while(|each| !each.is(native));
        before.any(|each| {
            let has_own = |name: &&str| {
                let name = self.vm.ctx.intern_str(*name);
                each.get_direct_attr(name).is_some()
            };
            OWN.iter().any(has_own) && !self.is_of_namespace_class(each)
        })
    }

    /// Whether the receiver gives instances their items as the native base takes them: no class that
    /// doesn't go by value has another way.
    fn takes_natively(&self, class: &Py<PyType>) -> bool {
        let native = native_base(class);
        let classes = class.mro_collect();
        // One that says itself what its items are takes them by its own methods, too.
        let reduces = ["__reduce__", "__reduce_ex__"].map(|name| self.vm.ctx.intern_str(name));
        let says = |each: &&PyRef<PyType>| {
            let mut names = reduces.iter();
            names.any(|name| each.get_direct_attr(name).is_some())
        };
        if classes
            .iter()
            .find(says)
            .is_some_and(|each| self.is_of_namespace_class(each))
        {
            return false;
        }
        let is_native = |name: &&str| {
            let name = self.vm.ctx.intern_str(*name);
            let mut others = classes
                .iter()
                .filter(|each| !self.is_of_namespace_class(each));
            match (
                others.find_map(|each| each.get_direct_attr(name)),
                native.get_attr(name),
            ) {
                (Some(own), Some(native)) => own.is(&native),
                (own, native) => own.is_none() && native.is_none(),
            }
        };
        ["__setitem__", "append", "extend"].iter().all(is_native)
    }

    /// Whether the class of an object goes by value and has a `__new__` of its own.
    pub fn has_own_new(&self, object: &PyObject) -> bool {
        self.container(object).has_own_new
    }

    /// Whether what an object is made of is what `Counter` says, which says no state.
    pub fn is_counted(&self, object: &PyObject) -> bool {
        self.container(object).reduced == Reduced::Counting
    }

    /// Whether items may be given to an object after its attributes, whatever these are.
    pub fn takes_items_natively(&self, object: &PyObject) -> bool {
        self.container(object).takes_natively
    }

    /// What a list or a dict of a subclass has, if that is known without asking it.
    pub fn native_items(&self, object: &PyObject) -> PyResult<Option<Vec<PyObjectRef>>> {
        let reduced = self.container(object).reduced;
        if reduced == Reduced::Otherwise {
            return Ok(None);
        }
        if let Some(list) = object.downcast_ref::<PyList>() {
            return Ok(Some(list.borrow_vec().to_vec()));
        }
        let Some(dict) = object.downcast_ref::<PyDict>() else {
            return Ok(None);
        };
        let pairs = match reduced {
            Reduced::Ordered => self.pairs_in_order(object)?,
            _ => dict.items_vec(),
        };
        let pairs = pairs.into_iter();
        Ok(Some(pairs.flat_map(|(key, value)| [key, value]).collect()))
    }

    /// The pairs of an ordered dict in its own order, which isn't that of the dict that it is.
    fn pairs_in_order(&self, object: &PyObject) -> PyResult<Vec<(PyObjectRef, PyObjectRef)>> {
        let vm = self.vm;
        let native = native_base(object.class()).as_object();
        let items = native.get_attr("items", vm)?;
        let items = items.call((object.to_owned(),), vm)?;
        let mut pairs = Vec::new();
        for pair in items.get_iter(vm)?.iter::<PyObjectRef>(vm)? {
            let pair = pair?;
            if let Some([key, value]) = pair.downcast_ref::<PyTuple>().map(|pair| pair.as_slice()) {
                pairs.push((key.clone(), value.clone()));
            }
        }
        Ok(pairs)
    }

    /// The fill of a list or a dict that needs no more than its items, where its class takes them as the
    /// native base does: it runs no code but what hashes keys.
    pub fn native_fill(
        &self,
        object: &PyObject,
        origin: u32,
        items: &[PyObjectRef],
    ) -> Option<Frame> {
        let container = self.container(object);
        let is_known = matches!(
            container.reduced,
            Reduced::Usual | Reduced::Defaults | Reduced::Counting
        );
        if !is_known || !container.takes_natively || items.is_empty() {
            return None;
        }
        let (step, hashes) = match object.downcast_ref::<PyList>() {
            Some(_) => (Step::FillList, false),
            None => {
                let mut keys = items.iter().step_by(2);
                let is_plain = |key: &PyObjectRef| is_plain(self.vm, key);
                (Step::FillDict, !keys.all(is_plain))
            }
        };
        let frame = Frame::new(step, object.to_owned(), origin, Vec::new());
        Some(frame.hashing(hashes))
    }

    /// What `__reduce_ex__` would say of a list or a dict, which it would ask for what is in it. In the
    /// place of its items are empty ones: see [`Self::native_items`].
    pub fn reduced_natively(&self, object: &PyObject) -> PyResult<Option<PyObjectRef>> {
        let vm = self.vm;
        let class = object.class();
        let reduced = self.container(object).reduced;
        let has_any = |name: &str| class.get_attr(vm.ctx.intern_str(name)).is_some();
        if reduced == Reduced::Otherwise
            || has_any("__getnewargs__")
            || has_any("__getnewargs_ex__")
        {
            return Ok(None);
        }
        let native = native_base(class).as_object();
        let class: PyObjectRef = class.to_owned().into();
        let (callable, args, state) = match reduced {
            Reduced::Otherwise => return Ok(None),
            Reduced::Usual => {
                // Its own constructor makes them anew.
                if self.container(object).has_own_new && self.has_process_bound(object)? {
                    return Ok(None);
                }
                let new = native.get_attr("__new__", vm)?;
                (new, vec![class], self.state_of(object)?)
            }
            Reduced::Ordered => {
                let state = self.state_of(object)?;
                let dict = state.downcast_ref::<PyDict>();
                let state = match dict.is_some_and(|dict| dict.is_empty()) {
                    true => vm.ctx.none(),
                    false => state,
                };
                (class, Vec::new(), state)
            }
            Reduced::Defaults => {
                let field = native.get_attr("default_factory", vm)?;
                let get = field.class().slots().descr_get.load();
                let get = get.ok_or_else(|| vm.new_type_error("a field can't be read"))?;
                let factory = get(&field, Some(object), Some(class.as_object()), vm)?;
                let args = match vm.is_none(&factory) {
                    true => Vec::new(),
                    false => vec![factory],
                };
                (class, args, vm.ctx.none())
            }
            Reduced::Counting => {
                if self.has_process_bound(object)? {
                    return Ok(None);
                }
                let new = native.get_attr("__new__", vm)?;
                // It says nothing of its attributes itself: see `attributes_unsaid`.
                (new, vec![class], vm.ctx.none())
            }
        };
        let none = || vm.ctx.none();
        let no_items = || -> PyObjectRef { vm.ctx.empty_tuple.clone().into() };
        let (items, pairs) = match object.downcast_ref::<PyList>() {
            Some(_) => (no_items(), none()),
            None => (none(), no_items()),
        };
        let args = vm.ctx.new_tuple(args).into();
        let parts = vec![callable, args, state, items, pairs];
        Ok(Some(vm.ctx.new_tuple(parts).into()))
    }

    /// What the class of an object says its state is.
    pub fn state_of(&self, object: &PyObject) -> PyResult {
        match self.container(object).has_usual_state {
            true => self.usual_state_of(object),
            false => self.vm.call_method(object, "__getstate__", ()),
        }
    }

    /// What `object` says the state of another is.
    fn usual_state_of(&self, object: &PyObject) -> PyResult {
        let vm = self.vm;
        if object.class().slots().member_count == 0 {
            let dict = object.dict().filter(|dict| !dict.is_empty());
            return Ok(dict.map_or_else(|| vm.ctx.none(), Into::into));
        }
        let usual = vm.ctx.types.object_type.as_object();
        let usual = usual.get_attr("__getstate__", vm)?;
        usual.call((object.to_owned(),), vm)
    }
}
