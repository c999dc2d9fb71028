//! The scopes of a cell that is typed: what each binds, and what is seen from a place in it.
//!
//! As in Python: a function sees the names of those around it and of the cell, and not those of classes; what
//! is given to a function, a lambda or a comprehension is its own; `global` and `nonlocal` count. What is bound
//! further on in a scope isn't seen.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprLambda, Identifier, Parameters, Pattern, Stmt,
    StmtClassDef, StmtFunctionDef, StmtImport, StmtImportFrom, StmtTry, TypeParams, WithItem,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::rebound::rebound;
use super::{Binding, Unread, has_decorator, is_missing, name_of};

/// A scope of the cell, up to some place in its text.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    names: Rc<Names<'a>>,
    until: TextSize,
}

/// What one scope binds.
struct Names<'a> {
    kind: Kind<'a>,
    /// In the order of the text.
    bound: HashMap<&'a str, Vec<Bound<'a>>>,
    globals: HashSet<&'a str>,
    nonlocals: HashSet<&'a str>,
    /// Where names are looked for that aren't bound here; None of the cell.
    outer: Option<Place<'a>>,
    /// Where the text ends.
    end: TextSize,
    /// Comprehensions around the expression that is looked at.
    comprehensions: usize,
}

enum Kind<'a> {
    Cell {
        /// What is before it and isn't read.
        unread: Unread<'a>,
    },
    Function,
    Class {
        class: &'a StmtClassDef,
        around: Place<'a>,
    },
    /// What a function or a comprehension is given, by expressions that belong to the place around.
    Given {
        around: Place<'a>,
    },
}

#[derive(Clone, Copy)]
struct Bound<'a> {
    binding: Binding<'a>,
    /// What must have been run, so that it is bound.
    by: TextRange,
}

impl<'a> Place<'a> {
    pub(super) fn of_cell(body: &'a [Stmt], end: TextSize, unread: Unread<'a>) -> Self {
        let mut names = Names::new(Kind::Cell { unread }, None, end);
        names.visit_body(body);
        names.at_end()
    }

    /// In the body of a function that is defined here.
    pub(crate) fn function(&self, function: &'a StmtFunctionDef) -> Self {
        let around = self.typed_by(function.type_params.as_deref());
        let mut given = around.within(Kind::Given {
            around: around.clone(),
        });
        let own = match &self.names.kind {
            Kind::Class { class, .. } => own_parameter(class, function),
            _ => None,
        };
        given.parameters(&function.parameters, own);
        let mut names = given.at_once().within(Kind::Function);
        names.visit_body(&function.body);
        names.at_end()
    }

    /// In the body of a lambda that stands here.
    pub(super) fn lambda(&self, lambda: &'a ExprLambda) -> Self {
        let mut given = self.within(Kind::Given {
            around: self.clone(),
        });
        if let Some(parameters) = &lambda.parameters {
            given.parameters(parameters, None);
        }
        given.at_once()
    }

    /// In the body of a class that is defined here.
    pub(crate) fn class_body(&self, class: &'a StmtClassDef) -> Self {
        let outer = self.typed_by(class.type_params.as_deref());
        let mut names = outer.within(Kind::Class {
            class,
            around: self.clone(),
        });
        names.visit_body(&class.body);
        names.at_end()
    }

    /// Where the names are bound with which a comprehension steps through something.
    pub(super) fn stepping(&self, comprehension: &'a Comprehension) -> Self {
        let mut names = self.within(Kind::Given {
            around: self.clone(),
        });
        names.stepped(&comprehension.target, &comprehension.iter);
        names.at_once()
    }

    /// The same scope, further up in the text.
    pub(crate) fn before(&self, until: TextSize) -> Self {
        Self {
            names: Rc::clone(&self.names),
            until: until.min(self.until),
        }
    }

    /// The same scope, as what runs later sees it.
    pub(crate) fn whole(&self) -> Self {
        Self {
            names: Rc::clone(&self.names),
            until: self.until.max(self.names.end),
        }
    }

    /// Where the text ends: at the expression that is asked for.
    pub(crate) fn end(&self) -> TextSize {
        self.names.end
    }

    /// The place where the class is defined, if this is in its body.
    pub(crate) fn around_class(&self, class: &StmtClassDef) -> Option<Self> {
        match &self.names.kind {
            Kind::Class {
                class: known,
                around,
            } if std::ptr::eq(*known, class) => Some(around.clone()),
            _ => None,
        }
    }

