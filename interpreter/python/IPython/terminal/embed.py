"""Opens a shell in the middle of a program."""

import sys

import rhumba

__all__ = ["InteractiveShellEmbed", "embed", "start_ipython"]


def embed(*, header="", stack_depth=1, **options):
    """Opens a shell that sees the names of whoever calls."""
    return rhumba.embed(header=header, stack_depth=stack_depth + 1, **options)


def start_ipython(argv=None, *, user_ns=None, **options):
    """Opens a shell with the names of the program, and those of a dict."""
    from rhumba.shell import get_ipython

    if get_ipython() is not None:
        raise RuntimeError("this is a shell already: embed() opens one inside of a function")
    sys.modules["__main__"].__dict__.update(user_ns or {})
    return rhumba.embed(stack_depth=2)


class InteractiveShellEmbed:
    """A shell to open several times: called, it opens."""

    def __init__(self, banner1="", header="", **options):
        self.header = header or banner1

    def __call__(self, header="", stack_depth=1, **options):
        return rhumba.embed(header=header or self.header, stack_depth=stack_depth + 1)
