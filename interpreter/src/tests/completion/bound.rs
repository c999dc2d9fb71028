//! Completion of what a cell binds in less usual ways: by unpacking, `:=`, `global`, operators that change what
//! is there, and by what leads to itself.

use super::assert_offers;
use super::calls::{OF_TEXT, assert_all_offer, assert_none_offers};
use crate::tests::support::with_bench;

const OF_INT: [&str; 1] = ["bit_length"];
const OF_FLOAT: [&str; 1] = ["hex"];

#[test]
fn what_is_unpacked_is_told_apart() {
    with_bench(|bench| {
        bench.cell(
            "import contextlib\nran = []\npair = (1, 'a'); texts = ['a', 'b', 'c']; table = {'a': 1}; some = {'a', 'b'}\n\
             def told() -> tuple[int, str]: ran.append('told')\n\
             class Asked:\n    def __iter__(self): ran.append('iter'); return iter('ab')\n\
             asked = Asked()",
        );
        assert_all_offer(
            bench,
            &[
                ("a, b = [], {}\na.app|", &["append"]),
                ("a, b = [], {}\nb.popi|", &["popitem"]),
                ("[a, b] = '', []\na.isal|", &OF_TEXT),
                ("a, b = ['', 1]\na.isal|", &OF_TEXT),
                ("a, b = unknown(), ''\nb.isal|", &OF_TEXT),
                ("a, (b, c) = 1, ('', [])\nb.isal|", &OF_TEXT),
                ("a = b, c = 1, ''\nc.isal|", &OF_TEXT),
                ("a, b = pair\nb.isal|", &OF_TEXT),
                ("a, b = told()\nb.isal|", &OF_TEXT),
                ("a, b, c = texts\nb.isal|", &OF_TEXT),
                ("a, b = 'ab'\na.isal|", &OF_TEXT),
                ("a, b = some\na.isal|", &OF_TEXT),
                ("a, b = 'a b'.split()\na.isal|", &OF_TEXT),
                ("first, *rest = [1, 2]\nrest.app|", &["append"]),
                ("first, *rest = [1, 2]\nrest[0].bit_l|", &OF_INT),
                ("first, *rest = [1, 2]\nfirst.bit_l|", &OF_INT),
                ("first, *rest = pair\nrest[0].isal|", &OF_TEXT),
                ("*rest, last = 1, 2, ''\nlast.isal|", &OF_TEXT),
                ("*rest, last = 1, 2, ''\nrest[1].bit_l|", &OF_INT),
                ("a, *b, c = pair\nb.app|", &["append"]),
                ("a, *b, c = pair\nc.isal|", &OF_TEXT),
                ("a, *b = unknown()\nb.app|", &["append"]),
                ("a, *b = 'a b'.split()\nb[0].isal|", &OF_TEXT),
                ("for k, v in {'a': 1}.items():\n    k.isal|", &OF_TEXT),
                ("for k, v in {'a': 1}.items():\n    v.bit_l|", &OF_INT),
                ("for k, v in table.items():\n    v.bit_l|", &OF_INT),
                (
                    "for i, (k, v) in enumerate(table.items()):\n    k.isal|",
                    &OF_TEXT,
                ),
                ("for a, *b in [pair]:\n    b.app|", &["append"]),
                (
                    "for a, b in zip(texts, table.values()):\n    b.bit_l|",
                    &OF_INT,
                ),
                ("for a, b in zip(texts, unknown()):\n    a.isal|", &OF_TEXT),
                ("[(k, v) for k, v in table.items() if v.bit_l|", &OF_INT),
                (
                    "@contextlib.contextmanager\ndef f():\n    yield 1, ''\nwith f() as (a, b):\n    b.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def __init__(self):\n        self.n, self.m = 1, ''\nA().m.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def __init__(self):\n        for self.n, self.m in table.items(): pass\nA().m.bit_l|",
                    &OF_INT,
                ),
                ("class A:\n    nn, mm = 1, ''\nA.mm.isal|", &OF_TEXT),
                ("class A:\n    nn, mm = 1, ''\nA.n|", &["nn"]),
                ("a, b = 1, ''\na, b = b, a\na.isal|", &OF_TEXT),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "a, b = unknown(), ''\na.|",
                "a, b = 1, 2, 3\na.|",
                "a, b, c = pair\nb.|",
                "a, b, c, *d = pair\na.|",
                "a, b = asked\na.|",
                "a, (b, c) = pair\nb.bit|",
                "for k, v in unknown():\n    v.|",
                "for a, b in zip(*unknown()):\n    a.|",
                "class A:\n    def __init__(self):\n        self.n = 1\n        self.n, self.m = unknown()\nA().n.|",
            ],
        );
        assert_eq!(bench.value("ran"), "[]");
    });
}

