from rhumba import _configuration, _ipython_settings


@contextlib.contextmanager
def handed(**values):
    sys._rhumba_configuration = values
    try:
        yield
    finally:
        del sys._rhumba_configuration
        _configuration._started.clear()


def started(**values):
    """What the start writes to stderr."""
    errors, out = io.StringIO(), io.StringIO()
    with handed(**values), contextlib.redirect_stderr(errors), contextlib.redirect_stdout(out):
        _configuration.start()
    return errors.getvalue()


def test_config_lists_tells_and_sets():
    shows(said("%config"), "Available objects for config:\n", "InteractiveShell\n", "AliasManager\n")
    shows(said("%config InteractiveShell"), "InteractiveShell options\n---", "InteractiveShell.autocall=0\n    whether `f x` calls f", "Choices: 0, 1, 2", "Default: 0")
    run("%config InteractiveShell.autocall = 1")
    assert shell.autocall == 1 and value("%config InteractiveShell.autocall") == 1
    run("%config InteractiveShell.autocall=0\n%config InteractiveShell.ast_node_interactivity = 'all'")
    assert shell.ast_node_interactivity == "all"
    run("%config InteractiveShell.ast_node_interactivity = last_expr")
    assert shell.ast_node_interactivity == "last_expr"
    run("%config TerminalInteractiveShell.automagic = False")
    assert shell.automagic is False
    run("get_ipython().automagic = True")


def test_settings_take_effect():
    try:
        run("%config InteractiveShell.system_raise_on_error = True")
        shows(str(raised(Exception, "!exit 3")), "returned non-zero exit status 3")
        assert main["_exit_code"] == 3
        shows(str(raised(Exception, "files = !exit 4")), "status 4")
        run("!true")
        run("%config InteractiveShell.system_raise_on_error = False\n!exit 5")
        assert main["_exit_code"] == 5
        run("some_name = 1")
        assert said("%psearch SOME_N*") == "No name is like SOME_N*.\n"
        assert said("%psearch some_n?me int") == said("%psearch some_name all") == "some_name\n"
        assert said("%psearch some_name function") == "No name is like some_name.\n"
        shows(refused("%psearch some_name nothing"), "'nothing' is no type of something here")
        run("%config InteractiveShell.wildcards_case_sensitive = False")
        assert said("%psearch SOME_N*") == "some_name\n" and said("%psearch -c SOME_N*") != "some_name\n"
        run("%config TerminalInteractiveShell.confirm_exit = True")
        assert shell.confirm_exit is True
    finally:
        for name in "system_raise_on_error", "wildcards_case_sensitive", "confirm_exit":
            vars(shell).pop(name, None)


def test_a_log_is_written_from_the_start():
    path = write("session.py", "# before\n")
    told = started(
        settings=[("config.toml", {"InteractiveShell": {"logappend": path}})],
        overrides={"InteractiveShellApp": {"exec_lines": ["logged = 1"]}},
    )
    try:
        assert told == "" and shell.logfile == path and main["logged"] == 1
    finally:
        said("%logstop")
    assert read("session.py").startswith("# before\n")
    assert value("%config InteractiveShell.logfile") == ""


def test_config_refuses_what_there_is_not():
    shows(refused("%config InteractiveShell.autocal = 1"), "there is no setting InteractiveShell.autocal; there is InteractiveShell.autocall")
    shows(refused("%config X.nosuch = 1"), "there is no setting X.nosuch; %config lists what there is")
    # What is like it in no more than its class is nothing that could be meant.
    shows(refused("%config InteractiveShell.nosuch = 1"), "InteractiveShell.nosuch; %config InteractiveShell lists what there is")
    shows(refused("%config Nothing"), "there is no class 'Nothing'")
    shows(refused("%config InteractiveShell.autocall = 7"), "InteractiveShell.autocall is 0, 1 or 2, not 7")
    shows(refused("%config InteractiveShell.automagic = 'no'"), "InteractiveShell.automagic is true or false, not 'no'")
    shows(refused("%config InteractiveShell.autocall = nothing"), "'nothing' has no value: NameError")
    shows(refused("%config InteractiveShell.xmode = 'Loud'"), "InteractiveShell.xmode is 'Plain', 'Context'")


