"""Where older programs import `get_ipython` from."""

from _rhumba_shell import get_ipython

__all__ = ["get_ipython"]
