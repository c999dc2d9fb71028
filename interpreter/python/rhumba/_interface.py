"""What hangs on the shell by name, for programs written for IPython's shell.

Each is made when it is first asked for. What rhumba itself needs in every session
is in `shell`; what the magics of the shell need is in `_magics`.
"""

import os
import sys
import types

from rhumba.shell import UsageError, get_ipython

USAGE = """\
rhumba is a shell for Python and for engines that work beside it.

    obj?  obj??         what an object is; its source
    %lsmagic  %magic?   the magics: what a line or a cell can do that isn't Python
    !command            runs a command of the system; files = !ls keeps its output
    _  __  Out[3]       values of past cells; In[3] is what was typed
    Tab                 completes names, attributes, keys, files, magics
    import ipyparallel as ipp; rc = ipp.Client()
                        the engines of a cluster; then %px runs a line on each
    Ctrl-D              leaves"""


class ExtensionManager:
    """Loads extensions: modules with `load_ipython_extension(shell)`."""

    def __init__(self, shell):
        self.shell = shell
        self.loaded = set()

    def load_extension(self, module_str):
        """Imports an extension and lets it set itself up; says in a word why not, else None."""
        if module_str in self.loaded:
            return "already loaded"
        module = self._module(module_str)
        return None if self._call(module, "load_ipython_extension", module_str) else "no load function"

    def unload_extension(self, module_str):
        """Lets an extension take itself down."""
        if module_str not in self.loaded:
            return "not loaded"
        module = sys.modules.get(module_str)
        function = getattr(module, "unload_ipython_extension", None)
        if function is None:
            return "no unload function"
        function(self.shell)
        self.loaded.discard(module_str)
        return None

    def reload_extension(self, module_str):
        """Loads an extension anew, from its changed source."""
        if module_str not in self.loaded or module_str not in sys.modules:
            return self.load_extension(module_str)
        import importlib

        self.unload_extension(module_str)
        module = importlib.reload(sys.modules[module_str])
        return None if self._call(module, "load_ipython_extension", module_str) else "no load function"

    def _module(self, name):
        import importlib

        # Those that come along with the shell have short names.
        for full in (name,) if "." in name else (name, "IPython.extensions." + name):
            try:
                return importlib.import_module(full)
            except ModuleNotFoundError as missing:
                if missing.name not in (full, name.partition(".")[0]):
                    raise
        raise ModuleNotFoundError(f"there is no module {name}", name=name)

    def _call(self, module, function, name):
        function = getattr(module, function, None)
        if function is None:
            return False
        function(self.shell)
        self.loaded.add(name)
        return True


class DisplayPublisher:
    """Shows forms by MIME type."""

    def __init__(self, shell):
        self.shell = shell

    def publish(self, data, metadata=None, source=None, *, transient=None, update=False, **kwargs):
        from rhumba._display import publish_display_data

        publish_display_data(data, metadata, transient=transient, update=update)

    def clear_output(self, wait=False):
        from rhumba._display import clear_output

        clear_output(wait)

    @property
    def is_publishing(self):
        return False


