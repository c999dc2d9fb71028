//! What the names of a cell stand for that is still typed, as its text tells: for completion.
//!
//! Pure. It finds the place that binds a name last; what is bound there is found in [`crate::evaluation`].
//! Which names there are at all is told in [`crate::bindings`].

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprContext, Mod, ModModule, Stmt, StmtClassDef,
    StmtFunctionDef, StmtImport, StmtImportFrom,
};

use crate::parsing::parse_unchecked;
use crate::transform::{CellMagic, escapes_to_python};

/// The text of a cell up to some place; it need not be whole.
pub(crate) struct Typed {
    module: Option<ModModule>,
}

/// Where a name got what it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding<'a> {
    Value(&'a Expr),
    /// One of the items of it.
    Item(&'a Expr),
    /// The part at this index of one of its items.
    Part(&'a Expr, usize),
    /// Something of this class.
    Annotated(&'a Expr),
    /// What a `with` of it gives.
    Entered(&'a Expr),
    Module(&'a str),
    Member(&'a str, &'a str),
    Function(&'a StmtFunctionDef),
    Class(&'a StmtClassDef),
    /// An object of a class of the cell: `self`.
    Instance(&'a StmtClassDef),
}

impl Typed {
    pub(crate) fn new(source: &str) -> Self {
        let source = CellMagic::parse(source).map_or(source, |magic| magic.body);
        let python = escapes_to_python(source);
        let parsed = parse_unchecked(&python);
        let module = match parsed.into_syntax() {
            Mod::Module(module) => Some(module),
            Mod::Expression(_) => None,
        };
        Self { module }
    }

    /// The last place that binds the name.
    pub(crate) fn binding(&self, name: &str) -> Option<Binding<'_>> {
        let mut search = Search {
            wanted: name,
            found: None,
            class: None,
        };
        search.visit_body(&self.module.as_ref()?.body);
        search.found
    }
}

/// What a function of the cell returns, where it does last.
pub(crate) fn returned(function: &StmtFunctionDef) -> Option<&Expr> {
    #[derive(Default)]
    struct Returns<'a>(Option<&'a Expr>);
    impl<'a> Visitor<'a> for Returns<'a> {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            match statement {
                Stmt::Return(returned) => self.0 = returned.value.as_deref().or(self.0),
                // They return for themselves.
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
                other => visitor::walk_stmt(self, other),
            }
        }

        fn visit_expr(&mut self, _: &'a Expr) {}
    }
    let mut returns = Returns::default();
    returns.visit_body(&function.body);
    returns.0
}

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
                    attributes.names.extend(name_of(target).map(str::to_owned));
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

/// The method that the body of a class of the cell defines last under the name.
pub(crate) fn method<'a>(class: &'a StmtClassDef, name: &str) -> Option<&'a StmtFunctionDef> {
    let mut methods = class.body.iter().filter_map(|statement| match statement {
        Stmt::FunctionDef(method) => Some(method),
        _ => None,
    });
    methods.rfind(|method| method.name.as_str() == name)
}

pub(crate) fn has_decorator(function: &StmtFunctionDef, name: &str) -> bool {
    let mut decorators = function.decorator_list.iter();
    decorators.any(|decorator| name_of(&decorator.expression) == Some(name))
}

/// What objects of a class of the cell get under the name: by its body, or by what its methods set.
pub(crate) fn attribute<'a>(class: &'a StmtClassDef, name: &str) -> Option<Binding<'a>> {
    let mut search = AttributeSearch {
        wanted: name,
        own: None,
        found: None,
    };
    for statement in &class.body {
        if let Stmt::FunctionDef(method) = statement {
            search.own = first_parameter(method);
            search.visit_body(&method.body);
        } else {
            search.own = None;
            search.visit_stmt(statement);
        }
    }
    search.found
}

struct AttributeSearch<'a, 'n> {
    wanted: &'n str,
    /// What the object is called where it is looked; None in the body of the class.
    own: Option<&'a str>,
    found: Option<Binding<'a>>,
}

impl AttributeSearch<'_, '_> {
    fn is_wanted(&self, target: &Expr) -> bool {
        match (target, self.own) {
            (Expr::Attribute(attribute), Some(own)) => {
                name_of(&attribute.value) == Some(own) && attribute.attr.as_str() == self.wanted
            }
            (Expr::Name(name), None) => name.id.as_str() == self.wanted,
            _ => false,
        }
    }
}

