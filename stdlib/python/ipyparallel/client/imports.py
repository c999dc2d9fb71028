"""Imports that happen on engines as well: `DirectView.sync_imports`.

Within the block, `import` statements of the thread that entered it go through
here; what those modules import themselves is left alone.
"""

import builtins
import sys
from threading import get_ident


class SyncImports:
    """The block within which imports happen here and on the engines of a view."""

    def __init__(self, view, local, quiet):
        self._view = view
        self._local = local
        self._quiet = quiet
        self._told = set()
        self._original = None
        self._thread = None
        self._globals = None
        # An import that is under way here imports more: those aren't the user's.
        self._nested = False

    def __enter__(self):
        self._original = builtins.__import__
        self._thread = get_ident()
        # Only what this code imports itself is meant, not what modules that it calls do.
        self._globals = sys._getframe(1).f_globals
        builtins.__import__ = self._import
        return self

    def __exit__(self, *exc_info):
        builtins.__import__ = self._original

    def _import(self, name, globals=None, locals=None, fromlist=(), level=0):
        original = self._original
        if self._nested or globals is not self._globals or get_ident() != self._thread:
            return original(name, globals, locals, fromlist, level)
        if level:
            raise ImportError("a relative import means nothing on engines: name the whole module")
        self._nested = True
        try:
            module = original(name, globals, locals, fromlist, level) if self._local else None
            names = tuple(fromlist or ())
            if (name, names) not in self._told:
                self._told.add((name, names))
                self._import_on_engines(name, names)
        finally:
            self._nested = False
        return module if self._local else _Elsewhere(name)

    def _import_on_engines(self, name, names):
        if names:
            statement = f"from {name} import {', '.join(names)}"
            told = f"importing {', '.join(names)} from {name} on engine(s)"
        else:
            statement = f"import {name}"
            told = f"importing {name} on engine(s)"
        if not self._quiet:
            print(told)
        self._view.execute(statement, block=True)


class _Elsewhere:
    """What a name is bound to here whose module is only on the engines."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        return _Elsewhere(f"{self._name}.{attribute}")

    def __repr__(self):
        return f"<{self._name}, on the engines only>"

    def __call__(self, *args, **kwargs):
        raise ImportError(
            f"{self._name} was imported on the engines only: sync_imports(local=False)"
        )
