//! The walk over the graph of objects, without recursion, and the order of records it makes.
//!
//! An object is *built* once everything its construction needs has a number, and, where it can be
//! changed later, *filled* after that. There are two kinds of fills. A plain one (the elements of a
//! list, the attributes of an instance) runs no Python code when it is decoded, and waits in line,
//! so that a cycle through a list never meets the list half-made; but those of a function, and attributes
//! that are told, come at once where all that they need is there. One that does run Python code (a
//! `__setstate__`, the hashing of keys) comes as soon as its object is built. The frame of such a
//! fill, and of an object that is built by Python code (a `__reduce__` call), *drains* the line
//! before its record is written: that code only ever sees finished objects.
//!
//! Cycles can leave no such order. Then:
//! - fills that meet an object in the making are put off until that is made
//!   ([`Encoder::postpone`]);
//! - a dict that would hash the instance it is being filled into comes after that one's fill, and
//!   where something waits for the dict, the instance is filled early with what is known of it
//!   ([`Encoder::settle_holders`]);
//! - the fill of what an object in the making is copied from isn't put off, or is brought forward
//!   again ([`Encoder::fill_copied`]).
//!
//! `stack` holds the frames of the walk; each child visited leaves its number on `edges`.
//!
//! Read next: `frame.rs`, `line.rs`, `postpone.rs`; `copied.rs`, for what an object takes in as it is made;
//! `endless.rs`, for what would never end.

use rustpython_vm::{AsObject, PyObject, PyResult};

use super::numbers::Number;
use super::partial::LeftOutCount;
use super::path::{self, Origin, Slot};
use super::{Encoder, Frame, Step};
use crate::snapshot::INTERRUPT_INTERVAL;
use crate::snapshot::error::snapshot_error;
use crate::snapshot::format::FIRST_NODE;

