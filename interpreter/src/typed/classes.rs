//! What the text of a class tells of its objects: the names that they have, and where they get what they
//! have under them.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, ExprContext, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::{Ranged, TextSize};

use super::targets::{Unpacked, assigned, bound, elements};
use super::{Binding, is_missing, name_of};

/// The names that objects of a class of the cell have by its text: what its body binds, and what its
/// methods set.
pub(crate) fn attributes_of(class: &StmtClassDef) -> BTreeSet<String> {
    #[derive(Default)]
    struct Attributes {
        names: BTreeSet<String>,
        own: Option<String>,
    }
    impl<'a> Visitor<'a> for Attributes {
        fn visit_expr(&mut self, expression: &'a Expr) {
            if let Expr::Attribute(attribute) = expression
                && matches!(attribute.ctx, ExprContext::Store)
                && let Expr::Name(owner) = &*attribute.value
                && Some(owner.id.as_str()) == self.own.as_deref()
                && !attribute.attr.is_empty()
            {
                self.names.insert(attribute.attr.to_string());
            }
            visitor::walk_expr(self, expression);
        }
    }
    let mut attributes = Attributes::default();
    for statement in &class.body {
        match statement {
            Stmt::FunctionDef(method) => {
                attributes.names.insert(method.name.to_string());
                attributes.own = first_parameter(method).map(str::to_owned);
                attributes.visit_body(&method.body);
            }
            Stmt::ClassDef(inner) => {
                attributes.names.insert(inner.name.to_string());
            }
            Stmt::Assign(assignment) => {
                for target in &assignment.targets {
                    let value = Unpacked::Value(&assignment.value);
                    bound(target, value, &mut |target, _| {
                        attributes.names.extend(name_of(target).map(str::to_owned));
                    });
                }
            }
            Stmt::AnnAssign(assignment) => {
                let name = name_of(&assignment.target);
                attributes.names.extend(name.map(str::to_owned));
            }
            _ => {}
        }
    }
    attributes.names.remove("");
    attributes.names
}

/// The method that the body of a class of the cell defines last under the name: of a property the one that
/// reads it.
pub(crate) fn method<'a>(class: &'a StmtClassDef, name: &str) -> Option<&'a StmtFunctionDef> {
    let mut methods = class.body.iter().filter_map(|statement| match statement {
        Stmt::FunctionDef(method) => Some(method),
        _ => None,
    });
    methods.rfind(|method| method.name.as_str() == name && !changes_property(method, name))
}

/// Whether a method is what `@name.setter` or `@name.deleter` makes of it.
fn changes_property(method: &StmtFunctionDef, name: &str) -> bool {
    method.decorator_list.iter().any(|decorator| {
        let Expr::Attribute(of) = &decorator.expression else {
            return false;
        };
        name_of(&of.value) == Some(name) && matches!(of.attr.as_str(), "setter" | "deleter")
    })
}

pub(super) fn has_decorator(function: &StmtFunctionDef, name: &str) -> bool {
    let mut decorators = function.decorator_list.iter();
    decorators.any(|decorator| name_of(&decorator.expression) == Some(name))
}

/// Whether the body of a class of the cell makes a member of that name, if it is an enumeration.
pub(crate) fn is_member(class: &StmtClassDef, name: &str) -> bool {
    let is_it = |target: &Expr| {
        let parts = elements(target).unwrap_or(std::slice::from_ref(target));
        parts.iter().any(|part| name_of(part) == Some(name))
    };
    let binds = |statement: &Stmt| match statement {
        Stmt::Assign(assignment) => {
            assignment.targets.iter().any(is_it) && !assignment.value.is_lambda_expr()
        }
        Stmt::AnnAssign(assignment) => is_it(&assignment.target) && assignment.value.is_some(),
        _ => false,
    };
    !name.starts_with('_') && class.body.iter().any(binds)
}

/// Where objects of a class of the cell get what they have under the name: in its body, or in the
/// method that is told. What isn't whole where the text ends isn't set yet.
pub(crate) fn places_set<'a>(
    class: &'a StmtClassDef,
    name: &str,
    end: TextSize,
) -> Vec<PlaceSet<'a>> {
    let mut search = AttributeSearch {
        wanted: name,
        end,
        method: None,
        found: Vec::new(),
    };
    for statement in &class.body {
        if let Stmt::FunctionDef(method) = statement {
            search.method = Some(method);
            search.visit_body(&method.body);
        } else {
            search.method = None;
            search.visit_stmt(statement);
        }
    }
    search.found
}

/// A place that sets an attribute.
#[derive(Clone, Copy)]
pub(crate) struct PlaceSet<'a> {
    pub(crate) binding: Binding<'a>,
    /// The method in which it is; None in the body of the class.
    pub(crate) method: Option<&'a StmtFunctionDef>,
    pub(crate) start: TextSize,
}

struct AttributeSearch<'a, 'n> {
    wanted: &'n str,
    end: TextSize,
    /// The method that is looked through; None in the body of the class.
    method: Option<&'a StmtFunctionDef>,
    found: Vec<PlaceSet<'a>>,
}

impl<'a> AttributeSearch<'a, '_> {
    fn find(&mut self, binding: Binding<'a>, start: TextSize) {
        self.found.push(PlaceSet {
            binding,
            method: self.method,
            start,
        });
    }

    /// Finds what those of the targets are bound to that are wanted.
    fn binding(&mut self, start: TextSize) -> impl FnMut(&'a Expr, Binding<'a>) {
        move |target, binding| {
            if self.is_wanted(target) {
                self.find(binding, start);
            }
        }
    }

    fn is_wanted(&self, target: &Expr) -> bool {
        match (target, self.method) {
            (Expr::Attribute(attribute), Some(method)) => {
                let own = first_parameter(method);
                own.is_some_and(|own| name_of(&attribute.value) == Some(own))
                    && attribute.attr.as_str() == self.wanted
            }
            (Expr::Name(name), None) => name.id.as_str() == self.wanted,
            _ => false,
        }
    }
}

impl<'a> Visitor<'a> for AttributeSearch<'a, '_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assignment) if assignment.range.end() <= self.end => {
                let start = assignment.range.start();
                for target in &assignment.targets {
                    assigned(target, &assignment.value, &mut self.binding(start));
                }
            }
            Stmt::AugAssign(assignment)
                if self.is_wanted(&assignment.target)
                    && !is_missing(&assignment.value)
                    && assignment.range.end() <= self.end =>
            {
                self.find(Binding::Augmented(assignment), assignment.range.start());
            }
            Stmt::For(each) if each.iter.end() <= self.end => {
                let items = Unpacked::Item(&each.iter);
                bound(&each.target, items, &mut self.binding(each.start()));
                visitor::walk_stmt(self, statement);
            }
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(target) = item.optional_vars.as_deref()
                        && item.context_expr.end() <= self.end
                    {
                        let entered = Unpacked::Entered(&item.context_expr);
                        bound(target, entered, &mut self.binding(with.start()));
                    }
                }
                visitor::walk_stmt(self, statement);
            }
            Stmt::AnnAssign(assignment) if self.is_wanted(&assignment.target) => {
                let binding = Binding::Annotated(&assignment.annotation);
                self.find(binding, assignment.range.start());
            }
            // What is in there has scopes of its own.
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            other => visitor::walk_stmt(self, other),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

fn first_parameter(function: &StmtFunctionDef) -> Option<&str> {
    let parameters = &function.parameters;
    let mut all = parameters.posonlyargs.iter().chain(&parameters.args);
    all.next().map(|first| first.parameter.name.as_str())
}
