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


def test_globals_that_are_carried_themselves():
    names = {'__name__': 'elsewhere', 'used': [1], 'unused': [2], (1, frozenset()): 3}
    exec('def f(): return used', names)
    exec('def g(): return f', names)
    del names['__builtins__']
    f, g = names['f'], names['g']
    for made in ((f, names), [f, g, names], [[f], [g], {'it': names}], [names, f]):
        there = carry(made)
        f_there = there[0] if callable(there[0]) else there[1] if callable(there[1]) else there[0][0]
        last = there[-1] if callable(there[0]) else there[0] if callable(there[1]) else there[-1]['it']
        assert f_there.__globals__ is last and last['f'] is f_there and last['g']() is f_there
        assert last.keys() == names.keys() and f_there() is last['used'] and last['unused'] == [2]
        assert f_there.__module__ == last['g'].__module__ == 'elsewhere'


class Noted:
    pass


def test_changed_annotations():
    written = {'x': int, 'y': 'str', 'z': Noted, 'return': list[int]}
    def f(x: int, y: 'str' = '', *, z: Noted) -> list[int]:
        pass
    receiver['Noted'] = Noted
    before = dumps(f)
    assert f.__annotations__ == written and dumps(f) == before
    f.__annotations__['w'] = float
    kept = f.__annotations__
    there, dict_there = carry((f, kept))
    assert there.__annotations__ is dict_there and there.__annotations__ == kept == written | {'w': float}
    assert there.__annotate__(1) == written
    del kept['w'], kept['x']
    assert carry(f).__annotations__ == kept and list(carry(f).__annotate__(1)) == list(written)
    kept.clear()
    kept.update(written, x=bytes)
    assert carry(f).__annotations__['x'] is bytes and carry(f).__annotate__(1)['x'] is int
    kept['x'] = int
    assert dumps(f) == before
    kept['z'] = kept['self'] = f
    there = carry(f)
    assert there.__annotations__['z'] is there.__annotations__['self'] is there
    del receiver['Noted']


def test_annotations_of_outer_functions():
    def outer(kind):
        def f(x: kind, y: dict[str, kind]):
            pass
        return f
    f = outer(bytes)
    f.__annotations__
    assert carry(f).__annotations__ == {'x': bytes, 'y': dict[str, bytes]}
    f.__annotations__['x'] = str
    assert carry(f).__annotations__ == {'x': str, 'y': dict[str, bytes]}
    assert carry(f).__annotate__(1)['x'] is bytes


def test_annotate_is_not_asked():
    asked = []
    def annotate(form):
        asked.append(form)
        return {'x': int}
    def f(x):
        pass
    f.__annotate__ = annotate
    there = carry(f)
    assert there.__annotations__ == {'x': int} and asked == []
    f.__annotations__['y'] = str
    asked.clear()
    there = carry(f)
    assert there.__annotations__ == {'x': int, 'y': str} and asked == []
    assert there.__annotate__(1) == {'x': int}


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


def test_module_of_a_function_whose_globals_are_carried():
    names = {'__name__': 'somewhere_else', 'n': 3}
    exec('def f(): return n\ndef g(): return f()', names)
    for there in (carry(names['f']), *carry([names['g'], names['f']])):
        assert there.__module__ == 'somewhere_else' and there() == 3
    names['f'].__module__ = None
    assert carry(names['f']).__module__ is None


def test_no_module_behind_what_has_filled_the_globals_by_then():
    names = {'__name__': 'somewhere_else', 'n': 3}
    exec('def f(): return n\nf.__module__ = None\nclass C:\n    def m(self): return n\n', names)
    for made in ([names['C'], names['f']], [names['f'], names['C']]):
        back = dict(zip((part.__name__ for part in made), carry_away(made)))
        assert back['f'].__module__ is None and back['f']() == back['C']().m() == 3
        assert back['C'].__module__ == 'somewhere_else' == back['C'].m.__module__
    nameless = {'n': 3}
    exec('def f(): return n', nameless)
    assert carry(nameless['f']).__module__ is nameless['f'].__module__


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


