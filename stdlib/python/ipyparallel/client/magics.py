"""The parallel magics: `%px`, `%%px`, `%autopx`, `%pxresult`, `%pxconfig` and `%watch`.

They send what is typed in the shell to the engines of a view, and show what
comes back as it comes, labelled by engine (see `output.py`). The shell gives
`register_magic_function`, `_run_body`, `user_ns` and `input_hook`; it knows
nothing of engines.

Imported only where somebody uses them.
"""

import sys
from keyword import iskeyword
from signal import SIGINT

from rhumba._options import LineReader, option
from rhumba.shell import UsageError, get_ipython

from .. import error
from .client import _signal_number
from .interruption import interrupt
from .parts import cancel_parts
from .output import LiveOutput
from .progress import watch_progress

# How long a Ctrl-C lets engines take to tell how they were interrupted.
_SETTLE_S = 5.0

# How often progress is looked at while a magic waits for all of its output.
_LOOK_INTERVAL_S = 0.2

# How long a magic takes before it tells how far it is.
_PROGRESS_AFTER_S = 2.0

# Targets beyond this many are told in short.
_TARGETS_SHOWN_MAX = 10

_GROUPINGS = ("type", "engine", "order")


def _signal(text):
    """The kind of an option that names a signal; 0 means none."""
    number = int(text) if text.isdecimal() else text
    if number != 0:
        try:
            _signal_number(number)
        except ValueError:
            raise ValueError("the name or the number of a signal, or 0") from None
    return number


def _name(text):
    """The kind of an option that names what is bound."""
    if not text.isidentifier() or iskeyword(text):
        raise ValueError("a name that can be bound, such as result")
    return text


_EXECUTION_OPTIONS = (
    option("-b", "--block", sets=True, help="waits for it"),
    option("-a", "--noblock", name="block", sets=False, help="returns an AsyncResult"),
    option("-t", "--targets", value="TARGETS", help="an id, a list, a slice such as ::2, or all"),
    option("--stream", sets=True, help="shows output as it arrives"),
    option("--no-stream", name="stream", sets=False, help="shows output at the end"),
    option("--verbose", sets=True, help="says where it goes"),
    option("--no-verbose", name="verbose", sets=False, help="doesn't"),
    option(
        "--signal-on-interrupt", value="SIGNAL", kind=_signal,
        help="what Ctrl-C sends to the engines; 0: nothing",
    ),
    option(
        "--progress-after", value="SECONDS", kind=float,
        help="when to show how many are done; 0: at once, -1: never",
    ),
)
_OUTPUT_OPTIONS = (
    option("-e", name="groupby", sets="engine", help="shows output at the end, engine by engine"),
    option("-r", name="groupby", sets="order", help="shows output at the end, in order"),
    option(
        "--group-outputs", name="groupby", value="BY", choices=_GROUPINGS,
        help="shows output at the end, grouped",
    ),
    option("-o", "--out", name="save_name", value="NAME", kind=_name, help="binds the AsyncResult to a name"),
)
_CELL_OPTIONS = (
    *_EXECUTION_OPTIONS,
    *_OUTPUT_OPTIONS,
    option("--local", help="runs the cell here as well"),
)


def _with_options(name, known, mark="%"):
    """Gives a magic its options: completion offers them, and `%name?` tells of them."""

    def give(function):
        function.options = known
        function.__doc__ = LineReader(name, known).help(function.__doc__, mark)
        return function

    return give


def activate(view, suffix=""):
    """Registers the magics of a view in the shell; see `DirectView.activate`."""
    if suffix and not f"px{suffix}".isidentifier():
        raise ValueError(f"%px{suffix} can't be the name of a magic: a suffix is letters, digits and _")
    shell = get_ipython()
    if shell is None:
        from warnings import warn

        warn("there is no shell here that could have the magics", stacklevel=3)
        return
    ParallelMagics(shell, view, suffix).register()


def activate_once(client):
    """Gives the shell, if there is one, the magics on all engines, unless it has some already."""
    shell = get_ipython()
    if shell is not None and not getattr(shell, "_parallel_magics", None):
        activate(client.direct_view("all", block=True))