#[test]
fn names_that_are_bound_within_expressions_are_of_the_scope_around() {
    with_bench(|bench| {
        bench.cell("x = 5; texts = ['a']");
        assert_all_offer(
            bench,
            &[
                ("[(y := z) for z in texts]\ny.isal|", &OF_TEXT),
                ("any((y := z) for z in texts)\ny.isal|", &OF_TEXT),
                (
                    "[1 for z in [texts] for w in z if (y := w)]\ny.isal|",
                    &OF_TEXT,
                ),
                (
                    "[[(y := w) for w in z] for z in [texts]]\ny.isal|",
                    &OF_TEXT,
                ),
                ("[z for z in texts if (x := z) and x.isal|", &OF_TEXT),
                ("[x.isal| for z in texts if (x := z)]", &OF_TEXT),
                (
                    "def f():\n    [(y := z) for z in texts]\n    y.isal|",
                    &OF_TEXT,
                ),
                ("def f():\n    [(x := z) for z in texts]\nx.bit_l|", &OF_INT),
                ("lambda: (x := '') and x.isal|", &OF_TEXT),
                ("f = lambda: (x := '')\nx.bit_l|", &OF_INT),
                ("f = lambda: (y := '') or y\nf().isal|", &OF_TEXT),
                ("f = lambda y=(x := ''): y\nx.isal|", &OF_TEXT),
                ("lambda: [(x := z) for z in texts] and x.isal|", &OF_TEXT),
                ("def f(y=(x := '')): pass\nx.isal|", &OF_TEXT),
                ("y = 0\n[(y := y + 1) for z in texts]\ny.bit_l|", &OF_INT),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "[(x := unknown(z)) for z in texts]\nx.|",
                "lambda: (x := unknown()) and x.|",
                "f = lambda: (y := '')\ny.|",
                "def f():\n    [(y := z) for z in texts]\ny.|",
            ],
        );
        assert_offers(bench, "[(zeal := z) for z in texts]\nze|", "ze", &["zeal"]);
        assert_offers(bench, "f = lambda: (zeal := 1)\nze|", "ze", &[]);
    });
}

