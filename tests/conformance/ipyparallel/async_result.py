"""AsyncResult and AsyncMapResult: waiting, metadata, times, output, iteration."""

import contextlib
import datetime
import io
import time

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, eventually, raises, raises_remote
from _gates import Gate, held

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()


def nap(seconds=0.3, value=None):
    import time

    time.sleep(seconds)
    return value


# Waiting.
gate = Gate()
ar = gate.hold(one, "done")
assert ar.ready() is False and ar.done() is False
raises(RuntimeError, ar.successful)
raises(TimeoutError, ar.get, 0.01)
raises(TimeoutError, ar.get, timeout=0)
assert ar.wait(0.01) is False
assert "pending" in repr(ar) and "held" in repr(ar)
gate.open()
assert ar.get(PATIENCE) == "done" and ar.get() == "done" and ar.r == "done"
assert ar.wait() is True and ar.wait(0) is True and ar.ready() is True
assert ar.successful() is True and ar.result() == "done" and ar.exception() is None
assert repr(ar) == "<AsyncResult(held): finished>"
raises(RuntimeError, ar.abort)

failed = one.apply_async(lambda: 1 / 0)
assert failed.wait(PATIENCE) is True
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
gate = Gate()
unfinished = gate.hold(one)
raises(TimeoutError, lambda: unfinished[0])
gate.open()
unfinished.get()

# Results as they arrive.
waits_here = lambda: held(gate, gate)  # noqa: E731, F821
raises_remote("NameError", every.apply_async(waits_here).get)
gates = [Gate() for _ in rc.ids]
every.push({"held": held}, block=True)
every.scatter("gate", [gate.path for gate in gates], flatten=True, block=True)
staggered = every.apply_async(waits_here)
arriving = iter(staggered)
for gate in gates:
    assert not staggered.ready()
    gate.open()
    assert next(arriving) == gate.path, "one arrives while the others run"
assert list(arriving) == [] and staggered.ready()

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
gate = Gate()
ar = gate.hold(one)
assert ar.engine_id in (0, None) and ar.status is None, "known before the result is there"
gate.wait_for_engines()
time.sleep(0.1)
gate.open()
ar.get()
metadata = ar.metadata
assert metadata["engine_id"] == 0 and metadata.engine_id == 0
assert ar.engine_id == 0 and ar["engine_id"] == 0
assert ar.status == "ok" and ar.msg_id == ar.msg_ids[0]
assert failed.status == "error"
for key in ("submitted", "started", "completed", "received"):
    assert isinstance(ar[key], datetime.datetime), key
    assert ar[key].tzinfo is not None
before = time.time()
timed = one.apply_async(abs, -1)
after = time.time()
assert before - 0.01 <= timed.submitted.timestamp() <= after + 0.01, "when it was asked for, by this clock"
timed.get(PATIENCE)
assert ar.submitted <= ar.started + datetime.timedelta(seconds=0.01)
assert 0.09 <= (ar.completed - ar.started).total_seconds()
assert ar.started < ar.completed <= ar.received + datetime.timedelta(seconds=0.01)
raises(AttributeError, lambda: ar.no_such_thing)
raises(KeyError, lambda: ar["no_such_thing"])
ar = every.apply_async(abs, -1)
ar.get()
assert isinstance(ar.metadata, list) and ar.engine_id == [0, 1, 2, 3]
assert ar["status"] == ["ok"] * 4
assert "engine_id" in dir(ar) and "get" in dir(ar)

# Times, in seconds.
gate = Gate()
begun = time.time()
ar = gate.hold(every)
raises(TimeoutError, lambda: ar.serial_time)
raises(TimeoutError, lambda: ar.wall_time)
gate.wait_for_engines(4)
assert 0 <= ar.elapsed <= time.time() - begun + 0.01
time.sleep(0.2)
gate.open()
ar.get()
# As long as this took, give or take how well clocks agree.
wall_max = time.time() - begun + 0.01
assert 0.8 <= ar.serial_time + 0.01 <= 4 * wall_max
assert 0.2 <= ar.wall_time + 0.01 <= wall_max + 0.01
assert ar.elapsed == ar.wall_time
assert 0.2 <= ar.timedelta(ar.started, ar.completed) + 0.01 <= wall_max + 0.01
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
if RHUMBA:
    # What an engine says of a picture comes as a form, and is told apart from the others.
    said = {"text/plain": "p", "application/vnd.rhumba.metadata+json": '{"text/plain": {"width": 5}}'}
    shown = one.apply_async(lambda forms: display(forms, raw=True), said)  # noqa: F821
    shown.get(PATIENCE)
    assert shown.outputs == [{"data": {"text/plain": "p"}, "metadata": {"text/plain": {"width": 5}}}]

