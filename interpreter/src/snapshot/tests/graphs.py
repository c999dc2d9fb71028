"""Random graphs of objects, compared with what arrives: structure, order and identity."""
import collections
import random
import threading
import types


class Box:
    pass


class Slots:
    __slots__ = ('a', 'b')


class Bag(list):
    pass


class Reduced:
    """Rebuilt by a call, and completed by a state."""
    def __init__(self, first=None):
        self.first = first

    def __reduce__(self):
        return Reduced, (self.first,), self.__dict__


class Keyed:
    """Hashed by a part of its state."""
    def __init__(self, name):
        self.name = name

    def __hash__(self):
        return hash(self.name)

    def __eq__(self, other):
        return type(other) is type(self) and self.name == other.name

    def __repr__(self):
        return 'Keyed(%r)' % self.name


class Stated:
    """Looks at its state as it gets it."""
    def __getstate__(self):
        return {k: v for k, v in self.__dict__.items() if k != 'names'}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self.names = sorted(state)
        assert 'x' in self.names


def scalar(rng):
    return rng.choice((
        lambda: None, lambda: True, lambda: ..., lambda: rng.randrange(-10, 300), lambda: rng.randrange(-2**80, 2**80),
        lambda: rng.random(), lambda: 'text %d' % rng.randrange(50), lambda: 'key', lambda: b'x' * rng.choice((0, 3, 5000)),
        lambda: complex(rng.random(), -0.0), lambda: len, lambda: dict, lambda: '\ud800'))()


def grow(rng, size):
    """A graph whose containers refer to each other at random, backwards and forwards."""
    nodes, fill = [], []
    pick = lambda: rng.choice(nodes) if nodes and rng.random() < 0.7 else scalar(rng)
    hashable = lambda: rng.choice((scalar(rng), (scalar(rng), rng.randrange(5)), frozenset({rng.randrange(9), 'f'})))
    for _ in range(size):
        kind = rng.randrange(13)
        if kind in (0, 1):
            node = []
            fill.append(lambda n=node: n.extend(pick() for _ in range(rng.randrange(5))))
        elif kind in (2, 3):
            node = {}
            fill.append(lambda n=node: n.update((hashable(), pick()) for _ in range(rng.randrange(5))))
        elif kind in (4, 5):
            node = tuple(pick() for _ in range(rng.randrange(4)))
        elif kind == 6:
            node = set()
            fill.append(lambda n=node: n.update(hashable() for _ in range(rng.randrange(5))))
        elif kind == 7:
            node = Box()
            fill.append(lambda n=node: n.__dict__.update(('k%d' % i, pick()) for i in range(rng.randrange(4))))
        elif kind == 8:
            node = Slots()
            fill.append(lambda n=node: (setattr(n, 'a', pick()), setattr(n, 'b', pick())))
        elif kind == 9:
            node = Bag()
            fill.append(lambda n=node: (n.extend(pick() for _ in range(3)), setattr(n, 'note', pick())))
        elif kind == 10:
            node = Reduced(scalar(rng))
            fill.append(lambda n=node: setattr(n, 'late', pick()))
        elif kind == 11:
            node = types.SimpleNamespace()
            fill.append(lambda n=node: n.__dict__.update(x=pick()))
        else:
            cell = pick()
            node = (lambda c, d: lambda x=d: (c, x))(cell, pick())
        nodes.append(node)
    for f in fill:
        f()
    rng.shuffle(nodes)
    return nodes


