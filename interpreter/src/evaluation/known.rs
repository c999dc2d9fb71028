//! What methods, attributes and functions of Python's own library give: they have no annotations.
//!
//! Said as annotations are, in names of the builtins and of modules, and with some names that stand for
//! what is at hand: `Self` for the object (of a class method, one of the class), `Item` for what stepping
//! through it gives, `Entry` for what a dictionary maps to, `Given` for the first argument of the call and
//! `Each` for what stepping through that gives. Nothing is called: what isn't imported isn't found.

use ruff_python_ast::Expr;
use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef};

use super::{Evaluation, Scope, Value};
use crate::lookup;

/// Whose they are (a class, or a module), what they give, and their names.
type Row = (&'static str, &'static str, &'static str);

const METHODS: &[Row] = &[
    (
        "str",
        "str",
        "__add__ __getitem__ __mod__ __mul__ capitalize casefold center expandtabs format format_map join ljust \
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
        "__add__ __mod__ __mul__ capitalize center expandtabs fromhex join ljust lower lstrip removeprefix \
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
    ("int", "int", "bit_count bit_length conjugate from_bytes"),
    ("int", "bytes", "to_bytes"),
    ("int float", "tuple[int, int]", "as_integer_ratio"),
    ("int float", "bool", "is_integer"),
    ("float", "float", "conjugate fromhex"),
    ("float", "str", "hex"),
    ("complex", "complex", "conjugate"),
    ("list tuple", "Self", "__add__ __mul__ copy"),
    ("list tuple", "Item", "__getitem__ pop"),
    ("list tuple", "int", "count index"),
    ("collections.Counter", "int", "__getitem__ total"),
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
    ("dict", "Self", "__or__ copy"),
    ("dict", "dict", "fromkeys"),
    ("dict", "Entry", "__getitem__ get pop setdefault"),
    ("dict", "tuple[Item, Entry]", "popitem"),
    ("dict", "dict_keys[Item]", "keys"),
    ("dict", "dict_values[Entry]", "values"),
    ("dict", "dict_items[tuple[Item, Entry]]", "items"),
    (
        "set frozenset",
        "Self",
        "__and__ __or__ __sub__ __xor__ copy difference intersection symmetric_difference union",
    ),
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
        "__rtruediv__ __truediv__ joinpath relative_to with_name with_segments with_stem with_suffix",
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
    ("pathlib.Path", "io.TextIOWrapper", "open"),
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
        "io.BufferedReader io.BytesIO",
        "bytes",
        "__next__ getvalue read readline",
    ),
    (
        "io.BufferedReader io.BytesIO",
        "iterator[bytes]",
        "__iter__",
    ),
    ("io.BufferedReader io.BytesIO", "list[bytes]", "readlines"),
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
    (
        "datetime.timedelta",
        "Self",
        "__abs__ __add__ __mul__ __neg__ __sub__",
    ),
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
    ("builtins", "Each", "max min next sum"),
    ("builtins", "Given", "abs round"),
    ("builtins", "dict[str, object]", "globals locals vars"),
    ("builtins", "io.TextIOWrapper", "open"),
    ("collections", "collections.deque[Each]", "deque"),
    ("collections", "collections.Counter[Each]", "Counter"),
    ("copy", "Given", "copy deepcopy"),
    ("json", "str", "dumps"),
    ("os", "str", "getcwd getenv strerror"),
    ("os", "list[str]", "listdir"),
    ("os", "int", "getpid getppid"),
    (
        "os.path",
        "str",
        "abspath basename dirname expanduser expandvars join normpath realpath relpath",
    ),
    ("os.path", "tuple[str, str]", "split splitext"),
    ("os.path", "bool", "exists isabs isdir isfile islink"),
    ("random", "float", "gauss random uniform"),
    ("random", "int", "randint randrange"),
    ("random", "Each", "choice"),
    ("random", "list[Each]", "choices sample"),
    ("re", "re.Pattern[Given]", "compile"),
    ("re", "re.Match[Given]", "fullmatch match search"),
    ("re", "list[Given]", "split"),
    ("re", "list", "findall"),
    ("re", "iterator[re.Match[Given]]", "finditer"),
    ("re", "Given", "escape sub"),
    ("shutil", "str", "which"),
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
        arguments: &[Expr],
        depth: usize,
    ) -> Option<Value<'t>> {
        let given = self.given(METHODS, class, name)?;
        self.made_of(given, Some(receiver), arguments, depth)
    }

    /// What an attribute gives that is computed for objects of the class.
    pub(super) fn of_known_attribute(
        &self,
        class: &Py<PyType>,
        name: &str,
        receiver: &Value<'t>,
        depth: usize,
    ) -> Option<Value<'t>> {
        let given = self.given(ATTRIBUTES, class, name)?;
        self.made_of(given, Some(receiver), &[], depth)
    }

    /// What a function of a module gives, or a class.
    pub(super) fn of_known_function(
        &self,
        called: &PyObject,
        arguments: &[Expr],
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
        self.made_of(given, None, arguments, depth)
    }

    fn given(&self, rows: &[Row], class: &Py<PyType>, name: &str) -> Option<&'static str> {
        let held = lookup::class_attribute(self.vm, class, name)?;
        // A class that inherits it has it; one that has another of that name hasn't.
        let is_owner = |path: &str| {
            let owner = self
                .library(path)
                .and_then(|owner| owner.downcast::<PyType>().ok());
            owner.is_some_and(|owner| {
                let known = lookup::class_attribute(self.vm, &owner, name);
                class.fast_issubclass(&owner) && known.is_some_and(|known| known.is(&held))
            })
        };
        let is_it = |(owners, _, names): &&Row| {
            has_word(names, name) && owners.split_whitespace().any(is_owner)
        };
        rows.iter().find(is_it).map(|(_, given, _)| *given)
    }

    fn made_of(
        &self,
        given: &str,
        receiver: Option<&Value<'t>>,
        arguments: &[Expr],
        depth: usize,
    ) -> Option<Value<'t>> {
        let depth = depth.checked_sub(1)?;
        let argument = || self.value(arguments.first()?, depth)?.read();
        let mut stand_ins = Vec::new();
        for name in ["Self", "Item", "Entry", "Given", "Each"] {
            if !given.contains(name) {
                continue;
            }
            let value = match name {
                "Self" => receiver.cloned(),
                "Item" => receiver.and_then(|receiver| self.each(receiver, depth)),
                "Entry" => receiver.and_then(super::entry),
                "Given" => argument(),
                _ => argument().and_then(|argument| self.each(&argument, depth)),
            };
            stand_ins.push((name, value));
        }
        let there = self.elsewhere(Scope::Library(stand_ins), None);
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
                let (names, name) = match path.rsplit_once('.') {
                    Some((module, name)) => (self.module(module)?.dict()?, name),
                    None => (self.vm.builtins.dict(), path),
                };
                return names.get_item_opt(name, self.vm).ok()?;
            }
        };
        Some(class.to_owned().into())
    }

    /// What tells what the items of an object are.
    pub(super) fn telling_attribute(&self, object: &PyObject) -> Option<&'static str> {
        let class = object.class();
        let is_it = |(path, _): &&(&str, &'static str)| {
            self.library(path).is_some_and(|known| known.is(class))
        };
        TELLING.iter().find(is_it).map(|(_, name)| *name)
    }
}

