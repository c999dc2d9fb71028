//! Tells whether a cell is finished, or how far to indent the line that should follow.
//!
//! Pure. The runtime's own parser decides what is Python; what is looked at here is only whether
//! the place where it gave up is the end. A blank line ends a block of indented lines, and a cell
//! magic; `if x: y` in a line is whole as it stands.

use std::borrow::Cow;

use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_parser::{
    InterpolatedStringErrorType, LexicalErrorType, ParseError, ParseErrorType,
};
use ruff_text_size::Ranged;

use crate::compiling::readable;
use crate::parsing::{TOO_DEEP, parse_module, parse_unchecked};
use crate::transform::{CellMagic, escapes_to_python, unpasted};

/// Whether a cell can run as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completeness {
    Complete,
    /// More lines must or may follow; the next one begins with that many spaces.
    Incomplete {
        indent: usize,
    },
    /// No line that follows can mend it; says what is wrong.
    Invalid(String),
}

/// What a line must have so that an unfinished cell can be finished with it. Who reads line by line
/// asks of the whole cell only where that is so: asking after each line of a long cell takes long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It can't be told.
    Anything,
    BlankLine,
    /// A blank line, or text in the first column.
    EndOfBlock,
    ClosingBracket,
    ClosingQuotes,
}

impl Missing {
    /// What a cell is missing that isn't finished.
    pub fn of(source: &str) -> Self {
        let Cow::Borrowed(bare) = unpasted(source) else {
            return Self::Anything;
        };
        if CellMagic::parse(bare).is_some() {
            return Self::BlankLine;
        }
        if joins_next_line(bare) {
            return Self::Anything;
        }
        let python = escapes_to_python(bare);
        if open_triple_quote(&python) {
            Self::ClosingQuotes
        } else if !missing_brackets(&python).is_empty() {
            Self::ClosingBracket
        } else if is_in_block(&python) {
            Self::EndOfBlock
        } else {
            Self::Anything
        }
    }

    /// Whether the line has it.
    pub fn is_in(self, line: &str) -> bool {
        let is_blank = line.trim().is_empty();
        match self {
            Self::Anything => true,
            Self::BlankLine => is_blank,
            Self::EndOfBlock => {
                // Behind the prompt of a pasted line may be anything.
                let is_pasted = line.trim_start().starts_with("...");
                is_blank || is_pasted || !line.starts_with([' ', '\t'])
            }
            Self::ClosingBracket => line.contains([')', ']', '}']),
            Self::ClosingQuotes => line.contains("'''") || line.contains("\"\"\""),
        }
    }
}

const INDENT_SPACES: usize = 4;

/// Tells whether the source of a cell is finished.
pub fn completeness(source: &str) -> Completeness {
    if source.trim().is_empty() {
        return Completeness::Complete;
    }
    // Indentation is told by what is on the screen, everything else by what it means.
    let bare = unpasted(source);
    if let Some(magic) = CellMagic::parse(&bare) {
        let asks_for_help = magic.line.starts_with('?');
        return if asks_for_help || ends_with_blank_line(&bare) {
            Completeness::Complete
        } else {
            Completeness::Incomplete {
                indent: next_indent(magic.body),
            }
        };
    }
    if joins_next_line(&bare) {
        return Completeness::Incomplete {
            indent: next_indent(source),
        };
    }
    let python = escapes_to_python(&bare);
    let python = readable(&python);
    match parse_module(&python) {
        Ok(parsed) => {
            if ends_indented(parsed.tokens()) && !ends_with_blank_line(&bare) {
                Completeness::Incomplete {
                    indent: next_indent(source),
                }
            } else {
                Completeness::Complete
            }
        }
        Err(failure) if is_said(&failure, TOO_DEEP) => Completeness::Invalid(TOO_DEEP.to_owned()),
        Err(failure) => {
            let at_end = failure.location.end().to_usize() >= without_last_comments(&python).len();
            if is_open(&python, &failure.error, at_end) {
                Completeness::Incomplete {
                    indent: next_indent(source),
                }
            } else {
                Completeness::Invalid(failure.error.to_string())
            }
        }
    }
}

