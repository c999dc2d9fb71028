"""Ctrl-C while a call waits. Only rhumba's way is checked: ipyparallel swallows it."""

import contextlib
import io
import os
import signal
import threading
import time

import ipyparallel as ipp
from _expect import RHUMBA, connect, eventually, raises

if not RHUMBA:
    raise SystemExit(0)

rc = connect()
watcher = ipp.Client()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()
TOLD = "Interrupted: interrupting what runs on"


def busy():
    status = watcher.queue_status()
    return any(status[engine]["queue"] + status[engine]["tasks"] for engine in watcher.ids)


def press_when_busy():
    """Presses Ctrl-C half a second after the engines have got something to do."""
    eventually(busy)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()


def interrupted(call, *args, **kwargs):
    """Returns what is told on stderr when Ctrl-C is pressed while a call waits."""
    presser = threading.Thread(target=press_when_busy)
    told = io.StringIO()
    begun = time.monotonic()
    presser.start()
    with contextlib.redirect_stderr(told):
        raises(KeyboardInterrupt, call, *args, **kwargs)
    presser.join()
    assert time.monotonic() - begun < 10, "Ctrl-C must end the wait"
    return told.getvalue()


def free(engines=every):
    """Fails unless the engines have stopped what they did."""
    assert engines.apply_async(abs, -1).get(10) == [1] * 4


def long(seconds=30):
    import time

    time.sleep(seconds)


# Where nobody can be asked, what runs is interrupted, and what waits is aborted.
assert interrupted(one.apply_sync, long).startswith(f"{TOLD} engine 0")
free()
assert "engines [0, 1, 2, 3]" in interrupted(every.apply_sync, long)
free()
assert TOLD in interrupted(lbv.apply_sync, long)
free()
assert TOLD in interrupted(lbv.map_sync, long, [30] * 100)
free()
assert TOLD in interrupted(every.map_sync, long, [30] * 8)
free()
assert TOLD in interrupted(every.execute, "import time; time.sleep(30)", block=True)
free()
ar = every.apply_async(long)
assert TOLD in interrupted(ar.get)
failure = raises(ipp.CompositeError, ar.get, 10)
assert {entry[0] for entry in failure.elist} == {"KeyboardInterrupt"}
ar = one.apply_async(long)
assert TOLD in interrupted(ar.wait)
raises(ipp.RemoteError, ar.get, 10)
ar = one.apply_async(long)
assert TOLD in interrupted(rc.wait)
raises(ipp.RemoteError, ar.get, 10)
ar = lbv.map_async(long, [30] * 4)
assert TOLD in interrupted(list, ar)
free()
assert TOLD in interrupted(list, lbv.imap(long, [30] * 4, ordered=False))
free()

# Only engines with something left to do are named, and others' work goes on.
other = ipp.Client()
theirs = other[3].apply_async(long, 2)
every.scatter("seconds", [0, 30, 0, 0], flatten=True, block=True)
rc[1]["long"] = long
ar = rc[[0, 1, 2]].execute("import time; time.sleep(seconds)")
assert interrupted(ar.get).startswith(f"{TOLD} engine 1")
assert theirs.get(10) is None
other.close()

# A wait with nothing to wait for takes no signal from the next one.
assert one.apply_sync(abs, -1) == 1
free()
watcher.close()
rc.close()
