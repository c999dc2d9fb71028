"""Identity: `a is b` before is `a is b` after, for everything that can tell."""
import copy
import random
import sys
import threading
import types


def places(root):
    """Every object reachable from a list by a path of indices, keys and attributes."""
    found, rest, seen = {}, [((), root)], set()
    while rest:
        path, x = rest.pop()
        found[path] = x
        if type(x) in (list, tuple, dict, types.SimpleNamespace, Plain, types.FunctionType):
            if id(x) in seen:
                continue
            seen.add(id(x))
        if type(x) in (list, tuple):
            rest.extend((path + (i,), y) for i, y in enumerate(x))
        elif type(x) is dict:
            rest.extend((path + ('v', i), y) for i, y in enumerate(x.values()))
            rest.extend((path + ('k', i), y) for i, y in enumerate(x))
        elif type(x) in (types.SimpleNamespace, Plain):
            rest.append((path + ('dict',), x.__dict__))
        elif type(x) is types.FunctionType:
            rest.append((path + ('defaults',), x.__defaults__))
            rest.append((path + ('kwdefaults',), x.__kwdefaults__))
            rest.append((path + ('dict',), x.__dict__))
            rest.extend((path + ('cell', i), c) for i, c in enumerate(x.__closure__ or ()))
            rest.extend((path + ('content', i), c.cell_contents) for i, c in enumerate(x.__closure__ or ()))
    return found


class Plain:
    pass


def groups(found):
    """Which paths lead to one object."""
    by_id = {}
    for path, x in found.items():
        by_id.setdefault(id(x), []).append(path)
    return sorted(map(sorted, [[str(p) for p in group] for group in by_id.values()]))


def check(value, carried=None):
    there = carry(value) if carried is None else carried
    # Attribute dicts are made when they are looked at: both sides are looked at alike.
    before, after = places(value), places(there)
    assert set(before) == set(after), (set(before) ^ set(after))
    assert groups(before) == groups(after), [g for g in groups(before) if g not in groups(after)][:5]
    for path, x in before.items():
        if type(x) in (int, float, str, bytes, complex):
            assert type(after[path]) is type(x) and after[path] == x
    return there


def fresh(value):
    """An equal object that is another."""
    if type(value) is int:
        return value + 1 - 1 if abs(value) > 256 else value
    if type(value) is float:
        return value * 1.0
    if type(value) is str:
        return ''.join(list(value))
    return value


def test_elements_of_packed_runs():
    for make in (lambda i: 10**6 + i, lambda i: i + 0.5, lambda i: 'text %d' % i):
        run = [make(i) for i in range(100)]
        check([run, run[5]])
        check([run[5], run])
        check([run, tuple(run)])
        check([run, list(run), run[3:50]])
        check([tuple(run), {'k': run[7]}, run[7], [run[99], run[0]]])
        check([run[5], run, run[6], run])
        check({'a': run, 'b': run[::2], 'c': run[::-1]})
        check([run + run])
        check([run, set(), frozenset(run)])
        there = carry([run, set(run), frozenset(run)])
        assert there[1] == set(run) and {id(x) for x in there[1]} == {id(x) for x in there[0]} == {id(x) for x in there[2]}


def test_equal_elements_stay_apart():
    for value in (10**6, 1.5, 'some text', 10**30, b'bytes'):
        check([fresh(value) for _ in range(50)])
        check([value] * 50)
        check([value] * 20 + [fresh(value) for _ in range(20)] + [value])
        check([fresh(value), fresh(value), value, value])


def test_mixed_runs():
    rng = random.Random(5)
    for seed in range(300):
        rng = random.Random(seed)
        make = rng.choice((lambda: rng.randrange(-300, 2**70) if seed % 5 == 0 else rng.randrange(-300, 3000),
                           lambda: rng.random(), lambda: 'w %d' % rng.randrange(20), lambda: chr(97 + rng.randrange(26)),
                           lambda: rng.choice(('interned', 'words', 'w %d' % rng.randrange(9)))))
        pool = [make() for _ in range(rng.choice((1, 5, 40)))]
        pick = lambda: rng.choice(pool) if rng.random() < rng.choice((0.02, 0.3, 1)) else make()
        value = []
        for _ in range(rng.randrange(1, 6)):
            run = [pick() for _ in range(rng.choice((1, 15, 16, 17, 60, 200)))]
            value.append(rng.choice((list, tuple, lambda r: {i: x for i, x in enumerate(r)},
                                     lambda r: {'k': [r, r[0]]}, lambda r: Plain()))(run))
        value.append(pool)
        del pool
        check(value)


