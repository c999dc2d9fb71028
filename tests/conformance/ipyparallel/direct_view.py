"""DirectView: calls, code and objects on engines that are named."""

import contextlib
import io
import os
import tempfile

import ipyparallel as ipp
from _expect import RHUMBA, connect, raises, raises_remote

rc = connect()
one, every = rc[0], rc[:]

# A view of one engine gives single objects, any other gives lists.
assert one.apply_sync(abs, -3) == 3
assert every.apply_sync(abs, -3) == [3] * 4
assert rc[[2]].apply_sync(abs, -3) == [3]
assert len(set(every.apply_sync(os.getpid))) == 4
assert os.getpid() not in every.apply_sync(os.getpid)


def described(a, b=2, *rest, c=3, **others):
    return a, b, rest, c, others


assert one.apply_sync(described, 1) == (1, 2, (), 3, {})
assert one.apply_sync(described, 1, 5, 6, c=7, d=8) == (1, 5, (6,), 7, {"d": 8})
assert one.apply_sync(lambda f: f + 1, f=41) == 42, "a keyword may be called f"
assert one.apply_sync(lambda: [None, True, 1.5, "x", b"y", {1: {2}}]) == [
    None, True, 1.5, "x", b"y", {1: {2}},
]  # fmt: skip

# Blocking is the view's choice, and then the call's.
assert one.block is False
assert isinstance(one.apply(abs, -1), ipp.AsyncResult)
one.block = True
assert one.apply(abs, -1) == 1
assert isinstance(one.apply_async(abs, -1), ipp.AsyncResult)
one.block = False
with one.temp_flags(block=True):
    assert one.apply(abs, -1) == 1
assert one.block is False
assert one.set_flags(block=False) is one
if RHUMBA:
    # ipyparallel keeps those that come before the one that fails.
    for wrong, flags in ((KeyError, {"colour": 1}), (IndexError, {"targets": 17}), (TypeError, {"label": 5})):
        for set_them in (one.set_flags, lambda **flags: one.temp_flags(**flags).__enter__()):
            raises(wrong, set_them, block=True, **flags)
            assert (one.block, one.label, one.targets) == (False, None, 0), flags

# Functions made here find their names in the engine's namespace.
every.execute("base = 100", block=True)
assert every.apply_sync(lambda x: x + base, 1) == [101] * 4  # noqa: F821
offset = 5


def closure(n):
    def add(x):
        return x + n

    return add


assert every.apply_sync(closure(10), 1) == [11] * 4


def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)


every.push({"factorial": factorial}, block=True)
assert every.apply_sync(factorial, 10) == [3628800] * 4

# What asks its caller for names finds the engine's namespace.
assert every.apply_sync(eval, "base + 1") == [101] * 4
one.apply_sync(exec, "made_by_exec = 3")
assert one["made_by_exec"] == 3
if RHUMBA:
    # In ipyparallel these see the names of its own code as well.
    assert "base" in one.apply_sync(dir) and "base" in one.apply_sync(lambda: sorted(globals()))
    assert one.map_sync(eval, ["base", "base + 2"]) == [100, 102]

# Objects.
every["a"] = 5
assert every["a"] == [5] * 4
assert one["a"] == 5
assert one.get("a") == 5
assert every.push({"x": 1, "y": [1, 2]}, block=True) == [None] * 4
assert one.push({"x": 1}, block=True) is None
assert every.pull("x", block=True) == [1] * 4
assert every.pull(["x", "y"], block=True) == [[1, [1, 2]]] * 4
assert one.pull(("x", "y"), block=True) == [1, [1, 2]]
assert every.pull("x", targets=[1], block=True) == [1]
assert every.pull("x", targets=1, block=True) == 1
every.push({"only": 1}, targets=2, block=True)
raises_remote("NameError", rc[1].get, "only")
assert rc[2]["only"] == 1
ar = every.update({"z": 9})
assert isinstance(ar, ipp.AsyncResult)
ar.get()
assert every["z"] == [9] * 4
raises(TypeError, every.push, [("a", 1)])
raises(TypeError, every.pull, 5)
if RHUMBA:
    # ipyparallel notices on the engine.
    raises(TypeError, every.push, {5: 1})
    raises(TypeError, every.execute, 5)
raises(TypeError, every.pull, ["a", 5])

# Dotted names reach into objects, both ways.
one.execute("class Box: pass\nbox = Box(); box.inner = Box(); box.inner.value = 1", block=True)
assert one["box.inner.value"] == 1
one["box.inner.value"] = 2
one["box.label"] = "red"
assert one["box.inner.value"] == 2 and one["box.label"] == "red"

# What is pushed is a copy; large bytes arrive whole.
data = [1, 2]
one["data"] = data
one.execute("data.append(3)", block=True)
assert data == [1, 2] and one["data"] == [1, 2, 3]
blob = os.urandom(3_000_000)
one["blob"] = blob
assert one["blob"] == blob

# Code.
reply = one.execute("counter = 1\nfor i in range(4): counter *= 2", block=True)
assert isinstance(reply, ipp.AsyncResult)
assert one["counter"] == 16
every.execute("import os; pid = os.getpid()", block=True)
assert every["pid"] == every.apply_sync(os.getpid)
raises_remote("ZeroDivisionError", every.execute("1/0").get)
raises_remote("SyntaxError", every.execute("a = = 1").get)
raises_remote("ZeroDivisionError", every.execute, "1/0", block=True)
ar = every.execute("'value'", silent=False)
ar.get()
assert [r.data["text/plain"] for r in ar.get()] == ["'value'"] * 4
single = one.execute("40 + 2", silent=False, block=True).get()
assert single.data == {"text/plain": "42"} and single.engine_id == 0
assert "42" in repr(single) and repr(single).startswith("<ExecuteReply[")
# It knows how it is shown.
bundle = single._repr_mimebundle_()
assert "42" in (bundle[0] if isinstance(bundle, tuple) else bundle)["text/plain"]
assert single.source == "" and single._repr_html_() is None and single._repr_png_() is None
page = "from IPython.display import HTML; HTML('<b>bold</b>')"
page = one.execute(page, silent=False, block=True).get()
assert page._repr_html_() == "<b>bold</b>" and page._repr_svg_() is None and page._repr_latex_() is None


