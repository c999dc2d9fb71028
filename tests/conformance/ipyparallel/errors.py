"""What goes wrong on engines, and how it is told here."""

import ipyparallel as ipp
from _expect import PATIENCE, RHUMBA, connect, raises, raises_remote
from _gates import Gate

rc = connect()
one, every, lbv = rc[1], rc[:], rc.load_balanced_view()


def divide(n):
    return 1 // n


# One engine: a RemoteError.
failure = raises(ipp.RemoteError, one.apply_sync, divide, 0)
assert not isinstance(failure, ipp.CompositeError)
assert failure.ename == "ZeroDivisionError"
assert "zero" in failure.evalue
assert "divide" in failure.traceback and "ZeroDivisionError" in failure.traceback
assert failure.engine_info["engine_id"] == 1
assert failure.engine_info["method"] == "apply"
assert str(failure).startswith("[1:apply] ZeroDivisionError")
assert repr(failure).startswith("<RemoteError[1]:ZeroDivisionError(")
assert failure.render_traceback()[0] == "[1:apply]"
assert isinstance(failure, ipp.error.KernelError)
if RHUMBA:
    # ipyparallel shows the traceback in a shell only.
    assert "return 1 // n" in str(failure), str(failure)

# Several engines: a CompositeError, which is a RemoteError.
failure = raises(ipp.CompositeError, every.apply_sync, divide, 0)
assert isinstance(failure, ipp.RemoteError)
assert len(failure.elist) == 4 and repr(failure) == "CompositeError(4)"
assert [entry[0] for entry in failure.elist] == ["ZeroDivisionError"] * 4
assert sorted(entry[3]["engine_id"] for entry in failure.elist) == [0, 1, 2, 3]
text = str(failure)
assert all(f"[{engine}:apply]" in text for engine in range(4))
assert "one or more exceptions" in text
again = raises(ipp.RemoteError, failure.raise_exception, 2)
assert again.engine_info["engine_id"] == 2 and again.ename == "ZeroDivisionError"
raises(IndexError, failure.raise_exception, 9)
assert sum("ZeroDivisionError" in line for line in failure.render_traceback()) >= 4
assert any("[3:apply]" in line for line in failure.render_traceback(3))