def grow_keyed(rng, size):
    """A graph of containers whose keys are objects of the graph, with cycles through them."""
    nodes, fill, keys = [], [], []
    pick = lambda: rng.choice(nodes) if nodes and rng.random() < 0.8 else scalar(rng)

    def key():
        if not keys or rng.random() < 0.2:
            return scalar(rng)
        k = rng.choice(keys)
        return rng.choice((k, k, k, (k, 1), (1, (k,))))

    for _ in range(size):
        kind = rng.randrange(11)
        if kind == 0:
            node = []
            fill.append(lambda n=node: n.extend(pick() for _ in range(rng.randrange(4))))
        elif kind in (1, 2):
            node = rng.choice((dict, collections.OrderedDict, lambda: collections.defaultdict(list)))()
            fill.append(lambda n=node: n.update((key(), pick()) for _ in range(rng.randrange(4))))
        elif kind == 3:
            node = tuple(pick() for _ in range(rng.randrange(4)))
        elif kind == 4:
            node = set()
            fill.append(lambda n=node: n.update(key() for _ in range(rng.randrange(4))))
        elif kind in (5, 6):
            node = Keyed('n%d' % len(nodes))
            keys.append(node)
            fill.append(lambda n=node: n.__dict__.update(('k%d' % i, pick()) for i in range(rng.randrange(4))))
        elif kind == 7:
            node = Slots()
            fill.append(lambda n=node: (setattr(n, 'a', pick()), setattr(n, 'b', pick())))
        elif kind == 8:
            node = Stated()
            fill.append(lambda n=node: setattr(n, 'x', pick()))
        elif kind == 9:
            node = Reduced(pick())
            fill.append(lambda n=node: setattr(n, 'late', pick()))
        else:
            node = frozenset(key() for _ in range(rng.randrange(3)))
        nodes.append(node)
    for f in fill:
        f()
    rng.shuffle(nodes)
    return nodes


def parts(x):
    """What an object is made of, in a fixed order, or None for scalars."""
    kind = type(x)
    if kind in (list, tuple):
        return list(x)
    if kind is Bag:
        return list(x) + [x.note]
    if kind in (dict, collections.OrderedDict, collections.defaultdict):
        return [p for item in x.items() for p in item]
    if kind in (set, frozenset):
        return sorted(x, key=repr)
    if kind in (Box, types.SimpleNamespace, Reduced, Keyed, Stated):
        return [p for item in x.__dict__.items() for p in item if item[0] != 'names']
    if kind is Slots:
        return [x.a, x.b]
    if kind is types.FunctionType:
        return [c.cell_contents for c in x.__closure__ or ()] + list(x.__defaults__ or ())
    return None


def isomorphic(a, b):
    forth, back, rest = {}, {}, [(a, b)]
    while rest:
        a, b = rest.pop()
        assert type(a) is type(b), (a, b)
        inner, there = parts(a), parts(b)
        if inner is None:
            assert a == b or a is b, (a, b)
            if not (isinstance(a, (int, float)) and not isinstance(a, bool)):
                continue
            continue
        if id(a) in forth or id(b) in back:
            assert forth.get(id(a)) == id(b) and back.get(id(b)) == id(a) or a == ()
            continue
        forth[id(a)], back[id(b)] = id(b), id(a)
        assert len(inner) == len(there), (a, b)
        rest.extend(zip(inner, there))


def test_random_graphs():
    for seed in range(400):
        rng = random.Random(seed)
        graph = grow(rng, rng.choice((3, 10, 40)))
        isomorphic(graph, carry(graph))


def test_random_graphs_with_keys():
    for seed in range(600):
        rng = random.Random(seed)
        graph = grow_keyed(rng, rng.choice((3, 6, 12, 30)))
        there = carry(graph)
        isomorphic(graph, there)
        for node in there:
            if isinstance(node, (dict, set, frozenset)):
                assert all(key in node for key in node), seed


def test_a_state_that_is_put_off_twice():
    # The constructors of two need each other through the state of a third.
    slots = Slots()
    inner = Reduced(slots)
    outer = Reduced(inner)
    slots.a, slots.b = inner, outer
    inner.late = {'k': 1}
    for value in ([outer, slots], [slots, outer], [inner, outer, slots], {'k': outer}):
        isomorphic(value, carry(value))


def test_random_graphs_by_value():
    # Each graph brings its classes along: the last thing here, as they are strangers then.
    for seed in range(30):
        rng = random.Random(1000 + seed)
        graph = grow(rng, 20)
        there = carry_away(graph)
        assert len(there) == len(graph)
        for a, b in zip(graph, there):
            assert type(a).__name__ == type(b).__name__


