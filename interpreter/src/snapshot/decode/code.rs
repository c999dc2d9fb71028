//! The records that rebuild code: with constants that are nodes, or whole in one record.
//!
//! Read next: `code_cache.rs`; `../code.rs` for the fields, `../bytecode.rs` for what is checked.

use std::collections::HashMap;

use rustpython_vm::builtins::{PyCode, PyFrozenSet, PySlice, PyStrInterned};
use rustpython_vm::{AsObject, PyObjectRef, PyPayload, PyRef};

use super::code_cache::{self, Decoding, SharedCodeCache};
use super::{Decoded, Decoder};
use crate::snapshot::constant;
use crate::snapshot::format::{CODE_DEPTH_MAX, FormatError, Reader, kind, whole_code};
use crate::snapshot::{code, source};

/// What a decoder knows of code.
#[derive(Default)]
pub struct Codes<'a> {
    /// What code of a source is called here, by what it is called there and the address of the text
    /// that came along.
    names: HashMap<(&'a str, usize), &'static PyStrInterned>,
    /// The last of them: most code of a snapshot has the same.
    last: Option<(&'a str, usize, &'static PyStrInterned)>,
    cache: Option<(SharedCodeCache, Decoding)>,
}

impl<'a> Decoder<'a> {
    /// Code as it is, or compiled again where it can't be run as it is.
    pub fn code(&mut self) -> Decoded<PyObjectRef> {
        let vm = self.vm;
        let (fields, path) = code::read(vm, &mut self.reader)?;
        let source = self.edge()?;
        let constants = self.body()?;
        let must_recompile = self.must_recompile()?;
        let fields = fields.named(self.source_name(path, &source)?);
        if must_recompile {
            return self.recompiled(&fields, &source);
        }
        Ok(fields.into_code(vm, constants)?.into())
    }

    pub fn whole_code(&mut self) -> Decoded<PyObjectRef> {
        let source = self.edge()?;
        let path = self.reader.text()?;
        let content = self.reader.slice()?;
        let must_recompile = self.must_recompile()?;
        let path = self.source_name(path, &source)?;
        if must_recompile {
            let (fields, _) = code::read(self.vm, &mut Reader::new(content))?;
            return self.recompiled(&fields.named(path), &source);
        }
        let vm = self.vm;
        let (cache, decoding) = self
            .codes
            .cache
            .get_or_insert_with(|| (code_cache::of_interpreter(vm), Decoding::begin()));
        if let Some(known) = cache.lock().take(content, path, *decoding) {
            return Ok(known.into());
        }
        let (cache, decoding) = (cache.clone(), *decoding);
        let code = self.content(content, path)?;
        cache.lock().add(content, &code, decoding);
        Ok(code.into())
    }

    /// Whether code can't be run as it is, since it was compiled by another runtime.
    fn must_recompile(&self) -> Decoded<bool> {
        match self.foreign_bytecode {
            None if !self.has_code => Err(FormatError::UnannouncedCode.into()),
            foreign => Ok(foreign.is_some()),
        }
    }

    fn recompiled(
        &self,
        fields: &code::CodeFields<'_>,
        source: &PyObjectRef,
    ) -> Decoded<PyObjectRef> {
        let found = self.foreign_bytecode.unwrap_or_default();
        let text = source::text(source).ok_or(FormatError::Bytecode { found })?;
        let code = source::recompile(self.vm, text, &fields.wanted());
        Ok(code.ok_or(FormatError::Bytecode { found })?.into())
    }

    /// The name that code with this source has here.
    fn source_name(
        &mut self,
        path: &'a str,
        source: &PyObjectRef,
    ) -> Decoded<&'static PyStrInterned> {
        let address = source.get_id();
        if let Some((known, of, name)) = self.codes.last
            && known == path
            && of == address
        {
            return Ok(name);
        }
        let vm = self.vm;
        let name = match self.codes.names.get(&(path, address)) {
            Some(name) => name,
            None => match source::text(source) {
                Some(text) => vm.ctx.intern_str(source::remember(vm, path, text)?),
                None => vm.ctx.intern_str(path),
            },
        };
        self.codes.names.insert((path, address), name);
        self.codes.last = Some((path, address, name));
        Ok(name)
    }

    /// The code that a record holds, whose source has this name.
    fn content(
        &mut self,
        content: &'a [u8],
        path: &'static PyStrInterned,
    ) -> Decoded<PyRef<PyCode>> {
        let outer = std::mem::replace(&mut self.reader, Reader::new(content));
        let code = self.nested_code(path, CODE_DEPTH_MAX);
        let content = std::mem::replace(&mut self.reader, outer);
        match code {
            Ok(_) if !content.is_empty() => Err(FormatError::Code.into()),
            code => code,
        }
    }

    fn nested_code(&mut self, path: &'static PyStrInterned, depth: u32) -> Decoded<PyRef<PyCode>> {
        let (fields, _) = code::read(self.vm, &mut self.reader)?;
        let constants = self.whole_constants(path, depth)?;
        Ok(fields.named(path).into_code(self.vm, constants)?)
    }

    fn whole_constants(
        &mut self,
        path: &'static PyStrInterned,
        depth: u32,
    ) -> Decoded<Vec<PyObjectRef>> {
        let count = self.reader.count(1)?;
        let mut constants = Vec::with_capacity(count);
        for _ in 0..count {
            constants.push(self.whole_constant(path, depth)?);
        }
        Ok(constants)
    }

    fn whole_constant(&mut self, path: &'static PyStrInterned, depth: u32) -> Decoded<PyObjectRef> {
        let context = &self.vm.ctx;
        let kind = self.reader.byte()?;
        match kind {
            whole_code::EDGE => {
                let edge = u32::try_from(self.reader.varint()?);
                let edge = edge.map_err(|_| FormatError::Code)?;
                if edge == constant::GLOBALS {
                    return Err(FormatError::Edge(edge).into());
                }
                Ok(constant::resolve(self.vm, &self.context.globals, edge)?)
            }
            kind::INT..=kind::BYTES => self.build(kind),
            kind::TUPLE | kind::FROZENSET | kind::SLICE | kind::CODE => {
                let depth = depth.checked_sub(1).ok_or(FormatError::Code)?;
                match kind {
                    kind::TUPLE => {
                        let parts = self.whole_constants(path, depth)?;
                        Ok(context.new_tuple(parts).into())
                    }
                    kind::FROZENSET => {
                        let parts = self.whole_constants(path, depth)?;
                        let set = PyFrozenSet::from_iter(self.vm, parts)?;
                        Ok(set.into_ref(context).into())
                    }
                    kind::SLICE => {
                        let slice = PySlice {
                            start: Some(self.whole_constant(path, depth)?),
                            stop: self.whole_constant(path, depth)?,
                            step: Some(self.whole_constant(path, depth)?),
                        };
                        Ok(slice.into_ref(context).into())
                    }
                    _ => Ok(self.nested_code(path, depth)?.into()),
                }
            }
            other => Err(FormatError::Kind(other).into()),
        }
    }
}