def test_dict_keys_and_values():
    key, value = 'some key %d' % 5, 'some value %d' % 6
    check([{key: value}, key, value, {value: key}])
    check({10**9 + i: float(i) for i in range(100)})
    d = {10**9 + i: float(i) for i in range(100)}
    check([d, list(d), list(d.values())])


def test_attribute_dicts():
    p = Plain()
    p.x = [1]
    d = p.__dict__
    there = carry([p, d, p])
    assert there[0].__dict__ is there[1] and there[0].x is there[1]['x'] and there[0] is there[2]
    there = carry([d, p])
    assert there[1].__dict__ is there[0]
    shared = {'n': 5}
    a, b = Plain(), Plain()
    a.__dict__ = b.__dict__ = shared
    there = carry((a, b))
    there[0].n = 7
    assert there[1].n == 7 and there[0].__dict__ is there[1].__dict__ and shared == {'n': 5}
    p.me = p
    p.d = p.__dict__
    there = carry(p)
    assert there.me is there and there.d is there.__dict__ and there.d['d'] is there.d


def test_function_dicts():
    def f(*, k=1):
        pass
    def g(*, k=1):
        pass
    g.__kwdefaults__ = f.__kwdefaults__
    there = carry((f, g, f.__kwdefaults__))
    assert there[0].__kwdefaults__ is there[1].__kwdefaults__ is there[2] == {'k': 1}
    f.note = [1]
    d = f.__dict__
    there = carry((f, d))
    assert there[0].__dict__ is there[1] and there[0].note is there[1]['note']
    d['self'] = f
    there = carry((d, f))
    assert there[1].__dict__ is there[0] and there[0]['self'] is there[1]
    g.__defaults__ = f.__defaults__ = (there, 5)
    there = carry((f, g, f.__defaults__))
    assert there[0].__defaults__ is there[1].__defaults__ is there[2]


class OwnDict(dict):
    pass


def test_dicts_of_subclasses():
    from collections import OrderedDict
    def f(*, k=1):
        return k
    f.__kwdefaults__, f.__dict__, f.__annotations__ = OrderedDict(k=[2]), OwnDict(a=1), OwnDict(k=int)
    f.__kwdefaults__.note, f.__dict__['me'] = 'noted', f
    for there in (carry(f), carry_away([f])[0]):
        assert type(there.__kwdefaults__) is OrderedDict and there() == [2] and there.__kwdefaults__.note == 'noted'
        assert type(there.__dict__) is type(there.__annotations__) and type(there.__dict__).__name__ == 'OwnDict'
        assert there.me is there and there.a == 1 and there.__annotations__ == {'k': int}
    def g():
        pass
    g.__dict__, g.__annotations__, g.__kwdefaults__ = OwnDict(), OrderedDict(), OwnDict()
    there = carry(g)
    assert type(there.__dict__) is type(there.__kwdefaults__) is OwnDict and type(there.__annotations__) is OrderedDict
    p, q = Plain(), Plain()
    p.__dict__, q.__dict__ = OwnDict(x=[1]), OrderedDict()
    q.p, q.me = p, q
    for made in ([p, q], [[p], [q], p, q]):
        there = carry(made)[-2:]
        assert type(there[0].__dict__) is OwnDict and type(there[1].__dict__) is OrderedDict
        assert there[1].p is there[0] and there[1].me is there[1] and there[0].x == [1]


class OwnFileError(OSError):
    __slots__ = ('place',)


class Slotted:
    __slots__ = ('place', '__dict__')


class OwnList(list):
    pass


class OwnSet(set):
    pass


class OwnText(str):
    pass


