"""The debugger, by the names by which programs import it."""

__all__ = ["BdbQuit_excepthook", "CHAIN_EXCEPTIONS", "InterruptiblePdb", "Pdb", "set_trace"]

# The debugger goes to the causes of an exception, by its command `exceptions`.
CHAIN_EXCEPTIONS = True


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
    if name in ("Pdb", "InterruptiblePdb"):
        # Who imports this to stop somewhere pays for the debugger only when it stops.
        from rhumba import _debugger

        return _debugger.Debugger if name == "Pdb" else _debugger.InterruptibleDebugger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
