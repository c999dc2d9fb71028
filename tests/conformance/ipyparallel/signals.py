"""Signals to engines, the death of engines, and what is told of it."""

import os
import signal
import time

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, eventually, raises, raises_remote
from _gates import Gate, held

cluster = ipp.Cluster(n=3)
rc = cluster.start_and_connect_sync()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()


def interrupted(ar, send):
    """Sends signals until what runs has ended: one that comes too early hits nothing."""
    if not RHUMBA:
        # An engine of ipyparallel is hurt by a signal that comes before the work.
        time.sleep(1)
    eventually(lambda: send() or ar.wait(0.5))
    return raises_remote("KeyboardInterrupt", ar.get, PATIENCE)


# SIGINT raises KeyboardInterrupt in what runs, whatever that is doing.
for code in (
    "import time; time.sleep(600)",
    "while True: pass",
    "import subprocess; subprocess.run(['sleep', '600'])",
    "import socket; a, b = socket.socketpair(); a.recv(1)",
):
    running = one.execute(code)
    failure = interrupted(running, lambda: rc.send_signal("SIGINT", targets=0, block=True))
    assert failure.engine_info["engine_id"] == 0
    assert one.apply_sync(abs, -1) == 1, code
running = every.execute("import time; time.sleep(600)")
failure = interrupted(running, lambda: rc.send_signal(signal.SIGINT, block=True))
assert isinstance(failure, ipp.CompositeError)
assert every.apply_sync(abs, -1) == [1] * 3
rc.send_signal("SIGINT", block=True)
assert every.apply_sync(abs, -1) == [1] * 3, "an engine that does nothing isn't hurt"
if RHUMBA:
    raises(ValueError, rc.send_signal, "SIGNOTHING")
    raises(ValueError, rc.send_signal, "SIG_DFL")
    # What is queued behind it goes on.
    running = one.execute("import time; time.sleep(600)")
    behind = one.apply_async(abs, -7)
    interrupted(running, lambda: rc.send_signal("SIGINT", targets=0))
    assert behind.get(PATIENCE) == 7

# An engine that ends is told at once to everyone who waits for it.
flags = every.temp_flags(targets=[1, 2], block=True)
flags.__enter__()
picky = rc.load_balanced_view(targets=0) if RHUMBA else None
running = one.apply_async(os._exit, 3)
queued = one.apply_async(abs, -1)
if RHUMBA:
    failure = raises(ipp.error.EngineError, running.get, PATIENCE)
    assert isinstance(failure, ipp.RemoteError) and failure.ename == "EngineError"
    assert failure.engine_info["engine_id"] == 0 and "[0:apply]" in str(failure)
    assert "3" in str(failure), "how it ended is told"
    raises(ipp.error.EngineError, queued.get, PATIENCE)
else:
    raises_remote("EngineError", running.get, PATIENCE)
eventually(lambda: rc.ids == [1, 2])
raises(IndexError, lambda: rc[0])
assert rc[:].apply_sync(abs, -1) == [1, 1]
assert every.apply(abs, -1) == [1, 1]
if RHUMBA:
    # A view has its flags back when their block ends, whoever is still there of its engines.
    flags.__exit__(None, None, None)
    assert (every.targets, every.block) == ([0, 1, 2], False)
    # Waiting helps where engines are still to come; one that has left doesn't come back.
    failure = raises(ipp.NoEnginesRegistered, picky.apply_sync, abs, -1)
    assert "engine 0" in str(failure) and "wait_for_engines" not in str(failure), failure
    # A view that still names it says so.
    raises(ipp.error.EngineError, one.apply_sync, abs, -1)
    failure = raises(ipp.CompositeError, every.apply_sync, abs, -1)
    assert [entry[0] for entry in failure.elist] == ["EngineError"]
    values = every.apply_async(abs, -1).get(return_exceptions=True)
    assert isinstance(values[0], ipp.error.EngineError) and values[1:] == [1, 1]

    # Killed by a signal.
    running = rc[1].execute("import time; time.sleep(600)")
    rc.send_signal("SIGKILL", targets=1)
    failure = raises(ipp.error.EngineError, running.get, PATIENCE)
    assert "signal 9" in str(failure) or "SIGKILL" in str(failure), str(failure)
    eventually(lambda: rc.ids == [2])

    # A task that dies with its engine is tried elsewhere if it may be.
    cluster.start_engines_sync(2)
    rc.wait_for_engines(3, timeout=PATIENCE)
    marker = f"/tmp/rhumba-conformance-{os.getpid()}"

    def die_once(path):
        import os

        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return "second"
        os._exit(1)

    try:
        with lbv.temp_flags(retries=1):
            assert lbv.apply_sync(die_once, marker) == "second"
    finally:
        os.unlink(marker)
    eventually(lambda: len(rc) == 2)
    raises(ipp.error.EngineError, lbv.apply_sync, os._exit, 1)
    eventually(lambda: len(rc) == 1)
    # The other tasks of a map survive.
    rc.direct_view().push({"keep": 1}, block=True)
    assert lbv.map_sync(abs, range(50)) == list(range(50))

    # The last one.
    gates = [Gate(), Gate()]
    gates[0].open()
    tasks = lbv.map_async(held, [gates[0].path] + [gates[1].path] * 19)
    eventually(lambda: tasks.progress >= 1)
    rc.send_signal("SIGKILL")
    failure = raises(ipp.error.KernelError, tasks.get, PATIENCE)
    eventually(lambda: len(rc) == 0)
    for call in (lbv.apply_sync, rc.direct_view().apply_sync):
        failure = raises(ipp.NoEnginesRegistered, call, abs, -1)
        assert "wait_for_engines(n) waits" in str(failure), failure
    cluster.start_engines_sync(1)
    rc.wait_for_engines(1, timeout=PATIENCE)
    assert lbv.apply_sync(abs, -1) == 1
rc.close()
cluster.stop_cluster_sync()
