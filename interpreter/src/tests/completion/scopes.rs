//! Completion in a cell by Python's scopes: what hides the names of the namespace, and what isn't there.

use std::time::{Duration, Instant};

use super::calls::{OF_TEXT, assert_all_offer, assert_none_offers};
use super::{assert_offers, offered};
use crate::tests::support::with_bench;

const OF_INT: [&str; 1] = ["bit_length"];

#[test]
fn what_a_scope_binds_hides_the_namespace() {
    with_bench(|bench| {
        bench.cell(
            "import string\nx = 5; texts = ['a']; table = {'north': 1}\ndef area(width): pass",
        );
        assert_none_offers(
            bench,
            &[
                "def f(x):\n    x.|",
                "def f(x): return x.|",
                "def f(y, /, *, x):\n    x.|",
                "async def f(x):\n    x.|",
                "lambda x: x.|",
                "sorted(texts, key=lambda x: x.|",
                "%time lambda x: x.|",
                "%time (lambda x: x.|",
                "def f(x):\n    return f'{x.|",
                "def f(x):\n    %time x.|",
                "def f(x):\n    def g():\n        x.|",
                "def f(x):\n    return [y for y in x.|",
                "[x for x in unknown if x.|",
                "{x: 1 for x in unknown if x.|",
                "for x in unknown:\n    x.|",
                "for y, (x, z) in unknown:\n    x.|",
                "with unknown as x:\n    x.|",
                "try:\n    pass\nexcept unknown as x:\n    x.|",
                "try:\n    pass\nexcept OSError as x:\n    pass\nx.|",
                "def f():\n    import nowhere as x\n    x.|",
                "from . import x\nx.|",
                "x = unknown()\nx.|",
                "x, y = unknown()\nx.|",
                "del x\nx.|",
                "match unknown:\n    case [x]:\n        x.|",
                "def f():\n    if unknown:\n        x = x.|",
                "def f(table):\n    table['nor|",
                "def f(area):\n    area(wid|",
            ],
        );
        let (_, keys) = offered(bench, "def f(table):\n    table[|");
        assert!(!keys.contains(&"'north'".to_owned()), "{keys:?}");
        assert_all_offer(
            bench,
            &[
                ("def f(x: str):\n    x.isal|", &OF_TEXT),
                ("def f(x=''):\n    x.isal|", &OF_TEXT),
                ("def f(x=x):\n    x.bit_l|", &OF_INT),
                ("lambda x='': x.isal|", &OF_TEXT),
                ("def f(*x):\n    x.ind|", &["index"]),
                ("def f(**x):\n    x.popi|", &["popitem"]),
                ("[x for x in texts if x.isal|", &OF_TEXT),
                ("%time [x for x in texts if x.isal|", &OF_TEXT),
                ("[y for x in [texts] for y in x if y.isal|", &OF_TEXT),
                ("for x in texts:\n    x.isal|", &OF_TEXT),
                ("for x in texts:\n    f'{x.isal|", &OF_TEXT),
                (
                    "def f():\n    import string as x\n    x.capw|",
                    &["capwords"],
                ),
            ],
        );
    });
}

#[test]
fn a_comprehension_behind_the_cursor_counts() {
    with_bench(|bench| {
        bench.cell("x = 5; texts = ['a']");
        assert_all_offer(
            bench,
            &[
                ("[x.isal| for x in texts]", &OF_TEXT),
                ("y = {x.isal|: 1 for x in texts}", &OF_TEXT),
                ("def f():\n    return sum(x.isal| for x in texts)", &OF_TEXT),
                ("[x.bit_l| for y in texts]", &OF_INT),
                ("print(x.bit_l|) # for x in y", &OF_INT),
                ("def f():\n    x.bit_l| = 1  # for x in y", &OF_INT),
                ("[ze| for zed in texts]", &["zed"]),
            ],
        );
        assert_none_offers(bench, &["[x.| for x in unknown]"]);
    });
}

