def entered(cell):
    """Runs a cell as a person enters one; gives its number and what it wrote."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        result = shell.run_cell(cell, store_history=True)
    result.raise_error()
    return _rhumba_shell.cell_count(), out.getvalue()


def test_history_shows_ranges():
    first, _ = entered("x = 1")
    second, _ = entered("def f():\n    return x")
    third, _ = entered("%pwd")
    both = "x = 1\ndef f():\n    return x\n"
    assert said(f"%history {first}-{second}") == both
    assert said(f"%hist {first}:{third}") == both
    assert said(f"%history {second}-") == "def f():\n    return x\n%pwd\n"
    assert said(f"%history -n {first} {second}") == f"{first}: x = 1\n{second}:\ndef f():\n    return x\n"
    assert said(f"%history -p {second}") == ">>> def f():\n...     return x\n"
    assert said(f"%history -t {third}") == "get_ipython().run_line_magic('pwd', '')\n"
    assert said("%history -g return") == f"{second}:\ndef f():\n    return x\n"
    fourth, _ = entered("pass")
    # The cell that asks isn't among the last; numbers are there for those who ask for them.
    assert entered("%history -l 2")[1] == "%pwd\npass\n"
    assert entered("%history -n -l 2")[1] == f"{fourth}: pass\n{fourth + 1}: %history -l 2\n"


def test_brackets_and_stars_are_text_where_cells_are_looked_for():
    entered("held = [0]; held0 = 'not this one'")
    number, _ = entered("held[0] = held[0] + 1; held [0]*2")
    entered("held0 = 2 * len(held)")
    assert said("%history -g held[[]?]?=").endswith(f"{number}: held[0] = held[0] + 1; held [0]*2\n")
    assert said("%recall held[0]") == "held[0] = held[0] + 1; held [0]*2\n"
    said("%rerun -g held[0]")
    assert main["held"] == [2], main["held"]
    shows(refused("%rerun -g 'hel? = '"), "there is no such cell")
    shows(refused("%recall h*ld"), "no cell holds 'h*ld'")


def test_results_are_asked_for_their_text_where_it_is_shown():
    entered("asked = []")
    entered(
        "class Shown:\n"
        "    def _ipython_display_(self): print('shown')\n"
        "    def __repr__(self): asked.append(1); raise ValueError('no text')"
    )
    number, wrote = entered("Shown()")
    assert wrote == "shown\n"
    assert entered(f"%history {number}")[1] == "Shown()\n"
    said("%history")
    said("%history -g Shown()")
    said(f"%rerun {number}")
    said(f"%recall {number}")
    assert main["asked"] == []
    assert said(f"%history -o {number}") == "Shown()\n<repr() raised ValueError>\n"
    run("%notebook all.ipynb")
    shows(read("all.ipynb"), "<repr() raised ValueError>")


def test_history_goes_into_a_file():
    number, _ = entered("written = True")
    assert said(f"%history -f out.txt {number}") == ""
    assert read("out.txt") == "written = True\n"
    assert said(f"%history -y -n -f out.txt {number}") == ""
    assert read("out.txt") == f"{number}: written = True\n"
    shows(refused(f"%history -f /no/such/folder/x {number}"), "can't be written: No such file")


def test_history_refuses_what_makes_no_sense():
    shows(refused("%history nonsense"), "'nonsense' is no range of cells")
    shows(refused("%history 3-x"), "'3-x' is no range of cells")
    shows(refused("%history 7/1"), "cells of other sessions aren't kept here")
    shows(refused("%history -u"), "belongs to -g")
    shows(refused("%history -l 0"), "Usage: %history")
    shows(refused("%history -z"), "Usage: %history")


def test_recall_prints_where_nothing_can_be_edited():
    number, _ = entered("again = 7")
    entered("pass")
    assert said(f"%recall {number}") == "again = 7\n"
    assert said("%rep again = ") == "again = 7\n"
    main["bound"] = "its text"
    assert said("%recall bound") == "its text\n"
    shows(refused("%recall " + "no" + "where"), "no cell holds 'nowhere'")
    shows(refused("%recall 100000"), "100000 means no cell", "%history -n")


def test_rerun_runs_cells_again():
    number, _ = entered("counted = globals().get('counted', 0) + 1")
    entered("pass")
    shows(said(f"%rerun {number}"), "=== Executing: ===\ncounted = ", "=== Output: ===")
    assert main["counted"] == 2
    said("%rerun -g 'counted ='")
    assert main["counted"] == 3
    # Each of several may be a magic.
    shell.run_cell("%%capture kept\nprint(counted)", store_history=True)
    last = _rhumba_shell.cell_count()
    shell.run_cell("%%capture more\nprint(counted)", store_history=True)
    said(f"%rerun {last}-{last + 1}")
    assert main["more"].stdout == main["kept"].stdout
    shows(refused("%rerun 100000"), "there is no such cell")


def test_the_value_of_a_cell_of_a_program_is_kept():
    shell.run_cell("77").raise_error()
    assert main["_"] == 77, main["_"]
    shell.run_cell("78;").raise_error()
    shell.run_cell("79", silent=True).raise_error()
    assert main["_"] == 77, main["_"]


def test_a_magic_without_its_mark_is_python_in_what_cells_became():
    assert shell.transform_cell("cd ..\n") == "get_ipython().run_line_magic('cd', '..')\n"
    main["cd"] = 1
    try:
        assert shell.transform_cell("cd\n") == "cd\n"
    finally:
        del main["cd"]