# Also where only some of them failed.
every.scatter("rank", rc.ids, flatten=True, block=True)
failure = raises(ipp.CompositeError, every.execute, "if rank == 2: raise KeyError('k')", block=True)
assert [(e[0], e[3]["engine_id"]) for e in failure.elist] == [("KeyError", 2)]
assert "[2:execute]" in str(failure)
values = every.apply_async(lambda: 1 // (rank - 2)).get(return_exceptions=True)  # noqa: F821
assert values[0] == -1 and isinstance(values[2], ipp.RemoteError) and values[3] == 1

# Many errors stay readable: the first four are shown.
failure = raises(ipp.CompositeError, lbv.map_sync, divide, [0] * 1000)
assert len(failure.elist) == 1000
text = str(failure)
assert "996 more exceptions" in text and len(text) < 5000
lines = failure.render_traceback()
assert "996 more exceptions" in lines[-1] and len(lines) < 200
if RHUMBA:
    # How many of which kind is said once, in that line.
    assert lines[-1] == "... 996 more exceptions, all ZeroDivisionError ..."
    assert text.count("996") == 1 and "beyond" not in text, text
    kinds = ipp.CompositeError("several", failure.elist[:7] + [("KeyError", "'k'", "", {})])
    assert kinds.render_traceback()[-1] == "... 4 more exceptions: 3 ZeroDivisionError, 1 KeyError ..."

# What has no class of that name here, and messages of all kinds.
source = """
class Peculiar(Exception):
    def __str__(self):
        return "odd: " + repr(self.args)
raise Peculiar(1, "zwölf")
"""
failure = raises(ipp.RemoteError, one.execute, source, block=True)
assert failure.ename == "Peculiar" and failure.evalue == "odd: (1, 'zwölf')"
failure = raises(ipp.RemoteError, one.execute, "raise ValueError()", block=True)
assert failure.ename == "ValueError" and failure.evalue == ""
source = """
def inner():
    raise KeyError("first")
try:
    inner()
except KeyError as reason:
    raise RuntimeError("second") from reason
"""
failure = raises(ipp.RemoteError, one.execute, source, block=True)
assert failure.ename == "RuntimeError"
assert "KeyError" in failure.traceback and "inner" in failure.traceback
if RHUMBA:
    assert 'raise KeyError("first")' in failure.traceback, "a cell's own lines are shown"

# Names, imports, attributes.
raises_remote("NameError", every.get, "undefined_name")
failure = raises_remote("NameError", rc[2].get, "undefined_name")
assert "undefined_name" in str(failure) and "[2:" in str(failure)
raises_remote("ModuleNotFoundError", one.execute, "import no_such_module", block=True)
raises_remote("AttributeError", one.apply_sync, lambda: (1).nothing)

# An engine survives what would end a script.
raises_remote("SystemExit", one.execute, "import sys; sys.exit(3)", block=True)
raises_remote("RecursionError", one.execute, "def f(): return f()\nf()", block=True)
raises_remote("KeyboardInterrupt", one.apply_sync, eval, "exec('raise KeyboardInterrupt')")
assert one.apply_sync(abs, -1) == 1

# A failing call doesn't stop those behind it; a failing cell does.
bad, good = one.apply_async(divide, 0), one.apply_async(divide, 1)
raises_remote("ZeroDivisionError", bad.get)
assert good.get() == 1
gate = Gate()
bad = one.execute(f"{gate.code}; 1/0", silent=False)
behind = [one.execute("pass", silent=False), one.apply_async(divide, 1)]
rc.queue_status()  # answered once the controller has all of them
gate.open()
raises_remote("ZeroDivisionError", bad.get)
raises(ipp.error.TaskAborted, behind[0].get, PATIENCE)
if RHUMBA:
    # ipyparallel aborts cells only.
    raises(ipp.error.TaskAborted, behind[1].get, PATIENCE)
assert one.apply_sync(divide, 1) == 1
gate = Gate()
bad = one.execute(f"{gate.code}; 1/0", silent=True)
behind = one.apply_async(divide, 1)
rc.queue_status()
gate.open()
assert behind.get(PATIENCE) == 1, "a silent cell aborts nothing"

# What can't be carried is named, and nothing is sent.
failure = raises(Exception, one.push, {"handle": open("/dev/null")})
if RHUMBA:
    assert isinstance(failure, TypeError) and "handle" in str(failure), str(failure)
    failure = raises(TypeError, one.apply_sync, abs, [{"deep": (1, open("/dev/null"))}])
    assert "args[0][0]['deep'][1]" in str(failure), str(failure)
    failure = raises(TypeError, one.apply_sync, abs, n=open("/dev/null"))
    assert "kwargs['n']" in str(failure), str(failure)
    # So is a result that can't be carried back.
    failure = raises(ipp.RemoteError, one.apply_sync, lambda: open("/dev/null"))
    assert "file" in failure.evalue, failure.evalue
assert one.apply_sync(abs, -1) == 1

# What failed is known as the exception, and what didn't as None.
for bad, name in ((one.apply_async(divide, 0), "ZeroDivisionError"), (one.execute("[][1]"), "IndexError")):
    bad.wait(PATIENCE)
    bad.wait_for_output()
    raises_remote(name, bad.get)
    assert isinstance(bad.error, ipp.RemoteError) and bad.error.ename == name, bad.error
    assert bad.metadata["error"].ename == bad.metadata.error.ename == bad["error"].ename == name
    if RHUMBA:
        # ipyparallel's doesn't always know where it was raised.
        assert bad.error.engine_info["engine_id"] == 1
        assert bad.error.engine_info["engine_uuid"] == bad.engine_uuid
ar = every.apply_async(lambda: 1 // (rank - 2))  # noqa: F821
ar.wait(PATIENCE)
assert [None if each is None else each.ename for each in ar.error] == [None, None, "ZeroDivisionError", None]
if RHUMBA:
    gate = Gate()
    pending = gate.hold(one)
    assert pending.error is None and pending.metadata["error"] is None
    behind = one.apply_async(divide, 1)
    behind.abort()
    gate.open()
    behind.wait(PATIENCE)
    assert isinstance(behind.error, ipp.TaskAborted) and pending.get(PATIENCE) is None

# Errors made by hand behave as they should.
made = ipp.RemoteError("Odd", "message", "trace", {"engine_id": 7, "method": "apply"})
assert made.args[:2] == ("Odd", "message")
assert str(made).startswith("[7:apply] Odd: message")
assert ipp.error.collect_exceptions([1, 2], "x") == [1, 2]
collected = raises(ipp.CompositeError, ipp.error.collect_exceptions, [1, made], "x")
assert collected.elist[0][0] == "Odd"
assert ipp.TimeoutError is TimeoutError if RHUMBA else ipp.error.TimeoutError is TimeoutError
assert issubclass(ipp.error.CompositeError, ipp.error.RemoteError)
assert issubclass(ipp.error.DependencyTimeout, ipp.error.ImpossibleDependency)
assert issubclass(ipp.error.InvalidDependency, ipp.error.ImpossibleDependency)
assert issubclass(ipp.error.TaskRejectError, ipp.error.KernelError) and issubclass(ipp.MultipleInstanceError, Exception)

# As plain data, and back.
try:
    divide(0)
except ZeroDivisionError:
    content = ipp.error.wrap_exception({"engine_id": 3, "method": "apply"})
assert content["status"] == "error" and content["ename"] == "ZeroDivisionError"
made = ipp.error.unwrap_exception(content)
assert isinstance(made, ipp.RemoteError) and made.engine_info["engine_id"] == 3
assert made.evalue == content["evalue"] and "divide" in made.traceback
rc.close()