impl<'a> Visitor<'a> for AttributeSearch<'a, '_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Assign(assignment)
                if assignment.targets.iter().any(|each| self.is_wanted(each))
                    && !is_missing(&assignment.value) =>
            {
                self.found = Some(Binding::Value(&assignment.value));
            }
            Stmt::AnnAssign(assignment) if self.is_wanted(&assignment.target) => {
                self.found = Some(Binding::Annotated(&assignment.annotation));
            }
            // What is in there has scopes of its own.
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            other => visitor::walk_stmt(self, other),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

fn name_of(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        _ => None,
    }
}

fn first_parameter(function: &StmtFunctionDef) -> Option<&str> {
    let parameters = &function.parameters;
    let mut all = parameters.posonlyargs.iter().chain(&parameters.args);
    all.next().map(|first| first.parameter.name.as_str())
}

/// Whether what stands behind `=` hasn't been typed yet.
fn is_missing(expression: &Expr) -> bool {
    name_of(expression) == Some("")
}

struct Search<'a, 'n> {
    wanted: &'n str,
    found: Option<Binding<'a>>,
    /// The class whose body is looked at.
    class: Option<&'a StmtClassDef>,
}

impl<'a> Search<'a, '_> {
    fn target(&mut self, target: &'a Expr, value: &'a Expr) {
        if name_of(target) == Some(self.wanted) && !is_missing(value) {
            self.found = Some(Binding::Value(value));
        }
        if let (Expr::Tuple(targets), Expr::Tuple(values)) = (target, value)
            && targets.elts.len() == values.elts.len()
        {
            for (target, value) in targets.elts.iter().zip(&values.elts) {
                self.target(target, value);
            }
        }
    }

    /// Looks among the names that stepping through something binds.
    fn stepped(&mut self, target: &'a Expr, through: &'a Expr) {
        if name_of(target) == Some(self.wanted) {
            self.found = Some(Binding::Item(through));
        }
        if let Expr::Tuple(parts) = target {
            let mut parts = parts.elts.iter();
            if let Some(index) = parts.position(|part| name_of(part) == Some(self.wanted)) {
                self.found = Some(Binding::Part(through, index));
            }
        }
    }

    fn parameters(&mut self, function: &'a StmtFunctionDef) {
        for each in function.parameters.iter_non_variadic_params() {
            if each.parameter.name.as_str() != self.wanted {
                continue;
            }
            let annotation = each.parameter.annotation.as_deref().map(Binding::Annotated);
            let default = each.default.as_deref().map(Binding::Value);
            let own = self.class.filter(|_| {
                first_parameter(function) == Some(self.wanted)
                    && !has_decorator(function, "staticmethod")
            });
            let found = own.map(Binding::Instance).or(annotation).or(default);
            // Without any of these it hides what the name stands for outside, and nothing is known of it.
            self.found = found;
        }
    }

    fn import(&mut self, statement: &'a StmtImport) {
        for alias in &statement.names {
            let path = alias.name.as_str();
            let top = path.split('.').next().unwrap_or_default();
            match &alias.asname {
                Some(name) if name.as_str() == self.wanted => {
                    self.found = Some(Binding::Module(path));
                }
                None if top == self.wanted => self.found = Some(Binding::Module(top)),
                _ => {}
            }
        }
    }

    fn import_from(&mut self, statement: &'a StmtImportFrom) {
        let Some(module) = statement.module.as_ref().filter(|_| statement.level == 0) else {
            return;
        };
        for alias in &statement.names {
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            if bound.as_str() == self.wanted {
                self.found = Some(Binding::Member(module.as_str(), alias.name.as_str()));
            }
        }
    }
}

