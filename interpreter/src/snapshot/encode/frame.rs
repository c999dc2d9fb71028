//! Frames of the walk: objects that are being built or filled.
//!
//! Read next: `walk.rs`, which works on a stack of them.

use rustpython_vm::PyObjectRef;

use super::Step;
use super::class;
use super::partial::LeftOutCount;

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
    pub(super) edges_from: usize,
    /// Where the fills that came up under this frame begin in the line.
    pub(super) line_from: usize,
    /// Its record runs Python code: what waits in line comes before it.
    pub drains: bool,
    /// Part of that code is the hashing of keys.
    pub(super) hashes: bool,
    /// It was begun by a frame that may not need it.
    pub(super) is_guest: bool,
    /// Once it drains what it may not need: how far down the line it has got.
    pub(super) guests_from: Option<usize>,
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
