//! What methods, attributes and functions of Python's own library give: they have no annotations.
//!
//! Said as annotations are, in names of the builtins and of modules, and with some words that stand for
//! what is at hand ([`super::given`]): `Self` for the object (of a class method, one of the class), `Item`
//! for what stepping through it gives, `Entry` for what a dictionary maps to, `Given` for the first argument
//! of the call and `Each` for what stepping through that gives; `AnyStr` for `str` or `bytes`, as the arguments
//! are. Nothing is called: what isn't imported isn't found. Operators are in [`super::operators`].

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};

use super::calls::Arguments;
use super::given::{Called, STAND_INS};
use super::{Evaluation, Scope, Value};
use crate::lookup;

/// Whose they are (a class, or a module), what they give, and their names.
type Row = (&'static str, &'static str, &'static str);

const METHODS: &[Row] = &[
    (
        "str",
        "str",
        "__getitem__ capitalize casefold center expandtabs format format_map join ljust \
         lower lstrip removeprefix removesuffix replace rjust rstrip strip swapcase title translate upper zfill",
    ),
    ("str", "bytes", "encode"),
    ("str", "list[str]", "rsplit split splitlines"),
    ("str", "tuple[str, str, str]", "partition rpartition"),
    ("str", "int", "__len__ count find index rfind rindex"),
    ("str", "iterator[str]", "__iter__"),
    (
        "str",
        "bool",
        "endswith isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isprintable isspace \
         istitle isupper startswith",
    ),
    (
        "bytes",
        "bytes",
        "capitalize center expandtabs fromhex join ljust lower lstrip removeprefix \
         removesuffix replace rjust rstrip strip swapcase title translate upper zfill",
    ),
    ("bytes", "str", "decode hex"),
    ("bytes", "list[bytes]", "rsplit split splitlines"),
    (
        "bytes",
        "tuple[bytes, bytes, bytes]",
        "partition rpartition",
    ),
    ("bytes", "int", "__getitem__ count find index rfind rindex"),
    (
        "bytes",
        "bool",
        "endswith isalnum isalpha isascii isdigit islower isspace istitle isupper startswith",
    ),
    (
        "bytes bytearray memoryview range",
        "iterator[int]",
        "__iter__",
    ),
    ("bytearray", "bytearray", "copy"),
    ("bytearray", "str", "decode hex"),
    ("bytearray range", "int", "__getitem__ count index pop"),
    ("memoryview", "bytes", "tobytes"),
    (
        "int",
        "int",
        "__abs__ __invert__ __neg__ __pos__ __round__ bit_count bit_length conjugate from_bytes",
    ),
    ("int", "bytes", "to_bytes"),
    ("int float", "tuple[int, int]", "as_integer_ratio"),
    ("int float", "bool", "is_integer"),
    (
        "float",
        "float",
        "__abs__ __neg__ __pos__ conjugate fromhex",
    ),
    ("float", "str", "hex"),
    ("complex", "complex", "__neg__ __pos__ conjugate"),
    ("complex", "float", "__abs__"),
    ("list", "Self", "copy"),
    ("list tuple", "Item", "__getitem__ pop"),
    ("list tuple", "int", "count index"),
    (
        "collections.Counter",
        "int",
        "__getitem__ __missing__ total",
    ),
    (
        "collections.Counter",
        "list[tuple[Item, int]]",
        "most_common",
    ),
    (
        "collections.OrderedDict collections.defaultdict collections.Counter",
        "Self",
        "copy",
    ),
    ("dict", "Self", "copy"),
    ("dict", "dict", "fromkeys"),
    (
        "dict collections.OrderedDict collections.defaultdict",
        "Entry",
        "__getitem__",
    ),
    ("dict", "tuple[Item, Entry]", "popitem"),
    ("dict", "dict_keys[Item]", "keys"),
    ("dict", "dict_values[Entry]", "values"),
    ("dict", "dict_items[tuple[Item, Entry]]", "items"),
    ("set frozenset", "Self", "copy difference intersection"),
    ("set", "set", "symmetric_difference union"),
    ("frozenset", "frozenset", "symmetric_difference union"),
    ("set", "Item", "pop"),
    ("set frozenset", "bool", "isdisjoint issubset issuperset"),
    ("enumerate zip", "iterator[tuple]", "__iter__"),
    ("collections.deque", "Self", "copy"),
    ("collections.deque", "Item", "__getitem__ pop popleft"),
    ("re.Pattern", "re.Match[Item]", "fullmatch match search"),
    ("re.Pattern", "list[Item]", "split"),
    ("re.Pattern", "list", "findall"),
    ("re.Pattern", "iterator[re.Match[Item]]", "finditer"),
    ("re.Pattern", "Item", "sub"),
    ("re.Match", "Item", "__getitem__ expand group"),
    ("re.Match", "tuple[Item, ...]", "groups"),
    ("re.Match", "dict[str, Item]", "groupdict"),
    ("re.Match", "int", "end start"),
    ("re.Match", "tuple[int, int]", "span"),
    (
        "pathlib.PurePath",
        "Self",
        "joinpath relative_to with_name with_segments with_stem with_suffix",
    ),
    (
        "pathlib.PurePath",
        "str",
        "__fspath__ __str__ as_posix as_uri",
    ),
    (
        "pathlib.PurePath",
        "bool",
        "full_match is_absolute is_relative_to match",
    ),
    (
        "pathlib.Path",
        "Self",
        "absolute copy copy_into cwd expanduser from_uri home move move_into readlink rename replace resolve",
    ),
    ("pathlib.Path", "iterator[Self]", "glob iterdir rglob"),
    (
        "pathlib.Path",
        "iterator[tuple[Self, list[str], list[str]]]",
        "walk",
    ),
    ("pathlib.Path", "str", "as_uri group owner read_text"),
    ("pathlib.Path", "bytes", "read_bytes"),
    ("pathlib.Path", "int", "write_bytes write_text"),
    ("pathlib.Path", "Opened", "open"),
    ("pathlib.Path", "os.stat_result", "lstat stat"),
    (
        "pathlib.Path",
        "bool",
        "exists is_dir is_file is_symlink samefile",
    ),
    (
        "io.TextIOWrapper io.StringIO",
        "str",
        "__next__ getvalue read readline",
    ),
    ("io.TextIOWrapper io.StringIO", "iterator[str]", "__iter__"),
    ("io.TextIOWrapper io.StringIO", "list[str]", "readlines"),
    (
        "io.BufferedReader io.BufferedRandom io.BytesIO io.FileIO",
        "bytes",
        "__next__ getvalue peek read read1 readall readline",
    ),
    (
        "io.BufferedReader io.BytesIO io.FileIO",
        "iterator[bytes]",
        "__iter__",
    ),
    (
        "io.BufferedReader io.BytesIO io.FileIO",
        "list[bytes]",
        "readlines",
    ),
    ("_io._IOBase", "Self", "__enter__"),
    ("tempfile.TemporaryDirectory", "str", "__enter__"),
    (
        "_thread.lock _thread.RLock threading.Condition threading.Semaphore",
        "bool",
        "__enter__ acquire",
    ),
    (
        "datetime.date",
        "Self",
        "fromisocalendar fromisoformat fromordinal fromtimestamp replace today",
    ),
    (
        "datetime.date datetime.time",
        "str",
        "__str__ isoformat strftime",
    ),
    ("datetime.date", "str", "ctime"),
    ("datetime.date", "int", "isoweekday toordinal weekday"),
    (
        "datetime.datetime",
        "Self",
        "astimezone combine fromisoformat fromtimestamp now replace strptime today utcfromtimestamp utcnow",
    ),
    (
        "datetime.datetime",
        "str",
        "__str__ ctime isoformat strftime",
    ),
    ("datetime.datetime", "datetime.date", "date"),
    ("datetime.datetime", "datetime.time", "time timetz"),
    ("datetime.datetime", "float", "timestamp"),
    (
        "datetime.datetime datetime.time",
        "datetime.timedelta",
        "dst utcoffset",
    ),
    ("datetime.time", "Self", "fromisoformat replace"),
    ("datetime.timedelta", "Self", "__abs__ __neg__ __pos__"),
    ("datetime.timedelta", "float", "total_seconds"),
];

/// Of properties and the like.
const ATTRIBUTES: &[Row] = &[
    ("int", "int", "denominator imag numerator real"),
    ("float", "float", "imag real"),
    ("complex", "float", "imag real"),
    ("re.Match", "re.Pattern[Item]", "re"),
    ("re.Match", "Item", "string"),
    ("re.Pattern", "Item", "pattern"),
    ("pathlib.PurePath", "Self", "parent"),
    ("pathlib.PurePath", "tuple[Self, ...]", "parents"),
    ("pathlib.PurePath", "tuple[str, ...]", "parts"),
    ("pathlib.PurePath", "list[str]", "suffixes"),
    (
        "pathlib.PurePath",
        "str",
        "anchor drive name root stem suffix",
    ),
    ("datetime.date", "int", "day month year"),
    (
        "datetime.datetime datetime.time",
        "int",
        "fold hour microsecond minute second",
    ),
    (
        "datetime.datetime datetime.time",
        "datetime.tzinfo",
        "tzinfo",
    ),
    ("datetime.timedelta", "int", "days microseconds seconds"),
    (
        "_io._IOBase io.TextIOWrapper io.BufferedReader io.BufferedWriter io.BufferedRandom io.FileIO",
        "bool",
        "closed",
    ),
];

/// Of modules; classes of which more is known than that they make objects of themselves are here, too.
const FUNCTIONS: &[Row] = &[
    ("builtins", "str", "ascii bin chr format hex input oct repr"),
    ("builtins", "int", "hash id len ord"),
    (
        "builtins",
        "bool",
        "all any callable hasattr isinstance issubclass",
    ),
    ("builtins", "list[str]", "dir"),
    ("builtins", "list[Each]", "list sorted"),
    ("builtins", "set[Each]", "set"),
    ("builtins", "frozenset[Each]", "frozenset"),
    ("builtins", "tuple[Each, ...]", "tuple"),
    ("builtins", "iterator[Each]", "iter reversed"),
    ("builtins", "enumerate[tuple[int, Each]]", "enumerate"),
    ("builtins", "Absolute", "abs"),
    ("builtins", "Entries", "dict"),
    ("builtins", "Extreme", "max min"),
    ("builtins", "Following", "next"),
    ("builtins", "Kind", "type"),
    ("builtins", "Rounded", "round"),
    ("builtins", "Total", "sum"),
    ("builtins", "dict[str, object]", "globals locals vars"),
    ("builtins", "Opened", "open"),
    ("collections", "collections.deque[Each]", "deque"),
    ("collections", "collections.Counter[Each]", "Counter"),
    ("copy", "Given", "copy deepcopy"),
    ("json", "str", "dumps"),
    ("os", "str", "getcwd strerror"),
    ("os", "Setting", "getenv"),
    ("os", "Opened", "fdopen"),
    ("os", "list[AnyStr]", "listdir"),
    ("os", "int", "getpid getppid"),
    (
        "os.path",
        "AnyStr",
        "abspath basename dirname expanduser expandvars join normpath realpath relpath",
    ),
    ("os.path", "tuple[AnyStr, AnyStr]", "split splitext"),
    ("os.path", "bool", "exists isabs isdir isfile islink"),
    ("random", "float", "gauss random uniform"),
    ("random", "int", "randint randrange"),
    ("random", "Each", "choice"),
    ("random", "list[Each]", "choices sample"),
    ("re", "re.Pattern[AnyStr]", "compile"),
    ("re", "re.Match[AnyStr]", "fullmatch match search"),
    ("re", "list[AnyStr]", "split"),
    ("re", "list", "findall"),
    ("re", "iterator[re.Match[AnyStr]]", "finditer"),
    ("re", "AnyStr", "escape sub"),
    ("shutil", "AnyStr", "which"),
    ("time", "float", "monotonic perf_counter process_time time"),
    ("time", "int", "monotonic_ns perf_counter_ns time_ns"),
    ("time", "str", "asctime ctime strftime"),
    ("time", "time.struct_time", "gmtime localtime strptime"),
];

/// The attribute that says what the items of an object are of which that isn't known otherwise.
const TELLING: [(&str, &str); 2] = [("re.Match", "string"), ("re.Pattern", "pattern")];

impl<'t> Evaluation<'t> {
    /// What a method gives that objects of the class have.
    pub(super) fn of_known_method(
        &self,
        class: &Py<PyType>,
        name: &str,
        receiver: &Value<'t>,
        arguments: Arguments<'_>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let called = Called {
            receiver: Some(receiver),
            arguments,
            right: None,
        };
        self.made_of(self.given(METHODS, class, name)?, &called, depth)
    }

    /// What an attribute gives that is computed for objects of the class.
    pub(super) fn of_known_attribute(
        &self,
        class: &Py<PyType>,
        name: &str,
        receiver: &Value<'t>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let called = Called {
            receiver: Some(receiver),
            arguments: Arguments::NONE,
            right: None,
        };
        self.made_of(self.given(ATTRIBUTES, class, name)?, &called, depth)
    }

    /// What a function of a module gives, or a class.
    pub(super) fn of_known_function(
        &self,
        called: &PyObject,
        arguments: Arguments<'_>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let name = match called.downcast_ref::<PyType>() {
            Some(class) => class.name().to_string(),
            None => self.name_of_function(called)?,
        };
        let is_it = |(module, _, names): &&Row| {
            let path = format!("{module}.{name}");
            has_word(names, &name) && self.library(&path).is_some_and(|known| known.is(called))
        };
        let (_, given, _) = FUNCTIONS.iter().find(is_it)?;
        let called = Called {
            receiver: None,
            arguments,
            right: None,
        };
        self.made_of(given, &called, depth)
    }

    fn given(&self, rows: &[Row], class: &Py<PyType>, name: &str) -> Option<&'static str> {
        let is_it = |(owners, _, names): &&Row| {
            let has = |path| self.inherits(class, path, name);
            has_word(names, name) && owners.split_whitespace().any(has)
        };
        rows.iter().find(is_it).map(|(_, given, _)| *given)
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
        self.library(path)
            .is_some_and(|known| known.is(object.class()))
    }

    pub(super) fn made_of(
        &self,
        given: &str,
        called: &Called<'_, 't>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let depth = self.deeper(depth)?;
        let words = STAND_INS.iter().filter(|word| given.contains(**word));
        let stand_ins = words.map(|word| (*word, self.stand_in_of(word, called, depth)));
        let there = self.elsewhere(Scope::Library(stand_ins.collect()), None);
        there.annotated_source(given, depth)
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

pub(super) fn has_word(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|each| each == word)
}

