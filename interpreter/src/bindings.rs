//! The names that source binds, told from its text: for a cell that is still typed.
//!
//! Pure. Whose scope a name is of isn't looked at.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Alias, ExceptHandler, Expr, ExprContext, Mod, Parameter, Stmt};

use crate::parsing::parse_unchecked;
use crate::transform::{CellMagic, escapes_to_python};

/// Every name that the source binds, in the order of the text; it need not be whole.
pub(crate) fn bound_names(source: &str) -> Vec<String> {
    let source = CellMagic::parse(source).map_or(source, |magic| magic.body);
    let python = escapes_to_python(source);
    let parsed = parse_unchecked(&python);
    let mut found = Found::default();
    if let Mod::Module(module) = parsed.syntax() {
        found.visit_body(&module.body);
    }
    found.names
}

#[derive(Default)]
struct Found {
    names: Vec<String>,
}

impl Found {
    fn add(&mut self, name: &str) {
        // The parser puts an empty name where it misses one.
        if !name.is_empty() && name != "*" {
            self.names.push(name.to_owned());
        }
    }
}

impl<'a> Visitor<'a> for Found {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => self.add(function.name.as_str()),
            Stmt::ClassDef(class) => self.add(class.name.as_str()),
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Name(name) = expression
            && matches!(name.ctx, ExprContext::Store)
        {
            self.add(name.id.as_str());
        }
        visitor::walk_expr(self, expression);
    }

    fn visit_parameter(&mut self, parameter: &'a Parameter) {
        self.add(parameter.name.as_str());
        visitor::walk_parameter(self, parameter);
    }

    fn visit_alias(&mut self, alias: &'a Alias) {
        match &alias.asname {
            Some(name) => self.add(name.as_str()),
            // `import a.b` binds a.
            None => self.add(alias.name.as_str().split('.').next().unwrap_or_default()),
        }
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(clause) = handler;
        if let Some(name) = &clause.name {
            self.add(name.as_str());
        }
        visitor::walk_except_handler(self, handler);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_where_they_are_bound() {
        for (source, expected) in [
            ("x = 1\n", "x"),
            ("def f(a, *b, c=1, **d):\n", "a b c d f"),
            ("import a.b, c as d\n", "a d"),
            ("from m import x, y as z\nfrom n import *\n", "x z"),
            ("for i, j in r:\n    pass\n", "i j"),
            ("with o() as p:\n    print(q)\n", "p"),
            ("try:\n    pass\nexcept E as e:\n    pass\n", "e"),
            ("if (n := 1):\n    pass\n", "n"),
            ("files = !ls\n%time k = 1\n", "files"),
            ("%%time\nm = 1\n", "m"),
            ("print(x)\n", ""),
        ] {
            let mut names = bound_names(source);
            names.sort_unstable();
            let expected: Vec<&str> = expected.split_whitespace().collect();
            assert_eq!(names, expected, "{source}");
        }
    }
}
