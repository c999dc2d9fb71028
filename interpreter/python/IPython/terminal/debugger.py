"""The debugger, under the name that it has on a terminal."""

from IPython.core.debugger import set_trace

__all__ = ["TerminalPdb", "set_trace"]


def __getattr__(name):
    if name == "TerminalPdb":
        from IPython.core.debugger import Pdb

        return Pdb
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
