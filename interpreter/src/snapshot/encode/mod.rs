//! Encoding: walks a graph of objects and writes its records, without recursion.
//!
//! `walk.rs` decides the order of records, which is what makes decoding simple; the other files
//! say what each kind of object is made of, and write its record here.
//!
//! Read next: `walk.rs`; then `scalar.rs`, `container.rs`, `function.rs`, `object.rs`, `class.rs`, `reduce.rs`,
//! `subclass.rs`, `substitute.rs`; `whole.rs` and `packed.rs` for the short ways; `named.rs` for what goes by name,
//! `path.rs` for how errors find their way, `partial.rs` for what is left out instead, `segment.rs` for namespaces,
//! `bare.rs` for what code of theirs runs, `contents.rs` for whether a class is what it was.

mod annotations;
mod attributes;
mod bare;
mod class;
mod code;
mod container;
mod contents;
mod copied;
mod endless;
mod exception;
mod exception_field;
mod frame;
mod function;
mod globals;
mod line;
mod making;
mod member;
mod named;
mod native;
mod numbers;
mod object;
mod packed;
mod partial;
mod path;
mod plan;
mod postpone;
mod reduce;
mod registration;
mod scalar;
mod segment;
mod subclass;
mod substitute;
mod walk;
mod weak;
mod whole;
mod whole_code;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use rustpython_vm::builtins::{PyDictRef, PyType, PyTypeRef};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::address::{AddressMap, AddressSet};
use super::constant;
use super::format::{
    BYTECODE_VERSION, FLAG_CODE, FLAG_IMMUTABLE, HEADER_BYTES, Header, Write, kind,
};
use super::namespace::External;
use super::{EncodeOptions, LeftOut, NamespaceSnapshot, NativeKind, Snapshot};
use frame::Frame;
use line::Line;
use numbers::Numbers;
use partial::Leaving;
use path::{Origin, Slot};
use plan::Plan;
use weak::Weak;

pub(super) use class::present as class_present;
pub(super) use exception::exception_present;
pub(super) use function::present as function_present;
pub(super) use plan::native_base;
pub(super) use reduce::state_present;
pub(super) use scalar::lend;

pub(super) fn encode(
    vm: &VirtualMachine,
    object: &PyObject,
    options: &EncodeOptions<'_>,
) -> PyResult<Snapshot> {
    Encoder::work(vm, options, false, |encoder| {
        let root = encoder.root(object)?;
        let buffers = encoder.finish_table(root);
        Ok(Snapshot { buffers })
    })
}

pub(super) fn encode_partial(
    vm: &VirtualMachine,
    object: &PyObject,
    options: &EncodeOptions<'_>,
) -> PyResult<(Snapshot, Vec<LeftOut>)> {
    Encoder::work(vm, options, true, |encoder| {
        let root = encoder.root(object)?;
        let buffers = encoder.finish_table(root);
        Ok((Snapshot { buffers }, encoder.left_out()))
    })
}

pub(super) fn encode_names(
    vm: &VirtualMachine,
    names: &[(String, PyObjectRef)],
    options: &EncodeOptions<'_>,
) -> PyResult<NamespaceSnapshot> {
    let partial = options.partial;
    Encoder::work(vm, options, partial, |encoder| encoder.names(names))
}

/// The kind of the record that gives an instance its attributes.
fn attributes_kind(frame: &Frame) -> u8 {
    match frame.step {
        Step::FillInstance if frame.object.class().slots().member_count == 0 => kind::FILL_INSTANCE,
        _ => kind::FILL_ATTRIBUTES,
    }
}

/// How many references to an object are accounted for, where that isn't known: it may be shared.
const HELD_UNKNOWN: usize = 0;

type KnownMakings = AddressMap<Rc<exception_field::NativeMaking>>;

type KnownByValue = AddressMap<(PyTypeRef, bool)>;

/// What a frame writes when all its children have numbers.
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
    WeakRef,
    Native {
        kind: &'static dyn NativeKind,
        bytes: Vec<u8>,
        buffers: Vec<Bytes>,
    },
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
    /// Made as `__reduce_ex__` says, or bare where its class may not be asked: see `bare.rs`
    Bare,
    Identified {
        identity: u128,
    },
    Exception,
    Instance,
    EnumMember,
    ClassNamespace,
    Class {
        identity: u128,
        version: u64,
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
    /// As FillInstance, with attributes that are told.
    FillGiven,
    FillInstanceDict,
    FillModule,
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
        registered_count: usize,
        registered_with_count: usize,
    },
}

