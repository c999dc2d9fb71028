"""How namespaces differ, in words."""

from rhumba import namespace
from rhumba._difference import change_of


def change(old, new):
    """The change between two expressions in sessions of their own, as text."""
    enter(f"value = {old}" if "\n" not in old else old)
    namespace.save("old.ns", {"value": main["value"]})
    enter(f"value = {new}" if "\n" not in new else new)
    namespace.save("new.ns", {"value": main["value"]})
    found = namespace.diff("old.ns", "new.ns")
    assert set(found) <= {"value"}
    return " ".join(str(found["value"]).split()) if found else None


def test_names_come_and_go():
    found = namespace.diff({"a": 1, "b": [1, 2]}, {"b": [1, 2], "c": "x"})
    assert {name: each.kind for name, each in found.items()} == {"a": "removed", "c": "added"}
    assert str(found).splitlines() == ["a  removed 1", "c  added   'x'"]
    assert str(namespace.diff({}, {})) == "no differences" and not namespace.diff({}, {})


def test_values_of_one_type():
    assert change("1", "2") == "value 1 became 2"
    assert change("1.0", "2.0") == "value 1.0 became 2.0"
    assert change("0.0", "-0.0") == "value 0.0 became -0.0"
    assert change("float('nan')", "float('nan')") is None
    assert change("'a'", "'b'") == "value 'a' became 'b'"
    assert change("'x' * 100", "'x' * 60 + 'y' * 50") == (
        "value 100 long became 110 long, the first difference is at 60"
    )
    assert change("b'a'", "b'b'") == "value b'a' became b'b'"
    assert change("[1, 2]", "[1, 2, 3]") == "value 2 items became 3 items"
    assert change("[1, [2, {'k': 3}]]", "[1, [2, {'k': 4}]]") == "value [1][1]['k']: 3 became 4"
    assert change("{'a': 1}", "{'b': 1}") == "value key 'b' was added, key 'a' was removed"
    assert change("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}") == "value its keys are in another order"
    assert change("{1, 2}", "{1, 3}") == "value 2 became 3"
    assert change("{'a', 'b', 'c'}", "{'c', 'b', 'a'}") is None
    assert change("{('a', 1), ('b', 2)}", "{('b', 2), ('a', 1)}") is None
    assert change("10 ** 5000", "10 ** 5000 + 1").startswith("value an int of 16610 bits became")


def test_types():
    assert change("1", "'1'") == "type 1 became '1'"
    assert change("1", "True") == "type 1 became True"
    assert change("[1]", "(1,)") == "type a list of 1 item became a tuple of 1 item"
    assert change("[1]", "['x']") == "value [0]: 1 became 'x'"


def test_functions_and_classes():
    f = "def value(a, b=1): return a + b"
    assert change(f + "\n", "\n\n\n" + f + "\n") is None
    assert change(f + "\n", f.replace("+", "-") + "\n") == "value its code changed"
    assert change(f + "\n", f.replace("b=1", "b=2") + "\n") == "value .__defaults__[0]: 1 became 2"
    closure = "def outer(n):\n    return lambda: n\nvalue = outer({})\n"
    assert change(closure.format(1), closure.format(2)) == (
        "value .__closure__[0].cell_contents: 1 became 2"
    )
    c = "class value:\n    size = 1\n    def get(self): return self.size\n"
    assert change(c, c) is None
    assert change(c, c.replace("size = 1", "size = 2")) == "value .size: 1 became 2"
    assert change(c, c.replace("return self", "return -self")) == "value .get: its code changed"
    assert change(c, c + "    def more(self): pass\n") == "value more was added"


