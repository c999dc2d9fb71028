"""The debugger, by the names by which programs import it."""

__all__ = ["BdbQuit_excepthook", "Pdb", "set_trace"]


def set_trace(frame=None, header=None):
    """Stops where it is called, in the debugger."""
    import sys

    from rhumba import _debugger

    _debugger.set_trace(frame or sys._getframe(1), header)


def BdbQuit_excepthook(et, ev, tb, excepthook=None):
    """A `sys.excepthook` for which leaving the debugger is no failure; the others go to the one given."""
    import bdb
    import sys

    if et is bdb.BdbQuit:
        print("Exiting Debugger.")
    else:
        (excepthook or getattr(BdbQuit_excepthook, "excepthook_ori", None) or sys.__excepthook__)(et, ev, tb)


def __getattr__(name):
    if name == "Pdb":
        # Who imports this to stop somewhere pays for the debugger only when it stops.
        from rhumba._debugger import Debugger

        return Debugger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
