"""Every kind of object that a namespace holds, one line each: how it is made, and what must hold of what arrives.

A line's check gets what arrived at home (`carry`), and what arrived where its classes were never seen (`carry_away`).
"""
import abc
import array
import collections
import contextlib
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import io
import operator
import pathlib
import random
import re
import string
import sys
import threading
import types
import typing
import uuid
import weakref
import zoneinfo

STAYS = "can't be carried between namespaces"


class Plain:
    def __init__(self, *parts):
        self.parts = parts


def raised():
    try:
        try:
            raise KeyError('inner')
        except KeyError as e:
            e.add_note('a note')
            raise ValueError('outer', 5) from e
    except ValueError as e:
        return e


class Meta(type):
    def __new__(meta, name, bases, namespace, **keywords):
        made = super().__new__(meta, name, bases, namespace)
        made.keywords = keywords
        return made

    def __init__(cls, name, bases, namespace, **keywords):
        super().__init__(name, bases, namespace)

    def __len__(cls):
        return 7


class Made(metaclass=Meta, key=3):
    pass


class Descriptor:
    def __set_name__(self, owner, name):
        self.name = '_' + name

    def __get__(self, instance, owner):
        return self if instance is None else getattr(instance, self.name, 'unset')

    def __set__(self, instance, value):
        setattr(instance, self.name, value * 2)


class Described:
    field = Descriptor()


class Slotted:
    __slots__ = ('a', 'b', '__weakref__')


class SlottedWithDict(Slotted):
    __slots__ = ('c', '__dict__')


class Outer:
    class Inner:
        class Innermost:
            def outer(self):
                return Outer

        def who(self):
            return __class__


class Left:
    def right(self):
        return self.Right()


class Right(Left):
    def left(self):
        return super()


Left.Right = Right


@dataclasses.dataclass
class Data:
    a: int
    b: list = dataclasses.field(default_factory=list)
    c: dataclasses.KW_ONLY = None
    d: str = dataclasses.field(default='x', compare=False)

    def __post_init__(self):
        self.e = self.a * 2


@dataclasses.dataclass(slots=True, frozen=True, order=True)
class Fixed:
    a: int = 1


class Color(enum.Enum):
    RED = 1
    BLUE = 'b'

    @property
    def shout(self):
        return self.name + '!'


class Number(enum.IntEnum):
    ONE = 1


class Word(enum.StrEnum):
    HI = enum.auto()


class Bits(enum.IntFlag):
    A = 1
    B = 2


class Planet(enum.Enum):
    EARTH = (5.9, 6.3)

    def __init__(self, mass, radius):
        self.mass, self.radius = mass, radius


class Pair(typing.NamedTuple):
    x: int
    y: list = []

    def total(self):
        return self.x + len(self.y)


Row = collections.namedtuple('Row', 'a b', defaults=(5,))


class Shape(abc.ABC):
    @property
    @abc.abstractmethod
    def area(self):
        ...


class Square(Shape):
    area = 4


@typing.runtime_checkable
class Closes(typing.Protocol):
    def close(self) -> None:
        ...


T = typing.TypeVar('T', bound=int)


class Box(typing.Generic[T]):
    def __init__(self, x: T):
        self.x = x


class Crate[U, *Us, **P]:
    def __init__(self, x: U):
        self.x = x


def first[V](x: list[V]) -> V:
    return x[0]


class ListOf(list):
    def first(self):
        return self[0]


class DictOf(dict):
    def __missing__(self, key):
        return 'missing ' + key


class TextOf(str):
    pass


class IntOf(int):
    def twice(self):
        return self * 2


class TupleOf(tuple):
    def __new__(cls, *parts):
        return super().__new__(cls, parts)


class SetOf(set):
    pass


class Trouble(Exception):
    def __init__(self, code, *, hint):
        super().__init__('code %d' % code)
        self.code, self.hint = code, hint


class Typed(typing.TypedDict, total=False):
    a: int


def with_attributes(x, **attributes):
    x.__dict__.update(attributes)
    return x


def closure_over(value):
    def get():
        return value
    return get


def counting():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    return up


def annotated(a: int, b: 'str' = 'x', *args: float, c: list[int] = [1], **rest) -> dict[str, int]:
    """Is annotated."""
    return a, b, c


annotated.tag = ['t']


