"""What the shell can be set to, from files and by `%config`.

The table `SETTINGS` names everything that can be set, by the class and the name that it has in
IPython. A setting is an attribute of what it is about, read there whenever it is needed, so that
setting one takes effect at once.

Where files are found is told by who starts the shell (`repl/src/configuration.rs`): it hands
over a dict, which is `sys._rhumba_configuration`:

    state_folder    where what outlives the session is kept, or None
    profile         the name of the profile
    settings        [(where it comes from, {class: {name: value}})], in the order that counts
    python_files    files that set `c.Class.name = value`
    overrides       the same as settings, from the command line: they count last
    banner          what is printed when everything is set, unless that is set not to be
    usual_banner    what the shell says at its start, be it printed there or not
    startup_files   what runs before the first prompt
"""

import os
import sys

__all__ = ["Config", "SETTINGS", "start", "state_folder", "template"]


class Setting:
    """One thing that can be set: where, what it may be, and what for."""

    def __init__(self, owner, name, kind, help, default=None, choices=(), read=None, write=None):
        self.owner = owner
        self.name = name
        self.kind = kind
        self.help = help
        self.default = default
        self.choices = choices
        self._read = read
        self._write = write

    @property
    def path(self):
        return f"{self.owner}.{self.name}"

    def read(self, shell):
        """What it is set to now."""
        if self._read is not None:
            return self._read(shell)
        return getattr(shell, self.name, self.default)

    def write(self, shell, value):
        """Sets it; ValueError says what it can be."""
        value = self.checked(value)
        if self._write is None:
            setattr(shell, self.name, value)
        elif "_observers" in vars(shell):
            from rhumba import _observing

            _observing.write(shell, self, value)
        else:
            self._write(shell, value)

    def checked(self, value):
        if self.kind is bool and isinstance(value, int):
            value = bool(value)
        if self.kind is int and isinstance(value, str) and value.strip().isdigit():
            value = int(value)
        if value is None and self.default is None:
            return value
        if not isinstance(value, self.kind) or self.kind is int and isinstance(value, bool):
            raise ValueError(f"{self.path} is {self.expected}, not {value!r}")
        if self.choices and value not in self.choices:
            # Whoever writes verbose means Verbose.
            by_lower = {str(each).lower(): each for each in self.choices}
            if str(value).lower() not in by_lower:
                raise ValueError(f"{self.path} is {self.expected}, not {value!r}")
            value = by_lower[str(value).lower()]
        return value

    @property
    def expected(self):
        if self.choices:
            texts = [repr(each) for each in self.choices]
            return f"{', '.join(texts[:-1])} or {texts[-1]}"
        return _KINDS[self.kind]


_KINDS = {
    bool: "true or false", int: "a whole number", str: "a text", list: "a list", dict: "a table", (str, int): "a text or a number",
    (list, dict): "a list of pairs, or a table", (str, type(None)): "a text or None", (str, type): "the full name of a class, or a class",
}


# -- settings that are no plain attribute of the shell


def _colours(shell):
    from rhumba._magics.appearance import scheme

    return scheme(shell)


def _set_colours(shell, value):
    from rhumba import _themes

    name = value.lower()
    if name not in _themes.names():
        raise ValueError(f"there is no theme {value!r}, but {', '.join(_themes.names())}")
    # It says so now if something is wrong with it.
    _themes.codes(name)
    shell.colors = name


def _xmode(shell):
    from rhumba import _tracebacks

    return _tracebacks.mode()


def _set_xmode(shell, value):
    from rhumba import _tracebacks

    _tracebacks.set_mode(value)


def _of_text(name):
    def read(shell):
        return getattr(shell.display_formatter.formatters["text/plain"], name)

    def write(shell, value):
        setattr(shell.display_formatter.formatters["text/plain"], name, value)

    return {"read": read, "write": write}


def _aliases(shell):
    from rhumba._magics import aliases

    return sorted((name, each.command) for name, each in aliases.known().items())


def _set_aliases(shell, value):
    from rhumba._magics import aliases
    from rhumba.shell import UsageError

    pairs = value.items() if isinstance(value, dict) else value
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
            raise ValueError(f"AliasManager.user_aliases has pairs of a name and a command, not {pair!r}")
        try:
            aliases.define(*pair)
        except UsageError as refused:
            raise ValueError(str(refused)) from None