class HistoryManager:
    """What was typed, in this session and in those before; `rhumba._past` reads it."""

    def __init__(self, shell=None):
        self.shell = get_ipython() if shell is None else shell

    @property
    def enabled(self):
        """Whether cells are kept when the shell ends."""
        import _rhumba_history

        return _rhumba_history.is_kept()

    @enabled.setter
    def enabled(self, value):
        import _rhumba_history

        _rhumba_history.keep(bool(value))

    @property
    def input_hist_raw(self):
        return self.shell.user_ns.get("_ih", [""])

    @property
    def input_hist_parsed(self):
        """The same cells as the Python that they stood for."""
        return [self.shell.transform_cell(source) for source in self.input_hist_raw]

    @property
    def output_hist(self):
        return self.shell.user_ns.get("_oh", {})

    @property
    def output_hist_reprs(self):
        """The texts of the values of cells, by their numbers."""
        form = self.shell.display_formatter.formatters["text/plain"]
        return {count: form(value) for count, value in self.output_hist.items()}

    @property
    def dir_hist(self):
        return self.shell.user_ns.get("_dh", [])

    @property
    def session_number(self):
        import _rhumba_history

        return _rhumba_history.session() or 0

    def get_last_session_id(self):
        """The number of this session; None where no history is kept."""
        return self.session_number or None

    def get_range(self, session=0, start=1, stop=None, raw=True, output=False):
        """The cells of a session as (session, line, text); 0 is this one, -1 the one before.

        raw: as they were entered; else as the Python that they stood for
        output: with a pair in the place of the text, of it and the text of the result
        """
        from rhumba import _past

        back = -session if session <= 0 else self.session_number - session
        return [self._row(cell, raw, output) for cell in _past._of_session(back, start, stop)]

    def get_tail(self, n=10, raw=True, output=False, include_latest=False):
        """The last cells, of this session and those before; the one that runs only with include_latest."""
        from rhumba import _past

        return [self._row(cell, raw, output) for cell in _past.last(n, include_latest)]

    def search(self, pattern="*", raw=True, search_raw=True, output=False, n=None, unique=False):
        """The cells that a pattern with * and ? matches."""
        from rhumba import _past

        cells = _past.matching(pattern, n, unique)
        return [self._row(cell, raw, output) for cell in cells]

    def get_range_by_str(self, rangestr, raw=True, output=False):
        """The cells that ranges mean: "3-7 ~2/1"."""
        from rhumba import _past

        return [self._row(cell, raw, output) for cell in _past.cells(rangestr.split())]

    def _row(self, cell, raw, output):
        from rhumba import _past

        text = _past.text_of(cell, raw)
        return cell.session or 0, cell.number, (text, cell.result) if output else text


class InputTransformerManager:
    """Cells to Python, and whether they are whole."""

    def __init__(self, shell):
        self.shell = shell

    @property
    def cleanup_transforms(self):
        return self.shell.input_transformers_cleanup

    @property
    def line_transforms(self):
        return self.shell.input_transformers_post

    def transform_cell(self, cell):
        return self.shell.transform_cell(cell)

    def check_complete(self, cell):
        """The state and the number of spaces to indent by."""
        status, indent = self.shell.check_complete(cell)
        return status, len(indent) if status == "incomplete" else None


class Hooks:
    """Functions by which programs replace what the shell does: that of the lowest priority is asked first.

    The shell asks `editor`, `show_in_pager` and `clipboard_get`; others are asked by who sets them. Where none is
    set, an attribute is what the shell does of itself. One that is assigned is called without the shell.
    """

    def __init__(self, shell):
        self._shell = shell
        self._chains = {}

    def set(self, name, hook, priority=50):
        chain = self._chains.setdefault(name, [])
        chain.append((priority, hook))
        chain.sort(key=lambda entry: entry[0])

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        chain = self._chains.get(name)
        if not chain:
            from IPython.core import hooks

            if name not in hooks.DEFAULTS:
                raise AttributeError(f"no hook {name!r} is set")
            chain = [(100, hooks.DEFAULTS[name])]

        def dispatch(*args, **kwargs):
            from IPython.core.error import TryNext

            last = None
            for _, hook in chain:
                try:
                    return hook(self._shell, *args, **kwargs)
                except TryNext as left:
                    last = left
            raise last

        return dispatch


class Completion:
    """What could stand in the place of the text from `start` to `end`."""

    def __init__(self, start, end, text, *, type=None, signature="", _origin=""):
        self.start, self.end, self.text = start, end, text
        self.type, self.signature, self._origin = type, signature, _origin

    def __repr__(self):
        return f"<Completion start={self.start} end={self.end} text={self.text!r} type={self.type!r}>"

    def __eq__(self, other):
        if not isinstance(other, Completion):
            return NotImplemented
        return (self.start, self.end, self.text) == (other.start, other.end, other.text)

    def __hash__(self):
        return hash((self.start, self.end, self.text))


class Completer:
    """What completes names, as an object."""

    def __init__(self, shell=None, **kwargs):
        self.shell = get_ipython() if shell is None else shell

    @property
    def namespace(self):
        return self.shell.user_ns

    @property
    def custom_matchers(self):
        """Functions that complete before the shell does, where they have something to offer."""
        return self.shell._own_completers().matchers

    @property
    def matchers(self):
        """The same, and the shell's own behind them."""
        return [*self.custom_matchers, self.all_completions]

    def complete(self, text=None, line_buffer=None, cursor_pos=None):
        return self.shell.complete(text or "", line_buffer, cursor_pos)

    def all_completions(self, text):
        return self.complete(text)[1]

    def completions(self, text, offset):
        """What could stand at an offset: objects with start, end, text and type."""
        replaced, matches = self.shell.complete(text, text, offset)
        for match in matches:
            yield Completion(offset - len(replaced), offset, match)


