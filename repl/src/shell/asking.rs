//! `input()` at a terminal: who asks waits for their turn to read it, and keeps no other thread waiting.
//!
//! The runtime's own takes no turns: two line editors at once are a fault, and a thread that asks while a cell is
//! typed takes keys of the cell. Where standard input is no terminal, it stays as it is.

use std::io::ErrorKind;

use rhumba_interpreter::interrupt;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr};
use rustpython_vm::function::{FuncArgs, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};
use rustyline::config::{BellStyle, Config};
use rustyline::error::{ReadlineError, Signal};
use rustyline::history::MemHistory;
use rustyline::{EditMode, Editor};

use super::turn::{Place, Turn, is_for_cell};
use super::{editor as cells, input, line, looks, terminal};

/// The builtin that is replaced.
pub const NAME: &str = "input";
/// The attribute of `sys` that holds the runtime's.
const PLAIN: &str = "_rhumba_plain_input";

/// What is said above the cell that is typed meanwhile.
const WAITING: &str =
    "rhumba: a thread waits to read the terminal: Enter at an empty prompt lets it\n";

static INPUT: PyMethodDef = PyMethodDef::new_const(
    NAME,
    ask,
    PyMethodFlags::EMPTY,
    ItemDoc::static_text(
        "input($module, prompt='', /)\n--\n\nShow the prompt, and return the line that is typed then, without its end.\n\n\
         At the end of the input, as by Ctrl-D, EOFError is raised.",
    ),
);

/// Has `input()` wait for its turn.
///
/// # Errors
/// A lack of memory.
pub fn offer(vm: &VirtualMachine) -> PyResult<()> {
    let plain = vm.ctx.intern_str(PLAIN);
    let current = vm.builtins.get_attr(NAME, vm)?;
    match vm.sys_module.get_attr(plain, vm) {
        Ok(known) if known.is(&current) => {}
        // A program's own stays, and one that takes turns is there already.
        Ok(_) => return Ok(()),
        Err(_) => {
            let kind = vm.ctx.types.builtin_function_or_method_type;
            if !current.class().is(kind) {
                return Ok(());
            }
            vm.sys_module.set_attr(plain, current, vm)?;
        }
    }
    let function = INPUT
        .to_function()
        .with_module(vm.ctx.intern_str("builtins"))
        .with_module_object(vm.builtins.clone().into());
    vm.builtins
        .set_attr(vm.ctx.intern_str(NAME), function.into_ref(&vm.ctx), vm)
}

/// Takes the turn to read the terminal, when others have had theirs.
///
/// # Errors
/// What the handler of a signal raised meanwhile, or that this thread is at a prompt itself.
pub fn turn(vm: &VirtualMachine) -> PyResult<Turn> {
    if let Some(turn) = Turn::take() {
        return Ok(turn);
    }
    let place = Place::take().ok_or_else(|| line::out_of_turn(vm))?;
    // A prompt of another kind would be torn apart.
    if is_for_cell()
        && let Ok(stream) = vm.sys_module.get_attr("stderr", vm)
    {
        // It waits all the same where nobody is told.
        let _ = vm.call_method(&stream, "write", (vm.ctx.new_str(WAITING),));
    }
    let mut turn = None;
    interrupt::interruptible_wait(vm, |slice| {
        turn = place.wait(slice);
        turn.is_some()
    })?;
    turn.ok_or_else(|| line::out_of_turn(vm))
}

fn ask(args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let is_asked = args.kwargs.is_empty() && args.args.len() <= 1;
    let (Some(stdin), true) = (stream_at(vm, "stdin", libc::STDIN_FILENO), is_asked) else {
        let plain = vm.sys_module.get_attr(PLAIN, vm)?;
        return plain.call(args, vm);
    };
    let prompt = args.args.first().map(|prompt| prompt.str(vm));
    let prompt = prompt.transpose()?;
    for name in ["stdout", "stderr"] {
        if let Ok(stream) = vm.sys_module.get_attr(name, vm) {
            let _ = vm.call_method(&stream, "flush", ());
        }
    }
    let _turn = turn(vm)?;
    // Who has started it in a terminal of its own, as a program does that types into it, sees no codes.
    let edits = input::can_edit()
        && stream_at(vm, "stdout", libc::STDOUT_FILENO).is_some()
        && !is_session_leader();
    if edits {
        let prompt = prompt.map(|prompt| prompt.to_string_lossy().into_owned());
        return edited(vm, &prompt.unwrap_or_default());
    }
    if let Some(prompt) = prompt {
        let stdout = vm.sys_module.get_attr("stdout", vm)?;
        vm.call_method(&stdout, "write", (prompt,))?;
        let _ = vm.call_method(&stdout, "flush", ());
    }
    let line = vm.call_method(&stdin, "readline", ())?;
    match line.downcast_ref::<PyStr>() {
        Some(text) if text.as_bytes().is_empty() => Err(end_of_input(vm)),
        Some(_) => vm.call_method(&line, "removesuffix", (vm.ctx.new_str("\n"),)),
        None => Err(vm.new_type_error("sys.stdin gives no text")),
    }
}

/// The stream that `sys` has under this name, if it leads to the terminal under this number.
fn stream_at(vm: &VirtualMachine, name: &'static str, number: libc::c_int) -> Option<PyObjectRef> {
    let stream = vm.sys_module.get_attr(name, vm).ok()?;
    let leads_to = vm.call_method(&stream, "fileno", ()).ok()?;
    let leads_to = leads_to.try_into_value::<i64>(vm).ok()?;
    (leads_to == i64::from(number) && terminal::is_terminal(number)).then_some(stream)
}

fn is_session_leader() -> bool {
    // SAFETY: they ask for numbers.
    unsafe { libc::getsid(0) == libc::getpid() }
}

fn end_of_input(vm: &VirtualMachine) -> PyBaseExceptionRef {
    let class = vm.ctx.exceptions.eof_error.to_owned();
    vm.new_exception_msg(class, "EOF when reading a line".into())
}

/// A line as a person edits it. Other threads run meanwhile.
fn edited(vm: &VirtualMachine, prompt: &str) -> PyResult {
    let read = line_editor(vm).and_then(|mut editor| vm.allow_threads(|| editor.readline(prompt)));
    match read {
        Ok(line) => Ok(vm.ctx.new_str(line).into()),
        Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt)) => {
            Err(vm.new_exception_empty(vm.ctx.exceptions.keyboard_interrupt.to_owned()))
        }
        Err(ReadlineError::Eof) => Err(end_of_input(vm)),
        Err(error) => {
            if matches!(&error, ReadlineError::Io(error) if error.kind() == ErrorKind::InvalidData)
            {
                // The rest of a paste would be taken for a cell.
                terminal::discard_input();
            }
            Err(vm.new_os_error(format!("the terminal can't be read: {error}")))
        }
    }
}

fn line_editor(vm: &VirtualMachine) -> rustyline::Result<Editor<(), MemHistory>> {
    let config = Config::builder().bell_style(BellStyle::None).build();
    let history = MemHistory::with_config(&config);
    let mut editor = Editor::with_history(config, history)?;
    let shell = looks::are_followed()
        .then(|| cells::shell_object(vm))
        .flatten();
    let mode = shell.map_or(EditMode::Emacs, |shell| cells::edit_mode(vm, &shell));
    cells::set_mode(&mut editor, mode);
    Ok(editor)
}
