//! Classes: by name where they can be imported, else by value.
//!
//! A class by value is built bare, from its metaclass, name and bases, and filled with the rest
//! of its dict afterwards, as its methods usually refer back to it. It travels under an identity
//! (see `identity.rs`), so that coming home it meets the class it was.

use rustpython_vm::builtins::{PyDict, PyTuple, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::{Encoder, Frame, Step, annotations, registration};
use crate::snapshot::Globals;
use crate::snapshot::format::{Write, kind};
use crate::snapshot::identifier::identifiers;
use crate::snapshot::identity;

pub mod present {
    /// The class keeps abstract methods: the receiver computes its `_abc_impl` anew.
    pub const IS_ABSTRACT_BASE: u8 = 1;
    /// Other classes were registered with it: they follow.
    pub const REGISTERED: u8 = 2;
    /// Only what its instances may need is here; all of it comes in another record.
    pub const METHODS: u8 = 4;
    /// It was registered with classes that can be imported: they follow.
    pub const REGISTERED_WITH: u8 = 8;
}

impl Encoder<'_> {
    pub fn class(&mut self, class: &Py<PyType>, origin: u32) -> PyResult<()> {
        let object = class.as_object();
        if self.named(object)? {
            return Ok(());
        }
        if super::plan::native_base(class).is(class) {
            return self.native_class(class, origin);
        }
        let vm = self.vm;
        if let Some(namespace) = class.attributes().as_dict() {
            self.namespaces
                .insert(namespace.get_id(), object.to_owned());
        }
        let mut children: Vec<PyObjectRef> = vec![
            object.class().to_owned().into(),
            vm.ctx.new_str(class.name().to_owned()).into(),
        ];
        let bases = object.get_attr("__bases__", vm)?;
        let bases = bases
            .downcast_ref::<PyTuple>()
            .map_or(&[][..], |bases| bases.as_slice());
        children.extend_from_slice(bases);
        // What `type` and the `__init_subclass__` of importable bases look at.
        for name in [
            "__module__",
            "__slots__",
            "__abc_tpflags__",
            "__orig_bases__",
        ] {
            let name = vm.ctx.intern_str(name);
            if let Some(value) = class.get_direct_attr(name) {
                children.push(name.to_owned().into());
                children.push(value);
            }
        }
        children.push(vm.ctx.intern_str("__qualname__").to_owned().into());
        children.push(class.__qualname__(vm));
        let registered = self.registered(class)?;
        let registered_with = self.registered_with(class)?;
        let (mut entries, mut present) = class_entries(self, class);
        let step = Step::Class {
            identity: identity::of(vm, object),
            version: self.version(&entries, registered.len() + registered_with.len()),
            base_count: bases.len(),
        };
        let mut frame = Frame::new(step, object.to_owned(), origin, children);
        if !registered.is_empty() {
            present |= present::REGISTERED;
        }
        if !registered_with.is_empty() {
            present |= present::REGISTERED_WITH;
        }
        if let Some(methods) = methods_first(self, &entries) {
            let step = Step::FillClass {
                present: present::METHODS,
                registered_count: 0,
                registered_with_count: 0,
            };
            let fill = Frame::new(step, object.to_owned(), origin, methods);
            frame.then.push(fill);
        }
        let step = Step::FillClass {
            present,
            registered_count: registered.len(),
            registered_with_count: registered_with.len(),
        };
        entries.extend(registered);
        entries.extend(registered_with);
        let fill = Frame::new(step, object.to_owned(), origin, entries);
        // Which methods are abstract is computed from their attributes.
        frame.then.push(fill.draining());
        self.begin(frame)
    }

    /// A number that whoever has the class compares with the one that it came with; 0 if there is none.
    fn version(&mut self, entries: &[PyObjectRef], registered_count: usize) -> u64 {
        // A namespace is decoded with classes of its own, so nobody asks. And globals that methods bring along are
        // none of what is counted.
        if self.has_segments || self.options.globals == Globals::Carried {
            return 0;
        }
        let contents = self.number_of_contents(entries);
        contents.map_or(0, |contents| identity::version(registered_count, contents))
    }

    /// The classes that were registered with an abstract base class.
    fn registered(&self, class: &Py<PyType>) -> PyResult<Vec<PyObjectRef>> {
        let mut registered = registration::classes(self.vm, class)?;
        self.sort_by_name(&mut registered);
        Ok(registered)
    }

    /// The abstract base classes that a class was registered with, of those that can be imported: the
    /// others bring along what was registered with them.
    fn registered_with(&self, class: &Py<PyType>) -> PyResult<Vec<PyObjectRef>> {
        let mut bases = Vec::new();
        for base in registration::bases(self.vm, class)? {
            if self.name_of(&base)?.is_some() {
                bases.push(base);
            }
        }
        self.sort_by_name(&mut bases);
        Ok(bases)
    }

    /// A set has its own order; the bytes shouldn't change with it.
    fn sort_by_name(&self, classes: &mut [PyObjectRef]) {
        classes.sort_by_key(|class| {
            let class = class.downcast_ref::<PyType>();
            class.map(|class| self.full_name(class))
        });
    }

    /// A native class that no module gives a name is reached through one that does: `type(f)`.
    fn native_class(&mut self, class: &Py<PyType>, origin: u32) -> PyResult<()> {
        let vm = self.vm;
        let module = class.__module__(vm)?;
        if let Some(module) = self.text(&module)
            && self.imported(&module)?.is_none()
            && vm.import(&*vm.ctx.new_str(module), 0).is_ok()
            && self.named(class.as_object())?
        {
            // The runtime uses it before anybody imported its module.
            return Ok(());
        }
        let types = self.imported("types")?;
        let dict = types.and_then(|types| types.dict());
        let items = dict.map(|dict| dict.items_vec()).unwrap_or_default();
        for (name, value) in items {
            if value.is(class)
                && let Some(name) = self.text(&name)
            {
                return self.write_named(class.as_object(), "types", &name);
            }
        }
        let name = class.fully_qualified_name(vm)?;
        Err(self.refuse_at(
            origin,
            &format!("the class {name} can't be carried: it isn't found by its name"),
        ))
    }

    /// Looks whether the dict in a cell is a class's own: annotations are computed in it.
    ///
    /// The class may not have been met yet; its `__dict__` descriptor tells which it is.
    pub fn note_class_namespace(&mut self, contents: &PyObject) {
        let vm = self.vm;
        let class = contents
            .downcast_ref_if_exact::<PyDict>(vm)
            .and_then(|dict| dict.get_item_opt("__dict__", vm).ok().flatten())
            .and_then(|descriptor| descriptor.get_attr("__objclass__", vm).ok())
            .and_then(|class| class.downcast::<PyType>().ok());
        if let Some(class) = class
            && let Some(namespace) = class.attributes().as_dict()
            && namespace.as_object().is(contents)
        {
            self.namespaces
                .insert(contents.get_id(), class.clone().into());
        }
    }

    pub fn write_class(&mut self, identity: u128, version: u64, base_count: usize, edges: &[u32]) {
        self.mutable = true;
        self.table.push(kind::CLASS);
        self.table.extend_from_slice(&identity.to_le_bytes());
        self.table.extend_from_slice(&version.to_le_bytes());
        self.table.edges(&edges[..2]);
        let (bases, pairs) = edges[2..].split_at(base_count);
        self.edge_body(bases);
        let (keys, values) = super::unzip(pairs);
        self.edge_body(&keys);
        self.edge_body(&values);
    }

    /// Whether members of `class` go by value because the enumeration does.
    pub fn is_local_enum(&self, class: &Py<PyType>) -> PyResult<bool> {
        let vm = self.vm;
        let Some(module) = self.imported("enum")? else {
            return Ok(false);
        };
        let Some(meta) = vm.get_attribute_opt(&module, vm.ctx.intern_str("EnumType"))? else {
            return Ok(false);
        };
        let is_enum = meta
            .downcast_ref::<PyType>()
            .is_some_and(|meta| class.class().fast_issubclass(meta));
        Ok(is_enum && self.name_of(class.as_object())?.is_none())
    }
}