def code_of(source):
    names = {'__name__': '__main__'}
    exec(source, names)
    return names['f']


CONSTANTS = r"""
def f(x):
    "Documented."
    def nested(y, *, z=2.5):
        return [lambda: 10**40, (y, 'some text', b'bytes', 1e300, 2j, (1.5, (70000, None), 'x'))]
    return x in {'one', 2, 3.5}, x[1:2], x[1000:], ..., True, -7, 70001, '\ud800', nested(x)
"""


def test_constants_of_one_record():
    f = code_of(CONSTANTS)
    assert immutable_constants(carry(f).__code__) == immutable_constants(f.__code__)
    assert repr(carry(f)('one')[:-1]) == repr(f('one')[:-1])
    assert carry(f)('one')[-1][1] == f('one')[-1][1]


def immutable_constants(code):
    return [immutable_constants(c) if hasattr(c, 'co_consts') else (type(c), c) for c in code.co_consts]


def test_equal_code_stays_two_objects():
    one, two = code_of(CONSTANTS), code_of(CONSTANTS)
    for _ in range(5):
        back = carry([one, two, one, one.__code__])
        assert back[0] is back[2] and back[0].__code__ is back[3]
        assert back[0].__code__ is not back[1].__code__
        assert back[0].__code__ == back[1].__code__


def test_code_whose_constants_are_elsewhere_too():
    source = "def f():\n def g(): return 'some text', (1.5, 70000)\n return g"
    f = code_of(source)
    g = f()
    text, pair = next(c for c in g.__code__.co_consts if isinstance(c, tuple))
    for made in ([f, g, text, pair], [text, f, g, pair], [g, f, pair, text], [pair, text, g, f]):
        for _ in range(4):
            back = carry(made)
            f2, g2, text2, pair2 = [back[made.index(part)] for part in (f, g, text, pair)]
            assert g2.__code__ in f2.__code__.co_consts
            assert any(g2.__code__ is c for c in f2.__code__.co_consts)
            constant = next(c for c in g2.__code__.co_consts if isinstance(c, tuple))
            assert constant[0] is text2 and constant[1] is pair2


def test_a_weak_reference_to_nested_code():
    import weakref
    f = code_of("def f():\n def g(): return 1\n return g")
    g = next(c for c in f.__code__.co_consts if hasattr(c, 'co_code'))
    reference = weakref.ref(g)
    del g
    f2, reference2 = carry([f, reference])
    assert any(reference2() is c for c in f2.__code__.co_consts)


def test_code_nested_deeply():
    source = 'lambda: ' * 60 + '1'
    f = code_of(f'def f(): return {source}')
    for _ in range(2):
        back = carry(f)
        for _ in range(61):
            back = back()
        assert back == 1


def test_the_same_function_again_and_again():
    f = code_of("def f(x, y=[]): y.append(x); return y")
    data = dumps(f)
    codes = [loads(data).__code__ for _ in range(4)]
    # Kept when they come the second time.
    assert codes[0] is not codes[1] and codes[1] is codes[2] is codes[3]
    one, two = loads(data), loads(data)
    assert one(1) == [1] and one(2) == [1, 2] and two(3) == [3]
    one.__code__ = one.__code__.replace(co_name='g')
    assert loads(data).__code__.co_name == 'f'
    one.__defaults__[0].append('more')
    assert loads(data)(4) == [4]


def test_many_functions_of_many_kinds():
    # More than are remembered.
    made = [code_of(f"def f(x): return x + {n} + {n / 7} + len('{'some text ' * (n % 50)}')") for n in range(1500)]
    for _ in range(4):
        back = carry(made)
        assert [f(1) for f in back] == [f(1) for f in made]