#[test]
fn names_of_a_scope_are_not_there_outside_of_it() {
    with_bench(|bench| {
        bench.cell("import string\nx = 5; texts = ['a']");
        assert_none_offers(
            bench,
            &[
                "def f():\n    y = ''\ny.|",
                "def f(y: str):\n    pass\ny.|",
                "f = lambda y='': y\ny.|",
                "z = [y for y in texts]\ny.|",
                "class A:\n    y = ''\ny.|",
                "class A:\n    y = ''\n    def f(self):\n        y.|",
                "class A:\n    y = ''\n    class B:\n        y.|",
                "class A:\n    y = ''\n    z = [a for a in texts if y.|",
                "def f():\n    def g():\n        y = ''\n    y.|",
                "def f(y: str, z=y.|",
            ],
        );
        assert_all_offer(
            bench,
            &[
                ("def f(x: str):\n    pass\nx.bit_l|", &OF_INT),
                ("def f(x: str, y=x.bit_l|", &OF_INT),
                ("f = lambda x: ''\nx.bit_l|", &OF_INT),
                ("y = [x for x in texts]\nx.bit_l|", &OF_INT),
                ("[x for x in x.bit_l|", &OF_INT),
                (
                    "class A:\n    x = ''\n    def f(self):\n        x.bit_l|",
                    &OF_INT,
                ),
                ("class A:\n    x = ''\n    x.isal|", &OF_TEXT),
                (
                    "class A:\n    x = ['']\n    [y for y in x.app|",
                    &["append"],
                ),
                ("def f():\n    x = ''\nx.bit_l|", &OF_INT),
                ("def f():\n    x.bit_l|", &OF_INT),
            ],
        );
        assert_offers(bench, "def f():\n    zeal = ''\nze|", "ze", &[]);
        assert_offers(bench, "def f(zed):\n    pass\nze|", "ze", &[]);
        assert_offers(bench, "lambda zed: ze|", "ze", &["zed"]);
        assert_offers(bench, "zeal = ''\nf'{ze|", "ze", &["zeal"]);
    });
}

