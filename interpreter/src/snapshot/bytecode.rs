//! Whether bytecode that came from elsewhere can be run: its structure, before a code object is made.
//!
//! The runtime trusts its compiler: an index out of range, a jump into the middle of an instruction
//! or a stack that runs over would crash the process. So every instruction's operands are looked at,
//! and every path through the code is followed with the height of the stack and which of its slots
//! may be null. What isn't looked at is what kind of object is in a slot: code that hands a number to
//! an instruction that wants a function can still make the runtime give up. Code is as powerful as
//! who sent it, anyway; this is against damage, and against crashes of a sender's making.
//!
//! Read next: `code.rs`, which has the other fields of code objects.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rustpython_vm::bytecode::{
    CodeUnit, Instruction, OpArg, Opcode, decode_exception_table, encode_exception_table, oparg,
};

use super::format::FormatError;

/// What instructions may refer to.
pub(super) struct Limits<'a> {
    pub constant_count: usize,
    pub name_count: usize,
    /// How each local variable, cell and free variable is kept.
    pub kinds: &'a [u8],
    /// The bits of a kind that is a cell.
    pub cell_bits: u8,
    pub free_count: usize,
    pub stack_depth: usize,
    pub exception_table: &'a [u8],
}

/// An instruction and its operand.
#[derive(Clone, Copy)]
struct Step {
    opcode: Opcode,
    operand: u32,
    /// Where the next instruction begins, its caches skipped.
    next: usize,
    target: Option<usize>,
}

/// What leads to a handler when something in a range raises.
struct Handler {
    from: usize,
    to: usize,
    target: usize,
    depth: usize,
    pushes_position: bool,
}

/// What is known of a slot of the stack.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Slot {
    content: Content,
    /// The local variable whose reference it uses: that one may not change meanwhile.
    lender: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    Object,
    /// What a special method is bound to: the compiler takes it for an object where it is dropped.
    Receiver,
    MaybeNull,
}

impl Slot {
    const OBJECT: Self = Self::of(Content::Object);

    const fn of(content: Content) -> Self {
        Self {
            content,
            lender: None,
        }
    }

    const fn lent_by(lender: usize) -> Self {
        Self {
            content: Content::Object,
            lender: Some(lender as u32),
        }
    }

    fn is_object(self) -> bool {
        self.content == Content::Object
    }

    /// What is known if it is one or the other; None if nobody could tell who lends.
    fn or(self, other: Self) -> Option<Self> {
        let lender = match (self.lender, other.lender) {
            (Some(one), Some(other)) if one != other => return None,
            (one, other) => one.or(other),
        };
        Some(Self {
            content: self.content.max(other.content),
            lender,
        })
    }
}

type Stack = Vec<Slot>;

/// Checks the instructions of a code object.
///
/// # Errors
/// [`FormatError::Code`] if they can't have come from the compiler.
pub(super) fn verify(units: &[CodeUnit], limits: &Limits<'_>) -> Result<(), FormatError> {
    let steps = steps(units, limits).ok_or(FormatError::Code)?;
    let handlers = handlers(&steps, limits).ok_or(FormatError::Code)?;
    Paths::new(&steps, &handlers, limits)
        .follow()
        .ok_or(FormatError::Code)
}

/// Splits units into instructions, each at the index where it begins, and checks their operands.
fn steps(units: &[CodeUnit], limits: &Limits<'_>) -> Option<Vec<Option<Step>>> {
    const OPERAND_MAX: u32 = 1 << 24;
    let mut steps = vec![None; units.len()];
    let mut at = 0;
    while at < units.len() {
        let begin = at;
        let mut operand = 0;
        let instruction = loop {
            let unit = units.get(at)?;
            operand = (operand << 8) | u32::from(u8::from(unit.arg));
            at += 1;
            if operand > OPERAND_MAX {
                return None;
            }
            if !matches!(unit.op, Instruction::ExtendedArg) {
                break unit.op;
            }
        };
        let opcode = Opcode::from(instruction);
        at += instruction.cache_entries();
        if at > units.len() || !is_compiled(opcode) || !has_sound_operand(instruction, operand) {
            return None;
        }
        let mut step = Step {
            opcode,
            operand,
            next: at,
            target: None,
        };
        step.target = target(&step)?;
        check_indices(&step, limits)?;
        steps[begin] = Some(step);
    }
    Some(steps)
}

