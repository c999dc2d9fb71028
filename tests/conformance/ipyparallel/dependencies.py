"""Tasks that wait for others, follow them, or may only run on some engines."""

import os
import tempfile

import ipyparallel as ipp
from _expect import RHUMBA, connect, raises, raises_remote

rc = connect()
lbv = rc.load_balanced_view()


def nap(seconds=0.0, value=None):
    import time

    time.sleep(seconds)
    return value


def fail():
    raise ValueError("as it was meant to")


def moment():
    import time

    return time.time()


def held(gate):
    """Keeps an engine busy until the file `gate` is there."""
    import os
    import time

    while not os.path.exists(gate):
        time.sleep(0.005)


folder = tempfile.TemporaryDirectory()


def gate(name):
    return os.path.join(folder.name, name)


def open_gate(name):
    open(gate(name), "w").close()


# After: others have ended, all of them or any.
slow = [lbv.apply_async(nap, 0.3) for _ in range(3)]
with lbv.temp_flags(after=slow):
    ar = lbv.apply_async(moment)
begun = ar.get(10)
assert all(result.ready() for result in slow)
assert all(begun >= result.completed.timestamp() - 0.001 for result in slow)
assert lbv.after is None or not lbv.after, "flags end with their block"
with lbv.temp_flags(after=[slow[0], slow[1].msg_ids[0]]):
    assert lbv.apply_async(abs, -1).get(10) == 1, "what has ended is ended"
two = [lbv.apply_async(abs, -1), lbv.apply_async(held, gate("any"))]
with lbv.temp_flags(after=ipp.Dependency(two, all=False)):
    lbv.apply_async(abs, -1).get(10)
assert two[0].ready() and not two[1].ready()
open_gate("any")
two[1].get(10)

# Successes, failures, or both.
failing, good = lbv.apply_async(fail), lbv.apply_async(abs, -1)
with lbv.temp_flags(after=[failing, good]):
    ar = lbv.apply_async(abs, -2)
raises_remote("ImpossibleDependency", ar.get, 10)
with lbv.temp_flags(after=ar):
    raises_remote("ImpossibleDependency", lbv.apply_async(abs, -2).get, 10)
with lbv.temp_flags(after=ipp.Dependency([failing], success=False, failure=True)):
    assert lbv.apply_async(abs, -3).get(10) == 3
with lbv.temp_flags(after=ipp.Dependency([failing, good], success=True, failure=True)):
    assert lbv.apply_async(abs, -3).get(10) == 3
with lbv.temp_flags(after=ipp.Dependency([good], success=False, failure=True)):
    raises_remote("ImpossibleDependency", lbv.apply_async(abs, -3).get, 10)

# Follow: on the engine where the others ran.
home = lbv.apply_async(os.getpid)
with lbv.temp_flags(follow=home):
    followers = [lbv.apply_async(os.getpid) for _ in range(6)]
assert {ar.get(10) for ar in followers} == {home.get(10)}
spread = [lbv.apply_async(nap, 0.1) for _ in range(8)]
rc.wait(spread, 10)
assert len({ar.engine_id for ar in spread}) > 1
with lbv.temp_flags(follow=spread):
    raises_remote("ImpossibleDependency", lbv.apply_async(abs, -1).get, 10)
with lbv.temp_flags(follow=ipp.Dependency(spread[:2], all=False)):
    ar = lbv.apply_async(abs, -1)
ar.get(10)
assert ar.engine_id in {spread[0].engine_id, spread[1].engine_id}

# A graph: each level waits for the one before.
levels = [[lbv.apply_async(moment) for _ in range(5)]]
for _ in range(20):
    with lbv.temp_flags(after=levels[-1]):
        levels.append([lbv.apply_async(moment) for _ in range(5)])
moments = [[ar.get(30) for ar in level] for level in levels]
for before, behind in zip(moments, moments[1:]):
    assert max(before) <= min(behind) + 0.001

# What makes no sense is told as such.
with lbv.temp_flags(after="12345"):
    raises_remote("InvalidDependency", lbv.apply_async(abs, -1).get, 10)
raises(ValueError, lbv.set_flags, after=5)
raises(ValueError, ipp.Dependency, [good], success=False)
raises(TypeError, lbv.set_flags, timeout="long")
raises(ValueError, lbv.set_flags, timeout=-1)
dependency = ipp.Dependency(["a", "b"], all=False)
assert dependency.check({"a"}) and not dependency.check({"c"})
assert dependency.unreachable(set(), {"a", "b"}) and not dependency.unreachable(set(), {"a"})
assert ipp.Dependency(["a", "b"]).unreachable(set(), {"a"})

# Targets: only these engines.
some = rc.load_balanced_view(targets=[0, 2])
ars = [some.apply_async(nap, 0.01) for _ in range(20)]
rc.wait(ars, 10)
assert {ar.engine_id for ar in ars} <= {0, 2}
assert some.targets == [0, 2] and len(some) == 2
alone = rc.load_balanced_view(targets=3)
ars = [alone.apply_async(os.getpid) for _ in range(5)]
assert {ar.get(10) for ar in ars} == {rc[3].apply_sync(os.getpid)}
raises(IndexError, rc.load_balanced_view, [99])

# What an engine doesn't have, another may.
rc[:].push({"has_it": False}, block=True)
rc[1].push({"has_it": True}, block=True)


@ipp.depend(lambda: has_it)  # noqa: F821
def where():
    import os

    return os.getpid()


there = rc[1].apply_sync(os.getpid)
assert all(lbv.apply_async(where).get(10) == there for _ in range(8))
if RHUMBA:
    # ipyparallel waits here for an engine that may come, for ever without a timeout.
    rc[1].push({"has_it": False}, block=True)
    raises(ipp.error.ImpossibleDependency, lbv.apply_async(where).get, 10)

    # What waits too long for an engine.
    busy = rc[:].apply_async(held, gate("late"))
    with lbv.temp_flags(timeout=0.2):
        late = [lbv.apply_async(abs, -1) for _ in range(20)]
        raises(ipp.error.TaskTimeout, late[-1].get, 10)
        assert not busy.ready()
    open_gate("late")
    rc.wait([busy, *late], 10)

    # Priorities, where ipyparallel has none. On one engine, which does one thing at a time: what
    # several engines begin "at once" is begun in any order.
    rc.set_scheduling("lru", hwm=1)
    raises(ValueError, rc.set_scheduling, "by mood")
    alone = rc.load_balanced_view(targets=[0])
    blocker = alone.apply_async(held, gate("priority"))
    low = [alone.apply_async(moment) for _ in range(20)]
    with alone.temp_flags(priority=1):
        high = [alone.apply_async(moment) for _ in range(8)]
    rc.queue_status()  # answered once the controller has all of them
    open_gate("priority")
    rc.wait([blocker, *low, *high], 20)
    assert max(ar.started for ar in high) <= min(ar.started for ar in low)
    for scheme in ("leastload", "plainrandom", "weighted", "twobin", "pure"):
        rc.set_scheduling(scheme, hwm=2)
        assert lbv.map_sync(abs, range(-200, 0)) == list(range(200, 0, -1))
    rc.set_scheduling()
