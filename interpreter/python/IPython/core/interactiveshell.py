"""The class of the shell: for `isinstance`, for `InteractiveShell.instance()`, and to be set like the shell."""

import types

from rhumba import _interface
from rhumba.shell import ExecutionInfo, ExecutionResult, Shell, get_ipython

__all__ = ["ExecutionInfo", "ExecutionResult", "InteractiveShell", "InteractiveShellABC"]


# Classes that programs have declared to be shells.
_registered = []


class _OfShell(type):
    def __instancecheck__(cls, obj):
        return isinstance(obj, (Shell, *_registered))

    def __subclasscheck__(cls, other):
        return issubclass(other, Shell)

    def __getattr__(cls, name):
        # Methods can be called with the shell as their first argument; what the shell is set to is read.
        found = getattr(Shell, name, None) or _interface.METHODS.get(name)
        return found if isinstance(found, types.FunctionType) else getattr(cls.instance(), name)

    def __setattr__(cls, name, value):
        if name.startswith("__") or get_ipython() is None:
            super().__setattr__(name, value)
            return
        is_method = isinstance(value, types.FunctionType)
        setattr(get_ipython(), name, types.MethodType(value, get_ipython()) if is_method else value)


class InteractiveShell(metaclass=_OfShell):
    """Stands for the class of the shell; there is one shell in a session, and `instance()` is it.

    What is set on the class is set on that shell: `InteractiveShell.ast_node_interactivity = "all"`.
    """

    def __new__(cls, *args, **kwargs):
        return cls.instance()

    @classmethod
    def instance(cls, *args, **kwargs):
        shell = get_ipython()
        if shell is None:
            raise RuntimeError("there is no shell in this program: start it with `rhumba`, or call IPython.embed()")
        return shell

    @classmethod
    def initialized(cls):
        return get_ipython() is not None

    @classmethod
    def clear_instance(cls):
        """Does nothing: a session keeps its shell."""

    @classmethod
    def register(cls, other):
        """Makes objects of another class count as shells."""
        _registered.append(other)
        return other


InteractiveShellABC = InteractiveShell
