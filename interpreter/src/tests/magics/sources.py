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
    assert said(f"%macro -q other {number}").count("\n") == 1
    assert said("%macro") == "made\nother\n"
    shows(refused("%macro 1x 1"), "can't be the name of a macro")
    shows(refused("%macro alone"), "name what is meant")


def test_save_writes_cells_names_and_macros():
    first, second = entered("x = 1"), entered("%pwd")
    shows(said(f"%save out {first}-{second}"), "Written to out.py:\nx = 1\n")
    assert read("out.py") == "# coding: utf-8\nx = 1\nget_ipython().run_line_magic('pwd', '')\n"
    said(f"%save -r raw {first}-{second}")
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


def test_edit_needs_a_terminal():
    shows(refused("%edit"), "needs a terminal")


def test_notebook_is_one():
    import json

    entered("shown = 5")
    shows(said("%notebook out"), "written to out.ipynb")
    made = json.loads(read("out.ipynb"))
    assert (made["nbformat"], made["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in made["cells"]}) == len(made["cells"])
    shows(refused("%notebook"), "needs FILE", "Usage: %notebook")


def test_pastebin_says_why_not():
    shows(refused("%pastebin 1-3"), "sends no code to a public site", "%save")
