//! A shell inside of a program that runs: opened where the program says so, left when the person
//! has seen enough, and nothing of it stays.
//!
//! Which names its cells run with is decided before it opens: `rhumba.embed` takes those of the
//! frame that calls it, [`crate::embed::Console`] those that a Rust program hands over.

use std::sync::Arc;

use rhumba_interpreter::leaving;
use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::output::Streams;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyDictRef, PyStrRef};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::colour::Colours;
use super::opened::{ELSEWHERE, Opened};
use super::screen::Screen;
use super::terminal::Keeper;
use super::turn::Turn;
use super::{Shell, ShellOptions, asking, line};

/// The attribute of `sys` by which Python opens a shell.
const ATTRIBUTE: &str = "_rhumba_open_shell";
/// That by which it calls what prepares one and cleans up after it: only where one may open.
const AROUND_ATTRIBUTE: &str = "_rhumba_around_shell";

/// What a shell puts into `sys` for itself: the one around it finds its own again.
const OWN_ATTRIBUTES: [&str; 2] = ["_rhumba_history_keeper", "_rhumba_read_line"];

/// Lets Python code open a shell where it stands.
///
/// # Errors
/// A lack of memory.
pub fn offer(vm: &VirtualMachine) -> PyResult<()> {
    let function = vm.new_function(
        "open_shell",
        |header: PyStrRef, vm: &VirtualMachine| -> PyResult<i32> {
            open(vm, &header.to_string_lossy())
        },
    );
    vm.sys_module
        .set_attr(vm.ctx.intern_str(ATTRIBUTE), function, vm)?;
    let around = vm.new_function(
        "around_shell",
        |work: PyObjectRef, vm: &VirtualMachine| -> PyResult {
            let _opened = Opened::begin().ok_or_else(|| open_elsewhere(vm))?;
            work.call((), vm)
        },
    );
    vm.sys_module
        .set_attr(vm.ctx.intern_str(AROUND_ATTRIBUTE), around, vm)
}

fn open_elsewhere(vm: &VirtualMachine) -> PyBaseExceptionRef {
    vm.new_exception_msg(vm.ctx.exceptions.eof_error.to_owned(), ELSEWHERE.into())
}

/// Runs a shell until the person leaves it, with the names that cells have now. `header` is shown
/// first. Gives the status that the person left it with.
///
/// # Errors
/// A program has taken `sys.stdout` or `sys.stderr` away, or another thread has a shell open or is at a prompt.
pub fn open(vm: &VirtualMachine, header: &str) -> PyResult<i32> {
    let _opened = Opened::begin().ok_or_else(|| open_elsewhere(vm))?;
    // Before anything of the prompt that is open changes.
    drop(Turn::take().ok_or_else(|| line::out_of_turn(vm))?);
    let streams = Streams::now(vm)?;
    let around = [
        Around::of(vm, vm.sys_module.dict(), &OWN_ATTRIBUTES)?,
        Around::of(vm, vm.builtins.dict(), &leaving::NAMES)?,
        Around::of(vm, vm.builtins.dict(), &[asking::NAME])?,
    ];
    flush(vm);
    let colours = Colours::from_environment();
    let namespace = Namespace::new(vm);
    let status = Shell {
        vm,
        namespace: &namespace,
        screen: Arc::new(Screen::new(colours)),
        colours,
        terminal: Keeper::new(),
    }
    .run(ShellOptions {
        // Whatever the program around it was started with.
        configuration: None,
        shows_banner: true,
        edits_lines: true,
        has_colours: true,
        after_program: true,
        program_failed: false,
        engine_count: None,
        restored: None,
        header: header.to_owned(),
    });
    flush(vm);
    for names in around {
        names.put_back(vm)?;
    }
    streams.put_back(vm)?;
    Ok(status)
}

/// What names were bound to around the shell.
struct Around {
    dict: PyDictRef,
    bound: Vec<(&'static str, Option<PyObjectRef>)>,
}

impl Around {
    fn of(vm: &VirtualMachine, dict: PyDictRef, names: &[&'static str]) -> PyResult<Self> {
        let mut bound = Vec::with_capacity(names.len());
        for &name in names {
            bound.push((name, dict.get_item_opt(name, vm)?));
        }
        Ok(Self { dict, bound })
    }

    fn put_back(self, vm: &VirtualMachine) -> PyResult<()> {
        let dict = self.dict;
        for (name, object) in self.bound {
            match object {
                Some(object) => dict.set_item(name, object, vm)?,
                None if dict.contains_key(name, vm) => dict.del_item(name, vm)?,
                None => {}
            }
        }
        Ok(())
    }
}

/// What was printed before stands before what is printed after.
fn flush(vm: &VirtualMachine) {
    for name in ["stdout", "stderr"] {
        // A stream that is closed has nothing left to show.
        let _ = vm
            .sys_module
            .get_attr(name, vm)
            .and_then(|stream| vm.call_method(&stream, "flush", ()));
    }
}
