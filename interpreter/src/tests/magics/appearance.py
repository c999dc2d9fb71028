def test_switches_turn_and_tell():
    for name, attribute, on, off in (
        ("automagic", "automagic", "Automagic is ON", "Automagic is OFF"),
        ("autoindent", "autoindent", "Automatic indentation is: ON", "Automatic indentation is: OFF"),
    ):
        shows(said(f"%{name} off"), off)
        assert getattr(shell, attribute) is False
        shows(said(f"%{name}"), on)
        assert getattr(shell, attribute) is True
        shows(refused(f"%{name} perhaps"), "is turned on or off, not 'perhaps'")


def test_automagic_decides_whether_a_name_is_a_magic():
    try:
        run("%automagic off")
        assert not shell.run_cell("pwd", store_history=True, silent=False).success
        run("%automagic on")
        assert shell.run_cell("pwd", store_history=True).result == folder
    finally:
        shell.automagic = True


def test_autocall_has_levels():
    try:
        assert said("%autocall 2") == "Automatic calling is: Full\n" and shell.autocall == 2
        assert said("%autocall") == "Automatic calling is: Off\n"
        assert said("%autocall") == "Automatic calling is: Full\n"
        assert said("%autocall smart") == "Automatic calling is: Smart\n"
        shows(refused("%autocall 5"), "%autocall is 0, 1 or 2")
    finally:
        shell.autocall = 0


def test_autoawait_has_runners():
    try:
        shows(said("%autoawait"), "autoawait is on, and set to use `asyncio`")
        run("%autoawait sync")
        shows(said("%autoawait"), "`sync`")
        run("def own(coroutine):\n    coroutine.close()\n    return 'own'\n%autoawait own")
        assert shell.loop_runner is main["own"]
        run("%autoawait false")
        assert shell.autoawait is False
        shows(refused("%autoawait no.such"), "finds no 'no.such'")
        run("%autoawait asyncio")
        assert shell.loop_runner is None and shell.autoawait is True
    finally:
        shell.autoawait, shell.loop_runner = True, None


def test_colours_are_chosen():
    try:
        run("%colors nocolor")
        assert shell.colors == "nocolor" and said("%colors") == "nocolor\n"
        run("%colors LightBG")
        assert said("%colors") == "lightbg\n"
        shows(refused("%colors pink"), "there is no theme 'pink', but neutral, nocolor, linux, lightbg, gruvbox-dark, pride")
    finally:
        shell.colors = "neutral"


def test_themes_have_codes():
    from rhumba import _themes

    for name in _themes.names():
        assert set(_themes.codes(name)) <= set(_themes.PARTS.values())
    assert _themes.codes("linux")["keyword"] == "92" and _themes.codes("neutral") == {}
    assert _themes.codes("gruvbox-dark")["bracket"] == "38;5;235;48;5;214"
    os.environ["COLORTERM"] = "truecolor"
    try:
        assert _themes.codes("gruvbox-dark")["keyword"] == "38;2;251;73;52"
    finally:
        del os.environ["COLORTERM"]


def test_a_file_adds_a_theme():
    from rhumba import _configuration, _themes

    os.makedirs("themes", exist_ok=True)
    before = sys._rhumba_configuration if hasattr(sys, "_rhumba_configuration") else None
    sys._rhumba_configuration = {**(before or {}), "config_folder": folder}
    try:
        write("themes/Mine.json", "{}")
        os.rename("themes/Mine.json", "themes/mine.json")
        write("themes/mine.json", '{"name": "mine", "base": "linux", "extra_style": {"Keyword": "#f80 bold", "Caret": ""}}')
        assert _themes.names()[-1] == "mine"
        run("%colors mine")
        codes = _themes.codes("mine")
        assert codes["keyword"] == "38;5;208;1" and codes["builtin"] == "96"
        write("themes/bad.json", '{"extra_style": {"Keyword": "reddish"}}')
        shows(refused("%colors bad"), "gives Keyword the style 'reddish', of which 'reddish' is no colour")
        write("themes/bad.json", "{")
        shows(refused("%colors bad"), "bad.json is no theme: ")
        write("themes/bad.json", '{"base": "bad"}')
        shows(refused("%colors bad"), "the theme bad is its own base")
        assert shell.colors == "mine"
    finally:
        shell.colors = "neutral"
        sys._rhumba_configuration = before or {}


def test_values_are_shown_as_set():
    text = shell.display_formatter.formatters["text/plain"]
    nested = [list(range(30))] * 2
    assert "\n" in text(nested)
    assert said("%pprint") == "Pretty printing has been turned OFF\n" and text(nested) == repr(nested)
    assert said("%pprint on") == "Pretty printing has been turned ON\n"
    try:
        assert value("%precision 3") == "%.3f" and text(3.14159) == "3.142"
        assert value("%precision %.2e") == "%.2e" and text(3.14159) == "3.14e+00"
        shows(refused("%precision many"), "takes a number of decimals or a format")
    finally:
        assert value("%precision") == "%r"
    assert text(3.14159) == "3.14159"


def test_page_shows_a_value():
    run("text = 'a\\nb'")
    assert said("%page text") == "'a\\nb'\n" and said("%page -r text") == "a\nb\n"
    shows(refused("%page nothing"), "%page can't show 'nothing': NameError")


def test_doctest_mode_shows_plainly():
    from rhumba import _tracebacks

    before = _tracebacks.mode()
    assert said("%doctest_mode") == "Doctest mode is: ON\n"
    assert _tracebacks.mode() == "Plain" and shell.doctest_mode is True
    assert said("%doctest_mode off") == "Doctest mode is: OFF\n"
    assert _tracebacks.mode() == before and shell.display_formatter.formatters["text/plain"].pprint is True


def test_the_members_of_a_group_are_told_of_in_short():
    from rhumba import _tracebacks

    members = [ValueError("one"), ExceptionGroup("inner", [KeyError("two"), TypeError("three\nfour")])]
    text = _tracebacks.text(ExceptionGroup("outer", members), "Minimal")
    assert text.splitlines() == [
        "ExceptionGroup: outer (2 sub-exceptions)",
        "  ValueError: one",
        "  ExceptionGroup: inner (2 sub-exceptions)",
        "    KeyError: 'two'",
        "    TypeError: three",
        "    four",
    ], text
    many = _tracebacks.text(ExceptionGroup("many", [OSError(number) for number in range(20)]), "Minimal")
    assert many.splitlines()[-2:] == ["  OSError: 14", "  and 5 more exceptions"], many
