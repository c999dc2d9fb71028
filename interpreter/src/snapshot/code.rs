//! Code objects: their fields to bytes and back.
//!
//! Constants are not among the bytes: they are nodes of the table like other objects, so nested
//! code doesn't recurse and a constant keeps its identity.
//!
//! Fields are checked as far as the runtime relies on them; instructions in `bytecode.rs`.

use std::collections::BTreeSet;

use rustpython_compiler_core::OneIndexed;
use rustpython_compiler_core::marshal::linetable_to_locations;
use rustpython_vm::builtins::{PyCode, PyStrInterned};
use rustpython_vm::bytecode::{
    CO_FAST_CELL, CO_FAST_FREE, CO_FAST_LOCAL, CodeFlags, CodeObject, CodeUnits, Constants,
    OpArgState, Opcode,
};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef, VirtualMachine};

use super::bytecode;
use super::format::{FormatError, Reader, Write};
use super::source::Wanted;

/// The names that `code`, and code nested in it, looks up or sets in its globals.
pub(super) fn global_names(code: &Py<PyCode>, names: &mut BTreeSet<&'static str>) {
    let mut rest = vec![code.to_owned()];
    while let Some(code) = rest.pop() {
        let mut operands = OpArgState::default();
        for unit in code.instructions.iter() {
            let (instruction, operand) = operands.get(*unit);
            let index = match Opcode::from(instruction.deoptimize()) {
                Opcode::LoadGlobal => u32::from(operand) >> 1,
                Opcode::StoreGlobal
                | Opcode::DeleteGlobal
                | Opcode::LoadName
                | Opcode::LoadFromDictOrGlobals => u32::from(operand),
                _ => continue,
            };
            names.extend(code.names.get(index as usize).map(|name| name.as_str()));
        }
        for constant in constants(&code) {
            if let Ok(nested) = constant.downcast::<PyCode>() {
                rest.push(nested);
            }
        }
    }
}

pub(super) fn constants(code: &Py<PyCode>) -> Vec<PyObjectRef> {
    let constants = code.constants.iter().cloned();
    constants.map(PyObjectRef::from).collect()
}

/// The `__doc__` that a function made of `code` starts with.
pub(super) fn docstring(code: &Py<PyCode>, vm: &VirtualMachine) -> PyObjectRef {
    if code.flags.contains(CodeFlags::HAS_DOCSTRING)
        && let Some(first) = code.constants.first()
    {
        return first.clone().into();
    }
    vm.ctx.none()
}

/// Writes all but the constants, with this for the name of the source.
pub(super) fn write(table: &mut Vec<u8>, code: &Py<PyCode>, path: &str) {
    for field in [
        code.arg_count,
        code.posonlyarg_count,
        code.kwonlyarg_count,
        code.max_stackdepth,
        code.flags.bits(),
        code.first_line_number.map_or(0, |line| line.get() as u32),
    ] {
        table.varint(u64::from(field));
    }
    table.slice(&code.instructions.original_bytes());
    for names in [&code.names, &code.varnames, &code.cellvars, &code.freevars] {
        table.varint(names.len() as u64);
        for name in names.iter() {
            table.slice(name.as_bytes());
        }
    }
    for text in [path, code.obj_name.as_str(), code.qualname.as_str()] {
        table.slice(text.as_bytes());
    }
    for bytes in [&code.localspluskinds, &code.linetable, &code.exceptiontable] {
        table.slice(bytes);
    }
}

