"""Magics that load modules anew when their files have changed: `%autoreload`, `%aimport`.

Functions and classes stay the objects that they are and get what is new in the
file, so that everything that holds one of them follows: names bound by `from
module import f`, instances, subclasses, `super()`, members of enumerations.
"""

import os
import sys
import types

from rhumba._options import magic, option
from rhumba.shell import UsageError, get_ipython as _shell

_MODES = {
    "0": "off", "off": "off",
    "1": "explicit", "explicit": "explicit",
    "2": "all", "all": "all",
    "3": "complete", "complete": "complete",
}
_TOLD = {
    "off": "off: nothing is reloaded",
    "explicit": "explicit: what %aimport names is reloaded",
    "all": "all: what changes is reloaded, but for what `%aimport -MODULE` names",
    "complete": "complete: as all, and names that are new in a module are bound here, too",
}

_reloader = None


def _the_reloader():
    global _reloader
    if _reloader is None:
        _reloader = Reloader()
    return _reloader


def _modes(typed):
    return [mode for mode in ("now", *_MODES) if mode.startswith(typed)]


@magic(
    option("-p", "--print", help="prints what is reloaded"),
    option("-l", "--log", help="logs what is reloaded, with the module logging"),
    option("--hide-errors", help="doesn't show why a file can't be loaded"),
    words="[MODE]",
    complete=_modes,
)
def autoreload(given):
    """Reloads modules whose files have changed, before each cell.

    now            at once, all that have changed; so does %autoreload alone
    0, off         no more
    1, explicit    those that %aimport names
    2, all         all but those that `%aimport -MODULE` names
    3, complete    as 2, and what cells took by `from MODULE import NAME` follows, numbers and texts too;
                   names that are new are bound here if all were taken, or the module alone was imported
    """
    reloader = _the_reloader()
    mode = given.words[0].lower() if given.words else "now"
    if mode != "now" and mode not in _MODES:
        raise UsageError(f"%autoreload knows now, {', '.join(_MODES)}, not {given.words[0]!r}")
    reloader.tell = _teller(given.print, given.log)
    reloader.hide_errors = given.hide_errors
    if mode == "now":
        reloader.check(everything=True)
    else:
        reloader.set_mode(_MODES[mode])


def _teller(prints, logs):
    ways = [way for way, is_wanted in ((print, prints), (_log, logs)) if is_wanted]

    def tell(text):
        for way in ways:
            way(text)

    return tell


def _silently(text):
    pass


def _log(text):
    import logging

    logging.getLogger("autoreload").info(text)


def _modules(typed):
    from rhumba import _modules

    minus = "-" if typed.startswith("-") else ""
    return [minus + name for name in _modules.matching(typed.removeprefix("-"))]


@magic(rest="[[-]MODULE, ...]", lenient=True, complete=_modules)
def aimport(given):
    """Says which modules %autoreload reloads: `%aimport work` imports one and has it reloaded,

    `%aimport work as w` does so under another name, and `%aimport -work` has it left alone. Without a
    module it tells which they are.
    """
    reloader = _the_reloader()
    names = [name.strip() for name in given.rest.split(",") if name.strip()]
    if not names:
        print(f"Mode: {_TOLD[reloader.mode]}")
        print("Modules to reload:\n" + " ".join(sorted(reloader.chosen)))
        print("\nModules to skip:\n" + " ".join(sorted(reloader.skipped)))
        return
    for name in names:
        if name.startswith("-"):
            reloader.skipped.add(name[1:].strip())
            reloader.chosen.discard(name[1:].strip())
            continue
        import importlib

        name, _, bound = (part.strip() for part in name.partition(" as "))
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as missing:
            raise UsageError(f"%aimport finds no module {missing.name!r}") from None
        top = name.partition(".")[0]
        _shell().user_ns[bound or top] = module if bound else sys.modules[top]
        reloader.chosen.add(name)
        reloader.skipped.discard(name)
        reloader.note_stamps()


