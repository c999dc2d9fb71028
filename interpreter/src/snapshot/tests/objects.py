"""Instances, what __reduce_ex__ describes, and exceptions."""
import array
import collections
import copyreg
import datetime
import decimal
import fractions
import functools
import io
import itertools
import operator
import pathlib
import random
import re
import string
import types
import typing
import uuid
import weakref


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return type(other) is type(self) and (self.x, self.y) == (other.x, other.y)

    def __hash__(self):
        return hash((self.x, self.y))


class Slotted:
    __slots__ = ('a', 'b')


class SlottedAndDict(Slotted):
    pass


class Stateful:
    def __init__(self):
        self.log = []

    def __getstate__(self):
        return {'carried': True, 'log': self.log}

    def __setstate__(self, state):
        self.seen = sorted(state)
        self.__dict__.update(state)


class NewArgs:
    def __new__(cls, a, *, b):
        self = super().__new__(cls)
        self.made = (a, b)
        return self

    def __getnewargs_ex__(self):
        return (self.made[0],), {'b': self.made[1]}


class Reducer:
    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return Reducer, self.args, {'extra': 1}


class Stack(list):
    def __init__(self, *a):
        super().__init__(*a)
        self.name = 'stack'


class Table(dict):
    pass


def same(value):
    there = carry(value)
    assert type(there) is type(value), (value, there)
    assert there == value, (value, there)
    return there


def test_library_types():
    now = datetime.datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=datetime.timezone.utc)
    for value in (datetime.date(2024, 1, 2), now, now.time(), datetime.timedelta(days=1, microseconds=5),
                  datetime.timezone(datetime.timedelta(hours=2), 'CEST'),
                  decimal.Decimal('1.10'), decimal.Decimal('-Infinity'), fractions.Fraction(22, 7),
                  uuid.UUID(int=5), pathlib.PurePosixPath('/a/b'), pathlib.Path('x/y'),
                  collections.OrderedDict([('b', 1), ('a', 2)]), collections.Counter('abracadabra'),
                  collections.deque([1, 2, 3], maxlen=5), array.array('d', [1.5, 2.5]), array.array('i', range(5000)),
                  types.SimpleNamespace(a=1, b=[2]), complex(1, 2), list[int], dict[str, int | None], int | str,
                  typing.Optional[int], typing.List[int], collections.ChainMap({'a': 1}, {'b': 2}),
                  collections.UserDict(a=1), string.Template('$x')):
        if isinstance(value, string.Template):
            assert carry(value).substitute(x=1) == '1'
        else:
            same(value)


def test_decimal_nan_and_context():
    assert carry(decimal.Decimal('NaN')).is_nan()


def test_defaultdict():
    there = same(collections.defaultdict(list, {'a': [1]}))
    assert there['new'] == [] and there.default_factory is list
    there = carry(collections.defaultdict(lambda: 7))
    assert there['x'] == 7


def test_deque_cycle():
    d = collections.deque(maxlen=3)
    d.append(d)
    there = carry(d)
    assert there[0] is there and there.maxlen == 3


def test_ordered_dict_order():
    assert list(carry(collections.OrderedDict([('z', 1), ('a', 2), ('m', 3)]))) == ['z', 'a', 'm']


def test_pattern():
    there = carry(re.compile(r'(\d+)-(?P<x>\w)', re.I))
    assert there.match('12-a').groupdict() == {'x': 'a'} and there.flags & re.I


def test_random_state():
    r = random.Random(42)
    r.random()
    there = carry(r)
    assert [there.random() for _ in range(5)] == [r.random() for _ in range(5)]


def test_namedtuple():
    P = collections.namedtuple('P', 'x y', defaults=[5])
    there = carry(P(1))
    assert there == (1, 5) and there.x == 1 and type(there)._fields == ('x', 'y')
    assert there._replace(x=9) == (9, 5)


