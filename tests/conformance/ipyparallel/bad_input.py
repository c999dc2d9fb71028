"""What can't be done is refused with one clear error, and the cluster goes on."""

import os
import threading

import ipyparallel as ipp
from _expect import RHUMBA, connect, raises, raises_remote
from _gates import Gate

if RHUMBA:
    from rhumba import SnapshotError as Unsendable
else:
    # ipyparallel lets pickle's many errors through.
    Unsendable = Exception

rc = connect()
one, every, lbv = rc[0], rc[:], rc.load_balanced_view()
views = [one, every, lbv, rc.broadcast_view()]


def fine():
    """The cluster goes on: each engine answers, and nothing is left over."""
    assert every.apply_sync(abs, -1) == [1] * 4 and lbv.apply_sync(abs, -2) == 2


# Engines that aren't there.
for targets in (4, [0, 4], -5):
    missing = IndexError if RHUMBA else (IndexError, KeyError)
    raises(missing, lambda t=targets: rc[t])
    raises(missing, every.execute, "a = 1", targets=targets)
    raises(missing, rc.queue_status, targets)
if RHUMBA:
    for targets in ("every", 1.5, {"a": 1}, [None]):
        raises(TypeError, every.execute, "a = 1", targets=targets)
        raises(TypeError, rc.direct_view, targets)
    raises(IndexError, rc.load_balanced_view, [0, 9])
    assert "9" in str(raises(IndexError, rc.broadcast_view, [0, 9]))
fine()

# Objects that can't be carried there.
lock = threading.Lock()
with open(os.devnull) as unsendable:
    for view in views:
        for thing in (unsendable, lock, (x for x in "ab")):
            raises(Unsendable, view.apply_async, lambda x: x, thing)
            raises(Unsendable, view.apply_async, lambda x: x, nested={"k": [1, thing]})
    raises(Unsendable, every.push, {"bad": [unsendable]})
    raises(Unsendable, every.scatter, "bad", [1, lock])
    if RHUMBA:
        # The error names the way to it; nothing was sent.
        failure = raises(Unsendable, one.apply_async, lambda x: x, [1, {"deep": unsendable}])
        assert "args[0][1]['deep']" in str(failure), failure
        failure = raises(Unsendable, lbv.map_async, lambda x: x, [1, lock])
        assert "lock" in str(failure), failure
        raises(ipp.RemoteError, every.get, "bad")
fine()

# Results that can't be carried back.
for view in (one, lbv):
    failure = raises(ipp.RemoteError, view.apply_sync, lambda: __import__("threading").Lock())
    assert "lock" in str(failure), failure
    failure = raises(ipp.RemoteError, view.map_sync, lambda x: (y for y in "a"), range(3))
    assert "generator" in str(failure), failure
raises(ipp.CompositeError, every.apply_sync, lambda: open("/dev/null"))
one.execute("held = open('/dev/null')", block=True)
raises(ipp.RemoteError, one.get, "held")
fine()

# What isn't a function, or a name, or code.
if RHUMBA:
    for view in views:
        raises(TypeError, view.apply_async, 5)
        raises(TypeError, view.apply_sync, "abs", -1)
        raises(TypeError, view.map, None, [1, 2])
        raises(TypeError, view.map)
        raises(TypeError, view.map_sync, abs, 5)
    for code in (5, None, b"a = 1"):
        raises(TypeError, every.execute, code)
    for names in (5, [1], {"a": 1}):
        raises(TypeError, every.pull, names)
    for mapping in (["a"], {1: 2}):
        raises(TypeError, every.push, mapping)
    raises(TypeError, every.scatter, "x", 5)
    raises(ValueError, every.scatter, "x", [1], dist="z")
    raises(KeyError, every.set_flags, colour="red")
    raises(KeyError, lambda: every.temp_flags(colour="red").__enter__())
    assert every.targets == [0, 1, 2, 3]
raises((OSError, ipp.RemoteError), every.run, "/no/such/file.py")
raises_remote("SyntaxError", every.execute, "a = = 1", block=True)
raises_remote("NameError", every.get, "nobody.attribute")
fine()

# Times, sizes and counts.
gate = Gate()
slow = gate.hold(one)
raises(TimeoutError, slow.get, 0.01)
gate.open()
assert slow.wait(-1) is True, "a negative timeout is for ever"
if RHUMBA:
    for timeout in ("soon", [1], object()):
        for call in (slow.get, slow.wait, rc.wait, slow.wait_interactive):
            raises(TypeError, call, timeout=timeout)
        raises(TypeError, rc.wait_for_engines, 1, timeout=timeout)
    raises(ValueError, slow.wait, float("nan"))
    for interval in (0, -1, None, float("nan")):
        raises(ValueError, slow.wait_interactive, interval)
        raises(ValueError, rc.wait_interactive, interval=interval)
    raises(TypeError, slow.wait_interactive, "often")
    for chunksize in (0, -3):
        raises(ValueError, lbv.map_async, abs, [1], chunksize=chunksize)
    raises(ValueError, lbv.imap, abs, [1], max_outstanding=-1)
    raises(TypeError, lbv.imap, abs, [1], max_outstanding="many")
    raises(ValueError, setattr, lbv, "retries", -1)
    raises(TypeError, setattr, lbv, "retries", 1.5)
    raises(IndexError, rc.wait, [10**6])
    raises(TypeError, rc.wait, [5.5])
    raises(TypeError, rc.abort, [5.5])
    raises(ValueError, ipp.Cluster, n=-1)
    # ipyparallel asks the engines, and tells nobody.
    raises(ValueError, rc.send_signal, "SIGNONSENSE")
    for signal in (0, -3, 65, 10**12):
        assert f"{signal} is not the number" in str(raises(ValueError, rc.send_signal, signal))
    raises(ValueError, slow.display_outputs, groupby="colour")
