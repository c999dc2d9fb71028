//! What the words stand for in which [`super::known`] says what a call gives: the object, its items, the
//! arguments of the call, and what a few functions make of these.

use ruff_python_ast::Expr;
use rustpython_vm::PyObject;
use rustpython_vm::builtins::{PyInt, PyStr, PyType};

use super::calls::Arguments;
use super::{Evaluation, Value};

/// Who is called, and with what.
pub(super) struct Called<'a, 't> {
    pub(super) receiver: Option<&'a Value<'t>>,
    pub(super) arguments: Arguments<'a>,
    /// The right side of an operator.
    pub(super) right: Option<&'a Value<'t>>,
}

impl<'a, 't> Called<'a, 't> {
    pub(super) fn of(receiver: Option<&'a Value<'t>>, arguments: Arguments<'a>) -> Self {
        Self {
            receiver,
            arguments,
            right: None,
        }
    }

    /// The first argument, or the right side.
    pub(super) fn given(&self, there: &Evaluation<'t>) -> Option<Value<'t>> {
        match self.right {
            Some(right) => Some(right.clone()),
            None => there.known(self.arguments.at(0)?),
        }
    }
}

/// What a word stands for in a call.
type StandIn = for<'t> fn(&Evaluation<'t>, &Called<'_, 't>) -> Option<Value<'t>>;

/// `Self` is the object (of a class method, one of the class), `Item` what stepping through it gives, `Entry`
/// what a dictionary maps to, `Given` the first argument of the call or the right side of an operator, `Each`
/// what stepping through that gives; `Either` and `Mapped` are items and entries of both sides.
pub(super) const STAND_INS: &[(&str, StandIn)] = &[
    ("Self", |_, called| called.receiver.cloned()),
    ("Item", |there, called| there.each(called.receiver?)),
    ("Entry", |there, called| there.entry_of(called.receiver?)),
    ("Given", |there, called| called.given(there)),
    ("Each", |there, called| there.each(&called.given(there)?)),
    ("Either", |there, called| {
        let both = [called.receiver?, called.right?];
        there.one_of(both.map(|each| there.each(each)))
    }),
    ("Mapped", |there, called| {
        let both = [called.receiver?, called.right?];
        there.one_of(both.map(|each| there.entry_of(each)))
    }),
    ("AnyStr", |there, called| there.any_str(called.arguments)),
    ("Absolute", |there, called| {
        there.method(&called.given(there)?, "__abs__", Arguments::NONE)
    }),
    ("Entries", |there, called| there.entries(called.arguments)),
    ("Extreme", |there, called| there.extreme(called.arguments)),
    ("Following", |there, called| {
        let each = there.each(&called.given(there)?);
        there.or_default(each, called.arguments.at(1))
    }),
    ("Kind", |there, called| match called.arguments.count() {
        1 => called.given(there)?.class_value(there.vm),
        _ => None,
    }),
    ("Power", |there, called| {
        // That of whole numbers takes the exponent.
        let Value::Object(exponent) = called.given(there)? else {
            return None;
        };
        let types = &there.vm.ctx.types;
        Some(Value::of_class(if there.whole_number(&exponent)? < 0 {
            types.float_type
        } else {
            types.int_type
        }))
    }),
    ("Opened", |there, called| {
        let place = usize::from(called.receiver.is_none());
        there.opened(place, called.arguments)
    }),
    ("Nearest", |there, called| {
        let digits = called.arguments.behind(1);
        there.method(&called.given(there)?, "__round__", digits)
    }),
    ("Rounded", |there, called| {
        there.rounded(called.receiver?, called.arguments)
    }),
    ("Setting", |there, called| {
        let text = Value::of_class(there.vm.ctx.types.str_type);
        there.or_default(Some(text), called.arguments.named("default", 1))
    }),
    ("Total", |there, called| there.total(called.arguments)),
];

