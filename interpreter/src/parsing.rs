//! The runtime's parser, for source of any shape: what a person types is read before it is compiled.
//!
//! The parser takes any depth, but the tree that it gives is let go of level by level, and some hundred
//! thousand levels are more than a stack has: the process would end. The compiler takes a thousand. So
//! source that goes deeper than [`DEPTH_MAX`] isn't parsed: where an answer may say why, it does, and
//! otherwise it is as if there were no source.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Mod, ModModule};
use ruff_python_parser::{Mode, ParseError, ParseErrorType, ParseOptions, Parsed, lexer};
use ruff_text_size::{TextLen, TextRange};

/// The levels of source that is parsed. A level takes up to some hundred bytes of a stack.
const DEPTH_MAX: usize = 10_000;

/// What is said of source that isn't parsed.
pub(crate) const TOO_DEEP: &str =
    "brackets or operators are nested too deeply: write parts of it as statements of their own";

/// Parses source that must be right.
///
/// # Errors
/// What is wrong first, or [`TOO_DEEP`].
pub(crate) fn parse_module(source: &str) -> Result<Parsed<ModModule>, ParseError> {
    if is_too_deep(source) {
        return Err(ParseError {
            error: ParseErrorType::OtherError(TOO_DEEP.to_owned()),
            location: TextRange::up_to(source.text_len()),
        });
    }
    ruff_python_parser::parse_module(source)
}

/// Parses source that may be wrong.
pub(crate) fn parse_unchecked(source: &str) -> Parsed<Mod> {
    let source = if is_too_deep(source) { "" } else { source };
    ruff_python_parser::parse_unchecked(source, ParseOptions::from(Mode::Module))
}

/// What has been read within a bracket, or outside of all.
#[derive(Default)]
struct Level {
    /// Operators, calls and the like since the last place where an expression ended: as many levels of
    /// the tree, or fewer.
    links: usize,
    /// Those of them that `and` and `or` don't end.
    kept: usize,
    /// Lambdas whose colon is still to come: the commas before it are theirs.
    lambdas: usize,
}

impl Level {
    /// An expression has ended: gives how many levels end with it.
    fn end(&mut self) -> usize {
        let ended = std::mem::take(self);
        ended.links + ended.kept
    }
}

/// Whether the tree of the source may have more levels than [`DEPTH_MAX`].
fn is_too_deep(source: &str) -> bool {
    // A level takes a byte at least.
    if source.len() <= DEPTH_MAX {
        return false;
    }
    let mut lexer = lexer::lex(source, Mode::Module);
    let mut around: Vec<Level> = Vec::new();
    let mut here = Level::default();
    // Of all levels that are open.
    let mut depth = 0;
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                around.push(std::mem::take(&mut here));
                depth += 1;
            }
            TokenKind::Rpar
            | TokenKind::Rsqb
            | TokenKind::Rbrace
            | TokenKind::FStringEnd
            | TokenKind::TStringEnd => {
                depth -= here.end();
                match around.pop() {
                    Some(level) => here = level,
                    None => depth += 1,
                }
                // What was opened is a link of what stands around it, as in `x()()`.
                here.links += 1;
            }
            TokenKind::Newline => {
                around.clear();
                here = Level::default();
                depth = 0;
            }
            TokenKind::Comma | TokenKind::Semi if here.lambdas == 0 => depth -= here.end(),
            // Between two of these is an expression of its own.
            TokenKind::FStringMiddle | TokenKind::TStringMiddle => depth -= here.end(),
            TokenKind::And | TokenKind::Or => {
                depth -= here.links;
                here.links = 0;
            }
            TokenKind::Colon => here.lambdas = here.lambdas.saturating_sub(1),
            TokenKind::Lambda => {
                here.lambdas += 1;
                here.kept += 1;
                depth += 1;
            }
            TokenKind::Else => {
                here.kept += 1;
                depth += 1;
            }
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::Comma
            | TokenKind::Semi
            | TokenKind::Equal
            | TokenKind::EqEqual
            | TokenKind::NotEqual
            | TokenKind::Less
            | TokenKind::LessEqual
            | TokenKind::Greater
            | TokenKind::GreaterEqual
            | TokenKind::In
            | TokenKind::Is
            | TokenKind::None
            | TokenKind::True
            | TokenKind::False
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline => {}
            _ => {
                here.links += 1;
                depth += 1;
            }
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nested_deeply_is_found() {
        let many = DEPTH_MAX + 1;
        for part in [
            "(",
            "[",
            "{1:",
            "f(a=[{",
            "x[",
            "-",
            "~",
            "not ",
            "await ",
            "x + ",
            "x ** ",
            "f\"{",
            "lambda: ",
            "lambda a, b: ",
            "lambda a=1: ",
            "x if y else ",
            "x if a and b else ",
            "f(lambda: [x for x in ",
            "[x and ",
            "match x:\n case (-",
        ] {
            assert!(is_too_deep(&part.repeat(many)), "{part}");
            assert!(parse_module(&part.repeat(many)).is_err(), "{part}");
        }
        for part in [".a", "()", "[0]", "(1, 2)", " + x", "\\\n + x"] {
            let source = format!("x{}", part.repeat(many));
            assert!(is_too_deep(&source), "{part}");
        }
        assert!(is_too_deep(&format!("({}1)", "x +\n".repeat(many))));
    }

    #[test]
    fn what_is_long_is_not_deep() {
        let many = DEPTH_MAX + 1;
        for (begin, part, end) in [
            ("", "x = f(1)[2].a + -1\n", ""),
            ("", "x = y; ", ""),
            ("[", "f(-1), ", "]"),
            ("{", "1: -2, ", "}"),
            ("f(", "*[not c.d], ", ")"),
            ("[", "lambda a, b: -a, ", "]"),
            ("[", "a if b else c, ", "]"),
            ("x = (", "a.b == -1 and\n", "a)"),
            ("x = ", "a < ", "a"),
            ("", "x = ", "1"),
            ("(", "'(' \"-\"\n", ")"),
            ("x = '", "((--", "'"),
            ("x = '''", "((--\n", "'''"),
            ("# ", "((--", ""),
            (
                "if x:\n    pass\n",
                "elif not x:\n    pass\n",
                "else:\n    pass\n",
            ),
            ("f'", "{a.b} - ", "'"),
        ] {
            let source = format!("{begin}{}{end}", part.repeat(many));
            assert!(!is_too_deep(&source), "{begin}{part}{end}");
            assert!(parse_module(&source).is_ok(), "{begin}{part}{end}");
        }
    }
}
