"""What the golden files hold: how each was made, and what must hold of it for ever.

A case that is here stays as it is, as its files do. What the format gains gets a case of its own.
"""
import array
import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import functools
import math
import random
import weakref


class Point:
    kind = 'point'

    def __init__(self, x, y=0):
        self.x, self.y = x, y

    def moved(self, by):
        return type(self)(self.x + by, self.y)


class Named(Point):
    def moved(self, by):
        return super().moved(by * 2)


class Slotted:
    __slots__ = ('a', 'b')


class Color(enum.Enum):
    RED = 1
    BLUE = 'b'


@dataclasses.dataclass
class Item:
    name: str
    tags: list = dataclasses.field(default_factory=list)


class Stack(list):
    pass


def scaled(x, factor=3, *, shift=1):
    """Scales."""
    return x * factor + shift


def counter():
    n = 0
    def up(by=1):
        nonlocal n
        n += by
        return n
    def get():
        return n
    return up, get


def make_data():
    return {
        'numbers': [0, -1, 256, 257, -2**63, 2**64, -10**50, 0.0, -0.0, 1.5, float('inf'), 1 + 2j],
        'texts': ['', 'a', 'text', 'é π 日本 😀', 'a\ud800b'], 'bytes': [b'', b'bytes', bytearray(b'abc'), memoryview(b'view')],
        'constants': [None, True, False, ..., NotImplemented, (), range(1, 9, 2), slice(1, None, 'x')],
        'containers': {'l': [1, [2]], 't': (1, (2, [3])), 'd': {'z': 1, (1, 2): None}, 's': {1, 'a'}, 'f': frozenset({(1, 2)})},
    }


def check_data(ns):
    assert ns['numbers'] == [0, -1, 256, 257, -2**63, 2**64, -10**50, 0.0, -0.0, 1.5, float('inf'), 1 + 2j]
    assert math.copysign(1, ns['numbers'][8]) == -1
    assert ns['texts'] == ['', 'a', 'text', 'é π 日本 😀', 'a\ud800b'] and ns['bytes'] == [b'', b'bytes', bytearray(b'abc'), b'view']
    assert ns['constants'] == [None, True, False, ..., NotImplemented, (), range(1, 9, 2), slice(1, None, 'x')]
    assert ns['containers'] == {'l': [1, [2]], 't': (1, (2, [3])), 'd': {'z': 1, (1, 2): None}, 's': {1, 'a'},
                                'f': frozenset({(1, 2)})}


def make_runs():
    floats = [i / 2 for i in range(100)]
    return {
        'i8': list(range(-50, 50)), 'i16': list(range(1000)), 'i32': [10**6 + i for i in range(100)],
        'i64': tuple(2**40 + i for i in range(100)), 'wide': [2**70 + i for i in range(20)], 'floats': floats,
        'one': floats[7], 'some': floats[20:60], 'texts': ['text %d' % i for i in range(100)], 'mixed': [1, 'a', 2.5] * 10,
        'patched': [1.25, floats[3]] + [i / 4 for i in range(60)],
        'large': b'x' * 10_000, 'map': {'k%d' % i: [i, str(i)] for i in range(100)},
    }


def check_runs(ns):
    floats = [i / 2 for i in range(100)]
    assert ns['i8'] == list(range(-50, 50)) and ns['i16'] == list(range(1000)) and ns['i32'] == [10**6 + i for i in range(100)]
    assert ns['i64'] == tuple(2**40 + i for i in range(100)) and ns['wide'] == [2**70 + i for i in range(20)]
    assert ns['floats'] == floats and ns['one'] is ns['floats'][7] and ns['some'][3] is ns['floats'][23] and ns['some'] == floats[20:60]
    assert ns['patched'] == [1.25, 1.5] + [i / 4 for i in range(60)] and ns['patched'][1] is ns['floats'][3]
    assert ns['texts'] == ['text %d' % i for i in range(100)] and ns['mixed'] == [1, 'a', 2.5] * 10
    assert ns['large'] == b'x' * 10_000 and ns['map'] == {'k%d' % i: [i, str(i)] for i in range(100)}


def make_graph():
    shared, loop, p = [1], [], Point(1)
    loop.append({'loop': (loop, shared)})
    p.me, p.dict = p, p.__dict__
    q = Point(2)
    q.friends = {q: 'me'}
    return {'shared': shared, 'loop': loop, 'p': p, 'again': [shared, p], 'weak': weakref.ref(p), 'q': q}


def check_graph(ns):
    loop, p, q = ns['loop'], ns['p'], ns['q']
    assert loop[0]['loop'][0] is loop and loop[0]['loop'][1] is ns['shared'] is ns['again'][0] and ns['shared'] == [1]
    assert p.me is p and p.dict is p.__dict__ and ns['again'][1] is p and ns['weak']() is p and q.friends[q] == 'me'


