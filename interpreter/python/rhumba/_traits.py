"""What the shell has to do with traitlets, where a program has it: magics are Configurables then, as in IPython.

rhumba neither brings traitlets nor needs it. Nothing here imports it before somebody asks for what is made of it: a
class of magics, or the shell's `config`. What the shell itself can be set to is `_configuration`'s, and needs none.
"""

import sys

__all__ = [
    "Unset", "bases", "check_traits", "configurables", "find_my_config", "hold", "new_config", "seen_as", "set_trait",
]


class _Plain(dict):
    """A configuration in which every section exists; nothing reads it."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.setdefault(name, _Plain())

    def __setattr__(self, name, value):
        self[name] = value


def _traitlets():
    """The module of configurations, or None where there is no traitlets."""
    try:
        import traitlets.config as found
    except ModuleNotFoundError as missing:
        if missing.name not in ("traitlets", "traitlets.config"):
            raise
        return None
    return found


def bases():
    """What a class is made of that IPython has as a Configurable."""
    found = _traitlets()
    if found is None:
        return ()
    from rhumba.shell import get_ipython

    shell = get_ipython()
    if shell is not None and isinstance(vars(shell).get("config"), _Plain):
        # It was asked for before traitlets could be found.
        shell.config = found.Config(shell.config)
    return (found.Configurable,)


def new_config():
    """A configuration with nothing in it: traitlets' where that is there."""
    found = _traitlets()
    return _Plain() if found is None else found.Config()


def check_traits(cls):
    """Refuses a class with traits whose base was made while there was no traitlets."""
    traitlets = sys.modules.get("traitlets")
    if traitlets is None:
        return
    for name, value in vars(cls).items():
        if isinstance(value, traitlets.TraitType):
            raise TypeError(
                f"{cls.__name__}.{name} is a trait, but traitlets was not to be found yet when IPython's classes were"
                " imported: put its folder on PYTHONPATH, or on sys.path in the first cell"
            )


# -- the shell as a Configurable

_seen = {}


def seen_as(cls):
    """The class that the shell says it is of: a Configurable as well, once a program has imported traitlets.

    A trait that wants a Configurable, such as `parent`, takes the shell by that.
    """
    module = sys.modules.get("traitlets.config.configurable")
    base = getattr(module, "SingletonConfigurable", None)
    if base is None:
        return cls
    if (cls, base) not in _seen:
        names = {"__module__": cls.__module__, "__doc__": cls.__doc__, "__qualname__": cls.__qualname__}
        _seen[cls, base] = _of_shell(type(base))(cls.__name__, (cls, base), names)
    return _seen[cls, base]


def _of_shell(metaclass):
    class OfShell(metaclass):
        """What is set on the class that the shell says it is of is set on the one that it is of."""

        def __setattr__(cls, name, value):
            if cls in _seen.values():
                setattr(cls.__bases__[0], name, value)
            else:
                super().__setattr__(name, value)

        def __delattr__(cls, name):
            delattr(cls.__bases__[0], name)

    return OfShell


def find_my_config(shell, config):
    """What a configuration says of the shell to those whose `parent` it is: nothing, beside what it says to all."""
    return new_config()


# -- settings of what isn't the shell's own


class Unset(ValueError):
    """A setting that can't be set so; its text says why."""


def configurables(shell):
    """The objects whose traits can be set by `%config`, by the names of their classes."""
    found = {}
    for each in shell.configurables:
        # Of a class that was loaded again the object that is there now.
        if callable(getattr(type(each), "class_traits", None)) and type(each).class_traits(config=True):
            found[type(each).__name__] = each
    return dict(sorted(found.items()))


def set_trait(shell, configured, name, value):
    """Sets a trait of an object, for it and for whoever of its class is made later."""
    from traitlets import TraitError

    try:
        setattr(configured, name, value)
    except TraitError as refused:
        raise Unset(str(refused)) from None
    owner = type(configured).__name__
    if _is_section(owner):
        shell.config[owner][name] = value


def _is_section(owner):
    """Whether traitlets takes a name for that of a class."""
    return owner[:1].isupper()


def hold(shell, owner, values):
    """Keeps what a configuration says of a class that isn't the shell's: whoever makes one of it looks there.

    Says whether there can be such a class: there is none without traitlets.
    """
    if not _is_section(owner) or not bases():
        return False
    from rhumba._configuration import Grown

    section = shell.config[owner]
    for name, value in values.items():
        if isinstance(value, Grown):
            # It comes to what the class has of itself.
            getattr(section, name).extend(value)
        else:
            section[name] = value
    return True
