//! Identities of classes that go by value.
//!
//! A class made in a namespace exists again wherever it was sent. Its identity, a random number
//! given to it when it first leaves, travels along; the process remembers which class has which,
//! so that an instance that comes home is an instance of the class it was, and a class sent twice
//! arrives once. The memory holds classes weakly.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustpython_vm::builtins::PyType;
use rustpython_vm::common::lock::PyMutex;
use rustpython_vm::{AsObject, Py, PyRef, PyWeakRef, VirtualMachine};

/// A class and where it came from.
struct Entry {
    class: PyWeakRef<PyType>,
    /// Made in this process: what others say about its attributes doesn't change it.
    is_native: bool,
    /// The version that it was last filled with, if it came from elsewhere.
    version: u64,
}

#[derive(Default)]
struct Registry {
    classes: HashMap<u128, Entry>,
    identities: HashMap<usize, u128>,
}

static REGISTRY: PyMutex<Option<Registry>> = PyMutex::new(None);

/// The identity of a class, which it gets now if it has none.
pub(super) fn of(vm: &VirtualMachine, class: &Py<PyType>) -> u128 {
    let mut guard = REGISTRY.lock();
    let registry = guard.get_or_insert_with(Registry::default);
    if let Some(identity) = registry.identity(class) {
        return identity;
    }
    let identity = fresh(class.get_id());
    registry.remember(vm, identity, class, true);
    identity
}

/// The class with this identity, if it is here.
pub(super) fn find(identity: u128) -> Option<PyRef<PyType>> {
    let guard = REGISTRY.lock();
    guard.as_ref()?.classes.get(&identity)?.class.upgrade()
}

/// Whether a class was made in this process.
pub(super) fn is_native(class: &Py<PyType>) -> bool {
    let guard = REGISTRY.lock();
    guard.as_ref().is_some_and(|registry| {
        let identity = registry.identity(class);
        identity.is_some_and(|identity| registry.classes[&identity].is_native)
    })
}

/// A number that changes whenever an attribute of the class is set; 0 if that isn't known.
///
/// It is the runtime's own tag, which it gives again only to other classes and other processes,
/// so the process goes in.
pub(super) fn version(class: &Py<PyType>) -> u64 {
    static PROCESS: OnceLock<u32> = OnceLock::new();
    let salt = *PROCESS.get_or_init(|| fresh(0) as u32);
    match class.tp_version_tag().load(Ordering::Relaxed) {
        0 => 0,
        // Forked processes share the salt, and not the pid.
        tag => {
            (u64::from(salt ^ std::process::id().wrapping_mul(0x9e37_79b9)) << 32) | u64::from(tag)
        }
    }
}

/// Whether a class that arrived has this version already; if not, it gets it now.
pub(super) fn is_current(class: &Py<PyType>, version: u64) -> bool {
    let mut guard = REGISTRY.lock();
    let Some(registry) = guard.as_mut() else {
        return false;
    };
    let Some(identity) = registry.identity(class) else {
        return false;
    };
    let entry = registry.classes.get_mut(&identity);
    entry.is_some_and(|entry| {
        let last = std::mem::replace(&mut entry.version, version);
        version != 0 && last == version
    })
}

/// Remembers a class that arrived.
pub(super) fn arrived(vm: &VirtualMachine, identity: u128, class: &Py<PyType>) {
    let mut guard = REGISTRY.lock();
    let registry = guard.get_or_insert_with(Registry::default);
    registry.remember(vm, identity, class, false);
}

/// Makes this process one that has never seen a class by value.
#[cfg(test)]
pub(super) fn forget_all() {
    *REGISTRY.lock() = None;
}

impl Registry {
    /// The identity of a class, unless the address was another's, who died.
    fn identity(&self, class: &Py<PyType>) -> Option<u128> {
        let identity = *self.identities.get(&class.get_id())?;
        let alive = self.classes.get(&identity)?.class.upgrade()?;
        alive.is(class).then_some(identity)
    }

    fn remember(
        &mut self,
        vm: &VirtualMachine,
        identity: u128,
        class: &Py<PyType>,
        is_native: bool,
    ) {
        let Ok(weak) = class.downgrade(None, vm) else {
            return;
        };
        if self.classes.len() >= 2 * self.identities.len().max(512) {
            self.forget_dead();
        }
        let entry = Entry {
            class: weak,
            is_native,
            version: 0,
        };
        self.classes.insert(identity, entry);
        self.identities.insert(class.get_id(), identity);
    }

    fn forget_dead(&mut self) {
        self.classes
            .retain(|_, entry| entry.class.upgrade().is_some());
        let classes = &self.classes;
        self.identities
            .retain(|_, identity| classes.contains_key(identity));
    }
}

/// A number that no other class has: processes that fork share the state of their hashers, so the
/// process, the time and the address go in as well.
fn fresh(address: usize) -> u128 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let nanoseconds = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_nanos());
    let half = |salt: u64| {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.write_u128(nanoseconds);
        hasher.write_usize(address);
        hasher.write_u64(count);
        hasher.write_u64(salt);
        u128::from(hasher.finish())
    };
    (half(0) << 64) | half(1)
}