struct Encoder<'a> {
    vm: &'a VirtualMachine,
    options: &'a EncodeOptions<'a>,
    /// What error messages call the root.
    root_name: String,
    leaving: Leaving,
    weak: Weak,
    /// Source that travels with code, by the name that the code has.
    sources: HashMap<&'static str, PyObjectRef>,
    /// The index of the segment that is being written, if there are several.
    segment: u32,
    has_segments: bool,
    /// Code of the namespace itself will run when what was written since is decoded.
    runs_own_code: bool,
    /// Classes of objects whose names were put off because of such code, by address.
    classes_with_code: AddressSet,
    /// Objects of earlier segments that this one refers to.
    externals: Vec<External>,
    /// Edges that stand for objects of earlier segments: by segment, edge there, and one more than
    /// the index where the edge is that of a container.
    edges_of_externals: HashMap<(u32, u32, u32), u32>,
    /// Addresses of what every segment carries again.
    again: Vec<usize>,
    table: Vec<u8>,
    /// Room for the content of code before its length is known.
    code_content: Vec<u8>,
    buffers: Vec<Bytes>,
    node_count: u32,
    has_code: bool,
    mutable: bool,
    /// Numbers by address. The objects are kept alive by `kept` and `origins`.
    numbers: Numbers,
    /// Packed runs whose elements have no numbers yet, though they may be met again.
    unindexed: Vec<packed::Unindexed>,
    kept: Vec<PyObjectRef>,
    origins: Vec<Origin>,
    /// How many objects there will be when it is next looked for what never ends.
    next_look_for_endless: usize,
    edges: Vec<u32>,
    stack: Vec<Frame>,
    /// Instances whose fills are on the stack, by address, with where on it they are.
    filling: AddressMap<usize>,
    line: Line,
    /// How many groups of fills were put off together.
    group_count: u32,
    /// Objects whose fill waits for an object in the making, by address, and that object.
    postponed: AddressMap<PyObjectRef>,
    plans: AddressMap<Plan>,
    /// The slots of classes that have a plan, by address.
    slots: RefCell<AddressMap<attributes::Slots>>,
    /// What native classes do for exceptions of classes that have a plan, by address.
    exceptions: RefCell<KnownMakings>,
    /// How instances of classes hold items, by the address of the class, which has a plan.
    containers: RefCell<AddressMap<subclass::Container>>,
    /// Whether classes go by value, by the address of the class, with that class.
    by_value: RefCell<KnownByValue>,
    /// The names of attributes that were told for objects, by address.
    given: AddressMap<Vec<PyObjectRef>>,
    dispatch_table: Option<PyDictRef>,
    /// Classes by the address of their own dict, which cells of their functions may hold.
    namespaces: AddressMap<PyObjectRef>,
    /// Dicts of globals that are carried name by name.
    carried_globals: AddressSet,
    /// Those of them that go along with all that they have, as they were met themselves, by address, and the
    /// segment in which they were.
    whole_globals: AddressMap<u32>,
}

impl<'a> Encoder<'a> {
    fn new(vm: &'a VirtualMachine, options: &'a EncodeOptions<'a>, partial: bool) -> Self {
        let leaving = match partial {
            true => Leaving::new(),
            false => Leaving::Nothing,
        };
        Self {
            vm,
            options,
            root_name: options.root_name.to_owned(),
            leaving,
            weak: Weak::Unknown,
            sources: HashMap::new(),
            segment: 0,
            has_segments: false,
            runs_own_code: false,
            classes_with_code: AddressSet::default(),
            externals: Vec::new(),
            edges_of_externals: HashMap::new(),
            again: Vec::new(),
            table: vec![0; HEADER_BYTES],
            code_content: Vec::new(),
            buffers: vec![Bytes::new()],
            node_count: 0,
            has_code: false,
            mutable: false,
            numbers: Numbers::default(),
            unindexed: Vec::new(),
            kept: Vec::new(),
            origins: Vec::new(),
            next_look_for_endless: endless::REDUCED_DEPTH_MAX,
            edges: Vec::new(),
            stack: Vec::new(),
            filling: HashMap::default(),
            line: Line::default(),
            group_count: 0,
            postponed: AddressMap::default(),
            plans: HashMap::default(),
            slots: RefCell::default(),
            exceptions: RefCell::default(),
            containers: RefCell::default(),
            by_value: RefCell::default(),
            given: HashMap::default(),
            dispatch_table: None,
            namespaces: AddressMap::default(),
            carried_globals: AddressSet::default(),
            whole_globals: AddressMap::default(),
        }
    }

