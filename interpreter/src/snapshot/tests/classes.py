"""Classes made in a namespace: as they are, and as they come home."""
import abc
import collections
import dataclasses
import enum
import functools
import types
import typing


class Base:
    kind = 'base'
    registry = []

    def __init__(self, n):
        self.n = n

    def who(self):
        return f'{self.kind} {self.n}'

    def clone(self):
        return type(self)(self.n)

    @property
    def double(self):
        "twice"
        return self.n * 2

    @double.setter
    def double(self, value):
        self.n = value // 2

    @classmethod
    def make(cls):
        return cls(7)

    @staticmethod
    def free(x):
        return x + 1

    class Inner:
        x = 1


class Derived(Base):
    kind = 'derived'

    def __init__(self, n, m):
        super().__init__(n)
        self.m = m

    def who(self):
        return super().who() + f' {self.m}'

    def __len__(self):
        return 3

    def __eq__(self, other):
        return type(other) is type(self) and self.n == other.n


@dataclasses.dataclass
class Item:
    name: str
    price: float = 1.5
    tags: list = dataclasses.field(default_factory=list)

    def total(self, n):
        return self.price * n


@dataclasses.dataclass(frozen=True, order=True)
class Key:
    a: int
    b: str = 'x'


class Color(enum.Enum):
    RED = 1
    GREEN = 'g'
    ALIAS = 1

    def shout(self):
        return self.name + '!'


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10


class Perm(enum.Flag):
    R = 4
    W = 2
    X = 1


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self):
        ...


class Square(Shape):
    def __init__(self, side):
        self.side = side

    def area(self):
        return self.side ** 2


def test_coming_home():
    for value in (Base, Derived, Item, Color, Shape, Base.Inner):
        assert carry(value) is value
    d = Derived(1, 2)
    there = carry(d)
    assert type(there) is Derived and isinstance(there, Base) and there == d and there is not d
    assert carry(Color.RED) is Color.RED or carry(Color.RED) == Color.RED


def test_coming_home_leaves_the_class_alone():
    before = Base.who
    carry(Base(1))
    assert Base.who is before


def test_away_and_back():
    there = carry_away(Derived(1, 2))
    back = carry(there)
    assert type(back) is type(there)


def test_methods_and_super():
    there = carry_away(Derived(1, 2))
    assert type(there) is not Derived and type(there).__name__ == 'Derived'
    assert there.who() == 'derived 1 2' and len(there) == 3 and there.double == 2
    there.double = 10
    assert there.n == 5
    assert there == type(there)(5, 0)
    base = type(there).__mro__[1]
    assert base.__name__ == 'Base' and base.free(1) == 2
    assert type(base.make()) is base and base(3).clone().n == 3
    assert base.Inner.x == 1 and base.Inner.__qualname__ == 'Base.Inner'
    assert base.double.__doc__ == 'twice' and base.__module__ == '__main__'
    assert there.who.__func__.__closure__[0].cell_contents is type(there)


def test_hashability():
    Away = carry_away(Derived)
    assert Away.__hash__ is None
    try:
        hash(Away(1, 2))
    except TypeError:
        pass
    else:
        assert False


def test_class_and_instances_together():
    cls, a, b = carry_away((Base, Base(1), Base(2)))
    assert type(a) is cls and type(b) is cls and a.n + b.n == 3
    assert cls.registry == [] and cls.registry is not Base.registry


def test_instances_in_class():
    class Single:
        pass
    Single.one = Single()
    Single.one.cls = Single
    there = carry_away(Single)
    assert type(there.one) is there and there.one.cls is there


def test_mutually_recursive():
    class A:
        pass
    class B(A):
        def other(self):
            return A
    A.friend = B
    A.f = lambda self: B
    a = carry_away(A)
    assert a.friend.__mro__[1] is a and a.friend().other() is a and a().f() is a.friend


