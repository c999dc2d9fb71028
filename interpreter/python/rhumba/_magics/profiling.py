"""Magics that tell what inside of code takes time or memory.

    %prun, %%prun  each function: how often, how long, called by whom
    %lprun         each line of chosen functions
    %memit         how much memory at most

What is counted is counted natively, by `_rhumba_profile`; here it becomes text.
"""

import sys

from rhumba._options import count, magic, option
from rhumba.shell import UsageError

# The orders that pstats knows, by the shortest of their names.
_ORDERS = (
    "calls", "cumulative", "cumtime", "file", "filename", "module", "ncalls", "pcalls", "line", "name", "nfl",
    "stdname", "time", "tottime",
)


@magic(
    option(
        "-l", "--limit", value="LIMIT", repeats=True,
        help="shows so many functions, or such a part of them (0.1), or those whose name has this in it",
    ),
    option("-s", "--sort", value="ORDER", repeats=True, choices=_ORDERS, help="the order"),
    option("-r", "--return", name="returned", help="returns the pstats.Stats"),
    option("-T", "--text", value="FILE", help="writes the table to a file as well"),
    option("-D", "--dump", value="FILE", help="writes the figures to a file that pstats reads"),
    option("-q", "--quiet", help="prints no table"),
    rest="STATEMENT",
    runs_code=True,
)
def prun(given, cell=None):
    """Runs a statement, or the cell, and tells how long each function of it took.

    ncalls is how often it was called (of a recursive one, also how often from
    outside), tottime what it took itself, cumtime together with what it called.
    As a cell magic, the line goes before the cell.
    """
    source = "\n".join(part for part in (given.rest, cell) if part)
    if not source.strip():
        raise UsageError("%prun needs a statement: %prun sum(range(1000))")
    return report(given, run_profiled(_compiled(source), given.namespace()), "%prun")


def report(given, outcome, name):
    """Shows what a profiled run came to, as the options of %prun say."""
    import io
    import pstats

    figures = _Figures(outcome)
    text = io.StringIO()
    stats = pstats.Stats(figures, stream=text).strip_dirs().sort_stats(*(given.sort or ["time"]))
    stats.print_stats(*(_limit(each) for each in given.limit))
    if not given.quiet:
        _shown(text.getvalue().strip("\n"), figures.ended_early)
    if given.text:
        _written(name, given.text, "w", text.getvalue())
    if given.dump:
        try:
            stats.dump_stats(given.dump)
        except OSError as failure:
            raise UsageError(f"{name} can't write {given.dump!r}: {failure.strerror}") from None
        print(f"The figures are in {given.dump}; pstats.Stats({given.dump!r}) reads them.")
    stats.stream = sys.stdout
    return stats if getattr(given, "returned", False) else None


class _Figures:
    """What was counted, as pstats takes it."""

    def __init__(self, outcome):
        profiler, self.ended_early = outcome
        functions = profiler.functions()
        keys = [key for key, *_ in functions]
        callers = {}
        for caller, callee, *cost in profiler.edges():
            _add(callers.setdefault(keys[callee], {}), keys[caller], cost)
        costs = {}
        for key, *cost in functions:
            _add(costs, key, cost)
        self.stats = {
            key: (primitive, calls, own, total, callers.get(key, {}))
            for key, (calls, primitive, own, total) in costs.items()
            # What turned the profiler off never returned under it.
            if calls
        }

    def create_stats(self):
        """Nothing: they are there already. pstats asks for it."""


def _add(costs, key, cost):
    """Adds up what looks the same to pstats: two lambdas of a line, the methods that two dataclasses were given."""
    costs[key] = tuple(map(sum, zip(costs[key], cost))) if key in costs else tuple(cost)


