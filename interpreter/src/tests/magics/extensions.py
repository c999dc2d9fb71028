def test_an_extension_is_loaded_once_and_unloaded():
    write("an_extension.py", "def load_ipython_extension(shell):\n    shell.register_magic_function(lambda line: line[::-1], 'line', 'mirror')\n    print('loaded')\ndef unload_ipython_extension(shell):\n    print('unloaded')\n")
    fresh_module("an_extension")
    assert said("%load_ext an_extension") == "loaded\n" and value("%mirror abc") == "cba"
    shows(said("%load_ext an_extension"), "already loaded", "%reload_ext an_extension")
    assert said("%reload_ext an_extension") == "unloaded\nloaded\n"
    assert said("%unload_ext an_extension") == "unloaded\n"
    shows(said("%unload_ext an_extension"), "is not loaded")


def test_an_extension_that_cannot_be_loaded_says_why():
    shows(refused("%load_ext no_such_extension"), "there is no module 'no_such_extension'")
    write("needy.py", "import no_such_thing\n")
    write("failing.py", "def load_ipython_extension(shell):\n    raise ValueError('not today')\n")
    write("plain.py", "x = 1\n")
    for name in "needy", "failing", "plain":
        fresh_module(name)
    shows(refused("%load_ext needy"), "the extension 'needy' can't be loaded: it needs the module 'no_such_thing'")
    shows(told("%load_ext failing"), "raise ValueError('not today')", "ValueError: not today\nThe extension 'failing' failed.")
    shows(said("%load_ext plain"), "The plain module is not an extension")
    shows(refused("%load_ext"), "needs MODULE")
    shows(said("%load_ext autoreload"), "%load_ext autoreload isn't needed: %autoreload, %aimport are there already.")