#[test]
fn the_innermost_scope_counts_unless_it_says_otherwise() {
    with_bench(|bench| {
        bench.cell("x = 5");
        assert_all_offer(
            bench,
            &[
                (
                    "def f():\n    y = ''\n    def g():\n        y.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f():\n    y = ''\n    def g():\n        y = 1\n        y.bit_l|",
                    &OF_INT,
                ),
                (
                    "def f():\n    y = ''\n    def g():\n        nonlocal y\n        y.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f(x):\n    def g():\n        global x\n        x.bit_l|",
                    &OF_INT,
                ),
                ("def f():\n    global x\n    x = ''\n    x.isal|", &OF_TEXT),
                ("def f():\n    global x\n    x += 1\nx.bit_l|", &OF_INT),
                (
                    "class A:\n    n = ''\n    def f(self):\n        def g():\n            self.n.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    n = ''\n    def f(self):\n        class B:\n            def g(other):\n                self.n.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f():\n    class A:\n        n = ''\n    def g():\n        A().n.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    n = 1\n    @classmethod\n    def f(cls):\n        cls().n.bit_l|",
                    &OF_INT,
                ),
                (
                    "def f():\n    def g():\n        return ''\n    g().isal|",
                    &OF_TEXT,
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "def f():\n    global x\n    x = ''\nx.|",
                "def f():\n    y = ''\n    def g():\n        nonlocal y\n        y = 1\n    y.|",
                "def f():\n    x += 1\n    x.|",
                "def f():\n    def g():\n        return ''\ng().|",
            ],
        );
    });
}

#[test]
fn what_is_bound_further_on_is_not_seen() {
    with_bench(|bench| {
        bench.cell("x = 5; text = 'a b'");
        assert_all_offer(
            bench,
            &[
                ("text = text.split()\ntext.app|", &["append"]),
                ("text = text.split()\ntext = text[0]\ntext.isal|", &OF_TEXT),
                ("x = text\ntext = x.split()\nx.isal|", &OF_TEXT),
                ("x = ''\nx = x.isal|", &OF_TEXT),
                ("x = x.bit_l|", &OF_INT),
                ("for text in text.split():\n    text.isal|", &OF_TEXT),
                (
                    "def f():\n    return g()\ndef g():\n    return ''\nf().isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def f(self):\n        return B()\nclass B:\n    n = ''\nA().f().n.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def __init__(self):\n        self.n = []\n    def f(self):\n        self.n = self.n.app|",
                    &["append"],
                ),
                (
                    "def f(n):\n    if n:\n        return []\n    return f(1).app|",
                    &["append"],
                ),
                (
                    "class A:\n    int: int\n    def f(self):\n        self.int.bit_l|",
                    &OF_INT,
                ),
            ],
        );
    });
}

#[test]
fn of_a_long_cell_the_statements_near_the_cursor_are_read() {
    with_bench(|bench| {
        bench.cell("x = 5");
        let long = "pad.c(1)\n".repeat(20_000);
        for (marked, expected) in [
            (format!("{long}x.bit_l|"), &OF_INT[..]),
            (format!("x.real\n{long}x.bit_l|"), &OF_INT),
            (format!("# x = ''\nprint(x)\n{long}x.bit_l|"), &OF_INT),
            (format!("y = f(x, x=1) + x\n{long}x.bit_l|"), &OF_INT),
            (format!("def f(x):\n    x = ''\n{long}x.bit_l|"), &OF_INT),
            (
                format!("{}x.bit_l|", "def f(x):\n    x = x + 1\n".repeat(10_000)),
                &OF_INT,
            ),
            (format!("{long}x = ''\nx.isal|"), &OF_TEXT),
            (format!("{long}def f(y=''):\n    y.isal|"), &OF_TEXT),
            (format!("{long}zeal = 1\nze|"), &["zeal"]),
            (format!("{long}\nprint(f'{{x.bit_l|"), &OF_INT),
            // What isn't read may have bound it.
            (format!("x = ''\n{long}x.|"), &[]),
            (format!("{long}def f(x):\n    x.|"), &[]),
            (format!("def f(x):\n    '''\n{long}'''\n    x.|"), &[]),
            (
                format!("def f():\n    global x\n    x = ''\n{long}x.|"),
                &[],
            ),
            (format!("y, x = 1, ''\n{long}x.|"), &[]),
            // There is no begin.
            (format!("'''{long}x.|"), &[]),
            (format!("x = '{}'; x.|", "a".repeat(200_000)), &[]),
            (format!("f(\n{long}x.bit_l|"), &OF_INT),
        ] {
            let begin = &marked[..marked.len().min(20)];
            assert_eq!(offered(bench, &marked).1, expected, "{begin:?}");
        }
        let (replaced, matches) = offered(bench, &format!("{long}x.bit_l|"));
        assert_eq!((&*replaced, matches.len()), ("bit_l", 1));
    });
}

#[test]
fn cells_of_megabytes_are_no_trouble() {
    with_bench(|bench| {
        bench.cell("x = 5");
        let function = "def f(a, b):\n    c = a + b  # it's\n    return [c, 'text', c.real]\n\n";
        let cell = function.repeat(10_000_000 / function.len());
        // Names that are spoken of and bound nowhere.
        let cell = format!("# all of x\n{cell}");
        for tail in ["x.bit_l|", "x['|", "f(|", "zea|", "c.bit_l|"] {
            let marked = format!("{cell}{tail}");
            let mut took_least = Duration::MAX;
            for _ in 0..3 {
                let started = Instant::now();
                offered(bench, &marked);
                took_least = took_least.min(started.elapsed());
            }
            // Several times what it takes, for machines that are slow and busy.
            assert!(took_least.as_millis() < 1000, "{tail}: {took_least:?}");
        }
    });
}
