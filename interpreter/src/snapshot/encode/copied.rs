//! What an object takes in as it is made, so that it must be there by then: what it copies what it holds
//! from, and what it hashes.
//!
//! The order of records that comes of this is `walk.rs`.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use rustpython_vm::builtins::{PyDict, PyFrozenSet, PyList, PySet, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef};

use super::walk::Frame;
use super::{Encoder, Step};

/// How deep in a key is looked for what hashing it may hash.
const HELD_DEPTH_MAX: usize = 3;

impl Encoder<'_> {
    /// What objects that are in the making, from this frame of the stack on, copy what they hold from, by
    /// address: if that came afterwards, they would be empty.
    pub fn copied_from(&self, from: usize) -> HashSet<usize> {
        let group = self.vm.ctx.exceptions.base_exception_group;
        let mut found = HashSet::new();
        for frame in &self.stack[from..] {
            let args = arguments(frame);
            match frame.step {
                Step::Exception if frame.object.class().fast_issubclass(group) => {
                    found.extend(args.get(1).map(|list| list.get_id()));
                }
                Step::Reduced => {
                    let copies = args.iter().filter(|arg| is_copy(arg, &frame.object));
                    found.extend(copies.map(|copy| copy.get_id()));
                }
                _ => {}
            }
        }
        found
    }
}

/// The arguments that an object is made of, if its frame is of a call.
fn arguments(frame: &Frame) -> &[PyObjectRef] {
    match frame.step {
        Step::Exception | Step::Reduced => {
            let args = frame.children.get(1);
            args.and_then(|args| args.downcast_ref::<PyTuple>())
                .map_or(&[][..], |args| args.as_slice())
        }
        _ => &[],
    }
}

/// Whether a list or a dict holds what another object, which is one too, has in itself: it looks at the
/// length and at what is first.
fn is_copy(copy: &PyObject, of: &PyObject) -> bool {
    if copy.is(of) {
        return false;
    }
    if let (Some(copy), Some(of)) = (copy.downcast_ref::<PyDict>(), of.downcast_ref::<PyDict>()) {
        return copy.size().used == of.size().used
            && match (copy.next_entry(0), of.next_entry(0)) {
                (Some((_, key, value)), Some((_, of_key, of_value))) => {
                    key.is(&of_key) && value.is(&of_value)
                }
                _ => false,
            };
    }
    let (Some(copy), Some(of)) = (copy.downcast_ref::<PyList>(), of.downcast_ref::<PyList>())
    else {
        return false;
    };
    let (copy, of) = (copy.borrow_vec(), of.borrow_vec());
    copy.len() == of.len()
        && copy
            .first()
            .zip(of.first())
            .is_some_and(|(copy, of)| copy.is(of))
}

/// Those of the objects at these addresses that the record of a frame may hash.
pub fn held_by(
    frame: &Frame,
    addresses: &HashMap<usize, usize, impl BuildHasher>,
) -> HashSet<usize> {
    let mut held = HashSet::new();
    for key in &frame.children {
        add_held(key, HELD_DEPTH_MAX, addresses, &mut held);
    }
    for list in arguments(frame) {
        // A set may be made of a list of its elements.
        if let Some(list) = list.downcast_ref::<PyList>()
            && let Some(count) = element_count(&frame.object)
            && list.borrow_vec().len() <= count
        {
            for key in list.borrow_vec().iter() {
                add_held(key, HELD_DEPTH_MAX, addresses, &mut held);
            }
        }
    }
    held
}

fn element_count(object: &PyObject) -> Option<usize> {
    match object.downcast_ref::<PySet>() {
        Some(set) => Some(set.elements().len()),
        None => object
            .downcast_ref::<PyFrozenSet>()
            .map(|set| set.elements().len()),
    }
}

/// Adds those of the objects at these addresses that hashing `key` may hash: it is one of them, or
/// has them within its elements or attributes.
fn add_held(
    key: &PyObject,
    depth: usize,
    addresses: &HashMap<usize, usize, impl BuildHasher>,
    held: &mut HashSet<usize>,
) {
    if addresses.contains_key(&key.get_id()) {
        held.insert(key.get_id());
    }
    if depth == 0 {
        return;
    }
    if let Some(tuple) = key.downcast_ref::<PyTuple>() {
        for element in tuple.iter() {
            add_held(element, depth - 1, addresses, held);
        }
    } else if let Some(dict) = key.dict() {
        for value in dict.values_vec() {
            add_held(&value, depth - 1, addresses, held);
        }
    }
}
