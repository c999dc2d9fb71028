"""Magics that run files: `%run`."""

import os
import sys

import _rhumba_shell

from rhumba._options import FILES, count, magic, option
from rhumba.shell import UsageError, get_ipython as _shell

from .profiling import _ORDERS


def _place(text):
    """The kind of an option that names a line of the script, or FILE:LINE."""
    file, _, line = text.rpartition(":")
    if not line.isdigit():
        raise ValueError("a line, or FILE:LINE")
    return file and os.path.abspath(os.path.expanduser(file)), int(line)


def _modules(typed):
    from rhumba._modules import matching

    return matching(typed)


@magic(
    option("-n", "--not-main", help='its __name__ isn\'t "__main__"'),
    option("-i", "--interactive", help="it runs in the namespace of the session itself"),
    option("-e", "--ignore-exit", help="says nothing of a SystemExit"),
    option("-G", "--no-glob", help="leaves *, ? and [] in the arguments as they are"),
    option("-t", "--time", help="tells how long it took"),
    option("-N", "--times", value="TIMES", kind=count, default=1, help="with -t, how often it runs"),
    option("-d", "--debug", help="runs it in the debugger"),
    option("-b", "--breakpoint", value="[FILE:]LINE", kind=_place, help="with -d, runs on to this line"),
    option("-p", "--profile", help="runs it in the profiler; the options below are those of %prun"),
    option("-m", "--module", value="MODULE", last=True, complete=_modules, help="runs a module; what follows is its arguments"),
    option("-l", "--limit", value="LIMIT", repeats=True, help="shows so many functions"),
    option("-s", "--sort", value="ORDER", repeats=True, choices=_ORDERS, help="the order of the functions"),
    option("-T", "--text", value="FILE", help="writes the table to a file as well"),
    option("-D", "--dump", value="FILE", help="writes the figures to a file that pstats reads"),
    option("-q", "--quiet", help="prints no table"),
    rest="FILE [ARGUMENT ...]",
    raw_line=False,
    complete=FILES,
)
def run(given):
    """Runs a script, and binds the names that it leaves in the namespace.

    A file that ends with .ipy may have magics in it, one that ends with .ipynb is
    a notebook; both run in the namespace of the session.
    """
    words = _words(given.rest, not given.no_glob)
    for needs, chosen in (("-t", "times"), ("-d", "breakpoint")):
        if chosen in given.chosen and not getattr(given, {"-t": "time", "-d": "debug"}[needs]):
            raise UsageError(f"%run: --{chosen} means something with {needs} only")
    if sum((given.time, given.debug, given.profile)) > 1:
        raise UsageError("%run takes one of -t, -d and -p")
    if given.module is not None:
        # What stands behind -- is for the module, whatever %run would make of it.
        program = _Program.of_module(given.module, words[words[:1] == ["--"] :])
    elif not words:
        raise UsageError(f"%run needs FILE.\nUsage: {run.usage}")
    else:
        # A script finds itself in sys.argv as it was named, as it does on the command line.
        argv = [_found(words[0]), *words[1:]]
        path = os.path.abspath(argv[0])
        if path.endswith((".ipy", ".ipynb")):
            _run_cells(given, path, argv)
            return
        program = _Program.of_file(path, argv)
    program.run(given)


def _words(line, glob):
    """The words of a line; what stands for files, and isn't quoted, becomes their names."""
    from rhumba._options import _skip_blanks, _word

    words, at = [], 0
    while (at := _skip_blanks(line, at)) < len(line):
        word, end = _word(line, at)
        if word is None:
            raise UsageError(f"%run finds no end of the quote in {line[at:]!r}")
        found = []
        if glob and word == line[at:end]:
            word = os.path.expanduser(word)
            if any(mark in word for mark in "*?["):
                import glob as standard

                found = sorted(standard.glob(word))
        words += found or [word]
        at = end
    return words