def test_settings_of_ipython_that_mean_nothing_here_are_told_of_in_one_sentence():
    path = write(
        "ipython_config.py",
        "c.TerminalInteractiveShell.true_color = True\nc.HistoryManager.db_cache_size = 5\n"
        "c.TerminalInteractiveShell.autosuggestions_provider = None\nc.TerminalIPythonApp.gui = 'qt'\n"
        "c.InteractiveShell.autocal = 1\n",
    )
    try:
        told = started(python_files=[path])
        assert shell.autosuggestions_provider is None
        assert value("%config TerminalInteractiveShell.autosuggestions_provider") is None
    finally:
        vars(shell).pop("autosuggestions_provider", None)
    lines = told.splitlines()
    assert len(lines) == 2, told
    shows(told, "there is no setting InteractiveShell.autocal; there is InteractiveShell.autocall\n")
    names = "TerminalInteractiveShell.true_color, HistoryManager.db_cache_size, TerminalIPythonApp.gui"
    told = f"rhumba: {path}: of IPython's settings, these change nothing here: {names}; `%config CLASS.NAME = VALUE` says of each"
    assert f"{told} what there is instead" in lines
    assert said("%config InlineBackend.figure_format = 'retina'") == "InlineBackend.figure_format changes nothing here.\n"
    shows(refused("%config InlineBackend.figure_format"), "there is no setting InlineBackend.figure_format")


def test_every_trait_of_ipythons_shell_is_a_setting_or_told_of():
    traits = """
    ast_node_interactivity ast_transformers autoawait autocall autoindent automagic banner1 banner2 cache_size colors debug
    display_page enable_html_pager enable_tip history_length history_load_length inspector_class ipython_dir logappend logfile
    logstart loop_runner object_info_string_level pdb quiet separate_in separate_out separate_out2 show_rewritten_input
    sphinxify_docstring system_raise_on_error warn_venv wildcards_case_sensitive xmode auto_match autoformatter
    autosuggestions_provider confirm_exit debugger_history_file display_completions editing_mode editor
    emacs_bindings_in_vi_insert_mode enable_history_search extra_open_editor_shortcuts handle_return
    highlight_matching_brackets highlighting_style highlighting_style_overrides llm_constructor_kwargs llm_prefix_from_history
    llm_provider_class mime_renderers min_elide modal_cursor mouse_support prompt_includes_vi_mode prompt_line_number_format
    prompts_class shortcuts simple_prompt space_for_menu term_title term_title_format timeoutlen true_color ttimeoutlen
    """.split()
    for name in traits:
        path = f"TerminalInteractiveShell.{name}"
        try:
            _configuration.find(path)
        except LookupError:
            told = said(f"%config {path} = None")
            assert told.startswith(f"{path} isn't supported: ") and told.endswith(".\n"), told
            shows(refused(f"%config {path}"), f"{path} isn't supported: ")
            assert started(overrides={"InteractiveShell": {name: None}}).count("isn't supported: ") == 1, name
    assert said("%config InlineBackend.rc = {}") == "InlineBackend.rc changes nothing here.\n"


def test_what_changes_nothing_says_so_as_an_attribute_too():
    kept = dict(vars(shell))
    try:
        for name in _ipython_settings._OF_THE_SHELL:
            told = said(f"%config TerminalInteractiveShell.{name} = 1")
            assert said(f"get_ipython().{name} = 1") == said(f"get_ipython().{name} = 2") == told, name
            assert value(f"get_ipython().{name}") == 2
        # What is no setting, or is one of the shell's, says nothing.
        assert said("get_ipython().own_attribute = 1\nget_ipython().auto_match = False") == ""
    finally:
        for name in set(vars(shell)) - set(kept):
            del vars(shell)[name]
        vars(shell).update(kept)


