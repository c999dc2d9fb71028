//! The names of scopes around that a function or a class binds when it runs: by `global` and `nonlocal`.

use std::collections::HashSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Alias, Expr, ExprContext, Identifier, Stmt};

/// Those that the body of a definition in a function binds; of one in the cell, the global ones.
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
    bound.names.retain(|name| declared.names.contains(name));
    bound.names
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

#[derive(Default)]
struct Bound<'a> {
    names: Vec<&'a str>,
}

impl<'a> Visitor<'a> for Bound<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            // What it had before is of its kind.
            Stmt::AugAssign(_) => return,
            Stmt::FunctionDef(function) => self.names.push(function.name.as_str()),
            Stmt::ClassDef(class) => self.names.push(class.name.as_str()),
            Stmt::Import(import) => self.names.extend(import.names.iter().map(name_of)),
            Stmt::ImportFrom(import) => self.names.extend(import.names.iter().map(name_of)),
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && matches!(name.ctx, ExprContext::Store)
        {
            self.names.push(name.id.as_str());
        }
        visitor::walk_expr(self, expression);
    }
}
