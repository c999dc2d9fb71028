//! What compiled code tells when it is read instead of run: the annotations that it would make, the
//! attributes that a method sets on its object, and whether it returns it.
//!
//! Annotations are computed by code of their own, when somebody asks for them. They are put back into
//! source here, for [`super::annotations`]; what isn't a name, a constant, an attribute, a subscript or
//! one of several by `|` is left out.

use rustpython_vm::builtins::{PyBytes, PyCode, PyInt, PyStr, PyTuple};
use rustpython_vm::bytecode::oparg::{BinaryOperator, VarNums};
use rustpython_vm::bytecode::{CodeFlags, OpArgState, Opcode};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use super::SOURCE_BYTES_MAX;

/// Code with larger operands isn't looked at: annotations have few parts.
const OPERAND_MAX: u32 = 1 << 12;
/// Nor is longer code: nobody has written it.
const INSTRUCTIONS_MAX: usize = 1 << 14;
/// Of longer tuples only so much is read.
const PARTS_MAX: usize = 1 << 8;
/// Nor is what is at once in use on a higher stack.
const STACK_MAX: usize = 1 << 12;

/// The annotations that the code makes, with their names, as source.
pub(super) fn annotations(vm: &VirtualMachine, code: &PyCode) -> Vec<(String, PyObjectRef)> {
    let mut reader = Reader {
        vm,
        code,
        stack: Vec::new(),
        found: Vec::new(),
    };
    for (opcode, operand) in steps(code) {
        reader.step(opcode, operand);
        if reader.stack.len() > STACK_MAX {
            break;
        }
    }
    reader.found
}

/// The names of the attributes that a method sets on its object, each with the parameter that it is set
/// to, if it is nothing else at any place.
pub(super) fn attributes_set(code: &PyCode) -> Vec<(String, Option<String>)> {
    let steps = steps(code);
    let bound: Vec<usize> = steps
        .iter()
        .flat_map(|step| variables_bound(*step))
        .collect();
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    // The variables that were loaded since something else happened.
    let mut loaded: Vec<usize> = Vec::new();
    for (opcode, operand) in steps {
        let (first, second) = VarNums::from(operand).indexes();
        match opcode {
            Opcode::LoadFast | Opcode::LoadFastBorrow | Opcode::LoadFastCheck => {
                loaded.push(operand as usize);
            }
            Opcode::LoadFastLoadFast | Opcode::LoadFastBorrowLoadFastBorrow => {
                loaded.extend([first.as_usize(), second.as_usize()]);
            }
            Opcode::StoreFastLoadFast => loaded = vec![second.as_usize()],
            Opcode::StoreAttr => {
                let name = code.code.names.get(operand as usize);
                if let (Some(0), Some(name)) = (loaded.pop(), name) {
                    let value = loaded.pop().filter(|index| !bound.contains(index));
                    let parameter = value.and_then(|index| parameter(code, index));
                    let name = name.to_string_lossy().into_owned();
                    match found.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) if *known != parameter => *known = None,
                        Some(_) => {}
                        None => found.push((name, parameter)),
                    }
                }
                loaded.clear();
            }
            Opcode::Cache | Opcode::Nop | Opcode::NotTaken => {}
            _ => loaded.clear(),
        }
    }
    found
}

/// The variables that an instruction binds.
fn variables_bound((opcode, operand): (Opcode, u32)) -> Vec<usize> {
    let (first, second) = VarNums::from(operand).indexes();
    match opcode {
        Opcode::StoreFast | Opcode::DeleteFast => vec![operand as usize],
        Opcode::StoreFastLoadFast => vec![first.as_usize()],
        Opcode::StoreFastStoreFast => vec![first.as_usize(), second.as_usize()],
        _ => Vec::new(),
    }
}

