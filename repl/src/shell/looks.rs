//! How prompts look, and whether there are colours: what the person sets, of the one terminal that
//! this process has.
//!
//! It follows the shell object (`%colors`, `%doctest_mode`, `%config`), looked at before each
//! prompt. Whether the terminal can show colours at all is `colour`'s to know.

use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::PyStr;

use super::editor::shell_object;

static WITHOUT_COLOURS: AtomicBool = AtomicBool::new(false);
static CLASSIC_PROMPTS: AtomicBool = AtomicBool::new(false);
static FOLLOWED: AtomicBool = AtomicBool::new(false);

/// Whether the person wants colours.
pub fn wants_colours() -> bool {
    !WITHOUT_COLOURS.load(Ordering::Relaxed)
}

pub fn set_colours(wanted: bool) {
    WITHOUT_COLOURS.store(!wanted, Ordering::Relaxed);
}

/// What stands before a cell.
pub fn in_prompt(number: u32) -> String {
    if CLASSIC_PROMPTS.load(Ordering::Relaxed) {
        ">>> ".to_owned()
    } else {
        format!("In [{number}]: ")
    }
}

/// What stands before the further lines of a cell, as wide as what stands before the first.
pub fn continuation_prompt(number: u32) -> String {
    if CLASSIC_PROMPTS.load(Ordering::Relaxed) {
        "... ".to_owned()
    } else {
        format!("{:>1$}", "...: ", in_prompt(number).len())
    }
}

/// What stands before the value of a cell; `None` if nothing does.
pub fn out_prompt(number: u32) -> Option<String> {
    (!CLASSIC_PROMPTS.load(Ordering::Relaxed)).then(|| format!("Out[{number}]:"))
}

/// Whether there is a shell object to look at: before the first cell there is none, and making it
/// would cost the start of the shell.
pub fn are_followed() -> bool {
    FOLLOWED.load(Ordering::Relaxed)
}

/// Follows what the shell object is set to.
pub fn follow(vm: &VirtualMachine) {
    let Some(shell) = shell_object(vm) else {
        return;
    };
    FOLLOWED.store(true, Ordering::Relaxed);
    let setting = |name: &'static str| shell.get_attr(name, vm).ok();
    if let Some(scheme) = setting("colors") {
        let scheme = scheme.downcast_ref::<PyStr>();
        set_colours(
            !scheme.is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"NoColor")),
        );
    }
    if let Some(classic) = setting("classic_prompts") {
        let classic = classic.try_to_bool(vm).unwrap_or(false);
        CLASSIC_PROMPTS.store(classic, Ordering::Relaxed);
    }
}