def test_dataclass():
    there = carry_away(Item('a', tags=[1]))
    cls = type(there)
    assert there == cls('a', 1.5, [1]) and there.total(2) == 3.0
    assert [f.name for f in dataclasses.fields(there)] == ['name', 'price', 'tags']
    assert dataclasses.asdict(there) == {'name': 'a', 'price': 1.5, 'tags': [1]}
    assert dataclasses.replace(there, name='b').name == 'b'
    assert cls('z').tags == [] and cls('z').tags is not cls('z').tags
    assert repr(there) == "Item(name='a', price=1.5, tags=[1])"
    assert dataclasses.fields(there)[0].default is dataclasses.MISSING


def test_frozen_dataclass_as_key():
    there = carry_away({Key(1): 'v', Key(2, 'y'): 'w'})
    (first, second) = there
    assert there[type(first)(1)] == 'v' and there[type(first)(2, 'y')] == 'w' and first < second
    try:
        first.a = 5
    except dataclasses.FrozenInstanceError:
        pass
    else:
        assert False
    assert carry({Key(1): 2})[Key(1)] == 2
    assert Key(1) in carry(frozenset({Key(1)}))


def test_enum():
    there = carry_away(Color)
    assert list(there.__members__) == ['RED', 'GREEN', 'ALIAS'] and there(1) is there.RED is there.ALIAS
    assert there['GREEN'].value == 'g' and there.RED.shout() == 'RED!' and len(there) == 2
    assert [m.name for m in there] == ['RED', 'GREEN'] and isinstance(there.RED, there)
    member = carry_away([Color.GREEN, Color.GREEN, {Color.RED: 1}])
    cls = type(member[0])
    assert member[0] is member[1] is cls.GREEN and member[2][cls.RED] == 1
    assert repr(cls.GREEN) == "<Color.GREEN: 'g'>"


def test_enum_at_home():
    assert carry(Color.RED) is Color.RED
    assert carry({Color.GREEN: Level.LOW})[Color.GREEN] is Level.LOW
    assert carry(Perm.R | Perm.W) == Perm.R | Perm.W


def test_int_enum_and_flag():
    there = carry_away(Level.HIGH)
    assert there == 10 and there.name == 'HIGH' and there + 1 == 11 and type(there).LOW < there
    there = carry_away(Perm.R | Perm.W)
    cls = type(there)
    assert there == cls.R | cls.W and cls.R in there and cls.X not in there


def test_library_enum_by_name():
    import re
    assert carry(re.IGNORECASE) is re.IGNORECASE
    import socket
    assert carry(socket.AF_INET) is socket.AF_INET


def test_abc():
    shape, square = carry_away((Shape, Square))
    assert square(3).area() == 9 and isinstance(square(3), shape)
    try:
        shape()
    except TypeError as e:
        assert 'area' in str(e)
    else:
        assert False
    shape.register(int)
    assert isinstance(5, shape)


def test_metaclass():
    class Meta(type):
        def __call__(cls, *a):
            made = super().__call__(*a)
            made.via = cls.tag
            return made
        def shout(cls):
            return cls.__name__.upper()
        def __setattr__(cls, name, value):
            raise AttributeError('closed')
    class Thing(metaclass=Meta):
        tag = 't'
    there = carry_away(Thing)
    assert there().via == 't' and there.shout() == 'THING' and type(there).__name__ == 'Meta'


def test_slots():
    class S:
        __slots__ = ('a', '__b', 'c')
        def __init__(self):
            self.a, self.__b = 1, 2
        def b(self):
            return self.__b
    there = carry_away(S())
    assert there.a == 1 and there.b() == 2 and not hasattr(there, 'c') and not hasattr(there, '__dict__')
    class T(S):
        __slots__ = 'd',
    t = T()
    t.d = 4
    there = carry_away(t)
    assert (there.a, there.b(), there.d) == (1, 2, 4)


