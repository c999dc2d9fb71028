"""AsyncResult and AsyncMapResult: waiting, metadata, times, output, iteration."""

import contextlib
import datetime
import io
import time

import ipyparallel as ipp
from _expect import RHUMBA, connect, raises, raises_remote

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()


def nap(seconds=0.3, value=None):
    import time

    time.sleep(seconds)
    return value


# Waiting.
ar = one.apply_async(nap, 0.3, "done")
assert ar.ready() is False and ar.done() is False
raises(RuntimeError, ar.successful)
raises(TimeoutError, ar.get, 0.01)
raises(TimeoutError, ar.get, timeout=0)
assert ar.wait(0.01) is False
assert "pending" in repr(ar) and "nap" in repr(ar)
assert ar.get(10) == "done" and ar.get() == "done" and ar.r == "done"
assert ar.wait() is True and ar.wait(0) is True and ar.ready() is True
assert ar.successful() is True and ar.result() == "done" and ar.exception() is None
assert repr(ar) == "<AsyncResult(nap): finished>"
raises(RuntimeError, ar.abort)

failed = one.apply_async(lambda: 1 / 0)
assert failed.wait(10) is True
assert failed.successful() is False and "failed" in repr(failed)
assert isinstance(failed.exception(), ipp.RemoteError)
raises_remote("ZeroDivisionError", failed.get)
raises_remote("ZeroDivisionError", failed.get)

# One engine named by its number gives one result; everything else gives lists.
assert len(one.apply_async(abs, -1)) == 1
ar = every.apply_async(lambda: 1)
assert len(ar) == 4 and ar.get() == [1] * 4 and len(ar.msg_ids) == 4
assert ar[0] == 1 and ar[1:3] == [1, 1]
assert list(ar) == [1] * 4
raises(TypeError, lambda: list(one.apply_async(abs, -1)))
raises((IndexError, TypeError), lambda: ar[9])
raises(TypeError, lambda: ar[1.5])
unfinished = one.apply_async(nap, 0.2)
raises(TimeoutError, lambda: unfinished[0])
unfinished.get()

# Results as they arrive.
staggered = every.apply_async(lambda: __import__("time").sleep(delay) or delay)  # noqa: F821
raises_remote("NameError", staggered.get)
every.scatter("delay", [0.0, 0.2, 0.4, 0.6], flatten=True, block=True)
begun = time.monotonic()
staggered = every.apply_async(lambda: __import__("time").sleep(delay) or delay)  # noqa: F821
arrivals = [(value, time.monotonic() - begun) for value in staggered]
assert [value for value, _ in arrivals] == [0.0, 0.2, 0.4, 0.6]
assert arrivals[3][1] >= 0.6 and arrivals[0][1] < arrivals[3][1] - 0.3, arrivals

# By engine.
assert every.apply_async(abs, -1).get_dict() == {0: 1, 1: 1, 2: 1, 3: 1}
assert one.apply_async(abs, -1).get_dict() == {0: 1}
assert every.apply_async(abs, -1).result_dict == {0: 1, 1: 1, 2: 1, 3: 1}
twice = lbv.map_async(abs, range(9))
raises(ValueError, twice.get_dict)
if RHUMBA:
    # ipyparallel gives each engine one item of the whole list.
    assert every.map_async(abs, range(6)).get_dict() == {0: [0, 1], 1: [2, 3], 2: [4], 3: [5]}

# Metadata: one for a single result, else a list, by item and by attribute.
ar = one.apply_async(nap, 0.1)
assert ar.engine_id in (0, None) and ar.status is None, "known before the result is there"
ar.get()
metadata = ar.metadata
assert metadata["engine_id"] == 0 and metadata.engine_id == 0
assert ar.engine_id == 0 and ar["engine_id"] == 0
assert ar.status == "ok" and ar.msg_id == ar.msg_ids[0]
assert failed.status == "error"
for key in ("submitted", "started", "completed", "received"):
    assert isinstance(ar[key], datetime.datetime), key
    assert ar[key].tzinfo is not None
assert ar.submitted <= ar.started + datetime.timedelta(seconds=0.01)
assert 0.09 <= (ar.completed - ar.started).total_seconds() < 5
assert ar.started < ar.completed <= ar.received + datetime.timedelta(seconds=0.01)
raises(AttributeError, lambda: ar.no_such_thing)
raises(KeyError, lambda: ar["no_such_thing"])
ar = every.apply_async(abs, -1)
ar.get()
assert isinstance(ar.metadata, list) and ar.engine_id == [0, 1, 2, 3]
assert ar["status"] == ["ok"] * 4
assert "engine_id" in dir(ar) and "get" in dir(ar)

# Times, in seconds.
ar = every.apply_async(nap, 0.2)
raises(TimeoutError, lambda: ar.serial_time)
raises(TimeoutError, lambda: ar.wall_time)
assert 0 <= ar.elapsed < 5
ar.get()
assert 0.8 <= ar.serial_time < 5
assert 0.2 <= ar.wall_time < 5
assert ar.elapsed == ar.wall_time
assert 0.2 <= ar.timedelta(ar.started, ar.completed) < 5
assert ar.progress == 4

