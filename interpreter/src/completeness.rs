//! Tells whether a cell is finished, or how far to indent the line that should follow.
//!
//! Pure. The runtime's own parser decides what is Python; what is looked at here is only whether
//! the place where it gave up is the end. A blank line ends a block, and a cell magic.

use std::borrow::Cow;

use ruff_python_ast::Stmt;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{
    InterpolatedStringErrorType, LexicalErrorType, Mode, ParseErrorType, ParseOptions,
    parse_module, parse_unchecked,
};
use ruff_text_size::Ranged;

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
        } else if open_brackets(&python) > 0 {
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
    match parse_module(&python) {
        Ok(parsed) => {
            let may_go_on = parsed.syntax().body.last().is_some_and(is_compound);
            if may_go_on && !ends_with_blank_line(&bare) {
                Completeness::Incomplete {
                    indent: next_indent(source),
                }
            } else {
                Completeness::Complete
            }
        }
        Err(failure) => {
            let at_end = failure.location.end().to_usize() >= python.trim_end().len();
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
    if open_brackets(python) > 0 || open_triple_quote(python) {
        return true;
    }
    let text = python.trim_end();
    match failure {
        ParseErrorType::Lexical(LexicalErrorType::Eof) => true,
        // `if x:` with nothing under it, or a decorator with nothing below.
        _ if at_end => {
            let last = text.lines().last().unwrap_or_default().trim_start();
            ends_with_colon(text) || last.starts_with('@') || is_bare_try(python)
        }
        _ => false,
    }
}

/// Whether an indented line that follows belongs to the last statement, and ends it not.
fn is_in_block(python: &str) -> bool {
    let ends_in_block = |source: &str| {
        parse_module(source)
            .is_ok_and(|parsed| parsed.syntax().body.last().is_some_and(is_compound))
    };
    let begun = || {
        let indent = " ".repeat(next_indent(python));
        format!("{}\n{indent}pass\n", python.trim_end())
    };
    ends_in_block(python) || ends_in_block(&begun()) || is_bare_try(python)
}

/// Whether the only thing missing is the `except` or `finally` of a `try`.
fn is_bare_try(python: &str) -> bool {
    let mut mended = python.trim_end().to_owned();
    let last = mended.lines().last().unwrap_or_default();
    let indent: String = last.chars().take_while(|c| *c == ' ').collect();
    // The innermost `try` that is less indented than the last line is the one left open.
    let open = mended.lines().rev().find_map(|line| {
        let depth = line.len() - line.trim_start().len();
        (line.trim() == "try:" && depth < indent.len()).then(|| " ".repeat(depth))
    });
    let Some(open) = open else { return false };
    mended.push_str(&format!("\n{open}finally:\n{open} pass\n"));
    parse_module(&mended).is_ok()
}

fn is_compound(statement: &Stmt) -> bool {
    matches!(
        statement,
        Stmt::FunctionDef(_)
            | Stmt::ClassDef(_)
            | Stmt::For(_)
            | Stmt::While(_)
            | Stmt::If(_)
            | Stmt::With(_)
            | Stmt::Match(_)
            | Stmt::Try(_)
    )
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

/// How deep the brackets are that stay open, in source that may not parse.
fn open_brackets(python: &str) -> usize {
    let parsed = parse_unchecked(python, ParseOptions::from(Mode::Module));
    let mut depth = 0_usize;
    for token in parsed.tokens() {
        match token.kind() {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => depth += 1,
            // What closes nothing can't be mended by what follows.
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if depth == 0 => return 0,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => depth -= 1,
            _ => {}
        }
    }
    depth
}

fn open_triple_quote(python: &str) -> bool {
    let parsed = parse_unchecked(python, ParseOptions::from(Mode::Module));
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
    let parsed = parse_unchecked(line.trim_start(), ParseOptions::from(Mode::Module));
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
    let indent = last
        .chars()
        .take_while(|c| matches!(c, ' ' | '\t'))
        .map(|c| if c == '\t' { INDENT_SPACES } else { 1 })
        .sum::<usize>();
    let code = code_part(last);
    if code.ends_with([':', '(', '[', '{']) {
        return indent + INDENT_SPACES;
    }
    let first = code.trim_start();
    let first = first.split([' ', '(', ';']).next().unwrap_or_default();
    if matches!(first, "return" | "raise" | "pass" | "break" | "continue")
        && open_brackets(source) == 0
    {
        return indent.saturating_sub(INDENT_SPACES);
    }
    indent
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
            "f(1,\n  2)",
            "x = '''a\nb'''",
            "if x:\n    y\n\n",
            "if x:\n    y\n    ",
            "def f():\n    return 1\n\nf()",
            "for i in r:\n    pass\nelse:\n    pass\n\n",
            "%time x",
            "%px x",
            "!ls \"",
            "obj?",
            "%%px\nx = 1\n\n",
            "%%bash\necho (\n\n",
            "%%px?",
            "# comment",
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
            ("def f():\n    if x:\n        return", 4),
            ("while True:\n    break", 0),
            ("for i in r: print(i)", 0),
            ("class A: pass", 0),
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
        ] {
            assert_eq!(completeness(source), indent(expected), "{source:?}");
        }
    }

    #[test]
    fn cells_that_nothing_can_mend() {
        for source in [
            "x = = 1", "f(]", "if x\n", "1 +", "def", "x = 'abc", "return )", "  x\n y", "else:",
            ")(", "())(", "][", "a b",
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
            ("try:\n    x", Missing::EndOfBlock),
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