class ParallelMagics:
    """The magics of one view.

    view: the engines they go to, and whether they block
    stream: whether a blocking magic shows output as it arrives
    verbose: whether each call says where it goes
    signal_on_interrupt: the signal that Ctrl-C sends to the engines: a name, a
        number, or 0 for none
    progress_after: how many seconds a blocking magic takes before it shows how
        many engines are done; 0: at once, -1: never
    last_result: the AsyncResult that `%pxresult` shows, or None
    """

    def __init__(self, shell, view, suffix=""):
        self.shell = shell
        self.view = view
        self.suffix = suffix
        self.stream = True
        self.verbose = False
        self.signal_on_interrupt = "SIGINT"
        self.progress_after = _PROGRESS_AFTER_S
        self.last_result = None
        self._next_hook = None
        self._autopx = False

    def register(self):
        """Puts the magics into the shell, in place of those with the same names."""
        add = self.shell.register_magic_function
        suffix = self.suffix
        add(self.px, "line", "px" + suffix)
        add(self.cell_px, "cell", "px" + suffix)
        add(self.autopx, "line", "autopx" + suffix)
        add(self.pxconfig, "line", "pxconfig" + suffix)
        add(self.pxresult, "line", "pxresult" + suffix)
        if not suffix:
            add(self.pxresult, "line", "result")
            add(self.watch, "line", "watch")
        known = getattr(self.shell, "_parallel_magics", None)
        if known is None:
            known = self.shell._parallel_magics = {}
        # A view that takes over while %autopx is on takes its place there, too.
        previous = known.get(suffix)
        known[suffix] = self
        if previous is not None and previous._autopx:
            previous._stop_autopx()
            self._start_autopx()

    def watch(self, line=""):
        """%watch shows what others run on the engines and print, and who it is.

        %watch -t 0,2 watches these engines only; %watch --stop ends it.
        """
        from .watch import watch_magic

        watch_magic(self.view.client, line)

    def complete_option(self, name, typed):
        """What could be the value of an option, for who completes a line."""
        if name != "targets":
            return None
        before, comma, last = typed.rpartition(",")
        ids = [str(each) for each in self.view.client.ids]
        return [before + comma + each for each in (*ids, *([] if comma else ["all"])) if each.startswith(last)]

    # -- the magics

    def px(self, line=""):
        """%px CODE runs a line of Python on the engines of the view.

        If the view blocks, output is shown as it arrives, and errors are
        shown with their engine. Else it returns an AsyncResult.
        """
        return self._run(line, {})

    # The braces and dollars of the line are Python's: the shell must not fill them in.
    px.raw_line = True

    @_with_options("px", _CELL_OPTIONS, "%%")
    def cell_px(self, line="", cell=""):
        """Runs the cell on the engines of the view.

        If it waits, output is shown as it arrives. Else it returns an AsyncResult.
        """
        options = self._parse("%%", "px", line, _CELL_OPTIONS)
        if options is None:
            return None
        if not options.get("local"):
            return self._run(cell, options)
        block = options.get("block")
        result = self._submit(cell, options, False)
        self.shell._run_body(cell)
        if self.view.block if block is None else block:
            self._show(result, options)
            return None
        return result

    def autopx(self, line=""):
        """%autopx sends every cell to the engines, until it is given again."""
        if self._autopx:
            self._stop_autopx()
            print(f"%autopx{self.suffix} disabled")
        else:
            self._start_autopx()
            print(f"%autopx{self.suffix} enabled")

    @_with_options("pxresult", _OUTPUT_OPTIONS)
    def pxresult(self, line=""):
        """Shows the output of the last %px again, or of one that didn't wait."""
        options = self._parse("%", "pxresult", line, _OUTPUT_OPTIONS)
        if options is None:
            return
        if self.last_result is None:
            raise UsageError(f"%pxresult shows the last %px{self.suffix}; there was none yet")
        if "save_name" in options:
            self.shell.user_ns[options["save_name"]] = self.last_result
            return
        self._show_at_end(self.last_result, options)

    @_with_options("pxconfig", _EXECUTION_OPTIONS)
    def pxconfig(self, line=""):
        """Sets how %px works from now on; without options it tells."""
        options = self._parse("%", "pxconfig", line, _EXECUTION_OPTIONS)
        if options is None:
            return
        if not options:
            print(
                f"targets: {self.view.targets}, block: {self.view.block}, stream: {self.stream},"
                f" verbose: {self.verbose}, signal on interrupt: {self.signal_on_interrupt},"
                f" progress after: {self.progress_after} s"
            )
        if "targets" in options:
            self.view.targets = self._chosen_targets(options["targets"])
        if "block" in options:
            self.view.block = options["block"]
        for name in ("stream", "verbose", "signal_on_interrupt", "progress_after"):
            if name in options:
                setattr(self, name, options[name])

    # -- running

    def _run(self, code, options):
        """Runs code on the engines; shows what comes of it, or returns its AsyncResult."""
        block = options.get("block")
        block = self.view.block if block is None else block
        result = self._submit(code, options, block)
        if not block:
            return result
        self._show(result, options)
        return None

    def _submit(self, code, options, block):
        chosen = options.get("targets")
        targets = self.view.targets if chosen is None else self._chosen_targets(chosen)
        if options.get("verbose", self.verbose):
            kind = "Parallel" if block else "Async parallel"
            print(f"{kind} execution on engine(s): {_brief(targets)}")
        result = self.view.execute(code, silent=False, targets=targets, block=False)
        result._fname = f"%px{self.suffix}"
        self.last_result = result
        if "save_name" in options:
            self.shell.user_ns[options["save_name"]] = result
        return result

    def _show(self, result, options):
        """Shows a result as the options say; raises what the engines raised."""
        # Grouping needs all of the output, so that asking for it means the end.
        stream = options.get("stream", self.stream and "groupby" not in options)
        if not stream:
            self._show_at_end(result, options)
            return
        live = LiveOutput(result, options.get("progress_after", self.progress_after))
        try:
            live.follow()
        except KeyboardInterrupt:
            if not self._pass_on_interrupt(result, options):
                raise
            try:
                is_over = live.follow(_SETTLE_S)
            except KeyboardInterrupt:
                self._stop_at_last(result)
                return
            if not is_over:
                _tell_unsettled()
                return
            _tell_unstarted(result._group)
        failure = result.exception(0)
        if isinstance(failure, error.RemoteError):
            # Each error has been shown as it arrived.
            raise error.AlreadyDisplayedError(failure) from None
        if failure is not None:
            raise failure

    def _show_at_end(self, result, options):
        progress_after = options.get("progress_after", self.progress_after)
        try:
            if progress_after >= 0 and not result._group.wait(progress_after):
                watch_progress(_Followed(result), _LOOK_INTERVAL_S, None)
            result._group.wait(None)
        except KeyboardInterrupt:
            if not self._pass_on_interrupt(result, options):
                raise
            try:
                is_over = result._group.wait(_SETTLE_S)
            except KeyboardInterrupt:
                self._stop_at_last(result)
                return
            if not is_over:
                _tell_unsettled()
                return
            _tell_unstarted(result._group)
        result.display_outputs(options.get("groupby", "type"))
        result.get()

    def _pass_on_interrupt(self, result, options):
        """Sends the signal to the engines after Ctrl-C. Returns whether there is one to send."""
        signal = options.get("signal_on_interrupt", self.signal_on_interrupt)
        if signal in (0, "0", None):
            return False
        number = _signal_number(int(signal) if str(signal).isdigit() else signal)
        print(
            f"Received Keyboard Interrupt. Sending signal {signal} to engines...", file=sys.stderr
        )
        client = self.view.client
        if number == SIGINT:
            # Only what this result asked for is interrupted, not what others run.
            interrupt(client._connection, [result._group])
        else:
            present = client.ids
            engines = [engine for engine in result._group.targets if engine in present]
            client.send_signal(number, engines)
        return True

    def _stop_at_last(self, result):
        """A second Ctrl-C: engines that don't end what they run are replaced."""
        print("Stopping it; engines that go on are killed, and others started in their place.", file=sys.stderr)
        cancel_parts(self.view.client._connection, result._group)

    # -- %autopx

    def _start_autopx(self):
        self._next_hook = self.shell.input_hook
        self.shell.input_hook = self._on_cell
        self._autopx = True

    def _stop_autopx(self):
        self.shell.input_hook = self._next_hook
        self._next_hook = None
        self._autopx = False

    def _on_cell(self, source):
        """Runs a cell on the engines; returns it to the shell if it is a parallel magic, or asks for
        the shell's own help."""
        words = source.split(None, 1)
        if not words or words in (["?"], ["??"]):
            return source
        if words[0].lstrip("%").startswith(("autopx", "px", "result", "watch")) and words[0][0] == "%":
            return source
        result = self._run(source, {})
        if result is not None:
            print(result)
        return None

    # -- options

    def _parse(self, mark, name, line, known):
        """Returns the options that a line has, as a dict; None if it asked for help, and got it."""
        reader = LineReader(name + self.suffix, known)
        given = reader.read(line, mark)
        if given.help:
            return print(reader.help(None, mark))
        return {name: getattr(given, name) for name in given.chosen}

    def _chosen_targets(self, text):
        """Returns the targets that a person wrote: all, 2, [0, 2], 0,2, ::2, or an expression."""
        text = text.strip()
        if text == "all":
            return "all"
        try:
            if ":" in text and not text.startswith(("[", "(")):
                bounds = [int(bound) if bound.strip() else None for bound in text.split(":")]
                return self.view.client.ids[slice(*bounds)]
            targets = eval(text, self.shell.user_ns)
        except Exception as failure:
            raise UsageError(
                f"{text!r} names no engines ({type(failure).__name__}: {failure});"
                " give an id, a list of ids, a slice such as ::2, or all"
            ) from None
        return list(targets) if isinstance(targets, (tuple, range, set)) else targets


class _Followed:
    """A result as far as watching its progress needs it: Ctrl-C is the magic's own matter."""

    def __init__(self, result):
        self._fname = result._fname
        self._group = result._group
        self._waited_s = result._waited_s
        self.wait = result._group.wait

    def __len__(self):
        return len(self._group)

    @property
    def progress(self):
        return self._group.done()


def _tell_unsettled():
    told = "The engines have not ended it yet; %pxresult waits for it, and Ctrl-C there offers to stop it."
    print(told, file=sys.stderr)


def _tell_unstarted(group):
    """Says so if nothing of it had started: what the engines run is something else, and goes on."""
    count = len(group)
    if not count or any(group.metadata(index)["status"] != "aborted" for index in range(count)):
        return
    targets = list(group.targets)
    engines = f"engine {targets[0]} still runs" if count == 1 else f"engines {_brief(targets)} still run"
    print(
        f"It had not started: {engines} what was asked before; rc.send_signal('SIGINT') interrupts"
        " that.",
        file=sys.stderr,
    )


def _brief(targets):
    if isinstance(targets, list) and len(targets) > _TARGETS_SHOWN_MAX:
        return f"{str(targets[:4])[:-1]}, ..., {str(targets[-4:])[1:]}"
    return str(targets)
