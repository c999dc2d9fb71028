"""%px, %%px, %autopx, %pxresult and %pxconfig, run by the shell of a script."""

import contextlib
import io
import os
import re

import ipyparallel as ipp
from _expect import RHUMBA, connect, raises
from _gates import Gate

rc = connect()
every = rc[:]
every.block = True
every.scatter("rank", rc.ids, flatten=True)

if RHUMBA:
    from rhumba.shell import Shell

    shell = Shell()
    from ipyparallel.client.magics import ParallelMagics
else:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()


def activate(view, suffix=""):
    if RHUMBA:
        ParallelMagics(shell, view, suffix).register()
    else:
        view.activate(suffix)


class Watched(io.StringIO):
    """Text that opens a gate once something is written."""

    gate, awaited = None, ""

    def write(self, text):
        if self.gate and self.awaited in text:
            self.gate.open()
        return super().write(text)


def run(call, *args, err=None):
    """Returns what a magic returned (or raised), and what it wrote to stdout and to stderr."""
    out, err = io.StringIO(), err or io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            value = call(*args)
        except Exception as failure:
            value = failure
    return value, out.getvalue(), err.getvalue()


def line(name, text=""):
    return run(shell.run_line_magic, name, text)


def cell(name, options, text, **kwargs):
    return run(shell.run_cell_magic, name, options, text, **kwargs)


activate(every)

# A line.
value, out, err = line("px", "a = rank * 10")
assert value is None and out == "" and err == "", (value, out, err)
assert every["a"] == [0, 10, 20, 30]
value, out, err = line("px", "print('hello', rank)")
assert value is None
for rank in range(4):
    assert f"[stdout:{rank}]" in out and f"hello {rank}" in out
if RHUMBA:
    assert sorted(out.splitlines()) == [f"[stdout:{rank}] hello {rank}" for rank in range(4)]
    value, out, err = line("px", "rank + 1")
    shown = sorted(out.splitlines())
    assert [text.split(":")[0] for text in shown] == [f"Out[{rank}" for rank in range(4)], shown
    assert [text.split("]: ")[1] for text in shown] == ["1", "2", "3", "4"]
    value, out, err = line("px", "import sys; print('e', rank, file=sys.stderr)")
    assert sorted(err.splitlines()) == [f"[stderr:{rank}] e {rank}" for rank in range(4)]

# Errors have been shown with their engine when the magic ends.
value, out, err = line("px", "1 / (rank - 2)")
assert isinstance(value, ipp.error.AlreadyDisplayedError)
assert str(value) == "1 errors" if not RHUMBA else str(value) == "1 error"
assert "[2:execute]" in err and "ZeroDivisionError" in err
value, out, err = line("px", "1 / 0")
assert str(value) == "4 errors" and err.count("[") >= 4

# A cell, and its options.
value, out, err = cell("px", "", "b = rank\nfor i in range(2):\n    print(i, b)")
assert value is None and every["b"] == [0, 1, 2, 3]
if RHUMBA:
    assert sorted(out.splitlines()) == sorted(
        f"[stdout:{rank}] {i} {rank}" for rank in range(4) for i in range(2)
    )
cell("px", "--targets 1", "only = 1")
assert rc[1]["only"] == 1
raises(ipp.RemoteError, rc[0].get, "only")
cell("px", "-t ::2", "even = rank")
assert rc[[0, 2]].get("even") == [0, 2]
raises(ipp.RemoteError, rc[1].get, "even")
cell("px", "-t [1,3]", "odd = rank")
assert rc[[1, 3]].get("odd") == [1, 3]
cell("px", "--targets all", "every = 1")
assert every["every"] == [1] * 4
assert every.targets == [0, 1, 2, 3], "targets of one cell don't stay"
gate = Gate()
value, out, err = cell("px", "--noblock", f"{gate.code}; print('late')")
assert isinstance(value, ipp.AsyncResult) and not value.ready()
gate.open()
value.get()
value, out, err = line("pxresult")
for rank in range(4):
    assert f"[stdout:{rank}]" in out
