//! What the words stand for in which [`super::known`] says what a call gives: the object, its items, the
//! arguments of the call, and what a few functions make of these.

use ruff_python_ast::Expr;
use rustpython_vm::builtins::{PyInt, PyStr, PyType};
use rustpython_vm::{Py, PyObject};

use super::calls::Arguments;
use super::{Evaluation, Value};

/// All of these words.
pub(super) const STAND_INS: [&str; 17] = [
    "Self",
    "Item",
    "Entry",
    "Given",
    "Each",
    "Either",
    "Mapped",
    "AnyStr",
    "Absolute",
    "Entries",
    "Extreme",
    "Following",
    "Kind",
    "Opened",
    "Rounded",
    "Setting",
    "Total",
];

/// Who is called, and with what.
pub(super) struct Called<'a, 't> {
    pub(super) receiver: Option<&'a Value<'t>>,
    pub(super) arguments: Arguments<'a>,
    /// The right side of an operator.
    pub(super) right: Option<&'a Value<'t>>,
}

impl<'t> Evaluation<'t> {
    /// What a word stands for in a call.
    pub(super) fn stand_in_of(
        &self,
        name: &str,
        called: &Called<'_, 't>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let arguments = called.arguments;
        let given = || match called.right {
            Some(right) => Some(right.clone()),
            None => self.known(arguments.at(0)?, depth),
        };
        match name {
            "Self" => called.receiver.cloned(),
            "Item" => self.each(called.receiver?, depth),
            "Entry" => self.entry_of(called.receiver?),
            "Given" => given(),
            "Each" => self.each(&given()?, depth),
            "Either" => {
                let both = [called.receiver?, called.right?];
                self.one_of(both.map(|each| self.each(each, depth)))
            }
            "Mapped" => {
                let both = [called.receiver?, called.right?];
                self.one_of(both.map(|each| self.entry_of(each)))
            }
            "AnyStr" => self.any_str(arguments, depth),
            "Absolute" => self.method(&given()?, "__abs__", Arguments::NONE, depth),
            "Entries" => self.entries(arguments, depth),
            "Extreme" => self.extreme(arguments, depth),
            "Following" => {
                let each = self.each(&given()?, depth);
                let default = arguments.at(1).map(|default| self.known(default, depth));
                self.one_of([each].into_iter().chain(default))
            }
            "Kind" if arguments.count() == 1 => given()?.class_value(self.vm),
            "Opened" => self.opened(usize::from(called.receiver.is_none()), arguments, depth),
            "Rounded" => self.rounded(&given()?, arguments, depth),
            "Setting" => {
                let text = Value::of_class(self.vm.ctx.types.str_type);
                let default = arguments.named("default", 1);
                let default = default.map(|default| self.known(default, depth));
                self.one_of([Some(text)].into_iter().chain(default))
            }
            "Total" => self.total(arguments, depth),
            _ => None,
        }
    }

