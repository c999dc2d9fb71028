//! Compiles source that the runtime can't.
//!
//! The runtime looks for doubtful escapes in source that doesn't parse by a scan of its own, which takes
//! a text without an end to end a byte before its line does. Where that is within a letter of more than
//! one byte (`'é`), it panics. Such source is compiled once more with other letters in the place of
//! these, which has the same faults at the same places.
//!
//! And its parser takes `match` behind a semicolon for the beginning of a block: such a name is compiled in another
//! spelling (`names.rs`). Source that goes too deep is refused before the runtime makes a tree of it, which would end the
//! process. All other source is compiled as it is. What is said of wrong indentation is put into Python's words
//! (`indentation.rs`).
//!
//! Read next: `builtins.rs`, for source that code compiles by `exec` and `eval`; [`crate::trees`] for `compile`; `symbol_tables.rs`
//! for `symtable`.

pub(crate) mod builtins;
mod indentation;
mod names;
pub(crate) mod symbol_tables;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyCode};
use rustpython_vm::compiler::Mode;
use rustpython_vm::{AsObject, PyRef, PyResult, VirtualMachine};

pub(crate) use indentation::worded;
pub(crate) use names::{StandIn, readable, spelled};

use crate::parsing::{is_beyond_compiling, parse_module};

thread_local! {
    static MAY_PANIC: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is expected, and nobody needs to hear of it.
pub fn may_panic() -> bool {
    MAY_PANIC.get()
}

/// Refuses source that there is no stack for, in the words that the runtime has for what its compiler finds too deep.
///
/// # Errors
/// The RecursionError of such source.
pub(crate) fn refuse_too_deep(vm: &VirtualMachine, source: &str) -> PyResult<()> {
    if is_beyond_compiling(source) {
        return Err(vm.new_recursion_error("maximum recursion depth exceeded during compilation"));
    }
    Ok(())
}

fn is_safe(source: &str) -> bool {
    source.is_ascii() || parse_module(source).is_ok()
}

/// Compiles source by what is given, which may be asked again with other letters in it.
pub(crate) fn compiled<R>(source: &str, compile: impl Fn(&str) -> R) -> R {
    if is_safe(source) {
        return compile(source);
    }
    MAY_PANIC.set(true);
    // It has begun nothing by then.
    let done = catch_unwind(AssertUnwindSafe(|| compile(source)));
    MAY_PANIC.set(false);
    done.unwrap_or_else(|_| compile(&in_ascii(source)))
}

/// Compiles a program, whatever the runtime makes of its names.
///
/// # Errors
/// The SyntaxError of the source, or that of [`refuse_too_deep`].
pub(crate) fn program(vm: &VirtualMachine, source: &str, name: &str) -> PyResult<PyRef<PyCode>> {
    refuse_too_deep(vm, source)?;
    let code = compiled(&spelled(source), |source| {
        vm.compile(source, Mode::Exec, name)
    });
    code.map_err(|failure| worded(vm, failure.into_pyexception(vm, Some(source)), source))
}

/// The same source with a letter in the place of each character that takes more than a byte.
pub(crate) fn in_ascii(source: &str) -> String {
    let plain = |letter: char| if letter.is_ascii() { letter } else { 'x' };
    source.chars().map(plain).collect()
}

/// Says what is wrong with source, if the runtime can't.
///
/// # Errors
/// The SyntaxError of such source, or that of [`refuse_too_deep`].
pub(crate) fn check(vm: &VirtualMachine, source: &str, name: &str, mode: Mode) -> PyResult<()> {
    refuse_too_deep(vm, source)?;
    if is_safe(source) {
        return Ok(());
    }
    let code = compiled(source, |source| vm.compile(source, mode, name));
    code.map(drop)
        .map_err(|failure| worded(vm, failure.into_pyexception(vm, Some(source)), source))
}

/// Shows the line of a SyntaxError as it was written.
pub(crate) fn show_line(vm: &VirtualMachine, failure: &PyBaseExceptionRef, source: &str) {
    let failure = failure.as_object();
    let number = failure.get_attr("lineno", vm);
    let number = number.and_then(|number| number.try_into_value::<usize>(vm));
    let line = number
        .ok()
        .and_then(|number| source.lines().nth(number.checked_sub(1)?));
    if let Some(line) = line {
        // One that can't be set shows the line with other letters.
        let _ = failure.set_attr("text", vm.ctx.new_str(format!("{line}\n")), vm);
    }
}

#[cfg(test)]
mod tests {
    use super::{compiled, in_ascii, may_panic};

    #[test]
    fn what_panics_is_asked_again_with_other_letters() {
        let asked = |source: &str| {
            assert_eq!(may_panic(), !source.is_ascii());
            assert!(source.is_ascii(), "it can't look at {source}");
            source.to_owned()
        };
        assert_eq!(compiled("y = 'é", asked), "y = 'x");
        assert!(!may_panic());
        assert_eq!(compiled("y = 'é'", str::to_owned), "y = 'é'");
        assert_eq!(compiled("y = 'e", asked), "y = 'e");
    }

    #[test]
    fn other_letters_are_as_many() {
        assert_eq!(in_ascii("a = 'é€𝒳\n\u{301}"), "a = 'xxx\nx");
    }
}
