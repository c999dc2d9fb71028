//! Modules whose functions and classes go by value though they can be imported here, as a person says
//! of those that receivers haven't got, or have in another version.
//!
//! A name stands for the module and what is below it. The list is the process's, as modules are.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::common::lock::PyRwLock;

static NAMES: PyRwLock<BTreeSet<String>> = PyRwLock::new(BTreeSet::new());
/// Whether there is any: asked for every function, where there hardly ever is.
static IS_ANY: AtomicBool = AtomicBool::new(false);

/// Lets what is in a module, and in those below it, go by value from now on.
pub fn register_by_value(module: &str) {
    let mut names = NAMES.write();
    names.insert(module.to_owned());
    IS_ANY.store(true, Ordering::Relaxed);
}

/// Takes that back. False if it wasn't registered.
pub fn unregister_by_value(module: &str) -> bool {
    let mut names = NAMES.write();
    let was_there = names.remove(module);
    IS_ANY.store(!names.is_empty(), Ordering::Relaxed);
    was_there
}

/// The modules that are registered.
pub fn registered_by_value() -> Vec<String> {
    NAMES.read().iter().cloned().collect()
}

/// Whether a module goes by value: it is registered, or a package above it is.
pub(super) fn holds(module: &str) -> bool {
    if !IS_ANY.load(Ordering::Relaxed) {
        return false;
    }
    let names = NAMES.read();
    let ends = module.match_indices('.').map(|(end, _)| end);
    ends.chain([module.len()])
        .any(|end| names.contains(&module[..end]))
}
