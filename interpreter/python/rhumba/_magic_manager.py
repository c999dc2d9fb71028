"""The magics of the shell as an object, for programs: `get_ipython().magics_manager`.

It finds and registers; it runs none. The magics that come with the shell are in `rhumba._magics`, what is
registered is kept by the shell. Read next: `rhumba.shell`.
"""

from collections.abc import MutableMapping

from rhumba.shell import UsageError

__all__ = ["Kind", "MagicsManager", "kinds_of", "loaded"]


def kinds_of(magic_kind):
    """The kinds that a declaration means: "line_cell" is both."""
    if magic_kind not in ("line", "cell", "line_cell"):
        raise ValueError(f"a magic is of kind line, cell or line_cell, not {magic_kind!r}")
    return ("line", "cell") if magic_kind == "line_cell" else (magic_kind,)


class Kind(MutableMapping):
    """The magics of one kind by name; what has them is imported when one is asked for."""

    def __init__(self, shell, kind):
        self._shell = shell
        self._kind = kind

    def __getitem__(self, name):
        found = self._shell.find_magic(name, self._kind)
        if found is None:
            raise KeyError(name)
        return found

    def __setitem__(self, name, function):
        self._shell.register_magic_function(function, self._kind, name)

    def __delitem__(self, name):
        from rhumba import _magics

        for by_kind in (self._shell._magics, self._shell._declared_magics, _magics._BY_KIND):
            place = by_kind[self._kind]
            if name in place:
                del place[name]
                return
        raise KeyError(name)

    def __contains__(self, name):
        return name in self._shell._magic_names(self._kind)

    def __iter__(self):
        return iter(self._shell._magic_names(self._kind))

    def __len__(self):
        return len(self._shell._magic_names(self._kind))

    def copy(self):
        """A dict of them, for which all are imported."""
        return dict(self)

    def __repr__(self):
        return f"<{len(self)} {self._kind} magics>"


class MagicsManager:
    """The magics of the shell by kind and name.

    registry: the objects of magics classes that were registered, by the name of the class
    lazy_magics: the names that were only declared, and what has them
    """

    def __init__(self, shell=None, **options):
        from rhumba.shell import get_ipython

        self.shell = get_ipython() if shell is None else shell
        self.registry = {}
        self.user_magics = None
        self._loaded_lazy = set()
        self.magics = {kind: Kind(self.shell, kind) for kind in ("line", "cell")}

    @property
    def lazy_magics(self):
        declared = self.shell._declared_magics
        return {**declared["cell"], **declared["line"]}

    @property
    def auto_magic(self):
        return self.shell.automagic

    @auto_magic.setter
    def auto_magic(self, value):
        self.shell.automagic = bool(value)

    def auto_status(self):
        """Whether a magic may be typed without its %, in a sentence."""
        state = "ON, % prefix IS NOT" if self.auto_magic else "OFF, % prefix IS"
        return f"Automagic is {state} needed for line magics."

    def lsmagic(self):
        """The magics as they are: {"line": {name: function}, "cell": …}."""
        return self.magics

    def lsmagic_docs(self, brief=False, missing=""):
        """What each magic says of itself."""

        def told(function):
            doc = getattr(function, "__doc__", None) or missing
            return doc.strip().partition("\n")[0] if brief else doc

        return {kind: {name: told(each) for name, each in found.items()} for kind, found in self.magics.items()}

    def find(self, magic_kind, magic_name):
        """The function of a magic, or None."""
        return self.shell.find_magic(magic_name, magic_kind)

    def register(self, *magics):
        """Registers classes of magics, or objects of them."""
        self.shell.register_magics(*magics)

    def register_function(self, func, magic_kind="line", magic_name=None):
        self.shell.register_magic_function(func, magic_kind, magic_name)

    def register_lazy(self, name, fully_qualified_name, magic_kind="line_cell"):
        """Declares a magic without importing what has it: that is done when it is first asked for.

        fully_qualified_name: "module", an extension that registers it; or "module:Class", a class of magics
        """
        for kind in kinds_of(magic_kind):
            self.shell._declared_magics[kind][name] = fully_qualified_name

    def load_lazy(self, magic_name, magic_kind=None):
        """Imports what a declared magic is in; does nothing for one that isn't declared."""
        for kind in ("line", "cell") if magic_kind is None else (magic_kind,):
            place = self.shell._declared_magics[kind].pop(magic_name, None)
            if place is not None and place not in self._loaded_lazy:
                self._load(place)

    def load_all_lazy_magics(self):
        """Imports what all declared magics are in."""
        for kind, names in self.shell._declared_magics.items():
            for name in list(names):
                self.load_lazy(name, kind)

    def _load(self, place):
        from importlib import import_module

        module, _, cls = place.partition(":")
        # Not anew if its import fails: it failed with a reason that was told.
        self._loaded_lazy.add(place)
        kept = {kind: dict(names) for kind, names in self.shell._magics.items()}
        if cls:
            self.shell.register_magics(getattr(import_module(module), cls))
        else:
            self.shell.extension_manager.load_extension(module)
        # What somebody had registered for real stays.
        for kind, names in kept.items():
            self.shell._magics[kind].update(names)

    def register_alias(self, alias_name, magic_name, magic_kind="line", magic_params=None):
        """Makes a name stand for a magic, with these arguments in front of others."""
        function = self.shell.find_magic(magic_name.lstrip("%"), magic_kind)
        if function is None:
            raise UsageError(self.shell._unknown(magic_name.lstrip("%"), magic_kind))

        def alias(line, *cell, **scope):
            return function(f"{magic_params} {line}".strip() if magic_params else line, *cell, **scope)

        alias.__doc__ = f"Stands for {'%' if magic_kind == 'line' else '%%'}{magic_name} {magic_params or ''}".rstrip()
        alias.raw_line = getattr(function, "raw_line", False)
        alias.needs_local_scope = getattr(function, "needs_local_scope", False)
        self.shell.register_magic_function(alias, magic_kind, alias_name.lstrip("%"))


def loaded(shell, name, kind):
    """The function of a magic that was only declared; UsageError if what was to have it hasn't."""
    place = shell._declared_magics[kind][name]
    shell.magics_manager.load_lazy(name, kind)
    found = shell._magics[kind].get(name)
    if found is None:
        mark = {"line": "%", "cell": "%%"}[kind]
        raise UsageError(f"{mark}{name} was declared to be in {place}, which registers no such {kind} magic.")
    return found
