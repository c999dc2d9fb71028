"""The first interface: steering engines and farming tasks as in 2007, and as in IPython 0.9."""

import contextlib
import io

from _expect import RHUMBA, eventually, raises

if not RHUMBA:
    raise SystemExit("ipyparallel has no first interface")

import ipython1.kernel.api as kernel
from _gates import Gate
from ipyparallel.error import ImpossibleDependency

rc = kernel.RemoteController(("127.0.0.1", 10105))
assert kernel.defaultRemoteController == ("127.0.0.1", 10105)
rc.resetAll()

# Who is there.
assert rc.getIDs() == [0, 1, 2, 3] and len(rc) == 4 and rc.block is True

# Commands, and what they give.
first = rc.executeAll("a = 5")
number = first[0]["number"]
assert repr(first).splitlines()[:3] == ["<Results List>", f"[0] In [{number}]: a = 5", ""]
results = rc.executeAll("print(a)\na * 2")
assert [result["id"] for result in results] == [0, 1, 2, 3]
assert results[2]["stdout"] == "5\n10\n" and results[2]["stderr"] == ""
assert results[0]["input"] == {"raw": "print(a)\na * 2", "translated": "print(a)\na * 2"}
assert f"[3] Out[{number + 1}]: 5\n10" in str(results)
single = rc.execute(1, "b = a + 1; print(b)")
assert len(single) == 1 and single[0]["id"] == 1 and single[0]["stdout"] == "6\n"
assert [result["id"] for result in rc.execute([0, 2], "c = 1")] == [0, 2]
assert rc.getResult(1)[0]["stdout"] == "6\n"
assert rc.getResultAll(number + 1)[3]["stdout"] == "5\n10\n"
raises(IndexError, rc.getResult, 1, 10**6)
raises(kernel.CompositeError, rc.executeAll, "1 / 0")
raises(kernel.RemoteError, rc.execute, 0, "no_such_name")
raises(kernel.InvalidEngineID, rc.execute, 17, "a")
raises(IndexError, rc.execute, [0, 17], "a")

# Objects.
rc.pushAll(a=1.03234, b=3453)
assert rc.pullAll("a") == [1.03234] * 4 and rc.pull(0, "a") == 1.03234
assert rc.pullAll("b", "a") == [(3453, 1.03234)] * 4
assert rc.pull(2, "b", "a") == (3453, 1.03234)
rc.push(0, c="speed")
rc.push([1, 3], c="odd")
assert rc.pull([0, 1], "c") == ["speed", "odd"]
assert rc.zipPullAll("a", "b") == [(1.03234,) * 4, (3453,) * 4]
rc["d"] = {"k": [1, 2]}
assert rc["d"] == [{"k": [1, 2]}] * 4
raises(kernel.NotDefined, rc.pullAll, "nobody")
raises(TypeError, rc.pullAll)
rc.pushFunctionAll(f=lambda x: 2.0 * x**5)
assert rc.execute(3, "print(f(2))")[0]["stdout"] == "64.0\n"
assert rc.pullFunction(0, "f")(1) == 2.0
data = rc.pullSerialized(0, "d")
assert isinstance(data, bytes)
rc.pushSerialized(1, e=data)
assert rc.pull(1, "e") == {"k": [1, 2]}
import _expect
import sys

rc.pushModuleAll(_expect)
assert rc.execute(0, "print(_expect.raises.__name__)")[0]["stdout"] == "raises\n"
raises(OSError, rc.pushModuleAll, sys)

