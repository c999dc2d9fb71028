"""What a client remembers: history, results, outstanding, purging; and nothing else."""

import contextlib
import gc
import io

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, raises, raises_remote
from _gates import Gate

if RHUMBA:
    from _steps import Counted, lines_run

rc = connect()

# Waiting for engines can be watched.
with contextlib.redirect_stderr(io.StringIO()) as told, contextlib.redirect_stdout(told):
    rc.wait_for_engines(4, timeout=30, interactive=True)
if RHUMBA:
    assert told.getvalue().startswith("engines: 4/4 done (100 %)"), told.getvalue()
    with contextlib.redirect_stderr(io.StringIO()) as told:
        raises(TimeoutError, rc.wait_for_engines, 5, timeout=0.2, interactive=True)
    assert "engines: 4/5 done (80 %)" in told.getvalue()
    waiting = rc.wait_for_engines(4, timeout=30, block=False)
    assert waiting.result(PATIENCE) is None
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()

# What is under way.
gate = Gate()
slow = gate.hold(every, "late")
assert rc.outstanding == set(slow.msg_ids) and len(slow.msg_ids) == 4
assert rc.history[-4:] == slow.msg_ids
raises(RuntimeError, rc.purge_results, slow)
raises(RuntimeError, rc.purge_everything)
found = rc.get_result(slow.msg_ids[2])
gate.open()
assert found.get(PATIENCE) == "late" and found.engine_id == 2
assert slow.get(PATIENCE) == ["late"] * 4
assert rc.outstanding == set()

# Results are found by id, by position and by themselves.
first = one.apply_async(abs, -1)
second = lbv.apply_async(abs, -2)
third = every.apply_async(abs, -3)
rc.wait()
assert rc.history[-6:] == [first.msg_id, second.msg_id, *third.msg_ids]
assert rc.get_result(first.msg_id).get() == 1
assert rc.get_result([first.msg_id, second.msg_id]).get() == [1, 2]
if RHUMBA:
    # A result that is found by itself is as it was, where ipyparallel's may not be.
    for result in (first, third, every.map_async(abs, [-1, -2]), one.execute("print(5)"), every.apply_async(abs, -3)):
        again = rc.get_result(result)
        assert type(again.get(PATIENCE)) is type(result.get(PATIENCE)), result
        assert again.stdout == result.stdout and again.msg_ids == result.msg_ids
    # ipyparallel gives other results for these two.
    assert rc.get_result(third).get() == [3] * 4
    assert rc.get_result(-1).get() == 3 and rc.get_result().get() == 3
assert rc.get_result(second.msg_id, block=True).get(0) == 2
assert one.get_result(first.msg_id).get() == 1
ran = one.execute("6 * 7", silent=False)
ran.get()
assert rc.get_result(ran.msg_id).get().execution_count >= 1
if RHUMBA:
    assert rc.get_result(ran.msg_id).get().data["text/plain"] == "42"
failed = one.apply_async(lambda: 1 / 0)
failed.wait(PATIENCE)
raises_remote("ZeroDivisionError", rc.get_result(failed.msg_id).get)
raises((KeyError, ipp.RemoteError), lambda: rc.get_result("no-such-id").get())
again = rc.get_result(failed)
assert not isinstance(raises(ipp.RemoteError, again.get), ipp.CompositeError) and again.engine_id == 0
assert rc.get_result(first).get() == 1 and rc.get_result(first).stdout == ""
raises(TypeError, rc.get_result, 1.5)
raises(IndexError, rc.get_result, 10**9)
for asked in (10**9, [10**9], [0, 10**9]):
    failure = raises(IndexError, rc.wait, asked)
    if RHUMBA:
        assert "there is no result 1000000000" in str(failure) and "forgotten" in str(failure), failure
