"""The names that programs written for IPython's shell look for, given by rhumba's own."""

from _rhumba_shell import display, get_ipython

# The level of the interface that these names follow.
version_info = (9, 0, 0, "")
__version__ = "9.0.0"

__all__ = ["display", "get_ipython", "version_info"]