def test_many_small_rings():
    # Each is found again where it is: looking through all of them each time would take minutes.
    boxes = [Box() for _ in range(60_000)]
    for i, box in enumerate(boxes):
        box.own, box.others = {box: i}, {boxes[i - 1], boxes[i * 7 % 60_000]}
    back = carry(boxes)
    for i in range(0, 60_000, 999):
        box = back[i]
        assert list(box.own.items()) == [(box, i)] and list(box.own)[0] is box
        assert box.others == {back[i - 1], back[i * 7 % 60_000]}


def test_large_random_graph():
    rng = random.Random(7)
    nodes = [[] for _ in range(20_000)]
    for node in nodes:
        node.extend(rng.choices(nodes, k=5))
    there = carry(nodes)
    number = {id(node): i for i, node in enumerate(nodes)}
    arrived = {id(node): i for i, node in enumerate(there)}
    for a, b in zip(nodes, there):
        assert [number[id(x)] for x in a] == [arrived[id(x)] for x in b]


def hashed_by_attribute(base, **more):
    def by_key(self):
        return hash(self.key)
    def same(self, other):
        return self is other
    return type('Keyed', (base,), {'__hash__': by_key, '__eq__': same, '__module__': '__main__', **more})


def test_members_of_sets_among_their_own_attributes():
    import collections
    bases = (object, list, dict, set, int, Exception, OSError, ImportError, collections.OrderedDict,
             collections.defaultdict, collections.Counter, collections.deque)
    kinds = [hashed_by_attribute(base) for base in bases]
    kinds += [hashed_by_attribute(base, __slots__=('key', 'members')) for base in (object, list, dict, ValueError)]
    kinds.append(hashed_by_attribute(ValueError, __reduce__=lambda self: (type(self), (), self.__dict__)))
    makers = (lambda x: {x}, lambda x: {x: 1}, lambda x: frozenset([x]), lambda x: {(x, 1)}, lambda x: [{x: x}])
    for kind in kinds:
        for make in makers:
            for key_first in (True, False):
                x = kind()
                if not key_first:
                    x.members = None
                x.key = 'k'
                x.members = make(x)
                case = kind.__base__, type(x.members), key_first
                for root in (x, x.members, [x, x.members], {'m': x.members, 'x': x}):
                    there = carry_away([root, x])[1]
                    members = there.members[0] if type(there.members) is list else there.members
                    assert there.key == 'k' and (there in members or (there, 1) in members), case
                    assert len(members) == 1 and type(members) is not list, case


def test_containers_of_subclasses_in_cycles():
    import collections
    class Items(list):
        pass
    class Table(dict):
        pass
    class Counts(collections.Counter):
        def __init__(self, *, of):
            super().__init__(of)
            self.of = of
    class Holder:
        pass
    items, table, holder = Items(), Table(), Holder()
    items.extend([items, table])
    items.note = [items]
    table[holder] = items
    holder.table = table
    counts = Counts(of='aab')
    counts[holder] = 7
    plain = collections.Counter({holder: 3})
    holder.counts, holder.plain = counts, plain
    plain, items, table, holder, counts = carry_away([plain, items, table, holder, counts])
    assert items[0] is items and items[1] is table and items.note == [items] and type(items).__name__ == 'Items'
    assert table[holder] is items and holder.table is table
    assert holder.counts is counts and counts[holder] == 7 and counts['a'] == 2 and counts.of == 'aab'
    assert holder.plain is plain and plain == {holder: 3} and type(holder.plain) is collections.Counter and counts.total() == 10


