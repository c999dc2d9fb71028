"""What stays where it is, and how its place is named."""
import asyncio
import collections
import contextvars
import io
import socket
import sys
import threading
import types
import weakref


def check(value, expected):
    text = refusal(value)
    assert text == expected, f'{text!r} is not {expected!r}'


class Holder:
    pass


def held(value):
    holder = Holder()
    holder.hook = value
    return holder


STAYS = "can't be carried between namespaces"


def test_files():
    with open('/dev/null') as f:
        check(f, f'args: an open file {STAYS}')
        check((f,), f'args[0]: an open file {STAYS}')
        check([1, {'f': held(f)}], f"args[1]['f'].hook: an open file {STAYS}")
    with open('/dev/null', 'rb') as f:
        check({1: [f]}, f'args[1][0]: an open file {STAYS}')
    with open('/dev/null', 'rb', buffering=0) as f:
        check(f, f'args: an open file {STAYS}')


def test_sockets_locks_threads():
    with socket.socket() as s:
        check({'s': s}, f"args['s']: an open socket {STAYS}")
    for lock in (threading.Lock(), threading.RLock()):
        check(lock, f'args: a lock {STAYS}')
    check([threading.Thread()], f'args[0]: a thread {STAYS}')
    check(held(threading.Event()), f'args.hook._cond._lock: a lock {STAYS}')
    check(threading.local(), f'args: thread-local data {STAYS}')


def test_running_things():
    check((x for x in ()), f'args: a running generator {STAYS}')
    async def co():
        pass
    running = co()
    check(running, f'args: a running coroutine {STAYS}')
    running.close()
    async def agen():
        yield
    check(agen(), f'args: a running async generator {STAYS}')
    check(sys._getframe(), f'args: a stack frame {STAYS}')
    try:
        1 / 0
    except ZeroDivisionError as e:
        check([e.__traceback__], f'args[0]: a traceback {STAYS}')


def test_weak_references():
    holder = Holder()
    check(weakref.ref(holder), f"args: a weak reference to something that isn't carried {STAYS}")
    check([1, weakref.WeakValueDictionary(h=holder)], f"args[1]: a weak reference to something that isn't carried {STAYS}")
    check(weakref.WeakSet([holder]), f"args: a weak reference to something that isn't carried {STAYS}")
    check(weakref.WeakKeyDictionary({holder: 1}), f"args: a weak reference to something that isn't carried {STAYS}")
    check([1, weakref.proxy(holder)], f"args[1]: a weak reference to something that isn't carried {STAYS}")


def test_inside_functions():
    f = open('/dev/null')
    check(lambda: f, f"args.__closure__['f']: an open file {STAYS}")
    check(lambda x=f: x, f'args.__defaults__[0]: an open file {STAYS}')
    def g(*, k=f):
        pass
    check(g, f"args.__kwdefaults__['k']: an open file {STAYS}")
    def h():
        pass
    h.log = f
    check([h], f'args[0].log: an open file {STAYS}')
    check(f.read, f'args.__self__: an open file {STAYS}')
    f.close()


def test_inside_objects():
    lock = threading.Lock()
    check(types.SimpleNamespace(a=lock), f'args.a: a lock {STAYS}')
    class Slotted:
        __slots__ = 'lock',
    s = Slotted()
    s.lock = lock
    check(s, f'args.lock: a lock {STAYS}')
    class Listed(list):
        pass
    check(Listed([1, lock]), f'args[1]: a lock {STAYS}')
    e = ValueError(1)
    e.lock = lock
    check(e, f'args.lock: a lock {STAYS}')
    check(ValueError(lock), f'args.args[0]: a lock {STAYS}')
    class Classy:
        lock = threading.Lock()
    check(Classy(), f'args.__class__.lock: a lock {STAYS}')
    check({1, (2, lock)} if False else frozenset({(2, lock)}), f'args{{…}}[1]: a lock {STAYS}')
    check({(1, lock): 2}, f'args{{a key}}[1]: a lock {STAYS}')


