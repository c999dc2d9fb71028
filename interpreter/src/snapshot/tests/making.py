"""Objects that go by value and are made without their classes' own constructors and guards."""


def test_containers_are_filled_without_their_own_ways_of_taking_items():
    import collections
    class Logged(dict):
        def __init__(self):
            super().__init__()
            self.log = []
        def __setitem__(self, key, value):
            self.log.append(key)
            super().__setitem__(key, value)
    class Doubled(dict):
        def __setitem__(self, key, value):
            super().__setitem__(key, value * 2)
        def items(self):
            return [('told', 'otherwise')]
    class Closed(dict):
        def __setitem__(self, key, value):
            raise RuntimeError('no')
    class Wrapped(list):
        def append(self, item):
            super().append((item,))
        def __iter__(self):
            return iter('otherwise')
    class Queue(collections.deque):
        def append(self, item):
            super().append([item])
    class Ordered(collections.OrderedDict):
        def __setitem__(self, key, value):
            super().__setitem__(key, value + 1)
    class Counting(collections.defaultdict):
        def __setitem__(self, key, value):
            super().__setitem__(key, value + 1)
    logged, doubled, wrapped, queue, ordered = Logged(), Doubled(), Wrapped(), Queue(), Ordered()
    logged['a'] = doubled['a'] = ordered['b'] = 1
    ordered['a'] = 2
    wrapped.append(1)
    queue.append(1)
    counting = Counting(int)
    counting['a'] = 1
    there = carry_away([logged, doubled, Closed(a=1), wrapped, queue, ordered, counting])
    logged, doubled, closed, wrapped, queue, ordered, counting = there
    assert dict.__eq__(logged, {'a': 1}) and logged.log == ['a']
    assert list(dict.items(doubled)) == [('a', 2)] and dict.__eq__(closed, {'a': 1})
    assert list(list.__iter__(wrapped)) == [(1,)] and list(queue) == [[1]]
    assert list(ordered.items()) == [('b', 2), ('a', 3)] and dict(counting) == {'a': 2}
    assert counting.default_factory is int
    wrapped.append(2)
    logged['b'] = 2
    assert wrapped[1] == (2,) and logged.log == ['a', 'b']


def test_containers_keep_their_order_and_what_each_class_makes_of_items():
    import collections
    class Ordered(collections.OrderedDict):
        def __setitem__(self, key, value):
            raise RuntimeError('no')
    class Below(Ordered):
        pass
    class Table(dict):
        def __reduce__(self):
            return Table, (), None, None, iter([('a', 1)])
        def __setitem__(self, key, value):
            super().__setitem__(key, value + 1)
    for kind in (collections.OrderedDict, Ordered, Below):
        made = kind()
        for key in 'abc':
            collections.OrderedDict.__setitem__(made, key, key)
        made.move_to_end('a')
        first, second = carry_away([made, collections.OrderedDict(made)])
        for there in (first, second):
            assert list(there) == list('bca') and list(reversed(there)) == list('acb') and there == made
            assert there.popitem(last=False) == ('b', 'b') and list(there) == list('ca')
            there.move_to_end('c')
            assert list(there.items()) == [('a', 'a'), ('c', 'c')]
        assert type(second) is collections.OrderedDict and type(first).__name__ == kind.__name__
    assert dict(carry_away(Table())) == {'a': 2}


def test_containers_are_not_asked_what_is_in_them():
    import collections
    def never(self, *rest):
        raise RuntimeError('it was asked')
    def silent(base, **more):
        asked = 'items', 'keys', 'values', '__iter__', '__getitem__', '__len__', '__setitem__', 'append', 'extend'
        return type('Silent', (base,), {**dict.fromkeys(asked, never), '__module__': '__main__', **more})
    ordered = silent(collections.OrderedDict)()
    for key in 'ab':
        collections.OrderedDict.__setitem__(ordered, key, key)
    collections.OrderedDict.move_to_end(ordered, 'a')
    ordered.note = 1
    counting = silent(collections.defaultdict)(list)
    dict.__setitem__(counting, 'a', counting)
    counting.note = 2
    table, items = silent(dict)(), silent(list, __slots__=('note',))()
    dict.__setitem__(table, 'a', 1)
    list.extend(items, [1, items])
    items.note = 3
    there = carry_away([ordered, counting, table, items])
    ordered, counting, table, items = there
    assert list(collections.OrderedDict.items(ordered)) == [('b', 'b'), ('a', 'a')] and ordered.note == 1
    assert dict.__getitem__(counting, 'a') is counting and counting.default_factory is list and counting.note == 2
    assert list(dict.items(table)) == [('a', 1)]
    assert list.__getitem__(items, 0) == 1 and list.__getitem__(items, 1) is items and items.note == 3