def _found(name):
    path = os.path.expanduser(name)
    for candidate in (path, path + ".py", path + ".ipy"):
        if os.path.isfile(candidate):
            return candidate
    raise UsageError(f"%run finds no file {name!r}")


class _Program:
    """What %run runs, in a module of its own or in the session."""

    def __init__(self, code, path, argv, globals, search_path):
        self.code = code
        self.path = path
        self.argv = argv
        # What its module begins with, beside its name.
        self.globals = globals
        self.search_path = search_path

    @classmethod
    def of_file(cls, path, argv):
        import linecache

        linecache.checkcache(path)
        try:
            with open(path, "rb") as file:
                source = file.read()
        except OSError as failure:
            raise UsageError(f"%run can't read {path!r}: {failure.strerror}") from None
        code = compile(source, path, "exec")
        return cls(code, path, argv, {"__file__": path}, os.path.dirname(path))

    @classmethod
    def of_module(cls, name, arguments):
        import importlib.util

        # A module is looked for where the session looks for those that it imports.
        try:
            spec = importlib.util.find_spec(name)
            if spec is not None and spec.submodule_search_locations is not None:
                spec = importlib.util.find_spec(name + ".__main__")
        except (ImportError, ValueError) as failure:
            raise UsageError(f"%run finds no module {name!r}: {failure}") from None
        code = spec and spec.loader and hasattr(spec.loader, "get_code") and spec.loader.get_code(spec.name)
        if not code:
            raise UsageError(f"%run finds no module {name!r} that can be run")
        globals = {"__file__": spec.origin, "__spec__": spec, "__package__": spec.parent}
        return cls(code, spec.origin, [spec.origin or name, *arguments], globals, None)

    def run(self, given):
        shell = _shell()
        stem = os.path.splitext(os.path.basename(self.path or "module"))[0]
        name = stem if given.not_main else "__main__"
        if given.interactive:
            with _kept(shell.user_ns, ("__name__", *self.globals)), self.surroundings(None):
                shell.user_ns.update(self.globals, __name__=name)
                self.execute(given, shell.user_ns)
            return
        import types

        module = types.ModuleType(name)
        namespace = vars(module)
        namespace.update(self.globals)
        namespace["__builtins__"] = __builtins__
        own = set(namespace)
        try:
            with self.surroundings(None if given.not_main else module):
                self.execute(given, namespace)
        finally:
            # Its functions go on with its own globals, as they would if it were imported.
            shell.user_ns.update((key, value) for key, value in namespace.items() if key not in own)

    def surroundings(self, main):
        """What a program finds: its arguments, its folder, itself as `__main__`."""
        from contextlib import ExitStack

        stack = ExitStack()
        before = sys.argv, list(sys.path), sys.modules.get("__main__")
        sys.argv = self.argv
        if self.search_path is not None:
            sys.path.insert(0, self.search_path)
        if main is not None:
            sys.modules["__main__"] = main

        def restore():
            sys.argv = before[0]
            if self.search_path in sys.path and self.search_path is not None:
                sys.path.remove(self.search_path)
            if main is not None:
                sys.modules["__main__"] = before[2]

        stack.callback(restore)
        return stack

    def execute(self, given, namespace):
        try:
            if given.debug:
                self.debug(given, namespace)
            elif given.profile:
                self.profile(given, namespace)
            elif given.time:
                self.time(given, namespace)
            else:
                exec(self.code, namespace)
        except SystemExit as exit:
            # A script that ends itself well ends no shell.
            if exit.code not in (None, 0) and not given.ignore_exit:
                told = f"exited with status {exit.code}" if isinstance(exit.code, int) else f"exited: {exit.code}"
                print(f"{os.path.basename(self.argv[0])} {told}", file=sys.stderr)

    def debug(self, given, namespace):
        from rhumba import _debugger

        places = []
        if given.breakpoint:
            file, line = given.breakpoint
            places = [(file or self.path, line)]
        begun = dict(namespace)
        while _debugger.run(self.code, namespace, places):
            print("Running it again from the start.")
            if not given.interactive:
                namespace.clear()
                namespace.update(begun)

    def profile(self, given, namespace):
        from .profiling import report, run_profiled

        report(given, run_profiled(self.code, namespace), "%run")

    def time(self, given, namespace):
        import time as clock

        from .timing import processor_times, span

        begun = dict(namespace)
        cpu, wall = processor_times(), clock.perf_counter()
        for number in range(given.times):
            if number and not given.interactive:
                namespace.clear()
                namespace.update(begun)
            exec(self.code, namespace)
        wall = clock.perf_counter() - wall
        user, system = (after - before for before, after in zip(cpu, processor_times()))
        rows = [("User", user), ("System", system)]
        if given.times == 1:
            print("\nCPU timings (estimated):")
            for name, seconds in rows:
                print(f"  {name:<7}: {span(seconds):>10}")
        else:
            print(f"\nCPU timings (estimated):\nTotal runs performed: {given.times}")
            print(f"  {'Times':<7}: {'Total':>10} {'Per run':>12}")
            for name, seconds in rows:
                print(f"  {name:<7}: {span(seconds):>10} {span(seconds / given.times):>12}")
        print(f"Wall time: {span(wall):>10}")