# Parts of sequences.
rc.scatterAll("part", range(16))
assert rc.pullAll("part") == [range(0, 4), range(4, 8), range(8, 12), range(12, 16)]
rc.executeAll("part = [x**2 for x in part]")
assert rc.gatherAll("part") == [x**2 for x in range(16)]
rc.scatter([0, 1], "two", "ab", flatten=True)
assert rc.pull([0, 1], "two") == ["a", "b"]
assert rc.mapAll(lambda x: x**10, range(32)) == [x**10 for x in range(32)]
rc.executeAll("def cube(x):\n    return x**3")
assert rc.mapAll("cube", range(10)) == [x**3 for x in range(10)]
assert rc.map([1, 2], "lambda x: x + 1", range(5)) == [1, 2, 3, 4, 5]
parallel = rc.parallelizeAll("lambda x: x**10")
assert parallel(range(8)) == [x**10 for x in range(8)]
raises(ValueError, rc.scatterAll, "x", [1], style="spiral")

# Names and properties.
rc.resetAll()
rc.push(2, only=1)
assert rc.keysAll() == [[], [], ["only"], []]
rc.setPropertiesAll(cpu="fast")
rc.setProperties(1, memory=4)
assert rc.getProperties(1) == {"cpu": "fast", "memory": 4}
assert rc.getProperties(0, "cpu") == {"cpu": "fast"}
assert rc.hasPropertiesAll("memory") == [[False], [True], [False], [False]]
rc.resetAll()
assert rc.getProperties(1, "memory") == {"memory": 4}, "they are the engine's, not its names"
rc.delProperties(1, "memory")
raises(kernel.RemoteError, rc.getProperties, 1, "memory")
rc.clearPropertiesAll()
assert rc.getPropertiesAll() == [{}] * 4

# What isn't waited for.
rc.block = False
gate = Gate()
pending = rc.executeAll(f"{gate.code}; x = 1")
assert isinstance(pending, kernel.PendingResult)
assert pending.getResult(default="not yet", block=False) == "not yet"
gate.open()
assert len(pending.getResult()) == 4 and len(pending.r) == 4
pulled = rc.pullAll("x")
pulled.addCallback(sum)
pulled.addCallback(lambda total, factor, plus=0: total * factor + plus, 10, plus=2)
assert pulled.r == 42 and pulled.getResult() == 42
failing = rc.execute(0, "1 / 0")
raises(kernel.RemoteError, failing.getResult)
raises(kernel.RemoteError, lambda: failing.r)
good, bad = rc.execute(0, "y = 1"), rc.execute(1, "1 / 0")
raises(kernel.RemoteError, rc.barrier)
raises(kernel.InvalidDeferredID, good.getResult)
assert pulled.getResult() == 42, "what was asked for before stays"
rc.barrier()
assert isinstance(rc.execute(0, "z = 1", block=True), kernel.ResultList)

# The queue of an engine.
gate = Gate()
running = rc.execute(0, gate.code)
gate.wait_for_engines()
waiting = [rc.execute(0, "w = 1") for _ in range(3)]
status = dict(rc.queueStatus(0))[0]
assert status == {"pending": gate.code, "queue": ["w = 1"] * 3}, status
waiting.append(rc.push(0, v=1))
waiting.append(rc.keys(0))
waiting.append(rc.execute(0, "for i in range(3):\n    v = i"))
shown = str(rc.queueStatusAll())
assert shown.splitlines()[0] == "<Queue Status List>" and "Engine: 0" in shown
assert shown.count("    Command: w = 1\n") == 3 and "Command: for i in range(3): …" in shown
assert "    Command: push\n    Command: apply user_names\n" in shown, shown
assert str(rc.queueStatus(2)) == "<Queue Status List>\nEngine: 2\n    Pending: None"
rc.clearQueue(0)
gate.open()
for each in waiting:
    raises(kernel.QueueCleared, each.getResult)
assert len(running.getResult()) == 1
rc.block = True

# A script on the engines, and the magics.
import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "script.py")
    with open(path, "w") as file:
        file.write("words = 'to be or not to be'.split()\n")
    rc.runAll(path)
assert rc.pullAll("words")[3] == ["to", "be", "or", "not", "to", "be"]

import warnings

from ipython1.kernel.magics import activate

# Without a shell there is nothing to activate, which is said.
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    assert rc.activate() is None
assert "no shell" in str(told[0].message), told
from rhumba.shell import Shell

