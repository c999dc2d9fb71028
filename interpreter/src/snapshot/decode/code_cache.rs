//! Code objects that were made from the same bytes before: whoever gets the same function again and
//! again, as every engine does, has its code made and checked once.
//!
//! Code doesn't change, so nobody can tell that two decoded functions share it; within one snapshot
//! each code object is one of its own, so that what is kept is handed out once for each decoding. Code is kept once
//! it comes the second time. What is kept is bounded, and belongs to one interpreter.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::{DefaultHashBuilder, HashMap, HashSet};
use rustpython_vm::builtins::{PyCode, PyModule, PyStrInterned};
use rustpython_vm::common::lock::PyMutex;
use rustpython_vm::{AsObject, PyRef, PyWeakRef, VirtualMachine};

/// How many bytes of records are remembered: what was used since they were this many, and what was
/// before. A code object takes some ten times as much.
const GENERATION_BYTES_MAX: usize = 128 * 1024;

/// Longer code isn't remembered: it would push out much else.
const CODE_BYTES_MAX: usize = 16 * 1024;

/// How many records are known to have come once.
const MET_MAX: usize = 4096;

/// By the records, of which most have some hundreds of bytes.
type Codes = HashMap<Box<[u8]>, Kept>;

struct Kept {
    code: PyRef<PyCode>,
    /// The last decoding that was handed it.
    taken_by: Decoding,
}

impl Kept {
    fn take(&mut self, path: &PyStrInterned, decoding: Decoding) -> Option<PyRef<PyCode>> {
        // One that began later may have taken it since, from this one.
        let is_free = self.taken_by < decoding && std::ptr::eq(self.code.source_path(), path);
        is_free.then(|| {
            self.taken_by = decoding;
            self.code.clone()
        })
    }
}

/// Which decoding it is; those that began later have larger ones, those within another among them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decoding(u64);

impl Decoding {
    pub fn begin() -> Self {
        static BEGUN: AtomicU64 = AtomicU64::new(0);
        Self(BEGUN.fetch_add(1, Ordering::Relaxed))
    }
}

#[derive(Default)]
pub struct CodeCache {
    recent: Codes,
    recent_bytes: usize,
    earlier: Codes,
    /// Hashes of records that came, and weren't kept.
    met: HashSet<u64>,
    met_by: DefaultHashBuilder,
}

pub type SharedCodeCache = Arc<PyMutex<CodeCache>>;

static CACHES: PyMutex<Vec<(PyWeakRef<PyModule>, SharedCodeCache)>> = PyMutex::new(Vec::new());

/// The cache of an interpreter.
pub fn of_interpreter(vm: &VirtualMachine) -> SharedCodeCache {
    let mut caches = CACHES.lock();
    let is_own = |sys: &PyWeakRef<PyModule>| sys.upgrade().is_some_and(|s| s.is(&vm.sys_module));
    if let Some((_, cache)) = caches.iter().find(|(sys, _)| is_own(sys)) {
        return cache.clone();
    }
    caches.retain(|(sys, _)| sys.upgrade().is_some());
    let cache = SharedCodeCache::default();
    if let Ok(sys) = vm.sys_module.downgrade(None, vm) {
        caches.push((sys, cache.clone()));
    }
    cache
}

impl CodeCache {
    /// The code that was made from these bytes, of a source with this name, if this decoding doesn't have it yet.
    pub fn take(
        &mut self,
        content: &[u8],
        path: &PyStrInterned,
        decoding: Decoding,
    ) -> Option<PyRef<PyCode>> {
        if let Some(kept) = self.recent.get_mut(content) {
            return kept.take(path, decoding);
        }
        let (content, mut kept) = self.earlier.remove_entry(content)?;
        let code = kept.take(path, decoding);
        self.insert(content, kept);
        code
    }

    /// Keeps code that this decoding has made of these bytes, if they came before.
    pub fn add(&mut self, content: &[u8], code: &PyRef<PyCode>, decoding: Decoding) {
        if content.len() > CODE_BYTES_MAX {
            return;
        }
        let hash = self.met_by.hash_one(content);
        if self.met.remove(&hash) {
            let kept = Kept {
                code: code.clone(),
                taken_by: decoding,
            };
            self.insert(content.into(), kept);
            return;
        }
        if self.met.len() >= MET_MAX {
            self.met.clear();
        }
        self.met.insert(hash);
    }

    fn insert(&mut self, content: Box<[u8]>, kept: Kept) {
        if self.recent_bytes + content.len() > GENERATION_BYTES_MAX {
            self.earlier = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
        let length = content.len();
        if self.recent.insert(content, kept).is_none() {
            self.recent_bytes += length;
        }
    }
}