def wrapped(f):
    @functools.wraps(f)
    def wrapper(*args, **keywords):
        return f(*args, **keywords)
    return wrapper


wrapping = wrapped(annotated)


def advanced(iterator, steps):
    for _ in range(steps):
        next(iterator)
    return iterator


def random_ahead():
    r = random.Random(3)
    r.random()
    return r


def slotted(**values):
    s = SlottedWithDict()
    for name, value in values.items():
        setattr(s, name, value)
    return s


def described():
    d = Described()
    d.field = 4
    return d


now = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc)

DATA = [0, -1, 10**3, -2**63, 2**64, -10**50, 0.0, 1.5, float('inf'), 5e-324, 1 + 2j, True, None, '', 'text', 'é π 日本 😀',
        'a\ud800b', '\udfff', b'', b'bytes', b'x' * 5000, bytearray(), bytearray(b'abc'), [], [1, [2]], (), (1, (2,)), {},
        {'z': 1, 'a': [2], 5: None}, set(), {1, 'a'}, frozenset(), frozenset({(1, 2)}), range(3), range(9, -1, -3),
        slice(None), slice(1, 'x', [2]), ..., NotImplemented]

LIBRARY = [
    now, now.date(), now.time(), now.timetz(), datetime.timedelta(1, 2, 3), datetime.timezone(datetime.timedelta(hours=2), 'CEST'),
    decimal.Decimal('1.10'), decimal.Decimal('1E+7'), fractions.Fraction(-22, 7),
    uuid.UUID(int=5), pathlib.PurePosixPath('/a/b'), pathlib.Path('x'), pathlib.PureWindowsPath('c:/x'),
    collections.deque([1, [2]], 5), collections.OrderedDict([('b', 1), ('a', [2])]), collections.defaultdict(list, {'a': [1]}),
    collections.Counter('abracadabra'), collections.ChainMap({'a': 1}, {'b': 2}), collections.UserDict(a=1),
    collections.UserList([1, 2]), collections.UserString('us'), re.compile(r'(\d+)-(?P<x>\w)', re.I), re.compile(b'x+'),
    array.array('d', [1.5]), array.array('i', range(5000)), array.array('w', 'text'), types.SimpleNamespace(a=1, b=[2]),
    list[int], dict[str, int | None], int | str, typing.Optional[int], typing.Any, typing.Callable[[int], str],
    typing.Literal['a', 1], typing.Union[int, str], typing.List[int], typing.Annotated[int, 'note'],
    types.MappingProxyType({'a': 1}), inspect.signature(annotated),
]

