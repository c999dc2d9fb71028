"""Magics about the magics: `%lsmagic`."""

from rhumba._options import magic
from rhumba.shell import get_ipython as _shell


@magic()
def lsmagic(given):
    """Lists the magics."""
    shell = _shell()
    for kind, mark in (("line", "%"), ("cell", "%%")):
        names = "  ".join(mark + name for name in shell._magic_names(kind))
        print(f"Available {kind} magics:\n{names}\n")
