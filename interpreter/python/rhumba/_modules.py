"""Names of modules for completion, found without importing any."""

import sys
from importlib._bootstrap_external import _NamespacePath
from types import ModuleType

_top_level = None


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
    import pkgutil

    found = {n[len(package) + 1 :] for n in _known() if n.startswith(package + ".")}
    found = {name for name in found if "." not in name}
    path = _path(package)
    if path:
        try:
            found.update(info.name for info in pkgutil.iter_modules(path))
        except Exception:
            pass
    return sorted(found)


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
    import pkgutil

    key = tuple(map(str, sys.path))
    if _top_level is None or _top_level[0] != key:
        names = set(sys.builtin_module_names)
        names.update(name.partition(".")[0] for name in _frozen())
        try:
            names.update(info.name for info in pkgutil.iter_modules())
        except Exception:
            pass
        _top_level = key, sorted(names)
    return _top_level[1]


def _known():
    return {*_frozen(), *(name for name in dict.keys(sys.modules) if type(name) is str)}


def _frozen():
    import _imp

    return _imp._frozen_module_names()


def _folders(package):
    """Where a package that isn't imported has its files."""
    import os

    tail = package.replace(".", "/")
    folders = [os.path.join(base or ".", tail) for base in map(str, sys.path)]
    return [folder for folder in folders if os.path.isdir(folder)]
