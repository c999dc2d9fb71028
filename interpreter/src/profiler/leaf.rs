//! Natives that run no Python where their arguments are of certain kinds: nothing is called from within
//! such a call, so that its beginning and its end are counted in one step.
//!
//! Who is wrong here loses no call: what runs within is counted as called by the caller. Read next: `hooks.rs`.

use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyObject, VirtualMachine};

/// With which arguments a native runs no Python.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Leaf {
    #[default]
    Never,
    /// With numbers, text, bytes and None
    Plain,
    /// With those, and with Python's own containers
    Sized,
    /// The first is a list; the others are stored and not looked at
    Stored,
    /// The first is a dict, the second is plain
    Looked,
}

const PLAIN_BUILTINS: [&str; 12] = [
    "abs", "bin", "chr", "divmod", "hash", "hex", "max", "min", "oct", "ord", "pow", "round",
];
const PLAIN_STR_METHODS: [&str; 22] = [
    "count",
    "endswith",
    "find",
    "index",
    "isalnum",
    "isalpha",
    "isdigit",
    "isspace",
    "isupper",
    "ljust",
    "lower",
    "lstrip",
    "partition",
    "replace",
    "rfind",
    "rjust",
    "rstrip",
    "split",
    "startswith",
    "strip",
    "title",
    "upper",
];

impl Leaf {
    /// What is known of a native function or of a method of a native class.
    pub(super) fn of(native: &PyObject, vm: &VirtualMachine) -> Self {
        let types = &vm.ctx.types;
        let Some(name) = text(native, "__name__", vm) else {
            return Self::Never;
        };
        if native.class().is(types.builtin_function_or_method_type) {
            let owner = native.get_attr("__self__", vm).ok();
            let is_builtin = owner.is_some_and(|owner| owner.is(vm.builtins.as_object()));
            return match name.as_str() {
                "len" if is_builtin => Self::Sized,
                name if is_builtin && PLAIN_BUILTINS.contains(&name) => Self::Plain,
                _ => Self::Never,
            };
        }
        if !native.class().is(types.method_descriptor_type) {
            return Self::Never;
        }
        let owner = native.get_attr("__objclass__", vm).ok();
        let is_of = |class: &Py<PyType>| owner.as_ref().is_some_and(|owner| owner.is(class));
        match name.as_str() {
            "append" if is_of(types.list_type) => Self::Stored,
            "get" if is_of(types.dict_type) => Self::Looked,
            name if is_of(types.str_type) && PLAIN_STR_METHODS.contains(&name) => Self::Plain,
            _ => Self::Never,
        }
    }

    /// Whether a call with these arguments runs no Python.
    pub(super) fn fits(self, args: &FuncArgs, vm: &VirtualMachine) -> bool {
        let types = &vm.ctx.types;
        let given = args.args.as_slice();
        if !args.kwargs.is_empty() {
            return false;
        }
        match (self, given) {
            (Self::Never, _) => false,
            (Self::Plain, all) => all.iter().all(|each| is_plain(each, vm)),
            (Self::Sized, all) => {
                let has_length = |each: &PyObject| is_container(each, vm) || is_plain(each, vm);
                all.iter().all(|each| has_length(each))
            }
            (Self::Stored, [list, _]) => list.class().is(types.list_type),
            (Self::Looked, [dict, key, ..]) => {
                dict.class().is(types.dict_type) && is_plain(key, vm)
            }
            (Self::Stored | Self::Looked, _) => false,
        }
    }
}

fn text(object: &PyObject, name: &'static str, vm: &VirtualMachine) -> Option<String> {
    let text = object.get_attr(name, vm).ok()?;
    Some(text.downcast_ref::<PyStr>()?.to_string_lossy().into_owned())
}

fn is_plain(object: &PyObject, vm: &VirtualMachine) -> bool {
    let types = &vm.ctx.types;
    let class = object.class();
    class.is(types.int_type)
        || class.is(types.str_type)
        || class.is(types.float_type)
        || class.is(types.bool_type)
        || class.is(types.bytes_type)
        || class.is(types.none_type)
}

fn is_container(object: &PyObject, vm: &VirtualMachine) -> bool {
    let types = &vm.ctx.types;
    let class = object.class();
    class.is(types.list_type)
        || class.is(types.tuple_type)
        || class.is(types.dict_type)
        || class.is(types.set_type)
        || class.is(types.frozenset_type)
        || class.is(types.range_type)
}
