//! Times of the paths that every task takes. They are printed, and fail only if they are absurd:
//! `cargo nextest run ... speed --no-capture`.

use std::time::{Duration, Instant};

use rustpython_vm::PyObjectRef;

use super::{run, with_functions};
use crate::snapshot::{DecodeContext, EncodeOptions, decode, encode};

const CASES: &str = r#"
import collections
class L(list): pass
class D(dict): pass
def noop(): pass
def make(n):
    def f(x, y=2): return x + y + n
    return f
def noted(error):
    error.note = 'noted'
    return error
class P:
    def __init__(self, x): self.x = x; self.y = str(x)
cases = {
    'args': ((1,), {}),
    'result': 42,
    'noop': noop,
    'closure': make(5),
    'dict 50k mixed': {f'k{i}': (i, float(i), str(i), [i]) for i in range(50_000)},
    '1e6 ints': list(range(1_000_000)),
    '1e6 floats': [float(i) for i in range(1_000_000)],
    '1e6 texts': [str(i) for i in range(1_000_000)],
    '20k instances': [P(i) for i in range(20_000)],
    '30k ordered': [collections.OrderedDict(a=i, b=2) for i in range(30_000)],
    '30k defaultdicts': [collections.defaultdict(int, a=i, b=2) for i in range(30_000)],
    '30k of a list': [L([i, 2]) for i in range(30_000)],
    '30k of a dict': [D(a=i, b=2) for i in range(30_000)],
    '10k OSErrors': [OSError(2, 'gone') for i in range(10_000)],
    '10k of them noted': [noted(OSError(2, 'gone')) for i in range(10_000)],
    '10k ImportErrors': [ImportError('m') for i in range(10_000)],
    '10k of these noted': [noted(ImportError('m')) for i in range(10_000)],
    '64 MB': b'x' * 64_000_000,
    'graph': (lambda nodes: [nodes, [(nodes[i % 100_000], nodes[i * 7919 % 100_000]) for i in range(1_000_000)]])([[i, f'n {i}'] for i in range(100_000)]),
    '200 functions': [make(i) for i in range(200)],
}
"#;

const FUNCTIONS: &str = r#"
SOURCE = """
def make(low, high):
    seen = []
    def clamp_{number}(value, step={number}, *, scale=1.5):
        total = 0
        for index in range(step):
            if index % 2:
                total += index * scale
            else:
                total -= index
        seen.append(total)
        return max(low, min(high, value + total + {number}))
    return clamp_{number}
"""
def made(i):
    names = {'__name__': '__main__'}
    exec(SOURCE.format(number=i), names)
    return names['make'](-i, i * 100)
cases = {'200 of their own': [made(i) for i in range(200)]}
"#;

#[test]
fn speed() {
    times_of(CASES);
}

#[test]
fn speed_of_functions() {
    times_of(FUNCTIONS);
}

fn times_of(cases: &str) {
    with_functions(|vm, scope, receiver| {
        run(vm, scope, cases, "cases").expect("the cases can be made");
        let cases = scope.globals.get_item("cases", vm).expect("just made");
        let cases = cases
            .downcast::<rustpython_vm::builtins::PyDict>()
            .expect("a dict");
        let context = DecodeContext::new(receiver);
        for (name, object) in cases.items_vec() {
            let name = name.str(vm).expect("names are text").to_string();
            let (encoding, decoding, bytes) = times(vm, &object, &context);
            println!(
                "{name:>18}: {bytes:>9} bytes, encode {encoding:>10.1?}, decode {decoding:>10.1?}"
            );
            assert!(
                encoding + decoding < Duration::from_secs(10),
                "{name} takes for ever"
            );
        }
    });
}

/// The shortest times of several rounds.
fn times(
    vm: &rustpython_vm::VirtualMachine,
    object: &PyObjectRef,
    context: &DecodeContext,
) -> (Duration, Duration, usize) {
    let options = EncodeOptions::default();
    let mut best = (Duration::MAX, Duration::MAX);
    let mut bytes = 0;
    let until = Instant::now() + Duration::from_millis(300);
    for round in 0.. {
        let start = Instant::now();
        let snapshot = encode(vm, object, &options).expect("cases can be carried");
        best.0 = best.0.min(start.elapsed());
        bytes = snapshot.bytes_total();
        let start = Instant::now();
        let decoded = decode(vm, snapshot.buffers, context).expect("cases arrive");
        best.1 = best.1.min(start.elapsed());
        drop(decoded);
        if round >= 3 && Instant::now() > until {
            break;
        }
    }
    (best.0, best.1, bytes)
}
