//! What Python code sees of `rhumba.namespace`, without a cluster.
//!
//! The `.py` files hold functions named `test_*`. They run in a module of their own and find
//! `enter(source)`, which runs source as the session's, with nothing else bound in it, and
//! `main`, the session's names; `folder`, an empty folder that is the working folder; and
//! `raised(kind, call, *args)`, the text of what a call must raise. What crosses processes is in
//! `tests/tests/suite`.

use rhumba_interpreter::failure::ErrorReport;
use rhumba_interpreter::runtime::{Runtime, RuntimeConfig};
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

const SUPPORT: &str = "\
import os
import __main__

main = vars(__main__)

def enter(source):
    import _rhumba_shell
    _rhumba_shell.clear()
    exec(compile(source, '<session>', 'exec'), main)

def raised(kind, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as failure:
        return str(failure)
    raise AssertionError(f'{call} raised no {kind}')
";

#[test]
fn namespaces() {
    check(include_str!("namespace.py"), "namespace.py");
}

#[test]
fn differences() {
    check(include_str!("difference.py"), "difference.py");
}

#[test]
fn magics() {
    check(include_str!("magics.py"), "magics.py");
}

#[test]
fn stored_values() {
    check(include_str!("store.py"), "store.py");
}

#[test]
fn notices() {
    check(include_str!("notices.py"), "notices.py");
}

/// Runs every `test_*` function of a file, and tells all that fail.
fn check(source: &str, file: &str) {
    let home = tempfile::tempdir().expect("a folder can be made");
    // SAFETY: the test runner gives each test a process of its own, and this is its only thread.
    unsafe { std::env::set_var("RHUMBA_HOME", home.path().join("home")) };
    std::env::set_current_dir(home.path()).expect("the folder is there");
    let runtime = Runtime::new(RuntimeConfig {
        native_modules: crate::native_modules(),
        frozen: crate::frozen_modules(),
        install_signal_handlers: false,
        ..RuntimeConfig::default()
    });
    let failures = runtime.enter(|vm| {
        let globals = vm.ctx.new_dict();
        let name = vm.ctx.new_str(file).into();
        globals
            .set_item("__name__", name, vm)
            .expect("a dict takes a str");
        let folder = vm.ctx.new_str(home.path().to_string_lossy()).into();
        globals
            .set_item("folder", folder, vm)
            .expect("a dict takes a str");
        let scope = Scope::with_builtins(None, globals, vm);
        for (source, file) in [(SUPPORT, "support"), (source, file)] {
            if let Err(failure) = vm.run_string(scope.clone(), source, file) {
                return vec![ErrorReport::from_exception(vm, &failure).traceback];
            }
        }
        run_tests(vm, &scope).expect("the functions of a dict can be listed")
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn run_tests(vm: &VirtualMachine, scope: &Scope) -> PyResult<Vec<String>> {
    let mut failures = Vec::new();
    let mut count = 0;
    for (name, function) in scope.globals.items_vec() {
        let name = name.str(vm)?.to_string_lossy().into_owned();
        if !name.starts_with("test_") {
            continue;
        }
        count += 1;
        if let Err(failure) = function.as_object().call((), vm) {
            let report = ErrorReport::from_exception(vm, &failure);
            failures.push(format!("{name}:\n{}", report.traceback));
        }
    }
    assert!(count > 0, "the file has no tests");
    Ok(failures)
}