def has_hook(name):
    """Whether a program has set this hook."""
    shell = get_ipython()
    hooks = shell.__dict__.get("_hooks") if shell is not None else None
    return hooks is not None and (name in hooks.__dict__ or bool(hooks._chains.get(name)))


def hooked(name, *args, **kwargs):
    """Asks the hook of a name: whether it did what the shell would do, and what it gave."""
    if not has_hook(name):
        return False, None
    from IPython.core.error import TryNext

    try:
        return True, getattr(get_ipython().hooks, name)(*args, **kwargs)
    except TryNext:
        return False, None


def _formatter(shell):
    from rhumba._formatters import formatter

    return formatter()


def _from(module, name):
    """What makes an object of a class that is in a module of its own."""

    def make(shell):
        from importlib import import_module

        return getattr(import_module(module), name)(shell)

    return make


def _traceback_formatter(shell):
    from IPython.core.ultratb import AutoFormattedTB

    return AutoFormattedTB()


def _no_trap(shell):
    import contextlib

    # The names that it would add are builtins all the time.
    return contextlib.nullcontext()


def _state_folder(shell):
    from IPython.paths import get_ipython_dir

    return get_ipython_dir()


def _debugger_class(shell):
    from rhumba._debugger import Debugger

    return Debugger


def _prompts(shell):
    from rhumba._prompts import Prompts

    return Prompts(shell)


def _configuration(shell):
    from rhumba import _traits

    return _traits.new_config()


# How what hangs on the shell is made.
MAKERS = {
    "alias_manager": _from("IPython.core.alias", "AliasManager"),
    "prefilter_manager": _from("IPython.core.prefilter", "PrefilterManager"),
    "builtin_trap": _no_trap,
    "ipython_dir": _state_folder,
    "compile": _from("IPython.core.compilerop", "CachingCompiler"),
    "InteractiveTB": _traceback_formatter,
    "debugger_cls": _debugger_class,
    "display_formatter": _formatter,
    "display_pub": DisplayPublisher,
    "extension_manager": ExtensionManager,
    "magics_manager": _from("rhumba._magic_manager", "MagicsManager"),
    "history_manager": HistoryManager,
    "input_transformer_manager": InputTransformerManager,
    "Completer": Completer,
    "prompts": _prompts,
    "inspector": _from("rhumba._inspect", "Inspector"),
    "hooks": lambda shell: shell._hooks,
    "_hooks": Hooks,
    "configurables": lambda shell: [],
    "config": _configuration,
    "user_ns_hidden": lambda shell: {},
    "home_dir": lambda shell: os.path.expanduser("~"),
}


# -- methods that few programs call


def safe_execfile(shell, fname, *where, exit_ignore=False, raise_exceptions=False, shell_futures=False):
    """Runs a file in the namespace, or in the dict that is given; shows what it raises."""
    namespace = where[0] if where else shell.user_ns
    path = os.path.abspath(os.path.expanduser(fname))
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
        exec(code, namespace)
    except SystemExit as end:
        if end.code not in (None, 0) and not exit_ignore:
            raise
    except Exception:
        if raise_exceptions:
            raise
        shell.showtraceback()


def safe_execfile_ipy(shell, fname, shell_futures=False, raise_exceptions=False):
    """Runs a file whose lines may be magics."""
    with open(os.path.expanduser(fname), encoding="utf-8") as file:
        result = shell.run_cell(file.read(), silent=raise_exceptions)
    if raise_exceptions:
        result.raise_error()


def safe_run_module(shell, mod_name, where):
    """Runs a module as `python -m` does, and puts its names into a dict."""
    import runpy

    try:
        where.update(runpy.run_module(str(mod_name), run_name="__main__", alter_sys=True))
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    except Exception:
        shell.showtraceback()


def mktemp(shell, data=None, prefix="ipython_edit_"):
    """A new file for a moment, with text in it."""
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix=prefix)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, prefix + "file.py")
    if data is not None:
        with open(path, "w", encoding="utf-8") as file:
            file.write(data)
    return path


def ask_exit(shell):
    """Ends the session."""
    from rhumba._leaving import Leave

    raise Leave


