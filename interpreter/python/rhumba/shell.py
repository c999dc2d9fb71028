"""The shell as Python code sees it: what `get_ipython()` returns.

It holds the magics and the few things that programs written for IPython's shell
ask for. Reading keys, drawing prompts and transforming cells are not done here:
the last is Rust's, and comes in through `_rhumba_shell`.
"""

import sys

import _rhumba_shell

# What takes time to import is imported where it is used: the shell starts with the first cell.

__all__ = ["Shell", "UsageError", "get_ipython"]

get_ipython = _rhumba_shell.get_ipython


class UsageError(Exception):
    """A magic was called in a way it doesn't know; shown without a traceback."""


class Shell:
    """One interactive session over the namespace of this process.

    user_ns: the namespace, a dict
    input_hook: None, or a callable that is given the source of every cell before
        it runs; it returns source to run, or None if it has handled the cell
    """

    def __init__(self):
        self.user_ns = _rhumba_shell.namespace()
        self.user_global_ns = self.user_ns
        self.input_hook = None
        self.events = Events()
        self._magics = {"line": {}, "cell": {}}
        self._added_loaded = False

    @property
    def execution_count(self):
        """The number that the next cell will have."""
        return _rhumba_shell.cell_count() + 1

    # -- magics

    def register_magic_function(self, func, magic_kind="line", magic_name=None):
        """Makes a function a magic.

        magic_kind: "line": called with the rest of the line; "cell": with the
            line and the cell below it; "line_cell": either
        """
        kinds = ("line", "cell") if magic_kind == "line_cell" else (magic_kind,)
        for kind in kinds:
            if kind not in self._magics:
                raise UsageError(
                    f"a magic is of kind line, cell or line_cell, not {magic_kind!r}"
                )
            self._magics[kind][magic_name or func.__name__] = func

    def find_magic(self, magic_name, magic_kind="line"):
        """Returns the function of a magic, or None."""
        found = self._magics[magic_kind].get(magic_name)
        if found is None:
            from rhumba import _magics

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
        if not getattr(function, "raw_line", False):
            line = self._expanded(line)
        return function(line)

    def run_cell_magic(self, magic_name, line, cell):
        """Runs `%%magic_name line` with the cell below it."""
        function = self.find_magic(magic_name, "cell")
        if function is None:
            raise UsageError(self._unknown(magic_name, "cell"))
        if not getattr(function, "raw_line", False):
            line = self._expanded(line)
        return function(line, cell)

    def magic(self, arg_s):
        """Runs a line magic written in one string."""
        name, _, line = arg_s.lstrip("%").partition(" ")
        return self.run_line_magic(name, line)

    def _unknown(self, name, kind):
        other = "cell" if kind == "line" else "line"
        mark = {"line": "%", "cell": "%%"}
        if self.find_magic(name, other) is not None:
            return (
                f"{mark[kind]}{name} isn't a {kind} magic,"
                f" but {mark[other]}{name} is a {other} magic."
            )
        if kind == "line" and name in ("px", "autopx", "pxresult", "pxconfig"):
            return (
                f"%{name} needs engines: connect first, with"
                " `import ipyparallel as ipp` and `rc = ipp.Client()`."
            )
        import difflib

        near = difflib.get_close_matches(name, self._magic_names(kind), 1)
        hint = f" Did you mean {mark[kind]}{near[0]}?" if near else " %lsmagic lists the magics."
        return f"{kind.capitalize()} magic {mark[kind]}{name} isn't known.{hint}"

    def _magic_names(self, kind):
        self._load_added()
        from rhumba import _magics

        return sorted({*self._magics[kind], *_magics.known(kind)})

    def _load_added(self):
        """Registers the magics that come with rhumba-stdlib: an interpreter alone has no store."""
        if self._added_loaded:
            return
        self._added_loaded = True
        try:
            from rhumba import _namespace_magics
        except ModuleNotFoundError as missing:
            if missing.name != "rhumba._namespace_magics":
                raise
            return
        _namespace_magics.register(self)

    def _complete_argument(self, name, typed):
        """What could stand in the place of the word that is typed behind a magic.

        None if the magic doesn't know: then it is completed as Python. A magic
        knows by its attribute `complete_argument`, which is called with the word,
        and by `options`, which `rhumba._options` has declared.
        """
        kind = "cell" if name.startswith("%") else "line"
        function = self.find_magic(name.lstrip("%"), kind)
        if typed.startswith("-"):
            flags = (flag for each in getattr(function, "options", ()) for flag in each.flags)
            return [flag for flag in flags if flag.startswith(typed)] or None
        complete = getattr(function, "complete_argument", None)
        if complete is None:
            return None
        try:
            return complete(typed)
        except Exception:
            # A store that can't be read is told of by the magic itself.
            return []

    # -- running

    def run_cell(self, raw_cell, store_history=False, silent=False):
        """Runs a cell; its output is shown as it is made. Returns an ExecutionResult."""
        count, value, failure = _rhumba_shell.run_cell(
            raw_cell, silent, store_history and not silent
        )
        if failure is not None and not silent and not isinstance(failure, SystemExit):
            self.showtraceback(failure)
        return ExecutionResult(count, value, failure)

    def ev(self, expr):
        """Returns the value of an expression in the namespace."""
        return eval(expr, self.user_ns)

    def ex(self, cmd):
        """Runs statements in the namespace."""
        exec(cmd, self.user_ns)

    def push(self, variables, interactive=True):
        """Binds names: those of a dict, or of a list from the caller's names."""
        if isinstance(variables, dict):
            self.user_ns.update(variables)
            return
        if isinstance(variables, str):
            variables = variables.split()
        caller = sys._getframe(1)
        for name in variables:
            self.user_ns[name] = eval(name, caller.f_globals, caller.f_locals)

    def transform_cell(self, raw_cell):
        """Returns the Python that a cell with magics stands for."""
        return _rhumba_shell.transform_cell(raw_cell)

    def complete(self, text, line=None, cursor_pos=None):
        """Returns the text that would be replaced, and what could stand in its place."""
        line = text if line is None else line
        cursor_pos = len(line) if cursor_pos is None else cursor_pos
        cursor = len(line[:cursor_pos].encode())
        start, matches = _rhumba_shell.complete(line, cursor)
        return line.encode()[start:cursor].decode(), matches

    def reset(self, new_session=True):
        """Unbinds every name of the user's."""
        _rhumba_shell.clear()

    def showtraceback(self, exc_tuple=None):
        """Writes the traceback of an exception to stderr: by default, of the one being handled."""
        from rhumba._failure import report

        failure = exc_tuple if exc_tuple is not None else sys.exception()
        if isinstance(failure, tuple):
            failure = failure[1]
        if failure is not None:
            sys.stderr.write(report(failure)[2] + "\n")

    # -- the system

    def system(self, cmd):
        """Runs a command of the system's shell and shows its output as it comes."""
        from rhumba._system import system

        self.user_ns["_exit_code"] = system(self._expanded(cmd))

    def getoutput(self, cmd, split=True):
        """Runs a command and returns its output: a list of lines, or one string."""
        from rhumba._system import getoutput

        text = getoutput(self._expanded(cmd))
        return text.splitlines() if split else text

    def _expanded(self, text):
        """Puts the values of `$name` and `{expression}` into a line.

        What isn't known in the namespace stays: it may mean something to the command.
        """
        if "$" not in text and "{" not in text:
            return text

        def value(match):
            name, expression = match.groups()
            if name is not None:
                return str(self.user_ns[name]) if name in self.user_ns else match[0]
            if expression is None:
                return "$"
            try:
                return str(eval(expression, self.user_ns))
            except Exception:
                return match[0]

        import re

        return re.sub(r"(?<![\\$])\$(?:\$|([A-Za-z_]\w*))|\{([A-Za-z_][^{}]*)\}", value, text)

    def __repr__(self):
        return f"<rhumba shell, {_rhumba_shell.cell_count()} cells so far>"


