"""The basic magics: time, names, folders, files, the environment, history.

Each is a function of the rest of the line, and of the cell below it if it is a
cell magic. Its docstring is what `%name?` shows.
"""

import os
import sys
import time as clock

import _rhumba_shell

from rhumba.shell import UsageError


def register(shell):
    """Gives the shell its basic magics; those that are there already stay."""
    for kind, magics in (("line", LINE), ("cell", CELL)):
        for name, function in magics.items():
            shell._magics[kind].setdefault(name, function)


def _shell():
    return _rhumba_shell.get_ipython()


# -- time


def time(line):
    """%time STATEMENT runs it once and tells how long it took.

    The value of an expression is returned.
    """
    return _timed(line)


def time_cell(line, cell):
    """%%time runs the cell once and tells how long it took."""
    return _timed(f"{line}\n{cell}" if line else cell)


def _timed(source):
    if not source.strip():
        raise UsageError("%time needs a statement: %time sum(range(1000))")
    code, mode = _compiled(_shell().transform_cell(source), "<timed>")
    namespace = _shell().user_ns
    cpu, wall = os.times(), clock.perf_counter()
    try:
        value = eval(code, namespace) if mode == "eval" else exec(code, namespace)
    finally:
        wall = clock.perf_counter() - wall
        cpu = [after - before for before, after in zip(cpu[:4], os.times()[:4])]
        used = sum(cpu)
        print(f"CPU times: user {span(cpu[0] + cpu[2])}, sys: {span(cpu[1] + cpu[3])}, total: {span(used)}")
        print(f"Wall time: {span(wall)}")
    return value


def _compiled(source, name):
    """Compiles an expression if it is one, else statements; tracebacks can show its lines."""
    import linecache

    lines = [text + "\n" for text in source.splitlines()]
    linecache.cache[name] = (len(source), None, lines, name)
    try:
        return compile(source.strip(), name, "eval"), "eval"
    except SyntaxError:
        return compile(source, name, "exec"), "exec"


def timeit(line, cell=None):
    """%timeit [-n LOOPS] [-r REPEATS] [-q] [-o] STATEMENT tells how long it takes.

    As a cell magic, the line is the set-up and the cell is what is timed.

    -n LOOPS    how often it runs in one measurement; by default, as often as 0.2 s allow
    -r REPEATS  how many measurements, 7 by default
    -q          don't print the result
    -o          return it: an object with best, worst, average, stdev, loops, repeat
    """
    import timeit as standard

    options, rest = _options(line, {"-n": int, "-r": int, "-p": int, "-q": None, "-o": None, "-t": None, "-c": None})
    statement, setup = (rest, "pass") if cell is None else (cell, rest or "pass")
    if not statement.strip():
        raise UsageError("%timeit needs a statement: %timeit sum(range(1000))")
    statement = _shell().transform_cell(statement)
    timer = standard.Timer(statement, setup, globals=_shell().user_ns)
    loops = options.get("-n")
    if not loops:
        loops, _ = timer.autorange()
    repeat = options.get("-r", 7)
    result = Timing([seconds / loops for seconds in timer.repeat(repeat, loops)], loops)
    if "-q" not in options:
        print(result)
    return result if "-o" in options else None


class Timing:
    """What %timeit measured; times are seconds per loop."""

    def __init__(self, times, loops):
        self.timings = times
        self.loops = loops
        self.repeat = len(times)
        self.best = min(times)
        self.worst = max(times)
        self.average = sum(times) / len(times)
        self.stdev = (sum((t - self.average) ** 2 for t in times) / len(times)) ** 0.5

    def __str__(self):
        plural = "" if self.loops == 1 else "s"
        runs = "" if self.repeat == 1 else "s"
        return (
            f"{span(self.average)} ± {span(self.stdev)} per loop"
            f" (mean ± std. dev. of {self.repeat} run{runs}, {self.loops:,} loop{plural} each)"
        )

    def __repr__(self):
        return f"<Timing: {self}>"