def told(cell):
    """What a cell that fails shows, on both streams together."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        result = shell.run_cell(cell)
    assert not result.success
    return out.getvalue()


def test_a_handler_tells_of_the_exceptions_that_it_is_for():
    asked = []

    def handler(self, etype, value, tb, tb_offset=None):
        asked.append((self, etype, str(value), tb.tb_frame.f_code.co_name, tb_offset, sys.exception() is value))
        return ["what is returned", "isn't shown"]

    shell.set_custom_exc((ZeroDivisionError, KeyError), handler)
    try:
        assert told("1 / 0") == ""
        assert asked == [(shell, ZeroDivisionError, "division by zero", "<module>", None, True)]
        shows(told("[][0]"), "Traceback", "IndexError")
        shows(told("1 = = 2"), "SyntaxError")
        assert len(asked) == 1
        # Where nothing is shown nobody is asked, and who shows it by themselves is shown it.
        raised(ZeroDivisionError, "1 / 0")
        shows(complained("get_ipython().showtraceback(ZeroDivisionError('again'))"), "ZeroDivisionError: again")
        assert len(asked) == 1
        ended = []
        shell.events.register("post_run_cell", ended.append)
        told("{}[1]")
        shell.events.unregister("post_run_cell", ended.append)
        assert len(asked) == 2 and isinstance(ended[0].error_in_exec, KeyError)
    finally:
        shell.set_custom_exc((), None)
    shows(told("1 / 0"), "ZeroDivisionError")
    for wrong in [ZeroDivisionError], ZeroDivisionError, (1,):
        try:
            shell.set_custom_exc(wrong, handler)
        except TypeError as failure:
            shows(str(failure), "a tuple of classes")
        else:
            raise AssertionError(f"{wrong!r} was taken")


def test_a_handler_that_fails_is_told_of_and_dropped():
    def failing(self, etype, value, tb, tb_offset=None):
        raise ValueError("not today")

    for handler, why in (failing, "ValueError: not today"), (lambda *told, **more: 5, "a list of lines or None, not 5"):
        shell.set_custom_exc((ZeroDivisionError,), handler)
        text = told("1 / 0")
        shows(text, "set_custom_exc has set failed, and is dropped", why, "it was called for:", "1 / 0", "ZeroDivisionError: ")
        assert text.count("ZeroDivisionError") == 1, text
        assert shell.custom_exceptions == ()
        assert "dropped" not in told("1 / 0")
    shell.set_custom_exc((ZeroDivisionError,), None)
    shows(told("1 / 0"), "Exception type : <class 'ZeroDivisionError'>\nException value: division by zero\n")
    shell.set_custom_exc((), None)


def test_methods_that_show_failures_can_be_replaced():
    shell.showtraceback = lambda *args, **options: print("in my own way:", sys.exception())
    try:
        assert told("1 / 0") == "in my own way: division by zero\n"
        shows(told("%who -z"), "in my own way: %who has no option '-z'")
    finally:
        del shell.showtraceback
    shell._showtraceback = lambda etype, value, lines: print(etype.__name__, lines[-1])
    try:
        assert told("1 / 0") == "ZeroDivisionError ZeroDivisionError: division by zero\n"
    finally:
        del shell._showtraceback


def test_what_is_set_on_the_class_is_set_on_the_shell():
    from IPython.core.interactiveshell import InteractiveShell

    InteractiveShell.ast_node_interactivity = "all"
    try:
        assert shell.ast_node_interactivity == InteractiveShell.ast_node_interactivity == "all"
    finally:
        shell.ast_node_interactivity = "last_expr"
    assert InteractiveShell.ev(shell, "6 * 7") == 42


def test_lines_are_changed_by_transformers_and_handlers():
    from IPython.core.prefilter import PrefilterChecker, PrefilterHandler, PrefilterTransformer

    class Doubled(PrefilterTransformer):
        def transform(self, line, continue_prompt):
            return line.replace("once", "twice")

    class Shouted(PrefilterHandler):
        handler_name = "shouted"

        def handle(self, line_info):
            return f"{line_info.ifun}({line_info.the_rest!r})"

    class Shouts(PrefilterChecker):
        def check(self, line_info):
            return self.prefilter_manager.get_handler_by_name("shouted") if line_info.ifun == "shout" else None

    run("shout = str.upper")
    parts = Doubled(shell=shell), Shouts(shell=shell)
    Shouted(shell=shell)
    try:
        assert value("'once'") == "twice" and value("shout it out") == "IT OUT"
        assert value("x = 1\n'once'") == "once"
    finally:
        shell.prefilter_manager.unregister_transformer(parts[0])
        shell.prefilter_manager.unregister_checker(parts[1])
    assert value("'once'") == "once"


def test_an_input_transformer_that_fails_is_left_out():
    shell.input_transformers_post.extend([None, lambda lines: 5, lambda lines: [line.replace("N", "4") for line in lines]])
    shell.input_transformers_cleanup.append(lambda lines: 1 / 0)
    try:
        result, _, text = run("N + 1")
        assert result == 5, result
        shows(text, "failed and is removed. ZeroDivisionError", "TypeError: 'NoneType'", "TypeError")
        assert complained("N") == "" and not shell.input_transformers_cleanup

        def refusing(lines):
            raise SyntaxError("not like that")

        shell.input_transformers_cleanup.append(refusing)
        shows(raised(SyntaxError, "1"), "not like that")
    finally:
        shell.input_transformers_post.clear()
        shell.input_transformers_cleanup.clear()


def test_matchers_complete():
    from IPython.core.completer import SimpleCompletion, SimpleMatcherResult, context_matcher, has_any_completions

    result = SimpleMatcherResult(completions=(SimpleCompletion(text) for text in ("one", "two")))
    assert has_any_completions(result) and [each.text for each in result["completions"]] == ["one", "two"]
    assert not has_any_completions({"completions": iter(())})

    @context_matcher()
    def by_context(context):
        found = [SimpleCompletion("from_context")] if context.token == "from_c" else []
        return {"completions": found}

    def by_word(word):
        return [each for each in ("from_word", "from_where") if each.startswith(word)] if word.startswith("from_w") else []

    shell.Completer.custom_matchers.extend([by_context, by_word])
    try:
        assert shell.complete("from_c")[1] == ["from_context"]
        assert shell.complete("from_w")[1] == ["from_where", "from_word"]
        assert "print" in shell.complete("prin")[1]
    finally:
        shell.Completer.custom_matchers.clear()


def test_names_of_inner_modules_lead_to_what_they_name():
    from IPython.core.history import HistoryManager, extract_hist_ranges
    from IPython.core.inputtransformer2 import cell_magic, ipython_prompt, leading_indent
    from IPython.core.oinspect import Inspector, find_file, getdoc

    assert list(extract_hist_ranges("1 3-5 4-")) == [(0, 1, 2), (0, 3, 6), (0, 4, None)]
    assert isinstance(shell.history_manager, HistoryManager) and isinstance(shell.inspector, Inspector)
    assert leading_indent(["  a\n", "   b\n"]) == ["a\n", " b\n"]
    assert ipython_prompt(["In [3]: a\n", "   ...: b\n"]) == ["a\n", "b\n"]
    assert cell_magic(["%%bash -x\n", "ls\n"]) == ["get_ipython().run_cell_magic('bash', '-x', 'ls\\n')\n"]
    path = write("with_a_file.py", "x = 1\n")
    fresh_module("with_a_file")
    import with_a_file

    assert getdoc(len).startswith("Return") and find_file(with_a_file) == path and find_file(len) is None
    run("import os")
    found = shell._ofind("os.path.join")
    assert found.found and found.obj is os.path.join and found.parent is os.path
    assert shell._ofind("%pwd").ismagic and shell._ofind("ls").isalias and not shell._ofind("no.such").found
    shell.alias_manager.define_alias("shout", "echo %s!")
    assert ("shout", "echo %s!") in shell.alias_manager.aliases
    shell.alias_manager.undefine_alias("shout")
    assert not shell.alias_manager.is_alias("shout")


def test_tools_are_where_programs_import_them_from():
    from IPython.utils.importstring import import_item
    from IPython.utils.ipstruct import Struct
    from IPython.utils.path import compress_user, filefind, get_home_dir
    from IPython.utils.process import FindCmdError, find_cmd
    from IPython.utils.syspathcontext import prepended_to_syspath
    from IPython.utils.tempdir import NamedFileInTemporaryDirectory, TemporaryWorkingDirectory
    from IPython.utils.text import DollarFormatter, EvalFormatter, get_text_list

    with TemporaryWorkingDirectory() as made:
        assert os.path.samefile(os.getcwd(), made)
    assert os.getcwd() == folder and not os.path.exists(made)
    with NamedFileInTemporaryDirectory("x.txt", "w") as file:
        assert os.path.basename(file.name) == "x.txt"
    assert not os.path.exists(file.name)
    bag = Struct(a=1)
    bag.b = 2
    bag += {"a": 5, "c": 3}
    assert bag == {"a": 1, "b": 2, "c": 3} and bag.c == 3 and not hasattr(bag, "d")
    bag.merge({"a": 5, "b": 7}, {"add": "a"})
    assert bag == {"a": 6, "b": 2, "c": 3}
    home = os.path.expanduser("~")
    assert compress_user(home + "/x") == "~/x" and compress_user(home + "x") == home + "x"
    assert get_home_dir() == os.path.realpath(home)
    write("found.py", "")
    assert filefind("found.py", ["/no/such", folder]) == os.path.join(folder, "found.py")
    assert find_cmd("sh").endswith("/sh") and import_item("os.path.join") is os.path.join
    try:
        find_cmd("no-such-command")
    except FindCmdError as failure:
        shows(str(failure), "no command 'no-such-command'")
    with prepended_to_syspath("/a/folder"):
        assert sys.path[0] == "/a/folder"
    assert "/a/folder" not in sys.path
    assert EvalFormatter().format("{n // 4} {s[1]}", n=9, s="ab") == "2 b"
    assert DollarFormatter().format("$n ${n} $$ {n:>3} $other", n=9) == "9 $9 $   9 $other"
    assert get_text_list("abc") == "a, b and c"


def test_hooks_do_what_the_shell_would_do():
    from IPython.core.error import TryNext

    asked = []

    def editor(self, filename, linenum=None, wait=True):
        with open(filename, "a", encoding="utf-8") as file:
            file.write("y = x + 1\n")
        asked.append((self, linenum))

    def pager(self, data, start, screen_lines):
        if "x" not in data:
            raise TryNext
        asked.append(data)

    shell.set_hook("editor", editor)
    shell.set_hook("show_in_pager", pager)
    shell.set_hook("clipboard_get", lambda self: "pasted = 7")
    try:
        path = write("hooked.py", "x = 1\n")
        shows(said(f"%edit -n 3 {path}"), "Running it")
        assert asked == [(shell, 3)] and main["y"] == 2
        assert said("%page 'x'") == "" and asked[1] == "'x'" and said("%page 5") == "5\n"
        run("%paste -q")
        assert main["pasted"] == 7
    finally:
        for name in "_hooks", "hooks":
            shell.__dict__.pop(name, None)


def test_the_shell_tells_what_it_is_set_to_and_how_the_last_cell_ended():
    before = shell.xmode
    try:
        shell.xmode = "minimal"
        assert shell.xmode == "Minimal" and said("%config InteractiveShell.xmode") == ""
        assert value("%config InteractiveShell.xmode") == "Minimal"
    finally:
        shell.xmode = before
    told("1 / 0")
    assert shell.last_execution_succeeded
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        shell.run_cell("1 / 0", store_history=True)
        assert not shell.last_execution_succeeded
        shell.run_cell("1", store_history=True)
    assert shell.last_execution_succeeded
    with shell.builtin_trap:
        path = shell.mktempfile("text")
    with open(path, encoding="utf-8") as file:
        assert file.read() == "text"
    run("one = two = 3")
    shell.reset_selective("^on")
    assert "one" not in main and main["two"] == 3


# -- what few programs ask of the shell


def test_the_shell_is_an_object_with_settings():
    assert shell.instance() is shell and shell.initialized() and type(shell).instance() is shell
    assert shell.has_trait("autocall") and not shell.has_trait("nothing")
    assert shell.traits()["autocall"].choices == (0, 1, 2) and shell.trait_values()["autocall"] == 0
    assert shell.editing_mode == "emacs" and shell.auto_match is False and shell.pdb is False and shell.confirm_exit is False
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors):
        shell.update_config({"InteractiveShell": {"autocall": 1, "autocal": 1}})
    assert shell.autocall == 1
    shows(errors.getvalue(), "the configuration: there is no setting InteractiveShell.autocal")
    shell.set_trait("autocall", 0)
    assert shell.autocall == 0
    try:
        shell.set_autoindent()
        assert shell.autoindent is False
        shell.set_autoindent(1)
        assert shell.autoindent is True
    finally:
        vars(shell).pop("autoindent", None)
    for name in "nothing", "_nothing":
        shows(raised(AttributeError, f"get_ipython().{name}"), f"the shell has no '{name}'")
        assert not hasattr(shell, name)


def test_what_the_shell_can_make_is_listed():
    listed = dir(shell)
    for name in "run_cell", "user_ns", "history_manager", "run_cell_async", "db", "displayhook", "autocall", "observe", "xmode":
        assert name in listed, name
    missing = [name for name in listed if name != "db" and not hasattr(shell, name)]
    assert not missing, missing


def test_functions_are_told_of_settings():
    changes = []

    def seen(change):
        changes.append((change.name, change["old"], change.new))

    shell.observe(seen, ["autocall", "xmode", "colors"])
    try:
        shell.autocall = 1
        run("%config InteractiveShell.autocall = 1\n%autocall 0\n%colors linux\n%colors neutral")
        before = shell.xmode
        run("%config InteractiveShell.xmode = Docs")
        shell.xmode = before
        assert changes == [
            ("autocall", 0, 1), ("autocall", 1, 0), ("colors", "neutral", "linux"), ("colors", "linux", "neutral"),
            ("xmode", before, "Docs"), ("xmode", "Docs", before),
        ], changes  # fmt: skip
        shell.unobserve(seen, "autocall")
        shell.autocall = 1
        shell.autocall = 0
        assert len(changes) == 6
        main["seen"] = seen
        shows(raised(ValueError, "get_ipython().unobserve(seen, 'autocall')"), "doesn't observe autocall")
    finally:
        shell.unobserve_all()
    shell.xmode = shell.xmode
    from IPython.core.interactiveshell import InteractiveShell

    assert isinstance(shell, InteractiveShell) and get_ipython() is shell


def test_cells_are_awaited_in_a_loop_that_runs():
    import ast
    import asyncio

    def awaited(coroutine):
        """What it returns, and what is written meanwhile."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            made = asyncio.run(coroutine)
        return made, out.getvalue() + err.getvalue()

    assert shell.should_run_async("await x") and not shell.should_run_async("x = 1") and not shell.should_run_async("await =")
    result, _ = awaited(shell.run_cell_async("import asyncio\nawait asyncio.sleep(0)\n6 * 7"))
    assert result.success and result.result == 42
    result, text = awaited(shell.run_cell_async("await asyncio.sleep(0)\nnowhere"))
    assert isinstance(result.error_in_exec, NameError)
    shows(text, "<awaited cell", "nowhere", "NameError")
    result, _ = awaited(shell.run_cell_async("plain = 1"))
    assert result.success and main["plain"] == 1
    failed, _ = awaited(shell.run_ast_nodes(ast.parse("nodes = 3\nnodes + 1").body, "<nodes>"))
    assert failed is False and main["nodes"] == 3
    failed, text = awaited(shell.run_ast_nodes(ast.parse("1 / 0").body, "<nodes>"))
    assert failed is True
    shows(text, "ZeroDivisionError")
    run_with, may_await = shell.loop_runner_map["asyncio"]
    assert may_await and run_with(asyncio.sleep(0, "slept")) == "slept"