def _prompts_class(shell):
    prompts = type(shell.prompts)
    return f"{prompts.__module__}.{prompts.__name__}"


def _set_prompts_class(shell, value):
    from IPython.terminal.prompts import Prompts

    if isinstance(value, str):
        from IPython.utils.importstring import import_item

        try:
            value = import_item(value)
        except ImportError as failure:
            raise ValueError(f"TerminalInteractiveShell.prompts_class: {failure}") from None
    if not (isinstance(value, type) and issubclass(value, Prompts)):
        raise ValueError(f"TerminalInteractiveShell.prompts_class is a class made of IPython.terminal.prompts.Prompts, not {value!r}")
    shell.prompts = value(shell)


def _set_line_numbers(shell, value):
    try:
        number = value.format(line=1, rel_line=0)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as failure:
        told = f"{type(failure).__name__}: {failure}"
        raise ValueError(
            "TerminalInteractiveShell.prompt_line_number_format is a text with {line} and {rel_line} in it,"
            f" not {value!r} ({told})"
        ) from None
    if not number.isprintable():
        raise ValueError(f"TerminalInteractiveShell.prompt_line_number_format stands in one line, and {value!r} doesn't")
    shell.prompt_line_number_format = value


def _set_shortcuts(shell, value):
    from rhumba import _shortcuts

    good, wrong = _shortcuts.check(value)
    if good or not wrong:
        # A list of its own: the editor sees by that when it changes.
        shell.shortcuts = good
    if wrong:
        others = "; the others are taken" if good else ""
        raise ValueError(f"TerminalInteractiveShell.shortcuts: {'; '.join(wrong)}{others}")


def _set_loop_runner(shell, value):
    from rhumba._magics.appearance import runner
    from rhumba.shell import UsageError

    if isinstance(value, str):
        try:
            value = runner(value)
        except UsageError as refused:
            raise ValueError(f"InteractiveShell.loop_runner: {refused}") from None
    if value is not None and not callable(value):
        raise ValueError(f"InteractiveShell.loop_runner is a function or the name of one, not {value!r}")
    shell.loop_runner = value


def _history_is_kept(shell):
    import _rhumba_history

    return _rhumba_history.is_kept()


def _keep_history(shell, value):
    import _rhumba_history

    _rhumba_history.keep(value)


_started = {}
# Whether what is set waits until all is.
_is_starting = False


def _of_log(name, default):
    """A setting that has a log begin: at the start once all is set, later at once."""

    def write(shell, value):
        if not _is_starting:
            _set_log(shell, name, value)
        _started[name] = value

    return {"read": lambda shell: _started.get(name, default), "write": write}


def _set_log(shell, name, value):
    from rhumba.shell import UsageError

    if not value:
        if shell.logger.log_active:
            raise ValueError(f"{name} has a log begin; %logstop ends it")
        return
    try:
        # The line stays as it is: what looks like `$name` in a path is a part of it.
        shell.find_line_magic("logstart")(_log_of({name: value}))
    except UsageError as refused:
        raise ValueError(str(refused)) from None


def _at_start(name, default):
    """A setting that means something before the first prompt only."""

    def write(shell, value):
        _started[name] = value

    return {"read": lambda shell: _started.get(name, default), "write": write}


