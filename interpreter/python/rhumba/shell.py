"""The shell as Python code sees it: what `get_ipython()` returns.

It has the attributes and methods that programs written for IPython's shell ask for,
and holds what the shell is set to. Reading keys, drawing prompts and transforming
cells are not done here: the last is Rust's, and comes in through `_rhumba_shell`.

Everything that is needed only now and then is in a module of its own, because
every engine holds this one: `_interface` (what hangs on the shell by name),
`_formatters` (display), `_expansion`, `_inspect`, `_magics`.
"""

import sys

import _rhumba_shell
from rhumba import _magics

# What takes time to import is imported where it is used: the shell starts with the first cell.

__all__ = ["Shell", "UsageError", "get_ipython"]

get_ipython = _rhumba_shell.get_ipython

# How alike a name that isn't known is to the one that was meant: 0.75 is two letters of four that changed places.
_NEARNESS_MIN = 0.75


class IPythonCoreError(Exception):
    """What goes wrong in the shell itself."""


class UsageError(IPythonCoreError):
    """A magic was called in a way it doesn't know; shown without a traceback."""


class Shell:
    """One interactive session over the namespace of this process.

    user_ns: the namespace, a dict
    input_hook: None, or a callable that is given the source of every cell before
        it runs; it returns source to run, or None if it has handled the cell
    input_transformers_cleanup, input_transformers_post: functions from a list of
        lines to a list of lines, for what is typed and for the Python made of it
    ast_transformers: objects whose `visit` takes and returns a syntax tree
    automagic: whether a magic may be typed without its %
    autocall: whether `f x` calls f: 0 no, 1 with something behind it, 2 always
    autoawait: whether cells may await; loop_runner runs what does, None is asyncio
    rl_next_input: the last text that was put into a prompt
    """

    # Whether all is there that it has from the start; settings of IPython's that were set and change nothing here.
    _is_made, _without_effect = False, ()

    def __init__(self):
        self.user_ns = _rhumba_shell.namespace()
        self.user_global_ns = self.user_ns
        self.input_hook = None
        self.input_transformers_cleanup = []
        self.input_transformers_post = []
        self.ast_transformers = []
        self.automagic = True
        self.autocall = 0
        self.autoawait = True
        self.loop_runner = None
        self.rl_next_input = None
        self.meta = {}
        self.events = Events()
        self._ast_node_interactivity = "last_expr"
        self._magics = {"line": {}, "cell": {}}
        # What is imported when it is first asked for, by the name of a module.
        self._declared_magics = {"line": {}, "cell": {}}
        self._added_loaded = False
        self._completers = None
        # The failure of the last cell, if a handler of the person's own has told of it.
        self._told_failure = None
        # What `run_cell` was given, until the cell begins.
        self._asked_to_run = None
        # Where the cell magic that runs is written: the name of the cell, and the line.
        self._magic_place = None
        self.last_execution_succeeded = True
        # What `last_execution_result` is made of; it holds no object of the cell.
        self._last_cell = None
        # By this name programs ask whether they are in such a shell.
        sys.modules["builtins"].__IPYTHON__ = True
        # The runtime makes two objects of the hook and of sys.__breakpointhook__.
        if sys.breakpointhook.__name__ == "breakpointhook":
            sys.breakpointhook = _breakpoint
        self._is_made = True

    def __setattr__(self, name, value):
        is_new = self._is_made and name not in self.__dict__
        object.__setattr__(self, name, value)
        if is_new and not name.startswith("_") or name in self._without_effect:
            from rhumba import _ipython_settings

            _ipython_settings.tell_if_without_effect(self, name)

    def __getattr__(self, name):
        # Called for what isn't there yet: what hangs on the shell is made when it is asked for.
        if name.startswith("__"):
            raise AttributeError(name)
        from rhumba import _interface

        return _interface.attribute(self, name)

    @property
    def __class__(self):
        """What `isinstance` looks at beside the type: see `_traits`, which makes the shell a Configurable."""
        if "traitlets" not in sys.modules:
            return type(self)
        from rhumba import _traits

        return _traits.seen_as(type(self))

    @__class__.setter
    def __class__(self, cls):
        object.__dict__["__class__"].__set__(self, cls)

    def __dir__(self):
        from rhumba import _attributes

        return sorted({*super().__dir__(), *_attributes.names()})

    @classmethod
    def instance(cls, *args, **kwargs):
        """The shell; there is one in a session."""
        return get_ipython()

    @classmethod
    def initialized(cls):
        return get_ipython() is not None

    def __reduce__(self):
        # Each process has its own.
        return get_ipython, ()

    @property
    def execution_count(self):
        """The number that the next cell will have, also while one runs."""
        return _rhumba_shell.execution_count()

    @execution_count.setter
    def execution_count(self, number):
        if not isinstance(number, int) or not 1 <= number < 2**31:
            raise ValueError(f"execution_count is a whole number from 1 up, not {number!r}")
        _rhumba_shell.set_execution_count(int(number))

    @property
    def cache_size(self):
        """How many values `Out` keeps."""
        return _rhumba_shell.cache_size()

    @cache_size.setter
    def cache_size(self, count):
        if not isinstance(count, int) or not 0 <= count < 2**31:
            raise ValueError(f"cache_size is a whole number from 0 up, not {count!r}")
        _rhumba_shell.set_cache_size(int(count))

    @property
    def user_module(self):
        return sys.modules["__main__"]

    @property
    def ast_node_interactivity(self):
        """Which statements of a cell show their value."""
        return self._ast_node_interactivity

    @ast_node_interactivity.setter
    def ast_node_interactivity(self, value):
        from rhumba._nodes import INTERACTIVITIES

        if value not in INTERACTIVITIES:
            raise ValueError(
                f"ast_node_interactivity is one of {', '.join(INTERACTIVITIES)}, not {value!r}"
            )
        self._ast_node_interactivity = value

    @property
    def xmode(self):
        """How tracebacks are shown."""
        from rhumba import _tracebacks

        return _tracebacks.mode()

    @xmode.setter
    def xmode(self, name):
        from rhumba import _tracebacks

        _tracebacks.set_mode(name)

    # -- magics

    def register_magic_function(self, func, magic_kind="line", magic_name=None):
        """Makes a function a magic.

        magic_kind: "line": called with the rest of the line; "cell": with the
            line and the cell below it; "line_cell": either
        """
        if not callable(func):
            raise TypeError(f"a magic is a function, not {func!r}")
        kinds = ("line", "cell") if magic_kind == "line_cell" else (magic_kind,)
        for kind in kinds:
            if kind not in self._magics:
                raise UsageError(
                    f"a magic is of kind line, cell or line_cell, not {magic_kind!r}"
                )
            self._magics[kind][magic_name or func.__name__] = func

    def register_magics(self, *magics):
        """Registers classes of magics, or objects of them."""
        for each in magics:
            if not callable(getattr(each, "register", None)):
                raise TypeError(f"magics are a class of IPython.core.magic.Magics or an object of one, not {each!r}")
            (each(self) if isinstance(each, type) else each).register()

    def define_magic(self, magic_name, func):
        """Makes a function of the shell and the line a magic."""
        self.register_magic_function(lambda line: func(self, line), "line", magic_name)

    def find_magic(self, magic_name, magic_kind="line"):
        """Returns the function of a magic, or None."""
        found = self._magics[magic_kind].get(magic_name)
        if found is None and magic_name in self._declared_magics[magic_kind]:
            from rhumba import _magic_manager

            return _magic_manager.loaded(self, magic_name, magic_kind)
        if found is None:
            found = _magics.find(magic_name, magic_kind)
        if found is None:
            self._load_added()
            found = self._magics[magic_kind].get(magic_name)
        return found

    def find_line_magic(self, magic_name):
        return self.find_magic(magic_name, "line")

    def find_cell_magic(self, magic_name):
        return self.find_magic(magic_name, "cell")

    def run_line_magic(self, magic_name, line, _stack_depth=1):
        """Runs `%magic_name line` and returns what it returns."""
        function = self.find_magic(magic_name, "line")
        if function is None:
            raise UsageError(self._unknown(magic_name, "line"))
        frame = sys._getframe(_stack_depth)
        line = self._line_for(function, line, frame)
        scope = {"local_ns": frame.f_locals} if getattr(function, "needs_local_scope", False) else {}
        return _unless_muted(function, function(line, **scope), line)

    def run_cell_magic(self, magic_name, line, cell):
        """Runs `%%magic_name line` with the cell below it."""
        function = self.find_magic(magic_name, "cell")
        if function is None:
            raise UsageError(self._unknown(magic_name, "cell"))
        frame = sys._getframe(1)
        line = self._line_for(function, line, frame)
        scope = {"local_ns": self.user_ns} if getattr(function, "needs_local_scope", False) else {}
        before, self._magic_place = self._magic_place, (frame.f_code.co_filename, frame.f_lineno)
        try:
            value = function(line, cell, **scope)
        finally:
            self._magic_place = before
        return _unless_muted(function, value, cell)

    def _line_for(self, function, line, frame):
        is_raw = getattr(function, "raw_line", False)
        return line if is_raw else self._expanded(line, frame)

    def magic(self, arg_s):
        """Runs a line magic written in one string."""
        name, _, line = arg_s.lstrip("%").partition(" ")
        return self.run_line_magic(name, line, _stack_depth=2)

    def _unknown(self, name, kind):
        other = "cell" if kind == "line" else "line"
        mark = {"line": "%", "cell": "%%"}
        if self.find_magic(name, other) is not None:
            return (
                f"{mark[kind]}{name} isn't a {kind} magic,"
                f" but {mark[other]}{name} is a {other} magic."
            )
        if name == "px" or kind == "line" and name in ("autopx", "pxresult", "pxconfig"):
            return (
                f"{mark[kind]}{name} needs engines: connect first, with"
                " `import ipyparallel as ipp` and `rc = ipp.Client()`."
            )
        import difflib

        near = difflib.get_close_matches(name, self._magic_names(kind), 1, _NEARNESS_MIN)
        hint = f" Did you mean {mark[kind]}{near[0]}?" if near else " %lsmagic lists the magics."
        return f"{kind.capitalize()} magic {mark[kind]}{name} isn't known.{hint}"

    def _magic_names(self, kind):
        if _imports_are_quiet():
            self._load_added()
        return sorted({*self._magics[kind], *self._declared_magics[kind], *_magics.known(kind)})

    def _knows_line_magic(self, name):
        """Whether there is such a magic; imports none."""
        if name in self._magics["line"] or name in self._declared_magics["line"]:
            return True
        if name in _magics.known("line"):
            return True
        self._load_added()
        return name in self._magics["line"]

    def _load_added(self):
        """Registers the magics that come with rhumba-stdlib: an interpreter alone has no store."""
        if self._added_loaded:
            return
        self._added_loaded = True
        try:
            import rhumba._namespace_magics as added
        except ModuleNotFoundError as missing:
            if missing.name != "rhumba._namespace_magics":
                raise
            return
        added.register(self)

    def _magic_at_hand(self, name, kind):
        """The function of a magic, or None; one that isn't imported yet only where an import asks nobody."""
        if _imports_are_quiet():
            return self.find_magic(name, kind)
        found = self._magics[kind].get(name)
        return _magics.imported(name, kind) if found is None else found

    def _complete_argument(self, name, typed, before=""):
        """What could stand in the place of the word that is typed behind a magic.

        "files" or "folders" if it is a path; None if the magic doesn't know: then it is completed as Python. A magic
        knows by its attribute `complete_argument`, which is called with the word,
        and by `options`, which `rhumba._options` has declared.

        before: the line up to the word
        """
        kind = "cell" if name.startswith("%") else "line"
        function = self._magic_at_hand(name.lstrip("%"), kind)
        options = getattr(function, "options", ())
        if typed.startswith("-"):
            flags = (flag for each in options for flag in each.flags)
            return [flag for flag in flags if flag.startswith(typed)] or None
        last = before.split()[-1:]
        complete = getattr(function, "complete_argument", None)
        for option in options:
            if option.value is not None and last and last[0] in option.flags:
                if option.choices:
                    return [choice for choice in option.choices if choice.startswith(typed)]
                ask = getattr(getattr(function, "__self__", None), "complete_option", None)
                if ask is not None:
                    return ask(option.name, typed)
                complete = option.complete or ("files" if option.value == "FILE" else complete)
        if complete is None or complete in ("files", "folders"):
            return complete
        try:
            return complete(typed)
        except Exception:
            # A store that can't be read is told of by the magic itself.
            return []

    # -- running

    def run_cell(
        self, raw_cell, store_history=False, silent=False, shell_futures=True, cell_id=None, cell_meta=None
    ):
        """Runs a cell; its output is shown as it is made. Returns an ExecutionResult.

        cell_id, cell_meta: what the callbacks of its events are told about it
        """
        store = store_history and not silent
        return self._ran(ExecutionInfo(raw_cell, store, silent, shell_futures, cell_id, cell_meta))

    def _run_body(self, body):
        """Runs the cell below the magic that runs: what fails in it is shown in the cell that has both."""
        return self._ran(ExecutionInfo(body), *self._place_of(body))

    def _place_of(self, body):
        """The name of the cell that a body stands in, and how many lines are above it; nothing if that isn't kept."""
        name, line = self._magic_place or ("", 0)
        # A cell that isn't counted may be forgotten before what the body defines.
        if not name.endswith(f"cell {_rhumba_shell.cell_count()}>"):
            return ()
        import linecache

        lines = linecache.getlines(name)[line:]
        return (name, line) if "".join(lines).rstrip("\n") == body.rstrip("\n") else ()

    def _ran(self, info, *place):
        raw_cell = info.raw_cell
        if not raw_cell or raw_cell.isspace():
            # It is no cell: it has no number, and nobody is told of it.
            return ExecutionResult(None, None, None, True, info)
        self._asked_to_run = info
        try:
            count, value, failure, began = _rhumba_shell.run_cell(raw_cell, info.silent, info.store_history, *place)
        finally:
            self._asked_to_run = None
        return ExecutionResult(count, value, failure, began, info)

    def _show_failure(self, failure):
        """Shows what a cell of `run_cell` failed with, unless a handler has told of it."""
        if isinstance(failure, SystemExit):
            return
        if failure is not self._told_failure:
            self.showtraceback(failure)
        self._debug_if_asked(failure)

    def _debug_if_asked(self, failure):
        """Opens the debugger for a failure, if %pdb asks for it and somebody can answer."""
        if getattr(self, "call_pdb", False) is not True:
            return
        from rhumba._pager import is_terminal

        if sys.flags.interactive or is_terminal(sys.stdin):
            from rhumba import _debugger

            _debugger.on_failure(failure)

    def _cell_begins(self, source, silent, store):
        """Tells the callbacks that a cell begins; returns what they were told."""
        info, self._asked_to_run = self._asked_to_run, None
        if info is None or info.raw_cell != source:
            info = ExecutionInfo(source, store, silent)
        self._told_failure = None
        self.events.trigger("pre_execute")
        if not silent:
            self.events.trigger("pre_run_cell", info)
        return info

    def _cell_ran(self, info, count, failure, began):
        """Keeps how a cell ended, and lets what programs have set for that tell of its failure."""
        if info.store_history:
            self.last_execution_succeeded = failure is None
            self._last_cell = info, count, began
        if failure is not None and not info.silent and not _TELLS_FAILURES.isdisjoint(self.__dict__):
            from rhumba import _handlers

            if _handlers.told_by_handler(self, failure, began):
                self._told_failure = failure

    def _cell_ended(self, info, count, value, failure, began):
        """Tells the callbacks that a cell has ended; what it failed with has been shown."""
        if not self.events.callbacks:
            return
        self.events.trigger("post_execute")
        if not info.silent:
            result = ExecutionResult(count, value, failure, began, info)
            self.events.trigger("post_run_cell", result)

    def _lines_through(self, source, transformers):
        """What transformers make of a cell; one that fails is told of and left out from then on.

        SyntaxError and InputRejected are what they may raise of a cell that isn't to run.
        """
        for transformer in list(transformers):
            try:
                source = "".join(transformer(source.splitlines(keepends=True)))
            except SyntaxError:
                raise
            except Exception as failure:
                from rhumba._nodes import InputRejected

                if isinstance(failure, InputRejected):
                    raise
                # Else no cell would run any more, not even one that takes it out.
                transformers.remove(transformer)
                told = f"{type(failure).__name__}: {failure}"
                print(f"The input transformer {transformer!r} failed and is removed. {told}", file=sys.stderr)
        return source

    def ev(self, expr):
        """Returns the value of an expression in the namespace."""
        return eval(expr, self.user_ns)

    def ex(self, cmd):
        """Runs statements in the namespace."""
        exec(cmd, self.user_ns)

    def push(self, variables, interactive=True):
        """Binds names: those of a dict, or of a list from the caller's names.

        interactive: whether they count as the person's own, or are noted in `user_ns_hidden`
        """
        if not isinstance(variables, dict):
            names = variables.split() if isinstance(variables, str) else variables
            caller = sys._getframe(1)
            variables = {name: eval(name, caller.f_globals, caller.f_locals) for name in names}
        self.user_ns.update(variables)
        if not interactive:
            self.user_ns_hidden.update(variables)
        elif "user_ns_hidden" in self.__dict__:
            for name in variables:
                self.user_ns_hidden.pop(name, None)

    def drop_by_id(self, variables):
        """Unbinds names that are still bound to the objects of a dict."""
        for name, value in variables.items():
            if name in self.user_ns and self.user_ns[name] is value:
                del self.user_ns[name]
                self.user_ns_hidden.pop(name, None)

    def del_var(self, varname, by_name=False):
        """Unbinds a name, and lets go of its object in what the shell remembers."""
        if varname not in self.user_ns:
            raise NameError(f"name '{varname}' is not defined", name=varname)
        value = self.user_ns.pop(varname)
        if by_name:
            return
        outputs = self.user_ns.get("_oh", {})
        for number in [number for number, kept in outputs.items() if kept is value]:
            del outputs[number]
            self.user_ns.pop(f"_{number}", None)
        for name in ("_", "__", "___"):
            if self.user_ns.get(name) is value:
                self.user_ns[name] = None

    def transform_cell(self, raw_cell):
        """Returns the Python that a cell with magics stands for."""
        source = _rhumba_shell.unpasted(raw_cell)
        if self.input_transformers_cleanup:
            source = self._lines_through(source, self.input_transformers_cleanup)
        source = _rhumba_shell.transform_cell(_rhumba_shell.meant(source))
        if self.input_transformers_post:
            source = self._lines_through(source, self.input_transformers_post)
        return source

    def check_complete(self, code):
        """Whether code is "complete", "incomplete" or "invalid", and the next line's indentation."""
        status, indent = _rhumba_shell.check_complete(code)
        return status, " " * indent if status == "incomplete" else ""

    def set_next_input(self, s, replace=False):
        """Puts text into the next prompt, for the person to go on with; where there is none, prints it."""
        import _rhumba_history

        self.rl_next_input = s
        text = s.rstrip("\n")
        if not _rhumba_history.bring_back(text):
            print(text)

    def reset(self, new_session=True, aggressive=False):
        """Unbinds every name of the user's, and forgets outputs."""
        _rhumba_shell.clear()
        self._last_cell = None
        self.__dict__.pop("user_ns_hidden", None)

    def show_usage(self):
        """Says in short what the shell has: `?` alone."""
        from rhumba._interface import USAGE

        print(USAGE)

    # -- completion and introspection

    def complete(self, text, line=None, cursor_pos=None):
        """Returns the text that would be replaced, and what could stand in its place."""
        line = text if line is None else line
        cursor_pos = len(line) if cursor_pos is None else cursor_pos
        try:
            before = line[:cursor_pos].encode()
        except UnicodeEncodeError:
            # Half of a pair of surrogates is no code.
            return "", []
        start, matches = _rhumba_shell.complete(line, len(before))
        return before[start:].decode(), matches

    def set_custom_completer(self, completer, pos=0):
        """Adds a function of the completer and the text to those that complete."""
        from types import MethodType

        self._own_completers().matchers.insert(pos, MethodType(completer, self.Completer))

    def set_hook(self, name, hook, priority=50, str_key=None, re_key=None):
        """Adds a function to one of the shell's hooks: complete_command completes a command."""
        if name != "complete_command":
            self._hooks.set(name, hook, priority)
        elif str_key is None and re_key is None:
            raise UsageError("complete_command needs the command: str_key='%name' or re_key='pattern'")
        else:
            self._own_completers().add(hook, command=str_key, pattern=re_key)

    def _own_completers(self):
        if self._completers is None:
            from rhumba._completers import Completers

            self._completers = Completers()
        return self._completers

    def object_inspect_text(self, oname, detail_level=0):
        """What `oname?` shows."""
        return _rhumba_shell.inspect(oname, detail_level > 0)

    # -- failures

    def showtraceback(self, exc_tuple=None, filename=None, tb_offset=None, exception_only=False, running_compiled_code=False):
        """Writes the traceback of an exception to stderr: by default, of the one being handled, else of the last."""
        from rhumba._failure import described

        failure = exc_tuple if exc_tuple is not None else sys.exception() or getattr(sys, "last_exc", None)
        if isinstance(failure, tuple):
            failure = failure[1]
        if failure is None:
            print("Nothing has failed yet, so there is no traceback.", file=sys.stderr)
            return
        from rhumba._handlers import maker_of_lines

        maker = None if exception_only else maker_of_lines(self, failure)
        if maker is not None:
            lines = maker(type(failure), failure, failure.__traceback__, tb_offset=tb_offset)
        else:
            name, message, text = described(failure)
            lines = (f"{name}: {message}" if exception_only else text).split("\n")
        self._showtraceback(type(failure), failure, lines)

    # -- the system

    def system(self, cmd):
        """Runs a command of the system's shell and shows its output as it comes."""
        from rhumba._system import system

        if cmd.split(None, 1)[:1] == ["cd"] and not any(mark in cmd for mark in "&|;\n"):
            import warnings

            told = "!cd changes the folder of a process that ends at once; %cd changes that of this session"
            warnings.warn(told, stacklevel=2)
        status = self.user_ns["_exit_code"] = system(self._expanded(cmd, sys._getframe(1)))
        if status and self.system_raise_on_error:
            self._command_failed(status, cmd)

    def _command_failed(self, status, cmd):
        from subprocess import CalledProcessError

        raise CalledProcessError(status, cmd)

    def getoutput(self, cmd, split=True, depth=0):
        """Runs a command and returns its output: a list of lines, or one string."""
        from IPython.utils.text import LSString, SList
        from rhumba._system import output_and_status

        text, status = output_and_status(self._expanded(cmd, sys._getframe(depth + 1)))
        if status and self.system_raise_on_error:
            self.user_ns["_exit_code"] = status
            self._command_failed(status, cmd)
        return SList(text.splitlines()) if split else LSString(text)

    def var_expand(self, cmd, depth=0, formatter=None):
        """Puts the values of `$name`, `${name}` and `{expression}` into a line."""
        return self._expanded(cmd, sys._getframe(depth + 1))

    def _expanded(self, text, frame=None):
        """Puts values into a line: of the frame's names, then of the namespace's.

        What isn't known stays: it may mean something to the command.
        """
        if "$" not in text and "{" not in text:
            return text
        from rhumba._expansion import expanded

        names = self.user_ns if frame is None else frame.f_locals
        return expanded(text, names, self.user_ns)

    def __repr__(self):
        return f"<rhumba shell, {_rhumba_shell.cell_count()} cells so far>"