def all_ns_refs(shell):
    return [shell.user_ns, shell.user_global_ns]


def user_expressions(shell, expressions):
    """The values of expressions as forms, or what each raised."""
    answers = {}
    for key, expression in expressions.items():
        try:
            data, metadata = shell.display_formatter.format(shell.ev(expression))
            answers[key] = {"status": "ok", "data": data, "metadata": metadata}
        except Exception as failure:
            answers[key] = {"status": "error", "ename": type(failure).__name__, "evalue": str(failure), "traceback": []}
    return answers


def showsyntaxerror(shell, filename=None, running_compiled_code=False):
    """Shows the SyntaxError that is being handled."""
    shell.showtraceback()


def auto_rewrite_input(shell, cmd):
    if shell.show_rewritten_input:
        print("------> " + cmd)


def object_inspect(shell, oname, detail_level=0):
    """What `oname?` tells, as a dict."""
    from rhumba._inspect import facts

    found = shell._ofind(oname)
    if found.ismagic:
        known = facts(found.obj, oname, detail_level > 0)
        return {**known, "found": True, "ismagic": True, "isalias": found.isalias, "namespace": found.namespace}
    value = found.obj
    if not found.found:
        # What isn't names with dots between them is an expression: `table["rows"]`.
        try:
            value = shell.ev(oname)
        except Exception:
            unknown = dict.fromkeys(facts(None))
            return {**unknown, "name": oname, "found": False, "ismagic": False, "isalias": False, "isclass": False}
    return {**facts(value, oname, detail_level > 0), "found": True}


def object_inspect_mime(shell, oname, detail_level=0, omit_sections=()):
    return {"text/plain": shell.object_inspect_text(oname, detail_level)}


def system_raw(shell, cmd):
    """Runs a command as `!command` does, whatever a program has put in the place of `system`."""
    type(shell).system(shell, cmd)


def system_piped(shell, cmd):
    """The same: where there is no terminal, output comes through a pipe of itself."""
    type(shell).system(shell, cmd)


def define_macro(shell, name, themacro):
    """Binds a name to a macro: text that runs where its name stands alone."""
    from IPython.core.macro import Macro

    shell.user_ns[name] = themacro if isinstance(themacro, Macro) else Macro(themacro)


def enable_gui(shell, gui=None):
    if gui is not None:
        raise UsageError("windows have no event loop in this shell")


def extract_input_lines(shell, range_str, raw=False):
    """The text of the cells that ranges mean."""
    rows = shell.history_manager.get_range_by_str(range_str, raw=raw)
    return "".join(text if text.endswith("\n") else text + "\n" for _, _, text in rows)


def excepthook(shell, etype, value, tb):
    """Shows an exception as that of a cell is shown."""
    shell.showtraceback((etype, value, tb))


def debugger(shell, force=False):
    """Opens the debugger where the last failure was: at once if forced, else if %pdb asks for it."""
    if force or getattr(shell, "call_pdb", False):
        from rhumba._debugger import post_mortem

        post_mortem()


def transform_ast(shell, node):
    """The syntax tree that the transformers of programs make of another one."""
    from rhumba._nodes import _transformed

    return _transformed(shell, node)


def reset_selective(shell, regex=None):
    """Unbinds the names in which a regular expression is found."""
    import re

    if regex is not None:
        pattern = re.compile(regex)
        for name in [name for name in shell.user_ns if pattern.search(name)]:
            del shell.user_ns[name]


def get_local_scope(shell, stack_depth):
    """The names of a caller; 0 is the one that calls this."""
    return sys._getframe(stack_depth + 1).f_locals


def ask_yes_no(shell, prompt, default=None, interrupt=None):
    """Asks until the answer is yes or no."""
    from IPython.utils.io import ask_yes_no as ask

    return ask(prompt, default, interrupt)


def run_code(shell, code_obj, result=None, *, async_=False):
    """Runs code in the namespace and shows what it raises; says whether it failed."""
    try:
        exec(code_obj, shell.user_ns)
    except SystemExit:
        raise
    except BaseException as failure:
        if result is not None:
            result.error_in_exec = failure
        shell.showtraceback()
        return True
    return False


def find_user_code(shell, target, raw=True, py_only=False, skip_encoding_cookie=True, search_ns=False):
    """The code that is meant by ranges of cells, a file, an address, a macro, or a name bound to text."""
    from rhumba import _past

    try:
        return _past.source_of(target.split(), raw, search_ns, skip_encoding_cookie)
    except UsageError as failure:
        raise ValueError(str(failure)) from None


