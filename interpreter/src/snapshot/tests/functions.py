"""Functions: by value when they were made here, by name when they can be imported."""
import functools
import json
import math
import operator
import os.path


def noop():
    pass


def add(a, b=10, *args, c=3, **kwargs):
    """Adds."""
    return a + b + c


def fact(n):
    return 1 if n < 2 else n * fact(n - 1)


FACTOR = 7


def times_factor(x):
    return x * FACTOR


def test_plain():
    there = carry(noop)
    assert there is not noop and there() is None and there.__name__ == 'noop'


def test_defaults_and_doc():
    there = carry(add)
    assert there(1) == 14 and there(1, 2, c=3) == 6
    assert there.__doc__ == 'Adds.' and there.__defaults__ == (10,) and there.__kwdefaults__ == {'c': 3}
    assert there.__module__ == '__main__' and there.__qualname__ == 'add'


def test_globals_are_the_receivers():
    there = carry(times_factor)
    assert there.__globals__ is receiver
    receiver['FACTOR'] = 100
    assert there(2) == 200
    del receiver['FACTOR']
    try:
        there(2)
    except NameError:
        pass
    else:
        assert False


def test_global_recursion():
    there = carry(fact)
    receiver['fact'] = there
    assert there(10) == 3628800
    del receiver['fact']


def test_lambda():
    assert carry(lambda x, y=2: x * y)(5) == 10
    assert [f(3) for f in carry([lambda x: x + 1, lambda x: x * 2])] == [4, 6]


def test_closure():
    def outer(n):
        def inner(x):
            return x + n
        return inner
    assert carry(outer(5))(1) == 6


def test_recursive_inner_function():
    def make():
        def even(n):
            return True if n == 0 else odd(n - 1)
        def odd(n):
            return False if n == 0 else even(n - 1)
        return even, odd
    even, odd = carry(make())
    assert even(10) and odd(7) and not even(7)
    assert even.__closure__[0].cell_contents is odd or even.__closure__[0].cell_contents is even

    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)
    there = carry(fib)
    assert there(15) == 610 and there.__closure__[0].cell_contents is there


def test_shared_cell():
    def counter():
        n = 0
        def up():
            nonlocal n
            n += 1
            return n
        def get():
            return n
        return up, get
    up, get = carry(counter())
    up(), up()
    assert get() == 2
    here_up, here_get = counter()
    assert here_get() == 0


def test_empty_cell():
    def make():
        def f():
            return late
        if False:
            late = 1
        return f
    there = carry(make())
    try:
        there()
    except NameError:
        pass
    else:
        assert False


def test_shared_mutable_default():
    box = []
    def push(x, box=box):
        box.append(x)
        return box
    def look(box=box):
        return box
    push2, look2, box2 = carry((push, look, box))
    push2(1)
    assert look2() == [1] and look2() is box2 and box == []


def test_function_attributes():
    def f():
        return f.hits
    f.hits = [1, 2]
    f.owner = f
    there = carry(f)
    assert there.hits == [1, 2] and there.owner is there and there() == [1, 2]


def test_renamed():
    def f():
        pass
    f.__name__, f.__qualname__, f.__doc__, f.__module__ = 'g', 'h.g', 'told', 'elsewhere'
    there = carry(f)
    assert (there.__name__, there.__qualname__, there.__doc__, there.__module__) == ('g', 'h.g', 'told', 'elsewhere')


def test_annotations():
    def f(x: int, y: 'str' = '') -> list[int]:
        pass
    there = carry(f)
    assert there.__annotations__ == {'x': int, 'y': 'str', 'return': list[int]}
    def g(x):
        pass
    g.__annotations__ = {'x': 5}
    assert carry(g).__annotations__ == {'x': 5}


def test_generator_and_async_functions():
    def gen(n):
        for i in range(n):
            yield i * i
    assert list(carry(gen)(4)) == [0, 1, 4, 9]
    async def co():
        return 5
    try:
        carry(co)().send(None)
    except StopIteration as stop:
        assert stop.value == 5


def test_try_with_match_comprehension():
    def f(value):
        try:
            match value:
                case {'a': x}:
                    return [y for y in range(x) if y % 2]
                case [first, *rest]:
                    return {first: rest}
                case _:
                    raise ValueError(value)
        except ValueError as e:
            return e.args
        finally:
            value = None
    there = carry(f)
    assert there({'a': 5}) == [1, 3] and there([1, 2, 3]) == {1: [2, 3]} and there(9) == (9,)


def test_constants():
    def f(x):
        return x in {1, 2, 3}, x[::2] if isinstance(x, str) else (1, (2, b'x', 1.5, ...), 10**30, 1j)
    there = carry(f)
    assert there(1) == (True, (1, (2, b'x', 1.5, ...), 10**30, 1j))
    assert there('abc')[1] == 'ac'


