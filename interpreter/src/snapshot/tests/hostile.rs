//! Bytes that no encoder wrote: each gives an object or an error, never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustpython_vm::builtins::PyDictRef;
use rustpython_vm::{AsObject, VirtualMachine};

use super::{eval, run, with_functions};
use crate::snapshot::format::{HEADER_BYTES, Header, Write, body, kind};
use crate::snapshot::{
    BYTECODE_VERSION, DecodeContext, EncodeOptions, Snapshot, Trust, decode, encode,
    snapshot_error_type,
};

/// A table with these records and a sound header.
fn table(node_count: u32, root: u32, records: &[u8]) -> Vec<u8> {
    let mut table = vec![0; HEADER_BYTES];
    table.extend_from_slice(records);
    let header = Header {
        flags: 1,
        bytecode: BYTECODE_VERSION,
        node_count,
        root,
        buffer_count: 0,
    };
    header.write(&mut table);
    table
}

/// Decodes, and gives the text of the error if there is one.
fn error_of(vm: &VirtualMachine, globals: &PyDictRef, buffers: Vec<Bytes>) -> Option<String> {
    let context = DecodeContext::new(globals.clone());
    let error = decode(vm, buffers, &context).err()?;
    Some(error.as_object().str(vm).map_or_else(
        |_| "an error without text".to_owned(),
        |text| text.to_string(),
    ))
}

/// At least this many cases; more if the variable `PROPTEST_CASES` says so.
pub fn random_cases(count: u32) -> TestRunner {
    let config = Config {
        cases: Config::default().cases.max(count),
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
}

/// Snapshots of many kinds, none of which runs code that could do harm when damaged.
const SAMPLES: &str = r#"
import datetime, fractions, collections, enum, weakref
class P:
    def __init__(self, x): self.x = x
    def f(self): return super().__hash__()
class C(enum.Enum):
    A = 1
def g(a, b=[1, (2,)], *, c={'x': 1}):
    def h(): return a, h
    return [x for x in (1, 2.5, 'three', b'4', None, 10**30)]
def k(n):
    def inner(): return n, inner
    return inner
loop = [1]; loop.append({'loop': (loop,)})
run = [i / 2 for i in range(60)]
runs = [run, run[3], run[5:30], tuple(run)]
held = P(weakref.ref(P)); held.more = [held.__dict__, P, (held, [held])]
samples = [dumps(x) for x in (
    1, 'text', [1, 2, 3], {'a': [1.5, None]}, loop, {1, 2}, frozenset({(1, 2)}), list(range(50)),
    [str(i) for i in range(50)], range(3), slice(1, 2), bytearray(b'abc'), b'x' * 5000, g, k(3), P, [P(1)] * 2,
    C.A, ValueError('v', 1), datetime.date(2020, 1, 1), fractions.Fraction(1, 3), collections.deque([1]),
    len, 1.5j, 10**40, '\ud800', memoryview(b'abcd'), runs, [P(i) for i in range(40)], held)]
"#;

#[test]
fn damaged_snapshots_give_errors() {
    with_functions(|vm, scope, receiver| {
        run(vm, scope, SAMPLES, "samples").expect("the samples can be made");
        let samples = scope.globals.get_item("samples", vm).expect("just made");
        let samples: Vec<rustpython_vm::builtins::PyBytesRef> =
            samples.try_to_value(vm).expect("they are bytes");
        let samples: Vec<Vec<u8>> = samples.iter().map(|s| s.as_bytes().to_vec()).collect();
        let strategy = (
            0..samples.len(),
            prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            prop::option::of(any::<prop::sample::Index>()),
        );
        random_cases(6_000)
            .run(&strategy, |(sample, changes, cut)| {
                let mut bytes = samples[sample].clone();
                // One change in eight may hit the lengths and the header, which end the attempt
                // early; the others go deeper.
                let head = bytes.len().min(HEADER_BYTES + 4);
                for (index, value) in changes {
                    let from = if value % 8 == 0 { 0 } else { head };
                    let at = from + index.index((bytes.len() - from).max(1));
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = value;
                    }
                }
                if let Some(cut) = cut {
                    bytes.truncate(cut.index(bytes.len()));
                }
                if let Ok(snapshot) = Snapshot::from_bytes(Bytes::from(bytes)) {
                    error_of(vm, &receiver, snapshot.buffers);
                }
                Ok(())
            })
            .expect("no case panics");
    });
}