def test_the_words_of_the_start_can_be_others():
    def printed():
        printed = io.StringIO()
        with handed(banner="the banner\n"), contextlib.redirect_stdout(printed):
            _configuration.start()
        return printed.getvalue()

    for name in "banner1", "banner2":
        vars(shell).pop(name, None)
    try:
        words = f"rhumba {_rhumba_shell.VERSION} (Python "
        assert shell.banner1 == shell.banner and shell.banner.startswith(words) and shell.banner2 == ""
        with handed(usual_banner="of this shell\n"):
            assert shell.banner1 == shell.banner == "of this shell\n"
            shell.banner2 = "more"
            assert shell.banner == "of this shell\nmore\n" and shell.banner1 == "of this shell\n"
        run("%config InteractiveShell.banner2 = 'more\\n'")
        assert printed() == "the banner\nmore\n"
        run("%config InteractiveShell.banner1 = ''")
        assert printed() == "more\n"
        run("%config InteractiveShell.banner1 = None")
        assert printed() == "the banner\nmore\n"
    finally:
        for name in "banner1", "banner2":
            vars(shell).pop(name, None)


def test_as_many_values_are_kept_as_are_wanted():
    def ran(cell):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
            shell.run_cell(cell, store_history=True)
        return told.getvalue()

    main["Out"].clear()
    try:
        run("%config InteractiveShell.cache_size = 2")
        assert value("%config TerminalInteractiveShell.cache_size") == shell.cache_size == 2
        assert ran("'a'") == ran("'b'") == "" and list(main["Out"].values()) == ["a", "b"]
        assert ran("'c'") == "Out has 2 entries: the oldest 1 are let go of\n"
        assert list(main["Out"].values()) == ["b", "c"]
        shell.cache_size = 0
        assert ran("'d'") == "" and list(main["Out"].values()) == ["b", "c"]
        assert (main["_"], main["__"]) == ("d", "c") and f"_{_rhumba_shell.cell_count()}" not in main
        shows(refused("%config InteractiveShell.cache_size = -1"), "cache_size is a whole number from 0 up, not -1")
    finally:
        shell.cache_size = 1000
        main["Out"].clear()


def test_the_call_that_a_line_stands_for_is_shown_where_that_is_wanted():
    rewrite = "get_ipython().auto_rewrite_input('f()')"
    try:
        assert said(rewrite) == "------> f()\n"
        run("%config InteractiveShell.show_rewritten_input = False")
        assert said(rewrite) == ""
    finally:
        vars(shell).pop("show_rewritten_input", None)


def test_long_text_is_printed_as_a_whole_where_that_is_wanted():
    from rhumba import _pager

    paged, originals = [], (_pager._is_watched, _pager._paged)
    _pager._is_watched = lambda: True
    _pager._paged = lambda text: paged.append(text) or True
    try:
        show = "import rhumba._pager; rhumba._pager.page('line\\n' * 500)"
        assert said(show) == "" and len(paged) == 1
        run("%config InteractiveShell.display_page = True")
        assert said(show) == "line\n" * 500 + "\n" and len(paged) == 1
    finally:
        _pager._is_watched, _pager._paged = originals
        vars(shell).pop("display_page", None)