def test_an_interrupted_wait_is_told_of_where_it_was():
    import asyncio

    from rhumba import _await

    def runner(coroutine):
        coroutine.send(None)
        try:
            coroutine.throw(asyncio.CancelledError())
        except asyncio.CancelledError:
            raise KeyboardInterrupt() from None

    run("import asyncio\nasync def waits():\n    await asyncio.sleep(0)")
    coroutine = main["waits"]()
    _, failure = _await.run(coroutine, runner)
    assert type(failure) is KeyboardInterrupt and failure.__context__ is None
    traceback = failure.__traceback__
    assert traceback.tb_frame.f_code is coroutine.cr_code and traceback.tb_next is None


def test_values_go_through_the_display_hook():
    from IPython.core.displayhook import DisplayHook

    hook = shell.displayhook
    assert hook is shell.displayhook and type(hook) is DisplayHook is shell.displayhook_class
    shell.run_cell("5", store_history=True)
    number = _rhumba_shell.cell_count()
    assert hook.prompt_count == number and not hook.quiet()
    last = shell.last_execution_result
    assert last.success and last.result == 5 and last.execution_count == number and last.info.raw_cell == "5"
    shell.run_cell("6;  # muted\n\n", store_history=True)
    assert hook.quiet()
    shell.run_cell("'; '", store_history=True)
    assert not hook.quiet()
    with contextlib.redirect_stderr(io.StringIO()):
        shell.run_cell("1 / 0", store_history=True)
    assert isinstance(shell.last_execution_result.error_in_exec, ZeroDivisionError)
    hook.exec_result = shell.last_execution_result
    hook("noted")
    assert hook.exec_result.result == "noted" and hook.compute_format_data(1)[0] == {"text/plain": "1"}
    hook.exec_result = None
    hook.flush()
    assert main["Out"] == {}