#[test]
fn random_records_give_errors() {
    with_functions(|vm, _, receiver| {
        let record = (any::<u8>(), prop::collection::vec(any::<u8>(), 0..24));
        let records = prop::collection::vec(record, 0..12);
        random_cases(20_000)
            .run(&records, |records| {
                let bytes: Vec<u8> = records
                    .into_iter()
                    .flat_map(|(kind, bytes)| {
                        // Most bytes are no kind: favour those that are.
                        let kinds = [
                            kind,
                            kind % 26,
                            32 + kind % 7,
                            48 + kind % 12,
                            64 + kind % 7,
                            128 + kind % 10,
                        ];
                        let kind = kinds[kind as usize % kinds.len()];
                        std::iter::once(kind).chain(bytes)
                    })
                    .collect();
                for node_count in [0, 1, 2] {
                    let bytes = Bytes::from(table(node_count, 512, &bytes));
                    error_of(vm, &receiver, vec![bytes]);
                }
                Ok(())
            })
            .expect("no case panics");
    });
}

#[test]
fn bad_headers_say_what_is_wrong() {
    with_functions(|vm, _, receiver| {
        let good = table(0, 0, &[]);
        assert_eq!(
            error_of(vm, &receiver, vec![Bytes::from(good.clone())]),
            None
        );
        let changed = |at: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[at] = value;
            error_of(vm, &receiver, vec![Bytes::from(bytes)]).expect("it is refused")
        };
        assert!(changed(0, b'X').contains("it is not a snapshot"));
        assert!(changed(4, 9).contains("snapshot format 9"));
        assert!(changed(4, 9).contains("use the same rhumba on both sides"));
        assert!(changed(12, 1).contains("it has 0 objects, and says 1"));
        assert!(changed(20, 1).contains("buffer"));
        let empty = error_of(vm, &receiver, Vec::new()).expect("it is refused");
        assert!(empty.contains("it is not a snapshot"));
    });
}

#[test]
fn bytecode_of_another_version_matters_only_where_there_is_code() {
    with_functions(|vm, scope, receiver| {
        let outcome = |source: &str, flags: Option<u8>| {
            let object = eval(vm, scope, source);
            let snapshot = encode(vm, &object, &EncodeOptions::default()).expect("it is carried");
            let mut bytes = snapshot.buffers[0].to_vec();
            bytes[8] ^= 0xff;
            bytes[6] = flags.unwrap_or(bytes[6]);
            error_of(vm, &receiver, vec![Bytes::from(bytes)])
        };
        assert_eq!(outcome("[1, 'a', len]", None), None);
        let error = outcome("lambda: 1", None).expect("it is refused");
        assert!(error.contains("another Python runtime"), "{error}");
        let error = outcome("lambda: 1", Some(0)).expect("it is refused");
        assert!(
            error.contains("it holds code, and doesn't say so"),
            "{error}"
        );
    });
}

#[test]
fn lengths_are_checked_before_anything_is_allocated() {
    with_functions(|vm, _, receiver| {
        for kind in [
            kind::STR,
            kind::BYTES,
            kind::INT_BIG,
            kind::LIST,
            kind::TUPLE,
        ] {
            for tag in [body::EDGES, body::I8, body::F64, body::STR] {
                let mut records = vec![kind];
                if matches!(kind, kind::LIST | kind::TUPLE) {
                    records.push(tag);
                }
                records.varint(u64::MAX >> 4);
                let bytes = Bytes::from(table(1, 512, &records));
                assert!(error_of(vm, &receiver, vec![bytes]).is_some());
            }
        }
    });
}

