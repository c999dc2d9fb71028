//! Runs of objects inside of a record: by their edges, or packed by value.

use rustpython_vm::PyObjectRef;

use super::{Decoded, Decoder};
use crate::snapshot::format::{FormatError, Reader, body};

pub(super) type Edges<'a> = &'a [[u8; 4]];

impl Decoder<'_> {
    pub(super) fn pairs(&mut self) -> Decoded<(Vec<PyObjectRef>, Vec<PyObjectRef>)> {
        let keys = self.body()?;
        let values = self.body()?;
        if keys.len() != values.len() {
            let expected = "as many values as keys";
            return Err(FormatError::Type { expected }.into());
        }
        Ok((keys, values))
    }

    /// A run of objects, by their edges or packed.
    pub(super) fn body(&mut self) -> Decoded<Vec<PyObjectRef>> {
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
pub(super) fn edges_of_pairs<'a>(
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
