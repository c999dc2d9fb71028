//! Completion by kinds: what operators, containers and functions of the library give, told from both sides,
//! from all items and from the arguments. Where that can't be told, nothing is offered.

use super::calls::{OF_TEXT, assert_all_offer, assert_none_offers};
use crate::tests::support::with_bench;

const OF_INT: [&str; 1] = ["bit_length"];

#[test]
fn operators_give_by_both_sides() {
    with_bench(|bench| {
        bench.cell(
            "import datetime\nfrom pathlib import Path\n\
             class Word(str):\n    def __radd__(self, other) -> bytes: pass\n\
             class Asked:\n    def __rtruediv__(self, other) -> bytes: pass\n    def __ror__(self, other) -> bytes: pass\n    def __add__(self, other): pass\n\
             class Quiet: pass\n\
             i = 5; x = 2.5; s = 'a'; p = Path('a'); asked = Asked(); quiet = Quiet()\n\
             day = datetime.datetime(2020, 1, 1); span = datetime.timedelta(1)",
        );
        assert_all_offer(
            bench,
            &[
                ("(i // 2).bit_l|", &OF_INT),
                ("(i / 2).is_i|", &["is_integer"]),
                ("(i * x).is_i|", &["is_integer"]),
                ("(i ** 2).bit_l|", &OF_INT),
                ("(i ** -2).hex|", &["hex"]),
                ("(-x).hex|", &["hex"]),
                ("(~i).bit_l|", &OF_INT),
                ("(i < 3).bit_l|", &OF_INT),
                ("(not quiet).bit_l|", &OF_INT),
                ("(quiet is None).bit_l|", &OF_INT),
                ("(s + 'b').isal|", &OF_TEXT),
                ("(s + unknown).isal|", &OF_TEXT),
                ("(s + Word('b')).dec|", &["decode"]),
                ("('%d' % i).isal|", &OF_TEXT),
                ("(3 * s).isal|", &OF_TEXT),
                ("([1] + [2])[0].bit_l|", &OF_INT),
                ("({'a': 1} | {'b': 2})['c'].bit_l|", &OF_INT),
                ("(p / unknown).joinp|", &["joinpath"]),
                ("('b' / p).joinp|", &["joinpath"]),
                ("(p / asked).dec|", &["decode"]),
                ("({} | asked).dec|", &["decode"]),
                ("(day + span).isof|", &["isoformat"]),
                ("(span + day).isof|", &["isoformat"]),
                ("(day - day).total|", &["total_seconds"]),
                ("(2 * span).total|", &["total_seconds"]),
                ("(quiet or quiet).__cla|", &["__class__"]),
                ("(s if i else 'b').isal|", &OF_TEXT),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "(i + unknown).|",
                "(i ** i ** x).|",
                "(p / quiet).|",
                "(s + i).|",
                "(asked + s).|",
                "([1] + ['a'])[0].|",
                "(day - unknown).|",
                "(s if i else x).|",
            ],
        );
    });
}