/// Whether the code of a method always returns its first argument.
pub(super) fn gives_first(code: &PyCode) -> bool {
    let is_called_later = CodeFlags::COROUTINE | CodeFlags::GENERATOR | CodeFlags::ASYNC_GENERATOR;
    if code.code.arg_count == 0 || code.code.flags.intersects(is_called_later) {
        return false;
    }
    let steps = steps(code);
    if steps.iter().any(|step| variables_bound(*step).contains(&0)) {
        return false;
    }
    let does_something = |(opcode, _): &(Opcode, u32)| {
        !matches!(opcode, Opcode::Cache | Opcode::Nop | Opcode::NotTaken)
    };
    let steps: Vec<_> = steps.into_iter().filter(does_something).collect();
    let returns = |step: &(Opcode, u32)| step.0 == Opcode::ReturnValue;
    let ends = (0..steps.len()).filter(|at| returns(&steps[*at]));
    let mut ends = ends.map(|at| &steps[..at]).peekable();
    ends.peek().is_some() && ends.all(leaves_first)
}

/// Whether what is returned behind these is the first argument, whichever way leads there.
fn leaves_first(before: &[(Opcode, u32)]) -> bool {
    use Opcode::{LoadFast, LoadFastBorrow, PopJumpIfFalse, PopJumpIfTrue, PopTop};
    match before {
        // `x and self`: it may have jumped behind them.
        [.., (PopJumpIfFalse | PopJumpIfTrue, _), (PopTop, _), _] => false,
        [.., (LoadFast | LoadFastBorrow, 0)] => true,
        _ => false,
    }
}

fn parameter(code: &PyCode, index: usize) -> Option<String> {
    let count = (code.code.arg_count + code.code.kwonlyarg_count) as usize;
    let name = code.code.varnames.get(index).filter(|_| index < count)?;
    Some(name.to_string_lossy().into_owned())
}

/// The instructions of the code as it was compiled, with their operands, in the order of the text.
fn steps(code: &PyCode) -> Vec<(Opcode, u32)> {
    let mut steps = Vec::new();
    let mut operands = OpArgState::default();
    let mut at = 0;
    if code.code.instructions.len() > INSTRUCTIONS_MAX {
        return steps;
    }
    while let Some(unit) = code.code.instructions.get(at) {
        let (instruction, operand) = operands.get(*unit);
        at += 1 + instruction.cache_entries();
        let opcode = Opcode::from(instruction.deoptimize());
        let operand = u32::from(operand);
        if operand > OPERAND_MAX {
            break;
        }
        if opcode != Opcode::ExtendedArg {
            steps.push((opcode, operand));
        }
    }
    steps
}

struct Reader<'a> {
    vm: &'a VirtualMachine,
    code: &'a PyCode,
    /// The source of what is on the stack; None of what has none.
    stack: Vec<Option<String>>,
    found: Vec<(String, PyObjectRef)>,
}

