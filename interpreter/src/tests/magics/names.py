def test_who_lists_names_and_types():
    assert said("%who") == "No names are bound.\n"
    run("a = 1; b = [1, 2]; _hidden = 3\ndef c(): pass")
    assert said("%who") == "a\tb\tc\n"
    assert said("%who list int") == "a\tb\n"
    assert said("%who dict") == "No such names.\n"
    assert value("%who_ls") == ["a", "b", "c"] and value("%who_ls int") == ["a"]


def test_rows_of_who_are_no_wider_than_the_terminal():
    from rhumba._magics.names import _rows

    assert list(_rows(["one", "two", "three"], 22)) == [["one", "two", "three"]]
    assert list(_rows(["one", "two", "three"], 21)) == [["one", "two"], ["three"]]
    # A tab leads behind the name before it, wherever that ends; other letters take two columns.
    assert list(_rows(["a" * 8, "b"], 17)) == [["a" * 8], ["b"]]
    assert list(_rows(["a" * 8, "b"], 18)) == [["a" * 8, "b"]]
    assert list(_rows(["名" * 4, "b"], 17)) == [["名" * 4], ["b"]]
    assert list(_rows(["a" * 50, "b"], 20)) == [["a" * 50], ["b"]]


def test_whos_shows_values_in_short():
    run("a = 1; b = [1, 2]; long = 'x' * 100\nclass Broken:\n    def __repr__(self): return 1 / 0\nbad = Broken()")
    shows(said("%whos"), "Variable   Type", "a          int       1\n", "b          list      n=2\n", "bad", "<repr() raised ZeroDivisionError>")
    shows(said("%whos str"), "long       str     'xxx", "<...>xxx")
    assert said("%whos dict") == "No such names.\n"


def test_reset_asks_first():
    run("a = 1")
    with answering("n"):
        shows(said("%reset"), "Nothing done.")
    assert main["a"] == 1
    with answering("y"):
        run("%reset")
    assert "a" not in main
    run("a = 1")
    with answering():
        shows(said("%reset"), "Nothing done.")
    run("%reset -f")
    assert "a" not in main


def test_reset_forgets_parts():
    shell.run_cell("kept = 5", store_history=True)
    shell.run_cell("kept + 1", store_history=True)
    number = shell.execution_count - 1
    assert main["Out"][number] == 6 and main["In"][number] == "kept + 1"
    run("%reset -f out")
    assert main["Out"] == {} and f"_{number}" not in main and main["kept"] == 5
    assert main["In"][number] == "kept + 1"
    run("%reset -f in")
    assert set(main["In"]) == {""} and len(main["In"]) == number + 1 and f"_i{number}" not in main
    run("import os; os.makedirs('sub', exist_ok=True)\n%cd -q sub")
    assert len(main["_dh"]) > 1
    run("%reset -f dhist")
    assert main["_dh"] == [os.path.join(folder, "sub")]
    run("import array; numbers = array.array('i')\n%reset -f array")
    assert "numbers" not in main and main["kept"] == 5
    shows(refused("%reset -f all"), "%reset knows the parts in, out, dhist, array, not all")


def test_reset_keeps_what_was_typed():
    shell.run_cell("typed = 1", store_history=True)
    number = shell.execution_count - 1
    run("import os; os.makedirs('other', exist_ok=True)\n%cd -q other")
    run("%reset -f")
    assert "typed" not in main and main["In"][number] == "typed = 1" and main["_dh"] == [os.getcwd()]
    assert said(f"%history {number}") == "typed = 1\n" and shell.last_execution_result is None
    shell.run_cell("typed = 2", store_history=True)
    run("%reset -f -s IN")
    assert "typed" not in main and set(main["In"]) == {""}


def test_reset_soft_keeps_the_history():
    shell.run_cell("41", store_history=True)
    number = shell.execution_count - 1
    run("%reset -f -s")
    assert main["Out"][number] == 41
    run("%reset -f")
    assert main["Out"] == {}


def test_reset_aggressive_forgets_modules():
    write("forgotten.py", "x = 1")
    fresh_module("forgotten")
    run("import forgotten\n%reset -f --aggressive")
    assert "forgotten" not in sys.modules and "rhumba.shell" in sys.modules


def test_reset_selective_takes_a_pattern():
    run("apple = 1; apricot = 2; banana = 3")
    with answering("n"):
        shows(said("%reset_selective ^ap"), "Delete apple, apricot (y/[n])?", "Nothing done.")
    run("%reset_selective -f ^ap")
    assert "apple" not in main and main["banana"] == 3
    assert said("%reset_selective -f ^zzz") == "No such names.\n"
    shows(refused("%reset_selective -f ["), "is no regular expression")


def test_xdel_drops_the_object_everywhere():
    shell.run_cell("big = object(); other = big; big", store_history=True)
    number = shell.execution_count - 1
    assert main["Out"][number] is main["big"]
    run("%xdel big")
    assert "big" not in main and "other" not in main and number not in main["Out"] and main["_"] == ""
    run("one = object(); two = one\n%xdel -n one")
    assert "one" not in main and "two" in main
    shows(refused("%xdel nothing"), "no name 'nothing' is bound")
    shows(refused("%xdel In"), "leaves In to the shell")


def test_what_came_before_has_names():
    with contextlib.redirect_stdout(io.StringIO()):
        for cell in ("'first'", "'second'", "'third'"):
            shell.run_cell(cell, store_history=True)
    number = shell.execution_count - 1
    assert value("_, __, ___") == ("third", "second", "first")
    assert value(f"_{number}, _oh[{number - 1}], _oh is Out") == ("third", "second", True)
    assert value(f"_i{number}, _ih[{number - 1}], _ih is In") == ("'third'", "'second'", True)
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell("before = _i, _ii, _iii", store_history=True)
    assert main["before"] == ("'third'", "'second'", "'first'")
