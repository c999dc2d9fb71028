//! Identities of classes and type variables that go by value.
//!
//! A class made in a namespace exists again wherever it was sent. Its identity, a random number
//! given to it when it first leaves, travels along; the process remembers which class has which,
//! so that an instance that comes home is an instance of the class it was, and a class sent twice
//! arrives once. So it is with type variables. The memory holds them weakly.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use rustpython_vm::builtins::PyWeak;
use rustpython_vm::common::lock::PyMutex;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyRef, VirtualMachine};

/// A class or type variable, and where it came from.
struct Entry {
    object: PyRef<PyWeak>,
    standing: Standing,
    /// The version that it was last filled with, if it came from elsewhere; 0 while it is filled, and if that
    /// failed.
    version: u64,
}

/// How an object came to be known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Made in this process: what others say about its attributes doesn't change it.
    Native,
    /// It came from elsewhere, and has got what came along once.
    Finished,
    /// It came from elsewhere, and hasn't got its attributes yet.
    Begun,
}

/// What one interpreter knows.
#[derive(Default)]
struct Registry {
    entries: HashMap<u128, Entry>,
    identities: HashMap<usize, u128>,
    /// How many entries there may be before the dead ones are looked for.
    sweep_at: usize,
}

/// Registries by the address of their interpreter's `sys` module.
static REGISTRIES: PyMutex<BTreeMap<usize, Registry>> = PyMutex::new(BTreeMap::new());

fn with_registry<R>(vm: &VirtualMachine, work: impl FnOnce(&mut Registry) -> R) -> R {
    let mut registries = REGISTRIES.lock();
    work(registries.entry(vm.sys_module.get_id()).or_default())
}

/// The identity of an object, which it gets now if it has none.
pub(super) fn of(vm: &VirtualMachine, object: &PyObject) -> u128 {
    with_registry(vm, |registry| {
        registry.identity(object).unwrap_or_else(|| {
            let identity = fresh(object.get_id());
            registry.remember(vm, identity, object, Standing::Native);
            identity
        })
    })
}

/// The object with this identity, if it is here.
pub(super) fn find(vm: &VirtualMachine, identity: u128) -> Option<PyObjectRef> {
    with_registry(vm, |registry| {
        registry.entries.get(&identity)?.object.upgrade()
    })
}

/// The object with this identity, if it is here and needs no filling: it was made in this process, or was
/// filled with this version.
pub(super) fn current(vm: &VirtualMachine, identity: u128, version: u64) -> Option<PyObjectRef> {
    with_registry(vm, |registry| {
        let entry = registry.entries.get(&identity)?;
        let is_current =
            entry.standing == Standing::Native || (version != 0 && entry.version == version);
        match is_current {
            true => entry.object.upgrade(),
            false => None,
        }
    })
}

/// Remembers an object that arrived.
pub(super) fn arrived(vm: &VirtualMachine, identity: u128, object: &PyObject) {
    with_registry(vm, |registry| {
        registry.remember(vm, identity, object, Standing::Finished);
    });
}

/// Remembers a class that arrived, and will be filled.
pub(super) fn begun(vm: &VirtualMachine, identity: u128, class: &PyObject) {
    with_registry(vm, |registry| {
        registry.remember(vm, identity, class, Standing::Begun);
    });
}

/// A class that is here will be filled with another version.
pub(super) fn begun_again(vm: &VirtualMachine, identity: u128) {
    with_registry(vm, |registry| {
        if let Some(entry) = registry.entries.get_mut(&identity) {
            entry.version = 0;
        }
    });
}

/// A class has got all that came along in this version.
pub(super) fn filled(vm: &VirtualMachine, identity: u128, version: u64) {
    with_registry(vm, |registry| {
        if let Some(entry) = registry.entries.get_mut(&identity)
            && entry.standing != Standing::Native
        {
            entry.standing = Standing::Finished;
            entry.version = version;
        }
    });
}

/// The decoding that filled a class has failed: the class is filled again when it comes again, and one that
/// never was is forgotten.
pub(super) fn abandoned(vm: &VirtualMachine, identity: u128) {
    with_registry(vm, |registry| {
        let Some(entry) = registry.entries.get_mut(&identity) else {
            return;
        };
        entry.version = 0;
        if entry.standing == Standing::Begun {
            registry.entries.remove(&identity);
        }
    });
}

/// A number that changes whenever what the attributes of the class hold has another number, or another class was
/// registered with it.
///
/// What isn't looked into is counted by its address, so the process goes in.
pub(super) fn version(registered_count: usize, contents: u64) -> u64 {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    let mut hasher = DefaultHasher::new();
    hasher.write_u64(*PROCESS.get_or_init(|| fresh(0) as u64));
    // Forked processes share the number, and not this.
    hasher.write_u32(std::process::id());
    hasher.write_usize(registered_count);
    hasher.write_u64(contents);
    hasher.finish().max(1)
}

/// Makes this process one that has never seen a class by value.
#[cfg(test)]
pub(super) fn forget_all() {
    REGISTRIES.lock().clear();
}

impl Registry {
    /// The identity of an object, unless the address was another's, who died.
    fn identity(&self, object: &PyObject) -> Option<u128> {
        let identity = *self.identities.get(&object.get_id())?;
        let alive = self.entries.get(&identity)?.object.upgrade()?;
        alive.is(object).then_some(identity)
    }

    fn remember(
        &mut self,
        vm: &VirtualMachine,
        identity: u128,
        object: &PyObject,
        standing: Standing,
    ) {
        let Ok(weak) = object.downgrade(None, vm) else {
            return;
        };
        const SWEEP_AT_MIN: usize = 1024;
        if self.entries.len() >= self.sweep_at.max(SWEEP_AT_MIN) {
            self.forget_dead();
            self.sweep_at = 2 * self.entries.len();
        }
        let entry = Entry {
            object: weak,
            standing,
            version: 0,
        };
        self.entries.insert(identity, entry);
        self.identities.insert(object.get_id(), identity);
    }

    fn forget_dead(&mut self) {
        self.entries
            .retain(|_, entry| entry.object.upgrade().is_some());
        let entries = &self.entries;
        self.identities
            .retain(|_, identity| entries.contains_key(identity));
    }
}

/// A number that nothing else has: processes that fork share the state of their hashers, so the
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
