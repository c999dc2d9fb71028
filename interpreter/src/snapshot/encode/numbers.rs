//! What is known of the objects that were met, by their addresses; and what of it a segment has added,
//! so that a segment that is begun again costs as much as it has, not as much as all before it.

use super::walk::Number;
use crate::snapshot::address::AddressMap;

/// Up to so many are listed in any case.
const LISTED_MIN: usize = 1 << 16;

#[derive(Default)]
pub struct Numbers {
    known: AddressMap<Number>,
    /// What the current segment has added, if it is one of several. Where that is most of all, it isn't
    /// listed.
    added: Vec<usize>,
    lists: bool,
    is_most: bool,
}

impl Numbers {
    /// From here on what is added is listed.
    pub fn begin_segment(&mut self) {
        self.added.clear();
        self.lists = true;
        self.is_most = false;
    }

    /// Forgets what a segment has added, which is the current one.
    pub fn forget_segment(&mut self, segment: u32) {
        if self.is_most || !self.lists {
            self.known.retain(|_, number| number.segment() != segment);
        } else {
            for address in self.added.drain(..) {
                if self
                    .known
                    .get(&address)
                    .is_some_and(|number| number.segment() == segment)
                {
                    self.known.remove(&address);
                }
            }
        }
        if self.lists {
            self.begin_segment();
        }
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    pub fn reserve(&mut self, additional: usize) {
        self.known.reserve(additional);
    }

    /// The addresses of all, in no order.
    pub fn addresses(&self) -> impl Iterator<Item = usize> + '_ {
        self.known.keys().copied()
    }

    #[inline]
    pub fn get(&self, address: &usize) -> Option<&Number> {
        self.known.get(address)
    }

    pub fn get_mut(&mut self, address: &usize) -> Option<&mut Number> {
        self.known.get_mut(address)
    }

    pub fn contains_key(&self, address: &usize) -> bool {
        self.known.contains_key(address)
    }

    #[inline]
    pub fn insert(&mut self, address: usize, number: Number) {
        self.known.insert(address, number);
        if self.lists && !self.is_most {
            self.list(address);
        }
    }

    pub fn remove(&mut self, address: &usize) -> Option<Number> {
        self.known.remove(address)
    }

    fn list(&mut self, address: usize) {
        if self.added.len() >= LISTED_MIN.max(self.known.len() / 2) {
            self.is_most = true;
            self.added = Vec::new();
            return;
        }
        self.added.push(address);
    }
}
