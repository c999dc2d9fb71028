"""Plain data: every built-in type, its sharing, its cycles, its depth."""
import math
import struct


def same(value):
    there = carry(value)
    assert type(there) is type(value), (value, there)
    assert there == value, (value, there)
    return there


def test_singletons():
    for value in (None, True, False, ..., NotImplemented, (), '', b''):
        assert carry(value) is value
        assert carry([value])[0] is value


def test_ints():
    for value in (0, 1, -1, -5, -6, 256, 257, 2**31 - 1, -2**31, 2**63 - 1, -2**63,
                  2**63, -2**63 - 1, 2**64, 10**100, -10**100, 2**10_000 + 1):
        same(value)
    same([2**63, -2**63 - 1] * 20)


def test_float_bits():
    bits = lambda x: struct.pack('<d', x)
    payload = struct.unpack('<d', b'\x01\x02\x03\x00\x00\x00\xf8\x7f')[0]
    for value in (0.0, -0.0, 1.5, float('inf'), -float('inf'), float('nan'), -float('nan'),
                  payload, 5e-324, 1.7976931348623157e308):
        assert bits(carry(value)) == bits(value)
        assert bits(carry([value] * 30)[7]) == bits(value)


def test_complex_bits():
    for value in (1j, complex(-0.0, 0.0), complex(0.0, -0.0), complex(float('inf'), -1.5)):
        there = carry(value)
        assert type(there) is complex
        assert struct.pack('<dd', there.real, there.imag) == struct.pack('<dd', value.real, value.imag)


def test_text():
    for value in ('a', 'abc', 'é', 'π', '日本', '😀', '\x00', 'a\ud800b', '\udfff', '\ud83d\ude00', 'x' * 100_000):
        same(value)
        same([value + str(i) for i in range(40)])


