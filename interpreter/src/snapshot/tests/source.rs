//! Source that travels with code: lines for tracebacks, and compiling again for another runtime.

use bytes::Bytes;
use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::scope::Scope;
use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use super::{eval, run, with_functions};
use crate::cell::remember_source;
use crate::snapshot::{DecodeContext, EncodeOptions, decode, decode_names, encode, encode_names};

const CELL: &str = r#"
import functools
def outer(n):
    def inner(x, *, k=2):
        "Multiplies."
        return x * n * k + sum(y for y in (1, 2))
    return inner
class Shape:
    def area(self):
        return super().__hash__() * 0 + 9
def fails():
    value = 1
    raise ValueError(value)
pair = [lambda: 1, lambda: 2]
"#;

/// Runs the cell under a name, as a shell does.
fn enter(vm: &VirtualMachine, scope: &Scope, source: &str, name: &str) {
    remember_source(vm, name, source).expect("nothing interrupts");
    run(vm, scope, source, name).expect("the cell runs");
}

/// Forgets all source, as a process that never saw it.
fn forget(vm: &VirtualMachine, scope: &Scope) {
    let forget = "import linecache; linecache.cache.clear()";
    run(vm, scope, forget, "forget").expect("there is a cache");
}

fn carry(
    vm: &VirtualMachine,
    scope: &Scope,
    receiver: &PyDictRef,
    what: &str,
    change: impl Fn(&mut [u8]),
) -> PyResult<()> {
    let object = eval(vm, scope, what);
    let snapshot = encode(vm, &object, &EncodeOptions::default())?;
    let mut buffers = snapshot.buffers;
    let mut table = buffers[0].to_vec();
    change(&mut table);
    buffers[0] = Bytes::from(table);
    forget(vm, scope);
    crate::snapshot::identity::forget_all();
    let there = decode(vm, buffers, &DecodeContext::new(receiver.clone()))?;
    scope.globals.set_item("there", there, vm)
}

/// Makes the bytecode another runtime's.
fn foreign(table: &mut [u8]) {
    table[8] ^= 0xff;
}

fn holds(vm: &VirtualMachine, scope: &Scope, what: &str) {
    assert!(eval(vm, scope, what).is(&vm.ctx.true_value), "{what}");
}

#[test]
fn tracebacks_show_the_lines_of_what_arrived() {
    with_functions(|vm, scope, receiver| {
        enter(vm, scope, CELL, "<cell 3>");
        carry(vm, scope, &receiver, "fails", |_| {}).expect("it arrives");
        let ask = "import linecache, inspect
line = linecache.getline(there.__code__.co_filename, there.__code__.co_firstlineno + 2)
source = inspect.getsource(there)";
        run(vm, scope, ask, "ask").expect("it is known");
        holds(vm, scope, "line == '    raise ValueError(value)\\n'");
        holds(
            vm,
            scope,
            "source.startswith('def fails():') and there.__code__.co_filename == '<cell 3 (kept)>'",
        );
    });
}

#[test]
fn source_of_the_same_name_is_kept_apart() {
    with_functions(|vm, scope, receiver| {
        enter(vm, scope, CELL, "<cell 3>");
        let object = eval(vm, scope, "fails");
        let snapshot = encode(vm, &object, &EncodeOptions::default()).expect("it is carried");
        forget(vm, scope);
        enter(vm, scope, "own = 1\n", "<cell 3>");
        let context = DecodeContext::new(receiver);
        for _ in 0..2 {
            let there = decode(vm, snapshot.buffers.clone(), &context).expect("it arrives");
            scope
                .globals
                .set_item("there", there, vm)
                .expect("a dict takes it");
            let ask = "import linecache
line = linecache.getline(there.__code__.co_filename, there.__code__.co_firstlineno + 2)
own = linecache.getline('<cell 3>', 1)";
            run(vm, scope, ask, "ask").expect("it is known");
            holds(
                vm,
                scope,
                "line == '    raise ValueError(value)\\n' and own == 'own = 1\\n'",
            );
            holds(vm, scope, "there.__code__.co_filename == '<cell 3 (kept)>'");
        }
    });
}