class Printer:
    shown = ""

    def text(self, text):
        self.shown += text


printer = Printer()
single._repr_pretty_(printer, False)
assert printer.shown == f"Out[0:{single.execution_count}]: 42", printer.shown
with contextlib.redirect_stdout(io.StringIO()) as out:
    single.display()
    if RHUMBA:
        one.execute("pass", block=True).get().display()
if RHUMBA:
    assert out.getvalue() == "42\n", out.getvalue()
quiet = one.execute("40 + 2", block=True)
if RHUMBA:
    # ipyparallel's reply says None here, too, but its metadata is only complete later.
    assert quiet.get().source is None and quiet.get()._repr_mimebundle_() == ({}, {})
    assert quiet.get().data == {} and quiet.execute_result is None

# A file is read here and run there.
with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
    file.write("def from_file():\n    return 'file'\nif True:\n    ran = 1\n    ")
every.run(file.name, block=True)
os.unlink(file.name)
assert every["ran"] == [1] * 4
assert one.apply_sync(lambda: from_file()) == "file"  # noqa: F821
raises(OSError, every.run, "/nonexistent.py")

# Maps: one block of items on each engine.
assert every.map_sync(lambda x: x * x, range(10)) == [x * x for x in range(10)]
assert every.map_sync(lambda x, y: x - y, [5, 6, 7], (1, 2, 3)) == [4, 4, 4]
assert every.map_sync(abs, []) == []
assert every.map_sync(abs, (x for x in (-1, -2))) == [1, 2]
assert every.map_sync(str, "abc") == ["a", "b", "c"]
assert one.map_sync(abs, [-1, -2, -3]) == [1, 2, 3]
assert len(set(every.map_sync(lambda _: __import__("os").getpid(), range(8)))) == 4
blocks = every.map_sync(lambda _: __import__("os").getpid(), range(10))
assert [blocks.count(pid) for pid in every.apply_sync(os.getpid)] == [3, 3, 2, 2]
# Which of the two waits is said by its name.
for view in (every, rc.load_balanced_view()):
    failure = raises(TypeError, view.map_async, abs, [-1], block=True)
    raises(TypeError, view.map_sync, abs, [-1], block=False)
    if RHUMBA:
        assert "map_async never waits" in str(failure), failure
amr = every.map_async(abs, [-1, -2, -3, -4, -5])
assert isinstance(amr, ipp.AsyncMapResult)
assert amr.get() == [1, 2, 3, 4, 5]
assert every.map(abs, [-1], block=True) == [1]
assert list(every.imap(abs, [-1, -2])) == [1, 2]
raises_remote("ZeroDivisionError", every.map_sync, lambda x: 1 // x, [1, 0, 1, 1])
raises((TypeError, AssertionError), every.map_sync, abs)
with every.temp_flags(block=True):
    assert every.map(abs, [-7]) == [7]
if RHUMBA:
    # ipyparallel cuts each sequence by the longest, and so loses items here.
    assert every.map_sync(lambda x, y: (x, y), range(9), range(5)) == [(x, x) for x in range(5)]
    assert every.map_async(abs, []).get() == []
caught = every.map_sync(lambda x: 1 // x, [1, 0, 1, 1], return_exceptions=True)
assert caught[0] == 1 and isinstance(caught[1], ipp.RemoteError) and caught[2:] == [1, 1]
assert caught[1].ename == "ZeroDivisionError" and caught[1].engine_info["engine_id"] == 1
if RHUMBA:
    # In ipyparallel one that raises stands for all items of its engine.
    blocks = every.map_async(lambda x: 1 // x, [1, 0, 1, 1, 1, 0, 0], return_exceptions=True)
    caught = blocks.get()
    wheres = [(each.ename, each.engine_info["engine_id"]) for each in caught if each != 1]
    assert wheres == [("ZeroDivisionError", 0), ("ZeroDivisionError", 2), ("ZeroDivisionError", 3)]
    assert [index for index, each in enumerate(caught) if each == 1] == [0, 2, 3, 4]
    assert str(caught[1]).startswith("[0:map] ZeroDivisionError") and "1 // x" in str(caught[1])
    assert [repr(each) for each in blocks] == [repr(each) for each in caught]
    [[first, second]] = blocks.split()[2].get()
    assert first == 1 and str(second).startswith("[2:map] ZeroDivisionError")
    failure = raises(ipp.CompositeError, blocks.get, return_exceptions=False)
    assert [entry[3]["engine_id"] for entry in failure.elist] == [0, 2, 3]
    # What is returned, and not raised, is what it was.
    returned = one.map_sync(lambda x: ValueError(x), [1, 2], return_exceptions=True)
    assert [type(each) for each in returned] == [ValueError] * 2

# Targets may change, also for one call.
view = rc[:]
view.targets = [1, 3]
assert len(view.apply_sync(abs, -1)) == 2
assert repr(rc[:]) == "<DirectView [0, 1, 2, 3]>" and repr(rc[2]) == "<DirectView 2>"
if RHUMBA:
    raises(IndexError, setattr, view, "targets", [1, 17])
raises(IndexError, view.execute, "pass", targets=17)
assert rc.direct_view("all").targets == "all"
rc.close()
