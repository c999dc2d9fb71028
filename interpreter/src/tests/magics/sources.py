from IPython.core.macro import Macro

CODE = "import os\n\n\ndef one():\n    return 1\n\n\n@staticmethod\ndef two():\n    return 2\n"


def entered(cell):
    """Runs a cell as a person enters one; gives its number."""
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell(cell, store_history=True).raise_error()
    return _rhumba_shell.cell_count()


def test_macro_keeps_code_under_a_name():
    number = entered("base = 40")
    shows(said(f"%macro made {number}"), "Macro `made` is made", "base = 40\n")
    assert main["made"].value == "base = 40\n"
    assert said(f"%macro -q other {number}") == ""
    assert said("%macro") == "made\nother\n"
    first, last = entered("%pwd"), entered("%%capture kept\nprint(base)")
    said(f"%macro -q three {first}-{last}")
    said(f"%macro -q -r one {first}")
    assert main["three"].value.startswith("get_ipython().run_line_magic('pwd', '')\nget_ipython().run_cell_magic(")
    assert main["one"].value == "%pwd\n"
    write("coded.py", "# coding: latin-1\nx = 'e'\n")
    said("%macro coded coded.py")
    assert main["coded"].value == "x = 'e'\n"
    assert Macro("#!x\n# -*- coding: utf-8 -*-\ny").value == "#!x\ny\n"
    shows(refused("%macro 1x 1"), "can't be the name of a macro")
    shows(refused("%macro alone"), "name what is meant")


def test_save_writes_cells_names_and_macros():
    first, second = entered("x = 1"), entered("%pwd")
    shows(said(f"%save out {first}-{second}"), "Written to out.py:\nx = 1\n")
    assert read("out.py") == "# coding: utf-8\nx = 1\nget_ipython().run_line_magic('pwd', '')\n"
    said(f"%save -r raw {first}-{second}")
    main["piece"] = "p = 1"
    said("%save -f pieces piece")
    said("%save -a pieces piece")
    assert read("pieces.py") == "# coding: utf-8\np = 1\np = 1\n"
    assert read("raw.ipy") == "# coding: utf-8\nx = 1\n%pwd\n"
    said(f"%save -a out {first}")
    assert read("out.py").endswith("'')\nx = 1\n")
    main["text"] = "y = 2\n"
    said("%save -f out.py text")
    assert read("out.py") == "# coding: utf-8\ny = 2\n"
    shows(refused("%save out"), "needs RANGE|TEXT_NAME")
    shows(refused("%save -f /no/such/folder/x 1-2"), "can't be written: No such file")


def test_load_takes_files_lines_and_symbols():
    write("code.py", CODE)
    assert said("%load code.py") == "# %load code.py\n" + CODE
    assert said("%load code") == "# %load code\n" + CODE
    shows(said("%load -r 4-5 code.py"), "def one():\n    return 1\n")
    shows(said("%load -s two code.py"), "@staticmethod\ndef two():\n    return 2\n")
    shows(refused("%load -s three code.py"), "it defines no three")
    shows(refused("%load -r x code.py"), "takes lines such as 5-9")
    shows(refused("%load nothing_like_it"), "is neither cells, nor a file")
    shows(refused("%load http://127.0.0.1:1/x.py"), "can't be fetched")
    write("cells.ipynb", '{"cells": [{"cell_type": "code", "source": ["a = 1"]}, {"cell_type": "markdown", "source": []}]}')
    shows(said("%load cells.ipynb"), "a = 1\n")


def test_cells_that_are_not_there_are_not_saved():
    for line in "save new.py", "macro new", "load":
        shows(refused(f"%{line} 100000-100003"), "100000-100003 means no cell with anything in it")
    assert not os.path.exists("new.py") and "new" not in main
    write("200000", "x = 1\n")
    shows(said("%load 200000"), "x = 1")


