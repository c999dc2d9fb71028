"""The task store: what is remembered of every task, results of others, and sending again."""

import gc
import os
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, raises, raises_remote

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()
begun = datetime.now(timezone.utc) - timedelta(seconds=1)
gate = os.path.join(tempfile.mkdtemp(), "gate")


def wait_at(path, value):
    """Runs until the file is there."""
    import os
    import time

    while not os.path.exists(path):
        time.sleep(0.01)
    return value


def square(x):
    print("squaring", x)
    return x * x


if RHUMBA:
    rc.purge_hub_results("all")
squares = lbv.map_async(square, range(1, 6), chunksize=1)
assert squares.get(PATIENCE) == [1, 4, 9, 16, 25]
failed = one.apply_async(lambda: 1 / 0)
failed.wait(PATIENCE)
labelled = rc.load_balanced_view(label="the seventh").apply_async(square, 7)
assert labelled.get(PATIENCE) == 49
cell = one.execute("print('in a cell')\n6 * 7", silent=False)
cell.get(PATIENCE)
waiting = rc[1].apply_async(wait_at, gate, "late")
everything = [*squares.msg_ids, failed.msg_id, labelled.msg_id, cell.msg_id, waiting.msg_id]

# All that was asked for is remembered, in its order.
history = rc.hub_history()
assert history[-len(everything):] == everything, (history, everything)


def found(query, **options):
    return [record["msg_id"] for record in rc.db_query(query, **options)]


