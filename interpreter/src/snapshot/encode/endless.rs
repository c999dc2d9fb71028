//! What would never end: objects that, taken apart by their own code, are made of more such objects, which that
//! code has made just then.
//!
//! Where each is needed to make the one before, they pile up on the stack. Where each is only needed to fill the
//! one before, nothing does: then those count that nobody but the walk holds. A long chain of objects that were
//! there before is no fault.

use rustpython_vm::AsObject;
use rustpython_vm::PyResult;
use rustpython_vm::builtins::PyBaseExceptionRef;

use super::path::{self, Origin};
use super::plan::Plan;
use super::{Encoder, Step};
use crate::snapshot::address::AddressMap;
use crate::snapshot::error::snapshot_error;

/// How deep objects that Python code takes apart may need each other.
pub const REDUCED_DEPTH_MAX: usize = 200_000;

/// Frames with more children than these hold data, and nothing that is looked for here.
const CHILDREN_MAX: usize = 64;

impl Encoder<'_> {
    /// Refuses what has become deeper than anything that ends.
    pub fn check_depth(&mut self) -> PyResult<()> {
        if self.stack.len() >= REDUCED_DEPTH_MAX {
            let is_reduced = |step: &Step| matches!(step, Step::Reduced | Step::Bare);
            let reduced = self.stack.iter().filter(|frame| is_reduced(&frame.step));
            if reduced.count() >= REDUCED_DEPTH_MAX {
                return Err(self.refuse_endless());
            }
        }
        let met_count = self.origins.len();
        if met_count >= self.next_look_for_endless {
            // A quarter on: so all looks together cost no more than a few times what the last does.
            self.next_look_for_endless = met_count + met_count / 4;
            if self.made_depth() >= REDUCED_DEPTH_MAX {
                return Err(self.refuse_endless());
            }
        }
        Ok(())
    }

    fn refuse_endless(&self) -> PyBaseExceptionRef {
        let root = &self.root_name;
        let sentence = format!(
            "{root} can't be carried: what `__reduce__` or `__getstate__` returns needs more objects, over {REDUCED_DEPTH_MAX} deep"
        );
        snapshot_error(self.vm, sentence)
    }

    /// How many objects on the way to the one that was met last say what they are made of, and were made
    /// themselves as another said so: nobody has them but the walk, and containers that were made with them.
    fn made_depth(&self) -> usize {
        let mut way: Vec<&Origin> = Vec::new();
        let mut next = self.origins.last();
        while let Some(origin) = next {
            way.push(origin);
            next = match origin.parent {
                path::NO_PARENT => None,
                parent => self.origins.get(parent as usize),
            };
        }
        let by_walk = self.references_of_walk();
        let mut depth = 0;
        let mut is_in_made_container = false;
        for origin in way.into_iter().rev() {
            let address = origin.object.get_id();
            // The reference of the origin, and those of frames.
            let known = 1 + by_walk.get(&address).copied().unwrap_or_default();
            let others = origin.object.strong_count().saturating_sub(known);
            let is_made = others == 0 || others == 1 && is_in_made_container;
            let class = origin.object.class().get_id();
            let says_parts = matches!(self.plans.get(&class), Some(Plan::Reduce));
            depth += usize::from(is_made && says_parts);
            is_in_made_container = is_made && !says_parts;
        }
        depth
    }

    /// How many references the frames on the stack have to objects, by address.
    fn references_of_walk(&self) -> AddressMap<usize> {
        let mut references = AddressMap::default();
        for frame in &self.stack {
            *references.entry(frame.object.get_id()).or_default() += 1;
            if frame.children.len() <= CHILDREN_MAX {
                for child in &frame.children {
                    *references.entry(child.get_id()).or_default() += 1;
                }
            }
        }
        references
    }
}
