//! Makes native loops over endless and long native iterators end on Ctrl-C: `max(range(10**10))`,
//! `list(itertools.repeat(0))`.
//!
//! What consumes them in the runtime asks nobody, but all of it asks the iterator for the next item: so
//! the steps of those that can go on for long without Python code look at signals. Iterators over what is
//! in memory end by themselves, those that call Python are interrupted there.

use std::sync::OnceLock;

use rustpython_vm::builtins::PyType;
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::types::PyTypeSlots;
use rustpython_vm::{Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

type Next = fn(&PyObject, &VirtualMachine) -> PyResult<PyIterReturn>;

/// The iterators of `itertools` that go on for long.
const OF_ITERTOOLS: [&str; 7] = [
    "count",
    "repeat",
    "cycle",
    "product",
    "permutations",
    "combinations",
    "combinations_with_replacement",
];

const COUNT: usize = OF_ITERTOOLS.len() + 3;

/// The runtime's own steps. Its types are there once for all interpreters of a process.
static ORIGINALS: OnceLock<[Next; COUNT]> = OnceLock::new();

/// One function for each type, as a step isn't told which type's it is: a subclass has it, too.
const STEPS: [Next; COUNT] = [
    step::<0>, step::<1>, step::<2>, step::<3>, step::<4>, step::<5>, step::<6>, step::<7>,
    step::<8>, step::<9>,
];

fn step<const TYPE: usize>(iterator: &PyObject, vm: &VirtualMachine) -> PyResult<PyIterReturn> {
    vm.check_signals()?;
    let originals = ORIGINALS.get().expect("set before this is in a slot");
    originals[TYPE](iterator, vm)
}

/// Puts the steps that look at signals in the place of the runtime's.
///
/// # Errors
/// What looking the runtime's classes up raised.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let types = &vm.ctx.types;
    let mut classes: Vec<PyObjectRef> = Vec::with_capacity(COUNT);
    for class in [
        types.range_iterator_type,
        types.long_range_iterator_type,
        types.callable_iterator,
    ] {
        classes.push(class.to_owned().into());
    }
    let itertools = vm.import("itertools", 0)?;
    for name in OF_ITERTOOLS {
        classes.push(itertools.get_attr(name, vm)?);
    }
    let originals = classes
        .iter()
        .map(|class| slots(class).and_then(|slots| slots.iternext.load()));
    let originals: Option<Vec<Next>> = originals.collect();
    let originals = originals.and_then(|all| <[Next; COUNT]>::try_from(all).ok());
    let Some(originals) = originals else {
        return Err(vm.new_type_error("the iterators of itertools are classes with steps"));
    };
    if ORIGINALS.set(originals).is_err() {
        // Another interpreter of this process was there first.
        return Ok(());
    }
    for (class, step) in classes.iter().zip(STEPS) {
        if let Some(slots) = slots(class) {
            slots.iternext.store(Some(step));
        }
    }
    Ok(())
}

fn slots(class: &PyObjectRef) -> Option<&PyTypeSlots> {
    class.downcast_ref::<PyType>().map(Py::<PyType>::slots)
}