SETTINGS = (
    Setting("InteractiveShell", "ast_node_interactivity", str, "which statements of a cell show their value",
            "last_expr", ("all", "last", "last_expr", "last_expr_or_assign", "none")),
    Setting("InteractiveShell", "ast_transformers", list, "objects whose `visit` changes the syntax tree of each cell", []),
    Setting("InteractiveShell", "autoawait", bool, "whether cells may await outside of functions", True),
    Setting("InteractiveShell", "autocall", int, "whether `f x` calls f: 0 no, 1 with something behind it, 2 always",
            0, (0, 1, 2)),
    Setting("InteractiveShell", "autoindent", bool, "whether a new line of a cell is indented", True),
    Setting("InteractiveShell", "automagic", bool, "whether line magics may be typed without their %", True),
    Setting("TerminalInteractiveShell", "auto_match", bool, "whether brackets and quotes are closed as they are typed", False),
    Setting("TerminalInteractiveShell", "shortcuts", list, "keys of your own: {command = \"kill-line\", new_keys = [\"c-q\"]}, …", [],
            write=_set_shortcuts),
    Setting("TerminalInteractiveShell", "prompts_class", (str, type), "what makes the prompts: a class by its full name",
            "IPython.terminal.prompts.Prompts", read=_prompts_class, write=_set_prompts_class),
    Setting("TerminalInteractiveShell", "enable_tip", bool, "whether the start says something that you may not know", True),
    Setting("TerminalInteractiveShell", "term_title", bool, "whether the title of the window says where the shell is", True),
    Setting("TerminalInteractiveShell", "term_title_format", str, "what it says; {cwd} stands for the folder", "rhumba: {cwd}"),
    Setting("InteractiveShell", "banner1", (str, type(None)), "what the shell says at the start in place of its own words",
            read=lambda shell: shell.banner1),
    Setting("InteractiveShell", "banner2", str, "what it says behind that", ""),
    Setting("InteractiveShell", "cache_size", int, "how many values `Out` keeps; with 0 only `_`, `__` and `___` do", 1000),
    Setting("InteractiveShell", "colors", str, "the theme: nocolor, neutral, linux, lightbg, gruvbox-dark, pride, or one of your own",
            "neutral", read=_colours, write=_set_colours),
    Setting("InteractiveShell", "display_page", bool, "whether long text is printed as a whole, without a pager", False),
    Setting("InteractiveShell", "logappend", str, "a file that %logstart adds every cell to", "", **_of_log("logappend", "")),
    Setting("InteractiveShell", "logstart", bool, "whether %logstart writes every cell to rhumba_log.py", False,
            **_of_log("logstart", False)),
    Setting("InteractiveShell", "loop_runner", object, "who runs what awaits: asyncio, sync, or a function, as %autoawait takes it",
            "asyncio", read=lambda shell: shell.loop_runner or "asyncio", write=_set_loop_runner),
    Setting("InteractiveShell", "mime_renderers", dict, "functions that show what has a form of a MIME type, by that", {}),
    Setting("InteractiveShell", "pdb", bool, "whether the debugger opens when a cell fails", False,
            read=lambda shell: bool(getattr(shell, "call_pdb", False)),
            write=lambda shell, value: setattr(shell, "call_pdb", value)),
    Setting("InteractiveShell", "show_rewritten_input", bool, "whether the call is shown that autocall makes of a line", True),
    Setting("InteractiveShell", "system_raise_on_error", bool, "whether a command that fails, of !command, fails its cell", False),
    Setting("InteractiveShell", "wildcards_case_sensitive", bool, "whether %psearch tells capitals from small letters", True),
    Setting("InteractiveShell", "xmode", str, "how tracebacks are shown",
            "Context", ("Plain", "Context", "Verbose", "Minimal", "Docs"), _xmode, _set_xmode),
    Setting("TerminalInteractiveShell", "confirm_exit", bool, "whether Ctrl-D asks before it leaves", False),
    Setting("TerminalInteractiveShell", "editor", str, "the command that %edit opens; if there is none, $VISUAL or $EDITOR", ""),
    Setting("TerminalInteractiveShell", "editing_mode", str, "the keys of the line editor", "emacs", ("emacs", "vi")),
    Setting("TerminalInteractiveShell", "emacs_bindings_in_vi_insert_mode", bool,
            "whether keys of emacs mode are there while one types in vi mode", True),
    Setting("TerminalInteractiveShell", "enable_history_search", bool,
            "whether Up and Down go to the cells that begin as what was typed", True),
    Setting("TerminalInteractiveShell", "highlight_matching_brackets", bool,
            "whether the bracket is marked that belongs to the one at the cursor", True),
    Setting("TerminalInteractiveShell", "prompt_line_number_format", str,
            "what stands before the prompt of each line, such as '{line: 4d}/{rel_line:+03d} | ': its number, and how far it"
            " is below the cursor's", "", write=_set_line_numbers),
    Setting("TerminalInteractiveShell", "prompt_includes_vi_mode", bool, "whether the prompt says which mode of vi's one is in", True),
    Setting("TerminalInteractiveShell", "autosuggestions_provider", (str, type(None)),
            "where suggestions come from while one types; nothing (None) for none", "history"),
    Setting("TerminalInteractiveShell", "classic_prompts", bool, "whether prompts are >>> and values stand alone", False),
    Setting("PlainTextFormatter", "pprint", bool, "whether values are shown by pretty printing", True, **_of_text("pprint")),
    Setting("PlainTextFormatter", "float_precision", (str, int),
            "how floats are shown: decimals, or a format such as %.3g", "", **_of_text("float_precision")),
    Setting("PlainTextFormatter", "max_seq_length", int, "items of a sequence that are shown", 1000,
            **_of_text("max_seq_length")),
    Setting("PlainTextFormatter", "max_width", int, "the width that values are broken to", 79, **_of_text("max_width")),
    Setting("AliasManager", "user_aliases", (list, dict), "names of commands: pairs of a name and a command", [],
            (), _aliases, _set_aliases),
    Setting("HistoryManager", "enabled", bool, "whether cells are kept when the shell ends", True, (), _history_is_kept,
            _keep_history),
    Setting("StoreMagics", "autorestore", bool, "whether what %store keeps is bound at the start", False,
            **_at_start("autorestore", False)),
    Setting("InteractiveShellApp", "display_banner", bool, "whether the shell says at the start what it is", True,
            **_at_start("display_banner", True)),
    Setting("InteractiveShellApp", "extensions", list, "extensions that are loaded at the start", [], **_at_start("extensions", [])),
    Setting("InteractiveShellApp", "exec_lines", list, "cells that run at the start", [], **_at_start("exec_lines", [])),
    Setting("InteractiveShellApp", "exec_files", list, "files that run at the start", [], **_at_start("exec_files", [])),
    Setting("InteractiveShellApp", "logfile", str, "a file that %logstart writes every cell to", "",
            **_of_log("logfile", "")),
)