CASES = {
    # functions
    'function': (annotated, lambda f: f(1) == (1, 'x', [1]) and f.__doc__ == 'Is annotated.' and f.tag == ['t']
                 and f.__annotations__ == annotated.__annotations__ and f.__name__ == f.__qualname__ == 'annotated'),
    'lambda': (lambda x, *, y=2: x * y, lambda f: f(4) == 8 and f.__name__ == '<lambda>'),
    'closure': (closure_over([1]), lambda f: f() == [1]),
    'counting closure': (counting(), lambda f: (f(), f()) == (1, 2)),
    'recursive closure': (closure_over(closure_over(1)), lambda f: f()() == 1),
    'wraps': (wrapping, lambda f: f(2) == (2, 'x', [1]) and f.__wrapped__(3)[0] == 3 and f.__doc__ == 'Is annotated.'),
    'type parameters of a function': (first, lambda f: f([4]) == 4 and f.__type_params__[0].__name__ == 'V'
                                      and f.__annotations__['return'] is f.__type_params__[0]),
    'generator function': ((lambda: (yield 5)), lambda f: list(f()) == [5]),
    'code': (annotated.__code__, lambda c: c.co_name == 'annotated' and c == annotated.__code__),
    'bound method': (Plain(1).__init__, lambda m: (m(2), m.__self__.parts)[1] == (2,)),
    'bound method of data': ([3, 1].sort, lambda m: (m(), m.__self__)[1] == [1, 3]),
    'class method': (dict.fromkeys, lambda m: m('a') == {'a': None}),
    'method of a built-in': (str.upper, lambda m: m('a') == 'A'),
    'slot wrapper': (int.__add__, lambda m: m(1, 2) == 3),
    'method wrapper': ((5).__add__, lambda m: m(1) == 6),
    'built-in': (len, lambda f: f is len),
    'staticmethod object': (staticmethod(annotated), lambda s: s.__func__(1)[0] == 1),
    'classmethod object': (classmethod(annotated), lambda s: s.__func__(1)[0] == 1),
    'property object': (property(lambda self: 5, doc='d'), lambda p: p.fget(0) == 5 and p.__doc__ == 'd'),
    'partial': (functools.partial(annotated, 1, c=5), lambda p: p() == (1, 'x', 5) and p.args == (1,)),
    'partial with attributes': (with_attributes(functools.partial(len), note=[1]), lambda p: p('ab') == 2 and p.note == [1]),
    'partialmethod': (functools.partialmethod(annotated, 1), lambda p: p.args == (1,)),
    'lru_cache': (functools.lru_cache(maxsize=3)(annotated), lambda f: f(1)[0] == 1 and f.cache_info().maxsize == 3),
    'cached_property': (functools.cached_property(len), lambda p: p.func is len),
    'itemgetter': (operator.itemgetter(1, 0), lambda f: f('ab') == ('b', 'a')),
    'attrgetter': (operator.attrgetter('real', 'imag'), lambda f: f(5) == (5, 0)),
    'methodcaller': (operator.methodcaller('replace', 'a', 'b'), lambda f: f('aa') == 'bb'),
    'cmp_to_key': (functools.cmp_to_key(annotated), None),
    # classes and instances
    'class': (Plain, lambda c: c(1, 2).parts == (1, 2)),
    'instance': (Plain(1), lambda p: p.parts == (1,)),
    'slots': (slotted(a=1, c=[2], d=3), lambda s: (s.a, s.c, s.d) == (1, [2], 3) and not hasattr(s, 'b') and s.__dict__ == {'d': 3}),
    'class cell': (Right(), lambda r: r.left().__thisclass__ is type(r)),
    'nested classes': (Outer.Inner.Innermost(), lambda x: x.outer and type(x).__qualname__ == 'Outer.Inner.Innermost'),
    'nested class with cell': (Outer.Inner(), lambda x: x.who() is type(x)),
    'mutually recursive classes': (Left(), lambda x: type(x.right()).__mro__[1] is type(x) and type(x.right().right()) is type(x.right())),
    'metaclass': (Made, lambda c: len(c) == 7 and c.keywords == {'key': 3} and type(c).__name__ == 'Meta'),
    'metaclass instance': (Made(), lambda x: len(type(x)) == 7),
    'descriptor': (described(), lambda d: d.field == 8 and d._field == 8 and type(d).field.name == '_field'),
    'dataclass': (Data(1, [2], d='y'), lambda d: (d.a, d.b, d.d, d.e) == (1, [2], 'y', 2) and d == type(d)(1, [2], d='z')
                  and [f.name for f in dataclasses.fields(d)] == ['a', 'b', 'd'] and dataclasses.replace(d, a=5).e == 10),
    'dataclass with slots': (Fixed(3), lambda d: d == type(d)(3) and hash(d) == hash(type(d)(3)) and d > type(d)(2)),
    'enum': (Color, lambda c: c.RED.value == 1 and c('b') is c.BLUE and c.RED.shout == 'RED!' and list(c) == [c.RED, c.BLUE]),
    'enum member': (Color.BLUE, lambda m: m is type(m).BLUE and m.value == 'b'),
    'enum members': ([Color.RED, Color.RED], lambda m: m[0] is m[1]),
    'int enum': (Number.ONE, lambda m: m + 1 == 2 and m is type(m).ONE),
    'str enum': (Word.HI, lambda m: m + '!' == 'hi!' and m is type(m).HI),
    'flag': (Bits.A | Bits.B, lambda m: m == 3 and type(m).A in m),
    'enum with init': (Planet.EARTH, lambda m: m.radius == 6.3 and m is type(m).EARTH),
    'enum from a call': (enum.Enum('Made', 'A B'), lambda c: c.A.value == 1 and [m.name for m in c] == ['A', 'B']),
    'NamedTuple': (Pair(1, [2]), lambda p: p.total() == 2 and p == (1, [2]) and p._replace(x=5).x == 5),
    'namedtuple': (Row(1), lambda r: r == (1, 5) and r._fields == ('a', 'b') and type(r)._make([3, 4]).b == 4),
    'ABC': (Square(), lambda s: s.area == 4 and type(s).__mro__[1].__abstractmethods__ == {'area'}),
    'protocol': (Closes, lambda c: isinstance(io.StringIO(), c) and not isinstance(5, c)),
    'generic': (Box(5), lambda b: b.x == 5 and type(b)[int](3).x == 3 and type(b).__parameters__[0].__name__ == 'T'),
    'generic alias of it': (Box[bool], lambda b: b(True).x is True and b.__args__ == (bool,)),
    'type parameters of a class': (Crate(5), lambda c: [p.__name__ for p in type(c).__type_params__] == ['U', 'Us', 'P']
                                   and type(c)[int, str, []](3).x == 3),
    'typed dict': (Typed, lambda t: t(a=1) == {'a': 1} and t.__total__ is False and t.__annotations__ == {'a': int}),
    'TypeVar': (T, lambda t: t.__name__ == 'T' and t.__bound__ is int),
    'NewType': (typing.NewType('UserId', int), lambda t: t(5) == 5 and t.__name__ == 'UserId'),
    'subclass of list': (with_attributes(ListOf([1, [2]]), note='n'), lambda x: x == [1, [2]] and x.first() == 1 and x.note == 'n'),
    'subclass of dict': (with_attributes(DictOf(a=1), note='n'), lambda x: x == {'a': 1} and x['b'] == 'missing b' and x.note == 'n'),
    'subclass of str': (with_attributes(TextOf('abc'), note='n'), lambda x: x == 'abc' and x.note == 'n'),
    'subclass of int': (with_attributes(IntOf(5), note='n'), lambda x: x == 5 and x.twice() == 10 and x.note == 'n'),
    'subclass of tuple': (with_attributes(TupleOf(1, [2]), note='n'), lambda x: x == (1, [2]) and x.note == 'n'),
    'subclass of set': (with_attributes(SetOf({1, 2}), note='n'), lambda x: x == {1, 2} and x.note == 'n'),
    'subclass of Exception': (Trouble(5, hint='h'), lambda e: str(e) == 'code 5' and (e.code, e.hint) == (5, 'h')),
    'object': (object(), lambda o: type(o) is object),
    'class with generic base': (type('Sub', (Box,), {}), lambda c: c(3).x == 3),
    'super object': (super(Right, Right()), lambda s: s.__thisclass__.__name__ == 'Right' and s.right().__class__.__name__ == 'Right'),
    # exceptions
    'exception': (raised(), lambda e: type(e) is ValueError and e.args == ('outer', 5) and type(e.__cause__) is KeyError
                  and e.__cause__ is e.__context__ and e.__suppress_context__ and e.__cause__.__notes__ == ['a note']
                  and 'in raised' in e.__remote_traceback__ and e.__traceback__ is None),
    'OSError': (OSError(2, 'no such', 'f'), lambda e: type(e) is FileNotFoundError and (e.errno, e.filename) == (2, 'f')),
    'UnicodeDecodeError': (UnicodeDecodeError('utf8', b'ab', 0, 1, 'why'), lambda e: (e.start, e.reason) == (0, 'why')),
    'exception group': (ExceptionGroup('m', [ValueError(1)]), lambda e: e.exceptions[0].args == (1,)),
    'SyntaxError': (SyntaxError('m', ('f', 1, 2, 'text')), lambda e: (e.filename, e.lineno, e.text) == ('f', 1, 'text')),
    # the library
    'Random': (random_ahead(), lambda r: [r.random(), r.gauss(0, 1)] == (lambda x: [x.random(), x.gauss(0, 1)])(random_ahead())),
    'StringIO': (advanced(io.StringIO('a\nb'), 1), lambda f: f.read() == 'b'),
    'BytesIO': (io.BytesIO(b'abc'), lambda f: f.read() == b'abc'),
    'string.Template': (string.Template('$x'), lambda t: t.substitute(x=1) == '1'),
    'decimal context': (decimal.Context(prec=5), lambda c: c.prec == 5),
    'decimal nan': (decimal.Decimal('NaN'), lambda d: d.is_nan()),
    'zone': (zoneinfo.ZoneInfo('UTC') if 'UTC' in zoneinfo.available_timezones() else None, lambda z: z is None or z.key == 'UTC'),
    'memoryview': (memoryview(b'abcd'), lambda m: m == b'abcd' and m.readonly),
    'memoryview of a part': (memoryview(bytearray(range(10)))[2:8:2], lambda m: m.tolist() == [2, 4, 6]),
    'memoryview of ints': (memoryview(array.array('i', [1, 2])), lambda m: m.format == 'i' and m.tolist() == [1, 2]),
    'module': (re, lambda m: m is re),
    'namespace with itself': (with_attributes(types.SimpleNamespace(), a=1), lambda n: n.a == 1),
    'copied counter': (copy.copy(collections.Counter('aab')), lambda c: c.most_common(1) == [('a', 2)]),
    # iterators
    'list iterator': (advanced(iter([1, 2, 3]), 1), lambda i: list(i) == [2, 3]),
    'spent list iterator': (advanced(iter([1]), 1), lambda i: list(i) == []),
    'tuple iterator': (advanced(iter((1, 2, 3)), 1), lambda i: list(i) == [2, 3]),
    'str iterator': (advanced(iter('abc'), 1), lambda i: list(i) == ['b', 'c']),
    'bytes iterator': (advanced(iter(b'abc'), 1), lambda i: list(i) == [98, 99]),
    'range iterator': (advanced(iter(range(4)), 1), lambda i: list(i) == [1, 2, 3]),
    'dict iterator': (iter({'a': 1, 'b': 2}), lambda i: list(i) == ['a', 'b']),
    'items iterator': (iter({'a': 1}.items()), lambda i: list(i) == [('a', 1)]),
    'set iterator': (iter({1}), lambda i: list(i) == [1]),
    'reversed': (advanced(reversed([1, 2, 3]), 1), lambda i: list(i) == [2, 1]),
    'enumerate': (advanced(enumerate('abc'), 1), lambda i: list(i) == [(1, 'b'), (2, 'c')]),
    'zip': (zip([1, 2], 'ab'), lambda i: list(i) == [(1, 'a'), (2, 'b')]),
    'map': (map(str, [1, 2]), lambda i: list(i) == ['1', '2']),
    'filter': (filter(None, [0, 1]), lambda i: list(i) == [1]),
    'callable iterator': (iter(closure_over(1), 1), lambda i: list(i) == []),
}


