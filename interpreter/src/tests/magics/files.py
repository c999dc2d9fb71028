def test_writefile_writes_the_cell():
    assert said("%%writefile notes.txt\none\n  two $HOME {x}\n") == "Writing notes.txt\n"
    assert read("notes.txt") == "one\n  two $HOME {x}\n"
    assert said("%%file notes.txt\nnew\n") == "Overwriting notes.txt\n"
    assert said("%%writefile -a notes.txt\nmore") == "Appending to notes.txt\n"
    assert read("notes.txt") == "new\nmore\n"
    assert said("%%writefile 'a name.txt'\nx\n") == "Writing a name.txt\n"
    run("place = 'filled.txt'")
    assert said("%%writefile {place}\nx\n") == "Writing filled.txt\n"
    shows(refused("%%writefile\nx"), "%%writefile needs FILE", "Usage: %%writefile [-a] FILE")
    shows(refused("%%writefile /no/such/folder/x\nx"), "can't write '/no/such/folder/x': No such file")


def test_pycat_shows_a_file():
    write("shown.py", "def f():\n    return '''a\n b'''  # why\n")
    assert said("%pycat shown.py") == read("shown.py")
    run("where = 'shown.py'")
    assert said("%pycat where") == read("shown.py")
    shows(refused("%pycat nothing.py"), "'nothing.py' is neither cells, nor a file, nor a name")
    with open("binary", "wb") as file:
        file.write(b"\xff\xfe")
    shows(refused("%pycat binary"), "isn't UTF-8 text")
    # What is no file may be cells, text or a macro.
    run("lines = 'x = 1\\ny = 2\\n'")
    assert said("%pycat lines") == "x = 1\ny = 2\n"
    shell.run_cell("shown = 'by its number'", store_history=True)
    number = _rhumba_shell.cell_count()
    assert said(f"%pycat {number}") == "shown = 'by its number'\n"
    run(f"%macro -q kept {number}")
    assert said("%pycat kept") == "shown = 'by its number'\n"


def test_colours_change_no_character():
    import re

    from rhumba._magics.files import _coloured

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    before, sys.stdout = sys.stdout, Terminal()
    try:
        for source in ("def f(x):\n    return '''a\nb''' + 'é'  # why\n", "1 +", "f('", "\tx = 5\r\n", "", "if x:\n  y"):
            painted = _coloured(source)
            assert re.sub("\x1b\\[\\d+m", "", painted) == source, (source, painted)
        assert _coloured("return 1") == "\x1b[35mreturn\x1b[0m \x1b[36m1\x1b[0m"
    finally:
        sys.stdout = before