def test_dicts_of_subclasses_beside_items_and_slots():
    made = [ValueError(1), OwnFileError(2, 'gone', 'file'), Slotted(), OwnList([1]), OwnSet([1]), OwnText('t')]
    for thing in made:
        thing.__dict__ = OwnDict(x=[1])
        thing.me = thing
    made[1].place = made[2].place = made
    made[0].add_note('noted')
    for there in (carry(made), carry_away([made])[0]):
        for thing in there:
            assert type(thing.__dict__).__name__ == 'OwnDict' and thing.me is thing and thing.x == [1]
        assert there[1].place is there[2].place is there and there[1].filename == 'file'
        assert 'place' not in there[1].__dict__ and 'place' not in there[2].__dict__
        assert there[0].args == (1,) and there[0].__notes__ == ['noted']
        assert there[3] == [1] and there[4] == {1} and there[5] == 't'
    try:
        raise made[0]
    except ValueError as error:
        there = carry(error)
    assert type(there.__dict__) is OwnDict and there.me is there and 'identity.py' in there.__remote_traceback__


def test_dicts_shared_beside_items_and_slots():
    for thing in (ValueError(1), Slotted(), OwnList([1]), OwnSet([1]), OwnText('t')):
        thing.x = [1]
        shared = thing.__dict__
        for there, dict_there in (carry((thing, shared)), carry_away((thing, shared))):
            assert there.__dict__ is dict_there and dict_there == {'x': [1]} and type(dict_there) is dict
        dict_there, there = carry((shared, thing))
        assert there.__dict__ is dict_there


def test_cells_and_defaults():
    def make():
        n = 10**6
        box = []
        def f(a=box):
            return n, box
        def g(b=box):
            nonlocal n
            n += 1
            return n, box
        return f, g, box
    there = check(list(make()))
    there[1]()
    assert there[0]()[0] == 10**6 + 1 and there[0]()[1] is there[1].__defaults__[0] is there[2]


def test_across_names():
    run = [float(i) for i in range(100)]
    words = ['w %d' % i for i in range(30)]
    ns = {'x': run[3], 'run': run, 'y': run[5], 'again': list(run), 'words': words, 'w': words[0],
          'd': {'w': words[1], 'z': run[99]}, 'e': words[1], 'big': [10**20, 10**20], 'p': Plain()}
    there = carry_names(ns)
    check([ns[n] for n in ns if n != 'p'], [there[n] for n in there if n != 'p'])
    # Names that refer to elements of a run don't change its bytes.
    both = {'run': [float(i) for i in range(100)]}
    before = tables(both)
    both['y'] = both['run'][5]
    both['z'] = both['run'][7:9]
    after = tables(both)
    assert after['run'] == before['run']
    there = carry_names(both)
    assert there['y'] is there['run'][5] and there['z'][1] is there['run'][8]


def test_trees_that_are_shared_inside():
    inner = [1, [2]]
    check([[inner], [inner], (inner, {'k': inner})])
    p = Plain()
    p.a = [Plain(), Plain()]
    p.b = p.a[0]
    p.a[1].c = p.b
    check([p, [p]])
    loop = [[[]]]
    loop[0][0].append(loop)
    check([loop])
    for seed in range(300):
        rng = random.Random(seed)
        nodes = []
        for _ in range(rng.choice((3, 10, 30))):
            pick = lambda: rng.choice(nodes) if nodes and rng.random() < 0.3 else rng.choice((1, 10**9 + 7, 1.5, 'w', 'text %d' % seed))
            node = rng.choice((list, tuple, lambda r: {i: x for i, x in enumerate(r)}))([pick() for _ in range(rng.randrange(4))])
            if rng.random() < 0.3:
                held = Plain()
                held.x, held.y = node, pick()
                node = held
            nodes.append(node)
        check(rng.sample(nodes, rng.randrange(1, len(nodes))))


class Part:
    """Comes back by code, which fails while `sys.parts_fail` says so."""
    def __getstate__(self):
        return 1
    def __setstate__(self, state):
        import sys
        if sys.parts_fail:
            raise sys.parts_fail
        self.state = state


sys.parts_fail = None


def failing(data, failure):
    sys.parts_fail = failure
    try:
        loads(data)
    except type(failure) as error:
        assert error is failure
    else:
        raise AssertionError('it was brought back')
    finally:
        sys.parts_fail = None


def test_a_class_whose_filling_failed_is_filled_when_it_comes_again():
    class Model:
        part = Part()
        def train(self):
            return 'trained', self.part.state
    data = dumps(Model())
    carry_away(None)
    for failure in (ValueError('not yet'), KeyboardInterrupt()):
        failing(data, failure)
    there = loads(data)
    assert there.train() == ('trained', 1)
    assert type(loads(data)) is type(there)