def test_init_subclass_and_set_name_run_once():
    calls = []
    class Named:
        def __set_name__(self, owner, name):
            calls.append(name)
            self.name = name
    class Plugin:
        plugins = []
        def __init_subclass__(cls, /, tag, **k):
            super().__init_subclass__(**k)
            cls.tag = tag
            Plugin.plugins.append(cls)
    class One(Plugin, tag='one'):
        field = Named()
    assert calls == ['field']
    there = carry_away(One)
    base = there.__mro__[1]
    assert there.tag == 'one' and there.field.name == 'field' and base.plugins == [there]
    class Two(base, tag='two'):
        pass
    assert base.plugins == [there, Two]


def test_namedtuple_class():
    class P(typing.NamedTuple):
        x: int
        y: int = 2
        def sum(self):
            return self.x + self.y
    there = carry_away(P(1))
    assert there.sum() == 3 and there._asdict() == {'x': 1, 'y': 2} and type(there)(5).y == 2
    assert repr(there) == 'P(x=1, y=2)'


def test_generic():
    T = typing.TypeVar('T')
    class Box(typing.Generic[T]):
        def __init__(self, x):
            self.x = x
    there = carry_away(Box(5))
    assert there.x == 5 and type(there)[int](3).x == 3
    class Crate[U]:
        def __init__(self, x):
            self.x = x
    there = carry_away(Crate)
    assert there[int](3).x == 3


def test_annotations():
    class A:
        x: int
        y: 'str' = 'a'
    there = carry_away(A)
    assert there.__annotations__ == {'x': int, 'y': 'str'} and there.y == 'a'


def test_assigned_annotations():
    class A:
        pass
    A.__annotations__ = {'x': int}
    assert carry_away(A).__annotations__ == {'x': int}


def test_changed_annotations():
    class A:
        x: int
        y: 'str' = 'a'
        z: list[int]
    before = dumps(A)
    written = dict(A.__annotations__)
    assert dumps(A) == before
    A.__annotations__['w'] = float
    there = carry_away(A)
    assert there.__annotations__ == written | {'w': float} and there.__annotate__(1) == written
    del A.__annotations__['w']
    A.__annotations__['x'] = A
    there = carry_away(A)
    assert there.__annotations__ == written | {'x': there} and there.__annotate__(1) == written
    class B:
        pass
    assert B.__annotate__ is None
    B.__annotations__['x'] = int
    assert carry_away(B).__annotations__ == {'x': int}


def test_subclasses_of_builtins():
    class L(list):
        def first(self):
            return self[0]
    class E(ValueError):
        code = 5
        def __str__(self):
            return 'E!'
    there = carry_away(L([3, 4]))
    assert there.first() == 3 and isinstance(there, list)
    there = carry_away(E(1, 2))
    assert there.code == 5 and str(there) == 'E!' and there.args == (1, 2) and isinstance(there, ValueError)


def test_cached_property_and_descriptors():
    class Descriptor:
        def __get__(self, obj, cls):
            return ('got', obj is None)
    class A:
        d = Descriptor()
        @functools.cached_property
        def slow(self):
            return [1]
    there = carry_away(A())
    assert there.d == ('got', False) and there.slow is there.slow == [1]
    assert there.__dict__ == {'slow': [1]}


def test_singledispatch_method_table():
    class V:
        def __getattr__(self, name):
            return name
        def __call__(self, x):
            return x * 2
        def __getitem__(self, i):
            return i
        def __iter__(self):
            return iter((1, 2))
        def __contains__(self, x):
            return x == 1
        def __add__(self, other):
            return 'added'
        def __enter__(self):
            return self
        def __exit__(self, *a):
            return True
    class W(V):
        pass
    v = carry_away(W())
    assert v.anything == 'anything' and v(2) == 4 and v[3] == 3 and list(v) == [1, 2] and 1 in v and v + 1 == 'added'
    with v:
        raise ValueError


