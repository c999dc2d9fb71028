//! What is said of indentation that is wrong, in the words that Python has for it.
//!
//! The runtime's parser has words of its own for a line that is indented without a reason, takes tabs and blanks for mixed
//! up wherever there are both, and finds the statement that lacks its block in the line before, be that a comment or the
//! last of several. What is wrong is told here by what Python's tokenizer does with the beginnings of lines; where in the
//! source that is, the runtime has said.

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;
use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef, PyStr};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use crate::parsing::parse_unchecked;

/// How what is said of a missing block begins, and what stands between the statement and its line.
const BLOCK_MISSING: &str = "expected an indented block after ";
const ON_LINE: &str = " on line ";

/// What is said of a line that is indented without a reason, here and by the runtime.
const INDENT: &str = "unexpected indent";
const INDENT_OF_RUNTIME: &str = "unexpected indentation";

/// The columns from one tab to the next.
const TAB_COLUMNS: usize = 8;

/// What is said in place of what the runtime says.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    message: String,
    is_of_tabs: bool,
    /// How many letters the line is indented by, where that is what is wrong.
    indented_by: Option<usize>,
}

impl Told {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            is_of_tabs: false,
            indented_by: None,
        }
    }
}

/// The IndentationError of source as Python would tell it; any other failure, and that of code that has run, as it is.
pub(crate) fn worded(
    vm: &VirtualMachine,
    failure: PyBaseExceptionRef,
    source: &str,
) -> PyBaseExceptionRef {
    let has_run = failure.__traceback__().is_some();
    if has_run || !failure.fast_isinstance(vm.ctx.exceptions.indentation_error) {
        return failure;
    }
    let attribute = |name: &'static str| failure.as_object().get_attr(name, vm);
    let message = attribute("msg").ok();
    let message = message.as_ref().and_then(|it| it.downcast_ref::<PyStr>());
    let number = attribute("lineno").and_then(|number| number.try_into_value::<usize>(vm));
    let told = match (message.and_then(|message| message.to_str()), number) {
        (Some(message), Ok(number)) => told(source, message, number),
        _ => None,
    };
    // One that can't be made is told in the runtime's words.
    told.and_then(|told| made(vm, &failure, told).ok())
        .unwrap_or(failure)
}

/// The same failure with another message.
fn made(
    vm: &VirtualMachine,
    failure: &PyBaseExceptionRef,
    told: Told,
) -> PyResult<PyBaseExceptionRef> {
    let attribute = |name: &'static str| failure.as_object().get_attr(name, vm);
    let (offset, end_offset) = match told.indented_by {
        // The end of the line, as Python has it.
        Some(width) => (vm.ctx.new_int(width).into(), vm.ctx.new_int(-1).into()),
        None => (attribute("offset")?, attribute("end_offset")?),
    };
    let place: Vec<PyObjectRef> = vec![
        attribute("filename")?,
        attribute("lineno")?,
        offset,
        attribute("text")?,
        attribute("end_lineno")?,
        end_offset,
    ];
    let place = vm.ctx.new_tuple(place);
    let class = match told.is_of_tabs {
        true => vm.ctx.exceptions.tab_error,
        false => vm.ctx.exceptions.indentation_error,
    };
    let made = class
        .as_object()
        .call((vm.ctx.new_str(told.message), place), vm)?;
    made.downcast::<PyBaseException>()
        .map_err(|_| vm.new_type_error("an IndentationError is an exception"))
}

