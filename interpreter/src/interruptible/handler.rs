//! What Ctrl-C does to Python code: `KeyboardInterrupt`, at the next moment at which it does no harm.
//!
//! The runtime asks for signals before each instruction. Between the end of a `with` block and the call
//! that ends it an exception would leave a lock held for ever; within the import system, which takes some
//! exceptions for answers, it would be lost. There it is put off until the next instruction: for a
//! moment at most, as native code that waits asks at such places, too.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustpython_vm::builtins::PyCode;
use rustpython_vm::bytecode::{CodeUnit, Opcode};
use rustpython_vm::signal::SignalNum;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine, signal};

/// How long an interrupt is put off.
const PUT_OFF_MAX: Duration = Duration::from_millis(200);

const NAME: &str = "default_int_handler";

/// Since when the interrupt that is still to come is put off.
static PUT_OFF_SINCE: Mutex<Option<Instant>> = Mutex::new(None);

/// Puts the handler in the place of the runtime's: for Python code that names it, and for SIGINT, if the
/// runtime handles that.
pub(super) fn install(vm: &VirtualMachine) -> PyResult<()> {
    let module = vm.import("_signal", 0)?;
    let usual = module.get_attr(NAME, vm)?;
    let handler = vm.new_function(NAME, on_interrupt);
    module.set_attr(NAME, handler.clone(), vm)?;
    let number = vm.ctx.new_int(libc::SIGINT);
    let current = vm.call_method(&module, "getsignal", (number.clone(),))?;
    if current.is(&usual) {
        vm.call_method(&module, "signal", (number, handler))?;
    }
    Ok(())
}

fn on_interrupt(_signal: PyObjectRef, _frame: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
    let mut since = PUT_OFF_SINCE.lock();
    let may_wait = since.is_none_or(|since| since.elapsed() < PUT_OFF_MAX);
    if may_wait && is_awkward(vm)? {
        since.get_or_insert_with(Instant::now);
        drop(since);
        if let Ok(number) = SignalNum::try_from(libc::SIGINT)
            && signal::set_interrupt_ex(number).is_ok()
        {
            return Ok(());
        }
    } else {
        *since = None;
    }
    Err(vm.new_exception_empty(vm.ctx.exceptions.keyboard_interrupt.to_owned()))
}

/// Whether an exception would do harm before the instruction that comes next.
fn is_awkward(vm: &VirtualMachine) -> PyResult<bool> {
    let Some(frame) = vm.current_frame() else {
        return Ok(false);
    };
    let code = frame.iframe().code();
    if is_of_imports(code) {
        return Ok(true);
    }
    let offset: usize = frame
        .as_object()
        .get_attr("f_lasti", vm)?
        .try_into_value(vm)?;
    Ok(leaves_with_block(&code.code.instructions, offset / 2))
}

fn is_of_imports(code: &PyCode) -> bool {
    code.source_path()
        .as_bytes()
        .starts_with(b"<frozen importlib")
}

/// Whether the instruction is one of those between the end of a `with` block and the call of `__exit__`:
/// with three times None, or with what was raised.
fn leaves_with_block(instructions: &[CodeUnit], index: usize) -> bool {
    let opcode = |index: usize| {
        let unit = instructions.get(index)?;
        Some(unit.op.as_opcode().deoptimize())
    };
    match opcode(index) {
        Some(Opcode::PushExcInfo | Opcode::WithExceptStart) => return true,
        Some(Opcode::LoadConst | Opcode::Call | Opcode::Nop) => {}
        _ => return false,
    }
    // Where the block's last line was, there may be nothing before the call.
    let index = (index..instructions.len())
        .find(|index| opcode(*index) != Some(Opcode::Nop))
        .unwrap_or(index);
    let is_constant = |index: &usize| opcode(*index) == Some(Opcode::LoadConst);
    let call = index + (index..index + 3).take_while(is_constant).count();
    let Some(first) = call.checked_sub(3) else {
        return false;
    };
    let constants = &instructions[first..call.min(instructions.len())];
    let is_exit = opcode(call) == Some(Opcode::Call)
        && u8::from(instructions[call].arg) == 3
        && (first..call).all(|index| is_constant(&index))
        && constants
            .iter()
            .all(|unit| u8::from(unit.arg) == u8::from(constants[0].arg));
    // A call that code makes loads what it calls just before.
    let before = (0..first)
        .rev()
        .find_map(|index| opcode(index).filter(|op| *op != Opcode::Cache));
    is_exit
        && !matches!(
            before,
            Some(Opcode::PushNull | Opcode::LoadGlobal | Opcode::LoadAttr | Opcode::LoadSuperAttr)
        )
}
