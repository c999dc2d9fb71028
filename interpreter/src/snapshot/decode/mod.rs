//! Decoding: reads records in order, each making or filling one object.
//!
//! Edges only point back, so there is nothing to resolve later and nothing to recurse into.
//! Lengths are checked against the bytes that are left before anything is allocated for them.
//!
//! Read next: `scalar.rs`, `container.rs`, and `body.rs` for what they hold; `object.rs`, the records that rebuild
//! instances; `exception.rs`; `function.rs`; `definition.rs`, classes; `taking.rs`, what containers of theirs hold;
//! `code.rs`; `name.rs`, what may be a name; `segment.rs`, namespaces.

mod annotations;
mod body;
mod class;
mod code;
mod code_cache;
mod container;
mod definition;
mod exception;
mod function;
mod name;
mod object;
mod pause;
mod scalar;
mod segment;
mod spare;
mod taking;

use std::rc::Rc;

use bytes::Bytes;
use malachite_bigint::BigInt;
use rustpython_vm::builtins::{PyDict, PyList, PyRange, PySet, PyTuple};
use rustpython_vm::{AsObject, PyObjectRef, PyPayload, VirtualMachine};

use super::address::{AddressMap, AddressSet};
use super::claim::Patience;
use super::constant;
use super::error::Failure;
use super::format::{FIRST_NODE, FLAG_CODE, FormatError, Header, Reader, kind};
use super::namespace::External;
use super::{DecodeContext, INTERRUPT_INTERVAL, Trust};
use code::Codes;
use definition::Filling;
use name::Names;
use pause::Pause;
use taking::Taking;

pub(super) use segment::decode_names;

type Decoded<T> = Result<T, Failure>;

pub(super) fn decode(
    vm: &VirtualMachine,
    buffers: Vec<Bytes>,
    context: &DecodeContext,
) -> Decoded<PyObjectRef> {
    let mut buffers = buffers.into_iter();
    let table = buffers.next().ok_or(FormatError::NotASnapshot)?;
    let mut decoder = Decoder::new(vm, context);
    let object = decoder.table(&table, buffers.map(Some).collect())?;
    decoder.keep_filled_classes();
    Ok(object)
}

struct Decoder<'a> {
    vm: &'a VirtualMachine,
    context: &'a DecodeContext,
    reader: Reader<'a>,
    nodes: Vec<PyObjectRef>,
    /// The nodes of segments that came before.
    segments: Vec<Vec<PyObjectRef>>,
    /// The nodes of segments that failed, out of reach of the others. They live as long as their addresses are
    /// remembered: else what comes to lie there would be taken for them.
    left_behind: Vec<Vec<PyObjectRef>>,
    externals: std::vec::IntoIter<External>,
    /// The name whose table is read, in a namespace.
    name: Option<String>,
    /// The index of its object among the nodes, until that is there.
    root: Option<usize>,
    /// Classes that exist are left alone, and made again.
    makes_classes_anew: bool,
    /// The collector rests while much is made.
    pause: Option<Pause<'a>>,
    /// The version of the table's bytecode, if it isn't the one that runs here.
    foreign_bytecode: Option<u32>,
    has_code: bool,
    codes: Codes<'a>,
    /// Classes and the like that will be known by their identity once all went well, where they are made anew.
    arrived: Vec<(u128, PyObjectRef)>,
    /// Classes that are known already while they get their attributes, by address.
    fillings: AddressMap<Filling>,
    /// Each is taken once: a table can't multiply its buffers.
    buffers: Vec<Option<Bytes>>,
    /// How deep tuples and slices are nested in others, and frozen sets in frozen sets, by address, for those
    /// that are.
    depths: AddressMap<u32>,
    /// Classes that were here already, by address.
    known_classes: AddressSet,
    /// Those and the others that came by value.
    by_value: AddressSet,
    /// Objects that belong to modules, by address: no record may fill them.
    foreign: AddressSet,
    /// Classes that have what their instances need and nothing else yet, by address: its names.
    begun_classes: AddressMap<Vec<PyObjectRef>>,
    /// Objects that were here already and stay as they are: their fills are read, and ignored.
    settled: AddressSet,
    /// How the instances of classes take items, by the address of the class.
    takings: AddressMap<Rc<Taking>>,
    names: Names,
    patience: Patience,
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        self.abandon_classes();
        spare::keep(std::mem::take(&mut self.nodes));
    }
}

