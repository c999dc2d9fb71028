"""LoadBalancedView: calls that go to whichever engine is free."""

import itertools
import os

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, raises, raises_remote
from _gates import Gate, held
from ipyparallel.client.view import LazyMapIterator

rc = connect()
lbv = rc.load_balanced_view()

assert lbv.targets is None and len(lbv) == 4 and lbv.retries == 0
assert lbv.apply_sync(abs, -3) == 3
assert lbv.apply_async(abs, -3).get() == 3
assert isinstance(lbv.apply(abs, -3), ipp.AsyncResult)
with lbv.temp_flags(block=True):
    assert lbv.apply(abs, -3) == 3
assert lbv.apply_sync(lambda f, k=0: f + k, f=1, k=2) == 3
raises_remote("ZeroDivisionError", lbv.apply_sync, lambda: 1 / 0)

# The engine is known once it is done.
ar = lbv.apply_async(os.getpid)
pid = ar.get()
assert ar.engine_id in rc.ids
assert rc[ar.engine_id].apply_sync(os.getpid) == pid

# Maps.
assert lbv.map_sync(lambda x: x * x, range(100)) == [x * x for x in range(100)]
assert lbv.map_sync(abs, []) == []
assert lbv.map_sync(lambda x, y: x + y, [1, 2], [10, 20]) == [11, 22]
assert lbv.map_sync(abs, (x for x in (-1, -2))) == [1, 2]
for chunksize in (1, 3, 7, 50):
    assert lbv.map_sync(lambda x: -x, range(10), chunksize=chunksize) == [-x for x in range(10)]
amr = lbv.map_async(abs, range(10), chunksize=4)
assert isinstance(amr, ipp.AsyncMapResult)
assert len(amr) == 10 and len(amr.msg_ids) == 3
assert amr.get() == list(range(10)) and amr.progress == 10
assert lbv.map(abs, [-1], block=True) == [1]
if RHUMBA:
    # ipyparallel makes as many tasks as the longest sequence has items; the rest is empty.
    assert lbv.map_sync(lambda x, y: (x, y), range(9), range(5)) == [(x, x) for x in range(5)]
    assert lbv.map_async(abs, []).get() == []
    assert lbv.map_sync(lambda x, y: x, itertools.count(), "abc") == [0, 1, 2]
    raises(ValueError, lbv.map_sync, abs, [1], chunksize=0)
raises((TypeError, AssertionError), lbv.map_sync, abs)

# All engines take part, and a long task holds up no short one.
gate = Gate()
slow = lbv.map_async(held, [gate.path] * 12)
gate.wait_for_engines(4)
gate.open()
slow.get(timeout=PATIENCE)
opened, gate = gate, Gate()
mixed = lbv.map_async(held, [gate.path] + [opened.path] * 30, range(31), ordered=False)
arriving = iter(mixed)
assert sorted(next(arriving) for _ in range(30)) == list(range(1, 31)), "all but the long one"
gate.open()
assert list(arriving) == [0]


# Results arrive in the order of the input, or as they come.
def opened_in_turn(call, order, **options):
    """Returns the results of a map whose items are let go one by one, each when the last is there."""
    gates = [Gate() for _ in order]
    arriving = iter(call(held, [gate.path for gate in gates], range(len(gates)), **options))
    if options["ordered"]:
        for number in order:
            gates[number].open()
        return list(arriving)
    results = []
    for number in order:
        gates[number].open()
        results.append(next(arriving))
    assert list(arriving) == []
    return results


assert opened_in_turn(lbv.map_async, [3, 1, 0, 2], ordered=True) == [0, 1, 2, 3]
assert opened_in_turn(lbv.map_async, [3, 1, 0, 2], ordered=False) == [3, 1, 0, 2]

