//! What methods, attributes, operators and functions of Python's own library give: they have no annotations.
//!
//! It is written in `library.txt`, as annotations are, in names of the builtins and of modules, and with
//! some words that stand for what is at hand ([`super::given`]). Classes of which more is known than that
//! they make objects of themselves stand there among the functions. Nothing is called: what isn't imported
//! isn't found.

use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};

use super::calls::Arguments;
use super::given::{Called, STAND_INS};
use super::{Evaluation, Scope, Value};
use crate::lookup;

const TABLE: &str = include_str!("library.txt");

/// The parts of the table.
pub(super) const METHODS: &str = "methods";
const ATTRIBUTES: &str = "attributes";
const FUNCTIONS: &str = "functions";

/// What the table says at one place.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// Classes, or a module.
    owners: &'static str,
    names: &'static str,
    /// The kinds that may be on the other side; None where that makes no difference.
    takes: Option<&'static str>,
    pub(super) gives: &'static str,
}

impl Row {
    /// What a line says: `set: pop = Item; __sub__ (set frozenset) = set[Item]`.
    fn all_of(line: &'static str) -> impl Iterator<Item = Self> {
        let (owners, said) = line.split_once(": ").unwrap_or_default();
        said.split("; ").filter_map(move |said| {
            let (names, gives) = said.split_once(" = ")?;
            let (names, takes) = match names.split_once(" (") {
                Some((names, takes)) => (names, Some(takes.strip_suffix(')')?)),
                None => (names, None),
            };
            Some(Self {
                owners,
                names,
                takes,
                gives,
            })
        })
    }
}

/// All that a part of the table says.
fn rows(part: &str) -> impl Iterator<Item = Row> {
    let lines = TABLE.lines().skip_while(move |line| *line != part).skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .flat_map(Row::all_of)
}

/// What it says of a name.
pub(super) fn rows_about(part: &str, name: &str) -> impl Iterator<Item = Row> {
    rows(part).filter(move |row| row.names.split_whitespace().any(|each| each == name))
}

/// That one of two classes on which another stands that is nearer to it.
fn nearer(one: PyTypeRef, other: PyTypeRef) -> PyTypeRef {
    match other.fast_issubclass(&one) {
        true => other,
        false => one,
    }
}

/// The method by which the other side answers an operator.
pub(super) fn reflected(method: &str) -> String {
    method.replacen("__", "__r", 1)
}

/// The attribute that says what the items of an object are of which that isn't known otherwise.
const TELLING: [(&str, &str); 2] = [("re.Match", "string"), ("re.Pattern", "pattern")];