def test_iterators():
    assert list(carry(iter([1, 2, 3]))) == [1, 2, 3]
    it = iter([1, 2, 3, 4])
    next(it)
    assert list(carry(it)) == [2, 3, 4]
    assert list(carry(iter(range(3)))) == [0, 1, 2]
    assert list(carry(iter('ab'))) == ['a', 'b']
    assert list(carry(map(str, [1, 2]))) == ['1', '2']
    assert list(carry(zip([1], 'a'))) == [(1, 'a')]
    assert list(carry(enumerate('ab'))) == [(0, 'a'), (1, 'b')]
    assert list(carry(reversed([1, 2]))) == [2, 1]


def test_operators():
    assert carry(operator.itemgetter(1, 2))('abc') == ('b', 'c')
    assert carry(operator.attrgetter('a.b')) is not None
    assert carry(operator.methodcaller('upper'))('x') == 'X'


def test_instances():
    there = carry(Point(1, [2]))
    assert type(there) is Point and there.x == 1 and there.y == [2]
    p = Point(1, 2)
    a, b = carry([p, {'p': p}])
    assert a is b['p']
    p.me = p
    there = carry(p)
    assert there.me is there


def test_many_instances():
    there = carry([Point(i, str(i)) for i in range(2000)])
    assert there[1999].x == 1999 and there[5].y == '5'


def test_deep_instances():
    p = None
    for _ in range(50_000):
        p = types.SimpleNamespace(next=p)
    there, depth = carry(p), 0
    while there is not None:
        there, depth = there.next, depth + 1
    assert depth == 50_000
    p = None
    for _ in range(50_000):
        p = Point(p, 0)
    there, depth = carry(p), 0
    while there is not None:
        there, depth = there.x, depth + 1
    assert depth == 50_000


def test_hash_needs_state():
    p = Point(1, 2)
    for value in ({p: 'v'}, {p}, frozenset({p}), [p, {p: 1}], [{p: 1}, p], {'k': {p: p}}, (p, frozenset({(p, 1)})),
                  {(p, (p,)): 1}, collections.Counter([p, p]), collections.OrderedDict({p: 1})):
        there = carry(value)
        assert there == value, (value, there)
    there = carry({p: 1})
    assert there[Point(1, 2)] == 1
    assert Point(1, 2) in carry(frozenset({p}))


def test_hash_through_a_cycle():
    p = Point('name', 0)
    p.friends = {p: 'me'}
    there = carry(p)
    assert there.friends[there] == 'me' and there.friends[Point('name', 0)] == 'me'
    there = carry(p.friends)
    (key,) = there
    assert key.friends is there and there[Point('name', 0)] == 'me'
    q = Point('q', 0)
    q.group = frozenset({q})
    there = carry(q)
    assert there in there.group and Point('q', 0) in there.group


def test_slots():
    s = Slotted()
    s.a = [1]
    there = carry(s)
    assert there.a == [1] and not hasattr(there, 'b')
    s = SlottedAndDict()
    s.a, s.c = 1, 2
    there = carry(s)
    assert (there.a, there.c) == (1, 2)


def test_state_methods():
    there = carry(Stateful())
    assert there.carried and there.seen == ['carried', 'log']
    assert carry(NewArgs(1, b=[2])).made == (1, [2])
    there = carry(Reducer(1, 'two'))
    assert there.args == (1, 'two') and there.extra == 1


def test_state_is_complete_when_it_is_set():
    class Checks:
        def __setstate__(self, state):
            self.__dict__.update(state)
            assert self.deep == {'a': [1, {'b': [2]}]}, state
    c = Checks()
    c.deep = {'a': [1, {'b': [2]}]}
    assert carry([c])[0].deep == c.deep


def test_arguments_are_complete_when_they_are_used():
    class Checks:
        def __init__(self, parts):
            assert parts == [{'a': [1, 2]}, {3}], parts
            self.parts = parts
        def __reduce__(self):
            return type(self), (self.parts,)
    assert carry((Checks([{'a': [1, 2]}, {3}]),))[0].parts[1] == {3}


