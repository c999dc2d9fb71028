//! The walk over the graph of objects, without recursion, and the order of records it makes.
//!
//! An object is *built* once everything its construction needs has a number, and, where it can be
//! changed later, *filled* after that. A fill waits in `pending` until the frame that met its
//! object comes to its end, so a cycle through a list never meets the list half-made. A frame that
//! fills, and one that *drains* because decoding will run Python code on its parts (a `__reduce__`
//! call, a `__setstate__`), first sees to the fills that came up under it: whoever is filled has
//! everything it can reach filled too, except for what is on the stack.
//!
//! Three things happen where cycles leave no such order:
//! - a fill that meets an object in the making is put off until that is made ([`postpone`]);
//! - a dict or set whose keys may hash the objects around it is filled after them ([`defer`]);
//! - a frozenset that holds such an object has that filled early, as far as it is known
//!   ([`fill_in_advance`]).
//!
//! [`postpone`]: Encoder::postpone
//! [`defer`]: Encoder::defer
//! [`fill_in_advance`]: Encoder::fill_in_advance

use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::path::{self, Origin, Slot};
use super::{Encoder, Step};
use crate::snapshot::error::snapshot_error;
use crate::snapshot::format::{FIRST_NODE, kind};

/// How many frames down an object that holds the one being made is looked for.
const FILLS_IN_ADVANCE_MAX: usize = 8;

/// What is known of an object that was met.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    edge: u32,
    /// One more than the index of its fill in `pending`; 0 if it has none there.
    pending: u32,
}

impl Number {
    /// The object's build frame is on the stack.
    const IN_PROGRESS: Self = Self {
        edge: u32::MAX,
        pending: 0,
    };

    pub const fn new(edge: u32) -> Self {
        Self { edge, pending: 0 }
    }

    const fn is_in_progress(self) -> bool {
        self.edge == Self::IN_PROGRESS.edge
    }

    /// The edge, if the object exists.
    pub fn edge(self) -> Option<u32> {
        (!self.is_in_progress()).then_some(self.edge)
    }
}

/// One object being built or filled.
#[derive(Debug)]
pub struct Frame {
    pub step: Step,
    pub object: PyObjectRef,
    /// The object's entry in `origins`.
    pub origin: u32,
    /// The node a fill is for; 0 while that isn't built.
    pub target: u32,
    pub children: Vec<PyObjectRef>,
    pub visited: usize,
    /// Where this frame's numbers begin in `edges`.
    edges_from: usize,
    /// Where the fills that come before this frame's record begin in `pending`.
    pending_from: usize,
    /// Fills that came up under it come before this frame's record.
    pub drains: bool,
    /// Its keys may hash objects that are being filled below it on the stack.
    pub hashes: bool,
    /// The lowest frame on the stack after which this one may come as well, if it must.
    defer_to: Option<usize>,
    /// The fills that follow once this frame is done, first to last.
    pub then: Vec<Frame>,
}

impl Frame {
    pub fn new(step: Step, object: PyObjectRef, origin: u32, children: Vec<PyObjectRef>) -> Self {
        Self {
            step,
            object,
            origin,
            target: 0,
            children,
            visited: 0,
            edges_from: 0,
            pending_from: 0,
            drains: false,
            hashes: false,
            defer_to: None,
            then: Vec::new(),
        }
    }

    pub const fn draining(mut self) -> Self {
        self.drains = true;
        self
    }

    const fn is_fill(&self) -> bool {
        self.is_plain_fill()
            || matches!(
                self.step,
                Step::FillState { .. } | Step::FillException { .. } | Step::FillClass { .. }
            )
    }

    /// Fills without running Python code: what is filled need not be finished itself.
    const fn is_plain_fill(&self) -> bool {
        matches!(
            self.step,
            Step::FillList
                | Step::FillDict
                | Step::FillSet
                | Step::FillCell
                | Step::FillFunction { .. }
                | Step::FillInstance
        )
    }
}

