"""Opens a shell in the middle of a program."""

import sys

import rhumba
from rhumba._embedding import KillEmbedded

__all__ = ["InteractiveShellEmbed", "KillEmbedded", "embed", "start_ipython"]


def embed(*, header="", stack_depth=1, display_banner=True, **options):
    """Opens a shell that sees the names of whoever calls.

    display_banner: whether it says what it is; a text is said in the place of that
    """
    if display_banner is not True:
        options["banner1"] = display_banner or ""
    return rhumba.embed(header=header, stack_depth=stack_depth + 1, **options)


def start_ipython(argv=None, *, user_ns=None, **options):
    """Opens a shell with the names of the program, and those of a dict."""
    from rhumba.shell import get_ipython

    if get_ipython() is not None:
        raise RuntimeError("this is a shell already: embed() opens one inside of a function")
    sys.modules["__main__"].__dict__.update(user_ns or {})
    return rhumba.embed(stack_depth=2)


class InteractiveShellEmbed:
    """A shell to open several times: called, it opens.

    banner1: what is said first, in the place of what the shell is
    exit_msg: what is said when it is left
    dummy_mode: whether it opens no more

    It has the names of whoever calls it.
    """

    def __init__(self, banner1=None, header="", exit_msg="", **options):
        self.banner1 = banner1
        self.header = header
        self.exit_msg = exit_msg
        self.dummy_mode = False

    def __call__(self, header="", local_ns=None, module=None, dummy=None, stack_depth=1, **options):
        if local_ns is not None or module is not None:
            raise NotImplementedError("a shell opens with the names of its caller, and not with local_ns or module")
        if self.dummy_mode if dummy is None else dummy:
            return
        options.setdefault("banner1", self.banner1)
        embed(header=header or self.header, stack_depth=stack_depth + 1, **options)
        if self.exit_msg:
            print(self.exit_msg)

    def set_dummy_mode(self, dummy):
        self.dummy_mode = bool(dummy)

    def get_dummy_mode(self):
        return self.dummy_mode