# Output, told apart and in order; also before the end.
source = """
import sys
print("out", RANK)
print("err", RANK, file=sys.stderr)
print("more")
"""
every.scatter("RANK", rc.ids, flatten=True, block=True)
ar = every.execute(source)
ar.get()
ar.wait_for_output()
assert ar.stdout == [f"out {rank}\nmore\n" for rank in range(4)], ar.stdout
assert ar.stderr == [f"err {rank}\n" for rank in range(4)]
ar = one.apply_async(lambda: print("from apply"))
ar.get()
ar.wait_for_output()
assert ar.stdout == "from apply\n" and ar.stderr == "" and ar.outputs == []
ar = one.execute("print('early', flush=True)\nimport time; time.sleep(2)")
deadline = time.monotonic() + 1.8
while not ar.stdout and time.monotonic() < deadline:
    time.sleep(0.01)
assert ar.stdout == "early\n" and not ar.ready(), "output comes as it is written"
ar.get()
ar = one.execute("6 * 7", silent=False)
ar.get()
ar.wait_for_output()
assert ar.execute_result["data"]["text/plain"] == "42"
bad = one.execute("print('before'); 1/0")
bad.wait()
bad.wait_for_output()
assert bad.stdout == "before\n", "output of what failed is kept"


def shown(result, **options):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        result.display_outputs(**options)
    return out.getvalue(), err.getvalue()


ar = every.execute(source + "RANK", silent=False)
ar.get()
out, err = shown(ar)
for rank in range(4):
    assert f"[stdout:{rank}]" in out and f"out {rank}" in out and f"err {rank}" in err
    assert f"[stderr:{rank}]" in err
if RHUMBA:
    lines = out.splitlines()
    assert lines[:2] == ["[stdout:0] out 0", "[stdout:0] more"], lines
    assert lines[8].startswith("Out[0:") and lines[8].endswith("]: 0"), lines
    by_engine = shown(ar, groupby="engine")[0].splitlines()
    assert by_engine[:2] == lines[:2] and by_engine[2].startswith("Out[0:"), by_engine
    only = shown(ar, result_only=True)
    assert only[1] == "" and len(only[0].splitlines()) == 4
raises(ValueError, shown, ar, groupby="colour")

# Aborting what has not started.
blocker = one.apply_async(nap, 0.5)
queued = [one.apply_async(abs, -1) for _ in range(3)]
queued[1].abort()
raises(ipp.error.TaskAborted, queued[1].get, 10)
if RHUMBA:
    assert queued[1].status == "aborted"
assert queued[0].get(10) == 1 and queued[2].get(10) == 1 and blocker.get(10) is None
blocker = every.apply_async(nap, 0.5)
queued = [one.apply_async(abs, -1), rc[1].apply_async(abs, -1)]
rc.abort(queued, block=True)
for ar in queued:
    raises(ipp.error.TaskAborted, ar.get, 10)
blocker.get(10)
if RHUMBA:
    # Waiting tasks, too: ipyparallel aborts what an engine has, not what the scheduler has.
    tasks = lbv.map_async(nap, [0.3] * 40)
    time.sleep(0.1)
    rc.abort()
    failure = raises(ipp.CompositeError, tasks.get, 10)
    assert 20 <= len(failure.elist) <= 36, len(failure.elist)
    assert {entry[0] for entry in failure.elist} == {"TaskAborted"}
assert one.apply_sync(abs, -1) == 1

# Maps.
amr = every.map_async(lambda x: -x, range(10))
assert len(amr) == 10 and len(amr.msg_ids) == 4
assert list(amr) == [-x for x in range(10)] and amr.get() == [-x for x in range(10)]
assert amr[3] == -3 and amr[2:4] == [-2, -3]
assert amr.progress == 10 and amr.successful()
part = every.map_async(lambda x: nap(x) or x, [0.0, 0.0, 0.6, 0.0])  # noqa: F821
raises_remote("NameError", part.get)
every["nap"] = nap
part = every.map_async(lambda x: nap(x, x), [0.0, 0.01, 1.5, 0.02])
iterator = iter(part)
assert [next(iterator), next(iterator)] == [0.0, 0.01]
assert not part.ready(), "the first items don't wait for the last"
assert list(iterator) == [1.5, 0.02]
partly = lbv.map_async(lambda x: 1 // x, [1, 0, 1])
iterator = iter(partly)
assert next(iterator) == 1
raises_remote("ZeroDivisionError", next, iterator)

# Progress, told on stderr.
told = io.StringIO()
with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
    lbv.map_async(nap, [0.1] * 8).wait_interactive(interval=0.05)
assert "8/8" in told.getvalue(), told.getvalue()
if RHUMBA:
    with contextlib.redirect_stderr(told):
        raises(TimeoutError, one.apply_async(nap, 0.5).wait_interactive, timeout=0.1)

# Objects may be changed as soon as the call has returned.
items = [1, 2, 3]
ar = one.apply_async(lambda given: given, items)
ar.wait_for_send()
items.append(4)
assert ar.sent is True
assert ar.get() == [1, 2, 3]
rc.close()