def test_groups_made_from_lists_among_attributes():
    class Plain:
        pass
    class Group(ExceptionGroup):
        pass
    class Own(OSError):
        pass
    others = {'other': lambda e: [KeyError(1)], 'itself': lambda e: [e], 'both': lambda e: [e, KeyError(1)],
              'after': lambda e: [KeyError(1), e], 'group': lambda e: [Group('h', [KeyError(1)])]}
    tuples = (lambda e, g: (e, g), lambda e, g: (g, e), lambda e, g: (g,), lambda e, g: (e, (g,)))
    roots = (lambda e, g, t: t, lambda e, g, t: [t], lambda e, g, t: [e, t], lambda e, g, t: [g, t], lambda e, g, t: {t},
             lambda e, g, t: {e: t}, lambda e, g, t: {g: t}, lambda e, g, t: (t, [g], e))
    for make in (lambda: ValueError('x'), lambda: OSError(2, 'x'), lambda: Own(2, 'x'), Plain):
        for kind, members in others.items():
            if make is Plain and kind in ('itself', 'both', 'after'):
                continue
            for group in (ExceptionGroup, Group):
                for pair in tuples:
                    for root in roots:
                        e = make()
                        g = group('g', members(e))
                        e.a = t = pair(e, g)
                        case = type(e), kind, group, t
                        _, there, arrived, held = carry((root(e, g, t), e, g, t))
                        assert there.a is held and type(arrived.args[1]) is list, case
                        assert [type(x) for x in arrived.exceptions] == [type(x) for x in g.exceptions], case
                        assert [i for i, x in enumerate(arrived.exceptions) if x is there] \
                            == [i for i, x in enumerate(g.exceptions) if x is e], case
                        assert len(carry(e).a) == len(t), case
    try:
        e = ValueError()
        e.args = (ExceptionGroup('g', [e]),)
        dumps([e])
    except SnapshotError as refused:
        assert 'needed to construct itself' in str(refused)
    else:
        assert False


def test_sets_that_say_what_they_are_made_of_among_attributes():
    class Told(set):
        def __reduce__(self):
            return Told, (list(self),), self.__dict__
    class Asked(set):
        def __reduce_ex__(self, protocol):
            return super().__reduce_ex__(protocol)
    class Frozen(frozenset):
        pass
    for base in (object, list, ValueError):
        kind = hashed_by_attribute(base)
        for several in (Told, Asked, Frozen):
            for hold in (lambda s: s, lambda s: [s], lambda s: (s, 1)):
                for key_first in (True, False):
                    x = kind()
                    if not key_first:
                        x.members = None
                    x.key = 'k'
                    x.members = hold(several([x]))
                    members = x.members if hold(1) == 1 else x.members[0]
                    for root in (x, members, [x, members], (members, x)):
                        there = carry_away([root, x])[1]
                        arrived = there.members if hold(1) == 1 else there.members[0]
                        assert len(arrived) == 1 and there in arrived and type(arrived).__name__ == several.__name__


def test_what_is_copied_into_an_object_in_the_making_is_there():
    class Group(ExceptionGroup):
        def __reduce__(self):
            return type(self), self.args
    class Copying:
        def __init__(self, items):
            self.items = list(items)
        def __reduce__(self):
            return Copying, (list(self.items),)
    def raised(error):
        try:
            raise error
        except Exception as caught:
            return caught
    def with_cause(e, g):
        e.__cause__ = g
    def with_context(e, g):
        e.__context__ = g
    beside = (lambda e, g: None, with_cause, with_context, lambda e, g: raised(e), lambda e, g: with_cause(raised(e), g))
    others = (lambda e: [KeyError(1)], lambda e: [e], lambda e: [KeyError(1), e], lambda e: [raised(KeyError(1)), e],
              lambda e: [Group('h', [e])])
    tuples = (lambda e, g: (e, g), lambda e, g: (g, e), lambda e, g: (g,), lambda e, g: ([e], g))
    roots = (lambda e, g, t: t, lambda e, g, t: e, lambda e, g, t: g, lambda e, g, t: [t, g], lambda e, g, t: [g.args[1], t],
             lambda e, g, t: g.args[1], lambda e, g, t: (g.args[1], t))
    for kind in (ExceptionGroup, Group):
        for give in beside:
            for members in others:
                for pair in tuples:
                    for root in roots:
                        e = ValueError('v')
                        g = kind('g', members(e))
                        give(e, g)
                        e.a = t = pair(e, g)
                        _, there, arrived, held = carry([root(e, g, t), e, g, t])
                        assert there.a is held and len(held) == len(t)
                        assert type(there.__cause__) is type(e.__cause__)
                        assert [type(x) for x in arrived.exceptions] == [type(x) for x in g.exceptions]
                        assert [x is there for x in arrived.exceptions] == [x is e for x in g.exceptions]
                        carry(root(e, g, t))
    for give in beside:
        e = ValueError(1)
        give(e, ExceptionGroup('g', [e]))
        e.box = t = (Copying([e, 'k']), 'L')
        for root in (t, [t], e, t[0]):
            _, there, held = carry([root, e, t])
            assert held is there.box and held[0].items == [there, 'k']
            carry(root)
    # A list that is met before its group, and is put off together with what needs it not.
    l, e = [KeyError(1)], ValueError()
    e.a = t = (e, l, Copying([1]), ExceptionGroup('g', l))
    there = carry(t)
    assert there[0].a is there and there[3].exceptions == tuple(there[1]) and there[2].items == [1]
    box = Copying([])
    box.items.append(box)
    assert 'needed to construct itself' in refusal([box])
    t = (Copying([]),)
    t[0].items.append(t)
    assert 'needed to construct itself' in refusal(t)


