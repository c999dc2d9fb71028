//! Encoding: walks a graph of objects and writes its records, without recursion.
//!
//! The order of records is what makes decoding simple. An object is *built* once everything its
//! construction needs has a number, and, where it can be changed later, *filled* after that:
//! fills wait in `pending`, so a cycle through a list never meets the list half-made. Wherever
//! decoding will run Python code (a `__reduce__` call, a hash, a `__setstate__`), the frame
//! *drains* pending fills first, so that such code only ever sees finished objects.
//!
//! `stack` holds the frames of the walk; each child visited leaves its number on `edges`.
//!
//! Read next: `scalar.rs`, `container.rs`, `function.rs`, `object.rs`, `class.rs`; `named.rs` for
//! what goes by name, and `path.rs` for how errors find their way back.

mod class;
mod container;
mod function;
mod named;
mod object;
mod path;
mod scalar;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use bytes::Bytes;
use rustpython_vm::builtins::{PyDictRef, PyType};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::error::snapshot_error;
use super::format::{
    BYTECODE_VERSION, FIRST_NODE, FLAG_CODE, FLAG_IMMUTABLE, HEADER_BYTES, Header, Write, kind,
};
use super::{EncodeOptions, Snapshot};
use object::Plan;
use path::{Origin, Slot};

pub(super) use class::present as class_present;
pub(super) use function::present as function_present;
pub(super) use object::{exception_present, native_base, state_present};

pub(super) fn encode(
    vm: &VirtualMachine,
    object: &PyObject,
    options: &EncodeOptions<'_>,
) -> PyResult<Snapshot> {
    let mut encoder = Encoder::new(vm, options);
    encoder.visit(object, path::NO_PARENT, Slot::Root)?;
    let root = encoder.run()?;
    Ok(encoder.finish(root))
}

/// Marks an object whose build frame is on the stack.
const IN_PROGRESS: u32 = u32::MAX;

/// How many frames down an object that holds the one being made is looked for.
const FILLS_IN_ADVANCE_MAX: usize = 8;

/// What a frame writes when all its children have numbers.
#[derive(Debug)]
enum Step {
    Tuple,
    FrozenSet,
    Range,
    Slice,
    MemoryView {
        format: String,
        shape: Vec<u64>,
    },
    Code,
    Function {
        globals: u32,
    },
    Method,
    Property,
    ClassMethod,
    StaticMethod,
    Attribute {
        name: String,
    },
    Reduced,
    Exception,
    Instance,
    EnumMember,
    ClassNamespace,
    Class {
        identity: u128,
        base_count: usize,
    },
    FillList,
    FillDict,
    FillSet,
    FillCell,
    FillFunction {
        present: u16,
        kwdefault_count: usize,
    },
    FillInstance,
    FillState {
        item_count: usize,
        pair_count: usize,
        present: u8,
    },
    FillException {
        present: u8,
    },
    FillClass {
        present: u8,
    },
}

/// One object being built or filled.
#[derive(Debug)]
struct Frame {
    step: Step,
    object: PyObjectRef,
    /// The object's entry in `origins`.
    origin: u32,
    /// The node a fill is for.
    target: u32,
    children: Vec<PyObjectRef>,
    visited: usize,
    /// Where this frame's numbers begin in `edges`.
    edges_from: usize,
    /// Pending fills come before this frame's record.
    drains: bool,
    /// The fill that follows once the object is built.
    then: Option<Box<Frame>>,
}

impl Frame {
    fn new(step: Step, object: PyObjectRef, origin: u32, children: Vec<PyObjectRef>) -> Self {
        Self {
            step,
            object,
            origin,
            target: 0,
            children,
            visited: 0,
            edges_from: 0,
            drains: false,
            then: None,
        }
    }

    const fn draining(mut self) -> Self {
        self.drains = true;
        self
    }

