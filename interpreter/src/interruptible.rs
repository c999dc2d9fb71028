//! Makes the runtime's native code end on Ctrl-C where it would run or wait without asking: its waits,
//! its long loops, powers of large numbers, regular expressions that backtrack without end. And has Ctrl-C
//! come where it does no harm ([`handler`]).
//!
//! Each part puts something in the place of the runtime's own, in slots and classes that are there once
//! for all interpreters of a process. What is left asks nobody: a single sort, a single multiplication of
//! large numbers. rhumba's own native code asks [`crate::interrupt`].

mod handler;
mod iterators;
mod powers;
mod regex;
mod waits;

use rustpython_vm::{PyResult, VirtualMachine};

/// Puts all of it in the place of the runtime's.
///
/// # Errors
/// What looking the runtime's classes up raised.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    handler::install(vm)?;
    waits::install(vm)?;
    iterators::install(vm)?;
    powers::install(vm);
    regex::install(vm)
}

/// Signals are for the main thread: only its work ends on Ctrl-C.
fn is_main_thread(vm: &VirtualMachine) -> bool {
    rustpython_vm::stdlib::_thread::get_ident() == vm.state.main_thread_ident.load()
}
