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
//! Read next: `copied.rs`, for what an object takes in as it is made.

use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::class;
use super::copied::held_by;
use super::partial::LeftOutCount;
use super::path::{self, Origin, Slot};
use super::{Encoder, Step};
use crate::snapshot::INTERRUPT_INTERVAL;
use crate::snapshot::error::snapshot_error;
use crate::snapshot::format::FIRST_NODE;

/// What is known of an object that was met.
#[derive(Clone, Copy, Debug)]
pub struct Number {
    edge: u32,
    /// Where its fill waits, if it does: one more than the index in the line.
    place: u32,
    /// The segment that has the edge.
    segment: u32,
    /// If the edge is that of a container in which this object is packed by value: one more than
    /// its index there.
    element: u32,
}

impl Number {
    /// The object's build frame is on the stack.
    const fn in_progress(segment: u32) -> Self {
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

/// Plain fills that wait. The last to come is the first to go; one may be taken out of turn.
#[derive(Default)]
pub struct Line {
    frames: Vec<Option<Frame>>,
    /// For each place, one below it with no fill in between: where to look on from one that is empty.
    below: Vec<u32>,
}

impl Line {
    fn push(&mut self, fill: Frame) {
        self.below.push(self.frames.len() as u32);
        self.frames.push(Some(fill));
    }

    /// Takes the last fill that came after this index.
    fn take_after(&mut self, from: usize) -> Option<Frame> {
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
    fn take_before(&mut self, index: &mut usize) -> Option<Frame> {
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
}

/// One object being built or filled.
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
    /// Where the fills that came up under this frame begin in the line.
    line_from: usize,
    /// Its record runs Python code: what waits in line comes before it.
    pub drains: bool,
    /// Part of that code is the hashing of keys.
    hashes: bool,
    /// It was begun by a frame that may not need it.
    is_guest: bool,
    /// Once it drains what it may not need: how far down the line it has got.
    guests_from: Option<usize>,
    /// What was put off together with it has the same; 0 if it never was.
    pub group: u32,
    /// What it goes without.
    pub left_out: LeftOutCount,
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
            line_from: 0,
            drains: false,
            hashes: false,
            is_guest: false,
            guests_from: None,
            group: 0,
            left_out: LeftOutCount::default(),
            then: Vec::new(),
        }
    }

    pub const fn draining(mut self) -> Self {
        self.drains = true;
        self
    }

    /// A fill that hashes its keys, if they are more than scalars.
    pub const fn hashing(mut self, hashes: bool) -> Self {
        self.hashes = hashes;
        self.drains |= hashes;
        self
    }

    pub const fn edges_from(&self) -> usize {
        self.edges_from
    }

    pub const fn is_fill(&self) -> bool {
        matches!(
            self.step,
            Step::FillList
                | Step::FillDict
                | Step::FillSet
                | Step::FillCell
                | Step::FillFunction { .. }
                | Step::FillInstance
                | Step::FillGiven
                | Step::FillInstanceDict
                | Step::FillModule
                | Step::FillState { .. }
                | Step::FillException { .. }
                | Step::FillClass { .. }
        )
    }

    /// A fill of the attributes of an instance, without Python code.
    pub const fn gives_attributes(&self) -> bool {
        matches!(self.step, Step::FillInstance | Step::FillGiven)
    }

    /// A fill of what instances of a class need: it comes before the class is met by any.
    pub const fn is_of_methods(&self) -> bool {
        matches!(
            self.step,
            Step::FillClass {
                present: class::present::METHODS,
                ..
            }
        )
    }

    /// How many references to a child the walk accounts for: that of the frame, and that of the
    /// object it came from, where it surely has one.
    pub const fn held(&self) -> usize {
        match self.step {
            Step::Tuple
            | Step::FrozenSet
            | Step::FillList
            | Step::FillSet
            | Step::FillDict
            | Step::FillFunction { .. }
            | Step::FillCell
            | Step::FillInstance
            | Step::Exception => 2,
            _ => 1,
        }
    }
}

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

    /// Ends what would never end: objects whose `__reduce__` makes another such object.
    fn check_depth(&self) -> PyResult<()> {
        if self.stack.len() < REDUCED_DEPTH_MAX {
            return Ok(());
        }
        let reduced = self
            .stack
            .iter()
            .filter(|frame| matches!(frame.step, Step::Reduced | Step::Bare));
        if reduced.count() < REDUCED_DEPTH_MAX {
            return Ok(());
        }
        let root = &self.root_name;
        let sentence = format!(
            "{root} can't be carried: what `__reduce__` returns needs more objects, over {REDUCED_DEPTH_MAX} deep"
        );
        Err(snapshot_error(self.vm, sentence))
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
            _ => self.line.frames.len(),
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
        if self.has_segments && !self.runs_own_code {
            self.runs_own_code = self.runs_code_of_namespace(&frame);
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
        let place = self.line.frames.len() as u32;
        let fill = self.line.frames.last().and_then(Option::as_ref);
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
        let waiting = self.line.frames.get_mut(number.place as usize - 1);
        if let Some(fill) = waiting.and_then(Option::take) {
            self.line_up(fill);
        }
    }

    /// The object in the making that the fill of this one waits for, if something on the stack
    /// needs this one finished before, and can itself be put off.
    fn postponed_to(&self, object: &PyObject) -> Option<PyObjectRef> {
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
    fn settle_holders(&mut self) -> PyResult<bool> {
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

/// How deep objects that Python code takes apart may need each other.
const REDUCED_DEPTH_MAX: usize = 200_000;