# Queries.
mine = {"msg_id": {"$in": everything}}
assert found(mine) == everything
assert found({"msg_id": failed.msg_id}) == [failed.msg_id]
assert found({"msg_id": "no-such-id"}) == []
assert found({**mine, "completed": None}) == [waiting.msg_id]
assert found({**mine, "completed": {"$ne": None}}) == everything[:-1]
assert found({**mine, "submitted": {"$gt": begun}}) == everything
assert found({**mine, "submitted": {"$lt": begun}}) == []
assert found({**mine, "submitted": {"$gte": begun, "$lte": begun}}) == []
[record] = rc.db_query({"msg_id": labelled.msg_id})
if RHUMBA:
    # ipyparallel's records have other names for these, and its $gt compares the wrong way round.
    assert record["label"] == "the seventh" and record["function"] == "square"
    assert record["kind"] == "apply" and record["queue"] == "task"
    assert record["status"] == "ok" and record["error"] is None
    assert record["stdout"] == "squaring 7\n" and record["stderr"] == ""
    assert record["engine_uuid"] == f"engine-{record['engine_id']}"
    assert begun < record["submitted"] <= record["started"] <= record["completed"]
    assert record["completed"] <= record["received"] and record["retries"] == 0
    assert record["header"]["msg_id"] == labelled.msg_id
    assert "buffers" not in record and "result_buffers" not in record
    assert found({"label": "the seventh"})[-1] == labelled.msg_id
    assert found({**mine, "label": {"$exists": True}}) == [labelled.msg_id]
    assert found({**mine, "status": {"$in": ["error", None]}}) == [failed.msg_id, waiting.msg_id]
    assert found({**mine, "status": {"$nin": ["ok", "error"]}}) == [waiting.msg_id]
    assert found({**mine, "ename": {"$exists": True}}) == [failed.msg_id]
    either = {"$or": [{"ename": "ZeroDivisionError"}, {"kind": "execute"}]}
    assert found({"$and": [mine, either]}) == [failed.msg_id, cell.msg_id]
    assert found({**mine, "$not": {"kind": {"$ne": "execute"}}}) == [cell.msg_id]
    assert found({**mine, "kind": {"$or": ["execute", {"$eq": "push"}]}}) == [cell.msg_id]
    engines = found({**mine, "engine_id": {"$mod": [2, 0]}, "queue": "mux"})
    assert engines == [failed.msg_id, cell.msg_id], engines
    assert found({**mine, "label": {"$all": ["the seventh"]}}) == [labelled.msg_id]
    [of_cell] = rc.db_query({"msg_id": cell.msg_id})
    assert of_cell["execute_input"] == "print('in a cell')\n6 * 7"
    assert of_cell["stdout"] == "in a cell\n"
    assert of_cell["execute_result"]["data"] == {"text/plain": "42"}
    [of_failed] = rc.db_query({"msg_id": failed.msg_id}, keys=["ename", "evalue", "traceback"])
    assert of_failed["ename"] == "ZeroDivisionError" and "1 / 0" in of_failed["traceback"]
    assert of_failed.keys() == {"msg_id", "ename", "evalue", "traceback"}
    [data] = rc.db_query({"msg_id": labelled.msg_id}, keys=["buffers", "result_buffers"])
    assert data["buffers"] and all(isinstance(each, bytes) for each in data["result_buffers"])
    after = rc.load_balanced_view(after=labelled)
    dependent = after.apply_async(square, 8)
    assert dependent.get(PATIENCE) == 64
    [of_dependent] = rc.db_query({"after": {"$all": [labelled.msg_id]}}, keys=["after", "follow"])
    assert of_dependent["msg_id"] == dependent.msg_id
    assert of_dependent["after"] == [labelled.msg_id] and of_dependent["follow"] == []
    # What a record shows is what it is found by, also where that is nothing.
    both = {"msg_id": {"$in": [failed.msg_id, labelled.msg_id, dependent.msg_id]}}
    for quiet in ("", {"$eq": ""}, {"$in": ["", "else"]}, {"$not": {"$ne": ""}}):
        assert found({**both, "stdout": quiet}) == [failed.msg_id], quiet
    for loud in ({"$ne": ""}, {"$nin": ["", "else"]}, {"$not": ""}):
        assert found({**both, "stdout": loud}) == [labelled.msg_id, dependent.msg_id], loud
    assert found({**both, "stderr": ""}) == both["msg_id"]["$in"]
    assert found({**both, "after": []}) == found({**both, "after": ()}) == both["msg_id"]["$in"][:2]
    assert found({**both, "after": {"$ne": []}}) == [dependent.msg_id]
    assert found({**both, "follow": {"$in": [[], [labelled.msg_id]]}}) == both["msg_id"]["$in"]
    assert found({**both, "status": ""}) == [], "elsewhere nothing is only nothing"

    # Patterns, other names of operators, nothing among values, and who this is.
    assert found({**mine, "label": {"$glob": "the sev*"}}) == [labelled.msg_id]
    assert found({**both, "label": {"$in": [None]}}) == [failed.msg_id, dependent.msg_id]
    assert found({**both, "label": {"$nin": [None]}}) == [labelled.msg_id]
    assert found({**both, "stdout": None}) == [] and found({**both, "execute_result": {"$ne": None}}) == []
    assert found({**both, "completed": {"$le": dependent.completed}}) == found(
        {**both, "completed": {"$lte": dependent.completed}}
    )
    assert labelled.msg_id in found({"client_uuid": rc.session.session})
    [parts] = rc.db_query({"msg_id": failed.msg_id}, keys=["content", "result_header", "result_content"])
    assert parts["content"] == {} and parts["result_content"]["ename"] == "ZeroDivisionError"
    assert parts["result_header"]["msg_type"].endswith("_reply")
    raises(TypeError, rc.db_query, {"label": {"$glob": 5}})
    # What is made of several parts is found by its parts, too.
    [parts] = rc.db_query({"msg_id": labelled.msg_id}, keys=["header", "metadata", "result_metadata", "result_header"])
    assert parts["result_metadata"]["engine"] == labelled.engine_uuid
    assert parts["result_metadata"]["started"] == labelled.started and parts["result_metadata"]["status"] == "ok"
    for key in ("header", "metadata", "result_metadata", "result_header"):
        assert found({**both, key: parts[key]}) == [labelled.msg_id], key
    sent = {"header": {"msg_type": "execute_request", "session": rc.session.session}}
    assert found({**mine, **sent}) == [cell.msg_id]
    assert found({**mine, "content": {"code": {"$glob": "print*"}}}) == [cell.msg_id]
    assert found({**mine, "header": {"msg_type": {"$in": ["execute_request"]}}}) == [cell.msg_id]
    assert found({**mine, "header": {"msg_type": "execute"}}) == []
    assert found({**mine, "result_content": {"ename": "ZeroDivisionError"}}) == [failed.msg_id]
    assert "msg_type" in str(raises(ValueError, rc.db_query, {"header": {"version": "5.3"}}))
    assert "msg_id" in str(raises(TypeError, rc.db_query, {"header": "execute_request"}))
    # What a client that has left asked for can be depended on.
    gone = ipp.Client()
    theirs = gone.load_balanced_view().apply_async(square, 3)
    assert theirs.get(PATIENCE) == 9
    left = theirs.msg_ids
    gone.close()
    follower = rc.load_balanced_view(after=left)
    assert follower.apply_async(square, 2).get(PATIENCE) == 4
    with rc.load_balanced_view().temp_flags(after=[*left, labelled]) as view:
        assert view.after == {labelled.msg_id} and view.apply_async(square, 5).get(PATIENCE) == 25

    # What isn't a query is said to be none, and the cluster goes on.
    raises(TypeError, rc.db_query, "status")
    assert rc.db_query({"status": {"$in": "ok"}}) == rc.db_query({"status": {"$in": ["ok"]}})
    raises(TypeError, rc.db_query, {"status": {"$in": 5}})
    raises(TypeError, rc.db_query, {"$or": {"status": "ok"}})
    raises(TypeError, rc.db_query, {3: "ok"})
    raises(ValueError, rc.db_query, {"status": {"$like": "ok"}})
    raises(ValueError, rc.db_query, {"$where": "1"})
    raises(ValueError, rc.db_query, {"no_such_key": 1})
    raises(ValueError, rc.db_query, {"submitted": {"$gt": "yesterday"}})
    raises(ValueError, rc.db_query, {"engine_id": {"$mod": [0, 1]}})
    raises(ValueError, rc.db_query, {"engine_id": {"$mod": [2]}})
    raises(ValueError, rc.db_query, {"status": 3})
    raises(ValueError, rc.db_query, {"status": ["ok"]})
    raises(ValueError, rc.db_query, {}, keys=["no_such_key"])
    raises(ValueError, rc.db_query, {"submitted": float("nan")})
    for number in (2**63, -(2**70)):
        for query in ({"engine_id": number}, {"engine_id": {"$in": [0, number]}}, {"submitted": number}):
            assert "64 bits" in str(raises(ValueError, rc.db_query, query)), query
        assert "64 bits" in str(raises(ValueError, rc.db_query, {"retries": {"$mod": [number, 1]}}))
    for keys in (5, [5]):
        assert "keys are" in str(raises(TypeError, rc.db_query, {}, keys=keys))
    labels = [f"label {number}" for number in range(30_001)]
    for query in (
        {"label": {"$in": labels}},
        {"$or": [{"label": {"$nin": labels[:20_000]}}, {"kind": {"$in": labels[20_000:]}}]},
    ):
        failure = raises(ValueError, rc.db_query, query)
        assert "30,000" in str(failure) and "30,001" in str(failure), failure
    assert found({**mine, "label": {"$in": [*labels[2:], "the seventh"]}}) == [labelled.msg_id]
    # Ids are looked up, however many they are.
    assert found({"msg_id": {"$in": [*labels, labelled.msg_id]}}) == [labelled.msg_id]
    assert found({"msg_id": failed.msg_id}) == [failed.msg_id]