class Reloader:
    """Watches the files of the modules that are loaded."""

    def __init__(self):
        self.mode = "off"
        self.chosen = set()
        self.skipped = set()
        self.tell = _silently
        self.hide_errors = False
        self.taken = _Taken()
        # For each module that was looked at: its file, and when that had changed last.
        self.stamps = {}
        self._registered = False
        self.note_stamps()

    def set_mode(self, mode):
        self.mode = mode
        events = _shell().events
        if mode != "off" and not self._registered:
            events.register("pre_run_cell", self._before_cell)
            events.register("post_execute", self.note_stamps)
            self._registered = True
        elif mode == "off" and self._registered:
            events.unregister("pre_run_cell", self._before_cell)
            events.unregister("post_execute", self.note_stamps)
            self._registered = False
        self.note_stamps()

    def _before_cell(self, info):
        if self.mode != "off":
            self.check(everything=self.mode != "explicit")
        self.taken.note(info.raw_cell)

    def note_stamps(self):
        """Remembers when files changed, of modules that are new since the last time."""
        for name, module in list(sys.modules.items()):
            if name not in self.stamps:
                stamp = _stamp(module)
                if stamp is not None:
                    self.stamps[name] = stamp

    def check(self, everything):
        """Reloads what has changed: all modules, or those that were chosen."""
        names = list(sys.modules) if everything else [name for name in self.chosen if name in sys.modules]
        for name in names:
            if name in self.skipped or name == "__main__":
                continue
            module = sys.modules.get(name)
            stamp = _stamp(module)
            known = self.stamps.get(name)
            if stamp is None or stamp == known:
                continue
            # A file that can't be loaded is tried again when it has changed again.
            self.stamps[name] = stamp
            if known is not None:
                self.reload(module)

    def reload(self, module):
        self.tell(f"Reloading {module.__name__!r}.")
        try:
            before = reload_in_place(module)
        except Exception as failure:
            if not self.hide_errors:
                print(f"[autoreload of {module.__name__} failed: it stays as it was]", file=sys.stderr)
                _shell().showtraceback(failure)
            return
        if self.mode != "complete" or self.taken.follow(module, before):
            return
        namespace = _shell().user_ns
        for name, value in vars(module).items():
            is_ours = getattr(value, "__module__", None) == module.__name__
            if name not in before and not name.startswith("_") and is_ours:
                namespace.setdefault(name, value)


class _Taken:
    """What cells have taken out of modules by `from module import …`."""

    def __init__(self):
        # By the module's name: what names of the session stand for, and whether all were taken.
        self.names = {}
        self.whole = set()

    def note(self, source):
        """Remembers what a cell takes."""
        if "import" not in source:
            return
        import ast

        try:
            tree = ast.parse(_shell().transform_cell(source))
        except (SyntaxError, ValueError):
            # It says itself what is wrong with it.
            return
        for statement in ast.walk(tree):
            if not isinstance(statement, ast.ImportFrom) or statement.level:
                continue
            for alias in statement.names:
                if alias.name == "*":
                    self.whole.add(statement.module)
                    continue
                bound = alias.asname or alias.name
                for names in self.names.values():
                    names.pop(bound, None)
                self.names.setdefault(statement.module, {})[bound] = alias.name

    def follow(self, module, before):
        """Has the session's names stand for what is in a module now; whether anything was taken out of it."""
        names, now, session = self.names.get(module.__name__), vars(module), _shell().user_ns
        for bound, name in (names or {}).items():
            # One that the person has bound to something else since is theirs.
            if name in now and name in before and session.get(bound) is before[name]:
                session[bound] = now[name]
        if module.__name__ in self.whole:
            for name in now.get("__all__") or [name for name in now if not name.startswith("_")]:
                if name in now and (name not in session or name in before and session[name] is before[name]):
                    session[name] = now[name]
        return names is not None or module.__name__ in self.whole


def _stamp(module):
    """The source file of a module, and when it changed; None if it has none."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return None
    try:
        status = os.stat(file)
    except OSError:
        return None
    return file, status.st_mtime_ns, status.st_size


# -- loading anew, in place


def reload_in_place(module):
    """Loads a module anew; what it defines stays the same objects. Returns what its names stood for before.

    If its file can't be loaded, the module is as it was, and the exception goes on.
    """
    import importlib
    import linecache

    namespace = vars(module)
    before = dict(namespace)
    # A name that is gone from the file is gone from the module.
    for name in before:
        if not (name.startswith("__") and name.endswith("__")):
            del namespace[name]
    try:
        linecache.checkcache(module.__file__)
        _forget_bytecode(module)
        importlib.reload(module)
    except BaseException:
        namespace.clear()
        namespace.update(before)
        raise
    merge = _Merge(module.__name__)
    for name, old in before.items():
        if name in namespace and namespace[name] is not old:
            namespace[name] = merge.merged(old, namespace[name])
    merge.finish(before, namespace)
    return before


def _forget_bytecode(module):
    """Keeps bytecode from being used that was compiled in the same second as the file changed."""
    cached = getattr(getattr(module, "__spec__", None), "cached", None)
    if cached:
        try:
            os.unlink(cached)
        except OSError:
            pass


class _Merge:
    """Puts what one module defines now into the objects that it defined before."""

    def __init__(self, module_name):
        self.module_name = module_name
        # The new classes whose place an old one keeps, and the old ones that new ones take the place of.
        self.kept = {}
        self.replaced = {}

    def merged(self, old, new):
        """The object that takes the place of the new one: the old one, with what is new in it, if it can be."""
        if isinstance(old, types.FunctionType) and isinstance(new, types.FunctionType):
            return old if self._is_ours(new) and _update_function(old, new) else new
        if isinstance(old, type) and isinstance(new, type) and self._is_ours(new) and self._is_ours(old):
            return self._merged_class(old, new)
        return new

    def _is_ours(self, defined):
        return getattr(defined, "__module__", None) == self.module_name

    def _merged_class(self, old, new):
        import enum

        if type(old) is not type(new) and not (isinstance(old, enum.EnumType) and isinstance(new, enum.EnumType)):
            return new
        try:
            bases = tuple(self.kept.get(base, base) for base in new.__bases__)
            if old.__bases__ != bases:
                old.__bases__ = bases
        except TypeError:
            # No class that has no base but object can be given one, and none another layout.
            self.replaced[old] = new
            return new
        self.kept[new] = old
        if isinstance(old, enum.EnumType):
            _update_members(old, new)
        own = dict(vars(new))
        for name in list(vars(old)):
            if name not in own and name not in _OF_CLASS:
                type.__delattr__(old, name)
        for name, value in own.items():
            if name in _OF_CLASS or isinstance(old, enum.EnumType) and _is_of_enum(name, new):
                continue
            type.__setattr__(old, name, self.merged(vars(old).get(name), value))
        return old

    def finish(self, before, namespace):
        """Makes everything that knows the new classes know the old ones instead."""
        if self.kept:
            for new, old in self.kept.items():
                for function in _functions_of(old):
                    _set_cell(function, "__class__", new, old)
        for gone, cls in (*self.kept.items(), *self.replaced.items()):
            _move_subclasses(gone, cls)
        if self.kept or self.replaced:
            self._move_instances()
        # What couldn't be kept has another object now: the session's names follow.
        session = _shell().user_ns
        for name, old in before.items():
            new = namespace.get(name)
            if name in session and session[name] is old and new is not None and self._is_ours(new):
                session[name] = new

    def _move_instances(self):
        import gc

        places = {**self.kept, **self.replaced}
        for instance in gc.get_objects():
            cls = places.get(type(instance))
            if cls is None:
                continue
            try:
                object.__setattr__(instance, "__class__", cls)
            except TypeError:
                # An object of another layout stays of its class.
                continue


def _move_subclasses(gone, cls):
    """Has what is made from a class be made from the one that takes its place; what can't stays as it is."""
    for child in type.__subclasses__(gone):
        try:
            child.__bases__ = tuple(cls if base is gone else base for base in child.__bases__)
        except TypeError:
            continue


