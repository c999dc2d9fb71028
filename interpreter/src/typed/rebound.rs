//! The names of scopes around that a function or a class binds when it runs: by `global` and `nonlocal`.

use std::collections::HashSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Alias, ExceptHandler, Expr, ExprContext, Identifier, Pattern, Stmt};

/// Those that the body of a definition in a function may bind; of one in the cell, the global ones. What it
/// binds them to is told by its scopes.
pub(super) fn rebound(definition: &Stmt, is_in_function: bool) -> Vec<&str> {
    let mut declared = Declared {
        names: HashSet::new(),
        with_nonlocals: is_in_function,
    };
    declared.visit_stmt(definition);
    let mut bound = Bound::default();
    // Few declare any.
    if !declared.names.is_empty() {
        visitor::walk_stmt(&mut bound, definition);
    }
    let names = bound.names.into_iter();
    names.filter(|name| declared.names.contains(name)).collect()
}

struct Declared<'a> {
    names: HashSet<&'a str>,
    with_nonlocals: bool,
}

impl<'a> Visitor<'a> for Declared<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        let names = match statement {
            Stmt::Global(global) => &global.names[..],
            Stmt::Nonlocal(nonlocal) if self.with_nonlocals => &nonlocal.names[..],
            _ => &[],
        };
        self.names.extend(names.iter().map(Identifier::as_str));
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

fn name_of(alias: &Alias) -> &str {
    alias.asname.as_ref().unwrap_or(&alias.name)
}

fn top_of(alias: &Alias) -> &str {
    name_of(alias).split('.').next().unwrap_or_default()
}

#[derive(Default)]
struct Bound<'a> {
    names: HashSet<&'a str>,
}

impl<'a> Visitor<'a> for Bound<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                self.names.insert(function.name.as_str());
            }
            Stmt::ClassDef(class) => {
                self.names.insert(class.name.as_str());
            }
            Stmt::Import(import) => self.names.extend(import.names.iter().map(top_of)),
            Stmt::ImportFrom(import) => self.names.extend(import.names.iter().map(name_of)),
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && !matches!(name.ctx, ExprContext::Load)
        {
            self.names.insert(name.id.as_str());
        }
        visitor::walk_expr(self, expression);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(clause) = handler;
        self.names
            .extend(clause.name.iter().map(Identifier::as_str));
        visitor::walk_except_handler(self, handler);
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        self.names.extend(captured(pattern).map(Identifier::as_str));
        visitor::walk_pattern(self, pattern);
    }
}

/// The name that a pattern gives to what it fits.
pub(super) fn captured(pattern: &Pattern) -> Option<&Identifier> {
    match pattern {
        Pattern::MatchAs(captures) => captures.name.as_ref(),
        Pattern::MatchStar(captures) => captures.name.as_ref(),
        Pattern::MatchMapping(captures) => captures.rest.as_ref(),
        _ => None,
    }
}