# What commands write is output, too.
ar = one.apply_async(lambda: __import__("os").system("echo a command; echo trouble >&2"))
assert ar.get(PATIENCE) == 0
eventually(lambda: ar.stdout and ar.stderr)
assert ar.stdout == "a command\n" and ar.stderr == "trouble\n"
gate = Gate()
ar = one.execute(f"print('early', flush=True)\n{gate.code}")
eventually(lambda: ar.stdout)
assert ar.stdout == "early\n" and not ar.ready(), "output comes as it is written"
gate.open()
ar.get()
ar = one.execute("6 * 7", silent=False)
ar.get()
ar.wait_for_output()
assert ar.execute_result["data"]["text/plain"] == "42"
bad = one.execute("print('before'); 1/0")
bad.wait()
assert bad.metadata["is_broadcast"] is False and bad.is_coalescing is False if RHUMBA else True
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
    assert lines[:3] == ["[stdout:0]", "out 0", "more"], lines
    assert err.splitlines() == [f"[stderr:{rank}] err {rank}" for rank in range(4)], err
    assert lines[12].startswith("Out[0:") and lines[12].endswith("]: 0"), lines
    by_engine = shown(ar, groupby="engine")[0].splitlines()
    assert by_engine[:3] == lines[:3] and by_engine[3].startswith("Out[0:"), by_engine
    only = shown(ar, result_only=True)
    assert only[1] == "" and len(only[0].splitlines()) == 4
raises(ValueError, shown, ar, groupby="colour")

# What came of a single engine stands as it was written.
ar = one.execute(source + "RANK", silent=False)
ar.get()
ar.wait_for_output()
for groupby in ("type", "engine", "order"):
    out, err = shown(ar, groupby=groupby)
    assert out.startswith("out 0\nmore\n") and err == "err 0\n", (groupby, out, err)
    if RHUMBA:
        # ipyparallel shows objects in a shell only.
        assert out.splitlines()[2:] == [f"Out[0:{ar.get().execution_count}]: 0"], out
if RHUMBA:
    assert shown(ar, result_only=True) == (f"Out[0:{ar.get().execution_count}]: 0\n", "")
    raises(ValueError, shown, ar, groupby="colour")
    ar = one.execute("from IPython.display import display; display('an object')")
    ar.get()
    assert shown(ar) == ("'an object'\n", ""), shown(ar)

# Aborting what has not started.
gate = Gate()
blocker = gate.hold(one)
queued = [one.apply_async(abs, -1) for _ in range(3)]
queued[1].abort()
raises(ipp.error.TaskAborted, queued[1].get, PATIENCE)
if RHUMBA:
    assert queued[1].status == "aborted"
gate.open()
assert queued[0].get(PATIENCE) == 1 and queued[2].get(PATIENCE) == 1 and blocker.get(PATIENCE) is None
gate = Gate()
blocker = gate.hold(every)
queued = [one.apply_async(abs, -1), rc[1].apply_async(abs, -1)]
rc.abort(queued, block=True)
for ar in queued:
    raises(ipp.error.TaskAborted, ar.get, PATIENCE)
gate.open()
blocker.get(PATIENCE)
if RHUMBA:
    # Waiting tasks, too: ipyparallel aborts what an engine has, not what the scheduler has.
    gate = Gate()
    tasks = lbv.map_async(held, [gate.path] * 40)
    gate.wait_for_engines(4)
    rc.abort()
    gate.open()
    failure = raises(ipp.CompositeError, tasks.get, PATIENCE)
    assert len(failure.elist) == 36, "all that had not begun"
    assert {entry[0] for entry in failure.elist} == {"TaskAborted"}
assert one.apply_sync(abs, -1) == 1

# Maps.
amr = every.map_async(lambda x: -x, range(10))
assert len(amr) == 10 and len(amr.msg_ids) == 4
assert list(amr) == [-x for x in range(10)] and amr.get() == [-x for x in range(10)]
assert amr[3] == -3 and amr[2:4] == [-2, -3]
assert amr.progress == 10 and amr.successful()
gate = Gate()
every.push({"held": held, "gate": gate.path}, block=True)
part = every.map_async(lambda x: held(gate, x) if x == 2 else x, range(4))
iterator = iter(part)
assert [next(iterator), next(iterator)] == [0, 1]
assert not part.ready(), "the first items don't wait for the last"
gate.open()
assert list(iterator) == [2, 3]
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
    gate = Gate()
    with contextlib.redirect_stderr(told):
        raises(TimeoutError, gate.hold(one).wait_interactive, timeout=0.1)
    gate.open()

# Objects may be changed as soon as the call has returned.
items = [1, 2, 3]
ar = one.apply_async(lambda given: given, items)
ar.wait_for_send()
items.append(4)
assert ar.sent is True
assert ar.get() == [1, 2, 3]
rc.close()
