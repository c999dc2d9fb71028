"""Where instances keep their attributes, rings through them, and what members are made of."""
import dataclasses
import datetime
import enum
import sys
import threading
import types
import weakref


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


class SlotNode:
    __slots__ = 'name', 'parents', 'kids'

    def __init__(self, name):
        self.name, self.parents, self.kids = name, set(), {}

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        return self.name == other.name


class MoreSlots(SlotNode):
    __slots__ = '__hidden',

    def hide(self, value):
        self.__hidden = value

    def hidden(self):
        return self.__hidden

    def __getattr__(self, name):
        raise RuntimeError('nobody asks for ' + name)


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenNode:
    name: str
    near: set = dataclasses.field(compare=False)


class SaysState:
    def __init__(self, name):
        self.name, self.near, self.lost = name, set(), threading.Lock()

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        return self.name == other.name

    def __getstate__(self):
        return {'name': self.name, 'near': self.near}


class Nodes(set):
    pass


class OneOf:
    __slots__ = 'one', '__dict__'


def test_rings_through_slots():
    for make in SlotNode, MoreSlots:
        a, b = make('a'), make('b')
        a.kids[b] = 1
        b.parents.add(a)
        there = carry_away([b, a])
        assert there[1] in there[0].parents and there[0] in there[1].kids and there[1].kids[there[0]] == 1
        assert [each.name for each in there] == ['b', 'a']
    node = MoreSlots('x')
    node.hide([node])
    there = carry_away(node)
    assert there.hidden()[0] is there
    a = FrozenNode('a', set())
    b = FrozenNode('b', {a})
    a.near.add(b)
    there = carry_away(a)
    (other,) = there.near
    assert there in other.near and other.name == 'b'
    one = OneOf()
    one.free, one.one = one, 1
    there = carry_away(one)
    assert there.free is there and there.one == 1 and vars(there) == {'free': there}


def test_rings_through_states_and_sets_of_subclasses():
    a, b = SaysState('a'), SaysState('b')
    a.near.add(b)
    b.near.add(a)
    there = carry_away(a)
    (other,) = there.near
    assert there in other.near and other.name == 'b' and not hasattr(there, 'lost')
    a, b = SlotNode('a'), SlotNode('b')
    a.kids, b.kids = Nodes([b]), Nodes([a])
    a.kids.owner = a
    there = carry_away(a)
    (other,) = there.kids
    assert type(there.kids).__name__ == 'Nodes' and there.kids.owner is there and there in other.kids


def test_slots_that_are_not_set():
    node = SlotNode('x')
    del node.kids
    there = carry_away(node)
    assert there.name == 'x' and not hasattr(there, 'kids')


class Text(str, enum.Enum):
    RED = 'red'

    def __str__(self):
        return 'something else'


class Whole(int, enum.Enum):
    TWO = 2

    def __int__(self):
        return 7


class Real(float, enum.Enum):
    HALF = 0.5

    def __float__(self):
        return 1.0


class Pair(tuple, enum.Enum):
    A = 1, 2


class Raw(bytes, enum.Enum):
    X = b'ab'


class Turn(complex, enum.Enum):
    I = 1j


class Day(datetime.date, enum.Enum):
    FIRST = 2020, 1, 1


class Clock(datetime.datetime, enum.Enum):
    NOON = 2020, 1, 1, 12, 0, 0, 0, datetime.timezone.utc


class Span(datetime.timedelta, enum.Enum):
    HOUR = 0, 3600


class Few(frozenset, enum.Enum):
    BOTH = [1, 2],


def test_members_made_of_times_and_sets():
    for member in (Day.FIRST, Clock.NOON, Span.HOUR, Few.BOTH):
        there = carry_away(member)
        assert there.value == member.value and there == member.value and there.name == member.name
        assert isinstance(there, type(member.value)) and getattr(type(there), there.name) is there
    assert carry_away(Day.FIRST).year == 2020 and carry_away(Clock.NOON).tzinfo is datetime.timezone.utc


