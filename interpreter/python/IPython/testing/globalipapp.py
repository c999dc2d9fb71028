"""The shell for tests of extensions: `get_ipython()` here makes one in a program that no shell runs.

In a session it is the one that is there. It is made with what it is set to, but reads no keys.
"""

import builtins

import _rhumba_shell

__all__ = ["get_ipython", "start_ipython"]


def start_ipython():
    """The shell, made if there is none yet; tests find it as `ip` and `_ip` among the builtins, too."""
    shell = _rhumba_shell.shell()
    builtins.ip = builtins._ip = shell
    return shell


def get_ipython():
    """The same."""
    return start_ipython()
