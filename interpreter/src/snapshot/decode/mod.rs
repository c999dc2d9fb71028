//! Decoding: reads records in order, each making or filling one object.
//!
//! Edges only point back, so there is nothing to resolve later and nothing to recurse into.
//! Lengths are checked against the bytes that are left before anything is allocated for them.
//!
//! Read next: `object.rs`, the records that rebuild instances; `function.rs`; `definition.rs`, classes; `taking.rs`,
//! what containers of theirs hold; `code.rs`; `name.rs`, what may be a name.

mod annotations;
mod class;
mod code;
mod code_cache;
mod definition;
mod function;
mod name;
mod object;
mod pause;
mod taking;

use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use malachite_bigint::BigInt;
use rustpython_vm::builtins::{
    PyDict, PyFrozenSet, PyInt, PyList, PyRange, PySet, PySlice, PyStr, PyTuple,
};
use rustpython_vm::common::wtf8::Wtf8;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, VirtualMachine};

use super::address::{AddressMap, AddressSet};
use super::constant;
use super::error::{Failure, sentence_of};
use super::format::{FIRST_NODE, FLAG_CODE, FormatError, Header, Reader, body, kind};
use super::identity;
use super::namespace::{External, Rebuilt, Segment};
use super::{DecodeContext, INTERRUPT_INTERVAL, LeftOut, Trust};
use crate::namespace::may_be_bound;
use code::Codes;
use name::Names;
use pause::Pause;
use taking::Taking;

type Decoded<T> = Result<T, Failure>;

type Edges<'a> = &'a [[u8; 4]];

/// Keys nested deeper than this aren't hashed: the runtime hashes tuples by recursion.
const KEY_DEPTH_MAX: u32 = 500;

pub(super) fn decode(
    vm: &VirtualMachine,
    buffers: Vec<Bytes>,
    context: &DecodeContext,
) -> Decoded<PyObjectRef> {
    let mut buffers = buffers.into_iter();
    let table = buffers.next().ok_or(FormatError::NotASnapshot)?;
    Decoder::new(vm, context).table(&table, buffers.map(Some).collect())
}

pub(super) fn decode_names(
    vm: &VirtualMachine,
    segments: Vec<Segment>,
    context: &DecodeContext,
) -> Decoded<Rebuilt> {
    let mut parts = Vec::with_capacity(segments.len());
    let mut tables = Vec::with_capacity(segments.len());
    for segment in segments {
        let mut buffers = segment.buffers.into_iter();
        tables.push(buffers.next().ok_or(FormatError::NotASnapshot)?);
        let buffers: Vec<_> = buffers.map(Some).collect();
        parts.push((segment.name, buffers, segment.externals));
    }
    let mut decoder = Decoder::new(vm, context);
    decoder.makes_classes_anew = true;
    let mut names = Vec::with_capacity(parts.len());
    let mut left_out: Vec<LeftOut> = Vec::new();
    // By segment: the index among those left out.
    let mut failed: HashMap<u32, usize> = HashMap::new();
    for (index, ((name, buffers, externals), table)) in parts.into_iter().zip(&tables).enumerate() {
        let mut shared = externals.iter().filter_map(|it| failed.get(&it.segment));
        let needs = shared.next().map(|&index| left_out[index].path.clone());
        let object = match needs {
            Some(other) => Err(Unbuilt::Shares(other)),
            None => decoder
                .segment(&name, table, buffers, externals)
                .map_err(Unbuilt::Failed),
        };
        let nodes = std::mem::take(&mut decoder.nodes);
        match object {
            Ok(object) => {
                decoder.segments.push(nodes);
                decoder.bind(&name, &object)?;
                names.push((name, object));
            }
            Err(Unbuilt::Failed(failure))
                if !context.partial || context.may_be_interrupted && failure.is_interrupt(vm) =>
            {
                return Err(failure.noted(vm, &format!("while {name:?} was brought back")));
            }
            Err(unbuilt) => {
                decoder.segments.push(Vec::new());
                decoder.unbind(&name)?;
                failed.insert(index as u32, left_out.len());
                let reason = match unbuilt {
                    Unbuilt::Failed(failure) => sentence_of(vm, &failure.told(vm, context.trust)),
                    Unbuilt::Shares(other) => {
                        format!(
                            "it has objects in common with {other:?}, which can't be brought back"
                        )
                    }
                };
                left_out.push(LeftOut { path: name, reason });
            }
        }
    }
    decoder.introduce_classes();
    Ok((names, left_out))
}

/// Why the object of a name isn't there.
enum Unbuilt {
    Failed(Failure),
    /// With this other name.
    Shares(String),
}

