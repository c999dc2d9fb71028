//! What compiled code tells when it is read instead of run: the annotations that it would make, and the
//! attributes that a method sets on its object.
//!
//! Annotations are computed by code of their own, when somebody asks for them. They are put back into
//! source here, for [`super::annotations`]; what isn't a name, a constant, an attribute, a subscript or
//! one of several by `|` is left out.

use rustpython_vm::builtins::PyCode;
use rustpython_vm::bytecode::oparg::{BinaryOperator, VarNums};
use rustpython_vm::bytecode::{OpArgState, Opcode};
use rustpython_vm::{PyObjectRef, VirtualMachine};

/// Code with larger operands isn't looked at: annotations have few parts.
const OPERAND_MAX: u32 = 1 << 12;

/// The annotations that the code makes, with their names, as source.
pub(super) fn annotations(vm: &VirtualMachine, code: &PyCode) -> Vec<(String, String)> {
    let mut reader = Reader {
        vm,
        code,
        stack: Vec::new(),
        found: Vec::new(),
    };
    for (opcode, operand) in steps(code) {
        reader.step(opcode, operand);
    }
    reader.found
}

/// The names of the attributes that a method sets on its object, each with the parameter that it is set
/// to if it is set to one.
pub(super) fn attributes_set(code: &PyCode) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    // The variables that were loaded since something else happened.
    let mut loaded: Vec<usize> = Vec::new();
    for (opcode, operand) in steps(code) {
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
                    let parameter = loaded.pop().and_then(|index| parameter(code, index));
                    found.push((name.to_string_lossy().into_owned(), parameter));
                }
                loaded.clear();
            }
            Opcode::Cache | Opcode::Nop | Opcode::NotTaken => {}
            _ => loaded.clear(),
        }
    }
    found
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
    found: Vec<(String, String)>,
}

impl Reader<'_> {
    fn step(&mut self, opcode: Opcode, operand: u32) {
        let index = operand as usize;
        match opcode {
            Opcode::LoadGlobal => {
                let name = self.name(index >> 1);
                self.push_with_null(name, operand);
            }
            Opcode::LoadName => self.push(|reader| reader.name(index)),
            Opcode::LoadFromDictOrGlobals => {
                self.stack.pop();
                self.push(|reader| reader.name(index));
            }
            Opcode::LoadDeref => self.push(|reader| reader.variable(index)),
            Opcode::LoadFromDictOrDeref => {
                self.stack.pop();
                self.push(|reader| reader.variable(index));
            }
            Opcode::LoadConst => self.push(|reader| reader.constant(index)),
            Opcode::LoadSmallInt => self.stack.push(Some(operand.to_string())),
            Opcode::LoadAttr => {
                let owner = self.pop();
                let name = self.name(index >> 1);
                let attribute = owner.zip(name);
                let attribute = attribute.map(|(owner, name)| format!("{owner}.{name}"));
                self.push_with_null(attribute, operand);
            }
            Opcode::BinaryOp => {
                let (right, left) = (self.pop(), self.pop());
                let both = left.zip(right);
                self.stack.push(match BinaryOperator::try_from(operand) {
                    Ok(BinaryOperator::Subscr) => both.map(|(of, by)| format!("{of}[{by}]")),
                    Ok(BinaryOperator::Or) => both.map(|(left, right)| format!("{left} | {right}")),
                    _ => None,
                });
            }
            Opcode::BuildTuple => {
                let parts = self.joined(index);
                self.stack.push(parts.map(|parts| format!("({parts})")));
            }
            Opcode::BuildList => {
                let parts = self.joined(index);
                self.stack.push(parts.map(|parts| format!("[{parts}]")));
            }
            Opcode::BuildMap => {
                let items = self.take(2 * index);
                for item in items.chunks_exact(2) {
                    self.find(item[0].as_deref(), item[1].as_deref());
                }
                self.stack.push(None);
            }
            Opcode::StoreSubscr => {
                let (key, _, value) = (self.pop(), self.pop(), self.pop());
                self.find(key.as_deref(), value.as_deref());
            }
            Opcode::Copy => {
                let below = self.stack.len().checked_sub(index);
                let copied = below.and_then(|below| self.stack.get(below).cloned());
                self.stack.push(copied.flatten());
            }
            other => {
                let effect = other.stack_effect_info(operand);
                self.take(effect.popped() as usize);
                let length = self.stack.len() + effect.pushed() as usize;
                self.stack.resize(length, None);
            }
        }
    }

    fn push(&mut self, source: impl Fn(&Self) -> Option<String>) {
        let source = source(self);
        self.stack.push(source);
    }

    /// A call that may follow takes one more.
    fn push_with_null(&mut self, source: Option<String>, operand: u32) {
        self.stack.push(source);
        if operand & 1 == 1 {
            self.stack.push(None);
        }
    }

    fn pop(&mut self) -> Option<String> {
        self.stack.pop().flatten()
    }

    fn take(&mut self, count: usize) -> Vec<Option<String>> {
        let kept = self.stack.len().saturating_sub(count);
        self.stack.split_off(kept)
    }

    /// Parts of a tuple or a list, as they stand between its brackets.
    fn joined(&mut self, count: usize) -> Option<String> {
        let parts: Option<Vec<String>> = self.take(count).into_iter().collect();
        let parts = parts?.into_iter().map(|part| part + ",");
        Some(parts.collect())
    }

    fn find(&mut self, key: Option<&str>, source: Option<&str>) {
        if let (Some(key), Some(source)) = (key, source) {
            let name = key.trim_matches('\'');
            self.found.push((name.to_owned(), source.to_owned()));
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
        let source = PyObjectRef::from(constant).repr(self.vm).ok()?;
        Some(source.to_string_lossy().into_owned())
    }
}
