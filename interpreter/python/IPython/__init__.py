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

# The parts that programs name without importing them; `display` can be called as the function, too.
_PARTS = ("core", "display", "extensions", "lib", "paths", "terminal", "testing", "utils")


def __getattr__(name):
    from importlib import import_module

    if name in _PARTS:
        return import_module(f"IPython.{name}")
    if name == "release":
        return import_module("IPython.core.release")
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module 'IPython' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_LATER, *_PARTS, "release"})


def _part(package, name):
    """The module of that name in a package, imported because a program names it."""
    from importlib import import_module

    full_name = f"{package}.{name}"
    if not name.startswith("_"):
        try:
            return import_module(full_name)
        except ModuleNotFoundError as missing:
            if missing.name != full_name:
                raise
    raise AttributeError(f"module {package!r} has no attribute {name!r}")


def extract_module_locals(depth=0):
    """The module and the names of a caller."""
    import sys

    frame = sys._getframe(depth + 1)
    return sys.modules[frame.f_globals["__name__"]], frame.f_locals