def test_numbers_of_lines_have_a_format():
    from rhumba import _prompts

    try:
        run("%config TerminalInteractiveShell.prompt_line_number_format = '{line:2}/{rel_line:+d} '")
        assert _prompts.line_numbers(shell, 3, 1) == [" 1/-1 ", " 2/+0 ", " 3/+1 "]
        for wrong in "'{lines}'", "'{line'", "'{0}'", "'{line:s}'":
            told = refused(f"%config TerminalInteractiveShell.prompt_line_number_format = {wrong}")
            shows(told, "prompt_line_number_format is a text with {line} and {rel_line} in it, not " + wrong)
        shows(refused("%config TerminalInteractiveShell.prompt_line_number_format = '{line}\\n'"), "stands in one line")
        assert shell.prompt_line_number_format == "{line:2}/{rel_line:+d} "
        shell.prompt_line_number_format = "{}"
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            assert _prompts.line_numbers(shell, 1, 0) == []
        shows(told.getvalue(), "rhumba: prompt_line_number_format makes no number (IndexError")
        assert shell.prompt_line_number_format == ""
    finally:
        vars(shell).pop("prompt_line_number_format", None)


def test_what_the_start_says_it_is_is_printed_below_mistakes_and_above_what_runs():
    def printed(**settings):
        printed = io.StringIO()
        with handed(banner="the banner\n", **settings), contextlib.redirect_stdout(printed):
            return _configuration.start(), printed.getvalue()

    lines = {"InteractiveShellApp": {"exec_lines": ["print('ran')"]}}
    assert printed(overrides=lines) == (True, "the banner\nran\n")
    for owner in "TerminalIPythonApp", "TerminalInteractiveShell":
        said = printed(overrides=lines, settings=[("a.toml", {owner: {"display_banner": False}})])
        assert said == (False, "ran\n"), owner


def test_an_extension_that_is_built_in_is_no_word_worth_at_the_start():
    printed = io.StringIO()
    with handed(overrides={"InteractiveShellApp": {"extensions": ["autoreload"]}}), contextlib.redirect_stdout(printed):
        _configuration.start()
    assert printed.getvalue() == ""


def test_what_changes_nothing_is_no_setting():
    from rhumba._ipython_settings import changes_nothing

    for each in _configuration.SETTINGS:
        assert not changes_nothing(each.path), each.path


def test_who_runs_what_awaits_and_what_shows_forms_can_be_set():
    from rhumba._await import without_loop

    shown = []
    path = write("awaits_config.py", "c.InteractiveShell.loop_runner = 'sync'\n")
    try:
        assert started(python_files=[path]) == "" and shell.loop_runner is without_loop
        told = started(settings=[("a.toml", {"InteractiveShell": {"loop_runner": "no_such.run"}}), ("b.toml", {"InteractiveShell": {"loop_runner": 1}})])
        shows(told, "a.toml: InteractiveShell.loop_runner: %autoawait finds no 'no_such.run'", "b.toml: InteractiveShell.loop_runner is a function or the name of one, not 1\n")
        run("%config TerminalInteractiveShell.loop_runner = 'asyncio'")
        assert shell.loop_runner is None
        renderers = {"x/y": lambda data, metadata: shown.append(data)}
        assert started(overrides={"TerminalInteractiveShell": {"mime_renderers": renderers}}) == ""
        run("display({'x/y': 'mine'}, raw=True)")
        assert shown == ["mine"]
    finally:
        shell.loop_runner = None
        shell.mime_renderers.clear()


def test_one_shortcut_that_cannot_be_costs_no_other():
    good = {"command": "kill-line", "new_keys": ["c-q"]}
    wrong = {"command": "kill-lin", "new_keys": ["c-t"]}
    try:
        told = started(overrides={"TerminalInteractiveShell": {"shortcuts": [wrong, good]}})
        shows(told, "'kill-lin'; there is 'kill-line'; the others are taken\n")
        assert shell.shortcuts == [good]
        told = started(overrides={"TerminalInteractiveShell": {"shortcuts": [wrong]}})
        shows(told, "'kill-lin'; there is 'kill-line'\n")
        assert shell.shortcuts == [good]
    finally:
        shell.shortcuts = []