/// Whether what the parser missed could still come.
fn is_open(python: &str, failure: &ParseErrorType, at_end: bool) -> bool {
    if open_triple_quote(python) {
        return true;
    }
    let brackets = missing_brackets(python);
    if !brackets.is_empty() {
        return !is_wrong_for_good(python, &brackets);
    }
    let text = without_last_comments(python);
    match failure {
        ParseErrorType::Lexical(LexicalErrorType::Eof) => true,
        // `if x:` with nothing under it, or a decorator with nothing below.
        _ if at_end => {
            let last = statement_at_end(text).trim_start();
            ends_with_colon(text) || last.starts_with('@') || is_bare_try(python)
        }
        _ => false,
    }
}

/// The last line with those that it goes on from: in brackets, or by a backslash.
fn statement_at_end(text: &str) -> &str {
    let parsed = parse_unchecked(text);
    let (mut start, mut begins) = (0, true);
    for token in parsed.tokens() {
        match token.kind() {
            TokenKind::Newline => begins = true,
            TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::EndOfFile => {}
            kind if begins => {
                let before = &text[..token.range().start().to_usize()];
                start = before.rfind('\n').map_or(0, |end| end + 1);
                // A comment may stand by itself, and what follows it too.
                begins = kind == TokenKind::Comment;
            }
            _ => {}
        }
    }
    &text[start..]
}

/// The source up to the end of its last line with code.
fn without_last_comments(python: &str) -> &str {
    let mut text = python.trim_end();
    loop {
        let start = text.rfind('\n').map_or(0, |end| end + 1);
        if !text[start..].trim_start().starts_with('#') {
            return text;
        }
        text = text[..start].trim_end();
    }
}

/// Whether an indented line that follows belongs to the last statement, and ends it not.
fn is_in_block(python: &str) -> bool {
    let ends_in_block =
        |source: &str| parse_module(source).is_ok_and(|parsed| ends_indented(parsed.tokens()));
    let begun = || {
        let indent = " ".repeat(next_indent(python));
        format!("{}\n{indent}pass\n", python.trim_end())
    };
    ends_in_block(python) || ends_in_block(&begun()) || is_bare_try(python)
}

/// What the parser says of a `try` that nothing follows.
const BARE_TRY: &str = "Expected `except` or `finally` after `try` block";

fn is_said(failure: &ParseError, sentence: &str) -> bool {
    matches!(&failure.error, ParseErrorType::OtherError(why) if why == sentence)
}

/// Whether the only thing missing is the `except` or `finally` of a `try`.
fn is_bare_try(python: &str) -> bool {
    let text = python.trim_end();
    // Whether nothing is wrong but that, and how much is wrong.
    let missing = |source: &str| {
        let parsed = parse_unchecked(source);
        let mut failures = parsed.errors().iter();
        let end = source.trim_end().len();
        let is_only_that = failures.all(|failure| {
            is_said(failure, BARE_TRY) && failure.location.start().to_usize() >= end
        });
        is_only_that.then(|| parsed.errors().len())
    };
    if missing(text).is_none_or(|count| count == 0) {
        return false;
    }
    // Behind an `else` there can be no `except` any more.
    let mut depths: Vec<&str> = text
        .lines()
        .filter_map(|line| line.find("try").map(|at| &line[..at]))
        .filter(|indent| indent.trim().is_empty())
        .collect();
    depths.sort_unstable();
    depths.dedup();
    let is_mended = |indent: &&str| missing(&format!("{text}\n{indent}except E: pass\n")).is_some();
    depths.iter().any(is_mended)
}