fine()

# A flag is true or false, and nothing that may be meant either way. traitlets says it with an error of its own.
for view in views:
    for flag in ("block", "track"):
        for value in ("x", 2, None):
            refusal = raises(TypeError if RHUMBA else Exception, view.set_flags, **{flag: value})
            assert flag in str(refusal), refusal
        assert getattr(view, flag) is False, "a refused flag stays as it was"
raises(TypeError if RHUMBA else Exception, setattr, rc, "block", "x")
if RHUMBA:
    # ipyparallel overlooks it.
    raises(TypeError, ipp.Client, block="x")

# What isn't taken is told in the words of who asked, before anything is sent.
if RHUMBA:

    def refused(kind, word, call, *args, **kwargs):
        told = str(raises(kind, call, *args, **kwargs))
        assert word in told and "Rust" not in told and "unsigned" not in told, told

    huge = 2**40
    refused(ValueError, "retries must be at most", lbv.set_flags, retries=huge)
    refused(ValueError, "hwm must be at most", rc.set_scheduling, hwm=huge)
    refused(ValueError, "hwm must be at most", ipp.Cluster, hwm=huge)
    refused(TypeError, "hwm must be an int", rc.set_scheduling, hwm=1.5)
    refused(TypeError, "a scheme is", rc.set_scheduling, 5)
    refused(ValueError, "task_records_max must be at most", ipp.Cluster, task_records_max=2**70)
    assert lbv.map_sync(abs, [-1, -2], chunksize=10**30) == [1, 2], "all there is"
    assert lbv.parallel(block=True, chunksize=10**30)(lambda xs: xs)([1, 2]) == [1, 2]
    refused(TypeError, "chunksize must be an int", lbv.map, abs, [1], chunksize=1.5)
    refused(TypeError, "chunksize must be an int", lbv.parallel(chunksize="2"), abs)
    refused(TypeError, "buffersize must be an int", lbv.executor.map, abs, [1], buffersize=1.5)
    cluster = ipp.Cluster(n=1)
    for n in ("2", 1.5, [1]):
        for call in (ipp.Cluster, cluster.start_engines_sync, cluster.start_cluster_sync, rc.wait_for_engines):
            refused(TypeError, "the number of engines must be an int", call, n=n)
    for n, word in ((-1, "must not be negative"), (2**70, "must be at most")):
        for call in (ipp.Cluster, cluster.start_engines_sync, cluster.start_cluster_sync, rc.wait_for_engines):
            refused(ValueError, f"the number of engines {word}", call, n=n)
    assert cluster.n == 1 and cluster.cluster_file is None
    refused(ValueError, "engines to start must be at least 1", one.fork, 0)
    refused(TypeError, "engines to start must be an int", one.fork, 1.5)
    for view in views:
        refused(TypeError, "a label is a str or None", view.set_flags, label=5)
        refused(TypeError, "a label is a str or None", setattr, view, "label", b"bytes")
        assert view.label is None
    for signal in (None, 1.5, [2]):
        refused(TypeError, "'SIGINT'", rc.send_signal, signal)
    assert rc.ids == [0, 1, 2, 3], "1.5 is not the signal that ends a process"
    for call in (rc.abort, rc.wait, rc.wait_interactive, one.abort, one.wait):
        refused(TypeError, "jobs are AsyncResults", call, 5.5)
        raises(IndexError, call, 10**6)
    for call in (rc.purge_hub_results, rc.purge_results, rc.purge_local_results):
        refused(TypeError, "msg_ids and AsyncResults", call, 5)
        refused(TypeError, "msg_ids", call, 1.5)
    refused(TypeError, "msg_ids", rc.purge_hub_results, [5])
    for call in (rc.get_result, rc.result_status, rc.resubmit):
        refused(TypeError, "msg_ids, positions and AsyncResults", call, 1.5)
        refused(TypeError, "msg_ids, positions and AsyncResults", call, [1.5])
    for results in ((slow, 5), (5, slow), (5,), ("some id",)):
        refused(TypeError, "join takes AsyncResults", ipp.AsyncResult.join, *results)
    refused(TypeError, "a function, not 5", rc.watch, 5)
    refused(TypeError, "a function, not 5", rc.on_notice, 5)
    assert rc._watches is None
    fine()
assert rc.outstanding == set()
rc.close()