def test_a_class_whose_next_version_failed_has_one_of_them_when_it_comes_again():
    class Model:
        step = 1
    model = Model()
    first = dumps(model)
    Model.step, Model.part = 2, Part()
    second = dumps(model)
    carry_away(None)
    there = loads(first)
    assert there.step == 1
    failing(second, ValueError('not yet'))
    assert loads(second).part.state == 1 and there.step == 2
    failing(second, ValueError('it has it already'))
    assert there.step == 2 and there.part.state == 1
    assert type(loads(first)) is type(there) and there.step == 1


def test_a_class_that_is_finished_outlasts_what_failed_behind_it():
    class Model:
        def train(self):
            return 'trained'
    class Keeper:
        def __getstate__(self):
            return {'model': Model()}
        def __setstate__(self, state):
            import sys
            sys.kept = state['model']
    data = dumps([Keeper(), Part()])
    carry_away(None)
    failing(data, ValueError('not yet'))
    kept = sys.kept
    loads(data)
    assert type(sys.kept) is type(kept) and sys.kept is not kept and kept.train() == 'trained'
    del sys.kept


def test_a_class_that_was_left_out_of_a_namespace_takes_the_place_of_none():
    class Model:
        part = Part()
        def train(self):
            return 'trained'
    data = dumps(Model())
    sys.parts_fail = ValueError('not today')
    there, left_out = rebuilt_here({'Model': Model, 'plain': 5})
    sys.parts_fail = None
    assert there == {'plain': 5} and left_out == [('Model', 'ValueError: not today')]
    assert type(loads(data)) is Model
    there, left_out = rebuilt_here({'Model': Model, 'plain': 5})
    assert not left_out and type(loads(data)) is there['Model'] is not Model


class Meeting:
    """Calls `sys.meet` with its name when it comes back."""
    def __init__(self, name):
        self.name = name
    def __getstate__(self):
        return self.name
    def __setstate__(self, name):
        import sys
        self.name = name
        sys.meet(name)


def in_threads(*works):
    """What each of these gives, each in a thread of its own."""
    given = [None] * len(works)
    def run(place, work):
        try:
            given[place] = work()
        except BaseException as error:
            given[place] = error
    threads = [threading.Thread(target=run, args=pair, daemon=True) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), 'they wait for each other'
    return given


def test_threads_that_load_a_class_at_once_get_one_and_a_finished_one():
    class Model:
        part = Meeting('part')
        def train(self):
            return 'trained', self.part.name
    data = dumps(Model())
    carry_away(None)
    begun, ended, early = threading.Event(), threading.Event(), []
    def meet(name):
        if not begun.is_set():
            begun.set()
            # The other can't end while the class is in the making here.
            early.append(ended.wait(0.3))
    def other():
        begun.wait(60)
        there = loads(data)
        ended.set()
        return there
    sys.meet = meet
    one, two = in_threads(lambda: loads(data), other)
    assert early == [False]
    assert type(one) is type(two) and one.train() == two.train() == ('trained', 'part')


def test_a_thread_makes_the_class_that_another_could_not():
    class Model:
        part = Meeting('part')
        def train(self):
            return 'trained', self.part.name
    data = dumps(Model())
    carry_away(None)
    begun = threading.Event()
    def meet(name):
        if not begun.is_set():
            begun.set()
            raise ValueError('not here')
    def other():
        begun.wait(60)
        return loads(data)
    sys.meet = meet
    failure, there = in_threads(lambda: loads(data), other)
    assert type(failure) is ValueError and there.train() == ('trained', 'part')


def test_threads_that_need_the_classes_of_each_other_go_on():
    class One:
        part = Meeting('one')
    class Two:
        part = Meeting('two')
    one, two = dumps(One()), dumps(Two())
    carry_away(None)
    both, inside = threading.Barrier(2), threading.local()
    def meet(name):
        if not hasattr(inside, 'of'):
            inside.of = name
            both.wait(60)
            loads({'one': two, 'two': one}[name])
    sys.meet = meet
    there = in_threads(lambda: loads(one), lambda: loads(two))
    assert [each.part.name for each in there] == ['one', 'two'], there
    sys.meet = lambda name: None
    assert type(loads(one)) is type(there[0]) and type(loads(two)) is type(there[1])