def test_elements_of_tuples_of_subclasses():
    lock = threading.Lock()
    class Pair(tuple):
        pass
    Named = collections.namedtuple('Named', 'a b')
    One = collections.namedtuple('One', 'a')
    check(Named(1, lock), f'args[1]: a lock {STAYS}')
    check(Pair((lock, 1)), f'args[0]: a lock {STAYS}')
    check(Pair([(lock, 1)]), f'args[0][0]: a lock {STAYS}')
    check(One((1, lock)), f'args[0][1]: a lock {STAYS}')
    check((Named, (1, lock)), f'args[1][1]: a lock {STAYS}')


def test_keys_in_paths():
    lock = threading.Lock()
    check({(1, 2): lock}, f'args[a tuple]: a lock {STAYS}')
    check({'x' * 100: lock}, "args['" + 'x' * 59 + f'…]: a lock {STAYS}')


def test_long_paths_are_cut():
    value = threading.Lock()
    for _ in range(10_000):
        value = [value]
    text = refusal(value)
    assert len(text) < 200 and text.startswith('args[0][0]') and ' … ' in text and text.endswith(STAYS), text


def test_native_objects_without_a_way():
    for value in (contextvars.ContextVar('v'), io.open('/dev/null').buffer, iter({}.items()).__class__):
        text = refusal(value)
        assert text.startswith('args: '), text


def test_a_module_that_was_taken_out():
    import colorsys
    taken = sys.modules.pop('colorsys')
    try:
        check([taken], f"args[0]: a module that was imported and isn't in sys.modules {STAYS}")
    finally:
        sys.modules['colorsys'] = taken
    module = types.ModuleType('made')
    module.lock = threading.Lock()
    check([module], f'args[0].lock: a lock {STAYS}')


def test_it_is_a_type_error():
    assert issubclass(SnapshotError, TypeError)
    assert SnapshotError.__module__ == 'rhumba'
    try:
        dumps([threading.Lock()])
    except TypeError as e:
        assert type(e) is SnapshotError


def test_missing_names_here():
    import json
    data = dumps(json.dumps)
    renamed = data.replace(b'dumps', b'dumqs')
    try:
        loads(renamed)
    except SnapshotError as e:
        assert "json.dumqs" in str(e), e
    else:
        assert False
    renamed = data.replace(b'json', b'jzon')
    try:
        loads(renamed)
    except SnapshotError as e:
        assert "module jzon" in str(e) and isinstance(e.__cause__, ImportError), e
    else:
        assert False


def test_the_reason_is_told():
    class Shy:
        def __getstate__(self):
            raise TypeError('not today')
    check([Shy()], f'args[0]: an object of type __main__.test_the_reason_is_told.<locals>.Shy {STAYS}: not today')


def test_what_an_object_lacks_is_told():
    import functools
    nameless = functools.lru_cache(functools.partial(int, base=3))
    try:
        dumps([nameless])
    except SnapshotError as e:
        assert str(e).startswith('args[0]: '), e
        assert '__qualname__' in str(e) and isinstance(e.__cause__, AttributeError), e
    else:
        assert False


class Endless:
    def __reduce__(self):
        return Endless, (Endless(),)


class EndlessState:
    def __getstate__(self):
        return {'next': EndlessState()}


class EndlessSetter:
    def __getstate__(self):
        return {'next': [EndlessSetter()]}

    def __setstate__(self, state):
        self.next = state['next']


class Chained:
    def __init__(self, next):
        self.next = next

    def __getstate__(self):
        return dict(self.__dict__)


def test_objects_that_need_more_and_more_objects():
    for endless in (Endless, EndlessState, EndlessSetter):
        text = refusal(endless())
        assert 'returns needs more objects' in text, (endless, text)


def test_a_long_chain_of_objects_that_are_there_ends():
    chain = None
    for _ in range(250_000):
        chain = Chained(chain)
    assert len(dumps(chain)) > 250_000
