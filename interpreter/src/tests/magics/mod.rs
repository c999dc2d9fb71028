//! The magics, as a person types them: cell in, text out.
//!
//! The `.py` files hold functions named `test_*`, one file for each module of
//! `python/rhumba/_magics`. They find what `support.py` defines, and `folder`, an empty folder that
//! is the working folder. What needs a terminal, a store or engines is tested where these are.

use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use super::support::with_bench;
use crate::failure::ErrorReport;

const SUPPORT: &str = include_str!("support.py");

macro_rules! magics {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                check(
                    include_str!(concat!(stringify!($name), ".py")),
                    concat!(stringify!($name), ".py"),
                );
            }
        )*
    };
}

magics! {
    aliases appearance clipboard configuration display elsewhere extensions files folders help history
    libraries log names options processes profiling reloading running sources timing traits wrapping
}

/// Runs every `test_*` function of a file, each with nothing bound in the session, and tells all
/// that fail.
fn check(source: &str, file: &str) {
    let folder = std::env::temp_dir().join(format!("rhumba-magics-{}-{file}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    let folder = std::fs::canonicalize(folder).expect("it is there");
    std::env::set_current_dir(&folder).expect("it can be gone to");
    let failures = with_bench(|bench| {
        let vm = bench.vm;
        let globals = vm.ctx.new_dict();
        for (name, text) in [("__name__", file), ("folder", &*folder.to_string_lossy())] {
            globals
                .set_item(name, vm.ctx.new_str(text).into(), vm)
                .expect("a dict takes a str");
        }
        let scope = Scope::with_builtins(None, globals, vm);
        for (source, file) in [(SUPPORT, "support.py"), (source, file)] {
            if let Err(failure) = vm.run_string(scope.clone(), source, file) {
                return vec![ErrorReport::from_exception(vm, &failure).traceback];
            }
        }
        run_tests(vm, &scope).expect("the functions of a dict can be listed")
    });
    std::env::set_current_dir("/").expect("it is always there");
    std::fs::remove_dir_all(&folder).expect("it can be removed");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn run_tests(vm: &VirtualMachine, scope: &Scope) -> PyResult<Vec<String>> {
    let begin = scope.globals.get_item("begin", vm)?;
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, function) in scope.globals.items_vec() {
        let name = name.str(vm)?.to_string_lossy().into_owned();
        if !name.starts_with("test_") {
            continue;
        }
        count += 1;
        begin.call((), vm)?;
        if let Err(failure) = function.as_object().call((), vm) {
            let report = ErrorReport::from_exception(vm, &failure);
            failures.push(format!("{name}:\n{}", report.traceback));
        }
    }
    assert!(count > 0, "the file has no tests");
    Ok(failures)
}