def test_a_method_that_is_wrapped_very_often():
    method = lambda: 0
    for _ in range(200_000):
        method = staticmethod(method)
    class Wrapped:
        pass
    Wrapped.method = method
    assert type(carry(Wrapped())) is Wrapped
    method = lambda: 0
    for _ in range(40):
        method = property(method, method, method)
    Wrapped.method = method
    assert type(carry(Wrapped())) is Wrapped


def test_a_class_named_partial_that_holds_itself():
    class partial:
        pass
    class Below(partial):
        def __init__(self, held):
            self.held = held
        def __reduce__(self):
            import copyreg
            return copyreg.__newobj__, (type(self),), (self.held,)
        def __setstate__(self, state):
            self.held, = state
    held = partial()
    held.func = held
    there = carry(Below(held))
    assert there.held.func is there.held
    assert vars(carry(Below(partial())).held) == {}


class Setting:
    __slots__ = ('value',)


def test_what_changes_within_a_class_arrives():
    class Model:
        table, items, plain, slotted = {'rate': [1]}, [], Plain(), Setting()
        def method(self, x=1, *, y=2):
            return x, y, type(self).method.note
        method.note = 0
        @staticmethod
        def static():
            return 1
        @property
        def name(self):
            return 1
    model = Model()
    Model.slotted.value, Model.plain.me = 1, [Model.plain]
    def seen(model):
        parts = model.table, model.items, model.plain.__dict__.get('x'), model.slotted.value
        return copy.deepcopy(parts), model.method(), model.static(), model.name
    changes = [lambda: Model.table['rate'].append(2), lambda: Model.items.append('item'),
               lambda: setattr(Model.plain, 'x', 5), lambda: setattr(Model.slotted, 'value', {6}),
               lambda: Model.slotted.value.add(7),
               lambda: setattr(Model.method, '__defaults__', (10,)), lambda: Model.method.__kwdefaults__.update(y=20),
               lambda: setattr(Model.method, 'note', 'noted'),
               lambda: setattr(Model.static, '__code__', (lambda: 2).__code__),
               lambda: setattr(Model.name.fget, '__code__', (lambda self: 2).__code__)]
    sent = []
    for change in [lambda: None, *changes]:
        before = seen(model)
        change()
        assert not sent or seen(model) != before
        sent.append((dumps(model), seen(model)))
    carry_away(None)
    for data, expected in sent:
        assert seen(loads(data)) == expected, expected


def test_what_has_not_changed_here_stays_as_it_is_there():
    class Model:
        noted = []
        def note(self, what):
            self.noted.append(what)
            return self.noted
    model = Model()
    model.note('here')
    first, second = dumps(model), dumps(model)
    model.note('here too')
    third = dumps(model)
    carry_away(None)
    assert loads(first).note('there') == ['here', 'there']
    assert loads(second).note('again') == ['here', 'there', 'again']
    assert loads(third).note('last') == ['here', 'here too', 'last']


def test_members_stay_what_they_are_when_their_class_has_changed():
    import enum

    class Level(enum.Enum):
        low, high = 1, 2
    class Perm(enum.Flag):
        read, write = 1, 2
    first = dumps([Level.low, Perm.read])
    Level.note = 'changed'
    Perm.read | Perm.write
    second = dumps([Level.low, Perm.read])
    carry_away(None)
    level, perm = loads(first)
    for _ in range(2):
        assert loads(second)[0] is level and loads(second)[1] is perm
        assert type(level)(1) is level and type(level)['low'] is level and type(level).low is level
        assert type(perm)(1) is perm and type(perm)(3) & perm is perm
    assert type(level).note == 'changed'


def test_what_a_receiver_changes_in_a_class_stays_where_nothing_changed_here():
    import collections
    import datetime
    import io
    import weakref

    class Counting:
        count = 0
        begun, calls, held = datetime.datetime(2020, 1, 1), collections.deque(), io.StringIO()
        found, large = weakref.WeakValueDictionary(), bytearray(100_000)
        table = {number: [number] for number in range(20_000)}
    counting = Counting()
    sent = dumps(counting)
    assert dumps(counting) == sent
    Counting.limit = 5
    changed = dumps(counting)
    assert dumps(counting) == changed != sent
    carry_away(None)
    there = type(loads(sent))
    there.count += 1
    assert type(loads(sent)) is there and there.count == 1
    assert type(loads(changed)) is there and there.limit == 5 and there.count == 0
    there.count += 1
    assert type(loads(changed)).count == 1
