"""What few programs ask of the shell: what it is set to, cells that are awaited, what it starts with.

`_interface` looks here last, for attributes that IPython's shell has.
"""

import os
import sys
import types

import _ast
import _rhumba_shell

from rhumba import _configuration
from rhumba.shell import UsageError, get_ipython

# The classes whose settings are attributes of the shell.
_OWNERS = ("InteractiveShell", "TerminalInteractiveShell")


def attribute(shell, name):
    """What the shell has under a name; AttributeError if it is nothing that it knows."""
    if name in _METHODS:
        return types.MethodType(_METHODS[name], shell)
    if name in _OBSERVING:
        from rhumba import _observing

        return types.MethodType(getattr(_observing, name), shell)
    if name in _KEPT:
        made = shell.__dict__[name] = _KEPT[name](shell)
        return made
    if name in _LOOKED_AT:
        return _LOOKED_AT[name](shell)
    setting = _setting(name)
    if setting is not None:
        # What has been set stands on the shell already, or is read where it is kept.
        return setting._read(shell) if setting._read else setting.default
    raise AttributeError(f"the shell has no {name!r}", name=name, obj=shell)


def _setting(name):
    for owner in _OWNERS:
        setting = _configuration._BY_PATH.get(f"{owner}.{name}")
        if setting is not None:
            return setting
    return None


def names():
    """The names of what the shell has that is made when it is asked for."""
    from rhumba import _interface

    known = (_METHODS, _OBSERVING, _KEPT, _LOOKED_AT, _interface.METHODS, _interface.MAKERS, _interface.PLAIN)
    return {*trait_names(None), *(name for each in known for name in each if not name.startswith("__"))}


# -- cells


async def run_cell_async(
    shell, raw_cell, store_history=False, silent=False, shell_futures=True, *, transformed_cell=None,
    preprocessing_exc_tuple=None, cell_id=None, cell_meta=None,
):  # fmt: skip
    """Runs a cell, and awaits what it awaits. Returns an ExecutionResult."""
    if not shell.should_run_async(raw_cell):
        return shell.run_cell(raw_cell, store_history, silent, shell_futures, cell_id, cell_meta)
    # A loop runs already, and another can't run inside of it: what the cell awaits is awaited here.
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult

    info = ExecutionInfo(raw_cell, store_history, silent, shell_futures, cell_id, cell_meta)
    result = ExecutionResult(None, None, None, True, info)
    try:
        parts = _compiled(shell, shell.transform_cell(raw_cell))
    except SyntaxError as failure:
        result.error_before_exec = failure
        shell.showtraceback(failure)
        return result
    for code, shown in parts:
        try:
            value = await _value(code, shell.user_ns)
        except Exception as failure:
            result.error_in_exec = failure
            shell.showtraceback(failure)
            break
        if shown:
            result.result = value
            sys.displayhook(value)
    return result


_awaited = 0


def _compiled(shell, source):
    import linecache

    from rhumba import _nodes

    global _awaited
    _awaited += 1
    name = f"<awaited cell {_awaited}>"
    # Its lines are in tracebacks, and in what `inspect` finds.
    linecache.cache[name] = len(source), None, source.splitlines(True), name
    return _nodes.compiled(shell, source, name, shell.ast_node_interactivity, False)


async def _value(code, names):
    value = eval(code, names)
    return await value if code.co_flags & _COROUTINE else value


_COROUTINE = 0x80


def should_run_async(shell, raw_cell, *, transformed_cell=None, preprocessing_exc_tuple=None):
    """Whether a cell awaits outside of functions."""
    if not shell.autoawait or preprocessing_exc_tuple is not None:
        return False
    source = shell.transform_cell(raw_cell) if transformed_cell is None else transformed_cell
    try:
        code = compile(source, "<cell>", "exec", _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError):
        return False
    return bool(code.co_flags & _COROUTINE)