/// Whether the compiler makes this instruction, rather than the runtime as it specializes code.
fn is_compiled(opcode: Opcode) -> bool {
    let made_later = matches!(
        opcode,
        Opcode::Cache
            | Opcode::Reserved
            | Opcode::InterpreterExit
            | Opcode::ExitInitCheck
            | Opcode::BinaryOpInplaceAddUnicode
            | Opcode::InstrumentedInstruction
            | Opcode::InstrumentedLine
            | Opcode::EnterExecutor
            | Opcode::ExtendedArg
    );
    !made_later && opcode.deoptimize() == opcode && opcode.to_base().is_none()
}

/// Whether an operand that chooses among a few things chooses one that is there.
fn has_sound_operand(instruction: Instruction, operand: u32) -> bool {
    let operand = OpArg::new(operand);
    match instruction {
        Instruction::BinaryOp { op } => op.try_get(operand).is_ok(),
        Instruction::BuildSlice { argc } => argc.try_get(operand).is_ok(),
        Instruction::CallIntrinsic1 { func } => func.try_get(operand).is_ok(),
        Instruction::CallIntrinsic2 { func } => func.try_get(operand).is_ok(),
        Instruction::CompareOp { opname } => opname.try_get(operand).is_ok(),
        Instruction::ContainsOp { invert } | Instruction::IsOp { invert } => {
            invert.try_get(operand).is_ok()
        }
        Instruction::ConvertValue { oparg } => oparg.try_get(operand).is_ok(),
        Instruction::LoadCommonConstant { idx } => idx.try_get(operand).is_ok(),
        Instruction::LoadSpecial { method } => method.try_get(operand).is_ok(),
        Instruction::RaiseVarargs { argc } => argc.try_get(operand).is_ok(),
        Instruction::Resume { context } => context.try_get(operand).is_ok(),
        Instruction::SetFunctionAttribute { flag } => flag.try_get(operand).is_ok(),
        Instruction::UnpackEx { counts } => counts.try_get(operand).is_ok(),
        _ => true,
    }
}

/// Where an instruction may jump to; None outside if that is before the beginning.
fn target(step: &Step) -> Option<Option<usize>> {
    let distance = step.operand as usize;
    Some(match step.opcode {
        Opcode::JumpBackward | Opcode::JumpBackwardNoInterrupt => {
            Some(step.next.checked_sub(distance)?)
        }
        Opcode::ForIter
        | Opcode::JumpForward
        | Opcode::PopJumpIfFalse
        | Opcode::PopJumpIfNone
        | Opcode::PopJumpIfNotNone
        | Opcode::PopJumpIfTrue
        | Opcode::Send => Some(step.next + distance),
        _ => None,
    })
}