    const fn is_fill(&self) -> bool {
        matches!(
            self.step,
            Step::FillList
                | Step::FillDict
                | Step::FillSet
                | Step::FillCell
                | Step::FillFunction { .. }
                | Step::FillInstance
                | Step::FillState { .. }
                | Step::FillException { .. }
                | Step::FillClass { .. }
        )
    }
}

struct Encoder<'a> {
    vm: &'a VirtualMachine,
    options: &'a EncodeOptions<'a>,
    table: Vec<u8>,
    buffers: Vec<Bytes>,
    node_count: u32,
    has_code: bool,
    mutable: bool,
    /// Numbers by address. The objects are kept alive by `kept` and `origins`.
    numbers: HashMap<usize, u32, BuildHasherDefault<AddressHasher>>,
    kept: Vec<PyObjectRef>,
    origins: Vec<Origin>,
    edges: Vec<u32>,
    stack: Vec<Frame>,
    pending: Vec<Frame>,
    /// Fills that met an object in the making, and come after everything else.
    late: Vec<Frame>,
    plans: HashMap<usize, Plan, BuildHasherDefault<AddressHasher>>,
    dispatch_table: Option<PyDictRef>,
    /// Classes by the address of their own dict, which cells of their functions may hold.
    namespaces: HashMap<usize, PyObjectRef>,
    /// Dicts of globals that are carried name by name.
    carried_globals: HashSet<usize>,
}

impl<'a> Encoder<'a> {
    fn new(vm: &'a VirtualMachine, options: &'a EncodeOptions<'a>) -> Self {
        let mut table = Vec::with_capacity(128);
        table.resize(HEADER_BYTES, 0);
        Self {
            vm,
            options,
            table,
            buffers: vec![Bytes::new()],
            node_count: 0,
            has_code: false,
            mutable: false,
            numbers: HashMap::default(),
            kept: Vec::new(),
            origins: Vec::new(),
            edges: Vec::new(),
            stack: Vec::new(),
            pending: Vec::new(),
            late: Vec::new(),
            plans: HashMap::default(),
            dispatch_table: None,
            namespaces: HashMap::new(),
            carried_globals: HashSet::new(),
        }
    }

    fn finish(mut self, root: u32) -> Snapshot {
        let mut flags = 0;
        if self.has_code {
            flags |= FLAG_CODE;
        }
        if !self.mutable {
            flags |= FLAG_IMMUTABLE;
        }
        let header = Header {
            flags,
            bytecode: BYTECODE_VERSION,
            node_count: self.node_count,
            root,
            buffer_count: (self.buffers.len() - 1) as u32,
        };
        header.write(&mut self.table);
        self.buffers[0] = Bytes::from(self.table);
        Snapshot {
            buffers: self.buffers,
        }
    }