impl<'t> Evaluation<'t> {
    /// What a method gives that objects of the class have, for what it is given where that makes a difference.
    pub(super) fn of_known_method(
        &self,
        class: &Py<PyType>,
        name: &str,
        called: &Called<'_, 't>,
    ) -> Option<Value<'t>> {
        let rows = self.rows_of(METHODS, class, name);
        let is_asked = rows.iter().any(|row| row.takes.is_some());
        let right = is_asked.then(|| called.given(self)).flatten();
        let reflected = reflected(name);
        let rows = rows
            .iter()
            .filter(|row| self.takes(row, right.as_ref(), &reflected));
        let called = Called {
            receiver: called.receiver,
            arguments: called.arguments,
            right: right.as_ref(),
        };
        self.one_of(rows.map(|row| self.made_of(row.gives, &called)))
    }

    /// What an attribute gives that is computed for objects of the class.
    pub(super) fn of_known_attribute(
        &self,
        class: &Py<PyType>,
        name: &str,
        receiver: &Value<'t>,
    ) -> Option<Value<'t>> {
        let row = self.rows_of(ATTRIBUTES, class, name).into_iter().next()?;
        let called = Called::of(Some(receiver), Arguments::NONE);
        self.made_of(row.gives, &called)
    }

    /// What a function of a module gives, or a class.
    pub(super) fn of_known_function(
        &self,
        called: &PyObject,
        arguments: Arguments<'_>,
    ) -> Option<Value<'t>> {
        let name = match called.downcast_ref::<PyType>() {
            Some(class) => class.name().to_string(),
            None => self.name_of_function(called)?,
        };
        let row = rows_about(FUNCTIONS, &name).find(|row| {
            let path = format!("{}.{name}", row.owners);
            self.is_the(called, &path)
        })?;
        self.made_of(row.gives, &Called::of(None, arguments))
    }

    /// What the table says of what a class has under a name.
    pub(super) fn rows_of(&self, part: &str, class: &Py<PyType>, name: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        for row in rows_about(part, name) {
            let owners = row.owners.split_whitespace();
            let owners = owners.filter(|path| self.inherits(class, path, name));
            let owners = owners.filter_map(|path| self.library(path)?.downcast::<PyType>().ok());
            let nearest = owners.reduce(nearer);
            rows.extend(nearest.map(|owner| (owner, row)));
        }
        // What is said of a class itself stands for what is said of those that it stands on.
        let is_nearest = |owner: &PyTypeRef| {
            let mut others = rows.iter().map(|(other, _)| other);
            !others.any(|other| !other.is(owner) && other.fast_issubclass(owner))
        };
        let nearest = rows.iter().filter(|(owner, _)| is_nearest(owner));
        nearest.map(|(_, row)| *row).collect()
    }

    /// Whether a row is for what is on the other side, which may answer by a method of that name; for
    /// what isn't known it is.
    pub(super) fn takes(&self, row: &Row, other: Option<&Value<'_>>, method: &str) -> bool {
        let (Some(kinds), Some(other)) = (row.takes, other) else {
            return true;
        };
        other.class().is_some_and(|class| {
            let mut kinds = kinds.split_whitespace();
            kinds.any(|path| self.inherits(class, path, method))
        })
    }

    /// Whether a class has under a name what one of the library has on which it stands: it isn't so if it
    /// has another of that name.
    pub(super) fn inherits(&self, class: &Py<PyType>, path: &str, name: &str) -> bool {
        self.library(path).is_some_and(|owner| {
            let owner = owner.downcast_ref::<PyType>();
            owner.is_some_and(|owner| {
                class.fast_issubclass(owner) && self.have_same(class, owner, name)
            })
        })
    }

    /// Whether a class is one of the library, or stands on it.
    pub(super) fn is_of(&self, class: &Py<PyType>, path: &str) -> bool {
        self.library(path)
            .is_some_and(|owner| class.fast_issubclass(&owner))
    }

    /// Whether an object is of a class of the library, and of none that stands on it.
    pub(super) fn is_exactly(&self, object: &PyObject, path: &str) -> bool {
        self.is_the(object.class().as_object(), path)
    }

    /// Whether an object is that one of the library.
    pub(super) fn is_the(&self, object: &PyObject, path: &str) -> bool {
        self.library(path).is_some_and(|known| known.is(object))
    }

    pub(super) fn made_of(&self, given: &str, called: &Called<'_, 't>) -> Option<Value<'t>> {
        let _level = self.deeper()?;
        let words = STAND_INS.iter().filter(|(word, _)| given.contains(word));
        let stand_ins = words.map(|(word, stands_for)| (*word, stands_for(self, called)));
        let there = self.elsewhere(Scope::Library(stand_ins.collect()), None);
        there.annotated_source(given)
    }

    /// What a name of the library stands for: `str`, `re.Match`.
    pub(super) fn library(&self, path: &str) -> Option<PyObjectRef> {
        let types = &self.vm.ctx.types;
        let class = match path {
            "iterator" => types.iter_type,
            "dict_items" => types.dict_items_type,
            "dict_keys" => types.dict_keys_type,
            "dict_values" => types.dict_values_type,
            _ => {
                let Some((module, name)) = path.rsplit_once('.') else {
                    return self.entry(&self.vm.builtins.dict(), path);
                };
                let module = lookup::module(self.vm, module)?;
                let dict = module.dict()?;
                return self.entry(&dict, name);
            }
        };
        Some(class.to_owned().into())
    }

    /// What tells what the items of an object are.
    pub(super) fn telling_attribute(&self, object: &PyObject) -> Option<&'static str> {
        let is_it = |(path, _): &&(&str, &'static str)| self.is_exactly(object, path);
        TELLING.iter().find(is_it).map(|(_, name)| *name)
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use rustpython_vm::PyObjectRef;
    use rustpython_vm::builtins::PyType;

    use super::super::{Evaluation, Scope};
    use super::{ATTRIBUTES, FUNCTIONS, METHODS, Row, STAND_INS, TABLE, rows};
    use crate::lookup;
    use crate::tests::support::with_bench;

    #[test]
    fn every_line_of_the_table_is_read() {
        let parts = [METHODS, ATTRIBUTES, FUNCTIONS];
        let (_, table) = TABLE.split_once("\n\n").expect("it has a head");
        for line in table.lines() {
            let is_row = !line.is_empty() && !parts.contains(&line);
            let said = if is_row { line.split("; ").count() } else { 0 };
            assert_eq!(Row::all_of(line).count(), said, "{line}");
        }
        let read: usize = parts.iter().map(|part| rows(part).count()).sum();
        assert_eq!(read, table.lines().flat_map(Row::all_of).count());
    }

    /// A name that is misspelt would never be found: every owner and every kind is there, one of the owners
    /// has each of the names, and what they give is something.
    #[test]
    fn the_tables_name_what_is_there() {
        with_bench(|bench| {
            bench.cell(
                "import collections, contextlib, copy, datetime, decimal, enum, fractions, functools, io, json, os, pathlib, \
                 random, re, shutil, tempfile, threading, time",
            );
            let unknown: Rc<[_]> = STAND_INS.iter().map(|(word, _)| (*word, None)).collect();
            let library = || Evaluation::new(bench.vm, Scope::Library(Rc::clone(&unknown)));
            let has = |owner: &PyObjectRef, name: &str| match owner.downcast_ref::<PyType>() {
                Some(class) => {
                    let name = bench.vm.ctx.interned_str(name);
                    name.is_some_and(|name| class.get_attr(name).is_some())
                }
                None => lookup::own_attribute(bench.vm, owner, name).is_some(),
            };
            let find = |path: &str| {
                let found = library().library(path);
                let found = found.or_else(|| lookup::module(bench.vm, path));
                found.unwrap_or_else(|| panic!("{path} isn't there"))
            };
            for row in [METHODS, ATTRIBUTES, FUNCTIONS].into_iter().flat_map(rows) {
                let owners: Vec<_> = row.owners.split_whitespace().map(find).collect();
                for name in row.names.split_whitespace() {
                    assert!(owners.iter().any(|owner| has(owner, name)), "{name}");
                }
                for kind in row.takes.unwrap_or_default().split_whitespace() {
                    find(kind);
                }
                let is_unknown = STAND_INS.iter().any(|(word, _)| *word == row.gives);
                let value = library().annotated_source(row.gives);
                assert_eq!(value.is_none(), is_unknown, "{}", row.gives);
            }
        });
    }
}
