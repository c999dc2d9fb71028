"""The terminal: its size and its title."""

import os
import re
import sys

__all__ = ["get_terminal_size", "restore_term_title", "set_term_title", "toggle_set_term_title"]

# As for every program that asks: until it is turned on, titles stay.
ignore_termtitle = True
_is_saved = False


def toggle_set_term_title(val):
    """Turns on or off whether titles are set."""
    global ignore_termtitle
    ignore_termtitle = not val


def set_term_title(title):
    """Sets the title of the terminal's window, where it has one."""
    global _is_saved
    if ignore_termtitle or not os.environ.get("TERM", "").startswith("xterm"):
        return
    if not _is_saved:
        sys.stdout.write("\033[22;0t")
        _is_saved = True
    # What isn't text would end the title, or the sequence that sets it.
    sys.stdout.write("\033]0;" + re.sub(r"[\x00-\x1f\x7f-\x9f]", "", title) + "\007")


def restore_term_title():
    """Brings back the title of before."""
    global _is_saved
    if not ignore_termtitle and _is_saved:
        sys.stdout.write("\033[23;0t")
        _is_saved = False


def get_terminal_size(defaultx=80, defaulty=25):
    """How many columns and lines the terminal has."""
    import shutil

    return shutil.get_terminal_size((defaultx, defaulty))