def test_data():
    for value in DATA:
        there = carry(value)
        assert type(there) is type(value) and (there is value or there == value), value
        (there,) = carry_away([value])
        assert type(there) is type(value) and (there is value or there == value), value


def test_library():
    for value in LIBRARY:
        there = carry(value)
        assert type(there) is type(value) and there == value, (value, there)


def test_cases():
    failed = []
    for name, (value, holds) in CASES.items():
        for way in (carry, carry_away, carry_in_a_namespace):
            try:
                assert holds is None or holds(way(value)), 'what arrived is something else'
            except Exception as e:
                failed.append(f'{name} ({way.__name__}): {type(e).__name__}: {e}')
    assert not failed, '\n' + '\n'.join(failed)


def carry_in_a_namespace(value):
    return carry_names({'x': value})['x']


def test_counted_here_and_there():
    # A value that is looked at once must not be used up by the other ways.
    up = counting()
    assert carry(up)() == 1 and up() == 1 and carry(up)() == 2


def test_sharing_between_functions():
    def make():
        n, box = 0, []
        def up():
            nonlocal n
            n += 1
            box.append(n)
            return n
        def look(kept=box):
            return n, kept, box
        return up, look
    up, look = make()
    for there in (carry((up, look)), tuple(carry_names({'up': up, 'look': look}).values())):
        there[0](), there[0]()
        n, kept, box = there[1]()
        assert n == 2 and kept is box == [1, 2]
    assert look() == (0, [], [])