    /// Encodes what is left of `object` once nothing is in it that has to be left out.
    fn root(&mut self, object: &PyObject) -> PyResult<u32> {
        loop {
            let walked = match self.visit(object, path::NO_PARENT, Slot::Root) {
                Ok(()) => self.run(),
                Err(error) => Err(error),
            };
            match walked {
                Err(error) if !self.may_be_left_out(&error) => return Err(error),
                _ if self.leaving.takes_restart() => {
                    self.roll_back();
                    self.runs_own_code = false;
                }
                walked => return walked,
            }
        }
    }

    /// Ends the table, and gives it with its buffers. The next one is begun.
    fn finish_table(&mut self, root: u32) -> Vec<Bytes> {
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
        self.buffers[0] = Bytes::from(std::mem::take(&mut self.table));
        let buffers = std::mem::replace(&mut self.buffers, vec![Bytes::new()]);
        self.begin_table();
        buffers
    }

    fn begin_table(&mut self) {
        self.table.clear();
        self.table.resize(HEADER_BYTES, 0);
        self.buffers.truncate(1);
        self.node_count = 0;
        self.has_code = false;
        self.mutable = false;
    }

    fn dispatch(&mut self, object: &PyObject, origin: u32) -> PyResult<()> {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.tuple_type) {
            self.tuple(object, origin)
        } else if class.is(types.list_type) {
            self.list(object, origin)
        } else if class.is(types.dict_type) {
            if self.options.namespace.is_some_and(|own| own.is(object)) {
                self.edges.push(constant::GLOBALS);
                return Ok(());
            }
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
            Step::WeakRef => self.record(kind::WEAKREF, edges),
            Step::Native {
                kind,
                bytes,
                buffers,
            } => self.write_native(*kind, bytes, buffers, edges),
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
            Step::Bare if self.is_made_bare(&frame.object) => {
                self.mutable_record(kind::INSTANCE, &edges[2..]);
            }
            Step::Bare => self.mutable_record(kind::REDUCED, &edges[..2]),
            Step::Identified { identity } => {
                self.table.push(kind::IDENTIFIED);
                self.table.extend_from_slice(&identity.to_le_bytes());
                self.table.edges(edges);
            }
            Step::Exception => self.mutable_record(kind::EXCEPTION, edges),
            Step::Instance => self.mutable_record(kind::INSTANCE, edges),
            Step::EnumMember => self.mutable_record(kind::ENUM_MEMBER, edges),
            Step::ClassNamespace => self.mutable_record(kind::CLASS_NAMESPACE, edges),
            Step::Class {
                identity,
                version,
                base_count,
            } => self.write_class(*identity, *version, *base_count, edges),
            _ => unreachable!("fills are written by write_fill"),
        }
    }

    fn write_fill(&mut self, frame: &Frame, edges: &[u32]) -> PyResult<()> {
        let target = frame.target;
        match &frame.step {
            Step::FillList => self.fill_record(kind::FILL_LIST, target, &[edges]),
            Step::FillSet => self.fill_record(kind::FILL_SET, target, &[edges]),
            Step::FillDict => self.fill_pairs(kind::FILL_DICT, target, edges),
            Step::FillInstance | Step::FillGiven => {
                self.fill_pairs(attributes_kind(frame), target, edges);
            }
            Step::FillModule => self.fill_pairs(kind::FILL_INSTANCE, target, edges),
            Step::FillCell => self.fill_with_one(kind::FILL_CELL, target, edges),
            Step::FillInstanceDict => self.fill_with_one(kind::FILL_INSTANCE_DICT, target, edges),
            Step::FillFunction {
                present,
                kwdefault_count,
            } => self.write_function_fill(target, *present, *kwdefault_count, edges),
            Step::FillState {
                item_count,
                pair_count,
                present,
            } => {
                let item_count = item_count - frame.left_out.items;
                let pair_count = pair_count - frame.left_out.pairs;
                self.write_state_fill(target, item_count, pair_count, *present, edges);
            }
            Step::FillException { present } => self.write_exception_fill(target, *present, edges),
            Step::FillClass {
                present,
                registered_count,
                registered_with_count,
            } => {
                let (edges, registered_with) = edges.split_at(edges.len() - registered_with_count);
                let (entries, registered) = edges.split_at(edges.len() - registered_count);
                self.fill_pairs(kind::FILL_CLASS, target, entries);
                self.table.push(*present);
                for classes in [registered, registered_with] {
                    if !classes.is_empty() {
                        self.edge_body(classes);
                    }
                }
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

    fn fill_with_one(&mut self, kind: u8, target: u32, edges: &[u32]) {
        self.mutable = true;
        self.table.push(kind);
        self.table.edge(target);
        self.table.edges(edges);
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