/// The fields of a code object before its constants are known.
pub(super) struct CodeFields<'a> {
    numbers: [u32; 6],
    instructions: &'a [u8],
    names: [Box<[&'static PyStrInterned]>; 4],
    path: &'static PyStrInterned,
    texts: [&'static PyStrInterned; 2],
    kinds: &'a [u8],
    linetable: &'a [u8],
    exceptiontable: &'a [u8],
}

/// Reads what [`write`] wrote; the name of the source apart, as it may be called otherwise here.
pub(super) fn read<'a>(
    vm: &VirtualMachine,
    reader: &mut Reader<'a>,
) -> Result<(CodeFields<'a>, &'a str), FormatError> {
    let mut numbers = [0; 6];
    for number in &mut numbers {
        *number = u32::try_from(reader.varint()?).map_err(|_| FormatError::Code)?;
    }
    let instructions = reader.slice()?;
    let mut names = [const { Vec::new() }; 4];
    for names in &mut names {
        let count = reader.count(1)?;
        names.reserve_exact(count);
        for _ in 0..count {
            names.push(vm.ctx.intern_str(reader.text()?));
        }
    }
    let path = reader.text()?;
    let texts = [reader.text()?, reader.text()?];
    let fields = CodeFields {
        numbers,
        instructions,
        names: names.map(Vec::into_boxed_slice),
        path: vm.ctx.empty_str,
        texts: texts.map(|text| vm.ctx.intern_str(text)),
        kinds: reader.slice()?,
        linetable: reader.slice()?,
        exceptiontable: reader.slice()?,
    };
    fields.check()?;
    Ok((fields, path))
}

impl CodeFields<'_> {
    /// The same code, of a source with this name.
    pub const fn named(mut self, path: &'static PyStrInterned) -> Self {
        self.path = path;
        self
    }

    /// What to look for where the same source is compiled again.
    pub fn wanted(&self) -> Wanted {
        let arguments = self.numbers[0].saturating_add(self.numbers[2]) as usize;
        let [_, varnames, _, freevars] = &self.names;
        let texts = |names: &[&'static PyStrInterned]| names.iter().map(|n| n.as_str()).collect();
        Wanted {
            path: self.path.as_str(),
            qualname: self.texts[1].as_str(),
            first_line: self.numbers[5],
            arguments: texts(&varnames[..arguments.min(varnames.len())]),
            free_variables: texts(freevars),
        }
    }

    /// Checks that the kinds of local variables agree with their names, and the argument counts
    /// with both: the runtime indexes one by the other.
    fn check(&self) -> Result<(), FormatError> {
        let [_, varnames, cellvars, freevars] = &self.names;
        let flags = CodeFlags::from_bits_truncate(self.numbers[4]);
        let arguments = u64::from(self.numbers[0])
            + u64::from(self.numbers[2])
            + u64::from(flags.contains(CodeFlags::VARARGS))
            + u64::from(flags.contains(CodeFlags::VARKEYWORDS));
        let cells_only = cellvars
            .iter()
            .filter(|cell| !varnames.iter().any(|name| name.is(**cell)))
            .count();
        let (locals, rest) = self
            .kinds
            .split_at_checked(varnames.len())
            .ok_or(FormatError::Code)?;
        let (cells, frees) = rest.split_at_checked(cells_only).ok_or(FormatError::Code)?;
        let cell_locals = locals.iter().filter(|&kind| kind & CO_FAST_CELL != 0);
        let sound = frees.len() == freevars.len()
            && locals.iter().all(|kind| kind & CO_FAST_LOCAL != 0)
            && cells.iter().all(|kind| kind & CO_FAST_CELL != 0)
            && frees.iter().all(|kind| kind & CO_FAST_FREE != 0)
            && cell_locals.count() + cells_only == cellvars.len()
            && arguments <= varnames.len() as u64
            && self.numbers[1] <= self.numbers[0]
            && self.numbers[5] <= i32::MAX as u32
            // A frame of this size is allocated for each call.
            && self.numbers[3] as usize <= self.instructions.len() + varnames.len() + 16;
        sound.then_some(()).ok_or(FormatError::Code)
    }

    pub fn into_code(
        self,
        vm: &VirtualMachine,
        constants: Vec<PyObjectRef>,
    ) -> Result<PyRef<PyCode>, FormatError> {
        let [
            arg_count,
            posonlyarg_count,
            kwonlyarg_count,
            max_stackdepth,
            flags,
            first_line,
        ] = self.numbers;
        let [names, varnames, cellvars, freevars] = self.names;
        let [obj_name, qualname] = self.texts;
        let flags = CodeFlags::from_bits_truncate(flags);
        if flags.contains(CodeFlags::HAS_DOCSTRING) && constants.is_empty() {
            return Err(FormatError::Code);
        }
        let instructions = CodeUnits::try_from(self.instructions).map_err(|_| FormatError::Code)?;
        let limits = bytecode::Limits {
            constant_count: constants.len(),
            name_count: names.len(),
            kinds: self.kinds,
            cell_bits: CO_FAST_CELL | CO_FAST_FREE,
            free_count: freevars.len(),
            stack_depth: max_stackdepth as usize,
            exception_table: self.exceptiontable,
        };
        bytecode::verify(&instructions, &limits)?;
        let locations =
            linetable_to_locations(self.linetable, first_line as i32, instructions.len());
        let constants: Constants<_> = constants.into_iter().map(Into::into).collect();
        let code = PyCode::new(CodeObject {
            instructions,
            locations,
            flags,
            posonlyarg_count,
            arg_count,
            kwonlyarg_count,
            source_path: self.path,
            first_line_number: OneIndexed::new(first_line as usize),
            max_stackdepth,
            obj_name,
            qualname,
            constants,
            names,
            varnames,
            cellvars,
            freevars,
            localspluskinds: self.kinds.into(),
            linetable: self.linetable.into(),
            exceptiontable: self.exceptiontable.into(),
        });
        Ok(PyRef::new_ref(
            code,
            vm.ctx.types.code_type.to_owned(),
            None,
        ))
    }
}
