//! Completion of what the cell defines that is typed: what decorators make of it, and the kinds of classes.

use super::calls::{OF_TEXT, assert_all_offer, assert_none_offers};
use super::{assert_offers, offered};
use crate::tests::support::with_bench;

const OF_INT: [&str; 1] = ["bit_length"];

#[test]
fn decorators_that_arent_known_may_give_anything() {
    with_bench(|bench| {
        bench.cell(
            "import functools\nran = []\n\
             def other(function): ran.append('other'); return 5\n\
             def told(function) -> str: ran.append('told')\n\
             class Wrapper:\n    extra = 1\n    def __init__(self, function): ran.append('wrapper')\n    def __call__(self) -> str: ran.append('call')",
        );
        assert_none_offers(
            bench,
            &[
                "@other\ndef f() -> str: pass\nf().|",
                "@other\ndef f(): pass\nf.__na|",
                "@unknown.route('/')\ndef f(): return ''\nf().|",
                "@other\nclass A:\n    n = ''\nA.|",
                "@other\nclass A:\n    n = ''\nA().|",
                "class A:\n    @other\n    def f(self): return ''\nA().f().|",
                "class A:\n    @other\n    def f(self): return ''\nA().f.|",
                "@functools.cache\n@other\ndef f(): return ''\nf().|",
                "def property(f): pass\nclass A:\n    @property\n    def f(self) -> str: pass\nA().f.|",
            ],
        );
        assert_all_offer(
            bench,
            &[
                ("@told\ndef f(): pass\nf.isal|", &OF_TEXT),
                ("@Wrapper\ndef f(): pass\nf.ext|", &["extra"]),
                ("@Wrapper\ndef f(): pass\nf().isal|", &OF_TEXT),
                ("@property\ndef f(): pass\nf.fg|", &["fget"]),
                (
                    "def deco(f):\n    def w(): pass\n    return w\n@deco\ndef g(): pass\ng.__na|",
                    &["__name__"],
                ),
                (
                    "class A:\n    n = ''\n    @other\n    def f(self):\n        self.n.isal|",
                    &OF_TEXT,
                ),
            ],
        );
        assert_eq!(bench.value("ran"), "[]");
    });
}