shell = Shell()
activate(rc, shell)


def magic(name, text=""):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        value = shell.run_line_magic(name, text)
    return value, out.getvalue()


value, out = magic("px", "m = {'k': 1}['k']; print(m)")
assert out == "Parallel execution on engines: all\n" and len(value) == 4
assert [each["stdout"] for each in value] == ["1\n"] * 4
value, out = magic("pn", "2 print(m + 1)")
assert [each["stdout"] for each in value] == ["2\n"] and value[0]["id"] == 2
value, out = magic("result")
assert value[2]["stdout"] == "2\n" and value[0]["stdout"] == "1\n"
raises(Exception, shell.run_line_magic, "pn", "nonsense")
rc.magicTargets = [0, 1]
assert len(magic("px", "n = 1")[0]) == 2
assert "Enabled" in magic("autopx")[1]
with contextlib.redirect_stdout(io.StringIO()) as shown:
    assert shell.input_hook("print(n + 10)") is None
assert shown.getvalue().count("11") == 2
assert shell.input_hook("%autopx") == "%autopx" and shell.input_hook("?") == "?"
assert "Disabled" in magic("autopx")[1] and shell.input_hook is None

# Tasks.
tc = kernel.TaskController(("127.0.0.1", 10113))
task = kernel.Task("b = a * 2; c = b + 1", resultNames=["b", "c"], setupNS={"a": 21})
task_id = tc.run(task)
assert isinstance(task_id, int)
result = tc.getTaskResult(task_id)
assert result.ns.b == 42 and result["c"] == 43 and result.failure is None
assert result.taskID == task_id and result.engineID in rc.getIDs() and result.keys == ["b", "c"]
assert result.duration >= 0
raises(AttributeError, lambda: result.ns.d)
result.raiseException()
ids = [tc.run(kernel.Task("y = x * x", ["y"], {"x": x})) for x in range(100)]
tc.barrier(ids)
assert [tc.getTaskResult(each).ns.y for each in ids] == [x * x for x in range(100)]
failed = tc.getTaskResult(tc.run(kernel.Task("1 / 0", resultNames=["a"])))
assert isinstance(failed.failure, kernel.RemoteError)
raises(kernel.RemoteError, lambda: failed.ns.a)
raises(kernel.RemoteError, failed.raiseException)
undefined = tc.getTaskResult(tc.run(kernel.Task("q = 1", resultNames=["nobody"])))
raises(kernel.RemoteError, undefined.raiseException)
recovered = kernel.Task("1 / 0", ["v"], retries=1, recoveryTask=kernel.Task("v = 7", ["v"]))
assert tc.getTaskResult(tc.run(recovered)).ns.v == 7
twice = kernel.Task("1 / 0", recoveryTask=kernel.Task("[][1]", recoveryTask=recovered))
assert tc.getTaskResult(tc.run(twice)).ns.v == 7
hopeless = kernel.Task("1 / 0", recoveryTask=kernel.Task("[][1]"))
assert tc.getTaskResult(tc.run(hopeless)).failure.ename == "IndexError"
rc.pushAll(left=1)
cleared = kernel.Task("seen = 'left' in globals()", ["seen"], clearBefore=True, clearAfter=True)
assert tc.getTaskResult(tc.run(cleared)).ns.seen is False
# Tasks for engines with certain properties.
rc.setProperties(2, gpu=True)
rc.setProperties(3, gpu=True, memory=8)


def roomy(properties):
    return properties.get("memory", 0) >= 8


def on_gpu(properties):
    return "gpu" in properties