def make_functions():
    up, get = counter()
    up(5)
    return {'scaled': scaled, 'up': up, 'get': get, 'partial': functools.partial(scaled, factor=2), 'lambda': lambda x: x + 1,
            'builtin': len, 'method': [3, 1].sort, 'recursive': make_functions}


def check_functions(ns):
    assert ns['scaled'](2) == 7 and ns['scaled'](1, 1, shift=0) == 1 and ns['scaled'].__doc__ == 'Scales.'
    assert ns['get']() == 5 and ns['up'](2) == 7 and ns['get']() == 7 and ns['partial'](5) == 11 and ns['lambda'](1) == 2
    assert ns['builtin'] is len and ns['partial'].func is ns['scaled']
    ns['method']()
    assert ns['method'].__self__ == [1, 3] and ns['recursive'].__name__ == 'make_functions'


def make_classes():
    s = Slotted()
    s.a = 1
    return {'Point': Point, 'Named': Named, 'p': Point(1, [2]), 'n': Named(5), 's': s, 'Color': Color, 'red': Color.RED,
            'item': Item('a', [1]), 'stack': Stack([1, [2]])}


def check_classes(ns):
    Point, Named, Color = ns['Point'], ns['Named'], ns['Color']
    assert type(ns['p']) is Point and (ns['p'].x, ns['p'].y) == (1, [2]) and ns['p'].moved(1).x == 2 and Point.kind == 'point'
    assert Named.__mro__[1] is Point and ns['n'].moved(1).x == 7 and ns['s'].a == 1 and not hasattr(ns['s'], 'b')
    assert ns['red'] is Color.RED and Color('b') is Color.BLUE and repr(ns['item']) == "Item(name='a', tags=[1])"
    assert ns['item'] == type(ns['item'])('a', [1]) and ns['stack'] == [1, [2]] and type(ns['stack']).__name__ == 'Stack'


def make_library():
    r = random.Random(5)
    error = ValueError('bad', 1)
    error.add_note('a note')
    error.__cause__ = KeyError('k')
    return {'date': datetime.datetime(2024, 2, 29, 12), 'decimal': decimal.Decimal('1.10'), 'random': r, 'error': error,
            'deque': collections.deque([1, 2], 5), 'counter': collections.Counter('aab'), 'array': array.array('i', [1, 2]),
            'ordered': collections.OrderedDict(b=1, a=2), 'module': math, 'iterator': iter([1, 2])}


def check_library(ns):
    assert ns['date'] == datetime.datetime(2024, 2, 29, 12) and ns['decimal'] == decimal.Decimal('1.10')
    assert ns['random'].random() == random.Random(5).random() and ns['deque'] == collections.deque([1, 2], 5)
    assert ns['error'].args == ('bad', 1) and ns['error'].__notes__ == ['a note'] and type(ns['error'].__cause__) is KeyError
    assert ns['counter'] == {'a': 2, 'b': 1} and ns['array'] == array.array('i', [1, 2]) and list(ns['ordered']) == ['b', 'a']
    assert ns['module'] is math and list(ns['iterator']) == [1, 2]


def make_registered():
    class Row:
        def __len__(self):
            return 2
    collections.abc.Sequence.register(Row)
    return {'Row': Row, 'row': Row()}


def check_registered(ns):
    assert isinstance(ns['row'], collections.abc.Sequence) and issubclass(ns['Row'], collections.abc.Reversible)
    assert not isinstance(ns['row'], collections.abc.Mapping)


class Failed(OSError):
    def __init__(self, path, *, code):
        super().__init__(code, 'failed')
        self.filename, self.details = path, {'path': path}

    def __hash__(self):
        return hash(self.details['path'])


def make_errors():
    failed = Failed('f', code=5)
    failed.all = {failed: [failed]}
    missing = ImportError('m', name='n')
    missing.note = missing
    try:
        raise ExceptionGroup('g', [failed, UnicodeDecodeError('utf-8', b'ab', 0, 1, 'r')]) from missing
    except ExceptionGroup as caught:
        return {'failed': failed, 'missing': missing, 'group': caught}


def check_errors(ns):
    failed, missing, group = ns['failed'], ns['missing'], ns['group']
    assert (failed.errno, failed.filename, failed.args, failed.details) == (5, 'f', (5, 'failed'), {'path': 'f'})
    assert failed.all[failed] == [failed] and group.exceptions[0] is failed and group.exceptions[1].object == b'ab'
    assert group.__cause__ is missing and missing.note is missing and (missing.msg, missing.name) == ('m', 'n')
    assert 'ExceptionGroup' in group.__remote_traceback__
