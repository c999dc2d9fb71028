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

/// The parts of an `if` that are compiled: the compiler takes each `elif` for a level of its own, and so do syntax trees.
const ELIFS_MAX: usize = 1_500;

/// The levels of brackets that the runtime takes. It counts them before it parses, and says if there are more.
const BRACKETS_MAX: usize = 200;

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

/// Whether the runtime would end the process with the tree of the source: it makes one whatever its depth, and
/// looks at it level by level.
pub(crate) fn is_beyond_compiling(source: &str) -> bool {
    // Neither fits into less.
    if source.len() <= DEPTH_MAX {
        return false;
    }
    has_long_chain(source) || is_too_deep(source) && !has_too_many_brackets(source)
}

/// Whether more than [`ELIFS_MAX`] of `elif` follow one another, or stand within each other.
fn has_long_chain(source: &str) -> bool {
    if source.matches("elif").count() <= ELIFS_MAX {
        return false;
    }
    let mut lexer = lexer::lex(source, Mode::Module);
    // Of each block that is open: how many parts its last statement has.
    let mut around: Vec<usize> = Vec::new();
    let mut here = 0;
    let mut length = 0;
    let mut begins_statement = true;
    loop {
        let token = lexer.next_token();
        match token {
            TokenKind::EndOfFile => return false,
            TokenKind::Indent => {
                around.push(here);
                here = 0;
            }
            TokenKind::Dedent => {
                length -= here;
                here = around.pop().unwrap_or(0);
            }
            TokenKind::Elif => {
                here += 1;
                length += 1;
            }
            TokenKind::If if begins_statement => {
                length -= here;
                here = 0;
            }
            _ => {}
        }
        begins_statement = match token {
            TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent => true,
            TokenKind::Comment | TokenKind::NonLogicalNewline => begins_statement,
            _ => false,
        };
        if length > ELIFS_MAX {
            return true;
        }
    }
}

/// Whether brackets outside of texts are as deep as the runtime says by itself.
fn has_too_many_brackets(source: &str) -> bool {
    let mut lexer = lexer::lex(source, Mode::Module);
    let mut depth: usize = 0;
    let mut texts: usize = 0;
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::FStringStart | TokenKind::TStringStart => texts += 1,
            TokenKind::FStringEnd | TokenKind::TStringEnd => texts = texts.saturating_sub(1),
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace if texts == 0 => depth += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if texts == 0 => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        if depth > BRACKETS_MAX {
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

    #[test]
    fn what_the_compiler_has_no_stack_for_is_found() {
        let chain = |begin: &str, part: &str, many: usize| format!("{begin}{}", part.repeat(many));
        let begin = "if x:\n    pass\n";
        for source in [
            chain("x = 1", " + 1", 300_000),
            chain("", "é if y else ", DEPTH_MAX + 1),
            chain(begin, "elif x:\n    pass\n", ELIFS_MAX + 1),
            chain(begin, "# one\n\nelif x if y else z: pass\n", ELIFS_MAX + 1),
            chain(
                &chain(begin, "elif x: pass\n", ELIFS_MAX - 1),
                "elif y:\n  if x: pass\n  elif x: pass\n",
                1_000,
            ),
            chain("", "f\"{(", DEPTH_MAX),
        ] {
            assert!(is_beyond_compiling(&source), "{source:.40}");
        }
        for source in [
            chain(begin, "elif x:\n    pass\n", ELIFS_MAX),
            chain("", "if x: pass\nelif x: pass\n", ELIFS_MAX + 1),
            chain("", "if x: pass\nelif x: 'elif'\n", ELIFS_MAX + 1),
            chain(
                "",
                "if x:\n  if y: pass\n  elif z: pass\nelif x: pass\n",
                ELIFS_MAX,
            ),
            // What is wrong with these is told by the runtime.
            chain("", "[", 200_000),
            chain("x = (", "f(", 20_000),
        ] {
            assert!(!is_beyond_compiling(&source), "{source:.40}");
        }
    }
}
