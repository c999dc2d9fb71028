//! Placement: which of the engines that could take a task gets it.
//!
//! Chance comes from a seed that is handed in, so that the same events lead to
//! the same choices. How engines come to be in this choice is in
//! [`super::scheduler`].

use super::engines::Engine;
use crate::id::EngineId;
use crate::message::Placement;
use std::collections::BTreeMap;

/// A row of numbers that look random: SplitMix64.
///
/// # Source
/// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Debug, Default)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `end`, which is at least 1.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What choices rest on besides the engines themselves.
#[derive(Debug, Default)]
pub(super) struct Placer {
    pub(super) placement: Placement,
    pub(super) chance: Chance,
    /// The engine that got the latest task.
    pub(super) latest: Option<EngineId>,
}

impl Placer {
    /// Returns whether the choice is always the first in the ranking.
    pub(super) fn follows_ranking(&self) -> bool {
        matches!(self.placement, Placement::LeastLoad | Placement::Lru)
    }

    /// Chooses among engines that have room: at least one, in rising order.
    pub(super) fn choose(
        &mut self,
        candidates: &[EngineId],
        engines: &BTreeMap<EngineId, Engine>,
    ) -> EngineId {
        let rank = |id: &EngineId| engines[id].rank;
        let better = |a: EngineId, b: EngineId| if rank(&b) < rank(&a) { b } else { a };
        let count = candidates.len() as u64;
        match self.placement {
            Placement::LeastLoad | Placement::Lru => {
                let best = candidates.iter().min_by_key(|id| rank(id));
                *best.expect("there is one at least")
            }
            Placement::PlainRandom => candidates[self.chance.below(count) as usize],
            Placement::TwoBin => {
                let first = candidates[self.chance.below(count) as usize];
                better(first, candidates[self.chance.below(count) as usize])
            }
            Placement::Weighted => {
                let first = self.draw_weighted(candidates, engines);
                better(first, self.draw_weighted(candidates, engines))
            }
            Placement::Pure => {
                let latest = self.latest;
                let next = candidates.partition_point(|id| latest.is_some_and(|l| *id <= l));
                candidates[next % candidates.len()]
            }
        }
    }

    /// Draws one by the inverse of its load.
    fn draw_weighted(
        &mut self,
        candidates: &[EngineId],
        engines: &BTreeMap<EngineId, Engine>,
    ) -> EngineId {
        let weight = |id: &EngineId| (1 << 20) / (1 + u64::from(engines[id].load()));
        let total: u64 = candidates.iter().map(weight).sum();
        let mut left = self.chance.below(total.max(1));
        for id in candidates {
            let weight = weight(id);
            if left < weight {
                return *id;
            }
            left -= weight;
        }
        candidates[candidates.len() - 1]
    }
}