def test_container_subclasses():
    there = carry(Stack([1, [2]]))
    assert type(there) is Stack and there == [1, [2]] and there.name == 'stack'
    t = Table(a=1)
    t.me = t
    t['self'] = t
    there = carry(t)
    assert type(there) is Table and there.me is there and there['self'] is there
    class Text(str):
        pass
    x = Text('abc')
    x.note = 1
    there = carry(x)
    assert type(there) is Text and there == 'abc' and there.note == 1
    class Pair(tuple):
        pass
    assert carry(Pair((1, 2))) == (1, 2) and type(carry(Pair((1, 2)))) is Pair
    class Bag(set):
        pass
    assert carry(Bag({1, 2})) == {1, 2} and type(carry(Bag())) is Bag
    class Real(float):
        pass
    assert carry(Real(1.5)) == 1.5 and type(carry(Real(1.5))) is Real
    class Octets(bytes):
        pass
    assert carry(Octets(b'ab')) == b'ab' and type(carry(Octets(b'ab'))) is Octets


def test_copyreg():
    class Odd:
        def __init__(self, n):
            self.n = n
    copyreg.pickle(Odd, lambda o: (Odd, (o.n + 1,)))
    assert carry(Odd(1)).n == 2


def test_self_in_reduce_arguments():
    class Knot:
        def __init__(self, held):
            self.held = held
        def __reduce__(self):
            return Knot, (self.held,)
    knot = Knot([])
    knot.held.append(knot)
    there = carry({'k': knot})
    assert there['k'].held[0] is there['k']
    knot.held = knot
    try:
        carry({'k': knot})
    except SnapshotError as e:
        assert "args['k']" in str(e) and 'construct itself' in str(e), e
    else:
        assert False


def test_errors_of_reduce_go_through():
    class Bad:
        def __reduce__(self):
            raise RuntimeError('on purpose')
    try:
        carry([Bad()])
    except RuntimeError as e:
        assert str(e) == 'on purpose'
    else:
        assert False


def test_exceptions():
    for error in (ValueError('a', 1), KeyError('k'), OSError(2, 'no such', 'file'), StopIteration(5), SystemExit(3),
                  UnicodeDecodeError('utf8', b'abc', 1, 2, 'why'), ZeroDivisionError(), AssertionError([1]),
                  FileNotFoundError(2, 'x'), ImportError('m', name='n', path='p'), KeyboardInterrupt()):
        there = carry(error)
        assert type(there) is type(error) and there.args == error.args, (error, there)
        assert str(there) == str(error)
    there = carry(OSError(2, 'no such', 'file'))
    assert there.errno == 2 and there.filename == 'file'
    assert carry(StopIteration(5)).value == 5 and carry(SystemExit(3)).code == 3
    assert carry(ImportError('m', name='n', path='p')).name == 'n'
    there = carry(UnicodeDecodeError('utf8', b'abc', 1, 2, 'why'))
    assert (there.start, there.end, there.object) == (1, 2, b'abc')


def test_names_that_errors_are_about():
    try:
        undefined_name
    except NameError as failure:
        there = carry(failure)
    assert there.name == 'undefined_name' and there.args == ("name 'undefined_name' is not defined",)
    assert carry(UnboundLocalError('m', name='q')).name == 'q' and carry(NameError('m')).name is None
    assert carry(AttributeError('m', name='q')).name == 'q'


def test_exception_with_its_own_init():
    class Odd(Exception):
        def __init__(self, code, *, hint):
            super().__init__(f'code {code}')
            self.code, self.hint = code, hint
    there = carry(Odd(5, hint='h'))
    assert type(there) is Odd and str(there) == 'code 5' and (there.code, there.hint) == (5, 'h')


