"""Tasks that wait for others, follow them, or may only run on some engines."""

import os

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, raises, raises_remote
from _gates import Gate

rc = connect()
lbv = rc.load_balanced_view()


def fail():
    raise ValueError("as it was meant to")


def moment():
    import time

    return time.time()


# After: others have ended, all of them or any.
gate = Gate()
slow = [gate.hold(lbv) for _ in range(3)]
with lbv.temp_flags(after=slow):
    ar = lbv.apply_async(moment)
assert lbv.apply_async(abs, -1).get(PATIENCE) == 1, "an engine is free"
assert not ar.ready()
gate.open()
begun = ar.get(PATIENCE)
assert all(result.ready() for result in slow)
assert all(begun >= result.completed.timestamp() - 0.001 for result in slow)
assert lbv.after is None or not lbv.after, "flags end with their block"
with lbv.temp_flags(after=[slow[0], slow[1].msg_ids[0]]):
    assert lbv.apply_async(abs, -1).get(PATIENCE) == 1, "what has ended is ended"
gate = Gate()
two = [lbv.apply_async(abs, -1), gate.hold(lbv)]
with lbv.temp_flags(after=ipp.Dependency(two, all=False)):
    lbv.apply_async(abs, -1).get(PATIENCE)
assert two[0].ready() and not two[1].ready()
gate.open()
two[1].get(PATIENCE)

# Successes, failures, or both.
failing, good = lbv.apply_async(fail), lbv.apply_async(abs, -1)
with lbv.temp_flags(after=[failing, good]):
    ar = lbv.apply_async(abs, -2)
raises_remote("ImpossibleDependency", ar.get, PATIENCE)
with lbv.temp_flags(after=ar):
    raises_remote("ImpossibleDependency", lbv.apply_async(abs, -2).get, PATIENCE)
with lbv.temp_flags(after=ipp.Dependency([failing], success=False, failure=True)):
    assert lbv.apply_async(abs, -3).get(PATIENCE) == 3
with lbv.temp_flags(after=ipp.Dependency([failing, good], success=True, failure=True)):
    assert lbv.apply_async(abs, -3).get(PATIENCE) == 3
with lbv.temp_flags(after=ipp.Dependency([good], success=False, failure=True)):
    raises_remote("ImpossibleDependency", lbv.apply_async(abs, -3).get, PATIENCE)

# Follow: on the engine where the others ran.
home = lbv.apply_async(os.getpid)
with lbv.temp_flags(follow=home):
    followers = [lbv.apply_async(os.getpid) for _ in range(6)]
assert {ar.get(PATIENCE) for ar in followers} == {home.get(PATIENCE)}
gate = Gate()
spread = [gate.hold(lbv) for _ in range(8)]
gate.wait_for_engines(4)
gate.open()
rc.wait(spread, PATIENCE)
assert len({ar.engine_id for ar in spread}) == 4
with lbv.temp_flags(follow=spread):
    raises_remote("ImpossibleDependency", lbv.apply_async(abs, -1).get, PATIENCE)
with lbv.temp_flags(follow=ipp.Dependency(spread[:2], all=False)):
    ar = lbv.apply_async(abs, -1)
ar.get(PATIENCE)
assert ar.engine_id in {spread[0].engine_id, spread[1].engine_id}

# A graph: each level waits for the one before.
levels = [[lbv.apply_async(moment) for _ in range(5)]]
for _ in range(20):
    with lbv.temp_flags(after=levels[-1]):
        levels.append([lbv.apply_async(moment) for _ in range(5)])
moments = [[ar.get(PATIENCE) for ar in level] for level in levels]
for before, behind in zip(moments, moments[1:]):
    assert max(before) <= min(behind) + 0.001

# What makes no sense is told as such.
with lbv.temp_flags(after="12345"):
    raises_remote("InvalidDependency", lbv.apply_async(abs, -1).get, PATIENCE)
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
gate = Gate()
ars = [gate.hold(some) for _ in range(20)]
gate.wait_for_engines(2)
gate.open()
rc.wait(ars, PATIENCE)
assert {ar.engine_id for ar in ars} == {0, 2}
assert some.targets == [0, 2] and len(some) == 2
alone = rc.load_balanced_view(targets=3)
ars = [alone.apply_async(os.getpid) for _ in range(5)]
assert {ar.get(PATIENCE) for ar in ars} == {rc[3].apply_sync(os.getpid)}
raises(IndexError, rc.load_balanced_view, [99])

