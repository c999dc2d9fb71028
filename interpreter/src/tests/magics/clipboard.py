def with_clipboard(text):
    """Puts a program into the PATH that prints a text as the clipboard."""
    write("clipboard.txt", text)
    program = write("wl-paste", f"#!/bin/sh\ncat {folder}/clipboard.txt\n")
    os.chmod(program, 0o755)
    os.environ["WAYLAND_DISPLAY"] = "test"
    if folder not in os.environ["PATH"].split(":"):
        os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"


def typed(cell, text):
    """Runs a cell while somebody types."""
    before, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        return said(cell)
    finally:
        sys.stdin = before


def test_paste_runs_the_clipboard():
    with_clipboard("    if True:\r\n        pasted = 1\r\n")
    shows(said("%paste"), "if True:\n    pasted = 1\n## -- what was pasted ends here --")
    assert main["pasted"] == 1
    with_clipboard(">>> pasted = 2\n")
    assert said("%paste -q") == ""
    assert main["pasted"] == 2
    main["pasted"] = 0
    said("%paste -r -q")
    assert main["pasted"] == 2
    with_clipboard("two\nlines\n")
    assert said("%paste kept") == "kept is now the text of 2 lines.\n"
    assert main["kept"] == "two\nlines\n"
    with_clipboard(" \n")
    shows(refused("%paste"), "there is nothing to paste")


def test_cpaste_runs_what_is_typed_up_to_a_line():
    shows(typed("%cpaste", "for i in range(2):\n    last = i\n--\nnot_run = 1\n"), "-- alone on a line ends it")
    assert main["last"] == 1 and "not_run" not in main
    typed("%cpaste -q -s END kept", "a\n--\nEND\n")
    assert main["kept"] == "a\n--"


def test_without_a_standard_input_only_programs_are_asked():
    path, before = os.environ["PATH"], sys.stdin
    for stdin in (None, object()):
        os.environ["PATH"] = "/nowhere"
        sys.stdin = stdin
        try:
            shows(refused("%paste"), "the clipboard can't be read")
        finally:
            os.environ["PATH"], sys.stdin = path, before
