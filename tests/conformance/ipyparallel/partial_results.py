"""Some parts of a result, and several results as one; streamed output; progress and times."""

import contextlib
import io
import tempfile

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, eventually, raises, raises_remote
from _gates import Gate, held

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()
every.scatter("rank", rc.ids, flatten=True, block=True)


def turn(gate, rank):
    held(gate)
    return 10 // (3 - rank)


def turns():
    """Returns four gates, one for each engine, and a result that needs all of them open."""
    gates = [Gate() for _ in rc.ids]
    every.scatter("gate", [gate.path for gate in gates], flatten=True, block=True)
    return gates, every.apply_async(turn, ipp.Reference("gate"), ipp.Reference("rank"))


every.push({"held": held}, block=True)

# A result has a part for each engine.
gates, whole = turns()
parts = whole.split()
assert isinstance(parts, tuple) and len(parts) == 4
assert [part.msg_ids for part in parts] == [[msg_id] for msg_id in whole.msg_ids]
assert len(set(whole.msg_ids)) == 4
assert whole.split() == parts, "splitting twice gives the same"
assert parts[0].split() == (parts[0],)
gates[0].open()
gates[1].open()
assert parts[0].get(PATIENCE) == 3 and parts[1].get(PATIENCE) == 5
assert not whole.ready()
gates[3].open()
raises_remote("ZeroDivisionError", parts[3].get, PATIENCE)
gates[2].open()
assert parts[2].get(PATIENCE) == 10 and parts[2].engine_id == 2 and parts[2].status == "ok"
assert parts[3].successful() is False and parts[3].ready()
joined = ipp.AsyncResult.join(*parts[:3])
assert joined.get(PATIENCE) == [3, 5, 10] and len(joined) == 3
assert joined.msg_ids == whole.msg_ids[:3] and joined.engine_id == [0, 1, 2]
assert ipp.AsyncResult.join(parts[0]) is parts[0]
raises(ValueError, ipp.AsyncResult.join)
raises_remote("ZeroDivisionError", ipp.AsyncResult.join(*parts).get)
if RHUMBA:
    # ipyparallel joins results of direct views only.
    gate = Gate()
    singles = [gate.hold(lbv, number) for number in range(8)]
    joined = ipp.AsyncResult.join(*singles)
    assert joined.wait(0) is False
    gate.open()
    assert joined.get(PATIENCE) == list(range(8)) and joined.progress == 8
    assert list(ipp.AsyncResult.join(*[lbv.apply_async(abs, -k) for k in range(5)])) == [
        0, 1, 2, 3, 4
    ]  # fmt: skip
amr = lbv.map_async(abs, range(-3, 0))
assert [part.get(PATIENCE) for part in amr.split()] == [[[3]], [[2]], [[1]]]

# Waiting for some of it.
gates, whole = turns()
gates[0].open()
done, pending = whole.wait(timeout=PATIENCE, return_when=ipp.FIRST_COMPLETED)
assert {part.get() for part in done} == {3} and len(pending) == 3
assert done | pending == set(whole.split())
gates[1].open()
gates[2].open()
whole.split()[1].wait(PATIENCE)
whole.split()[2].wait(PATIENCE)
gates[3].open()
done, pending = whole.wait(timeout=PATIENCE, return_when=ipp.FIRST_EXCEPTION)
assert len(done) == 4 and not pending, "the exception is the last to come"
gates, whole = turns()
gates[3].open()
done, pending = whole.wait(timeout=PATIENCE, return_when=ipp.FIRST_EXCEPTION)
assert len(done) == 1 and len(pending) == 3
raises_remote("ZeroDivisionError", whole.get, timeout=PATIENCE, return_when=ipp.FIRST_EXCEPTION)
if RHUMBA:
    pair = ipp.AsyncResult.join(whole.split()[0], rc[2].apply_async(abs, -1))
    failure = raises(TimeoutError, pair.get, 0.05, return_when=ipp.FIRST_EXCEPTION)
    assert "0.05 seconds" in str(failure), failure
done, pending = whole.wait(timeout=0.05, return_when=ipp.ALL_COMPLETED)
assert len(done) == 1 and len(pending) == 3
for gate in gates[:3]:
    gate.open()
done, pending = whole.wait(timeout=PATIENCE, return_when=ipp.ALL_COMPLETED)
assert len(done) == 4 and not pending
if RHUMBA:
    # ipyparallel takes these for something else, or warns.
    raises(ValueError, whole.wait, 1, "SOMETIMES")
    raises(ipp.CompositeError, whole.get, 1, None, "FIRST_COMPLETED")

# Aborting one part leaves the others alone.
gate = Gate()
blocker = gate.hold(every)
queued = every.apply_async(lambda: "ran")
queued.split()[1].abort()
gate.open()
blocker.get(PATIENCE)
if RHUMBA:
    # ipyparallel gives the error as if it were a value.
    failure = raises(ipp.CompositeError, queued.get, PATIENCE)
    assert [entry[0] for entry in failure.elist] == ["TaskAborted"], failure
