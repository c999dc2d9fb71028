"""Client: finding the cluster, who is there, and how engines are chosen."""

import warnings

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, eventually, raises
from _gates import Gate

rc = connect()

# Who is there.
assert rc.ids == [0, 1, 2, 3], rc.ids
assert len(rc) == 4
rc.ids.append(99)
assert rc.ids == [0, 1, 2, 3], "ids must be a copy"
assert [view.targets for view in rc] == [0, 1, 2, 3]
assert rc.block is False

# Choosing engines.
assert isinstance(rc[0], ipp.DirectView)
assert rc[0].targets == 0
assert rc[-1].targets == 3
assert rc[:].targets == [0, 1, 2, 3]
assert rc[::2].targets == [0, 2]
assert rc[1:3].targets == [1, 2]
assert rc[-2:].targets == [2, 3]
assert rc[[2, 0]].targets == [2, 0]
assert rc[(1, 3)].targets == [1, 3]
assert rc[range(1, 3)].targets == [1, 2]
assert len(rc[:]) == 4 and len(rc[1]) == 1 and len(rc[[0, 1]]) == 2
raises(TypeError, lambda: rc["all"])
raises(TypeError, lambda: rc[None])
raises(TypeError, lambda: rc[1.0])
raises(IndexError, lambda: rc[4])
raises(IndexError, lambda: rc[-5])
raises(TypeError, rc.direct_view, "everyone")
if RHUMBA:
    # ipyparallel makes a view of nothing, whose calls fail later.
    raises(IndexError, lambda: rc[4:])
    raises(IndexError, lambda: rc[[0, 9]])
    assert "9" in str(raises(IndexError, lambda: rc[[0, 9]]))

# Views take their flags from the client and from the call.
assert rc.direct_view().targets == "all"
assert len(rc.direct_view()) == 4
assert rc.direct_view("all").apply_sync(lambda: 1) == [1] * 4
assert rc.direct_view([1, 2], block=True).block is True
assert rc.load_balanced_view(retries=2).retries == 2
assert isinstance(rc.load_balanced_view(), ipp.LoadBalancedView)
raises(KeyError, rc[:].set_flags, colour="red")

# Several clients see the same engines and the same namespaces.
other = ipp.Client()
assert other.ids == rc.ids
rc[0].push({"shared": 7}, block=True)
assert other[0]["shared"] == 7
other.close()
assert rc[0]["shared"] == 7, "closing one client must not touch another"

with ipp.Client() as third:
    assert len(third) == 4

# What scripts import from elsewhere.
import ipyparallel.util
from ipyparallel.client.asyncresult import AsyncHubResult
from ipyparallel.controller.dependency import Dependency, depend, dependent, require

assert issubclass(AsyncHubResult, ipp.AsyncResult) and ipp.Dependency is Dependency
assert ipp.depend is depend and ipp.dependent is dependent and ipp.require is require
assert ipyparallel.util.interactive is ipp.interactive
space = ipyparallel.util.Namespace(a=1)
space.b = 2
assert (space.a, space["b"]) == (1, 2)
raises(NameError, lambda: space.c)
raises(KeyError, setattr, space, "keys", 1)
both_ways = ipyparallel.util.ReverseDict({"a": 1})
both_ways["b"] = 2
assert both_ways["a"] == 1 and both_ways[1] == "a" and both_ways[2] == "b"
assert both_ways.get(3) is None and both_ways.pop("a") == 1 and both_ways.get(1) is None
assert ipyparallel.util.int_keys({"1": "a", "b": 2}) == {1: "a", "b": 2}
assert ipyparallel.util.integer_loglevel("INFO") == ipyparallel.util.integer_loglevel(20) == 20
moment = ipyparallel.util.utcnow()
assert ipyparallel.util.compare_datetimes(moment, moment.replace(tzinfo=None).astimezone()).total_seconds() % 900 == 0
assert ipyparallel.util.ensure_timezone(moment) is moment and moment.tzinfo is ipyparallel.util.utc
assert ipyparallel.util.is_url("tcp://127.0.0.1:1") and not ipyparallel.util.is_url("127.0.0.1")

# What scripts import from here, wherever it is made.
for name in (
    "CompositeError", "DependencyTimeout", "EngineError", "IPythonError", "ImpossibleDependency",
    "InvalidDependency", "KernelError", "NoEnginesRegistered", "RemoteError", "TaskAborted",
    "TaskRejectError", "TaskTimeout", "TimeoutError", "UnmetDependency", "collect_exceptions", "unwrap_exception",
    "wrap_exception",
):  # fmt: skip
    assert getattr(ipp, name) is getattr(ipp.error, name), name
for name in ("ViewExecutor", "dependent", "depend", "require", "Dependency", "Reference"):
    assert callable(getattr(ipp, name)), name
if RHUMBA:
    assert all(getattr(ipp, name) is not None for name in ipp.__all__)
    assert len(set(ipp.__all__)) == len(ipp.__all__)
    names = {}
    exec("from ipyparallel import *", names)
    assert {"TaskTimeout", "ViewExecutor", "collect_exceptions", "dependent"} <= names.keys()

