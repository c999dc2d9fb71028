"""The first interface: steering engines and farming tasks as in 2007."""

import contextlib
import io

from _expect import RHUMBA, raises

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
assert status["queue"] >= 3, status
assert "Engine: 0" in str(rc.queueStatusAll()) and "Pending: None" in str(rc.queueStatus(2))
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

from ipython1.kernel.magics import activate
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
assert shell.input_hook("%autopx") == "%autopx"
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

# Addresses on other machines can't be meant.
raises(ValueError, kernel.RemoteController, ("10.1.2.3", 10105))

# The end: engines, and the controller.
rc.kill(3)
rc.killAll(controller=True)
raises(Exception, rc.executeAll, "a = 1")
