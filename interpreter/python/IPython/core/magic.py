"""Decorators by which programs define magics: functions, or methods of a `Magics` class."""

from _rhumba_shell import get_ipython

__all__ = [
    "Magics", "cell_magic", "line_cell_magic", "line_magic", "magics_class", "needs_local_scope",
    "register_cell_magic", "register_line_cell_magic", "register_line_magic",
]


def _registering(kind):
    def decorator(argument):
        def register(function, name=None):
            get_ipython().register_magic_function(function, kind, name)
            return function

        if callable(argument):
            return register(argument)
        return lambda function: register(function, argument)

    return decorator


register_line_magic = _registering("line")
register_cell_magic = _registering("cell")
register_line_cell_magic = _registering("line_cell")


def _marking(kind):
    def decorator(argument):
        def mark(function, name=None):
            function._magic = kind, name or function.__name__
            return function

        if callable(argument):
            return mark(argument)
        return lambda function: mark(function, argument)

    return decorator


line_magic = _marking("line")
cell_magic = _marking("cell")
line_cell_magic = _marking("line_cell")


def needs_local_scope(function):
    """Marks a magic that wants the names of its caller; it is given the namespace."""
    return function


def magics_class(cls):
    """Marks a class of magics; those of its methods that are magics are found by name."""
    return cls


class Magics:
    """A group of magics as methods; `register` puts them into the shell."""

    def __init__(self, shell=None, **kwargs):
        self.shell = shell if shell is not None else get_ipython()

    def register(self):
        for name in dir(type(self)):
            marked = getattr(getattr(type(self), name), "_magic", None)
            if marked is not None:
                kind, magic = marked
                self.shell.register_magic_function(getattr(self, name), kind, magic)