class _kept:
    """Keeps what names are bound to: the session's own, which a script changes for itself."""

    def __init__(self, namespace, names):
        self.namespace = namespace
        self.before = {name: namespace[name] for name in names if name in namespace}
        self.names = names

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        for name in self.names:
            if name in self.before:
                self.namespace[name] = self.before[name]
            else:
                self.namespace.pop(name, None)


# -- files of cells


def _run_cells(given, path, argv):
    if given.debug or given.profile or given.time:
        raise UsageError("%run takes -t, -d and -p for Python only, not for files of cells")
    shell = _shell()
    program = _Program(None, path, argv, {}, os.path.dirname(path))
    with _kept(shell.user_ns, ("__file__",)), program.surroundings(None):
        shell.user_ns["__file__"] = path
        for cell in cells_of(path):
            result = shell.run_cell(cell, silent=False)
            if not result.success:
                # It has been shown; the cells that follow count on this one.
                return


def run_program(path):
    """Runs a file of cells as the program of this process; a cell that fails ends it."""
    try:
        cells = cells_of(path)
    except UsageError as refused:
        sys.exit("rhumba: " + str(refused).removeprefix("%run").lstrip(": "))
    _rhumba_shell.shell().user_ns["__file__"] = path
    run_cells(cells)


def run_cells(cells):
    """Runs cells as the program of this process; one that fails ends it."""
    # What stands in cells beside Python becomes calls of the shell: it is there though nobody types.
    shell = _rhumba_shell.shell()
    for cell in cells:
        result = shell.run_cell(cell)
        failure = result.error_before_exec or result.error_in_exec
        if isinstance(failure, SystemExit):
            raise failure
        if failure is not None:
            # It has been shown; the cells that follow count on this one.
            sys.exit(130 if isinstance(failure, KeyboardInterrupt) else 1)


def cells_of(path):
    """The cells of a file: of a notebook those with code, of any other file one."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as failure:
        raise UsageError(f"%run can't read {path!r}: {failure.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"%run can't read {path!r}: it isn't UTF-8 text") from None
    if not path.endswith(".ipynb"):
        return [text]
    import json

    try:
        notebook = json.loads(text)
        # Notebooks of before version 4 have their cells in worksheets.
        sheets = notebook.get("worksheets")
        cells = notebook["cells"] if sheets is None else [cell for sheet in sheets for cell in sheet["cells"]]
        codes = [cell for cell in cells if cell.get("cell_type") == "code"]
        sources = [cell.get("source", cell.get("input", "")) for cell in codes]
        return ["".join(source) for source in sources if "".join(source).strip()]
    except (ValueError, KeyError, AttributeError, TypeError):
        raise UsageError(f"%run: {path!r} isn't a notebook: it has no cells as JSON") from None