def test_instances():
    c = (
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n    y: list\n"
        "value = P({}, {})\n"
    )
    assert change(c.format(1, []), c.format(1, [])) is None
    assert change(c.format(1, []), c.format(2, [])) == "value .x: 1 became 2"
    assert change(c.format(1, [1]), c.format(1, [2])) == "value .y[0]: 1 became 2"
    s = "class S:\n    __slots__ = 'a', 'b'\nvalue = S()\nvalue.a = {}\n"
    assert change(s.format(1), s.format(2)) == "value .a: 1 became 2"
    d = "from collections import deque\nvalue = deque([1, {}])\n"
    assert change(d.format(2), d.format(3)) == "value [1]: 2 became 3"
    e = "value = ValueError('{}')\n"
    assert change(e.format("a"), e.format("b")) == "value (its value)[0]: 'a' became 'b'"


def test_a_class_has_no_say_in_what_is_equal():
    enter(
        "class Liar:\n"
        "    def __init__(self, n): self.n = n\n"
        "    def __eq__(self, other): raise RuntimeError('asked')\n"
        "    def __hash__(self): return 1\n"
        "    def __repr__(self): raise RuntimeError('asked')\n"
    )
    old, new = main["Liar"](1), main["Liar"](2)
    assert str(change_of(old, new)).split() == "value .n: 1 became 2".split()
    assert change_of(old, main["Liar"](1)) is None
    assert change_of([old], [main["Liar"](1)]) is None
    assert str(change_of(old, 5)).split() == "type a Liar became 5".split()


def test_what_has_no_snapshot_is_compared_by_what_it_is():
    file = open(os.devnull)
    assert change_of([1, file], [1, file]) is None
    assert "can't be compared" in str(change_of([1, file], [1, open(os.devnull)]))


def test_cycles_and_depth():
    loop, other = [1], [1]
    loop.append(loop)
    other.append(other)
    assert change_of(loop, other) is None
    other[0] = 2
    assert str(change_of(loop, other)).split() == "value [0]: 1 became 2".split()
    deep, deeper = [], [1]
    for _ in range(50_000):
        deep, deeper = [deep], [deeper]
    assert "0 items became 1 item" in str(change_of(deep, deeper))


def test_one_item_of_many_is_found():
    rows = [(number, str(number), [number / 2]) for number in range(20_000)]
    other = [(number, text, list(halves)) for number, text, halves in rows]
    assert change_of(rows, other) is None
    for place in (0, 1, 63, 12_345, 19_999):
        kept = other[place]
        other[place] = (*kept[:2], ["x"])
        assert change_of(rows, other).where == f"[{place}][2][0]"
        assert change_of({"k": dict(enumerate(rows))}, {"k": dict(enumerate(other))}).where == (
            f"['k'][{place}][2][0]"
        )
        other[place] = kept
    # Sets that are the same, in another order, are no difference, however many there are.
    letters = "abcdefghijklmnop"
    forth = [set(letters) for _ in range(500)]
    back = [set() for _ in range(500)]
    for each in back:
        for letter in reversed(letters):
            each.add(letter)
    assert change_of(forth, back) is None
    back[400].add("q")
    assert change_of(forth, back).where == "[400]"
    # Each item leads to all the others.
    ring = [[] for _ in range(2_000)]
    for item in ring:
        item.append(ring)
    ring_again = [[] for _ in range(2_000)]
    for item in ring_again:
        item.append(ring_again)
    assert change_of(ring, ring_again) is None
    ring_again[1_500].append(1)
    assert change_of(ring, ring_again).where == "[1500]"


def test_the_session_stands_for_itself():
    enter("a = 1\nb = 2")
    namespace.save("then.ns")
    main["a"] = 3
    assert str(namespace.diff("then.ns")).split() == "a value 1 became 3".split()
    assert str(namespace.diff("then.ns", None)) == str(namespace.diff("then.ns"))
    assert str(namespace.diff(None, {"a": 3})).split() == "b removed 2".split()


def test_what_makes_a_difference_is_named():
    import collections, datetime, functools, re
    found = change_of(collections.defaultdict(list), collections.defaultdict(int))
    assert found is not None, found
    one = functools.lru_cache(lambda x: x)
    other = functools.lru_cache(lambda x: x + 1)
    assert change_of(one, other) is not None
    assert change_of(re.compile("a"), re.compile("a")) is None
    assert "a" in str(change_of(re.compile("a"), re.compile("b")))
    day = datetime.date(2026, 1, 1)
    assert change_of(day, datetime.date(2026, 1, 1)) is None
    assert "2026-01-02" in str(change_of(day, datetime.date(2026, 1, 2)))
    deep, other = [1], [2]
    for _ in range(300):
        deep, other = [deep], [other]
    assert len(str(change_of(deep, other))) < 300


