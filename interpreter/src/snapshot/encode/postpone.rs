//! What is done about cycles that leave no order in which all is finished before it is needed: fills are put
//! off until what they met in the making is made, and instances that will be hashed are filled early with what is
//! known of them.
//!
//! `walk.rs` says when.

use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::copied::held_by;
use super::path::Slot;
use super::{Encoder, Frame};

impl Encoder<'_> {
    /// The object in the making that the fill of this one waits for, if something on the stack
    /// needs this one finished before, and can itself be put off.
    pub(super) fn postponed_to(&self, object: &PyObject) -> Option<PyObjectRef> {
        let making = self.postponed.get(&object.get_id())?;
        let position = self
            .stack
            .iter()
            .rposition(|frame| frame.object.is(making))?;
        let needed = self.stack[position + 1..].iter().any(|frame| frame.drains);
        (needed && self.postpone_from(position).is_some()).then(|| making.clone())
    }

    /// Puts off the fills on whose behalf an object in the making was met again.
    ///
    /// They follow once it is made, and the frames above them are undone. Where there is no such
    /// fill, the object needs itself to be constructed, and no order of records could rebuild it.
    pub fn postpone(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<()> {
        let making = self.stack.iter().rposition(|frame| frame.object.is(object));
        let making = making.expect("what is in progress has its frame on the stack");
        let Some(from) = self.postpone_from(making) else {
            return Err(self.refuse(
                parent,
                slot,
                "an object that is needed to construct itself can't be carried",
            ));
        };
        for position in from..self.stack.len() {
            self.fill_early(position)?;
        }
        self.edges.truncate(self.stack[from].edges_from);
        let mut undone: Vec<Frame> = self.stack.drain(from..).collect();
        for frame in undone.iter().filter(|frame| frame.gives_attributes()) {
            self.filling.remove(&frame.object.get_id());
        }
        self.keep_together(making, &mut undone);
        let making_object = self.stack[making].object.clone();
        // The innermost goes first: it may be the state that another is set to.
        for frame in undone.into_iter().rev() {
            let then = &mut self.stack[making].then;
            let address = frame.object.get_id();
            if frame.is_fill() {
                self.postponed.insert(address, making_object.clone());
                then.push(frame);
            } else {
                self.numbers.remove(&address);
                // Its own fills come again with it; those that were put off on its behalf don't.
                then.extend(frame.then.into_iter().filter(|fill| fill.target != 0));
            }
        }
        Ok(())
    }

    /// Fills that were put off together stay together: one may be the state that another is set to,
    /// which may not be set before it is filled. What of them hasn't begun yet goes along.
    fn keep_together(&mut self, making: usize, undone: &mut Vec<Frame>) {
        let groups = undone.iter().map(|frame| frame.group);
        let group = match groups.max() {
            Some(known) if known != 0 => known,
            _ => {
                self.group_count += 1;
                self.group_count
            }
        };
        for frame in &mut *undone {
            frame.group = group;
        }
        let mut position = self.stack.len();
        let mut lowest = position;
        while position > making + 1 {
            position -= 1;
            let frame = &self.stack[position];
            if frame.group == group && frame.is_fill() && frame.visited == 0 {
                if frame.gives_attributes() {
                    self.filling.remove(&frame.object.get_id());
                }
                undone.insert(0, self.stack.remove(position));
                lowest = position;
            }
        }
        for (position, frame) in self.stack.iter().enumerate().skip(lowest) {
            if frame.gives_attributes() {
                self.filling.insert(frame.object.get_id(), position);
            }
        }
    }

    /// The fill from which on the stack is undone, so that the object at `making` can be made.
    ///
    /// Each frame is there because the one below needs it, except for guests. An object that needs
    /// nothing finished gets the whole chain afterwards. One that does gets what can be had: the
    /// chain is broken at a guest, else at the first fill whose record runs code that would see
    /// unfinished objects, else at its end.
    fn postpone_from(&self, making: usize) -> Option<usize> {
        let above = making + 1..self.stack.len();
        let copied = self.copied_from(making);
        let mut fills = above.clone().filter(|&at| {
            let frame = &self.stack[at];
            frame.is_fill() && !copied.contains(&frame.object.get_id())
        });
        let first = fills.clone().next()?;
        if !self.stack[making].drains {
            return Some(first);
        }
        if let Some(guest) = fills.clone().find(|&at| self.stack[at].is_guest) {
            return Some(guest);
        }
        let Some(code) = above.clone().find(|&at| self.stack[at].drains) else {
            return fills.next_back();
        };
        if self.stack[code].is_fill() && !copied.contains(&self.stack[code].object.get_id()) {
            return Some(code);
        }
        let below = fills.clone().take_while(|&at| at < code).last();
        below.or_else(|| fills.find(|&at| at > code))
    }

    /// Sees to the instances that the frame on top will hash, and that can't be filled before it,
    /// as they hold it themselves. True if the frame has been put off.
    pub(super) fn settle_holders(&mut self) -> PyResult<bool> {
        let Some((top, below)) = self.stack.split_last() else {
            return Ok(false);
        };
        if self.filling.is_empty() {
            return Ok(false);
        }
        let held = held_by(top, &self.filling);
        if held.is_empty() {
            return Ok(false);
        }
        let positions = held.iter().filter_map(|address| self.filling.get(address));
        let mut holders: Vec<usize> = positions.copied().collect();
        holders.sort_unstable();
        let Some(&holder) = holders.first() else {
            return Ok(false);
        };
        let needed = below[holder..].iter().any(|frame| frame.drains);
        if top.hashes && top.is_fill() && !needed {
            let frame = self.stack.pop().expect("it was just looked at");
            self.edges.truncate(frame.edges_from);
            self.stack[holder].then.push(frame);
            return Ok(true);
        }
        for position in holders {
            self.fill_early(position)?;
        }
        Ok(false)
    }

    /// Writes a fill of an instance with the attributes known so far, if this frame fills one. The
    /// fill that comes in its turn replaces them all.
    fn fill_early(&mut self, position: usize) -> PyResult<()> {
        let frame = &self.stack[position];
        if !frame.gives_attributes() || frame.visited == 0 {
            return Ok(());
        }
        let (target, kind) = (frame.target, super::attributes_kind(frame));
        // The last child that was visited is what the frames above are about.
        let visited = (frame.visited - 1) / 2 * 2;
        let known = visited - 2 * frame.left_out.pairs;
        let rest = frame.children[visited + 2..].to_vec();
        let mut edges = self.edges[frame.edges_from..frame.edges_from + known].to_vec();
        for pair in rest.chunks_exact(2) {
            let key = self.simple(&pair[0], super::HELD_UNKNOWN)?;
            let value = self.simple(&pair[1], super::HELD_UNKNOWN)?;
            if let (Some(key), Some(value)) = (key, value) {
                edges.extend([key, value]);
            }
        }
        self.fill_pairs(kind, target, &edges);
        Ok(())
    }
}