def test_what_constructors_want_need_not_be_known():
    import collections
    import datetime
    import decimal
    import pathlib
    import random
    class Tree(collections.defaultdict):
        def __init__(self):
            super().__init__(Tree)
    class Recent(collections.deque):
        def __init__(self, *, size):
            super().__init__((), size)
    class Day(datetime.date):
        def __new__(cls, *, year):
            return super().__new__(cls, year, 1, 1)
    class Money(decimal.Decimal):
        def __new__(cls, *, cents):
            return super().__new__(cls, cents) / 100 if cls is None else super().__new__(cls, cents)
    class Few(frozenset):
        def __new__(cls, *, of):
            return super().__new__(cls, of)
    class Raw(bytes):
        def __new__(cls, *, text):
            return super().__new__(cls, text.encode())
    class Buffer(bytearray):
        def __init__(self, *, text):
            super().__init__(text.encode())
    class Items(list):
        def __new__(cls, *, of):
            return super().__new__(cls)
        def __init__(self, *, of):
            super().__init__(of)
    class Pair(collections.namedtuple('Pair', 'a b')):
        def __new__(cls, *, both):
            return super().__new__(cls, both, both)
    class Dice(random.Random):
        def __init__(self, *, sides):
            super().__init__(sides)
    class Folder(pathlib.PurePosixPath):
        def __init__(self, *, of):
            super().__init__('/', of)
    tree = Tree()
    tree['a']['b'] = Tree()
    recent = Recent(size=2)
    recent.extend([1, 2, 3])
    day = Day(year=2020)
    day.note = ['first']
    dice = Dice(sides=6)
    there = carry_away([tree, recent, day, Money(cents=5), Few(of='ab'), Raw(text='r'), Buffer(text='b'),
                        Items(of=[1, 2]), Pair(both=3), dice, Folder(of='home')])
    tree, recent, day, money, few, raw, buffer, items, pair, rolled, folder = there
    assert type(tree['new']) is type(tree) and list(tree['a']) == ['b'] and type(tree['a']['b']) is type(tree)
    assert list(recent) == [2, 3] and recent.maxlen == 2
    assert day == datetime.date(2020, 1, 1) and day.note == ['first'] and type(day) is not Day
    assert money == 5 and few == {'a', 'b'} and raw == b'r' and buffer == b'b' and items == [1, 2]
    assert pair == (3, 3) and pair.b == 3 and type(pair).__name__ == 'Pair'
    assert rolled.random() == dice.random()
    assert str(folder) == '/home' and type(folder).__name__ == 'Folder'


def test_the_standard_streams_are_those_of_who_receives():
    import functools
    import os
    import sys
    def say(text, file=sys.stderr):
        return file
    shout = functools.partial(print, file=sys.stdout)
    there = carry_away([sys.stdout, sys.stderr, sys.stdin, say, shout, sys.stdout.write, os.environ])
    assert there[0] is sys.stdout and there[1] is sys.stderr and there[2] is sys.stdin
    assert there[3]('') is sys.stderr and there[4].keywords == {'file': sys.stdout}
    assert there[5].__self__ is sys.stdout and there[6] is os.environ
    with open(os.devnull) as file:
        assert 'an open file' in refusal(file)


