"""Ctrl-C while a call waits. Only rhumba's way is checked: ipyparallel swallows it."""

import contextlib
import io
import os
import signal
import sys
import threading

import ipyparallel as ipp
from _ctrl_c import press_when_waiting
from _expect import PATIENCE, RHUMBA, connect, raises
from _gates import Gate

if not RHUMBA:
    raise SystemExit(0)

rc = connect()
watcher = ipp.Client()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()
TOLD = "Interrupted: interrupting what runs on"


def busy():
    status = watcher.queue_status()
    return any(status[engine]["queue"] + status[engine]["tasks"] for engine in watcher.ids)


def interrupted(call, *args, when=busy, **kwargs):
    """Returns what is told on stderr when Ctrl-C is pressed while a call waits."""
    told = io.StringIO()
    presser = press_when_waiting(when)
    with contextlib.redirect_stderr(told):
        raises(KeyboardInterrupt, call, *args, **kwargs)
    presser.join()
    return told.getvalue()


def free(engines=every):
    """Fails unless the engines have stopped what they did."""
    assert engines.apply_async(abs, -1).get(PATIENCE) == [1] * 4


def long(seconds=600):
    import time

    time.sleep(seconds)


# A result that is interrupted while it is made of its bytes is made when it is asked for again.
many = one.apply_async(lambda: [[i, str(i)] for i in range(300_000)])
assert many.wait(PATIENCE)
presser = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
with contextlib.suppress(KeyboardInterrupt):
    presser.start()
    many.get()
with contextlib.suppress(KeyboardInterrupt):
    presser.join()
    # A signal that has come is looked at between instructions: here at the latest.
    for _ in range(1000):
        pass
assert len(many.get()) == 300_000

# Where nobody can be asked, what runs is interrupted, and what waits is aborted.
assert interrupted(one.apply_sync, long).startswith(f"{TOLD} engine 0")
free()
assert "engines [0, 1, 2, 3]" in interrupted(every.apply_sync, long)
free()
assert TOLD in interrupted(lbv.apply_sync, long)
free()
assert TOLD in interrupted(lbv.map_sync, long, [600] * 100)
free()
assert TOLD in interrupted(every.map_sync, long, [600] * 8)
free()
assert TOLD in interrupted(every.execute, "import time; time.sleep(600)", block=True)
free()
ar = every.apply_async(long)
assert TOLD in interrupted(ar.get)
failure = raises(ipp.CompositeError, ar.get, PATIENCE)
assert {entry[0] for entry in failure.elist} == {"TaskAborted"}
ar = one.apply_async(long)
assert TOLD in interrupted(ar.wait)
raises(ipp.RemoteError, ar.get, PATIENCE)
ar = one.apply_async(long)
assert TOLD in interrupted(rc.wait)
raises(ipp.RemoteError, ar.get, PATIENCE)
ar = lbv.map_async(long, [600] * 4)
assert TOLD in interrupted(list, ar)
free()
for ordered in (True, False):
    # All that is under way is stopped, not only what is waited for.
    assert "engines [0, 1, 2, 3]" in interrupted(list, lbv.imap(long, [600] * 4, ordered=ordered))
    free()


def in_block(wait):
    """Waits within a block of an executor, at whose end it waits for what was asked for there."""
    with lbv.executor as executor:
        wait([executor.submit(long) for _ in range(6)])


assert TOLD in interrupted(in_block, lambda futures: futures[0].result())
free()
assert TOLD in interrupted(in_block, lambda futures: None)
free()

# No Python code runs as a result is dropped: Ctrl-C that came to it would be lost.
ar = one.apply_async(abs, -1)
assert ar.get(PATIENCE) == 1
called = []
sys.setprofile(lambda frame, event, argument: event == "call" and called.append(frame.f_code.co_name))
del ar
sys.setprofile(None)
assert called == [], called

# On a terminal it is asked whether to. A second Ctrl-C is an answer: what runs goes on.
class Asked(io.StringIO):
    def isatty(self):
        return True

    def readline(self):
        self.was_asked = True
        raise KeyboardInterrupt


gate, terminal = Gate(), sys.stdin
running = gate.hold(every, "went on")
sys.stdin = Asked()
told = io.StringIO()
presser = press_when_waiting(lambda: gate.engines() == 4)
with contextlib.redirect_stderr(told):
    failure = raises(KeyboardInterrupt, running.get)
presser.join()
assert sys.stdin.was_asked and told.getvalue().endswith("too? [y/N] \n"), told.getvalue()
sys.stdin = terminal
assert failure.__context__ is None and failure.__cause__ is None, "one Ctrl-C is told, not both"
assert not running.ready()
gate.open()
assert running.get(PATIENCE) == ["went on"] * 4

# Only engines with something left to do are named, and others' work goes on.
other = ipp.Client()
gate = Gate()
theirs = gate.hold(other[3])
rc[:3].scatter("seconds", [0, 600, 0], flatten=True, block=True)
rc[1]["long"] = long
ar = rc[[0, 1, 2]].execute("import time; time.sleep(seconds)")
told = interrupted(ar.get, when=lambda: ar.progress == 2)
assert told.startswith(f"{TOLD} engine 1"), told
assert not theirs.ready()
gate.open()
assert theirs.get(PATIENCE) is None
other.close()

# A wait with nothing to wait for takes no signal from the next one.
assert one.apply_sync(abs, -1) == 1
free()
watcher.close()
rc.close()
