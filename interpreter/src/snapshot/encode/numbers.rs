//! What is known of the objects that were met, by their addresses; and what of it a segment has added,
//! so that a segment that is begun again costs as much as it has, not as much as all before it.

use crate::snapshot::address::AddressMap;

/// Up to so many are listed in any case.
const LISTED_MIN: usize = 1 << 16;

/// What is known of an object that was met.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    edge: u32,
    /// Where its fill waits, if it does: one more than the index in the line.
    pub(super) place: u32,
    /// The segment that has the edge.
    segment: u32,
    /// If the edge is that of a container in which this object is packed by value: one more than
    /// its index there.
    element: u32,
}

impl Number {
    /// The object's build frame is on the stack.
    pub(super) const fn in_progress(segment: u32) -> Self {
        Self::new(u32::MAX, segment)
    }

    pub const fn new(edge: u32, segment: u32) -> Self {
        Self {
            edge,
            place: 0,
            segment,
            element: 0,
        }
    }

    /// The object with this index in a packed container, whose edge may not be known yet.
    pub const fn element(container: u32, index: u32, segment: u32) -> Self {
        Self {
            edge: container,
            place: 0,
            segment,
            element: index + 1,
        }
    }

    /// The index in the packed container that the edge is of.
    pub const fn index(self) -> Option<u32> {
        self.element.checked_sub(1)
    }

    pub const fn is_in_progress(self) -> bool {
        self.edge == u32::MAX
    }

    pub const fn segment(self) -> u32 {
        self.segment
    }

    /// The edge, if the object exists.
    pub fn edge(self) -> Option<u32> {
        (!self.is_in_progress()).then_some(self.edge)
    }
}

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