impl<'a> Decoder<'a> {
    fn new(vm: &'a VirtualMachine, context: &'a DecodeContext) -> Self {
        Self {
            vm,
            context,
            reader: Reader::new(&[]),
            nodes: Vec::new(),
            segments: Vec::new(),
            left_behind: Vec::new(),
            externals: Vec::new().into_iter(),
            name: None,
            root: None,
            makes_classes_anew: false,
            pause: None,
            foreign_bytecode: None,
            has_code: false,
            codes: Codes::default(),
            arrived: Vec::new(),
            fillings: AddressMap::default(),
            buffers: Vec::new(),
            depths: AddressMap::default(),
            known_classes: AddressSet::default(),
            by_value: AddressSet::default(),
            // By any edge that leads there: as an element of a tuple it has a number, too.
            foreign: AddressSet::from_iter([context.globals.get_id()]),
            begun_classes: AddressMap::default(),
            settled: AddressSet::default(),
            takings: AddressMap::default(),
            names: Names::default(),
            patience: Patience::default(),
        }
    }

    /// Reads a whole table, and gives its root.
    fn table(&mut self, table: &'a [u8], buffers: Vec<Option<Bytes>>) -> Decoded<PyObjectRef> {
        self.reader = Reader::new(table);
        let header = Header::read(&mut self.reader)?;
        if buffers.len() != header.buffer_count as usize {
            return Err(FormatError::Buffer(u64::from(header.buffer_count)).into());
        }
        self.buffers = buffers;
        self.foreign_bytecode = header.foreign_bytecode();
        self.has_code = header.flags & FLAG_CODE != 0;
        const NODES_MANY: u32 = 10_000;
        if header.node_count > NODES_MANY && self.pause.is_none() {
            self.pause = Some(Pause::begin(self.vm));
        }
        // Every node takes at least one byte.
        self.nodes = spare::nodes((header.node_count as usize).min(table.len()));
        self.root = header
            .root
            .checked_sub(FIRST_NODE)
            .map(|node| node as usize);
        let mut record_count = 0_u32;
        while !self.reader.is_empty() {
            if let Err(failure) = self.record() {
                return Err(self.noted(failure));
            }
            record_count = record_count.wrapping_add(1);
            if self.context.may_be_interrupted && record_count.is_multiple_of(INTERRUPT_INTERVAL) {
                self.vm.check_signals()?;
            }
        }
        if self.nodes.len() != header.node_count as usize {
            return Err(FormatError::Count {
                found: self.nodes.len(),
                announced: header.node_count,
            }
            .into());
        }
        self.get(header.root)
    }

    /// Says where code that rebuilds an object finds its global names, if it is one of them that it misses.
    fn noted(&self, failure: Failure) -> Failure {
        const NOTE: &str = "the code that rebuilds an object finds its global names in the namespace that \
            receives it: send them there first, or take them along \
            (view.use_cloudpickle(), dumps(obj, globals='carried'))";
        let name_error = self.vm.ctx.exceptions.name_error;
        let misses_name =
            matches!(&failure, Failure::Python(error) if error.class().is(name_error));
        match misses_name && self.name.is_none() {
            true => failure.noted(self.vm, NOTE),
            false => failure,
        }
    }

    /// An element of a list or a tuple that was packed by value.
    fn element(&mut self) -> Decoded<PyObjectRef> {
        let container = self.edge()?;
        let index = usize::try_from(self.reader.varint()?).map_err(|_| FormatError::Length)?;
        let element = if let Some(tuple) = container.downcast_ref_if_exact::<PyTuple>(self.vm) {
            tuple.as_slice().get(index).cloned()
        } else if let Some(list) = container.downcast_ref_if_exact::<PyList>(self.vm) {
            list.borrow_vec().get(index).cloned()
        } else {
            None
        };
        let expected = "an element of a list or a tuple";
        Ok(element.ok_or(FormatError::Type { expected })?)
    }

    fn record(&mut self) -> Decoded<()> {
        let kind = self.reader.byte()?;
        if kind >= kind::FILL {
            return self.fill(kind);
        }
        let object = self.build(kind)?;
        if matches!(
            kind,
            kind::NAMED..=kind::ATTRIBUTE | kind::CLASS_NAMESPACE | kind::MODULE_NAMESPACE
        ) {
            self.foreign.insert(object.get_id());
        }
        self.nodes.push(object);
        if self.root == Some(self.nodes.len() - 1) {
            self.bind_root()?;
        }
        Ok(())
    }

