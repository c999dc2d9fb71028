"""scatter and gather: how sequences are cut, and put together again."""

import ipyparallel as ipp
from _expect import RHUMBA, connect, raises, raises_remote

rc = connect()
every = rc[:]
every.block = True

# Blocks: the first n % q parts have one item more.
cases = {
    0: [[], [], [], []],
    1: [[0], [], [], []],
    3: [[0], [1], [2], []],
    4: [[0], [1], [2], [3]],
    6: [[0, 1], [2, 3], [4], [5]],
    10: [[0, 1, 2], [3, 4, 5], [6, 7], [8, 9]],
}
for count, parts in cases.items():
    assert every.scatter("part", list(range(count))) is None, "a blocking scatter returns None"
    assert every["part"] == parts, (count, every["part"])
    assert every.gather("part") == list(range(count))

# A part has the type that cutting the sequence gives.
every.scatter("part", (1, 2, 3, 4, 5))
assert every["part"] == [(1, 2), (3,), (4,), (5,)]
assert every.gather("part") == [1, 2, 3, 4, 5], "gathering gives a list"
every.scatter("part", range(6))
assert [list(part) for part in every["part"]] == [[0, 1], [2, 3], [4], [5]]
every.scatter("part", "abcdef")
assert every["part"] == ["ab", "cd", "e", "f"]
assert every.gather("part") == ["ab", "cd", "e", "f"], "strings are items, not sequences of them"
every.scatter("part", b"abcdef")
assert every["part"] == [b"ab", b"cd", b"e", b"f"]
assert b"".join(every.gather("part")) == b"abcdef"
if RHUMBA:
    # ipyparallel gathers ranges as a list of ranges, and can't scatter an iterator.
    every.scatter("part", range(6))
    assert every.gather("part") == list(range(6))
    every.scatter("part", iter(range(6)))
    assert every.gather("part") == list(range(6))

# Flattened, a part of length one is the item itself.
every.scatter("rank", rc.ids, flatten=True)
assert every["rank"] == [0, 1, 2, 3]
assert every.gather("rank") == [0, 1, 2, 3]
every.scatter("part", [[1, 2], [3, 4], [5, 6], [7, 8]], flatten=True)
assert every["part"] == [[1, 2], [3, 4], [5, 6], [7, 8]]

# Dealt out in turn. ipyparallel says of this that it does not work.
for count in (0, 1, 4, 6, 11):
    every.scatter("part", list(range(count)), dist="r")
    assert every["part"] == [list(range(count))[p::4] for p in range(4)]
    if RHUMBA:
        assert every.gather("part", dist="r") == list(range(count)), count
if RHUMBA:
    every.scatter("part", list(range(6)), dist="r", flatten=True)
    assert every["part"] == [[0, 4], [1, 5], 2, 3]
    assert every.gather("part", dist="r") == list(range(6))
    every.scatter("part", list(range(6)), flatten=True)
    assert every.gather("part") == list(range(6))
    # Fewer items than engines: the others have a part without items.
    for dist in "br":
        for count in (1, 2, 3):
            every.scatter("part", list(range(10, 10 + count)), dist=dist, flatten=True)
            assert every["part"] == [*range(10, 10 + count), *[[]] * (4 - count)]
            assert every.gather("part", dist=dist) == list(range(10, 10 + count)), (dist, count)
raises((KeyError, ValueError), every.scatter, "part", [1], dist="q")
raises((KeyError, ValueError), every.gather, "part", dist="q")

# Not waiting, and other targets.
every.block = False
ar = every.scatter("part", list(range(8)))
assert isinstance(ar, ipp.AsyncResult)
ar.get()
amr = every.gather("part")
assert isinstance(amr, ipp.AsyncMapResult)
assert amr.get() == list(range(8))
every.scatter("part", [1, 2, 3], targets=[3, 1], block=True)
assert rc[3]["part"] == [1, 2] and rc[1]["part"] == [3] and rc[0]["part"] == [0, 1]
assert every.gather("part", targets=[3, 1], block=True) == [1, 2, 3]
one = rc[2]
one.scatter("alone", [1, 2, 3], block=True)
assert one["alone"] == [1, 2, 3] and one.gather("alone", block=True) == [1, 2, 3]

# A name that one of them doesn't know.
rc[2].execute("del part", block=True)
failure = raises_remote("NameError", every.gather("part").get)
assert [entry[3]["engine_id"] for entry in failure.elist] == [2]

# Work on parts where they are.
every.scatter("numbers", list(range(1000)), block=True)
every.execute("total = sum(numbers); squares = [n * n for n in numbers]", block=True)
assert sum(every["total"]) == sum(range(1000))
assert every.gather("squares", block=True) == [n * n for n in range(1000)]
rc.close()
