//! Annotations that a person changed: those that a function or a class keeps beside the `__annotate__` that
//! computes them.
//!
//! They travel only where they surely aren't what `__annotate__` says. As that may be a person's code it isn't
//! asked: its instructions are read, as far as they load names and constants. What they compute otherwise, such
//! as `list[int]`, is taken for unchanged, and so is all that a condition decides.

use rustpython_vm::builtins::{PyCode, PyDict, PyFunction, PyStr, PyTuple};
use rustpython_vm::bytecode::{CodeUnit, CodeUnits, Instruction, Opcode};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, VirtualMachine};

use super::exception::is_same;
use super::function::is_fresh_dict;
use super::globals::own_item;
use crate::snapshot::attribute::attributes;
use crate::snapshot::code;

/// The name of an annotation, and what it is where that is known.
type Said = Vec<(PyObjectRef, Option<PyObjectRef>)>;

/// The annotations that a function keeps; `None` if nobody asked for them yet. Whoever asks has them computed, so
/// they are looked for where they are: between its type parameters and what computes them.
pub fn kept_by(
    function: &PyObject,
    type_params: &PyObject,
    annotate: &PyObject,
) -> Option<PyObjectRef> {
    let held = function.gc_get_referents();
    let mut places = held.windows(3);
    let place = places.find(|place| place[0].is(type_params) && place[2].is(annotate))?;
    place[1]
        .downcast_ref::<PyDict>()
        .map(|annotations| annotations.to_owned().into())
}

/// Whether annotations surely aren't what this `__annotate__` says.
pub fn differ(vm: &VirtualMachine, annotations: &PyObject, annotate: &PyObject) -> bool {
    if vm.is_none(annotate) {
        return !is_fresh_dict(vm, annotations);
    }
    let Some(kept) = annotations.downcast_ref_if_exact::<PyDict>(vm) else {
        return true;
    };
    let Some(said) = said_by(vm, annotate) else {
        return false;
    };
    let kept = kept.items_vec();
    let mut pairs = kept.iter().zip(&said);
    kept.len() != said.len()
        || pairs.any(|((name, value), (own_name, own))| {
            !is_same_text(name, own_name) || own.as_deref().is_some_and(|own| !is_same(value, own))
        })
}

fn is_same_text(one: &PyObject, other: &PyObject) -> bool {
    match (one.downcast_ref::<PyStr>(), other.downcast_ref::<PyStr>()) {
        (Some(one), Some(other)) => one.as_wtf8() == other.as_wtf8(),
        _ => false,
    }
}

/// What an `__annotate__` says; `None` if its code doesn't show it.
fn said_by(vm: &VirtualMachine, annotate: &PyObject) -> Option<Said> {
    let function = annotate.downcast_ref::<PyFunction>()?;
    let code = attributes(vm).code.get(annotate, vm).ok()?;
    let code = code.downcast::<PyCode>().ok()?;
    let units = CodeUnits::try_from(code.instructions.original_bytes().as_slice()).ok()?;
    let steps = steps(&units);
    // It begins by refusing to say anything else than values.
    let refusal = steps
        .iter()
        .position(|(opcode, _)| *opcode == Opcode::RaiseVarargs);
    let begin = refusal.map_or(0, |at| at + 1);
    let mut reading = Reading {
        vm,
        function,
        constants: code::constants(&code),
        code,
        stack: Vec::new(),
        said: Vec::new(),
    };
    for &(opcode, operand) in steps.get(begin..)? {
        if opcode == Opcode::ReturnValue {
            let returned = reading.stack.pop();
            return matches!(returned, Some(Seen::Annotations)).then_some(reading.said);
        }
        reading.follow(opcode, operand)?;
    }
    None
}

/// Instructions and their operands, without what the runtime caches between them.
fn steps(units: &[CodeUnit]) -> Vec<(Opcode, u32)> {
    let mut steps = Vec::new();
    let mut operand = 0_u32;
    let mut at = 0;
    while let Some(unit) = units.get(at) {
        operand = (operand << 8) | u32::from(u8::from(unit.arg));
        at += 1 + unit.op.cache_entries();
        if !matches!(unit.op, Instruction::ExtendedArg) {
            steps.push((Opcode::from(unit.op), operand));
            operand = 0;
        }
    }
    steps
}

/// What is known of something on the stack.
#[derive(Clone)]
enum Seen {
    /// The dict that is said in the end
    Annotations,
    Object(PyObjectRef),
    Computed,
}

impl Seen {
    fn found(object: Option<PyObjectRef>) -> Self {
        object.map_or(Self::Computed, Self::Object)
    }
}

/// Code of an `__annotate__` that is being read.
struct Reading<'a> {
    vm: &'a VirtualMachine,
    function: &'a Py<PyFunction>,
    code: PyRef<PyCode>,
    constants: Vec<PyObjectRef>,
    stack: Vec<Seen>,
    said: Said,
}