class ExecutionResult:
    """What running a cell gave."""

    def __init__(self, execution_count, result, error_in_exec):
        self.execution_count = execution_count
        self.result = result
        self.error_in_exec = error_in_exec
        self.error_before_exec = None

    @property
    def success(self):
        return self.error_in_exec is None

    def raise_error(self):
        if self.error_in_exec is not None:
            raise self.error_in_exec

    def __repr__(self):
        state = "succeeded" if self.success else f"failed: {self.error_in_exec!r}"
        return f"<cell {self.execution_count} {state}>"


class Events:
    """Callbacks around each cell that a person enters.

    The events are pre_execute, pre_run_cell, post_execute and post_run_cell; callbacks are
    called without arguments.
    """

    def __init__(self):
        self.callbacks = {}

    def register(self, event, function):
        known = self.callbacks.setdefault(event, [])
        if function not in known:
            known.append(function)

    def unregister(self, event, function):
        known = self.callbacks.get(event, [])
        if function not in known:
            raise ValueError(f"{function!r} isn't registered for {event!r}")
        known.remove(function)

    def trigger(self, event, *args, **kwargs):
        if event not in self.callbacks:
            return
        for function in list(self.callbacks.get(event, ())):
            try:
                function(*args, **kwargs)
            except Exception as failure:
                get_ipython().showtraceback(failure)