    /// What the name is bound to in the cell, as seen from here, and the place to which what it is bound to
    /// belongs. None of a name that is none of the cell's.
    pub(crate) fn find(&self, name: &str) -> Option<(Binding<'a>, Self)> {
        let mut here = self.clone();
        loop {
            if let Some(found) = here.own(name) {
                return Some(found);
            }
            let outer = here.names.outer.clone()?;
            here = match here.names.globals.contains(name) {
                true => outer.cell(),
                false => outer,
            };
        }
    }

    fn own(&self, name: &str) -> Option<(Binding<'a>, Self)> {
        let bound = self.names.bound.get(name)?;
        let Some(last) = bound.iter().rfind(|each| self.is_behind(each)) else {
            // It is the function's all the same, without a value yet.
            let is_unset = matches!(self.names.kind, Kind::Function) && self.names.is_local(name);
            return is_unset.then(|| (Binding::Unknown, self.clone()));
        };
        let place = match (&self.names.kind, last.binding) {
            (Kind::Given { around }, _) => around.clone(),
            // Their bodies run when they are called.
            (_, Binding::Function(_) | Binding::Class(_)) => self.whole(),
            _ => self.before(last.by.start()),
        };
        Some((last.binding, place))
    }

    /// The part of the cell that isn't read.
    pub(crate) fn unread(&self) -> Option<Unread<'a>> {
        match self.cell().names.kind {
            Kind::Cell { unread } => Some(unread),
            _ => None,
        }
    }

    /// The names of the cell that are seen from here.
    pub(crate) fn names(&self) -> HashSet<&'a str> {
        let mut names = HashSet::new();
        let mut here = Some(self);
        while let Some(place) = here {
            for (name, bound) in &place.names.bound {
                if bound.iter().any(|each| place.is_behind(each)) {
                    names.insert(*name);
                }
            }
            here = place.names.outer.as_ref();
        }
        names
    }

    fn is_behind(&self, bound: &Bound<'_>) -> bool {
        bound.by.end() <= self.until
    }

    fn cell(&self) -> Self {
        let mut here = self;
        while let Some(outer) = &here.names.outer {
            here = outer;
        }
        here.clone()
    }

    /// A scope in this one, without names yet.
    fn within(&self, kind: Kind<'a>) -> Names<'a> {
        let outer = match (&self.names.kind, &self.names.outer) {
            (Kind::Class { .. }, Some(outer)) => outer.clone(),
            _ => self.clone(),
        };
        Names::new(kind, Some(outer), self.names.end)
    }

    /// Where the parameters of a type are bound: `def f[T](…)`.
    fn typed_by(&self, parameters: Option<&'a TypeParams>) -> Self {
        let Some(parameters) = parameters else {
            return self.clone();
        };
        let mut names = self.within(Kind::Given {
            around: self.clone(),
        });
        for parameter in &parameters.type_params {
            let name = parameter.name();
            names.bind(name.as_str(), Binding::Unknown, name.range);
        }
        names.at_once()
    }
}

/// What the first parameter of a method is.
fn own_parameter<'a>(
    class: &'a StmtClassDef,
    function: &'a StmtFunctionDef,
) -> Option<Binding<'a>> {
    if has_decorator(function, "staticmethod") {
        return None;
    }
    let gets_class = has_decorator(function, "classmethod")
        || matches!(
            function.name.as_str(),
            "__new__" | "__init_subclass__" | "__class_getitem__"
        );
    Some(match gets_class {
        true => Binding::Itself(class),
        false => Binding::Instance(class),
    })
}

impl<'a> Names<'a> {
    fn new(kind: Kind<'a>, outer: Option<Place<'a>>, end: TextSize) -> Self {
        Self {
            kind,
            bound: HashMap::new(),
            globals: HashSet::new(),
            nonlocals: HashSet::new(),
            outer,
            end,
            comprehensions: 0,
        }
    }