assert queued.get(return_exceptions=True)[::3] == ["ran", "ran"]

# Output while it is made.
out, err = io.StringIO(), io.StringIO()
with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
    gate = Gate()
    ar = every.execute(
        f"import sys\nprint('first', rank, flush=True)\n{gate.code}\n"
        "print('second', rank)\nprint('problem', file=sys.stderr)"
    )
    with ar.stream_output():
        eventually(lambda: out.getvalue().count("first") == 4)
        early = out.getvalue()
        was_ready = ar.ready()
        gate.open()
        ar.get(PATIENCE)
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
        result.wait(PATIENCE)
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
assert labelled.get(PATIENCE) == [1] * 4 and mapped.get(PATIENCE) == [1]
assert labelled.label == ["survey"] * 4
assert every.apply_async(abs, -1).label == [None] * 4
assert lbv.set_flags(label="farm").label == "farm"
ar = lbv.apply_async(abs, -1)
assert ar.get() == 1 and ar.label == "farm" and ar.metadata["label"] == "farm"
# Or of one call.
assert one.execute("6 * 7", label="by the way").label == "by the way"
with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
    assert every.run(file.name, label="from a file").label == ["from a file"] * 4
mapped = every.map(abs, [-1, -2], label="one by one")
assert mapped.get(PATIENCE) == [1, 2] and mapped.label == ["one by one"] * 2
mapped = lbv.map_async(abs, [-1, -2], label="anywhere")
assert mapped.get(PATIENCE) == [1, 2] and mapped.label == ["anywhere"] * 2
assert every.map_sync(abs, [-1], label="at once") == [1]
assert (one.label, every.label, lbv.label) == (None, None, "farm"), "the view's is what it was"
if RHUMBA:
    [record] = rc.db_query({"label": "by the way"}, keys=["execute_input"])
    assert record["execute_input"] == "6 * 7"
    assert len(rc.db_query({"label": "anywhere"}, keys=["label"])) == 2
    assert len(rc.db_query({"label": "at once"}, keys=["label"])) == 1
    for call in (lambda: one.execute("1", label=5), lambda: lbv.map(abs, [1], label=5)):
        assert "label" in str(raises(TypeError, call))
    # So do parts of what is done with whole namespaces.
    with every.temp_flags(label="kept"):
        kept = every.checkpoint("of-partial-results")
    assert len(kept.get(PATIENCE)) == 4 and kept.label == ["kept"] * 4
    assert [part.label for part in kept.split()] == ["kept"] * 4
    assert "rank" in kept.split()[2].get().names
ar = one.execute("6 * 7", silent=False)
ar.get()
if RHUMBA:
    assert ar.execute_input == "6 * 7" and ar["execute_input"] == "6 * 7"

# Times: the work of four engines side by side.
gate = Gate()
ar = gate.hold(every)
gate.wait_for_engines(4)
raises(TimeoutError, lambda: ar.serial_time)
if RHUMBA:
    raises(TimeoutError, lambda: ar.speedup)
gate.open()
ar.get()
assert ar.wall_time > 0 and ar.serial_time <= 4 * (ar.wall_time + 0.01), "none is longer than all"
if RHUMBA:
    assert ar.speedup == ar.serial_time / ar.wall_time

# Progress goes to stderr: plain lines where it isn't a terminal.
told = io.StringIO()
with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
    lbv.map_async(abs, range(12)).wait_interactive(interval=0.05)
assert "12/12" in told.getvalue()
if RHUMBA:
    assert "\r" not in told.getvalue() and "\x1b" not in told.getvalue()


    class Terminal(io.StringIO):
        def isatty(self):
            return True

        def write(self, text):
            if " 4/8" in text:
                gates[1].open()
            return super().write(text)

    # Half of the tasks wait until it is drawn that the others are done.
    terminal, gates = Terminal(), [Gate(), Gate()]
    gates[0].open()
    with contextlib.redirect_stderr(terminal):
        halves = [gates[0].path] * 4 + [gates[1].path] * 4
        lbv.map_async(held, halves).wait_interactive(interval=0.05)
    *drawn, last = terminal.getvalue().rstrip("\n").split("\r")
    assert "8/8" in last and "100%" in last and "█" in last, last
    assert any(" 4/8" in line and " 50% |" in line and "to go" in line for line in drawn), drawn
    assert all(len(line) < 85 for line in drawn)
    gates, whole = turns()
    gates[2].open()
    with contextlib.redirect_stderr(told):
        done, pending = whole.wait_interactive(
            interval=0.01, timeout=PATIENCE, return_when=ipp.FIRST_COMPLETED
        )
    assert len(done) == 1 and len(pending) == 3
    for gate in gates:
        gate.open()
    raises(ValueError, one.apply_async(abs, -1).wait_interactive, return_when="NEVER")
rc.close()
