//! Compiles source that the runtime can't.
//!
//! The runtime looks for doubtful escapes in source that doesn't parse by a scan of its own, which takes
//! a text without an end to end a byte before its line does. Where that is within a letter of more than
//! one byte (`'é`), it panics. Such source is compiled once more with other letters in the place of
//! these, which has the same faults at the same places.
//!
//! And its parser takes `match` behind a semicolon for the beginning of a block, whatever follows
//! (`x = 1; match = x`). In what is typed, and in text that is executed, such a name is compiled in another
//! spelling that Python takes for the same; files and trees keep their columns, and the fault. All other source is
//! compiled as it is.
//!
//! Read next: `builtins.rs`, for source that code compiles by `exec` and `eval`; [`crate::trees`] for `compile`.

pub(crate) mod builtins;

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;
use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::compiler::Mode;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use crate::parsing::{parse_module, parse_unchecked};

thread_local! {
    static MAY_PANIC: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread is expected, and nobody needs to hear of it.
pub fn may_panic() -> bool {
    MAY_PANIC.get()
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

/// The same source with another spelling of `match` where it is a name that isn't taken for one.
pub(crate) fn with_names(source: &str) -> Cow<'_, str> {
    let mut parts = source.match_indices("match");
    let may_be_name = |at: usize| source[..at].trim_end_matches([' ', '\t']).ends_with(';');
    if !parts.any(|(at, _)| may_be_name(at)) {
        return Cow::Borrowed(source);
    }
    let parsed = parse_unchecked(source);
    if parsed.errors().is_empty() {
        return Cow::Borrowed(source);
    }
    let tokens = parsed.tokens();
    let behind_semicolons = tokens.iter().zip(tokens.iter().skip(1));
    let names = behind_semicolons
        .filter(|(before, token)| {
            // No block may begin there.
            before.kind() == TokenKind::Semi && &source[token.range()] == "match"
        })
        .map(|(_, token)| token.start().to_usize());
    let mut spelled = String::with_capacity(source.len());
    let mut from = 0;
    for at in names {
        spelled.push_str(&source[from..at]);
        spelled.push('\u{ff4d}');
        from = at + 1;
    }
    spelled.push_str(&source[from..]);
    match parse_module(&spelled) {
        Ok(_) => Cow::Owned(spelled),
        Err(_) => Cow::Borrowed(source),
    }
}

/// The same source with a letter in the place of each character that takes more than a byte.
pub(crate) fn in_ascii(source: &str) -> String {
    let plain = |letter: char| if letter.is_ascii() { letter } else { 'x' };
    source.chars().map(plain).collect()
}

/// Says what is wrong with source, if the runtime can't.
///
/// # Errors
/// The SyntaxError of such source.
pub(crate) fn check(vm: &VirtualMachine, source: &str, name: &str, mode: Mode) -> PyResult<()> {
    if is_safe(source) {
        return Ok(());
    }
    let code = compiled(source, |source| vm.compile(source, mode, name));
    code.map(drop)
        .map_err(|failure| failure.into_pyexception(vm, Some(source)))
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
    use super::{compiled, in_ascii, may_panic, with_names};

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

    #[test]
    fn match_behind_a_semicolon_may_be_a_name() {
        for (source, spelled) in [
            ("x = 1; match = x", "x = 1; ｍatch = x"),
            (
                "import re; match = re.match('; match', 'a'); match.end()",
                "import re; ｍatch = re.match('; match', 'a'); ｍatch.end()",
            ),
            (
                "def f():\n    a = 1;match=2; return match\n",
                "def f():\n    a = 1;ｍatch=2; return match\n",
            ),
        ] {
            assert_eq!(with_names(source), spelled, "{source}");
        }
        for source in [
            "match = 1",
            "x = 1\nmatch x:\n    case 1: pass",
            "x = 1; match x:\n    case 1: pass",
            "x = '; match'",
            "x = 1; match = (",
            "x = 1; if x: pass",
            "if x: a = 1; match = 2",
        ] {
            assert_eq!(with_names(source), source);
        }
    }
}