def test_properties_of_subclasses():
    class Lazy(property):
        def __init__(self, function):
            super().__init__(function)
            self.calls = 0
    class A:
        @Lazy
        def x(self):
            'Doc.'
            return 5
    class Bare(property):
        "Of the class."
        def __new__(cls, function):
            return super().__new__(cls)
        def __init__(self, function):
            pass
    class Slotted(property):
        __slots__ = ('__doc__',)
    there = carry_away(A)
    assert there().x == 5 and there.__dict__['x'].calls == 0 and there.x.__doc__ == 'Doc.'
    assert there.__dict__['x'].__dict__ == {'calls': 0, '__doc__': 'Doc.'}
    noted = Bare(len)
    noted.note = 1
    bare, noted, slotted = carry_away([Bare(len), noted, Slotted(len)])
    assert bare.__dict__ == {} and bare.fget is None and bare.__doc__ == 'Of the class.'
    assert noted.__dict__ == {'note': 1} and slotted.fget is len and slotted.__doc__ == len.__doc__


def test_exceptions_that_guard_their_attributes():
    import dataclasses
    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):
        code: int
    class Hidden(Exception):
        def __init__(self, value):
            super().__init__(value)
            self.__dict__['twice'] = value
        @property
        def twice(self):
            return self.__dict__['twice'] * 2
    class Slotted(Exception):
        __slots__ = ('where',)
        def __setattr__(self, name, value):
            raise AttributeError('no')
    slotted = Slotted(1)
    Exception.__setattr__(slotted, 'where', [2])
    frozen, hidden, slotted = carry_away([Frozen(3), Hidden(4), slotted])
    assert frozen.code == 3 and hidden.twice == 8 and hidden.args == (4,) and slotted.where == [2]


def test_defaults_that_are_none_and_modules_of_type_variables():
    import typing
    T = typing.TypeVar('T', default=None)
    U = typing.NewType('U', int)
    there = carry_away([T, U, typing.ParamSpec('P')])
    assert there[0].__default__ is None and there[0].has_default()
    assert [each.__module__ for each in there] == [T.__module__, U.__module__, T.__module__]
    class Later[V: Nowhere]:
        pass
    assert refusal(Later).startswith('args'), refusal(Later)
    assert 'Nowhere' in refusal(Later)


def test_what_subclasses_of_references_and_text_files_keep():
    import io
    import weakref
    class Thing:
        pass
    thing = Thing()
    keyed = weakref.KeyedRef(thing, None, 'key')
    there, reference = carry_away([thing, keyed])
    assert reference() is there and reference.key == 'key'
    for newline in ('', '\n', '\r\n', None):
        file = io.StringIO('a\rb\r\nc\n', newline)
        file.readline()
        lines = list(carry(file))
        assert lines == list(file), (newline, lines)


def test_arguments_that_an_os_error_was_given_later():
    class Refused(OSError):
        def __init__(self, code, text, sender):
            super().__init__(code, text)
            self.args = (code, text, sender)
    error = carry_away(Refused(550, 'no', 'me'))
    assert error.args == (550, 'no', 'me') and error.errno == 550
    error = carry(FileNotFoundError(2, 'No such file', 'name'))
    assert error.args == (2, 'No such file') and error.filename == 'name'