def test_class_sent_twice_arrives_once():
    data = dumps(Derived(1, 2))
    first, second = loads(data), loads(data)
    assert type(first) is type(second)


def test_made_by_type_call():
    Made = type('Made', (Base,), {'extra': 5, 'f': lambda self: self.extra})
    there = carry_away(Made(1))
    assert there.f() == 5 and there.who() == 'base 1'


def test_protocol():
    @typing.runtime_checkable
    class Closes(typing.Protocol):
        def close(self) -> None: ...
    there = carry_away(Closes)
    class C:
        def close(self):
            pass
    assert isinstance(C(), there) and not isinstance(5, there)


def test_total_ordering_and_wraps():
    @functools.total_ordering
    class V:
        def __init__(self, n):
            self.n = n
        def __eq__(self, o):
            return self.n == o.n
        def __lt__(self, o):
            return self.n < o.n
    a, b = carry_away((V(1), V(2)))
    assert a < b and b >= a and a != b


def test_typed_dict_and_newtype():
    class D(typing.TypedDict):
        a: int
    there = carry_away(D)
    assert there(a=1) == {'a': 1}


def test_partial_method_and_property_subclass():
    class note(property):
        pass
    class A:
        def add(self, a, b):
            return a + b
        inc = functools.partialmethod(add, 1)
        @note
        def name(self):
            return 'n'
    A.__dict__['name'].tag = 5
    there = carry_away(A)
    assert there().inc(4) == 5 and there().name == 'n' and there.__dict__['name'].tag == 5


def test_changed_class_arrives_changed():
    class Config:
        level = 1
        def get(self):
            return self.level
    c = Config()
    c.get()
    first = loads(dumps(c)) is not None
    data = dumps(c)
    away = carry_away(c)
    cls = type(away)
    assert away.get() == 1
    Config.level = 2
    Config.extra = lambda self: 'new'
    again = loads(dumps(c))
    assert again.get() == 2 and again.extra() == 'new'


def test_dataclass_with_slots():
    @dataclasses.dataclass(slots=True)
    class S:
        a: int
        b: list = dataclasses.field(default_factory=list)
    @dataclasses.dataclass(slots=True, frozen=True)
    class F:
        a: int
    there = carry_away([S(1, [2]), F(3)])
    assert there[0].a == 1 and there[0].b == [2] and there[1].a == 3
    assert there[0] == type(there[0])(1, [2]) and hash(there[1]) == hash(type(there[1])(3))
    there = carry({F(3): 1})
    assert there[F(3)] == 1


def test_registered_classes_travel():
    import abc
    import collections
    class Readable(abc.ABC):
        @abc.abstractmethod
        def read(self): ...
    class Plain:
        pass
    Readable.register(Plain)
    Readable.register(collections.deque)
    readable, plain = carry_away((Readable, Plain))
    assert issubclass(plain, readable) and isinstance(plain(), readable)
    assert issubclass(collections.deque, readable) and not issubclass(dict, readable)


def test_registrations_with_classes_that_are_imported_travel():
    import collections.abc
    import numbers
    class Plain:
        pass
    class Other:
        pass
    collections.abc.Sequence.register(Plain)
    numbers.Real.register(Plain)
    plain, other = carry_away((Plain, Other))
    assert plain is not Plain and other is not Other
    for base in (collections.abc.Sequence, collections.abc.Reversible, numbers.Real):
        assert issubclass(plain, base) and isinstance(plain(), base) and not issubclass(other, base)
    assert not issubclass(plain, (collections.abc.Mapping, numbers.Integral))


def test_a_registration_after_the_class_was_sent_is_sent_too():
    import collections.abc
    class Plain:
        pass
    first = carry_away(Plain)
    assert not issubclass(first, collections.abc.Sized)
    collections.abc.Sized.register(Plain)
    assert issubclass(carry_away(Plain), collections.abc.Sized)