#[test]
fn a_later_cell_takes_no_name_of_source_that_arrived() {
    with_functions(|vm, scope, receiver| {
        enter(vm, scope, CELL, "<cell 3>");
        carry(vm, scope, &receiver, "fails", |_| {}).expect("it arrives");
        enter(vm, scope, "secret = 1\n", "<cell 3>");
        let ask = "import inspect\nsource = inspect.getsource(there)";
        run(vm, scope, ask, "ask").expect("it is known");
        holds(vm, scope, "source.startswith('def fails():')");
        let object = eval(vm, scope, "there");
        let snapshot = encode(vm, &object, &EncodeOptions::default()).expect("it is carried");
        let table = String::from_utf8_lossy(&snapshot.buffers[0]).into_owned();
        assert!(table.contains("raise ValueError(value)") && !table.contains("secret"));
    });
}

#[test]
fn long_source_is_kept_once() {
    with_functions(|vm, scope, receiver| {
        let cell = format!("{CELL}# {}\n", "long ".repeat(2000));
        enter(vm, scope, &cell, "<cell 3>");
        let names =
            ["fails", "outer", "Shape"].map(|name| (name.to_owned(), eval(vm, scope, name)));
        let snapshot = encode_names(vm, &names, &EncodeOptions::default()).expect("carried");
        let mut sources = Vec::new();
        for segment in &snapshot.segments {
            assert!(
                segment.buffers[0].len() < cell.len(),
                "it is beside the table"
            );
            sources.extend(segment.buffers[1..].iter().cloned());
        }
        assert_eq!(
            sources,
            vec![cell.as_bytes(); 3],
            "the same bytes, which a store has once"
        );
        forget(vm, scope);
        let (there, _) =
            decode_names(vm, snapshot, &DecodeContext::new(receiver)).expect("it arrives");
        let fails = there[0].1.clone();
        scope
            .globals
            .set_item("there", fails, vm)
            .expect("a dict takes it");
        let ask = "import inspect; source = inspect.getsource(there)";
        run(vm, scope, ask, "ask").expect("it is known");
        holds(vm, scope, "source.startswith('def fails():')");
    });
}

#[test]
fn equal_code_of_other_source_has_its_own_lines() {
    with_functions(|vm, scope, receiver| {
        let context = DecodeContext::new(receiver);
        let made = |source: &str| {
            forget(vm, scope);
            enter(vm, scope, source, "<cell 3>");
            let snapshot = encode(vm, &eval(vm, scope, "fails"), &EncodeOptions::default());
            snapshot.expect("it is carried").buffers
        };
        let function = "def fails(): raise ValueError(1)";
        let first = made(&format!("{function} # first\n"));
        let second = made(&format!("{function} # second\n"));
        forget(vm, scope);
        let turns = [(&first, "first"), (&second, "second")];
        for (buffers, comment) in turns.into_iter().cycle().take(8) {
            let there = decode(vm, buffers.clone(), &context).expect("it arrives");
            scope
                .globals
                .set_item("there", there, vm)
                .expect("a dict takes it");
            let ask = "import linecache; line = linecache.getline(there.__code__.co_filename, 1)";
            run(vm, scope, ask, "ask").expect("it is known");
            holds(vm, scope, &format!("line.endswith('# {comment}\\n')"));
        }
    });
}

#[test]
fn code_of_another_runtime_is_compiled_again() {
    with_functions(|vm, scope, receiver| {
        for (what, check) in [
            (
                "outer(5)",
                "there(2) == 23 and there(1, k=1) == 8 and there.__doc__ == 'Multiplies.'",
            ),
            ("outer", "there(3)(1) == 9"),
            ("Shape()", "there.area() == 9"),
            ("outer.__code__.co_consts", "len(there) > 0"),
        ] {
            enter(vm, scope, CELL, "<cell 3>");
            carry(vm, scope, &receiver, what, foreign).expect(what);
            holds(vm, scope, check);
        }
    });
}

#[test]
fn what_cannot_be_compiled_again_is_refused() {
    with_functions(|vm, scope, receiver| {
        // Two functions that nothing tells apart; one that is on no line; one without a source.
        for (what, name) in [("pair[0]", "<cell 3>"), ("fails", "file.py")] {
            enter(vm, scope, CELL, name);
            let error = carry(vm, scope, &receiver, what, foreign).expect_err(what);
            let text = error.as_object().str(vm).expect("it has text").to_string();
            assert!(text.contains("another Python runtime"), "{text}");
        }
    });
}