_BY_PATH = {each.path: each for each in SETTINGS}

# Where IPython has the same setting under a class that has it from another.
_SAME_AS = {
    "TerminalInteractiveShell": "InteractiveShell",
    "InteractiveShell": "TerminalInteractiveShell",
    "TerminalIPythonApp": "InteractiveShellApp",
    "IPythonApp": "InteractiveShellApp",
}
# And where it has one under another class altogether.
_MOVED = {
    f"{owner}.{name}": f"InteractiveShellApp.{name}"
    for owner in ("InteractiveShell", "TerminalInteractiveShell")
    for name in ("display_banner", "logfile")
}

OWNERS = tuple(dict.fromkeys(each.owner for each in SETTINGS))

# How alike a setting that isn't known is to the one that was meant.
_NEARNESS_MIN = 0.75


def is_of_the_shell(owner):
    """Whether a class is one whose settings are in the table, or is meant to be one of them."""
    import difflib

    known = [*OWNERS, *_SAME_AS]
    return owner in known or bool(difflib.get_close_matches(owner, known, 1, 0.9))


def find(path):
    """The setting `Class.name`; LookupError names one that is like it."""
    owner, _, name = path.rpartition(".")
    found = _BY_PATH.get(path) or _BY_PATH.get(f"{_SAME_AS.get(owner)}.{name}") or _BY_PATH.get(_MOVED.get(path))
    if found is not None:
        return found
    near = _like(path)
    listing = f"%config {owner}" if owner in OWNERS else "%config"
    hint = f"there is {near}" if near else f"{listing} lists what there is"
    raise LookupError(f"there is no setting {path}; {hint}")


def _like(path):
    """A setting that is written nearly so, or None."""
    import difflib

    name = path.rpartition(".")[2]
    near = difflib.get_close_matches(path, _BY_PATH, len(_BY_PATH), _NEARNESS_MIN)
    # The class is long: what has it and any other name is like it.
    names = difflib.get_close_matches(name, [each.rpartition(".")[2] for each in near], 1, _NEARNESS_MIN)
    return next((each for each in near if each.rpartition(".")[2] in names), None)