#[test]
fn items_are_those_of_the_key_or_alike() {
    with_bench(|bench| {
        bench.cell(
            "import collections, enum, sys\n\
             class Point(collections.namedtuple('Point', 'x label')): pass\n\
             class Color(enum.Enum):\n    RED = 'r'\n\
             class Rows(list): pass\n\
             class Told(dict):\n    def __missing__(self, key) -> bytes: pass\n\
             class Untold(dict):\n    def __missing__(self, key): return 1\n\
             class Dog: legs = 4\n\
             class Puppy(Dog): pass\n\
             pair = (1, 'a'); mixed = [1, 'a', b'']; point = Point(1, 'a'); rows = Rows(['a'])\n\
             known = {'a': 1, 'b': 'x'}; ints = {'a': 1}; told = Told(a=1); untold = Untold(a='x')\n\
             counted = collections.Counter('aab'); listed = collections.defaultdict(list, a=[1])\n\
             kept = collections.OrderedDict(a='x'); queue = collections.deque([1, 2]); dogs = [Dog(), Puppy()]",
        );
        assert_all_offer(
            bench,
            &[
                ("pair[1:][0].isal|", &OF_TEXT),
                ("pair[0:2][1].isal|", &OF_TEXT),
                ("mixed[::-1][0].dec|", &["decode"]),
                ("mixed[-1].dec|", &["decode"]),
                ("{'a': 1, 'b': 'x'}['b'].isal|", &OF_TEXT),
                ("dict(a=1)['a'].bit_l|", &OF_INT),
                ("ints.get('zz', 1.5).hex|", &["hex"]),
                ("known.get('b', 1.5).isal|", &OF_TEXT),
                ("ints.get(unknown).bit_l|", &OF_INT),
                ("ints.pop('zz', 'x').isal|", &OF_TEXT),
                ("ints.setdefault('new', []).app|", &["append"]),
                ("told['a'].bit_l|", &OF_INT),
                ("told['zz'].dec|", &["decode"]),
                ("counted['zz'].bit_l|", &OF_INT),
                ("listed['zz'].app|", &["append"]),
                ("listed['a'].app|", &["append"]),
                ("kept['a'].isal|", &OF_TEXT),
                ("queue[0].bit_l|", &OF_INT),
                ("rows[0].isal|", &OF_TEXT),
                ("point.label.isal|", &OF_TEXT),
                ("point[1].isal|", &OF_TEXT),
                ("Color.RED.value.isal|", &OF_TEXT),
                ("Color.RED.name.isal|", &OF_TEXT),
                ("sys.version_info[0].bit_l|", &OF_INT),
                ("for dog in dogs:\n    dog.leg|", &["legs"]),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "mixed[unknown].|",
                "mixed[unknown:][0].|",
                "for item in mixed:\n    item.|",
                "known.get(unknown).|",
                "ints.get(unknown, 'x').|",
                "ints['zz'].|",
                "ints.pop('zz').|",
                "untold['zz'].|",
                "[1, unknown][unknown].|",
            ],
        );
        assert_eq!(
            bench.value("ints, listed"),
            "({'a': 1}, defaultdict(<class 'list'>, {'a': [1]}))"
        );
    });
}

#[test]
fn functions_of_the_library_give_by_their_arguments() {
    with_bench(|bench| {
        bench.cell(
            "import datetime, os, tempfile, threading\nfrom pathlib import Path\n\
             class Itself:\n    def __enter__(self):\n        return self\n    def mine(self): pass\n\
             class Other:\n    def __enter__(self): return 1\n    def mine(self): pass\n\
             spans = [datetime.timedelta(1)]; path = Path('a')",
        );
        assert_all_offer(
            bench,
            &[
                ("round(2.5).bit_l|", &OF_INT),
                ("round(2.5, 1).hex|", &["hex"]),
                ("abs(-2.5).hex|", &["hex"]),
                ("max('a', 'b').isal|", &OF_TEXT),
                ("max([['a'], ['b']])[0].isal|", &OF_TEXT),
                ("max([1], [2]).app|", &["append"]),
                ("next(iter(['a']), 'b').isal|", &OF_TEXT),
                ("sum([1, 2]).bit_l|", &OF_INT),
                (
                    "sum(spans, datetime.timedelta()).total|",
                    &["total_seconds"],
                ),
                ("os.path.join(b'a', b'b').dec|", &["decode"]),
                ("os.path.join(unknown, 'b').isal|", &OF_TEXT),
                ("os.path.basename(path).isal|", &OF_TEXT),
                ("os.listdir(b'/')[0].dec|", &["decode"]),
                ("os.listdir()[0].isal|", &OF_TEXT),
                ("os.getenv('A').isal|", &OF_TEXT),
                ("os.getenv('A', 'b').isal|", &OF_TEXT),
                ("open('f').read().isal|", &OF_TEXT),
                ("open('f', 'rb').read().dec|", &["decode"]),
                ("open('f', mode='rb').peek().dec|", &["decode"]),
                ("open('f', 'wb').flu|", &["flush"]),
                ("path.open('rb').read().dec|", &["decode"]),
                ("with open('f', 'rb') as f:\n    f.pee|", &["peek"]),
                ("with open('f') as f:\n    f.readline().isal|", &OF_TEXT),
                (
                    "with tempfile.TemporaryDirectory() as f:\n    f.isal|",
                    &OF_TEXT,
                ),
                ("with threading.Lock() as f:\n    f.bit_l|", &OF_INT),
                ("with Itself() as f:\n    f.mi|", &["mine"]),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "max(1, 'a').|",
                "next(iter(['a']), 1).|",
                "os.path.basename(unknown).|",
                "os.getenv('A', 3).|",
                "open('f', unknown).|",
                "with Other() as f:\n    f.|",
            ],
        );
    });
}

