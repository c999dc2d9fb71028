//! What the names of a cell stand for that is still typed, as its text tells: for completion.
//!
//! Pure. It finds the places that bind names; what is bound there is found in [`crate::evaluation`].
//! `scopes` tells whose names are seen from where, `cursor` where something is typed, `classes` what objects
//! of a class of the cell have.

mod classes;
mod cursor;
mod passing;
mod rebound;
mod scopes;
mod strings;
mod targets;
mod unread;

use std::borrow::Cow;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Expr, Mod, ModModule, Stmt, StmtAugAssign, StmtClassDef, StmtFunctionDef};
use ruff_text_size::TextSize;

use crate::parsing::parse_unchecked;
use crate::transform::{CellMagic, escapes_to_python};
use classes::has_decorator;
pub(crate) use classes::{PlaceSet, attributes_of, is_member, method, places_set};
pub(crate) use cursor::inside;
pub(crate) use passing::{only_parameter, returned_name};
pub(crate) use scopes::Place;
pub(crate) use strings::string_end;
pub(crate) use targets::{Unpacked, elements};
pub(crate) use unread::Unread;

/// The text of a cell up to an expression that is asked for; it need not be whole.
pub(crate) struct Typed<'s> {
    /// What is before it in a cell that is too long to be read as a whole.
    unread: Unread<'s>,
    module: Option<ModModule>,
    /// Where the expression begins.
    cursor: TextSize,
}

