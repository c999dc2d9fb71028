//! What a cell of plain Python ends with, and where a long one is cut to be compiled in pieces.
//!
//! The runtime's compiler compares each constant of a code object with all before it, so that what
//! 10,000 different numbers take grows with their square. Pieces of a few hundred statements keep
//! that small. Nothing runs before all of them are compiled: that is `cell`'s part.

use std::borrow::Cow;

use ruff_python_ast::Stmt;
use ruff_text_size::Ranged;

use crate::parsing::parse_module;

/// Cells of fewer statements stay whole.
const STATEMENTS_MANY: usize = 1000;

/// A piece has this many statements.
const STATEMENTS_PER_PIECE: usize = 250;

/// What a cell ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastStatement {
    /// An expression; `shown` unless a semicolon follows it.
    Expression {
        shown: bool,
    },
    Other,
}

/// How a cell is compiled.
#[derive(Debug)]
pub(crate) struct Outline {
    pub last: LastStatement,
    /// Where pieces after the first begin, in bytes: each at the begin of a line.
    cuts: Vec<usize>,
}

impl Outline {
    /// Reads Python source. Source that doesn't parse is one piece that ends with no expression.
    pub(crate) fn of(source: &str) -> Self {
        match parse_module(source) {
            Ok(parsed) => {
                let body = &parsed.syntax().body;
                Self {
                    last: last_statement(source, body.last()),
                    cuts: cuts(source, body),
                }
            }
            Err(_) => Self {
                last: LastStatement::Other,
                cuts: Vec::new(),
            },
        }
    }

    /// The pieces in order; each is preceded by as many empty lines as keep its numbers.
    pub(crate) fn pieces<'source>(
        &self,
        source: &'source str,
    ) -> impl ExactSizeIterator<Item = Cow<'source, str>> {
        let mut line = 0;
        (0..self.cuts.len() + 1).map(move |index| {
            let start = index.checked_sub(1).map_or(0, |before| self.cuts[before]);
            let end = self.cuts.get(index).copied().unwrap_or(source.len());
            let piece = &source[start..end];
            let lines_before = line;
            line += piece.matches('\n').count();
            if lines_before == 0 {
                return Cow::Borrowed(piece);
            }
            Cow::Owned("\n".repeat(lines_before) + piece)
        })
    }
}

fn last_statement(source: &str, last: Option<&Stmt>) -> LastStatement {
    let Some(Stmt::Expr(last)) = last else {
        return LastStatement::Other;
    };
    let after = &source[last.range.end().to_usize()..];
    // Brackets around the expression aren't part of it; nor is a comment.
    let shown = !after.trim_start_matches([')', ' ', '\t']).starts_with(';');
    LastStatement::Expression { shown }
}

fn cuts(source: &str, body: &[Stmt]) -> Vec<usize> {
    // What these say holds for all of a cell.
    let concerns_all = |statement: &Stmt| match statement {
        Stmt::Global(_) | Stmt::AnnAssign(_) => true,
        Stmt::ImportFrom(import) => import.module.as_deref() == Some("__future__"),
        _ => false,
    };
    if body.len() < STATEMENTS_MANY || body.iter().any(concerns_all) {
        return Vec::new();
    }
    let starts_line = |start: usize| start == 0 || source.as_bytes()[start - 1] == b'\n';
    let mut cuts = Vec::new();
    let mut since = 0;
    for statement in body {
        let start = statement.range().start().to_usize();
        // A statement behind a semicolon stays with those before it.
        if since >= STATEMENTS_PER_PIECE && starts_line(start) {
            cuts.push(start);
            since = 0;
        }
        since += 1;
    }
    cuts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_statement_decides_what_is_shown() {
        let shown = LastStatement::Expression { shown: true };
        let quiet = LastStatement::Expression { shown: false };
        for (source, expected) in [
            ("1", shown),
            ("x = 1\nx", shown),
            ("x; y", shown),
            ("(x)", shown),
            ("((x)) # c;", shown),
            ("x;", quiet),
            ("(x) ;", quiet),
            ("x ; # c", quiet),
            ("x; y;", quiet),
            ("'a;'", shown),
            ("f(\n1\n)", shown),
            ("x = 1", LastStatement::Other),
            ("def f(): pass", LastStatement::Other),
            ("if x: y", LastStatement::Other),
            ("", LastStatement::Other),
            ("# x", LastStatement::Other),
            ("x =", LastStatement::Other),
        ] {
            assert_eq!(Outline::of(source).last, expected, "{source}");
        }
    }

    #[test]
    fn a_long_cell_is_cut_at_lines_and_keeps_its_numbers() {
        let source: String = (0..STATEMENTS_MANY)
            .map(|n| format!("# {n}\nx{n} = [{n},\n    1]; y{n} = 2\n"))
            .collect();
        let outline = Outline::of(&source);
        let pieces: Vec<_> = outline.pieces(&source).collect();
        assert!(pieces.len() > 4, "{}", pieces.len());
        let lines: Vec<&str> = source.lines().collect();
        let mut seen = 0;
        for piece in &pieces {
            parse_module(piece).expect("a piece is Python");
            for (number, line) in piece.lines().enumerate().skip(seen) {
                assert_eq!(line, lines[number]);
            }
            seen = piece.lines().count();
        }
        assert_eq!(seen, lines.len());
    }

    #[test]
    fn what_concerns_all_of_a_cell_keeps_it_whole() {
        let long = "x = 1\n".repeat(STATEMENTS_MANY);
        assert!(Outline::of(&long).pieces(&long).len() > 1);
        for first in [
            "from __future__ import annotations",
            "global x",
            "y: int = 1",
        ] {
            let source = format!("{first}\n{long}");
            assert_eq!(Outline::of(&source).pieces(&source).len(), 1, "{first}");
        }
        let one_line = "x = 1; ".repeat(STATEMENTS_MANY);
        assert_eq!(Outline::of(&one_line).pieces(&one_line).len(), 1);
    }
}