#[test]
fn a_buffer_is_used_once() {
    with_functions(|vm, _, receiver| {
        let records = [kind::BYTES_OUT, 0, kind::BYTES_OUT, 0];
        let mut bytes = table(2, 512, &records);
        bytes[20] = 1;
        let buffers = vec![Bytes::from(bytes), Bytes::from_static(b"large")];
        let error = error_of(vm, &receiver, buffers).expect("it is refused");
        assert!(error.contains("used twice"), "{error}");
    });
}

#[test]
fn keys_nested_too_deeply_are_not_hashed() {
    with_functions(|vm, _, receiver| {
        let mut records = Vec::new();
        for depth in 0..100_000u32 {
            records.push(kind::TUPLE);
            records.push(body::EDGES);
            records.varint(1);
            records.edge(if depth == 0 { 0 } else { 512 + depth - 1 });
        }
        records.push(kind::SET);
        records.push(body::EDGES);
        records.varint(1);
        records.edge(512 + 99_999);
        let bytes = Bytes::from(table(100_001, 512 + 100_000, &records));
        let error = error_of(vm, &receiver, vec![bytes]).expect("it is refused");
        assert!(error.contains("too deeply"), "{error}");
    });
}

#[test]
fn the_names_of_the_receiver_are_out_of_reach() {
    // As an element of a tuple, the receiver's names get the number of a node, which may be filled.
    const GLOBALS: u32 = 8;
    let mut records = vec![kind::TUPLE, body::EDGES, 1];
    records.edge(GLOBALS);
    records.push(kind::ELEMENT);
    records.edge(512);
    records.push(0);
    records.extend_from_slice(&[kind::STR, 1, b'x']);
    let reached = records.clone();
    records.push(kind::FILL_DICT);
    records.edge(513);
    for _ in 0..2 {
        records.extend_from_slice(&[body::EDGES, 1]);
        records.edge(514);
    }
    with_functions(|vm, _, receiver| {
        let filled = vec![Bytes::from(table(3, 512, &records))];
        let error = error_of(vm, &receiver, filled).expect("it is refused");
        assert!(error.contains("an object of its own"), "{error}");
        let mut context = DecodeContext::new(receiver.clone());
        context.trust = Trust::Data;
        let reached = vec![Bytes::from(table(3, 512, &reached))];
        assert!(decode(vm, reached, &context).is_err());
        assert!(!receiver.contains_key("x", vm));
    });
}

#[test]
fn errors_are_snapshot_errors() {
    with_functions(|vm, _, receiver| {
        let context = DecodeContext::new(receiver);
        let error = decode(vm, vec![Bytes::from_static(b"nonsense")], &context).expect_err("bad");
        assert!(error.fast_isinstance(snapshot_error_type()));
        let one = Snapshot::from_bytes(Bytes::from_static(&[0xff; 20]));
        assert!(one.is_err());
    });
}

#[test]
fn whatever_data_does_wrong_is_a_snapshot_error() {
    let mut records = vec![kind::LIST_EMPTY, kind::DICT_EMPTY, kind::FILL_DICT];
    records.edge(513);
    for _ in 0..2 {
        records.extend_from_slice(&[body::EDGES, 1]);
        records.edge(512);
    }
    with_functions(|vm, _, receiver| {
        let mut context = DecodeContext::new(receiver);
        context.trust = Trust::Data;
        let unhashable = vec![Bytes::from(table(2, 513, &records))];
        let error = decode(vm, unhashable, &context).expect_err("a list is no key");
        assert!(error.fast_isinstance(snapshot_error_type()));
        let cause = error.__cause__().expect("the cause is told");
        assert!(cause.fast_isinstance(vm.ctx.exceptions.type_error));
        assert!(!cause.fast_isinstance(snapshot_error_type()));
    });
}
