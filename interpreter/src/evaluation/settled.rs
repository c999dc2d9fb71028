//! What leads to itself: `self.n = self.n + 1`, a function that calls itself, a name that a function binds anew
//! by what it was.
//!
//! Whatever has several ways to its value is found out by those that don't ask for it. Then the others have to
//! give the same, starting from that.

use std::cell::Cell;
use std::rc::Rc;

use ruff_python_ast::{Expr, Stmt, StmtClassDef, StmtFunctionDef};
use ruff_text_size::TextSize;
use rustpython_vm::{AsObject, PyObjectRef};

use super::{Evaluation, Scope, Value};
use crate::typed::{Binding, Place};

/// What is found out.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// What a function gives.
    Result(*const StmtFunctionDef),
    /// What objects of a class have under a name.
    Attribute(*const StmtClassDef, String),
    /// A name that a definition binds, as it is where it is looked for.
    Name(*const Stmt, String, TextSize),
}

/// What something is taken for while it is found out.
pub(super) struct Assumed<'t> {
    subject: Subject,
    /// None while nothing is known.
    value: Option<Value<'t>>,
    times_asked: Cell<usize>,
    /// What is being found out around this.
    outer: Option<Rc<Assumed<'t>>>,
}

/// How a name may get its value that definitions in its scope bind, too.
enum Way<'t> {
    Bound(Binding<'t>, Place<'t>),
    There(PyObjectRef),
}

impl<'t> Evaluation<'t> {
    /// What all ways agree on that lead to the subject's value.
    pub(super) fn settled<W>(
        &self,
        subject: &Subject,
        ways: &[W],
        value: impl Fn(&Self, &W) -> Option<Value<'t>>,
    ) -> Option<Value<'t>> {
        if let Some(known) = self.asked(subject) {
            return known;
        }
        let assumed = self.assume(subject, None);
        let there = self.assuming(&assumed);
        let (mut values, mut led_by_it) = (Vec::new(), Vec::new());
        for way in ways {
            let before = assumed.times_asked.get();
            let found = there.told(|there| value(there, way));
            if assumed.times_asked.get() > before {
                led_by_it.push(way);
            }
            if matches!(found, Some(None)) {
                return None;
            }
            values.extend(found);
        }
        let first = self.one_of(values)?;
        if led_by_it.is_empty() {
            return Some(first);
        }
        let there = self.assuming(&self.assume(subject, Some(first.clone())));
        let led = led_by_it.into_iter();
        let led = led.filter_map(|way| there.told(|there| value(there, way)));
        let all = self.one_of([Some(first.clone())].into_iter().chain(led))?;
        let is_same = match (first.class(), all.class()) {
            (Some(first), Some(all)) => first.is(all),
            (first, all) => first.is_none() && all.is_none(),
        };
        is_same.then_some(all)
    }

    /// What is found here. None if it asks for what is being found out while nothing is known of that: it is
    /// looked for again when something is.
    fn told(&self, find: impl FnOnce(&Self) -> Option<Value<'t>>) -> Option<Option<Value<'t>>> {
        let before = self.times_asked_in_vain();
        let found = find(self);
        let is_told = found.is_some() || self.times_asked_in_vain() == before;
        is_told.then_some(found)
    }

    /// What the subject is taken for if it is being found out.
    pub(super) fn asked(&self, subject: &Subject) -> Option<Option<Value<'t>>> {
        let assumed = self.around().find(|each| each.subject == *subject)?;
        assumed.times_asked.update(|times| times + 1);
        Some(assumed.value.clone())
    }

    /// What is being found out around this, the innermost first.
    fn around(&self) -> impl Iterator<Item = &Assumed<'t>> {
        let innermost = self.assumed.as_deref();
        std::iter::successors(innermost, |assumed| assumed.outer.as_deref())
    }

    /// How often that was asked for of which nothing is known yet.
    fn times_asked_in_vain(&self) -> usize {
        let unknown = self.around().filter(|assumed| assumed.value.is_none());
        unknown.map(|assumed| assumed.times_asked.get()).sum()
    }

    fn assume(&self, subject: &Subject, value: Option<Value<'t>>) -> Rc<Assumed<'t>> {
        Rc::new(Assumed {
            subject: subject.clone(),
            value,
            times_asked: Cell::new(0),
            outer: self.assumed.clone(),
        })
    }

    fn assuming(&self, assumed: &Rc<Assumed<'t>>) -> Self {
        Self {
            method_of: self.method_of,
            assumed: Some(Rc::clone(assumed)),
            ..self.elsewhere(self.scope.clone(), self.receiver.clone())
        }
    }

    /// What holds whichever of these it is. One that asks for what is being found out adds nothing yet.
    pub(super) fn one_of_these<'e>(
        &self,
        expressions: impl IntoIterator<Item = &'e Expr>,
    ) -> Option<Value<'t>> {
        let expressions = expressions.into_iter();
        self.one_of(expressions.filter_map(|each| self.told(|here| here.known(each))))
    }

    /// What a name has here that definitions in its scope bind, too, when they run: this is the last of them.
    pub(super) fn rebound(&self, name: &str, definition: &'t Stmt) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let Scope::Cell(namespace, Some(place)) = &self.scope else {
            return None;
        };
        let subject = Subject::Name(definition, name.to_owned(), place.until());
        if let Some(known) = self.asked(&subject) {
            return known;
        }
        let (bound, may_be_outside) = place.ways(name);
        self.spend(bound.len())?;
        let bound = bound.into_iter();
        let bound = bound.map(|(binding, place)| Way::Bound(binding, place));
        let mut ways: Vec<_> = bound.collect();
        if may_be_outside {
            ways.extend(self.outside(namespace, name)?.map(Way::There));
        }
        self.settled(&subject, &ways, |here, way| match way {
            Way::Bound(binding, place) => here.at(place.clone()).bound(*binding),
            Way::There(object) => Some(Value::Object(object.clone())),
        })
    }
}