def test_programs_render_forms_of_their_own():
    rendered = []
    shell.mime_renderers["x/y"] = lambda data, metadata: rendered.append((data, metadata))
    try:
        run("class Plotted:\n    def _repr_mimebundle_(self, include=None, exclude=None): return {'x/y': 'curve', 'text/plain': 'a plot'}")
        main["plotted"] = main["Plotted"]()
        run("display(plotted, 5)")
        assert rendered == [("curve", None)]
        shell.run_cell("plotted")
        assert len(rendered) == 2
        shell.display_pub.publish({"x/y": "raw", "text/plain": "a plot"}, {"x/y": {"of": 1}})
        assert rendered[2:] == [("raw", {"of": 1})]
    finally:
        shell.mime_renderers.clear()


def test_a_module_is_made_of_names():
    names = {"level": 3}
    module, own = shell.prepare_user_module(user_ns=names)
    assert module.level == 3 and own is names and vars(module) is names
    module, own = shell.prepare_user_module()
    assert vars(module) is own and module.__name__ == "__main__"
    assert shell.new_main_mod("x.py", "other").__file__ == "x.py"


def test_the_log_is_an_object():
    assert shell.logfile == "" and shell.logstart is False and shell.logger.log_active is False
    shell.logger.logstart("own log.py", logmode="over", log_raw_input=True)
    try:
        assert shell.logfile == shell.logger.logfname == "own log.py" and shell.logstart is True
        assert shell.logger.log_raw_input is True and shell.logger.log_output is False
        with contextlib.redirect_stdout(io.StringIO()):
            shell.logger.switch_log(False)
        assert shell.logger.log_active is False
    finally:
        shell.logger.logstop()
    assert shell.logfile == "" and os.path.exists("own log.py")