def run_profiled(code, namespace):
    """Runs code with the profiler on; gives it, and what ended the code early, if anything did."""
    import _rhumba_profile

    profiler = _rhumba_profile.CallProfiler()
    before, place = sys.getprofile(), _place_of_a_tool()
    try:
        try:
            if place is not None:
                # The runtime has shortcuts for calls that it has seen before, past whoever counts them. It takes
                # none where someone might listen to calls. Nobody does.
                sys.monitoring.set_events(place, sys.monitoring.events.CALL)
            sys.setprofile(profiler)
            profiler.start()
            exec(code, namespace)
        finally:
            profiler.stop()
            sys.setprofile(before)
            if place is not None:
                sys.monitoring.free_tool_id(place)
    except SystemExit:
        return profiler, "*** SystemExit ended the code."
    except KeyboardInterrupt:
        return profiler, "*** Ctrl-C ended the code; this is how far it came."
    return profiler, None


def _place_of_a_tool():
    """Takes a place among the tools that sys.monitoring knows; None if there is none left."""
    for place in (sys.monitoring.PROFILER_ID, 3, 4):
        try:
            sys.monitoring.use_tool_id(place, "rhumba")
        except ValueError:
            continue
        return place
    return None


def _compiled(source):
    from .timing import keep_source, remembered, source_name

    name = source_name("profiled")
    code = compile(remembered(source, name), name, "exec")
    keep_source("profiled", code)
    return code


def _limit(text):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _shown(text, note):
    if note:
        print(note)
    print(text)