fn check_indices(step: &Step, limits: &Limits<'_>) -> Option<()> {
    let operand = step.operand as usize;
    let local = |index: usize| index < limits.kinds.len();
    let cell = |index: usize| {
        let kind = limits.kinds.get(index);
        kind.is_some_and(|kind| kind & limits.cell_bits != 0)
    };
    let pair = oparg::VarNums::from(step.operand).indexes();
    let sound = match step.opcode {
        Opcode::LoadConst => operand < limits.constant_count,
        Opcode::LoadAttr | Opcode::LoadGlobal => operand >> 1 < limits.name_count,
        Opcode::LoadSuperAttr => operand >> 2 < limits.name_count,
        Opcode::LoadFastLoadFast
        | Opcode::LoadFastBorrowLoadFastBorrow
        | Opcode::StoreFastLoadFast
        | Opcode::StoreFastStoreFast => local(pair.0.as_usize()) && local(pair.1.as_usize()),
        Opcode::LoadDeref
        | Opcode::StoreDeref
        | Opcode::DeleteDeref
        | Opcode::LoadFromDictOrDeref
        | Opcode::MakeCell => cell(operand),
        Opcode::CopyFreeVars => operand == limits.free_count,
        // The runtime keeps one object for each of these.
        Opcode::LoadSmallInt => operand <= 256,
        opcode if opcode.has_name() => operand < limits.name_count,
        opcode if opcode.has_local() => local(operand),
        _ => true,
    };
    sound.then_some(())
}

/// The entries of the exception table, if it is exactly what they would be written as.
fn handlers(steps: &[Option<Step>], limits: &Limits<'_>) -> Option<Vec<Handler>> {
    let entries = decode_exception_table(limits.exception_table);
    if *encode_exception_table(&entries) != *limits.exception_table {
        return None;
    }
    let handler = |entry: &rustpython_vm::bytecode::ExceptionTableEntry| {
        let (target, to) = (entry.target as usize, entry.end as usize);
        let handler = Handler {
            from: entry.start as usize,
            to,
            target,
            depth: usize::from(entry.depth),
            pushes_position: entry.push_lasti,
        };
        let sound = handler.from < to && to <= steps.len() && steps.get(target)?.is_some();
        sound.then_some(handler)
    };
    entries.iter().map(handler).collect()
}

/// Which handler is for each unit: the first in the table whose range it is in, as the runtime looks.
fn handlers_of_units(handlers: &[Handler], unit_count: usize) -> Vec<Option<usize>> {
    let mut by_start: Vec<usize> = (0..handlers.len()).collect();
    by_start.sort_by_key(|index| handlers[*index].from);
    let mut later = by_start.into_iter().peekable();
    let mut begun = BinaryHeap::new();
    let first_at = |at: usize| {
        while let Some(index) = later.next_if(|index| handlers[*index].from <= at) {
            begun.push(Reverse(index));
        }
        while begun
            .peek()
            .is_some_and(|Reverse(index)| handlers[*index].to <= at)
        {
            begun.pop();
        }
        begun.peek().map(|Reverse(index)| *index)
    };
    (0..unit_count).map(first_at).collect()
}

/// The paths through the code.
struct Paths<'a> {
    steps: &'a [Option<Step>],
    handlers: &'a [Handler],
    handlers_of_units: Vec<Option<usize>>,
    limits: &'a Limits<'a>,
    /// What the stack is where paths meet.
    stacks: Vec<Option<Stack>>,
    rest: Vec<usize>,
    /// How much work is left: bad code could ask for any amount.
    budget: usize,
    /// How many more slots of stacks are kept.
    room: usize,
}

impl<'a> Paths<'a> {
    fn new(steps: &'a [Option<Step>], handlers: &'a [Handler], limits: &'a Limits<'a>) -> Self {
        // The compiler keeps stacks low: 20 blocks at most, and 30 items. Small code may do what it likes.
        const WORK_PER_UNIT_MAX: usize = 256;
        const WORK_MIN: usize = 1 << 22;
        const KEPT_PER_UNIT_MAX: usize = 16;
        const KEPT_MIN: usize = 1 << 21;
        Self {
            steps,
            handlers,
            handlers_of_units: handlers_of_units(handlers, steps.len()),
            limits,
            stacks: vec![None; steps.len()],
            rest: Vec::new(),
            budget: WORK_PER_UNIT_MAX * steps.len() + WORK_MIN,
            room: KEPT_PER_UNIT_MAX * steps.len() + KEPT_MIN,
        }
    }

