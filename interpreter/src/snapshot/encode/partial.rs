//! What is left out where the caller allows it, at the finest level that makes sense.
//!
//! An error unwinds the frames of objects that can't be built without the part that failed, down to
//! a fill that can do without: of a list, a dict, a set, an instance, a class. Where a fill in
//! between can't (a function's defaults, a cell), its object was built already, and others may have
//! met it: that object is remembered as *unfit*, and the walk goes on to find what else is, with
//! something that stands in for the part. Then it starts again through the segment.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::frame::Frame;
use super::path::Slot;
use super::weak::Weak;
use super::{Encoder, Step};
use crate::snapshot::LeftOut;
use crate::snapshot::constant;
use crate::snapshot::error::snapshot_error_type;

/// Whether parts may be left out, and which were.
pub enum Leaving {
    Nothing,
    Parts(Box<Parts>),
}

/// The parts that were left out.
#[derive(Default)]
pub struct Parts {
    left_out: Vec<LeftOut>,
    /// How many of them belong to segments that are finished.
    settled: usize,
    /// Objects that were found to need a part that can't be carried, by address, and why.
    unfit: HashMap<usize, Unfit>,
    must_restart: bool,
    /// The last refusal: where, and the sentence that goes with it.
    refusal: RefCell<Option<(String, String)>>,
}

struct Unfit {
    /// Keeps the address from being used again.
    _object: PyObjectRef,
    path: String,
    reason: String,
}

/// How many parts of an object that is being filled were left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeftOutCount {
    pub items: usize,
    pub pairs: usize,
}

impl Leaving {
    pub fn new() -> Self {
        Self::Parts(Box::default())
    }

    /// Whether the walk has to start again, which is asked once.
    pub fn takes_restart(&mut self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Parts(parts) => {
                let must = std::mem::take(&mut parts.must_restart);
                if must {
                    parts.left_out.truncate(parts.settled);
                }
                must
            }
        }
    }

    /// The walk through a segment that is finished will start again.
    pub fn begin_segment_again(&mut self) {
        if let Self::Parts(parts) = self {
            parts.left_out.truncate(parts.settled);
        }
    }

    pub fn end_segment(&mut self) {
        if let Self::Parts(parts) = self {
            parts.settled = parts.left_out.len();
        }
    }

    /// Remembers where and why something was refused.
    pub fn note_refusal(&self, path: &str, sentence: &str) {
        if let Self::Parts(parts) = self {
            *parts.refusal.borrow_mut() = Some((path.to_owned(), sentence.to_owned()));
        }
    }
}