#[test]
fn functions_of_items_that_are_there_give_what_they_give() {
    with_bench(|bench| {
        bench.cell(
            "from collections import Counter\nran = []\n\
             class Loud(int):\n    def __gt__(self, other): ran.append('gt')\n    def __lt__(self, other): ran.append('lt')\n\
             \x20   def __radd__(self, other): ran.append('radd')\n\
             class Asked(list):\n    def __iter__(self): ran.append('iter'); return list.__iter__(self)\n\
             i = 5; x = 2.5; mixed = [3, 1.5, 2]; texts = ['b', 'a']; loud = [Loud(1), 2, 3.5]; asked = Asked([1, 2.5]); large = [1 << 5_000, 1]; nan = [float('nan'), 1, 0.5]",
        );
        assert_all_offer(
            bench,
            &[
                ("max(1, 2.5).hex|", &["hex"]),
                ("min(1, 2.5).bit_l|", &OF_INT),
                ("max(i, x).bit_l|", &OF_INT),
                ("max(mixed).bit_l|", &OF_INT),
                ("min(mixed).hex|", &["hex"]),
                ("max([], default='a').isal|", &OF_TEXT),
                ("max(texts).isal|", &OF_TEXT),
                ("sum([1, 2.5]).hex|", &["hex"]),
                ("sum(mixed).hex|", &["hex"]),
                ("sum([]).bit_l|", &OF_INT),
                ("sum([1, 2], 0.5).hex|", &["hex"]),
                ("sum((i, x)).hex|", &["hex"]),
                ("sorted(mixed)[0].hex|", &["hex"]),
                ("sorted(mixed)[2].bit_l|", &OF_INT),
                ("sorted([2.5, 1])[0].bit_l|", &OF_INT),
                ("sorted(nan).app|", &["append"]),
                ("sorted(unknown()).app|", &["append"]),
                ("sorted(*[texts], key=len).app|", &["append"]),
                ("sorted(large)[0].bit_l|", &OF_INT),
                ("Counter(texts)['a'].bit_l|", &OF_INT),
                ("Counter(texts).copy()['a'].bit_l|", &OF_INT),
                ("open('a').readl|", &["readline", "readlines"]),
                ("next(iter([1, 2.5])).bit_l|", &OF_INT),
                ("next(iter(('a', 1))).isal|", &OF_TEXT),
                ("next(iter('abc')).isal|", &OF_TEXT),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "max(1, unknown).|",
                "max(mixed, key=abs).|",
                "max(1, 2.5, **unknown).|",
                "max(len(texts), 2.5).|",
                "sorted(mixed, key=abs)[0].|",
                "next(iter([1, 2.5]), 3).|",
                "sum(texts).|",
                "max(loud).|",
                "sum(loud).|",
                "sorted(loud)[0].|",
                "max(asked).|",
                "next(iter(asked)).|",
            ],
        );
        assert_eq!(bench.value("ran, mixed"), "([], [3, 1.5, 2])");
    });
}

#[test]
fn what_may_be_none_is_completed_as_the_other_kind() {
    with_bench(|bench| {
        bench.cell("import re\ntable = {'a': 1}; nothing = None; holes = [None, 'a']");
        assert_all_offer(
            bench,
            &[
                ("re.match('a', 'b').groupd|", &["groupdict"]),
                ("re.match(unknown, unknown).groupd|", &["groupdict"]),
                ("table.get('a').bit_l|", &OF_INT),
                ("table.get(unknown).bit_l|", &OF_INT),
                ("holes[unknown].isal|", &OF_TEXT),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "nothing.|",
                "nothing().|",
                "nothing[0].|",
                "(nothing + 1).|",
                "table.get('b').|",
                "table.get('b').bit_length().|",
                "table.get().|",
                "next(iter([None])).|",
                "max(None).|",
            ],
        );
    });
}