/// Where a name got what it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Binding<'a> {
    Value(&'a Expr),
    /// One of the items of it.
    Item(&'a Expr),
    /// What this single target gets of what is unpacked into a target of several.
    Part(&'a Expr, &'a Expr, Unpacked<'a>),
    /// Something of this class.
    Annotated(&'a Expr),
    /// What a `with` of it gives.
    Entered(&'a Expr),
    /// What an operator makes of what it had before: `x += 1`.
    Augmented(&'a StmtAugAssign),
    /// In this comprehension, to this value: `[(x := y) for y in z]`.
    Within(&'a Expr, &'a Expr),
    /// Either what the name was before, or what definitions in its scope bind it to when they run, by
    /// `global` or `nonlocal`: this is the last of them. [`Place::ways`] tells all.
    Rebound(&'a str, &'a Stmt),
    Module(&'a str),
    Member(&'a str, &'a str),
    Function(&'a StmtFunctionDef),
    Class(&'a StmtClassDef),
    /// An object of the class whose method is looked at: `self`.
    Instance(&'a StmtClassDef),
    /// That class: `cls`.
    Itself(&'a StmtClassDef),
    /// `*args`
    Positional,
    /// `**kwargs`
    Keywords,
    /// It hides what has its name outside, and nothing else is known.
    Unknown,
}

impl<'s> Typed<'s> {
    /// A cell of which so much is typed before an expression, and behind it. Without the expression it wouldn't
    /// be known what it is in.
    pub(crate) fn new(unread: &'s str, before: &str, expression: &str, behind: &str) -> Self {
        let text = format!("{before}{expression}{behind}");
        let unread = Unread::before(unread, &text);
        let source = CellMagic::parse(&text).map_or(&*text, |magic| magic.body);
        let source = without_mark(source);
        let mut python = escapes_to_python(&source).into_owned();
        let before = python.strip_suffix(behind);
        let cursor = match before.and_then(|before| before.strip_suffix(expression)) {
            Some(before) => before.len(),
            // It is in a text that is given to a magic.
            None => python.len().saturating_sub(1),
        };
        python.push_str(&decorated(&python));
        let cursor = TextSize::try_from(cursor).ok();
        let module = match parse_unchecked(&python).into_syntax() {
            Mod::Module(module) => Some(module),
            Mod::Expression(_) => None,
        };
        Self {
            unread,
            module: module.filter(|_| cursor.is_some()),
            cursor: cursor.unwrap_or_default(),
        }
    }

    /// The place of the expression.
    pub(crate) fn place(&self) -> Place<'_> {
        let body: &[Stmt] = match &self.module {
            Some(module) => &module.body,
            None => &[],
        };
        let cell = Place::of_cell(body, self.cursor, self.unread);
        cursor::innermost(cell, body, self.cursor)
    }
}

/// The source with the code of a magic in its last line as a statement: `%time x`.
fn without_mark(source: &str) -> Cow<'_, str> {
    let start = source.rfind('\n').map_or(0, |end| end + 1);
    let line = &source[start..];
    let indent = line.len() - line.trim_start().len();
    let code = line[indent..].strip_prefix('%').and_then(|rest| {
        let (name, code) = rest.split_once([' ', '\t'])?;
        name.starts_with(char::is_alphabetic).then_some(code)
    });
    match code {
        Some(code) => {
            let before = &source[..start + indent];
            Cow::Owned(format!("{before}{}", code.trim_start()))
        }
        None => Cow::Borrowed(source),
    }
}

/// What a source needs at its end so that a decorator in its last line isn't left out.
fn decorated(source: &str) -> String {
    let start = source.rfind('\n').map_or(0, |end| end + 1);
    let line = &source[start..];
    let code = line.trim_start();
    if !code.starts_with('@') {
        return String::new();
    }
    let indent = &line[..line.len() - code.len()];
    format!("\n{indent}def _(): pass")
}

/// What a function of the cell returns, in the order of its text up to its end; nothing of a generator.
pub(crate) fn returned(function: &StmtFunctionDef, end: TextSize) -> Vec<&Expr> {
    let gives = Gives::of(function, end);
    match gives.is_generator {
        true => Vec::new(),
        false => gives.returned,
    }
}

/// What a function of the cell yields, in that order.
pub(crate) fn yielded(function: &StmtFunctionDef, end: TextSize) -> Vec<&Expr> {
    Gives::of(function, end).yielded
}

struct Gives<'a> {
    returned: Vec<&'a Expr>,
    yielded: Vec<&'a Expr>,
    is_generator: bool,
    end: TextSize,
}

impl<'a> Gives<'a> {
    fn of(function: &'a StmtFunctionDef, end: TextSize) -> Self {
        let mut gives = Self {
            returned: Vec::new(),
            yielded: Vec::new(),
            is_generator: false,
            end,
        };
        gives.visit_body(&function.body);
        gives
    }
}

impl<'a> Visitor<'a> for Gives<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            // They return for themselves.
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => return,
            Stmt::Return(returned) if returned.range.end() <= self.end => {
                self.returned.extend(returned.value.as_deref());
            }
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Yield(yielded) => {
                self.is_generator = true;
                if yielded.range.end() <= self.end {
                    self.yielded.extend(yielded.value.as_deref());
                }
            }
            Expr::YieldFrom(_) => self.is_generator = true,
            Expr::Lambda(_) => {}
            other => visitor::walk_expr(self, other),
        }
    }
}

fn name_of(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        _ => None,
    }
}

/// Whether what stands behind `=` hasn't been typed yet.
fn is_missing(expression: &Expr) -> bool {
    name_of(expression) == Some("")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(binding: Option<Binding<'_>>) -> &'static str {
        match binding {
            Some(Binding::Value(_)) => "value",
            Some(Binding::Item(_)) => "item",
            Some(Binding::Part(..)) => "part",
            Some(Binding::Augmented(_)) => "augmented",
            Some(Binding::Within(..)) => "within",
            Some(Binding::Rebound(..)) => "rebound",
            Some(Binding::Annotated(_)) => "annotated",
            Some(Binding::Entered(_)) => "entered",
            Some(Binding::Module(_)) => "module",
            Some(Binding::Member(..)) => "member",
            Some(Binding::Function(_)) => "function",
            Some(Binding::Class(_)) => "class",
            Some(Binding::Instance(_)) => "instance",
            Some(Binding::Itself(_)) => "itself",
            Some(Binding::Positional) => "positional",
            Some(Binding::Keywords) => "keywords",
            Some(Binding::Unknown) => "unknown",
            None => "",
        }
    }

    fn kind_at(place: &Place<'_>, name: &str) -> &'static str {
        kind(place.find(name).map(|(binding, _)| binding))
    }

    /// To what x is bound where it is typed behind the source.
    fn assert_bound(cases: &[(&str, &str)]) {
        for (source, expected) in cases {
            let typed = Typed::new("", source, "x", "");
            assert_eq!(kind_at(&typed.place(), "x"), *expected, "{source:?}");
        }
    }

    #[test]
    fn the_last_place_that_binds_a_name_counts() {
        assert_bound(&[
            ("x = 1\n", "value"),
            ("y, x = 1, []\n", "value"),
            ("x = []\nx = ", "value"),
            ("x: int\n", "annotated"),
            ("x: int = 3\n", "value"),
            ("for x in range(3):\n    ", "item"),
            ("for y, x in {}.items():\n    ", "part"),
            ("[x for x in range(3) if ", "item"),
            ("any(y for y, x in [] if ", "part"),
            ("x, y = z\n", "part"),
            ("[y, *x] = z\n", "part"),
            ("[y, *x] = 1, 2\n", "part"),
            ("[*y, x] = 1, 2\n", "value"),
            ("y, (z, x) = 1, (2, 3)\n", "value"),
            ("y, x = 1, 2, 3\n", "part"),
            ("y, x = *z, 1\n", "part"),
            ("for y, (z, x) in []:\n    ", "part"),
            ("with y as (x, z):\n    ", "part"),
            ("x = 1\nx += 1\n", "augmented"),
            ("x = 1\nx += ", "value"),
            ("[(x := y) for y in z]\n", "within"),
            ("f = lambda y=(x := 1): y\n", "value"),
            ("def f(y=(x := 1)): pass\n", "value"),
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
                "itself",
            ),
            ("y = 1\n", ""),
        ]);
    }

    #[test]
    fn what_isnt_known_hides_all_the_same() {
        assert_bound(&[
            ("from . import x\n", "unknown"),
            ("from m import *\n", ""),
            ("x = 1\ndel x\n", "unknown"),
            ("type x = int\n", "unknown"),
            ("match y:\n    case [x]:\n        ", "unknown"),
            ("match y:\n    case {'a': 1, **x}:\n        ", "unknown"),
            ("try:\n    pass\nexcept E as x:\n    pass\n", "unknown"),
            ("try:\n    pass\nexcept* E as x:\n    ", "unknown"),
            ("def f(*x):\n    ", "positional"),
            ("def f(**x):\n    ", "keywords"),
            ("def f[x](y):\n    ", "unknown"),
        ]);
    }

    #[test]
    fn names_are_those_of_the_scopes_around() {
        assert_bound(&[
            ("def f(x):\n    pass\n", ""),
            ("def f():\n    x = 1\n", ""),
            ("[x for x in range(3)]\n", ""),
            ("f = lambda x: x\n", ""),
            ("f = lambda: (x := 1)\n", ""),
            ("f = lambda: (x := 1) and ", "value"),
            ("f = lambda: [(x := y) for y in z] and ", "within"),
            ("[y for y in z if (x := y) and ", "within"),
            ("class x:\n    y = 1\n    ", ""),
            ("class x(", ""),
            ("class x:\n    def f(self, y=", ""),
            ("class x:\n    def f(self, y: ", "class"),
            ("class x:\n    y: ", "class"),
            ("class x:\n    y = lambda: ", "class"),
            ("class x:\n    def f(self):\n        ", "class"),
            ("class x:\n    class y:\n        ", ""),
            (
                "class x:\n    class y:\n        def f(self):\n            ",
                "class",
            ),
            ("x = 1\nclass x:\n    y = 1\n    ", "value"),
            ("lambda x=1: ", "value"),
            ("sorted(y, key=lambda x: ", "unknown"),
            ("%time [y for x in y if ", "item"),
            ("%time lambda x: ", "unknown"),
            ("[y for x in ", ""),
            ("def f(x=", ""),
            ("def f(x, y=", ""),
            (
                "def f():\n    import a as x\n    def g():\n        ",
                "module",
            ),
            ("class A:\n    x = 1\n    ", "value"),
            ("class A:\n    x = 1\n    def f(self):\n        ", ""),
            ("class A:\n    x = 1\n    class B:\n        ", ""),
            ("class A:\n    x = []\n    [y for y in ", "value"),
            ("class A:\n    x = []\n    [y for y in z if ", ""),
            (
                "class A:\n    def x(self):\n        pass\n    @",
                "function",
            ),
            ("x = 1\ndef f():\n    x += 1\n    ", "augmented"),
            ("x = 1\ndef f():\n    if x:\n        x = x.", "unknown"),
            ("x = 1\ndef f():\n    global x\n    ", "value"),
            ("def f(x):\n    def g():\n        global x\n        ", ""),
            ("x = 1\ndef f():\n    global x\n    x = ''\n", "rebound"),
            ("x = 1\ndef f():\n    global x\n    x += 1\n", "rebound"),
            ("x = 1\ndef f():\n    global x\n    del x\n", "rebound"),
            ("x = 1\ndef f():\n    global x\n    y = x\n", "value"),
            (
                "def f():\n    x = 1\n    def g():\n        nonlocal x\n        ",
                "value",
            ),
            (
                "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n",
                "",
            ),
            (
                "def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = ''\n    ",
                "rebound",
            ),
        ]);
    }

    #[test]
    fn objects_have_what_their_class_binds_and_sets() {
        let typed = Typed::new(
            "",
            "class A(B):\n    kind = 'a'\n    size: int\n    def __init__(self, n):\n        \
             self.n = n\n        other.m = 1\n        self.\n    def twice(me):\n        me.done = True\n",
            "A",
            "",
        );
        let place = typed.place();
        let Some((Binding::Class(class), _)) = place.find("A") else {
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
            let places = places_set(class, name, place.end());
            let binding = places.last().map(|place| place.binding);
            assert_eq!(kind(binding), expected, "{name}");
        }
        assert!(method(class, "twice").is_some_and(|method| !has_decorator(method, "property")));
    }

    #[test]
    fn what_definitions_bind_is_told_with_what_was_there() {
        for (source, expected, is_outside) in [
            ("def f():\n    global x\n    x = 1\n", &["value"][..], true),
            (
                "x = 1\ndef f():\n    global x\n    import x\n",
                &["module", "value"],
                false,
            ),
            (
                "class A:\n    def f(self):\n        global x\n        x += 1\n",
                &["augmented"],
                true,
            ),
            (
                "def f():\n    x = 2\n    def g():\n        global x\n        x, y = z\n",
                &["part"],
                true,
            ),
            (
                "def f():\n    global x\n    x = 1\ndef g():\n    global x\n    def x(): pass\n",
                &["value", "function"],
                true,
            ),
            // What is bound there is another.
            (
                "def f():\n    global x\n    y = [x for x in z]\n    y = lambda: (x := 1)\n",
                &[],
                true,
            ),
        ] {
            let typed = Typed::new("", source, "x", "");
            let (ways, may_be_outside) = typed.place().ways("x");
            let kinds: Vec<_> = ways.iter().map(|(way, _)| kind(Some(*way))).collect();
            assert_eq!(
                (&kinds[..], may_be_outside),
                (expected, is_outside),
                "{source:?}"
            );
        }
    }

    #[test]
    fn names_of_a_function_are_its_own() {
        let typed = Typed::new(
            "",
            "x = []\ny = 1\ndef f(x):\n    def g():\n        y = 'a'\n    return x\ndef h():\n    yield x\n    return y\n",
            "x",
            "",
        );
        let cell = typed.place();
        let function = |name: &str| match cell.find(name) {
            Some((Binding::Function(function), _)) => function,
            _ => panic!("{name} is a function"),
        };
        let names = cell.function(function("f"));
        assert_eq!(kind_at(&names, "x"), "unknown");
        assert_eq!(kind_at(&names, "y"), kind_at(&cell, "y"));
        assert_eq!(returned(function("f"), cell.end()).len(), 1);
        assert!(returned(function("h"), cell.end()).is_empty());
    }
}