impl Encoder<'_> {
    /// Works until nothing is left to visit; the root's number is what remains on `edges`.
    pub fn run(&mut self) -> PyResult<u32> {
        let mut step_count = 0_u32;
        loop {
            step_count = step_count.wrapping_add(1);
            if step_count.is_multiple_of(INTERRUPT_INTERVAL) {
                self.vm.check_signals()?;
                self.check_depth()?;
            }
            let Some(frame) = self.stack.last_mut() else {
                match self.line.take_after(0) {
                    Some(fill) => self.begin(fill)?,
                    None => break,
                }
                continue;
            };
            if frame.visited < frame.children.len() {
                let held = frame.held();
                self.visit_simple(held)?;
                let Some(frame) = self.stack.last_mut() else {
                    continue;
                };
                if let Some(child) = frame.children.get(frame.visited) {
                    let child = child.clone();
                    let slot = Slot::of(frame, frame.visited);
                    let origin = frame.origin;
                    frame.visited += 1;
                    if let Err(error) = self.visit_compound(&child, origin, slot) {
                        self.leave_out(error)?;
                    }
                }
                continue;
            }
            if frame.drains {
                if let Some(fill) = self.next_drained() {
                    self.begin(fill)?;
                    continue;
                }
                match self.fill_copied() {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => {
                        self.leave_out(error)?;
                        continue;
                    }
                }
                if self.settle_holders()? {
                    continue;
                }
            }
            let frame = self.stack.pop().expect("the frame was just looked at");
            if frame.gives_attributes() {
                self.filling.remove(&frame.object.get_id());
            }
            self.complete(frame)?;
        }
        Ok(self.edges.pop().expect("the root was visited"))
    }

    /// The next fill that comes before the record of the frame on top: what came up under it
    /// first, which it needs, then the rest of the line, which it may need.
    fn next_drained(&mut self) -> Option<Frame> {
        let frame = self.stack.last_mut()?;
        if let Some(mut fill) = self.line.take_after(frame.line_from) {
            fill.is_guest = frame.guests_from.is_some();
            return Some(fill);
        }
        // A class needs its own attributes only, and a guest may need the class.
        if matches!(frame.step, Step::FillClass { .. }) {
            return None;
        }
        let from = frame.guests_from.get_or_insert(frame.line_from);
        let mut fill = self.line.take_before(from)?;
        fill.is_guest = true;
        Some(fill)
    }

    /// Visits children of the frame on top, up to the first that takes more than writing a record.
    fn visit_simple(&mut self, held: usize) -> PyResult<()> {
        let Some(frame) = self.stack.last_mut() else {
            return Ok(());
        };
        let mut visited = frame.visited;
        let children = std::mem::take(&mut frame.children);
        let mut outcome = Ok(());
        while let Some(child) = children.get(visited) {
            match self.simple(child, held) {
                Ok(Some(edge)) => self.edges.push(edge),
                Ok(None) => break,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
            visited += 1;
            if visited.is_multiple_of(INTERRUPT_INTERVAL as usize)
                && let Err(error) = self.vm.check_signals()
            {
                outcome = Err(error);
                break;
            }
        }
        if let Some(frame) = self.stack.last_mut() {
            frame.children = children;
            frame.visited = visited;
        }
        outcome
    }

    /// Sees to it that `object` gets a number, which lands on `edges` sooner or later.
    pub fn visit(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<()> {
        if let Some(edge) = self.simple(object, super::HELD_UNKNOWN)? {
            self.edges.push(edge);
            return Ok(());
        }
        self.visit_compound(object, parent, slot)
    }

    /// As [`Self::visit`], of an object that isn't a scalar.
    fn visit_compound(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<()> {
        if let Some(&number) = self.numbers.get(&object.get_id()) {
            if number.is_in_progress() {
                return self.postpone(object, parent, slot);
            }
            if let Some(making) = self.postponed_to(object) {
                return self.postpone(&making, parent, slot);
            }
            if self.waits_elsewhere(number) {
                self.advance(number);
            }
            let edge = self.local_edge(object, number)?;
            self.edges.push(edge);
            return match self.is_carried_in_part(object) {
                true => self.carry_whole(object, edge, parent, slot),
                false => Ok(()),
            };
        }
        if let Some(error) = self.unfit(object, parent, slot) {
            return Err(error);
        }
        let origin = self.new_origin(object, parent, slot)?;
        self.dispatch(object, origin)
    }

    /// Notes where an object was met.
    pub fn new_origin(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<u32> {
        let origin = self.origins.len() as u32;
        if origin == path::NO_PARENT {
            return Err(self.refuse(parent, slot, "there are too many objects"));
        }
        self.origins.push(Origin {
            parent,
            slot,
            object: object.to_owned(),
        });
        Ok(origin)
    }

    /// Puts a frame on the stack; a fill takes its children from its object only now.
    pub fn begin(&mut self, mut frame: Frame) -> PyResult<()> {
        let address = frame.object.get_id();
        if frame.gives_attributes() {
            self.filling.insert(address, self.stack.len());
        }
        if frame.is_fill() {
            frame.visited = 0;
            frame.guests_from = None;
            frame.left_out = LeftOutCount::default();
            self.load_children(&mut frame)?;
            if let Some(number) = self.numbers.get_mut(&address) {
                number.place = 0;
            }
        } else {
            let number = Number::in_progress(self.segment);
            self.numbers.insert(address, number);
        }
        frame.edges_from = self.edges.len();
        frame.line_from = match self.stack.last() {
            // What comes up under it is for the frame below.
            Some(below) if !frame.drains => below.line_from,
            None if !frame.drains => 0,
            _ => self.line.len(),
        };
        self.stack.push(frame);
        Ok(())
    }

    /// Starts a frame some of whose first children have left their numbers on `edges` already.
    pub fn begin_partly(&mut self, mut frame: Frame, edges_from: usize) -> PyResult<()> {
        frame.visited = self.edges.len() - edges_from;
        self.begin(frame)?;
        let frame = self.stack.last_mut().expect("it was just begun");
        frame.edges_from = edges_from;
        Ok(())
    }

    /// Gives the object of a finished frame its record.
    fn complete(&mut self, mut frame: Frame) -> PyResult<()> {
        let edges = self.edges.split_off(frame.edges_from);
        let mut target = frame.target;
        if self.has_segments {
            self.note_code(&frame);
        }
        if frame.is_fill() {
            self.write_fill(&frame, &edges)?;
        } else {
            if matches!(frame.step, Step::Reduced) && !self.postponed.is_empty() {
                self.give_keeping(&mut frame)?;
            }
            self.write_build(&frame, &edges);
            target = self.built(&frame.object)?;
        }
        for mut fill in frame.then.into_iter().rev() {
            if fill.target == 0 {
                fill.target = target;
            } else {
                self.postponed.remove(&fill.object.get_id());
            }
            match fill.step {
                Step::FillGiven => self.fill_now_or_follow(fill)?,
                _ => self.follow(fill)?,
            }
        }
        Ok(())
    }

    /// Begins a fill that runs Python code, or that such code needs; lets another wait for its turn.
    pub fn follow(&mut self, fill: Frame) -> PyResult<()> {
        if fill.drains || fill.is_of_methods() {
            return self.begin(fill);
        }
        self.line_up(fill);
        Ok(())
    }

    /// Numbers an object whose record was just written, and leaves the number on `edges`.
    pub fn built(&mut self, object: &PyObject) -> PyResult<u32> {
        let edge = self.next_number()?;
        let number = Number::new(edge, self.segment);
        self.numbers.insert(object.get_id(), number);
        self.edges.push(edge);
        Ok(edge)
    }

    /// Numbers an object whose record was just written, and keeps it alive.
    pub fn number_kept(&mut self, object: &PyObject) -> PyResult<u32> {
        let number = self.next_number()?;
        let known = Number::new(number, self.segment);
        self.numbers.insert(object.get_id(), known);
        self.kept.push(object.to_owned());
        Ok(number)
    }

    /// Counts a node whose record was just written, and gives its edge.
    pub fn next_number(&mut self) -> PyResult<u32> {
        let edge = self.node_count + FIRST_NODE;
        self.node_count += 1;
        if edge >= u32::MAX - 1 {
            let root = &self.root_name;
            let sentence = format!("{root} has more than four billion objects");
            return Err(snapshot_error(self.vm, sentence));
        }
        Ok(edge)
    }

    pub fn line_up(&mut self, fill: Frame) {
        self.line.push(fill);
        let place = self.line.len() as u32;
        let fill = self.line.last();
        let address = fill.map_or(0, |fill| fill.object.get_id());
        if let Some(number) = self.numbers.get_mut(&address) {
            number.place = place;
        }
    }

    /// Whether an object waits for its fill, and the frame on top of the stack wouldn't see to it
    /// among those that it needs.
    pub fn waits_elsewhere(&self, number: Number) -> bool {
        let from = self.stack.last().map_or(0, |frame| frame.line_from);
        number.place != 0 && number.place as usize <= from
    }

    /// Brings the fill of an object forward, among those that the frame on top needs.
    fn advance(&mut self, number: Number) {
        if let Some(fill) = self.line.take(number.place) {
            self.line_up(fill);
        }
    }
}
