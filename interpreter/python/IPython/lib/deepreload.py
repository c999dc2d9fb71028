"""Loads a module anew, and with it what it imports.

Objects that were made before keep their old classes, and names bound by `from module import f` elsewhere
stay bound to the old f: `%autoreload` (`rhumba._magics.reloading`) is what has those follow.
"""

import _imp
import builtins
import importlib
import sys
import types
from _thread import get_ident
from contextlib import contextmanager
from importlib.util import resolve_name

__all__ = ["original_reload", "reload"]

original_reload = importlib.reload

# The shell that this runs in: loaded anew it would forget the session.
_OWN = ("IPython", "ipyparallel", "rhumba")


def reload(module, exclude=(*sys.builtin_module_names, "sys", "os.path", "builtins", "__main__")):
    """Loads a module anew, and on the way each module that it imports; returns the module.

    What is built in or frozen, as the standard library is, can't change and is left alone; so are the
    modules whose names are in `exclude`, and the package around a module that imports from it.
    """
    if not isinstance(module, types.ModuleType):
        raise TypeError(f"reload() takes a module that was imported, not {module!r}")
    left_alone = {exclude} if isinstance(exclude, str) else set(exclude)
    if _is_fixed(module) or module.__name__ in left_alone:
        return module
    name = _imported_name(module)
    if name is None:
        raise ImportError(
            f"the module {module.__name__!r} can't be loaded anew: it wasn't imported from a file, or another"
            " one has its name by now",
            name=module.__name__,
        )
    seen = {name, *left_alone}
    with _imports_seen_by(lambda names: _reload_each(names, seen)):
        return original_reload(module)


def _reload_each(names, seen):
    for name in names:
        module = sys.modules.get(name)
        if name in seen or not isinstance(module, types.ModuleType) or _is_fixed(module):
            continue
        # A module may be known by two names, as os.path is.
        own_name = _imported_name(module)
        if own_name is not None and own_name not in seen:
            seen.update((name, own_name))
            original_reload(module)


def _is_fixed(module):
    """Whether the module is a part of the executable, or of rhumba where that is read from a folder."""
    name = module.__name__
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    return origin in ("built-in", "frozen") or _imp.is_frozen(name) or name.partition(".")[0] in _OWN


def _imported_name(module):
    """The name under which a module was imported from somewhere; None if it wasn't, or no longer is."""
    spec = getattr(module, "__spec__", None)
    if spec is None or not spec.has_location or sys.modules.get(spec.name) is not module:
        return None
    return spec.name


@contextmanager
def _imports_seen_by(visit):
    """Has a function see what each import statement of this thread names, before it is imported."""
    before = builtins.__import__
    thread = get_ident()

    def seen_import(name, globals=None, locals=None, fromlist=(), level=0):
        if get_ident() == thread:
            visit(_names(name, globals or {}, level))
            if fromlist:
                visit(_names_inside(name, globals or {}, level, fromlist))
        return before(name, globals, locals, fromlist, level)

    builtins.__import__ = seen_import
    try:
        yield
    finally:
        builtins.__import__ = before


def _absolute(name, importer, level):
    """The full name of what an import statement names; None if it can't be told."""
    if not level:
        return name
    package = importer.get("__package__")
    if package is None:
        own = importer.get("__name__", "")
        package = own if "__path__" in importer else own.rpartition(".")[0]
    try:
        return resolve_name("." * level + name, package)
    except ImportError:
        # The import itself says why.
        return None


def _names(name, importer, level):
    """The modules on the way to the one that is named, packages first."""
    full = _absolute(name, importer, level)
    parts = full.split(".") if full else []
    ways = [".".join(parts[: end + 1]) for end in range(len(parts))]
    # What a package is made of doesn't load the package anew.
    around = f"{importer.get('__name__', '')}."
    return [way for way in ways if not around.startswith(f"{way}.")]


def _names_inside(name, importer, level, wanted):
    """The modules that `from package import …` may mean."""
    full = _absolute(name, importer, level)
    package = sys.modules.get(full)
    if not hasattr(package, "__path__"):
        return []
    if "*" in wanted:
        wanted = getattr(package, "__all__", ())
    return [f"{full}.{each}" for each in wanted]