    /// The scope as it is where the text ends.
    fn at_end(self) -> Place<'a> {
        let until = self.end;
        Place {
            names: Rc::new(self),
            until,
        }
    }

    /// The scope if it has all of its names before anything runs in it.
    fn at_once(self) -> Place<'a> {
        Place {
            names: Rc::new(self),
            until: TextSize::new(u32::MAX),
        }
    }

    fn bind(&mut self, name: &'a str, binding: Binding<'a>, by: TextRange) {
        // The parser puts an empty name where it misses one.
        if !name.is_empty() {
            let bound = self.bound.entry(name).or_default();
            bound.push(Bound { binding, by });
        }
    }

    /// Whether a name that a function binds is its own, and not one that is declared to be of another scope,
    /// nor one that it is given.
    fn is_local(&self, name: &str) -> bool {
        let is_declared = self.globals.contains(name) || self.nonlocals.contains(name);
        !is_declared && !self.is_given(name)
    }

    fn is_given(&self, name: &str) -> bool {
        let given = self.outer.as_ref().map(|outer| &outer.names);
        given.is_some_and(|given| {
            matches!(given.kind, Kind::Given { .. }) && given.bound.contains_key(name)
        })
    }

    fn target(&mut self, target: &'a Expr, value: &'a Expr, by: TextRange) {
        match (target, value) {
            _ if is_missing(value) => {}
            (Expr::Name(name), _) => self.bind(name.id.as_str(), Binding::Value(value), by),
            (Expr::Tuple(targets), Expr::Tuple(values))
                if targets.elts.len() == values.elts.len()
                    && !targets.elts.iter().any(Expr::is_starred_expr)
                    && !values.elts.iter().any(Expr::is_starred_expr) =>
            {
                for (target, value) in targets.elts.iter().zip(&values.elts) {
                    self.target(target, value, by);
                }
            }
            (target, _) => self.hide(target, by),
        }
    }

    /// Binds the names of a target to what isn't known.
    fn hide(&mut self, target: &'a Expr, by: TextRange) {
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), Binding::Unknown, by),
            Expr::Starred(rest) => self.hide(&rest.value, by),
            Expr::Tuple(parts) => parts.elts.iter().for_each(|part| self.hide(part, by)),
            Expr::List(parts) => parts.elts.iter().for_each(|part| self.hide(part, by)),
            _ => {}
        }
    }

    /// The names that stepping through something binds.
    fn stepped(&mut self, target: &'a Expr, through: &'a Expr) {
        let by = through.range();
        match target {
            Expr::Name(name) => self.bind(name.id.as_str(), Binding::Item(through), by),
            Expr::Tuple(parts) if !parts.elts.iter().any(Expr::is_starred_expr) => {
                for (index, part) in parts.elts.iter().enumerate() {
                    match name_of(part) {
                        Some(name) => self.bind(name, Binding::Part(through, index), by),
                        None => self.hide(part, by),
                    }
                }
            }
            other => self.hide(other, by),
        }
    }

    fn parameters(&mut self, parameters: &'a Parameters, own: Option<Binding<'a>>) {
        for (index, each) in parameters.iter_non_variadic_params().enumerate() {
            let annotation = each.parameter.annotation.as_deref().map(Binding::Annotated);
            let default = each.default.as_deref().map(Binding::Value);
            let own = own.filter(|_| index == 0);
            let said = own.or(annotation).or(default);
            let said = said.unwrap_or(Binding::Unknown);
            self.bind(
                each.parameter.name.as_str(),
                said,
                each.parameter.name.range,
            );
        }
        let rest = [
            (&parameters.vararg, Binding::Positional),
            (&parameters.kwarg, Binding::Keywords),
        ];
        for (parameter, binding) in rest {
            if let Some(parameter) = parameter {
                self.bind(parameter.name.as_str(), binding, parameter.name.range);
            }
        }
    }

    /// The names that are given to what a `with` enters.
    fn entered(&mut self, item: &'a WithItem) {
        let by = item.context_expr.range();
        match item.optional_vars.as_deref() {
            Some(Expr::Name(name)) => {
                let entered = Binding::Entered(&item.context_expr);
                self.bind(name.id.as_str(), entered, by);
            }
            Some(target) => self.hide(target, by),
            None => {}
        }
    }

    /// A function or a class is defined, whose body may bind names of this scope when it runs.
    fn defined(&mut self, name: &'a str, binding: Binding<'a>, statement: &'a Stmt) {
        // Its body sees it, and what makes it doesn't.
        let behind_begin = statement.start() + TextSize::from(1);
        self.bind(name, binding, TextRange::empty(behind_begin));
        if matches!(self.kind, Kind::Class { .. }) {
            return;
        }
        for name in rebound(statement, self.outer.is_some()) {
            self.bind(name, Binding::Unknown, statement.range());
        }
    }

    fn import(&mut self, statement: &'a StmtImport) {
        for alias in &statement.names {
            let path = alias.name.as_str();
            match &alias.asname {
                Some(name) => self.bind(name.as_str(), Binding::Module(path), alias.range),
                None => {
                    let top = path.split('.').next().unwrap_or_default();
                    self.bind(top, Binding::Module(top), alias.range);
                }
            }
        }
    }

    fn import_from(&mut self, statement: &'a StmtImportFrom) {
        let module = statement.module.as_ref().filter(|_| statement.level == 0);
        for alias in &statement.names {
            let bound = alias.asname.as_ref().unwrap_or(&alias.name);
            let member = module.map(|module| Binding::Member(module.as_str(), alias.name.as_str()));
            if bound.as_str() != "*" {
                let member = member.unwrap_or(Binding::Unknown);
                self.bind(bound.as_str(), member, alias.range);
            }
        }
    }

    /// `except* E as e` gives groups of what it names.
    fn hide_groups(&mut self, statement: &'a StmtTry) {
        for handler in &statement.handlers {
            let ExceptHandler::ExceptHandler(clause) = handler;
            if let (true, Some(name)) = (statement.is_star, &clause.name) {
                self.bind(name.as_str(), Binding::Unknown, name.range);
            }
        }
    }
}