def test_functions_at_once_share_what_they_share():
    def make(low, high):
        seen = []
        def first(value, step=(70000, 'text'), *, scale=seen): return low, seen, high
        def second(value, step=(low, [high]), *, scale=1.5): return low, first, seen
        return first, second, seen
    first, second, seen = make((1, 'text'), {'k': 1.5})
    second.seen = seen
    for made in ([first, second, seen], [second, seen, first], [seen, first, second]):
        back = carry(made)
        f, s, seen2 = [back[made.index(part)] for part in (first, second, seen)]
        assert f(0)[1] is seen2 and s(0)[2] is seen2 and s.seen is seen2 and f.__kwdefaults__['scale'] is seen2
        assert s(0)[1] is f and s(0)[0] is f(0)[0] and f(0)[2] is s.__defaults__[0][1][0]
        assert f.__closure__[0] is s.__closure__[1] or any(a is b for a in f.__closure__ for b in s.__closure__)
        assert f.__defaults__ == ((70000, 'text'),)


def test_a_function_in_its_own_cell_and_defaults():
    def make():
        def f(x=None, *, k=None): return f, x, k
        f.__defaults__ = ((f,),)
        f.__kwdefaults__ = {'k': f}
        return f
    f = carry(make())
    assert f() == (f, (f,), f)


def test_long_text():
    text = 'some text, ' * 1000
    one, two, three = carry([text, {'k': text}, (text + 'x')])
    assert one == text and two['k'] is one and three == text + 'x'
    odd = '\ud800' * 3000
    assert carry(odd) == odd and carry(lambda: odd)() == odd


def test_functions_and_cells_with_what_is_said_right_behind_them():
    def make(n):
        def g(a, b=(n, 'x'), *, c=[n], d=1.5):
            return n, a, b, c, d
        return g
    one, two = carry([make(1), make(70_000)])
    assert one(0) == (1, 0, (1, 'x'), [1], 1.5) and two(0) == (70_000, 0, (70_000, 'x'), [70_000], 1.5)
    assert one.__name__ == 'g' and one.__qualname__ == make(1).__qualname__ and one.__kwdefaults__.keys() == {'c', 'd'}
    # What leads back to them comes after them.
    def f(x=1, *, k=None):
        return x, k
    f.__kwdefaults__['k'] = f
    for made in ([f, 'k'], ['k', f]):
        there = carry(made)[made.index(f)]
        assert there() == (1, there)
    f.__defaults__ = f,
    assert (lambda there: there() == (there, there))(carry(f))
    cell = one.__closure__[0]
    for hold in (lambda x: x, lambda x: [x], lambda x: (x,), lambda x: {'k': x}):
        cell.cell_contents = hold(cell)
        there = carry(cell)
        assert repr(hold(there)) == repr(there.cell_contents)
    cell.cell_contents = held = [1]
    there, again, function = carry([cell, held, one])
    assert there.cell_contents is again and function.__closure__[0] is there


def test_dicts_that_code_ran_in_have_the_builtins_of_who_reads_them():
    import builtins

    names = {}
    exec('x = 1', names)
    builtins.only_here = 1
    try:
        there = carry(names)
    finally:
        del builtins.only_here
    assert there['x'] == 1 and there['__builtins__'] is names['__builtins__']
    assert carry_away([names])[0]['__builtins__']['len']([1]) == 1


def made_of_the_same_text():
    names = {}
    exec(compile("def same(): return 1", "<same>", "exec"), globals(), names)
    return names["same"]


def by_reading(data):
    return read_another(data)


def test_code_objects_stay_two_also_where_another_snapshot_is_read_between_them():
    receiver["read_another"] = loads
    another = dumps(made_of_the_same_text())

    class Read:
        def __reduce__(self):
            return by_reading, (another,)

    both = dumps([made_of_the_same_text(), Read(), made_of_the_same_text()])
    kept = [loads(another).__code__ for _ in range(4)]
    assert kept[-1] is kept[-2], "what comes again and again is made once"
    for _ in range(3):
        first, _, second = loads(both)
        assert first.__code__ is not second.__code__
        assert first.__code__ == second.__code__ and first() == second() == 1