# What is there, and what isn't yet.
status = rc.result_status([labelled.msg_id, waiting.msg_id])
assert status["pending"] == [waiting.msg_id] and status["completed"] == [labelled.msg_id]
if RHUMBA:
    whole = rc.result_status([labelled, failed], status_only=False)
    assert whole[labelled.msg_id] == 49 and isinstance(whole[failed.msg_id], ipp.RemoteError)
    raises(KeyError, rc.result_status, "no-such-id")

# Another client gets the results of this one.
with ipp.Client(timeout=30) as other:
    hub = other.get_result(labelled.msg_id)
    assert isinstance(hub, ipp.AsyncHubResult) and hub.get(PATIENCE) == 49
    if RHUMBA:
        assert hub.stdout == "squaring 7\n" and hub.label == "the seventh"
        assert hub.msg_id == labelled.msg_id and hub.submitted == record["submitted"]
        assert hub.received == record["received"] and 0 <= hub.wall_time < PATIENCE
        assert other.load_balanced_view().get_result(labelled.msg_id).get(PATIENCE) == 49
    kept = other.get_result(labelled.msg_id, owner=False)
    assert kept.get(PATIENCE) == 49
    again = other.get_result(labelled.msg_id)
    assert not isinstance(again, ipp.AsyncHubResult) and again.get(PATIENCE) == 49, "what is kept is here"
    if RHUMBA:
        assert again.submitted == record["submitted"] and again.label == "the seventh"
        assert other.metadata[labelled.msg_id]["received"] == record["received"]
        assert other.history == [] and list(other.results) == [labelled.msg_id], "others asked for it"
        other.purge_local_results("all")
    raises_remote("ZeroDivisionError", other.get_result(failed.msg_id).get, PATIENCE)
    several = other.get_result([labelled.msg_id, cell.msg_id])
    assert several.get(PATIENCE)[0] == 49 and len(several) == 2
    if RHUMBA:
        reply = other.get_result(cell.msg_id).get(PATIENCE)
        assert reply.data["text/plain"] == "42" and str(reply) == repr(reply)
        assert reply == other.get_result(cell.msg_id).get(PATIENCE) != one.execute("42", silent=False).get()
        raises(KeyError, other.get_result, "no-such-id")
        raises(KeyError, other.get_result, labelled.msg_id + "999")

    # One that is under way is there as soon as it has ended, at everybody's.
    late, same = other.get_result(waiting.msg_id), other.get_result(waiting.msg_id)
    assert not late.ready() and not waiting.ready()
    assert late.wait(0.01) is False
    open(gate, "w").close()
    assert late.get(PATIENCE) == same.get(PATIENCE) == waiting.get(PATIENCE) == "late"
    if RHUMBA:
        assert late.received is not None and late.engine_id == 1

    if RHUMBA:
        # Who waits for the work of another may stop it.
        blocked = rc[2].apply_async(wait_at, gate + "-that-never-opens", None)
        behind = rc[2].apply_async(abs, -1)
        # Another connection may overtake what was sent; an answer tells that it is there.
        rc.queue_status()
        other.get_result(behind.msg_id).abort()
        raises(ipp.TaskAborted, behind.get, PATIENCE)
        theirs = other.get_result(blocked.msg_id)
        assert theirs.cancel() is True
        raises(ipp.TaskAborted, theirs.get, PATIENCE)
        raises(ipp.TaskAborted, blocked.get, PATIENCE)

