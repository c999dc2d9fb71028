//! Bytes that no encoder wrote: each gives an object or an error, never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rustpython_vm::builtins::{PyDictRef, PyStr};
use rustpython_vm::common::wtf8::Wtf8;
use rustpython_vm::{AsObject, PyObjectRef, PyPayload, VirtualMachine};

use super::{dumps, eval, loads, run, seal_again, with_functions};
use crate::snapshot::encode::state_present;
use crate::snapshot::format::{HEADER_BYTES, Header, Write, body, kind};
use crate::snapshot::{
    BYTECODE_VERSION, DecodeContext, EncodeOptions, SEAL_BYTES, Snapshot, Trust, decode, encode,
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
                let head = bytes.len().min(SEAL_BYTES + HEADER_BYTES + 4);
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
                seal_again(&mut bytes);
                if let Ok(snapshot) = Snapshot::from_bytes(Bytes::from(bytes)) {
                    error_of(vm, &receiver, snapshot.buffers);
                }
                Ok(())
            })
            .expect("no case panics");
    });
}

#[test]
fn every_changed_bit_is_noticed() {
    let buffers = [
        Bytes::from(table(1, 512, &[kind::LIST_EMPTY])),
        Bytes::from("buffer"),
    ];
    for count in 1..=buffers.len() {
        let snapshot = Snapshot {
            buffers: buffers[..count].to_vec(),
        };
        let bytes = snapshot.clone().into_bytes();
        let read = Snapshot::from_bytes(Bytes::from(bytes.clone())).expect("nothing was changed");
        assert_eq!(read.buffers, snapshot.buffers);
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let refused = Snapshot::from_bytes(Bytes::from(changed));
            assert!(refused.is_err(), "bit {bit} of {} bytes", bytes.len());
        }
        for length in 0..bytes.len() {
            let cut = Snapshot::from_bytes(Bytes::copy_from_slice(&bytes[..length]));
            assert!(cut.is_err(), "{length} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn bytes_without_a_checksum_are_read() {
    let inner = Bytes::from(table(1, 512, &[kind::LIST_EMPTY]));
    let mut bytes = vec![1, inner.len() as u8];
    bytes.extend_from_slice(&inner);
    let read = Snapshot::from_bytes(Bytes::from(bytes)).expect("as versions before wrote it");
    assert_eq!(read.buffers, [inner]);
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
fn frozen_sets_nested_too_deeply_are_not_made() {
    // The runtime would end the process as it lets go of them.
    let nested = |count: u32| {
        let mut records = Vec::new();
        for depth in 0..count {
            records.push(kind::FROZENSET);
            records.push(body::EDGES);
            records.varint(1);
            records.edge(if depth == 0 { 0 } else { 512 + depth - 1 });
        }
        vec![Bytes::from(table(count, 512 + count - 1, &records))]
    };
    with_functions(|vm, _, receiver| {
        assert_eq!(error_of(vm, &receiver, nested(2_000)), None);
        let error = error_of(vm, &receiver, nested(300_000)).expect("it is refused");
        assert!(error.contains("nested too deeply"), "{error}");
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

/// A table's records for edges, texts and what uses them.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    count: u32,
}

impl Records {
    fn node(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.extend_from_slice(bytes);
        self.count += 1;
        511 + self.count
    }

    fn text(&mut self, text: &[u8]) -> u32 {
        self.node(&[&[kind::STR, text.len() as u8], text].concat())
    }

    fn named(&mut self, module: &str, name: &str) -> u32 {
        let mut record = vec![kind::NAMED];
        record.slice(module.as_bytes());
        record.slice(name.as_bytes());
        self.node(&record)
    }

    fn run(&mut self, kind: u8, edges: &[u32]) -> u32 {
        let run = body_of(edges);
        self.node(&[&[kind], &run[..]].concat())
    }

    fn pairs(&mut self, kind: u8, keys: &[u32], values: &[u32]) -> u32 {
        let record = [&[kind], &body_of(keys)[..], &body_of(values)[..]].concat();
        self.node(&record)
    }

    /// A class without bases but `object`, with these in its namespace.
    fn class(&mut self, name: u32, keys: &[u32], values: &[u32]) -> u32 {
        let metaclass = self.named("builtins", "type");
        let object = self.named("builtins", "object");
        let mut record = vec![kind::CLASS];
        record.extend_from_slice(&[7; 24]);
        record.edges(&[metaclass, name]);
        for edges in [&[object][..], keys, values] {
            record.extend_from_slice(&body_of(edges));
        }
        self.node(&record)
    }

    fn fill(&mut self, kind: u8, target: u32, bodies: &[&[u32]], rest: &[u8]) {
        self.bytes.push(kind);
        self.bytes.edge(target);
        for edges in bodies {
            self.bytes.extend_from_slice(&body_of(edges));
        }
        self.bytes.extend_from_slice(rest);
    }

    fn table(&self) -> Vec<Bytes> {
        vec![Bytes::from(table(
            self.count,
            511 + self.count,
            &self.bytes,
        ))]
    }
}

fn body_of(edges: &[u32]) -> Vec<u8> {
    let mut run = vec![body::EDGES];
    run.varint(edges.len() as u64);
    run.edges(edges);
    run
}

/// A special name that isn't text: the runtime would panic if a class got it.
const UNFIT: &[u8] = b"__qual\xed\xa0\x80me__";
/// The edge of 1.
const ONE: u32 = 22;

/// Where such a name is, and what writes the records that put it there.
type UnfitCase = (&'static str, fn(&mut Records, u32));

#[test]
fn special_names_of_classes_are_text() {
    let cases: [UnfitCase; 9] = [
        ("in the namespace of a class", |records, unfit| {
            let name = records.text(b"A");
            records.class(name, &[unfit], &[ONE]);
        }),
        ("as the name of a class", |records, unfit| {
            records.class(unfit, &[], &[]);
        }),
        ("among slots", |records, unfit| {
            let (name, slots) = (records.text(b"A"), records.text(b"__slots__"));
            let names = records.run(kind::TUPLE, &[unfit]);
            records.class(name, &[slots], &[names]);
        }),
        ("as a class is filled", |records, unfit| {
            let name = records.text(b"A");
            let class = records.class(name, &[], &[]);
            records.fill(kind::FILL_CLASS, class, &[&[unfit], &[ONE]], &[0]);
        }),
        ("in the dict of a class", |records, unfit| {
            let name = records.text(b"A");
            let class = records.class(name, &[], &[]).to_le_bytes();
            let namespace = records.node(&[&[kind::CLASS_NAMESPACE], &class[..]].concat());
            records.fill(kind::FILL_DICT, namespace, &[&[unfit], &[ONE]], &[]);
        }),
        ("given to type", |records, unfit| {
            let name = records.text(b"A");
            let bases = records.run(kind::TUPLE, &[]);
            let namespace = records.pairs(kind::DICT, &[unfit], &[ONE]);
            let args = records.run(kind::TUPLE, &[name, bases, namespace]);
            let call = [records.named("builtins", "type"), args];
            let call = call.map(u32::to_le_bytes).concat();
            records.node(&[&[kind::REDUCED], &call[..]].concat());
        }),
        ("given to setattr", |records, unfit| {
            let name = records.text(b"A");
            let class = records.class(name, &[], &[]);
            let args = records.run(kind::TUPLE, &[class, unfit, ONE]);
            let call = [records.named("builtins", "setattr"), args];
            let call = call.map(u32::to_le_bytes).concat();
            records.node(&[&[kind::REDUCED], &call[..]].concat());
        }),
        ("given to the method of a class", |records, unfit| {
            let name = records.text(b"A");
            let class = records.class(name, &[], &[]);
            let args = records.run(kind::TUPLE, &[class, unfit, ONE]);
            let call = [records.named("builtins", "type.__setattr__"), args];
            let call = call.map(u32::to_le_bytes).concat();
            records.node(&[&[kind::REDUCED], &call[..]].concat());
        }),
        ("as a state of slots", |records, unfit| {
            let name = records.text(b"A");
            let class = records.class(name, &[], &[]);
            let slots = records.pairs(kind::DICT, &[unfit], &[ONE]);
            let state = records.run(kind::TUPLE, &[0, slots]).to_le_bytes();
            let rest = [&[state_present::STATE], &state[..]].concat();
            records.fill(kind::FILL_STATE, class, &[&[], &[], &[]], &rest);
        }),
    ];
    with_functions(|vm, _, receiver| {
        for (place, build) in cases {
            let mut records = Records::default();
            let unfit = records.text(UNFIT);
            build(&mut records, unfit);
            let mut context = DecodeContext::new(receiver.clone());
            let error = decode(vm, records.table(), &context).expect_err(place);
            let text = error.as_object().str(vm).expect("errors have text");
            let text = text.to_string();
            let told = text.contains("special name")
                || text.contains("identifiers")
                || text.contains("an object of its own")
                || text.contains("surrogate");
            assert!(told, "{place}: {text}");
            context.trust = Trust::Data;
            let error = decode(vm, records.table(), &context).expect_err(place);
            assert!(error.fast_isinstance(snapshot_error_type()), "{place}");
        }
    });
}

#[test]
fn a_partial_does_not_call_itself() {
    let mut records = Records::default();
    let class = records.named("functools", "partial");
    let args = records.run(kind::TUPLE, &[class]);
    let call = [class, args].map(u32::to_le_bytes).concat();
    let partials = [(); 2].map(|()| records.node(&[&[kind::REDUCED], &call[..]].concat()));
    let empty = records.pairs(kind::DICT, &[], &[]);
    let none = records.run(kind::TUPLE, &[]);
    for (target, called) in [(0, 1), (1, 0)] {
        let state = records.run(kind::TUPLE, &[partials[called], none, empty, 0]);
        let rest = [&[state_present::STATE], &state.to_le_bytes()[..]].concat();
        records.fill(kind::FILL_STATE, partials[target], &[&[], &[], &[]], &rest);
    }
    with_functions(|vm, _, receiver| {
        let error = error_of(vm, &receiver, records.table()).expect("it is refused");
        assert!(error.contains("something else than itself"), "{error}");
    });
}

#[test]
fn texts_that_are_no_names_are_data() {
    with_functions(|vm, scope, _| {
        let source = r"
import collections
def test():
    text = '__\ud800__'
    class C: pass
    setattr(C, '\ud800', text)
    made = [text, {text: text}, collections.deque([text]), C, lambda: text, ValueError(text)]
    back = carry_away(made)
    assert back[:3] == made[:3] and getattr(back[3], '\ud800') == back[4]() == back[5].args[0] == text
test()";
        run(vm, scope, source, "texts").expect("they are carried");
    });
}

#[test]
fn texts_of_bytes_that_are_none_are_refused() {
    with_functions(|vm, _, receiver| {
        let text: PyObjectRef = PyStr::from(Wtf8::from_bytes(b"?\xed\xa1\x82b)").expect("one"))
            .into_ref(&vm.ctx)
            .into();
        let bytes = dumps(&text, vm).expect("it is carried");
        let at = bytes.windows(2).position(|pair| pair == b"\xed\xa1");
        let at = at.expect("it is there as it is");
        assert!(loads(bytes.clone(), receiver.clone(), vm).is_ok());
        for (place, byte) in [(1, 0xc1), (1, b'a'), (2, b'a'), (2, 0xff)] {
            let mut bytes = bytes.clone();
            bytes[at + place] = byte;
            let error = loads(bytes, receiver.clone(), vm).expect_err("it is no text");
            assert!(
                error.fast_isinstance(snapshot_error_type()),
                "{place} {byte:#x}"
            );
        }
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