def handed_over():
    return getattr(sys, "_rhumba_configuration", None) or {}


def state_folder():
    """Where what outlives the session is kept; None if there is no such place."""
    return handed_over().get("state_folder")


# -- files of Python


class Config:
    """What a file of Python sets: `c.Class.name = value`, `c.Class.name.append(value)`."""

    def __init__(self):
        self._sections = {}

    def __getattr__(self, owner):
        if owner.startswith("__"):
            raise AttributeError(owner)
        return self._sections.setdefault(owner, _Section())

    __getitem__ = __getattr__

    def merge(self, other):
        sections = other._sections if isinstance(other, Config) else other
        for owner, values in sections.items():
            vars(getattr(self, owner)).update(vars(values) if isinstance(values, _Section) else values)

    def settings(self):
        return {owner: dict(vars(section)) for owner, section in self._sections.items()}


class _Section:
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        # `c.Class.name.append(value)` begins with what isn't there.
        made = Grown()
        setattr(self, name, made)
        return made


class Grown(list):
    """A list that a file adds to; some write of it as of a set or a dict."""

    def add(self, value):
        self.append(value)

    def update(self, values):
        self.extend(values.items() if isinstance(values, dict) else values)

    def prepend(self, values):
        self[:0] = values


def read_python(path):
    """What a file of Python sets, as {class: {name: value}}."""
    config = Config()

    def load_subconfig(name, profile=None):
        folder = os.path.dirname(path)
        if profile not in (None, "default"):
            folder = os.path.join(os.path.dirname(handed_over().get("config_folder") or folder), profile)
        config.merge(_sections_of(os.path.join(folder, name)))

    def _sections_of(name):
        other = Config()
        other.merge(read_python(name))
        return other

    with open(path, "rb") as file:
        source = file.read()
    names = {"c": config, "get_config": lambda: config, "load_subconfig": load_subconfig, "__file__": path}
    exec(compile(source, path, "exec"), names)
    return config.settings()


# -- the start


def start():
    """Sets what files and the command line say, then runs what is to run before the first prompt.

    What goes wrong is told, and the rest goes on: the shell starts all the same. Says whether it shows a banner.
    """
    global _is_starting
    from rhumba.shell import get_ipython

    shell = get_ipython()
    program = sys.modules.get("rhumba._program")
    if program is not None:
        # The one that this shell follows has ended.
        program.stop_telling()
    handed = handed_over()
    _is_starting = True
    try:
        _apply_all(shell, handed)
    finally:
        _is_starting = False
    shows_banner = _started.get("display_banner", True)
    if shows_banner and handed.get("banner"):
        sys.stdout.write(said_at_start(shell, handed["banner"]))
    log = _log_of(_started)
    if log is not None:
        log = log.replace("$", "$$")
        _run(shell, f"get_ipython().run_line_magic('logstart', {log!r})")
    for name in _started.get("extensions", ()):
        from rhumba._magics.extensions import is_built_in

        # Who has them in a file for IPython needs no word on it at every start.
        if not is_built_in(name):
            _run(shell, f"get_ipython().run_line_magic('load_ext', {name!r})")
    for path in handed.get("startup_files", ()):
        _run_file(shell, path)
    for line in _started.get("exec_lines", ()):
        _run(shell, str(line))
    for path in _started.get("exec_files", ()):
        _run_file(shell, os.path.expanduser(str(path)))
    if _started.get("autorestore"):
        _run(shell, "get_ipython().run_line_magic('store', '-r')")
    return shows_banner


def _apply_all(shell, handed):
    """Sets what files and the command line say."""
    for source, settings in handed.get("settings", ()):
        apply(shell, settings, source)
    for path in handed.get("python_files", ()):
        try:
            settings = read_python(path)
        except KeyboardInterrupt:
            _tell(f"{path}: interrupted; the shell starts without it")
            continue
        except (Exception, SystemExit) as failure:
            _tell(f"{path}{_line_of(failure, path)}: {type(failure).__name__}: {failure}; the shell starts without it")
            continue
        apply(shell, settings, path)
    overrides = handed.get("overrides", {})
    # Extensions of the command line come to those of the files.
    added = overrides.get("InteractiveShellApp", {}).pop("extensions", [])
    apply(shell, overrides, "the command line")
    _started["extensions"] = [*_started.get("extensions", ()), *added]