impl Encoder<'_> {
    pub fn left_out(&mut self) -> Vec<LeftOut> {
        match &mut self.leaving {
            Leaving::Nothing => Vec::new(),
            Leaving::Parts(parts) => std::mem::take(&mut parts.left_out),
        }
    }

    /// Whether an object is known to need something that can't be carried.
    pub fn unfit(&self, object: &PyObject, parent: u32, slot: Slot) -> Option<PyBaseExceptionRef> {
        let Leaving::Parts(parts) = &self.leaving else {
            return None;
        };
        let unfit = parts.unfit.get(&object.get_id())?;
        let error = self.refuse(parent, slot, &unfit.reason);
        self.leaving.note_refusal(&unfit.path, &unfit.reason);
        Some(error)
    }

    /// Goes on without the child that the frame on top was visiting, or without as much more as it
    /// takes.
    pub fn leave_out(&mut self, error: PyBaseExceptionRef) -> PyResult<()> {
        if !self.may_be_left_out(&error) {
            return Err(error);
        }
        let (path, reason) = self.refusal_of(&error);
        let Some(position) = self.stack.iter().rposition(Frame::is_fill) else {
            return Err(error);
        };
        let fill = &self.stack[position];
        let left = fill
            .visited
            .checked_sub(1)
            .and_then(|at| can_do_without(fill, at));
        let freed = match left {
            Some(left) => {
                let freed = self.undo_above(position);
                self.skip(position, left, &path, reason);
                freed
            }
            None => {
                let object = fill.object.clone();
                let waits = self.waits_for_child(position);
                let must_restart = self.remember_unfit(object, path, reason);
                if !waits || !must_restart {
                    return Err(error);
                }
                let freed = self.undo_above(position);
                self.edges.push(constant::NONE);
                freed
            }
        };
        for fill in freed {
            self.follow(fill)?;
        }
        Ok(())
    }

    /// Whether a fill has the edges of all children it has visited, but for the last.
    fn waits_for_child(&self, position: usize) -> bool {
        let fill = &self.stack[position];
        let edges_to = match self.stack.get(position + 1) {
            Some(above) => above.edges_from,
            None => self.edges.len(),
        };
        let left_out = fill.left_out.items + 2 * fill.left_out.pairs;
        fill.edges_from + fill.visited == edges_to + left_out + 1
    }

    /// Undoes the frames above a fill: their objects won't be. Gives the fills that wait for those no
    /// longer.
    fn undo_above(&mut self, position: usize) -> Vec<Frame> {
        let mut freed = Vec::new();
        for frame in self.stack.split_off(position + 1).into_iter().rev() {
            self.numbers.remove(&frame.object.get_id());
            self.edges.truncate(frame.edges_from);
            for fill in frame.then {
                // It was put off on behalf of the object that won't be.
                if fill.target != 0 {
                    self.postponed.remove(&fill.object.get_id());
                    freed.push(fill);
                }
            }
        }
        freed
    }

    /// Takes the child that was being visited out of a fill.
    fn skip(&mut self, position: usize, left: Part, path: &str, reason: String) {
        let frame = &self.stack[position];
        // The fill that follows comes upon it again.
        let is_noted = !frame.is_of_methods();
        let place = self.path(frame.origin, Slot::of(frame, frame.visited - 1));
        let frame = &mut self.stack[position];
        match left {
            Part::Item => frame.left_out.items += 1,
            Part::Key => {
                frame.visited += 1;
                frame.left_out.pairs += 1;
            }
            Part::Value => {
                self.edges.pop();
                frame.left_out.pairs += 1;
            }
        }
        if is_noted {
            self.note_left_out(place, path, reason);
        }
    }

    fn note_left_out(&mut self, place: String, path: &str, reason: String) {
        if let Leaving::Parts(parts) = &mut self.leaving {
            let reason = match place == *path {
                true => reason,
                false => format!("{reason} ({path})"),
            };
            let left_out = LeftOut {
                path: place,
                reason,
            };
            parts.left_out.push(left_out);
        }
    }

    /// Remembers that an object can't be carried, and why. Returns whether what is written from now on is
    /// thrown away, as the walk will start again.
    fn remember_unfit(&mut self, object: PyObjectRef, path: String, reason: String) -> bool {
        let Leaving::Parts(parts) = &mut self.leaving else {
            return false;
        };
        if let Entry::Vacant(entry) = parts.unfit.entry(object.get_id()) {
            entry.insert(Unfit {
                _object: object,
                path,
                reason,
            });
            parts.must_restart = true;
        }
        parts.must_restart
    }

    /// Leaves out the name whose object can't be carried at all.
    pub fn leave_name_out(&mut self, error: PyBaseExceptionRef) -> PyResult<()> {
        if !self.may_be_left_out(&error) {
            return Err(error);
        }
        let (path, reason) = self.refusal_of(&error);
        if let Leaving::Parts(parts) = &mut self.leaving {
            parts.left_out.truncate(parts.settled);
        }
        self.note_left_out(self.root_name.clone(), &path, reason);
        self.roll_back();
        self.leaving.end_segment();
        Ok(())
    }

    /// Whether an error is about something that can't be carried, and the caller allows that.
    pub fn may_be_left_out(&self, error: &PyBaseExceptionRef) -> bool {
        let exceptions = &self.vm.ctx.exceptions;
        matches!(self.leaving, Leaving::Parts(_))
            && !matches!(self.weak, Weak::Needed)
            && error.fast_isinstance(exceptions.exception_type)
            && !error.fast_isinstance(exceptions.memory_error)
    }

    /// Where something was refused, and why: as it was told, or what Python code raised.
    fn refusal_of(&self, error: &PyBaseExceptionRef) -> (String, String) {
        if let Leaving::Parts(parts) = &self.leaving
            && error.fast_isinstance(snapshot_error_type())
            && let Some(refusal) = parts.refusal.borrow().clone()
        {
            return refusal;
        }
        let path = match self.stack.last() {
            Some(frame) => {
                let at = frame.visited.saturating_sub(1);
                self.path(frame.origin, Slot::of(frame, at))
            }
            None => self.root_name.clone(),
        };
        let what = error.class().name().to_string();
        let told = error.as_object().str(self.vm);
        let told = told.map_or_else(|_| String::new(), |told| format!(": {told}"));
        (path, format!("carrying it raised {what}{told}"))
    }
}

/// What goes with a child that is left out.
#[derive(Clone, Copy)]
enum Part {
    Item,
    Key,
    Value,
}

/// What a fill leaves out when it goes on without this child; None if it can't.
fn can_do_without(frame: &Frame, index: usize) -> Option<Part> {
    let pair = |index: usize| match index.is_multiple_of(2) {
        true => Part::Key,
        false => Part::Value,
    };
    match frame.step {
        Step::FillList | Step::FillSet => Some(Part::Item),
        Step::FillDict | Step::FillInstance | Step::FillGiven | Step::FillModule => {
            Some(pair(index))
        }
        Step::FillClass {
            registered_count,
            registered_with_count,
            ..
        } => (index + registered_count + registered_with_count < frame.children.len())
            .then(|| pair(index)),
        Step::FillException { present } => {
            let pairs_from = super::exception::exception_singles(present);
            index.checked_sub(pairs_from).map(pair)
        }
        Step::FillState {
            item_count,
            pair_count,
            ..
        } => match index.checked_sub(item_count) {
            None => Some(Part::Item),
            Some(index) => (index < 2 * pair_count).then(|| pair(index)),
        },
        _ => None,
    }
}