# What an engine doesn't have, another may.
rc[:].push({"has_it": False}, block=True)
rc[1].push({"has_it": True}, block=True)


@ipp.depend(lambda: has_it)  # noqa: F821
def where():
    import os

    return os.getpid()


there = rc[1].apply_sync(os.getpid)
assert all(lbv.apply_async(where).get(PATIENCE) == there for _ in range(8))

# No time at all is any time: what waits for others waits as long as it takes.
gate = Gate()
first = gate.hold(lbv)
patient = rc.load_balanced_view(timeout=0)
with patient.temp_flags(after=first, timeout=0):
    late = patient.apply_async(abs, -1)
assert late.wait(0.3) is False
gate.open()
assert late.get(PATIENCE) == 1
patient.timeout = 0
assert not patient.timeout
raises(ValueError if RHUMBA else Exception, patient.set_flags, timeout=-1)
if RHUMBA:
    assert patient.timeout is None
    with patient.temp_flags(task_timeout=0):
        assert patient.task_timeout is None and patient.apply_sync(abs, -2) == 2

if RHUMBA:
    # ipyparallel waits here for an engine that may come, for ever without a timeout.
    rc[1].push({"has_it": False}, block=True)
    raises(ipp.error.ImpossibleDependency, lbv.apply_async(where).get, PATIENCE)

    # What waits too long for an engine.
    rc.set_scheduling(hwm=1)
    gate = Gate()
    busy = gate.hold(rc[:])
    with lbv.temp_flags(timeout=0.2):
        late = [lbv.apply_async(abs, -1) for _ in range(20)]
        raises(ipp.error.TaskTimeout, late[-1].get, PATIENCE)
        assert not busy.ready()
    gate.open()
    rc.wait([busy, *late], PATIENCE)

    # What waits too long for others, which ipyparallel calls a TaskTimeout, too.
    gate = Gate()
    first = gate.hold(lbv)
    with lbv.temp_flags(after=first, timeout=0.2):
        late = lbv.apply_async(abs, -1)
    failure = raises(ipp.error.DependencyTimeout, late.get, PATIENCE)
    assert isinstance(failure, ipp.error.TaskTimeout) and "0.2 s" in str(failure), failure
    gate.open()
    first.get(PATIENCE)

    # Dependencies as plain data, which ipyparallel writes and doesn't read.
    described = ipp.Dependency([first], failure=True).as_dict()
    for form in (described, {"msg_ids": first.msg_ids, "all": False}):
        with lbv.temp_flags(after=form, follow=form):
            ar = lbv.apply_async(abs, -6)
        assert ar.get(PATIENCE) == 6 and ar.engine_id == first.engine_id
        assert ar.after == ar.metadata["follow"] == first.msg_ids
    assert first.after == [] and first.metadata["follow"] == []
    raises(ValueError, lbv.set_flags, after={"ids": first.msg_ids})

    # Priorities, where ipyparallel has none. On one engine, which does one thing at a time: what
    # several engines begin "at once" is begun in any order.
    rc.set_scheduling("lru", hwm=1)
    raises(ValueError, rc.set_scheduling, "by mood")
    alone = rc.load_balanced_view(targets=[0])
    gate = Gate()
    blocker = gate.hold(alone)
    low = [alone.apply_async(moment) for _ in range(20)]
    with alone.temp_flags(priority=1):
        high = [alone.apply_async(moment) for _ in range(8)]
    rc.queue_status()  # answered once the controller has all of them
    gate.open()
    rc.wait([blocker, *low, *high], PATIENCE)
    assert max(ar.started for ar in high) <= min(ar.started for ar in low)
    for scheme in ("leastload", "plainrandom", "weighted", "twobin", "pure"):
        rc.set_scheduling(scheme, hwm=2)
        assert lbv.map_sync(abs, range(-200, 0)) == list(range(200, 0, -1))
    rc.set_scheduling()