# What a class has of itself, and not from its file.
_OF_CLASS = frozenset(
    "__dict__ __weakref__ __name__ __qualname__ __mro__ __bases__ __base__ __abstractmethods__ _abc_impl".split()
)


def _update_function(old, new):
    """Makes a function do what another does; False if its closure doesn't allow it."""
    if old.__code__.co_freevars != new.__code__.co_freevars:
        return False
    for name, cell in zip(new.__code__.co_freevars, new.__closure__ or ()):
        if name != "__class__":
            try:
                old.__closure__[old.__code__.co_freevars.index(name)].cell_contents = cell.cell_contents
            except ValueError:
                # An empty cell has nothing to take over.
                pass
    old.__code__ = new.__code__
    for name in ("__defaults__", "__kwdefaults__", "__doc__", "__annotations__", "__qualname__"):
        setattr(old, name, getattr(new, name))
    vars(old).clear()
    vars(old).update(vars(new))
    return True


def _functions_of(cls):
    """The plain functions in a class, those inside of properties and the like too."""
    for value in vars(cls).values():
        parts = (getattr(value, each, None) for each in ("__func__", "fget", "fset", "fdel"))
        for inner in (value, *parts):
            while inner is not None:
                if isinstance(inner, types.FunctionType):
                    yield inner
                inner = getattr(inner, "__wrapped__", None)


def _set_cell(function, name, new, old):
    if name in function.__code__.co_freevars:
        cell = function.__closure__[function.__code__.co_freevars.index(name)]
        try:
            if cell.cell_contents is new:
                cell.cell_contents = old
        except ValueError:
            pass


# -- enumerations


def _is_of_enum(name, cls):
    return name in cls._member_map_ or name.startswith("_") and name in (
        "_member_map_", "_member_names_", "_value2member_map_", "_unhashable_values_", "_unhashable_values_map_",
        "_hashable_values_", "_member_type_", "_value_repr_", "_new_member_", "__new__", "_use_args_", "_flag_mask_",
        "_all_bits_", "_singles_mask_", "_inverted_", "_boundary_",
    )


def _update_members(old, new):
    """Gives an enumeration the members of another; those of the same name stay the same objects."""
    for name in [name for name in old._member_map_ if name not in new._member_map_]:
        del old._member_map_[name]
        if name in vars(old):
            type.__delattr__(old, name)
    members = {}
    for name, member in new._member_map_.items():
        kept = old._member_map_.get(name)
        # An alias is the member that it stands for.
        if member.name != name:
            kept = members.get(member.name)
        if kept is None:
            kept = member
            object.__setattr__(kept, "__class__", old)
        elif kept.name == name:
            vars(kept).update(vars(member))
        members[name] = kept
    old._member_map_.clear()
    old._member_map_.update(members)
    old._member_names_[:] = new._member_names_
    old._value2member_map_.clear()
    for value, member in new._value2member_map_.items():
        old._value2member_map_[value] = members[member.name]
    for name, member in members.items():
        type.__setattr__(old, name, member)