    /// Follows all of them; None if one leads where no code is.
    fn follow(mut self) -> Option<()> {
        self.arrive(0, &[])?;
        while let Some(at) = self.rest.pop() {
            let stack = self.stacks.get(at)?.clone()?;
            self.run(at, stack)?;
        }
        Some(())
    }

    /// Goes on from one place until the path ends or meets another.
    fn run(&mut self, mut at: usize, mut stack: Stack) -> Option<()> {
        loop {
            let step = self.steps.get(at)?.as_ref()?;
            self.budget = self.budget.checked_sub(1)?;
            self.raise(at, &stack)?;
            apply(step, &mut stack, self.limits, &mut self.budget)?;
            if stack.len() > self.limits.stack_depth {
                return None;
            }
            if let Some(target) = step.target {
                let to = self.steps.get(target)?.as_ref()?;
                // The runtime skips it when a loop is over.
                if step.opcode == Opcode::ForIter && to.opcode != Opcode::EndFor {
                    return None;
                }
                self.arrive(target, &stack)?;
            }
            if is_end(step.opcode) {
                return Some(());
            }
            at = step.next;
            if self.stacks.get(at)?.is_some() {
                return self.arrive(at, &stack);
            }
        }
    }

    /// What happens if the instruction raises.
    fn raise(&mut self, at: usize, stack: &[Slot]) -> Option<()> {
        let Some(index) = *self.handlers_of_units.get(at)? else {
            return Some(());
        };
        let handlers = self.handlers;
        let handler = handlers.get(index)?;
        let mut stack = stack.get(..handler.depth)?.to_vec();
        let pushed = 1 + usize::from(handler.pushes_position);
        stack.resize(handler.depth + pushed, Slot::OBJECT);
        self.arrive(handler.target, &stack)
    }

    /// A path comes to a place where others may have come.
    fn arrive(&mut self, at: usize, stack: &[Slot]) -> Option<()> {
        self.budget = self.budget.checked_sub(stack.len() + 1)?;
        if stack.len() > self.limits.stack_depth {
            return None;
        }
        match self.stacks.get_mut(at)? {
            Some(known) => {
                if known.len() != stack.len() {
                    return None;
                }
                let mut is_news = false;
                for (known, new) in known.iter_mut().zip(stack) {
                    let either = known.or(*new)?;
                    is_news |= either != *known;
                    *known = either;
                }
                if is_news {
                    self.rest.push(at);
                }
            }
            unknown => {
                self.room = self.room.checked_sub(stack.len())?;
                *unknown = Some(stack.to_vec());
                self.rest.push(at);
            }
        }
        Some(())
    }
}

fn is_end(opcode: Opcode) -> bool {
    matches!(
        opcode,
        Opcode::ReturnValue
            | Opcode::RaiseVarargs
            | Opcode::Reraise
            | Opcode::JumpForward
            | Opcode::JumpBackward
            | Opcode::JumpBackwardNoInterrupt
    )
}

