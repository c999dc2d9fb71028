//! What the names of a cell stand for that is still typed, as its text tells: for completion.
//!
//! Pure. It finds the places that bind names last; what is bound there is found in [`crate::evaluation`].
//! Which names there are at all is told in [`crate::bindings`].

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

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
    /// A parameter of which nothing is said.
    Unknown,
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

    /// The last places that bind its names.
    pub(crate) fn bindings(&self) -> Bindings<'_> {
        let mut bindings = Bindings {
            last: HashMap::new(),
            outer: None,
            class: None,
        };
        if let Some(module) = &self.module {
            bindings.visit_body(&module.body);
        }
        bindings
    }
}

/// What a function of the cell returns, in the order of its text; nothing of a generator.
pub(crate) fn returned(function: &StmtFunctionDef) -> Vec<&Expr> {
    #[derive(Default)]
    struct Returns<'a> {
        values: Vec<&'a Expr>,
        yields: bool,
    }
    impl<'a> Visitor<'a> for Returns<'a> {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            match statement {
                // They return for themselves.
                Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
                Stmt::Return(returned) => self.values.extend(returned.value.as_deref()),
                _ => {}
            }
            visitor::walk_stmt(self, statement);
        }

        fn visit_expr(&mut self, expression: &'a Expr) {
            match expression {
                Expr::Yield(_) | Expr::YieldFrom(_) => self.yields = true,
                Expr::Lambda(_) => {}
                other => visitor::walk_expr(self, other),
            }
        }
    }
    let mut returns = Returns::default();
    returns.visit_body(&function.body);
    if returns.yields {
        returns.values.clear();
    }
    returns.values
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