def test_members_keep_what_they_are_made_of():
    for member, value in ((Text.RED, 'red'), (Whole.TWO, 2), (Real.HALF, 0.5), (Raw.X, b'ab'), (Turn.I, 1j)):
        there = carry_away(member)
        assert there == value and there.value == value and there.name == member.name
        assert type(there)(value) is there
    assert carry_away(Pair.A)[1] == Pair.A[1]
    assert carry_away(Text.RED) + '!' == 'red!'


def test_proxies_to_what_is_carried():
    p = Point(1, 2)
    there, proxy = carry_away([p, weakref.proxy(p)])
    assert proxy.x == 1 and type(proxy) is weakref.ProxyType
    there.x = 5
    assert proxy.x == 5
    assert 'weak reference' in refusal(weakref.proxy(p))


def test_modules_of_subclasses():
    class Module(types.ModuleType):
        pass
    module = Module('made_of_a_subclass')
    sys.modules['made_of_a_subclass'] = module
    try:
        assert carry(module) is module
    finally:
        del sys.modules['made_of_a_subclass']


def test_what_cannot_be_said_is_a_refusal():
    import secrets
    assert refusal(secrets.choice).startswith("args.__self__: ")


class Aliased:
    __slots__ = ('x', '__hidden')

    def __init__(self, x, hidden):
        self.x, self.__hidden = x, hidden

    def hidden(self):
        return self.__hidden


class AliasedBelow(Aliased):
    z = Aliased.x


class AliasedInSlots(Aliased):
    __slots__ = ('w',)
    z = Aliased.x


class HiddenByProperty(Aliased):
    _x = Aliased.x

    @property
    def x(self):
        return self._x + 1


Aliased.y = Aliased.x


def test_slots_under_several_names():
    for way in (carry, carry_away):
        for make in (Aliased, AliasedBelow, AliasedInSlots):
            there = way(make([1], 2))
            assert there.x == [1] and there.y is there.x and there.hidden() == 2, (way, make)
            there.x = 3
            assert there.y == 3 and getattr(there, 'z', 3) == 3, (way, make)
        here = HiddenByProperty.__new__(HiddenByProperty)
        here._x = 1
        there = way(here)
        assert (there.x, there._x) == (2, 1) and vars(there) == {}, way


class DictAndSlot:
    __slots__ = ('a', '__dict__')


def test_attributes_that_are_no_text():
    error, both = ValueError(1), DictAndSlot()
    both.a = 1
    for here in (error, both):
        here.__dict__[1] = [2]
        here.__dict__['named'] = here.__dict__[1]
        here.__dict__[2, 'b'] = 3
        there = carry(here)
        assert list(there.__dict__.items()) == [(1, [2]), ('named', [2]), ((2, 'b'), 3)], here
        assert there.__dict__[1] is there.named
    assert carry(both).a == 1 and carry(error).args == (1,)


def test_attributes_of_wrapped_methods():
    def tagged(method):
        method.tag = [method]
        return method
    class Tagged:
        @tagged
        @staticmethod
        def plain():
            """Does nothing."""
        @tagged
        @classmethod
        def of_class(cls):
            return cls
        @staticmethod
        def renamed():
            pass
    vars(Tagged)['renamed'].__name__ = 'other'
    for way in (carry, carry_away):
        there = way(Tagged)
        for name in ('plain', 'of_class'):
            method = vars(there)[name]
            assert method.tag[0] is method and set(vars(method)) == set(vars(vars(Tagged)[name])), (way, name)
        assert there.plain.__doc__ == vars(there)['plain'].__doc__ == 'Does nothing.', way
        assert vars(there)['renamed'].__name__ == 'other' and there.renamed.__name__ == 'renamed', way
        assert there.of_class() is there, way
    for wrap in (staticmethod, classmethod):
        assert vars(carry(wrap(len))) == vars(wrap(len))
