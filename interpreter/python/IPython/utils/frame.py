"""The names of callers."""

import sys

__all__ = ["extract_module_locals"]


def extract_module_locals(depth=0):
    """The module and the names of a caller."""
    frame = sys._getframe(depth + 1)
    return sys.modules[frame.f_globals["__name__"]], frame.f_locals
