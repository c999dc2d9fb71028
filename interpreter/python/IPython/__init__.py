"""The names that programs written for IPython's shell look for, given by rhumba's own.

Each part is imported when it is asked for: importing the package costs nothing.
"""

from _rhumba_shell import get_ipython

# The level of the interface that these names follow.
version_info = (9, 0, 0, "")
__version__ = "9.0.0"

__all__ = [
    "InteractiveShell", "display", "embed", "get_ipython", "start_ipython", "sys_info", "version_info",
]

_LATER = {
    "InteractiveShell": "IPython.core.interactiveshell",
    "embed": "IPython.terminal.embed",
    "start_ipython": "IPython.terminal.embed",
    "sys_info": "IPython.utils.sysinfo",
}


def __getattr__(name):
    from importlib import import_module

    if name == "display":
        # The module, which can be called as the function of that name.
        return import_module("IPython.display")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'IPython' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LATER, "display"})


def extract_module_locals(depth=0):
    """The module and the names of a caller."""
    import sys

    frame = sys._getframe(depth + 1)
    return sys.modules[frame.f_globals["__name__"]], frame.f_locals