def test_native_fields_of_exceptions_that_were_set_later():
    class Missing(ImportError):
        def __init__(self):
            super().__init__()
            self.msg, self.name, self.path = 'gone', 'module', '/there'
    class Told(ImportError):
        @property
        def msg(self):
            return 'told'
        def __setattr__(self, name, value):
            raise AttributeError('no')
    class Coded(UnicodeDecodeError):
        def __init__(self):
            super().__init__('utf-8', b'abc', 0, 1, 'first')
            self.start, self.reason = 2, 'later'
    class Filed(OSError):
        def __init__(self, name):
            super().__init__(5, 'why')
            self.filename = name
            self.strerror = 'else'
    class Only(OSError):
        def __init__(self, name):
            super().__init__(name)
            self.filename = name
            self.errno = 7
    class Ended(SystemExit):
        def __init__(self, code):
            super().__init__()
            self.code = code
    class Stopped(StopIteration):
        def __init__(self, value):
            super().__init__('other')
            self.value = value
    class Wrong(SyntaxError):
        def __init__(self):
            super().__init__('text')
            self.lineno, self.msg = 3, None
    class NoAttribute(AttributeError):
        def __init__(self, name, obj):
            super().__init__('no')
            self.name, self.obj = name, obj
    class NoName(NameError):
        def __init__(self):
            super().__init__('no')
            self.name = 'n'
    told = Told('text')
    ImportError.msg.__set__(told, 'native')
    there = carry_away([Missing(), told, Coded(), Filed('f'), Only('f'), Ended([1]), Stopped({}), Wrong(),
                        NoAttribute('n', 5), NoAttribute('n', open), NoName()])
    missing, told, coded, filed, only, ended, stopped, wrong, no_attribute, of_any, no_name = there
    assert (missing.msg, missing.name, missing.path, missing.args) == ('gone', 'module', '/there', ())
    assert told.msg == 'told' and ImportError.msg.__get__(told) == 'native' and told.__dict__ == {}
    assert (coded.start, coded.end, coded.reason, coded.object, coded.encoding) == (2, 1, 'later', b'abc', 'utf-8')
    assert (filed.errno, filed.strerror, filed.filename, filed.args) == (5, 'else', 'f', (5, 'why'))
    assert (only.errno, only.filename, only.args) == (7, 'f', ('f',))
    assert ended.code == [1] and ended.args == () and stopped.value == {} and stopped.args == ('other',)
    assert wrong.lineno == 3 and wrong.msg is None and wrong.args == ('text',)
    assert (no_attribute.name, no_attribute.obj) == ('n', 5) and (of_any.name, of_any.obj) == ('n', None)
    assert no_name.name == 'n' and no_name.args == ('no',)


def test_native_fields_of_exceptions_as_they_are_made():
    try:
        import nowhere_to_be_found
    except ImportError as error:
        missing = carry(error)
    assert missing.name == 'nowhere_to_be_found' and missing.msg == missing.args[0]
    two = carry(ImportError('a', 'b'))
    assert two.args == ('a', 'b') and two.msg is None
    for code in (None, 3, 'text', (1, 2)):
        there = carry(SystemExit(code))
        assert there.code == code and there.args == (code,)
    there = carry(SystemExit(1, 2))
    assert there.code == (1, 2) and there.args == (1, 2) and carry(StopIteration(4)).value == 4
    try:
        eval('1 +')
    except SyntaxError as error:
        wrong, there = error, carry(error)
    for name in ('msg', 'filename', 'lineno', 'offset', 'text', 'end_lineno', 'end_offset', 'args'):
        assert getattr(there, name) == getattr(wrong, name), name
    group = carry(ExceptionGroup('g', [ValueError(1), OSError(2, 'no', 'f')]))
    assert group.message == 'g' and group.exceptions[1].filename == 'f'
    import threading
    class Ended(SystemExit):
        def __init__(self, code):
            super().__init__()
            self.code = code
    assert '.code' in refusal(Ended(threading.Lock()))


