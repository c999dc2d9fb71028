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
    from IPython.core.completer import SimpleCompletion, context_matcher

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
