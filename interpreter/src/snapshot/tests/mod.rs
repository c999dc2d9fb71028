//! Snapshots by what Python code sees of them, and by what bad bytes do to them.
//!
//! The `.py` files hold functions named `test_*`. They find `carry(obj)`, which encodes and
//! decodes in one process; `carry_away(obj)`, which decodes as a process does that has never seen
//! the classes; `dumps`, `loads` (whose checksum is always right), `refusal(obj)` (the error's text),
//! `register_by_value` and `unregister_by_value`, and `receiver`, the globals of what arrives. For namespaces see `namespaces.rs`.

mod bytecode;
mod golden;
mod hostile;
mod interpreters;
mod namespaces;
mod native;
mod source;
mod speed;

use bytes::Bytes;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyBytesRef, PyDictRef, PyStrRef};
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{DecodeContext, EncodeOptions, SEAL_BYTES, Snapshot, identity};
use crate::runtime::{Runtime, RuntimeConfig};

fn dumps(object: &PyObjectRef, vm: &VirtualMachine) -> PyResult<Vec<u8>> {
    Ok(super::encode(vm, object, &EncodeOptions::new("args"))?.into_bytes())
}

/// Gives bytes that were changed the checksum that they should have, as whoever means harm would.
fn seal_again(bytes: &mut [u8]) {
    if let Some((seal, sealed)) = bytes.split_at_mut_checked(SEAL_BYTES) {
        seal[1..].copy_from_slice(&crc32fast::hash(sealed).to_le_bytes());
    }
}

fn loads(mut bytes: Vec<u8>, globals: PyDictRef, vm: &VirtualMachine) -> PyResult {
    seal_again(&mut bytes);
    let snapshot = Snapshot::from_bytes(Bytes::from(bytes)).expect("the lengths are right");
    super::decode(vm, snapshot.buffers, &DecodeContext::new(globals))
}

/// Runs `work` in a fresh interpreter whose `__main__` has the functions of this module's head.
fn with_functions(work: impl FnOnce(&VirtualMachine, &Scope, PyDictRef)) {
    let runtime = Runtime::new(RuntimeConfig {
        install_signal_handlers: false,
        ..RuntimeConfig::default()
    });
    runtime.enter(|vm| {
        let receiver = vm.ctx.new_dict();
        let main = vm.ctx.intern_str("__main__").to_owned();
        receiver
            .set_item("__name__", main.into(), vm)
            .expect("a dict takes a str");
        let scope = scope_of_main(vm);
        let set = |name: &str, value: PyObjectRef| {
            scope
                .globals
                .set_item(name, value, vm)
                .expect("a dict takes a str");
        };
        let globals = receiver.clone();
        let carry = move |object: PyObjectRef, vm: &VirtualMachine| {
            loads(dumps(&object, vm)?, globals.clone(), vm)
        };
        set("carry", vm.new_function("carry", carry).into());
        let globals = receiver.clone();
        let carry_away = move |object: PyObjectRef, vm: &VirtualMachine| {
            let bytes = dumps(&object, vm)?;
            identity::forget_all();
            loads(bytes, globals.clone(), vm)
        };
        set(
            "carry_away",
            vm.new_function("carry_away", carry_away).into(),
        );
        let dump = |object: PyObjectRef, vm: &VirtualMachine| {
            PyResult::Ok(vm.ctx.new_bytes(dumps(&object, vm)?))
        };
        set("dumps", vm.new_function("dumps", dump).into());
        let globals = receiver.clone();
        let load = move |bytes: PyBytesRef, vm: &VirtualMachine| {
            loads(bytes.as_bytes().to_vec(), globals.clone(), vm)
        };
        set("loads", vm.new_function("loads", load).into());
        let immutable = |object: PyObjectRef, vm: &VirtualMachine| {
            let snapshot = super::encode(vm, &object, &EncodeOptions::default())?;
            PyResult::Ok(super::is_immutable(&snapshot.buffers[0]))
        };
        set(
            "is_immutable",
            vm.new_function("is_immutable", immutable).into(),
        );
        let refusal = |object: PyObjectRef, vm: &VirtualMachine| match dumps(&object, vm) {
            Err(error) if error.fast_isinstance(super::snapshot_error_type()) => {
                Ok(error.as_object().str(vm)?.to_string())
            }
            Err(error) => Err(error),
            Ok(_) => Err(vm.new_value_error("it was carried")),
        };
        set("refusal", vm.new_function("refusal", refusal).into());
        let register = |name: PyStrRef, _: &VirtualMachine| {
            super::register_by_value(name.to_str().unwrap_or_default());
            PyResult::Ok(())
        };
        set(
            "register_by_value",
            vm.new_function("register_by_value", register).into(),
        );
        let unregister = |name: PyStrRef, _: &VirtualMachine| {
            PyResult::Ok(super::unregister_by_value(
                name.to_str().unwrap_or_default(),
            ))
        };
        set(
            "unregister_by_value",
            vm.new_function("unregister_by_value", unregister).into(),
        );
        let error_type = super::snapshot_error_type().clone();
        set("SnapshotError", error_type.into());
        set("receiver", receiver.clone().into());
        namespaces::add_functions(vm, &receiver, &set);
        work(vm, &scope, receiver);
    });
}