def test_a_registered_class_that_refers_back():
    import abc
    class Base(abc.ABC):
        pass
    @Base.register
    class Other:
        base = Base
    base = carry_away(Base)
    others = [ref() for ref in __import__('_abc')._get_dump(base)[0]]
    assert len(others) == 1 and others[0].base is base and issubclass(others[0], base)


def test_methods_that_come_home():
    class Foo:
        def plain(self): return self
        @classmethod
        def of_class(cls): return cls
        @staticmethod
        def of_none(): return 1
        @property
        def made(self): return 2
    foo = Foo()
    foo.bound = foo.plain
    back = carry(foo)
    assert back.bound.__func__ is Foo.plain and back.bound == back.plain and back.bound() is back
    back = carry((Foo, Foo.plain, Foo.of_class, Foo.of_none, Foo.__dict__['of_class'], Foo.__dict__['made']))
    assert back[0] is Foo and back[1] is Foo.plain and back[2] == Foo.of_class and back[3] is Foo.of_none
    assert back[4] is Foo.__dict__['of_class'] and back[5] is Foo.__dict__['made']
    there = carry_away((Foo, Foo.plain, foo))
    assert there[0] is not Foo and there[1] is there[0].plain and there[2].bound.__func__ is there[0].plain


def test_a_method_that_was_changed_elsewhere_stays_changed():
    class Foo:
        def plain(self): return 'ours'
    def theirs(self): return 'theirs'
    ours = Foo.plain
    Foo.plain = theirs
    data = dumps((Foo, Foo.plain))
    Foo.plain = ours
    back = loads(data)
    assert back[0] is Foo and Foo.plain is ours and back[1](None) == 'theirs'


def test_subclasses_of_descriptors():
    import abc
    class Documented(property):
        pass
    class Marked(classmethod):
        mark = None
    class Still(staticmethod):
        pass
    class Foo(abc.ABC):
        @Documented
        def value(self): return 7
        marked = Marked(lambda cls: cls)
        marked.mark = 'the mark'
        still = Still(lambda: 8)
        @abc.abstractclassmethod
        def old(cls): ...
    for carried in (carry_away(Foo), carry(Foo)):
        assert carried.__abstractmethods__ == {'old'}
        assert carried.marked() is carried and carried.still() == 8
        assert carried.__dict__['marked'].mark == 'the mark'
        assert type(carried.__dict__['marked']).__name__ == 'Marked'
        assert carried.__dict__['value'].fget(None) == 7


def test_type_variables_are_who_they_were():
    import typing
    T = typing.TypeVar('T', int, str)
    B = typing.TypeVar('B', bound=int)
    P = typing.ParamSpec('P')
    Ts = typing.TypeVarTuple('Ts')
    N = typing.NewType('N', int)
    made = [T, B, P, Ts, N]
    for one in made:
        assert carry(one) is one and carry([one, one])[1] is one
    there = carry_away(made)
    assert all(a is not b for a, b in zip(there, made))
    assert [repr(one) for one in there[:4]] == [repr(one) for one in made[:4]]
    assert there[0].__constraints__ == (int, str) and there[1].__bound__ is int
    # An echo by another process comes home as itself.
    data = dumps(T)
    class Box(typing.Generic[T]):
        def get(self) -> T: ...
    box, t = carry((Box, T))
    assert box is Box and t is T and box.__parameters__ == (T,)
    box, t = carry_away((Box, T))
    assert box.__parameters__ == (t,) and box.__parameters__[0] is t
    assert loads(data) is loads(data)


def test_defaults_of_type_variables():
    import typing
    T = typing.TypeVar('T', default=int)
    U = typing.TypeVar('U')
    t, u = carry_away((T, U))
    assert t.__default__ is int and t.has_default() and not u.has_default()


@dataclasses.dataclass(frozen=True)
class Place:
    x: int
    y: int = 0


class Pool:
    def __init__(self):
        self.ready = 1

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.is_set = True


