"""Libraries that come with the shell: `IPython.lib`'s jobs, demos, deep reloads and the clipboard.

What each promises is in its own file, under `interpreter/python/IPython/lib`.
"""

import threading

from IPython.core.error import TryNext
from IPython.lib.backgroundjobs import BackgroundJobBase, BackgroundJobExpr, BackgroundJobFunc, BackgroundJobManager
from IPython.lib.demo import ClearDemo, ClearIPDemo, Demo, DemoError, IPythonDemo, IPythonLineDemo, LineDemo

# How long a thread may take that has next to nothing to do.
BOUND_SECONDS = 60


def printed(function, *args, **options):
    """What a call writes to stdout and to stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        function(*args, **options)
    return out.getvalue(), err.getvalue()


def failed(kind, function, *args, **options):
    """The text of what a call must raise."""
    try:
        function(*args, **options)
    except kind as failure:
        return str(failure)
    raise AssertionError(f"{function!r} raised no {kind.__name__}")


# -- backgroundjobs


def ended(job):
    """The job, once its thread has ended."""
    job.join(BOUND_SECONDS)
    assert not job.is_alive(), f"{job!r} doesn't end"
    return job


def test_a_job_runs_until_it_has_its_result():
    jobs = BackgroundJobManager()
    assert printed(jobs) == ("There are no jobs.\n", "") and len(jobs) == 0
    began, may_end = threading.Event(), threading.Event()

    def work(first, second):
        began.set()
        assert may_end.wait(BOUND_SECONDS)
        return first + second

    job = jobs.new(work, 1, second=2)
    try:
        assert began.wait(BOUND_SECONDS)
        assert type(job) is BackgroundJobFunc and job.daemon and job.num == 0
        assert jobs[0] is job and jobs[job] is job and len(jobs) == 1 and list(jobs) == [job]
        assert jobs.running == [job] and not jobs.completed and not jobs.dead
        assert job.status == "Running" and job.stat_code == job.stat_running_c and not job.finished
        assert isinstance(jobs.result(0), str) and jobs.result(0) != 3
        assert printed(jobs.status) == (f"Running jobs:\n0 : {work}\n\n", "")
        shows(printed(jobs.remove, 0)[1], "Job 0 is still running")
        shows(printed(jobs.flush)[0], "no jobs that have ended")
        assert len(jobs) == 1
    finally:
        may_end.set()
    ended(job)
    assert jobs.completed == [job] and not jobs.running and not jobs.dead
    assert job.status == job.stat_completed == "Completed" and job.finished
    assert job.result == jobs.result(0) == 3
    assert str(job) == job.strform == str(work) and repr(job) == f"<BackgroundJob #0: {work}>"
    assert printed(jobs) == (f"Completed jobs:\n0 : {work}\n\n", "")
    shows(printed(job.traceback)[0], "raised nothing")
    shows(printed(jobs.traceback)[0], "No job is dead")
    assert printed(jobs.remove, 0) == ("", "") and len(jobs) == 0 and not jobs.completed
    assert ended(jobs.new("0")).num == 1


def test_expressions_see_the_session_or_what_they_are_given():
    jobs = BackgroundJobManager()
    main["number"] = 6
    job = ended(jobs.new("number * 7"))
    assert type(job) is BackgroundJobExpr and job.result == 42 and str(job) == "number * 7"
    assert ended(jobs.new("number", {"number": 1})).result == 1
    assert ended(jobs.new("number + other", {"number": 1}, {"other": 2})).result == 3
    assert ended(jobs.new("[number for _ in range(2)]")).result == [6, 6]
    # By itself, as a manager makes it.
    alone = BackgroundJobExpr("number")
    assert alone.status == alone.stat_created == "Created" and alone.num is None and alone.daemon
    alone.start()
    assert ended(alone).result == 6


def test_keywords_of_a_job_are_those_of_its_function():
    jobs = BackgroundJobManager()

    def told(*args, **options):
        return args, options

    assert ended(jobs.new(told, 1, x=2)).result == ((1,), {"x": 2})
    job = ended(jobs.new(told, 1, x=2, daemon=False, kw={"daemon": 3, "kw": 4}))
    assert job.result == ((1,), {"x": 2, "daemon": 3, "kw": 4}) and not job.daemon


def test_a_job_that_raises_is_dead_and_keeps_its_traceback():
    jobs = BackgroundJobManager()

    def failing():
        raise ValueError("not today")

    dead = ended(jobs.new(failing)), ended(jobs.new("1 / 0")), ended(jobs.new(sys.exit, 3))
    alive = ended(jobs.new("'alive'"))
    assert jobs.dead == list(dead) and jobs.completed == [alive] and not jobs.running
    for job in dead:
        assert job.finished and job.stat_code == job.stat_dead_c and job.status == job.stat_dead
        assert job.status.startswith("Dead") and isinstance(job.result, str)
    shows(printed(dead[0].traceback)[0], "Traceback", "failing", "ValueError: not today\n")
    assert "ZeroDivisionError" not in printed(jobs.traceback, 0)[0]
    shows(printed(jobs.traceback, 1)[0], "ZeroDivisionError: division by zero\n")
    shows(printed(jobs.traceback, dead[2])[0], "SystemExit: 3\n")
    shows(printed(jobs.traceback)[0], "#0: ", "not today", "#1: 1 / 0", "ZeroDivisionError", "#2: ", "SystemExit")
    shows(printed(jobs)[0], "Completed jobs:\n3 : 'alive'\n\n", f"Dead jobs:\n0 : {failing}\n1 : 1 / 0\n2 : ")
    jobs.remove(0)
    assert jobs.dead == list(dead[1:]) and 0 not in jobs.all
    assert printed(jobs.flush) == ("1 completed job forgotten.\n2 dead jobs forgotten.\n", "")
    assert len(jobs) == 0 and not jobs.dead and not jobs.completed


def test_what_is_no_job_is_told_of():
    jobs = BackgroundJobManager()
    assert failed(KeyError, lambda: jobs[7]) == "there is no job 7; none is known"
    ended(jobs.new("1"))
    ended(jobs.new("2"))
    assert failed(KeyError, lambda: jobs[-1]) == "there is no job -1; known are 0, 1"
    for ask in jobs.result, jobs.traceback, jobs.remove:
        assert printed(ask, 7) == ("", "There is no job 7; known are 0, 1.\n")
    assert jobs.result(1) == 2
    with contextlib.redirect_stderr(io.StringIO()):
        assert jobs.result("1") is None
    shows(failed(TypeError, jobs.new, 5), "a function, or an expression as text", "5")
    failed(SyntaxError, jobs.new, "x = 1")
    shows(failed(ValueError, jobs.new, "1", {}, {}, {}), "at most two dicts")
    shows(failed(ValueError, jobs.new, "x", x=1), "at most two dicts")
    shows(failed(TypeError, BackgroundJobFunc, 5), "a function")
    assert len(jobs) == 2
    failed(NotImplementedError, BackgroundJobBase)

    class Unfinished(BackgroundJobBase):
        strform = "unfinished"

        def __init__(self):
            self._init()

    shows(failed(TypeError, Unfinished), "Unfinished", "lacks 'call'")
    Unfinished.call = lambda self: 5
    made = Unfinished()
    made.start()
    assert ended(made).result == 5 and repr(made) == "<BackgroundJob #None: unfinished>"


# -- demo

SCRIPT = """\
# coding: utf-8
'''What it is.'''
first = 1
print("one", first)