    /// `str` or `bytes`, as the first argument is of which one of these can be told.
    fn any_str(&self, arguments: Arguments<'_>, depth: usize) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        if arguments.count() == 0 {
            return Some(Value::of_class(types.str_type));
        }
        let texts = [types.str_type, types.int_type];
        let bytes = [types.bytes_type, types.bytearray_type];
        let is_one = |class: &Py<PyType>, of: [&'static Py<PyType>; 2]| {
            of.iter().any(|each| class.fast_issubclass(*each))
        };
        arguments.positional().find_map(|argument| {
            let value = self.known(argument, depth)?;
            let class = value.class()?;
            if is_one(class, texts) || self.is_of(class, "pathlib.PurePath") {
                return Some(Value::of_class(types.str_type));
            }
            if is_one(class, bytes) {
                return Some(Value::of_class(types.bytes_type));
            }
            let text = self
                .is_of(class, "re.Pattern")
                .then(|| self.each(&value, depth));
            Some(Value::of_class(text??.class()?))
        })
    }

    /// What `dict` makes of names, or of another dictionary.
    fn entries(&self, arguments: Arguments<'_>, depth: usize) -> Option<Value<'t>> {
        let dict = self.vm.ctx.types.dict_type;
        if let Some(only) = arguments.at(0) {
            let of = self.known(only, depth)?;
            let is_copied = arguments.count() == 1 && of.class()?.fast_issubclass(dict);
            let parts = is_copied.then(|| [self.each(&of, depth), self.entry_of(&of)]);
            return Some(Value::with_parts(dict, parts?));
        }
        let items = arguments.keywords.iter().map(|keyword| {
            let key = self.vm.ctx.new_str(keyword.arg.as_ref()?.as_str());
            let value = self.known(&keyword.value, depth);
            Some((Some(Value::Object(key.into())), value))
        });
        let items: Option<Vec<_>> = items.collect();
        Some(self.dictionary_of(items?, true))
    }

    /// What `max` gives: an item of what is given alone, or one of several.
    fn extreme(&self, arguments: Arguments<'_>, depth: usize) -> Option<Value<'t>> {
        let default = arguments.keyword("default");
        let default = default.map(|default| self.known(default, depth));
        let mut given = arguments.positional();
        let first = self.known(given.next()?, depth);
        let rest: Vec<_> = given.map(|each| self.known(each, depth)).collect();
        let first = if rest.is_empty() {
            self.each(&first?, depth)
        } else {
            first
        };
        self.one_of([first].into_iter().chain(rest).chain(default))
    }

    /// The kind of file that `open` gives for a mode, which is the argument at that place.
    fn opened(&self, place: usize, arguments: Arguments<'_>, depth: usize) -> Option<Value<'t>> {
        let mode = match arguments.named("mode", place) {
            None => None,
            Some(mode) => Some(self.text(mode, depth)?),
        };
        let mode = mode.as_deref().unwrap_or("r");
        let kind = match self.is_buffered(arguments.named("buffering", place + 1), depth)? {
            _ if !mode.contains('b') => "io.TextIOWrapper",
            false => "io.FileIO",
            true if mode.contains('+') => "io.BufferedRandom",
            true if mode.contains('r') => "io.BufferedReader",
            true => "io.BufferedWriter",
        };
        let class = self.library(kind)?;
        Some(Value::of_class(class.downcast_ref::<PyType>()?))
    }

    fn text(&self, expression: &Expr, depth: usize) -> Option<String> {
        match self.known(expression, depth)? {
            Value::Object(text) => {
                let text = text.downcast_ref_if_exact::<PyStr>(self.vm)?;
                Some(text.to_str()?.to_owned())
            }
            _ => None,
        }
    }

    fn is_buffered(&self, size: Option<&Expr>, depth: usize) -> Option<bool> {
        let Some(size) = size else {
            return Some(true);
        };
        match self.known(size, depth)? {
            Value::Object(size) => self.whole_number(&size).map(|size| size != 0),
            _ => None,
        }
    }

    pub(super) fn whole_number(&self, object: &PyObject) -> Option<i64> {
        let number = object.downcast_ref_if_exact::<PyInt>(self.vm)?;
        number.try_to_primitive::<i64>(self.vm).ok()
    }

    /// What `round` gives: of a float one as well only with a number of digits.
    fn rounded(
        &self,
        number: &Value<'t>,
        arguments: Arguments<'_>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        if !self.have_same(number.class()?, types.float_type, "__round__") {
            return self.method(number, "__round__", Arguments::NONE, depth);
        }
        let digits = arguments.named("ndigits", 1);
        let is_whole = digits.is_none_or(Expr::is_none_literal_expr);
        Some(Value::of_class(if is_whole {
            types.int_type
        } else {
            types.float_type
        }))
    }

    /// What `sum` gives: the start, or zero, and an item.
    fn total(&self, arguments: Arguments<'_>, depth: usize) -> Option<Value<'t>> {
        let each = self.each(&self.known(arguments.at(0)?, depth)?, depth)?;
        let start = match arguments.named("start", 1) {
            Some(start) => self.known(start, depth)?,
            None => Value::of_class(self.vm.ctx.types.int_type),
        };
        self.combined(&start, "__add__", Some(&each), depth)
    }
}