impl Reading<'_> {
    /// Does to the stack what an instruction does; `None` if what comes next isn't certain.
    fn follow(&mut self, opcode: Opcode, operand: u32) -> Option<()> {
        let index = operand as usize;
        let seen = match opcode {
            Opcode::LoadConst => Seen::found(self.constants.get(index).cloned()),
            Opcode::LoadSmallInt => Seen::Object(self.vm.ctx.new_int(operand).into()),
            Opcode::LoadGlobal if operand & 1 == 0 => {
                let name = self.code.names.get(index >> 1)?.as_str();
                Seen::found(self.global(name))
            }
            Opcode::LoadDeref => Seen::found(self.variable(index)),
            Opcode::LoadFromDictOrGlobals => {
                let scope = self.stack.pop()?;
                let name = self.code.names.get(index)?.as_str();
                self.in_scope(&scope, name, |reading| reading.global(name))
            }
            Opcode::LoadFromDictOrDeref => {
                let scope = self.stack.pop()?;
                let free = self.free_index(index)?;
                let name = self.code.freevars.get(free)?.as_str();
                self.in_scope(&scope, name, |reading| reading.variable(index))
            }
            Opcode::Copy => {
                let at = self.stack.len().checked_sub(index)?;
                self.stack.get(at)?.clone()
            }
            Opcode::BuildMap => self.map(index)?,
            Opcode::StoreSubscr => {
                let (name, container) = (self.stack.pop()?, self.stack.pop()?);
                let value = self.stack.pop()?;
                return match container {
                    Seen::Annotations => self.say(name, value),
                    _ => Some(()),
                };
            }
            opcode if opcode.has_jump() => return None,
            opcode => {
                let effect = opcode.stack_effect_info(operand);
                let kept = self.stack.len().checked_sub(effect.popped() as usize)?;
                self.stack.truncate(kept);
                let pushed = effect.pushed() as usize;
                self.stack.resize(kept + pushed, Seen::Computed);
                return Some(());
            }
        };
        self.stack.push(seen);
        Some(())
    }

    /// A dict of this many pairs: that of the annotations if nothing waits for it.
    fn map(&mut self, pair_count: usize) -> Option<Seen> {
        let kept = self.stack.len().checked_sub(2 * pair_count)?;
        let pairs = self.stack.split_off(kept);
        if kept != 0 {
            return Some(Seen::Computed);
        }
        for pair in pairs.chunks_exact(2) {
            self.say(pair[0].clone(), pair[1].clone())?;
        }
        Some(Seen::Annotations)
    }

    fn say(&mut self, name: Seen, value: Seen) -> Option<()> {
        let Seen::Object(name) = name else {
            return None;
        };
        let value = match value {
            Seen::Object(value) => Some(value),
            _ => None,
        };
        let mut said = self.said.iter_mut();
        match said.find(|(known, _)| is_same_text(known, &name)) {
            Some((_, known)) => *known = value,
            None => self.said.push((name, value)),
        }
        Some(())
    }

    /// What a name means in the dict of a class, and else elsewhere.
    fn in_scope(
        &self,
        scope: &Seen,
        name: &str,
        elsewhere: impl FnOnce(&Self) -> Option<PyObjectRef>,
    ) -> Seen {
        let Seen::Object(scope) = scope else {
            return Seen::Computed;
        };
        let Some(scope) = scope.downcast_ref_if_exact::<PyDict>(self.vm) else {
            return Seen::Computed;
        };
        match scope.get_item_opt(name, self.vm) {
            Ok(None) => Seen::found(elsewhere(self)),
            Ok(found) => Seen::found(found),
            Err(_) => Seen::Computed,
        }
    }

    fn global(&self, name: &str) -> Option<PyObjectRef> {
        let vm = self.vm;
        let globals = attributes(vm).globals.get(self.function.as_object(), vm);
        let globals = globals.ok()?.downcast::<PyDict>().ok()?;
        match own_item(vm, &globals, name).ok()? {
            Some(found) => Some(found),
            None => vm.builtins.dict().get_item_opt(name, vm).ok()?,
        }
    }

    /// The variable of an outer function that is kept in this place.
    fn variable(&self, index: usize) -> Option<PyObjectRef> {
        let vm = self.vm;
        let closure = attributes(vm).closure.get(self.function.as_object(), vm);
        let closure = closure.ok()?;
        let cells = closure.downcast_ref::<PyTuple>()?;
        let cell = cells.as_slice().get(self.free_index(index)?)?;
        attributes(vm).cell_contents.get(cell, vm).ok()
    }

    /// Variables of outer functions are kept behind those of its own.
    fn free_index(&self, index: usize) -> Option<usize> {
        let all_count = self.code.localspluskinds.len();
        let own_count = all_count.checked_sub(self.code.freevars.len())?;
        index.checked_sub(own_count)
    }
}
