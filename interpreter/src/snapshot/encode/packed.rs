//! Runs of equal-typed scalars packed by value, without loss of identity.
//!
//! An element that nothing else refers to can't be met again: its value is all there is to carry.
//! One that has other references is remembered by its place in the run, and gets a record
//! (`ELEMENT`) if it is met again; one that was met before, or is in the run twice, is left to a
//! *patch*, the edge that belongs at its place. A run with many patches is written as edges.
//!
//! Remembering costs more than packing, and most elements are never met again: parts of a list that
//! somebody holds, sent by themselves. So a run whose elements are all new is remembered as a whole,
//! and looked through when another scalar is met that might be one of them.

use rustpython_vm::builtins::{PyFloat, PyInt, PyStr};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult};

use super::Encoder;
use super::numbers::Number;
use crate::snapshot::constant;
use crate::snapshot::format::{PACKED_LENGTH_MIN, Write, body};

/// What is known of a run that can be packed.
#[derive(Default)]
pub struct Run {
    /// The indices of elements that may be met again.
    shared: Vec<u32>,
    /// These are remembered as a whole.
    is_deferred: bool,
    /// Indices and the edges that belong there.
    patches: Vec<(u32, u32)>,
    /// The values, if they are ints.
    ints: Vec<i64>,
    /// The values, if they are floats.
    floats: Vec<f64>,
}

/// A packed run whose elements aren't among the numbers yet.
pub struct Unindexed {
    container: u32,
    segment: u32,
    /// Indices and elements that may be met again, which are kept alive by this.
    elements: Vec<(u32, PyObjectRef)>,
}

impl Unindexed {
    pub const fn segment(&self) -> u32 {
        self.segment
    }
}

/// The plain types that runs are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Element {
    Int,
    Float,
    Str,
}

