"""Ending what runs: cancelled, or for too long. ipyparallel can do neither."""

import concurrent.futures
import os
import sys

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, eventually, raises
from _gates import Gate, held

if not RHUMBA:
    # Its cancel forgets the result of what runs, and lets it run.
    sys.exit(0)

rc = connect()
lbv = rc.load_balanced_view()
one = rc[1]


def begun(view, function=held):
    """Returns a call that runs."""
    gate = Gate()
    ar = view.apply_async(function, gate.path)
    gate.wait_for_engines()
    return ar


# A task and a request that run end at once, on their engine alone.
pids = rc[:].apply_sync(os.getpid)
for view in (lbv, one):
    gate = Gate()
    other = gate.hold(rc[0], "went on") if view is one else None
    running = begun(view)
    assert running.cancel() is True
    failure = raises(ipp.error.TaskAborted, running.get, PATIENCE)
    assert "cancelled while it ran" in str(failure), failure
    assert isinstance(failure, concurrent.futures.CancelledError), "as futures have it"
    assert running.cancelled() and running.done()
    gate.open()
    assert other is None or other.get(PATIENCE) == "went on"
assert rc[:].apply_sync(os.getpid) == pids, "all engines are as they were"

# What waits behind it goes on; what waits and is cancelled never runs.
running = begun(one)
behind, cancelled = one.apply_async(abs, -1), one.apply_async(abs, -2)
assert cancelled.cancel() is True and cancelled.cancelled()
assert running.cancel() is True
assert behind.get(PATIENCE) == 1
raises(ipp.error.TaskAborted, cancelled.get, PATIENCE)

# A map: all of it, wherever it is.
gates = [Gate(), Gate()]
gates[0].open()
amr = lbv.map_async(held, [gates[0].path] + [gates[1].path] * 199)
eventually(lambda: amr.progress > 0)
assert amr.cancel() is False, "some of it has ended"
amr.wait(PATIENCE)
assert amr.ready() and not amr.cancelled()
failure = raises(ipp.CompositeError, amr.get)
assert not isinstance(failure, concurrent.futures.CancelledError), "that is for all of it"
assert lbv.apply_sync(abs, -1) == 1

# A task that runs too long; its time begins when it does.
gate = Gate()
blocker = gate.hold(one)
there, elsewhere = rc.load_balanced_view(targets=1), rc.load_balanced_view(targets=2)
with there.temp_flags(task_timeout=4), elsewhere.temp_flags(task_timeout=4):
    good = [there.apply_async(abs, -number) for number in range(16)]
    long = begun(elsewhere)
    failure = raises(ipp.error.TaskTimeout, long.get, PATIENCE)
    assert "4 s" in str(failure), failure
gate.open()
assert [ar.get(PATIENCE) for ar in good] == list(range(16)), "they waited as long, and ran in time"
raises(TypeError, lbv.set_flags, task_timeout="soon")
raises(ValueError, lbv.set_flags, task_timeout=-1)


# Code that swallows interrupts takes its engine along; another one comes.
def swallow(gate):
    import time

    while True:
        try:
            open(f"{gate}.begun-0", "w").close()
            time.sleep(600)
        except KeyboardInterrupt:
            pass


stubborn = begun(lbv, swallow)
before = set(rc.ids)
assert stubborn.cancel() is True
failure = raises(ipp.error.TaskAborted, stubborn.get, PATIENCE)
assert "ended with it" in str(failure), failure
eventually(lambda: len(rc.ids) == 4 and set(rc.ids) != before)
assert sorted(rc[:].apply_sync(abs, -5)) == [5] * 4
