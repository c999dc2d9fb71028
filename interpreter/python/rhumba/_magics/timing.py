"""Magics that measure time.

    %time, %%time      once, with the processor's time
    %timeit, %%timeit  often, with the spread of the results

What inside the code takes it is `profiling.py`.
"""

import time as clock

from rhumba._nodes import transformed
from rhumba._options import count, magic, option
from rhumba.shell import UsageError, get_ipython as _shell

# The flag of code that is a coroutine when it is run: inspect.CO_COROUTINE.
_IS_COROUTINE = 128

# A compilation that takes less than this isn't worth telling.
_COMPILATION_MIN_S = 0.1

# As long as one measurement takes at least, when %timeit chooses the number of loops.
_MEASUREMENT_MIN_S = 0.2


@magic(
    option("--no-raise-error", help="shows an error of the code, and goes on as if it had ended well"),
    rest="STATEMENT",
    runs_code=True,
)
def time(given, cell=None):
    """Runs a statement, or the cell, once and tells how long it took.

    The value of an expression at its end is returned.
    """
    source = "\n".join(part for part in (given.rest, cell) if part)
    if not source.strip():
        raise UsageError("%time needs a statement: %time sum(range(1000))")
    started = clock.perf_counter()
    statements, expression = _compiled(source)
    compilation = clock.perf_counter() - started
    namespace = given.namespace()
    value = None
    cpu, wall = processor_times(), clock.perf_counter()
    try:
        for code in (statements, expression):
            if code is not None:
                value = _run(code, namespace)
    except Exception as failure:
        if not given.no_raise_error:
            raise
        _shell().showtraceback(failure)
    finally:
        wall = clock.perf_counter() - wall
        _tell_times(cpu, processor_times(), wall)
        if compilation > _COMPILATION_MIN_S:
            print(f"Compilation: {span(compilation)}")
    return value


# As the semicolon is that of the statement: `%time x;`
time.output_can_be_silenced = True


def _run(code, namespace):
    value = eval(code, namespace)
    if not code.co_flags & _IS_COROUTINE:
        return value
    from rhumba import _await

    value, failure = _await.run(value, getattr(_shell(), "loop_runner", None))
    if failure is not None:
        raise failure
    return value


def processor_times():
    """The seconds that this process and its children have used so far: their own, and the system's."""
    import resource

    # os.times() counts in hundredths of a second.
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime for each in used), sum(each.ru_stime for each in used)


def _tell_times(before, after, wall):
    user, system = after[0] - before[0], after[1] - before[1]
    print(f"CPU times: user {span(user)}, sys: {span(system)}, total: {span(user + system)}")
    print(f"Wall time: {span(wall)}")


def _compiled(source):
    """Compiles a cell to its statements and the expression at its end; one of them may be None.

    Tracebacks can show its lines.
    """
    import ast

    name = source_name("timed")
    awaits = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if getattr(_shell(), "autoawait", True) else 0
    tree = compile(remembered(source, name), name, "exec", ast.PyCF_ONLY_AST | awaits)
    tree = transformed(_shell(), tree)
    expression = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        expression = compile(ast.Expression(tree.body.pop().value), name, "eval", awaits)
    statements = compile(tree, name, "exec", awaits) if tree.body else None
    keep_source("timed", statements, expression)
    return statements, expression


# How often code of a kind has defined something.
_kept = {}


def source_name(kind):
    """What the code that a magic runs is called in tracebacks, as if it were a file: `<timed>`.

    What was defined under a name keeps it: the code that follows has the next, `<timed 2>`.
    """
    number = _kept.get(kind, 0)
    return f"<{kind} {number + 1}>" if number else f"<{kind}>"


def keep_source(kind, *codes):
    """Notes whether code under the present name of its kind defines functions or classes."""
    constants = [constant for code in codes if code is not None for constant in code.co_consts]
    if any(hasattr(constant, "co_code") for constant in constants):
        _kept[kind] = _kept.get(kind, 0) + 1


def remembered(source, name):
    """The Python that a cell stands for; its lines are kept for tracebacks."""
    import linecache

    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    return _shell().transform_cell(source)