    fn build(&mut self, kind: u8) -> Decoded<PyObjectRef> {
        let context = &self.vm.ctx;
        Ok(match kind {
            kind::INT => context.new_int(self.reader.signed()?).into(),
            kind::INT_BIG => {
                let value = BigInt::from_signed_bytes_le(self.reader.slice()?);
                context.new_bigint(&value).into()
            }
            kind::FLOAT => context.new_float(self.float()?).into(),
            kind::COMPLEX => {
                let parts = (
                    context.new_float(self.float()?),
                    context.new_float(self.float()?),
                );
                context
                    .types
                    .complex_type
                    .as_object()
                    .call(parts, self.vm)?
            }
            kind::STR => self.text(false)?,
            kind::STR_INTERNED => self.text(true)?,
            kind::STR_OUT => {
                let bytes = self.shared_buffer()?;
                self.text_of(&bytes, false)?
            }
            kind::BYTES => context.new_bytes(self.reader.slice()?.to_vec()).into(),
            kind::BYTES_OUT => context.new_bytes(self.buffer()?).into(),
            kind::BYTEARRAY => context.new_bytearray(self.reader.slice()?.to_vec()).into(),
            kind::BYTEARRAY_OUT => context.new_bytearray(self.shared_buffer()?.into()).into(),
            kind::MEMORYVIEW => self.memoryview()?,
            kind::TUPLE => self.tuple()?,
            kind::FROZENSET => self.frozenset()?,
            kind::RANGE => PyRange {
                start: self.int()?,
                stop: self.int()?,
                step: self.step()?,
            }
            .into_ref(context)
            .into(),
            kind::SLICE => self.slice()?,
            kind::LIST => context.new_list(self.body()?).into(),
            kind::LIST_EMPTY => context.new_list(Vec::new()).into(),
            kind::DICT => {
                let dict = context.new_dict();
                self.fill_dict(&dict)?;
                dict.into()
            }
            kind::DICT_EMPTY => context.new_dict().into(),
            kind::SET => {
                let set = PySet::default().into_ref(context);
                self.fill_set(&set)?;
                set.into()
            }
            kind::SET_EMPTY => PySet::default().into_ref(context).into(),
            kind::EXTERNAL => self.external()?,
            kind::ELEMENT => self.element()?,
            kind::NATIVE => self.native()?,
            _ if self.context.trust == Trust::Data => return Err(FormatError::NotData.into()),
            _ => self.build_object(kind)?,
        })
    }

    fn fill(&mut self, kind: u8) -> Decoded<()> {
        let target = self.reader.edge()?;
        if target < FIRST_NODE {
            return Err(FormatError::Edge(target).into());
        }
        let target = self.get(target)?;
        if self.foreign.contains(&target.get_id()) {
            let expected = "an object of its own";
            return Err(FormatError::Type { expected }.into());
        }
        match kind {
            kind::FILL_LIST => {
                let elements = self.body()?;
                let list = target
                    .downcast_ref::<PyList>()
                    .ok_or(FormatError::Type { expected: "a list" })?;
                list.borrow_vec_mut().extend(elements);
                Ok(())
            }
            kind::FILL_DICT => {
                let dict = target
                    .downcast_ref::<PyDict>()
                    .ok_or(FormatError::Type { expected: "a dict" })?;
                self.fill_dict(dict)
            }
            kind::FILL_SET => {
                let set = target
                    .downcast_ref::<PySet>()
                    .ok_or(FormatError::Type { expected: "a set" })?;
                self.fill_set(set)
            }
            _ if self.context.trust == Trust::Data => Err(FormatError::NotData.into()),
            _ => self.fill_object(kind, &target),
        }
    }

    #[inline]
    fn get(&self, edge: u32) -> Decoded<PyObjectRef> {
        if edge < FIRST_NODE {
            // The names of the receiver are not for bytes from anywhere, not even to be looked at.
            if edge == constant::GLOBALS && self.context.trust == Trust::Data {
                return Err(FormatError::NotData.into());
            }
            return Ok(constant::resolve(self.vm, &self.context.globals, edge)?);
        }
        let node = self.nodes.get((edge - FIRST_NODE) as usize);
        Ok(node.ok_or(FormatError::Edge(edge))?.clone())
    }

    #[inline]
    fn edge(&mut self) -> Decoded<PyObjectRef> {
        let edge = self.reader.edge()?;
        self.get(edge)
    }
}