#[test]
fn what_a_function_binds_by_global_is_one_of_two() {
    with_bench(|bench| {
        bench.cell("import string\nx = 5; empty = None");
        assert_all_offer(
            bench,
            &[
                ("def f():\n    global y\n    y = ''\ny.isal|", &OF_TEXT),
                (
                    "def f():\n    def g():\n        global y\n        y = ''\ny.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def f(self):\n        global y\n        y = ''\ny.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f():\n    global y\n    y = ''\ndef g():\n    return y\ng().isal|",
                    &OF_TEXT,
                ),
                (
                    "def f():\n    global y\n    a, y = 1, ''\ny.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f():\n    global y\n    import string as y\ny.capw|",
                    &["capwords"],
                ),
                ("def f():\n    global x\n    x = 6\nx.bit_l|", &OF_INT),
                ("def f():\n    global x\n    x += 1\nx.bit_l|", &OF_INT),
                ("def f():\n    global x\n    x = x + 1\nx.bit_l|", &OF_INT),
                (
                    "n = 0\ndef f():\n    global n\n    n = n + 1\nn.bit_l|",
                    &OF_INT,
                ),
                (
                    "n = 0\ndef f():\n    global n\n    n = n + 1\nn += 1\nm = n\nm.bit_l|",
                    &OF_INT,
                ),
                (
                    "def f():\n    global empty\n    empty = ''\nempty.isal|",
                    &OF_TEXT,
                ),
                (
                    "y = None\ndef f():\n    global y\n    y = ''\ny.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f():\n    y = None\n    def g():\n        nonlocal y\n        y = ''\n    y.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f(y=''):\n    def g():\n        nonlocal y\n        y = y + 'a'\n    y.isal|",
                    &OF_TEXT,
                ),
                // Each has a name of its own.
                (
                    "def f():\n    y = 1\n    def g():\n        global y\n        y = ''\n    y.bit_l|",
                    &OF_INT,
                ),
                (
                    "def f():\n    global x\n    return [x for x in 'a']\nx.bit_l|",
                    &OF_INT,
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "def f():\n    global x\n    x = ''\nx.|",
                "def f():\n    global x\n    x /= 2\nx.|",
                "def f():\n    global x\n    del x\nx.|",
                "y = ''\ndef f():\n    global y\n    y = unknown()\ny.|",
                "def f():\n    global y\n    y = ''\ndef g():\n    global y\n    y = 1\ny.|",
                "def f():\n    global y\n    y = y.a\ny.|",
                "y = 1.5\ndef f():\n    global y\n    y = 1\ny += 1\ny.|",
            ],
        );
        assert_offers(
            bench,
            "def f():\n    global zeal\n    zeal = 1\nze|",
            "ze",
            &["zeal"],
        );
    });
}

#[test]
fn operators_that_change_what_is_there_change_its_kind() {
    with_bench(|bench| {
        bench.cell(
            "import collections, datetime\nfrom pathlib import Path\n\
             class Told:\n    def __iadd__(self, other) -> bytes: pass\n    def __isub__(self, other): return self\n    def __imul__(self, other): return 1\n    mark = 1\n\
             told = Told(); x = 5; day = datetime.date(2020, 1, 1)",
        );
        assert_all_offer(
            bench,
            &[
                ("n = 1\nn += 1\nn.bit_l|", &OF_INT),
                ("n = 1\nn /= 2\nn.hex|", &OF_FLOAT),
                ("n = 1\nn //= 2\nn.bit_l|", &OF_INT),
                ("n = 1\nn **= 2\nn.bit_l|", &OF_INT),
                ("n = 1\nn **= -2\nn.hex|", &OF_FLOAT),
                ("n = 1\nn <<= 2\nn.bit_l|", &OF_INT),
                ("n = 1\nn += 1.5\nn.hex|", &OF_FLOAT),
                ("n = 1\nn /= 2\nn *= 3\nn.hex|", &OF_FLOAT),
                ("x /= 2\nx.hex|", &OF_FLOAT),
                ("x += 1\nx.bit_l|", &OF_INT),
                ("s = ''\ns += 'a'\ns.isal|", &OF_TEXT),
                ("s = ''\ns += unknown()\ns.isal|", &OF_TEXT),
                ("s = ''\ns *= 2\ns.isal|", &OF_TEXT),
                ("a = []\na += unknown()\na.app|", &["append"]),
                ("a = {}\na |= unknown()\na.popi|", &["popitem"]),
                ("a = ()\na += (1,)\na.ind|", &["index"]),
                (
                    "a = collections.Counter('a')\na += collections.Counter('b')\na.most|",
                    &["most_common"],
                ),
                ("a = collections.deque()\na += 'a'\na.popl|", &["popleft"]),
                ("p = Path('a')\np /= 'b'\np.joinp|", &["joinpath"]),
                ("day += datetime.timedelta(1)\nday.isof|", &["isoformat"]),
                ("told += 1\ntold.dec|", &["decode"]),
                ("told -= 1\ntold.ma|", &["mark"]),
                (
                    "class A:\n    size = 1\n    def __iadd__(self, other): return self\na = A()\na += 1\na.si|",
                    &["size"],
                ),
                (
                    "class A(list):\n    size = 1\na = A()\na += [1]\na.si|",
                    &["size"],
                ),
                (
                    "class A:\n    def __init__(self):\n        self.n = 0\n    def f(self):\n        self.n += 1\nA().n.bit_l|",
                    &OF_INT,
                ),
                (
                    "class A:\n    n = 0\nclass B(A):\n    def f(self):\n        self.n += 1\nB().n.bit_l|",
                    &OF_INT,
                ),
                (
                    "def f():\n    n = 1\n    n /= 2\n    return n\nf().hex|",
                    &OF_FLOAT,
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "n = 1\nn /= 2\nn.bit_l|",
                "n = 1\nn += unknown()\nn.|",
                "n = 1\nn += 'a'\nn.|",
                "told *= 1\ntold.|",
                "def f():\n    x /= 2\n    x.|",
                "class A:\n    def __init__(self):\n        self.n = 0\n    def f(self):\n        self.n /= 2\nA().n.|",
            ],
        );
        let long = format!("s = ''\n{}s.isal|", "s += 'a'\n".repeat(500));
        assert_all_offer(bench, &[(long.as_str(), &OF_TEXT)]);
    });
}

#[test]
fn what_leads_to_itself_is_told_by_what_doesnt() {
    with_bench(|bench| {
        bench.cell("x = 5; text = 'a'");
        assert_all_offer(
            bench,
            &[
                ("x = x if 1 else ''\nx.bit_l|", &OF_INT),
                ("x = '' if False else x\nx.bit_l|", &OF_INT),
                ("x = x if unknown else 6\nx.bit_l|", &OF_INT),
                ("x = x or 6\nx.bit_l|", &OF_INT),
                (
                    "def f(p=''):\n    p = p if p else 'a'\n    p.isal|",
                    &OF_TEXT,
                ),
                ("p = ''\nfor i in x: p = p if i else 'a'\np.isal|", &OF_TEXT),
                (
                    "class A:\n    def __init__(self):\n        self.n = ''\n    def f(self):\n        self.n = self.n if 2 > 1 else 'a'\nA().n.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def __init__(self):\n        self.n = 0\n    def f(self):\n        self.n = self.n + 1\n        return self.n\nA().f().bit_l|",
                    &OF_INT,
                ),
                (
                    "class A:\n    def f(self):\n        self.n = self.n or ''\nA().n.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def __init__(self):\n        self.a = ''\n        self.b = self.a\n    def f(self):\n        self.a = self.b\nA().a.isal|",
                    &OF_TEXT,
                ),
                (
                    "def f(n):\n    if n:\n        return f(n - 1)\n    return ''\nf(1).isal|",
                    &OF_TEXT,
                ),
                (
                    "def f(n):\n    return f(n - 1) if n else ''\nf(1).isal|",
                    &OF_TEXT,
                ),
                (
                    "def f(n):\n    return g(n) if n else ''\ndef g(n):\n    return f(n) or 'a'\ng(1).isal|",
                    &OF_TEXT,
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "p = p if 1 else 5\np.|",
                "p = p if p else p\np.|",
                "x = x if unknown else ''\nx.|",
                "def f(): return f()\nf().|",
                "def f(): return f() or unknown()\nf().|",
                "def f(): return g() or ''\ndef g(): return g() + unknown()\nf().|",
                "def f(n): return f(n) / 2 if n else 1\nf(1).|",
                "class A:\n    def __init__(self):\n        self.n = 1\n    def f(self):\n        self.n = self.n / 2\nA().n.|",
                "class A:\n    def f(self):\n        self.n = self.n\nA().n.|",
            ],
        );
    });
}