def test_every_setting_can_be_read_and_written():
    for each in _configuration.SETTINGS:
        now = each.read(shell)
        each.write(shell, now)
        assert each.read(shell) == now, each.path
        assert each.help and each.path in said(f"%config {each.owner}")


def test_the_start_sets_what_files_say():
    path = write("rhumba_config.py", "c = get_config()\nc.InteractiveShell.autocall = 2\nc.InteractiveShellApp.exec_lines.append('from_line = 1')\nc.InteractiveShellApp.exec_lines.append('second = from_line + 1')\nc.AliasManager.user_aliases = [('greet', 'echo hello')]\nload_subconfig('more.py')\n")
    write("more.py", "c.InteractiveShell.xmode = 'plain'\n")
    startup = [write("startup/1.py", "one = 1\nwhere = __file__\n"), write("startup/2.ipy", "two = !echo $one\n")]
    from rhumba import _tracebacks

    before = _tracebacks.mode()
    try:
        told = started(
            settings=[("config.toml", {"InteractiveShell": {"autocall": 1, "colors": "nocolor"}})],
            python_files=[path],
            overrides={"InteractiveShell": {"autoindent": False}},
            startup_files=startup,
        )
        assert told == "", told
        assert shell.autocall == 2 and shell.colors == "nocolor" and shell.autoindent is False
        assert (main["from_line"], main["second"], main["one"], list(main["two"])) == (1, 2, 1, ["1"])
        assert main["where"] == startup[0] and "__file__" not in main
        assert _tracebacks.mode() == "Plain" and said("%greet") == "hello\n"
    finally:
        _tracebacks.set_mode(before)
        shell.autocall, shell.colors, shell.autoindent = 0, "neutral", True
        run("%unalias greet")


def test_the_start_goes_on_when_something_is_wrong():
    broken = write("broken_config.py", "c.InteractiveShell.autocall = 1\nx = (\n")
    failing = write("failing_config.py", "c.InteractiveShell.autocall = 1\n1 / 0\n")
    leaving = write("leaving_config.py", "import sys; sys.exit(4)\n")
    stopped = write("stopped_config.py", "raise KeyboardInterrupt\n")
    told = started(
        settings=[("config.toml", {"InteractiveShell": {"autocal": 1, "autocall": 9}, "colors": "nocolor", "Kernel": {"x": 1}})],
        python_files=[broken, failing, leaving, stopped],
        overrides={"InteractiveShellApp": {"extensions": ["no_such_extension"], "exec_lines": ["1 / 0", "after = 1"]}},
        startup_files=[write("startup/bad.py", "undefined\n"), write("startup/good.py", "good = 1\n"), "/no/such/file.py"],
    )
    shows(
        told,
        "rhumba: config.toml: InteractiveShell.autocall is 0, 1 or 2, not 9\n",
        "rhumba: config.toml: colors stands outside of a section",
        "rhumba: config.toml: there are no settings InteractiveShell.autocal (there is InteractiveShell.autocall), Kernel.x; %config lists what there is\n",
        "broken_config.py line 2: SyntaxError", "the shell starts without it\n",
        "failing_config.py line 2: ZeroDivisionError: division by zero; the shell starts without it\n",
        "leaving_config.py line 1: SystemExit: 4; the shell starts without it\n",
        "stopped_config.py: interrupted; the shell starts without it\n",
        "there is no module 'no_such_extension'",
        "NameError", "/no/such/file.py: there is no such file",
        "ZeroDivisionError",
    )
    assert main["after"] == 1 and main["good"] == 1 and shell.autocall == 0


def test_the_template_says_everything_and_changes_nothing():
    text = _configuration.template()
    for each in _configuration.SETTINGS:
        assert f"\n[{each.owner}]\n" in text and f"# {each.name} = " in text, each.path
    assert all(line.startswith(("#", "[")) or not line for line in text.splitlines())


def test_nothing_handed_over_is_nothing_to_do():
    assert _configuration.state_folder() is None
    assert started() == ""