async def run_ast_nodes(shell, nodelist, cell_name, interactivity="last_expr", compiler=compile, result=None):
    """Runs statements that are there as syntax trees; shows what they raise, and says whether they did."""
    from rhumba import _nodes

    if not nodelist:
        return False
    try:
        parts = _nodes.parts(list(nodelist), cell_name, interactivity, False, _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for code, shown in parts:
            value = await _value(code, shell.user_ns)
            if shown:
                if result is not None:
                    result.result = value
                sys.displayhook(value)
    except Exception as failure:
        if result is not None:
            result.error_in_exec = failure
        shell.showtraceback(failure)
        return True
    return False


# -- modules


def new_main_mod(shell, filename, modname):
    """A module for a program to run in, as `%run` makes one."""
    module = types.ModuleType(modname)
    module.__file__ = filename
    return module


def prepare_user_module(shell, user_module=None, user_ns=None):
    """A module and the names that cells would run with, of what is given of the two."""
    if user_module is None and user_ns is not None:
        user_ns.setdefault("__name__", "__main__")
        user_module = _Names()
        user_module.__dict__ = user_ns
    if user_module is None:
        user_module = types.ModuleType("__main__", "Automatically created module for the interactive shell")
    return user_module, vars(user_module) if user_ns is None else user_ns


class _Names:
    """Stands for a module whose names are a dict that is there already."""


# -- what it looks like


def show_banner(shell, banner=None):
    """Prints what the shell says when it starts, or what is given."""
    print(shell.banner if banner is None else banner, end="")


def show_usage_error(shell, exc):
    """Shows what is wrong with how a magic is used."""
    print(f"UsageError: {exc}", file=sys.stderr)


def switch_doctest_mode(shell, mode):
    if bool(getattr(shell, "doctest_mode", False)) != bool(mode):
        shell.run_line_magic("doctest_mode", "on" if mode else "off")


def _banner(shell):
    """What the shell says at its start, as it is set."""
    return _configuration.said_at_start(shell, _usual_banner(shell))


def _usual_banner(shell):
    """What it says unless other words are set: who has started it knows."""
    usual = _configuration.handed_over().get("usual_banner")
    if usual:
        return usual
    python = ".".join(map(str, sys.version_info[:2]))
    return (
        f"rhumba {_rhumba_shell.VERSION} (Python {python} on RustPython)\n"
        "obj? explains an object, %lsmagic lists the magics, Ctrl-D leaves.\n\n"
    )


def _displayhook(shell):
    from IPython.core.displayhook import DisplayHook

    return DisplayHook(shell)


def _display_trap(shell):
    """What values of cells go through: its `hook` is `sys.displayhook`, at all times."""
    from IPython.core.display_trap import DisplayTrap

    class Trap(DisplayTrap):
        @property
        def hook(self):
            return sys.displayhook

        @hook.setter
        def hook(self, function):
            if function is not None:
                sys.displayhook = function

    return Trap()


def _log(shell):
    import logging

    return logging.getLogger("rhumba")


def _payloads(shell):
    from IPython.core.payload import PayloadManager

    return PayloadManager()


def _database(shell):
    try:
        from rhumba._database import Database

        return Database()
    except ModuleNotFoundError:
        reason = "it has no namespaces to save"
    except OSError as failure:
        reason = str(failure)
    # Whoever asks by `hasattr` gets an answer, too.
    raise AttributeError(f"this shell keeps nothing over sessions: {reason}", name="db", obj=shell)


def _profile_dir(shell):
    folder = _configuration.handed_over().get("config_folder") or _configuration.state_folder()
    return types.SimpleNamespace(
        location=folder, startup_dir=folder and os.path.join(folder, "startup"),
        security_dir=folder, log_dir=folder, pid_dir=folder, static_dir=folder,
    )  # fmt: skip


# -- the last cell, and the log


def _last_execution_result(shell):
    """What the last cell of the person's gave; None before there is one."""
    if shell._last_cell is None:
        return None
    from rhumba.shell import ExecutionResult

    info, count, began = shell._last_cell
    failure = None if shell.last_execution_succeeded else getattr(sys, "last_exc", None)
    return ExecutionResult(count, shell.user_ns.get("_oh", {}).get(count), failure, began, info)


class Logger:
    """The log that `%logstart` writes, as an object."""

    def __init__(self, shell):
        self.shell = shell

    @staticmethod
    def _log():
        from rhumba._magics import log

        return log._log

    def _told(name, default):
        def read(self):
            log = self._log()
            return default if log is None else getattr(log, name)

        return property(read)

    logfile = _told("file", None)
    logfname = _told("path", "rhumba_log.py")
    logmode = _told("mode", "over")
    log_active = _told("active", False)
    log_output = _told("results", False)
    log_raw_input = _told("raw", False)
    timestamp = _told("times", False)

    def logstart(
        self, logfname=None, loghead=None, logmode=None, log_output=False, timestamp=False, log_raw_input=False
    ):
        """Writes the cells so far and all that follow to a file."""
        import shlex

        flags = [flag for flag, is_set in (("-o", log_output), ("-t", timestamp), ("-r", log_raw_input)) if is_set]
        mode = [] if logmode is None else [logmode]
        name = [] if logfname is None and logmode is None else [shlex.quote(logfname or self.logfname)]
        self._run("logstart", " ".join(["-q", *flags, *name, *mode]).replace("$", "$$"))

    def logstop(self):
        self._run("logstop")

    def logstate(self):
        self._run("logstate")

    def switch_log(self, val):
        """Goes on with the log, or halts it."""
        self._run("logon" if val else "logoff")

    def _run(self, name, line=""):
        self.shell.run_line_magic(name, line)


def _logfile(shell):
    log = Logger._log()
    return "" if log is None else log.path


def _custom_traceback(shell):
    """What would tell of the exceptions that `set_custom_exc` names, before it has named any."""
    from rhumba import _handlers

    return types.MethodType(_handlers._told_in_short, shell)


# -- what other shells have, and this one can't


def enable_matplotlib(shell, gui=None):
    """Says why there are no plots here."""
    shell.run_line_magic("matplotlib", "")


def enable_pylab(shell, gui=None, import_all=True):
    """Says why there are no plots here."""
    shell.run_line_magic("pylab", "")


def set_completer_frame(shell, frame=None):
    """Completes with the names of the session: of a frame is what `embed` opens in one."""
    if frame is not None and frame.f_locals is not shell.user_ns:
        raise UsageError("completion has the names of the session; IPython.embed() opens a shell with those of a frame")


# -- reading and telling


def set_autoindent(shell, value=None):
    """Sets whether a new line of a cell is indented; without a value, the other way round."""
    shell.autoindent = not shell.autoindent if value is None else bool(value)


def showindentationerror(shell):
    """Shows the IndentationError that is being handled."""
    shell.showsyntaxerror()


def prefilter(shell, lines, continue_prompt=False):
    """What handlers and transformers of single lines make of lines."""
    return shell.prefilter_manager.prefilter_lines(lines, continue_prompt)


def _loop_runners(shell):
    """Who can run what awaits, by the names that %autoawait knows, and whether cells then may."""
    from rhumba import _await

    def run(coroutine):
        value, failure = _await.run(coroutine, None)
        if failure is not None:
            raise failure
        return value

    return {"asyncio": (run, True), "sync": (_await.without_loop, True)}


# -- as an object with traits


def trait_names(shell, **metadata):
    """The names of what it can be set to."""
    return [each.name for each in _configuration.SETTINGS if each.owner in _OWNERS]


def has_trait(shell, name):
    return _setting(name) is not None


def traits(shell, **metadata):
    """What it can be set to, by name: each with its `help`, `default` and `choices`."""
    return {name: _setting(name) for name in trait_names(shell)}


def trait_values(shell, **metadata):
    """What it is set to, by name."""
    return {name: each.read(shell) for name, each in traits(shell).items()}


def set_trait(shell, name, value):
    """Sets what `%config` sets; LookupError for what it doesn't know."""
    _configuration.find(f"InteractiveShell.{name}").write(shell, value)


def update_config(shell, config):
    """Sets what a configuration says, a dict of classes and their values; says what of it is wrong."""
    settings = config.settings() if isinstance(config, _configuration.Config) else config
    _configuration.apply(shell, settings, "the configuration")


def mainloop(shell, display_banner=None):
    """Cells are read already: there is one session, and it is this one."""
    raise RuntimeError("the session of this shell runs already: IPython.embed() opens one inside of it")


_METHODS = {
    function.__name__: function
    for function in (
        run_cell_async, should_run_async, run_ast_nodes, new_main_mod, prepare_user_module, show_banner,
        show_usage_error, switch_doctest_mode, enable_matplotlib, enable_pylab, set_completer_frame, set_autoindent,
        showindentationerror, prefilter, trait_names, has_trait, traits, trait_values, set_trait, update_config,
        mainloop,
    )
}  # fmt: skip
_METHODS["interact"] = mainloop


def _class(module, name):
    def find(shell):
        from importlib import import_module

        return getattr(import_module(module), name)

    return find


_OBSERVING = ("observe", "unobserve", "unobserve_all")

# What is made once: others hold on to it, or add to it.
_KEPT = {
    "db": _database,
    "dir_stack": lambda shell: [],
    "display_trap": _display_trap,
    "displayhook": _displayhook,
    "log": _log,
    "logger": Logger,
    "mime_renderers": lambda shell: {},
    "payload_manager": _payloads,
    "profile_dir": _profile_dir,
    "tempdirs": lambda shell: [],
    "tempfiles": lambda shell: [],
}


def _simple_prompt(shell):
    from rhumba._pager import is_terminal

    return not is_terminal(sys.stdin)


# What is looked at each time.
_LOOKED_AT = {
    "CustomTB": _custom_traceback,
    "SyntaxTB": lambda shell: shell.InteractiveTB,
    "active_eventloop": lambda shell: None,
    "banner": _banner,
    "banner1": _usual_banner,
    "compiler_class": _class("IPython.core.compilerop", "CachingCompiler"),
    "debug": lambda shell: False,
    "display_pub_class": _class("rhumba._interface", "DisplayPublisher"),
    "displayhook_class": _class("IPython.core.displayhook", "DisplayHook"),
    "exit_now": lambda shell: False,
    "get_ipython": lambda shell: get_ipython,
    # The colours of a theme are the shell's own, and no style of Pygments.
    "highlighting_style": lambda shell: "legacy",
    "history_length": lambda shell: 10000,
    "history_load_length": lambda shell: 1000,
    "inputhook": lambda shell: None,
    "inspector_class": _class("rhumba._inspect", "Inspector"),
    "keep_running": lambda shell: True,
    "last_execution_result": _last_execution_result,
    "logfile": _logfile,
    "logstart": lambda shell: Logger._log() is not None,
    "loop_runner_map": _loop_runners,
    "ns_table": lambda shell: {"user_global": vars(sys.modules["__main__"]), "user_local": shell.user_ns},
    "parent": lambda shell: None,
    "profile": lambda shell: _configuration.handed_over().get("profile", "default"),
    "quiet": lambda shell: False,
    "separate_in": lambda shell: "",
    "separate_out": lambda shell: "",
    "separate_out2": lambda shell: "",
    "simple_prompt": _simple_prompt,
    "starting_dir": lambda shell: (shell.user_ns.get("_dh") or [os.getcwd()])[0],
    "sys_excepthook": lambda shell: sys.__excepthook__,
}