    /// Works until nothing is left to visit; the root's number is what remains on `edges`.
    fn run(&mut self) -> PyResult<u32> {
        loop {
            let Some(frame) = self.stack.last_mut() else {
                match self.pending.pop().or_else(|| self.late.pop()) {
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
            } else if frame.drains && !self.pending.is_empty() {
                let fill = self.pending.pop().expect("checked not to be empty");
                self.begin(fill)?;
            } else {
                if frame.drains {
                    self.fill_in_advance()?;
                }
                let frame = self.stack.pop().expect("the frame was just looked at");
                self.complete(frame)?;
            }
        }
        Ok(self.edges.pop().expect("the root was visited"))
    }

    /// Puts a frame on the stack; a fill takes its children from its object only now.
    fn begin(&mut self, mut frame: Frame) -> PyResult<()> {
        if frame.is_fill() {
            frame.visited = 0;
            self.load_children(&mut frame)?;
        } else {
            self.numbers.insert(frame.object.get_id(), IN_PROGRESS);
        }
        frame.edges_from = self.edges.len();
        self.stack.push(frame);
        Ok(())
    }

    /// Sees to it that `object` gets a number, which lands on `edges` sooner or later.
    fn visit(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<()> {
        if let Some(edge) = self.scalar(object)? {
            self.edges.push(edge);
            return Ok(());
        }
        match self.numbers.get(&object.get_id()) {
            Some(&IN_PROGRESS) => return self.postpone(object, parent, slot),
            Some(&number) => {
                self.edges.push(number);
                return Ok(());
            }
            None => {}
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

    fn dispatch(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.tuple_type) {
            self.tuple(object, origin)
        } else if class.is(types.list_type) {
            self.list(object, origin)
        } else if class.is(types.dict_type) {
            if let Some(class) = self.namespaces.get(&object.get_id()) {
                let children = vec![class.clone()];
                let step = Step::ClassNamespace;
                return self.begin(Frame::new(step, object.to_owned(), origin, children));
            }
            self.dict(object, origin)
        } else if class.is(types.set_type) {
            self.set(object, origin)
        } else if class.is(types.frozenset_type) {
            self.frozenset(object, origin)
        } else if class.is(types.function_type) {
            self.function(object, origin)
        } else if class.is(types.cell_type) {
            self.cell(object, origin)
        } else if class.is(types.code_type) {
            self.code(object, origin)
        } else if class.is(types.module_type) {
            self.module(object, origin)
        } else if let Some(class) = object.downcast_ref::<PyType>() {
            self.class(class, origin)
        } else {
            self.other(object, origin)
        }
    }

    /// Gives the object of a finished frame its record.
    fn complete(&mut self, mut frame: Frame) -> PyResult<()> {
        let edges = self.edges.split_off(frame.edges_from);
        if frame.is_fill() {
            return self.write_fill(&frame, &edges);
        }
        self.write_build(&frame, &edges);
        let number = self.next_number()?;
        self.numbers.insert(frame.object.get_id(), number);
        self.edges.push(number);
        if let Some(mut fill) = frame.then.take() {
            fill.target = number;
            self.pending.push(*fill);
        }
        Ok(())
    }

    /// Fills objects that the top frame will hash or use, and whose own fill it is part of, with
    /// the attributes known so far: a set that holds the object it is an attribute of.
    fn fill_in_advance(&mut self) -> PyResult<()> {
        let Some((top, below)) = self.stack.split_last() else {
            return Ok(());
        };
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

    /// Counts a node whose record was just written, and gives its edge.
    fn next_number(&mut self) -> PyResult<u32> {
        let number = self.node_count + FIRST_NODE;
        self.node_count += 1;
        if number >= IN_PROGRESS - 1 {
            return Err(snapshot_error(
                self.vm,
                format!(
                    "{} has more than four billion objects",
                    self.options.root_name
                ),
            ));
        }
        Ok(number)
    }

    /// Numbers a container whose record was just written, and leaves the number on `edges`.
    fn built(&mut self, object: &PyObject) -> PyResult<u32> {
        let number = self.next_number()?;
        self.numbers.insert(object.get_id(), number);
        self.edges.push(number);
        Ok(number)
    }

    /// Puts off the fill on whose behalf an object in the making was met again.
    ///
    /// The frames above that fill are undone. If there is none, the object needs itself to be
    /// constructed, and no order of records could rebuild it.
    fn postpone(&mut self, object: &PyObject, parent: u32, slot: Slot) -> PyResult<()> {
        let fill = self
            .stack
            .iter()
            .rposition(|frame| frame.is_fill() || frame.object.is(object))
            .filter(|&position| self.stack[position].is_fill());
        let Some(position) = fill else {
            return Err(self.refuse(
                parent,
                slot,
                "an object that is needed to construct itself can't be carried",
            ));
        };
        for frame in self.stack.drain(position + 1..) {
            self.numbers.remove(&frame.object.get_id());
        }
        let fill = self.stack.pop().expect("its position was just found");
        self.edges.truncate(fill.edges_from);
        self.late.push(fill);
        Ok(())
    }

    fn write_build(&mut self, frame: &Frame, edges: &[u32]) {
        match &frame.step {
            Step::Tuple => {
                self.table.push(kind::TUPLE);
                self.edge_body(edges);
            }
            Step::FrozenSet => {
                self.table.push(kind::FROZENSET);
                self.edge_body(edges);
            }
            Step::Range => self.record(kind::RANGE, edges),
            Step::Slice => self.record(kind::SLICE, edges),
            Step::MemoryView { format, shape } => self.write_memoryview(format, shape, edges),
            Step::Code => self.write_code(frame, edges),
            Step::Function { globals } => self.write_function(*globals, edges),
            Step::Method => self.record(kind::METHOD, edges),
            Step::Property => self.record(kind::PROPERTY, edges),
            Step::ClassMethod => self.record(kind::CLASSMETHOD, edges),
            Step::StaticMethod => self.record(kind::STATICMETHOD, edges),
            Step::Attribute { name } => {
                self.record(kind::ATTRIBUTE, edges);
                self.table.slice(name.as_bytes());
            }
            Step::Reduced => self.mutable_record(kind::REDUCED, edges),
            Step::Exception => self.mutable_record(kind::EXCEPTION, edges),
            Step::Instance => self.mutable_record(kind::INSTANCE, edges),
            Step::EnumMember => self.mutable_record(kind::ENUM_MEMBER, edges),
            Step::ClassNamespace => self.mutable_record(kind::CLASS_NAMESPACE, edges),
            Step::Class {
                identity,
                base_count,
            } => self.write_class(*identity, *base_count, edges),
            _ => unreachable!("fills are written by write_fill"),
        }
    }

    fn write_fill(&mut self, frame: &Frame, edges: &[u32]) -> PyResult<()> {
        let target = frame.target;
        match &frame.step {
            Step::FillList => self.fill_record(kind::FILL_LIST, target, &[edges]),
            Step::FillSet => self.fill_record(kind::FILL_SET, target, &[edges]),
            Step::FillDict => self.fill_pairs(kind::FILL_DICT, target, edges),
            Step::FillInstance => self.fill_pairs(kind::FILL_INSTANCE, target, edges),
            Step::FillCell => {
                self.table.push(kind::FILL_CELL);
                self.table.edge(target);
                self.table.edges(edges);
            }
            Step::FillFunction {
                present,
                kwdefault_count,
            } => self.write_function_fill(target, *present, *kwdefault_count, edges),
            Step::FillState {
                item_count,
                pair_count,
                present,
            } => self.write_state_fill(target, *item_count, *pair_count, *present, edges),
            Step::FillException { present } => self.write_exception_fill(target, *present, edges),
            Step::FillClass { present } => {
                self.fill_pairs(kind::FILL_CLASS, target, edges);
                self.table.push(*present);
            }
            _ => unreachable!("builds are written by write_build"),
        }
        Ok(())
    }

    fn record(&mut self, kind: u8, edges: &[u32]) {
        self.table.push(kind);
        self.table.edges(edges);
    }

    fn mutable_record(&mut self, kind: u8, edges: &[u32]) {
        self.mutable = true;
        self.record(kind, edges);
    }

    fn fill_record(&mut self, kind: u8, target: u32, bodies: &[&[u32]]) {
        self.mutable = true;
        self.table.push(kind);
        self.table.edge(target);
        for edges in bodies {
            self.edge_body(edges);
        }
    }

    /// Keys and values come alternately, and are written as two bodies.
    fn fill_pairs(&mut self, kind: u8, target: u32, edges: &[u32]) {
        let (keys, values) = unzip(edges);
        self.fill_record(kind, target, &[&keys, &values]);
    }
}

fn unzip(edges: &[u32]) -> (Vec<u32>, Vec<u32>) {
    edges.chunks_exact(2).map(|pair| (pair[0], pair[1])).unzip()
}

/// Hashes addresses: they are distinct and aligned, so one multiplication spreads them well.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_usize(usize::from(byte) ^ self.0 as usize);
        }
    }

    #[inline]
    fn write_usize(&mut self, address: usize) {
        let product = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}