# By the name of its class programs tell a shell on a terminal from one in a browser.
Shell.__name__ = Shell.__qualname__ = "TerminalInteractiveShell"
TerminalInteractiveShell = Shell


def _imports_are_quiet():
    """Whether no program has put a dictionary of its own in the place of `sys.modules`, which imports ask."""
    return type(sys.modules) is dict


def _unless_muted(function, value, code):
    """What a magic has returned; None if it is one that a semicolon mutes, and its code ends with one."""
    if value is None or not getattr(function, "output_can_be_silenced", False) or ";" not in code:
        return value
    from IPython.core.displayhook import DisplayHook

    return None if DisplayHook.semicolon_at_end_of_expression(code) else value


def _breakpoint(*args, **kwargs):
    from rhumba._debugger import on_breakpoint

    return on_breakpoint(*args, **kwargs)


# What programs put in the place of how the shell tells of a failed cell.
_TELLS_FAILURES = frozenset(("CustomTB", "InteractiveTB", "showtraceback", "showsyntaxerror", "_showtraceback"))


class ExecutionInfo:
    """What is run: the argument of pre_run_cell.

    cell_id, cell_meta: what whoever runs it says about it
    """

    def __init__(
        self, raw_cell, store_history=False, silent=False, shell_futures=True, cell_id=None, cell_meta=None
    ):
        self.raw_cell = raw_cell
        self.store_history = store_history
        self.silent = silent
        self.shell_futures = shell_futures
        self.cell_id = cell_id
        self.cell_meta = cell_meta

    def __repr__(self):
        return f"<to run: {self.raw_cell[:50]!r}>"