/// What Python says of this line; nothing where it is what the runtime says, or isn't known.
fn told(source: &str, message: &str, number: usize) -> Option<Told> {
    let lines = logical_lines(source);
    if message.starts_with(BLOCK_MISSING) {
        // Of source that becomes a tree no line is told.
        let (statement, before) = match message.rsplit_once(ON_LINE) {
            Some((statement, before)) => (statement, before.parse().ok()?),
            None => (message, number.checked_sub(1)?),
        };
        let header = lines.iter().rfind(|line| line.number <= before)?;
        if !header.opens_block {
            return None;
        }
        let statement = match (header.first, header.second) {
            (TokenKind::Except, Some(TokenKind::Star)) => {
                format!("{BLOCK_MISSING}'except*' statement")
            }
            _ => statement.to_owned(),
        };
        let told = format!("{statement}{ON_LINE}{}", header.number);
        return (told != message).then(|| Told::new(told));
    }
    let Some(wrong) = wrong_at(source, &lines, number) else {
        return (message == INDENT_OF_RUNTIME).then(|| Told::new(INDENT));
    };
    Some(match wrong {
        Wrong::Indent { width } => Told {
            indented_by: Some(width),
            ..Told::new(INDENT)
        },
        Wrong::Dedent => Told::new("unindent does not match any outer indentation level"),
        Wrong::Tabs => Told {
            is_of_tabs: true,
            ..Told::new("inconsistent use of tabs and spaces in indentation")
        },
    })
}

/// A line as Python reads it, which may be several of the source.
struct LogicalLine {
    /// Where its first token is, and in which line of the source.
    start: usize,
    number: usize,
    first: TokenKind,
    second: Option<TokenKind>,
    /// Whether a block is to follow.
    opens_block: bool,
}

fn logical_lines(source: &str) -> Vec<LogicalLine> {
    let parsed = parse_unchecked(source);
    let mut lines = Vec::new();
    let mut current: Option<LogicalLine> = None;
    let (mut number, mut counted) = (1, 0);
    for token in parsed.tokens().iter() {
        match token.kind() {
            TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::EndOfFile => {}
            // A beginning that the parser doesn't take.
            TokenKind::Unknown if source[token.range()].trim().is_empty() => {}
            TokenKind::Newline => lines.extend(current.take()),
            kind => match &mut current {
                Some(line) => {
                    line.second.get_or_insert(kind);
                    line.opens_block = kind == TokenKind::Colon;
                }
                None => {
                    let start = token.range().start().to_usize();
                    number += source[counted..start].matches('\n').count();
                    counted = start;
                    current = Some(LogicalLine {
                        start,
                        number,
                        first: kind,
                        second: None,
                        opens_block: false,
                    });
                }
            },
        }
    }
    lines.extend(current);
    lines
}

#[derive(Clone, Copy)]
enum Wrong {
    Indent { width: usize },
    Dedent,
    Tabs,
}

/// How far a line is indented.
#[derive(Clone, Copy, Default)]
struct Indentation {
    columns: usize,
    /// With tabs that are no wider than blanks: by both it must be further in than another, or as far.
    letters: usize,
}

impl Indentation {
    fn of(beginning: &str) -> Self {
        let mut it = Self::default();
        for letter in beginning.chars() {
            match letter {
                '\t' => it.columns = (it.columns / TAB_COLUMNS + 1) * TAB_COLUMNS,
                '\x0c' => {
                    it = Self::default();
                    continue;
                }
                _ => it.columns += 1,
            }
            it.letters += 1;
        }
        it
    }
}

