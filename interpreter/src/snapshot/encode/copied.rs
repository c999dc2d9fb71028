//! What an object takes in as it is made, so that it must be there by then: what it copies what it holds
//! from, and what it hashes.
//!
//! The order of records that comes of this is `walk.rs`.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::BuildHasher;

use rustpython_vm::builtins::{PyBaseException, PyDict, PyFrozenSet, PyList, PySet, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::container::is_plain;
use super::frame::Frame;
use super::plan::native_base;
use super::{Encoder, Step};

/// How deep in a key is looked for what hashing it may hash.
const HELD_DEPTH_MAX: usize = 3;

/// How many objects are looked through for an argument that is kept in one of them, and how much of each.
const KEEPING_MAX: usize = 256;

impl Encoder<'_> {
    /// What objects that are in the making, from this frame of the stack on, copy what they hold
    /// from, by address: if that came afterwards, they would be empty. A group of exceptions is
    /// made of a list of them; other objects copy what they don't keep themselves.
    pub fn copied_from(&self, from: usize) -> HashSet<usize> {
        let mut found = HashSet::new();
        for frame in &self.stack[from..] {
            let args = arguments(frame);
            match frame.step {
                Step::Exception | Step::Reduced if self.is_group(&frame.object) => {
                    let lists = args.iter().filter(|arg| is_of_exceptions(arg));
                    found.extend(lists.map(|list| list.get_id()));
                }
                Step::Reduced => {
                    let copies = args.iter().filter(|arg| {
                        is_copy(arg, &frame.object) || self.is_made_for(arg, &frame.object)
                    });
                    found.extend(copies.map(|copy| copy.get_id()));
                }
                _ => {}
            }
        }
        found
    }

    fn is_group(&self, object: &PyObject) -> bool {
        let group = self.vm.ctx.exceptions.base_exception_group;
        object.class().fast_issubclass(group)
    }

    /// Whether an argument is a list or a dict that the object, an instance of a plain class,
    /// doesn't have in an attribute: what it keeps, it takes out of it.
    fn is_made_for(&self, arg: &PyObject, object: &PyObject) -> bool {
        let vm = self.vm;
        let is_container = arg.downcast_ref_if_exact::<PyList>(vm).is_some()
            || arg.downcast_ref_if_exact::<PyDict>(vm).is_some();
        if !is_container || !native_base(object.class()).is(vm.ctx.types.object_type) {
            return false;
        }
        if object.dict().is_some_and(|dict| dict.as_object().is(arg)) {
            return false;
        }
        let attributes = self.attributes(object);
        attributes
            .is_ok_and(|attributes| !attributes.iter().any(|(_, value)| keeps(value, arg, vm)))
    }

    /// Lets an object that is made while an argument isn't filled yet have its attributes once it is made, if
    /// it keeps the argument in one: its code may copy what is in that, and would find nothing. Only those in
    /// which it is kept, where it says its state itself or has what stays in its process.
    pub fn give_keeping(&mut self, frame: &mut Frame) -> PyResult<()> {
        let args = arguments(frame).iter();
        let unfilled: Vec<PyObjectRef> = args
            .filter(|arg| self.postponed.contains_key(&arg.get_id()))
            .cloned()
            .collect();
        let attributes = match unfilled.is_empty() {
            true => return Ok(()),
            false => self.attributes(&frame.object)?,
        };
        let vm = self.vm;
        let is_keeping = |value: &PyObject| unfilled.iter().any(|arg| keeps(value, arg, vm));
        if !attributes.iter().any(|(_, value)| is_keeping(value)) {
            return Ok(());
        }
        let is_own = |fill: &Frame| fill.target == 0 && fill.object.is(&frame.object);
        let says_state = frame.then.iter().any(is_own);
        let gives_all = !says_state && !self.has_process_bound(&frame.object)?;
        let said = frame
            .then
            .iter()
            .position(|fill| is_own(fill) && matches!(fill.step, Step::FillGiven));
        let mut given = match said {
            Some(at) => frame.then.remove(at).children,
            None => Vec::new(),
        };
        let names: Vec<_> = given.iter().step_by(2).map(|it| self.text(it)).collect();
        for (name, value) in attributes {
            if !names.contains(&self.text(&name)) && (gives_all || is_keeping(&value)) {
                given.extend([name, value]);
            }
        }
        let fill = self.given_attributes(&frame.object, frame.origin, given);
        frame.then.insert(said.unwrap_or_default(), fill);
        Ok(())
    }

    /// Sees to it that what the object on top is copied from is filled before. True if the walk has
    /// to go on before the object is made: a fill that was put off is brought forward, or the list
    /// of a group is being filled further down, which comes to its end first.
    pub fn fill_copied(&mut self) -> PyResult<bool> {
        let Some(top) = self.stack.len().checked_sub(1) else {
            return Ok(false);
        };
        let is_group = self.is_group(&self.stack[top].object);
        if self.postponed.is_empty() && !is_group {
            return Ok(false);
        }
        let copied = self.copied_from(top);
        let args = arguments(&self.stack[top]).iter();
        let addresses: Vec<usize> = args
            .map(|arg| arg.get_id())
            .filter(|address| copied.contains(address))
            .collect();
        let mut is_brought = false;
        for address in addresses {
            let below = self.stack[..top].iter();
            let mut below = below.filter(|frame| frame.is_fill());
            if is_group && let Some(filling) = below.rfind(|it| it.object.get_id() == address) {
                let filling = filling.object.clone();
                let origin = self.stack[top].origin;
                let at = &self.origins[origin as usize];
                let (parent, slot) = (at.parent, at.slot);
                self.postpone(&filling, parent, slot)?;
                return Ok(true);
            }
            is_brought |= self.bring_forward(address);
        }
        Ok(is_brought)
    }

    /// Lines up a fill that was put off until something on the stack is made, if there is one.
    fn bring_forward(&mut self, address: usize) -> bool {
        let Some(making) = self.postponed.get(&address) else {
            return false;
        };
        let is_it = |fill: &Frame| fill.target != 0 && fill.object.get_id() == address;
        let has_it = |frame: &Frame| frame.then.iter().any(is_it);
        // Where what it waited for was undone itself, it waits for another.
        let of_making = self.stack.iter().rposition(|it| it.object.is(making));
        let holder = of_making
            .filter(|&at| has_it(&self.stack[at]))
            .or_else(|| self.stack.iter().rposition(has_it));
        let Some(holder) = holder else {
            return false;
        };
        let then = &mut self.stack[holder].then;
        let Some(at) = then.iter().rposition(is_it) else {
            return false;
        };
        let mut fill = then.remove(at);
        fill.group = 0;
        self.postponed.remove(&address);
        self.line_up(fill);
        true
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

/// Whether a value of an attribute is an object that is sought, or a container that has it, or has one that
/// has.
fn keeps(value: &PyObject, sought: &PyObject, vm: &VirtualMachine) -> bool {
    let mut rest = VecDeque::from([(value.to_owned(), 0)]);
    for _ in 0..KEEPING_MAX {
        let Some((object, depth)) = rest.pop_front() else {
            return false;
        };
        if object.is(sought) {
            return true;
        }
        if depth < HELD_DEPTH_MAX {
            let mut elements = first_elements(&object);
            elements.retain(|element| !is_plain(vm, element));
            rest.extend(elements.into_iter().map(|element| (element, depth + 1)));
        }
    }
    false
}

/// The first elements of a tuple or a list, or values of a dict.
fn first_elements(object: &PyObject) -> Vec<PyObjectRef> {
    if let Some(tuple) = object.downcast_ref::<PyTuple>() {
        return tuple.iter().take(KEEPING_MAX).cloned().collect();
    }
    if let Some(list) = object.downcast_ref::<PyList>() {
        let list = list.borrow_vec();
        return list.iter().take(KEEPING_MAX).cloned().collect();
    }
    let mut values = Vec::new();
    let mut position = 0;
    if let Some(dict) = object.downcast_ref::<PyDict>() {
        while values.len() < KEEPING_MAX
            && let Some((next, _, value)) = dict.next_entry(position)
        {
            values.push(value);
            position = next;
        }
    }
    values
}

/// Whether an argument is a list of exceptions: it looks at the first.
fn is_of_exceptions(arg: &PyObject) -> bool {
    arg.downcast_ref::<PyList>().is_some_and(|list| {
        let list = list.borrow_vec();
        let first = list.first();
        first.is_some_and(|first| first.downcast_ref::<PyBaseException>().is_some())
    })
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
