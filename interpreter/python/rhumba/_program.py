"""How a program of the command line ends that fails, where options of the shell say so: --xmode, --pdb.

It takes the place of `sys.excepthook`, which a program may replace in its turn. What a traceback looks like
is `_tracebacks`'s, and the debugger is `_debugger`'s; a file of cells shows its failures as `shell` does.
"""

import sys

from rhumba.shell import get_ipython


_before = sys.excepthook


def tell_failures():
    """Has what ends the program told by the shell."""
    sys.excepthook = _told


def tell_failures_as(mode):
    """The same for a program that a shell follows, before that has been set: tracebacks in this mode."""
    from rhumba import _tracebacks

    try:
        _tracebacks.set_mode(mode)
    except ValueError:
        # The shell says what is wrong with it.
        return
    tell_failures()


def stop_telling():
    """Has what fails from now on told by Python again, unless a program has set something else."""
    if sys.excepthook is _told:
        sys.excepthook = _before


def _told(kind, failure, traceback):
    sys.last_exc = sys.last_value = failure
    sys.last_type, sys.last_traceback = kind, traceback
    shell = get_ipython()
    if shell is None:
        # It follows.
        from rhumba._failure import described

        print(described(failure)[2], file=sys.stderr)
        return
    shell.showtraceback((kind, failure, traceback))
    try:
        shell._debug_if_asked(failure)
    except SystemExit:
        # Left by `exit`: the program ends with the status of its failure.
        pass
