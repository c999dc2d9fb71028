def entered(cell):
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell(cell, store_history=True).raise_error()


def test_a_log_has_what_is_entered_after_it_began():
    shows(said("%logstart -o -r out.py over"), "File       : out.py", "State      : active")
    entered("logged = 6")
    entered("logged * 7")
    said("%logoff")
    entered("'not logged'")
    said("%logon")
    entered("'logged again'")
    said("%logstop")
    entered("'after it'")
    text = read("out.py")
    assert "logged = 6\nlogged * 7\n#[Out]# 42\n" in text, text
    assert "not logged" not in text and "'logged again'\n" in text and "after it" not in text, text


def test_a_log_goes_on_where_the_number_of_cells_is_set_back():
    said("%logstart -o -r out.py over")
    entered("get_ipython().execution_count = 1")
    entered("'set back'")
    said("%logstop")
    assert read("out.py").endswith("get_ipython().execution_count = 1\n'set back'\n#[Out]# 'set back'\n")


def test_a_cell_has_its_own_result_where_another_had_its_number():
    number = shell.execution_count = 100
    said("%logstart -o -r out.py over")
    entered("'first'")
    entered("'of the second number'")
    entered(f"get_ipython().execution_count = {number}")
    entered("nothing = 0")
    entered("'another'")
    said("%logstop")
    assert read("out.py").endswith(
        "'first'\n#[Out]# 'first'\n'of the second number'\n#[Out]# 'of the second number'\n"
        f"get_ipython().execution_count = {number}\nnothing = 0\n'another'\n#[Out]# 'another'\n"
    ), read("out.py")
    # What is kept under a number is the last one's: what the first showed isn't known any more.
    listed = "'first'\n'first'\n'of the second number'\nnothing = 0\n'another'\n'another'\n"
    assert said(f"%history -o {number}-{number + 1}") == listed


def test_cells_keep_their_numbers_where_others_are_taken_out():
    number = shell.execution_count = 200
    for cell in ("'a'", "'b'", "'c'"):
        entered(cell)
    kept = list(main["In"])
    try:
        del main["In"][-2]
        assert said(f"%history -n -o {number}-") == f"{number}: 'a'\n'a'\n{number + 2}: 'c'\n'c'\n"
    finally:
        main["In"][:] = kept


def test_a_file_that_is_there_is_kept_or_not_by_the_mode():
    for mode, kept in (("backup", ["out.py~"]), ("rotate", ["out.py.001~"]), ("over", []), ("append", [])):
        for name in os.listdir(folder):
            os.remove(os.path.join(folder, name))
        write("out.py", "before\n")
        said(f"%logstart -q out.py {mode}")
        said("%logstop")
        assert sorted(os.listdir(folder)) == sorted(["out.py", *kept]), mode
        assert ("before" in read("out.py")) == (mode == "append"), mode
        for name in kept:
            assert read(name) == "before\n"


def test_settings_have_a_log_begin_at_once():
    from rhumba import _configuration

    try:
        for path, mode in (
            ("TerminalInteractiveShell.logfile", "backup"), ("InteractiveShellApp.logfile", "backup"),
            ("InteractiveShell.logappend", "append"),
        ):  # fmt: skip
            write("a $x {y}.py", "before\n")
            shows(said(f"%config {path} = 'a $x {{y}}.py'"), "File       : a $x {y}.py", f"Mode       : {mode}")
            entered("'logged'")
            shows(refused(f"%config {path} = 'other.py'"), "%config: a log is being written to a $x {y}.py; %logstop ends it")
            assert value(f"%config {path}") == "a $x {y}.py"
            shows(refused(f"%config {path} = ''"), "has a log begin; %logstop ends it")
            said("%logstop")
            assert ("before" in read("a $x {y}.py")) == (mode == "append") and "'logged'" in read("a $x {y}.py")
            assert said(f"%config {path} = ''") == ""
        shows(said("%config InteractiveShell.logstart = True"), "File       : rhumba_log.py", "Mode       : rotate")
        said("%logstop")
        shows(refused("%config InteractiveShell.logappend = '/no/such/folder/x.py'"), "can't be written: No such file")
    finally:
        _configuration._started.clear()


def test_a_log_refuses_what_makes_no_sense():
    assert said("%logstate") == "No log is written.\n"
    shows(refused("%logoff"), "no log was started")
    shows(refused("%logstop"), "no log was started")
    shows(refused("%logstart out.py sideways"), "the mode is one of append, backup")
    shows(refused("%logstart /no/such/folder/x.py"), "can't be written: No such file")
    said("%logstart -q out.py")
    try:
        shows(refused("%logstart"), "a log is being written to out.py")
    finally:
        said("%logstop")