# What was sent can be sent again.
again = rc.resubmit(labelled.msg_id)
assert again.get(PATIENCE) == 49
if RHUMBA:
    assert again.msg_id != labelled.msg_id and again.label == "the seventh"
    [first] = rc.db_query({"msg_id": labelled.msg_id}, keys=["resubmitted"])
    assert first["resubmitted"] == again.msg_id
    [second] = rc.db_query({"msg_id": again.msg_id}, keys=["label", "function"])
    assert second["label"] == "the seventh" and second["function"] == "square"
    once_more = rc.resubmit(again)
    assert once_more.get(PATIENCE) == [49]
    both = rc.resubmit([failed.msg_id, cell.msg_id])
    values = both.get(PATIENCE, return_exceptions=True)
    assert isinstance(values[0], ipp.RemoteError) and both.engine_id == [0, 0]
    raises(KeyError, rc.resubmit, "no-such-id")

    # Several that are sent again are under way like anything else.
    os.unlink(gate)
    late = rc.resubmit([waiting.msg_id, waiting.msg_id])
    assert len(late) == 2 and not late.ready()
    assert set(late.msg_ids) <= rc.outstanding and rc.history[-2:] == late.msg_ids
    assert rc.wait(timeout=0.01) is False and rc.wait(late.msg_ids[1], timeout=0.01) is False
    raises(RuntimeError, rc.purge_everything)
    ids = late.msg_ids
    del late
    gc.collect()
    assert set(ids) <= rc.outstanding, "whether somebody holds it or not"
    fetched = rc.get_result(ids)
    # So are those that still run: they run again.
    third = rc.resubmit(ids[0])
    assert third.msg_id not in ids and not third.ready()
    open(gate, "w").close()
    assert third.get(PATIENCE) == "late"
    assert rc.wait(ids, timeout=PATIENCE) is True
    assert fetched.get(PATIENCE) == ["late"] * 2 and fetched.engine_id == [1, 1]
    assert not rc.outstanding.intersection(ids)