impl<'a> Visitor<'a> for Search<'a, '_> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                if function.name.as_str() == self.wanted {
                    self.found = Some(Binding::Function(function));
                }
                self.parameters(function);
                let outer = self.class.take();
                self.visit_body(&function.body);
                self.class = outer;
                return;
            }
            Stmt::ClassDef(class) => {
                if class.name.as_str() == self.wanted {
                    self.found = Some(Binding::Class(class));
                }
                let outer = self.class.replace(class);
                self.visit_body(&class.body);
                self.class = outer;
                return;
            }
            Stmt::Assign(assignment) => {
                for target in &assignment.targets {
                    self.target(target, &assignment.value);
                }
            }
            Stmt::AnnAssign(assignment) if name_of(&assignment.target) == Some(self.wanted) => {
                self.found = Some(match &assignment.value {
                    Some(value) if !is_missing(value) => Binding::Value(value),
                    _ => Binding::Annotated(&assignment.annotation),
                });
            }
            Stmt::For(each) => self.stepped(&each.target, &each.iter),
            Stmt::With(with) => {
                for item in &with.items {
                    let target = item.optional_vars.as_deref().and_then(name_of);
                    if target == Some(self.wanted) {
                        self.found = Some(Binding::Entered(&item.context_expr));
                    }
                }
            }
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        if let Expr::Named(named) = expression {
            self.target(&named.target, &named.value);
        }
        visitor::walk_expr(self, expression);
    }

    fn visit_comprehension(&mut self, comprehension: &'a Comprehension) {
        self.stepped(&comprehension.target, &comprehension.iter);
        visitor::walk_comprehension(self, comprehension);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(clause) = handler;
        let is_wanted = clause.name.as_ref().map(|name| name.as_str()) == Some(self.wanted);
        if let Some(class) = clause.type_.as_deref().filter(|_| is_wanted) {
            self.found = Some(Binding::Annotated(class));
        }
        visitor::walk_except_handler(self, handler);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(binding: Option<Binding<'_>>) -> &'static str {
        match binding {
            Some(Binding::Value(_)) => "value",
            Some(Binding::Item(_)) => "item",
            Some(Binding::Part(..)) => "part",
            Some(Binding::Annotated(_)) => "annotated",
            Some(Binding::Entered(_)) => "entered",
            Some(Binding::Module(_)) => "module",
            Some(Binding::Member(..)) => "member",
            Some(Binding::Function(_)) => "function",
            Some(Binding::Class(_)) => "class",
            Some(Binding::Instance(_)) => "instance",
            None => "",
        }
    }

    #[test]
    fn the_last_place_that_binds_a_name_counts() {
        for (source, expected) in [
            ("x = 1\n", "value"),
            ("y, x = 1, []\n", "value"),
            ("x = []\nx = ", "value"),
            ("x: int\n", "annotated"),
            ("x: int = 3\n", "value"),
            ("for x in range(3):\n    ", "item"),
            ("for y, x in {}.items():\n    ", "part"),
            ("[x for x in range(3) if ", "item"),
            ("any(y for y, x in [] if ", "part"),
            ("with open('f') as x:\n    ", "entered"),
            ("import a.b as x\n", "module"),
            ("import x.b\n", "module"),
            ("from m import y as x\n", "member"),
            ("def x():\n    return 1\n", "function"),
            ("class x:\n    y = 1\n", "class"),
            ("class A:\n    def f(x):\n        ", "instance"),
            (
                "class A:\n    @staticmethod\n    def f(x: int):\n        ",
                "annotated",
            ),
            ("def f(x=[]):\n    ", "value"),
            ("try:\n    pass\nexcept ValueError as x:\n    ", "annotated"),
            ("if (x := 1):\n    ", "value"),
            ("%%time\nx = 1\n", "value"),
            ("x = 1\ndef f(x):\n    ", ""),
            ("from . import x\n", ""),
            ("y = 1\n", ""),
        ] {
            let typed = Typed::new(source);
            assert_eq!(kind(typed.binding("x")), expected, "{source:?}");
        }
    }

    #[test]
    fn objects_have_what_their_class_binds_and_sets() {
        let typed = Typed::new(
            "class A(B):\n    kind = 'a'\n    size: int\n    def __init__(self, n):\n        \
             self.n = n\n        other.m = 1\n        self.\n    def twice(me):\n        me.done = True\n",
        );
        let Some(Binding::Class(class)) = typed.binding("A") else {
            panic!("A is a class");
        };
        let names: Vec<String> = attributes_of(class).into_iter().collect();
        assert_eq!(names, ["__init__", "done", "kind", "n", "size", "twice"]);
        for (name, expected) in [
            ("kind", "value"),
            ("size", "annotated"),
            ("n", "value"),
            ("done", "value"),
            ("m", ""),
            ("twice", ""),
        ] {
            assert_eq!(kind(attribute(class, name)), expected, "{name}");
        }
        assert!(method(class, "twice").is_some_and(|method| !has_decorator(method, "property")));
    }
}