def test_load_reads_as_a_file_says_it_is_encoded():
    with open(os.path.join(folder, "latin.py"), "wb") as file:
        file.write("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    assert said("%load latin.py") == "# %load latin.py\nx = 'é'\n"


def test_what_stands_for_the_prompt_is_given_what_is_loaded():
    write("code.py", CODE)
    got = []
    shell.set_next_input = lambda text, replace=False: got.append((text, replace))
    try:
        main["kept"] = "text"
        assert said("%load code.py") == said("%recall kept") == ""
    finally:
        del shell.set_next_input
    assert got == [("# %load code.py\n" + CODE, True), ("text", False)]


def test_edit_needs_a_terminal():
    shows(refused("%edit"), "needs a terminal")


@contextlib.contextmanager
def an_editor(old, new):
    """A hook that stands for an editor: it puts one text in the place of another. Gives what it was called with."""
    opened = []

    def editor(self, filename, line=None):
        opened.append((filename, line))
        with open(filename, encoding="utf-8") as file:
            text = file.read()
        with open(filename, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    shell.set_hook("editor", editor)
    try:
        yield opened
    finally:
        for name in "_hooks", "hooks":
            vars(shell).pop(name, None)


def test_edit_runs_what_a_cell_has_defined():
    run("aside = []\ndef fn():\n    return 'old'\naside.append(1)\nclass A:\n    mark = 'old'\n    def m(self):\n        return 'old'")
    with an_editor("old", "new"):
        assert value("%edit -x fn") == "def fn():\n    return 'new'\n" and main["fn"]() == "old"
        shows(said("%edit fn"), "Editing is done. Running it")
        assert main["fn"]() == "new" and main["aside"] == [1]
        run("%edit A")
        assert main["A"]().m() == main["A"].mark == "new" and main["aside"] == [1]
    with an_editor("new", "newer"):
        # A method is edited with what it is inside of.
        run("%edit A.m")
        assert main["A"]().m() == "newer"
        # A macro stays one, and isn't run; the same again begins with what became of it.
        main["made"] = Macro("aside.append('new')\n")
        assert value("%edit made") is None and main["made"].value == "aside.append('newer')\n" and main["aside"] == [1]
        shows(said("%edit -x -p"), "Macro `made` is changed")
        assert main["made"].value == "aside.append('newerer')\n"
        main["pasted_block"] = "aside.append('new')\n"
        assert value("%edit -x pasted_block") == main["pasted_block"] == "aside.append('newer')\n"
        shows(refused("%edit len"), "'len' is neither")
        shows(refused("%edit 100000"), "100000 means no cell")


def test_edit_runs_a_script_again_and_no_module():
    text = "def fn():\n    return 'old'\nclass K:\n    def m(self):\n        return 'old'\n"
    script, module = write("a_script.py", text), write("a_module.py", text)
    fresh_module("a_module")
    run("import a_module\n%run a_script.py")
    with an_editor("old", "new") as opened:
        shows(said("%edit a_module.fn"), "reload its module, for the change to count")
        assert main["a_module"].fn() == "old" and opened == [(module, 1)]
        run("%edit K")
        assert os.path.abspath(opened[-1][0]) == script and opened[-1][1] == 3
        assert main["K"]().m() == main["fn"]() == "new" and "__file__" not in main


def test_without_a_standard_input_a_sentence_says_what_is_missing():
    closed = io.StringIO()
    closed.close()
    before = sys.stdin
    for stdin in (None, closed, object()):
        sys.stdin = stdin
        try:
            shows(refused("%edit -x"), "an editor needs a terminal, and there is none here")
            assert shell.simple_prompt is True
        finally:
            sys.stdin = before


def test_notebook_is_one():
    import json

    entered("shown = 5")
    shows(said("%notebook out"), "written to out.ipynb")
    made = json.loads(read("out.ipynb"))
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
    shows(refused("%notebook"), "needs FILE", "Usage: %notebook")


def test_a_notebook_has_the_results_of_cells_that_share_a_number():
    import json

    number = shell.execution_count
    entered("'first'")
    entered(f"get_ipython().execution_count = {number}")
    entered("nothing = 0")
    entered("pass")
    said("%notebook out")
    cells = json.loads(read("out.ipynb"))["cells"][-3:]
    assert [cell["execution_count"] for cell in cells] == [number, number + 1, number]
    assert [bool(cell["outputs"]) for cell in cells] == [True, False, False]


def test_pastebin_says_why_not():
    shows(refused("%pastebin 1-3"), "sends no code to a public site", "%save")


def test_loadpy_is_load():
    write("carried.py", "carried = 1\n")
    shows(said("%load carried.py"), "# %load carried.py\n", "carried = 1\n")
    assert said("%loadpy carried.py") == said("%load carried.py")
