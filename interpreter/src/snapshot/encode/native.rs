//! Objects of kinds that native modules registered.

use bytes::Bytes;
use rustpython_vm::{PyObject, PyResult};

use super::{Encoder, Frame, Step};
use crate::snapshot::NativeKind;
use crate::snapshot::format::{Write, kind, native_buffer};

impl Encoder<'_> {
    pub fn native(
        &mut self,
        kind: &'static dyn NativeKind,
        object: &PyObject,
        origin: u32,
    ) -> PyResult<()> {
        let parts = kind.encode(self.vm, object)?;
        let step = Step::Native {
            kind,
            bytes: parts.bytes,
            buffers: parts.buffers,
        };
        let frame = Frame::new(step, object.to_owned(), origin, parts.children);
        // It is made of its children: they must be finished by then.
        self.begin(frame.draining())
    }

    pub fn write_native(
        &mut self,
        kind: &'static dyn NativeKind,
        bytes: &[u8],
        buffers: &[Bytes],
        edges: &[u32],
    ) {
        self.mutable = true;
        self.table.push(kind::NATIVE);
        self.table.slice(kind.name().as_bytes());
        self.table.varint(kind.version().into());
        self.table.slice(bytes);
        self.table.varint(buffers.len() as u64);
        for buffer in buffers {
            if self.goes_out_of_band(buffer.len()) {
                self.write_buffer(native_buffer::OUT, buffer.clone());
            } else {
                self.table.push(native_buffer::HERE);
                self.table.slice(buffer);
            }
        }
        self.edge_body(edges);
    }
}