def test_exception_chain_notes_traceback():
    def fails():
        try:
            {}['missing']
        except KeyError as e:
            e.add_note('looked twice')
            raise ValueError('no good') from e
    try:
        fails()
    except ValueError as e:
        error = e
    there = carry(error)
    assert type(there.__cause__) is KeyError and there.__cause__ is there.__context__
    assert there.__suppress_context__ and there.__cause__.__notes__ == ['looked twice']
    assert 'in fails' in there.__remote_traceback__ and 'ValueError: no good' in there.__remote_traceback__
    assert there.__traceback__ is None
    try:
        raise there
    except ValueError:
        pass
    again = carry(carry(error))
    assert 'in fails' in again.__remote_traceback__


def test_exception_cycle_and_group():
    e = ValueError('x')
    e.self = e
    there = carry(e)
    assert there.self is there
    group = ExceptionGroup('several', [ValueError(1), KeyError(2)])
    there = carry(group)
    assert type(there) is ExceptionGroup and [type(x) for x in there.exceptions] == [ValueError, KeyError]
    assert there.message == 'several'


def test_generic_and_typing():
    T = typing.TypeVar('T')
    assert carry(list[int]) == list[int] and carry(typing.Any) is typing.Any
    assert carry(typing.Callable[[int], str]) == typing.Callable[[int], str]


def test_modules_inside_data():
    there = carry({'m': random, 'f': random.random})
    assert there['m'] is random and callable(there['f'])


def test_object_instance():
    o = object()
    a, b = carry([o, o])
    assert a is b and type(a) is object


def test_files_in_memory():
    f = io.StringIO('a\nb\nc')
    f.readline()
    there = carry(f)
    assert there.read() == 'b\nc' and f.tell() == 2 and there.getvalue() == 'a\nb\nc'
    f = io.BytesIO(b'x' * 10_000)
    f.seek(5)
    there = carry([f, f])
    assert there[0] is there[1] and there[0].tell() == 5 and len(there[0].read()) == 9_995


@functools.lru_cache(maxsize=10)
def cached(n):
    return n * 2


class Journal(io.BytesIO):
    def __init__(self, owner):
        super().__init__()
        self.owner = owner


class Draft(io.StringIO):
    def getvalue(self):
        return 'not what is in it'


def test_subclasses_of_files_in_memory():
    journal = Journal('ann')
    journal.write(b'one two')
    journal.seek(4)
    there = carry_away(journal)
    assert type(there).__name__ == 'Journal' and there.owner == 'ann'
    assert there.read() == b'two' and there.getvalue() == b'one two'
    draft = Draft('a\r\nb')
    draft.me = draft
    there = carry(draft)
    assert there.me is there and there.read() == 'a\r\nb'
    named = io.BytesIO(b'x')
    named.name = 'x.bin'
    assert carry(named).name == 'x.bin'
    closed = Journal('bob')
    closed.close()
    assert "can't be carried" in refusal(closed)


def test_cached_function():
    there = carry(cached)
    assert there is not cached and there(4) == 8 and there.cache_parameters()['maxsize'] == 10
    assert there.cache_info().currsize == 1 and there.__wrapped__(3) == 6 and there.__name__ == 'cached'


def test_attributes_of_a_cached_function():
    @functools.lru_cache
    def squared(x):
        return x * x
    squared.unit = ['m2']
    there = carry_away(squared)
    assert there.unit == ['m2'] and there(3) == 9 and there.__name__ == 'squared'
    assert there.__wrapped__(4) == 16 and there.cache_info().currsize == 1


def test_singledispatch():
    @functools.singledispatch
    def show(x):
        return 'other'
    @show.register
    def _(x: int):
        return 'int'
    show(1), show('a')
    there = carry(show)
    assert there(5) == 'int' and there('x') == 'other'
    there.register(str, lambda x: 'str')
    assert there('x') == 'str' and show('x') == 'other'


def test_weak_containers():
    p = Point(1, 2)
    for make in (lambda: weakref.WeakValueDictionary({'p': p}), lambda: weakref.WeakKeyDictionary({p: 1}), lambda: weakref.WeakSet([p])):
        weak, strong = carry((make(), p))
        assert len(weak) == 1 and strong in (list(weak.values()) + list(weak.keys()) if hasattr(weak, 'values') else weak)