class Kin:
    def __init__(self):
        self.kids, self.up = set(), None


def test_sets_that_lead_back_to_their_owner():
    def family(name=None):
        one, other = Kin(), Kin()
        one.kids.add(other)
        other.up = one
        other.name = name
        return one
    assert change_of(family(), family()) is None
    assert change_of(family(), family("x")).where == ".kids"


class Crate:
    def __init__(self, number, names):
        self.number, self.names = number, names


def test_items_of_sets_are_not_compared_each_with_each():
    from rhumba import _difference

    def compared(old, new):
        """How many comparisons find that two sets are the same."""
        count, compare = 0, _difference._compared

        def counted(*args):
            nonlocal count
            count += 1
            return compare(*args)

        _difference._compared = counted
        try:
            assert change_of(old, new) is None
        finally:
            _difference._compared = compare
        return count

    def sets(n):
        names = set("abcdefghijklmnop"), set(reversed("abcdefghijklmnop"))
        yield [{(number, str(number)) for number in order(range(n))} for order in (list, reversed)]
        yield [{frozenset(order((number, str(number)))) for number in order(range(n))} for order in (list, reversed)]
        yield [{Crate(number, each) for number in range(n)} for each in names]

    for few, many in zip(sets(50), sets(200)):
        of_few, of_many = compared(*few), compared(*many)
        assert of_many <= 6 * of_few and of_few <= 500, (of_few, of_many)
    old, new = next(sets(200))
    new.remove((7, "7"))
    new.add((7, 7))
    assert "a tuple of 2 items is in one and not in the other" in str(change_of(old, new))


def test_what_is_taken_to_be_the_same_is_looked_at_again_elsewhere():
    def friends(last):
        # Two that are alike but for what the third of them has, to which all lead.
        kin = [Kin() for _ in range(3)]
        for each in kin:
            each.kids.update(other for other in kin if other is not each)
        kin[2].up = last
        return kin
    assert change_of(friends(1), friends(1)) is None
    assert change_of(friends(1), friends(2)) is not None


def test_what_is_equal_and_not_the_same():
    assert change("{1}", "{True}") == "value 1 became True"
    assert change("{True, 0}", "{False, 1}") is not None
    assert change("{1: 2}", "{True: 2}") == "value key 1 became True"
    assert change("range(0, 3, 2)", "range(0, 4, 2)") == "value range(0, 3, 2) became range(0, 4, 2)"
    view = "memoryview(bytes(8))"
    assert change(view, view) is None
    assert change(view, f"{view}.cast('I')") == "value .format: 'B' became 'I'"
    assert change(view, f"{view}.cast('B', (2, 4))") == "value .shape: 1 item became 2 items"


def test_a_metaclass_has_no_say_in_what_is_equal():
    import datetime, weakref

    class Meta(type):
        # Its classes claim to be any other.
        def __eq__(self, other):
            return True
        def __hash__(self):
            return hash(int)
        def __repr__(self):
            raise RuntimeError("asked")

    class Odd(metaclass=Meta):
        def __init__(self, n):
            self.n = n
        def __eq__(self, other):
            return True
        def __hash__(self):
            return 1

    class Zone(datetime.tzinfo):
        def __init__(self, name="here"):
            self.name = name
        def utcoffset(self, moment):
            return datetime.timedelta(0)
        def __eq__(self, other):
            return True

    assert change_of(Odd(1), Odd(1)) is None
    assert change_of(Odd(1), Odd(2)).where == ".n"
    assert change_of({Odd(1)}, {Odd(1)}) is None
    assert "Odd is in one and not in the other" in str(change_of({Odd(1)}, {Odd(2)}))
    assert change_of({Odd(1): 1}, {Odd(2): 1}).where == " (key 0).n"
    assert change_of([Odd(1)], [5]).text.endswith("Odd became 5")
    assert change_of([Odd], [5]).text.endswith("Odd became 5")
    keys = Odd(1), Odd(2)
    old, new = (weakref.WeakKeyDictionary({key: 1}) for key in keys)
    assert change_of(old, new).where == "[0][0].n"
    days = [datetime.datetime(2020, 1, 1, tzinfo=zone) for zone in (Zone(), Zone(), Zone("there"), None)]
    assert change_of(days[0], days[1]) is None
    assert change_of(days[0], days[2]).where == ".tzinfo.name"
    assert change_of(days[0], days[3]) is not None