/// Whether the last statement ends with a block of indented lines, to which more could come.
fn ends_indented(tokens: &Tokens) -> bool {
    let is_code = |kind: &TokenKind| {
        !matches!(
            kind,
            TokenKind::Newline
                | TokenKind::NonLogicalNewline
                | TokenKind::Comment
                | TokenKind::EndOfFile
        )
    };
    let mut kinds = tokens.iter().rev().map(|token| token.kind());
    kinds.find(is_code) == Some(TokenKind::Dedent)
}

/// Whether the last line is blank: in "x\n\n" and "x\n    ", but not in "x\n", which only ends x.
fn ends_with_blank_line(source: &str) -> bool {
    let Some((before, last)) = source.rsplit_once('\n') else {
        return false;
    };
    let is_blank = |text: &str| text.trim().is_empty();
    is_blank(last) && (!last.is_empty() || before.rsplit('\n').next().is_some_and(is_blank))
}

fn joins_next_line(source: &str) -> bool {
    let last = source.strip_suffix('\n').unwrap_or(source);
    let last = last.lines().last().unwrap_or_default();
    last.ends_with('\\') && !last.trim_start().starts_with('#')
}

/// The brackets that close those that stay open, in source that may not parse; none where one closes
/// nothing, or another's, which nothing that follows can mend.
fn missing_brackets(python: &str) -> String {
    let parsed = parse_unchecked(python);
    let mut missing = Vec::new();
    for token in parsed.tokens() {
        let closes = match token.kind() {
            TokenKind::Lpar => {
                missing.push(')');
                continue;
            }
            TokenKind::Lsqb => {
                missing.push(']');
                continue;
            }
            TokenKind::Lbrace => {
                missing.push('}');
                continue;
            }
            TokenKind::Rpar => ')',
            TokenKind::Rsqb => ']',
            TokenKind::Rbrace => '}',
            _ => continue,
        };
        if missing.pop() != Some(closes) {
            return String::new();
        }
    }
    missing.iter().rev().collect()
}

/// Whether something is wrong before the end of source in which these brackets are missing, so that
/// no line that follows can mend it: not in `f(1,`, but in `f(1 2`.
fn is_wrong_for_good(python: &str, brackets: &str) -> bool {
    let parsed = parse_unchecked(python);
    let is_code = |kind| {
        !matches!(
            kind,
            TokenKind::Newline
                | TokenKind::NonLogicalNewline
                | TokenKind::Comment
                | TokenKind::Indent
                | TokenKind::Dedent
                | TokenKind::EndOfFile
        )
    };
    // What stands for the missing end of a bracket has no text.
    let mut tokens = parsed.tokens().iter().rev();
    let last = tokens.find(|token| is_code(token.kind()) && !token.range().is_empty());
    let Some(last) = last else {
        return false;
    };
    if matches!(last.kind(), TokenKind::Async | TokenKind::Not) {
        // They are half of `async for` and of `not in`.
        return false;
    }
    // In a pattern nothing but a number may follow one.
    let operand = if last.kind() == TokenKind::Minus {
        "0"
    } else {
        ""
    };
    let end = last.range().end().to_usize();
    // With brackets alone, `with (a as b` isn't what it is with a colon behind it.
    ["\n", ": pass\n"].iter().all(|ending| {
        let closed = format!("{python}\n{operand}{brackets}{ending}");
        let parsed = parse_unchecked(&closed);
        let mut failures = parsed.errors().iter();
        failures.any(|failure| is_before(failure, end))
    })
}

/// Whether a failure is about what stands before `end`, whatever comes there.
fn is_before(failure: &ParseError, end: usize) -> bool {
    let range = failure.range();
    match &failure.error {
        // What is in the braces of such a text may go on.
        ParseErrorType::FStringError(_)
        | ParseErrorType::TStringError(_)
        | ParseErrorType::Lexical(
            LexicalErrorType::Eof
            | LexicalErrorType::FStringError(_)
            | LexicalErrorType::TStringError(_),
        ) => false,
        // `def f(*,` has its parameter still to come, `def f(a=1, b: int` its default.
        ParseErrorType::ExpectedKeywordParam | ParseErrorType::NonDefaultParamAfterDefaultParam => {
            false
        }
        _ if range.start().to_usize() >= end => false,
        // A word that can't stand there.
        ParseErrorType::Lexical(_)
        | ParseErrorType::ExpectedToken { .. }
        | ParseErrorType::ExpectedExpression => true,
        ParseErrorType::OtherError(why) if why.starts_with("Expected ") => true,
        // An expression that can't stand there: at the end it may become another, as `b` in
        // `f(a=1, b` does by `=2`.
        _ => range.end().to_usize() < end,
    }
}

