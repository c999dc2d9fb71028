"""Names of modules for completion, found without importing any.

Nor is anything imported on the way, and `sys.modules` is read as it lies there: a program may have put a
dictionary of its own in its place, which would be asked. So folders are listed here, and not by `pkgutil`.
"""

import _imp
import os
import sys
from importlib._bootstrap_external import _NamespacePath
from importlib.machinery import all_suffixes
from types import ModuleType

_top_level = None
_suffixes = sorted(all_suffixes(), key=len, reverse=True)


def matching(typed):
    """The last parts of module names that begin with what was typed: `os.pa` gives `path`.

    A name is given in full, dots included, so that it replaces what was typed.
    """
    if "." not in typed:
        return [name for name in _top() if name.startswith(typed) and _offered(name, typed)]
    package, _, prefix = typed.rpartition(".")
    names = members(package)
    return [f"{package}.{n}" for n in names if n.startswith(prefix) and _offered(n, prefix)]


def members(package):
    """The names of the modules inside a package."""
    found = {n[len(package) + 1 :] for n in _known() if n.startswith(package + ".")}
    found = {name for name in found if "." not in name}
    found.update(_listed(_path(package)))
    return sorted(found)


def _listed(folders):
    """The names of the modules in folders and archives."""
    names = set()
    for folder in folders:
        try:
            names.update(_in_folder(folder) if os.path.isdir(folder) else _in_archive(folder))
        except Exception:
            pass
    return names


def _in_folder(folder):
    for entry in os.listdir(folder):
        name = _module_of(entry)
        if name is None and "." not in entry and _is_package(os.path.join(folder, entry)):
            name = entry
        if name and name != "__init__" and "." not in name:
            yield name


def _is_package(folder):
    try:
        return any(_module_of(entry) == "__init__" for entry in os.listdir(folder))
    except OSError:
        return False


def _module_of(file):
    """The name of the module that a file would be; None if it is none."""
    return next((file.removesuffix(suffix) for suffix in _suffixes if file.endswith(suffix)), None)


def _in_archive(path):
    """What is inside of a file that modules are imported from, if there is one."""
    file = path
    while not os.path.exists(file) and os.path.dirname(file) != file:
        file = os.path.dirname(file)
    if not os.path.isfile(file):
        return []
    import pkgutil

    return [info.name for info in pkgutil.iter_modules([path])]


def _path(package):
    """Where the modules of a package are. One that is loaded isn't asked: its code could answer."""
    if not dict.__contains__(sys.modules, package):
        return _folders(package)
    module = dict.__getitem__(sys.modules, package)
    if not issubclass(type(module), ModuleType):
        return []
    path = dict.get(ModuleType.__dict__["__dict__"].__get__(module), "__path__")
    if type(path) is _NamespacePath:
        path = path._path
    if type(path) not in (list, tuple):
        return []
    return [folder for folder in path if type(folder) is str]


def _offered(name, typed):
    return not name.startswith("_") or typed.startswith("_")


def _top():
    """All modules that could be imported; the slow half is found once per search path."""
    global _top_level
    key = tuple(map(str, sys.path))
    if _top_level is None or _top_level[0] != key:
        names = set(sys.builtin_module_names)
        names.update(name.partition(".")[0] for name in _frozen())
        names.update(_listed(folder or "." for folder in key))
        _top_level = key, sorted(names)
    return _top_level[1]


def _known():
    return {*_frozen(), *(name for name in dict.keys(sys.modules) if type(name) is str)}


def _frozen():
    return _imp._frozen_module_names()


def _folders(package):
    """Where a package that isn't imported has its files."""
    tail = package.replace(".", "/")
    folders = [os.path.join(base or ".", tail) for base in map(str, sys.path)]
    return [folder for folder in folders if os.path.isdir(folder)]