def test_native_fields_whatever_arguments_are_given():
    made = [
        *(OSError(*args) for args in ((), (1,), (2, 'no'), (2, 'no', 'f'), (2, 'no', None), (2, 'no', 'f', None, 'g'),
                                      (2, 'no', None, None, 'g'), (1, 2, 3, 4, 5, 6), ('text', 'no', b'f'))),
        BlockingIOError(11, 'm'), BlockingIOError(11, 'm', 7), BlockingIOError(11, 'm', 'f'),
        *(ImportError(*args, **more) for args in ((), ('m',), ('m', 2)) for more in ({}, {'name': 'n', 'path': 'p'})),
        *(SyntaxError(*args) for args in ((), ('m',), ('m', 2), ('m', ('f', 1, 2, 't')), ('m', ('f', 1, 2, 't', 3, 4)))),
        *(SystemExit(*args) for args in ((), (None,), (3,), (1, 2))), *(StopIteration(*args) for args in ((), (1,), (1, 2))),
        NameError('m', name='n'), UnboundLocalError('m'), AttributeError('m', name='n', obj=1), KeyError(1), ValueError(),
        UnicodeDecodeError('utf-8', b'ab', 0, 1, 'r'), UnicodeDecodeError('utf-8', bytearray(b'ab'), 0, 1, 'r'),
        UnicodeEncodeError('ascii', 'ab', 0, 1, 'r'), UnicodeTranslateError('ab', 0, 1, 'r'),
    ]
    names = ('errno', 'strerror', 'filename', 'filename2', 'msg', 'name', 'path', 'lineno', 'offset', 'text', 'end_lineno',
             'end_offset', 'print_file_and_line', 'code', 'value', 'encoding', 'object', 'start', 'end', 'reason')
    for error in made:
        there = carry(error)
        assert type(there) is type(error) and there.args == error.args, error
        for name in names:
            if name == 'object' or hasattr(type(error), name):
                assert getattr(there, name, 'unset') == getattr(error, name, 'unset'), (error, name)
        for name in names:
            if type(vars(OSError)['errno']) is type(getattr(type(error), name, None)) and name not in ('start', 'end'):
                for value in ('later', None):
                    later = carry_later(error, name, value)
                    assert later == value, (error, name, later)
    content = b'z' * 100_000
    assert len(dumps(UnicodeDecodeError('utf-8', content, 0, 1, 'r'))) < 101_000
    blocked = BlockingIOError(11, 'm')
    blocked.characters_written = 7
    assert carry(blocked).characters_written == 7 and carry(BlockingIOError(11, 'm', 5)).characters_written == 5


def carry_later(error, name, value):
    kept = getattr(error, name)
    setattr(error, name, value)
    try:
        return getattr(carry(error), name)
    finally:
        setattr(error, name, kept)


def test_files_of_errors_that_lead_back_to_them():
    error = OSError(2, 'no')
    error.filename = error
    there = carry(error)
    assert there.filename is there and there.args == (2, 'no') and type(there) is FileNotFoundError
    error.filename = (error, 'f')
    there = carry(error)
    assert there.filename == (there, 'f') and there.errno == 2
    there = carry(OSError(2, 'no', ['f']))
    assert there.filename == ['f'] and there.args == (2, 'no')


def test_exceptions_among_their_own_arguments():
    def raised(error):
        try:
            raise error
        except ValueError as caught:
            return caught
    first, second = raised(ValueError(1)), raised(ValueError(2))
    first.args = (first,)
    assert 'needed to construct itself' in refusal(first)
    first.args, second.args = (second,), (first,)
    assert 'needed to construct itself' in refusal([second])
    shared = ValueError(3)
    there = carry(raised(ValueError(shared, shared)))
    assert there.args[0] is there.args[1] and 'ValueError' in there.__remote_traceback__


def test_counters_are_given_their_attributes_without_their_own_code():
    from collections import Counter
    class Told(Counter):
        def __getstate__(self):
            return {'told': dict(self.__dict__)}
        def __setstate__(self, state):
            self.__dict__.update(state['told'])
    class Slotted(Counter):
        __slots__ = ('unit', 'unset')
        def __setstate__(self, state):
            self.size = state['size']
    class Holder:
        pass
    told, slotted, holder = Told('aab'), Slotted('ab'), Holder()
    told.size, slotted.unit, slotted.size, told.holder = 3, 'm', 2, holder
    told[holder] = holder.told = told
    there, slots = carry_away([told, slotted])
    assert there.size == 3 and there['a'] == 2 and there[there.holder] is there and there.holder.told is there
    assert slots.unit == 'm' and slots.size == 2 and slots == {'a': 1, 'b': 1} and not hasattr(slots, 'unset')
    plain = Counter('ab')
    plain.note = 'n'
    assert carry(plain).note == 'n'
    # A class that says itself how it is made again says all of it, as it does to pickle.
    class Says(Counter):
        def __reduce_ex__(self, protocol):
            return super().__reduce_ex__(protocol)
    says = Says('ab')
    says.note = 'n'
    there = carry(says)
    assert there == says and type(there) is Says and vars(there) == {}