fn open_triple_quote(python: &str) -> bool {
    let parsed = parse_unchecked(python);
    parsed.errors().iter().any(|failure| {
        let opens_triple = || {
            let text = &python[failure.range().start().to_usize()..];
            let text = text.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            text.starts_with("\"\"\"") || text.starts_with("'''")
        };
        match &failure.error {
            ParseErrorType::Lexical(LexicalErrorType::UnclosedStringError) => opens_triple(),
            ParseErrorType::Lexical(LexicalErrorType::FStringError(kind))
            | ParseErrorType::Lexical(LexicalErrorType::TStringError(kind)) => {
                *kind == InterpolatedStringErrorType::UnterminatedTripleQuotedString
            }
            _ => false,
        }
    })
}

/// Whether the last statement line ends with the colon that opens a block.
fn ends_with_colon(text: &str) -> bool {
    let last = text.lines().last().unwrap_or_default();
    code_part(last).ends_with(':')
}

/// A line without its comment.
fn code_part(line: &str) -> &str {
    let parsed = parse_unchecked(line.trim_start());
    let offset = line.len() - line.trim_start().len();
    let comment = parsed
        .tokens()
        .iter()
        .find(|token| token.kind() == TokenKind::Comment)
        .map_or(line.len(), |token| {
            offset + token.range().start().to_usize()
        });
    line[..comment].trim_end()
}

/// The indentation of the line after the source.
fn next_indent(source: &str) -> usize {
    let Some(last) = source.lines().rev().find(|line| !line.trim().is_empty()) else {
        return 0;
    };
    if open_triple_quote(source) {
        // What is in a text is the text's.
        return indent_of(last);
    }
    let code = code_part(last);
    if !missing_brackets(source).is_empty() {
        let more = if code.ends_with(['(', '[', '{']) {
            INDENT_SPACES
        } else {
            0
        };
        return indent_of(last) + more;
    }
    // It may be of several lines.
    let statement = statement_at_end(source.trim_end());
    let indent = indent_of(statement);
    if code.ends_with(':') {
        return indent + INDENT_SPACES;
    }
    let first = statement.trim_start();
    let first = first
        .split([' ', '(', ';', '\n'])
        .next()
        .unwrap_or_default();
    if matches!(first, "return" | "raise" | "pass" | "break" | "continue") {
        return indent.saturating_sub(INDENT_SPACES);
    }
    indent
}