rooms = [tc.run(kernel.Task("v = x", ["v"], {"x": x}, depend=roomy)) for x in range(12)]
assert [tc.getTaskResult(each).engineID for each in rooms] == [3] * 12
assert [tc.getTaskResult(each).ns.v for each in rooms] == list(range(12))
gpus = [tc.run(kernel.Task("pass", depend=on_gpu)) for _ in range(12)]
assert {tc.getTaskResult(each).engineID for each in gpus} <= {2, 3}
nowhere = tc.getTaskResult(tc.run(kernel.Task("v = 1", ["v"], depend=lambda properties: 0)))
assert isinstance(nowhere.failure, ImpossibleDependency), nowhere.failure
wrong = tc.getTaskResult(tc.run(kernel.Task("v = 1", ["v"], depend=lambda properties: 1 / 0)))
assert wrong.failure.ename == "ZeroDivisionError"
at_last = kernel.Task("v = 7", ["v"], depend=roomy)
instead = kernel.Task("v = 1", ["v"], recoveryTask=at_last, depend=lambda properties: False)
result = tc.getTaskResult(tc.run(instead))
assert result.ns.v == 7 and result.engineID == 3
gate = Gate()
slow = [tc.run(kernel.Task(f"{gate.code}; t = 1", ["t"])) for _ in range(8)]
gate.wait_for_engines(4)
assert tc.getTaskResult(slow[-1], block=False) is None
tc.abort(slow[-1])
gate.open()
raises(Exception, tc.getTaskResult(slow[-1]).raiseException)
assert tc.getTaskResult(slow[-1]).failure.ename == "TaskAborted"
tc.barrier(slow)
assert tc.getTaskResult(slow[0]).ns.t == 1
raises(IndexError, tc.abort, slow[0])
raises(IndexError, tc.getTaskResult, 10**6)
status = tc.queueStatus()
assert status["pending"] == 0 and status["failed"] == 6 and status["succeeded"] > 100, status
raises(TypeError, tc.run, "a = 1")
raises(TypeError, kernel.Task, abs)
raises(ValueError, kernel.Task, "1", retries=-1)

# An engine's properties, as the code that runs there has them.
rc.resetAll()
rc.clearPropertiesAll()
rc.executeAll("import ipython1.kernel.api as kernel\nengine = kernel.getEngine(id)")
assert rc.execute(2, "print(engine.id)")[0]["stdout"] == "2\n"
rc.execute(2, "sizes = [1]\nengine.properties['sizes'] = sizes\nsizes.append(2)")
rc.execute(2, "engine.properties['sizes'].append(3)\nengine.properties.update(gpu=True)")
assert rc.getProperties(2) == {"sizes": [1], "gpu": True}, "they are copied in and out"
rc.setProperties(2, memory=8)
assert rc.execute(2, "print(engine.properties['memory'])")[0]["stdout"] == "8\n"
rc.execute(2, "del engine.properties['gpu']\nassert set(engine.properties) == {'sizes', 'memory'}")
assert tc.getTaskResult(tc.run(kernel.Task("pass", depend=roomy))).engineID == 2
for wrong, name in (
    ("kernel.getEngine(0)", "InvalidEngineID"),
    ("engine.id = 3", "KernelError"),
    ("engine.properties['file'] = open('/dev/null')", "InvalidProperty"),
    ("engine.properties['nothing']", "KeyError"),
):
    failure = raises(kernel.RemoteError, rc.execute, 2, wrong)
    assert failure.ename == name, failure
assert "setProperties" in str(raises(RuntimeError, kernel.getEngine))
rc.clearPropertiesAll()
rc.resetAll()

# The same engines with the names of IPython 0.9.
from ipython1.kernel import client
from ipython1.kernel.client import remote

mec = client.MultiEngineClient()
assert mec.get_ids() == rc.getIDs() and len(mec) == 4
assert mec.block is True and mec.targets == "all"