def test_what_has_no_say_of_its_own_is_looked_into():
    import datetime, types, weakref
    one, other = types.ModuleType("made"), types.ModuleType("made")
    one.x = other.x = 1
    assert change_of(one, other) is None
    other.x = 2
    assert change_of(one, other).where == ".x"
    failure, same = ValueError(1), ValueError(1)
    assert change_of(failure, same) is None
    same.__cause__ = KeyError(1)
    assert change_of(failure, same).where == ".__cause__"
    class Zone(datetime.tzinfo):
        def __init__(self, hours=2):
            self.hours = hours
        def utcoffset(self, moment):
            return datetime.timedelta(hours=self.hours)
    def at(*args):
        return datetime.datetime(2020, 1, 1, tzinfo=Zone(*args))
    assert change_of(at(), at()) is None and change_of(at(), at(3)).where == ".tzinfo.hours"
    kin = [Kin(), Kin()]
    for make in weakref.ref, lambda it: weakref.WeakValueDictionary(a=it), lambda it: weakref.WeakKeyDictionary({it: 1}):
        assert change_of(make(kin[0]), make(kin[1])) is None
    kin[1].up = 1
    assert change_of(weakref.ref(kin[0]), weakref.ref(kin[1])).where == "().up"


def test_views_and_formats_are_what_they_show():
    import collections, struct
    one, other = [{"a": ["x" * i for i in range(9)], "set": made, "f": struct.Struct("<i")}
                  for made in (set("abcdefghij"), set(reversed("abcdefghij")))]
    for kind in (dict, collections.OrderedDict):
        mine, theirs = kind(one), kind(other)
        for view in ("keys", "values", "items"):
            assert change_of(getattr(mine, view)(), getattr(theirs, view)()) is None, (kind, view)
        theirs["a"] = 1
        assert change_of(mine.keys(), theirs.keys()) is None
        assert change_of(mine.values(), theirs.values()).where == "[0]"
        assert change_of(mine.items(), theirs.items()).where == "[0][1]"
        del theirs["a"]
        assert "3 items became 2 items" in change_of(mine.keys(), theirs.keys()).text
    assert change_of([struct.Struct("i"), set("abc")], [struct.Struct("i"), set("cba")]) is None
    assert change("__import__('struct').Struct('i')", "__import__('struct').Struct('h')") == (
        "value .format: 'i' became 'h'"
    )


def test_what_was_left_out_is_compared_by_its_place():
    from rhumba._difference import differences

    lock = "a lock can't be carried"
    found = differences({"a": 1, "b": {}}, {"a": 1, "b": {}, "d": 2}, [("namespace['c']", lock), ("namespace['d']", lock)],
                        [("namespace['b']['x']", lock)])
    assert str(found).split("\n") == [
        f"b  value   ['x']: {lock}, and it is in one and not in the other",
        f"c  removed {lock}",
        f"d  type    {lock} in one, and 2 is in the other",
    ], str(found)
    both = differences({"a": []}, {"a": []}, [("namespace['a'][0]", lock)], [("namespace['a'][0]", lock)])
    assert not both and both.not_compared == [("namespace['a'][0]", lock)]
    assert str(both) == f"no differences\nnot compared: namespace['a'][0]: {lock}"
