//! Names of attributes that snapshots look up again and again, interned once: interning takes longer
//! than most look-ups.

use std::sync::OnceLock;

use rustpython_vm::Context;
use rustpython_vm::builtins::PyStrInterned;

macro_rules! identifiers {
    ($($name:ident = $text:literal,)*) => {
        pub(super) struct Identifiers {
            $(pub $name: &'static PyStrInterned,)*
        }

        impl Identifiers {
            fn new(context: &Context) -> Self {
                Self {
                    $($name: context.intern_str($text),)*
                }
            }
        }
    };
}

identifiers! {
    annotate = "__annotate__",
    annotations = "__annotations__",
    cell_contents = "cell_contents",
    closure = "__closure__",
    code = "__code__",
    defaults = "__defaults__",
    dict = "__dict__",
    doc = "__doc__",
    globals = "__globals__",
    kwdefaults = "__kwdefaults__",
    module = "__module__",
    name = "__name__",
    qualname = "__qualname__",
    suppress_context = "__suppress_context__",
    type_params = "__type_params__",
}

/// The names; interpreters of one process share them.
pub(super) fn identifiers() -> &'static Identifiers {
    static IDENTIFIERS: OnceLock<Identifiers> = OnceLock::new();
    IDENTIFIERS.get_or_init(|| Identifiers::new(Context::genesis()))
}