# Results are lists, also of a single engine.
assert mec.push({"a": 1.03234, "b": 3453}) == [None] * 4
assert mec.pull("a") == [1.03234] * 4 and mec.pull("b", targets=0) == [3453]
assert mec.pull(("a", "b")) == [[1.03234, 3453]] * 4
assert mec.pull(["a"], 1) == [[1.03234]]
assert mec.zip_pull(("a", "b")) == [(1.03234,) * 4, (3453,) * 4]
assert mec.zip_pull("b") == mec.zip_pull(("b",)) == [3453] * 4
assert mec.zip_pull("b", 0) == 3453 and mec.zip_pull(("a", "b"), targets=0) == [1.03234, 3453]
mec["c"] = ["foo", "bar"]
assert mec["c"] == [["foo", "bar"]] * 4
raises(TypeError, lambda: mec[0])
raises(TypeError, mec.push, "a")
raises(TypeError, mec.pull, ())
raises(client.CompositeError, mec.execute, "1 / 0")
raises(kernel.NotDefined, mec.pull, "nobody")
raises(kernel.InvalidEngineID, mec.pull, "a", targets=[0, 17])
mec.push({"targets": 5, "block": 6, "self": 7}, targets=[1, 2])
assert mec.pull(("targets", "block", "self"), targets=2) == [[5, 6, 7]]
mec.push_function({"f": lambda x: 2.0 * x})
assert mec.pull_function("f", targets=[3])[0](4) == 8.0
data = mec.pull_serialized("c", targets=1)
assert len(data) == 1 and isinstance(data[0], bytes)
mec.push_serialized({"d": data[0]}, targets=3)
assert mec.pull("d", targets=3) == [["foo", "bar"]]

# Where, and whether it is waited for: attributes, and keywords that take their place.
mec.targets = [0, 2]
results = mec.execute("e = b + 1; print(e)")
assert [result["id"] for result in results] == [0, 2] and results[1]["stdout"] == "3454\n"
assert isinstance(results, client.ResultList)
assert mec.get_result() == results and mec.get_result(results[0]["number"], 0) == results[:1]
raises(IndexError, mec.get_result, 10**6)
mec.targets = 1
assert mec.pull("b") == [3453] and mec.zip_pull("b") == 3453
mec.targets = "all"
mec.block = False
pulled = mec.pull("a")
assert isinstance(pulled, client.PendingResult) and pulled.get_result() == [1.03234] * 4
added = mec.pull("b", targets=[0, 1])
added.add_callback(sum)
assert added.r == 2 * 3453
assert mec.pull("b", block=True) == [3453] * 4
assert mec.get_result(targets=0).r == mec.get_result(targets=0, block=True)
good, bad = mec.execute("g = 1"), mec.execute("1 / 0", targets=0)
mec.barrier([good, bad])
assert len(good.get_result()) == 4, "here it can be asked for after the barrier"
raises(client.RemoteError, bad.get_result)
raises(TypeError, mec.barrier, [good, 5])
forgotten = mec.pull("a")
mec.flush()
raises(kernel.InvalidDeferredID, forgotten.get_result)
mec.block = True

# Parts of sequences, and mapping.
assert mec.scatter("part", range(16)) == [None] * 4
assert mec["part"] == [range(0, 4), range(4, 8), range(8, 12), range(12, 16)]
mec.execute("part = [x**2 for x in part]")
assert mec.gather("part") == [x**2 for x in range(16)]
mec.scatter("two", "ab", flatten=True, targets=[0, 1])
assert mec.pull("two", [0, 1]) == ["a", "b"] and mec.gather("two", targets=[1, 0]) == ["b", "a"]
mec.scatter("every", range(6), dist="r", targets=[0, 1])
assert mec.pull("every", 0) == [range(0, 6, 2)]
assert mec.gather("every", dist="r", targets=[0, 1]) == list(range(6))
assert mec.map(lambda x: x**10, range(32)) == [x**10 for x in range(32)]
assert mec.map(lambda x, y: x + y, range(5), iter(range(5))) == [0, 2, 4, 6, 8]
assert mec.raw_map("lambda x, y: x * y", [range(5), range(5)]) == [0, 1, 4, 9, 16]
assert mec.raw_map("f", [range(3)], targets=2) == [0.0, 2.0, 4.0]
assert mec.mapper(targets=[0, 1], block=False).map("f", range(3)).r == [0.0, 2.0, 4.0]
raises(ValueError, mec.map, max, range(3), range(4))
raises(TypeError, mec.raw_map, max, range(3))
raises(TypeError, mec.map, 5, range(3))
raises(TypeError, mec.map, abs)


