//! Addresses of objects as keys.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

pub(super) type AddressMap<V> = HashMap<usize, V, BuildHasherDefault<AddressHasher>>;
pub(super) type AddressSet = HashSet<usize, BuildHasherDefault<AddressHasher>>;

/// Hashes addresses: they are distinct and aligned, so one multiplication spreads them well.
#[derive(Default)]
pub(super) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte) ^ self.0 as usize);
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        let product = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}