if RHUMBA:
    assert rc.results[first.msg_id] == 1 and rc.results.get(second.msg_id) == 2
    assert isinstance(rc.results[failed.msg_id], ipp.RemoteError)
    assert rc.metadata[first.msg_id]["engine_id"] == 0
    assert second.msg_id in rc.results and "no-such-id" not in rc.results
    assert one.history == rc.history and list(rc.results) == rc.results.keys()
    raises(KeyError, lambda: rc.results["no-such-id"])

    # What nobody holds is forgotten once it is there; what is kept stays until it is purged.
    lost, kept = lbv.apply_async(abs, -7), lbv.apply_async(abs, -8)
    lost_id, kept_id = lost.msg_id, kept.msg_id
    rc.wait()
    rc.get_result(kept_id, owner=False)
    del lost, kept
    gc.collect()
    assert lost_id not in rc.history
    found = rc.get_result(lost_id)
    assert isinstance(found, ipp.AsyncHubResult), "the cluster itself remembers it"
    assert found.get(PATIENCE) == 7
    assert rc.get_result(kept_id).get() == 8
    rc.purge_results(kept_id)
    raises(KeyError, rc.get_result, kept_id)
    raises(KeyError, rc.purge_results, "no-such-id")
    # No targets at all are those that ipyparallel has by default.
    forgotten = one.apply_async(abs, -9)
    assert forgotten.get(PATIENCE) == 9
    rc.purge_results(forgotten, targets=[])
    assert forgotten.msg_id not in rc.history and first.msg_id in rc.history
    raises(KeyError, rc.get_result, forgotten.msg_id)
    assert first.msg_id in rc.history
    assert first.get() == 1, "who holds a result has it"
    rc.purge_local_results([second], targets=[0])
    assert second.msg_id not in rc.history and first.msg_id not in rc.history
    assert third.msg_ids[1] in rc.history
    rc.purge_everything()
    assert rc.history == [] and len(rc.results) == 0 and third.get() == [3] * 4

    # Nothing grows with the number of calls.
    def remembered():
        return len(rc._memory._groups)

    for _ in range(20):
        for number in range(200):
            lbv.apply_async(abs, -number)
        rc.wait()
    assert remembered() < 1000, remembered()
    for _ in range(50):
        lbv.apply_async(abs, -1).get()
    gc.collect()
    assert rc.outstanding == set()
    assert remembered() < 40, remembered()

    # Nor does finding a result by its id take longer for those that are held beside it.
    def steps_to_find(count):
        results = [lbv.apply_async(abs, -number) for number in range(count)]
        rc.wait(timeout=PATIENCE)
        ids = [results[number].msg_id for number in (0, count // 2, count - 1)]
        # The first look makes the index for those that follow.
        assert rc.get_result(ids[0]).get(PATIENCE) == 0
        for look in (
            lambda: rc.get_result(ids[1]).get(PATIENCE), lambda: rc.results[ids[1]],
            lambda: rc.metadata[ids[1]], lambda: ids[1] in rc.results, lambda: rc.wait(ids[1]),
            lambda: rc.get_result([ids[1], ids[2]], owner=False),
        ):  # fmt: skip
            assert look() is not False
            yield lines_run(look)
        assert rc.results[ids[2]] == count - 1 and "no-such-id" not in rc.results

    few, many = list(steps_to_find(2000)), list(steps_to_find(16000))
    assert all(after < 2 * before + 50 for before, after in zip(few, many)), (few, many)
    rc.purge_everything()

# What is to be forgotten is named.
for forget in (rc.purge_results, rc.purge_local_results, rc.purge_hub_results, one.purge_results):
    raises(ValueError, forget)
    raises(ValueError, forget, [], [])

# Waiting for jobs by id, and aborting them.
gate = Gate()
blocker = gate.hold(one)
queued = one.apply_async(abs, -1)
other = one.apply_async(abs, -2)
if RHUMBA:
    # ipyparallel takes for finished what it has no result of.
    assert rc.wait([queued.msg_id], timeout=0.05) is False
rc.abort(queued.msg_id, block=True)
gate.open()
raises(ipp.error.TaskAborted, queued.get, PATIENCE)
assert rc.wait([other, blocker.msg_id], timeout=PATIENCE) is True
assert other.get() == 2

if RHUMBA:
    # What was aborted is told part by part: no part costs as much as all of them.
    gate = Gate()
    blockers = gate.hold(every)
    gate.wait_for_engines(4)
    aborted = lbv.map_async(abs, range(2000))
    single = rc.get_result(aborted.msg_ids[1234])
    assert single.wait(0) is False
    rc.abort(aborted)
    counted = aborted._group = Counted(aborted._group, "targets", "msg_ids")
    failure = raises(ipp.CompositeError, aborted.get, PATIENCE)
    assert {entry[0] for entry in failure.elist} == {"TaskAborted"} and len(failure.elist) == 2000
    values = aborted.get(PATIENCE, return_exceptions=True)
    assert len(values) == 2000 and {type(value) for value in values} == {ipp.TaskAborted}
    assert counted.asked == 0, counted.asked
    (group, index), = single._group.places
    single._group.places[0] = (Counted(group, "targets", "msg_ids"), index)
    assert single.msg_ids == [single.msg_id] == aborted.msg_ids[1234:1235]
    raises(ipp.TaskAborted, single.get, PATIENCE)
    assert single._group.places[0][0].asked == 0
    parts = [lbv.apply_async(abs, -number) for number in range(500)]
    joined = ipp.AsyncResult.join(*parts)
    joined.abort()
    failure = raises(ipp.CompositeError, joined.get, PATIENCE)
    assert {entry[0] for entry in failure.elist} == {"TaskAborted"} and len(failure.elist) == 500
    gate.open()
    assert blockers.get(PATIENCE) == [None] * 4

if RHUMBA:
    # So is another client's, by its id; ipyparallel's says nothing and does nothing.
    gate = Gate()
    blocker = gate.hold(one)
    theirs = [one.apply_async(abs, -1), one.apply_async(abs, -2), lbv.apply_async(abs, -3)]
    assert theirs[2].get(PATIENCE) == 3
    with ipp.Client() as another:
        another.abort([theirs[0].msg_id, theirs[2].msg_id])
        raises(ipp.TaskAborted, theirs[0].get, PATIENCE)
        assert not theirs[1].ready(), "it has not been asked to"
        another.abort(theirs[1].msg_id, targets=[2])
        spread = every.apply_async(abs, -4)
        rc.queue_status()  # answered once the controller has it
        another.abort(spread.msg_ids, targets=[0, 1])
        raises(ipp.TaskAborted, rc.get_result(spread.msg_ids[0]).get, PATIENCE)
        assert [other.get(PATIENCE) for other in spread.split()[1:]] == [4] * 3
        raises(KeyError, another.abort, "no-such-id")
        raises(KeyError, another.abort, [theirs[1].msg_id, "no-such-id"])
        raises(IndexError, another.abort, 10**9)
    assert not theirs[1].ready()
    gate.open()
    assert theirs[1].get(PATIENCE) == 2 and blocker.get(PATIENCE) is None

# A thousand failures are told in short.
failing = lbv.map_async(lambda x: [][x] if x % 10 == 0 else 1 // 0, range(1000))
failure = raises(ipp.CompositeError, failing.get, PATIENCE)
if RHUMBA:
    assert len(failure.elist) == 1000
    text = str(failure)
    assert len(text.splitlines()) < 30, text
    assert "996 more" in text and "ZeroDivisionError" in text and "IndexError" in text, text
rc.close()