#[cfg(test)]
pub(super) mod tests {
    use std::rc::Rc;

    use rustpython_vm::PyObjectRef;
    use rustpython_vm::builtins::PyType;

    use super::super::{DEPTH_MAX, Evaluation, Scope};
    use super::{ATTRIBUTES, FUNCTIONS, METHODS, STAND_INS};
    use crate::lookup;
    use crate::tests::support::with_bench;

    /// Every owner is there, one of them has each of the names, and what they give is something.
    pub(in super::super) fn assert_gives(
        rows: impl Iterator<Item = (String, &'static str, &'static str)>,
    ) {
        with_bench(|bench| {
            bench.cell(
                "import collections, copy, datetime, enum, functools, io, json, os, pathlib, random, re, \
                 shutil, tempfile, threading, time",
            );
            let unknown: Rc<[_]> = STAND_INS.map(|name| (name, None)).into();
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
                found.or_else(|| lookup::module(bench.vm, path))
            };
            for (owners, names, given) in rows {
                let owners: Vec<_> = owners.split_whitespace().map(find).collect();
                for name in names.split_whitespace() {
                    let mut found = owners.iter().map(|owner| owner.as_ref().expect(given));
                    assert!(found.any(|owner| has(owner, name)), "{name}");
                }
                let is_unknown = STAND_INS.contains(&given);
                let value = library().annotated_source(given, DEPTH_MAX);
                assert_eq!(value.is_none(), is_unknown, "{given}");
            }
        });
    }

    /// A name that is misspelt would never be found.
    #[test]
    fn the_tables_name_what_is_there() {
        let rows = METHODS.iter().chain(ATTRIBUTES).chain(FUNCTIONS);
        assert_gives(rows.map(|(owners, given, names)| ((*owners).to_owned(), *names, *given)));
    }
}
