def displayed(cell):
    """What a cell displays: a list of forms by MIME type."""
    from IPython.utils.io import capture_output

    with capture_output() as captured:
        shell.run_cell(cell, silent=True).raise_error()
    return [output.data for output in captured.outputs]


def test_cells_are_shown_as_what_they_are():
    for name, kind in (
        ("html", "text/html"), ("HTML", "text/html"), ("svg", "image/svg+xml"), ("SVG", "image/svg+xml"),
        ("latex", "text/latex"), ("markdown", "text/markdown"),
        ("javascript", "application/javascript"), ("js", "application/javascript"),
    ):
        (forms,) = displayed(f"%%{name}\n<b>$x {{y}}</b>\n")
        assert forms[kind].strip() == "<b>$x {y}</b>", (name, forms)
    (forms,) = displayed("%%html --isolated\n<b>\"x\"</b>")
    shows(forms["text/html"], "<iframe srcdoc=", "&lt;b&gt;&quot;x&quot;")


def test_capture_keeps_output():
    assert said("%%capture kept\nprint('out')\nimport sys; print('err', file=sys.stderr)\ndisplay(5)\n") == ""
    kept = main["kept"]
    assert (kept.stdout, kept.stderr) == ("out\n", "err\n") and len(kept.outputs) == 1
    assert said("%%capture --no-stdout kept\nprint('through')\n") == "through\n" and main["kept"].stdout == ""
    assert complained("%%capture --no-stderr kept\nimport sys; print('through', file=sys.stderr)\n") == "through\n"
    assert said("%%capture\nprint('lost')\n") == ""
    raised(ZeroDivisionError, "%%capture kept\nprint('before')\n1 / 0\n")
    assert main["kept"].stdout == "before\n"
    shows(refused("%%capture 1x\n1"), "needs a name to bind")


def test_capture_lets_through_what_is_displayed():
    from IPython.utils.capture import CapturedIO, RichOutput

    (forms,) = displayed("%%capture --no-display kept\nprint('out')\ndisplay(5)\n")
    assert forms["text/plain"] == "5" and main["kept"].stdout == "out\n" and main["kept"].outputs == []
    run("%%capture kept\ndisplay(5)\n")
    assert type(main["kept"]) is CapturedIO and [type(each) for each in main["kept"].outputs] == [RichOutput]
