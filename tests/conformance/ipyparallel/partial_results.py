"""Some parts of a result, and several results as one; streamed output; progress and times."""

import contextlib
import io
import time

import ipyparallel as ipp
from _expect import RHUMBA, connect, raises, raises_remote

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()
every.scatter("rank", rc.ids, flatten=True, block=True)


def nap(seconds, value=None):
    import time

    time.sleep(seconds)
    return value


def turn(rank):
    import time

    time.sleep(0.25 * rank)
    return 10 // (3 - rank)


# A result has a part for each engine.
whole = every.apply_async(turn, ipp.Reference("rank"))
parts = whole.split()
assert isinstance(parts, tuple) and len(parts) == 4
assert [part.msg_ids for part in parts] == [[msg_id] for msg_id in whole.msg_ids]
assert len(set(whole.msg_ids)) == 4
assert whole.split() == parts, "splitting twice gives the same"
assert parts[0].split() == (parts[0],)
assert parts[0].get(10) == 3 and parts[1].get(10) == 5
assert not whole.ready()
raises_remote("ZeroDivisionError", parts[3].get, 10)
assert parts[2].get() == 10 and parts[2].engine_id == 2 and parts[2].status == "ok"
assert parts[3].successful() is False and parts[3].ready()
joined = ipp.AsyncResult.join(*parts[:3])
assert joined.get(10) == [3, 5, 10] and len(joined) == 3
assert joined.msg_ids == whole.msg_ids[:3] and joined.engine_id == [0, 1, 2]
assert ipp.AsyncResult.join(parts[0]) is parts[0]
raises(ValueError, ipp.AsyncResult.join)
raises_remote("ZeroDivisionError", ipp.AsyncResult.join(*parts).get)
if RHUMBA:
    # ipyparallel joins results of direct views only.
    singles = [lbv.apply_async(nap, 0.05, number) for number in range(8)]
    joined = ipp.AsyncResult.join(*singles)
    assert joined.wait(0) is False
    assert joined.get(10) == list(range(8)) and joined.progress == 8
    assert list(ipp.AsyncResult.join(*[lbv.apply_async(abs, -k) for k in range(5)])) == [
        0, 1, 2, 3, 4
    ]  # fmt: skip
amr = lbv.map_async(abs, range(-3, 0))
assert [part.get(10) for part in amr.split()] == [[[3]], [[2]], [[1]]]

# Waiting for some of it.
whole = every.apply_async(turn, ipp.Reference("rank"))
done, pending = whole.wait(timeout=10, return_when=ipp.FIRST_COMPLETED)
assert {part.get() for part in done} == {3} and len(pending) == 3
assert done | pending == set(whole.split())
done, pending = whole.wait(timeout=10, return_when=ipp.FIRST_EXCEPTION)
assert len(done) == 4 and not pending, "the exception is the last to come"
whole = every.apply_async(lambda rank: nap(1.0) if rank else 1 / 0, ipp.Reference("rank"))
every.push({"nap": nap}, block=True)
whole = every.apply_async(lambda rank: nap(1.0) if rank else 1 / 0, ipp.Reference("rank"))
begun = time.monotonic()
done, pending = whole.wait(timeout=10, return_when=ipp.FIRST_EXCEPTION)
assert len(done) == 1 and len(pending) == 3 and time.monotonic() - begun < 0.9
raises_remote("ZeroDivisionError", whole.get, timeout=10, return_when=ipp.FIRST_EXCEPTION)
if RHUMBA:
    slow = one.apply_async(nap, 0.5)
    pair = ipp.AsyncResult.join(slow, rc[1].apply_async(abs, -1))
    failure = raises(TimeoutError, pair.get, 0.05, return_when=ipp.FIRST_EXCEPTION)
    assert "0.05 seconds" in str(failure), failure
    slow.get()
assert time.monotonic() - begun < 0.9
done, pending = whole.wait(timeout=0.05, return_when=ipp.ALL_COMPLETED)
assert len(done) == 1 and len(pending) == 3
done, pending = whole.wait(timeout=10, return_when=ipp.ALL_COMPLETED)
assert len(done) == 4 and not pending
if RHUMBA:
    # ipyparallel takes these for something else, or warns.
    raises(ValueError, whole.wait, 1, "SOMETIMES")
    raises(ValueError, whole.get, 1, None, "FIRST_COMPLETED")