def span(seconds):
    """A time as people read it: 1.52 ms, 3min 2s."""
    if seconds >= 60:
        whole = int(seconds)
        parts = (("d", whole // 86400), ("h", whole // 3600 % 24), ("min", whole // 60 % 60), ("s", whole % 60))
        return " ".join(f"{amount}{unit}" for unit, amount in parts if amount)
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


# -- names


def who(line):
    """%who [TYPE ...] lists the names that were bound, or those bound to such types."""
    names = _names(line)
    print("\t".join(names) if names else "No names are bound." if not line else "No such names.")


def who_ls(line):
    """%who_ls [TYPE ...] returns the names that were bound, as a sorted list."""
    return _names(line)


def whos(line):
    """%whos [TYPE ...] shows the names that were bound, with type and value in short."""
    names = _names(line)
    if not names:
        print("No names are bound." if not line else "No such names.")
        return
    namespace = _shell().user_ns
    rows = [("Variable", "Type", "Data/Info")]
    for name in names:
        rows.append((name, type(namespace[name]).__name__, _brief(namespace[name])))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    rule = "-" * (sum(widths) + 15)
    for index, (name, kind, text) in enumerate(rows):
        print(f"{name:<{widths[0]}}   {kind:<{widths[1]}}    {text}")
        if index == 0:
            print(rule)


def _names(line):
    namespace = _shell().user_ns
    kinds = line.split()
    return sorted(
        name
        for name in _rhumba_shell.names()
        if not name.startswith("_") and (not kinds or type(namespace[name]).__name__ in kinds)
    )


def _brief(value):
    if isinstance(value, (list, tuple, dict, set, frozenset)):
        return f"n={len(value)}"
    try:
        text = " ".join(repr(value).split())
    except Exception as failure:
        return f"<repr() raised {type(failure).__name__}>"
    return text if len(text) <= 60 else text[:40] + "<...>" + text[-15:]


def reset(line):
    """%reset [-f] [-s] unbinds every name; asks first, unless -f is given.

    -s  keeps the history of inputs and outputs
    """
    options, _ = _options(line, {"-f": None, "-s": None})
    if "-f" not in options:
        answer = input("Once deleted, variables cannot be recovered. Proceed (y/[n])? ")
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing done.")
            return
    _rhumba_shell.clear()


# -- folders, files, the environment


def pwd(line):
    """%pwd returns the working folder."""
    return os.getcwd()


_previous_folder = None


def cd(line):
    """%cd [FOLDER] changes the working folder: to the home folder without one, `-` goes back."""
    global _previous_folder
    target = line.strip().strip("\"'")
    options = target.split(" ", 1)
    quiet = options[0] == "-q"
    if quiet:
        target = options[1].strip() if len(options) > 1 else ""
    if target == "-":
        if _previous_folder is None:
            raise UsageError("%cd - has no folder to go back to: this is the first one")
        target = _previous_folder
    here = os.getcwd()
    try:
        os.chdir(os.path.expanduser(target or "~"))
    except OSError as failure:
        raise UsageError(f"%cd can't go to {target!r}: {failure.strerror}") from None
    _previous_folder = here
    if not quiet:
        print(os.getcwd())


def env(line):
    """%env shows the environment; %env NAME one variable; %env NAME=VALUE sets one."""
    text = line.strip()
    if not text:
        return dict(os.environ)
    for mark in ("=", " "):
        if mark in text:
            name, _, value = text.partition(mark)
            return _set_env(name.strip(), value.strip())
    if text not in os.environ:
        raise UsageError(f"the environment has no variable {text}")
    return os.environ[text]


def set_env(line):
    """%set_env NAME=VALUE sets a variable of the environment."""
    name, mark, value = line.strip().partition("=")
    if not mark:
        name, _, value = line.strip().partition(" ")
    if not name:
        raise UsageError("%set_env needs a name and a value: %set_env NAME=VALUE")
    return _set_env(name.strip(), value.strip())


def _set_env(name, value):
    os.environ[name] = value
    print(f"env: {name}={value}")


def run(line):
    """%run [-i] FILE [ARGS] runs a script, and binds the names it leaves in the namespace.

    -i          it runs in the namespace itself
    -n          its __name__ isn't "__main__"
    """
    import shlex

    words = shlex.split(line)
    flags = set()
    while words and words[0] in ("-i", "-n"):
        flags.add(words.pop(0))
    if not words:
        raise UsageError("%run needs a file: %run script.py")
    path = os.path.expanduser(words[0])
    if not os.path.exists(path) and not path.endswith(".py") and os.path.exists(path + ".py"):
        path += ".py"
    if not os.path.isfile(path):
        raise UsageError(f"%run finds no file {words[0]!r}")
    _run_file(path, [path, *words[1:]], "-i" in flags, "-n" not in flags)


def _run_file(path, argv, inside, as_main):
    path = os.path.abspath(path)
    shell = _shell()
    namespace = shell.user_ns if inside else {"__builtins__": __builtins__}
    name = "__main__" if as_main else os.path.splitext(os.path.basename(path))[0]
    held = {key: shell.user_ns.get(key) for key in ("__name__", "__file__")}
    namespace.update(__name__=name, __file__=path)
    saved_argv, sys.argv = sys.argv, argv
    sys.path.insert(0, os.path.dirname(path))
    try:
        with open(path, "rb") as file:
            source = file.read()
        if path.endswith(".ipy"):
            source = shell.transform_cell(source.decode())
        exec(compile(source, path, "exec"), namespace)
    except SystemExit as exit:
        # A script that ends itself well ends no shell.
        if exit.code not in (None, 0):
            print(f"{os.path.basename(path)} exited with status {exit.code}", file=sys.stderr)
    finally:
        sys.argv = saved_argv
        sys.path.remove(os.path.dirname(path))
        if inside:
            for key, value in held.items():
                shell.user_ns[key] = value
                if value is None:
                    del shell.user_ns[key]
        else:
            own = ("__builtins__", "__name__", "__file__")
            shell.user_ns.update({k: v for k, v in namespace.items() if k not in own})


def writefile(line, cell):
    """%%writefile [-a] FILE writes the cell to a file; -a appends to it."""
    options, name = _options(line, {"-a": None})
    if not name:
        raise UsageError("%%writefile needs a file: %%writefile notes.txt")
    path = os.path.expanduser(name.strip("\"'"))
    existed = os.path.exists(path)
    with open(path, "a" if "-a" in options else "w", encoding="utf-8") as file:
        file.write(cell)
    print(("Appending to" if "-a" in options else "Overwriting" if existed else "Writing"), path)


def bash(line, cell):
    """%%bash runs the cell as a script of the system's shell."""
    from rhumba._system import system

    status = system(cell)
    if status:
        raise UsageError(f"the script ended with status {status}")


# -- about the shell


def lsmagic(line):
    """%lsmagic lists the magics."""
    shell = _shell()
    for kind, mark in (("line", "%"), ("cell", "%%")):
        names = "  ".join(mark + name for name in shell._magic_names(kind))
        print(f"Available {kind} magics:\n{names}\n")


def pinfo(line):
    """%pinfo NAME describes an object, as `NAME?` does."""
    print(_described(line, False))


def pinfo2(line):
    """%pinfo2 NAME describes an object and shows its source, as `NAME??` does."""
    print(_described(line, True))


def _described(line, detail):
    name = line.strip()
    if not name:
        raise UsageError("name what to describe: %pinfo print")
    if "*" in name:
        import fnmatch

        known = sorted({*_rhumba_shell.names(), *dir(__import__("builtins"))})
        return "\n".join(fnmatch.filter(known, name)) or f"No name is like {name}."
    if name.startswith("%"):
        bare = name.lstrip("%")
        kinds = ("cell", "line") if name.startswith("%%") else ("line", "cell")
        for kind in kinds:
            function = _shell().find_magic(bare, kind)
            if function is not None:
                from rhumba._inspect import describe

                return describe(function, name, detail)
        return f"Magic `{name}` not found."
    try:
        return _rhumba_shell.inspect(name, detail)
    except NameError as failure:
        return str(failure)


pinfo.raw_line = pinfo2.raw_line = True


def history(line):
    """%history [-n] [-l COUNT] [FIRST-LAST] shows the cells of this session.

    -n          with their numbers
    -l COUNT    the last of them
    """
    options, rest = _options(line, {"-n": None, "-l": int})
    cells = list(enumerate(_rhumba_shell.inputs()))[1:]
    if rest:
        first, mark, last = rest.partition("-")
        try:
            low = int(first)
            high = int(last) if mark else low
        except ValueError:
            raise UsageError(f"%history takes a range such as 3-7, not {rest!r}") from None
        cells = [(number, text) for number, text in cells if low <= number <= high]
    if "-l" in options:
        cells = cells[-options["-l"] :]
    for number, text in cells:
        print(f"{number}: {text}" if "-n" in options else text)


def _options(line, known):
    """Splits options off the front of a line: those known with None take no value."""
    options = {}
    rest = line.strip()
    while rest.startswith("-"):
        word, _, after = rest.partition(" ")
        flag, attached = word[:2], word[2:]
        if word == "--":
            rest = after
            break
        if flag not in known or (known[flag] is None and attached):
            # Not an option: the statement may well begin with a minus.
            break
        if known[flag] is None:
            options[flag] = True
            rest = after.lstrip()
            continue
        text, _, after = (attached, "", after) if attached else after.lstrip().partition(" ")
        try:
            options[flag] = known[flag](text)
        except ValueError:
            raise UsageError(f"{flag} needs a number behind it, not {text!r}") from None
        rest = after.lstrip()
    return options, rest.strip()


LINE = {
    function.__name__: function
    for function in (
        time, timeit, who, who_ls, whos, reset, pwd, cd, env, set_env, run, lsmagic, pinfo, pinfo2, history,
    )
}
LINE["hist"] = history
CELL = {"time": time_cell, "timeit": timeit, "writefile": writefile, "bash": bash, "sh": bash}