@mec.parallel()
def quartic(x, factor):
    """Ten times the fourth power."""
    return factor * x**4


assert quartic(range(8), [10.0] * 8) == [10.0 * x**4 for x in range(8)]
assert quartic.__name__ == "quartic" and "fourth" in quartic.__doc__
assert mec.parallel(targets=0)("f")(range(2)) == [0.0, 2.0]

# Names, properties, queues.
mec.reset()
mec.push({"only": 1}, targets=2)
assert mec.keys() == [[], [], ["only"], []] and mec.keys(2) == [["only"]]
mec.set_properties({"cpu": "fast"})
mec.set_properties({"memory": 4}, targets=1)
assert mec.get_properties(targets=1) == [{"cpu": "fast", "memory": 4}]
assert mec.get_properties(["cpu"], targets=[0, 1]) == [{"cpu": "fast"}] * 2
assert mec.has_properties(("cpu", "memory")) == [[True, False], [True, True], *[[True, False]] * 2]
mec.del_properties("memory", targets=1)
mec.clear_properties(targets=[2, 3])
assert mec.get_properties() == [{"cpu": "fast"}, {"cpu": "fast"}, {}, {}]
gate = Gate()
held = mec.execute(gate.code, targets=0, block=False)
waiting = mec.execute("w = 1", targets=0, block=False)
assert mec.queue_status(0) == [(0, {"pending": gate.code, "queue": ["w = 1"]})]
assert isinstance(mec.queue_status(block=False).r, client.QueueStatusList)
assert mec.clear_queue(0) is None
gate.open()
raises(kernel.QueueCleared, waiting.get_result)
assert len(held.get_result()) == 1
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "script.py")
    with open(path, "w") as file:
        file.write("words = 'or not'.split()\n")
    assert [result["id"] for result in mec.run(path, targets=[1, 3])] == [1, 3]
assert mec.pull("words", targets=3) == [["or", "not"]]

# A block that runs on the engines, and not here.
mec["offset"] = 5
with mec as results:
    remote()
    # It is sent as it stands here, whatever is in it.
    text = """line one
    line two
line three"""

    def shifted(x):
        return x + offset  # noqa: F821

    print(shifted(2))
assert [result["stdout"] for result in results] == ["7\n"] * 4
assert mec["text"] == ["line one\n    line two\nline three"] * 4
assert "text" not in globals() and "shifted" not in globals()
mec.targets, mec.block = [1, 2], False
with mec as later: remote(); half = offset / 2  # noqa: E701, E702, F821
assert mec.pull("half").r == [2.5, 2.5] and len(later.r) == 2
mec.targets, mec.block = "all", True


def within_a_function():
    if True:
        with mec as results:
            client.remote()
            é = "é"; total = [  # noqa: E702, F841
                1,
                len(é),
            ]
    return results


assert len(within_a_function()) == 4 and mec["total"] == [[1, 1]] * 4


def without_remote():
    with mec:
        mec.push({"never": 1})


def that_fails():
    with mec:
        remote()
        1 / 0


assert "remote()" in str(raises(ValueError, without_remote))
raises(client.CompositeError, that_fails)
hidden = {"mec": mec, "remote": remote}
assert "source" in str(raises(OSError, exec, "with mec:\n    remote()\n    x = 1", hidden))
raises(Exception, remote)
activate(mec, shell)
mec.targets = [0, 1]
value, out = magic("px", "m = 3")
assert out == "Parallel execution on engines: [0, 1]\n" and len(value) == 2
assert len(magic("pn", "3 print(5)")[0]) == 1 and magic("result")[0] == value
mec.targets = "all"