def test_what_is_not_here_says_so():
    shows(refused("get_ipython().enable_matplotlib()"), "matplotlib has parts in C")
    shows(refused("get_ipython().enable_pylab()"), "numpy and matplotlib")
    shows(raised(RuntimeError, "get_ipython().mainloop()"), "runs already")
    shell.set_completer_frame()
    main["frame"] = sys._getframe()
    shows(refused("get_ipython().set_completer_frame(frame)"), "names of the session")
    assert shell.active_eventloop is None and shell.inputhook is None


def test_the_system_is_told_of():
    import IPython

    shows(IPython.sys_info(), "'ipython_version'", "'sys_version'")


def test_values_are_kept_where_there_is_a_place_for_them():
    try:
        import rhumba._database
    except ModuleNotFoundError:
        # The interpreter alone can't save namespaces.
        shows(raised(AttributeError, "get_ipython().db"), "keeps nothing over sessions")
        assert not hasattr(shell, "db")
        return
    before = getattr(sys, "_rhumba_configuration", None)
    try:
        vars(shell).pop("db", None)
        sys._rhumba_configuration = {}
        shows(raised(AttributeError, "get_ipython().db"), "set $RHUMBA_HOME")
        sys._rhumba_configuration = {"state_folder": folder}
        shell.db["a/b"] = [1, 2]
        shell.db["c"] = 3
        assert dict(rhumba._database.Database()) == {"a/b": [1, 2], "c": 3} and shell.db.keys("a*") == ["a/b"]
        del shell.db["c"]
        assert "c" not in shell.db and shell.db.get("c", 5) == 5 and len(shell.db) == 1
    finally:
        sys._rhumba_configuration = before or {}
        vars(shell).pop("db", None)