def test_rings_through_arguments_that_are_kept_in_attributes():
    class Keeping:
        def __init__(self, items):
            self.data = {'items': items}
        def __reduce__(self):
            return type(self), (self.data['items'],)
    class Stated(Keeping):
        def __reduce__(self):
            return Stated, (self.data['items'],), {'note': 'noted'}
    class Deeper:
        def __init__(self, items):
            self.data = (1, [items])
        def __reduce__(self):
            return Deeper, (self.data[1][0],)
    class Copied:
        def __init__(self, items):
            self.items, self.count = list(items), len(items)
        def __reduce__(self):
            return Copied, (self.items,)
    class CopiedDeeper:
        def __init__(self, items):
            self.data, self.count = [1, list(items)], len(items)
        def __reduce__(self):
            return CopiedDeeper, (self.data[1],)
    items_of = {Keeping: lambda x: x.data['items'], Stated: lambda x: x.data['items'], Deeper: lambda x: x.data[1][0],
                Copied: lambda x: x.items, CopiedDeeper: lambda x: x.data[1]}
    for kind, items in items_of.items():
        x = kind([1])
        items(x).append(x)
        for root in (x, [x], (x, items(x)), {'k': x}):
            there = carry_away([root, x])[1]
            assert len(items(there)) == 2 and items(there)[0] == 1 and items(there)[1] is there, kind
            assert getattr(there, 'count', None) == getattr(x, 'count', None)
            assert getattr(there, 'note', None) == ('noted' if kind is Stated else None)
        held, there = carry((x, items(x)))
        assert items(held) is there
    x = Keeping([1])
    x.data['items'] = [x, list]
    x.data['items'].append({'me': x.data})
    there = carry(x)
    assert there.data['items'][0] is there and there.data['items'][2]['me'] is there.data


class Slotted:
    __slots__ = ()


def test_what_a_thread_changes_meanwhile_is_what_it_was_or_what_it_is():
    class Held:
        pass
    held = Held()
    held.items = {'k': 1}
    shared = {'dict': {'x': 1}, 'held': held, 'list': [1, [2]]}
    ended = threading.Event()
    def change():
        while not ended.is_set():
            for x, k, item in ((object(), Slotted(), lambda: 0), (1, 3, 2)):
                shared['dict']['x'], held.items['k'], shared['list'][1][0] = x, k, item
    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    try:
        for _ in range(1000):
            there = carry(shared)
            x, k, item = there['dict']['x'], there['held'].items['k'], there['list'][1][0]
            assert x == 1 or type(x) is object
            assert k in (1, 3) or type(k) is Slotted
            assert item == 2 or item() == 0
    finally:
        ended.set()
        thread.join()