def said_at_start(shell, usual):
    """What the shell says at the start, of which the usual words are a part unless others are set."""
    own = vars(shell).get("banner1")
    said = (usual if own is None else own) + vars(shell).get("banner2", "")
    return said if not said or said.endswith("\n") else said + "\n"


def _log_of(set):
    """What %logstart is given where these settings have a log begin; None for no log."""
    import shlex

    if set.get("logappend"):
        return shlex.quote(set["logappend"]) + " append"
    if set.get("logfile"):
        return shlex.quote(set["logfile"])
    return "" if set.get("logstart") else None


_ASK = "`%config CLASS.NAME = VALUE` says of each what there is instead"


def apply(shell, settings, source):
    """Sets what one source says."""
    ignored, unknown = [], []
    for owner, values in settings.items():
        if not isinstance(values, dict):
            _tell(f"{source}: {owner} stands outside of a section; write [InteractiveShell] above it, or the class it is of")
            continue
        if not is_of_the_shell(owner):
            from rhumba import _ipython_settings, _traits

            # A class of an extension: it is set when an object of it is made.
            is_others = not any(_ipython_settings.changes_nothing(f"{owner}.{name}") for name in values)
            if is_others and _traits.hold(shell, owner, values):
                continue
        for name, value in values.items():
            try:
                find(f"{owner}.{name}").write(shell, value)
            except LookupError as refused:
                from rhumba import _ipython_settings

                if _ipython_settings.changes_nothing(f"{owner}.{name}"):
                    ignored.append(f"{owner}.{name}")
                else:
                    unknown.append((f"{owner}.{name}", str(refused.args[0])))
            except (ValueError, TypeError) as refused:
                _tell(f"{source}: {refused}")
    if len(unknown) == 1:
        _tell(f"{source}: {unknown[0][1]}")
    elif unknown:
        named = [f"{path} (there is {near})" if (near := _like(path)) else path for path, _ in unknown]
        _tell(f"{source}: there are no settings {', '.join(named)}; %config lists what there is")
    if len(ignored) == 1:
        _tell(f"{source}: {_ipython_settings.told(ignored[0])}")
    elif ignored:
        _tell(f"{source}: of IPython's settings, these change nothing here: {', '.join(ignored)}; {_ASK}")


def _run(shell, cell):
    shell.run_cell(cell)


def _run_file(shell, path):
    """Runs a file in the namespace of the session."""
    if not path.endswith((".py", ".ipy", ".ipynb")) or not os.path.isfile(path):
        _tell(f"{path}: there is no such file of Python to run at the start")
        return
    try:
        shell.run_line_magic("run", f"-i {_quoted(path)}")
    except SystemExit:
        raise
    except BaseException as failure:
        shell.showtraceback(failure)


def _quoted(path):
    import shlex

    # What looks like `$name` in a path is a part of it.
    return shlex.quote(path).replace("$", "$$")


def _tell(sentence):
    print(f"rhumba: {sentence}", file=sys.stderr)


def _line_of(failure, path):
    """` line N` for the line of a file that an exception comes from."""
    if isinstance(failure, SyntaxError) and failure.filename == path:
        return f" line {failure.lineno}"
    line, traceback = None, failure.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == path:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return f" line {line}" if line else ""


# -- a file to begin with


def template():
    """The text of a configuration file in which everything is there, commented out."""
    lines = [
        "# What the shell of rhumba is set to: take the # away where something is to be different.",
        "# `%config` in the shell tells what is in force.",
    ]
    for owner in OWNERS:
        lines += ["", f"[{owner}]"]
        for each in SETTINGS:
            if each.owner == owner:
                choices = f" ({', '.join(str(choice) for choice in each.choices)})" if each.choices else ""
                lines += [f"# {each.help}{choices}", f"# {each.name} = {_toml(each.default)}"]
    return "\n".join(lines) + "\n"


def _toml(value):
    import json

    return json.dumps("" if value is None else value)
