//! Memory for the nodes of a table, kept by each thread from one table to the next.
//!
//! Small tables come by the thousand. To ask for more than a kilobyte has the C library join all that was freed in
//! smaller pieces, so that each object made after it takes longer.

use std::cell::Cell;

use rustpython_vm::PyObjectRef;

/// Room for more nodes isn't kept: 32 kB on each thread.
const NODES_MAX: usize = 4096;

thread_local! {
    static SPARE: Cell<Vec<PyObjectRef>> = const { Cell::new(Vec::new()) };
}

/// An empty list with room for so many nodes.
pub fn nodes(count: usize) -> Vec<PyObjectRef> {
    // Nothing is kept on a thread that ends.
    let spare = SPARE.try_with(Cell::take).unwrap_or_default();
    if count > NODES_MAX {
        keep(spare);
        return Vec::with_capacity(count);
    }
    let mut nodes = spare;
    nodes.reserve(count);
    nodes
}

/// Takes back a list of nodes, of which some may be the last that held their objects.
pub fn keep(mut nodes: Vec<PyObjectRef>) {
    if nodes.capacity() <= NODES_MAX {
        // Objects that go may have code run that decodes something.
        nodes.clear();
        let _ = SPARE.try_with(|spare| spare.set(nodes));
    }
}