struct Decoder<'a> {
    vm: &'a VirtualMachine,
    context: &'a DecodeContext,
    reader: Reader<'a>,
    nodes: Vec<PyObjectRef>,
    /// The nodes of segments that came before.
    segments: Vec<Vec<PyObjectRef>>,
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
    /// Classes and the like that will be known by their identity once all went well.
    arrived: Vec<(u128, u64, PyObjectRef)>,
    /// Each is taken once: a table can't multiply its buffers.
    buffers: Vec<Option<Bytes>>,
    /// How deep tuples and slices are nested in others, by address, for those that are.
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
}

impl<'a> Decoder<'a> {
    fn new(vm: &'a VirtualMachine, context: &'a DecodeContext) -> Self {
        Self {
            vm,
            context,
            reader: Reader::new(&[]),
            nodes: Vec::new(),
            segments: Vec::new(),
            externals: Vec::new().into_iter(),
            name: None,
            root: None,
            makes_classes_anew: false,
            pause: None,
            foreign_bytecode: None,
            has_code: false,
            codes: Codes::default(),
            arrived: Vec::new(),
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
        }
    }

    /// Reads the table of a name, and gives its object.
    fn segment(
        &mut self,
        name: &str,
        table: &'a [u8],
        buffers: Vec<Option<Bytes>>,
        externals: Vec<External>,
    ) -> Decoded<PyObjectRef> {
        self.externals = externals.into_iter();
        self.name = Some(name.to_owned());
        let object = self.table(table, buffers);
        self.name = None;
        let object = object?;
        match self.externals.next() {
            Some(_) => Err(FormatError::External.into()),
            None => Ok(object),
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
        self.nodes = Vec::with_capacity((header.node_count as usize).min(table.len()));
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

    /// Makes the classes that were decoded known by their identities.
    fn introduce_classes(&mut self) {
        for (identity, version, object) in self.arrived.drain(..) {
            let is_beside = self.makes_classes_anew && !self.context.takes_over;
            if is_beside && identity::find(self.vm, identity).is_some() {
                continue;
            }
            identity::arrived(self.vm, identity, &object);
            if let Some(class) = object.downcast_ref() {
                identity::is_current(self.vm, class, version);
            }
        }
    }

    fn external(&mut self) -> Decoded<PyObjectRef> {
        let external = self.externals.next().ok_or(FormatError::External)?;
        let nodes = self.segments.get(external.segment as usize);
        let node = nodes.and_then(|nodes| nodes.get(external.node as usize));
        Ok(node.ok_or(FormatError::External)?.clone())
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

    /// Binds a name as soon as its object is there: code that completes it may look for it.
    fn bind_root(&mut self) -> Decoded<()> {
        if let (Some(name), Some(object)) = (self.name.take(), self.nodes.last().cloned()) {
            self.bind(&name, &object)?;
            self.name = Some(name);
        }
        Ok(())
    }

    fn bind(&self, name: &str, object: &PyObjectRef) -> Decoded<()> {
        let globals = &self.context.globals;
        if may_be_bound(self.vm, globals, name)? {
            let name = self.vm.ctx.intern_str(name);
            globals.set_item(name, object.clone(), self.vm)?;
        }
        Ok(())
    }

    /// Takes back what [`Self::bind_root`] has bound.
    fn unbind(&self, name: &str) -> Decoded<()> {
        let globals = &self.context.globals;
        if may_be_bound(self.vm, globals, name)? && globals.contains_key(name, self.vm) {
            globals.del_item(name, self.vm)?;
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
            kind::FROZENSET => {
                let elements = self.body()?;
                for element in &elements {
                    self.check_hashable(element)?;
                }
                PyFrozenSet::from_iter(self.vm, elements)?
                    .into_ref(context)
                    .into()
            }
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

    fn float(&mut self) -> Decoded<f64> {
        Ok(f64::from_bits(u64::from_le_bytes(self.reader.array()?)))
    }

    fn int(&mut self) -> Decoded<PyRef<PyInt>> {
        self.edge()?
            .downcast_exact::<PyInt>(self.vm)
            .map(|int| int.into_pyref())
            .map_err(|_| FormatError::Type { expected: "an int" }.into())
    }

    /// The step of a range, which is never zero.
    fn step(&mut self) -> Decoded<PyRef<PyInt>> {
        let step = self.int()?;
        if step.as_bigint() == &BigInt::from(0) {
            return Err(FormatError::Type {
                expected: "a step that isn't zero",
            }
            .into());
        }
        Ok(step)
    }

    fn text(&mut self, intern: bool) -> Decoded<PyObjectRef> {
        let bytes = self.reader.slice()?;
        self.text_of(bytes, intern)
    }

    fn text_of(&mut self, bytes: &[u8], intern: bool) -> Decoded<PyObjectRef> {
        Ok(match core::str::from_utf8(bytes) {
            Ok(text) if intern => self.vm.ctx.intern_str(text).to_owned().into(),
            // Not by `new_str`, which gives one object to all texts of the same letter.
            Ok(text) => PyStr::from(text).into_ref(&self.vm.ctx).into(),
            Err(_) => {
                let text = Wtf8::from_bytes(bytes).filter(|_| surrogates_are_whole(bytes));
                let text = text.ok_or(FormatError::Text)?;
                let text = PyStr::from(text).into_ref(&self.vm.ctx);
                self.names.note(&text);
                text.into()
            }
        })
    }

    /// A large buffer: its own allocation if nobody else holds it, else as the context makes one.
    fn buffer(&mut self) -> Decoded<Vec<u8>> {
        let index = self.reader.varint()?;
        Ok((self.context.own)(self.take_buffer(index)?))
    }

    /// A large buffer as it is.
    fn shared_buffer(&mut self) -> Decoded<Bytes> {
        let index = self.reader.varint()?;
        Ok(self.take_buffer(index)?)
    }

    fn take_buffer(&mut self, index: u64) -> Result<Bytes, FormatError> {
        let buffer = usize::try_from(index)
            .ok()
            .and_then(|index| self.buffers.get_mut(index)?.take());
        buffer.ok_or(FormatError::Buffer(index))
    }

    fn memoryview(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let content = self.edge()?;
        let format = vm.ctx.new_str(self.reader.text()?);
        let count = self.reader.count(1)?;
        let mut shape = Vec::with_capacity(count);
        for _ in 0..count {
            shape.push(vm.ctx.new_int(self.reader.varint()?).into());
        }
        if !content.class().is(vm.ctx.types.bytes_type) {
            return Err(FormatError::Type { expected: "bytes" }.into());
        }
        let memoryview_type = vm.ctx.types.memoryview_type.as_object();
        let view = memoryview_type.call((content,), vm)?;
        if shape.len() == 1 && format.as_bytes() == b"B" {
            return Ok(view);
        }
        let shape = vm.ctx.new_tuple(shape);
        Ok(vm.call_method(&view, "cast", (format, shape))?)
    }

    fn tuple(&mut self) -> Decoded<PyObjectRef> {
        let elements = self.body()?;
        let depth = self.depth_of_parts(&elements);
        let tuple = self.vm.ctx.new_tuple(elements).into();
        Ok(self.with_depth(tuple, depth))
    }

    fn slice(&mut self) -> Decoded<PyObjectRef> {
        let parts = [self.edge()?, self.edge()?, self.edge()?];
        let depth = self.depth_of_parts(&parts);
        let [start, stop, step] = parts;
        let slice = PySlice {
            start: Some(start),
            stop,
            step: Some(step),
        };
        Ok(self.with_depth(slice.into_ref(&self.vm.ctx).into(), depth))
    }

    fn depth_of_parts(&self, parts: &[PyObjectRef]) -> u32 {
        parts.iter().map(|part| self.depth(part)).max().unwrap_or(0)
    }

    /// How many tuples and slices are nested in `object`, itself included.
    fn depth(&self, object: &PyObject) -> u32 {
        let types = &self.vm.ctx.types;
        let class = object.class();
        if class.is(types.tuple_type) || class.is(types.slice_type) {
            self.depths.get(&object.get_id()).map_or(1, |depth| *depth)
        } else {
            0
        }
    }

    fn with_depth(&mut self, object: PyObjectRef, depth_of_parts: u32) -> PyObjectRef {
        if depth_of_parts > 0 {
            self.depths.insert(object.get_id(), depth_of_parts + 1);
        }
        object
    }

    fn check_hashable(&self, key: &PyObject) -> Decoded<()> {
        if self.depth(key) > KEY_DEPTH_MAX {
            return Err(FormatError::Depth.into());
        }
        Ok(())
    }

    fn fill_dict(&mut self, dict: &Py<PyDict>) -> Decoded<()> {
        if let Some((keys, values)) = edges_of_pairs(&mut self.reader)? {
            return self.insert_edges(dict, keys, values);
        }
        let (keys, values) = self.pairs()?;
        self.insert_pairs(dict, keys, values)
    }

    fn insert_edges(&self, dict: &Py<PyDict>, keys: Edges<'_>, values: Edges<'_>) -> Decoded<()> {
        for (key, value) in keys.iter().zip(values) {
            let key = self.get(u32::from_le_bytes(*key))?;
            let value = self.get(u32::from_le_bytes(*value))?;
            self.check_hashable(&key)?;
            dict.inner_setitem(&*key, value, self.vm)?;
        }
        Ok(())
    }

    fn insert_pairs(
        &self,
        dict: &Py<PyDict>,
        keys: Vec<PyObjectRef>,
        values: Vec<PyObjectRef>,
    ) -> Decoded<()> {
        for (key, value) in keys.into_iter().zip(values) {
            self.check_hashable(&key)?;
            dict.inner_setitem(&*key, value, self.vm)?;
        }
        Ok(())
    }

    fn fill_set(&mut self, set: &Py<PySet>) -> Decoded<()> {
        for element in self.body()? {
            self.check_hashable(&element)?;
            set.add(element, self.vm)?;
        }
        Ok(())
    }

    fn pairs(&mut self) -> Decoded<(Vec<PyObjectRef>, Vec<PyObjectRef>)> {
        let keys = self.body()?;
        let values = self.body()?;
        if keys.len() != values.len() {
            let expected = "as many values as keys";
            return Err(FormatError::Type { expected }.into());
        }
        Ok((keys, values))
    }

    /// A run of objects, by their edges or packed.
    fn body(&mut self) -> Decoded<Vec<PyObjectRef>> {
        let context = &self.vm.ctx;
        match self.reader.byte()? {
            body::EDGES => {
                let edges = self.reader.edges()?;
                let mut objects = Vec::with_capacity(edges.len());
                for edge in edges {
                    objects.push(self.get(u32::from_le_bytes(*edge))?);
                }
                Ok(objects)
            }
            body::I8 => self.packed(|bytes: [u8; 1]| context.new_int(bytes[0] as i8).into()),
            body::I16 => self.packed(|bytes| context.new_int(i16::from_le_bytes(bytes)).into()),
            body::I32 => self.packed(|bytes| context.new_int(i32::from_le_bytes(bytes)).into()),
            body::I64 => self.packed(|bytes| context.new_int(i64::from_le_bytes(bytes)).into()),
            body::F64 => self.packed(|bytes| context.new_float(f64::from_le_bytes(bytes)).into()),
            body::STR => self.packed_texts(),
            body::PATCHED => self.patched(),
            other => Err(FormatError::Kind(other).into()),
        }
    }

    /// Packed values, of which some are replaced by objects that were made before.
    fn patched(&mut self) -> Decoded<Vec<PyObjectRef>> {
        const PATCH_BYTES_MIN: usize = 5;
        let count = self.reader.count(PATCH_BYTES_MIN)?;
        let mut patches = Vec::with_capacity(count);
        for _ in 0..count {
            let index = usize::try_from(self.reader.varint()?).map_err(|_| FormatError::Length)?;
            patches.push((index, self.edge()?));
        }
        // Patches of patches would be a way to nest without end.
        if self.reader.peek() == Some(body::PATCHED) {
            return Err(FormatError::Kind(body::PATCHED).into());
        }
        let mut objects = self.body()?;
        for (index, object) in patches {
            *objects.get_mut(index).ok_or(FormatError::Length)? = object;
        }
        Ok(objects)
    }

    fn packed<const N: usize>(
        &mut self,
        object: impl Fn([u8; N]) -> PyObjectRef,
    ) -> Decoded<Vec<PyObjectRef>> {
        let count = self.reader.count(N)?;
        let (values, _) = self.reader.take(count * N)?.as_chunks::<N>();
        Ok(values.iter().copied().map(object).collect())
    }

    fn packed_texts(&mut self) -> Decoded<Vec<PyObjectRef>> {
        let count = self.reader.count(1)?;
        let mut lengths = self.reader.clone();
        for _ in 0..count {
            self.reader.varint()?;
        }
        let mut texts = Vec::with_capacity(count);
        for _ in 0..count {
            let length = usize::try_from(lengths.varint()?).map_err(|_| FormatError::Length)?;
            let bytes = self.reader.take(length)?;
            texts.push(self.text_of(bytes, false)?);
        }
        Ok(texts)
    }
}

/// The edges of keys and of as many values, if neither of them are packed: their objects needn't be gathered
/// before they are inserted. Else nothing is read.
fn edges_of_pairs<'a>(
    reader: &mut Reader<'a>,
) -> Result<Option<(Edges<'a>, Edges<'a>)>, FormatError> {
    let mut ahead = reader.clone();
    if ahead.byte()? != body::EDGES {
        return Ok(None);
    }
    let keys = ahead.edges()?;
    if ahead.byte()? != body::EDGES {
        return Ok(None);
    }
    let values = ahead.edges()?;
    if keys.len() != values.len() {
        let expected = "as many values as keys";
        return Err(FormatError::Type { expected });
    }
    *reader = ahead;
    Ok(Some((keys, values)))
}

/// Whether what begins like a surrogate goes on like one, which the runtime doesn't look at: it
/// would read beyond the end of such a text.
fn surrogates_are_whole(bytes: &[u8]) -> bool {
    let mut begins = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0xed);
    begins.all(|(at, _)| matches!(bytes[at + 1..], [0x80..=0xbf, 0x80..=0xbf, ..]))
}
