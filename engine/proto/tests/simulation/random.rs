//! Randomness that is the same on every machine: SplitMix64.
//!
//! # Source
//! Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from `from` to `to`, both included.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// Returns a number from `from` to `to` that is small more often than large.
    pub fn skewed(&mut self, from: u64, to: u64) -> u64 {
        let upper = self.between(from, to);
        self.between(from, upper)
    }

    pub fn chance(&mut self, permille: u64) -> bool {
        self.next() % 1000 < permille
    }

    pub fn index(&mut self, length: usize) -> usize {
        (self.next() % length as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            None
        } else {
            Some(&items[self.index(items.len())])
        }
    }
}
