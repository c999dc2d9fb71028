//! A kind of object that a native module registers: a grid of bytes with a note.

use bytes::Bytes;
use rustpython_vm::builtins::{PyBytesRef, PyType};
use rustpython_vm::class::{PyClassImpl, StaticType};
use rustpython_vm::{
    AsObject, Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine, pyclass,
};

use super::{eval, run, with_functions};
use crate::snapshot::{
    DecodeContext, EncodeOptions, NativeKind, NativeParts, Trust, decode, encode,
    register_native_kind,
};

#[pyclass(module = "rhumba_tests", name = "Grid")]
#[derive(Debug, PyPayload)]
struct Grid {
    width: u32,
    content: Bytes,
    note: PyObjectRef,
}

#[pyclass]
impl Grid {
    #[pygetset]
    fn width(zelf: &Py<Self>) -> u32 {
        zelf.width
    }

    #[pygetset]
    fn content(zelf: &Py<Self>, vm: &VirtualMachine) -> PyObjectRef {
        vm.ctx.new_bytes(zelf.content.to_vec()).into()
    }

    #[pygetset]
    fn note(zelf: &Py<Self>) -> PyObjectRef {
        zelf.note.clone()
    }
}

struct GridKind;

impl NativeKind for GridKind {
    fn name(&self) -> &'static str {
        "rhumba_tests.grid"
    }

    fn version(&self) -> u32 {
        2
    }

    fn matches(&self, class: &Py<PyType>) -> bool {
        class.is(Grid::static_type())
    }

    fn is_data(&self) -> bool {
        true
    }

    fn encode(&self, vm: &VirtualMachine, object: &PyObject) -> PyResult<NativeParts> {
        let grid = object.try_downcast_ref::<Grid>(vm)?;
        Ok(NativeParts {
            bytes: grid.width.to_le_bytes().to_vec(),
            buffers: vec![grid.content.clone()],
            children: vec![grid.note.clone()],
        })
    }

    fn decode(&self, vm: &VirtualMachine, version: u32, parts: NativeParts) -> PyResult {
        let (Ok(width), [content], [note], 2) = (
            <[u8; 4]>::try_from(parts.bytes),
            &parts.buffers[..],
            &parts.children[..],
            version,
        ) else {
            return Err(vm.new_value_error("a grid has a width, a content and a note"));
        };
        let grid = Grid {
            width: u32::from_le_bytes(width),
            content: content.clone(),
            note: note.clone(),
        };
        Ok(grid.into_ref(&vm.ctx).into())
    }
}

fn set_up(vm: &VirtualMachine, set: impl Fn(&str, PyObjectRef)) {
    let _ = Grid::make_static_type();
    register_native_kind(&GridKind);
    let make = |width: u32, content: PyBytesRef, note: PyObjectRef, vm: &VirtualMachine| {
        let grid = Grid {
            width,
            content: Bytes::copy_from_slice(content.as_bytes()),
            note,
        };
        PyObjectRef::from(grid.into_ref(&vm.ctx))
    };
    set("grid", vm.new_function("grid", make).into());
}

const CHECKS: &str = r#"
note = ['n']
g = grid(3, b'abcdef', note)
a, b, n = carry((g, [g], note))
assert type(a) is type(g) and a is b[0] and a is not g, (a, b)
assert a.width == 3 and a.content == b'abcdef' and a.note is n and n == ['n']
large = grid(1, b'x' * 100_000, {'g': g})
there = carry(large)
assert there.content == large.content and there.note['g'].width == 3
assert len(dumps([large, large])) < 100_300
note.append(g)
there = carry(note)
assert there[1].note is there and there[1].width == 3
assert carry_names({'note': note, 'g': g})['g'].note[0] == 'n'
lock = __import__('threading').Lock()
there, left = partial([grid(1, b'', lock), 5])
assert there == [5] and left[0][0] == 'args[0]', left
"#;

#[test]
fn objects_of_a_registered_kind_are_carried() {
    with_functions(|vm, scope, globals| {
        set_up(vm, |name, value| {
            scope
                .globals
                .set_item(name, value, vm)
                .expect("a dict takes it");
        });
        if let Err(error) = run(vm, scope, CHECKS, "checks") {
            let mut report = String::new();
            vm.write_exception(&mut report, &error)
                .expect("a String takes it");
            panic!("{report}");
        }
        // It says that it is plain data.
        let object = eval(vm, scope, "grid(2, b'ab', None)");
        let snapshot = encode(vm, &object, &EncodeOptions::default()).expect("it is carried");
        let context = DecodeContext {
            trust: Trust::Data,
            ..DecodeContext::new(globals.clone())
        };
        let there = decode(vm, snapshot.buffers.clone(), &context).expect("it arrives");
        assert!(there.downcast_ref::<Grid>().is_some());
        // Damage is the kind's own affair, and a name that nobody knows is told.
        let damage = |from: &[u8], to: &[u8]| {
            let table = snapshot.buffers[0].to_vec();
            let at = table
                .windows(from.len())
                .position(|w| w == from)
                .expect("it is there");
            let mut table = table;
            table[at..at + to.len()].copy_from_slice(to);
            let error = decode(vm, vec![Bytes::from(table)], &context).expect_err("damaged");
            error.as_object().str(vm).expect("it has text").to_string()
        };
        let error = damage(b"rhumba_tests.grid", b"rhumba_tests.grit");
        assert!(
            error.contains("a rhumba_tests.grit, which isn't known here"),
            "{error}"
        );
        let error = damage(b"grid\x02", b"grid\x09");
        assert!(error.contains("a grid has a width"), "{error}");
    });
}
