//! A shell inside of a program that runs: opened where the program says so, left when the person
//! has seen enough, and nothing of it stays.
//!
//! Which names its cells run with is decided before it opens: `rhumba.embed` takes those of the
//! frame that calls it, [`crate::embed::Console`] those that a Rust program hands over.

use std::sync::Arc;

use rhumba_interpreter::namespace::Namespace;
use rhumba_interpreter::output::Streams;
use rustpython_vm::builtins::PyStrRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::colour::Colours;
use super::screen::Screen;
use super::{Shell, ShellOptions};
use crate::configuration::Configuration;

/// The attribute of `sys` by which Python opens a shell.
const ATTRIBUTE: &str = "_rhumba_open_shell";

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
        .set_attr(vm.ctx.intern_str(ATTRIBUTE), function, vm)
}

/// Runs a shell until the person leaves it, with the names that cells have now. `header` is shown
/// first. Gives the status that the person left it with.
///
/// # Errors
/// A program has taken `sys.stdout` or `sys.stderr` away.
pub fn open(vm: &VirtualMachine, header: &str) -> PyResult<i32> {
    let streams = Streams::now(vm)?;
    let sys = vm.sys_module.dict();
    let mut around: Vec<(&str, Option<PyObjectRef>)> = Vec::new();
    for name in OWN_ATTRIBUTES {
        around.push((name, sys.get_item_opt(name, vm)?));
    }
    flush(vm);
    let colours = Colours::from_environment();
    let namespace = Namespace::new(vm);
    let status = Shell {
        vm,
        namespace: &namespace,
        screen: Arc::new(Screen::new(colours)),
        colours,
    }
    .run(ShellOptions {
        configuration: Configuration::default(),
        shows_banner: true,
        edits_lines: true,
        has_colours: true,
        after_program: true,
        engine_count: None,
        restored: None,
        header: header.to_owned(),
    });
    flush(vm);
    for (name, object) in around {
        match object {
            Some(object) => sys.set_item(name, object, vm)?,
            None if sys.contains_key(name, vm) => sys.del_item(name, vm)?,
            None => {}
        }
    }
    streams.put_back(vm)?;
    Ok(status)
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