/// What an instruction does to the stack; None if it needs more than is there, or what may be null,
/// or is too much work.
fn apply(step: &Step, stack: &mut Stack, limits: &Limits<'_>, budget: &mut usize) -> Option<()> {
    let operand = step.operand as usize;
    let from_top = |stack: &Stack, index: usize| stack.len().checked_sub(index);
    match step.opcode {
        Opcode::Copy => {
            let copied = *stack.get(from_top(stack, operand)?)?;
            stack.push(copied);
            return Some(());
        }
        Opcode::Swap => {
            let (top, other) = (from_top(stack, 1)?, from_top(stack, operand)?);
            if operand == 0 {
                return None;
            }
            stack.swap(top, other);
            return Some(());
        }
        // They add to an object further down.
        Opcode::ListAppend
        | Opcode::SetAdd
        | Opcode::ListExtend
        | Opcode::SetUpdate
        | Opcode::DictUpdate
        | Opcode::DictMerge
        | Opcode::MapAdd => {
            let added = 1 + usize::from(step.opcode == Opcode::MapAdd);
            for _ in 0..added {
                stack.pop()?.is_object().then_some(())?;
            }
            // A call's function is three below the dict of its arguments.
            let below = 3 * usize::from(step.opcode == Opcode::DictMerge);
            from_top(stack, operand + below)?;
            let container = *stack.get(from_top(stack, operand)?)?;
            return (operand > 0 && container.is_object()).then_some(());
        }
        Opcode::WithExceptStart => {
            let exit = *stack.get(from_top(stack, 5)?)?;
            stack.push(Slot::OBJECT);
            return exit.is_object().then_some(());
        }
        _ => {}
    }
    let effect = step.opcode.stack_effect_info(step.operand);
    let pushed = effect.pushed() as usize;
    let kept = from_top(stack, effect.popped() as usize)?;
    if kept + pushed > limits.stack_depth {
        return None;
    }
    *budget = budget.checked_sub(stack.len() - kept + pushed)?;
    for (depth, slot) in stack[kept..].iter().rev().enumerate() {
        if slot.content > most_that_is_taken(step.opcode, operand, depth) {
            return None;
        }
    }
    stack.truncate(kept);
    let changed = changed_locals(step);
    if changed != [None, None] {
        // As many slots are looked at in the time of one step elsewhere.
        *budget = budget.checked_sub(kept / 32)?;
        let lends = |slot: &Slot| slot.lender.is_some() && changed.contains(&slot.lender);
        if stack.iter().any(lends) {
            return None;
        }
    }
    stack.resize(kept + pushed, Slot::OBJECT);
    mark_top(step, stack)
}

/// Says what is known of what an instruction has pushed.
fn mark_top(step: &Step, stack: &mut Stack) -> Option<()> {
    let operand = step.operand as usize;
    let last = match step.opcode {
        Opcode::PushNull | Opcode::LoadFastAndClear => Slot::of(Content::MaybeNull),
        Opcode::LoadSpecial => Slot::of(Content::Receiver),
        Opcode::LoadGlobal | Opcode::LoadAttr | Opcode::LoadSuperAttr if operand & 1 != 0 => {
            Slot::of(Content::MaybeNull)
        }
        Opcode::LoadFastBorrow => Slot::lent_by(operand),
        Opcode::LoadFastBorrowLoadFastBorrow => {
            let (first, second) = oparg::VarNums::from(step.operand).indexes();
            let at = stack.len().checked_sub(2)?;
            stack[at] = Slot::lent_by(first.as_usize());
            Slot::lent_by(second.as_usize())
        }
        _ => return Some(()),
    };
    *stack.last_mut()? = last;
    Some(())
}

/// The local variables that an instruction gives another object, or none.
fn changed_locals(step: &Step) -> [Option<u32>; 2] {
    let pair = oparg::VarNums::from(step.operand).indexes();
    match step.opcode {
        Opcode::StoreFast | Opcode::DeleteFast | Opcode::LoadFastAndClear | Opcode::MakeCell => {
            [Some(step.operand), None]
        }
        Opcode::StoreFastLoadFast => [Some(pair.0.as_u32()), None],
        Opcode::StoreFastStoreFast => [Some(pair.0.as_u32()), Some(pair.1.as_u32())],
        _ => [None, None],
    }
}

/// What an instruction accepts this deep in the stack, 0 being the top.
fn most_that_is_taken(opcode: Opcode, operand: usize, depth: usize) -> Content {
    let takes_null = match opcode {
        Opcode::Call => depth == operand,
        Opcode::CallKw => depth == operand + 1,
        Opcode::CallFunctionEx => depth == 0 || depth == 2,
        Opcode::StoreFast | Opcode::StoreFastLoadFast | Opcode::StoreFastStoreFast => true,
        _ => false,
    };
    match opcode {
        _ if takes_null => Content::MaybeNull,
        Opcode::PopTop => Content::Receiver,
        _ => Content::Object,
    }
}