class Pair:
    __slots__ = ('a', 'b')

    def __init__(self, a, b):
        self.a, self.b = a, b

    def __eq__(self, other):
        return (self.a, self.b) == (other.a, other.b)

    def __hash__(self):
        return hash((self.a, self.b))


def test_a_class_that_holds_its_own_instances():
    Place.names = {Place(0): 'origin', Place(1, 2): 'there'}
    Place.default = Place(7)
    Pair.table = {Pair(1, 2): 'pair'}
    Pool.shared = Pool()
    try:
        for there in (carry_away(Place), carry_names({'Place': Place})['Place']):
            assert there is not Place
            assert there.names[there(0)] == 'origin' and there.names[there(1, 2)] == 'there'
            assert there.default == there(7) and type(there.default) is there
        there = carry_away(Pair)
        assert there.table[there(1, 2)] == 'pair'
        there = carry_away(Pool)
        assert there.shared.is_set and type(there.shared) is there
    finally:
        del Place.names, Place.default, Pair.table, Pool.shared


def test_instances_that_wait_for_a_class_meet_it_whole():
    class Table:
        pass
    table, key = Table(), Place(1)
    table.rows = {key: 'one'}
    back, again = carry_away((table, key))
    assert back.rows[again] == 'one' and again in back.rows
    job, pool = Table(), Pool()
    job.pool = Pool()
    back, again = carry_away((job, pool))
    assert back.pool.is_set and again.is_set
    pair, other = Pair(1, 2), Pair(3, 4)
    there = carry_names({'pair': pair, 'all': {pair: 1, other: 2}, 'other': other})
    assert there['all'][there['pair']] == 1 and there['all'][there['other']] == 2


def test_the_order_of_a_classs_dict_stays():
    class Mixed:
        first = 1
        def method(self): return self.second
        second = [2]
        third = property(lambda self: 3)
        __hash__ = None
        own = None
    Mixed.own = Mixed()
    there = carry_away(Mixed)
    names = [name for name in vars(Mixed) if not name.startswith('__') or name == '__hash__']
    assert [name for name in vars(there) if name in names] == names
    assert there().method() == [2] and there.own.third == 3 and there.__hash__ is None


def test_subclasses_are_not_announced_again():
    told = []

    class Plugin:
        def __init_subclass__(cls, /, tag, **rest):
            super().__init_subclass__(**rest)
            told.append(tag)
            cls.tag = tag

    class One(Plugin, tag='one'):
        __slots__ = ('slot',)

    class Meta(type):
        pass

    class Two(One, tag='two', metaclass=Meta):
        "with a metaclass"
    there = carry_names({'told': told, 'Two': Two, 'Plugin': Plugin, 'One': One})
    assert there['told'] == told == ['one', 'two']
    assert [there[name].tag for name in ('One', 'Two')] == ['one', 'two']
    assert there['Two'].__mro__[:3] == (there['Two'], there['One'], there['Plugin'])
    assert type(there['Two']).__name__ == 'Meta' and there['Two'].__doc__ == 'with a metaclass'
    assert not any(name.startswith('__rhumba') for name in dir(there['Two']))
    made = there['One']()
    made.slot = 1
    try:
        class Three(there['Plugin']):
            pass
    except TypeError as error:
        assert 'tag' in str(error), error
    else:
        raise AssertionError('those made later are announced')
    away = carry_away((Plugin, One))
    assert away[1].tag == 'one' and issubclass(away[1], away[0])


def test_asking_for_items_makes_none():
    def make():
        cache = collections.defaultdict(list)
        def get():
            return cache
        return get, cache
    get, cache = make()
    cache['a'] = [1]
    assert carry(get)() == {'a': [1]}
    assert dict(cache) == {'a': [1]}
    names = collections.defaultdict(int)
    exec('def f(): return missing', names)
    before = set(names)
    assert carry(names['f']) is not None
    assert set(names) == before, set(names) - before