# Results arrive by themselves; scripts of earlier times ask for it.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for spins in (rc, rc[0], rc.load_balanced_view()):
        assert spins.spin() is None

# Waiting for engines.
assert rc.wait_for_engines(4, timeout=PATIENCE) is None
assert rc.wait_for_engines(1, timeout=PATIENCE) is None
failure = raises(TimeoutError, rc.wait_for_engines, 400, timeout=0.1)
assert "400" in str(failure) and "4" in str(failure)
assert rc.wait_for_engines(4, block=False).result(timeout=PATIENCE) is None
assert rc.wait_for_engines(4, block=False).done(), "they are there"

# Waiting for results.
assert rc.wait() is True
ar = rc[:].apply_async(abs, -1)
assert rc.wait(ar) is True
assert rc.wait([ar, rc[0].apply_async(abs, -2)], timeout=PATIENCE) is True
gate = Gate()
slow = gate.hold(rc[0])
assert rc.wait(slow, timeout=0.01) is False
assert slow.msg_ids[0] in rc.outstanding
gate.open()
assert rc.wait(slow.msg_ids[0], timeout=PATIENCE) is True
assert rc.wait(timeout=PATIENCE) is True
assert rc.outstanding == set()

# Queues.
status = rc.queue_status()
assert set(status) == {0, 1, 2, 3, "unassigned"}, status
assert status["unassigned"] == 0
assert {"queue", "completed", "tasks"} <= set(status[0])
alone = rc.queue_status(targets=2)
assert set(alone) == {"queue", "completed", "tasks"}
assert set(rc.queue_status(targets=[1, 2])) == {1, 2, "unassigned"}
assert set(rc[[1, 2]].queue_status(verbose=True)) == {1, 2, "unassigned"}
gate = Gate()
blocker = gate.hold(rc[1])
queued = [rc[1].apply_async(abs, -1) for _ in range(3)]
eventually(lambda: rc.queue_status(1)["queue"] + rc.queue_status(1)["tasks"] >= 4)
gate.open()
rc.wait([blocker, *queued], timeout=PATIENCE)
eventually(lambda: rc.queue_status(1)["queue"] == 0)

# Emptying namespaces.
rc[:].push({"a": 1, "b": 2}, block=True)
rc.clear(targets=[0], block=True)
raises(ipp.error.RemoteError, rc[0].get, "a")
assert rc[1]["a"] == 1
rc[:].clear(block=True)
raises(ipp.error.CompositeError, rc[:].get, "a")

if RHUMBA:
    assert repr(rc).startswith("<Client of ") and "4 engines" in repr(rc)
    import os

    missing = raises(FileNotFoundError, ipp.Client, "/nonexistent/cluster.json")
    assert "/nonexistent/cluster.json" in str(missing)
    raises(FileNotFoundError, ipp.Client, cluster_id="no-such-cluster")
    assert rc.profile == "default" and rc.debug is False
    assert os.environ.get("RHUMBA_CLUSTER_FILE"), "a script run with -n is told its cluster"

# A client that was closed says so, whatever is asked of it; what is there stays.
closed = ipp.Client()
view, balanced, there = closed[:], closed.load_balanced_view(), closed[0].apply_async(abs, -1)
assert there.get(PATIENCE) == 1
gate = Gate()
pending = gate.hold(closed[0])
queued = [view.apply_async(abs, -2), closed.load_balanced_view(targets=[0]).map_async(abs, range(8))]
closed.close()
closed.close()
assert there.get() == 1
raises(RuntimeError, view.apply_async, abs, -1)
if RHUMBA:
    # ipyparallel says it of what is sent, and waits for what is asked.
    for call in (
        closed.queue_status, closed.hub_history, closed.clients, closed.shutdown,
        lambda: closed[0], lambda: view["a"], lambda: view.push({"a": 1}), lambda: view.execute("a = 1"),
        lambda: view.apply_sync(abs, -1), lambda: balanced.map_sync(abs, [1]), lambda: view.scatter("a", [1]),
        lambda: closed.wait_for_engines(1), lambda: closed.get_result("no-such-id"), lambda: closed.abort("no-such-id"),
        lambda: closed.send_signal("SIGINT"), lambda: closed.direct_view().apply_async(abs, -1),
        lambda: view.clear(), lambda: view.checkpoint("x"), lambda: view.exclusive().__enter__(),
    ):  # fmt: skip
        failure = raises(RuntimeError, call)
        assert "this client was closed" in str(failure), failure
    assert closed.ids == [] and len(closed) == 0 and "closed" in repr(closed) and closed.wait(timeout=PATIENCE)
    for result in (pending, *queued):
        failure = raises(ipp.RemoteError, result.get, PATIENCE)
        assert "this client was closed" in str(failure), failure
    assert isinstance(pending.error, ipp.EngineError)
gate.open()
rc.close()