@magic(
    option("-n", "--loops", value="LOOPS", kind=int, help="runs in one measurement; 0: as many as fit 0.2 s"),
    option("-r", "--repeats", value="REPEATS", kind=count, default=7, help="measurements, 7 by default"),
    option("-t", "--time", help="measures with time.time"),
    option("-c", "--cpu", help="measures the processor's time, with time.process_time"),
    option("-p", "--precision", value="DIGITS", kind=count, default=3, help="digits of the result, 3 by default"),
    option("-q", "--quiet", help="prints no result"),
    option("-o", "--output", help="returns the result: best, worst, average, stdev, loops, repeat, all_runs"),
    option("-v", "--variable", value="NAME", help="binds the result to a name"),
    rest="STATEMENT",
    runs_code=True,
)
def timeit(given, cell=None):
    """Tells how long a statement takes, from running it often.

    As a cell magic, the line is the set-up and the cell is what is timed.
    """
    statement, setup = (given.rest, "") if cell is None else (cell, given.rest)
    if not statement.strip():
        raise UsageError("%timeit needs a statement: %timeit sum(range(1000))")
    if given.variable is not None and not given.variable.isidentifier():
        raise UsageError(f"%timeit: -v needs a name, not {given.variable!r}")
    timer = clock.time if given.time else clock.process_time if given.cpu else clock.perf_counter
    started = clock.perf_counter()
    measure = _measurement(statement, setup, given.namespace())
    compilation = clock.perf_counter() - started
    loops = given.loops or _enough_loops(measure, timer)
    runs = [_measured(measure, timer, loops) for _ in range(given.repeats)]
    result = TimeitResult(loops, runs, compilation, given.precision)
    if not given.quiet:
        # What runs once is often slow the first time: a cache that fills, for one.
        if result.worst > 4 * result.best > 0 and result.worst > 1e-6:
            print(
                f"The slowest run took {result.worst / result.best:.2f} times longer than the fastest."
                " The result may be that of a cache that was filled."
            )
        print(result)
        if compilation > _COMPILATION_MIN_S:
            print(f"Compilation: {span(compilation)}")
    if given.variable:
        _shell().user_ns[given.variable] = result
    return result if given.output else None


def _measurement(statement, setup, namespace):
    """Makes the function that runs the statement once for each item of an iterator."""
    import ast

    name = source_name("timed")
    tree = ast.parse(
        "def measure(_rhumba_loops, _rhumba_timer):\n"
        "    pass\n"
        "    _rhumba_start = _rhumba_timer()\n"
        "    for _rhumba_loop in _rhumba_loops:\n"
        "        pass\n"
        "    return _rhumba_timer() - _rhumba_start\n"
    )
    function = tree.body[0]
    loop = function.body[2]
    # What only a function may have is no statement of a cell.
    compile(remembered(statement, name), name, "exec")
    if setup.strip():
        function.body[0:1] = transformed(_shell(), ast.parse(remembered(setup, name), name)).body
    body = transformed(_shell(), ast.parse(remembered(statement, name), name)).body
    if body:
        loop.body = body
    made = {}
    exec(compile(tree, name, "exec"), namespace, made)
    return made["measure"]


def _measured(measure, timer, loops):
    import gc
    import itertools

    collected = gc.isenabled()
    gc.disable()
    try:
        return measure(itertools.repeat(None, loops), timer)
    finally:
        if collected:
            gc.enable()


def _enough_loops(measure, timer):
    for exponent in range(10):
        loops = 10**exponent
        if _measured(measure, timer, loops) >= _MEASUREMENT_MIN_S:
            break
    return loops


class TimeitResult:
    """What %timeit measured.

    all_runs: the seconds that each measurement took, all its loops together
    timings: the same per loop; best, worst, average and stdev are of these
    loops, repeat: how often it ran in a measurement, and how many measurements
    compile_time: the seconds that compiling it took
    """

    def __init__(self, loops, all_runs, compile_time=0.0, precision=3):
        self.loops = loops
        self.repeat = len(all_runs)
        self.all_runs = all_runs
        self.compile_time = compile_time
        self.timings = [seconds / loops for seconds in all_runs]
        self.best = min(self.timings)
        self.worst = max(self.timings)
        self.average = sum(self.timings) / len(self.timings)
        self.stdev = (sum((each - self.average) ** 2 for each in self.timings) / len(self.timings)) ** 0.5
        self._precision = precision

    def __str__(self):
        plural = "" if self.loops == 1 else "s"
        runs = "" if self.repeat == 1 else "s"
        return (
            f"{span(self.average, self._precision)} ± {span(self.stdev, self._precision)} per loop"
            f" (mean ± std. dev. of {self.repeat} run{runs}, {self.loops:,} loop{plural} each)"
        )

    def __repr__(self):
        return f"<TimeitResult : {self}>"


def span(seconds, precision=3):
    """A time as people read it: 1.52 ms, 3min 2s."""
    if seconds >= 60:
        whole = int(seconds)
        parts = (("d", whole // 86400), ("h", whole // 3600 % 24), ("min", whole // 60 % 60), ("s", whole % 60))
        return " ".join(f"{amount}{unit}" for unit, amount in parts if amount)
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        # What would be rounded up to a thousand of one unit is one of the next.
        if seconds >= size * (1 - 0.5 * 10**-precision):
            return f"{seconds / size:.{precision}g} {unit}"
    return f"{seconds / 1e-9:.{precision}g} ns"
