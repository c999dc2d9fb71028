//! The scopes of a cell that is typed: what each binds, and what is seen from a place in it.
//!
//! As in Python: a function sees the names of those around it and of the cell, and not those of classes; what
//! is given to a function, a lambda or a comprehension is its own, and `:=` in a comprehension is of the scope
//! around; `global` and `nonlocal` count. What is bound further on in a scope isn't seen, nor is a class from
//! its own body.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{
    Comprehension, ExceptHandler, Expr, ExprLambda, ExprNamed, Identifier, Parameters, Pattern,
    Stmt, StmtClassDef, StmtFunctionDef, StmtImport, StmtImportFrom, StmtTry, TypeParams, WithItem,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::rebound::{captured, rebound};
use super::targets::{assigned, bound};
use super::{Binding, Unpacked, Unread, has_decorator, is_missing, name_of};

/// A scope of the cell, up to some place in its text.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    names: Rc<Names<'a>>,
    until: TextSize,
    /// Whether what stands there is run when the class is there in whose body it is, as annotations are.
    is_later: bool,
}

/// What one scope binds.
struct Names<'a> {
    kind: Kind<'a>,
    /// In the order of the text.
    bound: HashMap<&'a str, Vec<Bound<'a>>>,
    /// What definitions in it bind when they run, with these.
    rebound: Vec<(&'a str, &'a Stmt)>,
    globals: HashSet<&'a str>,
    nonlocals: HashSet<&'a str>,
    /// Where names are looked for that aren't bound here; None of the cell.
    outer: Option<Place<'a>>,
    /// Where the text ends.
    end: TextSize,
    /// The outermost comprehension around the expression that is looked at.
    comprehension: Option<&'a Expr>,
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
        /// What is seen around by what is in its body and runs later.
        later: Place<'a>,
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
        let parameters = function.type_params.as_deref();
        let outer = self.later().typed_by(parameters);
        let around = match parameters {
            Some(_) => outer.clone(),
            None => self.clone(),
        };
        let mut given = outer.within(Kind::Given { around });
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
    pub(crate) fn lambda(&self, lambda: &'a ExprLambda) -> Self {
        let mut given = self.later().within(Kind::Given {
            around: self.clone(),
        });
        if let Some(parameters) = &lambda.parameters {
            given.parameters(parameters, None);
        }
        let mut names = given.at_once().within(Kind::Function);
        names.visit_expr(&lambda.body);
        names.at_end()
    }

    /// In the body of a class that is defined here.
    pub(crate) fn class_body(&self, class: &'a StmtClassDef) -> Self {
        let parameters = class.type_params.as_deref();
        let now = Self {
            is_later: false,
            ..self.before(class.range.start())
        };
        let mut names = now.typed_by(parameters).within(Kind::Class {
            class,
            around: self.clone(),
            later: self.later().typed_by(parameters).enclosing(),
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

    /// Where what a comprehension makes sees what its conditions have bound.
    pub(super) fn behind_conditions(&self, generators: &'a [Comprehension]) -> Self {
        let mut names = self.within(Kind::Given {
            around: self.clone(),
        });
        for condition in generators.iter().flat_map(|each| &each.ifs) {
            names.visit_expr(condition);
        }
        match names.bound.is_empty() {
            true => self.clone(),
            false => names.at_once(),
        }
    }

    /// The same scope, further up in the text.
    pub(crate) fn before(&self, until: TextSize) -> Self {
        Self {
            until: until.min(self.until),
            ..self.clone()
        }
    }

    /// The same scope, as what runs later sees it.
    pub(crate) fn whole(&self) -> Self {
        Self {
            until: self.until.max(self.names.end),
            ..self.clone()
        }
    }

    /// The same place, as an annotation there sees it.
    pub(crate) fn later(&self) -> Self {
        Self {
            is_later: true,
            ..self.clone()
        }
    }

    /// How far it has come in the text.
    pub(crate) fn until(&self) -> TextSize {
        self.until
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
                ..
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
            here = here.outward(name)?;
        }
    }

    fn own(&self, name: &str) -> Option<(Binding<'a>, Self)> {
        self.rebound(name).or_else(|| self.in_order(name))
    }

    /// What the text of the scope itself binds the name to.
    fn in_order(&self, name: &str) -> Option<(Binding<'a>, Self)> {
        let bound = self.names.bound.get(name)?;
        let Some(last) = bound.iter().rfind(|each| self.is_behind(each.by)) else {
            // It is the function's all the same, without a value yet.
            let is_unset = matches!(self.names.kind, Kind::Function) && self.names.is_local(name);
            return is_unset.then(|| (Binding::Unknown, self.clone()));
        };
        Some((last.binding, self.place_of(last)))
    }

    /// Where what belongs to it stands to which a name is bound.
    fn place_of(&self, bound: &Bound<'a>) -> Self {
        match (&self.names.kind, bound.binding) {
            (Kind::Given { around }, _) => around.clone(),
            // Their bodies run when they are called.
            (_, Binding::Function(_) | Binding::Class(_)) => self.whole(),
            _ => self.before(bound.by.start()),
        }
    }

    /// Whether definitions in the scope bind the name when they run.
    fn rebound(&self, name: &str) -> Option<(Binding<'a>, Self)> {
        let (name, definition) = self.definitions(name).last()?;
        Some((Binding::Rebound(name, definition), self.clone()))
    }

    /// The definitions up to here that bind a name of the scope, or of one around it.
    fn definitions(&self, name: &str) -> impl Iterator<Item = (&'a str, &'a Stmt)> {
        let is_class = matches!(self.names.kind, Kind::Class { .. });
        let all = self.names.rebound.iter().copied();
        all.filter(move |(known, definition)| {
            !is_class && *known == name && self.is_behind(definition.range())
        })
    }

    /// All that a name may be bound to that definitions of this scope bind, too; and whether it may be what it
    /// is outside of the cell.
    pub(crate) fn ways(&self, name: &str) -> (Vec<(Binding<'a>, Self)>, bool) {
        let names = &self.names;
        let is_cell = names.outer.is_none();
        let is_local = names.is_local(name) && names.bound.contains_key(name);
        let is_own = !is_cell && (names.is_given(name) || is_local);
        let is_meant = |inside: &Names<'a>| {
            (!is_own && inside.globals.contains(name))
                || (!is_cell && inside.nonlocals.contains(name))
        };
        let mut found = Vec::new();
        for (_, definition) in self.definitions(name) {
            self.whole()
                .bound_in(definition, name, &is_meant, &mut found);
        }
        let in_order = self.in_order(name);
        let otherwise = in_order.or_else(|| self.outward(name)?.find(name));
        let is_outside = otherwise.is_none();
        found.extend(otherwise);
        (found, is_outside)
    }

    /// What a definition binds a name to, and those in it, where the name is meant.
    fn bound_in(
        &self,
        definition: &'a Stmt,
        name: &str,
        is_meant: &dyn Fn(&Names<'a>) -> bool,
        found: &mut Vec<(Binding<'a>, Self)>,
    ) {
        let inside = match definition {
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => self.class_body(class),
            _ => return,
        };
        if is_meant(&inside.names) {
            let bound = inside.names.bound.get(name).into_iter().flatten();
            found.extend(bound.map(|each| (each.binding, inside.place_of(each))));
        }
        for &(known, definition) in &inside.names.rebound {
            if known == name {
                inside.bound_in(definition, name, is_meant, found);
            }
        }
    }

    /// Where a name is looked for that isn't bound here.
    fn outward(&self, name: &str) -> Option<Self> {
        let outer = self.outer()?;
        Some(match self.names.globals.contains(name) {
            true => outer.cell(),
            false => outer.clone(),
        })
    }

    fn outer(&self) -> Option<&Self> {
        match &self.names.kind {
            Kind::Class { later, .. } if self.is_later => Some(later),
            _ => self.names.outer.as_ref(),
        }
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
                if bound.iter().any(|each| place.is_behind(each.by)) {
                    names.insert(*name);
                }
            }
            for (name, definition) in &place.names.rebound {
                if place.is_behind(definition.range()) {
                    names.insert(*name);
                }
            }
            here = place.outer();
        }
        names
    }

    /// Whether what stands there has been run.
    fn is_behind(&self, by: TextRange) -> bool {
        by.end() <= self.until
    }

    fn cell(&self) -> Self {
        let mut here = self;
        while let Some(outer) = &here.names.outer {
            here = outer;
        }
        here.clone()
    }

    /// The scope whose names are seen from scopes in this one.
    fn enclosing(&self) -> Self {
        match (&self.names.kind, self.outer()) {
            (Kind::Class { .. }, Some(outer)) => outer.clone(),
            _ => self.clone(),
        }
    }

    /// A scope in this one, without names yet.
    fn within(&self, kind: Kind<'a>) -> Names<'a> {
        Names::new(kind, Some(self.enclosing()), self.names.end)
    }

    /// How often the scope binds the name, at any place.
    pub(crate) fn times_bound(&self, name: &str) -> usize {
        let definitions = self.names.rebound.iter();
        let definitions = definitions.filter(|(known, _)| *known == name);
        self.names.bound.get(name).map_or(0, Vec::len) + definitions.count()
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
            rebound: Vec::new(),
            outer,
            end,
            comprehension: None,
        }
    }

    /// The scope as it is where the text ends.
    fn at_end(self) -> Place<'a> {
        let until = self.end;
        Place {
            names: Rc::new(self),
            until,
            is_later: false,
        }
    }

    /// The scope if it has all of its names before anything runs in it.
    fn at_once(self) -> Place<'a> {
        Place {
            names: Rc::new(self),
            until: TextSize::new(u32::MAX),
            is_later: false,
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
        assigned(target, value, &mut self.binding(by));
    }

    /// Binds those of the targets that are names.
    fn binding(&mut self, by: TextRange) -> impl FnMut(&'a Expr, Binding<'a>) {
        move |target, binding| {
            if let Some(name) = name_of(target) {
                self.bind(name, binding, by);
            }
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
        bound(target, Unpacked::Item(through), &mut self.binding(by));
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
        if let Some(target) = item.optional_vars.as_deref() {
            let by = item.context_expr.range();
            let entered = Unpacked::Entered(&item.context_expr);
            bound(target, entered, &mut self.binding(by));
        }
    }

    /// A function or a class is defined, whose body may bind names of this scope when it runs.
    fn defined(&mut self, name: &'a str, binding: Binding<'a>, statement: &'a Stmt) {
        // Its body sees it, and what makes it doesn't.
        let behind_begin = statement.start() + TextSize::from(1);
        self.bind(name, binding, TextRange::empty(behind_begin));
        let names = rebound(statement, self.outer.is_some());
        self.rebound
            .extend(names.into_iter().map(|name| (name, statement)));
    }

    /// `x := …`, which in a comprehension is of the scope around it.
    fn named(&mut self, named: &'a ExprNamed) {
        if let Some(name) = name_of(&named.target)
            && !is_missing(&named.value)
        {
            let binding = match self.comprehension {
                Some(comprehension) => Binding::Within(comprehension, &named.value),
                None => Binding::Value(&named.value),
            };
            self.bind(name, binding, named.range);
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
                for decorator in &function.decorator_list {
                    self.visit_decorator(decorator);
                }
                self.visit_parameters(&function.parameters);
                let name = function.name.as_str();
                return self.defined(name, Binding::Function(function), statement);
            }
            Stmt::ClassDef(class) => {
                for decorator in &class.decorator_list {
                    self.visit_decorator(decorator);
                }
                if let Some(arguments) = &class.arguments {
                    self.visit_arguments(arguments);
                }
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
                if let Some(name) = name_of(&assignment.target)
                    && !is_missing(&assignment.value)
                {
                    self.bind(name, Binding::Augmented(assignment), assignment.range);
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
            Expr::Lambda(lambda) => {
                if let Some(parameters) = &lambda.parameters {
                    self.visit_parameters(parameters);
                }
                return;
            }
            Expr::Named(named) => self.named(named),
            _ => {}
        }
        let around = self.comprehension;
        if matches!(
            expression,
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_)
        ) {
            self.comprehension = around.or(Some(expression));
        }
        visitor::walk_expr(self, expression);
        self.comprehension = around;
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
        if let Some(name) = captured(pattern) {
            self.bind(name.as_str(), Binding::Unknown, pattern.range());
        }
        visitor::walk_pattern(self, pattern);
    }
}