#[test]
fn special_methods_called_by_name_give_what_they_give() {
    with_bench(|bench| {
        bench.cell(
            "class Own(str):\n    def __add__(self, other): return 1\n    def __len__(self) -> bytes: pass\n\
             class Plain: pass\n\
             s = 'a'; i = 5; x = 2.5; rows = ['a']; own = Own('a'); plain = Plain()",
        );
        assert_all_offer(
            bench,
            &[
                ("'x'.__add__('y').isal|", &OF_TEXT),
                ("s.__add__(unknown).isal|", &OF_TEXT),
                ("s.__mul__(3).isal|", &OF_TEXT),
                ("s.__rmul__(3).isal|", &OF_TEXT),
                ("s.__mod__(plain).isal|", &OF_TEXT),
                ("str.__mul__(s, 3).isal|", &OF_TEXT),
                ("i.__add__(2).bit_l|", &OF_INT),
                ("i.__radd__(2).bit_l|", &OF_INT),
                ("i.__truediv__(2).hex|", &["hex"]),
                ("i.__pow__(-1).hex|", &["hex"]),
                ("x.__radd__(1).hex|", &["hex"]),
                ("x.__int__().bit_l|", &OF_INT),
                ("i.__divmod__(2)[0].bit_l|", &OF_INT),
                ("rows.__len__().bit_l|", &OF_INT),
                ("rows.__contains__('a').bit_l|", &OF_INT),
                ("rows.__add__(rows)[0].isal|", &OF_TEXT),
                ("rows.__iadd__(rows).app|", &["append"]),
                ("s.__eq__('b').bit_l|", &OF_INT),
                ("s.__repr__().isal|", &OF_TEXT),
                ("plain.__repr__().isal|", &OF_TEXT),
                ("plain.__hash__().bit_l|", &OF_INT),
                ("iter(rows).__next__().isal|", &OF_TEXT),
                ("own.__mul__(2).isal|", &OF_TEXT),
                ("own.__len__().dec|", &["decode"]),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "s.__add__(1).|",
                "i.__add__(2.5).|",
                "i.__mul__(s).|",
                "s.__eq__(1).|",
                "rows.__hash__().|",
                "own.__add__('a').|",
                "plain.__len__().|",
            ],
        );
    });
}

#[test]
fn numbers_of_the_library_are_counted_with() {
    with_bench(|bench| {
        bench.cell(
            "from decimal import Decimal\nfrom fractions import Fraction\n\
             class Rounded(Fraction):\n    def __round__(self, digits=None): return 1\n\
             half = Fraction(1, 2); price = Decimal('1.5'); own = Rounded(1, 2)",
        );
        assert_all_offer(
            bench,
            &[
                ("round(half).bit_l|", &OF_INT),
                ("round(half, 1).limit|", &["limit_denominator"]),
                ("round(price).bit_l|", &OF_INT),
                ("round(price, None).bit_l|", &OF_INT),
                ("round(price, ndigits=1).quan|", &["quantize"]),
                ("round(True, 1).bit_l|", &OF_INT),
                ("abs(half).limit|", &["limit_denominator"]),
                ("abs(-price).quan|", &["quantize"]),
                ("half.numerator.bit_l|", &OF_INT),
                ("(half + 1).limit|", &["limit_denominator"]),
                ("(1 - half).limit|", &["limit_denominator"]),
                ("(half // half).bit_l|", &OF_INT),
                ("(half * 1.5).hex|", &["hex"]),
                ("(1.5 / half).hex|", &["hex"]),
                ("(price * 2).quan|", &["quantize"]),
                ("(2 / price).quan|", &["quantize"]),
                ("sum([half, half]).limit|", &["limit_denominator"]),
            ],
        );
        assert_none_offers(
            bench,
            &[
                "round(own).|",
                "(price + 1.5).|",
                "(price + half).|",
                "(half + unknown).|",
            ],
        );
    });
}

#[test]
fn blanks_stand_where_python_takes_them() {
    with_bench(|bench| {
        bench.cell("s = 'a b'; texts = ['a']\ndef f() -> str: pass");
        assert_all_offer(
            bench,
            &[
                ("s . upper ( ) . isal|", &OF_TEXT),
                ("f ().isal|", &OF_TEXT),
                ("texts [0].isal|", &OF_TEXT),
                ("%time (s).isal|", &OF_TEXT),
            ],
        );
    });
}
