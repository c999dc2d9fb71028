"""The class of the shell: for `isinstance`, and for `InteractiveShell.instance()`."""

from rhumba.shell import ExecutionInfo, ExecutionResult, Shell, get_ipython

__all__ = ["ExecutionInfo", "ExecutionResult", "InteractiveShell", "InteractiveShellABC"]


class _OfShell(type):
    def __instancecheck__(cls, obj):
        return isinstance(obj, Shell)

    def __subclasscheck__(cls, other):
        return issubclass(other, Shell)


class InteractiveShell(metaclass=_OfShell):
    """Stands for the class of the shell; there is one shell in a session, and `instance()` is it."""

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


InteractiveShellABC = InteractiveShell