def test_weak_references():
    p = Plain(1)
    value = [p, weakref.ref(p), weakref.WeakValueDictionary({'p': p}), weakref.WeakKeyDictionary({p: 2}), weakref.WeakSet([p])]
    there = carry(value)
    assert there[1]() is there[0] and there[2]['p'] is there[0] and there[3][there[0]] == 2 and there[0] in there[4]
    there = carry([weakref.ref(p), p])
    assert there[0]() is there[1]
    q = Plain()
    q.me = weakref.ref(q)
    there = carry(q)
    assert there.me() is there
    r = weakref.ref(p)
    a, b, c = carry([r, r, p])
    assert a is b
    dead = weakref.ref(Plain())
    assert carry(dead)() is None
    names = carry_names({'w': weakref.ref(p), 'p': p})
    assert names['w']() is names['p']
    names = carry_names({'p': p, 'w': weakref.ref(p)})
    assert names['w']() is names['p']
    assert 'a weak reference' in refusal(weakref.ref(p)) and 'a weak reference' in refusal([1, {'w': weakref.ref(p)}])
    assert refusal([1, {'w': weakref.ref(p)}]).startswith("args[1]['w']: a weak reference to something that isn't carried"), refusal([1, {'w': weakref.ref(p)}])
    there, left = partial([weakref.ref(p), 5])
    assert there == [5] and left[0][0] == 'args[0]', left