def test_new_type_and_alias():
    UserId = typing.NewType('UserId', int)
    there = carry(UserId)
    assert there(5) == 5 and there.__name__ == 'UserId' and there.__supertype__ is int
    type Pair = tuple[int, int]
    there = carry(Pair)
    assert there.__name__ == 'Pair' and there.__value__ == tuple[int, int]


def test_mapping_proxy_is_a_view():
    d = {'a': 1}
    there, view = carry([d, types.MappingProxyType(d)])
    there['b'] = 2
    assert dict(view) == {'a': 1, 'b': 2}
    d['view'] = types.MappingProxyType(d)
    there = carry(d)
    there['more'] = 3
    assert there['view']['more'] == 3 and there['view']['view'] is there['view']
    names = carry_away([Point, vars(Point)])
    assert names[1]['__init__'] is names[0].__init__ and type(names[1]) is types.MappingProxyType


def test_descriptors_of_builtin_classes():
    for entry in dict.__dict__['fromkeys'], float.__dict__['fromhex'], bytes.__dict__['maketrans']:
        assert carry(entry) is entry


class Owner:
    def ask(self):
        return self.answer


class Tagged(weakref.ref):
    def __init__(self, target, callback=None, tag=None):
        super().__init__(target, callback)
        self.tag = tag

    def __new__(cls, target, callback=None, tag=None):
        return super().__new__(cls, target, callback)


def test_weak_methods_and_references_of_subclasses():
    owner = Owner()
    owner.answer = 42
    gone = []
    method = weakref.WeakMethod(owner.ask, gone.append)
    there = carry_away([owner, method])
    assert there[1]().__self__ is there[0] and there[1]()() == 42
    there.pop(0)
    assert there[0]() is None
    assert "weak reference" in refusal(method)
    tagged = Tagged(owner, tag=[1])
    tagged.tag.append(tagged)
    there = carry_away([tagged, owner])
    assert there[0]() is there[1] and there[0].tag[1] is there[0] and there[0].tag[0] == 1
    assert "weak reference" in refusal(tagged)


class Slotted2(Exception):
    __slots__ = 'code', '__hidden', 'unset'

    def __init__(self, code):
        super().__init__('failed')
        self.code = code
        self.__hidden = [code]

    def hidden(self):
        return self.__hidden


class SlottedMore(Slotted2):
    __slots__ = 'more',


def test_exceptions_with_slots():
    error = SlottedMore(3)
    error.more, error.extra = error, 'e'
    there = carry_away(error)
    assert (there.code, there.hidden(), there.extra, there.args) == (3, [3], 'e', ('failed',))
    assert there.more is there and not hasattr(there, 'unset')


class Lowered(dict):
    def __init__(self, fold):
        super().__init__()
        self.fold = fold
        self.count = 0

    def __setitem__(self, key, value):
        self.count += 1
        super().__setitem__(self.fold(key), value)


class Bounded(list):
    def __init__(self, limit):
        super().__init__()
        self.limit = limit

    def append(self, item):
        if len(self) >= self.limit:
            raise OverflowError('full')
        super().append(item)


def test_containers_whose_methods_need_attributes():
    d = Lowered(str.lower)
    d['A'] = 1
    d['B'] = d
    there = carry_away(d)
    assert list(there) == ['a', 'b'] and there['b'] is there and there.count == 2
    there['C'] = 3
    assert 'c' in there and there.count == 3
    full = Bounded(2)
    full.append(1)
    full.append(full)
    there = carry_away(full)
    assert there[0] == 1 and there[1] is there and there.limit == 2


def test_mapping_proxy():
    there = carry(types.MappingProxyType({'a': [1]}))
    assert there['a'] == [1] and type(there) is types.MappingProxyType


