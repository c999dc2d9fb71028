import json


def test_a_script_leaves_its_names():
    write("s.py", "import sys\nleft = sys.argv[1:]\nwhere = __file__\ndef f(): return left\nprint(__name__)\n")
    run("kept = 1")
    assert said("%run s.py one 'two words'") == "__main__\n"
    assert main["left"] == ["one", "two words"] and main["where"] == f"{folder}/s.py" and main["f"]() == main["left"]
    assert main["kept"] == 1 and main["__name__"] == "__main__" and "__file__" not in main
    assert said("%run s") == "__main__\n"
    assert said("%run -n s.py") == "s\n"


def test_a_script_finds_itself_as_main_and_its_folder():
    write("sub/s.py", "import sys, beside\nfound = sys.modules['__main__'].__dict__ is globals()\nfirst = sys.path[0]\nown = sys.argv[0]\n")
    write("sub/beside.py", "x = 1\n")
    before = list(sys.path), list(sys.argv)
    run("%run sub/s.py")
    assert main["found"] and main["first"] == f"{folder}/sub" and main["own"] == "sub/s.py"
    assert (list(sys.path), list(sys.argv)) == before and sys.modules["__main__"].__dict__ is main


def test_a_script_can_run_in_the_session():
    write("s.py", "made = given + 1\nname = __name__\n")
    run("given = 4\n%run -i s.py")
    assert main["made"] == 5 and main["name"] == "__main__" and "__file__" not in main
    raised(NameError, "%run s.py")


def test_arguments_that_stand_for_files_become_names():
    for name in ("a.txt", "b.txt"):
        write(name, "")
    write("s.py", "import sys\nleft = sys.argv[1:]\n")
    run("%run s.py *.txt '*.txt' none*")
    assert main["left"] == ["a.txt", "b.txt", "*.txt", "none*"]
    run("%run -G s.py *.txt ~")
    assert main["left"] == ["*.txt", "~"]
    run("%run s.py ~/x '~'")
    assert main["left"] == [os.path.expanduser("~/x"), "~"]
    run("word = 'filled'\n%run s.py {word} $word")
    assert main["left"] == ["filled", "filled"]


def test_a_script_that_ends_itself():
    for code, told in (("None", ""), ("0", ""), ("3", "s.py exited with status 3\n"), ("'why'", "s.py exited: why\n")):
        write("s.py", f"done = {code}\nimport sys; sys.exit({code})\n")
        assert complained("%run s.py") == told
    assert complained("%run -e s.py") == "" and main["done"] == "why"
    write("s.py", "begun = 1\n1 / 0\n")
    raised(ZeroDivisionError, "%run s.py")
    assert main["begun"] == 1


def test_a_script_is_timed_and_profiled():
    write("s.py", "def work(): return 1\nwork()\nruns = globals().get('runs', 0) + 1\n")
    shows(said("%run -t s.py"), "CPU timings (estimated):", "User   :", "System :", "Wall time:")
    shows(said("%run -t -N 3 s.py"), "Total runs performed: 3", "Per run", "Wall time:")
    assert main["runs"] == 1
    out = said("%run -p -s name -l work s.py")
    shows(out, "Ordered by: function name", "(work)")
    shows(refused("%run -t -p s.py"), "takes one of -t, -d and -p")
    shows(refused("%run -N 3 s.py"), "--times means something with -t only")


def test_a_module_is_run():
    write("pack/__init__.py", "")
    write("pack/__main__.py", "import sys\nfrom .part import x\nleft = x, sys.argv[1:], __name__, __package__\n")
    write("pack/part.py", "x = 7\n")
    fresh_module("pack")
    run("%run -m pack -n 5")
    assert main["left"] == (7, ["-n", "5"], "__main__", "pack")
    write("single.py", "single = __name__\n")
    run("%run -m single")
    assert main["single"] == "__main__"
    shows(refused("%run -m no_such_module"), "finds no module 'no_such_module'")


def test_cells_run_in_the_session():
    write("s.ipy", "x = 5\ny = !echo $x\n%timeit -q -n 1 -r 1 x\n")
    run("%run s.ipy")
    assert list(main["y"]) == ["5"] and "__file__" not in main
    cells = [
        {"cell_type": "markdown", "source": ["# title"]},
        {"cell_type": "code", "source": ["a = 1\n", "b = %pwd"]},
        {"cell_type": "code", "source": "c = a + 1"},
    ]
    write("n.ipynb", json.dumps({"nbformat": 4, "cells": cells}))
    run("%run n.ipynb")
    assert main["c"] == 2 and main["b"] == folder
    cells.insert(2, {"cell_type": "code", "source": "1 / 0"})
    write("n.ipynb", json.dumps({"nbformat": 4, "cells": cells}))
    run("del c")
    shows(complained("%run n.ipynb"), "ZeroDivisionError")
    assert "c" not in main
    write("n.ipynb", "[1]")
    shows(refused("%run n.ipynb"), "isn't a notebook")
    shows(refused("%run -t s.ipy"), "for Python only")


def test_what_cannot_be_run_is_refused():
    shows(refused("%run"), "%run needs FILE", "Usage: %run [-n]")
    shows(refused("%run nothing.py"), "%run finds no file 'nothing.py'")
    shows(refused("%run -z s.py"), "has no option '-z'")
    write("bad.py", "x = (\n")
    raised(SyntaxError, "%run bad.py")


def test_a_script_runs_in_the_debugger():
    write("s.py", "x = 1\ny = x + 1\nz = y + 1\n")
    with answering("p 'at', x", "q"):
        shows(said("%run -d -b 2 s.py"), "('at', 1)")
    with answering("n", "n", "p 'at', y", "c"):
        shows(said("%run -d s.py"), "('at', 2)")
    assert main["z"] == 3 and sys.gettrace() is None
    shows(refused("%run -d -b x s.py"), "-b needs a line, or FILE:LINE, not 'x'")
    shows(refused("%run -b 2 s.py"), "--breakpoint means something with -d only")
