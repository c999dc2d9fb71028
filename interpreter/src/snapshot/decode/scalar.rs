//! Numbers and text, and the buffers that long ones have.

use bytes::Bytes;
use malachite_bigint::BigInt;
use rustpython_vm::builtins::{PyInt, PyStr};
use rustpython_vm::common::wtf8::Wtf8;
use rustpython_vm::{PyObjectRef, PyPayload, PyRef};

use super::{Decoded, Decoder};
use crate::snapshot::format::FormatError;

impl Decoder<'_> {
    pub(super) fn float(&mut self) -> Decoded<f64> {
        Ok(f64::from_bits(u64::from_le_bytes(self.reader.array()?)))
    }

    pub(super) fn int(&mut self) -> Decoded<PyRef<PyInt>> {
        self.edge()?
            .downcast_exact::<PyInt>(self.vm)
            .map(|int| int.into_pyref())
            .map_err(|_| FormatError::Type { expected: "an int" }.into())
    }

    /// The step of a range, which is never zero.
    pub(super) fn step(&mut self) -> Decoded<PyRef<PyInt>> {
        let step = self.int()?;
        if step.as_bigint() == &BigInt::from(0) {
            return Err(FormatError::Type {
                expected: "a step that isn't zero",
            }
            .into());
        }
        Ok(step)
    }

    pub(super) fn text(&mut self, intern: bool) -> Decoded<PyObjectRef> {
        let bytes = self.reader.slice()?;
        self.text_of(bytes, intern)
    }

    pub(super) fn text_of(&mut self, bytes: &[u8], intern: bool) -> Decoded<PyObjectRef> {
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
    pub(super) fn buffer(&mut self) -> Decoded<Vec<u8>> {
        let index = self.reader.varint()?;
        Ok((self.context.own)(self.take_buffer(index)?))
    }

    /// A large buffer as it is.
    pub(super) fn shared_buffer(&mut self) -> Decoded<Bytes> {
        let index = self.reader.varint()?;
        Ok(self.take_buffer(index)?)
    }

    fn take_buffer(&mut self, index: u64) -> Result<Bytes, FormatError> {
        let buffer = usize::try_from(index)
            .ok()
            .and_then(|index| self.buffers.get_mut(index)?.take());
        buffer.ok_or(FormatError::Buffer(index))
    }
}

/// Whether what begins like a surrogate goes on like one, which the runtime doesn't look at: it
/// would read beyond the end of such a text.
fn surrogates_are_whole(bytes: &[u8]) -> bool {
    let mut begins = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0xed);
    begins.all(|(at, _)| matches!(bytes[at + 1..], [0x80..=0xbf, 0x80..=0xbf, ..]))
}
