//! The abstract base classes of modules that a class was registered with: `Sequence.register(C)`.
//!
//! The runtime keeps it the other way round, as each abstract base class knows its classes, weakly. So
//! all of them are asked once for each state of the runtime's count of registrations. Classes
//! registered with an abstract base class that itself goes by value are part of that: see `class.rs`.

use std::collections::{BTreeMap, HashMap};

use rustpython_vm::builtins::{PySet, PyTuple, PyType, PyWeak};
use rustpython_vm::common::lock::PyMutex;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef, PyResult, VirtualMachine};

/// A class, and what it was registered with.
type Found = (PyRef<PyWeak>, Vec<PyRef<PyWeak>>);

/// What one interpreter's abstract base classes know.
struct Registrations {
    /// The runtime's count when they were asked.
    count: u64,
    /// By the address of the class.
    by_class: HashMap<usize, Found>,
}

/// By the address of the interpreter's `sys` module.
static REGISTRATIONS: PyMutex<BTreeMap<usize, Registrations>> = PyMutex::new(BTreeMap::new());

/// The abstract base classes that `class` is registered with, whether they can be imported or not.
pub fn bases(vm: &VirtualMachine, class: &Py<PyType>) -> PyResult<Vec<PyObjectRef>> {
    let abc = vm.import("_abc", 0)?;
    let count = abc.get_attr("get_cache_token", vm)?.call((), vm)?;
    let count: u64 = count.try_into_value(vm)?;
    let interpreter = vm.sys_module.get_id();
    let is_known = |all: &BTreeMap<usize, Registrations>| {
        all.get(&interpreter).is_some_and(|one| one.count == count)
    };
    if !is_known(&REGISTRATIONS.lock()) {
        // Not under the lock: it runs the runtime's code.
        let by_class = ask_all(vm)?;
        let found = Registrations { count, by_class };
        REGISTRATIONS.lock().insert(interpreter, found);
    }
    let all = REGISTRATIONS.lock();
    let found = all.get(&interpreter);
    let found = found.and_then(|one| one.by_class.get(&class.get_id()));
    let Some((reference, bases)) = found else {
        return Ok(Vec::new());
    };
    // The address may have been another's, who died.
    if !reference.upgrade().is_some_and(|found| found.is(class)) {
        return Ok(Vec::new());
    }
    Ok(bases.iter().filter_map(|base| base.upgrade()).collect())
}

/// The classes that were registered with an abstract base class.
pub fn classes(vm: &VirtualMachine, base: &Py<PyType>) -> PyResult<Vec<PyObjectRef>> {
    let marker = vm.ctx.intern_str("_abc_impl");
    if base.get_direct_attr(marker).is_none() {
        return Ok(Vec::new());
    }
    let dump = vm.import("_abc", 0)?.get_attr("_get_dump", vm)?;
    let dump = dump.call((base.to_owned(),), vm)?;
    let registry = dump.downcast_ref::<PyTuple>().and_then(|dump| dump.first());
    let references = registry.and_then(|registry| registry.downcast_ref::<PySet>());
    let references = references.map(|set| set.elements()).unwrap_or_default();
    let alive = |reference: &PyObjectRef| reference.downcast_ref::<PyWeak>()?.upgrade();
    Ok(references.iter().filter_map(alive).collect())
}

fn ask_all(vm: &VirtualMachine) -> PyResult<HashMap<usize, Found>> {
    let mut by_class: HashMap<usize, Found> = HashMap::new();
    for base in abstract_base_classes(vm) {
        for class in classes(vm, &base)? {
            let found = match by_class.entry(class.get_id()) {
                std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert((class.downgrade(None, vm)?, Vec::new()))
                }
            };
            found.1.push(base.as_object().downgrade(None, vm)?);
        }
    }
    Ok(by_class)
}

/// All that there are, each once.
fn abstract_base_classes(vm: &VirtualMachine) -> Vec<PyRef<PyType>> {
    let marker = vm.ctx.intern_str("_abc_impl");
    let mut met = std::collections::HashSet::new();
    let mut waiting = vec![vm.ctx.types.object_type.to_owned()];
    let mut found = Vec::new();
    while let Some(class) = waiting.pop() {
        for below in class.subclasses.read().iter() {
            let below = below.upgrade();
            if let Some(below) = below.and_then(|class| class.downcast::<PyType>().ok())
                && met.insert(below.get_id())
            {
                waiting.push(below);
            }
        }
        if class.get_direct_attr(marker).is_some() {
            found.push(class);
        }
    }
    found
}
