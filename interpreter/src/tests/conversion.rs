//! Values of Rust as objects and back.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::support::{Bench, with_bench};
use crate::conversion::{from_python, to_python};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Disc(f64),
    Box(f64, f64),
    Ring { inner: f64, outer: f64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Model {
    name: String,
    steps: u64,
    rate: f32,
    offsets: Vec<(i8, Option<bool>)>,
    shapes: BTreeMap<String, Shape>,
    table: HashMap<i64, [u16; 2]>,
    letter: char,
    large: i128,
    nothing: (),
}

fn model() -> Model {
    Model {
        name: "πλάνο".into(),
        steps: u64::MAX,
        rate: 0.5,
        offsets: vec![(-1, None), (7, Some(true))],
        shapes: [
            ("empty", Shape::Empty),
            ("disc", Shape::Disc(1.5)),
            ("box", Shape::Box(1.0, 2.0)),
            (
                "ring",
                Shape::Ring {
                    inner: 0.1,
                    outer: 0.2,
                },
            ),
        ]
        .map(|(name, shape)| (name.to_owned(), shape))
        .into(),
        table: HashMap::from([(-3, [1, 2])]),
        letter: 'x',
        large: i128::MIN,
        nothing: (),
    }
}

/// The sentence for an expression that can't become a `T`.
fn refused<T: serde::de::DeserializeOwned + std::fmt::Debug>(
    bench: &Bench,
    source: &str,
) -> String {
    let outcome = bench.run(&format!("given = {source}"), false);
    assert!(outcome.failure.is_none(), "{source}");
    let object = bench.namespace.get(bench.vm, "given").expect("it is bound");
    from_python::<T>(bench.vm, &object)
        .expect_err("it must not fit")
        .to_string()
}

#[test]
fn a_value_survives_the_way_there_and_back() {
    with_bench(|bench| {
        let object = to_python(bench.vm, &model()).expect("it can be shown");
        bench
            .namespace
            .set(bench.vm, "model", object.clone())
            .expect("it can be bound");
        assert_eq!(
            bench.value("sorted(model), model['steps'], model['offsets'], model['table']"),
            "(['large', 'letter', 'name', 'nothing', 'offsets', 'rate', 'shapes', 'steps', \
             'table'], 18446744073709551615, [(-1, None), (7, True)], {-3: (1, 2)})"
        );
        assert_eq!(
            bench.value("model['shapes']"),
            "{'box': {'Box': (1.0, 2.0)}, 'disc': {'Disc': 1.5}, 'empty': 'Empty', \
             'ring': {'Ring': {'inner': 0.1, 'outer': 0.2}}}"
        );
        let back: Model = from_python(bench.vm, &object).expect("it fits");
        assert_eq!(back, model());
        // What a person writes is less exact: lists for tuples, whole numbers for others.
        let written = bench.run(
            "dict(model, rate=2, offsets=[[1, None]], letter='y')",
            false,
        );
        let written = written.value.expect("it has a value");
        let back: Model = from_python(bench.vm, &written).expect("it fits");
        assert_eq!((back.rate, back.offsets), (2.0, vec![(1, None)]));
        let bytes = bench
            .run("b'\\x01\\xff'", false)
            .value
            .expect("it has a value");
        let bytes: Vec<u8> = from_python(bench.vm, &bytes).expect("it fits");
        assert_eq!(bytes, [1, 255]);
    });
}

#[test]
fn what_does_not_fit_is_named_by_its_place() {
    with_bench(|bench| {
        let steps = |source: &str| refused::<HashMap<String, Vec<u8>>>(bench, source);
        assert_eq!(
            steps("{'a': [1, 2, 'three']}"),
            "at ['a'][2]: an integer from 0 on of 8 bits is wanted, not the text \"three\""
        );
        assert_eq!(
            steps("{'a': [256]}"),
            "at ['a'][0]: 256 is no value for an integer from 0 on of 8 bits"
        );
        assert_eq!(steps("[1]"), "a dict is wanted, not a list");
        assert_eq!(steps("{'a': None}"), "at ['a']: a list is wanted, not None");
        assert_eq!(refused::<i64>(bench, "10**100"), "the integer is too large");
        assert_eq!(
            refused::<i64>(bench, "print"),
            "a builtin_function_or_method can't be taken: only None, numbers, text, bytes, and \
             lists, tuples, sets and dicts of these can"
        );
        assert_eq!(
            refused::<bool>(bench, "1.5"),
            "True or False is wanted, not 1.5"
        );
        assert!(refused::<Model>(bench, "{'name': ''}").contains("is missing"));
        assert!(refused::<Shape>(bench, "'Square'").contains("unknown variant"));
        assert!(refused::<Shape>(bench, "7").contains("not an int"));
    });
}

#[test]
fn depth_is_bounded_both_ways() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Nested(Option<Vec<Nested>>);
    with_bench(|bench| {
        let mut nested = Nested(None);
        for _ in 0..200 {
            nested = Nested(Some(vec![nested]));
        }
        let error = to_python(bench.vm, &nested).expect_err("it is too deep");
        assert!(error.to_string().contains("nested deeper than 100 levels"));
        bench.cell("deep = None\nfor _ in range(100000): deep = [deep]");
        let told = refused::<Nested>(bench, "deep");
        assert!(told.contains("nested deeper than 100 levels"), "{told}");
        // A list inside of itself has no end either.
        bench.cell("loop = []; loop.append(loop)");
        let told = refused::<Nested>(bench, "loop");
        assert!(told.contains("nested deeper than 100 levels"), "{told}");
    });
}
