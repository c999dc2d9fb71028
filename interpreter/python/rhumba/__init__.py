"""Interactive parallel computing with Python namespaces.

    SnapshotError   why an object can't be carried, or bytes can't be read
    namespace       objects and whole namespaces as bytes and files
    embed           opens a shell in the middle of a program

Importing a part of the package must not import the rest, so that parts are
loaded when they are first asked for.
"""

from _rhumba_shell import SnapshotError

__all__ = ["SnapshotError", "embed", "namespace"]

# The part comes with rhumba-stdlib: an interpreter alone doesn't have it.
_PARTS = ("namespace",)


def __getattr__(name):
    if name in _PARTS:
        from importlib import import_module

        return import_module("rhumba." + name)
    if name == "embed":
        from rhumba._embedding import embed

        return embed
    raise AttributeError(f"module 'rhumba' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_PARTS, "embed"})