class ExecutionResult:
    """What running a cell gave: the argument of post_run_cell.

    error_before_exec: why it could not begin, a SyntaxError for one
    error_in_exec: what it raised
    """

    def __init__(self, execution_count, result, failure, began=True, info=None):
        self.execution_count = execution_count
        self.result = result
        self.info = info
        self.error_in_exec = failure if began else None
        self.error_before_exec = None if began else failure

    @property
    def success(self):
        return self.error_in_exec is None and self.error_before_exec is None

    def raise_error(self):
        failure = self.error_before_exec or self.error_in_exec
        if failure is not None:
            raise failure

    def __repr__(self):
        failure = self.error_before_exec or self.error_in_exec
        state = "succeeded" if failure is None else f"failed: {failure!r}"
        return f"<cell {self.execution_count} {state}>"


class Events:
    """Callbacks around each cell that runs.

    pre_execute()               before every cell, silent ones too
    pre_run_cell(info)          before a cell that isn't silent; an ExecutionInfo
    post_execute()              after every cell
    post_run_cell(result)       after a cell that isn't silent; an ExecutionResult
    shell_initialized(shell)    called at once: by then the shell is there

    A callback may take fewer arguments than it is given. Programs may make one for events of their own.
    """

    def __init__(self, shell=None, available_events=None, print_on_error=True):
        self.shell = shell
        self.available_events = EVENTS if available_events is None else available_events
        self.print_on_error = print_on_error
        self.callbacks = {}

    def register(self, event, function):
        if event not in self.available_events:
            raise ValueError(f"the events are {', '.join(self.available_events)}, not {event!r}")
        if not callable(function):
            raise TypeError(f"a callback is callable, unlike {function!r}")
        if event == "shell_initialized":
            _called(function, (get_ipython(),))
            return
        known = self.callbacks.setdefault(event, [])
        if function not in known:
            known.append(function)

    def unregister(self, event, function):
        known = self.callbacks.get(event, [])
        if function not in known:
            raise ValueError(f"{function!r} isn't registered for {event!r}")
        known.remove(function)
        if not known:
            del self.callbacks[event]

    def trigger(self, event, *args):
        for function in list(self.callbacks.get(event, ())):
            try:
                _called(function, args)
            except (Exception, KeyboardInterrupt) as failure:
                if self.print_on_error:
                    print(f"Error in callback {function!r} of {event}:")
                    get_ipython().showtraceback(failure)


EVENTS = ("pre_execute", "pre_run_cell", "post_execute", "post_run_cell", "shell_initialized")


def _called(function, args):
    """Calls a callback with as many of the arguments as it takes."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is not None and not code.co_flags & 4:
        taken = code.co_argcount - (getattr(function, "__self__", None) is not None)
        args = args[:taken]
    return function(*args)