# Tasks.
tasks = client.TaskClient()
taskid = tasks.run(client.StringTask("b = a * 2; c = b + 1", pull=("b", "c"), push={"a": 21}))
result = tasks.get_task_result(taskid, block=True)
assert result.ns.b == 42 and result["c"] == 43 and result.taskid == taskid
assert result.engineid in mec.get_ids() and result.failure is None
assert result.submitted <= result.completed and result.duration >= 0
result = tasks.run(client.StringTask("1 / 0", retries=1), block=True)
raises(client.RemoteError, result.raise_exception)
spare = client.StringTask("v = 7", "v", clear_before=True)
assert tasks.run(client.StringTask("1 / 0", recovery_task=spare), block=True).ns.v == 7
mec.push({"left": 1})
cleared = client.StringTask("s = 'left' in globals()", "s", clear_before=True, clear_after=True)
assert tasks.run(cleared, block=True).ns.s is False
where = tasks.run(client.StringTask("pass", depend=lambda properties: "cpu" in properties))
assert tasks.get_task_result(where, True).engineid in (0, 1)


def power(x, n=2):
    return x**n


assert tasks.run(client.MapTask(power, [3]), block=True) == 9
assert tasks.run(client.MapTask(power, (3,), {"n": 3}), block=True) == 27
failed = tasks.run(client.MapTask(lambda: 1 / 0))
raises(client.RemoteError, tasks.get_task_result, failed, block=True)
assert tasks.run(client.MapTask(lambda: [][1], recovery_task=spare), block=True).ns.v == 7
gate = Gate()
slow = [tasks.run(client.StringTask(gate.code)) for _ in range(8)]
gate.wait_for_engines(4)
assert tasks.get_task_result(slow[-1]) is None, "it doesn't wait unless it is told to"
tasks.abort(slow[-1])
assert tasks.queue_status()["pending"] >= 4
gate.open()
tasks.barrier(slow)
tasks.spin()
status = tasks.queue_status(verbose=True)
assert status["pending"] == [] and slow[-1] in status["failed"] and taskid in status["succeeded"]
assert tasks.map(power, range(10)) == [x**2 for x in range(10)]
assert tasks.map(lambda x, y: x + y, [1, 2], [3, 4]) == [4, 6]
raises(ValueError, tasks.map, power, [1, 2], [3])
raises(client.RemoteError, tasks.map, lambda x: 1 / x, [1, 0])
ids = tasks.mapper(retries=1, block=False).map(power, range(3))
assert [tasks.get_task_result(each, True) for each in ids] == [0, 1, 4]


@tasks.parallel(clear_after=True)
def cubic(x):
    return x**3


assert cubic(range(5)) == [0, 1, 8, 27, 64]
tasks.clear()
assert tasks.queue_status() == {"pending": 0, "succeeded": 0, "failed": 0}
raises(IndexError, tasks.get_task_result, taskid)
raises(TypeError, tasks.run, "a = 1")
raises(TypeError, client.StringTask, abs)
raises(TypeError, client.StringTask, "a = 1", pull=5)
raises(TypeError, client.StringTask, "a = 1", recovery_task="b = 1")
raises(TypeError, client.MapTask, "power")
raises(TypeError, client.MapTask, power, 3)
raises(ValueError, client.MapTask, power, retries=-1)
mec.clear_properties()

# Without a task store, how much is queued is known, and not what.
import ipyparallel as ipp

with ipp.Cluster(n=1, task_store="off") as small:
    forgetful = client.MultiEngineClient(small.cluster.cluster_file)
    gate = Gate()
    held = forgetful.execute(gate.code, block=False)
    forgetful.execute("w = 1", block=False)
    assert forgetful.queue_status() == [(0, {"pending": "a command", "queue": ["a command"]})]
    gate.open()
    held.get_result()

# Addresses on other machines can't be meant.
raises(ValueError, kernel.RemoteController, ("10.1.2.3", 10105))

# The end: engines, and the controller.
rc.kill(3)
mec.kill(targets=2)
eventually(lambda: mec.get_ids() == [0, 1])
rc.killAll(controller=True)
raises(Exception, rc.executeAll, "a = 1")
