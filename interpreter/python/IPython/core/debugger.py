"""The debugger, by the names by which programs import it."""

__all__ = ["Pdb", "set_trace"]


def set_trace(frame=None, header=None):
    """Stops where it is called, in the debugger."""
    import sys

    from rhumba import _debugger

    _debugger.set_trace(frame or sys._getframe(1), header)


def __getattr__(name):
    if name == "Pdb":
        # Who imports this to stop somewhere pays for the debugger only when it stops.
        from rhumba._debugger import Debugger

        return Debugger
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