# Aborting one part leaves the others alone.
blocker = every.apply_async(nap, 0.4)
queued = every.apply_async(nap, 0.0, "ran")
queued.split()[1].abort()
blocker.get(10)
if RHUMBA:
    # ipyparallel gives the error as if it were a value.
    failure = raises(ipp.CompositeError, queued.get, 10)
    assert [entry[0] for entry in failure.elist] == ["TaskAborted"], failure
assert queued.get(return_exceptions=True)[::3] == ["ran", "ran"]

# Output while it is made.
out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    ar = every.execute(
        "import sys, time\nprint('first', rank, flush=True)\ntime.sleep(0.4)\n"
        "print('second', rank)\nprint('problem', file=sys.stderr)"
    )
    with ar.stream_output():
        deadline = time.monotonic() + 10
        while out.getvalue().count("first") < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        early = out.getvalue()
        was_ready = ar.ready()
        ar.get(10)
        ar.wait_for_output()
assert early.count("first") == 4 and "second" not in early and not was_ready
for rank in range(4):
    assert f"first {rank}" in out.getvalue() and f"second {rank}" in out.getvalue()
    assert f"[stderr:{rank}]" in err.getvalue()
if RHUMBA:
    # ipyparallel labels the first of several lines, sometimes.
    lines = sorted(out.getvalue().splitlines())
    assert lines == sorted(f"[stdout:{r}] {w} {r}" for r in range(4) for w in ("first", "second"))
    # What is over is shown as well, and errors with their engine.
    for result, shown in ((ar, "second 3"), (one.apply_async(lambda: 1 / 0), "[0:apply]")):
        result.wait(10)
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            with result.stream_output():
                pass
        assert shown in text.getvalue(), text.getvalue()
    # A part shows its own output only.
    text = io.StringIO()
    with contextlib.redirect_stdout(text), ar.split()[2].stream_output():
        pass
    assert text.getvalue() == "[stdout:2] first 2\n[stdout:2] second 2\n", text.getvalue()

# Labels, and the code of a cell.
with every.temp_flags(label="survey"):
    labelled = every.apply_async(abs, -1)
    mapped = every.map_async(abs, [1])
assert labelled.get(10) == [1] * 4 and mapped.get(10) == [1]
assert labelled.label == ["survey"] * 4
assert every.apply_async(abs, -1).label == [None] * 4
assert lbv.set_flags(label="farm").label == "farm"
ar = lbv.apply_async(abs, -1)
assert ar.get() == 1 and ar.label == "farm" and ar.metadata["label"] == "farm"
ar = one.execute("6 * 7", silent=False)
ar.get()
if RHUMBA:
    assert ar.execute_input == "6 * 7" and ar["execute_input"] == "6 * 7"

# Times: the work of four engines side by side.
ar = every.apply_async(nap, 0.3)
ar.get()
assert 1.1 <= ar.serial_time < 5 and 0.3 <= ar.wall_time < 4
if RHUMBA:
    assert ar.speedup == ar.serial_time / ar.wall_time and ar.speedup > 1
    raises(TimeoutError, lambda: one.apply_async(nap, 0.3).speedup)

# Progress goes to stderr: plain lines where it isn't a terminal.
told = io.StringIO()
with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
    tasks = lbv.map_async(nap, [0.4] * 12)
    tasks.wait_interactive(interval=0.05)
assert "12/12" in told.getvalue()
if RHUMBA:
    assert "\r" not in told.getvalue() and "\x1b" not in told.getvalue()


    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    with contextlib.redirect_stderr(terminal):
        lbv.map_async(nap, [0.2] * 8).wait_interactive(interval=0.05)
    *drawn, last = terminal.getvalue().rstrip("\n").split("\r")
    assert "8/8" in last and "100%" in last and "█" in last, last
    assert any(" 4/8" in line and " 50% |" in line and "to go" in line for line in drawn), drawn
    assert all(len(line) < 85 for line in drawn)
    with contextlib.redirect_stderr(told):
        done, pending = every.apply_async(turn, ipp.Reference("rank")).wait_interactive(
            interval=0.01, timeout=10, return_when=ipp.FIRST_COMPLETED
        )
    assert done and pending
    raises(ValueError, one.apply_async(abs, -1).wait_interactive, return_when="NEVER")
rc.close()