def test_reduced_exception_keeps_its_cause():
    class Odd(Exception):
        def __reduce__(self):
            return Odd, ('made again',)
    try:
        try:
            1 / 0
        except ZeroDivisionError as e:
            raise Odd('x') from e
    except Odd as e:
        odd = e
    there = carry(odd)
    assert there.args == ('made again',) and type(there.__cause__) is ZeroDivisionError
    assert 'ZeroDivisionError' in there.__cause__.__remote_traceback__


class Linked:
    "Hashed by its name, and holds others in a set."
    def __init__(self, name):
        self.others = set()
        self.name = name
        self.size = (name, 1)

    def __eq__(self, other):
        return self.size == other.size

    def __hash__(self):
        return hash((self.name, self.size))


def test_rings_that_hash_themselves():
    for count in (1, 2, 9, 40, 300):
        ring = [Linked(f'n{i}') for i in range(count)]
        for one, other in zip(ring, ring[1:] + ring[:1]):
            one.others.add(other)
        there = carry_away(ring)
        for one, other in zip(there, there[1:] + there[:1]):
            assert one.others == {other} and other in one.others, count


def test_graphs_that_hash_themselves():
    import random
    draw = random.Random(5)
    lost = 0
    for _ in range(40):
        nodes = [Linked(f'n{i}') for i in range(20)]
        edges = {(draw.randrange(20), draw.randrange(20)) for _ in range(40)}
        for one, other in edges:
            nodes[one].others.add(nodes[other])
        there = carry_away(nodes)
        for one, other in edges:
            lost += there[other] not in there[one].others
    assert lost == 0, lost


class GroupOfTheirOwn(ExceptionGroup):
    def __new__(cls, message, exceptions, code):
        self = super().__new__(cls, message, exceptions)
        self.code = code
        return self

    def __init__(self, message, exceptions, code):
        pass


def test_exception_groups_with_more_arguments():
    group = GroupOfTheirOwn('all', [ValueError(1)], 7)
    there = carry(group)
    assert type(there) is GroupOfTheirOwn and there.code == 7
    assert there.message == 'all' and repr(there.exceptions) == '(ValueError(1),)'


def test_structs():
    import struct
    there = carry(struct.Struct('<iq'))
    assert there.format == '<iq' and there.pack(1, 2) == struct.pack('<iq', 1, 2)


class Unwilling:
    def __init__(self, raises):
        self.raises = raises

    def __reduce_ex__(self, protocol):
        raise self.raises


def test_what_refuses_says_where_it_is():
    import pickle
    text = refusal({'a': [Unwilling(pickle.PicklingError('not me'))]})
    assert "args['a'][0]" in text and 'not me' in text, text
    try:
        dumps({'a': Unwilling(ValueError('oh'))})
    except ValueError as error:
        assert error.__notes__ == ["while carrying args['a']"], error.__notes__
    else:
        raise AssertionError('it was carried')


class Limited:
    def __init__(self, n):
        self.n = min(n, LIMIT)

    def __reduce__(self):
        return Limited, (self.n,)


LIMIT = 3


def test_code_that_rebuilds_objects_finds_its_names_where_they_arrive():
    receiver['LIMIT'] = 2
    assert carry_away(Limited(5)).n == 2
    del receiver['LIMIT']
    try:
        carry_away(Limited(5))
    except NameError as error:
        assert error.name == 'LIMIT' and "globals='carried'" in error.__notes__[0], error.__notes__
    else:
        raise AssertionError('no name was missed')


def test_classes_that_have_no_hash():
    class Meta(type):
        def __eq__(one, other):
            return NotImplemented
    class Thing(metaclass=Meta):
        pass
    class Told(metaclass=Meta):
        def __getstate__(self):
            return {'state': 1}
    thing, told = Thing(), Told()
    thing.told = told
    for there in (carry(thing), carry_away(thing)):
        assert type(there).__name__ == 'Thing' and type(type(there)).__hash__ is None
        assert there.told.state == 1 and type(there.told).__name__ == 'Told'
