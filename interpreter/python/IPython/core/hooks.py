"""What programs may replace in the shell, and what it does of itself.

A hook is set with `get_ipython().set_hook(name, function)`; it is called with the shell first, and raises
TryNext to leave the work to the next one. The functions here are what the shell does where none is set.
What asks the hooks is `rhumba._interface.Hooks`.
"""

import os
import subprocess

from IPython.core.error import TryNext
from rhumba._system import run_editor

__all__ = ["CommandChainDispatcher", "TryNext", "clipboard_get", "editor", "show_in_pager", "synchronize_with_editor"]


def editor(self, filename, linenum=None, wait=True):
    """Opens the shell's editor with a file, at a line; TryNext if it ends with a failure."""
    program = self.editor
    at = "" if linenum is None or program == "notepad" else f"+{int(linenum)} "
    # The name of the editor may have options behind it; a path of a file is one word.
    if " " in program and os.path.isfile(program):
        program = f'"{program}"'
    if " " in filename:
        filename = f'"{filename}"'
    command = f"{program} {at}{filename}"
    if not wait:
        subprocess.Popen(command, shell=True)
    elif run_editor(command):
        raise TryNext()


def synchronize_with_editor(self, filename, linenum, column):
    """Tells an editor where a failure is; without a hook, nobody."""


def show_in_pager(self, data, start=0, screen_lines=0):
    """Leaves it to the shell's own pager."""
    raise TryNext()


def clipboard_get(self):
    """The text of the clipboard."""
    from IPython.lib.clipboard import clipboard_get as ask

    return ask()


# What the shell does of itself, by the name of the hook.
DEFAULTS = {
    each.__name__: each for each in (clipboard_get, editor, show_in_pager, synchronize_with_editor)
}


class CommandChainDispatcher:
    """Functions that are asked one after the other, until one doesn't raise TryNext."""

    def __init__(self, commands=None):
        self.chain = list(commands or [])

    def add(self, func, priority=0):
        """Adds a function; those of a lower priority are asked first."""
        self.chain.append((priority, func))
        self.chain.sort(key=lambda entry: entry[0])

    def __str__(self):
        return str(self.chain)

    def __iter__(self):
        return iter(self.chain)

    def __call__(self, *args, **kwargs):
        last = TryNext("no function is there to be asked")
        for _, function in self.chain:
            try:
                return function(*args, **kwargs)
            except TryNext as left:
                last = left
        raise last
