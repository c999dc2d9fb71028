//! Code objects that were made from the same bytes before: whoever gets the same function again and
//! again, as every engine does, has its code made and checked once.
//!
//! Code doesn't change, so nobody can tell that two decoded functions share it; within one snapshot
//! each code object is one of its own, which the decoder sees to. Code is kept once it comes the second
//! time. What is kept is bounded, and belongs to one interpreter.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

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

type Codes = HashMap<Box<[u8]>, PyRef<PyCode>, BuildHasherDefault<ContentHasher>>;

#[derive(Default)]
pub struct CodeCache {
    recent: Codes,
    recent_bytes: usize,
    earlier: Codes,
    /// Hashes of records that came, and weren't kept.
    met: HashSet<u64>,
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
    /// The code that was made from these bytes, of a source with this name.
    pub fn find(&mut self, content: &[u8], path: &PyStrInterned) -> Option<PyRef<PyCode>> {
        let known = match self.recent.get(content) {
            Some(known) => known.clone(),
            None => {
                let (content, known) = self.earlier.remove_entry(content)?;
                self.insert(content, known.clone());
                known
            }
        };
        std::ptr::eq(known.source_path(), path).then_some(known)
    }

    /// Keeps code that was made of these bytes, if they came before.
    pub fn add(&mut self, content: &[u8], code: &PyRef<PyCode>) {
        if content.len() > CODE_BYTES_MAX {
            return;
        }
        let mut hasher = ContentHasher::default();
        hasher.write(content);
        if self.met.remove(&hasher.finish()) {
            self.insert(content.into(), code.clone());
            return;
        }
        if self.met.len() >= MET_MAX {
            self.met.clear();
        }
        self.met.insert(hasher.finish());
    }

    fn insert(&mut self, content: Box<[u8]>, code: PyRef<PyCode>) {
        if self.recent_bytes + content.len() > GENERATION_BYTES_MAX {
            self.earlier = std::mem::take(&mut self.recent);
            self.recent_bytes = 0;
        }
        let length = content.len();
        if self.recent.insert(content, code).is_none() {
            self.recent_bytes += length;
        }
    }
}

/// Hashes content eight bytes at a time. What has the same hash is compared.
#[derive(Default)]
struct ContentHasher(u64);

impl ContentHasher {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(Self::FACTOR);
    }
}

impl Hasher for ContentHasher {
    fn finish(&self) -> u64 {
        (self.0 ^ (self.0 >> 32)).wrapping_mul(Self::FACTOR)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        for &byte in rest {
            self.add(u64::from(byte));
        }
    }

    fn write_usize(&mut self, length: usize) {
        self.add(length as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> u64 {
        let mut hasher = ContentHasher::default();
        std::hash::Hash::hash(bytes, &mut hasher);
        hasher.finish()
    }

    #[test]
    fn every_byte_of_content_counts() {
        let content = [7; 77];
        for index in 0..content.len() {
            let mut other = content;
            other[index] = 8;
            assert_ne!(hash(&content), hash(&other), "byte {index}");
        }
        assert_ne!(hash(&content), hash(&content[..76]));
    }
}