def test_bytes():
    for size in (0, 1, 100, 4095, 4096, 4097, 1_000_000):
        content = bytes(i & 0xff for i in range(min(size, 1000))) * (size // 1000 + 1)
        same(content[:size])
        there = same(bytearray(content[:size]))
        there.append(1)
        assert len(there) == size + 1


def test_bytearray_is_a_copy():
    here = bytearray(b'x' * 10_000)
    there = carry(here)
    there[0] = 0
    assert here[0] == ord('x')


def test_a_view_of_a_bytearray_arrives_as_one_of_its_bytes():
    for length in (4, 8192):
        content = bytearray(range(4)) * (length // 4)
        content, view, part = carry([content, memoryview(content), memoryview(content)[1:3]])
        assert type(content) is bytearray and type(view.obj) is type(part.obj) is bytes
        assert view.readonly and part.readonly and view == content and part == b'\x01\x02'
        content[1] = 9
        content.append(1)
        assert view[1] == part[0] == 1 and len(view) == length


def test_memoryview():
    there = carry(memoryview(b'abcd'))
    assert isinstance(there, memoryview) and there == b'abcd'
    there = carry(memoryview(bytearray(8192))[100:])
    assert len(there) == 8092
    there = carry(memoryview(struct.pack('<4i', 1, 2, 3, 4)).cast('i'))
    assert there.format == 'i' and there.tolist() == [1, 2, 3, 4]
    for empty in (memoryview(b''), memoryview(b'').cast('I'), memoryview(bytearray()).cast('d')):
        there = carry(empty)
        assert there.format == empty.format and there.shape == (0,) and there.tolist() == []
    there = carry(memoryview(bytes(range(6))).cast('B', (2, 3)))
    assert there.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_containers():
    for value in ([], [1], [1, 'a', None], (1,), (1, (2, (3, []))), {}, {1: 2}, {'a': [1], (1, 2): {'b'}},
                  set(), {1, 'a', (2, 3)}, frozenset(), frozenset({1, 2}), frozenset({frozenset({1}), ('a', None)}),
                  [[]], [{}], [set()], ({},), [[[1], [2]], [3]],
                  range(0), range(10), range(5, -5, -3), range(2**70), slice(1), slice(1, 2, 3), slice(None, 'a'),
                  {None: None, True: False, 1.5: 2j}, {b'k': b'v'}, {frozenset({1}): 1}):
        same(value)


def test_dict_order():
    keys = ['z', 'a', 5, 'm', (1,), None] + list(range(100, 5, -1))
    assert list(carry({key: 0 for key in keys})) == keys
    assert list(carry({key: [] for key in keys})) == keys


def test_packed_runs():
    for value in (list(range(100)), list(range(-1000, 1000)), [10**6 * i for i in range(100)],
                  [2**40 + i for i in range(100)], [float(i) for i in range(100)],
                  [str(i) for i in range(100)], ['same'] * 100, ['a', 'b'] * 100,
                  tuple(range(100)), tuple(map(str, range(50))), set(range(100)), frozenset(range(100)),
                  [True] * 20, [1] * 19 + [1.0], [1] * 19 + ['1'], [i % 2 == 0 for i in range(50)]):
        there = same(value)
        assert [type(a) for a in there] == [type(b) for b in value]
    assert list(carry({i: float(i) for i in range(100)}).values()) == [float(i) for i in range(100)]


def test_sharing():
    shared, text, number = [1], 'some text', 10**20
    a, b, c = carry([shared, {'k': shared}, (shared,)])
    assert a is b['k'] is c[0] and a is not shared
    a, b = carry([text, (text,)])
    assert a is b[0]
    a, b = carry([number, [number]])
    assert a is b[0]
    large = b'x' * 100_000
    a, b = carry((large, [large]))
    assert a is b[0]
    inner = (1, [2])
    a, b = carry([inner, [inner]])
    assert a is b[0]
    a, b = carry(({1}, {2})), carry([{1}] * 3)
    assert a[0] is not a[1] and b[0] is b[1] is b[2]


def test_equal_is_not_identical():
    a, b = carry([[1], [1]])
    assert a == b and a is not b


def test_cycles():
    x = []
    x.append(x)
    there = carry(x)
    assert there[0] is there and len(there) == 1
    d = {}
    d['self'] = d
    there = carry(d)
    assert there['self'] is there
    t = ([],)
    t[0].append(t)
    there = carry(t)
    assert type(there) is tuple and there[0][0] is there
    a, b = [], {}
    a.append(b)
    b['a'] = (a, b)
    there = carry(a)
    assert there[0]['a'][0] is there and there[0]['a'][1] is there[0]


def test_mutual_through_tuples():
    x = []
    t = (x, (x,))
    x.extend([t, (t, x)])
    there = carry(t)
    assert there[0][0] is there and there[0][1][0] is there and there[0][1][1] is there[1][0] is there[0]


def nested(kind, depth):
    value = kind(None)
    for _ in range(depth):
        value = kind(value)
    return value


def depth_of(value, step):
    depth = 0
    while value is not None:
        value = step(value)
        depth += 1
    return depth - 1


def test_deep_lists():
    there = carry(nested(lambda x: [x], 100_000))
    assert depth_of(there, lambda x: x[0]) == 100_000


def test_deep_tuples():
    there = carry(nested(lambda x: (x,), 100_000))
    assert depth_of(there, lambda x: x[0]) == 100_000


def test_deep_dicts():
    there = carry(nested(lambda x: {'k': x}, 100_000))
    assert depth_of(there, lambda x: x['k']) == 100_000


def test_deep_mixtures():
    there = carry(nested(lambda x: ([x], 1), 50_000))
    assert depth_of(there, lambda x: x[0][0]) == 50_000


def test_many_and_wide():
    value = {f'key{i}': [i, float(i), str(i), (i,), {i}] for i in range(2_000)}
    same(value)
    same([[i] for i in range(10_000)])


def test_large_buffers_are_outside_the_table():
    one = b'a' * 1_000_000
    assert len(dumps([one, one])) < 1_000_200
    assert len(dumps([one, bytes(bytearray(one))])) > 2_000_000


def test_constants_cost_no_record():
    assert len(dumps([None, True, 1, 256, (), '']) ) < 80


def test_frozenset_in_frozenset_of_tuples():
    same(frozenset({(1, (2, frozenset({3})))}))


def test_subclasses_are_not_confused():
    class Number(int):
        pass
    there = carry([Number(5), 5])
    assert type(there[0]) is Number and there[0] == 5 and type(there[1]) is int
