"""The errors of the first interface that ipyparallel has no name for.

What was raised on an engine is a `RemoteError` or a `CompositeError`, as in
ipyparallel.
"""


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
