"""Magics about what has failed: how tracebacks are shown, and the debugger.

    %xmode, %tb              tracebacks
    %debug, %%debug, %pdb    the debugger, after the fact or from the first line on
"""

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell


def _modes(typed):
    from rhumba import _tracebacks

    return [name for name in _tracebacks.MODES if name.lower().startswith(typed.lower())]


@magic(
    option("--show", name="hidden", sets=True, help="shows frames with a true __tracebackhide__ in them, too"),
    option("--hide", name="hidden", sets=False, help="leaves these out again, as usual"),
    words="[MODE]",
    complete=_modes,
)
def xmode(given):
    """Chooses how tracebacks are shown; without a mode, the next one.

    Plain    as Python itself writes them
    Context  with the lines around each place: how they are shown at first
    Verbose  the same with the values of the names
    Minimal  only what was raised
    Docs     as documentation writes them, without the frames
    """
    from rhumba import _tracebacks

    if "hidden" in given.chosen:
        _tracebacks.shows_hidden = given.hidden
        if not given.words:
            return
    try:
        chosen = _tracebacks.set_mode(given.words[0] if given.words else None)
    except ValueError as failure:
        raise UsageError(f"%xmode: {failure}.") from None
    print(f"Exception reporting mode: {chosen}")


@magic(words="[MODE]", complete=_modes)
def tb(given):
    """Shows the last traceback again, in the mode of %xmode or in the one that is named."""
    import sys

    from rhumba import _failure, _tracebacks

    failure = getattr(sys, "last_exc", None)
    if failure is None:
        raise UsageError("Nothing has failed yet, so there is no traceback.")
    text = None
    # What is shown as it arrives is no more than counted at the end.
    render_again = getattr(type(failure), "_render_again_", None)
    if render_again is not None:
        text = "\n".join(render_again(failure)).rstrip("\n")
    if given.words:
        try:
            mode = _tracebacks.known_mode(given.words[0])
        except ValueError as wrong:
            raise UsageError(f"%tb: {wrong}.") from None
        if _failure._own_lines(failure) is None:
            text = _tracebacks.text(failure, mode)
    print(text or _failure.described(failure)[2], file=sys.stderr)


def _place(text):
    """The kind of an option that names a place: FILE:LINE."""
    file, colon, line = text.rpartition(":")
    if not colon or not file or not line.isdigit():
        raise ValueError("a file and a line, FILE:LINE")
    import os

    # A cell is known by its name in angle brackets, and is no file.
    is_cell = file.startswith("<") and file.endswith(">")
    return file if is_cell else os.path.abspath(os.path.expanduser(file)), int(line)


@magic(
    option("-t", "--target", value="ENGINE", help="looks at what has failed last on this engine"),
    option("-b", "--breakpoint", value="FILE:LINE", kind=_place, help="runs on to this line before it stops"),
    rest="[STATEMENT]",
    runs_code=True,
)
def debug(given, cell=None):
    """Opens the debugger: where the last failure was, or at the first line of a statement or cell.

    `h` lists its commands, `q` leaves it. With -t, the frames are those that the last failure on
    an engine left; the other engines, and other clients, go on meanwhile.
    """
    source = "\n".join(part for part in (given.rest, cell) if part)
    if given.target is not None:
        if source.strip():
            raise UsageError("%debug -t looks at what has failed; it can't run a statement there.")
        return _debug_engine(given.target)
    from rhumba import _debugger

    if not source.strip():
        if cell is not None or given.breakpoint:
            raise UsageError("%debug has nothing to run: give it a statement, or a cell below %%debug.")
        return _debugger.post_mortem()
    shell = _shell()
    source = shell.transform_cell(source)
    places = [given.breakpoint] if given.breakpoint else []
    namespace = given.namespace()
    while _debugger.run(source, namespace, places):
        print("Running it again from the start.")


def _debug_engine(target):
    client = _client()
    try:
        engine = int(target)
    except ValueError:
        raise UsageError(f"%debug -t takes the number of one engine, not {target!r}.") from None
    try:
        client[engine].debug()
    except (IndexError, RuntimeError) as failure:
        raise UsageError(f"%debug: {failure}") from None


def _client():
    """The client whose engines the parallel magics of this shell go to."""
    magics = getattr(_shell(), "_parallel_magics", None)
    if not magics:
        raise UsageError(
            "%debug -t needs engines: connect first, with `import ipyparallel as ipp` and"
            " `rc = ipp.Client()`."
        )
    return next(iter(magics.values())).view.client


@magic(words="[on|off]")
def pdb(given):
    """Opens the debugger at once whenever a cell fails; without a word, the other way round."""
    shell = _shell()
    words = {"on": True, "1": True, "true": True, "off": False, "0": False, "false": False}
    if given.words:
        chosen = words.get(given.words[0].lower())
        if chosen is None:
            raise UsageError(f"%pdb takes on or off, not {given.words[0]!r}.\nUsage: %pdb [on|off]")
    else:
        chosen = not getattr(shell, "call_pdb", False)
    shell.call_pdb = chosen
    print(f"Automatic pdb calling has been turned {'ON' if chosen else 'OFF'}")
