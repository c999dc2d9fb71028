"""The class of the shell, under the name that it has on a terminal."""

from IPython.core.interactiveshell import InteractiveShell

__all__ = ["TerminalInteractiveShell"]

TerminalInteractiveShell = InteractiveShell