def test_a_shell_to_open_later_is_made_once():
    from IPython.terminal.embed import InteractiveShellEmbed, embed

    assert not InteractiveShellEmbed.initialized()
    made = InteractiveShellEmbed.instance(banner1="one", user_ns={"x": 1}, config=None)
    try:
        assert InteractiveShellEmbed.instance() is made and made.banner1 == "one" and made.user_ns == {"x": 1}
        assert made(dummy=True) is None
        made.set_dummy_mode(True)
        assert made() is None and made.get_dummy_mode()
    finally:
        InteractiveShellEmbed.clear_instance()
    for wrong, why in ({"user_ns": [1]}, "a dict of names, not list"), ({"module": 5}, "one that has names, not int"):
        try:
            embed(**wrong)
        except TypeError as failure:
            shows(str(failure), why)
        else:
            raise AssertionError(f"{wrong!r} was taken")


def test_the_history_has_cells_as_python_too():
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell("%pwd", store_history=True)
    number, python = _rhumba_shell.cell_count(), "get_ipython().run_line_magic('pwd', '')"
    kept = shell.history_manager
    assert kept.get_range(0, number, number + 1) == [(0, number, "%pwd")]
    assert kept.get_range(0, number, number + 1, raw=False) == [(0, number, python)]
    assert kept.input_hist_parsed[number] == python and kept.input_hist_raw[number] == "%pwd"
    assert shell.extract_input_lines(str(number)) == python + "\n"


