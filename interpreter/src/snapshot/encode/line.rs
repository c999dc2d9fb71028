//! The line of plain fills, which run no Python code and wait until something needs them.
//!
//! Read next: `walk.rs`, which says when that is.

use super::frame::Frame;

/// Plain fills that wait. The last to come is the first to go; one may be taken out of turn.
#[derive(Default)]
pub struct Line {
    frames: Vec<Option<Frame>>,
    /// For each place, one below it with no fill in between: where to look on from one that is empty.
    below: Vec<u32>,
}

impl Line {
    pub(super) fn push(&mut self, fill: Frame) {
        self.below.push(self.frames.len() as u32);
        self.frames.push(Some(fill));
    }

    /// Takes the last fill that came after this index.
    pub(super) fn take_after(&mut self, from: usize) -> Option<Frame> {
        while self.frames.len() > from {
            let frame = self.frames.pop().flatten();
            self.below.pop();
            if frame.is_some() {
                return frame;
            }
        }
        None
    }

    /// Takes the last fill that came before the index, which moves down to where it was.
    pub(super) fn take_before(&mut self, index: &mut usize) -> Option<Frame> {
        let place = self.filled(self.frames.len().min(*index));
        *index = place.saturating_sub(1);
        self.frames.get_mut(place.checked_sub(1)?)?.take()
    }

    /// The highest place up to this one that has a fill, counted from 1; 0 if none has.
    ///
    /// The places that were passed lead there at once from then on.
    fn filled(&mut self, from: usize) -> usize {
        let mut place = from;
        while place > 0 && self.frames[place - 1].is_none() {
            place = self.below[place - 1] as usize;
        }
        let mut passed = from;
        while passed > place {
            let next = self.below[passed - 1] as usize;
            self.below[passed - 1] = place as u32;
            passed = next;
        }
        place
    }

    /// How many places there are, those with no fill any more included.
    pub(super) const fn len(&self) -> usize {
        self.frames.len()
    }

    /// The last place's fill, if it has one.
    pub(super) fn last(&self) -> Option<&Frame> {
        self.frames.last().and_then(Option::as_ref)
    }

    /// Takes the fill of a place, counted from 1.
    pub(super) fn take(&mut self, place: u32) -> Option<Frame> {
        let index = (place as usize).checked_sub(1)?;
        self.frames.get_mut(index).and_then(Option::take)
    }
}