def test_refused():
    import socket, ctypes, mmap, subprocess, asyncio
    def generator():
        yield
    async def coroutine():
        pass
    running = coroutine()
    with open('/dev/null') as f, socket.socket() as s:
        for value, word in ((f, 'an open file'), (s, 'an open socket'), (threading.Lock(), 'a lock'), (threading.RLock(), 'a lock'),
                            (threading.Thread(), 'a thread'), (generator(), 'a running generator'),
                            (running, 'a running coroutine'), (ctypes.pointer(ctypes.c_int(1)), 'a ctypes object'),
                            (ctypes.c_void_p(5), 'a ctypes object'), (sys._getframe(), 'a stack frame'),
                            (threading.Condition(), None), (threading.Event(), None), (threading.Semaphore(), None)):
            text = refusal({'k': [value]})
            assert text.startswith("args['k'][0]") and text.endswith(STAYS), text
            assert word is None or text == f"args['k'][0]: {word} {STAYS}", text
    running.close()


def test_views_of_dicts():
    import collections
    for dict_class in (dict, collections.OrderedDict, collections.Counter):
        made = dict_class({'a': 1, 'b': 2})
        keys, values, items, back = carry((made.keys(), made.values(), made.items(), made))
        assert type(back) is dict_class and type(keys) is type(made.keys())
        back['c'] = 3
        assert list(keys) == ['a', 'b', 'c'] and list(values) == [1, 2, 3] and ('c', 3) in items
    view = {'k': (1, [2])}.values()
    assert list(carry(view)) == [(1, [2])]


def test_modules_made_by_hand():
    import types
    module = types.ModuleType('made', 'Documented.')
    exec("""
import json
count = 1
def increase():
    global count
    count += 1
    return count
class Shape:
    def area(self): return helper()
def helper(): return json.loads('[9]')[0]
""", module.__dict__)
    module.self = module
    module.shape = module.Shape()
    back, increase = carry_away([module, module.increase])
    assert isinstance(back, types.ModuleType) and back.__name__ == 'made' and back.__doc__ == 'Documented.'
    assert back.self is back and back is not module and increase is back.increase
    assert back.increase() == 2 and back.count == 2 and module.count == 1
    assert back.Shape().area() == 9 and type(back.shape) is back.Shape
    assert back.increase.__globals__ is back.__dict__ and back.json is __import__('json')
    assert back.__spec__ is None


def test_modules_made_by_hand_behind_what_is_in_them():
    import itertools
    import types
    module = types.ModuleType('made', 'Documented.')
    exec("""
count = 1
unused = [5]
def increase():
    global count
    count += 1
    return count
class Shape:
    def area(self): return increase()
""", module.__dict__)
    del module.__builtins__
    parts = [lambda it: it, lambda it: it.increase, lambda it: it.Shape, lambda it: it.__dict__]
    for order in itertools.permutations(range(4)):
        there = carry_away([parts[index](module) for index in order])
        back = there[order.index(0)]
        assert all(each is parts[index](back) for each, index in zip(there, order)), order
        assert back.increase.__globals__ is back.Shape.area.__globals__ is back.__dict__
        assert back.increase() == 2 and back.Shape().area() == 3 == back.count and module.count == 1
        assert back.unused == [5] and back.__doc__ == 'Documented.' and back.increase.__module__ == 'made'
        assert dir(back) == dir(module)