fn indent_of(line: &str) -> usize {
    let blanks = line.chars().take_while(|c| matches!(c, ' ' | '\t'));
    blanks
        .map(|c| if c == '\t' { INDENT_SPACES } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn indent(indent: usize) -> Completeness {
        Completeness::Incomplete { indent }
    }

    #[test]
    fn finished_cells() {
        for source in [
            "",
            "\n",
            "x = 1",
            "x = 1\n",
            "x = 1; match = x",
            "f(1,\n  2)",
            "x = '''a\nb'''",
            "if x:\n    y\n\n",
            "if x:\n    y\n    ",
            "def f():\n    return 1\n\nf()",
            "for i in r: print(i)",
            "for i in r: print(i) # why",
            "for i in r: pass\nelse: pass",
            "if x: y",
            "if x: y; z",
            "if x: y\n# why",
            "if x: f(1,\n2)",
            "if x: y = [\n1]",
            "if x:\n  y\nelse: z",
            "def f(): return 1",
            "def f(a,\n      b): return 1",
            "async def f(): return 1",
            "class A: pass",
            "with a: b",
            "@d\ndef f(): pass",
            "x = 1\nif x: y",
            "try: x\nexcept E: y",
            "try: x\nfinally: y",
            "try:\n    x\nexcept E: y",
            "for i in r:\n    pass\nelse:\n    pass\n\n",
            "%time x",
            "%px x",
            "!ls \"",
            "obj?",
            "%%px\nx = 1\n\n",
            "%%bash\necho (\n\n",
            "%%px?",
            "# comment",
            "x = 1\n# comment",
            "if x:\n    pass\ny = 1",
            "a = [1,\n     2]\n",
            "class A: pass\n\n",
            "@d\ndef f(): pass\n\n",
            "\"it's\"",
            "f'{x}'",
            ">>> def f():\n...     return 1\n... \n",
            "In [1]: x = 1",
            "In [1]: %%time\n   ...: x\n   ...: \n",
            "    x = 1\n    y = 2",
            ",f a b",
            "/f a",
            "x = obj?",
            "?",
        ] {
            assert_eq!(completeness(source), Completeness::Complete, "{source:?}");
        }
    }

    #[test]
    fn cells_that_go_on() {
        for (source, expected) in [
            ("if x:", 4),
            ("if x: # why", 4),
            ("if x:\n", 4),
            ("if x:\n    y", 4),
            ("if x:\n    y\n", 4),
            ("if x:\n    if y:", 8),
            ("def f():\n    return 1", 0),
            ("def f():\n    x = 1; match = x", 4),
            ("def f():\n    if x:\n        return", 4),
            ("while True:\n    break", 0),
            ("try: x", 0),
            ("try: x\n\n", 0),
            ("try: x; y # why", 0),
            ("try: f(\n1)", 0),
            ("try:\n    try: x", 4),
            ("try:\n    try:\n        x", 8),
            ("try:\n    try: x\n    except E: y\n    z", 4),
            ("try:\n    try:\n        x\n    except E: y", 4),
            ("def f():\n    try: x", 4),
            ("try: x\n# why", 0),
            ("if x: y = '''a", 0),
            ("if x:\n    for i in r: y", 4),
            ("if x:\n    y\n# why", 0),
            ("@d\ndef f():\n    y", 4),
            ("f(", 4),
            ("f(1,", 0),
            ("x = [\n    1,", 4),
            ("x = {'a': {", 4),
            ("x = '''a", 0),
            ("x = \"\"\"a\n  b", 2),
            ("f'''{x}", 0),
            ("x = 1 + \\", 0),
            ("@decorator", 0),
            ("@decorator\n", 0),
            ("@decorator\n# why", 0),
            ("@lru_cache(\nmaxsize=3\n)", 0),
            ("class A:\n    @d(1,\n       2)", 4),
            ("s = \"\"\"Notes:", 0),
            ("def f():\n    \"\"\"Doc.\n\n    Args:", 4),
            ("def f(a,\n      b):", 4),
            ("if (a and\n    2):", 4),
            ("with a, \\\n     b:", 4),
            ("if x:\n    for i in [\n        1]:", 8),
            ("def f():\n    # why", 4),
            ("def f():\n    # why\n\n", 4),
            ("def f():\n# why", 0),
            ("def f(): # why\n    # a\n\n    # b", 4),
            ("class A:\n    # why", 4),
            ("if x:\n    # why", 4),
            ("if x:\n    y\nelse:\n    # why", 4),
            ("if x:\n    if y:\n        # why", 8),
            ("for i in r:\n    # it's", 4),
            ("while x:\n    # why", 4),
            ("with a:\n    # why", 4),
            ("try:\n    # why", 4),
            ("try:\n    x\n    # why", 4),
            ("try:\n    x\nexcept E:\n    # why", 4),
            ("match x:\n    # why", 4),
            ("match x:\n    case 1:\n        # why", 8),
            ("try:\n    x", 4),
            ("try:\n    x\n", 4),
            ("try:\n    x\nexcept E:", 4),
            ("if x:\n    try:\n        y", 8),
            ("with a as b:", 4),
            ("match x:\n    case 1:", 8),
            ("match x:", 4),
            ("async def f():", 4),
            (">>> if x:", 4),
            ("    if x:", 8),
            ("    if x:\n        y", 8),
            ("%%px", 0),
            ("%%px\nif x:", 4),
            ("%%px\nx = 1", 0),
            ("%px f( \\", 0),
            ("if x:\n    %px y", 4),
            ("if x:\n    y\nelse:", 4),
            ("f(a=1, b", 0),
            ("f(a, # why", 0),
            ("with (a as b", 0),
            ("match (x", 0),
            ("def f(a=1, b", 0),
            ("def f(a=1, b: int", 0),
            ("def f(*,", 0),
            ("class A(B, m=", 0),
            ("from a import (", 4),
            ("(x not", 0),
            ("[x async", 0),
            ("[x for", 0),
            ("[x for y", 0),
            ("(lambda", 0),
            ("(lambda x", 0),
            ("(*a", 0),
            ("{1: 2, 3", 0),
            ("{1: 2 for", 0),
            ("x[", 4),
            ("(x if y", 0),
            ("(a.", 0),
            ("@d(", 4),
            ("for (x", 0),
            ("try:\n    f(1,", 4),
        ] {
            assert_eq!(completeness(source), indent(expected), "{source:?}");
        }
    }

    #[test]
    fn what_may_be_right_within_brackets_goes_on() {
        const SOURCES: &str = "\
             (x not § [x async § (x is § (x is not § f(a=1, b § f(a=1, *b § f(**a, b § \
             def f(a=1, b § def f(a=1, b: int § def f(* § def f(*, § def f(a, / § (lambda § \
             (lambda x § (lambda * § (lambda x, * § (yield § (yield from § (await § [* § \
             [*a § (*a § f(* § f(** § {** § {**a § {1 § {1: § {1: 2, 3 § {1: 2 for § \
             [x for § [x for y § [x for y in § [x for y in z if § (x if § (x if y § (x := § \
             (x. § (... § (match § (type § (rb § (not § (- § x[ § x[1: § x[1:, § f(a= § \
             f(lambda: x § (a, b § (a and § (a or b § (a < § with (a § with (a as § \
             with (a as b § with (a as b, § match (x § match (x, *y § match x:\n case (a § \
             match x:\n case A(b=1, c § match x:\n case {1: a § match x:\n case [*a § \
             class A( § class A(b, c= § class A[T § def f[T § type A[T § def f(a: § \
             def f(a) -> ( § import a; f( § from a import ( § from a import (b § \
             from a import (b as § del (a § for (a § for a in ( § if (a § while (a § @d( § \
             return ( § assert (a, § raise A( § x: ( § x += ( § a = b = [ § if x:\n    f( § \
             match x:\n case (- § match x:\n case [- § match x:\n case A(b=- § \
             match x:\n case {'a': - § match x:\n case (-1 - § \
             try:\n    f( § f(a, # why § f(a=1, b # why § f(\n# why\na=1, b";
        let is_open = |source: &str| {
            let found = completeness(source);
            assert!(
                matches!(found, Completeness::Incomplete { .. }),
                "{source:?}: {found:?}"
            );
        };
        for source in SOURCES.split(" § ") {
            for end in ["", "\n", "\n\n", "\n# why", "\n    # why\n"] {
                is_open(&format!("{source}{end}"));
            }
        }
        for source in ["f(f'{a", "f(f'{a +", "f(f'{f("] {
            is_open(source);
            is_open(&format!("{source}\n"));
        }
    }

    #[test]
    fn cells_that_nothing_can_mend() {
        for source in [
            "x = = 1",
            "f(]",
            "if x\n",
            "1 +",
            "def",
            "x = 'abc",
            "return )",
            "  x\n y",
            "else:",
            ")(",
            "())(",
            "][",
            "a b",
            "else: y",
            "except E: y",
            "if x: try",
            "if x: if y: z",
            "try: x\nelse: y",
            "try: x\ny",
            "if x\n# why",
            "1 +\n# why",
            "def (",
            "class (\n",
            "foo(1 2",
            "foo(1 2 -",
            "foo(1 2\n",
            "f(1 2 # why",
            "if x:\n    f(1 2",
            "x = [1, )",
            "f([1, )",
            "f(a=1, b,",
            "x = (1\ny = 2",
            "x = = 1\nf(",
            "with (a as b c",
            "{'a': 1 'b': 2",
            "f(x if y els",
            "f('abc",
            "f($",
            "(0777",
            "f(\nif x:",
        ] {
            let found = completeness(source);
            assert!(
                matches!(found, Completeness::Invalid(_)),
                "{source:?}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        for (source, expected) in [
            ("def f():", Missing::EndOfBlock),
            ("def f():\n    return 1", Missing::EndOfBlock),
            ("if x:\n    if y:", Missing::EndOfBlock),
            ("if x:\n    # why", Missing::EndOfBlock),
            ("try:\n    x", Missing::EndOfBlock),
            ("try: x", Missing::EndOfBlock),
            ("if x:\n    %px y", Missing::EndOfBlock),
            ("f(1,", Missing::ClosingBracket),
            ("def f():\n    g(", Missing::ClosingBracket),
            ("x = '''a", Missing::ClosingQuotes),
            ("f(\"\"\"a", Missing::ClosingQuotes),
            ("if x:\n    y = '''a\nif z:", Missing::ClosingQuotes),
            ("%%px\nif x:", Missing::BlankLine),
            ("x = 1 + \\", Missing::Anything),
            ("@decorator", Missing::Anything),
            (">>> if x:", Missing::Anything),
            ("    if x:", Missing::Anything),
        ] {
            assert_eq!(Missing::of(source), expected, "{source:?}");
        }
        assert!(!Missing::EndOfBlock.is_in("    y = 1"));
        for line in ["", "  ", "y = 1", "   ...: "] {
            assert!(Missing::EndOfBlock.is_in(line), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn a_cell_ends_where_its_line_has_what_was_missing(
            lines in prop::collection::vec(
                prop::sample::select(vec![
                    "if x:", "    y", "        z", "f(", "    f(", "1,", "  2)", ")", "x = '''", "    '''",
                    "#c", "@d", "else:", "try:", "    try:", "finally:", "%%px", "!ls", "    y = \\", "",
                    "if x: y", "    if x: y", "    # d", "else: y", "try: y", "    try: y", "finally: y", "if x: f(",
                ]),
                0..9,
            )
        ) {
            let mut cell = String::new();
            let mut missing = Missing::Anything;
            for line in lines {
                cell.push_str(line);
                let asks = missing.is_in(line);
                cell.push('\n');
                match completeness(&cell) {
                    Completeness::Complete if cell.trim().is_empty() => cell.clear(),
                    Completeness::Complete => {
                        prop_assert!(asks, "{cell:?} {missing:?}");
                        break;
                    }
                    Completeness::Invalid(_) => break,
                    Completeness::Incomplete { .. } if asks => {
                        missing = Missing::of(&cell[..cell.len() - 1]);
                    }
                    Completeness::Incomplete { .. } => {}
                }
            }
        }

        #[test]
        fn a_blank_line_ends_what_parses(source in "(if x:|\n|    y|f\\(|1,|\\)|'''|'|#c|@d| |else:|try:){0,12}") {
            let _ = completeness(&source);
            let ended = format!("{source}\n\n");
            if parse_module(&ended).is_ok() && !ended.trim_end().ends_with('\\') {
                prop_assert_eq!(completeness(&ended), Completeness::Complete);
            }
        }
    }
}