# Failures.
failing = lbv.map_async(lambda x: 1 // x, [1, 0, 2])
failure = raises_remote("ZeroDivisionError", failing.get)
assert isinstance(failure, ipp.CompositeError) and len(failure.elist) == 1
caught = lbv.map_sync(lambda x: 1 // x, [1, 0, 2], return_exceptions=True)
assert caught[0] == 1 and isinstance(caught[1], ipp.RemoteError) and caught[2] == 0
assert caught[1].ename == "ZeroDivisionError" and caught[1].engine_info["engine_id"] in rc.ids
caught = lbv.map_async(lambda x: 1 // x, [1, 0, 2], return_exceptions=True)
assert list(caught) == caught.get() == list(caught), "an error is the same one, whenever it is asked for"
chunked = lbv.map_async(lambda x: 1 // x, [1, 0, 2, 4], chunksize=2, return_exceptions=True).get()
assert any(isinstance(item, ipp.RemoteError) for item in chunked) and chunked[-2:] == [0, 0]
if RHUMBA:
    # In ipyparallel one that raises stands for all items of its task.
    assert chunked[0] == 1 and str(chunked[1]).startswith(f"[{chunked[1].engine_info['engine_id']}:map] Zero")
    assert chunked[1].engine_info["engine_id"] in rc.ids and "1 // x" in chunked[1].traceback

# A task that fails is tried again, elsewhere.
every = rc[:]
every.execute("tries = 0", block=True)


def fail_on_all_but(good):
    import os

    global tries
    tries += 1
    if os.getpid() != good:
        raise RuntimeError("not here")
    return good


good = rc[2].apply_sync(os.getpid)
lbv.retries = 3
assert lbv.apply_sync(fail_on_all_but, good) == good
assert all(count <= 1 for count in every["tries"]), "each engine gets one try"
with lbv.temp_flags(retries=1):
    raises_remote("RuntimeError", lbv.apply_sync, fail_on_all_but, -1)
assert lbv.retries == 3
lbv.retries = 0
every.execute("tries = 0", block=True)
raises_remote("RuntimeError", lbv.apply_sync, fail_on_all_but, -1)
assert sum(every["tries"]) == 1
if RHUMBA:
    # ipyparallel notices when it sends.
    raises(TypeError, setattr, lbv, "retries", "many")
    raises(ValueError, setattr, lbv, "retries", -1)

    # Where exceptions are results, what raises is tried again, too, and what an engine can't
    # goes to one that can.
    def only_on(good):
        import os

        return os.getpid() == good

    for call in (lbv.map_sync, lambda *args, **options: list(lbv.imap(*args, **options))):
        with lbv.temp_flags(retries=3):
            assert call(fail_on_all_but, [good] * 8, return_exceptions=True) == [good] * 8
        tasks = ipp.depend(only_on, good)(abs)
        assert call(tasks, range(-8, 0), return_exceptions=True) == list(range(8, 0, -1))
    tasks = ipp.depend(only_on, good)(lambda x: 1 // x)
    chunked = lbv.map_sync(tasks, [1, 0] * 4, chunksize=4, return_exceptions=True)
    assert chunked[::2] == [1] * 4, chunked
    assert {(each.ename, each.engine_info["engine_id"]) for each in chunked[1::2]} == {("ZeroDivisionError", 2)}

    # Flags are set all or none; ipyparallel keeps those that come before the one that fails.
    terms = dict(priority=3, task_timeout=9, retries=2)
    for wrong, flags in (
        (ValueError, {"retries": -1}), (TypeError, {"timeout": "soon"}), (KeyError, {"colour": 1}),
        (ValueError, {"after": 5}), (IndexError, {"targets": [9]}),
    ):  # fmt: skip
        for set_them in (lbv.set_flags, lambda **flags: lbv.temp_flags(**flags).__enter__()):
            raises(wrong, set_them, **{name: terms[name] for name in terms if name not in flags}, **flags)
            assert (lbv.priority, lbv.task_timeout, lbv.retries) == (0, None, 0), flags
            assert lbv.targets is None and lbv.after is None, flags

# Lazy maps take their input as they go.
taken = []


def endless():
    for number in itertools.count():
        taken.append(number)
        yield number


lazy = lbv.imap(abs, endless())
assert isinstance(lazy, LazyMapIterator)
assert [next(lazy) for _ in range(10)] == list(range(10))
assert len(taken) <= 10 + 4 + 1, len(taken)
lazy.cancel()
assert len(list(lazy)) <= 5, "what was under way is still yielded, nothing more is taken"
assert list(lbv.imap(lambda x: x * 2, range(20))) == [x * 2 for x in range(20)]
assert sorted(lbv.imap(lambda x: x * 2, range(20), ordered=False)) == [x * 2 for x in range(20)]
assert list(lbv.imap(abs, range(8), max_outstanding=2)) == list(range(8))
assert list(lbv.imap(abs, range(8), max_outstanding=0)) == list(range(8))
if RHUMBA:
    # ipyparallel sometimes yields them in another order than that of their arrival.
    assert opened_in_turn(lbv.imap, [3, 1, 0, 2], ordered=False) == [3, 1, 0, 2]
raises_remote("ZeroDivisionError", list, lbv.imap(lambda x: 1 // x, [1, 0]))
caught = list(lbv.imap(lambda x: 1 // x, [1, 0, 2], return_exceptions=True))
assert caught[0] == 1 and isinstance(caught[1], ipp.RemoteError) and caught[2] == 0
assert caught[1].ename == "ZeroDivisionError"


def breaking(count):
    yield from range(count)
    raise LookupError("no more input")


if RHUMBA:
    # Input that raises ends the map, after what came before. ipyparallel's raises a TypeError.
    for options in ({}, {"max_outstanding": 0}, {"max_outstanding": 1}, {"ordered": False}):
        for count in (0, 3, 9):
            found, broken = [], lbv.imap(abs, breaking(count), **options)
            failure = raises(LookupError, lambda: found.extend(iter(lambda: next(broken), None)))  # noqa: B023
            assert "no more input" in str(failure) and sorted(found) == list(range(count)), (options, found)
            raises(StopIteration, next, broken)

# Many small ones.
results = [lbv.apply_async(abs, -number) for number in range(300)]
assert lbv.wait(results, timeout=PATIENCE) is True
assert [result.get() for result in results] == list(range(300))
rc.close()