def test_modules_made_by_hand_that_others_can_import_here_only():
    import sys
    import types
    module = sys.modules['made_here'] = types.ModuleType('made_here')
    try:
        exec('def f(): return 1', module.__dict__)
        back, f = carry([module, module.f])
        assert back is module and f is module.f
        data = [dumps(module), dumps([module.f])]
    finally:
        del sys.modules['made_here']
    for each in data:
        try:
            loads(each)
        except SnapshotError as error:
            assert 'module made_here' in str(error) and "register_by_value(\"made_here\")" in str(error), error
        else:
            raise AssertionError('there was no such module')


def test_iterators_and_scanners_of_the_library():
    import collections
    import re
    class Queue(collections.deque):
        pass
    queue = Queue([1, 2, 3])
    iterator = reversed(queue)
    assert next(iterator) == 3
    spent = reversed(collections.deque())
    back, there, rest = carry_away([iterator, queue, spent])
    there[0] = 'first'
    assert list(back) == [2, 'first'] and list(rest) == [] and list(iterator) == [2, 1]
    scanner = re.Scanner([(r'[a-z]+', lambda scanner, text: text.upper()), (r'\d+', None), (r'\s+', None)], re.I)
    there = carry_away(scanner)
    assert there.scan('ab 1 CD!') == scanner.scan('ab 1 CD!') == (['AB', 'CD'], '!')
    assert 're.Scanner' in refusal([scanner.scanner])
    assert carry(re.compile('a+', re.I)).pattern == 'a+'
    assert 'SRE_Scanner' in refusal(re.compile('a').scanner('a'))


def test_submodules_that_code_reaches():
    import sys
    import xml.etree.ElementTree
    def make():
        import xml
        def parse(): return xml.etree.ElementTree.fromstring('<a/>').tag
        return parse
    data = dumps(make())
    taken = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split('.')[0] == 'xml'}
    try:
        assert loads(data)() == 'a'
    finally:
        sys.modules.update(taken)
    # Only those that it names.
    import xml.sax
    assert b'xml.sax' not in data and b'xml.etree.ElementTree' in data


type Json = dict[str, Json] | list[Json] | str
type Row = tuple[int, str]
type Listed[T] = list[T]


def test_aliases_that_stand_for_themselves():
    receiver['Json'] = there = carry_away(Json)
    assert there.__name__ == 'Json' and there.__module__ == '__main__'
    assert there.__value__ == dict[str, there] | list[there] | str
    again, pair = carry((Json, [Json]))
    assert pair[0] is again
    assert carry(Row).__value__ == tuple[int, str]
    # What has come home is sent on; it doesn't grow on its way.
    once = dumps(carry_away(Row))
    assert loads(once).__value__ == tuple[int, str] and len(dumps(loads(once))) == len(once)
    generic = carry(Listed)
    assert generic.__value__ == list[generic.__type_params__[0]]


type Tree[Leaf] = dict[str, Tree[Leaf]] | Leaf
type Odd[T] = list[Even[T]] | T
type Even[T] = list[Odd[T]]
type Unready[T] = list[NotYet[T]]


def test_generic_aliases_that_stand_for_themselves():
    receiver['Tree'] = there = carry_away(Tree)
    (leaf,) = there.__type_params__
    assert there.__name__ == 'Tree' and there.__module__ == '__main__' and leaf.__name__ == 'Leaf'
    assert there.__value__ == dict[str, there[leaf]] | leaf and there[int].__args__ == (int,)
    again, pair, same_leaf = carry((Tree, [Tree[int]], Tree.__type_params__[0]))
    assert pair[0].__origin__ is again and again.__type_params__[0] is same_leaf
    receiver['Odd'], receiver['Even'] = odd, even = carry_away((Odd, Even))
    assert odd.__value__.__args__[0].__args__[0].__origin__ is even
    def inner():
        type Local[T] = list[Local[T]] | T
        return Local
    local = carry_away(inner())
    assert local.__value__.__args__[0].__args__[0].__origin__ is local
    receiver['NotYet'] = Listed
    assert carry_away(Unready).__value__.__args__[0].__origin__ is Listed
    del receiver['Tree'], receiver['Odd'], receiver['Even'], receiver['NotYet']
    once = dumps(carry_away(Tree))
    assert len(dumps(loads(once))) == len(once)