assert out.count("late") == 4
value, out, err = cell("px", "-a -o kept", "rank")
assert shell.user_ns["kept"] is value
value.get()
value, out, err = cell("px", "--out kept", "print(rank)")
assert value is None and isinstance(shell.user_ns["kept"], ipp.AsyncResult)
both = "print('x', rank); print('y', rank)"
value, out, err = cell("px", "--no-stream --group-outputs=engine", both)
x, y = ([out.index(f"{name} {rank}") for rank in range(4)] for name in "xy")
assert x[0] < y[0] < x[1] < y[1] < x[2]
value, out, err = cell("px", "--local", "here_too = 5")
assert every["here_too"] == [5] * 4
if not RHUMBA:
    assert shell.user_ns["here_too"] == 5
wrong = cell("px", "--no-such-option", "pass")
assert isinstance(wrong[0], Exception) or "no-such-option" in wrong[1] + wrong[2]
if RHUMBA:
    for options in ("--no-such-option", "-t", "--group-outputs=colour", "-t nonsense", "-t '"):
        value, out, err = cell("px", options, "touched = 1")
        assert type(value).__name__ == "UsageError", (options, value)
    for name in ("'a b'", "1st", "class", "''"):
        value, out, err = cell("px", f"--out {name}", "touched = 1")
        assert type(value).__name__ == "UsageError" and "a name" in str(value), (name, value)
    raises(ipp.CompositeError, every.get, "touched")

