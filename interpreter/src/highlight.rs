//! Cuts source into coloured pieces, by the runtime's own lexer.
//!
//! Pure. It classes tokens and picks no colours; source that doesn't parse is classed as far as
//! the lexer gets.

use std::ops::Range;

use ruff_python_ast::token::TokenKind;
use ruff_text_size::Ranged;

use crate::parsing::parse_unchecked;
use crate::transform::line_escapes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenClass {
    Keyword,
    /// A name that Python has without import: `print`, `len`, `ValueError`.
    Builtin,
    /// The name that a `def` or a `class` binds.
    Definition,
    Decorator,
    Number,
    String,
    Comment,
    Operator,
    /// `%magic`, `%%magic`, `!command`, and the `?` that asks for help.
    Magic,
    /// What the lexer can't read.
    Error,
}

/// The pieces of the source that have a class, in order, none overlapping another.
pub fn tokens(source: &str) -> Vec<(Range<usize>, TokenClass)> {
    let escapes = line_escapes(source);
    let mut classed = Vec::new();
    let masked = mask(source, &escapes);
    let parsed = parse_unchecked(&masked);
    let tokens: Vec<_> = parsed.tokens().iter().collect();
    let mut after_definition = false;
    let mut after_dot = false;
    let mut at_line_start = true;
    for (index, token) in tokens.iter().enumerate() {
        let range = token.range().start().to_usize()..token.range().end().to_usize();
        let kind = token.kind();
        if kind.is_trivia() && kind != TokenKind::Comment {
            continue;
        }
        if matches!(
            kind,
            TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent
        ) {
            at_line_start = true;
            continue;
        }
        let class = match kind {
            TokenKind::Comment => Some(TokenClass::Comment),
            TokenKind::Int | TokenKind::Float | TokenKind::Complex => Some(TokenClass::Number),
            TokenKind::String
            | TokenKind::FStringStart
            | TokenKind::FStringMiddle
            | TokenKind::FStringEnd
            | TokenKind::TStringStart
            | TokenKind::TStringMiddle
            | TokenKind::TStringEnd => Some(TokenClass::String),
            TokenKind::Unknown => Some(TokenClass::Error),
            TokenKind::Name if after_definition => Some(TokenClass::Definition),
            TokenKind::Name if !after_dot && is_builtin(&source[range.clone()]) => {
                let next = tokens.get(index + 1).map(|token| token.kind());
                // A keyword argument or a new binding of the name isn't the builtin.
                (next != Some(TokenKind::Equal)).then_some(TokenClass::Builtin)
            }
            TokenKind::Name => None,
            TokenKind::At if at_line_start => Some(TokenClass::Decorator),
            kind if is_keyword(kind, &source[range.clone()]) => Some(TokenClass::Keyword),
            kind if kind.is_operator() => Some(TokenClass::Operator),
            _ => None,
        };
        after_definition = matches!(kind, TokenKind::Def | TokenKind::Class);
        after_dot = kind == TokenKind::Dot;
        at_line_start = false;
        if let Some(class) = class
            && !range.is_empty()
        {
            classed.push((range, class));
        }
    }
    for escape in escapes {
        classed.push((escape, TokenClass::Magic));
    }
    classed.sort_by_key(|(range, _)| range.start);
    // In source that is no Python, a string may open before a magic and run over it.
    let mut end = 0;
    classed.retain(|(range, _)| {
        let apart = range.start >= end;
        if apart {
            end = range.end;
        }
        apart
    });
    classed
}

/// The source with its magics blanked out, so that the lexer reads the rest as it stands.
fn mask(source: &str, escapes: &[Range<usize>]) -> String {
    let mut masked = source.to_owned();
    for escape in escapes {
        let blank: String = source[escape.clone()]
            .bytes()
            .map(|byte| if byte == b'\n' { '\n' } else { ' ' })
            .collect();
        masked.replace_range(escape.clone(), &blank);
    }
    masked
}

/// Whether the token is a word that the grammar owns here.
fn is_keyword(kind: TokenKind, text: &str) -> bool {
    let soft = matches!(kind, TokenKind::Match | TokenKind::Case | TokenKind::Type);
    (kind.is_keyword() && !soft)
        || matches!(text, "True" | "False" | "None")
        || (soft && text != "type")
}

fn is_builtin(name: &str) -> bool {
    BUILTINS.binary_search(&name).is_ok()
}

/// The names in `builtins`, sorted.
const BUILTINS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "Ellipsis",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "ExceptionGroup",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplemented",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "ZeroDivisionError",
    "__import__",
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "delattr",
    "dict",
    "dir",
    "display",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "get_ipython",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "type",
    "vars",
    "zip",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The pieces as text and class, for reading.
    fn pieces(source: &str) -> Vec<(&str, TokenClass)> {
        let classed = tokens(source);
        classed
            .into_iter()
            .map(|(range, class)| (&source[range], class))
            .collect()
    }

    #[test]
    fn tokens_have_their_classes() {
        use TokenClass::{
            Builtin, Comment, Decorator, Definition, Keyword, Magic, Number, Operator, String,
        };
        for (source, expected) in [
            ("", vec![]),
            ("x", vec![]),
            (
                "if x: # c",
                vec![("if", Keyword), (":", Operator), ("# c", Comment)],
            ),
            (
                "def f(): pass",
                vec![
                    ("def", Keyword),
                    ("f", Definition),
                    ("(", Operator),
                    (")", Operator),
                    (":", Operator),
                    ("pass", Keyword),
                ],
            ),
            (
                "@wraps\nclass A: pass",
                vec![
                    ("@", Decorator),
                    ("class", Keyword),
                    ("A", Definition),
                    (":", Operator),
                    ("pass", Keyword),
                ],
            ),
            (
                "len('é') + 1.5j",
                vec![
                    ("len", Builtin),
                    ("(", Operator),
                    ("'é'", String),
                    (")", Operator),
                    ("+", Operator),
                    ("1.5j", Number),
                ],
            ),
            ("a.len", vec![(".", Operator)]),
            ("None", vec![("None", Keyword)]),
            (
                "f'a{x}b'",
                vec![
                    ("f'", String),
                    ("a", String),
                    ("{", Operator),
                    ("}", Operator),
                    ("b", String),
                    ("'", String),
                ],
            ),
            ("%time 1", vec![("%time", Magic), ("1", Number)]),
            (
                "%%px --local\nif x: 1",
                vec![
                    ("%%px --local", Magic),
                    ("if", Keyword),
                    (":", Operator),
                    ("1", Number),
                ],
            ),
            ("!ls -l 'a", vec![("!ls -l 'a", Magic)]),
            ("x = !ls", vec![("=", Operator), ("!ls", Magic)]),
            ("print??", vec![("print", Builtin), ("??", Magic)]),
            ("'open", vec![("'open", String)]),
            ("lambda: match", vec![("lambda", Keyword), (":", Operator)]),
        ] {
            assert_eq!(pieces(source), expected, "{source}");
        }
    }

    #[test]
    fn the_builtins_are_sorted() {
        assert!(BUILTINS.is_sorted());
    }

    proptest! {
        #[test]
        fn pieces_are_in_order_and_apart(source in "\\PC{0,40}|[a-z%!?='\"#\\\\(\\[{}\n @:é1.]{0,60}") {
            let mut end = 0;
            for (range, _) in tokens(&source) {
                prop_assert!(range.start >= end && range.end > range.start, "{:?}", range);
                prop_assert!(source.is_char_boundary(range.start) && source.is_char_boundary(range.end));
                end = range.end;
            }
        }
    }
}
