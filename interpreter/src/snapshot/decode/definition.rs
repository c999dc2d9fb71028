//! The records that rebuild classes: made bare, then given their attributes, or met where they are.
//!
//! Read next: `class.rs` for how a class is made without its bases' hooks.

use rustpython_vm::builtins::{PyDict, PyList, PyStr, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::{Decoded, Decoder, class, name};
use crate::snapshot::claim::Claim;
use crate::snapshot::encode::class_present;
use crate::snapshot::format::{FIRST_NODE, FormatError, Reader, body};
use crate::snapshot::identifier::identifiers;
use crate::snapshot::identity;

/// A class that gets its attributes, and is known by its identity meanwhile.
pub struct Filling {
    identity: u128,
    version: u64,
    /// What keeps other threads from it, until it has them.
    claim: Option<Claim>,
}

/// What is here of a class that came along.
enum Met {
    Known(PyObjectRef),
    /// Nothing: it is made by this decoding.
    Missing(Claim),
}

impl Decoder<'_> {
    /// A class, bare; or the one that has its identity, if it is here.
    pub fn class(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let identity = u128::from_le_bytes(self.reader.array()?);
        let version = u64::from_le_bytes(self.reader.array()?);
        let metaclass = self.class_edge()?;
        let name = self.edge()?;
        let bases = self.body()?;
        let (keys, values) = self.pairs()?;
        let claim = match self.makes_classes_anew {
            true => None,
            false => match self.meet_class(identity, version)? {
                Met::Known(known) => return Ok(known),
                Met::Missing(claim) => Some(claim),
            },
        };
        if !metaclass.fast_issubclass(vm.ctx.types.type_type) {
            let expected = "a metaclass";
            return Err(FormatError::Type { expected }.into());
        }
        let namespace = vm.ctx.new_dict();
        for (key, value) in keys.into_iter().zip(values) {
            namespace.set_item(&*name::of(key)?, value, vm)?;
        }
        let class = class::bare(vm, metaclass, name, bases, namespace)?;
        self.by_value.insert(class.get_id());
        match claim {
            None => self.arrived.push((identity, class.clone())),
            Some(claim) => {
                // The code that fills it may send it on.
                identity::begun(vm, identity, &class);
                self.note_filling(&class, identity, version, claim);
            }
        }
        Ok(class)
    }

    /// The class that has an identity, if it is here: settled if this version is what it has, else to be filled.
    fn meet_class(&mut self, identity: u128, version: u64) -> Decoded<Met> {
        let vm = self.vm;
        if let Some(known) = self.current_class(identity, version) {
            return Ok(Met::Known(known));
        }
        let may_be_interrupted = self.context.may_be_interrupted;
        let claim = Claim::wait(vm, identity, &mut self.patience, may_be_interrupted)?;
        // Another thread may have filled it meanwhile.
        if let Some(known) = self.current_class(identity, version) {
            return Ok(Met::Known(known));
        }
        let known = identity::find(vm, identity);
        let Some(known) = known.filter(|known| known.downcast_ref::<PyType>().is_some()) else {
            return Ok(Met::Missing(claim));
        };
        self.note_known(&known);
        identity::begun_again(vm, identity);
        self.note_filling(&known, identity, version, claim);
        Ok(Met::Known(known))
    }

    /// The class that has an identity, if it is here and stays as it is.
    fn current_class(&mut self, identity: u128, version: u64) -> Option<PyObjectRef> {
        let known = identity::current(self.vm, identity, version)?;
        known.downcast_ref::<PyType>()?;
        self.note_known(&known);
        self.settled.insert(known.get_id());
        Some(known)
    }

    fn note_known(&mut self, class: &PyObject) {
        self.known_classes.insert(class.get_id());
        self.by_value.insert(class.get_id());
    }

    fn note_filling(&mut self, class: &PyObject, identity: u128, version: u64, claim: Claim) {
        let filling = Filling {
            identity,
            version,
            claim: Some(claim),
        };
        self.fillings.insert(class.get_id(), filling);
    }

    /// A class has got all its attributes: from now on it is known to have this version.
    fn end_filling(&mut self, class: &Py<PyType>) {
        if let Some(filling) = self.fillings.get_mut(&class.get_id()) {
            identity::filled(self.vm, filling.identity, filling.version);
            filling.claim = None;
        }
    }

    /// All went well: the classes that were filled stay what they are.
    pub fn keep_filled_classes(&mut self) {
        self.fillings.retain(|_, filling| filling.claim.is_some());
    }

    /// Has the classes of a decoding that failed filled again when they come again: one that is finished may
    /// have attributes that aren't.
    pub fn abandon_classes(&mut self) {
        for (_, filling) in self.fillings.drain() {
            identity::abandoned(self.vm, filling.identity);
        }
    }

    /// Fills in the dict of a class, unless it is one that was made in this process.
    pub fn fill_class(&mut self, target: &PyObject) -> Decoded<()> {
        let vm = self.vm;
        let before = self.reader.clone();
        let (keys, values) = self.pairs()?;
        let bits = self.reader.byte()?;
        let registered = self.body_if(bits & class_present::REGISTERED != 0)?;
        let registered_with = self.body_if(bits & class_present::REGISTERED_WITH != 0)?;
        let class = target
            .downcast_ref::<PyType>()
            .filter(|class| class.slots().flags.has_feature(PyTypeFlags::HEAPTYPE))
            .ok_or(FormatError::Type {
                expected: "a class",
            })?;
        // It gets other methods, and so do those below it.
        self.takings.clear();
        if self.settled.contains(&class.get_id()) {
            return self.meet_attributes(class, &keys, &values, before);
        }
        let set = vm.ctx.types.type_type.slots().setattro.load();
        let set = set.expect("classes can be changed");
        if bits & class_present::METHODS != 0 {
            self.begun_classes.insert(class.get_id(), keys.clone());
        } else if let Some(early) = self.begun_classes.remove(&class.get_id()) {
            // They come again in their places: the order of a class's dict is there to be seen.
            for key in early {
                let name = name::of(key)?;
                if is_of_type(&name) {
                    continue;
                }
                set(target, &name, PySetterValue::Delete, vm)?;
            }
        }
        let is_met_again =
            bits & class_present::METHODS != 0 && self.known_classes.contains(&class.get_id());
        let is_container = |value: &PyObject| {
            value.downcast_ref::<PyList>().is_some() || value.downcast_ref::<PyDict>().is_some()
        };
        for (key, value) in keys.into_iter().zip(values) {
            let name = name::of(key)?;
            // Members of an enumeration are found in what the class has until all of it has come.
            if is_met_again && is_container(&value) {
                continue;
            }
            // An absent docstring reads None, and None can't always be set.
            if name.as_bytes() == b"__doc__" && vm.is_none(&value) {
                continue;
            }
            if is_of_type(&name)
                && let Some(text) = name.to_str()
            {
                class.set_attr(vm.ctx.intern_str(text), value);
                continue;
            }
            // Not through the metaclass, whose `__setattr__` may guard the class.
            set(target, &name, PySetterValue::Assign(value), vm)?;
        }
        if bits & class_present::IS_ABSTRACT_BASE != 0 {
            let init = vm.import("_abc", 0)?.get_attr("_abc_init", vm)?;
            init.call((target.to_owned(),), vm)?;
            for class in registered {
                register(vm, target.to_owned(), class)?;
            }
        }
        for base in registered_with {
            register(vm, base, target.to_owned())?;
        }
        if bits & class_present::METHODS == 0 {
            self.end_filling(class);
        }
        Ok(())
    }

    fn body_if(&mut self, is_there: bool) -> Decoded<Vec<PyObjectRef>> {
        match is_there {
            true => self.body(),
            false => Ok(Vec::new()),
        }
    }

    /// Lets the functions of a class that is here already stand for those that came along with it:
    /// a method that comes home is the one that the class has.
    pub fn meet_attributes(
        &mut self,
        class: &Py<PyType>,
        keys: &[PyObjectRef],
        values: &[PyObjectRef],
        mut pairs: Reader<'_>,
    ) -> Decoded<()> {
        let vm = self.vm;
        let edges = edges_of_values(&mut pairs)?;
        for ((key, value), edge) in keys.iter().zip(values).zip(edges) {
            let name = key.downcast_ref::<PyStr>().and_then(|name| name.to_str());
            let Some(name) = name else { continue };
            let own = class.get_direct_attr(vm.ctx.intern_str(name));
            let node = edge.checked_sub(FIRST_NODE).map(|node| node as usize);
            if let (Some(own), Some(node)) = (own, node)
                && !own.is(value)
                && self.is_same_function(&own, value)?
            {
                for part in function_parts(value, vm) {
                    let (theirs, ours) = (value.get_attr(*part, vm)?, own.get_attr(*part, vm)?);
                    self.settled.insert(ours.get_id());
                    self.replace_before(node, &theirs, ours);
                }
                self.settled.insert(own.get_id());
                self.replace_before(node + 1, value, own);
            }
        }
        Ok(())
    }

    /// Whether an attribute that came along is a function, or what is made of one, that the class
    /// here has too: with the same code, and without globals that were carried for it.
    pub fn is_same_function(&self, own: &PyObject, arrived: &PyObject) -> Decoded<bool> {
        // What is made of more than these is nothing that a class has for a method.
        const PARTS_MAX: usize = 64;
        let vm = self.vm;
        let mut rest = vec![(own.to_owned(), arrived.to_owned())];
        let mut count = 0;
        while let Some((own, arrived)) = rest.pop() {
            count += 1;
            if count > PARTS_MAX || !own.class().is(arrived.class()) {
                return Ok(false);
            }
            if own.class().is(vm.ctx.types.function_type) {
                if !self.has_same_code(&own, &arrived)? {
                    return Ok(false);
                }
                continue;
            }
            let parts = function_parts(&own, vm);
            if parts.is_empty() {
                return Ok(false);
            }
            for part in parts {
                let (own, arrived) = (own.get_attr(*part, vm)?, arrived.get_attr(*part, vm)?);
                if !(vm.is_none(&own) && vm.is_none(&arrived)) {
                    rest.push((own, arrived));
                }
            }
        }
        Ok(true)
    }

    fn has_same_code(&self, own: &PyObject, arrived: &PyObject) -> Decoded<bool> {
        let vm = self.vm;
        let part = |function: &PyObject, name| function.get_attr(name, vm);
        let known = identifiers();
        let globals = part(arrived, known.globals)?;
        let codes = (part(own, known.code)?, part(arrived, known.code)?);
        Ok(
            (globals.is(&self.context.globals) || globals.is(&part(own, known.globals)?))
                && vm.bool_eq(&codes.0, &codes.1)?,
        )
    }

    /// Lets an object stand for one that was decoded not long before this node.
    pub fn replace_before(&mut self, end: usize, old: &PyObject, new: PyObjectRef) {
        const NODES_MAX: usize = 1000;
        let end = end.min(self.nodes.len());
        let recent = &mut self.nodes[end.saturating_sub(NODES_MAX)..end];
        if !old.class().is(self.vm.ctx.types.none_type)
            && let Some(node) = recent.iter_mut().rev().find(|node| node.is(old))
        {
            *node = new;
        }
    }
}

