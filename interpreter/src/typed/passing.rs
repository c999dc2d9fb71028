//! Functions of which the text tells plainly which of their names they return.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Parameters, Stmt, StmtFunctionDef};

use super::name_of;

/// The only parameter that a function takes.
pub(crate) fn only_parameter(parameters: &Parameters) -> Option<&str> {
    let has_others = !parameters.kwonlyargs.is_empty()
        || parameters.vararg.is_some()
        || parameters.kwarg.is_some();
    let mut positional = parameters.posonlyargs.iter().chain(&parameters.args);
    match (positional.next(), positional.next()) {
        (Some(only), None) if !has_others => Some(only.parameter.name.as_str()),
        _ => None,
    }
}

/// The name that a function returns, whichever way it goes: all of its `return` say so, and it ends with one.
pub(crate) fn returned_name(function: &StmtFunctionDef) -> Option<&str> {
    let Some(Stmt::Return(last)) = function.body.last() else {
        return None;
    };
    let name = last.value.as_deref().and_then(name_of)?;
    let mut returns = Returns {
        name,
        are_alike: !function.is_async,
    };
    returns.visit_body(&function.body);
    returns.are_alike.then_some(name)
}

struct Returns<'n> {
    name: &'n str,
    are_alike: bool,
}

impl<'a> Visitor<'a> for Returns<'_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            // They return for themselves.
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
            Stmt::Return(returned) => {
                let name = returned.value.as_deref().and_then(name_of);
                self.are_alike &= name == Some(self.name);
            }
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            // A generator gives something else.
            Expr::Yield(_) | Expr::YieldFrom(_) => self.are_alike = false,
            Expr::Lambda(_) => {}
            other => visitor::walk_expr(self, other),
        }
    }
}

#[cfg(test)]
mod tests {
    use ruff_python_ast::Stmt;

    use super::{only_parameter, returned_name};
    use crate::parsing::parse_module;

    #[test]
    fn the_name_that_is_returned_is_told_where_there_is_one() {
        for (source, expected) in [
            ("def d(f): return f", (Some("f"), Some("f"))),
            (
                "def d(f, /):\n    f.x = 1\n    return f",
                (Some("f"), Some("f")),
            ),
            (
                "def d(f):\n    if f: return f\n    def g(): return 1\n    return f",
                (Some("f"), Some("f")),
            ),
            (
                "def d(f):\n    def g(): pass\n    return g",
                (Some("f"), Some("g")),
            ),
            (
                "def d(f):\n    if f: return\n    return f",
                (Some("f"), None),
            ),
            ("def d(f):\n    if f: return f", (Some("f"), None)),
            (
                "def d(f):\n    if f: return 1\n    return f",
                (Some("f"), None),
            ),
            ("def d(f):\n    yield f\n    return f", (Some("f"), None)),
            ("async def d(f): return f", (Some("f"), None)),
            ("def d(f): pass", (Some("f"), None)),
            ("def d(f, g): return f", (None, Some("f"))),
            ("def d(*f): return f", (None, Some("f"))),
            ("def d(f, **g): return f", (None, Some("f"))),
            ("def d(*, f): return f", (None, Some("f"))),
            ("def d(): return f", (None, Some("f"))),
        ] {
            let parsed = parse_module(source).expect("it is whole");
            let Some(Stmt::FunctionDef(function)) = parsed.syntax().body.first() else {
                panic!("{source:?} defines a function");
            };
            let found = (
                only_parameter(&function.parameters),
                returned_name(function),
            );
            assert_eq!(found, expected, "{source:?}");
        }
    }
}