#[test]
fn decorators_that_plainly_give_what_they_decorate_leave_it() {
    with_bench(|bench| {
        bench.cell("import functools\ndef other(function): return 5");
        assert_all_offer(
            bench,
            &[
                (
                    "def deco(f): return f\n@deco\ndef g(): return ''\ng().isal|",
                    &OF_TEXT,
                ),
                (
                    "def deco(f, /):\n    f.mark = 1\n    if f: return f\n    return f\n@deco\ndef g(): return ''\ng().isal|",
                    &OF_TEXT,
                ),
                (
                    "def deco(f): return f\n@deco\nclass A:\n    size = ''\nA.si|",
                    &["size"],
                ),
                (
                    "def deco(f): return f\n@deco\nclass A:\n    size = ''\nA().size.isal|",
                    &OF_TEXT,
                ),
                (
                    "def deco(f): return f\nclass A:\n    @property\n    @deco\n    def size(self): return ''\nA().size.isal|",
                    &OF_TEXT,
                ),
                (
                    "def deco(f): return f\nclass A:\n    @deco\n    def size(self): return ''\nA().size().isal|",
                    &OF_TEXT,
                ),
                (
                    "@functools.cache\ndef deco(f): return f\n@deco\ndef g(): return ''\ng().isal|",
                    &OF_TEXT,
                ),
                (
                    "deco = lambda f: f\n@deco\ndef g(): return ''\ng().isal|",
                    &OF_TEXT,
                ),
                (
                    "def named(name):\n    def deco(f):\n        f.name = name\n        return f\n    return deco\n@named('a')\ndef g(): return ''\ng().isal|",
                    &OF_TEXT,
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "def deco(f):\n    f = other(f)\n    return f\n@deco\ndef g(): return ''\ng().|",
                "def deco(f):\n    for f in unknown: pass\n    return f\n@deco\ndef g(): return ''\ng().|",
                "def deco(f):\n    def change():\n        nonlocal f\n        f = 1\n    change()\n    return f\n@deco\ndef g(): return ''\ng().|",
                "def deco(f):\n    if f: return other(f)\n    return f\n@deco\ndef g(): return ''\ng().|",
                "def deco(f):\n    if f: return\n    return f\n@deco\ndef g(): return ''\ng().|",
                "def deco(f):\n    if unknown: return f\n@deco\ndef g(): return ''\ng().|",
                "async def deco(f): return f\n@deco\ndef g(): return ''\ng().|",
                "def deco(f):\n    yield f\n    return f\n@deco\ndef g(): return ''\ng().|",
                "def deco(f, g=1): return f\n@deco\ndef g(): return ''\ng().|",
                "@other\ndef deco(f): return f\n@deco\ndef g(): return ''\ng().|",
                "def named(name):\n    def deco(f): return f\n    deco = other(deco)\n    return deco\n@named('a')\ndef g(): return ''\ng().|",
                "def deco(f):\n    @functools.wraps(f)\n    def w(*a): return f(*a)\n    return w\n@deco\ndef g(): return ''\ng().|",
            ],
        );
    });
}

#[test]
fn a_class_is_there_behind_its_body() {
    with_bench(|bench| {
        bench.cell("class B:\n    old_size = 1");
        assert_all_offer(
            bench,
            &[
                (
                    "class A:\n    size = ''\n    def f(self):\n        A.si|",
                    &["size"],
                ),
                (
                    "class A:\n    size = ''\n    def f(self, other: A):\n        other.size.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    size = ''\n    def f(self) -> A: pass\nA().f().size.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    size = ''\n    next: A\nA().next.size.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    size = ''\n    def f(self, other: A.si|",
                    &["size"],
                ),
                (
                    "class A:\n    size = ''\n    get = lambda self: A.si|",
                    &["size"],
                ),
                (
                    "class A:\n    size = ''\n    class Inner:\n        def f(self):\n            A.si|",
                    &["size"],
                ),
                (
                    "class A:\n    size = ''\n    @classmethod\n    def make(cls): return A()\nA.make().size.isal|",
                    &OF_TEXT,
                ),
                ("class B(B):\n    B.old|", &["old_size"]),
                ("class B:\n    n = B.old_size\nB.n.bit_l|", &OF_INT),
                ("class B(B.old|", &["old_size"]),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "class A:\n    size = ''\n    A.|",
                "class A:\n    size = ''\n    def f(self, other=A.|",
                "class A:\n    size = ''\n    class Inner:\n        A.|",
                "class A:\n    size = ''\n    n = A.size\nA.n.|",
                "class A(A.|",
            ],
        );
        assert_offers(bench, "class Zeal:\n    Ze|", "Ze", &["ZeroDivisionError"]);
        assert_offers(
            bench,
            "class Zeal:\n    def f(self, other: Ze|",
            "Ze",
            &["Zeal", "ZeroDivisionError"],
        );
    });
}

#[test]
fn keys_are_those_of_dictionaries_and_not_of_their_class() {
    with_bench(|bench| {
        bench.cell("from typing import NotRequired, TypedDict");
        let class = "class T(TypedDict):\n    north: int\n    name: NotRequired[str]\n\
                     class U(T):\n    northern: str\n";
        for (marked, expected) in [
            ("T.popi|", &["popitem"][..]),
            ("T.nor|", &[]),
            ("T.north.|", &[]),
            ("T['nor|", &[]),
            ("T(north=1).nor|", &[]),
            ("T(north=1)['nor|", &["north"]),
            ("U()['nor|", &["north", "northern"]),
            ("t = T(north=1)\nt[|", &["'name'", "'north'"]),
            ("def f(t: T):\n    t['na|", &["name"]),
            ("def f() -> T: pass\nf()['na|", &["name"]),
            ("T(north=1)['north'].bit_l|", &OF_INT),
            ("U()['north'].bit_l|", &OF_INT),
            ("T(north=1)['name'].isal|", &OF_TEXT),
            ("T(north=1).get('north').bit_l|", &OF_INT),
            ("T(north=1)['other'].|", &[]),
            ("for key in T(north=1):\n    key.isal|", &OF_TEXT),
        ] {
            let (_, matches) = offered(bench, &format!("{class}{marked}"));
            assert_eq!(matches, expected, "{marked}");
        }
    });
}

#[test]
fn decorators_that_are_known_leave_what_there_is() {
    with_bench(|bench| {
        bench.cell("import abc, contextlib, dataclasses, functools\nfrom typing import Iterator");
        assert_all_offer(
            bench,
            &[
                ("@functools.cache\ndef f(): return ''\nf().isal|", &OF_TEXT),
                (
                    "@functools.lru_cache(maxsize=None)\ndef f(): return ''\nf().isal|",
                    &OF_TEXT,
                ),
                (
                    "from functools import cache as kept\n@kept\ndef f(): return ''\nf().isal|",
                    &OF_TEXT,
                ),
                (
                    "def g(): pass\n@functools.wraps(g)\ndef f(): return ''\nf().isal|",
                    &OF_TEXT,
                ),
                (
                    "from dataclasses import dataclass\n@dataclass\nclass A:\n    n: str\nA('a').n.isal|",
                    &OF_TEXT,
                ),
                (
                    "@dataclasses.dataclass(frozen=True)\nclass A:\n    n: str\nA('a').n.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    @staticmethod\n    def f(): return ''\nA.f().isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    n = 1\n    @classmethod\n    def f(cls): return cls()\nA.f().n.bit_l|",
                    &OF_INT,
                ),
                (
                    "class A:\n    @functools.cached_property\n    def f(self): return ''\nA().f.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    @property\n    @abc.abstractmethod\n    def f(self) -> str: pass\nA().f.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    @property\n    def f(self): return ''\n    @f.setter\n    def f(self, value): pass\nA().f.isal|",
                    &OF_TEXT,
                ),
                (
                    "@contextlib.contextmanager\ndef f() -> Iterator[str]:\n    pass\nwith f() as x:\n    x.isal|",
                    &OF_TEXT,
                ),
                (
                    "@contextlib.contextmanager\ndef f():\n    yield ''\nwith f() as x:\n    x.isal|",
                    &OF_TEXT,
                ),
            ],
        );
    });
}

#[test]
fn classes_make_what_those_make_on_which_they_stand() {
    with_bench(|bench| {
        bench.cell("import enum, typing\nfrom enum import Enum");
        assert_all_offer(
            bench,
            &[
                ("class C(Enum):\n    A = 1\nC.A.|", &["name", "value"]),
                ("class C(enum.Enum):\n    A = 1\nC.A.|", &["name", "value"]),
                (
                    "from enum import Enum as E\nclass C(E):\n    A = 1\nC('a').|",
                    &["name", "value"],
                ),
                ("class C(Enum):\n    A = 1\nC['A'].|", &["name", "value"]),
                (
                    "class C(Enum):\n    A = 1\nfor x in C:\n    x.|",
                    &["name", "value"],
                ),
                (
                    "class C(Enum):\n    A = 1\n    def near(self): return self\nC.A.near().|",
                    &["name", "near", "value"],
                ),
                ("class C(Enum):\n    A = 1\nC.A.name.isal|", &OF_TEXT),
                ("class C(enum.IntEnum):\n    A = 1\nC.A.bit_l|", &OF_INT),
                (
                    "class T(typing.TypedDict):\n    a: int\nT(a=1).popi|",
                    &["popitem"],
                ),
                ("class T(typing.TypedDict):\n    a: int\nT(a=1).a|", &[]),
                (
                    "from typing import TypedDict\nclass T(TypedDict): pass\nclass U(T):\n    a: int\ndef f(u: U):\n    u.popi|",
                    &["popitem"],
                ),
                (
                    "class P(typing.NamedTuple):\n    n: str\nP('a').n.isal|",
                    &OF_TEXT,
                ),
                (
                    "class P(typing.NamedTuple):\n    n: str\nP('a').ind|",
                    &["index"],
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "class C(Enum):\n    A = 1\nC.A.value.|",
                "class C(Enum):\n    A = 1\n    _ignored = 1\nC._ignored.x|",
            ],
        );
    });
}

#[test]
fn groups_and_variables_are_of_the_kind_that_is_asked_for() {
    with_bench(|bench| {
        bench.cell("import re\nm = re.match('(a)', 'a')\nclass P: pass\np = P(); some = [0, 1]");
        assert_all_offer(
            bench,
            &[
                ("m.group().isal|", &OF_TEXT),
                ("m.group(1).isal|", &OF_TEXT),
                ("m.group(0, 1).|", &["count", "index"]),
                ("m.group(0, 1)[0].isal|", &OF_TEXT),
                ("vars(p).popi|", &["popitem"]),
                ("vars().popi|", &["popitem"]),
                ("vars(P).ke|", &["keys"]),
            ],
        );
        assert_none_offers(bench, &["m.group(*some).|", "vars(P).popi|"]);
    });
}