def test_traceback_lines():
    def f():
        x = 1
        raise KeyError(x)
    there = carry(f)
    try:
        there()
    except KeyError as e:
        tb = e.__traceback__.tb_next
        assert tb.tb_lineno == f.__code__.co_firstlineno + 2
        assert tb.tb_frame.f_code.co_filename == f.__code__.co_filename
    assert list(there.__code__.co_positions()) == list(f.__code__.co_positions())


def test_code_attributes():
    def f(a, /, b, *, c=1, **k):
        x = lambda: (a, b, x)
        return x
    there = carry(f).__code__
    for name in ('co_argcount', 'co_posonlyargcount', 'co_kwonlyargcount', 'co_varnames', 'co_cellvars',
                 'co_freevars', 'co_names', 'co_flags', 'co_stacksize', 'co_code', 'co_linetable',
                 'co_exceptiontable', 'co_firstlineno', 'co_qualname', 'co_nlocals'):
        assert getattr(there, name) == getattr(f.__code__, name), name
    assert carry(f.__code__).co_name == 'f'


def test_functions_after_specialization():
    def f(n):
        total = 0
        for i in range(n):
            total += i * 2
        return total
    for _ in range(2000):
        f(10)
    there = carry(f)
    assert there.__code__.co_code == f.__code__.co_code and there(10) == 90


def test_importable_goes_by_name():
    for value in (len, print, math.sin, os.path.join, json.dumps, json.JSONDecoder, operator.add, int, dict, type,
                  ValueError, functools.partial, functools.reduce, math, json, os.path, object, type(None),
                  json.JSONDecoder.decode, str.upper, dict.get, list.append, type(lambda: 0), type(len)):
        assert carry(value) is value, value
    assert len(dumps(json.dumps)) < 60


def test_bound_methods():
    there = carry([].append)
    there(5)
    assert there.__self__ == [5]
    x = [1]
    method, target = carry((x.append, x))
    method(2)
    assert target == [1, 2]
    assert carry('abc'.upper)() == 'ABC'
    assert carry(dict.fromkeys)('ab') == {'a': None, 'b': None}
    assert carry([3, 1].__len__)() == 2
    class K:
        def __init__(self):
            self.n = 3
        def get(self):
            return self.n
        @classmethod
        def make(cls):
            return cls()
        @staticmethod
        def free():
            return 9
    k = K()
    method, there = carry((k.get, k))
    assert method() == 3 and method.__self__ is there
    assert type(carry(K.make)()) is K and carry(K.free)() == 9


def test_decorated_with_wraps():
    def traced(f):
        @functools.wraps(f)
        def wrapper(*a, **k):
            return ('traced', f(*a, **k))
        return wrapper
    @traced
    def f(x):
        "doc"
        return x
    there = carry(f)
    assert there(1) == ('traced', 1) and there.__doc__ == 'doc' and there.__wrapped__(2) == 2


def test_partial():
    there = carry(functools.partial(add, 1, c=5))
    assert there(2) == 8 and there.keywords == {'c': 5}


def test_function_in_library_globals():
    # A closure made by a library keeps that library's globals.
    getter = functools.cmp_to_key
    there = carry(functools.singledispatch)
    assert there is functools.singledispatch
    f = functools.lru_cache.__wrapped__ if hasattr(functools.lru_cache, '__wrapped__') else None
    wrapper = json.JSONDecoder().parse_string
    assert carry(json.scanner.py_make_scanner) is json.scanner.py_make_scanner


def test_function_with_globals_of_its_own():
    ns = {'__name__': 'nowhere', 'base': 100, 'other': object()}
    exec('def f(x):\n    return base + x\ndef g(x):\n    global base\n    base = x\n', ns)
    f, g = carry((ns['f'], ns['g']))
    assert f(1) == 101
    g(5)
    assert f(1) == 6 and f.__globals__ is g.__globals__ is not receiver
    assert 'other' not in f.__globals__ and ns['base'] == 100


def test_immutability():
    assert is_immutable(noop) and is_immutable(add) is True
    assert is_immutable(lambda x=(1, 'a'): x)
    def make(n):
        return lambda: n
    assert not is_immutable(make(1))
    assert not is_immutable(lambda x=[]: x)
    assert not is_immutable([noop])
    def f():
        pass
    f.a = 1
    assert not is_immutable(f)
    assert is_immutable(math.sin)


def test_type_params():
    def f[T](x: T) -> T:
        return x
    there = carry(f)
    assert there(3) == 3 and [str(p) for p in there.__type_params__] == ['T']


def test_nested_depth_of_code():
    source = 'f = ' + 'lambda: ' * 60 + '42'
    ns = {'__name__': '__main__'}
    exec(source, ns)
    there = carry(ns['f'])
    for _ in range(60):
        there = there()
    assert there == 42


def test_deep_closures():
    def chain(f):
        return lambda: f
    f = None
    for _ in range(20_000):
        f = chain(f)
    there, depth = carry(f), 0
    while there is not None:
        there, depth = there(), depth + 1
    assert depth == 20_000