/// Makes a class one of an abstract base class's, whatever a `register` of its metaclass would do.
fn register(vm: &VirtualMachine, base: PyObjectRef, class: PyObjectRef) -> PyResult<()> {
    let register = vm.import("_abc", 0)?.get_attr("_abc_register", vm)?;
    register.call((base, class), vm).map(drop)
}

/// Whether setting this attribute of a class means something else than its class body has said, as
/// `type` has one of that name itself.
fn is_of_type(name: &Py<PyStr>) -> bool {
    const NAMES: [&str; 12] = [
        "__class__",
        "__name__",
        "__mro__",
        "__base__",
        "__bases__",
        "__flags__",
        "__basicsize__",
        "__itemsize__",
        "__dictoffset__",
        "__weakrefoffset__",
        "__text_signature__",
        "__subclasses__",
    ];
    name.to_str().is_some_and(|name| NAMES.contains(&name))
}

/// The attributes of a descriptor that are functions.
fn function_parts(object: &PyObject, vm: &VirtualMachine) -> &'static [&'static str] {
    let types = &vm.ctx.types;
    match object.class() {
        class if class.is(types.property_type) => &["fget", "fset", "fdel"],
        class if class.is(types.classmethod_type) || class.is(types.staticmethod_type) => {
            &["__func__"]
        }
        _ => &[],
    }
}

/// The edges of the values in a fill's pairs; none if these are packed.
fn edges_of_values(pairs: &mut Reader<'_>) -> Decoded<Vec<u32>> {
    let mut edges = Vec::new();
    for _ in 0..2 {
        edges.clear();
        if pairs.byte()? != body::EDGES {
            return Ok(Vec::new());
        }
        for _ in 0..pairs.count(4)? {
            edges.push(pairs.edge()?);
        }
    }
    Ok(edges)
}