def _ofind(shell, oname, namespaces=None):
    """What a name means, dots included: an OInfo. Magics are found with their mark and without."""
    from IPython.core.oinspect import OInfo

    name = oname.strip()
    parts = name.split(".")
    spaces = namespaces or [("Interactive", shell.user_ns), ("Python builtin", sys.modules["builtins"].__dict__)]
    for space, names in spaces:
        if parts[0] in names:
            parent, obj = None, names[parts[0]]
            for index, part in enumerate(parts[1:], 2):
                parent = obj
                try:
                    obj = _attribute(parent, part, index == len(parts))
                except Exception:
                    return OInfo(found=False, parent=parent)
            return OInfo(found=True, namespace=space, parent=parent, obj=obj)
    kinds = ("cell",) if name.startswith("%%") else ("line",) if name.startswith("%") else ("line", "cell")
    for kind in kinds:
        magic = shell.find_magic(name.lstrip("%"), kind)
        if magic is not None:
            is_alias = type(magic).__name__ == "Alias"
            return OInfo(found=True, isalias=is_alias, ismagic=True, namespace="IPython internal", obj=magic)
    return OInfo()


def _attribute(parent, name, is_last):
    """An attribute; of a property that is asked about itself the property, as its value is code."""
    if is_last and isinstance(getattr(type(parent), name, None), property):
        return getattr(type(parent), name)
    return getattr(parent, name)


def _get_exc_info(shell, exc_tuple=None):
    """The type, the value and the traceback of the exception that is being handled, else of the last failure."""
    found = exc_tuple or sys.exc_info()
    if found[1] is None:
        last = getattr(sys, "last_exc", None)
        if last is None:
            raise ValueError("nothing has failed")
        found = type(last), last, last.__traceback__
    return tuple(found)


def get_exception_only(shell, exc_tuple=None):
    """The last lines of a traceback: what was raised."""
    from rhumba._tracebacks import text

    return text(shell._get_exc_info(exc_tuple)[1], "Minimal") + "\n"


def _showtraceback(shell, etype, evalue, stb):
    """Writes the lines of a traceback to stderr; what its encoding lacks, by numbers."""
    text = "\n".join(stb) + "\n"
    try:
        sys.stderr.write(text)
    except UnicodeEncodeError:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        sys.stderr.write(text.encode(encoding, "backslashreplace").decode(encoding))


def set_custom_exc(shell, exc_tuple, handler):
    """Has a handler tell of these exceptions where a cell raises them, in the place of the shell."""
    from rhumba import _handlers

    _handlers.set_custom_exc(shell, exc_tuple, handler)


def _find_my_config(shell, cfg):
    """What the configurables of a program ask the shell for, as their parent."""
    from rhumba import _traits

    return _traits.find_my_config(shell, cfg)


METHODS = {
    function.__name__: function
    for function in (
        safe_execfile, safe_execfile_ipy, safe_run_module, mktemp, ask_exit, all_ns_refs, user_expressions,
        showsyntaxerror, auto_rewrite_input, object_inspect, object_inspect_mime, system_raw, system_piped,
        define_macro, enable_gui, extract_input_lines, excepthook, debugger, set_custom_exc, _showtraceback,
        _get_exc_info, get_exception_only, get_local_scope, ask_yes_no, run_code, find_user_code, transform_ast,
        reset_selective, _ofind, _find_my_config,
    )
}
METHODS["runcode"] = run_code
# The name that it has had since IPython 8.
METHODS["mktempfile"] = mktemp
PLAIN = {"custom_exceptions": (), "colors": "neutral", "call_pdb": False, "pt_app": None}


def attribute(shell, name):
    """What the shell has under a name, made now."""
    if name in METHODS:
        return types.MethodType(METHODS[name], shell)
    if name in MAKERS:
        made = MAKERS[name](shell)
    elif name in PLAIN:
        made = PLAIN[name]
    elif name.startswith("_"):
        # What displays objects asks for many such names.
        raise AttributeError(f"the shell has no {name!r}", name=name, obj=shell)
    else:
        from rhumba import _attributes

        return _attributes.attribute(shell, name)
    shell.__dict__[name] = made
    return made