def test_what_is_not_bound_is_told_of_with_every_key():
    class Holder:
        @property
        def value(self):
            "What it holds."
            raise AssertionError

    main["holder"] = Holder()
    found, absent = shell.object_inspect("holder.value"), shell.object_inspect("nothing_here")
    assert found["docstring"] == "What it holds." and found["found"]
    assert absent["docstring"] is None and not absent["found"] and set(absent) == set(shell.object_inspect("holder"))


def test_frames_that_ask_to_be_hidden_are_shown_on_demand():
    run("def fails():\n    __tracebackhide__ = True\n    1 / 0\ndef calls(): fails()")
    before = shell.xmode
    try:
        run("%xmode Context")
        for line, is_shown in (("%xmode --show", True), ("%xmode --hide", False)):
            assert said(line) == "" and shell.xmode == "Context"
            out = io.StringIO()
            with contextlib.redirect_stderr(out):
                shell.run_cell("calls()", store_history=True)
                shell.showtraceback()
            first, second = out.getvalue().split("ZeroDivisionError: division by zero\n")[:2]
            assert first == second and ("in fails()" in first) == is_shown
            assert ("1 hidden frame not shown" in first) != is_shown
    finally:
        shell.xmode = before


def test_the_parts_of_the_package_are_there_without_an_import_of_their_own():
    import IPython

    # As if nobody had imported them yet.
    for part in "core", "lib", "terminal", "utils":
        vars(IPython).pop(part, None)
    assert IPython.core.getipython.get_ipython() is shell and callable(IPython.lib.pretty.pretty)
    assert callable(IPython.terminal.embed.embed) and callable(IPython.utils.io.capture_output)
    vars(IPython.core).pop("debugger", None)
    assert callable(IPython.core.debugger.set_trace)
    assert IPython.release.version == IPython.__version__ and callable(IPython.display)
    assert not hasattr(IPython.core, "nothing_like_it") and not hasattr(IPython, "nothing_like_it")
    assert {"core", "display", "release", "utils"} <= set(dir(IPython))


def test_the_modules_of_the_core_are_found_by_their_names():
    import importlib

    for name in (
        "core.alias core.compilerop core.completer core.completerlib core.debugger core.display_trap core.events"
        " core.history core.inputtransformer2 core.interactiveshell core.oinspect core.prefilter core.splitinput"
        " terminal.debugger terminal.embed terminal.interactiveshell terminal.ipapp"
    ).split():
        importlib.import_module(f"IPython.{name}")


def test_a_program_tells_of_errors_in_the_text_of_a_cell():
    told = []
    shell.showsyntaxerror = lambda filename=None, running_compiled_code=False: told.append(sys.exception())
    try:
        shell.run_cell("1 +", store_history=True)
    finally:
        del shell.showsyntaxerror
    assert [type(each) for each in told] == [SyntaxError]


def test_the_shell_answers_who_asks_for_its_settings_windows_and_last_cells():
    assert "ast_node_interactivity" in shell.trait_names() and hasattr(shell.profile_dir, "location")
    try:
        shell.enable_gui("qt")
    except UsageError as answer:
        assert "event loop" in str(answer)
    else:
        raise AssertionError("there is no loop of windows here")
    shows(said("get_ipython().show_usage()"), "obj?", "%lsmagic")
    assert said("get_ipython().system('echo from the system')") == "from the system\n"
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell("looked_for = 1", store_history=True)
        shell.run_cell("pass", store_history=True)
    number = _rhumba_shell.cell_count()
    kept = shell.history_manager
    assert (0, number - 1, "looked_for = 1") in list(kept.search("*looked_for*"))
    assert [cell for *_, cell in kept.get_tail(2, include_latest=True)] == ["looked_for = 1", "pass"]


