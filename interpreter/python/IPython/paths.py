"""Where the shell keeps its files."""

import os

__all__ = ["get_ipython_cache_dir", "get_ipython_dir"]


def get_ipython_dir():
    """The folder of the shell's state."""
    named = os.environ.get("RHUMBA_HOME")
    base = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return named or os.path.join(base, "rhumba")


def get_ipython_cache_dir():
    """The folder of what can be made again."""
    folder = os.path.join(get_ipython_dir(), "cache")
    os.makedirs(folder, exist_ok=True)
    return folder
