"""Ending what runs: cancelled, or for too long. ipyparallel can do neither."""

import atexit
import os
import shutil
import sys
import tempfile
import time

import ipyparallel as ipp
from _expect import RHUMBA, connect, eventually, raises

if not RHUMBA:
    # Its cancel forgets the result of what runs, and lets it run.
    sys.exit(0)

marks = tempfile.mkdtemp()
atexit.register(shutil.rmtree, marks, ignore_errors=True)
rc = connect()
lbv = rc.load_balanced_view()
one = rc[1]


def nap(seconds):
    import time

    time.sleep(seconds)
    return "slept"


def begin(mark):
    """Tells that it runs, and goes on for long."""
    import pathlib
    import time

    pathlib.Path(mark).touch()
    time.sleep(60)


def begun(view, function=begin):
    """Returns a call that runs."""
    mark = os.path.join(marks, f"begun-{time.monotonic_ns()}")
    ar = view.apply_async(function, mark)
    eventually(lambda: os.path.exists(mark))
    return ar


# A task and a request that run end at once, on their engine alone.
pids = rc[:].apply_sync(os.getpid)
for view in (lbv, one):
    other = rc[0].apply_async(nap, 0.5) if view is one else None
    running = begun(view)
    start = time.monotonic()
    assert running.cancel() is True
    failure = raises(ipp.error.TaskAborted, running.get, 10)
    assert "cancelled while it ran" in str(failure), failure
    assert time.monotonic() - start < 3
    assert running.cancelled() and running.done()
    assert other is None or other.get(10) == "slept"
assert rc[:].apply_sync(os.getpid) == pids, "all engines are as they were"

# What waits behind it goes on; what waits and is cancelled never runs.
running = begun(one)
behind, cancelled = one.apply_async(abs, -1), one.apply_async(abs, -2)
assert cancelled.cancel() is True and cancelled.cancelled()
assert running.cancel() is True
assert behind.get(10) == 1
raises(ipp.error.TaskAborted, cancelled.get, 10)

# A map: all of it, wherever it is.
amr = lbv.map_async(nap, [0.2] * 200)
eventually(lambda: amr.progress > 0)
assert amr.cancel() is False, "some of it has ended"
amr.wait(10)
assert amr.ready() and not amr.cancelled()
assert lbv.apply_sync(abs, -1) == 1

# A task that runs too long; its time begins when it does.
with lbv.temp_flags(task_timeout=0.3):
    good = [lbv.apply_async(nap, 0.1) for _ in range(16)]
    long = lbv.apply_async(nap, 60)
    start = time.monotonic()
    failure = raises(ipp.error.TaskTimeout, long.get, 10)
    assert "0.3 s" in str(failure), failure
assert [ar.get(10) for ar in good] == ["slept"] * 16
raises(TypeError, lbv.set_flags, task_timeout="soon")
raises(ValueError, lbv.set_flags, task_timeout=-1)


# Code that swallows interrupts takes its engine along; another one comes.
def swallow(mark):
    import pathlib
    import time

    while True:
        try:
            pathlib.Path(mark).touch()
            time.sleep(60)
        except KeyboardInterrupt:
            pass


stubborn = begun(lbv, swallow)
before = set(rc.ids)
assert stubborn.cancel() is True
failure = raises(ipp.error.TaskAborted, stubborn.get, 30)
assert "ended with it" in str(failure), failure
eventually(lambda: len(rc.ids) == 4 and set(rc.ids) != before, 20)
assert sorted(rc[:].apply_sync(abs, -5)) == [5] * 4
