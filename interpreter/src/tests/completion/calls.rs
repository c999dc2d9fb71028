//! Completion behind calls and over several lines: what calls give is told, and none is made.

use super::{assert_offers, offered};
use crate::tests::support::{Bench, with_bench};

pub(super) const OF_TEXT: [&str; 2] = ["isalnum", "isalpha"];

pub(super) fn assert_all_offer(bench: &Bench, cases: &[(&str, &[&str])]) {
    for (marked, expected) in cases {
        assert_eq!(offered(bench, marked).1, *expected, "{marked}");
    }
}

pub(super) fn assert_none_offers(bench: &Bench, cases: &[&str]) {
    for marked in cases {
        assert_eq!(offered(bench, marked).1, Vec::<String>::new(), "{marked}");
    }
}

#[test]
fn attributes_behind_calls_of_known_methods_are_offered() {
    with_bench(|bench| {
        bench.cell(
            "import datetime, random, re\nfrom pathlib import Path\n\
             class Word(str):\n    def lower(self): pass\n\
             word = 'a,b'; own = Word('a'); texts = ['x', 'y']; table = {'a': ['x'], 'b': b'y'}; rows = {'a': ['x'], 'b': []}\n\
             home = Path('/tmp'); pattern = re.compile('a')\n\
             match = pattern.match('a')",
        );
        assert_all_offer(
            bench,
            &[
                ("'abc'.upper().isal|", &OF_TEXT),
                ("word.upper().lower().title().isal|", &OF_TEXT),
                ("own.upper().isal|", &OF_TEXT),
                ("word.split(',')[0].isal|", &OF_TEXT),
                ("word.split(',')[1:][0].isal|", &OF_TEXT),
                ("word.split(',')[1:].app|", &["append"]),
                ("word.partition(',')[2].isal|", &OF_TEXT),
                ("word.encode().dec|", &["decode"]),
                ("word.find('a').bit_l|", &["bit_length"]),
                ("(word + 'c').isal|", &OF_TEXT),
                ("Path('a').parent.joinpath('b').joinp|", &["joinpath"]),
                ("(Path('a') / 'b').joinp|", &["joinpath"]),
                ("home.parent.name.isal|", &OF_TEXT),
                ("Path.cwd().joinp|", &["joinpath"]),
                ("home.read_text().isal|", &OF_TEXT),
                (
                    "for path in home.iterdir():\n    path.joinp|",
                    &["joinpath"],
                ),
                ("rows.items().isdis|", &["isdisjoint"]),
                ("table.get('b').dec|", &["decode"]),
                ("table.pop('a')[0].isal|", &OF_TEXT),
                ("table.copy()['b'].dec|", &["decode"]),
                ("list(rows.items())[0][1].app|", &["append"]),
                (
                    "for key, value in rows.items():\n    value.app|",
                    &["append"],
                ),
                ("texts.pop().isal|", &OF_TEXT),
                ("sorted(texts)[0].isal|", &OF_TEXT),
                ("[text for text in texts if text.isal|", &OF_TEXT),
                ("random.choice(texts).isal|", &OF_TEXT),
                ("shout = word.upper\nshout().isal|", &OF_TEXT),
                ("{'a': []}['a'].app|", &["append"]),
                ("re.compile('a').match('a').groups().ind|", &["index"]),
                ("re.compile('a').match('a').group().isal|", &OF_TEXT),
                ("re.match(b'a', b'a').group().dec|", &["decode"]),
                ("pattern.search(unknown).group().isal|", &OF_TEXT),
                ("match.group(0).isal|", &OF_TEXT),
                ("re.search(pattern, 'a').group().isal|", &OF_TEXT),
                ("datetime.datetime.now().isof|", &["isoformat"]),
                (
                    "datetime.datetime.now().date().strftime('%Y').isal|",
                    &OF_TEXT,
                ),
                (
                    "now = datetime.datetime.now().year\nnow.bit_l|",
                    &["bit_length"],
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "own.lower().isal|",
                "word.nope().isal|",
                "texts.append('z').isal|",
                "table.clear().ke|",
                "for key, value in table.items():\n    value.|",
                "unknown().isal|",
            ],
        );
        assert_eq!(
            bench.value("texts, table"),
            "(['x', 'y'], {'a': ['x'], 'b': b'y'})"
        );
    });
}

#[test]
fn annotations_tell_what_calls_give_and_nothing_runs() {
    with_bench(|bench| {
        bench.cell(
            "import functools, typing\nfrom typing import List, Optional, Self, Union\nran = []\n\
             class Town:\n    name: str\n    river_name: 'Optional[str]'\n\
             \x20   def __init__(self, size: int, mayor=None):\n        ran.append('init')\n        self.size = size\n        self.mayor = mayor\n\
             \x20   def __getattr__(self, name): ran.append(name)\n\
             \x20   def __getitem__(self, key) -> bytes: ran.append('item')\n\
             \x20   def __call__(self) -> dict[str, list[int]]: ran.append('call')\n\
             \x20   def __iter__(self) -> typing.Iterator['Town']: ran.append('iter')\n\
             \x20   def nearest(self) -> 'Town': ran.append('nearest')\n\
             \x20   def renamed(self):\n        ran.append('renamed')\n        return self\n\
             \x20   def chosen(self, other): return other if other else self\n\
             \x20   def both(self, other): return other and self\n\
             \x20   def noted(self, other):\n        other and ran.append('noted')\n        return self\n\
             \x20   def itself(self) -> Self: ran.append('itself')\n\
             \x20   def unsaid(self): ran.append('unsaid')\n\
             \x20   @classmethod\n    def founded(cls) -> Self: ran.append('founded')\n\
             \x20   @staticmethod\n    def all() -> list['Town']: ran.append('all')\n\
             \x20   @property\n    def river(self) -> Optional[str]: ran.append('river')\n\
             \x20   @functools.cached_property\n    def motto(self) -> str: ran.append('motto')\n\
             class Written:\n\
             \x20   def __init__(self, page: int, line: int, word: int):\n        page = str(page)\n        self.page = page\n        self.line = line\n        self.line = str(line)\n        self.word = word\n\
             def capital() -> Town: ran.append('capital')\n\
             def maybe() -> Town | None: ran.append('maybe')\n\
             def either() -> Union[None, Town]: ran.append('either')\n\
             def towns() -> List[Town]: ran.append('towns')\n\
             def pair() -> tuple[int, Town]: ran.append('pair')\n\
             def many() -> tuple[Town, ...]: ran.append('many')\n\
             def kind() -> type[Town]: ran.append('kind')\n\
             def quoted() -> 'typing.Optional[Town]': ran.append('quoted')\n\
             def computed() -> ran.append('annotation'): ran.append('computed')\n\
             async def later() -> Town: ran.append('later')\n\
             def given(): ran.append('given')\n\
             given.__annotations__ = {'return': Town}\n\
             def outer():\n    class Inner:\n        depth = 1\n    def inner() -> Inner: ran.append('inner')\n    return inner\n\
             inner = outer(); town = Town(1); ran.clear()",
        );
        assert_all_offer(
            bench,
            &[
                ("capital().nea|", &["nearest"]),
                ("capital().nearest().nearest().its|", &["itself"]),
                ("town.nearest().its|", &["itself"]),
                ("town.itself().its|", &["itself"]),
                ("town.noted(1).its|", &["itself"]),
                ("capital().renamed().its|", &["itself"]),
                ("Written(1, 2, 3).word.bit_l|", &["bit_length"]),
                ("town.__class__(1).its|", &["itself"]),
                ("capital().__class__().its|", &["itself"]),
                ("'a'.__class__(1).isal|", &OF_TEXT),
                ("[].__class__().app|", &["append"]),
                ("type(capital()).foun|", &["founded"]),
                ("type(town)(1).its|", &["itself"]),
                ("Town.__name__.isal|", &OF_TEXT),
                ("Town.__mro__.ind|", &["index"]),
                ("(lambda: town)().its|", &["itself"]),
                ("Town.founded().its|", &["itself"]),
                ("Town.all()[0].its|", &["itself"]),
                ("maybe().its|", &["itself"]),
                ("either().its|", &["itself"]),
                ("towns().app|", &["append"]),
                ("towns()[0].its|", &["itself"]),
                ("pair()[1].its|", &["itself"]),
                ("pair()[0].bit_l|", &["bit_length"]),
                ("many()[7].its|", &["itself"]),
                ("kind().foun|", &["founded"]),
                ("kind()(1).its|", &["itself"]),
                ("quoted().its|", &["itself"]),
                ("given().its|", &["itself"]),
                ("inner().dep|", &["depth"]),
                ("town.river.isal|", &OF_TEXT),
                ("capital().river.isal|", &OF_TEXT),
                ("capital().motto.isal|", &OF_TEXT),
                ("capital()[0].dec|", &["decode"]),
                ("town()['a'][0].bit_l|", &["bit_length"]),
                ("Town(1).si|", &["size"]),
                ("Town(1).size.bit_l|", &["bit_length"]),
                ("Town(1).ma|", &["mayor"]),
                ("Town(1).name.isal|", &OF_TEXT),
                ("Town(1).river_name.isal|", &OF_TEXT),
                ("later().sen|", &["send"]),
                ("(await later()).its|", &["itself"]),
                ("for t in towns():\n    t.its|", &["itself"]),
                ("for t in town:\n    t.its|", &["itself"]),
                (
                    "for key, sizes in town().items():\n    sizes.app|",
                    &["append"],
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "town.unsaid().its|",
                "town.chosen(1).its|",
                "town.both(1).its|",
                "town.other().its|",
                "computed().its|",
                "computed.__annotations__.nope|",
                "later().its|",
                "Town(1).mayor.its|",
                "Town.river.isal|",
                "Written(1, 2, 3).page.|",
                "Written(1, 2, 3).line.|",
                "undefined().its|",
            ],
        );
        assert_eq!(bench.value("ran"), "[]");
    });
}

#[test]
fn dictionaries_of_other_classes_are_not_asked() {
    with_bench(|bench| {
        bench.cell(
            "ran = []\n\
             class Loud(dict):\n    def __getitem__(self, key): ran.append(key); raise KeyError(key)\n    def __missing__(self, key): ran.append(key)\n\
             class Place:\n    def near(self) -> str: pass\n\
             place = Place(); place.__dict__ = Loud(name='text')\n\
             def here(): pass\n\
             here.__annotations__ = Loud({'return': str}); ran.clear()",
        );
        assert_all_offer(
            bench,
            &[
                ("place.name.isal|", &OF_TEXT),
                ("place.near().isal|", &OF_TEXT),
                ("here().isal|", &OF_TEXT),
            ],
        );
        assert_none_offers(bench, &["place.far().isal|", "place.near.isal|"]);
        assert_eq!(bench.value("ran"), "[]");
    });
}

#[test]
fn annotations_that_are_kept_as_text_are_read() {
    with_bench(|bench| {
        bench.cell(
            "from __future__ import annotations\n\
             class Town:\n    name: str | None\n    def nearest(self) -> Town | None: pass\n\
             def towns() -> list[Town]: pass",
        );
        assert_all_offer(
            bench,
            &[
                ("towns()[0].nearest().nea|", &["nearest"]),
                ("Town().name.isal|", &OF_TEXT),
            ],
        );
    });
}

#[test]
fn calls_of_what_the_cell_defines_are_followed() {
    with_bench(|bench| {
        bench.cell("from typing import Self");
        assert_all_offer(
            bench,
            &[
                ("def f() -> list[int]:\n    pass\nf().app|", &["append"]),
                (
                    "class A:\n    def m(self) -> 'A':\n        pass\n    def k(self):\n        return []\nA().m().k().app|",
                    &["append"],
                ),
                (
                    "class A:\n    def m(self) -> Self:\n        pass\n    def k(self):\n        pass\nA().m().k|",
                    &["k"],
                ),
                (
                    "class A:\n    def __init__(self):\n        self.items = []\n    def k(self):\n        self.items.app|",
                    &["append"],
                ),
                (
                    "class A:\n    def __init__(self, name: str):\n        self.name = name\na = A('x')\na.name.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    @property\n    def p(self) -> str:\n        pass\nA().p.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A(dict):\n    pass\nA().keys().isdis|",
                    &["isdisjoint"],
                ),
                (
                    "async def f() -> str:\n    pass\n(await f()).isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def __call__(self):\n        return 'a'\nA()().isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def m(self):\n        return self\n    def k(self):\n        pass\nclass B:\n    def n(self):\n        pass\nA().m().|",
                    &["k", "m"],
                ),
                (
                    "class A:\n    def __init__(self, q: int):\n        q = str(q)\n        self.q = q\nA(1).q.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def __init__(self):\n        self.q = None\n    def m(self):\n        self.q = ''\nA().q.isal|",
                    &OF_TEXT,
                ),
                (
                    "class A:\n    def m(self):\n        return ''\nclass B(A):\n    pass\nB().m().isal|",
                    &OF_TEXT,
                ),
                ("f = lambda: ''\nf().isal|", &OF_TEXT),
                (
                    "class A(str):\n    def __truediv__(self, other):\n        return []\n(A() / 1).app|",
                    &["append"],
                ),
                ("class A(str):\n    pass\n(A() + 'b').isal|", &OF_TEXT),
                (
                    "class A:\n    def __rtruediv__(self, other):\n        return []\n(1 / A()).app|",
                    &["append"],
                ),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "class A:\n    def m(self):\n        return self.m()\nA().m().x|",
                "class A:\n    def __init__(self):\n        self.q = 1\n    def m(self):\n        self.q = ''\nA().q.|",
                "def f(word):\n    return word\nword = ''\nf(1).|",
                "def f(word):\n    if word:\n        return 1\n    return ''\nf(1).|",
                "def f():\n    yield 1\n    return ''\nf().isal|",
                "class A:\n    def k(self):\n        pass\n    def __call__(self):\n        pass\nA()().|",
                "class A:\n    def __init__(self):\n        self.x = self.x\n    def k(self):\n        self.x.y|",
            ],
        );
    });
}

#[test]
fn expressions_over_several_lines_are_followed() {
    with_bench(|bench| {
        bench.cell("word = 'a b'");
        for marked in [
            "(word\n   .upper()\n   .isal|",
            "x = (word\n   .split()[0]\n   .isal|",
            "x = (word.\n   isal|",
            "x = (word  # a text\n   .upper()  # louder (\n   .isal|",
            "x = word.upper() \\\n    .isal|",
            "x = word.upper(). \\\n    isal|",
            "f(1,\n  word.split(\n    ',')[0].isal|",
            "x = (\n    word\n    .split()\n)[0].isal|",
            "x = 1\nf({\n  'a': word\n    .isal|",
            "%%time\n(word\n   .isal|",
            "text = 'b'\n(text\n   .isal|",
        ] {
            assert_offers(bench, marked, "isal", &OF_TEXT);
        }
        assert_none_offers(
            bench,
            &[
                "word\n.isal|",
                "word.\nisal|",
                "(word)\n.isal|",
                "# word.isal|",
            ],
        );
    });
}

#[test]
fn large_containers_are_no_trouble() {
    with_bench(|bench| {
        bench.cell("table = {f'key_{i}': [str(i)] for i in range(10000)}; texts = list(table)");
        let started = std::time::Instant::now();
        for _ in 0..5 {
            assert_all_offer(
                bench,
                &[
                    ("table.get('key_9999')[0].isal|", &OF_TEXT),
                    (
                        "for key, value in table.items():\n    value.app|",
                        &["append"],
                    ),
                    ("sorted(texts)[0].isal|", &OF_TEXT),
                ],
            );
        }
        // Many times what it takes, for machines that are slow and busy.
        assert!(started.elapsed().as_secs() < 2, "{:?}", started.elapsed());
    });
}