impl Encoder<'_> {
    /// A run of objects as their edges.
    pub fn edge_body(&mut self, edges: &[u32]) {
        self.table.push(body::EDGES);
        self.table.varint(edges.len() as u64);
        self.table.edges(edges);
    }

    /// Looks whether a run of objects can be packed: they are many and of one plain type.
    ///
    /// `can_index` says that elements can be found again by their index. Records that patches need
    /// are written now, so nothing of the container's own may have been.
    pub fn packable(
        &mut self,
        objects: &[PyObjectRef],
        held: usize,
        can_index: bool,
    ) -> PyResult<Option<Run>> {
        let Some((mut run, has_shared)) = self.values(objects, held) else {
            return Ok(None);
        };
        if !has_shared {
            return Ok(Some(run));
        }
        self.index_runs();
        if can_index && self.can_defer(&run, objects, held) {
            let is_shared = |(index, object): (usize, &PyObjectRef)| {
                may_be_met_again(&run, index, object, held).then_some(index as u32)
            };
            run.shared = objects.iter().enumerate().filter_map(is_shared).collect();
            run.is_deferred = true;
            return Ok(Some(run));
        }
        let patches_max = objects.len() / 8;
        for (index, object) in objects.iter().enumerate() {
            if !may_be_met_again(&run, index, object, held) {
                continue;
            }
            if !can_index || run.patches.len() > patches_max {
                self.forget(&run, objects);
                return Ok(None);
            }
            self.note_shared(&mut run, object, index as u32)?;
        }
        if run.patches.len() > patches_max {
            self.forget(&run, objects);
            return Ok(None);
        }
        run.patches.sort_unstable();
        Ok(Some(run))
    }

    /// Whether the elements of a run are all new and different, so that they can be remembered as a
    /// whole. Text is not looked at: much of it is interned.
    fn can_defer(&self, run: &Run, objects: &[PyObjectRef], held: usize) -> bool {
        if run.ints.is_empty() && run.floats.is_empty() || self.numbers.len() > objects.len() / 8 {
            return false;
        }
        let shared = objects.iter().enumerate();
        let shared = shared.filter(|&(index, object)| may_be_met_again(run, index, object, held));
        let mut addresses: Vec<usize> = Vec::with_capacity(objects.len());
        for (_, object) in shared {
            let address = object.get_id();
            if object.is_immortal() || self.numbers.contains_key(&address) {
                return false;
            }
            addresses.push(address);
        }
        addresses.sort_unstable();
        addresses.windows(2).all(|pair| pair[0] != pair[1])
    }

    /// Remembers the elements of runs one by one: a scalar is met that may be one of them.
    pub fn index_runs(&mut self) {
        for run in std::mem::take(&mut self.unindexed) {
            self.numbers.reserve(run.elements.len());
            for (index, object) in run.elements {
                let number = Number::element(run.container, index, run.segment);
                self.numbers.insert(object.get_id(), number);
                self.kept.push(object);
            }
        }
    }

    fn element_type(&self, objects: &[PyObjectRef]) -> Option<Element> {
        if objects.len() < PACKED_LENGTH_MIN {
            return None;
        }
        let types = &self.vm.ctx.types;
        let class = objects[0].class();
        let element = if class.is(types.int_type) {
            Element::Int
        } else if class.is(types.float_type) {
            Element::Float
        } else if class.is(types.str_type) {
            Element::Str
        } else {
            return None;
        };
        Some(element)
    }

    /// The values of a run, and whether an element has other references; None if they aren't of one
    /// plain type. Each object is looked at once: they are all over the memory.
    fn values(&self, objects: &[PyObjectRef], held: usize) -> Option<(Run, bool)> {
        let element = self.element_type(objects)?;
        let class = objects[0].class();
        let mut run = Run::default();
        match element {
            Element::Int => run.ints.reserve_exact(objects.len()),
            Element::Float => run.floats.reserve_exact(objects.len()),
            Element::Str => {}
        }
        let mut has_shared = false;
        for object in objects {
            if !object.class().is(class) {
                return None;
            }
            has_shared |= object.strong_count() > held;
            match element {
                Element::Int => run.ints.push(narrow(object)?),
                Element::Float => run.floats.push(object.downcast_ref::<PyFloat>()?.to_f64()),
                Element::Str => {}
            }
        }
        Some((run, has_shared))
    }

    /// Sees to an element that has references besides that of its container.
    fn note_shared(&mut self, run: &mut Run, object: &PyObject, index: u32) -> PyResult<()> {
        // Interned text is the same object wherever it is interned again.
        if object.is_immortal() {
            let edge = self.scalar(object, super::HELD_UNKNOWN)?;
            run.patches.push((index, edge.expect("it is a scalar")));
            return Ok(());
        }
        match self.numbers.get(&object.get_id()) {
            None => {
                let number = Number::element(u32::MAX, index, self.segment);
                self.numbers.insert(object.get_id(), number);
                run.shared.push(index);
            }
            Some(&number) => {
                let edge = self.local_edge(object, number)?;
                if let (true, Some(first)) = (number.is_in_progress(), number.index()) {
                    run.patches.push((first, edge));
                }
                run.patches.push((index, edge));
            }
        }
        Ok(())
    }

    /// Takes back what was noted of a run that isn't packed after all.
    fn forget(&mut self, run: &Run, objects: &[PyObjectRef]) {
        for &index in &run.shared {
            let address = objects[index as usize].get_id();
            if self
                .numbers
                .get(&address)
                .is_some_and(|n| n.is_in_progress())
            {
                self.numbers.remove(&address);
            }
        }
    }

    /// Tells elements that may be met again where they are, once their container has its number.
    pub fn packed_in(&mut self, run: &Run, objects: &[PyObjectRef], container: u32) {
        if run.is_deferred {
            let element = |&index: &u32| (index, objects[index as usize].clone());
            self.unindexed.push(Unindexed {
                container,
                segment: self.segment,
                elements: run.shared.iter().map(element).collect(),
            });
            return;
        }
        for &index in &run.shared {
            let object = &objects[index as usize];
            if let Some(number) = self.numbers.get_mut(&object.get_id())
                && number.is_in_progress()
            {
                *number = Number::element(container, index, self.segment);
                self.kept.push(object.clone());
            }
        }
    }

    /// Writes a run that is [`Self::packable`].
    pub fn packed_body(&mut self, run: &Run, objects: &[PyObjectRef]) {
        if !run.patches.is_empty() {
            self.table.push(body::PATCHED);
            self.table.varint(run.patches.len() as u64);
            for &(index, edge) in &run.patches {
                self.table.varint(index.into());
                self.table.edge(edge);
            }
        }
        let class = objects[0].class();
        let types = &self.vm.ctx.types;
        if class.is(types.int_type) {
            self.packed_ints(&run.ints);
        } else if class.is(types.float_type) {
            self.packed_floats(&run.floats);
        } else {
            self.packed_strs(run, objects);
        }
    }

    fn packed_ints(&mut self, values: &[i64]) {
        let least = values.iter().copied().min().unwrap_or(0);
        let most = values.iter().copied().max().unwrap_or(0);
        let fits = |low: i64, high: i64| least >= low && most <= high;
        let tag = if fits(i8::MIN.into(), i8::MAX.into()) {
            body::I8
        } else if fits(i16::MIN.into(), i16::MAX.into()) {
            body::I16
        } else if fits(i32::MIN.into(), i32::MAX.into()) {
            body::I32
        } else {
            body::I64
        };
        self.table.push(tag);
        self.table.varint(values.len() as u64);
        match tag {
            body::I8 => self.table.extend(values.iter().map(|&value| value as u8)),
            body::I16 => self.pack(values, |value| (value as i16).to_le_bytes()),
            body::I32 => self.pack(values, |value| (value as i32).to_le_bytes()),
            _ => self.pack(values, i64::to_le_bytes),
        }
    }

    fn pack<const N: usize>(&mut self, values: &[i64], bytes: impl Fn(i64) -> [u8; N]) {
        self.table.reserve(values.len() * N);
        for &value in values {
            self.table.extend_from_slice(&bytes(value));
        }
    }

    fn packed_floats(&mut self, values: &[f64]) {
        self.table.push(body::F64);
        self.table.varint(values.len() as u64);
        let from = self.table.len();
        self.table.resize(from + values.len() * 8, 0);
        let (places, _) = self.table[from..].as_chunks_mut();
        for (place, value) in places.iter_mut().zip(values) {
            *place = value.to_bits().to_le_bytes();
        }
    }

    /// Lengths, then text. A patch takes the place of an empty one.
    fn packed_strs(&mut self, run: &Run, objects: &[PyObjectRef]) {
        let mut patches = run.patches.iter().map(|&(index, _)| index).peekable();
        let texts: Vec<&[u8]> = objects
            .iter()
            .enumerate()
            .map(
                |(index, object)| match patches.next_if_eq(&(index as u32)) {
                    Some(_) => &[],
                    None => object
                        .downcast_ref::<PyStr>()
                        .expect("class is str")
                        .as_wtf8()
                        .as_bytes(),
                },
            )
            .collect();
        self.table.push(body::STR);
        self.table.varint(texts.len() as u64);
        for text in &texts {
            self.table.varint(text.len() as u64);
        }
        self.table
            .reserve(texts.iter().map(|text| text.len()).sum());
        for text in &texts {
            self.table.extend_from_slice(text);
        }
    }
}

/// Whether an element has references besides its container's, and isn't there in every namespace.
fn may_be_met_again(run: &Run, index: usize, object: &PyObjectRef, held: usize) -> bool {
    let int = run.ints.get(index);
    object.strong_count() > held && int.is_none_or(|&int| constant::small_int(int).is_none())
}

/// The value of an int that fits into 64 bits.
fn narrow(object: &PyObjectRef) -> Option<i64> {
    i64::try_from(object.downcast_ref::<PyInt>()?.as_bigint()).ok()
}