def test_a_form_is_left_out_while_its_formatter_is_off():
    class Shown:
        def _repr_html_(self):
            return "<b>"

    html = shell.display_formatter.formatters["text/html"]
    html.enabled = False
    try:
        assert set(shell.display_formatter.format(Shown())[0]) == {"text/plain"}
    finally:
        html.enabled = True
    assert set(shell.display_formatter.format(Shown())[0]) == {"text/plain", "text/html"}


def test_what_makes_the_text_of_failures_can_be_replaced():
    shell.InteractiveTB.structured_traceback = lambda etype, value, tb, tb_offset=None: ["in short:", str(value)]
    try:
        assert told("1 / 0") == "in short:\ndivision by zero\n"
        shows(told("%no_such_magic"), "UsageError")
        shows(told("1 = = 2"), "SyntaxError")
        shell.InteractiveTB.structured_traceback = lambda *_, **__: 2 / 0
        shows(told("{}[1]"), "InteractiveTB of a program failed, and is dropped", "The exception that it was called for")
        shows(told("{}[1]"), "KeyError: 1")
    finally:
        vars(shell).pop("InteractiveTB", None)


def test_a_program_that_takes_handlers_over_for_a_while_gives_them_back():
    before = shell.CustomTB, shell.custom_exceptions
    shell.set_custom_exc((KeyError,), lambda self, etype, value, tb, tb_offset=None: print("handled"))
    try:
        assert told("{}[1]") == "handled\n"
    finally:
        shell.CustomTB, shell.custom_exceptions = before
    shows(told("{}[1]"), "KeyError: 1")


def test_quotes_stay_in_the_arguments_of_a_magic():
    from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

    @magic_arguments()
    @argument("words", nargs="*")
    def ask(line):
        return parse_argstring(ask, line).words

    assert ask("select 'a b' it's") == ["select", "'a b'", "it's"]
    try:
        ask("'a b")
    except UsageError as wrong:
        shows(str(wrong), "No closing quotation", "%ask")
    else:
        raise AssertionError("the quote isn't closed")


def test_a_semicolon_mutes_the_magics_that_say_so():
    from IPython.core.magic import output_can_be_silenced

    shell.register_magic_function(lambda line, cell=None: line or cell, "line_cell", "said")
    shell.register_magic_function(output_can_be_silenced(lambda line, cell=None: line or cell), "line_cell", "muted")
    assert shell.run_line_magic("said", "a;") == "a;" and shell.run_line_magic("muted", "a;") is None
    assert shell.run_line_magic("muted", "a") == "a" and shell.run_cell_magic("muted", "", "a;  # b\n") is None
    with contextlib.redirect_stdout(io.StringIO()):
        assert shell.run_line_magic("time", "5;") is None and shell.run_line_magic("time", "5") == 5


def test_a_program_may_make_the_text_of_values():
    from IPython.lib import pretty

    class Short:
        def __init__(self, stream, *args, **kwargs):
            self.stream = stream

        def pretty(self, obj):
            self.stream.write(f"a {type(obj).__name__}")

        def flush(self):
            pass

    own, pretty.RepresentationPrinter = pretty.RepresentationPrinter, Short
    try:
        assert shell.display_formatter.format({"a": 1})[0]["text/plain"] == "a dict"
    finally:
        pretty.RepresentationPrinter = own


def test_the_texts_of_values_are_in_the_history():
    main["_oh"] = {3: [1], 4: "a"}
    assert shell.history_manager.output_hist_reprs == {3: "[1]", 4: "'a'"}


def test_extensions_of_a_package_that_is_not_there_are_told_of_by_their_name():
    shows(refused("%load_ext no.such_extension"), "there is no module 'no.such_extension'")