impl Encoder<'_> {
    /// Works until nothing is left to visit; the root's number is what remains on `edges`.
    pub fn run(&mut self) -> PyResult<u32> {
        loop {
            let Some(frame) = self.stack.last_mut() else {
                match self.next_pending(0) {
                    Some(fill) => self.begin(fill)?,
                    None => break,
                }
                continue;
            };
            if let Some(child) = frame.children.get(frame.visited) {
                let child = child.clone();
                let slot = Slot::of(frame, frame.visited);
                let origin = frame.origin;
                frame.visited += 1;
                self.visit(&child, origin, slot)?;
                continue;
            }
            let (drains, pending_from) = (frame.drains, frame.pending_from);
            if drains && let Some(fill) = self.next_pending(pending_from) {
                self.begin(fill)?;
                continue;
            }
            if drains {
                self.fill_in_advance()?;
            }
            let frame = self.stack.pop().expect("the frame was just looked at");
            if frame.hashes && frame.defer_to.is_some() {
                self.defer(frame);
            } else {
                self.complete(frame)?;
            }
        }
        Ok(self.edges.pop().expect("the root was visited"))
    }

    /// Sees to it that `object` gets a number, which lands on `edges` sooner or later.
    pub fn visit(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<()> {
        if let Some(edge) = self.scalar(object)? {
            self.edges.push(edge);
            return Ok(());
        }
        if let Some(&number) = self.numbers.get(&object.get_id()) {
            if number.is_in_progress() {
                return self.postpone(object, parent, slot);
            }
            if number.pending != 0 {
                self.advance(object, number);
            }
            self.edges.push(number.edge);
            return Ok(());
        }
        let origin = self.origins.len() as u32;
        if origin == path::NO_PARENT {
            return Err(self.refuse(parent, slot, "there are too many objects"));
        }
        self.origins.push(Origin {
            parent,
            slot,
            object: object.to_owned(),
        });
        self.dispatch(object, origin)
    }

    /// Puts a frame on the stack; a fill takes its children from its object only now.
    pub fn begin(&mut self, mut frame: Frame) -> PyResult<()> {
        let mut pending_from = self.pending.len();
        if frame.is_fill() {
            frame.visited = 0;
            frame.drains = true;
            self.load_children(&mut frame)?;
        } else {
            let address = frame.object.get_id();
            self.numbers.insert(address, Number::IN_PROGRESS);
        }
        frame.defer_to = None;
        if let Some(below) = self.stack.last() {
            if !frame.drains {
                pending_from = below.pending_from;
            }
            let consumes = below.drains && !below.is_plain_fill();
            if !consumes {
                let position = self.stack.len() - 1;
                let below_fills = below.is_plain_fill().then_some(position);
                frame.defer_to = below.defer_to.or(below_fills);
            }
        } else if !frame.drains {
            pending_from = 0;
        }
        frame.pending_from = pending_from;
        frame.edges_from = self.edges.len();
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
    fn complete(&mut self, frame: Frame) -> PyResult<()> {
        let edges = self.edges.split_off(frame.edges_from);
        let mut target = frame.target;
        if frame.is_fill() {
            self.write_fill(&frame, &edges)?;
        } else {
            self.write_build(&frame, &edges);
            target = self.built(&frame.object)?;
        }
        // What is pending is taken from the end.
        for mut fill in frame.then.into_iter().rev() {
            if fill.target == 0 {
                fill.target = target;
            }
            self.push_pending(fill);
        }
        Ok(())
    }

    /// Numbers an object whose record was just written, and leaves the number on `edges`.
    pub fn built(&mut self, object: &PyObject) -> PyResult<u32> {
        let edge = self.next_number()?;
        self.numbers.insert(object.get_id(), Number::new(edge));
        self.edges.push(edge);
        Ok(edge)
    }

    /// Counts a node whose record was just written, and gives its edge.
    pub fn next_number(&mut self) -> PyResult<u32> {
        let edge = self.node_count + FIRST_NODE;
        self.node_count += 1;
        if edge >= u32::MAX - 1 {
            let root = self.options.root_name;
            let sentence = format!("{root} has more than four billion objects");
            return Err(snapshot_error(self.vm, sentence));
        }
        Ok(edge)
    }

    pub fn push_pending(&mut self, fill: Frame) {
        let index = self.pending.len() as u32 + 1;
        if let Some(number) = self.numbers.get_mut(&fill.object.get_id()) {
            number.pending = index;
        }
        self.pending.push(Some(fill));
    }

    fn next_pending(&mut self, from: usize) -> Option<Frame> {
        while self.pending.len() > from {
            if let Some(fill) = self.pending.pop().flatten() {
                if let Some(number) = self.numbers.get_mut(&fill.object.get_id()) {
                    number.pending = 0;
                }
                return Some(fill);
            }
        }
        None
    }

    /// Whether an object waits for its fill, and the frame on top of the stack wouldn't see to it.
    pub fn waits_elsewhere(&self, number: Number) -> bool {
        let top = self.stack.last();
        let from = top.map_or(0, |frame| frame.pending_from);
        number.pending != 0 && (number.pending as usize) <= from
    }

    /// Brings the fill of an object forward, so that the frame on top of the stack sees to it.
    fn advance(&mut self, object: &PyObject, number: Number) {
        if self.waits_elsewhere(number)
            && let Some(fill) = self.pending[number.pending as usize - 1].take()
        {
            debug_assert!(fill.object.is(object));
            self.push_pending(fill);
        }
    }

    /// Puts off the fills on whose behalf an object in the making was met again.
    ///
    /// They follow once it is made, and the frames above them are undone: all of them need that
    /// object. Where there is no fill, it needs itself to be constructed, and no order of records
    /// could rebuild it.
    fn postpone(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<()> {
        let making = self
            .stack
            .iter()
            .rposition(|frame| !frame.is_fill() && frame.object.is(object))
            .expect("what is in progress has its frame on the stack");
        let fill = (making..self.stack.len()).find(|&position| self.stack[position].is_fill());
        let Some(fill) = fill else {
            return Err(self.refuse(
                parent,
                slot,
                "an object that is needed to construct itself can't be carried",
            ));
        };
        self.edges.truncate(self.stack[fill].edges_from);
        let undone: Vec<Frame> = self.stack.drain(fill..).collect();
        for frame in undone {
            if frame.is_fill() {
                self.stack[making].then.push(frame);
            } else {
                self.numbers.remove(&frame.object.get_id());
            }
        }
        Ok(())
    }

    /// Puts a dict or set after the fills that it came up under: hashing its keys may need them.
    fn defer(&mut self, frame: Frame) {
        self.edges.truncate(frame.edges_from);
        let position = frame.defer_to.expect("asked before");
        self.stack[position].then.push(frame);
    }

    /// Fills objects that the top frame will hash or use, and whose own fill it is part of, with
    /// the attributes known so far: a set that holds the object it is an attribute of.
    fn fill_in_advance(&mut self) -> PyResult<()> {
        let Some((top, below)) = self.stack.split_last() else {
            return Ok(());
        };
        if top.is_fill() {
            return Ok(());
        }
        let unfinished: Vec<usize> = (0..below.len())
            .rev()
            .take(FILLS_IN_ADVANCE_MAX)
            .filter(|&position| {
                let frame = &below[position];
                matches!(frame.step, Step::FillInstance)
                    && self.edges[top.edges_from..].contains(&frame.target)
            })
            .collect();
        for position in unfinished {
            let frame = &self.stack[position];
            let target = frame.target;
            let rest = frame.children[frame.visited.next_multiple_of(2)..].to_vec();
            let known = (frame.visited - 1) / 2 * 2;
            let mut edges = self.edges[frame.edges_from..frame.edges_from + known].to_vec();
            for pair in rest.chunks_exact(2) {
                let key = self.scalar_or_known(&pair[0])?;
                let value = self.scalar_or_known(&pair[1])?;
                if let (Some(key), Some(value)) = (key, value) {
                    edges.extend([key, value]);
                }
            }
            self.fill_pairs(kind::FILL_INSTANCE, target, &edges);
        }
        Ok(())
    }
}