def module_of(source, name):
    import sys
    import types
    module = types.ModuleType(name)
    sys.modules[name] = module
    exec(source, module.__dict__)
    return module


def test_importable_containers_tell_and_take_their_items():
    import sys
    source = '''
import threading
class Tagged(dict):
    def __setitem__(self, key, value):
        super().__setitem__(key, ('tag', value))
    def items(self):
        return [(key, value[1]) for key, value in super().items()]
class Wrapped(list):
    def append(self, value):
        super().append(['w', value])
    def extend(self, values):
        for value in values:
            self.append(value)
    def __iter__(self):
        return (value[1] for value in super().__iter__())
class Locked(dict):
    def __new__(cls):
        self = super().__new__(cls)
        self.lock = threading.Lock()
        return self
    def __getstate__(self):
        return None
'''
    module = module_of(source, 'of_containers')
    class Tagged(module.Tagged):
        pass
    class Wrapped(module.Wrapped):
        pass
    try:
        for kind in (module.Tagged, Tagged):
            tagged = kind()
            tagged['a'] = 1
            assert dict.__getitem__(carry(tagged), 'a') == ('tag', 1), kind
        for kind in (module.Wrapped, Wrapped):
            wrapped = kind()
            wrapped.append(1)
            assert list.__getitem__(carry(wrapped), 0) == ['w', 1], kind
        locked = module.Locked()
        locked['a'] = 1
        there = carry(locked)
        assert list(vars(there)) == ['lock'] and there == {'a': 1}
    finally:
        del sys.modules['of_containers']
    import threading
    class Own(dict):
        def __new__(cls):
            self = super().__new__(cls)
            self.lock = threading.Lock()
            return self
        def __getstate__(self):
            return None
    own = Own()
    own['a'] = 1
    there = carry(own)
    assert list(vars(there)) == ['lock'] and there == {'a': 1}


def test_what_copyreg_knows_of_containers_is_what_is_said():
    import collections
    import copyreg
    class Ordered(collections.OrderedDict):
        pass
    class Several(set):
        pass
    copyreg.pickle(Ordered, lambda made: (Ordered, (), None, None, iter([('z', 1)])))
    copyreg.pickle(Several, lambda made: (Several, ([1, 2],)))
    try:
        assert carry(Ordered(a=1)) == {'z': 1} and carry(Several([5])) == {1, 2}
    finally:
        del copyreg.dispatch_table[Ordered], copyreg.dispatch_table[Several]


def test_attributes_of_scanners():
    import re
    scanner = re.Scanner([('a', None)])
    scanner.tag, scanner.me = 'T', scanner
    scanner.scan('ab')
    there = carry(scanner)
    assert there.tag == 'T' and there.me is there and there.scan('aab') == ([], 'b')


def test_containers_of_classes_that_nobody_can_import():
    source = '''
import collections
class Counts(collections.Counter):
    def __setstate__(self, state):
        raise RuntimeError('nobody asks')
class Items(list):
    def __init__(self, need):
        self.need = need
    def append(self, value):
        raise RuntimeError('nobody asks')
    extend = append
class Defaults(collections.defaultdict):
    def __init__(self, need):
        super().__init__(list)
        self.need = need
class Ordered(collections.OrderedDict):
    def __init__(self, need):
        super().__init__()
        self.need = need
class Queue(collections.deque):
    def __init__(self, need):
        super().__init__()
        self.need = need
class Failed(OSError):
    def __init__(self, need, *, code):
        super().__init__(code, need)
        self.need = need
'''
    import sys
    for name in (None, 'lab', 'registered'):
        scope = {} if name is None else {'__name__': name}
        if name == 'registered':
            scope = module_of(source, name).__dict__
            register_by_value(name)
        else:
            exec(source, scope)
        try:
            counts = scope['Counts']('ab')
            counts.need = 3
            made = [counts, *(scope[kind](3) for kind in ('Items', 'Defaults', 'Ordered', 'Queue'))]
            list.append(made[1], made)
            made[2]['a'] = made[3]['a'] = 1
            collections_of = carry_away([*made, scope['Failed'](3, code=2)])
            assert [each.need for each in collections_of] == [3] * 6, name
            assert collections_of[0]['a'] == 1 and collections_of[2]['a'] == 1 and collections_of[3] == {'a': 1}
            assert len(collections_of[1]) == 1 and collections_of[2]['new'] == [] and collections_of[5].errno == 2
        finally:
            if name == 'registered':
                unregister_by_value(name)
                del sys.modules[name]


