"""References, decorated functions, imports on engines, broadcast views."""

import contextlib
import functools
import io
import os
import sys
import threading
import types

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, raises, raises_remote
from _gates import Gate, held

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()
every.scatter("rank", rc.ids, flatten=True, block=True)
every.push({"table": {"k": [10, 20, 30]}}, block=True)
every.execute("def shifted(x, by=1):\n    return x + by + rank\noffset = rank * 100", block=True)

# A reference stands for what each engine has by the name.
rank = ipp.Reference("rank")
assert every.apply_sync(lambda x: x, rank) == [0, 1, 2, 3]
assert every.apply_sync(lambda x, y: x + y, rank, y=ipp.Reference("offset")) == [0, 101, 202, 303]
assert one.apply_sync(lambda x: x, ipp.Reference("table['k'][1]")) == 20
assert every.apply_sync(lambda xs: xs, [rank, 5]) == [[k, 5] for k in range(4)]
assert every.apply_sync(lambda d: d["r"], {"r": rank}) == [0, 1, 2, 3]
assert every.apply_sync(ipp.Reference("shifted"), 10) == [11, 12, 13, 14]
assert every.apply_sync(ipp.Reference("shifted"), 10, by=rank) == [10, 12, 14, 16]
every.push({"again": rank}, block=True)
assert every["again"] == [0, 1, 2, 3]
every.execute("def shifted(x):\n    return -x", block=True)
assert every.apply_sync(ipp.Reference("shifted"), 10) == [-10] * 4, "what it names now"
assert every.map_sync(ipp.Reference("shifted"), range(8)) == [-x for x in range(8)]
assert lbv.map_sync(ipp.Reference("shifted"), range(8)) == [-x for x in range(8)]
assert sorted(set(lbv.map_sync(lambda r, x: x, [rank] * 4, range(4)))) == [0, 1, 2, 3]
raises_remote("NameError", every.apply_sync, lambda x: x, ipp.Reference("nobody"))
raises_remote("NameError", lbv.apply_sync, lambda x: x, ipp.Reference("nobody"))
assert every.apply_sync(lambda x: x, rank) == [0, 1, 2, 3], "engines go on"
raises(TypeError, ipp.Reference, 3)
if RHUMBA:
    raises(SyntaxError, ipp.Reference, "not an expression")


# Functions that run on the engines of a view.
@every.remote(block=True)
def where(extra=0):
    """Tells which process."""
    import os

    return os.getpid() + extra


pids = every.apply_sync(os.getpid)
assert where() == pids and where(extra=1) == [pid + 1 for pid in pids]
assert where.__name__ == "where" if RHUMBA else True
assert "RemoteFunction" in where.__doc__ and "Tells which process." in where.__doc__


@ipp.remote(every, block=False)
def later():
    return 7