fn scope_of_main(vm: &VirtualMachine) -> Scope {
    let main = vm.import("__main__", 0).expect("every interpreter has one");
    let globals = main.dict().expect("a module has a dict");
    Scope::new(None, globals)
}

fn run(vm: &VirtualMachine, scope: &Scope, source: &str, name: &str) -> PyResult {
    let mode = rustpython_vm::compiler::Mode::Exec;
    let code = vm
        .compile(source, mode, name)
        .map_err(|error| error.into_pyexception(vm, Some(source)))?;
    vm.run_code_obj(code, scope.clone())
}

/// Runs every `test_*` function of a file, and says which failed and how.
fn check(source: &str, name: &str) {
    with_functions(|vm, scope, _| {
        let mut report = String::new();
        let fail = |report: &mut String, test: &str, error: PyBaseExceptionRef| {
            report.push_str(&format!("\n--- {test}\n"));
            vm.write_exception(report, &error)
                .expect("a String takes it");
        };
        if let Err(error) = run(vm, scope, source, name) {
            fail(&mut report, "the file itself", error);
        }
        let mut count = 0;
        for (key, test) in scope.globals.items_vec() {
            let key = key.str(vm).expect("names are text").to_string();
            if key.starts_with("test_") {
                count += 1;
                if let Err(error) = test.call((), vm) {
                    fail(&mut report, &key, error);
                }
            }
        }
        assert!(report.is_empty(), "{report}");
        assert!(count > 0, "{name} has no tests");
    });
}

#[test]
fn data() {
    check(include_str!("data.py"), "data.py");
}

#[test]
fn functions() {
    check(include_str!("functions.py"), "functions.py");
}

#[test]
fn objects() {
    check(include_str!("objects.py"), "objects.py");
}

#[test]
fn making() {
    check(include_str!("making.py"), "making.py");
}

#[test]
fn attributes() {
    check(include_str!("attributes.py"), "attributes.py");
}

#[test]
fn classes() {
    check(include_str!("classes.py"), "classes.py");
}

#[test]
fn identity() {
    check(include_str!("identity.py"), "identity.py");
}

#[test]
fn kinds() {
    check(include_str!("kinds.py"), "kinds.py");
}

#[test]
fn refused() {
    check(include_str!("refused.py"), "refused.py");
}

#[test]
fn graphs() {
    check(include_str!("graphs.py"), "graphs.py");
}

/// The layout of this version, byte by byte: a change here needs a new format version.
#[test]
fn golden_bytes() {
    const CASES: [(&str, &str); 5] = [
        // Two tuples and a dict: kind, how the elements are laid out, their count, their edges.
        (
            "((1,), {})",
            "10 00 01 16000000  15 00 00 00 00  10 00 02 00020000 01020000",
        ),
        (
            "[300, 'text', b'ab', -1.5]",
            "01 d804  06 04 74657874  07 02 6162  03 000000000000f8bf \
             14 00 04 00020000 01020000 02020000 03020000",
        ),
        // A list that holds itself is made empty, and filled.
        (
            "(lambda x: (x.append(x), x)[1])([])",
            "17  80 00020000 00 01 00020000",
        ),
        ("len", "30 08 6275696c74696e73 03 6c656e"),
        (
            "list(range(16))",
            "14 01 10 000102030405060708090a0b0c0d0e0f",
        ),
    ];
    with_functions(|vm, scope, globals| {
        for (source, expected) in CASES {
            let object = eval(vm, scope, source);
            let snapshot = super::encode(vm, &object, &EncodeOptions::default());
            let snapshot = snapshot.expect("plain data can be carried");
            let records = &snapshot.buffers[0][super::format::HEADER_BYTES..];
            let hex: String = records.iter().map(|byte| format!("{byte:02x}")).collect();
            let expected: String = expected.split_whitespace().collect();
            assert_eq!(hex, expected, "{source}");
            let context = DecodeContext::new(globals.clone());
            super::decode(vm, snapshot.buffers, &context).expect("it arrives");
        }
    });
}

fn eval(vm: &VirtualMachine, scope: &Scope, source: &str) -> PyObjectRef {
    let mode = rustpython_vm::compiler::Mode::Eval;
    let code = vm.compile(source, mode, "case").expect("it compiles");
    vm.run_code_obj(code, scope.clone()).expect("it evaluates")
}