if RHUMBA:
    # A script submits and exits; its work goes on, and its results are there for who comes later.
    script = f"""
import ipyparallel as ipp
rc = ipp.Client(timeout=30)
def wait_at(path, value):
    import os, time
    while not os.path.exists(path):
        time.sleep(0.01)
    return value
lbv = rc.load_balanced_view(label="left behind")
results = lbv.map_async(wait_at, [{gate + "-2"!r}] * 20, range(20))
print(" ".join(results.msg_ids))
"""
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=PATIENCE,
        check=True,
    )  # fmt: skip
    left = finished.stdout.split()
    assert len(left) == 20, finished
    assert rc.result_status(left)["pending"] == left
    open(gate + "-2", "w").close()
    assert rc.get_result(left).get(PATIENCE) == [[number] for number in range(20)]
    assert found({"label": "left behind"}) == left

    # Forgetting.
    raises(KeyError, rc.purge_hub_results, "no-such-id")
    stuck = rc[1].apply_async(wait_at, gate + "-3", 3)
    raises(RuntimeError, rc.purge_hub_results, stuck)
    rc.purge_hub_results(left[0])
    assert found({"label": "left behind"}) == left[1:]
    raises(KeyError, rc.get_result, left[0])
    rc.purge_results(left[1:3])
    assert found({"label": "left behind"}) == left[3:]
    rc.purge_hub_results(targets=[0])
    assert found({"engine_id": 0}) == []
    rc.purge_hub_results("all")
    assert rc.hub_history() == [stuck.msg_id], "what is under way stays"
    open(gate + "-3", "w").close()
    assert stuck.get(PATIENCE) == 3
    rc.purge_everything()
    assert rc.hub_history() == [] and rc.history == []
    state = rc.task_store
    assert state["records"] == state["lost"] == 0 and state["problem"] is None
    assert state["path"].endswith("tasks.sqlite") and os.path.exists(state["path"])

    # In memory, and nowhere.
    with ipp.Cluster(n=1, task_store="memory", task_records_max=5) as small:
        view = small.load_balanced_view()
        for number in range(20):
            view.apply_sync(abs, -number)
        assert small.task_store["path"] is None
        assert 0 < len(small.hub_history()) <= 5
        assert small.db_query({}, keys=["function"])[-1]["function"] == "abs"
    with ipp.Cluster(n=1, task_store="off") as none:
        assert none[0].apply_sync(abs, -1) == 1
        raises(ipp.error.TaskStoreError, none.db_query, {})
        raises(ipp.error.TaskStoreError, none.hub_history)
        raises((KeyError, ipp.error.TaskStoreError), none.get_result, "no-such-id")
        kept = none[0].apply_async(abs, -2)
        assert kept.get(PATIENCE) == 2
        none.purge_results(kept)
        kept = none[0].apply_async(abs, -2)
        assert kept.get(PATIENCE) == 2
        none.purge_everything()
        assert none.history == []

    # One that can't be used says so to who wants it emptied.
    folder = os.path.join(os.path.dirname(os.path.dirname(state["path"])), "unusable")
    os.makedirs(folder)
    with open(os.path.join(folder, "tasks.sqlite"), "w") as file:
        file.write("no database, but something that somebody wrote\n" * 100)
    with ipp.Cluster(n=1, cluster_id="unusable") as broken:
        for forget in (broken.purge_everything, lambda: broken.purge_results("all")):
            kept = broken[0].apply_async(abs, -2)
            assert kept.get(PATIENCE) == 2
            failure = raises(ipp.error.TaskStoreError, forget)
            assert "is not a task store" in str(failure), failure
            assert broken.history == [], "what is here is forgotten"
    raises(ValueError, ipp.Cluster, task_store="cloud")
    raises(ValueError, ipp.Cluster, task_records_max=-1)
rc.close()
