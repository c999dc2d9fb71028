"""Magics that measure: how long code takes.

    %time, %%time      once, with the processor's time
    %timeit, %%timeit  often, with the spread of the results
"""

import os
import time as clock

from rhumba._options import count, magic, option
from rhumba.shell import UsageError, get_ipython as _shell


@magic(rest="STATEMENT")
def time(given, cell=None):
    """Runs a statement, or the cell, once and tells how long it took.

    The value of an expression is returned.
    """
    parts = (given.rest, cell)
    return _timed("\n".join(part for part in parts if part))


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


@magic(
    option("-n", "--loops", value="LOOPS", kind=count, help="runs in one measurement; else what 0.2 s allow"),
    option("-r", "--repeats", value="REPEATS", kind=count, default=7, help="measurements, 7 by default"),
    option("-q", "--quiet", help="prints no result"),
    option("-o", "--output", help="returns the result: best, worst, average, stdev, loops, repeat"),
    rest="STATEMENT",
)
def timeit(given, cell=None):
    """Tells how long a statement takes.

    As a cell magic, the line is the set-up and the cell is what is timed.
    """
    import timeit as standard

    statement, setup = (given.rest, "pass") if cell is None else (cell, given.rest or "pass")
    if not statement.strip():
        raise UsageError("%timeit needs a statement: %timeit sum(range(1000))")
    statement = _shell().transform_cell(statement)
    timer = standard.Timer(statement, setup, globals=_shell().user_ns)
    loops = given.loops
    if not loops:
        loops, _ = timer.autorange()
    result = Timing([seconds / loops for seconds in timer.repeat(given.repeats, loops)], loops)
    if not given.quiet:
        print(result)
    return result if given.output else None


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