impl Reader<'_> {
    fn step(&mut self, opcode: Opcode, operand: u32) {
        let effect = opcode.stack_effect_info(operand);
        let kept = self.stack.len().saturating_sub(effect.popped() as usize);
        let taken = self.stack.split_off(kept);
        let length = kept + effect.pushed() as usize;
        if opcode == Opcode::Copy {
            let copied = taken.first().cloned().flatten();
            self.stack.extend(taken);
            self.stack.push(copied);
        } else {
            let made = self.made(opcode, operand, &taken);
            // Source that is longer than what would be looked at is none.
            self.stack
                .push(made.filter(|made| made.len() <= SOURCE_BYTES_MAX));
        }
        self.stack.resize(length, None);
    }

    /// The source of what an instruction puts on the stack for what it takes from there.
    fn made(&mut self, opcode: Opcode, operand: u32, taken: &[Option<String>]) -> Option<String> {
        let index = operand as usize;
        match (opcode, taken) {
            (Opcode::LoadGlobal, _) => self.name(index >> 1),
            (Opcode::LoadName | Opcode::LoadFromDictOrGlobals, _) => self.name(index),
            (Opcode::LoadDeref | Opcode::LoadFromDictOrDeref, _) => self.variable(index),
            (Opcode::LoadConst, _) => self.constant(index),
            (Opcode::LoadSmallInt, _) => Some(operand.to_string()),
            (Opcode::LoadAttr, [Some(owner)]) => {
                Some(format!("{owner}.{}", self.name(index >> 1)?))
            }
            (Opcode::BinaryOp, [Some(left), Some(right)]) => {
                match BinaryOperator::try_from(operand) {
                    Ok(BinaryOperator::Subscr) => Some(format!("{left}[{right}]")),
                    Ok(BinaryOperator::Or) => Some(format!("{left} | {right}")),
                    _ => None,
                }
            }
            (Opcode::BuildTuple, parts) => Some(format!("({})", joined(parts)?)),
            (Opcode::BuildList, parts) => Some(format!("[{}]", joined(parts)?)),
            (Opcode::BuildMap, items) => {
                for item in items.chunks_exact(2) {
                    self.find(item[0].as_deref(), item[1].as_deref());
                }
                None
            }
            (Opcode::StoreSubscr, [value, _, key]) => {
                self.find(key.as_deref(), value.as_deref());
                None
            }
            _ => None,
        }
    }

    fn find(&mut self, key: Option<&str>, source: Option<&str>) {
        if let (Some(key), Some(source)) = (key, source) {
            let name = key.trim_matches('\'');
            let source = self.vm.ctx.new_str(source);
            self.found.push((name.to_owned(), source.into()));
        }
    }

    fn name(&self, index: usize) -> Option<String> {
        let name = self.code.code.names.get(index)?;
        Some(name.to_string_lossy().into_owned())
    }

    /// The name of a variable of a function around.
    fn variable(&self, index: usize) -> Option<String> {
        let code = &self.code.code;
        let is_argument = |name: &str| code.varnames.iter().any(|known| known.as_str() == name);
        let locals = code.varnames.iter().map(|name| name.as_str());
        // An argument that inner code uses has one place.
        let cells = code.cellvars.iter().map(|name| name.as_str());
        let cells = cells.filter(|name| !is_argument(name));
        let free = code.freevars.iter().map(|name| name.as_str());
        let mut all = locals.chain(cells).chain(free);
        all.nth(index).map(ToOwned::to_owned)
    }

    fn constant(&self, index: usize) -> Option<String> {
        let constant = self.code.code.constants.get(index)?.clone();
        let constant = PyObjectRef::from(constant);
        let Some(parts) = constant.downcast_ref_if_exact::<PyTuple>(self.vm) else {
            return self.written(&constant);
        };
        let parts = parts.as_slice().iter().take(PARTS_MAX);
        let parts: Vec<_> = parts.map(|part| self.written(part)).collect();
        Some(format!("({})", joined(&parts)?))
    }

    /// The source of a constant of Python's own; code may hold others, which write themselves.
    fn written(&self, constant: &PyObject) -> Option<String> {
        let vm = self.vm;
        let is_short = if let Some(text) = constant.downcast_ref_if_exact::<PyStr>(vm) {
            text.as_bytes().len() <= SOURCE_BYTES_MAX
        } else if let Some(bytes) = constant.downcast_ref_if_exact::<PyBytes>(vm) {
            bytes.as_bytes().len() <= SOURCE_BYTES_MAX
        } else if let Some(number) = constant.downcast_ref_if_exact::<PyInt>(vm) {
            number.try_to_primitive::<i64>(vm).is_ok()
        } else {
            let class = constant.class();
            class.is(vm.ctx.types.bool_type)
                || class.is(vm.ctx.types.none_type)
                || class.is(vm.ctx.types.ellipsis_type)
        };
        let source = is_short.then(|| constant.repr(vm).ok());
        Some(source??.to_string_lossy().into_owned())
    }
}

/// Parts of a tuple or a list, as they stand between its brackets.
fn joined(parts: &[Option<String>]) -> Option<String> {
    let parts = parts.iter().map(|part| Some(part.clone()? + ","));
    parts.collect()
}
