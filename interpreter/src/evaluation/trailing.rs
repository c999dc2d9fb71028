//! Where the expression begins that a text ends with: `a.b[0]`, `f(x)`, `"abc"`, also over several lines.
//!
//! Pure. It is told from the tokens of the runtime's parser, which takes text that isn't whole.

use std::ops::Range;

use ruff_python_ast::token::{Token, TokenKind, Tokens};
use ruff_text_size::Ranged;

use crate::parsing::parse_unchecked;

/// Where the expression stands that the text ends with; an empty range if it ends with none.
pub(crate) fn trailing_expression(text: &str) -> Range<usize> {
    let parsed = parse_unchecked(text);
    expression(text, &code_tokens(parsed.tokens()))
}

/// Where the expression stands whose attribute would follow: what is before the dot that the text ends
/// with. None if it ends with no dot, whitespace and comments aside.
pub(crate) fn attribute_owner(text: &str) -> Option<Range<usize>> {
    let parsed = parse_unchecked(text);
    let tokens = code_tokens(parsed.tokens());
    let (last, before) = tokens.split_last()?;
    (last.kind() == TokenKind::Dot).then(|| expression(text, before))
}

fn expression(text: &str, tokens: &[Token]) -> Range<usize> {
    let bounds = first_of_expression(tokens).zip(tokens.last());
    bounds.map_or(text.len()..text.len(), |(first, last)| {
        start(&tokens[first])..end(last)
    })
}

/// The tokens that mean something: an end of a line does where no bracket is open.
fn code_tokens(tokens: &Tokens) -> Vec<Token> {
    let mut depth = 0_usize;
    let mut code = Vec::new();
    for token in tokens {
        match token.kind() {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => depth += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                depth = depth.saturating_sub(1);
            }
            TokenKind::Comment
            | TokenKind::NonLogicalNewline
            | TokenKind::Indent
            | TokenKind::Dedent
            | TokenKind::EndOfFile => continue,
            TokenKind::Newline if depth > 0 => continue,
            _ => {}
        }
        // What the parser puts where it misses something has no text.
        if !token.range().is_empty() {
            code.push(*token);
        }
    }
    code
}

fn first_of_expression(tokens: &[Token]) -> Option<usize> {
    let mut at = tokens.len().checked_sub(1)?;
    loop {
        match tokens[at].kind() {
            TokenKind::Rbrace | TokenKind::FStringEnd | TokenKind::TStringEnd => {
                return opening(tokens, at);
            }
            TokenKind::Rpar | TokenKind::Rsqb => {
                let open = opening(tokens, at)?;
                if !continues(tokens, open) {
                    return Some(open);
                }
                at = open - 1;
            }
            TokenKind::String => {
                let mut rest = tokens[..at].iter().rev();
                let joined = rest.position(|token| token.kind() != TokenKind::String);
                return Some(at - joined.unwrap_or(at));
            }
            TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::True
            | TokenKind::False
            | TokenKind::None
            | TokenKind::Ellipsis => return Some(at),
            kind if is_name(kind) => match at.checked_sub(1).map(|before| tokens[before].kind()) {
                Some(TokenKind::Dot) => at = at.checked_sub(2)?,
                _ => return Some(at),
            },
            _ => return None,
        }
    }
}

/// Whether the bracket belongs to what stands before it.
fn continues(tokens: &[Token], open: usize) -> bool {
    let Some(before) = open.checked_sub(1) else {
        return false;
    };
    let is_part = match tokens[before].kind() {
        TokenKind::Rpar
        | TokenKind::Rsqb
        | TokenKind::Rbrace
        | TokenKind::String
        | TokenKind::FStringEnd => true,
        kind => is_name(kind),
    };
    let is_apart = end(&tokens[before]) < start(&tokens[open]);
    is_part && !(is_apart && is_word_of_its_own(tokens, before))
}