/// What is wrong with the beginning of a line, as Python compares it with those of the lines around.
fn wrong_at(source: &str, lines: &[LogicalLine], number: usize) -> Option<Wrong> {
    let mut around = vec![Indentation::default()];
    let mut is_block_due = false;
    for line in lines {
        let begin = source[..line.start].rfind('\n').map_or(0, |at| at + 1);
        if source[..begin]
            .trim_end_matches(['\r', '\n'])
            .ends_with('\\')
        {
            // It begins further above.
            return None;
        }
        let beginning = &source[begin..line.start];
        let here = Indentation::of(beginning);
        let is_out_of = |outer: &Indentation| outer.columns > here.columns;
        let is_further_in = around.last().is_some_and(|it| it.columns < here.columns);
        while around.last().is_some_and(is_out_of) {
            around.pop();
        }
        // None is further out than the first.
        let outer = around.last().copied().unwrap_or_default();
        let wrong = if is_further_in {
            around.push(here);
            let width = beginning.chars().count();
            if here.letters <= outer.letters {
                Some(Wrong::Tabs)
            } else {
                (!is_block_due).then_some(Wrong::Indent { width })
            }
        } else if here.columns != outer.columns {
            Some(Wrong::Dedent)
        } else {
            (here.letters != outer.letters).then_some(Wrong::Tabs)
        };
        if line.number == number {
            return wrong;
        }
        if wrong.is_some() {
            // Python goes no further.
            return None;
        }
        is_block_due = line.opens_block;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(source: &str, message: &str, number: usize) -> Option<(String, bool)> {
        told(source, message, number).map(|told| (told.message, told.is_of_tabs))
    }

    #[test]
    fn what_is_wrong_is_told_by_the_lines_around() {
        let indent = ("unexpected indent", false);
        let dedent = ("unindent does not match any outer indentation level", false);
        let tabs = ("inconsistent use of tabs and spaces in indentation", true);
        for (source, number, expected) in [
            ("x = 1\n  y = 2\n", 2, indent),
            ("  y = 2\n", 1, indent),
            ("x = (1,\n   2)\n  y", 3, indent),
            ("x\n# c\n\n  if y: z\n", 4, indent),
            ("def f():\n    '''a\n  b'''\n      y\n", 4, indent),
            ("if x:\n  a\n   else:\n  b\n", 3, indent),
            ("x\n  \ty\n", 2, indent),
            ("if x:\n\ta\nif y:\n        b\n          c\n", 5, indent),
            ("if x:\n\ta\nif y:\n        b\n    c\n", 5, dedent),
            ("if x:\n    a\n  b\n", 3, dedent),
            ("if x:\n\ta\n        b\n", 3, tabs),
            ("if x:\n        a\n\tb\n", 3, tabs),
        ] {
            let (message, is_of_tabs) = expected;
            let expected = Some((message.to_owned(), is_of_tabs));
            assert_eq!(said(source, "wrong", number), expected, "{source:?}");
        }
        let width = told("x\n   y", "wrong", 2).and_then(|told| told.indented_by);
        assert_eq!(width, Some(3));
        assert_eq!(said("x\ny\n", "wrong", 2), None);
        let continued = said("x # \\\n  y\n", INDENT_OF_RUNTIME, 2);
        assert_eq!(continued, Some((INDENT.to_owned(), false)));
        assert_eq!(said("x\n  y\n    z\n", "wrong", 3), None);
    }

    #[test]
    fn a_block_is_missed_by_the_line_of_its_statement() {
        let (function, an_if) = ("function definition", "'if' statement");
        let (an_except, a_for) = ("'except' statement", "'for' statement");
        for (source, statement, before, expected) in [
            (
                "def f(a,\n   b):\nz\n",
                function,
                2,
                "function definition on line 1",
            ),
            (
                "@d(\n1)\ndef f(a,\n b):\nz\n",
                function,
                4,
                "function definition on line 3",
            ),
            (
                "if x:\n    # c\n\ny = 1\n",
                an_if,
                2,
                "'if' statement on line 1",
            ),
            ("if '''\n''':\nz\n", an_if, 2, "'if' statement on line 1"),
            ("if a and \\\n b:\nz", an_if, 2, "'if' statement on line 1"),
            ("if (a and\n b):\n", an_if, 2, "'if' statement on line 1"),
            (
                "try:\n  p\nexcept* (A,\n B):\nz\n",
                an_except,
                4,
                "'except*' statement on line 3",
            ),
            (
                "x; y = (\n2)\nfor i in (\n1,):\nz",
                a_for,
                4,
                "'for' statement on line 3",
            ),
        ] {
            let message = format!("{BLOCK_MISSING}{statement}{ON_LINE}{before}");
            let expected = Some((format!("{BLOCK_MISSING}{expected}"), false));
            assert_eq!(said(source, &message, before + 1), expected, "{source:?}");
        }
        let right = "expected an indented block after 'if' statement on line 1";
        assert_eq!(said("if x:\nif y:\nz\n", right, 2), None);
    }
}