impl<'t> Evaluation<'t> {
    /// What is given, or else a default if there is one.
    pub(super) fn or_default(
        &self,
        given: Option<Value<'t>>,
        default: Option<&Expr>,
    ) -> Option<Value<'t>> {
        let default = default.map(|default| self.known(default));
        self.one_of([given].into_iter().chain(default))
    }

    /// `str` or `bytes`, as the first argument is of which one of these can be told.
    fn any_str(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        if arguments.count() == 0 {
            return Some(Value::of_class(types.str_type));
        }
        arguments.positional().find_map(|argument| {
            let value = self.known(argument)?;
            let class = value.class()?;
            let is = |paths: &[&str]| paths.iter().any(|path| self.is_of(class, path));
            if is(&["str", "int", "pathlib.PurePath"]) {
                return Some(Value::of_class(types.str_type));
            }
            if is(&["bytes", "bytearray"]) {
                return Some(Value::of_class(types.bytes_type));
            }
            let text = self.is_of(class, "re.Pattern").then(|| self.each(&value));
            Some(Value::of_class(text??.class()?))
        })
    }

    /// What `dict` makes of names, or of another dictionary.
    fn entries(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let dict = self.vm.ctx.types.dict_type;
        if let Some(only) = arguments.at(0) {
            let of = self.known(only)?;
            let is_copied = arguments.count() == 1 && of.class()?.fast_issubclass(dict);
            let parts = is_copied.then(|| [self.each(&of), self.entry_of(&of)]);
            return Some(Value::with_parts(dict, parts?));
        }
        let items = arguments.keywords.iter().map(|keyword| {
            let key = self.vm.ctx.new_str(keyword.arg.as_ref()?.as_str());
            let value = self.known(&keyword.value);
            Some((Some(Value::Object(key.into())), value))
        });
        let items: Option<Vec<_>> = items.collect();
        Some(self.dictionary_of(items?, true))
    }

    /// What `max` gives: an item of what is given alone, or one of several.
    fn extreme(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let mut given = arguments.positional();
        let first = self.known(given.next()?);
        let rest: Vec<_> = given.map(|each| self.known(each)).collect();
        let one = if rest.is_empty() {
            self.each(&first?)
        } else {
            self.one_of([first].into_iter().chain(rest))
        };
        self.or_default(one, arguments.keyword("default"))
    }

    /// The kind of file that `open` gives for a mode, which is the argument at that place.
    fn opened(&self, place: usize, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let given = |name, place| match arguments.named(name, place) {
            Some(given) => self.object(given).map(Some),
            None => Some(None),
        };
        let mode = given("mode", place)?;
        let mode = match &mode {
            Some(mode) => mode.downcast_ref_if_exact::<PyStr>(self.vm)?.to_str()?,
            None => "r",
        };
        let is_buffered = match given("buffering", place + 1)? {
            Some(size) => self.whole_number(&size)? != 0,
            None => true,
        };
        let kind = match is_buffered {
            _ if !mode.contains('b') => "io.TextIOWrapper",
            false => "io.FileIO",
            true if mode.contains('+') => "io.BufferedRandom",
            true if mode.contains('r') => "io.BufferedReader",
            true => "io.BufferedWriter",
        };
        let class = self.library(kind)?;
        Some(Value::of_class(class.downcast_ref::<PyType>()?))
    }

    pub(super) fn whole_number(&self, object: &PyObject) -> Option<i64> {
        let number = object.downcast_ref_if_exact::<PyInt>(self.vm)?;
        number.try_to_primitive::<i64>(self.vm).ok()
    }

    /// What rounding a number gives: one of its kind only with a number of digits.
    fn rounded(&self, number: &Value<'t>, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let digits = arguments.named("ndigits", 0);
        let is_whole = digits.is_none_or(Expr::is_none_literal_expr);
        let class = number.class()?;
        let mut kinds = ["float", "fractions.Fraction", "decimal.Decimal"].into_iter();
        let kind = kinds.find(|path| !is_whole && self.is_of(class, path));
        let kind = self.library(kind.unwrap_or("int"))?;
        Some(Value::of_class(kind.downcast_ref::<PyType>()?))
    }

    /// What `sum` gives: the start, or zero, and an item.
    fn total(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let each = self.each(&self.known(arguments.at(0)?)?)?;
        let start = match arguments.named("start", 1) {
            Some(start) => self.known(start)?,
            None => Value::of_class(self.vm.ctx.types.int_type),
        };
        self.combined(&start, "__add__", Some(&each))
    }
}
