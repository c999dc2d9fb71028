//! Outcomes: what became of a client's requests and tasks, for those that
//! depend on them. A few bytes each, and the oldest are forgotten first.

use crate::id::{EngineId, RequestId};
use std::collections::BTreeMap;

/// How a request or a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// All of its parts have results.
    pub(super) is_success: bool,
    /// Where it ran; `None` if nowhere, or on several engines.
    pub(super) engine: Option<EngineId>,
}

const PAGE_LENGTH: u64 = 128;

/// Two million requests are remembered, if they are numbered without gaps.
const PAGES_MAX: usize = 1 << 14;

const KNOWN: u32 = 1;
const FAILED: u32 = 2;
/// Above these two bits: nowhere, on several engines, or two more than where.
const SHIFT: u32 = 2;
const SEVERAL: u32 = 1;

/// The outcomes of one client's requests and tasks.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    pages: BTreeMap<u64, Box<[u32; PAGE_LENGTH as usize]>>,
}

impl Outcomes {
    /// Begins anew: this number is used for something else.
    pub(super) fn forget(&mut self, request: RequestId) {
        if let Some(page) = self.pages.get_mut(&(request.0 / PAGE_LENGTH)) {
            page[(request.0 % PAGE_LENGTH) as usize] = 0;
        }
    }

    /// Takes note of how a request ended, or one of its parts.
    pub(super) fn note(&mut self, request: RequestId, is_success: bool, engine: Option<EngineId>) {
        let number = request.0 / PAGE_LENGTH;
        if self.pages.len() >= PAGES_MAX && !self.pages.contains_key(&number) {
            self.pages.pop_first();
        }
        let page = self.pages.entry(number);
        let page = page.or_insert_with(|| Box::new([0; PAGE_LENGTH as usize]));
        let outcome = &mut page[(request.0 % PAGE_LENGTH) as usize];
        let place = engine.map_or(0, |engine| match engine.0.checked_add(2) {
            Some(place) if place < 1 << (32 - SHIFT) => place,
            _ => SEVERAL,
        });
        let before = *outcome;
        let place = match before >> SHIFT {
            other if before != 0 && other != place => SEVERAL,
            _ => place,
        };
        let failed = (before & FAILED) | if is_success { 0 } else { FAILED };
        *outcome = KNOWN | failed | (place << SHIFT);
    }

    pub(super) fn get(&self, request: RequestId) -> Option<Ended> {
        let page = self.pages.get(&(request.0 / PAGE_LENGTH))?;
        let outcome = page[(request.0 % PAGE_LENGTH) as usize];
        (outcome != 0).then(|| Ended {
            is_success: outcome & FAILED == 0,
            engine: (outcome >> SHIFT).checked_sub(2).map(EngineId),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_together() {
        let mut outcomes = Outcomes::default();
        let (request, engine) = (RequestId(1000), Some(EngineId(0)));
        assert_eq!(outcomes.get(request), None);
        outcomes.note(request, true, engine);
        let ended = |is_success, engine| Some(Ended { is_success, engine });
        assert_eq!(outcomes.get(request), ended(true, engine));
        outcomes.note(request, false, Some(EngineId(1)));
        outcomes.note(request, true, engine);
        assert_eq!(outcomes.get(request), ended(false, None));
        assert_eq!(outcomes.get(RequestId(1001)), None);
        outcomes.forget(request);
        outcomes.note(request, true, None);
        assert_eq!(outcomes.get(request), ended(true, None));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut outcomes = Outcomes::default();
        for page in 0..=PAGES_MAX as u64 {
            outcomes.note(RequestId(page * PAGE_LENGTH), true, None);
        }
        assert_eq!(outcomes.get(RequestId(0)), None);
        assert!(outcomes.get(RequestId(PAGE_LENGTH)).is_some());
        assert_eq!(outcomes.pages.len(), PAGES_MAX);
    }
}