/// Whether what is behind the word and a blank is something else: `match [1]`, `%time [1]`.
fn is_word_of_its_own(tokens: &[Token], word: usize) -> bool {
    let is_first = |at: usize| {
        let before = at.checked_sub(1).map(|before| tokens[before].kind());
        matches!(
            before,
            None | Some(TokenKind::Newline | TokenKind::Semi | TokenKind::Colon)
        )
    };
    match tokens[word].kind() {
        TokenKind::Match | TokenKind::Case => is_first(word),
        _ => {
            let mark = word.checked_sub(1);
            mark.is_some_and(|mark| tokens[mark].kind() == TokenKind::Percent && is_first(mark))
        }
    }
}

fn is_name(kind: TokenKind) -> bool {
    kind == TokenKind::Name || kind.is_soft_keyword()
}

/// The bracket that the one at `closing` closes, or where the formatted string begins that ends there.
fn opening(tokens: &[Token], closing: usize) -> Option<usize> {
    use TokenKind::{FStringEnd, FStringStart, TStringEnd, TStringStart};
    use TokenKind::{Lbrace, Lpar, Lsqb, Rbrace, Rpar, Rsqb};
    let mut depth = 0_usize;
    (0..=closing).rev().find(|at| {
        match tokens[*at].kind() {
            Rpar | Rsqb | Rbrace | FStringEnd | TStringEnd => depth += 1,
            Lpar | Lsqb | Lbrace | FStringStart | TStringStart => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0
    })
}

fn start(token: &Token) -> usize {
    token.range().start().to_usize()
}

fn end(token: &Token) -> usize {
    token.range().end().to_usize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_expression_of_a_text_is_found() {
        for (text, expected) in [
            ("x", "x"),
            ("print(a.b", "a.b"),
            ("x = a[0]", "a[0]"),
            ("y + f(x)['k'].z", "f(x)['k'].z"),
            ("x = [1, 2]", "[1, 2]"),
            ("f({'a': ')'})", "f({'a': ')'})"),
            ("x = {'a': 1}", "{'a': 1}"),
            ("x = 'a b'", "'a b'"),
            ("x = '''it's'''", "'''it's'''"),
            ("x = 'a' 'b'", "'a' 'b'"),
            ("x = f'{a} b'", "f'{a} b'"),
            ("a.b[c['d'][0]]", "a.b[c['d'][0]]"),
            ("(x)", "(x)"),
            ("é.ü", "é.ü"),
            ("match.group", "match.group"),
            ("f(1,\n  2)", "f(1,\n  2)"),
            ("(df\n  .head()", "df\n  .head()"),
            ("(df  # all\n  .head()  # some", "df  # all\n  .head()"),
            ("x = df.head() \\\n  .tail()", "df.head() \\\n  .tail()"),
            ("%time [1]", "[1]"),
            ("x = 1\n%time (a)", "(a)"),
            ("b % time [1]", "time [1]"),
            ("s . upper ( )", "s . upper ( )"),
            ("x = s [0]", "s [0]"),
            ("return (x)", "(x)"),
            // The parser reads a call of `match`.
            ("match (x)", "match (x)"),
            ("y = match (x)", "match (x)"),
            ("type (x)", "type (x)"),
            ("1 + ", ""),
            ("a\n", ""),
            (")", ""),
            ("a)", ""),
            ("", ""),
        ] {
            assert_eq!(&text[trailing_expression(text)], expected, "{text}");
        }
    }

    #[test]
    fn what_stands_before_the_last_dot_is_found() {
        for (text, expected) in [
            ("x.", Some("x")),
            ("s . upper ( ) . ", Some("s . upper ( )")),
            ("y + f(x).", Some("f(x)")),
            ("(df\n  .head()\n  .", Some("df\n  .head()")),
            ("x = (a.\n  ", Some("a")),
            ("x = (a.  # why\n  ", Some("a")),
            ("x = df.head() \\\n  .", Some("df.head()")),
            ("f(1)\nx = (a\n  .", Some("a")),
            ("+.", Some("")),
            ("a.\n", None),
            ("1.", None),
            ("...", None),
            ("# a.", None),
            ("x", None),
            ("", None),
        ] {
            let found = attribute_owner(text).map(|range| &text[range]);
            assert_eq!(found, expected, "{text}");
        }
    }
}