impl<'a> Visitor<'a> for Names<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(function) => {
                let name = function.name.as_str();
                return self.defined(name, Binding::Function(function), statement);
            }
            Stmt::ClassDef(class) => {
                let name = class.name.as_str();
                return self.defined(name, Binding::Class(class), statement);
            }
            Stmt::Assign(assignment) => {
                for target in &assignment.targets {
                    self.target(target, &assignment.value, assignment.range);
                }
            }
            Stmt::AnnAssign(assignment) => {
                if let Some(name) = name_of(&assignment.target) {
                    let binding = match &assignment.value {
                        Some(value) if !is_missing(value) => Binding::Value(value),
                        _ => Binding::Annotated(&assignment.annotation),
                    };
                    self.bind(name, binding, assignment.range);
                }
            }
            Stmt::AugAssign(assignment) => {
                // What it had before is of its kind, if it had anything.
                if let Some(name) = name_of(&assignment.target)
                    && matches!(self.kind, Kind::Function)
                    && self.is_local(name)
                    && !self.bound.contains_key(name)
                {
                    self.bind(name, Binding::Unknown, assignment.range);
                }
            }
            Stmt::Delete(deletion) => {
                for target in &deletion.targets {
                    self.hide(target, deletion.range);
                }
            }
            Stmt::TypeAlias(alias) => self.hide(&alias.name, alias.range),
            Stmt::For(each) => self.stepped(&each.target, &each.iter),
            Stmt::With(with) => {
                with.items.iter().for_each(|item| self.entered(item));
            }
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            // Of the cell they say nothing.
            Stmt::Global(global) if self.outer.is_some() => {
                let names = global.names.iter().map(Identifier::as_str);
                self.globals.extend(names);
            }
            Stmt::Nonlocal(nonlocal) => {
                let names = nonlocal.names.iter().map(Identifier::as_str);
                self.nonlocals.extend(names);
            }
            _ => {}
        }
        visitor::walk_stmt(self, statement);
        if let Stmt::Try(statement) = statement {
            self.hide_groups(statement);
        }
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            // What is bound in it is its own.
            Expr::Lambda(_) => return,
            Expr::Named(named) if self.comprehensions > 0 => self.hide(&named.target, named.range),
            Expr::Named(named) => self.target(&named.target, &named.value, named.range),
            _ => {}
        }
        let is_comprehension = matches!(
            expression,
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_)
        );
        self.comprehensions += usize::from(is_comprehension);
        visitor::walk_expr(self, expression);
        self.comprehensions -= usize::from(is_comprehension);
    }

    fn visit_except_handler(&mut self, handler: &'a ExceptHandler) {
        let ExceptHandler::ExceptHandler(clause) = handler;
        if let (Some(name), Some(class)) = (&clause.name, clause.type_.as_deref()) {
            self.bind(name.as_str(), Binding::Annotated(class), class.range());
        }
        visitor::walk_except_handler(self, handler);
        // Behind its clause the name is gone.
        if let Some(name) = &clause.name {
            let behind = TextRange::empty(clause.range.end());
            self.bind(name.as_str(), Binding::Unknown, behind);
        }
    }

    fn visit_pattern(&mut self, pattern: &'a Pattern) {
        let captured = match pattern {
            Pattern::MatchAs(captures) => captures.name.as_ref(),
            Pattern::MatchStar(captures) => captures.name.as_ref(),
            Pattern::MatchMapping(captures) => captures.rest.as_ref(),
            _ => None,
        };
        if let Some(name) = captured {
            self.bind(name.as_str(), Binding::Unknown, pattern.range());
        }
        visitor::walk_pattern(self, pattern);
    }
}