def _written(name, path, mode, text):
    import os

    try:
        with open(os.path.expanduser(path), mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as failure:
        raise UsageError(f"{name} can't write {path!r}: {failure.strerror}") from None
    print(f"The table is in {path}.")


# -- by line


@magic(
    option("-f", "--function", value="FUNCTION", repeats=True, help="a function, or a class with all of its own"),
    option("-m", "--module", value="MODULE", repeats=True, help="all functions of a module"),
    option("-u", "--unit", value="SECONDS", kind=float, default=1e-6, help="the unit of times, 1e-6 by default"),
    option("-z", "--skip-zero", help="leaves out functions that weren't called"),
    option("-r", "--return", name="returned", help="returns the figures: a dict from functions to their lines"),
    option("-T", "--text", value="FILE", help="writes the table to a file as well"),
    rest="STATEMENT",
    runs_code=True,
)
def lprun(given, cell=None):
    """Runs a statement, or the cell, and tells how long each line of chosen functions took.

    What a line calls counts as its own time.
    """
    import _rhumba_profile

    source = "\n".join(part for part in (given.rest, cell) if part)
    if not source.strip():
        raise UsageError("%lprun needs a statement: %lprun -f work work()")
    codes = _chosen_codes(given)
    if not codes:
        raise UsageError("%lprun needs to know whose lines: %lprun -f work work()")
    if given.unit <= 0:
        raise UsageError("%lprun: -u needs a part of a second, such as 1e-3")
    code = _compiled(source)
    profiler = _rhumba_profile.LineProfiler(list(codes))
    before, note = sys.gettrace(), None
    try:
        sys.settrace(profiler)
        try:
            exec(code, given.namespace())
        finally:
            sys.settrace(before)
            profiler.stop()
    except SystemExit:
        note = "*** SystemExit ended the code."
    except KeyboardInterrupt:
        note = "*** Ctrl-C ended the code; this is how far it came."
    figures = profiler.lines()
    tables = [_line_table(each, lines, given.unit) for each, lines in zip(codes, figures) if lines or not given.skip_zero]
    text = f"Timer unit: {given.unit:g} s\n\n" + "\n\n".join(tables)
    _shown(text, note)
    if given.text:
        _written("%lprun", given.text, "w", text + "\n")
    if given.returned:
        return {each.co_qualname: lines for each, lines in zip(codes, figures)}
    return None


def _chosen_codes(given):
    """The code of what was asked for, each once, in order."""
    import importlib

    codes = {}
    for text in given.function:
        try:
            chosen = eval(text, given.namespace())
        except Exception as failure:
            raise UsageError(f"%lprun finds no function {text!r}: {failure}") from None
        found = list(_codes_of(chosen))
        if not found:
            raise UsageError(f"%lprun: {text} has no lines of Python; it is a {type(chosen).__name__}")
        codes.update(dict.fromkeys(found))
    for name in given.module:
        try:
            module = importlib.import_module(name)
        except ImportError as failure:
            raise UsageError(f"%lprun finds no module {name!r}: {failure}") from None
        for each in vars(module).values():
            if getattr(each, "__module__", None) == module.__name__:
                codes.update(dict.fromkeys(_codes_of(each)))
    return codes


def _codes_of(chosen):
    if isinstance(chosen, type):
        for each in vars(chosen).values():
            if not isinstance(each, type):
                yield from _codes_of(each)
        return
    if isinstance(chosen, property):
        for each in (chosen.fget, chosen.fset, chosen.fdel):
            yield from _codes_of(each)
        return
    while hasattr(chosen, "__wrapped__"):
        chosen = chosen.__wrapped__
    chosen = getattr(chosen, "__func__", chosen)
    code = getattr(chosen, "__code__", None)
    if code is not None:
        yield code


def _line_table(code, lines, unit):
    import inspect
    import linecache

    linecache.checkcache(code.co_filename)
    everything = linecache.getlines(code.co_filename)
    first = code.co_firstlineno
    block = inspect.getblock(everything[first - 1 :]) if everything else []
    total = sum(seconds for _, seconds in lines.values())
    head = [
        f"Total time: {total:g} s",
        f"File: {code.co_filename}",
        f"Function: {code.co_qualname} at line {first}",
        "",
        f"{'Line #':>6} {'Hits':>9} {'Time':>12} {'Per Hit':>9} {'% Time':>7}  Line Contents",
        "=" * 62,
    ]
    last = max([first + len(block) - 1, *lines])
    for number in range(first, last + 1):
        source = block[number - first].rstrip("\n") if number - first < len(block) else ""
        if number not in lines:
            head.append(f"{number:>6} {'':>9} {'':>12} {'':>9} {'':>7}  {source}".rstrip())
            continue
        hits, seconds = lines[number]
        share = 100 * seconds / total if total else 0.0
        head.append(
            f"{number:>6} {hits:>9} {seconds / unit:>12.1f} {seconds / unit / hits:>9.1f} {share:>7.1f}  {source}"
        )
    return "\n".join(head)


# -- memory


@magic(
    option("-r", "--repeats", value="REPEATS", kind=count, default=1, help="measurements; the largest counts"),
    option("-q", "--quiet", help="prints no result"),
    option("-o", "--output", help="returns the result: peak and increment, in MiB"),
    rest="STATEMENT",
    runs_code=True,
)
def memit(given, cell=None):
    """Runs a statement, or the cell, and tells how much memory this process took at most.

    The increment is what that is above what it took before.
    """
    source = "\n".join(part for part in (given.rest, cell) if part)
    if not source.strip():
        raise UsageError("%memit needs a statement: %memit list(range(10**6))")
    code, namespace = _compiled(source), given.namespace()
    runs = []
    for _ in range(given.repeats):
        before = _forget_peak()
        exec(code, namespace)
        peak = _memory("VmHWM")
        runs.append((peak, max(peak - before, 0.0)))
    result = MemitResult(max(each[0] for each in runs), max(each[1] for each in runs))
    if not given.quiet:
        print(result)
    return result if given.output else None


class MemitResult:
    """What %memit measured, in MiB."""

    def __init__(self, peak, increment):
        self.peak = peak
        self.increment = increment

    def __str__(self):
        return f"peak memory: {self.peak:.2f} MiB, increment: {self.increment:.2f} MiB"

    def __repr__(self):
        return f"<MemitResult: {self}>"


def _forget_peak():
    """Makes the system measure the peak anew; returns what is in memory now, in MiB."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError as failure:
        raise UsageError(f"%memit can't measure here: /proc/self/clear_refs: {failure.strerror}") from None
    return _memory("VmRSS")


def _memory(name):
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1024
    raise UsageError(f"%memit can't measure here: /proc/self/status has no {name}")