/// Where a class keeps its annotations.
const ANNOTATIONS: &str = "__annotations_cache__";

/// Whether the annotations of a class are more than what is written in it, which is computed again.
fn keeps_annotations(vm: &VirtualMachine, class: &Py<PyType>) -> bool {
    let annotate = class.get_direct_attr(vm.ctx.intern_str("__annotate_func__"));
    let kept = class.get_direct_attr(vm.ctx.intern_str(ANNOTATIONS));
    match (annotate, kept) {
        (Some(annotate), Some(kept)) => annotations::differ(vm, &kept, &annotate),
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// The entries of a class's dict that travel, as keys and values in turn.
pub fn class_entries(encoder: &Encoder<'_>, class: &Py<PyType>) -> (Vec<PyObjectRef>, u8) {
    const MADE_ANEW: [&str; 8] = [
        "__dict__",
        "__weakref__",
        "__slots__",
        "__slotnames__",
        "__module__",
        "__qualname__",
        "__abc_tpflags__",
        ANNOTATIONS,
    ];
    let mut bits = 0;
    let mut entries = Vec::new();
    let keeps_annotations = keeps_annotations(encoder.vm, class);
    for (key, value) in class.attributes().entries() {
        let name = encoder.text(&key).unwrap_or_default();
        if name == "_abc_impl" {
            bits |= present::IS_ABSTRACT_BASE;
        } else if (keeps_annotations && name == ANNOTATIONS)
            || (!MADE_ANEW.contains(&name.as_str()) && !is_own_slot(encoder, class, &name, &value))
        {
            entries.push(key);
            entries.push(value);
        }
    }
    (entries, bits)
}

/// The entries of a class that its instances may need before it is finished, if others may hold
/// instances: what hashes and compares them, and what takes their state.
pub fn methods_first(encoder: &Encoder<'_>, entries: &[PyObjectRef]) -> Option<Vec<PyObjectRef>> {
    let types = &encoder.vm.ctx.types;
    let is_method = |value: &PyObject| {
        let class = value.class();
        let kinds = [
            types.function_type,
            types.classmethod_type,
            types.staticmethod_type,
            types.property_type,
        ];
        kinds.iter().any(|kind| class.is(*kind))
    };
    let is_scalar = |value: &PyObject| {
        let class = value.class();
        let kinds = [
            types.none_type,
            types.bool_type,
            types.int_type,
            types.float_type,
            types.str_type,
            types.bytes_type,
        ];
        kinds.iter().any(|kind| class.is(*kind))
    };
    let is_plain = |value: &PyObject| {
        let tuple = value.downcast_ref::<PyTuple>();
        is_scalar(value) || tuple.is_some_and(|tuple| tuple.iter().all(|each| is_scalar(each)))
    };
    // Made empty, they are there for instances to be entered in.
    let is_container = |value: &PyObject| {
        let vm = encoder.vm;
        let dict = value.downcast_ref_if_exact::<PyDict>(vm);
        value.class().is(types.list_type)
            || dict.is_some_and(|dict| dict.keys_vec().iter().all(|key| is_scalar(key)))
    };
    let is_needed = |pair: &&[PyObjectRef]| {
        let name = encoder.text(&pair[0]).unwrap_or_default();
        let is_kept = is_plain(&pair[1]) || is_container(&pair[1]);
        is_method(&pair[1]) || is_kept && (!name.starts_with("__") || name == "__hash__")
    };
    let mut pairs = entries.chunks_exact(2);
    if pairs.all(|pair| is_method(&pair[1]) || is_plain(&pair[1])) {
        return None;
    }
    let needed = entries.chunks_exact(2).filter(is_needed);
    Some(needed.flatten().cloned().collect())
}

/// Whether `value` is the descriptor that `__slots__` makes for `class` under this name: it may have others.
fn is_own_slot(encoder: &Encoder<'_>, class: &Py<PyType>, name: &str, value: &PyObject) -> bool {
    let vm = encoder.vm;
    if class.slots().member_count == 0 || !value.class().is(vm.ctx.types.member_descriptor_type) {
        return false;
    }
    let owner = value.get_attr("__objclass__", vm).ok();
    owner.is_some_and(|owner| owner.is(class))
        && slot_name(encoder, value).is_some_and(|own| own == name)
}

/// The name that what reads a slot was made for.
pub fn slot_name(encoder: &Encoder<'_>, slot: &PyObject) -> Option<String> {
    let name = slot.get_attr(identifiers().name, encoder.vm).ok()?;
    encoder.text(&name)
}