def test_slots_and_states_of_sets():
    class Slotted(set):
        __slots__ = ('unit', 'unset')
    class Both(set):
        __slots__ = ('unit', '__dict__')
    class Frozen(frozenset):
        __slots__ = ('unit', 'unset')
    class FrozenBoth(frozenset):
        __slots__ = ('unit', '__dict__')
    class Stated(set):
        def __getstate__(self):
            return {'told': self.unit}
        def __setstate__(self, state):
            self.unit = state['told']
    class Set(Both):
        def __setstate__(self, state):
            self.state = state
    class Named(frozenset):
        def __new__(cls, of, unit):
            made = super().__new__(cls, of)
            made.unit = unit
            return made
    for kind in (Slotted, Both, Frozen, FrozenBoth, Stated):
        several = kind([1, 2])
        several.unit = 'm'
        if 'Both' in kind.__name__:
            several.note = [several]
        there = carry_away(several)
        assert there == {1, 2} and there.unit == 'm' and not hasattr(there, 'unset'), kind
        if 'Both' in kind.__name__:
            assert there.note == [there] and there.note[0] is there
    several = Set([1])
    several.unit, several.note = 'm', 'n'
    assert carry(several).state == ({'note': 'n'}, {'unit': 'm'})
    there = carry_away(Named([1], 'm'))
    assert there == {1} and there.unit == 'm'


def test_copies_that_an_object_is_made_of_are_not_put_off():
    from collections import Counter
    class Counts(Counter):
        def __reduce_ex__(self, protocol):
            return super().__reduce_ex__(protocol)
    class Copied(list):
        def __reduce__(self):
            return Copied, (list(self),)
    class Holder:
        pass
    counts = Counts('ab')
    assert carry_away(counts) == {'a': 1, 'b': 1}
    counts['self'] = counts
    assert refusal([counts]).startswith("args[0]") and 'construct itself' in refusal([counts])
    copied = Copied([1])
    copied.append(copied)
    assert 'construct itself' in refusal(copied)
    holder = Holder()
    holder.copied = copied = Copied([holder, 1])
    there = carry_away(copied)
    assert there[0].copied is there and there[1] == 1


def test_what_errors_of_files_and_imports_say_of_themselves():
    class Renamed(OSError):
        filename = 'of the class'
    several = ImportError('a')
    several.args = 'a', 'b'
    emptied = OSError(2, 'gone', 'there')
    emptied.filename = None
    other = OSError(2, 'gone')
    other.filename, other.filename2 = 'there', 'elsewhere'
    made = [ImportError(), ImportError('a'), ImportError('a', name='n', path='p'), several, OSError(), OSError(1), emptied, other,
            OSError(2, 'gone'), OSError(2, 'gone', 'there'), OSError(2, 'gone', None), OSError(2, 'gone', 'there', None, 'elsewhere'),
            OSError(*range(6)), FileNotFoundError(2, 'gone', 'there'), BlockingIOError(1, 'wait'), Renamed(2, 'gone', 'there')]
    fields = 'args', 'msg', 'name', 'path', 'errno', 'strerror', 'filename', 'filename2'
    for noted in (False, True):
        for error in made:
            if noted:
                error.note, error.more = 'noted', [error]
            there = carry([error, error.args])[0]
            assert type(there) is type(error) and vars(there).keys() == vars(error).keys()
            for name in fields:
                assert getattr(there, name, '-') == getattr(error, name, '-'), (error, name)
            assert not noted or there.note == 'noted' and there.more[0] is there
