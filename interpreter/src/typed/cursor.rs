//! The place in a cell where something is typed: the innermost scope around it.

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Comprehension, Expr, Stmt};
use ruff_text_size::{Ranged, TextSize};

use super::scopes::Place;

/// The innermost place around the expression that begins there.
pub(super) fn innermost<'a>(cell: Place<'a>, body: &'a [Stmt], cursor: TextSize) -> Place<'a> {
    let mut way = Way {
        place: cell,
        cursor,
    };
    way.visit_body(body);
    way.place
}

/// The innermost place around a part of an expression that stands at a place.
pub(crate) fn inside<'a>(place: &Place<'a>, around: &'a Expr, part: &'a Expr) -> Place<'a> {
    let mut way = Way {
        place: place.clone(),
        cursor: part.start(),
    };
    way.visit_expr(around);
    way.place
}

/// The way from the cell to the cursor: what doesn't lead there isn't looked at.
struct Way<'a> {
    place: Place<'a>,
    cursor: TextSize,
}

impl<'a> Way<'a> {
    fn leads_into(&self, part: &impl Ranged) -> bool {
        part.range().contains(self.cursor)
    }

    fn leads_into_one_of(&self, body: &[Stmt]) -> bool {
        body.iter().any(|statement| self.leads_into(statement))
    }

    /// What is stepped through belongs to the scope around the names that it is bound to.
    fn comprehension(
        &mut self,
        generators: &'a [Comprehension],
        made: impl IntoIterator<Item = &'a Expr>,
    ) {
        for each in generators {
            if self.leads_into(&each.iter) {
                return self.visit_expr(&each.iter);
            }
            self.place = self.place.stepping(each);
            if self.leads_into(each) {
                for condition in &each.ifs {
                    self.visit_expr(condition);
                }
                return;
            }
        }
        self.place = self.place.behind_conditions(generators);
        for part in made {
            self.visit_expr(part);
        }
    }
}

impl<'a> Visitor<'a> for Way<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if !self.leads_into(statement) {
            return;
        }
        match statement {
            Stmt::FunctionDef(function) if self.leads_into_one_of(&function.body) => {
                self.place = self.place.function(function);
                self.visit_body(&function.body);
            }
            Stmt::ClassDef(class) if self.leads_into_one_of(&class.body) => {
                self.place = self.place.class_body(class);
                self.visit_body(&class.body);
            }
            // What makes them is run before they are there.
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {
                self.place = self.place.before(statement.start());
                visitor::walk_stmt(self, statement);
            }
            other => visitor::walk_stmt(self, other),
        }
    }

    fn visit_annotation(&mut self, annotation: &'a Expr) {
        if self.leads_into(annotation) {
            self.place = self.place.later();
            self.visit_expr(annotation);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if !self.leads_into(expression) {
            return;
        }
        match expression {
            Expr::Lambda(lambda) if self.leads_into(&*lambda.body) => {
                self.place = self.place.lambda(lambda);
                self.visit_expr(&lambda.body);
            }
            Expr::ListComp(made) => self.comprehension(&made.generators, [&*made.elt]),
            Expr::SetComp(made) => self.comprehension(&made.generators, [&*made.elt]),
            Expr::Generator(made) => self.comprehension(&made.generators, [&*made.elt]),
            Expr::DictComp(made) => {
                let key = made.key.as_deref().into_iter();
                self.comprehension(&made.generators, key.chain([&*made.value]));
            }
            other => visitor::walk_expr(self, other),
        }
    }
}