fn has_word(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|each| each == word)
}

#[cfg(test)]
mod tests {
    use rustpython_vm::PyObjectRef;
    use rustpython_vm::builtins::PyType;

    use super::super::{DEPTH_MAX, Evaluation, Scope};
    use super::{ATTRIBUTES, FUNCTIONS, METHODS};
    use crate::tests::support::with_bench;

    /// A name that is misspelt would never be found.
    #[test]
    fn the_tables_name_what_is_there() {
        with_bench(|bench| {
            bench.cell("import collections, copy, datetime, io, json, os, pathlib, random, re, shutil, time");
            let stand_ins = ["Self", "Item", "Entry", "Given", "Each"];
            let scope = Scope::Library(stand_ins.map(|name| (name, None)).to_vec());
            let evaluation = Evaluation::new(bench.vm, scope);
            let has = |owner: &PyObjectRef, name: &str| {
                let name = bench.vm.ctx.interned_str(name);
                let class = owner.downcast_ref::<PyType>().expect("a class");
                name.is_some_and(|name| class.get_attr(name).is_some())
            };
            for (owners, given, names) in METHODS.iter().chain(ATTRIBUTES) {
                let owners: Vec<_> = owners
                    .split(' ')
                    .map(|path| evaluation.library(path))
                    .collect();
                for name in names.split_whitespace() {
                    let mut found = owners.iter().map(|owner| owner.as_ref().expect(given));
                    assert!(found.any(|owner| has(owner, name)), "{name}");
                }
            }
            for (module, _, names) in FUNCTIONS {
                for name in names.split_whitespace() {
                    let path = format!("{module}.{name}");
                    assert!(evaluation.library(&path).is_some(), "{path}");
                }
            }
            for (_, given, _) in METHODS.iter().chain(ATTRIBUTES).chain(FUNCTIONS) {
                let is_unknown = stand_ins.contains(given);
                let value = evaluation.annotated_source(given, DEPTH_MAX);
                assert_eq!(value.is_none(), is_unknown, "{given}");
            }
        });
    }
}
