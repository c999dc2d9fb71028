//! What the words stand for in which [`super::known`] says what a call gives: the object, its items, the
//! arguments of the call, and what a few functions make of these.

use ruff_python_ast::Expr;
use rustpython_vm::builtins::{PyBytes, PyInt, PyStr, PyType};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, PyObject, PyObjectRef};

use super::calls::Arguments;
use super::{Evaluation, Value};

/// Of more items of several kinds a sum isn't followed.
const KINDS_MAX: usize = 32;

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
    ("Largest", |there, called| {
        there.extreme(called.arguments, PyComparisonOp::Gt)
    }),
    ("Smallest", |there, called| {
        there.extreme(called.arguments, PyComparisonOp::Lt)
    }),
    ("Sorted", |there, called| there.sorted(called.arguments)),
    ("Following", |there, called| {
        there.following(called.arguments)
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
    ("Matched", |there, called| there.matched(called)),
    ("Variables", |there, called| {
        there.variables(called.arguments)
    }),
    ("Zipped", |there, called| there.zipped(called.arguments)),
];

/// As many comparisons of values cost as much as looking at one expression.
const COMPARISONS_PER_STEP: usize = 64;
/// Numbers of more bits than this, and longer texts, take time to compare.
const COMPARED_BITS_MAX: usize = 4096;

/// Whether comparing it takes no time to speak of.
fn is_compared_at_once(value: &PyObjectRef) -> bool {
    let bits = match value.downcast_ref::<PyInt>() {
        Some(number) => usize::try_from(number.as_bigint().bits()).unwrap_or(usize::MAX),
        None => value
            .downcast_ref::<PyStr>()
            .map(|text| text.as_bytes().len())
            .or_else(|| Some(value.downcast_ref::<PyBytes>()?.as_bytes().len()))
            .unwrap_or(0)
            .saturating_mul(8),
    };
    bits <= COMPARED_BITS_MAX
}

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

    /// What a match has of one group, or of several.
    fn matched(&self, called: &Called<'_, 't>) -> Option<Value<'t>> {
        let group = self.each(called.receiver?);
        if !called.arguments.is_whole() {
            return None;
        }
        if called.arguments.count() < 2 {
            return group;
        }
        let rest = Value::Object(self.vm.ctx.ellipsis.clone().into());
        let tuple = self.vm.ctx.types.tuple_type;
        Some(Value::with_parts(tuple, [group, Some(rest)]))
    }

    /// What `vars` gives: what an object has by itself, which of a class can't be changed.
    fn variables(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        let is_class = arguments.at(0).is_some_and(|of| match self.known(of) {
            Some(Value::Object(object)) => object.downcast_ref::<PyType>().is_some(),
            Some(Value::Typed(class)) => !class.is_object,
            _ => false,
        });
        Some(Value::of_class(match is_class {
            true => types.mappingproxy_type,
            false => types.dict_type,
        }))
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

    /// What `max` or `min` gives: of plain values that are there, the one that it is.
    fn extreme(&self, arguments: Arguments<'_>, is_over: PyComparisonOp) -> Option<Value<'t>> {
        let mut given: Vec<_> = arguments
            .positional()
            .map(|each| self.known(each))
            .collect();
        if let [only] = &given[..] {
            given = self.parts_of(only.as_ref()?);
        }
        let default = arguments.keyword("default");
        if given.is_empty() {
            return self.known(default?);
        }
        if arguments.is_whole()
            && arguments.keyword("key").is_none()
            && let Some(plain) = self.all_plain(&given)
        {
            let mut plain = plain.into_iter();
            let mut best = plain.next()?;
            for each in plain {
                if each.rich_compare_bool(&best, is_over, self.vm).ok()? {
                    best = each;
                }
            }
            return Some(Value::Object(best));
        }
        self.or_default(self.one_of(given), default)
    }

    /// What `sorted` gives: numbers that are there in their order.
    fn sorted(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let types = &self.vm.ctx.types;
        let Some(of) = arguments.at(0).and_then(|of| self.known(of)) else {
            return Some(Value::with_parts(types.list_type, [None]));
        };
        let kinds = [types.int_type, types.float_type, types.bool_type];
        let is_number = |item: &PyObjectRef| {
            kinds.iter().any(|kind| item.class().is(*kind)) && is_compared_at_once(item)
        };
        let items = self.few_items(&of).filter(|_| arguments.count() == 1);
        let Some(numbers) = items.filter(|items| items.iter().all(is_number)) else {
            return Some(Value::with_parts(types.list_type, [self.each(&of)]));
        };
        self.spend(numbers.len() / COMPARISONS_PER_STEP)?;
        let mut sorted: Vec<PyObjectRef> = Vec::with_capacity(numbers.len());
        for number in numbers {
            let at = sorted.partition_point(|known| {
                let is_less = number.rich_compare_bool(known, PyComparisonOp::Lt, self.vm);
                !is_less.unwrap_or(false)
            });
            sorted.insert(at, number);
        }
        Some(Value::Object(self.vm.ctx.new_list(sorted).into()))
    }

    /// What `next` gives: of an iterator that is made for it the first item.
    fn following(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let iterator = arguments.at(0)?;
        if arguments.count() == 1
            && let Expr::Call(call) = iterator
            && let [of] = &*call.arguments.args
            && let Some(called) = self.object(&call.func)
            && self.is_the(&called, "builtins.iter")
        {
            return self.parts_of(&self.known(of)?).into_iter().next()?;
        }
        let each = self.each(&self.known(iterator)?);
        self.or_default(each, arguments.at(1))
    }

    /// What `zip` gives at a time: an item of each.
    fn zipped(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let tuple = self.vm.ctx.types.tuple_type;
        if arguments.args.iter().any(Expr::is_starred_expr) {
            return Some(Value::of_class(tuple));
        }
        let given = arguments.args.iter();
        let items = given.map(|each| self.each(&self.known(each)?));
        Some(Value::with_parts(tuple, items))
    }

    /// The values themselves, where all are there and are compared without running code.
    fn all_plain(&self, values: &[Option<Value<'t>>]) -> Option<Vec<PyObjectRef>> {
        self.spend(values.len() / COMPARISONS_PER_STEP)?;
        let plain = values.iter().map(|value| {
            let value = self.plain_key(value.as_ref()?);
            value.filter(is_compared_at_once)
        });
        plain.collect()
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
            _ if !mode.contains('b') => "_io.TextIOWrapper",
            false => "_io.FileIO",
            true if mode.contains('+') => "_io.BufferedRandom",
            true if mode.contains('r') => "_io.BufferedReader",
            true => "_io.BufferedWriter",
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

    /// What `sum` gives: the start, or zero, and each of the items; one of each kind tells the same where
    /// they are plain.
    fn total(&self, arguments: Arguments<'_>) -> Option<Value<'t>> {
        let of = self.known(arguments.at(0)?)?;
        let start = match arguments.named("start", 1) {
            Some(start) => self.known(start)?,
            None => Value::of_class(self.vm.ctx.types.int_type),
        };
        let mut kinds: Vec<Value<'t>> = Vec::new();
        for part in self.parts_of(&of) {
            let part = part?;
            let is_same = |kind: &Value<'t>| {
                let classes = kind.class().zip(part.class());
                classes.is_some_and(|(one, other)| one.is(other))
            };
            if self.plain_key(&part).is_none() || !kinds.iter().any(is_same) {
                kinds.push(part);
            }
        }
        if kinds.len() > KINDS_MAX {
            kinds = vec![self.each(&of)?];
        }
        let mut kinds = kinds.iter();
        kinds.try_fold(start, |total, each| {
            self.combined(&total, "__add__", Some(each))
        })
    }
}