/// Where objects of a class of the cell get what they have under the name: in its body, or in the
/// method that is told.
pub(crate) fn places_set<'a>(class: &'a StmtClassDef, name: &str) -> Vec<PlaceSet<'a>> {
    let mut search = AttributeSearch {
        wanted: name,
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

type PlaceSet<'a> = (Binding<'a>, Option<&'a StmtFunctionDef>);

struct AttributeSearch<'a, 'n> {
    wanted: &'n str,
    /// The method that is looked through; None in the body of the class.
    method: Option<&'a StmtFunctionDef>,
    found: Vec<PlaceSet<'a>>,
}

impl AttributeSearch<'_, '_> {
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
            Stmt::Assign(assignment)
                if assignment.targets.iter().any(|each| self.is_wanted(each))
                    && !is_missing(&assignment.value) =>
            {
                let binding = Binding::Value(&assignment.value);
                self.found.push((binding, self.method));
            }
            Stmt::AnnAssign(assignment) if self.is_wanted(&assignment.target) => {
                let binding = Binding::Annotated(&assignment.annotation);
                self.found.push((binding, self.method));
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

/// The places that bind names last: in a cell, with all that is in it, or in one function of it.
pub(crate) struct Bindings<'a> {
    last: HashMap<&'a str, Binding<'a>>,
    /// Those of the cell around a function.
    outer: Option<Rc<Self>>,
    /// The class whose body is looked at.
    class: Option<&'a StmtClassDef>,
}

impl<'a> Bindings<'a> {
    /// Those of a function of the cell, and of which class it is a method.
    pub(crate) fn within(
        self: &Rc<Self>,
        function: &'a StmtFunctionDef,
        class: Option<&'a StmtClassDef>,
    ) -> Rc<Self> {
        let mut names = Self {
            last: HashMap::new(),
            outer: Some(Rc::clone(self.outer.as_ref().unwrap_or(self))),
            class,
        };
        names.parameters(function);
        names.visit_body(&function.body);
        Rc::new(names)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Binding<'a>> {
        let here = self.last.get(name).copied();
        here.or_else(|| self.outer.as_ref()?.find(name))
    }

    /// Whether the name is one of a function: it means nothing that is outside.
    pub(crate) fn is_local(&self, name: &str) -> bool {
        self.outer.is_some() && self.last.contains_key(name)
    }

    fn bind(&mut self, name: &'a str, binding: Binding<'a>) {
        self.last.insert(name, binding);
    }

    fn target(&mut self, target: &'a Expr, value: &'a Expr) {
        if let Some(name) = name_of(target)
            && !is_missing(value)
        {
            self.bind(name, Binding::Value(value));
        }
        if let (Expr::Tuple(targets), Expr::Tuple(values)) = (target, value)
            && targets.elts.len() == values.elts.len()
        {
            for (target, value) in targets.elts.iter().zip(&values.elts) {
                self.target(target, value);
            }
        }
    }

    /// The names that stepping through something binds.
    fn stepped(&mut self, target: &'a Expr, through: &'a Expr) {
        if let Some(name) = name_of(target) {
            self.bind(name, Binding::Item(through));
        }
        if let Expr::Tuple(parts) = target {
            for (index, part) in parts.elts.iter().enumerate() {
                if let Some(name) = name_of(part) {
                    self.bind(name, Binding::Part(through, index));
                }
            }
        }
    }

    fn parameters(&mut self, function: &'a StmtFunctionDef) {
        let is_method = !has_decorator(function, "staticmethod");
        for (index, each) in function.parameters.iter_non_variadic_params().enumerate() {
            let annotation = each.parameter.annotation.as_deref().map(Binding::Annotated);
            let default = each.default.as_deref().map(Binding::Value);
            let own = self.class.filter(|_| is_method && index == 0).map(|class| {
                if has_decorator(function, "classmethod") {
                    Binding::Class(class)
                } else {
                    Binding::Instance(class)
                }
            });
            let said = own.or(annotation).or(default);
            self.bind(
                each.parameter.name.as_str(),
                said.unwrap_or(Binding::Unknown),
            );
        }
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        self.bind(function.name.as_str(), Binding::Function(function));
        // The names of a function inside of a function aren't those of the outer one.
        if self.outer.is_none() {
            self.parameters(function);
            let around = self.class.take();
            self.visit_body(&function.body);
            self.class = around;
        }
    }

    fn class(&mut self, class: &'a StmtClassDef) {
        self.bind(class.name.as_str(), Binding::Class(class));
        if self.outer.is_none() {
            let around = self.class.replace(class);
            self.visit_body(&class.body);
            self.class = around;
        }
    }

    fn import(&mut self, statement: &'a StmtImport) {
        for alias in &statement.names {
            let path = alias.name.as_str();
            match &alias.asname {
                Some(name) => self.bind(name.as_str(), Binding::Module(path)),
                None => {
                    let top = path.split('.').next().unwrap_or_default();
                    self.bind(top, Binding::Module(top));
                }
            }
        }
    }

    fn import_from(&mut self, statement: &'a StmtImportFrom) {
        let Some(module) = statement.module.as_ref().filter(|_| statement.level == 0) else {
            return;
        };
        for alias in &statement.names {
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            let member = Binding::Member(module.as_str(), alias.name.as_str());
            self.bind(bound.as_str(), member);
        }
    }
}

impl<'a> Visitor<'a> for Bindings<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => return self.function(function),
            Stmt::ClassDef(class) => return self.class(class),
            Stmt::Assign(assignment) => {
                for target in &assignment.targets {
                    self.target(target, &assignment.value);
                }
            }
            Stmt::AnnAssign(assignment) => {
                if let Some(name) = name_of(&assignment.target) {
                    let binding = match &assignment.value {
                        Some(value) if !is_missing(value) => Binding::Value(value),
                        _ => Binding::Annotated(&assignment.annotation),
                    };
                    self.bind(name, binding);
                }
            }
            Stmt::For(each) => self.stepped(&each.target, &each.iter),
            Stmt::With(with) => {
                for item in &with.items {
                    if let Some(name) = item.optional_vars.as_deref().and_then(name_of) {
                        self.bind(name, Binding::Entered(&item.context_expr));
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
        if let (Some(name), Some(class)) = (&clause.name, clause.type_.as_deref()) {
            self.bind(name.as_str(), Binding::Annotated(class));
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
            Some(Binding::Unknown) => "unknown",
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
            ("x = 1\ndef f(x):\n    ", "unknown"),
            (
                "class A:\n    @classmethod\n    def f(x):\n        ",
                "class",
            ),
            ("from . import x\n", ""),
            ("y = 1\n", ""),
        ] {
            let typed = Typed::new(source);
            assert_eq!(kind(typed.bindings().find("x")), expected, "{source:?}");
        }
    }

    #[test]
    fn objects_have_what_their_class_binds_and_sets() {
        let typed = Typed::new(
            "class A(B):\n    kind = 'a'\n    size: int\n    def __init__(self, n):\n        \
             self.n = n\n        other.m = 1\n        self.\n    def twice(me):\n        me.done = True\n",
        );
        let Some(Binding::Class(class)) = typed.bindings().find("A") else {
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
            let places = places_set(class, name);
            let binding = places.last().map(|(binding, _)| *binding);
            assert_eq!(kind(binding), expected, "{name}");
        }
        assert!(method(class, "twice").is_some_and(|method| !has_decorator(method, "property")));
    }

    #[test]
    fn names_of_a_function_are_its_own() {
        let typed = Typed::new(
            "x = []\ny = 1\ndef f(x):\n    def g():\n        y = 'a'\n    return x\ndef h():\n    yield x\n    return y\n",
        );
        let cell = Rc::new(typed.bindings());
        let function = |name: &str| match cell.find(name) {
            Some(Binding::Function(function)) => function,
            other => panic!("{name} is a function, not {other:?}"),
        };
        let names = cell.within(function("f"), None);
        assert_eq!(kind(names.find("x")), "unknown");
        assert!(names.is_local("x") && !names.is_local("y"));
        assert_eq!(kind(names.find("y")), kind(cell.find("y")));
        assert_eq!(returned(function("f")).len(), 1);
        assert!(returned(function("h")).is_empty());
    }
}