# <demo> --- stop ---
# <demo> silent
second = first + 1
print("two", second)
# <demo> stop
# <demo> auto
import sys
print("three", sys.argv[1:])
#<demo>---stop---

print("four")
"""


def demo(kind=Demo, text=SCRIPT, **options):
    return kind(write("shown.py", text), **options)


def play(demo, *answers, index=None):
    """What a demo shows when it is called, while somebody answers."""
    with answering(*answers):
        out, err = printed(demo, index) if index is not None else printed(demo)
    assert err == "", err
    return out


def test_a_demo_stops_where_its_script_says():
    main["first"], argv = "of the session", list(sys.argv)
    shown = demo(arg_str="-v 'a b'")
    assert shown.nblocks == 4 and shown.block_index == 0 and not shown.finished and not shown.auto_all
    assert shown.title == "shown.py" and shown.fname == os.path.join(folder, "shown.py") and "stop" in shown.src
    shows(play(shown, ""), "<shown.py> block 0, 3 to come", "first = 1\n", "Enter runs it", "one 1\n")
    assert main["first"] == 1 and shown.user_ns["first"] == 1 and shown.block_index == 1
    # Nothing is asked from here on: an answer would be missing.
    text = play(shown)
    shows(text, "silent block 1", "two 2\n")
    assert "second = first" not in text and main["second"] == 2
    text = play(shown)
    shows(text, "block 2, 1 to come", "import sys\nprint(", "output", "three ['-v', 'a b']\n")
    assert sys.argv == argv and "demo>" not in text
    assert not shown.finished
    shows(play(shown, ""), "four\n", "The demo ends here")
    assert shown.finished
    assert play(shown) == "The demo is over: reset() begins it anew, back() and seek() go to a block of it.\n"
    shows(printed(shown.show)[0], "The demo is over")
    shown.reset()
    assert shown.block_index == 0 and shown.user_ns == {} and not shown.finished and main["second"] == 2


def test_names_of_the_session_are_none_of_the_scripts():
    main["outside"] = 1
    shown = demo(text="inside = 'outside' in globals()\n# <demo> auto")
    play(shown)
    assert main["inside"] is False and main["outside"] == 1
    assert "__builtins__" not in main or main["__builtins__"] is not shown.user_ns["__builtins__"]


def test_a_block_is_not_run_where_the_answer_is_no():
    shown = demo()
    shows(play(shown, "q"), "first = 1", "it was not run")
    assert "first" not in main and shown.block_index == 1
    shown.back()
    # Nobody there to answer is no answer.
    shows(play(shown), "it was not run")
    with answering(""):
        shows(printed(shown.again)[0], "one 1\n")
    shown.seek(-1)
    shows(play(shown, "no"), "it was not run", "The demo ends here")
    assert shown.finished


def test_a_demo_goes_to_any_block_and_to_no_other():
    shown = demo(auto_all=True)
    shown.seek(2)
    assert shown.block_index == 2
    shown.back(2)
    assert shown.block_index == 0
    shown.jump(3)
    assert shown.block_index == 3
    shown.jump(-1)
    assert shown.block_index == 2
    shown.seek(-4)
    assert shown.block_index == 0
    wrong_moves = (shown.seek, 4), (shown.seek, -5), (shown.jump, 4), (shown.back, 1), (shown, 4), (shown.show, -1)
    for move, wrong in wrong_moves:
        shows(failed(ValueError, move, wrong), "shown.py has no block ", ": its blocks are 0 to 3")
        assert shown.block_index == 0
    shows(failed(ValueError, shown.seek, -5), "no block -5")
    failed(TypeError, shown.seek, "2")
    # The one behind the block that was run comes next.
    shows(play(shown, index=3), "four")
    assert shown.finished
    shows(printed(shown.again)[0], "block 3", "four")
    play(shown, index=0)
    assert shown.block_index == 1
    text = printed(shown.show, 2)[0]
    shows(text, "block 2, 1 to come", "import sys")
    assert "three [" not in text and shown.block_index == 1
    shows(printed(shown.show)[0], "block 1", "second = first + 1")


def test_a_demo_shows_all_that_it_has():
    text = printed(demo().show_all)[0]
    shows(text, "block 0, 3", "first = 1", "silent block 1, 2", "second", "block 2, 1", "import sys", "block 3, 0")
    assert "demo>" not in text and "one 1" not in text and "coding" not in text


def test_marks_say_who_is_asked():
    assert demo(text="# <demo> auto_all\nx = 1\n# <demo> stop\ny = 2\n").auto_all
    alone = demo(text="# <demo> auto_all\n# <demo> stop\nx = 1\n")
    assert alone.auto_all and alone.nblocks == 1
    later = demo(text="x = 1\n# <demo> stop\n# <demo> auto_all\ny = 2\n")
    assert not later.auto_all
    later.auto_all = True
    text = play(later)
    shows(text, "x = 1", "output")
    assert "Enter" not in text and main["x"] == 1
    overruled = demo(text="# <demo> auto_all\nx = 3\n", auto_all=False)
    assert not overruled.auto_all
    shows(play(overruled, "q"), "it was not run")
    # What only looks like a mark is text.
    assert demo(text="x = 1  # <demo> stop\n# demo stop\n# <demo> stopped\n").nblocks == 1


def test_a_script_without_blocks_is_no_demo():
    for text in "", "\n \n", "# <demo> stop\n\n# <demo> auto\n# <demo> stop\n":
        shows(failed(DemoError, demo, text=text), "shown.py has no blocks")
    failed(FileNotFoundError, Demo, os.path.join(folder, "no_such_script.py"))
    with open(os.path.join(folder, "binary.py"), "wb") as file:
        file.write(b"x = '\xff'\n")
    shows(failed(DemoError, Demo, file.name), "binary.py can't be read", "UTF-8")


def test_a_demo_is_read_again():
    shown = demo(text="x = 1\n")
    play(shown, "")
    write("shown.py", "# <demo> auto_all\nx = 2\n# <demo> stop\nx = 3\n")
    shown.reload()
    assert shown.nblocks == 2 and shown.block_index == 0 and shown.user_ns == {} and shown.auto_all
    play(shown)
    assert main["x"] == 2
    write("shown.py", "")
    failed(DemoError, shown.reload)
    assert shown.nblocks == 2 and shown.block_index == 1
    # A file that was open is read once.
    given = Demo(io.StringIO("x = 4\r\n# <demo> stop\r\nx = 5\r\n"), title="given", auto_all=True)
    assert given.src_blocks == ["x = 4", "x = 5"]
    shows(play(given), "<given> block 0, 1 to come")
    given.reload()
    assert given.nblocks == 2 and given.block_index == 0


def test_a_block_that_fails_is_told_of_and_the_next_one_goes_on():
    ended_well = []

    class Counted(Demo):
        def post_cmd(self):
            ended_well.append(self.block_index)

    shown = demo(Counted, "x = 1\n1 / 0\n# <demo> stop\nprint('on', x)\n# <demo> stop\n)\n", auto_all=True)
    out, err = printed(shown)
    shows(err, "<shown.py, block 0>", "1 / 0", "ZeroDivisionError: division by zero")
    assert "x" not in main and shown.user_ns["x"] == 1
    shows(play(shown), "on 1\n")
    assert main["x"] == 1
    shows(printed(shown)[1], "SyntaxError")
    assert shown.finished and ended_well == [2]


def test_a_block_is_edited_and_run():
    opened = []

    def editor(self, filename, linenum=None, wait=True):
        with open(filename, encoding="utf-8") as file:
            opened.append(file.read())
        with open(filename, "w", encoding="utf-8") as file:
            file.write("edited = 5\n")

    shown = demo(text="x = 1\n# <demo> stop\ny = 2\n# <demo> stop\nz = 3\n", auto_all=True)
    play(shown)
    play(shown)
    shell.set_hook("editor", editor)
    try:
        shows(printed(shown.edit)[0], "block 1, 1", "edited = 5\n")
        assert opened == ["y = 2\n"] and main["edited"] == 5 and shown.block_index == 2
        printed(shown.edit, 0)
        assert opened[1] == "x = 1\n" and shown.block_index == 1
        shows(failed(ValueError, shown.edit, 9), "no block 9")
    finally:
        for name in "_hooks", "hooks":
            shell.__dict__.pop(name, None)
    assert shown.src_blocks == ["edited = 5", "edited = 5", "z = 3"]
    shows(read("shown.py"), "x = 1", "y = 2", "z = 3")


def test_cells_and_lines_may_be_a_demo():
    main["x"] = 3
    script = "%time x += 1\n# <demo> stop\n%no_such_magic\n# <demo> stop\n!echo said\n"
    shown = demo(IPythonDemo, script, auto_all=True)
    shown.post_cmd = lambda: asked.append(shown.block_index)
    asked = []
    play(shown)
    assert main["x"] == 4 and asked == [1]
    shows(printed(shown)[1], "%no_such_magic")
    assert asked == [1]
    shows(play(shown), "said\n")
    lines = demo(LineDemo, "a = 1\n\nb = a + 1\n")
    assert lines.src_blocks == ["a = 1", "b = a + 1"] and lines.auto_all
    play(lines)
    assert main["a"] == 1 and "b" not in main
    play(lines)
    assert main["b"] == 2 and lines.finished
    cells = demo(IPythonLineDemo, "c = 1\n%reset_selective -f ^c$\n")
    play(cells)
    assert main["c"] == 1
    play(cells)
    assert "c" not in main


def test_a_demo_may_show_nothing_but_its_blocks():
    for kind in ClearDemo, ClearIPDemo:
        shown = demo(kind, "x = 'only'\nprint(x)\n", auto_all=True)
        # What isn't a terminal has no screen to clear.
        assert play(shown) == "x = 'only'\nprint(x)\nonly\n"
    marked = demo(text="x = 1\n")
    assert marked.marquee("in the middle", 21, "-") == "--- in the middle ---"


# -- deepreload

_changes = 0


def change(name, text):
    """Changes the file of a module, whatever the clock of the file system can tell apart."""
    global _changes
    _changes += 1
    os.utime(write(name, text), ns=(10**18 + _changes * 10**9,) * 2)


def test_a_reload_goes_as_deep_as_imports_do():
    from IPython.lib.deepreload import reload

    names = "deep", "deep.inner", "deep.inner.below", "deep.inner.starred", "deep.beside", "deep_helper", "deep_top"
    for name in names:
        fresh_module(name)
    change("deep_helper.py", "value = 1\n")
    count = "count = globals().get('count', 0) + 1\n"
    change("deep/__init__.py", "from . import beside\n" + count)
    change("deep/beside.py", "import deep_helper\nvalue = deep_helper.value\n" + count)
    change("deep/inner/__init__.py", "__all__ = ['starred']\n")
    change("deep/inner/starred.py", "value = 1\n")
    change("deep/inner/below.py", "from ..beside import value\nimport json, sys\nfrom IPython.lib.demo import Demo\n")
    imports = "from deep.inner import below\nfrom deep.inner import *\nimport os.path\n"
    change("deep_top.py", imports + "value = below.value, starred.value\n")
    import deep_top
    import json

    decoder, deep = json.JSONDecoder, sys.modules["deep"]
    change("deep_helper.py", "value = 2\n")
    change("deep/inner/starred.py", "value = 2\n")
    assert deep_top.value == (1, 1)
    stream = sys.stdout
    assert reload(deep_top) is deep_top and deep_top.value == (2, 2)
    # Each once, as the same modules; what can't change isn't touched.
    assert sys.modules["deep"] is deep and deep.count == 2 and deep.beside.count == 2
    assert json.JSONDecoder is decoder and sys.stdout is stream and deep_top.below.Demo is Demo
    change("deep_helper.py", "value = 3\n")
    # What a package is made of doesn't load the package anew.
    assert reload(deep.inner.below).value == 3 and deep.count == 2 and deep.beside.count == 3
    assert deep_top.value == (2, 2)
    change("deep/beside.py", "value = 'changed'\n")
    assert reload(deep).beside.value == "changed" and deep.count == 3


def test_what_is_excluded_is_not_reloaded():
    import builtins

    from IPython.lib import deepreload

    for name in "excluded_base", "excluded_user":
        fresh_module(name)
    change("excluded_base.py", "value = 1\n")
    change("excluded_user.py", "import excluded_base\nvalue = excluded_base.value\n")
    import excluded_user

    change("excluded_base.py", "value = 2\n")
    before = builtins.__import__
    for exclude in ("excluded_base",), "excluded_base":
        assert deepreload.reload(excluded_user, exclude=exclude).value == 1
    assert deepreload.reload(excluded_user).value == 2
    assert builtins.__import__ is before
    change("excluded_base.py", "value = 3\n")
    assert deepreload.reload(excluded_user, exclude=("excluded_user",)).value == 2
    # As it is without this module.
    assert deepreload.original_reload(excluded_user).value == 2
    for module in sys, os, deepreload:
        assert deepreload.reload(module) is module


def test_what_is_no_module_or_fails_is_told_of_and_changes_no_import():
    import builtins
    import types

    from IPython.lib.deepreload import reload

    for name in "broken_base", "broken_user":
        fresh_module(name)
    before = builtins.__import__
    for wrong in "os", None, 5:
        shows(failed(TypeError, reload, wrong), "a module that was imported", repr(wrong))
    made = types.ModuleType("made_by_hand")
    shows(failed(ImportError, reload, made), "'made_by_hand'", "wasn't imported from a file")
    change("broken_base.py", "value = 1\n")
    change("broken_user.py", "import broken_base\n")
    import broken_user

    change("broken_base.py", "value = 2\n1 / 0\n")
    failed(ZeroDivisionError, reload, broken_user)
    assert builtins.__import__ is before and sys.modules["broken_user"] is broken_user
    change("broken_base.py", "value = 3\n")
    assert reload(broken_user).broken_base.value == 3
    old = sys.modules.pop("broken_user")
    shows(failed(ImportError, reload, old), "'broken_user'", "another one has its name")


# -- clipboard


@contextlib.contextmanager
def clipboard_program(name, script, **variables):
    """A program alone in the PATH, and variables in the environment, for as long as a block runs."""
    programs = os.path.join(folder, "programs")
    before = dict(os.environ)
    if name is not None:
        os.chmod(write(f"programs/{name}", f"#!/bin/sh\n{script}\n"), 0o755)
    for variable in "WAYLAND_DISPLAY", "DISPLAY", "XDG_SESSION_TYPE":
        os.environ.pop(variable, None)
    os.environ.update({"PATH": programs, **variables})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        if name is not None:
            os.remove(os.path.join(programs, name))


def test_the_clipboard_is_read_as_paste_reads_it():
    from IPython.lib import clipboard

    with clipboard_program("wl-paste", "echo 'x = 1'", WAYLAND_DISPLAY="test"):
        assert clipboard.clipboard_get() == "x = 1\n" == clipboard.wayland_clipboard_get()
    with clipboard_program("wl-paste", "echo x", XDG_SESSION_TYPE="wayland"):
        assert clipboard.wayland_clipboard_get() == "x\n"
    with clipboard_program("pbpaste", "printf 'a\\rb\\r\\nc'"):
        assert clipboard.osx_clipboard_get() == "a\nb\nc"
    with clipboard_program("wl-paste", "printf ''", WAYLAND_DISPLAY="test"):
        for ask in clipboard.clipboard_get, clipboard.wayland_clipboard_get:
            shows(failed(clipboard.ClipboardEmpty, ask), "no text in the clipboard")
    assert issubclass(clipboard.ClipboardEmpty, ValueError)


def test_a_hook_may_ask_for_what_it_stands_in_for():
    from IPython.lib import clipboard

    shell.set_hook("clipboard_get", lambda self: clipboard.clipboard_get().upper())
    try:
        with clipboard_program("wl-paste", "echo x", WAYLAND_DISPLAY="test"):
            shows(said("%paste kept"), "kept")
            assert clipboard.clipboard_get() == "x\n"
        assert main["kept"] == "X\n"
        shell.set_hook("clipboard_get", lambda self: "first", priority=1)
        assert clipboard.clipboard_get() == "first"
    finally:
        for name in "_hooks", "hooks":
            shell.__dict__.pop(name, None)


def test_a_clipboard_that_cannot_be_read_says_why():
    from IPython.lib import clipboard

    # A terminal would be asked, too.
    with clipboard_program(None, ""), contextlib.redirect_stdout(io.StringIO()):
        shows(failed(TryNext, clipboard.clipboard_get), "the clipboard can't be read")
        shows(failed(TryNext, clipboard.osx_clipboard_get), "pbpaste", "isn't on this system")
        shows(failed(TryNext, clipboard.wayland_clipboard_get), "isn't on Wayland")
    with clipboard_program(None, "", WAYLAND_DISPLAY="test"):
        shows(failed(TryNext, clipboard.wayland_clipboard_get), "install wl-clipboard")
    with clipboard_program("wl-paste", "echo 'no compositor' >&2; exit 1", WAYLAND_DISPLAY="test"):
        shows(failed(TryNext, clipboard.wayland_clipboard_get), "ended with status 1: no compositor")
    shows(failed(TryNext, clipboard.tkinter_clipboard_get), "tkinter")
    shows(failed(TryNext, clipboard.win32_clipboard_get), "Windows")


# -- inspect


def test_inspect_finds_the_source_of_classes_that_are_in_no_file():
    import argparse
    import inspect
    import json

    assert inspect.getsource(json.JSONEncoder).startswith("class JSONEncoder(object):\n")
    assert inspect.getsource(argparse.ArgumentTypeError).startswith("class ArgumentTypeError(Exception):\n")
    assert inspect.getsource(json).startswith('r"""JSON') and inspect.getsourcelines(json)[1] == 0
    assert inspect.getsource(BackgroundJobManager).startswith("class BackgroundJobManager:\n")
    run("x = 1\nclass Plain:\n    mark = 2\nclass Outer:\n    def f(self): pass\n    class Inner:\n        y = 3\n")
    assert inspect.getsource(main["Plain"]) == "class Plain:\n    mark = 2\n"
    assert inspect.getsourcelines(main["Outer"].Inner) == (["    class Inner:\n", "        y = 3\n"], 6)
    run("class First:\n    mark = 1\n")
    run("@(lambda made: made)\n@(\n    lambda made: made)\nclass Second:\n    mark = 2\n")
    run("class FirstOfAll:\n    mark = 3\n")
    assert inspect.getsource(main["First"]) == "class First:\n    mark = 1\n"
    assert inspect.getsourcelines(main["Second"])[0][::3] == ["@(lambda made: made)\n", "class Second:\n"]
    shows(failed(TypeError, inspect.getsource, int), "built-in class")
    shows(failed(TypeError, inspect.getfile, json.JSONEncoder), "built-in class")