ar = later()
assert isinstance(ar, ipp.AsyncResult) and ar.get(PATIENCE) == [7] * 4
assert every.block is False, "the flags of a call don't stay"
if RHUMBA:
    # Nor are they seen by others beside it, in whatever thread. In ipyparallel they are the view's.
    gate, found = Gate(), []
    waiting = every.remote(block=True, targets=0, label="waits")(held)
    thread = threading.Thread(target=lambda: found.append(waiting(gate.path, "let go")))
    thread.start()
    gate.wait_for_engines()
    assert (every.block, every.targets, every.label) == (False, [0, 1, 2, 3], None)
    beside = every.apply(abs, -1)
    assert isinstance(beside, ipp.AsyncResult) and len(beside) == 4
    assert [every.remote(block=True, targets=k)(eval)("rank") for k in (1, 3, 2)] == [1, 3, 2]
    gate.open()
    thread.join()
    assert found == ["let go"] and beside.get(PATIENCE) == [1] * 4
    assert (every.block, every.targets, every.label) == (False, [0, 1, 2, 3], None)

    def told_by(engine):
        mine = every.remote(block=True, targets=engine)(eval)
        ranks[engine] = [mine("rank") for _ in range(50)]

    ranks = {}
    threads = [threading.Thread(target=told_by, args=[engine]) for engine in rc.ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ranks == {engine: [engine] * 50 for engine in rc.ids}, ranks
    assert every.targets == [0, 1, 2, 3]
assert one.remote(block=True)(abs)(-5) == 5, "a builtin"
assert lbv.remote(block=True)(lambda: "any")() == "any"


@every.parallel(block=True)
def doubled(xs):
    return [2 * x for x in xs]


assert doubled(range(10)) == [2 * x for x in range(10)]
assert doubled.map([[1], [2]]) == [[2], [4]]


@every.parallel(block=False)
def added(xs, ys):
    return [x + y for x, y in zip(xs, ys)]


ar = added(list(range(6)), list(range(6)))
assert isinstance(ar, ipp.AsyncMapResult) and ar.get(PATIENCE) == [0, 2, 4, 6, 8, 10]


@ipp.parallel(every, block=True)
def sizes(xs):
    return [len(xs)]


assert sizes(range(10)) == [3, 3, 2, 2] and sum(sizes(range(3))) == 3


@lbv.parallel(block=True)
def summed(xs):
    return [sum(xs)]


assert sum(summed(range(100))) == 4950
if RHUMBA:
    assert every.parallel(dist="r", block=True)(lambda xs: xs)(list(range(10))) == list(range(10))
    assert lbv.parallel(block=True, chunksize=3)(lambda xs: [len(xs)])(range(10)) == [3, 3, 2, 2]
    raises(ValueError, added, [1, 2], [1])
    raises(TypeError, doubled)
    raises(ValueError, every.parallel, dist="x")
    raises(TypeError, every.remote, colour="red")
    raises(TypeError, every.remote(), 5)
    # Errors as results: in the place of what their part would have given.
    for view in (every, lbv):
        halves = view.parallel(block=True, return_exceptions=True, dist="r")(lambda xs: [12 // x for x in xs])
        found = halves([1, 2, 0, 4, 3, 6])
        assert [each for each in found if isinstance(each, int)] == [12, 4, 6, 2, 3], found
        [failure] = [each for each in found if not isinstance(each, int)]
        assert isinstance(failure, ipp.RemoteError) and failure.ename == "ZeroDivisionError"
raises_remote("ZeroDivisionError", every.parallel(block=True)(lambda xs: 1 / 0), range(8))


# Functions that use the engine's names.
@ipp.interactive
def from_there():
    return offset + 1  # noqa: F821


assert every.apply_sync(from_there) == [1, 101, 201, 301]
assert ipp.interactive(len) is len

# What a function needs.


@ipp.require("json", "os.path")
def dumped(x):
    return json.dumps(x), os.path.basename("/a/b")  # noqa: F821


assert every.apply_sync(dumped, [1]) == [("[1]", "b")] * 4
assert lbv.apply_sync(dumped, [1]) == ("[1]", "b")


def helper(x):
    return x + 1000


@ipp.require(helper, extra=5)
def helped(x):
    return helper(x) + extra  # noqa: F821


every.clear(block=True)
assert every.apply_sync(helped, 1) == [1006] * 4
missing = ipp.require("no_such_module_anywhere")(lambda: 1)
raises_remote("UnmetDependency", one.apply_sync, missing)
raises(TypeError, ipp.require, 5)
every.scatter("rank", rc.ids, flatten=True, block=True)


@ipp.depend(lambda low: rank >= low, 2)  # noqa: F821
def here():
    return rank  # noqa: F821


assert rc[[2, 3]].apply_sync(here) == [2, 3]
raises_remote("UnmetDependency", rc[1].apply_sync, here)
with lbv.temp_flags(retries=3):
    assert {lbv.apply_sync(here) for _ in range(8)} <= {2, 3}, "tried elsewhere"
if RHUMBA:
    for decorate in (ipp.depend(abs, 1), ipp.require("os"), ipp.interactive, every.remote()):
        raises(TypeError, decorate, "not a function")
    assert every.apply_sync(ipp.depend(lambda: True)(abs), -3) == [3] * 4, "a builtin"
    assert rc[2].apply_sync(functools.partial(here)) == 2
assert isinstance(here, ipp.dependent)
alike = ipp.dependent(lambda x: x + rank, lambda low: rank >= low, 2)  # noqa: F821
assert rc[[2, 3]].apply_sync(alike, 10) == [12, 13]
raises_remote("UnmetDependency", rc[1].apply_sync, alike, 10)

# Imports happen here and there.
told = io.StringIO()
with contextlib.redirect_stdout(told):
    with every.sync_imports():
        import colorsys
        from string import capwords, digits
assert colorsys is sys.modules["colorsys"] and capwords("a b") == "A B"
assert digits == "0123456789"
assert "importing colorsys on engine(s)" in told.getvalue()
assert "importing capwords" in told.getvalue() and "from string" in told.getvalue()
assert every.apply_sync(lambda: colorsys.__name__) == ["colorsys"] * 4
every.execute("both = capwords('x y')", block=True)
assert every["both"] == ["X Y"] * 4
quiet = io.StringIO()
with contextlib.redirect_stdout(quiet), every.sync_imports(quiet=True):
    import keyword
assert quiet.getvalue() == "" and every["keyword.iskeyword('if')"] == [True] * 4 if RHUMBA else True
with contextlib.redirect_stdout(quiet), every.importer:
    import stat
assert stat and every.apply_sync(lambda: stat.__name__) == ["stat"] * 4
if RHUMBA:
    # What the code of the block calls may import for itself. ipyparallel takes that, too.
    elsewhere = types.ModuleType("elsewhere")
    exec("def call():\n    import bisect\n    return bisect.bisect([1, 2], 1)", vars(elsewhere))
    told = io.StringIO()
    with contextlib.redirect_stdout(told), every.sync_imports():
        assert elsewhere.call() == 1
        import textwrap
    assert told.getvalue() == "importing textwrap on engine(s)\n", told.getvalue()
    assert textwrap and every["textwrap.__name__"] == ["textwrap"] * 4
    raises_remote("NameError", every.get, "bisect")
builtin_import = __import__


def import_missing():
    with every.sync_imports(quiet=True):
        import no_such_module_anywhere  # noqa: F401


raises(ImportError, import_missing)
assert __import__ is builtin_import, "the block is over"

# Broadcast views: the same calls, in one message each.
everyone = rc.broadcast_view()
assert isinstance(everyone, ipp.BroadcastView) and len(everyone) == 4
everyone.push({"told": 5}, block=True)
assert everyone.get("told") == [5] * 4
assert everyone.apply_sync(lambda: rank) == [0, 1, 2, 3]  # noqa: F821
assert everyone.map_sync(abs, range(-4, 0)) == [4, 3, 2, 1]
ar = everyone.execute("print(rank)", block=False)
ar.get(PATIENCE)
ar.wait_for_output()
assert ar.stdout == ["0\n", "1\n", "2\n", "3\n"]
assert [each["is_broadcast"] for each in ar.metadata] == [True] * 4
assert [each["is_coalescing"] for each in ar.metadata] == [False] * 4
failing = lambda: 1 / (rank - 2)  # noqa: E731, F821
failure = raises_remote("ZeroDivisionError", everyone.apply_sync, failing)
assert len(failure.elist) == 1
some = rc.broadcast_view([3, 1])
assert some.apply_sync(lambda: rank) == [3, 1]  # noqa: F821
if RHUMBA:
    # ipyparallel gives what is merged in another order.
    merged = rc.broadcast_view(is_coalescing=True)
    ar = merged.apply_async(abs, -1)
    assert ar.get(PATIENCE) == [1] * 4 and ar.is_coalescing == ar.is_broadcast == [True] * 4
    assert ar.split()[1].is_broadcast is True and rc.get_result(ar).is_coalescing == [True] * 4
    assert every.apply_async(abs, -1).is_broadcast == [False] * 4
    assert merged.apply_sync(lambda: rank) == [0, 1, 2, 3]  # noqa: F821
    everyone.scatter("piece", range(8), block=True)
    assert everyone.gather("piece", block=True) == list(range(8))
rc.close()