if RHUMBA:
    # At the end, in each grouping: kinds together, or all of an engine.
    several = "print('a', rank)\ndisplay(rank)\nprint('b', rank)\nrank"
    kinds = [
        [text for rank in range(4) for text in (f"[stdout:{rank}]", f"a {rank}", f"b {rank}")],
        [text for rank in range(4) for text in (f"[output:{rank}]", f"{rank}")],
        [f"Out[{rank}]: {rank}" for rank in range(4)],
    ]
    by_engine = [kind[rank * len(kind) // 4 :][: len(kind) // 4] for rank in range(4) for kind in kinds]
    for option, expected in (
        ("--no-stream", kinds),
        ("--group-outputs type", kinds),
        ("--group-outputs=order", kinds),
        ("-r", kinds),
        ("--group-outputs engine", by_engine),
        ("-e", by_engine),
    ):
        value, out, err = cell("px", option, several)
        lines = [re.sub(r"^(Out\[\d+):\d+", r"\1", shown) for shown in out.splitlines()]
        assert value is None and lines == sum(expected, []), (option, lines)
    value, out, err = cell("px", "--no-stream", "print('before', rank)\n1 / (rank - 2)")
    assert out.count("before") == 4 and isinstance(value, ipp.RemoteError), (value, out)
    value, out, err = cell("px", "--out", "touched = 1")
    assert type(value).__name__ == "UsageError" and "NAME" in str(value)

    # Here, too: shown here as any cell is, and from there with labels.
    value, out, err = cell("px", "--local --targets 1", "print('even' in globals(), 'odd' in globals())")
    assert value is None and out.splitlines() == ["False False", "[stdout:1] False True"], out
    value, out, err = cell("px", "--local --noblock", "here_alone = 6")
    assert isinstance(value, ipp.AsyncResult) and shell.user_ns["here_alone"] == 6
    value.get()
    assert every["here_alone"] == [6] * 4

# How far it is, after a while.
for options in ("--progress-after 0", "--no-stream --progress-after=0"):
    watched, gate = Watched(), Gate()
    if RHUMBA:
        # Three of them wait until one is told to be done.
        watched.gate, watched.awaited = gate, "1/4 done (25 %)"
    else:
        gate.open()
    waiting = f"if rank: {gate.code}\nprint('woke', rank)"
    value, out, err = cell("px", options, waiting, err=watched)
    assert out.count("woke") == 4, out
waiting = "import time; time.sleep(0.5 if rank else 0); print('woke', rank)"
value, out, err = cell("px", "--progress-after -1", waiting)
assert value is None and (err == "" or not RHUMBA), err
if RHUMBA:
    # A signal that there isn't is told where it is said, not at the next Ctrl-C.
    for signal in ("SIGFOO", "99", "-9", "SIG_DFL", "INT"):
        for value, out, err in (
            line("pxconfig", f"--signal-on-interrupt {signal}"),
            cell("px", f"--signal-on-interrupt={signal}", "touched = 1"),
        ):
            assert type(value).__name__ == "UsageError" and signal in str(value), (signal, value)
    raises(ipp.CompositeError, every.get, "touched")
    for signal in ("SIGUSR1", "12", "0", "SIGINT"):
        assert line("pxconfig", f"--signal-on-interrupt {signal}")[0] is None
        assert f"signal on interrupt: {signal}," in line("pxconfig")[1]
    value, out, err = cell("px", "--progress-after soon", "pass")
    assert type(value).__name__ == "UsageError" and "soon" in str(value)

# Magics within what the engines run.
value, out, err = line("px", "%time sum(range(10))")
assert out.count("Wall time") == 4, out
value, out, err = cell("px", "", "%%time\ninside = rank * 2\ninside")
assert out.count("Wall time") == 4 and every["inside"] == [0, 2, 4, 6], out
every.execute("def f(): return rank + 40")
value, out, err = line("px", "%time f()")
assert value is None and out.count("Wall time") == 4, out
for rank in range(4):
    assert f"{rank + 40}" in out, out
value, out, err = line("px", "%whos")
for rank in range(4):
    listed = [shown for shown in out.splitlines() if f"[stdout:{rank}]" in shown]
    assert not RHUMBA or any(re.search(rf"\brank +int +{rank}$", shown) for shown in listed), out
value, out, err = cell("px", "", "%%timeit -n 2 -r 2\nf()")
assert value is None and out.count("per loop") == 4, out
value, out, err = line("px", "%timeit -n 2 -r 2 f()")
assert out.count("per loop") == 4, out
value, out, err = cell("px", "", "%%capture kept_there\nprint('unseen', rank)")
assert value is None and out == "", out
assert every.apply_sync(lambda: kept_there.stdout) == [f"unseen {rank}\n" for rank in range(4)]
value, out, err = line("px", "!echo from {rank}")
for rank in range(4):
    assert f"from {rank}" in out, out
value, out, err = cell("px", "", "import os\nhere = %pwd\nlines = !echo one")
assert every["lines"] == [["one"]] * 4 or [list(each) for each in every["lines"]] == [["one"]] * 4
assert every["here"] == every.apply_sync(os.getcwd)
if RHUMBA:
    value, out, err = line("px", "%no_such_magic")
    assert str(value) == "4 errors" and "no_such_magic" in err

# Settings that stay.
line("pxconfig", "--noblock --targets 0")
value, out, err = line("px", "print('quiet')")
assert isinstance(value, ipp.AsyncResult) and out == ""
value.get()
assert value.engine_id in (0, [0])
line("pxconfig", "--block --targets all --verbose")
value, out, err = line("px", "pass")
assert "execution on engine(s): all" in out
line("pxconfig", "--no-verbose")

# Families of magics, each with its view.
activate(rc[[1, 3]].set_flags(block=True), "_odd")
value, out, err = line("px_odd", "print('odd', rank)")
assert "[stdout:1]" in out and "[stdout:3]" in out and "[stdout:0]" not in out
every.execute("del a", block=True)
# Making a view changes nothing; the one that was activated last has the magics.
others = rc[:2]
value, out, err = line("px", "print(rank)")
assert out.count("[stdout:") == 4, out
activate(others.set_flags(block=True))
value, out, err = line("px", "print(rank)")
assert out.count("[stdout:") == 2 and "[stdout:2]" not in out, out
activate(every)

# Every cell goes to the engines.
value, out, err = line("autopx")
assert "enabled" in out
if RHUMBA:
    assert shell.input_hook("c = rank + 100") is None
    assert every["c"] == [100, 101, 102, 103]
    value, out, err = run(shell.input_hook, "print('auto', rank)")
    assert sorted(out.splitlines()) == [f"[stdout:{rank}] auto {rank}" for rank in range(4)]
    assert shell.input_hook("%autopx") == "%autopx", "what ends it stays here"
    for own_help in ("?", "??\n"):
        assert shell.input_hook(own_help) == own_help, "it is the same on every engine"
else:
    run(shell.run_cell, "c = rank + 100")
    assert every["c"] == [100, 101, 102, 103]
value, out, err = line("autopx")
assert "disabled" in out
if RHUMBA:
    assert shell.input_hook is None

# Ctrl-C is passed on to the engines.
if RHUMBA:
    from _ctrl_c import press_when_waiting

    every.block = True
    gate = Gate()
    press_when_waiting(lambda: gate.engines() == 4)
    value, out, err = cell("px", "", gate.code)
    assert "Received Keyboard Interrupt. Sending signal SIGINT to engines..." in err, err
    assert isinstance(value, ipp.error.AlreadyDisplayedError), value
    assert err.count("KeyboardInterrupt") >= 4
    assert every.apply_sync(abs, -1) == [1] * 4

    # What had not started is aborted; what runs was asked for before, and goes on.
    for options in ("", "--no-stream"):
        for targets, which in (("all", "engines [0, 1, 2, 3] still run"), ("2", "engine 2 still runs")):
            gate = Gate()
            before = gate.hold(every)
            gate.wait_for_engines(4)
            press_when_waiting()
            value, out, err = cell("px", f"{options} --targets {targets}", "touched = 1")
            assert isinstance(value, ipp.RemoteError), value
            assert err.count(f"It had not started: {which} what was asked before;") == 1, err
            assert "rc.send_signal('SIGINT')" in err and not before.ready()
            gate.open()
            before.get()
            raises(ipp.CompositeError, every.get, "touched")
    # Where some of it runs, that is interrupted.
    gate, shut = Gate(), Gate()
    before = shut.hold(rc[[0, 1]])
    shut.wait_for_engines(2)
    press_when_waiting(lambda: gate.engines() == 2)
    value, out, err = cell("px", "", gate.code)
    assert "had not started" not in err and err.count("KeyboardInterrupt") >= 2, err
    assert not before.ready()
    shut.open()
    before.get()

    # Another signal; or none, and the engines go on.
    every.execute(
        "import signal\n"
        "def heard(number, frame): raise RuntimeError(f'heard {signal.Signals(number).name}')\n"
        "signal.signal(signal.SIGUSR1, heard)"
    )
    for options in ("--signal-on-interrupt SIGUSR1", "--no-stream --signal-on-interrupt=10"):
        gate = Gate()
        press_when_waiting(lambda: gate.engines() == 4)  # noqa: B023
        value, out, err = cell("px", options, gate.code)
        assert f"Sending signal {options[-2:] if '10' in options else 'SIGUSR1'} to" in err, err
        assert isinstance(value, ipp.RemoteError), value
        assert "heard SIGUSR1" in (err if "SIGUSR1" in options else str(value)), (err, value)
    gate = Gate()
    press_when_waiting(lambda: gate.engines() == 4)
    with contextlib.redirect_stderr(io.StringIO()) as quiet:
        raises(KeyboardInterrupt, cell, "px", "--signal-on-interrupt 0 -o running", f"{gate.code}; 8")
    assert "Sending" not in quiet.getvalue()
    assert not shell.user_ns["running"].ready()
    gate.open()
    shell.user_ns["running"].get()
    assert shell.user_ns["running"].successful()
rc.close()
