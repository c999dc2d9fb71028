"""The errors of the first interface.

What was raised on an engine is a `RemoteError` or a `CompositeError`, as in
ipyparallel. The last ones are there for programs that name them: nothing
raises them, as there is no Perspective Broker that could.
"""

from ipyparallel.error import CompositeError

__all__ = [
    "CompositeError", "InvalidDeferredID", "InvalidEngineID", "InvalidProperty", "KernelError", "NotAPendingResult",
    "NotDefined", "PBMessageSizeError", "ProtocolError", "QueueCleared", "ResultNotCompleted", "StopLocalExecution",
]  # fmt: skip


class KernelError(Exception):
    """The base of these errors."""


class InvalidEngineID(KernelError, IndexError):
    """There is no engine with that id."""


class InvalidDeferredID(KernelError):
    """A result that was waited for with others, by `barrier`, is asked for again."""


class QueueCleared(KernelError):
    """A command was taken off the queue before it ran."""


class NotDefined(KernelError, NameError):
    """A name isn't bound on the engines."""


class NotAPendingResult(KernelError, TypeError):
    """What is waited for isn't a PendingResult."""


class InvalidProperty(KernelError, ValueError):
    """A property of an engine is an object that can't be carried to other processes."""


class StopLocalExecution(KernelError):
    """The block runs on the engines, and not here: `remote()` raises it."""


class ProtocolError(KernelError):
    """The other side doesn't keep to the protocol."""


class PBMessageSizeError(KernelError):
    """An object is too large to be sent."""


class ResultNotCompleted(KernelError):
    """A result isn't there yet."""
