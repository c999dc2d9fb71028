"""The errors of the shell, under the names by which programs import them."""

from rhumba._nodes import InputRejected
from rhumba.shell import IPythonCoreError, UsageError

__all__ = ["InputRejected", "IPythonCoreError", "StdinNotImplementedError", "TryNext", "UsageError"]


class TryNext(IPythonCoreError):
    """A hook or a completer leaves the work to the next one."""


class StdinNotImplementedError(IPythonCoreError, NotImplementedError):
    """Something was asked of a person where nobody can answer."""
