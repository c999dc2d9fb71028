//! Whole namespaces: the table of each name, which may refer to objects of those before it.

use std::collections::HashMap;

use bytes::Bytes;
use rustpython_vm::{PyObjectRef, VirtualMachine};

use super::{Decoded, Decoder};
use crate::namespace::may_be_bound;
use crate::snapshot::error::{Failure, sentence_of};
use crate::snapshot::format::FormatError;
use crate::snapshot::identity;
use crate::snapshot::namespace::{External, Rebuilt, Segment};
use crate::snapshot::{DecodeContext, LeftOut};

pub(in crate::snapshot) fn decode_names(
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
        let arrived_before = decoder.arrived.len();
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
                decoder.left_behind.push(nodes);
                decoder.arrived.truncate(arrived_before);
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

impl<'a> Decoder<'a> {
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

    pub(super) fn external(&mut self) -> Decoded<PyObjectRef> {
        let external = self.externals.next().ok_or(FormatError::External)?;
        let nodes = self.segments.get(external.segment as usize);
        let node = nodes.and_then(|nodes| nodes.get(external.node as usize));
        Ok(node.ok_or(FormatError::External)?.clone())
    }

    /// Binds a name as soon as its object is there: code that completes it may look for it.
    pub(super) fn bind_root(&mut self) -> Decoded<()> {
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
        if may_be_bound(self.vm, globals, name)? && globals.get_item_opt(name, self.vm)?.is_some() {
            globals.del_item(name, self.vm)?;
        }
        Ok(())
    }

    /// Makes the classes that were decoded known by their identities.
    fn introduce_classes(&mut self) {
        for (identity, object) in self.arrived.drain(..) {
            if self.context.takes_over || identity::find(self.vm, identity).is_none() {
                identity::arrived(self.vm, identity, &object);
            }
        }
    }
}
