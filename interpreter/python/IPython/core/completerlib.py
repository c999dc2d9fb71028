"""Completers for commands, by the names by which programs import them: functions of the shell and an event.

They are here to be called, or set with `set_hook("complete_command", …)`. What the shell itself completes on Tab
is found in Rust, without importing anything; `try_import` does import what it is asked about.
"""

import glob
import inspect
import os
import re

from IPython.core.error import TryNext
from rhumba import _modules
from rhumba.shell import get_ipython

__all__ = [
    "cd_completer", "get_root_modules", "is_importable", "magic_run_completer", "module_completer",
    "module_completion", "quick_completer", "reset_completer", "try_import",
]

_PROGRAM = re.compile(r".*\.(py[w3]?|ipy|ipynb)$")


def quick_completer(cmd, completions):
    """Completes a command with words: those of a list, or of a text."""
    words = completions.split() if isinstance(completions, str) else list(completions)
    get_ipython().set_hook("complete_command", lambda shell, event: words, str_key=cmd)


# -- modules


def get_root_modules():
    """The names of all modules that could be imported, without those inside of packages."""
    return [name for name in _modules._top() if name.isidentifier()]


def is_importable(module, attr, only_modules):
    """Whether a name of a module is one of its modules; or any name, but for those that Python itself gives."""
    if only_modules:
        return inspect.ismodule(getattr(module, attr, None))
    return not (attr.startswith("__") and attr.endswith("__"))


def try_import(mod, only_modules=False):
    """Imports a module and lists the names in it; an empty list if it can't be imported."""
    mod = mod.rstrip(".")
    try:
        module = __import__(mod, fromlist=["_"])
    except Exception:
        # Whatever goes wrong in it: nothing can be offered.
        return []
    names = [*dir(module), *getattr(module, "__all__", [])]
    found = {name for name in names if isinstance(name, str) and is_importable(module, name, only_modules)}
    if hasattr(module, "__path__"):
        found.update(name for name in _modules.members(mod) if name.isidentifier())
    return sorted(found - {"__init__"})


def module_completion(line):
    """What could stand at the end of a line that begins with import, from or %aimport; None for another line."""
    words = line.split(" ")
    first, count = words[0], len(words)
    if first == "from" and count == 3:
        return ["import "]
    if first in ("import", "from", "%aimport") and count < 3:
        package, dot, _ = words[1].rpartition(".") if count == 2 else ("", "", "")
        return [f"{package}.{name}" for name in try_import(package, True)] if dot else get_root_modules()
    return try_import(words[1]) if first == "from" else None


def module_completer(self, event):
    """Completes a line that imports."""
    return module_completion(event.line)


# -- files


def magic_run_completer(self, event):
    """Completes %run: folders and programs; behind the program, all files."""
    words = event.line.split()
    typed = words[-1].strip("'\"") if len(words) > 1 and not event.line.endswith(" ") else ""
    has_program = any(_PROGRAM.match(word) for word in words)
    return [
        _as_typed(path, typed) + ("/" if os.path.isdir(path) else "")
        for path in _beginning_with(typed)
        if has_program or os.path.isdir(path) or _PROGRAM.match(path)
    ]


def cd_completer(self, event):
    """Completes %cd: folders, with -b bookmarks, with - the folders of before; TryNext if there is none."""
    typed = event.symbol
    if event.line.endswith("-b") or " -b " in event.line:
        return _bookmarks(typed.removeprefix("-b"))
    visited = get_ipython().user_ns.get("_dh") or []
    if typed == "-":
        return [f"-{number} [{folder}]" for number, folder in enumerate(visited)] if len(visited) > 1 else []
    if typed.startswith("--"):
        return ["--" + os.path.basename(folder) for folder in visited]
    found = [_as_typed(path, typed) + "/" for path in _beginning_with(typed) if os.path.isdir(path)]
    found = found or _bookmarks(typed)
    if not found or any(" " in path for path in found):
        # A folder with blanks has to be quoted: that is for who completes files.
        raise TryNext()
    return found


def reset_completer(self, event):
    """Completes %reset."""
    return "-f -s in out array dhist".split()


def _beginning_with(typed):
    return sorted(glob.glob(glob.escape(os.path.expanduser(typed)) + "*"))


def _as_typed(path, typed):
    """A path with ~ in front where it was typed so."""
    home = os.path.expanduser("~")
    return "~" + path.removeprefix(home) if typed.startswith("~") and path.startswith(home) else path


def _bookmarks(typed):
    from rhumba._magics import folders

    return folders._bookmark_names(typed)
